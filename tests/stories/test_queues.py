"""Promises about queues: every message is accounted for, whoever sends, receives, fails or changes their mind."""

from __future__ import annotations

import json
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.stories.telling import function

SENDERS, MESSAGES, RECEIVERS = 3, 120, 4
EVERYTHING = 1000


def queue(aws, emulator, name, tries=0, **attributes):
    """A queue; with `tries`, what is received so often in vain goes to the queue `dead`."""
    if tries:
        aws.sqs.create_queue(QueueName="dead")
        policy = {"deadLetterTargetArn": emulator.queue("dead").arn, "maxReceiveCount": tries}
        attributes["RedrivePolicy"] = json.dumps(policy)
    aws.sqs.create_queue(QueueName=name, Attributes=attributes)
    return emulator.queue(name)


def send(aws, queue, bodies, **more):
    """Send texts, ten at a time."""
    for first in range(0, len(bodies), 10):
        entries = [{"Id": body, "MessageBody": body, **more} for body in bodies[first : first + 10]]
        assert "Failed" not in aws.sqs.send_message_batch(QueueUrl=queue.url, Entries=entries)


def test_every_message_is_deleted_or_dead_whatever_receivers_do(aws, emulator, clock):
    """Some receivers delete, some forget, some give back at once: what is received three times in vain is dead."""
    work = queue(aws, emulator, "work", tries=3, VisibilityTimeout="5")
    url = work.url

    def sender(number):
        bodies = [f"{number}-{index}" for index in range(MESSAGES)]
        for first in range(0, MESSAGES, 10):
            send(aws, work, bodies[first : first + 10], DelaySeconds=first % 3)
        return set(bodies)

    def receiver(number):
        dice, deleted = random.Random(number), Counter()
        while found := aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in found:
                handle, choice = message["ReceiptHandle"], dice.random()
                if choice < 0.5:
                    aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
                    deleted[message["Body"]] += 1
                elif choice < 0.6:
                    aws.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return deleted

    with ThreadPoolExecutor(SENDERS + RECEIVERS) as pool:
        sending = [pool.submit(sender, number) for number in range(SENDERS)]
        receiving = [pool.submit(receiver, number) for number in range(RECEIVERS)]
        sent = set().union(*(future.result() for future in sending))
        deleted = sum((future.result() for future in receiving), Counter())
        for round_number in range(5):
            clock.advance(6)
            deleted += sum(pool.map(receiver, range(10 * round_number, 10 * round_number + RECEIVERS)), Counter())

    buried = Counter(emulator.queue("dead").bodies(limit=EVERYTHING))
    assert set(deleted) | set(buried) == sent
    assert not set(deleted) & set(buried)
    assert set(deleted.values()) == {1} == set(buried.values())
    assert len(work) == 0


COUNT = """
    def handler(event, context):
        bad = [record for record in event["Records"] if int(record["body"]) % 7 == 0]
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in bad]}
"""


def test_a_mapping_deals_with_every_message_of_a_flood(aws, emulator):
    """Five hundred messages through one mapping: those that succeed are gone, the others are dead after two tries."""
    flood = queue(aws, emulator, "flood", tries=2)
    aws.lambda_.create_event_source_mapping(
        EventSourceArn=flood.arn,
        FunctionName=function(aws, "count", COUNT, Timeout=3),
        FunctionResponseTypes=["ReportBatchItemFailures"],
        ScalingConfig={"MaximumConcurrency": 2},
    )
    send(aws, flood, [str(index) for index in range(500)])
    emulator.settle()
    assert sorted(map(int, emulator.queue("dead").bodies(limit=EVERYTHING))) == [
        index for index in range(500) if index % 7 == 0
    ]
    assert flood.receive() == []
    assert {attempt["outcome"] for attempt in emulator.attempts()} == {"success"}


def test_a_mapping_runs_as_many_batches_at_once_as_it_may(aws, emulator):
    """Six messages of ten seconds each, two at a time: three pairs, one after the other."""
    work = queue(aws, emulator, "work")
    aws.lambda_.create_event_source_mapping(
        EventSourceArn=work.arn,
        FunctionName=function(
            aws, "slow", "import time\ndef handler(event, context):\n    time.sleep(10)\n", Timeout=20
        ),
        BatchSize=1,
        ScalingConfig={"MaximumConcurrency": 2},
    )
    send(aws, work, [str(index) for index in range(6)])
    emulator.settle()
    begun = [attempt["started_at"] for attempt in emulator.attempts(function="slow")]
    assert [round(at - begun[0]) for at in begun] == [0, 0, 10, 10, 20, 20]


ALARM = """
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


def test_an_alarm_mail_follows_a_dead_letter(aws, emulator, clock, inbox):
    """Queue, failing function, dead-letter queue, second function, mail: in the minutes it takes on AWS."""
    aws.sesv2.create_email_identity(EmailIdentity="ops@example.com")
    orders = queue(aws, emulator, "orders", tries=3, VisibilityTimeout="60")
    fails = function(aws, "fail", "def handler(event, context):\n    raise ValueError('no')\n", Timeout=3)
    alarm = function(aws, "alarm", ALARM, Timeout=3)
    aws.lambda_.create_event_source_mapping(EventSourceArn=orders.arn, FunctionName=fails)
    aws.lambda_.create_event_source_mapping(EventSourceArn=emulator.queue("dead").arn, FunctionName=alarm)

    begun = clock.now()
    orders.send("order 7")
    emulator.settle()

    [mail] = inbox
    assert mail.subject == "dead: order 7"
    assert 180 <= clock.now() - begun < 185


def test_groups_keep_their_order_however_many_receive(aws, emulator, clock):
    """Receivers that compete, and sometimes forget a message, still see each group in the order it was sent."""
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "VisibilityTimeout": "5"}
    url = queue(aws, emulator, "work.fifo", **attributes).url
    done = {f"group-{number}": [] for number in range(6)}
    for index in range(40):
        entries = [{"Id": group, "MessageBody": f"{group} {index}", "MessageGroupId": group} for group in sorted(done)]
        assert "Failed" not in aws.sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def receiver(number):
        dice = random.Random(number)
        while found := aws.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            forgotten = set()
            for message in found:
                group, index = message["Body"].split()
                if group in forgotten or dice.random() < 0.02:
                    forgotten.add(group)  # and with it whatever comes behind it
                    continue
                done[group].append(int(index))
                aws.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    with ThreadPoolExecutor(RECEIVERS) as pool:
        for round_number in range(40):
            list(pool.map(receiver, range(10 * round_number, 10 * round_number + RECEIVERS)))
            clock.advance(6)
            if all(len(order) == 40 for order in done.values()):
                break
    assert set(map(tuple, done.values())) == {tuple(range(40))}
