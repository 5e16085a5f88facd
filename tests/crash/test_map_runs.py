"""A distributed Map, killed before and after every commit: every item is done, once in its child's history."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import pytest

from emulator.testing import RunningEmulator
from tests.crash.support import MACHINE, ROLE
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, quiet_logs

__all__ = ["quiet_logs"]

EXECUTION = "arn:aws:states:us-east-1:000000000000:execution:story:one"
ITEMS = ["a", "b", "c", "bad", "d"]


def prepare(aws: RunningEmulator, kind: str) -> None:
    """Five items in batches of two, two at a time; the queue sees each item once, whatever is repeated."""
    aws.client("sqs").create_queue(QueueName="seen.fifo", Attributes={"FifoQueue": "true"})
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {
            "QueueUrl": f"{aws.url}/000000000000/seen.fifo",
            "MessageBody.$": "$",
            "MessageGroupId": "g",
            "MessageDeduplicationId.$": "$",
        },
        "ResultPath": None,
        "Next": "Judge",
    }
    judge = {
        "Type": "Choice",
        "Choices": [{"Variable": "$", "StringEquals": "bad", "Next": "Fail"}],
        "Default": "Pause",
    }
    each = {
        "Send": send,
        "Judge": judge,
        "Fail": {"Type": "Fail"},
        "Pause": {"Type": "Wait", "Seconds": 1, "End": True},
    }
    inner = {"Type": "Map", "ItemsPath": "$.Items", "ItemProcessor": {"StartAt": "Send", "States": each}, "End": True}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": kind}
    outer = {
        "Type": "Map",
        "MaxConcurrency": 2,
        "ItemBatcher": {"MaxItemsPerBatch": 2},
        "ToleratedFailureCount": 2,
        "ItemProcessor": {"ProcessorConfig": config, "StartAt": "Each", "States": {"Each": inner}},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Map", "States": {"Map": outer}})
    aws.client("stepfunctions").create_state_machine(name="story", definition=definition, roleArn=ROLE)


def start(aws: RunningEmulator) -> bool:
    """Recognised while the execution runs, refused by name once it has ended."""
    client = aws.client("stepfunctions")

    def send() -> Any:
        try:
            return client.start_execution(stateMachineArn=MACHINE, name="one", input=json.dumps(ITEMS))
        except client.exceptions.ExecutionAlreadyExists:
            return None

    return accepted(send)


def verify(aws: RunningEmulator) -> None:
    sfn = aws.client("stepfunctions")
    described = sfn.describe_execution(executionArn=EXECUTION)
    assert described["status"] == "SUCCEEDED", described
    [listed] = sfn.list_map_runs(executionArn=EXECUTION)["mapRuns"]
    run = sfn.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert {name: count for name, count in run["itemCounts"].items() if count} == {
        "succeeded": 3, "failed": 2, "total": 5, "resultsWritten": 5,
    }  # fmt: skip
    assert {name: count for name, count in run["executionCounts"].items() if count} == {
        "succeeded": 2, "failed": 1, "total": 3, "resultsWritten": 3,
    }  # fmt: skip
    children = sfn.list_executions(mapRunArn=listed["mapRunArn"])["executions"]
    assert len(children) == 3
    for child in children:
        if ":execution:" in child["executionArn"]:
            events = sfn.get_execution_history(executionArn=child["executionArn"])["events"]
            assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    output = json.loads(described["output"])
    assert (output[0], output[1]["Status"], output[2]) == (["a", "b"], "FAILED", ["d"])
    queue = f"{aws.url}/000000000000/seen.fifo"
    received = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in received) == sorted(ITEMS)
    assert aws.control("GET", "queue")["total"] == 0


@pytest.mark.parametrize(("kind", "when"), [("STANDARD", "before"), ("STANDARD", "after"), ("EXPRESS", "before")])
def test_a_map_run_survives_a_crash_at_every_commit(
    tmp_path: Path, kind: str, when: Literal["before", "after"]
) -> None:
    def make(diary: Path) -> Story:
        return Story(lambda aws: prepare(aws, kind), start, verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 8


def prepare_redrive(aws: RunningEmulator) -> None:
    """Two children fail for want of a queue; a third has not begun."""
    send = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Parameters": {"QueueUrl": f"{aws.url}/000000000000/late", "MessageBody.$": "$"},
        "ResultPath": None,
        "End": True,
    }
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    outer = {
        "Type": "Map",
        "MaxConcurrency": 1,
        "ToleratedFailureCount": 1,
        "ItemProcessor": {"ProcessorConfig": config, "StartAt": "Send", "States": {"Send": send}},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Map", "States": {"Map": outer}})
    aws.client("stepfunctions").create_state_machine(name="story", definition=definition, roleArn=ROLE)
    aws.client("stepfunctions").start_execution(stateMachineArn=MACHINE, name="one", input='["a","b","c"]')
    aws.settle()
    aws.client("sqs").create_queue(QueueName="late")


def redrive(aws: RunningEmulator) -> bool:
    return accepted(lambda: aws.client("stepfunctions").redrive_execution(executionArn=EXECUTION, clientToken="t"))


def verify_redrive(aws: RunningEmulator) -> None:
    sfn = aws.client("stepfunctions")
    described = sfn.describe_execution(executionArn=EXECUTION)
    assert (described["status"], described.get("output")) == ("SUCCEEDED", '["a","b","c"]')
    [listed] = sfn.list_map_runs(executionArn=EXECUTION)["mapRuns"]
    run = sfn.describe_map_run(mapRunArn=listed["mapRunArn"])
    assert (run["status"], run["redriveCount"], run["executionCounts"]["succeeded"]) == ("SUCCEEDED", 1, 3)
    queue = f"{aws.url}/000000000000/late"
    received = aws.client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10)["Messages"]
    assert sorted(message["Body"] for message in received) == ["a", "b", "c"]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_redriven_map_run_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        return Story(prepare_redrive, redrive, verify_redrive)

    assert crash_at_every_commit(tmp_path, make, when) >= 5


LINES = [letter * 100_000 for letter in "abcde"]
"""So long that the file is read in three pieces."""


def prepare_file(aws: RunningEmulator) -> None:
    """moto keeps S3 in this process, so that the lives after the crash find the file too."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="map-crash")
    s3.put_object(Bucket="map-crash", Key="lines", Body="\n".join(json.dumps(line) for line in LINES))
    source = {
        "Resource": "arn:aws:states:::s3:getObject",
        "Parameters": {"Bucket": "map-crash", "Key": "lines"},
        "ReaderConfig": {"InputType": "JSONL"},
    }
    shorten = {"Type": "Pass", "Result": "kept", "End": True}
    config = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    outer = {
        "Type": "Map",
        "ItemReader": source,
        "ItemProcessor": {"ProcessorConfig": config, "StartAt": "Keep", "States": {"Keep": shorten}},
        "ResultWriter": {"Resource": "arn:aws:states:::s3:putObject", "Parameters": {"Bucket": "map-crash"}},
        "End": True,
    }
    definition = json.dumps({"StartAt": "Map", "States": {"Map": outer}})
    aws.client("stepfunctions").create_state_machine(name="story", definition=definition, roleArn=ROLE)


def verify_file(aws: RunningEmulator) -> None:
    described = aws.client("stepfunctions").describe_execution(executionArn=EXECUTION)
    assert described["status"] == "SUCCEEDED", described
    key = json.loads(described["output"])["ResultWriterDetails"]["Key"].replace("manifest", "SUCCEEDED_0")
    body = aws.client("s3").get_object(Bucket="map-crash", Key=key)["Body"].read()
    assert [json.loads(child["Input"])[0] for child in json.loads(body)] == [line[0] for line in LINES]


def test_reading_and_writing_go_on_after_a_crash_at_every_commit(tmp_path: Path) -> None:
    def make(diary: Path) -> Story:
        return Story(prepare_file, start, verify_file)

    assert crash_at_every_commit(tmp_path, make, "after") >= 8
