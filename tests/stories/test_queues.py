"""Promises about queues: every message is accounted for, whoever sends, receives, fails or changes their mind."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from emulator.testing import RunningEmulator
from tests.crash.support import package

ARN = "arn:aws:sqs:us-east-1:000000000000:"
SENDERS, MESSAGES, RECEIVERS = 3, 120, 4


def test_every_message_is_deleted_or_dead_whatever_receivers_do(emulator: RunningEmulator) -> None:
    """Some receivers delete, some forget, some give back at once: what is received three times in vain is dead."""
    sqs = emulator.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 3})
    url = sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "5"})["QueueUrl"]

    def send(number: int) -> set[str]:
        client, bodies = emulator.client("sqs"), [f"{number}-{index}" for index in range(MESSAGES)]
        for start in range(0, MESSAGES, 10):
            entries = [
                {"Id": body, "MessageBody": body, "DelaySeconds": start % 3} for body in bodies[start : start + 10]
            ]
            assert "Failed" not in client.send_message_batch(QueueUrl=url, Entries=entries)
        return set(bodies)

    def receive(number: int) -> Counter[str]:
        client, dice, deleted = emulator.client("sqs"), random.Random(number), Counter[str]()
        while found := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                handle, choice = message["ReceiptHandle"], dice.random()
                if choice < 0.5:
                    client.delete_message(QueueUrl=url, ReceiptHandle=handle)
                    deleted[message["Body"]] += 1
                elif choice < 0.6:
                    client.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return deleted

    with ThreadPoolExecutor(SENDERS + RECEIVERS) as pool:
        sending = [pool.submit(send, number) for number in range(SENDERS)]
        receiving = [pool.submit(receive, number) for number in range(RECEIVERS)]
        sent = set[str]().union(*(future.result() for future in sending))
        deleted = sum((future.result() for future in receiving), Counter[str]())
        for round_number in range(5):
            emulator.advance(6)
            rounds = [pool.submit(receive, 10 * round_number + number) for number in range(RECEIVERS)]
            deleted += sum((future.result() for future in rounds), Counter[str]())
    buried = Counter[str]()
    while found := sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages"):
        buried.update(message["Body"] for message in found)
    assert set(deleted) | set(buried) == sent
    assert not set(deleted) & set(buried)
    assert set(deleted.values()) == {1} == set(buried.values())
    counts = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    assert set(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"].values()) == {"0"}


COUNT = """
import json, os, boto3
def handler(event, context):
    bad = [r for r in event["Records"] if int(r["body"]) % 7 == 0]
    return {"batchItemFailures": [{"itemIdentifier": r["messageId"]} for r in bad]}
