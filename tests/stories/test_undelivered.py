"""Who watches the emulator reads what could not be delivered, why, and where it went."""

from __future__ import annotations

import json
import logging

import pytest

from tests.stories.telling import role


@pytest.fixture
def remarks():
    """What the console prints besides requests."""
    found = []

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


def test_rules_topics_schedules_and_pipes_say_what_they_could_not_deliver(aws, emulator, clock, remarks):
    queues = f"arn:aws:sqs:us-east-1:{aws.account}:"
    missing = queues + "missing"
    aws.sqs.create_queue(QueueName="dead")
    aws.sqs.create_queue(QueueName="in")
    aws.events.put_rule(Name="r", EventPattern='{"source": ["shop"]}')
    aws.events.put_targets(
        Rule="r",
        Targets=[
            {"Id": "1", "Arn": missing},
            {"Id": "2", "Arn": missing, "DeadLetterConfig": {"Arn": queues + "dead"}},
        ],
    )
    topic = aws.sns.create_topic(Name="t")["TopicArn"]
    broken = json.dumps({"deadLetterTargetArn": missing})
    aws.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=missing + "2", Attributes={"RedrivePolicy": broken})
    aws.scheduler.create_schedule(
        Name="s",
        ScheduleExpression="rate(1 day)",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": missing, "RoleArn": role(aws)},
    )
    aws.pipes.create_pipe(Name="p", Source=queues + "in", Target=missing, RoleArn=role(aws))

    aws.events.put_events(Entries=[{"Source": "shop", "DetailType": "d", "Detail": "{}"}])
    aws.sns.publish(TopicArn=topic, Message="m")
    clock.advance(0)
    emulator.queue("in").send("m")
    clock.advance(0)

    starts = ["rule r: event ", "topic t: message ", "schedule s: ", "pipe p: 1 messages stay in the queue"]
    told = {start: [line for line in remarks if line.startswith(start)] for start in starts}
    assert [len(found) for found in told.values()] == [2, 1, 1, 1], remarks
    first, second = sorted(told["rule r: event "], key=lambda line: "sent to" in line)
    assert first.endswith("; no dead-letter queue") and f"not delivered to {missing}" in first
    assert second.endswith("; sent to dead")
    assert "the dead-letter queue refused it: " in told["topic t: message "][0]
    assert "does not exist" in told["schedule s: "][0]
