"""What AWS promises about asynchronous invocation, told through boto3 in frozen time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.ports import FunctionRuntime, FunctionSpec, Invocation, InvocationResult
from emulator.services.lambda_.operations import invoke
from emulator.testing import RunningEmulator
from tests.wire.test_lambda import create, package

FAILS_TWICE = """
import os, pathlib

def handler(event, context):
    marker = pathlib.Path(os.environ["MARKS"]) / context.aws_request_id
    count = int(marker.read_text()) + 1 if marker.exists() else 1
    marker.write_text(str(count))
    if count <= event["failures"]:
        raise RuntimeError("attempt %d fails" % count)
"""


@pytest.fixture
def client(emulator: RunningEmulator, tmp_path: Path) -> Iterator[Any]:
    """A client, and a function `f` that fails as often as its event says."""
    client = emulator.client("lambda")
    marks = {"Variables": {"MARKS": str(tmp_path)}}
    create(client, Code={"ZipFile": package(FAILS_TWICE)}, Environment=marks)
    yield client
    client.close()


def accept(client: Any, failures: int) -> str:
    payload = json.dumps({"failures": failures}).encode()
    answer = client.invoke(FunctionName="f", InvocationType="Event", Payload=payload)
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    return answer["ResponseMetadata"]["RequestId"]


def attempts(emulator: RunningEmulator, request_id: str) -> list[dict[str, Any]]:
    lines = emulator.call(emulator.emulator.recent_invocations)
    return [line for line in lines if line["request_id"] == request_id]


def test_an_event_that_fails_twice_is_retried_after_60_and_180_seconds(emulator: RunningEmulator, client: Any) -> None:
    start = emulator.now()
    request_id = accept(client, failures=2)
    emulator.advance(59)
    assert len(attempts(emulator, request_id)) == 1
    emulator.advance(1)
    assert len(attempts(emulator, request_id)) == 2
    emulator.advance(119)
    assert len(attempts(emulator, request_id)) == 2
    emulator.advance(1)
    seen = attempts(emulator, request_id)
    assert [round(line["started_at"] - start) for line in seen] == [0, 60, 180]
    assert [line["outcome"] for line in seen] == ["function_error", "function_error", "success"]


def test_an_event_that_never_succeeds_is_given_up_after_three_attempts(emulator: RunningEmulator, client: Any) -> None:
    request_id = accept(client, failures=99)
    emulator.settle()
    seen = attempts(emulator, request_id)
    assert [line["decision"] for line in seen] == ["retry", "retry", "RetriesExhausted"]


def test_an_event_succeeds_on_its_second_attempt(emulator: RunningEmulator, client: Any) -> None:
    request_id = accept(client, failures=1)
    emulator.settle()
    assert [line["decision"] for line in attempts(emulator, request_id)] == ["retry", "done"]


def test_an_event_that_would_grow_too_old_is_given_up_at_once(emulator: RunningEmulator, client: Any) -> None:
    client.put_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=90)
    request_id = accept(client, failures=99)
    emulator.settle()
    assert [line["decision"] for line in attempts(emulator, request_id)] == ["retry", "EventAgeExceeded"]


def test_an_event_waits_in_the_queue_while_its_function_is_replaced(emulator: RunningEmulator, client: Any) -> None:
    request_id = accept(client, failures=99)
    emulator.advance(1)
    client.update_function_code(FunctionName="f", ZipFile=package("def handler(event, context): pass"))
    emulator.settle()
    assert [line["outcome"] for line in attempts(emulator, request_id)] == ["function_error", "success"]


def test_the_outcome_of_an_event_reaches_its_destination(emulator: RunningEmulator, client: Any) -> None:
    create(client, "observer")
    arn = client.get_function(FunctionName="observer")["Configuration"]["FunctionArn"]
    client.put_function_event_invoke_config(
        FunctionName="f", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": arn}}
    )
    accept(client, failures=99)
    emulator.settle()
    lines = emulator.call(emulator.emulator.recent_invocations)
    assert [(line["function_name"], line["outcome"]) for line in lines] == [
        ("f", "function_error"),
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
    emulator: RunningEmulator, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(invoke.log, "exception", lambda text, *values: told.append(text % values))
    monkeypatch.setattr(emulator.emulator.lambda_.operations, "runtime", Unrunnable())
    client.put_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=60)
    request_id = accept(client, failures=0)
    emulator.settle()
    seen = attempts(emulator, request_id)
    assert [line["outcome"] for line in seen] == ["system_error"] * 6  # after 0, 1, 3, 7, 15 and 31 s
    assert seen[-1]["decision"].startswith("EventAgeExceeded")
    assert len(told) == 6
