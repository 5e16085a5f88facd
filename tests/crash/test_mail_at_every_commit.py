"""A message and its events, killed before and after every commit: each event is told once, the message is kept once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal

import pytest

from emulator.testing import RunningEmulator
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, quiet_logs

__all__ = ["quiet_logs"]

QUEUE = "arn:aws:sqs:us-east-1:000000000000:events"


def prepare(aws: RunningEmulator) -> None:
    v2, sns = aws.client("sesv2"), aws.client("sns")
    aws.client("sqs").create_queue(QueueName="events")
    topic = sns.create_topic(Name="mail")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE)
    v2.create_email_identity(EmailIdentity="example.com")
    v2.create_configuration_set(ConfigurationSetName="set")
    kinds = ["SEND", "DELIVERY", "COMPLAINT"]
    destination = {"Enabled": True, "MatchingEventTypes": kinds, "SnsDestination": {"TopicArn": topic}}
    v2.create_configuration_set_event_destination(
        ConfigurationSetName="set", EventDestinationName="all", EventDestination=destination
    )


def act(aws: RunningEmulator) -> bool:
    """Send, unless an answer that got lost was of a message that is there."""
    if aws.inbox():
        return True
    content = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
    return accepted(
        lambda: aws.client("sesv2").send_email(
            FromEmailAddress="a@example.com",
            Destination={"ToAddresses": ["complaint@simulator.amazonses.com"]},
            Content=content,
            ConfigurationSetName="set",
        )
    )


def verify(aws: RunningEmulator) -> None:
    sent = [message for message in aws.inbox() if message["operation"]]
    assert [message["delivery"]["state"] for message in sent] == ["delivered"]
    sqs, url = aws.client("sqs"), f"{aws.url}/000000000000/events"
    told = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    texts = [json.loads(message["Body"])["Message"] for message in told]
    kinds = sorted(json.loads(text)["eventType"] for text in texts if text.startswith("{"))
    assert kinds == ["Complaint", "Delivery", "Send"]
    assert aws.control("GET", "queue")["total"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_message_and_its_events_survive_a_crash_at_every_commit(
    tmp_path: Path, when: Literal["before", "after"]
) -> None:
    assert crash_at_every_commit(tmp_path, lambda _: Story(prepare, act, verify), when) >= 3
