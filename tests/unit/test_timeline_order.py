"""What of one moment comes first."""

from __future__ import annotations

from typing import Any

from emulator.timeline_order import called_by, in_order


def attempt(name: str, request_id: str, outcome: str = "success") -> dict[str, Any]:
    return {"kind": "attempt", "function_name": name, "request_id": request_id, "outcome": outcome}


def log(request_id: str, run: int = 1) -> dict[str, Any]:
    return {"kind": "log", "request_id": request_id, "run": run}


def strike(target: str, name: str, fault: str) -> dict[str, Any]:
    return {"kind": "fault", "fault": {target: name, "fault": fault}, "struck": name}


def mail(sender: str = "", to: str = "a@example.com") -> dict[str, Any]:
    return {"kind": "mail", "sender": sender, "to": to}


def numbered(story: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A story of one moment, sorted by kind."""
    moment = [{"at": 5.0, "number": number, **event} for number, event in enumerate(story)]
    return sorted(moment, key=lambda event: event["kind"])


def test_a_strike_is_told_before_what_it_has_made_of_a_call() -> None:
    story = [
        strike("function", "f", "twice"),
        strike("function", "f", "error"),
        attempt("f", "1", "function_error"),
        log("1", 1),
        strike("function", "f", "error"),
        attempt("f", "1", "function_error"),
        log("1", 2),
        attempt("f", "2"),
        log("2"),
        mail("2"),
        strike("function", "g", "slow"),
        attempt("g", "3"),
        strike("mail", "b@example.com", "refused"),
        mail(to="b@example.com"),
    ]
    assert [event["number"] for event in in_order(numbered(story))] == list(range(len(story)))


def test_an_event_that_came_twice_has_its_lines_and_mails_apart() -> None:
    story = [attempt("f", "1"), log("1", 1), mail("1"), attempt("f", "1"), log("1", 2), mail("1")]
    assert [event["number"] for event in in_order(numbered(story))] == list(range(6))


def test_a_strike_at_a_state_follows_its_beginning() -> None:
    def state(text: str, calls: str = "") -> dict[str, Any]:
        return {"kind": "state", "text": text, "calls": calls}

    story = [state("m/1: enters Call"), strike("state", "Call", "error"), state("m/1: ExecutionFailed")]
    assert [event["number"] for event in in_order(numbered(story))] == [0, 1, 2]


def test_one_moment_is_told_by_cause_and_not_by_kind() -> None:
    def state(text: str, calls: str = "") -> dict[str, Any]:
        return {"kind": "state", "text": text, "calls": calls}

    story: list[dict[str, Any]] = [
        {"kind": "request", "text": "POST /"},
        strike("function", "two", "error"),
        attempt("submit", "1"),
        log("1"),
        state("begins"),
        state("enters One"),
        state("", "one"),
        attempt("one", "2"),
        log("2"),
        state("enters Two"),
        state("", "two"),
        attempt("two", "3", "function_error"),
        log("3"),
        state("enters Mail"),
        state("", "mail"),
        mail(),
        state("ExecutionSucceeded"),
        mail(),
    ]
    by_kind = numbered(story)
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
