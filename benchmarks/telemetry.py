"""CPU that one invocation's logs and metrics cost the commit they are part of: 6 events, 5 metrics in 3 dimension sets.

python benchmarks/telemetry.py [invocations]
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from pathlib import Path

from emulator.adapters.clock import LiveClock
from emulator.adapters.sqlite import SqliteStore
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum
from emulator.ports import LogEvent, Transaction
from emulator.services.cloudwatch import store as metric_tables
from emulator.services.cloudwatch.recording import Recording
from emulator.services.cloudwatch.watching import Watching
from emulator.services.logs import store as log_tables
from emulator.services.logs.ingest import Ingest

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000


class _Nobody:
    def saw(self, *_: object) -> None:
        """Nothing watches."""


async def measure(directory: Path) -> None:
    """Print microseconds per invocation."""
    clock = LiveClock(False, None)
    store = SqliteStore(clock, directory)
    store.add_schema(log_tables.SCHEMA + metric_tables.SCHEMA + metric_tables.ALARM_SCHEMA)
    from emulator import jobs

    store.add_schema(jobs.SCHEMA)
    watching = Watching(None)  # type: ignore[arg-type]  # there are no alarms to act for
    logs, metrics, scope = Ingest(_Nobody()), Recording(watching), Scope()
    request_id = "0f0e0d0c-0b0a-4908-8706-050403020100"
    spent = 0.0

    def change(tx: Transaction) -> None:
        nonlocal spent
        for _ in range(100):
            at = tx.now
            events = [LogEvent(at, f"START RequestId: {request_id} Version: $LATEST\n")]
            events += [LogEvent(at, f"[INFO]\t2026-01-01T00:00:00.000Z\t{request_id}\tline {n}\n") for n in range(3)]
            events += [LogEvent(at, f"END RequestId: {request_id}\n")]
            events += [LogEvent(at, f"REPORT RequestId: {request_id}\tDuration: 1.20 ms\tBilled Duration: 2 ms\t\n")]
            data = [Datum("Invocations", 1), Datum("Errors", 0), Datum("Throttles", 0), Datum("Duration", 1.2)]
            data += [Datum("ConcurrentExecutions", 1)]
            begun = time.process_time()
            logs.put(tx, scope, "/aws/lambda/f", "2026/01/01/[$LATEST]0123456789abcdef0123456789abcdef", events)
            spent += time.process_time() - begun
            name = ("FunctionName", "f")
            metrics.add_to_each(tx, scope, "AWS/Lambda", ((), (name,), (name, ("Resource", "f"))), data)

    begun = time.process_time()
    for _ in range(ROUNDS // 100):
        await store.transact(change)
    whole = time.process_time() - begun
    store.close()
    print(f"logs {spent / ROUNDS * 1e6:.1f} µs, with metrics and commits {whole / ROUNDS * 1e6:.1f} µs")


with tempfile.TemporaryDirectory() as directory:
    asyncio.run(measure(Path(directory)))
