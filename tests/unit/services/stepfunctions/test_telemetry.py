"""Which events a log level keeps, what an entry shows, and what metrics call tasks."""

from __future__ import annotations

import json
from typing import Any

import botocore.loaders
import pytest

from emulator.services.stepfunctions import telemetry
from emulator.services.stepfunctions.asl.messages import Event, TaskMoment

ERROR_TOO = {
    "ActivityFailed", "ActivityScheduleFailed", "ActivityTimedOut", "EvaluationFailed", "FailStateEntered",
    "LambdaFunctionFailed", "LambdaFunctionScheduleFailed", "LambdaFunctionStartFailed", "LambdaFunctionTimedOut",
    "MapIterationAborted", "MapIterationFailed", "MapRunAborted", "MapRunFailed", "MapStateAborted", "MapStateFailed",
    "ParallelStateAborted", "ParallelStateFailed", "TaskFailed", "TaskStartFailed", "TaskStateAborted",
    "TaskSubmitFailed", "TaskTimedOut", "WaitStateAborted",
}  # fmt: skip
"""Those that ERROR keeps and FATAL does not [D:cw-logs, of memory; activities and evaluations unverified]."""
FATAL_TOO = {"ExecutionAborted", "ExecutionFailed", "ExecutionTimedOut"}


def event_types() -> list[str]:
    model: Any = botocore.loaders.Loader().load_service_model("stepfunctions", "service-2")
    return model["shapes"]["HistoryEventType"]["enum"]


@pytest.mark.parametrize("event_type", event_types())
def test_a_level_keeps_what_aws_lists(event_type: str) -> None:
    fatal = event_type in FATAL_TOO
    kept = [telemetry.kept(level, event_type) for level in ("ALL", "ERROR", "FATAL", "OFF")]
    assert kept == [True, fatal or event_type in ERROR_TOO, fatal, False]


@pytest.mark.parametrize("text", ["x" * 253_952, '"' * 126_976, "é" * 126_976, "\n\u0001" * 31_744])
def test_data_is_cut_where_it_would_be_too_long_for_cloudwatch_logs(text: str) -> None:
    fits = Event(1, 0, "ExecutionSucceeded", "", {"output": text, "outputDetails": {"truncated": False}})
    assert telemetry.shown_details(fits, True) == fits.details
    longer = Event(1, 0, "ExecutionSucceeded", "", {"output": text + '"', "outputDetails": {"truncated": False}})
    shown = telemetry.shown_details(longer, True)
    assert shown["outputDetails"] == {"truncated": True}
    assert shown["output"] == text
    assert len(json.dumps(shown["output"], ensure_ascii=False).encode()) - 2 <= telemetry.LONGEST_LOGGED
    assert telemetry.shown_details(longer, False) == {}


@pytest.mark.parametrize(
    ("resource", "many", "one"),
    [
        ("arn:aws:states:us-east-1:000000000000:activity:a", "Activities", "Activity"),
        ("arn:aws:lambda:us-east-1:000000000000:function:f", "LambdaFunctions", "LambdaFunction"),
        ("arn:aws:states:::lambda:invoke", "ServiceIntegrations", "ServiceIntegration"),
        ("arn:aws:states:::sqs:sendMessage.waitForTaskToken", "ServiceIntegrations", "ServiceIntegration"),
        ("arn:aws:states:::aws-sdk:sesv2:sendEmail", "ServiceIntegrations", "ServiceIntegration"),
    ],
)
def test_tasks_are_counted_and_timed_by_their_kind(resource: str, many: str, one: str) -> None:
    def data(what: str, started: float | None) -> list[tuple[Any, ...]]:
        moment = TaskMoment(resource, what, 100.0, started)
        return [tuple(datum) for datum in telemetry.task_data(moment, 103.5)]

    milliseconds = "Milliseconds"
    assert data("Scheduled", None) == [(f"{many}Scheduled", 1, "Count")]
    assert data("Started", 103.5) == [(f"{many}Started", 1, "Count"), (f"{one}ScheduleTime", 3500, milliseconds)]
    for what in ("Succeeded", "Failed", "TimedOut"):
        times = [(f"{one}RunTime", 1500, milliseconds), (f"{one}Time", 3500, milliseconds)]
        assert data(what, 102.0) == [(f"{many}{what}", 1, "Count"), *times]
        assert data(what, None) == [(f"{many}{what}", 1, "Count"), times[1]]
