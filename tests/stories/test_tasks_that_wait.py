"""Tasks that wait: for a callback with a task token, for a nested execution, for a worker of an activity."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError

from tests.stories.telling import begin, describe, history, machine, one, output

NO_DETAILS = ("timestamp", "id", "previousEventId", "type")
GONE = {"Code": "TaskTimedOut", "Message": "Task Timed Out: 'Provided task does not exist anymore'"}


def task(state, **others):
    """A definition that begins with that state, a task unless it says otherwise."""
    definition = one({"Type": "Task", **state})
    return {**definition, "States": {**definition["States"], **others}}


def run(aws, state, value=None, **others):
    """Start an execution of a new machine that begins with that state; its ARN."""
    return begin(aws, machine(aws, task(state, **others)), value)


def details(aws, execution, kind):
    """What the first event of that kind tells."""
    events = aws.stepfunctions.get_execution_history(executionArn=execution, maxResults=1000)["events"]
    event = next(event for event in events if event["type"] == kind)
    return next(value for key, value in event.items() if key not in NO_DETAILS)


# ── callbacks ───────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def queue(aws, emulator):
    aws.sqs.create_queue(QueueName="approvals")
    return emulator.queue("approvals")


@pytest.fixture
def activity(aws):
    return aws.stepfunctions.create_activity(name="paint")["activityArn"]


def asks_for_approval(queue, **more):
    return {
        "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
        "Parameters": {"QueueUrl": queue.url, "MessageBody": {"for.$": "$.report", "token.$": "$$.Task.Token"}},
        **more,
    }


def token_in(queue):
    """The task token of the next message."""
    return json.loads(queue.bodies(1)[0])["token"]


def test_a_task_waits_for_whoever_has_its_token(aws, emulator, queue):
    arn = run(aws, asks_for_approval(queue), {"report": "Q3"})
    emulator.settle()
    assert describe(aws, arn)["status"] == "RUNNING"
    token = token_in(queue)
    aws.stepfunctions.send_task_success(taskToken=token, output='{"approved": true}')
    emulator.settle()
    assert output(aws, arn) == {"approved": True}
    assert history(aws, arn) == [
        "ExecutionStarted", "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskSucceeded",
        "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    submitted = details(aws, arn, "TaskSubmitted")
    assert (submitted["resourceType"], submitted["resource"]) == ("sqs", "sendMessage.waitForTaskToken")
    assert list(json.loads(submitted["output"])) == [
        "MD5OfMessageBody", "MessageId", "SdkHttpMetadata", "SdkResponseMetadata",
    ]  # fmt: skip
    with pytest.raises(ClientError) as late:
        aws.stepfunctions.send_task_success(taskToken=token, output="{}")
    assert late.value.response["Error"] == GONE


def test_a_token_is_worth_nothing_once_its_execution_has_ended(aws, emulator, clock, queue):
    state = {**asks_for_approval(queue), "Type": "Task", "End": True}
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 5, "Next": "F"}, "F": {"Type": "Fail"}}}
    parallel = {"Type": "Parallel", "Branches": [{"StartAt": "T", "States": {"T": state}}, wait]}
    failed = begin(aws, machine(aws, task(parallel), "fails"), {"report": "Q1"})
    stopped = begin(aws, machine(aws, task(asks_for_approval(queue)), "stopped"), {"report": "Q2"})
    clock.advance(1)
    tokens = [token_in(queue), token_in(queue)]
    aws.stepfunctions.stop_execution(executionArn=stopped)
    clock.advance(10)
    assert [describe(aws, arn)["status"] for arn in (failed, stopped)] == ["FAILED", "ABORTED"]
    for arn, token in zip((failed, stopped), tokens, strict=True):
        before = history(aws, arn)
        with pytest.raises(ClientError, match="TaskTimedOut"):
            aws.stepfunctions.send_task_success(taskToken=token, output="{}")
        emulator.settle()
        assert history(aws, arn) == before


def test_a_worker_is_not_given_what_nobody_waits_for_any_more(aws, emulator, activity):
    branches = [
        {"StartAt": "T", "States": {"T": {"Type": "Task", "Resource": activity, "End": True}}},
        {"StartAt": "F", "States": {"F": {"Type": "Fail"}}},
    ]
    failed = begin(aws, machine(aws, task({"Type": "Parallel", "Branches": branches}), "fails"), "first")
    stopped = begin(aws, machine(aws, task({"Resource": activity})), "second")
    aws.stepfunctions.stop_execution(executionArn=stopped)
    going = begin(aws, describe(aws, stopped)["stateMachineArn"], "third")
    emulator.settle()
    assert [describe(aws, each)["status"] for each in (failed, stopped, going)] == ["FAILED", "ABORTED", "RUNNING"]
    assert aws.stepfunctions.get_activity_task(activityArn=activity)["input"] == '"third"'


def test_an_output_is_measured_in_bytes(aws, emulator, queue):
    arn = run(aws, asks_for_approval(queue), {"report": "Q3"})
    emulator.settle()
    token = token_in(queue)
    with pytest.raises(ClientError, match="InvalidOutput"):
        aws.stepfunctions.send_task_success(taskToken=token, output='"' + "é" * 131_072 + '"')
    aws.stepfunctions.send_task_success(taskToken=token, output='"' + "é" * 131_071 + '"')
    emulator.settle()
    assert describe(aws, arn)["status"] == "SUCCEEDED"


def test_a_failure_without_error_and_cause_is_caught_with_nulls(aws, emulator, queue):
    state = asks_for_approval(queue, Catch=[{"ErrorEquals": ["States.ALL"], "Next": "H"}])
    arn = run(aws, state, {"report": "Q3"}, H={"Type": "Pass", "End": True})
    emulator.settle()
    aws.stepfunctions.send_task_failure(taskToken=token_in(queue))
    emulator.settle()
    assert output(aws, arn) == {"Error": None, "Cause": None}


def test_a_heartbeat_keeps_the_task_and_its_absence_ends_it(aws, clock, queue):
    state = asks_for_approval(queue, HeartbeatSeconds=10, TimeoutSeconds=600)
    arn = run(aws, state, {"report": "Q3"})
    clock.advance(1)
    token = token_in(queue)
    for _ in range(3):
        clock.advance(8)
        aws.stepfunctions.send_task_heartbeat(taskToken=token)
    clock.advance(9)
    assert describe(aws, arn)["status"] == "RUNNING"
    clock.advance(1)
    assert describe(aws, arn)["error"] == "States.Timeout"
    assert details(aws, arn, "TaskTimedOut") == {
        "resourceType": "sqs", "resource": "sendMessage.waitForTaskToken", "error": "States.Timeout",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["States.HeartbeatTimeout", "States.Timeout", "States.ALL"])
def test_a_missed_heartbeat_is_caught_by_its_own_name_and_as_a_timeout(aws, clock, queue, name):
    caught = [{"ErrorEquals": ["Other"], "Next": "Wrong"}, {"ErrorEquals": [name], "Next": "H"}]
    state = asks_for_approval(queue, HeartbeatSeconds=10, TimeoutSeconds=600, Catch=caught)
    arn = run(aws, state, {"report": "Q3"}, H={"Type": "Pass", "End": True}, Wrong={"Type": "Fail"})
    clock.advance(10)
    assert output(aws, arn) == {"Error": "States.Timeout", "Cause": ""}


def test_an_activity_whose_worker_is_silent_is_tried_again_by_the_name_of_heartbeats(aws, clock, activity):
    again = [{"ErrorEquals": ["States.HeartbeatTimeout"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    state = {"Resource": activity, "HeartbeatSeconds": 5, "TimeoutSeconds": 60, "Retry": again}
    arn = run(aws, state, 1)
    clock.advance(0)
    assert aws.stepfunctions.get_activity_task(activityArn=activity)["input"] == "1"
    clock.advance(6)
    token = aws.stepfunctions.get_activity_task(activityArn=activity)["taskToken"]
    aws.stepfunctions.send_task_success(taskToken=token, output="2")
    clock.advance(0)
    assert describe(aws, arn)["output"] == "2"


def test_a_task_that_is_only_too_slow_has_missed_no_heartbeat(aws, clock, queue):
    caught = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "H"}]
    state = asks_for_approval(queue, HeartbeatSeconds=10, TimeoutSeconds=12, Catch=caught)
    arn = run(aws, state, {"report": "Q3"}, H={"Type": "Pass", "End": True})
    clock.advance(8)
    aws.stepfunctions.send_task_heartbeat(taskToken=token_in(queue))
    clock.advance(4)
    assert describe(aws, arn)["status"] == "FAILED"


def test_wrong_tokens_and_outputs_are_told_apart(aws, emulator, queue):
    run(aws, asks_for_approval(queue), {"report": "Q3"})
    emulator.settle()
    token = token_in(queue)
    with pytest.raises(ClientError, match=r"\(InvalidToken\)"):
        aws.stepfunctions.send_task_success(taskToken="Invalid token", output="{}")
    with pytest.raises(ClientError, match=r"\(InvalidOutput\)"):
        aws.stepfunctions.send_task_success(taskToken=token, output="not JSON")


# ── nested executions ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("pattern", "came_to"), [(".sync", '{"n":2}'), (".sync:2", {"n": 2})])
def test_a_task_waits_for_the_execution_it_started(aws, clock, pattern, came_to):
    result = {"Type": "Pass", "Result": {"n": 2}, "End": True}
    child = machine(aws, task({"Type": "Wait", "Seconds": 60, "Next": "R", "End": False}, R=result), "child")
    state = {
        "Resource": f"arn:aws:states:::states:startExecution{pattern}",
        "Parameters": {"StateMachineArn": child, "Name": "nested", "Input": {"a": 1}},
    }
    arn = begin(aws, machine(aws, task(state), "parent"))
    clock.advance(59)
    assert describe(aws, arn)["status"] == "RUNNING"
    clock.advance(1)
    result = output(aws, arn)
    assert list(result) == [
        "ExecutionArn", "Input", "InputDetails", "Name", "Output", "OutputDetails", "RedriveCount", "RedriveStatus",
        "RedriveStatusReason", "StartDate", "StateMachineArn", "Status", "StopDate",
    ]  # fmt: skip
    assert (result["Name"], result["Status"], result["Output"]) == ("nested", "SUCCEEDED", came_to)
    assert result["StopDate"] - result["StartDate"] == 60_000
    assert "TaskSubmitted" in history(aws, arn)


def test_a_nested_execution_that_fails_fails_its_task(aws, emulator):
    boom = {"Type": "Fail", "Error": "Boom", "Cause": "why"}
    child = machine(aws, task({"Type": "Pass", "Next": "F", "End": False}, F=boom), "child")
    resource = "arn:aws:states:::states:startExecution.sync"
    state = {"Resource": resource, "Parameters": {"StateMachineArn": child}}
    arn = begin(aws, machine(aws, task(state), "parent"))
    emulator.settle()
    failed = describe(aws, arn)
    assert failed["error"] == "States.TaskFailed"
    cause = json.loads(failed["cause"])
    assert (cause["Error"], cause["Cause"], cause["Status"]) == ("Boom", "why", "FAILED")


def test_stopping_the_parent_stops_what_it_waits_for(aws, clock):
    child = machine(aws, task({"Type": "Wait", "Seconds": 600}), "child")
    resource = "arn:aws:states:::states:startExecution.sync:2"
    state = {"Resource": resource, "Parameters": {"StateMachineArn": child, "Name": "c"}}
    arn = begin(aws, machine(aws, task(state), "parent"))
    clock.advance(1)
    aws.stepfunctions.stop_execution(executionArn=arn)
    nested = child.replace(":stateMachine:", ":execution:") + ":c"
    assert describe(aws, nested)["status"] == "ABORTED"


def test_an_unknown_machine_is_told_as_the_first_sdk_tells_it(aws, emulator):
    unknown = f"arn:aws:states:us-east-1:{aws.account}:stateMachine:nope"
    resource = "arn:aws:states:::states:startExecution"
    state = {"Resource": resource, "Parameters": {"StateMachineArn": unknown, "Input": None}}
    arn = begin(aws, machine(aws, task(state), "parent"))
    emulator.settle()
    failed = describe(aws, arn)
    assert failed["error"] == "StepFunctions.StateMachineDoesNotExistException"
    assert failed["cause"].startswith(
        f"State Machine Does Not Exist: '{unknown}' (Service: AWSStepFunctions; Status Code: 400; Error Code: "
        "StateMachineDoesNotExist; Request ID: "
    )
    assert failed["cause"].endswith("; Proxy: null)")


# ── activities ──────────────────────────────────────────────────────────────────────────────────


def test_a_worker_takes_the_task_of_an_activity_and_answers(aws, emulator, clock, activity):
    arn = run(aws, {"Resource": activity, "TimeoutSeconds": 60}, {"v": 1})
    clock.advance(1)
    task = aws.stepfunctions.get_activity_task(activityArn=activity, workerName="w")
    assert json.loads(task["input"]) == {"v": 1}
    aws.stepfunctions.send_task_success(taskToken=task["taskToken"], output='{"v":2}')
    emulator.settle()
    assert describe(aws, arn)["output"] == '{"v":2}'
    assert history(aws, arn)[2:5] == [
        "ActivityScheduled", "ActivityStarted", "ActivitySucceeded",
    ]  # fmt: skip
    assert details(aws, arn, "ActivityStarted") == {"workerName": "w"}


def test_a_worker_that_waits_is_told_as_soon_as_there_is_a_task_or_after_a_minute(aws, clock, activity):
    clock.auto(False)  # or the minute would have passed before the execution begins
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(aws.stepfunctions.get_activity_task, activityArn=activity)
        run(aws, {"Resource": activity}, {"v": 1})
        assert json.loads(waiting.result()["input"]) == {"v": 1}
    clock.auto()
    before = clock.now()
    assert not aws.stepfunctions.get_activity_task(activityArn=activity).get("taskToken")
    assert clock.now() >= before + 60


def test_an_activity_that_is_gone_fails_the_execution_at_once(aws, emulator, activity):
    machine_arn = machine(aws, task({"Resource": activity}))
    aws.stepfunctions.delete_activity(activityArn=activity)
    arn = begin(aws, machine_arn)
    emulator.settle()
    assert history(aws, arn) == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]
    assert describe(aws, arn)["cause"] == (
        "An error occurred while executing the state 'S' (entered at the event id #2). "
        f"The activity {activity} does not exist."
    )
    with pytest.raises(ClientError) as caught:
        aws.stepfunctions.describe_activity(activityArn=activity)
    assert caught.value.response["Error"]["Message"] == f"Activity Does Not Exist: '{activity}'"


def test_the_time_of_an_activity_runs_once_a_worker_has_its_task(aws, clock, activity):
    limits = {"TimeoutSeconds": 100, "HeartbeatSeconds": 5}
    arn = run(aws, {"Resource": activity, **limits})
    clock.advance(1000)
    assert history(aws, arn)[2:] == ["ActivityScheduled"]
    token = aws.stepfunctions.get_activity_task(activityArn=activity)["taskToken"]
    for _ in range(3):
        clock.advance(4)
        aws.stepfunctions.send_task_heartbeat(taskToken=token)
    clock.advance(5)
    assert history(aws, arn)[2:] == ["ActivityScheduled", "ActivityStarted", "ActivityTimedOut", "ExecutionFailed"]
    assert details(aws, arn, "ActivityTimedOut") == {"error": "States.Timeout"}
    for late in (
        lambda: aws.stepfunctions.send_task_heartbeat(taskToken=token),
        lambda: aws.stepfunctions.send_task_success(taskToken=token, output="{}"),
        lambda: aws.stepfunctions.send_task_failure(taskToken=token),
    ):
        with pytest.raises(ClientError) as caught:
            late()
        assert caught.value.response["Error"] == GONE


def test_heartbeats_do_not_prolong_the_time_a_task_has(aws, clock, queue):
    state = asks_for_approval(queue, HeartbeatSeconds=10, TimeoutSeconds=12)
    arn = run(aws, state, {"report": "Q3"})
    clock.advance(8)
    aws.stepfunctions.send_task_heartbeat(taskToken=token_in(queue))
    clock.advance(4)
    assert details(aws, arn, "TaskTimedOut")["error"] == "States.Timeout"


def test_a_task_that_nobody_can_report_on_needs_no_heartbeats(aws, emulator):
    child = machine(aws, task({"Type": "Wait", "Seconds": 60}), "child")
    resource = "arn:aws:states:::aws-sdk:sfn:describeStateMachine"
    plain = {"Resource": resource, "Parameters": {"StateMachineArn": child}, "HeartbeatSeconds": 5}
    done = begin(aws, machine(aws, task(plain), "plain"))
    emulator.settle()
    assert describe(aws, done)["status"] == "SUCCEEDED"
    assert details(aws, done, "TaskScheduled")["heartbeatInSeconds"] == 5


def test_a_job_that_is_waited_for_may_have_the_token_of_its_task(aws, clock, queue):
    asking = {**asks_for_approval(queue), "Resource": "arn:aws:states:::sqs:sendMessage", "Next": "Work"}
    asking["Parameters"] = {"QueueUrl": queue.url, "MessageBody.$": "$"}
    work = {"Type": "Wait", "Seconds": 60, "End": True}
    child = machine(aws, task({**asking, "End": False}, Work=work), "child")
    state = {
        "Resource": "arn:aws:states:::states:startExecution.sync",
        "Parameters": {"StateMachineArn": child, "Input": {"token.$": "$$.Task.Token"}},
        "HeartbeatSeconds": 20,
    }
    parent = machine(aws, task(state), "parent")

    waiting = begin(aws, parent)
    clock.advance(0)
    token = token_in(queue)
    for _ in range(3):
        clock.advance(19)
        aws.stepfunctions.send_task_heartbeat(taskToken=token)
    clock.advance(19)
    assert describe(aws, waiting)["status"] == "SUCCEEDED"

    silent = begin(aws, parent)
    clock.advance(20)
    assert details(aws, silent, "TaskTimedOut")["error"] == "States.Timeout"

    aws.sqs.purge_queue(QueueUrl=queue.url)
    told = begin(aws, parent)
    clock.advance(0)
    token = token_in(queue)
    aws.stepfunctions.send_task_failure(taskToken=token, error="Gave up")
    clock.advance(0)
    assert describe(aws, told)["error"] == "Gave up"


def test_stopping_withdraws_the_task_from_the_workers(aws, activity):
    arn = run(aws, {"Resource": activity, "TimeoutSeconds": 5})
    aws.stepfunctions.stop_execution(executionArn=arn)
    assert history(aws, arn)[2:] == ["ActivityScheduled", "ExecutionAborted"]
    assert not aws.stepfunctions.get_activity_task(activityArn=activity).get("taskToken")


# ── messages and events ─────────────────────────────────────────────────────────────────────────


def test_tasks_publish_and_put_events_in_the_words_of_aws(aws, emulator, queue):
    aws.events.put_rule(Name="r", EventPattern=json.dumps({"source": ["reports"]}))
    aws.events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": queue.arn}])
    entry = {"Source": "reports", "DetailType": "done", "Detail": {"id": 7}}
    state = {"Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": [entry]}}
    machine_arn = machine(aws, task(state))
    arn = begin(aws, machine_arn)
    emulator.settle()
    told = output(aws, arn)
    assert (list(told), told["FailedEntryCount"]) == (["Entries", "FailedEntryCount"], 0)
    event = json.loads(queue.bodies(1)[0])
    assert (event["detail"], event["resources"]) == ({"id": 7}, [machine_arn, arn])


def test_a_message_without_a_body_is_refused_by_sqs_in_its_words(aws, emulator, queue):
    state = {"Resource": "arn:aws:states:::sqs:sendMessage", "Parameters": {"QueueUrl": queue.url, "MessageBody": None}}
    arn = run(aws, state)
    emulator.settle()
    failed = describe(aws, arn)
    assert failed["error"] == "SQS.AmazonSQSException"
    assert failed["cause"].startswith(
        "The request must contain the parameter MessageBody. (Service: AmazonSQS; Status Code: 400; Error Code: "
        "MissingParameter; Request ID: "
    )


def test_an_entry_that_eventbridge_refuses_fails_the_task(aws, emulator):
    entry = {"Source": "reports", "DetailType": "done", "Detail": '"text"'}
    state = {"Resource": "arn:aws:states:::events:putEvents", "Parameters": {"Entries": [entry]}}
    arn = run(aws, state)
    emulator.settle()
    failed = describe(aws, arn)
    assert failed["error"] == "EventBridge.FailedEntry"
    assert json.loads(failed["cause"])["FailedEntryCount"] == 1
