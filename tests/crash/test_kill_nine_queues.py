"""`kill -9` on the real server while clients send and a function reads: every acknowledged message is dealt with."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.crash.support import ROLE, package
from tests.crash.test_kill_nine import client, control, server

ARN = "arn:aws:sqs:us-east-1:000000000000:"
KILLS, MESSAGES = 3, 400
WORK = """
import os
def handler(event, context):
    failed = []
    for record in event["Records"]:
        if int(record["body"]) % 5 == 0:
            failed.append({"itemIdentifier": record["messageId"]})
        else:
            fd = os.open(os.environ["DIARY"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            os.write(fd, (record["body"] + "\\n").encode())
            os.close(fd)
    return {"batchItemFailures": failed}
"""


def send(url: str, numbers: Iterator[int], most: int) -> list[int]:
    """Send in batches of ten until `most` messages are acknowledged; return those that are."""
    sqs, done = client(url, "sqs"), list[int]()
    queue = f"{url}/000000000000/work"
    while len(done) < most:
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in (next(numbers) for _ in range(10))]
        try:
            answer: dict[str, Any] = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
        except (BotoCoreError, ClientError):
            continue
        done += [int(entry["Id"]) for entry in answer["Successful"]]
    return done


@pytest.mark.real_process
def test_acknowledged_messages_survive_kills_of_the_server(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    numbers, sent = iter(range(100_000)), list[int]()
    for life in range(KILLS + 1):
        with server(tmp_path / "data") as (process, url):
            sqs = client(url, "sqs")
            if life == 0:
                sqs.create_queue(QueueName="dead")
                policy = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 2})
                sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy})
                functions = client(url, "lambda")
                functions.create_function(
                    FunctionName="work",
                    Runtime="python3.11",
                    Role=ROLE,
                    Handler="app.handler",
                    Code={"ZipFile": package(WORK)},
                    Timeout=20,
                    Environment={"Variables": {"DIARY": str(diary)}},
                )
                functions.create_event_source_mapping(
                    EventSourceArn=f"{ARN}work", FunctionName="work", FunctionResponseTypes=["ReportBatchItemFailures"]
                )
            sent += send(url, numbers, MESSAGES // (KILLS + 1))
            if life < KILLS:
                process.send_signal(signal.SIGKILL)
                continue
            control(url, "POST", "clock", {"action": "settle"})
            buried = list[int]()
            dead = f"{url}/000000000000/dead"
            once = {"MaxNumberOfMessages": 10, "VisibilityTimeout": 43_200}
            while found := sqs.receive_message(QueueUrl=dead, **once).get("Messages"):
                buried += [int(message["Body"]) for message in found]
            done = {int(line) for line in diary.read_text().split()}
            # A slow restart costs a message that was being read one of its receipts, so a good one may be dead, too.
            assert {number for number in sent if number % 5} <= done | set(buried)
            assert {number for number in sent if number % 5 == 0} <= set(buried)
            assert len(buried) == len(set(buried))
            names = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
            work = f"{url}/000000000000/work"
            assert set(sqs.get_queue_attributes(QueueUrl=work, AttributeNames=names)["Attributes"].values()) == {"0"}
            assert control(url, "GET", "queue")["total"] == 0
