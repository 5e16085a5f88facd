"""What an execution tells CloudWatch: its events to Logs by the machine's level, and metrics in `AWS/States`.

Decides which events a level keeps, how one is written, and into which stream. An execution whose machine does not log
costs nothing here but two metrics.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from zlib import crc32

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, LogSink, MetricSink
from emulator.ports import LogEvent, Transaction

from .asl.data import dumps
from .asl.messages import Event
from .model import StoredExecution

NAMESPACE = "AWS/States"
HIDDEN_DATA = ("input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables",
               "assignedVariablesDetails")  # fmt: skip
"""Members of details that are execution data: shown only with `includeExecutionData`."""
FATAL = ("ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut")
_GROUP = ":log-group:"
_ENDS = {"SUCCEEDED": "ExecutionsSucceeded", "FAILED": "ExecutionsFailed", "ABORTED": "ExecutionsAborted",
         "TIMED_OUT": "ExecutionsTimedOut"}  # fmt: skip


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
        return event.details
    return {name: value for name, value in event.details.items() if name not in HIDDEN_DATA}


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

    def _count(self, tx: Transaction, execution: StoredExecution, data: list[Datum]) -> None:
        scope = Scope(execution.account, execution.region)
        for dimensions in _dimensions(execution):
            self._metrics.add(tx, scope, NAMESPACE, dimensions, data)


def _dimensions(execution: StoredExecution) -> list[dict[str, str]]:
    """The machine's own, and those of the version and the alias it was started by."""
    machine = {"StateMachineArn": execution.machine_arn}
    found = [machine]
    if execution.version_arn is not None:
        found.append({**machine, "Version": execution.version_arn.rsplit(":", 1)[1]})
    if execution.alias_arn is not None:
        found.append({**machine, "Alias": execution.alias_arn.rsplit(":", 1)[1]})
    return found


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
