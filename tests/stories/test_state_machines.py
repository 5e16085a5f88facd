"""What state machines promise, in virtual time."""

from __future__ import annotations

import json

from tests.stories import telling
from tests.stories.telling import describe, history, one, output, start


def function(aws, name, body):
    """A function whose handler has this body; its ARN."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return telling.function(aws, name, f"import json, os, time\n\ndef handler(event, context):\n{lines}\n")


def test_a_wait_of_an_hour_ends_after_exactly_an_hour(aws, clock):
    arn = start(aws, one({"Type": "Wait", "Seconds": 3600}))
    clock.advance(3599)
    assert describe(aws, arn)["status"] == "RUNNING"
    clock.advance(1)
    described = describe(aws, arn)
    assert described["status"] == "SUCCEEDED"
    assert (described["stopDate"] - described["startDate"]).total_seconds() == 3600


def test_a_failing_task_is_retried_with_growing_waits_and_then_caught(aws, clock):
    arn_of_function = function(aws, "fails", "raise ValueError('no')")
    retry = [{"ErrorEquals": ["ValueError"], "IntervalSeconds": 10, "MaxAttempts": 2, "BackoffRate": 3}]
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "H", "ResultPath": "$.error"}]
    task = {"Type": "Task", "Resource": arn_of_function, "Retry": retry, "Catch": catch, "Next": "H"}
    definition = {"StartAt": "S", "States": {"S": task, "H": {"Type": "Pass", "End": True}}}
    arn = start(aws, definition, {"kept": 1})
    clock.advance(39)
    assert describe(aws, arn)["status"] == "RUNNING"
    clock.advance(1)
    found = output(aws, arn)
    assert found["kept"] == 1
    assert found["error"]["Error"] == "ValueError"
    assert json.loads(found["error"]["Cause"])["errorMessage"] == "no"
    assert history(aws, arn).count("LambdaFunctionFailed") == 3


def test_parallel_and_map_collect_the_answers_of_functions_in_order(aws, emulator):
    double = function(aws, "double", "return event * 2")
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
    arn = start(aws, definition, 5)
    emulator.settle()
    assert output(aws, arn) == [20, 20]


def test_a_task_that_takes_longer_than_its_timeout_fails_with_states_timeout(aws, clock):
    slow = function(aws, "slow", "time.sleep(30)\nreturn 1")
    arn = start(aws, one({"Type": "Task", "Resource": slow, "TimeoutSeconds": 5}))
    clock.advance(60)
    described = describe(aws, arn)
    assert (described["status"], described["error"]) == ("FAILED", "States.Timeout")
    assert "cause" not in described
    assert (described["stopDate"] - described["startDate"]).total_seconds() == 5
    assert history(aws, arn)[-2:] == ["LambdaFunctionTimedOut", "ExecutionFailed"]


def test_the_lambda_integration_wraps_the_payload(aws, emulator):
    function(aws, "hello", "return {'hello': event['name']}")
    parameters = {"FunctionName": "hello", "Payload": {"name.$": "$.n"}}
    arn = start(
        aws,
        one({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}),
        {"n": "x"},
    )
    emulator.settle()
    found = output(aws, arn)
    assert found["Payload"] == {"hello": "x"}
    assert found["StatusCode"] == 200
    assert found["ExecutedVersion"] == "$LATEST"


def test_a_missing_function_is_named_as_the_old_sdk_names_it(aws, emulator):
    parameters = {"FunctionName": "no_such", "Payload": {}}
    arn = start(aws, one({"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Parameters": parameters}))
    emulator.settle()
    described = describe(aws, arn)
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


def test_a_state_machine_sends_an_email_exactly_once(aws, emulator, inbox):
    aws.sesv2.create_email_identity(EmailIdentity="from@example.com")
    arn = start(aws, one(SEND), {"to": "to@example.com", "text": "body"})
    emulator.settle()
    described = describe(aws, arn)
    assert described["status"] == "SUCCEEDED", described
    assert list(json.loads(described["output"])) == ["MessageId"]
    assert len(inbox.messages) == 1


def test_a_refused_email_is_an_error_with_the_new_sdks_name(aws, emulator, inbox):
    catch = [{"ErrorEquals": ["SesV2.MessageRejectedException"], "Next": "H"}]
    definition = {
        "StartAt": "S",
        "States": {"S": {**SEND, "Next": "H", "Catch": catch}, "H": {"Type": "Pass", "End": True}},
    }
    arn = start(aws, definition, {"to": "to@example.com", "text": "body"})
    emulator.settle()
    found = output(aws, arn)
    assert found["Error"] == "SesV2.MessageRejectedException"
    assert "(Service: SesV2, Status Code: 400, Request ID: " in found["Cause"]
    assert inbox.messages == []
