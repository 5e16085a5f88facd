"""Tasks that wait, an asynchronous Express execution and a redrive, killed before and after every commit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from emulator.testing import RunningEmulator
from tests.crash.support import MACHINE, ROLE
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, quiet_logs

__all__ = ["quiet_logs"]

ARN = "arn:aws:states:us-east-1:000000000000:"
EXECUTION = f"{ARN}execution:story:one"
START = "arn:aws:states:::states:startExecution"


def task(resource: str, parameters: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "ResultPath": None, **more}


def machine(aws: RunningEmulator, name: str, states: dict[str, Any], kind: str = "STANDARD") -> None:
    definition = json.dumps({"StartAt": next(iter(states)), "States": states})
    aws.client("stepfunctions").create_state_machine(name=name, definition=definition, roleArn=ROLE, type=kind)


def start(aws: RunningEmulator) -> bool:
    """The same request again is recognised while the execution runs, and refused by name once it has ended."""
    client = aws.client("stepfunctions")

    def send() -> Any:
        try:
            return client.start_execution(stateMachineArn=MACHINE, name="one", input="{}")
        except client.exceptions.ExecutionAlreadyExists:
            return None

    return accepted(send)


def history(aws: RunningEmulator) -> list[str]:
    client = aws.client("stepfunctions")
    events = client.get_execution_history(executionArn=EXECUTION, maxResults=1000)["events"]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    return [event["type"] for event in events]


def prepare_waits(aws: RunningEmulator) -> None:
    queue = {"FifoQueue": "true"}
    aws.client("sqs").create_queue(QueueName="done.fifo", Attributes=queue)
    aws.client("sqs").create_queue(QueueName="nobody")
    answer = task("arn:aws:states:::aws-sdk:sfn:sendTaskSuccess", {"TaskToken.$": "$.token", "Output": "1"}, End=True)
    machine(aws, "answer", {"Think": {"Type": "Wait", "Seconds": 5, "Next": "Answer"}, "Answer": answer})
    machine(aws, "child", {"Grow": {"Type": "Wait", "Seconds": 5, "End": True}})
    # An Express execution may run twice, as on AWS: what it does must be recognised.
    send = task(
        "arn:aws:states:::sqs:sendMessage",
        {
            "QueueUrl": f"{aws.url}/000000000000/done.fifo",
            "MessageBody": "done",
            "MessageGroupId": "g",
            "MessageDeduplicationId.$": "$$.Execution.Name",
        },
        End=True,
    )
    machine(aws, "quick", {"Pause": {"Type": "Wait", "Seconds": 3, "Next": "Send"}, "Send": send}, "EXPRESS")
    token = {"StateMachineArn": f"{ARN}stateMachine:answer", "Input": {"token.$": "$$.Task.Token"}}
    states = {
        "Ask": task(f"{START}.waitForTaskToken", token, TimeoutSeconds=100, Next="Child"),
        "Child": task(f"{START}.sync:2", {"StateMachineArn": f"{ARN}stateMachine:child"}, Next="Work"),
        "Work": task(
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            {"QueueUrl": f"{aws.url}/000000000000/nobody", "MessageBody.$": "$$.Task.Token"},
            TimeoutSeconds=20,
            Catch=[{"ErrorEquals": ["States.Timeout"], "Next": "Quick"}],
            Next="Quick",
        ),
        "Quick": task(START, {"StateMachineArn": f"{ARN}stateMachine:quick", "Name": "once"}, End=True),
    }
    machine(aws, "story", states)


def verify_waits(aws: RunningEmulator) -> None:
    submitted = [
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
    ]
    assert history(aws) == [
        "ExecutionStarted", *submitted, *submitted,
        "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSubmitted", "TaskTimedOut", "TaskStateExited",
        "TaskStateEntered", "TaskScheduled", "TaskStarted", "TaskSucceeded", "TaskStateExited", "ExecutionSucceeded",
    ]  # fmt: skip
    client = aws.client("stepfunctions")
    for name in ("answer", "child"):
        executions = client.list_executions(stateMachineArn=f"{ARN}stateMachine:{name}")["executions"]
        assert [execution["status"] for execution in executions] == ["SUCCEEDED"]
    url = f"{aws.url}/000000000000/done.fifo"
    received = aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [message["Body"] for message in received] == ["done"]
    assert aws.control("GET", "queue")["total"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_tasks_that_wait_survive_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        return Story(prepare_waits, start, verify_waits)

    assert crash_at_every_commit(tmp_path, make, when) >= 10


def prepare_redrive(aws: RunningEmulator) -> None:
    late = task(
        "arn:aws:states:::sqs:sendMessage", {"QueueUrl": f"{aws.url}/000000000000/late", "MessageBody": "x"}, End=True
    )
    wait = {"Type": "Wait", "Seconds": 5, "End": True}
    branches = [
        {"StartAt": "Late", "States": {"Late": late}},
        {"StartAt": "Slow", "States": {"Slow": wait}},
    ]
    machine(aws, "story", {"Both": {"Type": "Parallel", "Branches": branches, "End": True}})
    aws.client("stepfunctions").start_execution(stateMachineArn=MACHINE, name="one")
    aws.settle()
    aws.client("sqs").create_queue(QueueName="late")


def redrive(aws: RunningEmulator) -> bool:
    return accepted(lambda: aws.client("stepfunctions").redrive_execution(executionArn=EXECUTION, clientToken="t"))


def verify_redrive(aws: RunningEmulator) -> None:
    described = aws.client("stepfunctions").describe_execution(executionArn=EXECUTION)
    assert (described["status"], described["redriveCount"]) == ("SUCCEEDED", 1)
    assert history(aws).count("TaskSucceeded") == 1
    url = f"{aws.url}/000000000000/late"
    assert len(aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_redrive_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        return Story(prepare_redrive, redrive, verify_redrive)

    assert crash_at_every_commit(tmp_path, make, when) >= 3
