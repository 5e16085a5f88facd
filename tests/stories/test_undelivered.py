"""Who watches the emulator reads what could not be delivered, why, and where it went."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

import pytest

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/story"
MISSING = "arn:aws:sqs:us-east-1:000000000000:missing"
DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"


@pytest.fixture
def remarks() -> Iterator[list[str]]:
    """What the console prints besides requests."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger, handler = logging.getLogger("emulator.functions"), Keep()
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield found
    logger.removeHandler(handler)
    logger.setLevel(before)


def test_rules_topics_schedules_and_pipes_say_what_they_could_not_deliver(
    emulator: RunningEmulator, remarks: list[str]
) -> None:
    sqs, sns, events = emulator.client("sqs"), emulator.client("sns"), emulator.client("events")
    sqs.create_queue(QueueName="dead")
    source = sqs.create_queue(QueueName="in")["QueueUrl"]
    events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    targets = [{"Id": "1", "Arn": MISSING}, {"Id": "2", "Arn": MISSING, "DeadLetterConfig": {"Arn": DEAD}}]
    events.put_targets(Rule="r", Targets=targets)
    topic = sns.create_topic(Name="t")["TopicArn"]
    broken = json.dumps({"deadLetterTargetArn": MISSING})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=MISSING + "2", Attributes={"RedrivePolicy": broken})
    emulator.client("scheduler").create_schedule(
        Name="s",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": MISSING, "RoleArn": ROLE},
    )
    emulator.client("pipes").create_pipe(
        Name="p", Source="arn:aws:sqs:us-east-1:000000000000:in", Target=MISSING, RoleArn=ROLE
    )
    events.put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])
    sns.publish(TopicArn=topic, Message="m")
    emulator.advance(0)
    sqs.send_message(QueueUrl=source, MessageBody="m")
    emulator.advance(0)
    starts = ["rule r: event ", "topic t: message ", "schedule s: ", "pipe p: 1 messages stay in the queue"]
    lines = {start: [line for line in remarks if line.startswith(start)] for start in starts}
    assert [len(found) for found in lines.values()] == [2, 1, 1, 1], remarks
    first, second = sorted(lines["rule r: event "], key=lambda line: "sent to" in line)
    assert first.endswith("; no dead-letter queue") and f"not delivered to {MISSING}" in first
    assert second.endswith("; sent to dead")
    assert "the dead-letter queue refused it: " in lines["topic t: message "][0]
    assert "does not exist" in lines["schedule s: "][0]
