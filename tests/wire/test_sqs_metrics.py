"""What CloudWatch is told of queues."""

from __future__ import annotations

from typing import Any


def total(emulator: Any, name: str, queue: str) -> float:
    """The sum of a metric of a queue, over the last hour."""
    found = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName=name,
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=emulator.now() - 3600,
        EndTime=emulator.now() + 60,
        Period=3600,
        Statistics=["Sum"],
    )["Datapoints"]
    return sum(each["Sum"] for each in found)


def test_messages_are_counted_as_they_are_sent_received_and_deleted(emulator: Any) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="12345")
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": each, "MessageBody": "1"} for each in "abc"])
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=received[0]["ReceiptHandle"])
    assert total(emulator, "NumberOfMessagesSent", "q") == 4
    assert total(emulator, "SentMessageSize", "q") == 8
    assert total(emulator, "NumberOfMessagesReceived", "q") == len(received) == 4
    assert total(emulator, "NumberOfMessagesDeleted", "q") == 1


def test_messages_that_a_queue_buries_are_not_counted_as_sent(emulator: Any) -> None:
    sqs = emulator.client("sqs")
    sqs.create_queue(QueueName="dead")
    policy = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1}'
    url = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="1")
    for _ in range(2):
        sqs.receive_message(QueueUrl=url)
    assert total(emulator, "NumberOfMessagesSent", "dead") == 0
