"""Schedule → rule → topic → queue → pipe → queue, and mail, killed at every commit: nothing is lost or doubled.

What lies between these services is rows of one store: each hand-off is the commit of its cause.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from emulator.testing import RunningEmulator
from tests.crash.support import ROLE
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, quiet_logs

__all__ = ["quiet_logs"]

QUEUES = "arn:aws:sqs:us-east-1:000000000000:"
BUS = "arn:aws:events:us-east-1:000000000000:event-bus/default"


def prepare(aws: RunningEmulator) -> None:
    sqs, sns, events = aws.client("sqs"), aws.client("sns"), aws.client("events")
    for name in ("in", "out"):
        sqs.create_queue(QueueName=name)
    topic = sns.create_topic(Name="news")["TopicArn"]
    raw = {"RawMessageDelivery": "true"}
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUES + "in", Attributes=raw)
    asked = sns.subscribe(TopicArn=topic, Protocol="email-json", Endpoint="reader@example.com")
    assert asked["SubscriptionArn"] == "pending confirmation"
    sns.confirm_subscription(TopicArn=topic, Token=json.loads(aws.inbox()[0]["text"])["Token"])
    events.put_rule(Name="orders", EventPattern='{"source": ["shop"]}')
    events.put_targets(Rule="orders", Targets=[{"Id": "1", "Arn": topic, "InputPath": "$.detail"}])
    aws.client("pipes").create_pipe(
        Name="p",
        Source=QUEUES + "in",
        Target=QUEUES + "out",
        RoleArn=ROLE,
        TargetParameters={"InputTemplate": "<$.body.order>"},
    )
    aws.settle()


def act(aws: RunningEmulator) -> bool:
    """A schedule, which its token lets nobody create twice."""
    shop = {"EventBridgeParameters": {"Source": "shop", "DetailType": "Order"}, "Input": '{"order": 7}'}
    at = datetime.fromtimestamp(1_700_000_000, UTC) + timedelta(hours=1)
    return accepted(
        lambda: aws.client("scheduler").create_schedule(
            Name="once",
            ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": BUS, "RoleArn": ROLE, **shop},
            ClientToken="t",
        )
    )


def verify(aws: RunningEmulator) -> None:
    sqs = aws.client("sqs")
    out = f"{aws.url}/000000000000/out"
    received = sqs.receive_message(QueueUrl=out, MaxNumberOfMessages=10).get("Messages", [])
    assert [message["Body"] for message in received] == ["7"]
    counts = [f"ApproximateNumberOfMessages{kind}" for kind in ("", "NotVisible", "Delayed")]
    left = sqs.get_queue_attributes(QueueUrl=f"{aws.url}/000000000000/in", AttributeNames=counts)["Attributes"]
    assert set(left.values()) == {"0"}
    mails = [json.loads(mail["text"]) for mail in aws.inbox()]
    assert [mail["Message"] for mail in mails if mail["Type"] == "Notification"] == ['{"order":7}']
    assert aws.control("GET", "queue")["total"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_event_survives_a_crash_at_every_commit(tmp_path: Path, when: Literal["before", "after"]) -> None:
    def make(_: Path) -> Story:
        return Story(prepare, act, verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 5
