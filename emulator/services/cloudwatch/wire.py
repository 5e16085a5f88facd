"""CloudWatch at the edge: its operations by AWS's names. Protocols: CBOR, JSON and query, all by AWS's model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.cloudwatch import dashboard_store
from emulator.services.cloudwatch.operations import CloudWatchOperations
from emulator.services.cloudwatch.recording import ROLLUP_JOB, Recording
from emulator.services.cloudwatch.store import ALARM_SCHEMA, SCHEMA
from emulator.services.cloudwatch.watching import ALARM_JOB, CALM_JOB, Watching
from emulator.services.cloudwatch.worker import MetricWorker

EVALUATIONS_AT_ONCE = 16


def mount(context: Context) -> Mounted:
    """Build CloudWatch for `app.py`, and give `context` its metric sink."""
    watching = Watching(context)
    recording = Recording(watching)
    context.metrics = recording
    operations = CloudWatchOperations(recording, watching)
    worker = MetricWorker(context.store, watching)
    return Mounted(
        services=[Service("cloudwatch", context.store, _table(operations))],
        schema=SCHEMA + ALARM_SCHEMA + dashboard_store.SCHEMA,
        jobs={
            ROLLUP_JOB: JobKind(worker.roll_up, lambda: 1),
            ALARM_JOB: JobKind(worker.evaluate, lambda: EVALUATIONS_AT_ONCE),
            CALM_JOB: JobKind(worker.evaluate, lambda: EVALUATIONS_AT_ONCE, recurring=True),
        },
        operations=operations,
    )


def _table(cloudwatch: CloudWatchOperations) -> dict[str, Callable[..., Any]]:
    return {
        "DeleteAlarms": cloudwatch.delete_alarms,
        "DeleteDashboards": cloudwatch.delete_dashboards,
        "DescribeAlarmHistory": cloudwatch.describe_alarm_history,
        "DescribeAlarms": cloudwatch.describe_alarms,
        "DescribeAlarmsForMetric": cloudwatch.describe_alarms_for_metric,
        "DisableAlarmActions": cloudwatch.disable_alarm_actions,
        "EnableAlarmActions": cloudwatch.enable_alarm_actions,
        "GetDashboard": cloudwatch.get_dashboard,
        "GetMetricData": cloudwatch.get_metric_data,
        "GetMetricStatistics": cloudwatch.get_metric_statistics,
        "ListDashboards": cloudwatch.list_dashboards,
        "ListMetrics": cloudwatch.list_metrics,
        "ListTagsForResource": cloudwatch.list_tags_for_resource,
        "PutDashboard": cloudwatch.put_dashboard,
        "PutMetricAlarm": cloudwatch.put_metric_alarm,
        "PutMetricData": cloudwatch.put_metric_data,
        "SetAlarmState": cloudwatch.set_alarm_state,
        "TagResource": cloudwatch.tag_resource,
        "UntagResource": cloudwatch.untag_resource,
    }
