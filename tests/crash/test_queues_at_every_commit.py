"""Queue → function → dead-letter queue → function, killed before and after every commit: nothing is lost or doubled.

The queues are FIFO, so that the client's second request, sent when the first got no answer, is recognised.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from emulator.testing import RunningEmulator
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, create_function, quiet_logs

__all__ = ["quiet_logs"]

ARN = "arn:aws:sqs:us-east-1:000000000000:"

WORK = """
import json, os
def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        with open(order["diary"], "a") as diary:
            diary.write(order["name"] + " " + record["attributes"]["ApproximateReceiveCount"] + "\\n")
        if order["name"] == "poison":
            raise ValueError("poison")
"""
BURY = """
import json
def handler(event, context):
    for record in event["Records"]:
        order = json.loads(record["body"])
        with open(order["diary"], "a") as diary:
            diary.write("buried " + order["name"] + "\\n")
"""


class Orders:
    """One order that succeeds and one that fails twice and is buried by a second function."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        sqs, client = aws.client("sqs"), aws.client("lambda")
        fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        sqs.create_queue(QueueName="dead.fifo", Attributes=fifo)
        policy = json.dumps({"deadLetterTargetArn": f"{ARN}dead.fifo", "maxReceiveCount": 2})
        sqs.create_queue(QueueName="orders.fifo", Attributes={**fifo, "RedrivePolicy": policy})
        create_function(aws, "work", WORK)
        create_function(aws, "bury", BURY)
        client.create_event_source_mapping(EventSourceArn=f"{ARN}orders.fifo", FunctionName="work", BatchSize=1)
        client.create_event_source_mapping(EventSourceArn=f"{ARN}dead.fifo", FunctionName="bury")

    def act(self, aws: RunningEmulator) -> bool:
        sqs = aws.client("sqs")
        url = f"{aws.url}/000000000000/orders.fifo"
        entries = [
            {"Id": name, "MessageBody": json.dumps({"name": name, "diary": str(self.diary)}), "MessageGroupId": name}
            for name in ("good", "poison")
        ]
        return accepted(lambda: sqs.send_message_batch(QueueUrl=url, Entries=entries))

    def verify(self, aws: RunningEmulator) -> None:
        lines = self.diary.read_text().splitlines()
        # What a handler writes may be there twice, if the crash came after it ran and before the commit.
        assert set(lines) == {"good 1", "poison 1", "poison 2", "buried poison"} or set(lines) == {
            "good 1", "good 2", "poison 1", "poison 2", "buried poison"
        }, lines  # fmt: skip
        sqs = aws.client("sqs")
        names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
        for queue in ("orders.fifo", "dead.fifo"):
            url = f"{aws.url}/000000000000/{queue}"
            assert set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()) == {"0"}
        invocations = aws.control("GET", "timeline")["invocations"]
        outcomes = sorted((item["function_name"], item["outcome"]) for item in invocations)
        assert outcomes.count(("bury", "success")) == 1
        assert outcomes.count(("work", "success")) == 1
        assert outcomes.count(("work", "function_error")) == 2
        assert aws.control("GET", "queue")["total"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_messages_survive_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(diary: Path) -> Story:
        orders = Orders(diary)
        return Story(orders.prepare, orders.act, orders.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 8
