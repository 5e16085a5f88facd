"""Amazon SQS over boto3: operations, and errors with their texts. boto3 itself verifies the MD5 of every body."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from emulator.aws.calls import Calls
from emulator.aws.scope import Scope
from emulator.testing import RunningEmulator

ACCOUNT = "000000000000"


def queue(emulator: RunningEmulator, name: str = "orders", **attributes: str) -> str:
    return emulator.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def fifo(emulator: RunningEmulator, name: str = "orders.fifo", **attributes: str) -> str:
    return queue(emulator, name, FifoQueue="true", **attributes)


def arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def bodies(answer: dict) -> list[str]:
    return [message["Body"] for message in answer.get("Messages", [])]


def refusal(call, **parameters) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def test_a_message_is_sent_received_and_deleted(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    attributes = {
        "kind": {"DataType": "String", "StringValue": "ordér"},
        "count": {"DataType": "Number.int", "StringValue": "-12.5e3"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    sent = sqs.send_message(
        QueueUrl=url,
        MessageBody="héllo",
        MessageAttributes=attributes,
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5e-abc"}},
    )
    assert sent["MD5OfMessageSystemAttributes"]
    found = sqs.receive_message(
        QueueUrl=url, MessageAttributeNames=["All"], MessageSystemAttributeNames=["All"], MaxNumberOfMessages=10
    )["Messages"]
    assert len(found) == 1
    message = found[0]
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == "héllo"
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    now = str(int(emulator.now() * 1000))
    assert message["Attributes"] == {
        "SenderId": ACCOUNT,
        "SentTimestamp": now,
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": now,
        "AWSTraceHeader": "Root=1-5e-abc",
    }
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    emulator.advance(31)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_create_queue_answers_with_a_url_that_finds_it(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    assert url == f"{emulator.emulator.base_url}/{ACCOUNT}/orders"
    assert sqs.get_queue_url(QueueName="orders")["QueueUrl"] == url
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    now = str(int(emulator.now()))
    assert attributes == {
        "QueueArn": arn("orders"),
        "ApproximateNumberOfMessages": "0",
        "ApproximateNumberOfMessagesNotVisible": "0",
        "ApproximateNumberOfMessagesDelayed": "0",
        "CreatedTimestamp": now,
        "LastModifiedTimestamp": now,
        "VisibilityTimeout": "30",
        "MaximumMessageSize": "1048576",
        "MessageRetentionPeriod": "345600",
        "DelaySeconds": "0",
        "ReceiveMessageWaitTimeSeconds": "0",
        "SqsManagedSseEnabled": "true",
    }


@pytest.mark.parametrize(
    "url",
    [
        "http://sqs.us-east-1.localhost:1234/000000000000/orders",
        "https://sqs.us-east-1.amazonaws.com/000000000000/orders",
    ],
)
def test_a_queue_is_found_by_any_host(emulator: RunningEmulator, url: str) -> None:
    queue(emulator)
    assert emulator.client("sqs").send_message(QueueUrl=url, MessageBody="x")["MessageId"]


def test_a_missing_queue(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    missing = ("AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
    assert refusal(sqs.get_queue_url, QueueName="nope") == missing
    assert refusal(sqs.send_message, QueueUrl=f"{emulator.url}/{ACCOUNT}/nope", MessageBody="x") == missing
    assert refusal(sqs.receive_message, QueueUrl=f"{emulator.url}/{ACCOUNT}/nope") == missing


def test_a_send_can_be_part_of_another_services_transaction(emulator: RunningEmulator) -> None:
    url = queue(emulator)
    calls = Calls(emulator.emulator.services, emulator.emulator.supporting)
    scope = Scope(ACCOUNT, "us-east-1")

    async def send() -> dict:
        request = {"QueueUrl": url, "MessageBody": "from inside"}
        return await emulator.emulator.store.transact(lambda tx: calls.call(tx, scope, "sqs", "SendMessage", request))

    assert emulator.call(send)["MessageId"]
    assert bodies(emulator.client("sqs").receive_message(QueueUrl=url)) == ["from inside"]
