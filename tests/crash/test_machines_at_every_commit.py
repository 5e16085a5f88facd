"""A corpus of state machines, each killed after every commit: the same history, the same effects, once each.

Between them they have every type of state, waits of every kind, maps and branches that are half done, retries, catches
and callbacks that pend. What each does to the world is a message to a queue, sent in the commit of its task; so to die
before a commit is to die after the one before, and one machine shows that.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any, Literal

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.crash.support import ROLE
from tests.crash.test_every_commit import Story, crash_at_every_commit, create_function, quiet_logs
from tests.crash.test_waiting_tasks import ARN, EXECUTION, history, machine, start

__all__ = ["quiet_logs"]
ACCOUNT = "000000000000"


def send(body: str, **more: Any) -> dict[str, Any]:
    """A task that leaves a message."""
    key = "MessageBody.$" if body.startswith(("$", "States.")) else "MessageBody"
    parameters = {"QueueUrl": f"QUEUES/{ACCOUNT}/done", key: body}
    resource = "arn:aws:states:::sqs:sendMessage"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "ResultPath": None, **more}


def ask(behaviour: str, **more: Any) -> dict[str, Any]:
    """A task that waits for what the machine `helper` does with its token."""
    task_input = {"token.$": "$$.Task.Token", "do": behaviour, "attempt.$": "$$.State.RetryCount"}
    parameters = {"StateMachineArn": f"{ARN}stateMachine:helper", "Input": task_input}
    resource = "arn:aws:states:::states:startExecution.waitForTaskToken"
    return {"Type": "Task", "Resource": resource, "Parameters": parameters, "ResultPath": None, **more}


def answer(operation: str, **parameters: Any) -> dict[str, Any]:
    given = {"TaskToken.$": "$.token", **parameters}
    return {"Type": "Task", "Resource": f"arn:aws:states:::aws-sdk:sfn:{operation}", "Parameters": given, "End": True}


def doing(wanted: str, target: str) -> dict[str, Any]:
    return {"Variable": "$.do", "StringEquals": wanted, "Next": target}


HELPER = {
    "Think": {"Type": "Wait", "Seconds": 4, "Next": "How"},
    "How": {
        "Type": "Choice",
        "Choices": [
            doing("fail", "Fail"),
            {"And": [doing("second", "Fail") | {"Next": None}, {"Variable": "$.attempt", "NumericEquals": 0}],
             "Next": "Fail"},
            doing("never", "Nothing"),
        ],
        "Default": "Succeed",
    },
    "Succeed": answer("sendTaskSuccess", Output="1"),
    "Fail": answer("sendTaskFailure", Error="Asked", Cause="as asked"),
    "Nothing": {"Type": "Succeed"},
}  # fmt: skip
del HELPER["How"]["Choices"][1]["And"][0]["Next"]

PAUSE = {"Type": "Wait", "Seconds": 2, "End": True}
CORPUS: dict[str, dict[str, Any]] = {
    "data, choices and waits of every kind": {
        "Begin": {"Type": "Pass", "Result": {"left": 2, "pause": 3}, "Assign": {"seen.$": "$.pause"}, "Next": "Again"},
        "Again": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.left", "NumericGreaterThan": 0, "Next": "Pause"}],
            "Default": "Until",
        },
        "Pause": {"Type": "Wait", "SecondsPath": "$.pause", "Next": "Count"},
        "Count": {
            "Type": "Pass",
            "Parameters": {"left.$": "States.MathAdd($.left, -1)", "pause.$": "$seen"},
            "Next": "Again",
        },
        "Until": {"Type": "Wait", "Timestamp": "2023-11-14T23:00:00Z", "Next": "Late"},
        "Late": {
            "Type": "Wait",
            "QueryLanguage": "JSONata",
            "Seconds": "{% $states.input.pause %}",
            "Output": "{% $states.input.left + $seen %}",
            "Next": "Tell",
        },
        "Tell": send("States.Format('{}', $)", Next="End"),
        "End": {"Type": "Succeed"},
    },
    "a map of which half is done": {
        "Items": {"Type": "Pass", "Result": [1, 2, 3], "Next": "Each"},
        "Each": {
            "Type": "Map",
            "MaxConcurrency": 2,
            "ItemProcessor": {
                "StartAt": "Pause",
                "States": {
                    "Pause": {**PAUSE, "Next": "Tell"} | {"End": None},
                    "Tell": send("States.Format('{}', $)", End=True),
                },
            },
            "Next": "After",
        },
        "After": send("after", End=True),
    },
    "branches that are half done, one of which fails and is tried again": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Long", "States": {"Long": {"Type": "Wait", "Seconds": 9, "End": True}}},
                {"StartAt": "Tell", "States": {"Tell": send("branch", Next="Ask"), "Ask": ask("fail", End=True)}},
            ],
            "Retry": [{"ErrorEquals": ["Asked"], "IntervalSeconds": 3, "MaxAttempts": 1}],
            "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught", "ResultPath": "$.failure"}],
            "Next": "Caught",
        },
        "Caught": send("$.failure.Cause", Next="Bad"),
        "Bad": {"Type": "Fail", "Error": "Last", "CausePath": "$.failure.Error"},
    },
    "a task that waits, is told to fail, and is tried again": {
        "Ask": ask(
            "second",
            HeartbeatSeconds=60,
            Retry=[{"ErrorEquals": ["Asked"], "IntervalSeconds": 5, "BackoffRate": 2.0}],
            Next="Tell",
        ),
        "Tell": send("told", End=True),
    },
    "a map in a branch, and an answer that never comes": {
        "Both": {
            "Type": "Parallel",
            "Branches": [
                {"StartAt": "Never", "States": {
                    "Never": ask("never", TimeoutSeconds=8, Catch=[
                        {"ErrorEquals": ["States.Timeout"], "Next": "Tell"}], Next="Tell"),
                    "Tell": send("late", End=True),
                }},
                {"StartAt": "Items", "States": {
                    "Items": {"Type": "Pass", "Result": ["a", "b"], "Next": "Each"},
                    "Each": {"Type": "Map", "ItemProcessor": {"StartAt": "In", "States": {
                        "In": {"Type": "Parallel", "Branches": [
                            {"StartAt": "Tell2", "States": {"Tell2": send("$", End=True)}},
                            {"StartAt": "Pause", "States": {"Pause": PAUSE}},
                        ], "End": True}}}, "End": True},
                }},
            ],
            "End": True,
        },
    },
}  # fmt: skip
del CORPUS["a map of which half is done"]["Each"]["ItemProcessor"]["States"]["Pause"]["End"]


def corpus(aws: RunningEmulator, states: dict[str, Any]) -> None:
    aws.client("sqs").create_queue(QueueName="done")
    machine(aws, "helper", HELPER)
    machine(aws, "story", json.loads(json.dumps(states).replace("QUEUES", aws.url)))


def outcome(aws: RunningEmulator) -> tuple[Any, Counter[str], Counter[str]]:
    """How the execution ended, how often each type of event is in its history, and the messages."""
    described = aws.client("stepfunctions").describe_execution(executionArn=EXECUTION)
    ended = tuple(described.get(member) for member in ("status", "output", "error", "cause"))
    url = f"{aws.url}/{ACCOUNT}/done"
    messages: Counter[str] = Counter()
    while found := aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
        messages.update(message["Body"] for message in found)
    assert aws.control("GET", "queue")["total"] == 0
    return ended, Counter(history(aws)), messages


@pytest.mark.parametrize(("name", "when"), [*((name, "after") for name in CORPUS), (next(iter(CORPUS)), "before")])
def test_machines_survive_a_crash_at_every_commit(tmp_path: Path, name: str, when: Literal["before", "after"]) -> None:
    states = CORPUS[name]
    with RunningEmulator(Settings(port=0, data=None, frozen=True, start_at=1_700_000_000.0)) as aws:
        corpus(aws, states)
        start(aws)
        aws.settle()
        unharmed = outcome(aws)
    assert unharmed[2], "the story leaves messages"

    def verify(aws: RunningEmulator) -> None:
        assert outcome(aws) == unharmed

    def make(diary: Path) -> Story:
        return Story(lambda aws: corpus(aws, states), start, verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 3


TELLS = """
import os
import boto3

def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=context.aws_request_id)
"""


def test_an_event_of_a_task_is_queued_once_whatever_crashes(tmp_path: Path) -> None:
    """The function may run again after a crash, under the same request id; a second event would have another."""

    def prepare(aws: RunningEmulator) -> None:
        url = aws.client("sqs").create_queue(QueueName="done")["QueueUrl"]
        create_function(aws, "tells", TELLS, {"QUEUE": url})
        invoke = {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Parameters": {"FunctionName": "tells", "InvocationType": "Event"},
            "End": True,
        }
        machine(aws, "story", {"Invoke": invoke})

    def verify(aws: RunningEmulator) -> None:
        ended, types, messages = outcome(aws)
        assert ended[0] == "SUCCEEDED"
        assert types["TaskSucceeded"] == 1
        assert len(messages) == 1

    assert crash_at_every_commit(tmp_path, lambda diary: Story(prepare, start, verify), "after") >= 3


def test_the_corpus_has_every_type_of_state() -> None:
    text = json.dumps([*CORPUS.values(), HELPER])
    types = ("Pass", "Task", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map")
    assert all(f'"Type": "{kind}"' in text for kind in types)
    assert ROLE
