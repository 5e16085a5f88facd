"""`Credentials` of tasks through boto3: judged, shown in histories, and whose account calls [R:credentials]."""

from __future__ import annotations

import json
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
TRUSTED = "arn:aws:iam::222222222222:role/trusted"
OTHER = "arn:aws:states:us-east-1:222222222222:stateMachine:child"


def create(client: Any, definition: dict[str, Any], name: str = "m", kind: str = "STANDARD") -> str:
    answer = client.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind)
    return answer["stateMachineArn"]


def run(emulator: RunningEmulator, task: dict[str, Any], given: dict[str, Any], **machine: Any) -> list[dict[str, Any]]:
    """The history of an execution of one task."""
    sfn = emulator.client("stepfunctions")
    states = {"Task": {"Type": "Task", "End": True, **task}}
    arn = create(sfn, {"StartAt": "Task", "States": states, **machine})
    execution = sfn.start_execution(stateMachineArn=arn, input=json.dumps(given))["executionArn"]
    emulator.settle()
    return sfn.get_execution_history(executionArn=execution)["events"]


@pytest.fixture
def child(emulator: RunningEmulator) -> Any:
    """A machine in another account."""
    client = boto3.client(
        "stepfunctions", endpoint_url=emulator.url, region_name="us-east-1",
        aws_access_key_id="222222222222", aws_secret_access_key="x",
    )  # fmt: skip
    states = {"Only": {"Type": "Pass", "Result": {"Arg1": "argument1"}, "End": True}}
    assert create(client, {"StartAt": "Only", "States": states}, "child") == OTHER
    return client


@pytest.mark.parametrize(
    "role",
    ["$.CredentialsRoleArn", "$$.Execution.Input.CredentialsRoleArn", "States.Format('{}', $.CredentialsRoleArn)"],
)
def test_a_task_is_called_as_the_account_of_its_role(emulator: RunningEmulator, child: Any, role: str) -> None:
    task = {
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn.$": "$.StateMachineArn", "Input": "{}", "Name": "one"},
        "Credentials": {"RoleArn.$": role},
    }
    events = run(emulator, task, {"StateMachineArn": OTHER, "CredentialsRoleArn": TRUSTED})
    assert [event["type"] for event in events][-4:] == [
        "TaskSubmitted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    scheduled = events[2]["taskScheduledEventDetails"]
    assert (scheduled["resource"], scheduled["taskCredentials"]) == ("startExecution.sync", {"roleArn": TRUSTED})
    [started] = child.list_executions(stateMachineArn=OTHER)["executions"]
    assert started["executionArn"] == "arn:aws:states:us-east-1:222222222222:execution:child:one"


def test_in_jsonata_and_in_the_events_of_functions(emulator: RunningEmulator) -> None:
    task = {
        "Resource": "arn:aws:lambda:us-east-1:222222222222:function:none",
        "Credentials": {"RoleArn": "{% $states.input.CredentialsRoleArn %}"},
    }
    events = run(emulator, task, {"CredentialsRoleArn": TRUSTED}, QueryLanguage="JSONata")
    scheduled = events[2]["lambdaFunctionScheduledEventDetails"]
    assert scheduled["taskCredentials"] == {"roleArn": TRUSTED}
    assert events[-1]["executionFailedEventDetails"]["error"] == "Lambda.ResourceNotFoundException"


@pytest.mark.parametrize("given", [1, "", "not-an-arn", {"a": 1}])
def test_what_is_no_role_fails_the_state(emulator: RunningEmulator, given: Any) -> None:
    task = {
        "Resource": "arn:aws:states:::states:startExecution", "Parameters": {"StateMachineArn": OTHER},
        "Credentials": {"RoleArn.$": "$.role"},
    }  # fmt: skip
    events = run(emulator, task, {"role": given})
    assert [event["type"] for event in events] == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
    assert events[-1]["executionFailedEventDetails"]["error"] == "States.Runtime"


@pytest.mark.parametrize("credentials", [{}, {"InvalidField": "invalid"}])
def test_credentials_name_a_role(emulator: RunningEmulator, credentials: dict[str, str]) -> None:
    task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "Arguments": "{% $state.input %}",
            "Credentials": credentials, "End": True}  # fmt: skip
    definition = {"StartAt": "State0", "QueryLanguage": "JSONata", "States": {"State0": task}}
    with pytest.raises(ClientError) as refused:
        create(emulator.client("stepfunctions"), definition)
    assert refused.value.response["Error"]["Message"] == (
        "Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: The field 'RoleArn' is required but was missing "
        "at /States/State0/Credentials'"
    )
