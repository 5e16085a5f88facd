"""Input that is valid JSON and odd: no 500, and no accepted execution that hangs."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.services.stepfunctions import progress
from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/odd"
LATER = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "Next": "B"}}}


def run(emulator: RunningEmulator, last: dict[str, Any], text: str) -> dict[str, Any]:
    """How an execution ends that waits a second and then enters `last`."""
    client = emulator.client("stepfunctions")
    definition = {**LATER, "States": {**LATER["States"], "B": {**last, "End": True}}}  # type: ignore[dict-item]
    machine = client.create_state_machine(name="odd", definition=json.dumps(definition), roleArn=ROLE)
    execution = client.start_execution(stateMachineArn=machine["stateMachineArn"], input=text)
    emulator.settle()
    return client.describe_execution(executionArn=execution["executionArn"])


def test_a_number_beyond_every_double_is_refused_when_the_execution_starts(emulator: RunningEmulator) -> None:
    with pytest.raises(ClientError, match="InvalidExecutionInput"):
        run(emulator, {"Type": "Pass"}, '{"a":1e999}')


def test_a_lone_surrogate_becomes_a_question_mark(emulator: RunningEmulator) -> None:
    ended = run(emulator, {"Type": "Pass", "Parameters": {"b.$": "$.a"}}, '{"a":"\\ud800x"}')
    assert (ended["status"], ended["output"]) == ("SUCCEEDED", '{"b":"?x"}')


@pytest.mark.parametrize("call", ["States.MathAdd($.a, 1)", "States.MathRandom(0, $.a)"])
def test_a_number_that_an_intrinsic_cannot_work_on_fails_the_execution(emulator: RunningEmulator, call: str) -> None:
    ended = run(emulator, {"Type": "Pass", "Parameters": {"b.$": call}}, json.dumps({"a": 10**300}))
    assert ended["status"] == "FAILED"
    assert ended["error"] in ("States.IntrinsicFailure", "States.Runtime")


@pytest.mark.parametrize("raw", [b"From: a@example.com\nTo: " + b"(" * 3000 + b"\n\nx"])
def test_a_hostile_address_is_refused(emulator: RunningEmulator, raw: bytes) -> None:
    client = emulator.client("sesv2")
    client.create_email_identity(EmailIdentity="example.com")
    with pytest.raises(ClientError) as caught:
        client.send_email(FromEmailAddress="a@example.com", Content={"Raw": {"Data": raw}})
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "settings", '{"account_concurrency": 1' + "0" * 400 + "}"),
        ("POST", "clock", '{"action": "advance", "seconds": 1' + "0" * 400 + "}"),
        ("POST", "clock", '{"action": "scale", "factor": 1e999}'),
        ("POST", "clock", "NaN"),
        ("PUT", "settings", "1e999"),
        ("PUT", "settings", "{"),
    ],
)
def test_the_control_plane_refuses_what_it_cannot_take(
    emulator: RunningEmulator, method: str, path: str, body: str
) -> None:
    headers = {"Content-Type": "application/json"}
    answer = httpx.request(method, f"{emulator.url}/_emulator/{path}", content=body, headers=headers)
    assert answer.status_code == 400
    assert answer.json()["message"]


@pytest.mark.parametrize("types", [5, True, "image/png"])
def test_binary_media_types_that_are_no_list_are_an_invalid_file(emulator: RunningEmulator, types: Any) -> None:
    document = {
        "openapi": "3.0.1",
        "info": {"title": "odd", "version": "1"},
        "paths": {},
        "x-amazon-apigateway-binary-media-types": types,
    }
    with pytest.raises(ClientError, match="Invalid OpenAPI input"):
        emulator.client("apigateway").import_rest_api(body=json.dumps(document).encode())


def test_an_execution_that_the_interpreter_cannot_carry_on_fails_and_does_not_hang(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = emulator.client("stepfunctions")
    definition = {**LATER, "States": {**LATER["States"], "B": {"Type": "Succeed"}}}  # type: ignore[dict-item]
    machine = client.create_state_machine(name="odd", definition=json.dumps(definition), roleArn=ROLE)
    execution = client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"]

    def broken(*_: Any) -> Any:  # stands for a mistake of ours that no test knows yet
        raise OverflowError

    monkeypatch.setattr(progress, "Run", broken)
    emulator.settle()
    ended = client.describe_execution(executionArn=execution)
    assert (ended["status"], ended["error"]) == ("FAILED", "States.Runtime")
    last = client.get_execution_history(executionArn=execution, reverseOrder=True)["events"][0]
    assert last["type"] == "ExecutionFailed"
