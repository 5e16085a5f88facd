"""What of one moment comes first."""

from __future__ import annotations

from typing import Any

from emulator.timeline_order import called_by, in_order


def test_one_moment_is_told_by_cause_and_not_by_kind() -> None:
    def attempt(name: str, request_id: str, outcome: str = "success") -> dict[str, Any]:
        return {"kind": "attempt", "function_name": name, "request_id": request_id, "outcome": outcome}

    def state(text: str, calls: str = "") -> dict[str, Any]:
        return {"kind": "state", "text": text, "calls": calls}

    story: list[dict[str, Any]] = [
        {"kind": "request", "text": "POST /"},
        {"kind": "fault", "struck": "two"},
        attempt("submit", "1"),
        {"kind": "log", "request_id": "1"},
        state("begins"),
        state("enters One"),
        state("", "one"),
        attempt("one", "2"),
        {"kind": "log", "request_id": "2"},
        state("enters Two"),
        state("", "two"),
        attempt("two", "3", "function_error"),
        {"kind": "log", "request_id": "3"},
        state("enters Mail"),
        state("", "mail"),
        {"kind": "mail"},
        state("ExecutionSucceeded"),
        {"kind": "mail"},
    ]
    moment = [{"at": 5.0, "number": number, **event} for number, event in enumerate(story)]
    by_kind = sorted(moment, key=lambda event: event["kind"])
    later = {"at": 5.001, "number": 99, "kind": "request"}
    told = in_order([later, *by_kind])
    expected = [0, 2, 3, 4, 5, 7, 8, 9, 1, 11, 12, 13, 15, 16, 17, 99]
    assert [event["number"] for event in told] == expected


def test_what_a_state_calls_is_read_from_its_history() -> None:
    arn = "arn:aws:lambda:us-east-1:123456789012:function:render"
    old = {"type": "LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails": {"resource": f"{arn}:live"}}
    assert called_by(old) == "render"

    def task(service: str, parameters: str) -> dict[str, Any]:
        return {
            "type": "TaskScheduled",
            "taskScheduledEventDetails": {"resourceType": service, "parameters": parameters},
        }

    assert called_by(task("lambda", f'{{"FunctionName": "{arn}"}}')) == "render"
    assert called_by(task("lambda", '{"FunctionName": "render:1"}')) == "render"
    assert called_by(task("aws-sdk:sesv2", "{}")) == "mail"
    assert called_by(task("sqs", "{}")) == called_by({"type": "ExecutionStarted"}) == ""
    assert called_by(task("lambda", "{cut")) == ""