"""


def test_a_mapping_deals_with_every_message_of_a_flood(emulator: RunningEmulator) -> None:
    """Five hundred messages through one mapping: those that succeed are gone, the others are dead after two tries."""
    sqs, client = emulator.client("sqs"), emulator.client("lambda")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 2})
    url = sqs.create_queue(QueueName="flood", Attributes={"RedrivePolicy": policy})["QueueUrl"]
    client.create_function(
        FunctionName="count",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Code={"ZipFile": package(COUNT)},
    )
    client.create_event_source_mapping(
        EventSourceArn=f"{ARN}flood",
        FunctionName="count",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 2},
    )
    for start in range(0, 500, 10):
        entries = [{"Id": str(index), "MessageBody": str(index)} for index in range(start, start + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)
    emulator.settle()
    buried: list[int] = []
    while found := sqs.receive_message(QueueUrl=dead, MaxNumberOfMessages=10, VisibilityTimeout=600).get("Messages"):
        buried += [int(message["Body"]) for message in found]
    assert sorted(buried) == [index for index in range(500) if index % 7 == 0]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    runs: list[dict[str, Any]] = emulator.control("GET", "timeline")["invocations"]
    assert {run["outcome"] for run in runs} == {"success"}


def test_a_mapping_runs_as_many_batches_at_once_as_it_may(emulator: RunningEmulator) -> None:
    """Six messages of ten seconds each, two at a time: three pairs, one after the other."""
    sqs, client = emulator.client("sqs"), emulator.client("lambda")
    url = sqs.create_queue(QueueName="work")["QueueUrl"]
    client.create_function(
        FunctionName="slow",
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="app.handler",
        Timeout=20,
        Code={"ZipFile": package("import time\ndef handler(event, context):\n    time.sleep(10)\n")},
    )
    client.create_event_source_mapping(
        EventSourceArn=f"{ARN}work", FunctionName="slow", BatchSize=1, ScalingConfig={"MaximumConcurrency": 2}
    )
    entries = [{"Id": str(index), "MessageBody": str(index)} for index in range(6)]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    emulator.settle()
    logs = emulator.client("logs")
    found = logs.filter_log_events(logGroupName="/aws/lambda/slow", filterPattern="START")["events"]
    begun = sorted(event["timestamp"] for event in found if event["message"].startswith("START "))
    assert [round((at - begun[0]) / 1000) for at in begun] == [0, 0, 10, 10, 20, 20]


def test_an_alarm_mail_follows_a_dead_letter(emulator: RunningEmulator) -> None:
    """Queue, failing function, dead-letter queue, second function, mail: in the minutes it takes on AWS."""
    sqs, client = emulator.client("sqs"), emulator.client("lambda")
    emulator.client("sesv2").create_email_identity(EmailIdentity="ops@example.com")
    sqs.create_queue(QueueName="dead")
    policy = json.dumps({"deadLetterTargetArn": f"{ARN}dead", "maxReceiveCount": 3})
    url = sqs.create_queue(QueueName="orders", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "60"})[
        "QueueUrl"
    ]
    alarm = """
import boto3
def handler(event, context):
    for record in event["Records"]:
        boto3.client("sesv2").send_email(
            FromEmailAddress="ops@example.com",
            Destination={"ToAddresses": ["ops@example.com"]},
            Content={"Simple": {"Subject": {"Data": "dead: " + record["body"]},
                                "Body": {"Text": {"Data": record["attributes"]["DeadLetterQueueSourceArn"]}}}},
        )
"""
    for name, source in (("fail", "def handler(event, context):\n    raise ValueError('no')\n"), ("alarm", alarm)):
        client.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role="arn:aws:iam::000000000000:role/r",
            Handler="app.handler",
            Code={"ZipFile": package(source)},
        )
    client.create_event_source_mapping(EventSourceArn=f"{ARN}orders", FunctionName="fail")
    client.create_event_source_mapping(EventSourceArn=f"{ARN}dead", FunctionName="alarm")
    started_at = emulator.now()
    sqs.send_message(QueueUrl=url, MessageBody="order 7")
    emulator.settle()
    (mail,) = emulator.inbox()
    assert mail["subject"] == "dead: order 7"
    assert 180 <= emulator.now() - started_at < 185


def test_groups_keep_their_order_however_many_receive(emulator: RunningEmulator) -> None:
    """Receivers that compete, and sometimes forget a message, still see each group in the order it was sent."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "5"}
    url = emulator.client("sqs").create_queue(QueueName="work.fifo", Attributes=attributes)["QueueUrl"]
    done: dict[str, list[int]] = {f"group-{number}": [] for number in range(6)}
    client = emulator.client("sqs")
    for index in range(40):
        entries = [{"Id": group, "MessageBody": f"{group} {index}", "MessageGroupId": group} for group in sorted(done)]
        assert "Failed" not in client.send_message_batch(QueueUrl=url, Entries=entries)

    def receive(number: int) -> None:
        client, dice = emulator.client("sqs"), random.Random(number)
        while found := client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            forgotten: set[str] = set()
            for message in found:
                group, index = message["Body"].split()
                if group in forgotten or dice.random() < 0.02:
                    forgotten.add(group)  # and with it whatever comes behind it
                    continue
                done[group].append(int(index))
                client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    with ThreadPoolExecutor(RECEIVERS) as pool:
        for round_number in range(40):
            for future in [pool.submit(receive, 10 * round_number + number) for number in range(RECEIVERS)]:
                future.result()
            emulator.advance(6)
            if all(len(order) == 40 for order in done.values()):
                break
    assert set(map(tuple, done.values())) == {tuple(range(40))}
