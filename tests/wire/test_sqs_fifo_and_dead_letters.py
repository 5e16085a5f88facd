"""SQS over boto3: dead-letter queues, move tasks, and FIFO queues with their groups and deduplication."""

from __future__ import annotations

import json

import pytest

from emulator.testing import RunningEmulator
from tests.wire.test_sqs import ACCOUNT, PREFIX, arn, bodies, fifo, queue, refusal

# ── dead letters ────────────────────────────────────────────────────────────────────────────────


def redrive(emulator: RunningEmulator, most: int = 2, fifo_too: bool = False) -> tuple[str, str]:
    """URLs of a queue and of its dead-letter queue."""
    suffix, more = (".fifo", {"FifoQueue": "true", "ContentBasedDeduplication": "true"}) if fifo_too else ("", {})
    dead = queue(emulator, f"dead{suffix}", **more)
    policy = json.dumps({"deadLetterTargetArn": arn(f"dead{suffix}"), "maxReceiveCount": most})
    return queue(emulator, f"orders{suffix}", RedrivePolicy=policy, **more), dead


def test_a_message_received_too_often_moves_to_the_dead_letter_queue(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url, dead = redrive(emulator)
    sent = sqs.send_message(QueueUrl=url, MessageBody="x")
    sent_at = str(int(emulator.now() * 1000))
    for _ in range(2):
        assert bodies(sqs.receive_message(QueueUrl=url)) == ["x"]
        emulator.advance(31)
    assert "Messages" not in sqs.receive_message(QueueUrl=dead)
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    message = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"])["Messages"][0]
    assert message["MessageId"] == sent["MessageId"]
    assert message["Attributes"]["DeadLetterQueueSourceArn"] == arn("orders")
    assert message["Attributes"]["SentTimestamp"] == sent_at
    sources = sqs.list_dead_letter_source_queues(QueueUrl=dead)
    assert sources["queueUrls"] == [url]


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({"maxReceiveCount": 1}, "Redrive policy does not contain mandatory attribute: deadLetterTargetArn."),
        ({"deadLetterTargetArn": arn("dead")}, "Redrive policy does not contain mandatory attribute: maxReceiveCount."),
        ({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 0},
         "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive."),
        ({"deadLetterTargetArn": arn("nope"), "maxReceiveCount": 1}, "Dead letter target does not exist."),
    ],
)  # fmt: skip
def test_redrive_policies_that_are_refused(emulator: RunningEmulator, policy: dict, reason: str) -> None:
    queue(emulator, "dead")
    text = json.dumps(policy)
    code, message = refusal(emulator.client("sqs").create_queue, QueueName="q", Attributes={"RedrivePolicy": text})
    assert code == "InvalidParameterValue"
    assert message.startswith("Value ")
    assert message.endswith(f"for parameter RedrivePolicy is invalid. Reason: {reason}")


def test_a_dead_letter_queue_says_whose_messages_it_takes(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    queue(emulator, "dead", RedriveAllowPolicy=json.dumps({"redrivePermission": "denyAll"}))
    policy = json.dumps({"deadLetterTargetArn": arn("dead"), "maxReceiveCount": 1})
    assert refusal(sqs.create_queue, QueueName="q", Attributes={"RedrivePolicy": policy})[0] == "InvalidParameterValue"
    allow = json.dumps({"redrivePermission": "byQueue", "sourceQueueArns": [arn("q")]})
    sqs.set_queue_attributes(QueueUrl=f"{emulator.url}/{ACCOUNT}/dead", Attributes={"RedriveAllowPolicy": allow})
    sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy})


def dead_letters(emulator: RunningEmulator, count: int) -> tuple[str, str]:
    sqs = emulator.client("sqs")
    url, dead = redrive(emulator, most=1)
    for index in range(count):
        sqs.send_message(QueueUrl=url, MessageBody=str(index))
    for _ in range(count):
        sqs.receive_message(QueueUrl=url, VisibilityTimeout=1)
    emulator.advance(2)
    assert "Messages" not in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return url, dead


