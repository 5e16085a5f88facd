"""Queue → function → dead-letter queue → function, and event → function → dead-letter queue → alarm mail, killed before
and after every commit: nothing is lost or doubled.

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


class Alarmed:
    """An event whose function fails for good; an alarm on its dead letters is mailed."""

    def __init__(self, _: Path) -> None:
        pass

    def prepare(self, aws: RunningEmulator) -> None:
        sns, sqs, events = aws.client("sns"), aws.client("sqs"), aws.client("events")
        topic = sns.create_topic(Name="alarms")["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="ops@example.com")
        sns.confirm_subscription(TopicArn=topic, Token=json.loads(aws.inbox()[0]["text"])["Token"])
        sqs.create_queue(QueueName="dead")
        aws.client("cloudwatch").put_metric_alarm(
            AlarmName="dead-letters",
            Namespace="AWS/SQS",
            MetricName="ApproximateNumberOfMessagesVisible",
            Dimensions=[{"Name": "QueueName", "Value": "dead"}],
            Statistic="Maximum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=0,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[topic],
        )
        arn = create_function(aws, "breaks", "def handler(event, context):\n    raise ValueError('no')\n")
        aws.client("lambda").update_function_configuration(
            FunctionName="breaks", DeadLetterConfig={"TargetArn": f"{ARN}dead"}
        )
        aws.client("lambda").put_function_event_invoke_config(FunctionName="breaks", MaximumRetryAttempts=1)
        events.put_rule(Name="orders", EventPattern='{"source": ["shop"]}')
        events.put_targets(Rule="orders", Targets=[{"Id": "1", "Arn": arn}])

    def act(self, aws: RunningEmulator) -> bool:
        entry = {"Source": "shop", "DetailType": "Order", "Detail": "{}"}
        return accepted(lambda: aws.client("events").put_events(Entries=[entry]))

    def verify(self, aws: RunningEmulator) -> None:
        mails = [json.loads(mail["text"]) for mail in aws.inbox()[1:]]
        notices = [mail for mail in mails if mail["Type"] == "Notification"]
        assert [mail["Subject"].split(":")[0] for mail in notices] == ["ALARM"], notices
        [alarm] = aws.client("cloudwatch").describe_alarms(AlarmNames=["dead-letters"])["MetricAlarms"]
        assert alarm["StateValue"] == "ALARM"
        assert aws.control("GET", "queue")["total"] == 0
        messages = aws.client("sqs").receive_message(QueueUrl=f"{aws.url}/000000000000/dead", MaxNumberOfMessages=10)
        # PutEvents has no token: a client whose answer was lost sends a second event, on AWS too.
        identifiers = [json.loads(message["Body"])["id"] for message in messages["Messages"]]
        assert 1 <= len(set(identifiers)) == len(identifiers) <= 2


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_alarm_on_dead_letters_is_mailed_once_whatever_commit_the_emulator_dies_at(
    tmp_path: Path, when: Literal["before", "after"]
) -> None:
    def make(diary: Path) -> Story:
        alarmed = Alarmed(diary)
        return Story(alarmed.prepare, alarmed.act, alarmed.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 8
