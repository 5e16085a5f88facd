"""Express state machines through boto3: synchronous and asynchronous executions, what they refuse, what they log."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire import lambda_support

ROLE = "arn:aws:iam::000000000000:role/states"
QUEUE_URL = "{% $states.input.queue %}"
WRONG_TYPE = ("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")


def one(state: dict[str, Any]) -> dict[str, Any]:
    return {"StartAt": "S", "States": {"S": {"End": True, **state}}}


def client(emulator: RunningEmulator) -> Any:
    """boto3 would send StartSyncExecution to `sync-127.0.0.1`."""
    return emulator.client("stepfunctions", config=Config(inject_host_prefix=False, retries={"total_max_attempts": 1}))


def create(emulator: RunningEmulator, definition: Any, name: str = "quick", kind: str = "EXPRESS", **more: Any) -> str:
    return client(emulator).create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE, type=kind, **more
    )["stateMachineArn"]


def error_of(work: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        work()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_synchronous_execution_answers_with_its_result(emulator: RunningEmulator) -> None:
    arn = create(emulator, one({"Type": "Pass", "Result": {"n": 1}}))
    answer = client(emulator).start_sync_execution(stateMachineArn=arn, name="one", input='{"a": 1}')
    del answer["ResponseMetadata"]
    assert re.fullmatch(
        r"arn:aws:states:us-east-1:000000000000:express:quick:one:[0-9a-f-]{36}", answer["executionArn"]
    )
    assert answer.pop("startDate") == answer.pop("stopDate")
    assert answer == {
        "executionArn": answer["executionArn"],
        "stateMachineArn": arn,
        "name": "one",
        "status": "SUCCEEDED",
        "input": '{"a": 1}',
        "inputDetails": {"included": True},
        "output": '{"n":1}',
        "outputDetails": {"included": True},
        "billingDetails": {"billedMemoryUsedInMB": 64, "billedDurationInMilliseconds": 100},
    }


def test_a_synchronous_execution_that_fails_is_an_answer_too(emulator: RunningEmulator) -> None:
    arn = create(emulator, {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "Bad", "Cause": "because"}}})
    answer = client(emulator).start_sync_execution(stateMachineArn=arn)
    assert (answer["status"], answer["error"], answer["cause"]) == ("FAILED", "Bad", "because")
    assert answer["outputDetails"] == {"included": True}
    assert "output" not in answer
    assert answer["input"] == "{}"
    short = client(emulator).start_sync_execution(stateMachineArn=arn, includedData="METADATA_ONLY")
    assert not {"input", "output", "inputDetails", "outputDetails", "error"} & short.keys()


def test_waits_and_back_offs_take_aws_time(emulator: RunningEmulator) -> None:
    states = {
        "W": {"Type": "Wait", "Seconds": 7, "Next": "T"},
        "T": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "absent"},
            "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 5, "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Done"}],
            "End": True,
        },
        "Done": {"Type": "Succeed"},
    }
    arn = create(emulator, {"StartAt": "W", "States": states})
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(client(emulator).start_sync_execution, stateMachineArn=arn)
        while not pending.done():
            emulator.advance(1)
    answer = pending.result()
    assert answer["status"] == "SUCCEEDED"
    assert json.loads(answer["output"])["Error"] == "Lambda.ResourceNotFoundException"
    assert (answer["stopDate"] - answer["startDate"]).total_seconds() == 12
    assert answer["billingDetails"]["billedDurationInMilliseconds"] == 12_000


def test_after_five_minutes_an_express_execution_times_out(emulator: RunningEmulator) -> None:
    arn = create(emulator, one({"Type": "Wait", "Seconds": 301}))
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(client(emulator).start_sync_execution, stateMachineArn=arn)
        while not pending.done():
            emulator.advance(60)
    answer = pending.result()
    assert (answer["status"], answer["error"]) == ("TIMED_OUT", "States.Timeout")
    assert (answer["stopDate"] - answer["startDate"]).total_seconds() == 300


def test_a_machine_that_turns_in_circles_ends_and_lets_others_work(emulator: RunningEmulator) -> None:
    loop = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}
    loop["States"]["B"] = {
        "Type": "Choice", "Choices": [{"Variable": "$.stop", "IsPresent": True, "Next": "E"}], "Default": "A",
    }  # fmt: skip
    loop["States"]["E"] = {"Type": "Succeed"}
    arn = create(emulator, loop)
    with ThreadPoolExecutor(1) as pool:
        pending = pool.submit(client(emulator).start_sync_execution, stateMachineArn=arn)
        assert client(emulator).list_state_machines()["stateMachines"]
        assert not pending.done()
        assert pending.result()["status"] == "TIMED_OUT"


def test_parallel_branches_map_items_and_tasks_of_other_services_work(emulator: RunningEmulator) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue, "MessageBody.$": "States.JsonToString($)"},
        "ResultPath": None,
        "End": True,
    }
    wait = {"Type": "Wait", "Seconds": 0, "End": True}
    parallel = {
        "Type": "Parallel",
        "Branches": [{"StartAt": "Send", "States": {"Send": send}}, {"StartAt": "W", "States": {"W": wait}}],
        "Next": "Each",
    }
    each = {
        "Type": "Map",
        "ItemProcessor": {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}},
        "End": True,
    }
    arn = create(emulator, {"StartAt": "Both", "States": {"Both": parallel, "Each": each}})
    answer = client(emulator).start_sync_execution(stateMachineArn=arn, input='{"x":1}')
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", [{"x": 1}, {"x": 1}])
    received = emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"]
    assert [message["Body"] for message in received] == ['{"x":1}']


def test_an_asynchronous_execution_runs_after_the_answer_and_may_use_a_name_twice(emulator: RunningEmulator) -> None:
    queue = emulator.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": queue, "MessageBody.$": "$$.Execution.Id"},
    }
    arn = create(emulator, one(task))
    first = client(emulator).start_execution(stateMachineArn=arn, name="same", input="{}")
    second = client(emulator).start_execution(stateMachineArn=arn, name="same", input="{}")
    emulator.settle()
    assert first["executionArn"].startswith("arn:aws:states:us-east-1:000000000000:express:quick:same:")
    received = emulator.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert {message["Body"] for message in received} == {first["executionArn"], second["executionArn"]}


def test_many_asynchronous_executions_wait_side_by_side(emulator: RunningEmulator) -> None:
    arn = create(emulator, one({"Type": "Wait", "Seconds": 60}))
    before = emulator.now()
    for _ in range(20):
        client(emulator).start_execution(stateMachineArn=arn)
    emulator.settle()
    assert emulator.now() - before == 60


def test_operations_for_the_other_type_are_refused(emulator: RunningEmulator) -> None:
    sfn = client(emulator)
    express = create(emulator, one({"Type": "Pass"}))
    standard = create(emulator, one({"Type": "Pass"}), "slow", "STANDARD")
    assert error_of(lambda: sfn.start_sync_execution(stateMachineArn=standard)) == WRONG_TYPE
    assert error_of(lambda: sfn.list_executions(stateMachineArn=express)) == WRONG_TYPE
    execution = sfn.start_execution(stateMachineArn=express)["executionArn"]
    for ask in (sfn.describe_execution, sfn.get_execution_history, sfn.stop_execution):
        assert error_of(lambda ask=ask: ask(executionArn=execution)) == (
            "InvalidArn", "Invalid Arn: 'Resource type not valid in this context: express'",
        )  # fmt: skip
    assert sfn.describe_state_machine(stateMachineArn=express)["type"] == "EXPRESS"
    assert {item["name"]: item["type"] for item in sfn.list_state_machines()["stateMachines"]} == {
        "quick": "EXPRESS",
        "slow": "STANDARD",
    }
    emulator.settle()


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (
            "arn:aws:states:::states:startExecution.sync",
            "Express state machine does not support '.sync' service integration at /States/S/Resource",
        ),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Express state machine does not support '.waitForTaskToken' service integration  at /States/S/Resource",
        ),
        (
            "arn:aws:states:us-east-1:000000000000:activity:a",
            "Express state machine does not support Activity ARN at /States/S/Resource",
        ),
    ],
)
def test_what_express_machines_cannot_wait_for_is_refused(
    emulator: RunningEmulator, resource: str, problem: str
) -> None:
    parameters = {"StateMachineArn": "a", "QueueUrl": "q", "MessageBody": "b"}
    wanted = {name: parameters[name] for name in (("StateMachineArn",) if "states:start" in resource else ())}
    state = {"Type": "Task", "Resource": resource, **({"Parameters": wanted} if wanted else {})}
    if "sqs" in resource:
        state["Parameters"] = {"QueueUrl": "q", "MessageBody": "b"}
    code, text = error_of(lambda: create(emulator, one(state)))
    assert code == "InvalidDefinition"
    assert text == f"Invalid State Machine Definition: 'SCHEMA_VALIDATION_FAILED: {problem}'"
    create(emulator, one(state), kind="STANDARD")


def test_a_bad_start_is_refused_before_anything_runs(emulator: RunningEmulator) -> None:
    arn = create(emulator, one({"Type": "Pass"}))
    sfn = client(emulator)
    code, text = error_of(lambda: sfn.start_sync_execution(stateMachineArn=arn, input=""))
    assert (code, text) == (
        "InvalidExecutionInput",
        "Invalid State Machine Execution Input: 'Invalid execution input.'",
    )
    assert error_of(lambda: sfn.start_sync_execution(stateMachineArn=arn, name="a b"))[0] == "InvalidName"
    assert error_of(lambda: sfn.start_sync_execution(stateMachineArn=arn + "x"))[0] == "StateMachineDoesNotExist"
    assert error_of(lambda: sfn.start_sync_execution(stateMachineArn="nothing"))[0] == "InvalidArn"


def test_odd_data_fails_the_execution_and_not_the_emulator(emulator: RunningEmulator) -> None:
    deep = "[" * 900 + "]" * 900
    arn = create(emulator, one({"Type": "Pass", "Parameters": {"a.$": "$..*"}}))
    assert client(emulator).start_sync_execution(stateMachineArn=arn, input=deep)["status"] in ("SUCCEEDED", "FAILED")


def test_a_standard_machine_waits_for_an_express_execution(emulator: RunningEmulator) -> None:
    sfn = client(emulator)
    quick = create(emulator, {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "End": True}}})
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
        "Parameters": {"StateMachineArn": quick, "Input.$": "States.JsonToString($)"},
    }
    slow = create(emulator, one(call), "slow", "STANDARD")
    execution = sfn.start_execution(stateMachineArn=slow, input='{"a":1}')["executionArn"]
    emulator.settle()
    described = sfn.describe_execution(executionArn=execution)
    output = json.loads(described["output"])
    assert (output["Status"], output["Output"]) == ("SUCCEEDED", '{"a":1}')
    assert (described["stopDate"] - described["startDate"]).total_seconds() == 5
    sfn.delete_state_machine(stateMachineArn=quick)
    failed = sfn.start_execution(stateMachineArn=slow)["executionArn"]
    emulator.settle()
    assert sfn.describe_execution(executionArn=failed)["error"] == "Sfn.StateMachineDoesNotExistException"


def test_a_machine_that_starts_itself_synchronously_comes_to_an_end(emulator: RunningEmulator) -> None:
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sfn:startSyncExecution",
        "Parameters": {"StateMachineArn.$": "$$.StateMachine.Id"},
        "OutputPath": "$.Status",
    }
    arn = create(emulator, one(call))
    assert client(emulator).start_sync_execution(stateMachineArn=arn)["status"] == "SUCCEEDED"


def test_an_express_machine_is_no_nested_execution_to_wait_for(emulator: RunningEmulator) -> None:
    sfn = client(emulator)
    quick = create(emulator, one({"Type": "Pass"}))
    call = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn": quick},
    }
    execution = sfn.start_execution(stateMachineArn=create(emulator, one(call), "slow", "STANDARD"))["executionArn"]
    emulator.settle()
    described = sfn.describe_execution(executionArn=execution)
    assert (described["status"], described["error"]) == (
        "FAILED",
        "StepFunctions.StateMachineTypeNotSupportedException",
    )


def test_functions_start_synchronous_executions_with_a_plain_boto3_client(emulator: RunningEmulator) -> None:
    machine = create(emulator, one({"Type": "Pass", "Result": {"n": 1}}))
    code = """
import boto3, json

def handler(event, context):
    answer = boto3.client("stepfunctions").start_sync_execution(stateMachineArn=event["machine"])
    return {"status": answer["status"], "output": json.loads(answer["output"])}
"""
    functions = emulator.client("lambda")
    lambda_support.create(functions, "starter", Code={"ZipFile": lambda_support.package(code)})
    answer = functions.invoke(FunctionName="starter", Payload=json.dumps({"machine": machine}))
    assert json.loads(answer["Payload"].read()) == {"status": "SUCCEEDED", "output": {"n": 1}}
