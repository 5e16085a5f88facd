"""Amazon SQS over boto3: operations, and errors with their texts. boto3 itself verifies the MD5 of every body."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.aws.calls import Calls
from emulator.aws.scope import Scope
from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS

ACCOUNT = "000000000000"
PREFIX = "AWS.SimpleQueueService"
MISSING = f"{PREFIX}.NonExistentQueue"


def queue(emulator: RunningEmulator, name: str = "orders", **attributes: str) -> str:
    return emulator.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def fifo(emulator: RunningEmulator, name: str = "orders.fifo", **attributes: str) -> str:
    return queue(emulator, name, FifoQueue="true", **attributes)


def arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def bodies(answer: dict) -> list[str]:
    return [message["Body"] for message in answer.get("Messages", [])]


def names_of(answer: dict) -> list[str]:
    return [url.rpartition("/")[2] for url in answer["QueueUrls"]]


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
    missing = (MISSING, "The specified queue does not exist.")
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


# ── queues ──────────────────────────────────────────────────────────────────────────────────────


def test_creating_a_queue_again_with_the_same_attributes_answers_its_url(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator, DelaySeconds="5")
    assert sqs.create_queue(QueueName="orders")["QueueUrl"] == url
    assert sqs.create_queue(QueueName="orders", Attributes={"DelaySeconds": "5"})["QueueUrl"] == url
    assert refusal(sqs.create_queue, QueueName="orders", Attributes={"DelaySeconds": "6"}) == (
        "QueueAlreadyExists",
        "A queue already exists with the same name and a different value for attribute DelaySeconds",
    )


STANDARD_NAME = "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
FIFO_NAME = (
    "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
    "must end with .fifo suffix and be 1 to 80 in length."
)


@pytest.mark.parametrize(
    ("name", "attributes", "code", "text"),
    [
        ("a" * 81, {}, "InvalidParameterValue", STANDARD_NAME),
        ("no dots.", {}, "InvalidParameterValue", STANDARD_NAME),
        ("q.fifo", {}, "InvalidParameterValue", STANDARD_NAME),
        ("q", {"FifoQueue": "true"}, "InvalidParameterValue", FIFO_NAME),
        ("q", {"FifoQueue": "false"}, "InvalidAttributeName", "Unknown Attribute FifoQueue."),
        ("q", {"Unknown": "1"}, "InvalidAttributeName", "Unknown Attribute Unknown."),
        ("q", {"QueueArn": "1"}, "InvalidAttributeName", "Unknown Attribute QueueArn."),
        ("q", {"ContentBasedDeduplication": "true"}, "InvalidAttributeName",
         "Unknown Attribute ContentBasedDeduplication."),
        ("q", {"VisibilityTimeout": "43201"}, "InvalidAttributeValue",
         "Invalid value for the parameter VisibilityTimeout."),
        ("q", {"DelaySeconds": "-1"}, "InvalidAttributeValue", "Invalid value for the parameter DelaySeconds."),
        ("q", {"MaximumMessageSize": "1023"}, "InvalidAttributeValue",
         "Invalid value for the parameter MaximumMessageSize."),
        ("q", {"MessageRetentionPeriod": "59"}, "InvalidAttributeValue",
         "Invalid value for the parameter MessageRetentionPeriod."),
        ("q", {"Policy": "nonsense"}, "InvalidAttributeValue", "Invalid value for the parameter Policy."),
        ("q", {"RedrivePolicy": "[]"}, "InvalidParameterValue",
         "Value [] for parameter RedrivePolicy is invalid. Reason: Redrive policy is not a valid JSON map."),
    ],
)  # fmt: skip
def test_what_create_queue_refuses(
    emulator: RunningEmulator, name: str, attributes: dict[str, str], code: str, text: str
) -> None:
    sqs = emulator.client("sqs")
    assert refusal(sqs.create_queue, QueueName=name, Attributes=attributes) == (code, text)
    assert "QueueUrls" not in sqs.list_queues()


def test_attributes_change_and_policies_can_be_removed(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    queue(emulator, "dead")
    policy = json.dumps({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": "3"})
    emulator.advance(5)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7", "RedrivePolicy": policy})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["VisibilityTimeout"] == "7"
    assert json.loads(found["RedrivePolicy"]) == {"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 3}
    assert int(found["LastModifiedTimestamp"]) - int(found["CreatedTimestamp"]) in (5, 6)
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": ""})
    names = ["RedrivePolicy", "QueueArn"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] == {"QueueArn": arn("orders")}
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)
    assert refusal(sqs.get_queue_attributes, QueueUrl=url, AttributeNames=["Nope"]) == (
        "InvalidAttributeName",
        "Unknown Attribute Nope.",
    )


def test_queues_are_listed_by_prefix_and_in_pages(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    for name in ("a-1", "a-2", "a-3", "b-1"):
        queue(emulator, name)
    assert [url.rpartition("/")[2] for url in sqs.list_queues(QueueNamePrefix="a-")["QueueUrls"]] == [
        "a-1",
        "a-2",
        "a-3",
    ]
    first = sqs.list_queues(MaxResults=3)
    assert len(first["QueueUrls"]) == 3
    second = sqs.list_queues(MaxResults=3, NextToken=first["NextToken"])
    assert names_of(second) == ["b-1"]
    assert "NextToken" not in second
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix="c")
    assert refusal(sqs.list_queues, MaxResults=1001)[0] == "InvalidParameterValue"
    assert refusal(sqs.list_queues, MaxResults=1, NextToken="%%")[0] == "InvalidParameterValue"


def test_a_deleted_queues_name_is_free_after_a_minute(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    sqs.send_message(QueueUrl=url, MessageBody="gone")
    sqs.delete_queue(QueueUrl=url)
    assert refusal(sqs.get_queue_url, QueueName="orders")[0] == MISSING
    assert refusal(sqs.create_queue, QueueName="orders") == (
        "AWS.SimpleQueueService.QueueDeletedRecently",
        "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
    )
    emulator.advance(60)
    queue(emulator)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_queue_is_purged_once_a_minute(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    sqs.send_message(QueueUrl=url, MessageBody="1")
    sqs.purge_queue(QueueUrl=url)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert refusal(sqs.purge_queue, QueueUrl=url) == (
        "AWS.SimpleQueueService.PurgeQueueInProgress",
        "Only one PurgeQueue operation on orders is allowed every 60 seconds.",
    )
    emulator.advance(60)
    sqs.purge_queue(QueueUrl=url)


def test_tags(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="orders", tags={"team": "a"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"cost": "1", "team": "b"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "b", "cost": "1"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team", "unknown"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"cost": "1"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["cost"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


def test_permissions_become_the_policys_statements(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    sqs.add_permission(QueueUrl=url, Label="one", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    sqs.add_permission(QueueUrl=url, Label="two", AWSAccountIds=["111111111111", "222222222222"], Actions=["*"])
    policy = json.loads(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"])
    assert policy["Id"] == f"{arn('orders')}/SQSDefaultPolicy"
    assert policy["Statement"][0] == {
        "Sid": "one",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "SQS:SendMessage",
        "Resource": arn("orders"),
    }
    assert policy["Statement"][1]["Principal"]["AWS"] == [
        "arn:aws:iam::111111111111:root",
        "arn:aws:iam::222222222222:root",
    ]
    again = {"QueueUrl": url, "Label": "one", "AWSAccountIds": ["111111111111"], "Actions": ["SendMessage"]}
    assert refusal(sqs.add_permission, **again) == (
        "InvalidParameterValue",
        "Value one for parameter Label is invalid. Reason: Already exists.",
    )
    assert refusal(sqs.add_permission, **{**again, "Label": "x", "Actions": ["DeleteQueue"]}) == (
        "InvalidParameterValue",
        "Value SQS:DeleteQueue for parameter ActionName is invalid. "
        "Reason: Only the queue owner is allowed to invoke this action.",
    )
    sqs.remove_permission(QueueUrl=url, Label="one")
    sqs.remove_permission(QueueUrl=url, Label="two")
    assert "Policy" not in sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert refusal(sqs.remove_permission, QueueUrl=url, Label="one") == (
        "InvalidParameterValue",
        "Value one for parameter Label is invalid. Reason: can't find label on existing policy.",
    )


def test_accounts_and_regions_do_not_see_each_other(emulator: RunningEmulator) -> None:
    url = queue(emulator)
    elsewhere = emulator.client("sqs", region_name="eu-west-1")
    other = emulator.client("sqs", aws_access_key_id="111111111111")
    assert "QueueUrls" not in elsewhere.list_queues()
    assert refusal(elsewhere.send_message, QueueUrl=url, MessageBody="x")[0] == MISSING
    assert refusal(other.get_queue_url, QueueName="orders")[0] == MISSING
    assert other.get_queue_url(QueueName="orders", QueueOwnerAWSAccountId=ACCOUNT)["QueueUrl"] == url


# ── sending ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        ({"MessageBody": ""}, "MissingParameter", "The request must contain the parameter MessageBody."),
        ({"DelaySeconds": 901}, "InvalidParameterValue",
         "Value 901 for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900."),
        ({"MessageBody": "a\x08b"}, "InvalidMessageContents",
         "Invalid binary character '#x8' was found in the message body, the set of allowed characters is "
         "#x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"),
        ({"MessageBody": "x" * 1025}, "InvalidParameterValue",
         "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."),
        ({"MessageDeduplicationId": "d"}, "InvalidParameterValue",
         "Value d for parameter MessageDeduplicationId is invalid. "
         "Reason: The request include parameter that is not valid for this queue type."),
        ({"MessageAttributes": {"a": {"DataType": "Text", "StringValue": "x"}}}, "InvalidParameterValue",
         "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is "
         "Binary, Number, and String."),
        ({"MessageAttributes": {"a": {"DataType": "Number", "StringValue": "x"}}}, "InvalidParameterValue",
         "Can't cast the value of message attribute 'a' to a number."),
        ({"MessageAttributes": {"a": {"DataType": "String", "StringValue": ""}}}, "InvalidParameterValue",
         "The message attribute 'a' must contain non-empty message attribute value for message attribute type "
         "'String'."),
        ({"MessageAttributes": {f"a{i}": {"DataType": "String", "StringValue": "x"} for i in range(11)}},
         "InvalidParameterValue", "Number of message attributes [11] exceeds the allowed maximum [10]."),
        ({"MessageAttributes": {"AWS.x": {"DataType": "String", "StringValue": "x"}}}, "InvalidParameterValue",
         "You can't use message attribute names beginning with 'AWS.' or 'Amazon.'. These strings are reserved for "
         "internal use."),
    ],
)  # fmt: skip
def test_what_send_message_refuses(emulator: RunningEmulator, more: dict, code: str, text: str) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator, MaximumMessageSize="1024")
    assert refusal(sqs.send_message, **{"QueueUrl": url, "MessageBody": "x", **more}) == (code, text)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)


def test_a_message_appears_when_its_delay_is_over(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator, DelaySeconds="10")
    sqs.send_message(QueueUrl=url, MessageBody="at 10")
    sqs.send_message(QueueUrl=url, MessageBody="at once", DelaySeconds=0)
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"] == dict.fromkeys(names, "1")
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["at once"]
    emulator.advance(9)
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    emulator.advance(1.01)
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["at 10"]


def test_entries_of_a_batch_succeed_or_fail_alone(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    answer = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[{"Id": "good", "MessageBody": "x"}, {"Id": "bad", "MessageBody": "x", "DelaySeconds": 1000}],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert answer["Failed"] == [
        {
            "Id": "bad",
            "SenderFault": True,
            "Code": "InvalidParameterValue",
            "Message": "Value 1000 for parameter DelaySeconds is invalid. "
            "Reason: DelaySeconds must be >= 0 and <= 900.",
        }
    ]
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["x"]


@pytest.mark.parametrize(
    ("entries", "code", "text"),
    [
        ([], "AWS.SimpleQueueService.EmptyBatchRequest",
         "There should be at least one SendMessageBatchRequestEntry in the request."),
        ([{"Id": str(i), "MessageBody": "x"} for i in range(11)], "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
         "Maximum number of entries per request are 10. You have sent 11."),
        ([{"Id": "a", "MessageBody": "x"}] * 2, "AWS.SimpleQueueService.BatchEntryIdsNotDistinct", "Id a repeated."),
        ([{"Id": "a b", "MessageBody": "x"}], "AWS.SimpleQueueService.InvalidBatchEntryId",
         "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
         "It can be at most 80 letters long."),
        ([{"Id": "a", "MessageBody": "x" * 600_000}, {"Id": "b", "MessageBody": "x" * 600_000}],
         "AWS.SimpleQueueService.BatchRequestTooLong",
         "Batch requests cannot be longer than 1048576 bytes. You have sent 1200000 bytes."),
    ],
)  # fmt: skip
def test_batches_that_are_refused_as_a_whole(emulator: RunningEmulator, entries: list, code: str, text: str) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    assert refusal(sqs.send_message_batch, QueueUrl=url, Entries=entries) == (code, text)


# ── receiving ───────────────────────────────────────────────────────────────────────────────────


def test_a_received_message_comes_back_after_its_visibility_timeout(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator, VisibilityTimeout="10")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    first_at = str(int(emulator.now() * 1000))
    first = sqs.receive_message(QueueUrl=url)["Messages"][0]
    emulator.advance(9)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    emulator.advance(1.01)
    second = sqs.receive_message(QueueUrl=url, VisibilityTimeout=100, AttributeNames=["All"])["Messages"][0]
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert second["Attributes"]["ApproximateFirstReceiveTimestamp"] == first_at
    assert second["ReceiptHandle"] != first["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
    emulator.advance(101)
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["x"]


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"MaxNumberOfMessages": 0}, "Value 0 for parameter MaxNumberOfMessages is invalid. "
         "Reason: Must be between 1 and 10, if provided."),
        ({"MaxNumberOfMessages": 11}, "Value 11 for parameter MaxNumberOfMessages is invalid. "
         "Reason: Must be between 1 and 10, if provided."),
        ({"WaitTimeSeconds": 21}, "Value 21 for parameter WaitTimeSeconds is invalid. "
         "Reason: Must be >= 0 and <= 20, if provided."),
        ({"VisibilityTimeout": 43201}, "Value 43201 for parameter VisibilityTimeout is invalid. "
         "Reason: Must be between 0 and 43200, if provided."),
    ],
)  # fmt: skip
def test_what_receive_message_refuses(emulator: RunningEmulator, more: dict, text: str) -> None:
    url = queue(emulator)
    assert refusal(emulator.client("sqs").receive_message, QueueUrl=url, **more) == ("InvalidParameterValue", text)


def test_attributes_are_chosen_by_name_and_prefix(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    given = {name: {"DataType": "String", "StringValue": name} for name in ("a.1", "a.2", "b")}
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=given)

    def receive(names: list[str]) -> set[str]:
        message = sqs.receive_message(QueueUrl=url, MessageAttributeNames=names, VisibilityTimeout=0)["Messages"][0]
        return set(message.get("MessageAttributes", {}))

    assert receive(["a.*"]) == {"a.1", "a.2"}
    assert receive(["b", "c"]) == {"b"}
    assert receive([".*"]) == {"a.1", "a.2", "b"}
    assert receive([]) == set()


def test_visibility_can_be_changed_while_a_message_is_in_flight(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": name, "MessageBody": name} for name in "abc"])
    handles = {
        message["Body"]: message["ReceiptHandle"]
        for message in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    }
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handles["a"], VisibilityTimeout=0)
    answer = sqs.change_message_visibility_batch(
        QueueUrl=url,
        Entries=[
            {"Id": "1", "ReceiptHandle": handles["b"], "VisibilityTimeout": 60},
            {"Id": "2", "ReceiptHandle": "nonsense", "VisibilityTimeout": 60},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["1"]
    assert [entry["Code"] for entry in answer["Failed"]] == ["ReceiptHandleIsInvalid"]
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=500)) == ["a"]
    emulator.advance(31)
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["c"]
    emulator.advance(30)
    assert sorted(bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10))) == ["b", "c"]


def test_a_message_is_hidden_for_twelve_hours_at_most(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator, VisibilityTimeout="600")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    emulator.advance(100)
    change = {"QueueUrl": url, "ReceiptHandle": handle}
    sqs.change_message_visibility(**change, VisibilityTimeout=43_000)
    assert refusal(sqs.change_message_visibility, **change, VisibilityTimeout=43_200) == (
        "InvalidParameterValue",
        "Value 43200 for parameter VisibilityTimeout is invalid. "
        "Reason: Total VisibilityTimeout for the message is beyond the limit [43200 seconds].",
    )


def test_a_deleted_name_can_be_freed_sooner(emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"deleted_queue_name_seconds": 0})
    emulator.client("sqs").delete_queue(QueueUrl=queue(emulator))
    queue(emulator)


def test_receipt_handles_that_fit_nothing(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    other = queue(emulator, "other")
    invalid = ("ReceiptHandleIsInvalid", 'The input receipt handle "nope" is not a valid receipt handle.')
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle="nope") == invalid
    assert refusal(sqs.delete_message, QueueUrl=other, ReceiptHandle=handle)[0] == "ReceiptHandleIsInvalid"
    too_long = {"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 43201}
    assert refusal(sqs.change_message_visibility, **too_long) == (
        "InvalidParameterValue",
        "Value 43201 for parameter VisibilityTimeout is invalid. "
        "Reason: VisibilityTimeout must be an integer between 0 and 43200.",
    )
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    assert refusal(sqs.change_message_visibility, **{**too_long, "VisibilityTimeout": 1}) == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. "
        "Reason: Message does not exist or is not available for visibility timeout change.",
    )


def test_messages_expire_with_the_retention_period(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator, MessageRetentionPeriod="60")
    sqs.send_message(QueueUrl=url, MessageBody="old")
    emulator.advance(30)
    sqs.send_message(QueueUrl=url, MessageBody="young")
    emulator.advance(30.5)
    count = ["ApproximateNumberOfMessages"]
    assert sqs.get_queue_attributes(QueueUrl=url, AttributeNames=count)["Attributes"] == {count[0]: "1"}
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["young"]


# ── long polling ────────────────────────────────────────────────────────────────────────────────


def poll(emulator: RunningEmulator, url: str, pool: ThreadPoolExecutor, **more: Any) -> Future:
    """A long poll in another thread, once it waits."""
    client = emulator.client("sqs")
    waiting = emulator.emulator.sqs.operations.waiting
    before = waiting()
    future = pool.submit(client.receive_message, QueueUrl=url, **more)
    deadline = time.monotonic() + STUCK_SECONDS
    while waiting() == before and not future.done():
        assert time.monotonic() < deadline, "the poll neither waits nor has ended"
        emulator.call(lambda: asyncio.sleep(0))
    return future


def test_a_long_poll_ends_with_a_send(emulator: RunningEmulator) -> None:
    url = queue(emulator)
    with ThreadPoolExecutor() as pool:
        answer = poll(emulator, url, pool, WaitTimeSeconds=20)
        emulator.client("sqs").send_message(QueueUrl=url, MessageBody="x")
        assert bodies(answer.result(STUCK_SECONDS)) == ["x"]


def test_a_long_poll_waits_in_aws_time_and_does_not_keep_it_from_moving(emulator: RunningEmulator) -> None:
    url = queue(emulator, ReceiveMessageWaitTimeSeconds="20")
    with ThreadPoolExecutor() as pool:
        answer = poll(emulator, url, pool)
        emulator.advance(19)
        assert not answer.done()
        emulator.advance(1.01)
        assert "Messages" not in answer.result(STUCK_SECONDS)


def test_a_long_poll_gets_a_message_that_becomes_visible(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator, VisibilityTimeout="5")
    sqs.send_message(QueueUrl=url, MessageBody="x")
    sqs.receive_message(QueueUrl=url)
    with ThreadPoolExecutor() as pool:
        answer = poll(emulator, url, pool, WaitTimeSeconds=20)
        emulator.advance(5.01)
        assert bodies(answer.result(STUCK_SECONDS)) == ["x"]


def test_a_long_poll_ends_when_its_queue_is_deleted(emulator: RunningEmulator) -> None:
    url = queue(emulator)
    with ThreadPoolExecutor() as pool:
        answer = poll(emulator, url, pool, WaitTimeSeconds=20)
        emulator.client("sqs").delete_queue(QueueUrl=url)
        with pytest.raises(ClientError):
            answer.result(STUCK_SECONDS)


def test_a_standard_queue_with_too_many_messages_in_flight_refuses_a_receive(emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"sqs_messages_in_flight": 3})
    sqs, url = emulator.client("sqs"), queue(emulator)
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": each, "MessageBody": each} for each in "abcd"])
    taken = [sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"] for _ in range(3)]
    assert refusal(sqs.receive_message, QueueUrl=url)[0] == "OverLimit"
    sqs.delete_message(QueueUrl=url, ReceiptHandle=taken[0])
    assert [each["Body"] for each in sqs.receive_message(QueueUrl=url)["Messages"]] == ["d"]
    assert refusal(sqs.receive_message, QueueUrl=url, WaitTimeSeconds=20)[0] == "OverLimit"
    emulator.advance(31)
    assert len(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]) == 3


def test_handles_of_a_queue_that_was_deleted_fit_no_later_one_of_its_name(emulator: RunningEmulator) -> None:
    sqs, url = emulator.client("sqs"), queue(emulator)
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.delete_queue(QueueUrl=url)
    emulator.advance(60)
    assert queue(emulator) == url
    for call, more in ((sqs.delete_message, {}), (sqs.change_message_visibility, {"VisibilityTimeout": 0})):
        assert refusal(call, QueueUrl=url, ReceiptHandle=handle, **more)[0] == "ReceiptHandleIsInvalid"


@pytest.mark.parametrize(
    ("operation", "more"),
    [
        ("list_queues", {}),
        ("list_dead_letter_source_queues", {"QueueUrl": "http://localhost/000000000000/orders"}),
    ],
)
def test_a_token_that_no_page_has_given_is_the_callers_mistake(
    emulator: RunningEmulator, operation: str, more: dict[str, str]
) -> None:
    queue(emulator)
    call = getattr(emulator.client("sqs"), operation)
    assert refusal(call, MaxResults=1, NextToken="///not-a-token", **more) == (
        "InvalidParameterValue",
        "Invalid or expired next token.",
    )
