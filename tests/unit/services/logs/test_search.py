"""Searching very many events: bounded steps, everything found, nothing twice."""

from __future__ import annotations

import asyncio
import tracemalloc
from typing import Any

from emulator import jobs
from emulator.adapters.clock import LiveClock
from emulator.adapters.sqlite import SqliteStore
from emulator.aws.scope import Scope
from emulator.ports import LogEvent, Transaction
from emulator.services.logs import store as tables
from emulator.services.logs.ingest import Ingest
from emulator.services.logs.operations.events import EventOperations

SCOPE, START = Scope(), 1_763_734_000.0


class Nobody:
    """Watches nothing."""

    def saw(self, *_: object) -> None:
        """Nothing."""


def test_a_hundred_thousand_events_are_searched_in_bounded_memory() -> None:
    async def search() -> tuple[int, int, int]:
        store = SqliteStore(LiveClock(True, START), None)
        store.add_schema(tables.SCHEMA + jobs.SCHEMA)
        ingest = Ingest(Nobody())
        operations = EventOperations(ingest, None)  # type: ignore[arg-type]

        def fill(tx: Transaction) -> None:
            for number in range(12_000):
                at = START + number / 100
                events = [LogEvent(at + part / 1000, f"line {number} part {part} of a log\n") for part in range(10)]
                ingest.put(tx, SCOPE, "/aws/lambda/f", f"stream{number % 40}", events)

        await store.transact(fill)
        tracemalloc.start()
        found = pages = 0
        token: dict[str, Any] = {}
        while True:
            request = {"logGroupName": "/aws/lambda/f", "filterPattern": '"part 7"', **token}
            answer = await store.read(lambda tx: operations.filter_log_events(tx, SCOPE, request))  # noqa: B023
            found += len(answer["events"])
            pages += 1
            if answer["nextToken"] is None:
                break
            token = {"nextToken": answer["nextToken"]}
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        store.close()
        return found, pages, peak

    found, pages, peak = asyncio.run(search())
    assert (found, pages) == (12_000, 2)
    assert peak < 40 * 1024 * 1024
