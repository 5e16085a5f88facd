"""CloudWatch at the edge: its operations by AWS's names. Protocols: CBOR, JSON and query, all by AWS's model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.ports import Transaction
from emulator.services.cloudwatch.operations import CloudWatchOperations
from emulator.services.cloudwatch.recording import ROLLUP_JOB, Recording
from emulator.services.cloudwatch.store import SCHEMA
from emulator.services.cloudwatch.worker import MetricWorker


class NoAlarms:
    """No alarms yet."""

    def saw(self, tx: Transaction, scope: Scope, namespace: str, dimensions: str) -> None:
        """Nothing watches."""


def mount(context: Context) -> Mounted:
    """Build CloudWatch for `app.py`, and give `context` its metric sink."""
    recording = Recording(NoAlarms())
    context.metrics = recording
    operations = CloudWatchOperations(recording)
    worker = MetricWorker(context.store)
    return Mounted(
        services=[Service("cloudwatch", context.store, _table(operations))],
        schema=SCHEMA,
        jobs={ROLLUP_JOB: JobKind(worker.roll_up, lambda: 1)},
        operations=operations,
    )


def _table(cloudwatch: CloudWatchOperations) -> dict[str, Callable[..., Any]]:
    return {
        "GetMetricData": cloudwatch.get_metric_data,
        "GetMetricStatistics": cloudwatch.get_metric_statistics,
        "ListMetrics": cloudwatch.list_metrics,
        "PutMetricData": cloudwatch.put_metric_data,
    }
