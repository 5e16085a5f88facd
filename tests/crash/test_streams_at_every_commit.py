"""Stream → function → failure queue, killed before and after every commit: nothing that was taken is lost.

The stream itself is delegated and lives in this process' memory, through all lives; each ends by making it anew.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, create_function, quiet_logs

__all__ = ["quiet_logs"]

STREAM = "arn:aws:kinesis:us-east-1:000000000000:stream/orders"
DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"
WORK = """
import base64, json
def handler(event, context):
    for record in event["Records"]:
        order = json.loads(base64.b64decode(record["kinesis"]["data"]))
        with open(order["diary"], "a") as diary:
            diary.write(order["name"] + "\\n")
        if order["name"] == "poison":
            raise ValueError("poison")
"""


def make_stream(aws: RunningEmulator) -> None:
    aws.client("kinesis").list_streams()  # a library that was never asked forgets nothing
    aws.call(aws.emulator.supporting.reset)
    aws.client("kinesis").create_stream(StreamName="orders", ShardCount=1)


class Orders:
    """An order that fails twice and is given up, and one behind it that succeeds."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        make_stream(aws)
        aws.client("sqs").create_queue(QueueName="dead")
        create_function(aws, "work", WORK)
        aws.client("lambda").create_event_source_mapping(
            EventSourceArn=STREAM,
            FunctionName="work",
            StartingPosition="LATEST",
            BatchSize=1,
            MaximumRetryAttempts=1,
            DestinationConfig={"OnFailure": {"Destination": DEAD}},
        )
        aws.settle()

    def act(self, aws: RunningEmulator) -> bool:
        orders = [{"name": name, "diary": str(self.diary)} for name in ("poison", "good")]
        records = [{"PartitionKey": "k", "Data": json.dumps(order).encode()} for order in orders]
        return accepted(lambda: aws.client("kinesis").put_records(StreamName="orders", Records=records))

    def verify(self, aws: RunningEmulator) -> None:
        lines = self.diary.read_text().splitlines()
        # The client's second request is other records; a handler may run again if the crash came before its commit.
        assert set(lines) == {"poison", "good"}
        assert lines.count("poison") >= 2
        sent = aws.client("sqs").receive_message(QueueUrl=f"{aws.url}/000000000000/dead", MaxNumberOfMessages=10)
        told = [json.loads(message["Body"]) for message in sent["Messages"]]
        first = [each["KinesisBatchInfo"]["startSequenceNumber"] for each in told]
        assert first in (["1"], ["1", "3"])
        assert {each["requestContext"]["approximateInvokeCount"] for each in told} == {2}
        outcomes = [each["outcome"] for each in aws.control("GET", "timeline")["invocations"]]
        assert outcomes.count("success") == len(first)
        assert outcomes.count("function_error") == 2 * len(first)
        assert aws.control("GET", "queue")["total"] == 0
        make_stream(aws)


@pytest.mark.parametrize("when", ["before", "after"])
def test_records_survive_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        orders = Orders(diary)
        return Story(orders.prepare, orders.act, orders.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 8


def test_a_stream_that_a_restart_has_lost_is_said(tmp_path: Path) -> None:
    settings = Settings(port=0, data=tmp_path / "data", frozen=True, start_at=1_700_000_000.0)
    with RunningEmulator(settings) as aws:
        Orders(tmp_path / "diary").prepare(aws)
        aws.call(aws.emulator.supporting.reset)
    with RunningEmulator(settings) as aws:
        aws.settle()
        [mapping] = aws.client("lambda").list_event_source_mappings()["EventSourceMappings"]
        assert mapping["LastProcessingResult"].startswith("PROBLEM: Stream not found")
        assert mapping["State"] == "Enabled"
