"""Incoming mail and HTTP subscribers, killed before and after every commit: no action is left out, none told twice.

What leaves the store – a bucket, a function that is waited for, an HTTP endpoint – may see a message again, with the
same id; what stays in it may not.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.crash.test_every_commit import Story, accepted, crash_at_every_commit, create_function, quiet_logs
from tests.stuck import STUCK_SECONDS
from tests.wire.http_endpoint import Endpoint, endpoint

__all__ = ["endpoint", "quiet_logs"]

ACCOUNT = "000000000000"
QUEUE = f"arn:aws:sqs:us-east-1:{ACCOUNT}:heard"
TOPIC = f"arn:aws:sns:us-east-1:{ACCOUNT}:incoming"
WAITED_FOR = """
import os
def handler(event, context):
    record = event["Records"][0]["ses"]
    with open(os.environ["DIARY"], "a") as diary:
        diary.write(os.environ["AWS_LAMBDA_FUNCTION_NAME"] + " " + record["mail"]["messageId"] + "\\n")
    return {"disposition": "STOP_RULE" if context.function_name == "judge" else "CONTINUE"}
"""


class Receipts:
    """One message for two rules: header, bucket, topic, a function that is told, then asked and stops it; a bounce."""

    def __init__(self, diary: Path) -> None:
        self.diary = diary

    def prepare(self, aws: RunningEmulator) -> None:
        ses, sns = aws.client("ses"), aws.client("sns")
        aws.client("sqs").create_queue(QueueName="heard")
        sns.create_topic(Name="incoming")
        sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE)
        ses.verify_domain_identity(Domain="example.com")
        ses.create_receipt_rule_set(RuleSetName="set")
        diary = {"DIARY": str(self.diary)}
        functions = {name: create_function(aws, name, WAITED_FOR, diary) for name in ("judge", "never")}
        first: list[dict[str, Any]] = [
            {"AddHeaderAction": {"HeaderName": "X-Seen", "HeaderValue": "yes"}},
            {"S3Action": {"BucketName": "letters", "ObjectKeyPrefix": "in/"}},
            {"SNSAction": {"TopicArn": TOPIC, "Encoding": "UTF-8"}},
            {"LambdaAction": {"FunctionArn": functions["judge"], "InvocationType": "Event"}},
            {"LambdaAction": {"FunctionArn": functions["judge"], "InvocationType": "RequestResponse"}},
            {"LambdaAction": {"FunctionArn": functions["never"], "InvocationType": "Event"}},
        ]
        bounce = {"SmtpReplyCode": "550", "StatusCode": "5.1.1", "Message": "Nobody", "Sender": "no@example.com"}
        second: list[dict[str, Any]] = [{"BounceAction": {**bounce, "TopicArn": TOPIC}}]
        for name, actions in (("second", second), ("first", first)):
            rule = {"Name": name, "Enabled": True, "ScanEnabled": True, "Actions": actions}
            ses.create_receipt_rule(RuleSetName="set", Rule=rule)
        ses.set_active_receipt_rule_set(RuleSetName="set")

    def act(self, aws: RunningEmulator) -> bool:
        if aws.inbox():
            return True
        # Delegated state is not durable: a careful client makes its bucket again.
        accepted(lambda: aws.client("s3").create_bucket(Bucket="letters"))
        mail = {"from": "ada@outside.org", "to": ["orders@example.com"], "subject": "s", "text": "One pen."}
        return accepted(lambda: httpx.post(f"{aws.url}/_emulator/inbound", json=mail, timeout=STUCK_SECONDS))

    def verify(self, aws: RunningEmulator) -> None:
        sqs, url = aws.client("sqs"), f"{aws.url}/{ACCOUNT}/heard"
        told: list[dict[str, Any]] = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
            told += [json.loads(json.loads(message["Body"])["Message"]) for message in messages]
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        identifiers = {each["mail"]["messageId"] for each in told}
        kinds = sorted((each["mail"]["messageId"], each["receipt"]["action"]["type"]) for each in told)
        # An answer that got lost may have been of a message that was taken: the client's second is another message.
        assert kinds == sorted((each, kind) for each in identifiers for kind in ("SNS", "Bounce"))
        assert 1 <= len(identifiers) <= 2
        assert all("X-Seen: yes" in each["content"] for each in told if "content" in each)
        lines = self.diary.read_text().splitlines()
        assert {f"judge {each}" for each in identifiers} == set(lines)
        assert len(lines) >= 2 * len(identifiers)
        assert [mail["from"] for mail in aws.inbox()] == ["no@example.com"] * len(identifiers)
        assert aws.control("GET", "queue")["total"] == 0


@pytest.mark.parametrize("when", ["before", "after"])
def test_every_action_of_a_receipt_rule_survives_a_crash_at_every_commit(
    tmp_path: Path, when: Literal["before", "after"]
) -> None:
    def make(_: Path) -> Story:
        story = Receipts(tmp_path / "diary")
        story.diary.write_text("")  # each life has its own
        return Story(story.prepare, story.act, story.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 8


class Hooked:
    """A topic with an HTTP subscriber that fails once, a queue, and a dead-letter queue that stays empty."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def begin(self) -> None:
        """A new life: the endpoint has heard nothing, and fails once."""
        self.endpoint.requests.clear()
        self.endpoint.answers[:] = [(503, {}, b"")]

    def prepare(self, aws: RunningEmulator) -> None:
        sns = aws.client("sns")
        self.endpoint.answers.clear()
        for name in ("heard", "dead"):
            aws.client("sqs").create_queue(QueueName=name)
        sns.create_topic(Name="incoming")
        redrive = {"RedrivePolicy": json.dumps({"deadLetterTargetArn": QUEUE.replace("heard", "dead")})}
        sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint=self.endpoint.url, Attributes=redrive)
        aws.settle()
        token = json.loads(self.endpoint.requests.pop()["body"])["Token"]
        sns.confirm_subscription(TopicArn=TOPIC, Token=token)
        sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE)

    def act(self, aws: RunningEmulator) -> bool:
        counts = ["ApproximateNumberOfMessages"]
        url = f"{aws.url}/{ACCOUNT}/heard"
        found = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=counts)["Attributes"]
        if found["ApproximateNumberOfMessages"] != "0":
            return True  # the answer got lost, not the message
        return accepted(lambda: aws.client("sns").publish(TopicArn=TOPIC, Message="m"))

    def verify(self, aws: RunningEmulator) -> None:
        ids = {json.loads(each["body"])["MessageId"] for each in self.endpoint.requests}
        assert len(ids) == 1
        assert 2 <= len(self.endpoint.requests) <= 4  # twice, and once more for a crash
        counts = {}
        for name in ("heard", "dead"):
            url = f"{aws.url}/{ACCOUNT}/{name}"
            attributes = aws.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            counts[name] = attributes["ApproximateNumberOfMessages"]
        assert counts == {"heard": "1", "dead": "0"}
        assert aws.control("GET", "queue")["total"] == 0


@pytest.fixture
def hooked(endpoint: Endpoint) -> Iterator[Hooked]:
    yield Hooked(endpoint)


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_http_subscriber_is_told_at_least_once_and_a_queue_exactly_once(
    tmp_path: Path, when: Literal["before", "after"], hooked: Hooked
) -> None:
    def make(_: Path) -> Story:
        hooked.begin()
        return Story(hooked.prepare, hooked.act, hooked.verify)

    assert crash_at_every_commit(tmp_path, make, when) >= 3