def test_a_move_task_brings_messages_back_to_where_they_came_from(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url, dead = dead_letters(emulator, 3)
    sqs.start_message_move_task(SourceArn=arn("dead"))
    emulator.advance(0)
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    assert bodies(found) == ["0", "1", "2"]
    assert {message["Attributes"]["ApproximateReceiveCount"] for message in found["Messages"]} == {"1"}
    (task,) = sqs.list_message_move_tasks(SourceArn=arn("dead"))["Results"]
    assert task["Status"] == "COMPLETED"
    assert (task["ApproximateNumberOfMessagesMoved"], task["ApproximateNumberOfMessagesToMove"]) == (3, 3)
    assert "TaskHandle" not in task
    assert "Messages" not in sqs.receive_message(QueueUrl=dead)


def test_a_move_task_keeps_its_rate_and_can_be_cancelled(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    dead_letters(emulator, 5)
    other = queue(emulator, "other")
    handle = sqs.start_message_move_task(
        SourceArn=arn("dead"), DestinationArn=arn("other"), MaxNumberOfMessagesPerSecond=2
    )["TaskHandle"]
    emulator.advance(0)
    assert len(bodies(sqs.receive_message(QueueUrl=other, MaxNumberOfMessages=10))) == 2
    assert refusal(sqs.start_message_move_task, SourceArn=arn("dead"))[0] == f"{PREFIX}.UnsupportedOperation"
    emulator.advance(1)
    (task,) = sqs.list_message_move_tasks(SourceArn=arn("dead"))["Results"]
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle)
    assert sqs.cancel_message_move_task(TaskHandle=handle)["ApproximateNumberOfMessagesMoved"] == 4
    emulator.settle()
    (task,) = sqs.list_message_move_tasks(SourceArn=arn("dead"))["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("CANCELLED", 4)


def test_what_move_tasks_refuse(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    queue(emulator)
    assert refusal(sqs.start_message_move_task, SourceArn=arn("nope")) == (
        "ResourceNotFoundException",
        "The resource that you specified for the SourceArn parameter doesn't exist.",
    )
    assert refusal(sqs.start_message_move_task, SourceArn=arn("orders")) == (
        "InvalidParameterValue",
        "Source queue must be configured as a Dead Letter Queue.",
    )
    assert refusal(sqs.cancel_message_move_task, TaskHandle="x")[0] == "ResourceNotFoundException"


# ── FIFO ────────────────────────────────────────────────────────────────────────────────────────


def put(emulator: RunningEmulator, url: str, *bodies_of: str, group: str = "g") -> None:
    for body in bodies_of:
        emulator.client("sqs").send_message(
            QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=body
        )


def test_a_group_is_received_in_order_and_locked_while_any_of_it_is_in_flight(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = fifo(emulator)
    put(emulator, url, "1", "2", "3")
    put(emulator, url, "a", "b", group="h")
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2, AttributeNames=["All"])["Messages"]
    assert [message["Body"] for message in first] == ["1", "2"]
    numbers = [message["Attributes"]["SequenceNumber"] for message in first]
    assert numbers == sorted(numbers) and all(len(number) == 20 for number in numbers)
    assert first[0]["Attributes"]["MessageGroupId"] == "g"
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["a", "b"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"])
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["3"]


def test_a_group_stays_locked_when_its_first_message_is_visible_before_the_second(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = fifo(emulator)
    put(emulator, url, "1", "2", "3")
    first, second = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == []
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["1", "2", "3"]


def test_an_unfinished_group_starts_again_from_its_first_message(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = fifo(emulator)
    put(emulator, url, "1", "2", "3")
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)) == ["1", "2"]
    emulator.advance(31)
    assert bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)) == ["1", "2", "3"]


def test_a_message_is_not_sent_twice_within_five_minutes(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = fifo(emulator, ContentBasedDeduplication="true")
    first = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    again = sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="other")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    handle = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"][0]["ReceiptHandle"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=handle)
    emulator.advance(299)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    emulator.advance(1.01)
    sqs.send_message(QueueUrl=url, MessageBody="x", MessageGroupId="g")
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["x"]


def test_high_throughput_queues_deduplicate_per_group(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = fifo(emulator, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for group in ("g", "h", "g"):
        sqs.send_message(QueueUrl=url, MessageBody=group, MessageGroupId=group, MessageDeduplicationId="same")
    assert sorted(bodies(sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10))) == ["g", "h"]
    attributes = {"FifoQueue": "true", "FifoThroughputLimit": "perMessageGroupId", "DeduplicationScope": "queue"}
    assert refusal(sqs.create_queue, QueueName="x.fifo", Attributes=attributes)[0] == "InvalidParameterValue"


@pytest.mark.parametrize(
    ("more", "code", "text"),
    [
        ({"MessageDeduplicationId": "1"}, "MissingParameter", "The request must contain the parameter MessageGroupId."),
        ({"MessageGroupId": "g"}, "InvalidParameterValue",
         "The queue should either have ContentBasedDeduplication enabled or "
         "MessageDeduplicationId provided explicitly"),
        ({"MessageGroupId": "g", "MessageDeduplicationId": "1", "DelaySeconds": 1}, "InvalidParameterValue",
         "Value 1 for parameter DelaySeconds is invalid. "
         "Reason: The request include parameter that is not valid for this queue type."),
        ({"MessageGroupId": "g h", "MessageDeduplicationId": "1"}, "InvalidParameterValue",
         "Value g h for parameter MessageGroupId is invalid. "
         "Reason: MessageGroupId can only include alphanumeric and punctuation characters. 1 to 128 in length."),
    ],
)  # fmt: skip
def test_what_a_fifo_queue_refuses(emulator: RunningEmulator, more: dict, code: str, text: str) -> None:
    url = fifo(emulator)
    assert refusal(emulator.client("sqs").send_message, QueueUrl=url, MessageBody="x", **more) == (code, text)


def test_a_fifo_receipt_handle_expires(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = fifo(emulator)
    put(emulator, url, "1")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    emulator.advance(31)
    assert refusal(sqs.delete_message, QueueUrl=url, ReceiptHandle=handle) == (
        "InvalidParameterValue",
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired.",
    )


def test_a_repeated_receive_attempt_gets_the_same_messages(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = fifo(emulator)
    put(emulator, url, "1", "2")
    first = sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="try")["Messages"]
    again = sqs.receive_message(QueueUrl=url, ReceiveRequestAttemptId="try")["Messages"]
    assert again == first
    sqs.delete_message(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"])
    assert refusal(sqs.receive_message, QueueUrl=url, ReceiveRequestAttemptId="try") == (
        "InvalidParameterValue",
        "Value try for parameter ReceiveRequestAttemptId is invalid. "
        "Reason: The receiveRequestAttemptId is not valid anymore since the receive call is not retryable.",
    )


def test_a_poisoned_message_leaves_its_group_for_the_dead_letter_queue(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url, dead = redrive(emulator, most=1, fifo_too=True)
    put(emulator, url, "1", "2")
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["1"]
    emulator.advance(31)
    assert bodies(sqs.receive_message(QueueUrl=url)) == ["2"]
    message = sqs.receive_message(QueueUrl=dead, AttributeNames=["All"])["Messages"][0]
    assert (message["Body"], message["Attributes"]["MessageGroupId"]) == ("1", "g")


def test_groups_are_optional_labels_on_standard_queues(emulator: RunningEmulator) -> None:
    sqs = emulator.client("sqs")
    url = queue(emulator)
    sqs.send_message(QueueUrl=url, MessageBody="1", MessageGroupId="tenant")
    sqs.send_message(QueueUrl=url, MessageBody="2", MessageGroupId="tenant")
    found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"])
    assert [message["Attributes"] for message in found["Messages"]] == [{"MessageGroupId": "tenant"}] * 2
