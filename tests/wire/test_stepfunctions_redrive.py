"""RedriveExecution through boto3: what runs again, what does not, and who may not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"
DAY = 86400


def send(queue: str, **more: Any) -> dict[str, Any]:
    """A task that succeeds once the queue exists."""
    parameters = {"QueueUrl": queue, "MessageBody.$": "States.JsonToString($$.Execution.RedriveCount)"}
    return {
        "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": parameters,
        "ResultPath": None, **more,
    }  # fmt: skip


@pytest.fixture
def urls(emulator: RunningEmulator) -> tuple[str, str]:
    """(a queue that exists, one that does not yet)."""
    good = emulator.client("sqs").create_queue(QueueName="good")["QueueUrl"]
    return good, good.replace("/good", "/late")


def start(emulator: RunningEmulator, definition: Any) -> str:
    sfn = emulator.client("stepfunctions")
    arn = sfn.create_state_machine(name="m", definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]
    execution = sfn.start_execution(stateMachineArn=arn, input='{"a":1}')["executionArn"]
    emulator.settle()
    return execution


def history(emulator: RunningEmulator, execution: str) -> list[str]:
    events = emulator.client("stepfunctions").get_execution_history(executionArn=execution, maxResults=1000)["events"]
    return [event["type"] for event in events]


def describe(emulator: RunningEmulator, execution: str) -> dict[str, Any]:
    return emulator.client("stepfunctions").describe_execution(executionArn=execution)


def bodies(emulator: RunningEmulator, queue: str) -> list[str]:
    found = emulator.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
    return [message["Body"] for message in found]


def test_a_redriven_execution_goes_on_in_the_task_that_failed(emulator: RunningEmulator, urls: tuple[str, str]) -> None:
    good, late = urls
    states = {"One": send(good, Next="Two"), "Two": send(late, Next="Done"), "Done": {"Type": "Succeed"}}
    execution = start(emulator, {"StartAt": "One", "States": states})
    failed = describe(emulator, execution)
    assert (failed["status"], failed["redriveStatus"], failed["redriveCount"]) == ("FAILED", "REDRIVABLE", 0)
    before = history(emulator, execution)
    emulator.client("sqs").create_queue(QueueName="late")
    emulator.advance(60)
    sfn = emulator.client("stepfunctions")
    answer = sfn.redrive_execution(executionArn=execution)
    emulator.settle()
    described = describe(emulator, execution)
    assert (described["status"], described["output"], described["redriveCount"]) == ("SUCCEEDED", '{"a":1}', 1)
    assert described["redriveDate"] == answer["redriveDate"]
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    assert "error" not in described
    assert history(emulator, execution) == [
        *before, "ExecutionRedriven", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited",
        "SucceedStateEntered", "SucceedStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    events = sfn.get_execution_history(executionArn=execution, reverseOrder=True)["events"]
    redriven = next(event for event in events if event["type"] == "ExecutionRedriven")
    assert redriven["executionRedrivenEventDetails"] == {"redriveCount": 1}
    assert (bodies(emulator, good), bodies(emulator, late)) == (["0"], ["1"])
    listed = sfn.list_executions(stateMachineArn=described["stateMachineArn"], redriveFilter="REDRIVEN")
    assert [item["redriveCount"] for item in listed["executions"]] == [1]
    none = sfn.list_executions(stateMachineArn=described["stateMachineArn"], redriveFilter="NOT_REDRIVEN")
    with pytest.raises(ClientError, match=r"enum value set: \[REDRIVEN, NOT_REDRIVEN\]"):
        sfn.list_executions(stateMachineArn=described["stateMachineArn"], redriveFilter=described["stateMachineArn"])
    assert none["executions"] == []


def test_only_branches_that_did_not_succeed_run_again(emulator: RunningEmulator, urls: tuple[str, str]) -> None:
    good, late = urls
    slow = {"Type": "Wait", "Seconds": 30, "Next": "Slow"}
    branches = [
        {"StartAt": "Good", "States": {"Good": send(good, End=True)}},
        {"StartAt": "Late", "States": {"Late": send(late, End=True)}},
        {"StartAt": "Sleep", "States": {"Sleep": slow, "Slow": send(good, End=True)}},
    ]
    parallel = {"Type": "Parallel", "Branches": branches, "End": True}
    execution = start(emulator, {"StartAt": "All", "States": {"All": parallel}})
    assert "WaitStateAborted" in history(emulator, execution)
    sfn = emulator.client("stepfunctions")
    sfn.redrive_execution(executionArn=execution)
    emulator.settle()
    assert describe(emulator, execution)["status"] == "FAILED"
    emulator.client("sqs").create_queue(QueueName="late")
    sfn.redrive_execution(executionArn=execution)
    emulator.settle()
    described = describe(emulator, execution)
    assert (described["status"], described["output"]) == ("SUCCEEDED", '[{"a":1},{"a":1},{"a":1}]')
    assert described["redriveCount"] == 2
    assert (bodies(emulator, good), bodies(emulator, late)) == (["0", "2"], ["2"])


def test_a_map_goes_on_with_the_items_that_did_not_succeed(emulator: RunningEmulator, urls: tuple[str, str]) -> None:
    good, late = urls
    choice = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "NumericEquals": 2, "Next": "Late"}],
        "Default": "Good",
    }
    states = {"Which": choice, "Late": send(late, End=True), "Good": send(good, End=True)}
    each = {
        "Type": "Map",
        "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "Which", "States": states},
        "End": True,
    }
    four = {"Type": "Pass", "Result": [1, 2, 3, 4], "Next": "Each"}
    execution = start(emulator, {"StartAt": "Four", "States": {"Four": four, "Each": each}})
    assert describe(emulator, execution)["status"] == "FAILED"
    emulator.client("sqs").create_queue(QueueName="late")
    emulator.client("stepfunctions").redrive_execution(executionArn=execution)
    emulator.settle()
    described = describe(emulator, execution)
    assert (described["status"], described["output"]) == ("SUCCEEDED", "[1,2,3,4]")
    assert (bodies(emulator, good), bodies(emulator, late)) == (["0", "1", "1"], ["1"])


def test_an_aborted_and_a_timed_out_execution_go_on_too(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}
    arn = sfn.create_state_machine(name="w", definition=json.dumps(wait), roleArn=ROLE)["stateMachineArn"]
    stopped = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    sfn.stop_execution(executionArn=stopped, error="E", cause="C")
    limited = {**wait, "TimeoutSeconds": 50}
    sfn.update_state_machine(stateMachineArn=arn, definition=json.dumps(limited))
    late = sfn.start_execution(stateMachineArn=arn)["executionArn"]
    emulator.settle()
    assert [describe(emulator, each)["status"] for each in (stopped, late)] == ["ABORTED", "TIMED_OUT"]
    before = emulator.now()
    for each in (stopped, late):
        sfn.redrive_execution(executionArn=each)
        assert describe(emulator, each)["status"] == "RUNNING"
    emulator.settle()
    assert [describe(emulator, each)["status"] for each in (stopped, late)] == ["SUCCEEDED", "TIMED_OUT"]
    assert emulator.now() - before == 60


def test_a_client_token_redrives_once(emulator: RunningEmulator, urls: tuple[str, str]) -> None:
    execution = start(emulator, {"StartAt": "S", "States": {"S": send(urls[1], End=True)}})
    sfn = emulator.client("stepfunctions")
    first = sfn.redrive_execution(executionArn=execution, clientToken="t")["redriveDate"]
    emulator.settle()
    emulator.advance(10)
    assert sfn.redrive_execution(executionArn=execution, clientToken="t")["redriveDate"] == first
    assert describe(emulator, execution)["redriveCount"] == 1
    sfn.redrive_execution(executionArn=execution, clientToken="u")
    emulator.settle()
    assert describe(emulator, execution)["redriveCount"] == 2


def test_what_cannot_be_redriven_is_refused(emulator: RunningEmulator, urls: tuple[str, str]) -> None:
    sfn = emulator.client("stepfunctions")
    execution = start(emulator, {"StartAt": "S", "States": {"S": send(urls[1], End=True)}})
    emulator.advance(14 * DAY + 1)
    described = describe(emulator, execution)
    assert described["redriveStatus"] == "NOT_REDRIVABLE"
    with pytest.raises(ClientError) as caught:
        sfn.redrive_execution(executionArn=execution)
    assert caught.value.response["Error"]["Code"] == "ExecutionNotRedrivable"


def test_retries_are_counted_anew_after_a_redrive(emulator: RunningEmulator, urls: tuple[str, str]) -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "MaxAttempts": 2, "IntervalSeconds": 1}]
    state = send(urls[1], Retry=retry, End=True)
    execution = start(emulator, {"StartAt": "T", "States": {"T": state}})
    emulator.advance(10)
    assert history(emulator, execution).count("TaskFailed") == 3
    emulator.client("stepfunctions").redrive_execution(executionArn=execution)
    emulator.advance(10)
    assert history(emulator, execution).count("TaskFailed") == 6
    assert describe(emulator, execution)["status"] == "FAILED"


def test_no_execution_lasts_longer_than_a_year(emulator: RunningEmulator) -> None:
    wait = {"Type": "Wait", "Seconds": 300 * DAY}
    states = {"Parallel": {"Type": "Parallel", "Next": "Again", "Branches": [
                  {"StartAt": name, "States": {name: {**wait, "End": True}}} for name in ("A", "B")]},
              "Again": {**wait, "Next": "Done"}, "Done": {"Type": "Succeed"}}  # fmt: skip
    begun = emulator.now()
    execution = start(emulator, {"StartAt": "Parallel", "States": states})
    emulator.advance(400 * DAY)
    described = describe(emulator, execution)
    assert (described["status"], round(described["stopDate"].timestamp() - begun)) == ("TIMED_OUT", 365 * DAY)
    assert history(emulator, execution)[-2:] == ["WaitStateEntered", "ExecutionTimedOut"]
    assert (described["redriveStatus"], described["redriveStatusReason"]) == (
        "NOT_REDRIVABLE", "Execution redrivable period exceeded",
    )  # fmt: skip
    assert emulator.control("GET", "queue")["total"] == 0


def test_an_execution_may_last_almost_a_year(emulator: RunningEmulator) -> None:
    states = {"W": {"Type": "Wait", "Seconds": 364 * DAY, "End": True}}
    execution = start(emulator, {"StartAt": "W", "States": states})
    assert describe(emulator, execution)["status"] == "SUCCEEDED"
