"""What state machines promise, in virtual time."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/any"


def function(emulator: RunningEmulator, name: str, body: str) -> str:
    """Create a function whose handler has this body; returns its ARN."""
    source = "import json, os, time\n\ndef handler(event, context):\n" + "\n".join(
        f"    {line}" for line in body.splitlines()
    )
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("app.py", source + "\n")
    return emulator.client("lambda").create_function(
        FunctionName=name, Runtime="python3.12", Role=ROLE, Handler="app.handler",
        Code={"ZipFile": package.getvalue()}, Timeout=60,
    )["FunctionArn"]  # fmt: skip


def start(emulator: RunningEmulator, definition: dict[str, Any], value: Any = None) -> str:
    sfn = emulator.client("stepfunctions")
    machine = sfn.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    return sfn.start_execution(stateMachineArn=machine, input=json.dumps({} if value is None else value))[
        "executionArn"
    ]


def describe(emulator: RunningEmulator, arn: str) -> dict[str, Any]:
    return emulator.client("stepfunctions").describe_execution(executionArn=arn)


def types(emulator: RunningEmulator, arn: str) -> list[str]:
    history = emulator.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)
    return [event["type"] for event in history["events"]]


def one(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": {"End": True, **state}}}


def test_a_wait_of_an_hour_ends_after_exactly_an_hour(emulator: RunningEmulator) -> None:
    arn = start(emulator, one({"Type": "Wait", "Seconds": 3600}))
    emulator.advance(3599)
    assert describe(emulator, arn)["status"] == "RUNNING"
    emulator.advance(1)
    described = describe(emulator, arn)
    assert described["status"] == "SUCCEEDED"
    assert (described["stopDate"] - described["startDate"]).total_seconds() == 3600


def test_a_failing_task_is_retried_with_growing_waits_and_then_caught(emulator: RunningEmulator) -> None:
    arn_of_function = function(emulator, "fails", "raise ValueError('no')")
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 10, "MaxAttempts": 2, "BackoffRate": 3}]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "H", "ResultPath": "$.error"}]
    task = {"Type": "Task", "Resource": arn_of_function, "Retry": retry, "Catch": catch, "Next": "H"}
    definition = {"StartAt": "S", "States": {"S": task, "H": {"Type": "Pass", "End": True}}}
    arn = start(emulator, definition, {"kept": 1})
    emulator.advance(39)
    assert describe(emulator, arn)["status"] == "RUNNING"
    emulator.advance(1)
    output = json.loads(describe(emulator, arn)["output"])
    assert output["kept"] == 1
    assert output["error"]["Error"] == "ValueError"
    assert json.loads(output["error"]["Cause"])["errorMessage"] == "no"
    assert types(emulator, arn).count("LambdaFunctionFailed") == 3


def test_parallel_and_map_collect_the_answers_of_functions_in_order(emulator: RunningEmulator) -> None:
    double = function(emulator, "double", "return event * 2")
    task = {"Type": "Task", "Resource": double, "End": True}
    definition = {
        "StartAt": "P",
        "States": {
            "P": {
                "Type": "Parallel",
                "Branches": [{"StartAt": "A", "States": {"A": task}}, {"StartAt": "B", "States": {"B": task}}],
                "Next": "M",
            },
            "M": {"Type": "Map", "ItemProcessor": {"StartAt": "T", "States": {"T": task}}, "End": True},
        },
    }
    arn = start(emulator, definition, 5)
    emulator.settle()
    assert json.loads(describe(emulator, arn)["output"]) == [20, 20]


def test_a_task_that_takes_longer_than_its_timeout_fails_with_states_timeout(emulator: RunningEmulator) -> None:
    slow = function(emulator, "slow", "time.sleep(30)\nreturn 1")
    arn = start(emulator, one({"Type": "Task", "Resource": slow, "TimeoutSeconds": 5}))
    emulator.advance(60)
    described = describe(emulator, arn)
    assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")
    assert "cause" not in described
    assert (described["stopDate"] - described["startDate"]).total_seconds() == 5
    assert types(emulator, arn)[-2:] == ["LambdaFunctionTimedOut", "ExecutionFailed"]


def test_the_lambda_integration_wraps_the_payload(emulator: RunningEmulator) -> None:
    function(emulator, "hello", "return {'hello': event['name']}")
    parameters = {"FunctionName": "hello", "Payload": {"name.$": "$.n"}}
    arn = start(
        emulator,
        one({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}),
        {"n": "x"},
    )
    emulator.settle()
    output = json.loads(describe(emulator, arn)["output"])
    assert output["Payload"] == {"hello": "x"}
    assert output["StatusCode"] == 200
    assert output["ExecutedVersion"] == "$LATEST"


def test_a_missing_function_is_named_as_the_old_sdk_names_it(emulator: RunningEmulator) -> None:
    parameters = {"FunctionName": "no_such", "Payload": {}}
    arn = start(emulator, one({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}))
    emulator.settle()
    described = describe(emulator, arn)
    assert described["error"] == "Lambda.ResourceNotFoundException"
    assert (
        "(Service: AWSLambda; Status Code: 404; Error Code: ResourceNotFoundException; Request ID: "
        in (described["cause"])
    )


MAIL = {
    "FromEmailAddress": "from@example.com",
    "Destination": {"ToAddresses.$": "States.Array($.to)"},
    "Content": {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data.$": "$.text"}}}},
}
SEND = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:sesv2:sendEmail", "Parameters": MAIL}


def test_a_state_machine_sends_an_email_exactly_once(emulator: RunningEmulator) -> None:
    emulator.client("sesv2").create_email_identity(EmailIdentity="from@example.com")
    arn = start(emulator, one(SEND), {"to": "to@example.com", "text": "body"})
    emulator.settle()
    described = describe(emulator, arn)
    assert described["status"] == "SUCCEEDED", described
    assert list(json.loads(described["output"])) == ["MessageId"]
    assert len(emulator.inbox()) == 1


def test_a_refused_email_is_an_error_with_the_new_sdks_name(emulator: RunningEmulator) -> None:
    catch = [{"ErrorEquals": ["SesV2.MessageRejectedException"], "Next": "H"}]
    definition = {
        "StartAt": "S",
        "States": {"S": {**SEND, "Next": "H", "Catch": catch}, "H": {"Type": "Pass", "End": True}},
    }
    arn = start(emulator, definition, {"to": "to@example.com", "text": "body"})
    emulator.settle()
    output = json.loads(describe(emulator, arn)["output"])
    assert output["Error"] == "SesV2.MessageRejectedException"
    assert "(Service: SesV2, Status Code: 400, Request ID: " in output["Cause"]
    assert emulator.inbox() == []
