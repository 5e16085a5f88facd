"""SQS in bytes: the query protocol of older clients, the JSON protocol's errors, queues named by the request's path."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import time
from urllib.parse import urlencode

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS

ACCOUNT = "000000000000"
NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"
SIGNED = "AWS4-HMAC-SHA256 Credential=test/20240101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=x"


def ask(emulator: RunningEmulator, path: str = "/", **form: str) -> httpx.Response:
    body = urlencode({"Version": "2012-11-05", **form})
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Authorization": SIGNED}
    return httpx.post(f"{emulator.url}{path}", content=body, headers=headers)


def ask_json(emulator: RunningEmulator, operation: str, body: dict) -> httpx.Response:
    headers = {
        "X-Amz-Target": f"AmazonSQS.{operation}",
        "Content-Type": "application/x-amz-json-1.0",
        "Authorization": SIGNED,
    }
    return httpx.post(emulator.url, content=json.dumps(body), headers=headers)


def element(text: str, name: str) -> list[str]:
    return re.findall(rf"<{name}>(.*?)</{name}>", text)


def test_a_message_travels_in_the_query_protocol(emulator: RunningEmulator) -> None:
    created = ask(
        emulator,
        Action="CreateQueue",
        QueueName="orders",
        **{"Attribute.1.Name": "VisibilityTimeout", "Attribute.1.Value": "40", "Tag.1.Key": "team", "Tag.1.Value": "a"},
    )
    assert created.headers["content-type"] == "text/xml"
    (url,) = element(created.text, "QueueUrl")
    assert created.text.startswith(f'<CreateQueueResponse xmlns="{NAMESPACE}"><CreateQueueResult><QueueUrl>')
    path = f"/{ACCOUNT}/orders"
    assert url.endswith(path)
    sent = ask(
        emulator,
        path,
        Action="SendMessage",
        MessageBody="hello <world>",
        **{
            "MessageAttribute.1.Name": "kind",
            "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "a",
        },
    )
    assert element(sent.text, "MD5OfMessageBody") == [hashlib.md5(b"hello <world>").hexdigest()]
    received = ask(
        emulator,
        Action="ReceiveMessage",
        QueueUrl=url,
        **{"AttributeName.1": "All", "MessageAttributeName.1": "All", "MaxNumberOfMessages": "10"},
    )
    text = received.text
    assert text.count("<Message>") == 1
    assert element(text, "Body") == ["hello &lt;world&gt;"]
    assert "<Attribute><Name>ApproximateReceiveCount</Name><Value>1</Value></Attribute>" in text
    attribute = "<Name>kind</Name><Value><StringValue>a</StringValue><DataType>String</DataType></Value>"
    assert f"<MessageAttribute>{attribute}</MessageAttribute>" in text
    (handle,) = element(text, "ReceiptHandle")
    batch = ask(
        emulator,
        path,
        Action="DeleteMessageBatch",
        **{
            "DeleteMessageBatchRequestEntry.1.Id": "a",
            "DeleteMessageBatchRequestEntry.1.ReceiptHandle": handle,
            "DeleteMessageBatchRequestEntry.2.Id": "b",
            "DeleteMessageBatchRequestEntry.2.ReceiptHandle": "nonsense",
        },
    )
    assert "<DeleteMessageBatchResultEntry><Id>a</Id></DeleteMessageBatchResultEntry>" in batch.text
    assert element(batch.text, "Code") == ["ReceiptHandleIsInvalid"]
    shown = ask(emulator, path, Action="GetQueueAttributes", **{"AttributeName.1": "VisibilityTimeout"})
    assert "<Attribute><Name>VisibilityTimeout</Name><Value>40</Value></Attribute>" in shown.text
    tags = ask(emulator, path, Action="ListQueueTags")
    assert "<Tag><Key>team</Key><Value>a</Value></Tag>" in tags.text


def test_a_queues_url_with_an_action_is_a_request_even_unsigned(emulator: RunningEmulator) -> None:
    emulator.client("sqs").create_queue(QueueName="orders")
    sent = httpx.get(f"{emulator.url}/{ACCOUNT}/orders?Action=SendMessage&MessageBody=hi")
    assert sent.status_code == 200
    assert element(sent.text, "MessageId")


@pytest.mark.parametrize(
    ("form", "status", "code", "text"),
    [
        ({"Action": "GetQueueUrl", "QueueName": "nope"}, 400, "AWS.SimpleQueueService.NonExistentQueue",
         "The specified queue does not exist for this wsdl version."),
        ({"Action": "SendMessage", "QueueUrl": "http://x/000000000000/q"}, 400, "MissingParameter",
         "The request must contain the parameter MessageBody."),
        ({"Action": "SendMessage", "MessageBody": "x"}, 400, "MissingParameter",
         "The request must contain the parameter QueueUrl."),
        ({"Action": "Nope"}, 400, "InvalidAction", "Could not find operation Nope for version 2012-11-05"),
    ],
)  # fmt: skip
def test_errors_of_the_query_protocol(
    emulator: RunningEmulator, form: dict[str, str], status: int, code: str, text: str
) -> None:
    emulator.client("sqs").create_queue(QueueName="q")
    answer = ask(emulator, **form)
    assert answer.status_code == status
    assert element(answer.text, "Code") == [code]
    assert element(answer.text, "Message") == [text]
    assert element(answer.text, "Type") == ["Sender"]


@pytest.mark.parametrize(
    ("operation", "body", "kind", "code"),
    [
        ("GetQueueUrl", {"QueueName": "nope"}, "com.amazonaws.sqs#QueueDoesNotExist",
         "AWS.SimpleQueueService.NonExistentQueue"),
        ("CreateQueue", {"QueueName": "no spaces"}, "com.amazon.coral.service#InvalidParameterValueException",
         "InvalidParameterValue"),
        ("SendMessage", {"QueueUrl": "http://x/000000000000/q", "MessageBody": ""},
         "com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter"),
    ],
)  # fmt: skip
def test_errors_of_the_json_protocol(
    emulator: RunningEmulator, operation: str, body: dict[str, str], kind: str, code: str
) -> None:
    emulator.client("sqs").create_queue(QueueName="q")
    answer = ask_json(emulator, operation, body)
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/x-amz-json-1.0"
    assert answer.headers["x-amzn-query-error"] == f"{code};Sender"
    assert list(answer.json()) == ["__type", "message"]
    assert answer.json()["__type"] == kind


def test_a_long_poll_whose_client_has_gone_takes_no_message(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    waiting = emulator.emulator.sqs.operations.waiting
    headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}

    async def leave_early() -> None:
        async with httpx.AsyncClient(timeout=STUCK_SECONDS) as client:
            body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20})
            poll = asyncio.create_task(client.post(emulator.url, content=body, headers=headers))
            async with asyncio.timeout(STUCK_SECONDS):
                while waiting() == 0:  # noqa: ASYNC110 - it happens on the emulator's loop, not on this one
                    await asyncio.sleep(0)
            poll.cancel()
            await asyncio.gather(poll, return_exceptions=True)

    asyncio.run(leave_early())
    deadline = time.monotonic() + STUCK_SECONDS
    while waiting():
        assert time.monotonic() < deadline, "the poll outlives its client"
        emulator.call(lambda: asyncio.sleep(0))
    sqs.send_message(QueueUrl=url, MessageBody="for the next")
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "for the next"


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("SetQueueAttributes", {"QueueUrl": "http://x/000000000000/q", "Attributes": {"DelaySeconds": None}}),
        ("DeleteMessageBatch", {"QueueUrl": "http://x/000000000000/q", "Entries": [None]}),
        ("CreateQueue", {"QueueName": "r", "Attributes": {"RedrivePolicy": "[" * 5000}}),
        ("SendMessage", {"QueueUrl": 5, "MessageBody": "x"}),
        ("SendMessage", {"QueueUrl": "http://x/000000000000/q", "MessageBody": "x", "MessageAttributes": {"a": {}}}),
        ("ReceiveMessage", {"QueueUrl": "http://x/000000000000/q", "MaxNumberOfMessages": 10**30}),
        ("DeleteMessage", {"QueueUrl": "http://x/000000000000/q", "ReceiptHandle": "AQABMToxOjE" * 1000}),
    ],
)
def test_odd_input_is_the_callers_mistake(emulator: RunningEmulator, operation: str, body: dict) -> None:
    emulator.client("sqs").create_queue(QueueName="q")
    answer = ask_json(emulator, operation, body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["message"]
