"""CloudWatch Logs at the edge: its operations by AWS's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio.lowlevel

from emulator.aws.scope import Scope
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.ports import Clock, Store
from emulator.services.logs import document_store
from emulator.services.logs.ingest import SWEEP_JOB, Ingest
from emulator.services.logs.model import LARGEST_PAGE_BYTES, LARGEST_PAGE_EVENTS, invalid, weight
from emulator.services.logs.operations import LogsOperations
from emulator.services.logs.operations.events import MOST_SEARCHED
from emulator.services.logs.store import SCHEMA
from emulator.services.logs.streaming import DELIVER_JOB, STREAMS, Deliverer, stream_of
from emulator.services.logs.watchers import GroupWatchers
from emulator.services.logs.worker import Sweeper

SWEEPS_AT_ONCE = 1
DELIVERIES_AT_ONCE = 1
"""Into delegated streams, which answer one request at a time; so they also keep the order of the events."""
SEARCHED_AT_ONCE = 4000
"""Events FilterLogEvents looks at before it lets others work: a few hundredths of a second."""


class LogsService(Service):
    """Searches in steps, letting others work in between; what changes nothing needs no transaction either."""

    prepared = frozenset({"PutSubscriptionFilter", "PutDestination"})

    def __init__(self, store: Store, logs: LogsOperations, deliverer: Deliverer, clock: Clock) -> None:
        super().__init__("logs", store, _table(logs))
        self._logs = logs
        self._deliverer = deliverer
        self._clock = clock

    async def call(self, operation: str, scope: Scope, request: dict[str, Any], request_id: str) -> dict[str, Any]:
        if operation == "FilterLogEvents":
            return await self._search(scope, request)
        if operation == "TestMetricFilter":
            return await self.store.read(lambda tx: self._logs.test_metric_filter(tx, scope, request))
        if operation in self.prepared:
            request = await self.prefetch(operation, scope, request)
        return await super().call(operation, scope, request, request_id)

    async def prefetch(self, operation: str, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        if operation == "PutDestination":
            await self._check_target(request["targetArn"])
        elif request.get("roleArn"):
            await self._check_stream(request["destinationArn"])
        return request

    async def _check_target(self, stream: str) -> None:
        """The stream of a destination is tried, too, in other words [Q]."""
        if stream_of(stream) is not None and await self._deliverer.check(stream, self._clock.now()) is not None:
            raise invalid("Could not deliver test message to specified destination. Check if the destination is valid.")

    async def _check_stream(self, destination: str) -> None:
        """A stream that becomes a destination is tried first, as AWS does (the text for Kinesis is quoted by users)."""
        found = stream_of(destination)
        if found is not None and await self._deliverer.check(destination, self._clock.now()) is not None:
            what = STREAMS[found[1]]
            raise invalid(
                f"Could not deliver test message to specified {what} stream. "
                f"Check if the given {found[1]} stream is in ACTIVE state."
            )

    async def _search(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """FilterLogEvents, a few thousand events at a time."""
        limit = request.get("limit") or LARGEST_PAGE_EVENTS
        events: list[dict[str, Any]] = []
        room = LARGEST_PAGE_BYTES
        token: str | None = request.get("nextToken")
        for _ in range(MOST_SEARCHED // SEARCHED_AT_ONCE):
            step = {**request, "limit": limit - len(events), "nextToken": token}
            page = await self._step(scope, step, room)
            events += page["events"]
            room -= sum(weight(event["message"]) for event in page["events"])
            ended = page["nextToken"] in (None, token) or len(events) >= limit or room <= 0
            token = page["nextToken"]
            if ended:
                break
            await anyio.lowlevel.checkpoint()
        return {"events": events, "searchedLogStreams": [], "nextToken": token}

    async def _step(self, scope: Scope, step: dict[str, Any], room: int) -> dict[str, Any]:
        return await self.store.read(lambda tx: self._logs.filter_log_events(tx, scope, step, SEARCHED_AT_ONCE, room))


def mount(context: Context) -> Mounted:
    """Build CloudWatch Logs for `app.py`, and give `context` its log sink."""
    ingest = Ingest(GroupWatchers(context))
    context.logs = ingest
    operations = LogsOperations(ingest, context.calls)
    sweeper = Sweeper(context.store)
    deliverer = Deliverer(context.store, context.calls, context.metrics)
    return Mounted(
        services=[LogsService(context.store, operations, deliverer, context.clock)],
        schema=SCHEMA + document_store.SCHEMA,
        jobs={
            SWEEP_JOB: JobKind(sweeper.sweep, lambda: SWEEPS_AT_ONCE),
            DELIVER_JOB: JobKind(deliverer.deliver, lambda: DELIVERIES_AT_ONCE),
        },
        operations=operations,
    )


def _table(logs: LogsOperations) -> dict[str, Callable[..., Any]]:
    return {
        "AssociateKmsKey": logs.associate_kms_key,
        "CreateLogGroup": logs.create_log_group,
        "CreateLogStream": logs.create_log_stream,
        "DeleteDestination": logs.delete_destination,
        "DeleteLogGroup": logs.delete_log_group,
        "DeleteLogStream": logs.delete_log_stream,
        "DeleteMetricFilter": logs.delete_metric_filter,
        "DeleteQueryDefinition": logs.delete_query_definition,
        "DeleteResourcePolicy": logs.delete_resource_policy,
        "DeleteRetentionPolicy": logs.delete_retention_policy,
        "DeleteSubscriptionFilter": logs.delete_subscription_filter,
        "DescribeDestinations": logs.describe_destinations,
        "DescribeLogGroups": logs.describe_log_groups,
        "DescribeLogStreams": logs.describe_log_streams,
        "DescribeMetricFilters": logs.describe_metric_filters,
        "DescribeQueryDefinitions": logs.describe_query_definitions,
        "DescribeResourcePolicies": logs.describe_resource_policies,
        "DescribeSubscriptionFilters": logs.describe_subscription_filters,
        "DisassociateKmsKey": logs.disassociate_kms_key,
        "FilterLogEvents": logs.filter_log_events,
        "GetLogEvents": logs.get_log_events,
        "ListLogGroups": logs.list_log_groups,
        "ListTagsForResource": logs.list_tags_for_resource,
        "ListTagsLogGroup": logs.list_tags_log_group,
        "PutDestination": logs.put_destination,
        "PutDestinationPolicy": logs.put_destination_policy,
        "PutLogEvents": logs.put_log_events,
        "PutLogGroupDeletionProtection": logs.put_log_group_deletion_protection,
        "PutMetricFilter": logs.put_metric_filter,
        "PutQueryDefinition": logs.put_query_definition,
        "PutResourcePolicy": logs.put_resource_policy,
        "PutRetentionPolicy": logs.put_retention_policy,
        "PutSubscriptionFilter": logs.put_subscription_filter,
        "TagLogGroup": logs.tag_log_group,
        "TagResource": logs.tag_resource,
        "TestMetricFilter": logs.test_metric_filter,
        "UntagLogGroup": logs.untag_log_group,
        "UntagResource": logs.untag_resource,
    }
