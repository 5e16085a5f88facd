"""What an execution tells CloudWatch: its events to Logs by the machine's level, and metrics in `AWS/States`.

Decides which events a level keeps, how one is written, and into which stream. An execution whose machine does not log
costs nothing here but two metrics.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zlib import crc32

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, DimensionSets, LogSink, MetricSink
from emulator.ports import LogEvent, Transaction

from .asl.data import dumps
from .asl.messages import Event, TaskMoment
from .asl.tasks import task_kind
from .model import StoredExecution

NAMESPACE = "AWS/States"
USAGE_NAMESPACE = "AWS/Usage"
HIDDEN_DATA = ("input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables",
               "assignedVariablesDetails")  # fmt: skip
"""Members of details that are execution data: shown only with `includeExecutionData`."""
FATAL = ("ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut")
_GROUP = ":log-group:"
LONGEST_LOGGED = 248 * 1024
"""Of an input or output in a log entry, as it is escaped there [D:cw-logs]."""
_ENDS = {"SUCCEEDED": "ExecutionsSucceeded", "FAILED": "ExecutionsFailed", "ABORTED": "ExecutionsAborted",
         "TIMED_OUT": "ExecutionsTimedOut"}  # fmt: skip

_TASKS = {
    "Activity": ("Activities", "Activity", "ActivityArn"),
    "LambdaFunction": ("LambdaFunctions", "LambdaFunction", "LambdaFunctionArn"),
    "Task": ("ServiceIntegrations", "ServiceIntegration", "ServiceIntegrationResourceArn"),
}
"""What metrics call many tasks of a family and one, and their dimension [D:procedure-cw-metrics]."""


def kept(level: str, event_type: str) -> bool:
    """Whether a log level keeps events of a type (AWS's table of event types and log levels)."""
    if level == "ALL" or event_type in FATAL:
        return level != "OFF"
    return level == "ERROR" and (
        event_type.endswith(("Failed", "TimedOut", "Aborted")) or event_type == "FailStateEntered"
    )


def group_of(logging: dict[str, Any]) -> str:
    """The name of the log group in a logging configuration."""
    arn: str = logging["destinations"][0]["cloudWatchLogsLogGroup"]["logGroupArn"]
    return arn.partition(_GROUP)[2].removesuffix(":*")


@lru_cache(maxsize=256)
def _read(logging: str) -> tuple[str, bool, str]:
    configuration = json.loads(logging)
    return configuration["level"], bool(configuration["includeExecutionData"]), group_of(configuration)


def shown_details(event: Event, include_data: bool) -> dict[str, Any]:
    """An event's details, without the execution's data unless it is included."""
    if include_data:
        return _shortened(event.details)
    return {name: value for name, value in event.details.items() if name not in HIDDEN_DATA}


def _shortened(details: dict[str, Any]) -> dict[str, Any]:
    """Data that is too long for CloudWatch Logs is cut, and its details say so [D:cw-logs]; where is unverified."""
    for name in ("input", "output"):
        text: str = details.get(name, "")
        if len(text) > LONGEST_LOGGED // 6 and _escaped(text) > LONGEST_LOGGED:
            fits = bisect_right(range(len(text)), LONGEST_LOGGED, key=lambda end: _escaped(text[:end])) - 1
            details = {**details, name: text[:fits], f"{name}Details": {"truncated": True}}
    return details


def _escaped(text: str) -> int:
    return len(dumps(text).encode("utf-8", "replace")) - 2


class Telemetry:
    """Over the sinks of CloudWatch; `calls` finds out whether a log group exists."""

    def __init__(self, calls: Calls, logs: LogSink, metrics: MetricSink) -> None:
        self._calls = calls
        self._logs = logs
        self._metrics = metrics

    def log(self, tx: Transaction, execution: StoredExecution, events: Sequence[tuple[float, Event]]) -> None:
        """Write events with their times; a group that was deleted since stays away [R:logs/test_deleted_log_group]."""
        if execution.logging is None or not events:
            return
        level, include_data, group = _read(execution.logging)
        wanted = [(at, event) for at, event in events if kept(level, event.type)]
        scope = Scope(execution.account, execution.region)
        if not wanted or not self.group_exists(tx, scope, group):
            return
        lines = [LogEvent(at, _line(execution, at, event, include_data)) for at, event in wanted]
        self._logs.put(tx, scope, group, _stream(execution), lines)

    def group_exists(self, tx: Transaction, scope: Scope, group: str) -> bool:
        """Whether CloudWatch Logs has a group of exactly this name."""
        try:
            found = self._calls.call(tx, scope, "logs", "DescribeLogGroups", {"logGroupNamePrefix": group, "limit": 1})
        except (AwsError, NotEmulated):
            return False
        return any(item["logGroupName"] == group for item in found["logGroups"])

    def started(self, tx: Transaction, execution: StoredExecution) -> None:
        """An execution has begun."""
        self._count(tx, execution, [Datum("ExecutionsStarted", 1)])

    def ended(self, tx: Transaction, execution: StoredExecution, status: str, extra: Sequence[Datum] = ()) -> None:
        """An execution has ended with this status."""
        took = round((tx.now - execution.started_at) * 1000)
        data = [Datum(_ENDS[status], 1), Datum("ExecutionTime", took, "Milliseconds"), *extra]
        if execution.redrive_count:
            data.append(Datum(f"Redriven{_ENDS[status]}", 1))
        self._count(tx, execution, data)

    def redriven(self, tx: Transaction, execution: StoredExecution) -> None:
        """An execution that had ended goes on."""
        self._count(tx, execution, [Datum("ExecutionsRedriven", 1)])

    def tasks(self, tx: Transaction, execution: StoredExecution, moments: Sequence[TaskMoment]) -> None:
        """Tasks were scheduled, started or ended by now, by kind: activities, functions, service integrations."""
        scope = Scope(execution.account, execution.region)
        for moment in moments:
            dimensions = _task_dimensions(moment.resource)
            self._metrics.add_to_each(tx, scope, NAMESPACE, dimensions, task_data(moment, tx.now))

    def counted(self, tx: Transaction, scope: Scope, data: Sequence[Datum], resource: str | None = None) -> None:
        """How many there are now of something: in the account, or of a state machine."""
        dimensions = ((),) if resource is None else ((("ResourceArn", resource),),)
        self._metrics.add_to_each(tx, scope, NAMESPACE, dimensions, data)

    def used(self, tx: Transaction, scope: Scope, name: str, count: int) -> None:
        """How many there are now of something that has a quota."""
        self._metrics.add_to_each(tx, scope, USAGE_NAMESPACE, ((),), [Datum(name, count)])

    def _count(self, tx: Transaction, execution: StoredExecution, data: list[Datum]) -> None:
        scope = Scope(execution.account, execution.region)
        self._metrics.add_to_each(tx, scope, NAMESPACE, _dimension_sets(execution), data)


def _dimension_sets(execution: StoredExecution) -> DimensionSets:
    """The account's, the machine's own, and those of the version and the alias it was started by."""
    return _execution_dimensions(execution.machine_arn, execution.version_arn, execution.alias_arn)


@lru_cache(maxsize=1024)
def _execution_dimensions(machine_arn: str, version_arn: str | None, alias_arn: str | None) -> DimensionSets:
    machine = ("StateMachineArn", machine_arn)
    found: list[tuple[tuple[str, str], ...]] = [(), (machine,)]
    if version_arn is not None:
        found.append((machine, ("Version", version_arn.rsplit(":", 1)[1])))
    if alias_arn is not None:
        found.append((machine, ("Alias", alias_arn.rsplit(":", 1)[1])))
    return tuple(found)


@lru_cache(maxsize=1024)
def _task_dimensions(resource: str) -> DimensionSets:
    """The Resource as it is written (for integrations unverified); activities are counted for the account, too."""
    family = task_kind(resource).family
    own = ((_TASKS[family][2], resource),)
    return ((), own) if family == "Activity" else (own,)


def task_data(moment: TaskMoment, now: float) -> list[Datum]:
    """What metrics are told of a moment of a task."""
    many, one, _ = _TASKS[task_kind(moment.resource).family]
    data = [Datum(f"{many}{moment.what}", 1)]
    if moment.what == "Scheduled":
        return data
    if moment.what == "Started":
        data.append(Datum(f"{one}ScheduleTime", _milliseconds(now - moment.scheduled_at), "Milliseconds"))
        return data
    if moment.started_at is not None:
        data.append(Datum(f"{one}RunTime", _milliseconds(now - moment.started_at), "Milliseconds"))
    data.append(Datum(f"{one}Time", _milliseconds(now - moment.scheduled_at), "Milliseconds"))
    return data


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def _line(execution: StoredExecution, at: float, event: Event, include_data: bool) -> str:
    return dumps(
        {
            "id": str(event.id),
            "type": event.type,
            "details": shown_details(event, include_data),
            "previous_event_id": str(event.previous_id),
            "event_timestamp": str(round(at * 1000)),
            "execution_arn": execution.arn,
            "redrive_count": str(execution.redrive_count),
        }
    )


def _stream(execution: StoredExecution) -> str:
    """`states/{machine}/{minute}/{8 digits}`, one an hour; AWS's digits are random, these stand for the machine."""
    hour = datetime.fromtimestamp(execution.started_at, UTC).strftime("%Y-%m-%d-%H-00")
    return f"states/{execution.machine_name}/{hour}/{crc32(execution.machine_arn.encode()):08x}"
