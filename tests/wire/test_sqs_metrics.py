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


def gauge(emulator: Any, name: str, queue: str) -> list[float]:
    """What a gauge of a queue showed in the last ten minutes, minute by minute."""
    found = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SQS",
        MetricName=name,
        Dimensions=[{"Name": "QueueName", "Value": queue}],
        StartTime=emulator.now() - 600,
        EndTime=emulator.now() + 60,
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    return [each["Maximum"] for each in sorted(found, key=lambda each: each["Timestamp"])]


def test_a_queue_is_measured_at_every_full_minute(emulator: Any) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": each, "MessageBody": "1"} for each in "abc"])
    sqs.send_message(QueueUrl=url, MessageBody="later", DelaySeconds=900)
    first = 60 - emulator.now() % 60
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=int(first) + 30)
    emulator.advance(180)
    assert gauge(emulator, "ApproximateNumberOfMessagesVisible", "q") == [2, 3, 3]
    assert gauge(emulator, "ApproximateNumberOfMessagesNotVisible", "q") == [1, 0, 0]
    assert gauge(emulator, "ApproximateNumberOfMessagesDelayed", "q") == [1, 1, 1]
    ages = [int(first + minute) for minute in (0, 60, 120)]
    assert gauge(emulator, "ApproximateAgeOfOldestMessage", "q") == ages


def test_a_queue_is_measured_until_six_hours_after_the_last_call(emulator: Any) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    emulator.advance(6 * 3600 + 660)
    assert gauge(emulator, "ApproximateNumberOfMessagesVisible", "q") == []
    sqs.send_message(QueueUrl=url, MessageBody="1")
    emulator.advance(60)
    assert gauge(emulator, "ApproximateNumberOfMessagesVisible", "q") == [1]
    sqs.delete_queue(QueueUrl=url)
    emulator.advance(60)
    assert gauge(emulator, "ApproximateNumberOfMessagesVisible", "q") == [1]
    assert emulator.control("GET", "queue")["total"] == 0


def test_settling_does_not_wait_for_gauges_and_they_are_nobodys_pending_work(emulator: Any) -> None:
    emulator.client("sqs").create_queue(QueueName="q")
    before = emulator.now()
    emulator.settle()
    assert emulator.now() == before
    assert emulator.control("GET", "queue") | {"running": {}} == {"total": 0, "running": {}, "jobs": []}


def test_receives_that_find_nothing_are_counted_once_however_long_they_wait(emulator: Any) -> None:
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    sqs.receive_message(QueueUrl=url)
    assert total(emulator, "NumberOfEmptyReceives", "q") == 1
    sqs.send_message(QueueUrl=url, MessageBody="1")
    sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    assert total(emulator, "NumberOfEmptyReceives", "q") == 1


def test_a_fifo_queue_tells_of_duplicates_and_of_groups_in_flight(emulator: Any) -> None:
    sqs = emulator.client("sqs")
    fifo = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    url = sqs.create_queue(QueueName="q.fifo", Attributes=fifo)["QueueUrl"]
    for group in ("a", "a", "b"):
        sqs.send_message(QueueUrl=url, MessageBody=group, MessageGroupId=group)
    sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=600)
    emulator.advance(60)
    assert total(emulator, "NumberOfDeduplicatedSentMessages", "q.fifo") == 1
    assert gauge(emulator, "ApproximateNumberOfGroupsWithInflightMessages", "q.fifo") == [2]


def test_an_alarm_on_a_gauge_goes_off_and_back_while_frozen_time_settles(emulator: Any) -> None:
    sqs, cloudwatch = emulator.client("sqs"), emulator.client("cloudwatch")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": 1}'
    url = sqs.create_queue(QueueName="q", Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"})["QueueUrl"]
    cloudwatch.put_metric_alarm(
        AlarmName="dead letters",
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": "dead"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=3,
        DatapointsToAlarm=2,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
    )

    def state() -> str:
        emulator.settle()
        [alarm] = cloudwatch.describe_alarms(AlarmNames=["dead letters"])["MetricAlarms"]
        return alarm["StateValue"]

    assert state() == "OK"
    sqs.send_message(QueueUrl=url, MessageBody="1")
    for _ in range(2):
        sqs.receive_message(QueueUrl=url)
    assert state() == "ALARM"
    emulator.advance(7200)
    assert state() == "ALARM"
    sqs.purge_queue(QueueUrl=dead)
    assert state() == "OK"
