"""Tasks that wait: for a callback with a task token, for a nested execution, for a worker of an activity."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/any"
NO_DETAILS = ("timestamp", "id", "previousEventId", "type")


def machine(emulator: RunningEmulator, name: str, state: dict[str, Any], **others: Any) -> str:
    definition = {"StartAt": "S", "States": {"S": {"Type": "Task", "End": True, **state}, **others}}
    sfn = emulator.client("stepfunctions")
    return sfn.create_state_machine(name=name, definition=json.dumps(definition), roleArn=ROLE)["stateMachineArn"]


def start(emulator: RunningEmulator, machine_arn: str, value: Any = None) -> str:
    text = json.dumps({} if value is None else value)
    return emulator.client("stepfunctions").start_execution(stateMachineArn=machine_arn, input=text)["executionArn"]


def history(emulator: RunningEmulator, arn: str) -> list[dict[str, Any]]:
    return emulator.client("stepfunctions").get_execution_history(executionArn=arn, maxResults=1000)["events"]


def types(emulator: RunningEmulator, arn: str) -> list[str]:
    return [event["type"] for event in history(emulator, arn)]


def describe(emulator: RunningEmulator, arn: str) -> dict[str, Any]:
    return emulator.client("stepfunctions").describe_execution(executionArn=arn)


def details(emulator: RunningEmulator, arn: str, kind: str) -> dict[str, Any]:
    event = next(event for event in history(emulator, arn) if event["type"] == kind)
    return next(value for key, value in event.items() if key not in NO_DETAILS)


# ── callbacks ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def queue(emulator: RunningEmulator) -> str:
    return emulator.client("sqs").create_queue(QueueName="approvals")["QueueUrl"]


def asks_for_approval(queue: str, **more: Any) -> dict[str, Any]:
    return {
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue, "MessageBody": {"for.$": "$.report", "token.$": "$$.Task.Token"}},
        **more,
    }


def token_in(emulator: RunningEmulator, queue: str) -> str:
    message = emulator.client("sqs").receive_message(QueueUrl=queue)["Messages"][0]
    return json.loads(message["Body"])["token"]


def test_a_task_waits_for_whoever_has_its_token(emulator: RunningEmulator, queue: str) -> None:
    sfn = emulator.client("stepfunctions")
    arn = start(emulator, machine(emulator, "m", asks_for_approval(queue)), {"report": "Q3"})
    emulator.settle()
    assert describe(emulator, arn)["status"] == "RUNNING"
    token = token_in(emulator, queue)
    sfn.send_task_success(taskToken=token, output='{"approved": true}')
    emulator.settle()
    assert json.loads(describe(emulator, arn)["output"]) == {"approved": True}
    assert types(emulator, arn) == [
        "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded",
        "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    submitted = details(emulator, arn, "TaskSubmitted")
    assert (submitted["resourceType"], submitted["resource"]) == ("sqs", "sendMessage.waitForTaskToken")
    assert list(json.loads(submitted["output"])) == [
        "MD5OfMessageBody", "MessageId", "SdkHttpMetadata", "SdkResponseMetadata",
    ]  # fmt: skip
    with pytest.raises(ClientError) as late:
        sfn.send_task_success(taskToken=token, output="{}")
    assert late.value.response["Error"] == {
        "Code": "TaskTimedOut", "Message": "Task Timed Out: 'Provided task does not exist anymore'",
    }  # fmt: skip


def test_a_token_is_worth_nothing_once_its_execution_has_ended(emulator: RunningEmulator, queue: str) -> None:
    sfn = emulator.client("stepfunctions")
    state = {**asks_for_approval(queue), "Type": "Task", "End": True}
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "F"}, "F": {"Type": "Fail"}}}
    parallel = {"Type": "Parallel", "Branches": [{"StartAt": "T", "States": {"T": state}}, wait]}
    failed = start(emulator, machine(emulator, "fails", parallel), {"report": "Q1"})
    stopped = start(emulator, machine(emulator, "stopped", asks_for_approval(queue)), {"report": "Q2"})
    emulator.advance(1)
    tokens = [token_in(emulator, queue), token_in(emulator, queue)]
    sfn.stop_execution(executionArn=stopped)
    emulator.advance(10)
    assert [describe(emulator, arn)["status"] for arn in (failed, stopped)] == ["FAILED", "ABORTED"]
    for arn, token in zip((failed, stopped), tokens, strict=True):
        before = types(emulator, arn)
        with pytest.raises(ClientError, match="TaskTimedOut"):
            sfn.send_task_success(taskToken=token, output="{}")
        emulator.settle()
        assert types(emulator, arn) == before


def test_a_worker_is_not_given_what_nobody_waits_for_any_more(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    activity = sfn.create_activity(name="paint")["activityArn"]
    branches = [
        {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": activity, "End": True}}},
        {"StartAt": "F", "States": {"F": {"Type": "Fail"}}},
    ]
    failed = start(emulator, machine(emulator, "fails", {"Type": "Parallel", "Branches": branches}), "first")
    stopped = start(emulator, machine(emulator, "m", {"Resource": activity}), "second")
    sfn.stop_execution(executionArn=stopped)
    arn = sfn.describe_execution(executionArn=stopped)["stateMachineArn"]
    going = start(emulator, arn, "third")
    emulator.settle()
    assert [describe(emulator, each)["status"] for each in (failed, stopped, going)] == ["FAILED", "ABORTED", "RUNNING"]
    assert sfn.get_activity_task(activityArn=activity)["input"] == '"third"'


def test_an_output_is_measured_in_bytes(emulator: RunningEmulator, queue: str) -> None:
    sfn = emulator.client("stepfunctions")
    arn = start(emulator, machine(emulator, "m", asks_for_approval(queue)), {"report": "Q3"})
    emulator.settle()
    token = token_in(emulator, queue)
    with pytest.raises(ClientError, match="InvalidOutput"):
        sfn.send_task_success(taskToken=token, output='"' + "é" * 131_072 + '"')
    sfn.send_task_success(taskToken=token, output='"' + "é" * 131_071 + '"')
    emulator.settle()
    assert describe(emulator, arn)["status"] == "SUCCEEDED"


def test_a_failure_without_error_and_cause_is_caught_with_nulls(emulator: RunningEmulator, queue: str) -> None:
    state = asks_for_approval(queue, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "H"}])
    arn = start(emulator, machine(emulator, "m", state, H={"Type": "Pass", "End": True}), {"report": "Q3"})
    emulator.settle()
    emulator.client("stepfunctions").send_task_failure(taskToken=token_in(emulator, queue))
    emulator.settle()
    assert json.loads(describe(emulator, arn)["output"]) == {"Error": None, "Cause": None}


def test_a_heartbeat_keeps_the_task_and_its_absence_ends_it(emulator: RunningEmulator, queue: str) -> None:
    sfn = emulator.client("stepfunctions")
    state = asks_for_approval(queue, HeartbeatSeconds=10, TimeoutSeconds=600)
    arn = start(emulator, machine(emulator, "m", state), {"report": "Q3"})
    emulator.advance(1)
    token = token_in(emulator, queue)
    for _ in range(3):
        emulator.advance(8)
        sfn.send_task_heartbeat(taskToken=token)
    emulator.advance(9)
    assert describe(emulator, arn)["status"] == "RUNNING"
    emulator.advance(1)
    assert describe(emulator, arn)["error"] == "States.Timeout"
    assert details(emulator, arn, "TaskTimedOut") == {
        "resourceType": "sqs", "resource": "sendMessage.waitForTaskToken", "error": "States.Timeout",
    }  # fmt: skip


def test_wrong_tokens_and_outputs_are_told_apart(emulator: RunningEmulator, queue: str) -> None:
    sfn = emulator.client("stepfunctions")
    start(emulator, machine(emulator, "m", asks_for_approval(queue)), {"report": "Q3"})
    emulator.settle()
    token = token_in(emulator, queue)
    for wanted, call in (
        ("InvalidToken", lambda: sfn.send_task_success(taskToken="Invalid token", output="{}")),
        ("InvalidOutput", lambda: sfn.send_task_success(taskToken=token, output="not JSON")),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == wanted


# ── nested executions ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("pattern", "output"), [(".sync", '{"n":2}'), (".sync:2", {"n": 2})])
def test_a_task_waits_for_the_execution_it_started(emulator: RunningEmulator, pattern: str, output: Any) -> None:
    child = machine(emulator, "child", {"Type": "Wait", "Seconds": 60, "Next": "R", "End": False},
                    R={"Type": "Pass", "Result": {"n": 2}, "End": True})  # fmt: skip
    state = {
        "Resource": f"arn:aws:states:::states:startExecution{pattern}",
        "Parameters": {"StateMachineArn": child, "Name": "nested", "Input": {"a": 1}},
    }
    arn = start(emulator, machine(emulator, "parent", state))
    emulator.advance(59)
    assert describe(emulator, arn)["status"] == "RUNNING"
    emulator.advance(1)
    result = json.loads(describe(emulator, arn)["output"])
    assert list(result) == [
        "ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveStatus",
        "RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate",
    ]  # fmt: skip
    assert (result["Name"], result["Status"], result["Output"]) == ("nested", "SUCCEEDED", output)
    assert result["StopDate"] - result["StartDate"] == 60_000
    assert "TaskSubmitted" in types(emulator, arn)


def test_a_nested_execution_that_fails_fails_its_task(emulator: RunningEmulator) -> None:
    child = machine(emulator, "child", {"Type": "Pass", "Next": "F", "End": False},
                    F={"Type": "Fail", "Error": "Boom", "Cause": "why"})  # fmt: skip
    resource = "arn:aws:states:::states:startExecution.sync"
    state = {"Resource": resource, "Parameters": {"StateMachineArn": child}}
    arn = start(emulator, machine(emulator, "parent", state))
    emulator.settle()
    failed = describe(emulator, arn)
    assert failed["error"] == "States.TaskFailed"
    cause = json.loads(failed["cause"])
    assert (cause["Error"], cause["Cause"], cause["Status"]) == ("Boom", "why", "FAILED")


def test_stopping_the_parent_stops_what_it_waits_for(emulator: RunningEmulator) -> None:
    child = machine(emulator, "child", {"Type": "Wait", "Seconds": 600})
    resource = "arn:aws:states:::states:startExecution.sync:2"
    state = {"Resource": resource, "Parameters": {"StateMachineArn": child, "Name": "c"}}
    arn = start(emulator, machine(emulator, "parent", state))
    emulator.advance(1)
    emulator.client("stepfunctions").stop_execution(executionArn=arn)
    nested = child.replace(":stateMachine:", ":execution:") + ":c"
    assert describe(emulator, nested)["status"] == "ABORTED"


def test_an_unknown_machine_is_told_as_the_first_sdk_tells_it(emulator: RunningEmulator) -> None:
    unknown = "arn:aws:states:us-east-1:000000000000:stateMachine:nope"
    resource = "arn:aws:states:::states:startExecution"
    state = {"Resource": resource, "Parameters": {"StateMachineArn": unknown, "Input": None}}
    arn = start(emulator, machine(emulator, "parent", state))
    emulator.settle()
    failed = describe(emulator, arn)
    assert failed["error"] == "StepFunctions.StateMachineDoesNotExistException"
    assert failed["cause"].startswith(
        f"State Machine Does Not Exist: '{unknown}' (Service: AWSStepFunctions; Status Code: 400; Error Code: "
        "StateMachineDoesNotExist; Request ID: "
    )
    assert failed["cause"].endswith("; Proxy: null)")


# ── activities ──────────────────────────────────────────────────────────────────────────────────


def test_a_worker_takes_the_task_of_an_activity_and_answers(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    activity = sfn.create_activity(name="approve")["activityArn"]
    arn = start(emulator, machine(emulator, "m", {"Resource": activity, "TimeoutSeconds": 60}), {"v": 1})
    emulator.advance(1)
    task = sfn.get_activity_task(activityArn=activity, workerName="w")
    assert json.loads(task["input"]) == {"v": 1}
    sfn.send_task_success(taskToken=task["taskToken"], output='{"v":2}')
    emulator.settle()
    assert describe(emulator, arn)["output"] == '{"v":2}'
    assert [event["type"] for event in history(emulator, arn)[2:5]] == [
        "ActivityScheduled", "ActivityStarted", "ActivitySucceeded",
    ]  # fmt: skip
    assert details(emulator, arn, "ActivityStarted") == {"workerName": "w"}


def test_a_worker_that_waits_is_told_as_soon_as_there_is_a_task_or_after_a_minute(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    activity = sfn.create_activity(name="approve")["activityArn"]
    machine_arn = machine(emulator, "m", {"Resource": activity})
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(emulator.client("stepfunctions").get_activity_task, activityArn=activity)
        start(emulator, machine_arn, {"v": 1})
        assert json.loads(waiting.result(20)["input"]) == {"v": 1}
    before = emulator.now()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(emulator.client("stepfunctions").get_activity_task, activityArn=activity)
        while not waiting.done():
            emulator.advance(10)
        assert not waiting.result().get("taskToken")
    assert emulator.now() >= before + 60


def test_an_activity_that_is_gone_fails_the_execution_at_once(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    activity = sfn.create_activity(name="approve")["activityArn"]
    machine_arn = machine(emulator, "m", {"Resource": activity})
    sfn.delete_activity(activityArn=activity)
    arn = start(emulator, machine_arn)
    emulator.settle()
    assert types(emulator, arn) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
    assert describe(emulator, arn)["cause"] == (
        "An error occurred while executing the state 'S' (entered at the event id #2). "
        f"The activity {activity} does not exist."
    )
    with pytest.raises(ClientError) as caught:
        sfn.describe_activity(activityArn=activity)
    assert caught.value.response["Error"]["Message"] == f"Activity Does Not Exist: '{activity}'"


def test_the_time_of_an_activity_runs_once_a_worker_has_its_task(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    activity = sfn.create_activity(name="approve")["activityArn"]
    limits = {"TimeoutSeconds": 100, "HeartbeatSeconds": 5}
    arn = start(emulator, machine(emulator, "m", {"Resource": activity, **limits}))
    emulator.advance(1000)
    assert types(emulator, arn)[2:] == ["ActivityScheduled"]
    token = sfn.get_activity_task(activityArn=activity)["taskToken"]
    for _ in range(3):
        emulator.advance(4)
        sfn.send_task_heartbeat(taskToken=token)
    emulator.advance(5)
    assert types(emulator, arn)[2:] == ["ActivityScheduled", "ActivityStarted", "ActivityTimedOut", "ExecutionFailed"]
    assert details(emulator, arn, "ActivityTimedOut") == {"error": "States.Timeout"}
    for late in (
        lambda: sfn.send_task_heartbeat(taskToken=token),
        lambda: sfn.send_task_success(taskToken=token, output="{}"),
        lambda: sfn.send_task_failure(taskToken=token),
    ):
        with pytest.raises(ClientError) as caught:
            late()
        assert caught.value.response["Error"] == {
            "Code": "TaskTimedOut", "Message": "Task Timed Out: 'Provided task does not exist anymore'",
        }  # fmt: skip


def test_heartbeats_do_not_prolong_the_time_a_task_has(emulator: RunningEmulator, queue: str) -> None:
    sfn = emulator.client("stepfunctions")
    state = asks_for_approval(queue, HeartbeatSeconds=10, TimeoutSeconds=12)
    arn = start(emulator, machine(emulator, "m", state), {"report": "Q3"})
    emulator.advance(8)
    sfn.send_task_heartbeat(taskToken=token_in(emulator, queue))
    emulator.advance(4)
    assert details(emulator, arn, "TaskTimedOut")["error"] == "States.Timeout"


def test_a_task_that_nobody_can_report_on_needs_no_heartbeats(emulator: RunningEmulator) -> None:
    child = machine(emulator, "child", {"Type": "Wait", "Seconds": 60})
    resource = "arn:aws:states:::aws-sdk:sfn:describeStateMachine"
    plain = {"Resource": resource, "Parameters": {"StateMachineArn": child}, "HeartbeatSeconds": 5}
    done = start(emulator, machine(emulator, "plain", plain))
    emulator.settle()
    assert describe(emulator, done)["status"] == "SUCCEEDED"
    assert details(emulator, done, "TaskScheduled")["heartbeatInSeconds"] == 5


def test_a_job_that_is_waited_for_may_have_the_token_of_its_task(emulator: RunningEmulator, queue: str) -> None:
    asking = {**asks_for_approval(queue), "Resource": "arn:aws:states:::sqs:sendMessage", "Next": "Work"}
    asking["Parameters"] = {"QueueUrl": queue, "MessageBody.$": "$"}
    work = {"Type": "Wait", "Seconds": 60, "End": True}
    child = machine(emulator, "child", {**asking, "End": False}, Work=work)
    state = {
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn": child, "Input": {"token.$": "$$.Task.Token"}},
        "HeartbeatSeconds": 20,
    }
    parent, sfn = machine(emulator, "parent", state), emulator.client("stepfunctions")

    waiting = start(emulator, parent)
    emulator.advance(0)
    token = token_in(emulator, queue)
    for _ in range(3):
        emulator.advance(19)
        sfn.send_task_heartbeat(taskToken=token)
    emulator.advance(19)
    assert describe(emulator, waiting)["status"] == "SUCCEEDED"

    silent = start(emulator, parent)
    emulator.advance(20)
    assert details(emulator, silent, "TaskTimedOut")["error"] == "States.Timeout"

    emulator.client("sqs").purge_queue(QueueUrl=queue)
    told = start(emulator, parent)
    emulator.advance(0)
    token = token_in(emulator, queue)
    sfn.send_task_failure(taskToken=token, error="Gave up")
    emulator.advance(0)
    assert describe(emulator, told)["error"] == "Gave up"


def test_stopping_withdraws_the_task_from_the_workers(emulator: RunningEmulator) -> None:
    sfn = emulator.client("stepfunctions")
    activity = sfn.create_activity(name="approve")["activityArn"]
    arn = start(emulator, machine(emulator, "m", {"Resource": activity, "TimeoutSeconds": 5}))
    sfn.stop_execution(executionArn=arn)
    assert types(emulator, arn)[2:] == ["ActivityScheduled", "ExecutionAborted"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sfn.get_activity_task, activityArn=activity)
        while not waiting.done():
            emulator.advance(10)
        assert not waiting.result().get("taskToken")


# ── messages and events ─────────────────────────────────────────────────────────────────────────


def test_tasks_publish_and_put_events_in_the_words_of_aws(emulator: RunningEmulator, queue: str) -> None:
    sqs, events = emulator.client("sqs"), emulator.client("events")
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["reports"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": queue_arn}])
    entry = {"Source": "reports", "DetailType": "done", "Detail": {"id": 7}}
    state = {"Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": [entry]}}
    machine_arn = machine(emulator, "m", state)
    arn = start(emulator, machine_arn)
    emulator.settle()
    output = json.loads(describe(emulator, arn)["output"])
    assert (list(output), output["FailedEntryCount"]) == (["Entries", "FailedEntryCount"], 0)
    event = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert (event["detail"], event["resources"]) == ({"id": 7}, [machine_arn, arn])


def test_a_message_without_a_body_is_refused_by_sqs_in_its_words(emulator: RunningEmulator, queue: str) -> None:
    state = {"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": queue, "MessageBody": None}}
    arn = start(emulator, machine(emulator, "m", state))
    emulator.settle()
    failed = describe(emulator, arn)
    assert failed["error"] == "SQS.AmazonSQSException"
    assert failed["cause"].startswith(
        "The request must contain the parameter MessageBody. (Service: AmazonSQS; Status Code: 400; Error Code: "
        "MissingParameter; Request ID: "
    )


def test_an_entry_that_eventbridge_refuses_fails_the_task(emulator: RunningEmulator) -> None:
    entry = {"Source": "reports", "DetailType": "done", "Detail": '"text"'}
    state = {"Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": [entry]}}
    arn = start(emulator, machine(emulator, "m", state))
    emulator.settle()
    failed = describe(emulator, arn)
    assert failed["error"] == "EventBridge.FailedEntry"
    assert json.loads(failed["cause"])["FailedEntryCount"] == 1
