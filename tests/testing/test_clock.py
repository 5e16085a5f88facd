"""Time in tests: frozen, moved on request, and by itself while a client waits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from emulator.testing import AsyncEmulator, Emulator
from emulator.testing.aws import Aws
from emulator.testing.clock import Clock
from emulator.testing.inbox import Inbox
from emulator.testing.servers import HarnessError, LocalServer
from tests.testing.functions import create, invoke, send


def test_frozen_time_moves_by_itself_while_a_client_waits(aws: Aws, clock: Clock) -> None:
    create(aws)
    before = clock.now()
    answer = invoke(aws, sleep=45)
    assert clock.now() - before == 45
    assert answer["now"] == pytest.approx(before + 45)
    assert answer["left"] == 15_000


def test_a_long_poll_takes_its_time_and_no_more(aws: Aws, clock: Clock) -> None:
    queue = aws.sqs.create_queue(QueueName="q")["QueueUrl"]
    before = clock.now()
    assert "Messages" not in aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)
    assert clock.now() - before == 20
    aws.sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=7)
    assert aws.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)["Messages"]
    assert clock.now() - before == 27


def test_an_event_is_no_client_that_waits(aws: Aws, clock: Clock, emulator: Emulator) -> None:
    create(aws)
    before = clock.now()
    send(aws, sleep=30)
    aws.sqs.list_queues()
    assert clock.now() == before
    emulator.settle()
    assert clock.now() == before + 30


def test_to_next_goes_from_one_due_time_to_the_next(aws: Aws, clock: Clock, emulator: Emulator) -> None:
    create(aws)
    send(aws, fail=True)
    before = clock.now()
    clock.advance(0)
    moments = []
    while clock.to_next():
        moments.append(clock.now() - before)
    assert moments[:2] == [60, 180]
    assert len(emulator.attempts()) == 3


def test_to_next_passes_over_what_recurs_for_ever(aws: Aws, clock: Clock) -> None:
    create(aws)
    aws.events.put_rule(Name="often", ScheduleExpression="rate(1 minute)")
    send(aws, fail=True)
    clock.advance(90)  # the second attempt was after 60 s
    before = clock.now()
    assert clock.to_next() and clock.now() - before == 90


def test_time_can_be_scaled_and_frozen_again(clock: Clock) -> None:
    clock.scale(1_000_000)
    assert not clock.frozen
    clock.freeze()
    assert clock.frozen
    with pytest.raises(HarnessError, match="scale needs"):
        clock.scale(0)


def test_why_names_who_sleeps_and_what_is_due(aws: Aws, clock: Clock) -> None:
    clock.auto(False)
    assert clock.why() == "Time is frozen; it moves when somebody advances it."
    create(aws)
    send(aws, sleep=30)
    clock.advance(10)
    assert "waits for 20 s of AWS time more" in clock.why()
    assert "lambda.event job" in clock.why()


def test_settings_of_a_test_are_gone_with_its_world(emulator_server: LocalServer) -> None:
    with Emulator(server=emulator_server) as first:
        first.settings(async_first_retry_delay_seconds=5)
        create(first.aws)
        before = first.clock.now()
        send(first.aws, fail=True)
        first.settle()
        assert first.clock.now() - before == 125
    with Emulator(server=emulator_server) as second:
        assert second.settings()["async_first_retry_delay_seconds"]["value"] == 60


def mail(aws: Aws, to: str, subject: str) -> None:
    aws.ses.verify_email_identity(EmailAddress="a@example.com")
    message = {"Subject": {"Data": subject}, "Body": {"Text": {"Data": "text"}}}
    aws.ses.send_email(Source="a@example.com", Destination={"ToAddresses": [to]}, Message=message)


def test_the_inbox_waits_in_aws_time(aws: Aws, inbox: Inbox, clock: Clock) -> None:
    source = """
import boto3
def handler(event, context):
    message = {"Subject": {"Data": "late"}, "Body": {"Text": {"Data": "text"}}}
    to = {"ToAddresses": ["b@example.com"]}
    boto3.client("ses").send_email(Source="a@example.com", Destination=to, Message=message)
"""
    aws.ses.verify_email_identity(EmailAddress="a@example.com")
    arn = create(aws, source=source)
    at = clock.datetime() + timedelta(hours=2)
    aws.scheduler.create_schedule(
        Name="later",
        ScheduleExpression=f"at({at:%Y-%m-%dT%H:%M:%S})",
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": arn, "RoleArn": f"arn:aws:iam::{aws.account}:role/r"},
    )
    before = clock.now()
    with pytest.raises(AssertionError, match=r"no message .to 'b@example\.com'. came within 3600 s"):
        inbox.wait(to="b@example.com", seconds=3600)
    assert clock.now() - before == 3600
    assert inbox.wait(to="b@example.com").subject == "late"
    assert clock.now() - before == pytest.approx(7200, abs=60)


def test_messages_are_of_this_world_only(aws: Aws, inbox: Inbox, emulator_server: LocalServer) -> None:
    with Emulator(server=emulator_server) as other:
        mail(other.aws, "b@example.com", "theirs")
        mail(aws, "c@example.com", "ours")
        assert [each.subject for each in inbox.messages] == ["ours"]
        assert inbox.find(to="b@") == []
        assert other.inbox.wait(to="b@").sender == "a@example.com"
    assert len(inbox) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_everything_can_be_awaited(async_emulator: AsyncEmulator) -> None:
    aws = async_emulator.aws
    before = await async_emulator.clock.now()
    create(aws)
    send(aws, fail=True)
    await async_emulator.clock.advance(minutes=1)
    assert len(await async_emulator.attempts()) == 2
    await async_emulator.settle()
    assert await async_emulator.clock.now() - before == 180
    mail(aws, "b@example.com", "hello")
    assert (await async_emulator.inbox.wait(to="b@")).subject == "hello"
    assert await async_emulator.executions() == []
