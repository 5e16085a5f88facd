"""TestState through boto3: statuses, inspection levels, mocks, and what it refuses, as recorded from AWS."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
INVOKE = "arn:aws:states:::lambda:invoke"


class OneState:
    """TestState with texts read as JSON."""

    def __init__(self, client: Any) -> None:
        self.client = client

    def __call__(self, definition: Any, value: Any = None, **request: Any) -> dict[str, Any]:
        text = definition if isinstance(definition, str) else json.dumps(definition)
        request = {"roleArn": ROLE, "input": json.dumps({} if value is None else value), **request}
        request = {name: given for name, given in request.items() if given is not None}
        answer = self.client.test_state(definition=text, **request)
        del answer["ResponseMetadata"]
        if "inspectionData" in answer:
            answer["inspectionData"] = {name: read(item) for name, item in answer["inspectionData"].items()}
        return {name: read(item) if name == "output" else item for name, item in answer.items()}

    def refusal(self, definition: Any, value: Any = None, **request: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            self(definition, value, **request)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]


def read(item: Any) -> Any:
    return json.loads(item) if isinstance(item, str) else item


@pytest.fixture
def state(emulator: RunningEmulator) -> OneState:
    return OneState(emulator.client("stepfunctions", config=Config(inject_host_prefix=False)))


def test_data_of_a_pass_are_shown_step_by_step(state: OneState) -> None:
    definition = {
        "Type": "Pass",
        "InputPath": "$.a",
        "Parameters": {"fixed": 1, "b.$": "$.b"},
        "ResultPath": "$.made",
        "Next": "Other",
    }
    value = {"a": {"b": 2}}
    whole = {"a": {"b": 2}, "made": {"fixed": 1, "b": 2}}
    assert state(definition, value) == {"output": whole, "nextState": "Other", "status": "SUCCEEDED"}
    assert state(definition, value, inspectionLevel="DEBUG")["inspectionData"] == {
        "input": value,
        "afterInputPath": {"b": 2},
        "afterParameters": {"fixed": 1, "b": 2},
        "afterResultSelector": {"fixed": 1, "b": 2},
        "afterResultPath": whole,
    }
    fixed = {"Type": "Pass", "Result": [1], "End": True}
    assert state(fixed, value, inspectionLevel="TRACE")["inspectionData"] == {
        "input": value,
        "result": [1],
        "afterResultSelector": [1],
        "afterResultPath": [1],
    }


def test_states_without_work_show_their_input(state: OneState) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$.n", "NumericEquals": 1, "Next": "One"}],
        "Default": "Many",
    }
    value = {"n": 1}
    shown = {"input": value, "afterInputPath": value}
    assert state(choice, value, inspectionLevel="DEBUG") == {
        "output": value, "nextState": "One", "status": "SUCCEEDED", "inspectionData": shown,
    }  # fmt: skip
    fail = {"Type": "Fail", "Error": "E", "Cause": "C"}
    assert state(fail, value, inspectionLevel="DEBUG") == {
        "error": "E", "cause": "C", "status": "FAILED", "inspectionData": shown,
    }  # fmt: skip
    assert state({"Type": "Wait", "Seconds": 100, "End": True}, value) == {"output": value, "status": "SUCCEEDED"}


def test_a_task_is_really_called(emulator: RunningEmulator, state: OneState) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue, "MessageBody.$": "$.text"},
        "ResultSelector": {"id.$": "$.MessageId"},
        "End": True,
    }
    answer = state(send, {"text": "hello"}, inspectionLevel="DEBUG")
    message = emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]
    assert message["Body"] == "hello"
    assert answer["output"] == {"id": message["MessageId"]}
    assert answer["inspectionData"]["result"]["MessageId"] == message["MessageId"]
    missing = {"Type": "Task", "Resource": INVOKE, "Parameters": {"FunctionName": "absent"}, "End": True}
    failed = state(missing)
    assert (failed["status"], failed["error"]) == ("FAILED", "Lambda.ResourceNotFoundException")
    assert state.refusal(missing, roleArn=None) == (
        "ValidationException", "RoleArn must be specified when testing a Task state",
    )  # fmt: skip


TASK = {
    "Type": "Task",
    "QueryLanguage": "JSONata",
    "Resource": INVOKE,
    "Arguments": {"FunctionName": "f", "Payload": "p"},
    "Retry": [{"ErrorEquals": ["Busy"], "IntervalSeconds": 1, "MaxAttempts": 5, "BackoffRate": 2.0}],
    "Catch": [{"ErrorEquals": ["Busy", "Broken"], "Output": "{% $states.errorOutput %}", "Next": "Mend"}],
    "End": True,
}


def test_a_mocked_error_is_caught_or_retried(state: OneState) -> None:
    broken = {"errorOutput": {"error": "Broken", "cause": "c"}}
    assert state(TASK, {"v": 1}, mock=broken, inspectionLevel="DEBUG") == {
        "status": "CAUGHT_ERROR",
        "error": "Broken",
        "cause": "c",
        "nextState": "Mend",
        "output": {"Error": "Broken", "Cause": "c"},
        "inspectionData": {
            "input": {"v": 1},
            "afterArguments": {"FunctionName": "f", "Payload": "p"},
            "errorDetails": {"catchIndex": 0},
        },
    }
    busy = {"errorOutput": {"error": "Busy"}}
    again = state(TASK, mock=busy, stateConfiguration={"retrierRetryCount": 4}, inspectionLevel="DEBUG")
    assert (again["status"], again["error"]) == ("RETRIABLE", "Busy")
    assert again["inspectionData"]["errorDetails"] == {"retryIndex": 0, "retryBackoffIntervalSeconds": 16}
    over = state(TASK, mock=busy, stateConfiguration={"retrierRetryCount": 5}, inspectionLevel="DEBUG")
    assert over["status"] == "CAUGHT_ERROR"
    assert over["inspectionData"]["errorDetails"] == {"retryIndex": 0, "catchIndex": 0}


def test_a_mocked_result_is_judged_by_the_operations_model(state: OneState) -> None:
    put = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution",
        "Parameters": {"StateMachineArn": "a"},
        "ResultPath": "$.r",
        "End": True,
    }

    def text_of(result: Any, mode: str = "STRICT") -> str:
        code, text = state.refusal(put, mock={"result": json.dumps(result), "fieldValidationMode": mode})
        assert code == "ValidationException"
        return text.removeprefix("Mock result schema validation error: ")

    assert text_of({}) == "Required field 'ExecutionArn' is missing"
    assert text_of({"ExecutionArn": "a", "StartDate": True}, "PRESENT") == "Field 'StartDate' must be a string"
    assert state(put, mock={"result": "{}", "fieldValidationMode": "PRESENT"})["output"] == {"r": {}}
    odd = {"result": '{"StartDate": true}', "fieldValidationMode": "NONE"}
    assert state(put, mock=odd)["output"] == {"r": {"StartDate": True}}
    assert state.refusal(put, mock={"result": "no json"}) == (
        "ValidationException", "Mocked result must be valid JSON",
    )  # fmt: skip
    get = {"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:lambda:getFunction", "Parameters": {}, "End": True}
    for size, problem in ((1, "is less than the minimum value"), (10**9, "exceeds the maximum value")):
        mock = {"result": json.dumps({"Configuration": {"MemorySize": size}})}
        assert state.refusal(get, mock=mock)[1].endswith(f"Field 'MemorySize' {problem}")


def test_a_mocked_child_is_judged_as_the_description_of_its_end(state: OneState) -> None:
    def child(pattern: str) -> dict[str, Any]:
        resource = f"arn:aws:states:::states:startExecution{pattern}"
        return {"Type": "Task", "Resource": resource, "Parameters": {"StateMachineArn": "a"}, "End": True}

    begun = {"ExecutionArn": "a", "StartDate": "2026-01-01T00:00:00Z"}
    ended = {**begun, "StateMachineArn": "a", "Status": "SUCCEEDED", "StartDate": 1767225600000}
    assert state.refusal(child(".sync"), mock={"result": json.dumps(begun)})[1].endswith(
        "Required field 'StateMachineArn' is missing"
    )
    assert state(child(".sync"), mock={"result": json.dumps(ended | {"Output": "{}"})})["output"]["Output"] == "{}"
    parsed = {"result": json.dumps(ended | {"Output": {"n": 1}})}
    assert state.refusal(child(".sync"), mock=parsed)[1].endswith("Field 'Output' must be a string")
    assert state(child(".sync:2"), mock=parsed)["output"]["Output"] == {"n": 1}
    odd = {"result": json.dumps(ended | {"Status": "DONE"})}
    assert state.refusal(child(".sync:2"), mock=odd)[1].endswith("Field 'Status' is not an expected value")


def test_parallel_and_map_need_a_mock(state: OneState) -> None:
    inner = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    parallel = {"Type": "Parallel", "Branches": [inner, {"StartAt": "Q", "States": {"Q": {"Type": "Succeed"}}}]}
    parallel["End"] = True  # type: ignore[assignment]
    answer = state(parallel, {"a": 1}, mock={"result": "[1, 2]"}, inspectionLevel="DEBUG")
    assert answer["output"] == [1, 2]
    assert answer["inspectionData"] == {"input": {"a": 1}, "afterResultSelector": [1, 2], "afterResultPath": [1, 2]}
    types = "[Task, Wait, Pass, Succeed, Fail, Choice]"
    assert state.refusal(parallel) == (
        "InvalidDefinition",
        f"TestState API does not support Map or Parallel states. Supported state types include: {types}",
    )
    assert state.refusal(parallel, mock={"result": "{}"})[1] == "Mocked result must be an array."
    assert state.refusal(parallel, mock={"result": "[1]"})[1] == (
        "Mocked result must contain the same number of items as number of Parallel branches."
    )
    each = {
        "Type": "Map", "ItemProcessor": inner, "ItemsPath": "$.items", "MaxConcurrency": 2,
        "ItemSelector": {"value.$": "$$.Map.Item.Value"}, "End": True,
    }  # fmt: skip
    shown = state(each, {"items": [7, 8]}, mock={"result": '["a","b"]'}, inspectionLevel="DEBUG")["inspectionData"]
    assert shown["afterItemsPath"] == [7, 8]
    assert shown["afterItemSelector"] == [{"value": 7}, {"value": 8}]
    assert shown["maxConcurrency"] == 2
    too_many = {"mapIterationFailureCount": 3}
    assert state.refusal(each, {"items": [7, 8]}, mock={"result": "[]"}, stateConfiguration=too_many)[1] == (
        "Map iteration failure count must be less than or equal to the number of Map iterations"
    )
    unknown = {"errorCausedByState": "nobody"}
    assert state.refusal(each, mock={"errorOutput": {"error": "E"}}, stateConfiguration=unknown)[1] == (
        "State not found in definition"
    )
    failed = state(each, {"items": 5}, mock={"result": "[]"})
    assert (failed["status"], failed["error"]) == ("FAILED", "States.Runtime")
    assert failed["cause"] == 'Reference path "$.items" must point to array.'


def test_a_state_of_a_machine_is_tested_by_its_name(state: OneState) -> None:
    inner = {"StartAt": "Deep", "States": {"Deep": {"Type": "Pass", "Output": "{% $x + 1 %}", "End": True}}}
    machine = {
        "QueryLanguage": "JSONata",
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Next": "B"},
            "B": {"Type": "Map", "ItemProcessor": inner, "End": True},
        },
    }
    assert state(machine, {"v": 1}, stateName="A") == {"output": {"v": 1}, "nextState": "B", "status": "SUCCEEDED"}
    answer = state(machine, stateName="Deep", variables='{"x": 41}', inspectionLevel="DEBUG")
    assert answer["output"] == 42
    assert answer["inspectionData"] == {"input": {}, "variables": {"x": 41}}
    assert state.refusal(machine, stateName="None") == ("ValidationException", "State not found in definition")


def test_the_context_object_is_made_up_or_given(state: OneState) -> None:
    context = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": "{% $states.context %}", "End": True}
    made = state(context, {"a": 1}, roleArn=None)["output"]
    assert made["Execution"]["Input"] == {"a": 1}
    assert made["Execution"]["RoleArn"] is None
    assert ":express:" in made["Execution"]["Id"]
    assert made["State"]["Name"] == "StateName"
    assert "RedriveCount" not in made["Execution"]
    assert state(context, context='{"Execution": {"Name": "n"}}')["output"] == {"Execution": {"Name": "n"}}
    for given, problem in (
        ({"Execution": {"Id": 1}}, "Execution.Id must be a string"),
        ({"Map": {}}, "'Map' field is not supported when mocking a Context object"),
        ({"Execution": {"pokemon": 1}}, "Field 'pokemon' is not allowed"),
        ({"Other": {}}, "Field 'Other' is not allowed"),
    ):
        assert state.refusal(context, context=json.dumps(given)) == (
            "ValidationException", f"Invalid Context object provided: {problem}",
        )  # fmt: skip


def test_what_cannot_be_tested_is_refused(state: OneState) -> None:
    passing = {"Type": "Pass", "End": True}
    assert (
        state.refusal(passing, mock={"result": "1"})[1] == "State type 'Pass' is not supported when a mock is specified"
    )
    both = {"result": "1", "errorOutput": {"error": "E"}}
    assert state.refusal(TASK, mock=both)[1] == (
        "A test mock should have only one of the following fields: [result, errorOutput]."
    )
    assert state.refusal(TASK, mock={"result": "1"}, revealSecrets=True)[1] == (
        "TestState does not support RevealSecrets when a mock is specified."
    )
    code, text = state.refusal({"Type": "Pass", "Bad": 1, "End": True})
    assert (code, text) == (
        "InvalidDefinition",
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: Field 'Bad' is not supported at /'",
    )
    assert state.refusal("not json")[0] == "InvalidDefinition"
    assert state.refusal("[]")[0] == "InvalidDefinition"
    assert state.refusal(passing, variables="[]")[0] == "ValidationException"


def test_a_state_that_leads_to_itself_alone_can_be_tested(emulator: RunningEmulator) -> None:
    client = emulator.client("stepfunctions", config=Config(inject_host_prefix=False))
    answer = client.test_state(definition=json.dumps({"Type": "Pass", "Next": "StateName"}))
    assert (answer["status"], answer["nextState"]) == ("SUCCEEDED", "StateName")


def test_a_key_that_stands_twice_is_refused(emulator: RunningEmulator) -> None:
    client = emulator.client("stepfunctions", config=Config(inject_host_prefix=False))
    with pytest.raises(ClientError) as refused:
        client.test_state(definition='{"Type": "Pass", "End": true, "Result": 1, "Result": 2}')
    assert "Duplicate field 'Result'" in refused.value.response["Error"]["Message"]
