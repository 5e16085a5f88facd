"""CloudWatch at the edge: its operations by AWS's names."""

from __future__ import annotations

from emulator.aws.scope import Scope
from emulator.aws.service import Context, JobKind, Mounted
from emulator.ports import Transaction
from emulator.services.cloudwatch.recording import ROLLUP_JOB, Recording
from emulator.services.cloudwatch.store import SCHEMA
from emulator.services.cloudwatch.worker import MetricWorker


class NoAlarms:
    """No alarms yet."""

    def saw(self, tx: Transaction, scope: Scope, namespace: str, dimensions: str) -> None:
        """Nothing watches."""


def mount(context: Context) -> Mounted:
    """Build CloudWatch for `app.py`, and give `context` its metric sink."""
    context.metrics = Recording(NoAlarms())
    worker = MetricWorker(context.store)
    return Mounted(services=[], schema=SCHEMA, jobs={ROLLUP_JOB: JobKind(worker.roll_up, lambda: 1)})
