"""SNS by boto3: what each operation answers, and AWS's texts when it refuses."""

from __future__ import annotations

import json
import re
import urllib.request
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

TOPIC = "arn:aws:sns:us-east-1:000000000000:news"


def refusal(call: Any, **request: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    response: Any = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"], response["Error"]["Message"]


def test_a_topic_is_created_once_and_described(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    assert sns.create_topic(Name="news")["TopicArn"] == TOPIC
    assert sns.create_topic(Name="news")["TopicArn"] == TOPIC
    attributes = sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    assert attributes["Owner"] == "000000000000"
    assert attributes["SubscriptionsConfirmed"] == "0"
    assert json.loads(attributes["Policy"])["Id"] == "__default_policy_ID"
    assert json.loads(attributes["EffectiveDeliveryPolicy"])["http"]["defaultHealthyRetryPolicy"]["numRetries"] == 3
    assert "FifoTopic" not in attributes
    assert [topic["TopicArn"] for topic in sns.list_topics()["Topics"]] == [TOPIC]
    sns.delete_topic(TopicArn=TOPIC)
    sns.delete_topic(TopicArn=TOPIC)
    assert sns.list_topics()["Topics"] == []


def test_topics_come_a_hundred_at_a_time(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    for number in range(101):
        sns.create_topic(Name=f"topic-{number:03}")
    pages = list(sns.get_paginator("list_topics").paginate())
    assert [len(page["Topics"]) for page in pages] == [100, 1]


@pytest.mark.parametrize(
    ("operation", "request_", "status", "code", "message"),
    [
        ("create_topic", {"Name": "no spaces"}, 400, "InvalidParameter", "Invalid parameter: Topic Name"),
        ("publish", {"TopicArn": TOPIC + "x", "Message": "m"}, 404, "NotFound", "Topic does not exist"),
        ("publish", {"TopicArn": TOPIC, "Message": ""}, 400, "InvalidParameter", "Invalid parameter: Empty message"),
        (
            "publish",
            {"TopicArn": TOPIC, "Message": "m", "Subject": "x" * 101},
            400,
            "InvalidParameter",
            "Invalid parameter: Subject",
        ),
        (
            "publish",
            {"TopicArn": TOPIC, "Message": "x" * 262145},
            400,
            "InvalidParameter",
            "Invalid parameter: Message too long",
        ),
        (
            "publish",
            {"TopicArn": TOPIC, "Message": "m", "MessageStructure": "json"},
            400,
            "InvalidParameter",
            "Invalid parameter: Message Structure - JSON message body failed to parse",
        ),
        (
            "publish",
            {"TopicArn": TOPIC, "Message": "{}", "MessageStructure": "json"},
            400,
            "InvalidParameter",
            "Invalid parameter: Message Structure - No default entry in JSON message body",
        ),
        (
            "publish",
            {"Message": "m"},
            400,
            "InvalidParameter",
            "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter",
        ),
        (
            "publish",
            {"TopicArn": TOPIC, "Message": "m", "MessageAttributes": {"a": {"DataType": "Fun", "StringValue": "x"}}},
            400,
            "ParameterValueInvalid",
            "The message attribute 'a' has an invalid message attribute type, the set of supported type prefixes is"
            " Binary, Number, and String.",
        ),
        (
            "get_topic_attributes",
            {"TopicArn": "nope"},
            400,
            "InvalidParameter",
            "Invalid parameter: TopicArn Reason: An ARN must have at least 6 elements, not 1",
        ),
        (
            "subscribe",
            {"TopicArn": TOPIC, "Protocol": "pigeon", "Endpoint": "x"},
            400,
            "InvalidParameter",
            "Invalid parameter: Amazon SNS does not support this protocol string: pigeon",
        ),
        (
            "subscribe",
            {"TopicArn": TOPIC, "Protocol": "http", "Endpoint": "https://x"},
            400,
            "InvalidParameter",
            "Invalid parameter: Endpoint must match the specified protocol",
        ),
        (
            "subscribe",
            {"TopicArn": TOPIC, "Protocol": "email", "Endpoint": "x"},
            400,
            "InvalidParameter",
            "Invalid parameter: Email address",
        ),
        (
            "confirm_subscription",
            {"TopicArn": TOPIC, "Token": "x"},
            400,
            "InvalidParameter",
            "Invalid parameter: Token",
        ),
        (
            "get_subscription_attributes",
            {"SubscriptionArn": TOPIC + ":3b0e4d90-0000-0000-0000-000000000000"},
            404,
            "NotFound",
            "Subscription does not exist",
        ),
        (
            "publish_batch",
            {"TopicArn": TOPIC, "PublishBatchRequestEntries": [{"Id": "a", "Message": "m"}] * 2},
            400,
            "BatchEntryIdsNotDistinct",
            "Two or more batch entries in the request have the same Id.",
        ),
        (
            "set_topic_attributes",
            {"TopicArn": TOPIC, "AttributeName": "Colour", "AttributeValue": "red"},
            400,
            "InvalidParameter",
            "Invalid parameter: AttributeName",
        ),
    ],
)
def test_bad_input_is_refused_with_awss_text(
    emulator: RunningEmulator, operation: str, request_: dict[str, Any], status: int, code: str, message: str
) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    assert refusal(getattr(sns, operation), **request_) == (status, code, message)


def test_a_mail_subscriber_confirms_by_the_link_and_unsubscribes_by_the_other(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    asked = sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="reader@example.com")
    assert asked["SubscriptionArn"] == "pending confirmation"
    sns.publish(TopicArn=TOPIC, Message="nobody reads this")
    [mail] = emulator.inbox()
    assert (mail["subject"], mail["to"]) == ("AWS Notification - Subscription Confirmation", ["reader@example.com"])
    visit(emulator, mail["text"], "ConfirmSubscription")
    sns.publish(TopicArn=TOPIC, Message="Dear reader", Subject="Good news")
    mail = emulator.inbox()[-1]
    assert mail["subject"] == "Good news"
    assert mail["text"].startswith("Dear reader\n\n--\nIf you wish to stop receiving notifications")
    visit(emulator, mail["text"], "Unsubscribe")
    sns.publish(TopicArn=TOPIC, Message="nobody reads this either")
    assert len(emulator.inbox()) == 2
    emulator.settle()
    assert [mail["delivery"]["state"] for mail in emulator.inbox()] == ["delivered", "delivered"]


def visit(emulator: RunningEmulator, text: str, action: str) -> None:
    [path] = re.findall(rf"http://[^/]+(/\?Action={action}\S+)", text)
    with urllib.request.urlopen(emulator.url + path) as answer:
        assert answer.status == 200


def test_a_pending_subscription_ends_after_three_days(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    sns.subscribe(TopicArn=TOPIC, Protocol="email-json", Endpoint="reader@example.com")
    [listed] = sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    assert listed["SubscriptionArn"] == "PendingConfirmation"
    text = emulator.inbox()[0]["text"]
    emulator.advance(3 * 86400 + 1)
    assert sns.list_subscriptions()["Subscriptions"] == []
    token = json.loads(text)["Token"]
    assert refusal(sns.confirm_subscription, TopicArn=TOPIC, Token=token)[2] == "Invalid parameter: Token"
