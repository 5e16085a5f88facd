"""What AWS promises about asynchronous invocation, told through boto3 in frozen time."""

from __future__ import annotations

import pytest

from emulator.ports import FunctionRuntime, FunctionSpec, Invocation, InvocationResult
from emulator.services.lambda_.operations import invoke
from tests.stories.telling import function, package, send

FAILS = """
    import os, pathlib

    def handler(event, context):
        marks = pathlib.Path(os.environ["MARKS"]) / context.aws_request_id
        attempt = len(marks.read_text()) + 1 if marks.exists() else 1
        marks.write_text("x" * attempt)
        if attempt <= event["failures"]:
            raise RuntimeError(f"attempt {attempt} fails")
"""
ALWAYS = 99


@pytest.fixture
def flaky(aws, tmp_path):
    """A function that fails as often as its event says."""
    return function(aws, "flaky", FAILS, {"MARKS": str(tmp_path)})


def outcomes(emulator, request_id):
    return [each["outcome"] for each in emulator.attempts() if each["request_id"] == request_id]


def decisions(emulator, request_id):
    return [each["decision"] for each in emulator.attempts() if each["request_id"] == request_id]


def test_an_event_that_fails_twice_is_retried_after_60_and_180_seconds(aws, emulator, clock, flaky):
    begun = clock.now()
    event = send(aws, flaky, {"failures": 2})

    clock.advance(59)
    assert outcomes(emulator, event) == ["function_error"]
    clock.advance(1)
    assert outcomes(emulator, event) == ["function_error", "function_error"]
    clock.advance(119)
    assert outcomes(emulator, event) == ["function_error", "function_error"]
    clock.advance(1)
    assert outcomes(emulator, event) == ["function_error", "function_error", "success"]
    assert [round(each["started_at"] - begun) for each in emulator.attempts(function="flaky")] == [0, 60, 180]


def test_an_event_that_never_succeeds_is_given_up_after_three_attempts(aws, emulator, flaky):
    event = send(aws, flaky, {"failures": ALWAYS})
    emulator.settle()
    assert decisions(emulator, event) == ["retry", "retry", "RetriesExhausted"]


def test_an_event_succeeds_on_its_second_attempt(aws, emulator, flaky):
    event = send(aws, flaky, {"failures": 1})
    emulator.settle()
    assert decisions(emulator, event) == ["retry", "done"]


def test_an_event_that_would_grow_too_old_is_given_up_at_once(aws, emulator, flaky):
    aws.lambda_.put_function_event_invoke_config(FunctionName=flaky, MaximumEventAgeInSeconds=90)
    event = send(aws, flaky, {"failures": ALWAYS})
    emulator.settle()
    assert decisions(emulator, event) == ["retry", "EventAgeExceeded"]


def test_an_event_waits_in_the_queue_while_its_function_is_replaced(aws, emulator, clock, flaky):
    event = send(aws, flaky, {"failures": ALWAYS})
    clock.advance(1)
    aws.lambda_.update_function_code(FunctionName=flaky, ZipFile=package("def handler(event, context): pass"))
    emulator.settle()
    assert outcomes(emulator, event) == ["function_error", "success"]


def test_the_outcome_of_an_event_reaches_its_destination(aws, emulator, flaky):
    observer = function(aws, "observer", "def handler(event, context): pass")
    aws.lambda_.put_function_event_invoke_config(
        FunctionName=flaky, MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": observer}}
    )
    send(aws, flaky, {"failures": ALWAYS})
    emulator.settle()
    assert [(each["function_name"], each["outcome"]) for each in emulator.attempts()] == [
        ("flaky", "function_error"),
        ("observer", "success"),
    ]


class Unrunnable(FunctionRuntime):
    """A runtime with a mistake of ours in it."""

    async def run(self, function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        raise KeyError("nobody foresaw this")

    async def discard(self, function_arn: str, version: str | None = None) -> None: ...
    async def reset(self, account: str | None = None) -> None: ...
    async def aclose(self) -> None: ...


def test_an_event_that_cannot_be_run_for_whatever_reason_grows_old_and_ends(
    aws, emulator, emulator_server, flaky, monkeypatch
):
    told = []
    monkeypatch.setattr(invoke.log, "exception", lambda text, *values: told.append(text % values))
    monkeypatch.setattr(emulator_server.app.lambda_.operations, "runtime", Unrunnable())
    aws.lambda_.put_function_event_invoke_config(FunctionName=flaky, MaximumEventAgeInSeconds=60)

    event = send(aws, flaky, {"failures": 0})
    emulator.settle()

    assert outcomes(emulator, event) == ["system_error"] * 6  # after 0, 1, 3, 7, 15 and 31 s
    assert decisions(emulator, event)[-1].startswith("EventAgeExceeded")
    assert len(told) == 6
