"""CloudWatch Logs at the edge: its operations by AWS's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.ports import Store
from emulator.services.logs.ingest import SWEEP_JOB, Ingest
from emulator.services.logs.operations import LogsOperations
from emulator.services.logs.store import SCHEMA
from emulator.services.logs.watchers import GroupWatchers
from emulator.services.logs.worker import Sweeper

SWEEPS_AT_ONCE = 1
READS = frozenset({"FilterLogEvents", "TestMetricFilter"})


class LogsService(Service):
    """Operations that change nothing and are not called Get or Describe need no transaction either."""

    def __init__(self, store: Store, logs: LogsOperations) -> None:
        super().__init__("logs", store, _table(logs))

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        if operation in READS and operation in self.operations:
            method = self.operations[operation]
            return await self.store.read(lambda tx: method(tx, scope, request))
        return await super().call(operation, scope, request, request_id)


def mount(context: Context) -> Mounted:
    """Build CloudWatch Logs for `app.py`, and give `context` its log sink."""
    ingest = Ingest(GroupWatchers(context))
    context.logs = ingest
    operations = LogsOperations(ingest, context.calls)
    sweeper = Sweeper(context.store)
    return Mounted(
        services=[LogsService(context.store, operations)],
        schema=SCHEMA,
        jobs={SWEEP_JOB: JobKind(sweeper.sweep, lambda: SWEEPS_AT_ONCE)},
        operations=operations,
    )


def _table(logs: LogsOperations) -> dict[str, Callable[..., Any]]:
    return {
        "AssociateKmsKey": logs.associate_kms_key,
        "CreateLogGroup": logs.create_log_group,
        "CreateLogStream": logs.create_log_stream,
        "DeleteLogGroup": logs.delete_log_group,
        "DeleteLogStream": logs.delete_log_stream,
        "DeleteMetricFilter": logs.delete_metric_filter,
        "DeleteRetentionPolicy": logs.delete_retention_policy,
        "DeleteSubscriptionFilter": logs.delete_subscription_filter,
        "DescribeLogGroups": logs.describe_log_groups,
        "DescribeLogStreams": logs.describe_log_streams,
        "DescribeMetricFilters": logs.describe_metric_filters,
        "DescribeSubscriptionFilters": logs.describe_subscription_filters,
        "DisassociateKmsKey": logs.disassociate_kms_key,
        "FilterLogEvents": logs.filter_log_events,
        "GetLogEvents": logs.get_log_events,
        "ListLogGroups": logs.list_log_groups,
        "ListTagsForResource": logs.list_tags_for_resource,
        "ListTagsLogGroup": logs.list_tags_log_group,
        "PutLogEvents": logs.put_log_events,
        "PutLogGroupDeletionProtection": logs.put_log_group_deletion_protection,
        "PutMetricFilter": logs.put_metric_filter,
        "PutRetentionPolicy": logs.put_retention_policy,
        "PutSubscriptionFilter": logs.put_subscription_filter,
        "TagLogGroup": logs.tag_log_group,
        "TagResource": logs.tag_resource,
        "TestMetricFilter": logs.test_metric_filter,
        "UntagLogGroup": logs.untag_log_group,
        "UntagResource": logs.untag_resource,
    }
