"""What happens when events arrive in a group that has filters: metrics are counted, functions are called.

Both are calls of other services' operations in the transaction of the write, so a log event and its effects are one
commit; a delegated stream is reached by a durable job after it (streaming.py). A delivery that is refused is counted
(AWS/Logs DeliveryErrors) and not tried again; AWS retries for a day.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.service import Context
from emulator.aws.telemetry import Datum
from emulator.ports import Transaction
from emulator.services.logs import model, store
from emulator.services.logs.model import StoredEvent
from emulator.services.logs.patterns import InvalidPattern, Pattern, compile_pattern
from emulator.services.logs.patterns.conditions import number_of
from emulator.services.logs.patterns.fields import field_of
from emulator.services.logs.store import Filter
from emulator.services.logs.streaming import deliver_later, stream_of

LARGEST_DELIVERY_BYTES = 512 * 1024
"""Of messages in one delivery; packed, it stays below Lambda's limit (unverified: AWS's size is not documented)."""

_compiled = lru_cache(maxsize=256)(compile_pattern)


class GroupWatchers:
    """Metric filters and subscription filters of log groups."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def saw(self, tx: Transaction, scope: Scope, group_id: int, stream: str, events: Sequence[StoredEvent]) -> None:
        """Count and deliver what the group's filters choose."""
        for each in store.filters_of(tx, group_id, store.METRIC):
            self._count(tx, scope, each, events)
        for each in store.filters_of(tx, group_id, store.SUBSCRIPTION):
            pattern = _pattern(each)
            chosen = [event for event in events if pattern.matches(event.message)]
            for part in _parts(chosen):
                self._deliver(tx, scope, each, stream, part)

    def _count(self, tx: Transaction, scope: Scope, each: Filter, events: Sequence[StoredEvent]) -> None:
        for transformation in each.settings["metricTransformations"]:
            data = list(metric_data(_pattern(each), transformation, events))
            if not data and transformation.get("defaultValue") is not None and not transformation.get("dimensions"):
                data = [_datum(transformation, transformation["defaultValue"], {}, events[0].position.at)]
            for start in range(0, len(data), 1000):
                request = {"Namespace": transformation["metricNamespace"], "MetricData": data[start : start + 1000]}
                self._call(tx, scope, each, "CloudWatch", "cloudwatch", "PutMetricData", request)

    def _deliver(self, tx: Transaction, scope: Scope, each: Filter, stream: str, events: Sequence[StoredEvent]) -> None:
        packed = _packed(scope, each, stream, events)
        destination: str = each.settings["destinationArn"]
        if ":destination:" in destination and stream_of(destination) is None:
            named = store.destination_of(tx, destination)
            if named is None:
                self._count_failure(tx, scope, each, "Destination")
                return
            destination = named.target
        if stream_of(destination) is not None:
            key = tx.new_id() if each.settings["distribution"] == "Random" else stream
            deliver_later(tx, scope, each.group_name, each.name, destination, key, packed)
            return
        request = {"FunctionName": destination, "InvocationType": "Event", "Payload": delivery(packed)}
        self._call(tx, scope, each, "Lambda", "lambda", "Invoke", request)

    def _call(
        self,
        tx: Transaction,
        scope: Scope,
        each: Filter,
        kind: str,
        service: str,
        operation: str,
        request: dict[str, Any],
    ) -> None:
        try:
            self._context.calls.call(tx, scope, service, operation, request)
        except (AwsError, NotEmulated):
            self._count_failure(tx, scope, each, kind)

    def _count_failure(self, tx: Transaction, scope: Scope, each: Filter, kind: str) -> None:
        dimensions = {"LogGroupName": each.group_name, "DestinationType": kind, "FilterName": each.name}
        self._context.metrics.add(tx, scope, "AWS/Logs", dimensions, [Datum("DeliveryErrors", 1)])


def delivery(packed: bytes) -> bytes:
    """The event that a subscribed function is given: gzip in base64 in JSON [D: SubscriptionFilters]."""
    return json.dumps({"awslogs": {"data": base64.b64encode(packed).decode()}}).encode()


def _packed(scope: Scope, each: Filter, stream: str, events: Iterable[StoredEvent]) -> bytes:
    data = {
        "messageType": "DATA_MESSAGE",
        "owner": scope.account,
        "logGroup": each.group_name,
        "logStream": stream,
        "subscriptionFilters": [each.name],
        "logEvents": [
            {"id": event.position.event_id, "timestamp": event.position.at, "message": event.message}
            for event in events
        ],
    }
    return gzip.compress(json.dumps(data, separators=(",", ":")).encode(), compresslevel=1, mtime=0)


def function_exists(calls: Calls, tx: Transaction, scope: Scope, arn: str) -> bool:
    """Whether an ARN names a function that can be called."""
    try:
        calls.call(tx, scope, "lambda", "GetFunctionConfiguration", {"FunctionName": arn})
    except AwsError:
        return False
    return True


def metric_data(
    pattern: Pattern, transformation: dict[str, Any], events: Iterable[StoredEvent]
) -> Iterator[dict[str, Any]]:
    """The values a metric filter takes from events: one for each that matches and has a number."""
    asked: str = transformation["metricValue"]
    for event in events:
        found = pattern.extract(event.message)
        if found is None:
            continue
        text = _referenced(asked, found, event.message) if asked.startswith("$") else asked
        number = None if text is None else number_of(text.strip())
        dimensions: dict[str, str] = {}
        for name, reference in (transformation.get("dimensions") or {}).items():
            value = _referenced(reference, found, event.message)
            if value:
                dimensions[name] = value[:1024]
        if number is not None and len(dimensions) == len(transformation.get("dimensions") or {}):
            yield _datum(transformation, number, dimensions, event.position.at)


def _referenced(reference: str, found: dict[str, str], message: str) -> str | None:
    return found[reference] if reference in found else field_of(reference, message)


def _datum(transformation: dict[str, Any], value: float, dimensions: dict[str, str], at: int) -> dict[str, Any]:
    return {
        "MetricName": transformation["metricName"],
        "Value": value,
        "Timestamp": at / 1000,
        "Dimensions": [{"Name": name, "Value": each} for name, each in dimensions.items()],
        "Unit": transformation.get("unit") or "None",
    }


def _pattern(each: Filter) -> Pattern:
    try:
        return _compiled(each.pattern)
    except InvalidPattern as problem:
        raise AssertionError("a filter's pattern was checked when it was put") from problem


def _parts(events: Sequence[StoredEvent]) -> Iterator[Sequence[StoredEvent]]:
    part: list[StoredEvent] = []
    size = 0
    for event in events:
        heavy = model.weight(event.message)
        if part and size + heavy > LARGEST_DELIVERY_BYTES:
            yield part
            part, size = [], 0
        part.append(event)
        size += heavy
    if part:
        yield part
