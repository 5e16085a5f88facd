"""SNS by boto3: what each operation answers, and AWS's texts when it refuses."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
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
    goodbye = emulator.inbox()[-1]
    assert (len(emulator.inbox()), goodbye["subject"]) == (3, "AWS Notification - Unsubscribe Confirmation")
    visit(emulator, goodbye["text"], "ConfirmSubscription")
    sns.publish(TopicArn=TOPIC, Message="Dear reader again")
    emulator.settle()
    assert [mail["delivery"]["state"] for mail in emulator.inbox()] == ["delivered"] * 4


def visit(emulator: RunningEmulator, text: str, action: str, status: int = 200) -> None:
    [path] = re.findall(rf"http://[^/]+(/\?Action={action}[^\s\"]+)", text)
    try:
        with urllib.request.urlopen(emulator.url + path) as answer:
            assert answer.status == status
    except urllib.error.HTTPError as refused:
        with refused:
            assert refused.code == status


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


# ── delivery ────────────────────────────────────────────────────────────────────────────────────


def queue(emulator: RunningEmulator, name: str, **attributes: str) -> tuple[str, str]:
    """(URL, ARN) of a new queue."""
    sqs = emulator.client("sqs")
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]


def received(emulator: RunningEmulator, url: str) -> list[dict[str, Any]]:
    """What is in a queue, taken out of it."""
    sqs = emulator.client("sqs")
    answer = sqs.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    )
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    for message in messages:
        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return messages


def subscribed_queue(emulator: RunningEmulator, **attributes: str) -> tuple[str, str]:
    """(URL, subscription ARN) of a queue subscribed to the topic `news`."""
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    url, arn = queue(emulator, "inbox")
    answer = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=arn, Attributes=attributes)
    return url, answer["SubscriptionArn"]


COLOUR = {"colour": {"DataType": "String", "StringValue": "red"}, "bytes": {"DataType": "Binary", "BinaryValue": b"x"}}


def test_a_queue_receives_the_notification_as_aws_writes_it(emulator: RunningEmulator) -> None:
    url, subscription = subscribed_queue(emulator)
    published = emulator.client("sns").publish(TopicArn=TOPIC, Message='a "b"', Subject="S", MessageAttributes=COLOUR)
    [message] = received(emulator, url)
    body = json.loads(message["Body"])
    assert list(body) == [
        "Type",
        "MessageId",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "SignatureVersion",
        "Signature",
        "SigningCertURL",
        "UnsubscribeURL",
        "MessageAttributes",
    ]
    assert body["MessageId"] == published["MessageId"]
    assert body["UnsubscribeURL"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={subscription}")
    assert body["MessageAttributes"]["bytes"] == {"Type": "Binary", "Value": "eA=="}
    lines = message["Body"].splitlines()
    assert (lines[0], lines[1]) == ("{", '  "Type" : "Notification",')
    assert '    "colour" : {"Type":"String","Value":"red"},' in lines
    assert "MessageAttributes" not in message


def test_raw_delivery_passes_the_message_and_its_attributes_on(emulator: RunningEmulator) -> None:
    url, _ = subscribed_queue(emulator, RawMessageDelivery="true")
    emulator.client("sns").publish(TopicArn=TOPIC, Message="bare", MessageAttributes=COLOUR)
    [message] = received(emulator, url)
    assert message["Body"] == "bare"
    assert message["MessageAttributes"]["colour"] == {"DataType": "String", "StringValue": "red"}
    assert message["MessageAttributes"]["bytes"] == {"DataType": "Binary", "BinaryValue": b"x"}


@pytest.mark.parametrize(
    ("scope", "policy", "message", "attributes", "expected"),
    [
        ("MessageAttributes", {"colour": ["red"]}, "m", {"colour": ("String", "red")}, True),
        ("MessageAttributes", {"colour": ["red"]}, "m", {"colour": ("String", "blue")}, False),
        ("MessageAttributes", {"colour": ["red"]}, "m", {}, False),
        ("MessageAttributes", {"n": [{"numeric": [">", 5]}]}, "m", {"n": ("Number", "7.5")}, True),
        ("MessageAttributes", {"n": [{"numeric": [">", 5]}]}, "m", {"n": ("String", "7.5")}, False),
        ("MessageAttributes", {"c": ["a"]}, "m", {"c": ("String.Array", '["b", "a"]')}, True),
        ("MessageAttributes", {"c": [{"exists": False}]}, "m", {}, True),
        ("MessageAttributes", {"c": [{"anything-but": ["a"]}], "d": ["x"]}, "m", {"c": ("String", "b")}, False),
        ("MessageBody", {"order": {"total": [{"numeric": [">=", 10]}]}}, '{"order": {"total": 10}}', {}, True),
        ("MessageBody", {"order": {"total": [10]}}, "no json", {}, False),
        ("MessageBody", {"ip": [{"cidr": "10.0.0.0/8"}]}, '{"ip": "10.1.2.3"}', {}, True),
    ],
)
def test_a_filter_policy_decides(
    emulator: RunningEmulator,
    scope: str,
    policy: Any,
    message: str,
    attributes: dict[str, tuple[str, str]],
    expected: bool,
) -> None:
    url, _ = subscribed_queue(emulator, FilterPolicy=json.dumps(policy), FilterPolicyScope=scope)
    given = {name: {"DataType": kind, "StringValue": value} for name, (kind, value) in attributes.items()}
    emulator.client("sns").publish(TopicArn=TOPIC, Message=message, MessageAttributes=given)
    assert bool(received(emulator, url)) is expected


def test_filter_policies_are_checked_when_set(emulator: RunningEmulator) -> None:
    _, subscription = subscribed_queue(emulator)
    sns = emulator.client("sns")
    request = {"SubscriptionArn": subscription, "AttributeName": "FilterPolicy"}
    nested = "Filter policy scope MessageAttributes does not support nested filter policy"
    for policy, reason in (
        ('{"a": {"b": ["c"]}}', nested),
        ("{", "failed to parse JSON."),
        (
            '{"a":["x"],"b":["x"],"c":["x"],"d":["x"],"e":["x"],"f":["x"]}',
            "Filter policy can not have more than 5 keys",
        ),
    ):
        text = refusal(sns.set_subscription_attributes, **request, AttributeValue=policy)[2]
        assert text == f"Invalid parameter: FilterPolicy: {reason}"
    sns.set_subscription_attributes(**request, AttributeValue='{"a": ["b"]}')
    attributes = sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]
    assert (attributes["FilterPolicy"], attributes["FilterPolicyScope"]) == ('{"a": ["b"]}', "MessageAttributes")


def test_each_protocol_gets_its_own_text_of_a_structured_message(emulator: RunningEmulator) -> None:
    url, _ = subscribed_queue(emulator, RawMessageDelivery="true")
    sns = emulator.client("sns")
    sns.publish(TopicArn=TOPIC, MessageStructure="json", Message='{"default": "d", "sqs": "for queues"}')
    sns.publish(TopicArn=TOPIC, MessageStructure="json", Message='{"default": "d"}')
    assert [message["Body"] for message in received(emulator, url)] == ["for queues", "d"]


def test_a_fifo_topic_numbers_orders_and_deduplicates(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    topic = sns.create_topic(Name="news.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    url, arn = queue(emulator, "inbox.fifo", FifoQueue="true")
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    sent = {"TopicArn": topic, "MessageGroupId": "g"}
    first = sns.publish(**sent, Message="one", MessageDeduplicationId="1")
    again = sns.publish(**sent, Message="other", MessageDeduplicationId="1")
    assert again["MessageId"] == first["MessageId"]
    assert again["SequenceNumber"] == first["SequenceNumber"]
    second = sns.publish(**sent, Message="two", MessageDeduplicationId="2")
    assert int(second["SequenceNumber"]) > int(first["SequenceNumber"])
    assert len(first["SequenceNumber"]) == 20
    messages = received(emulator, url)
    assert [message["Body"] for message in messages] == ["one", "two"]
    assert messages[0]["Attributes"]["MessageGroupId"] == "g"
    emulator.advance(301)
    sns.publish(**sent, Message="three", MessageDeduplicationId="1")
    assert [message["Body"] for message in received(emulator, url)] == ["three"]
    assert refusal(sns.publish, TopicArn=topic, Message="m")[2] == (
        "Invalid parameter: The MessageGroupId parameter is required for FIFO topics"
    )


def test_a_group_of_a_standard_topic_reaches_a_standard_queue(emulator: RunningEmulator) -> None:
    url, _ = subscribed_queue(emulator, RawMessageDelivery="true")
    emulator.client("sns").publish(TopicArn=TOPIC, Message="m", MessageGroupId="tenant")
    [message] = received(emulator, url)
    assert message["Attributes"]["MessageGroupId"] == "tenant"


def test_a_batch_succeeds_and_fails_entry_by_entry(emulator: RunningEmulator) -> None:
    url, _ = subscribed_queue(emulator, RawMessageDelivery="true")
    entries = [{"Id": "a", "Message": "one"}, {"Id": "b", "Message": "x", "Subject": "a\nb"}]
    answer = emulator.client("sns").publish_batch(TopicArn=TOPIC, PublishBatchRequestEntries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["a"]
    [failed] = answer["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == ("b", "InvalidParameter", True)
    assert [message["Body"] for message in received(emulator, url)] == ["one"]


def test_a_notification_without_a_living_queue_ends_in_the_dead_letter_queue(emulator: RunningEmulator) -> None:
    dead, arn = queue(emulator, "dead")
    url, _ = subscribed_queue(emulator, RedrivePolicy=json.dumps({"deadLetterTargetArn": arn}))
    emulator.client("sqs").delete_queue(QueueUrl=url)
    emulator.client("sns").publish(TopicArn=TOPIC, Message="lost?")
    [message] = received(emulator, dead)
    assert json.loads(message["Body"])["Message"] == "lost?"


def test_a_text_message_is_kept_as_a_record_in_the_logs(emulator: RunningEmulator) -> None:
    emulator.client("sns").publish(PhoneNumber="+491701234567", Message="hello")
    emulator.settle()
    group = "sns/us-east-1/000000000000/DirectPublishToPhoneNumber"
    [event] = emulator.client("logs").filter_log_events(logGroupName=group)["events"]
    entry = json.loads(event["message"])
    assert (entry["delivery"]["destination"], entry["notification"]["message"]) == ("+491701234567", "hello")
    assert refusal(emulator.client("sns").publish, PhoneNumber="x", Message="m")[1] == "InvalidParameter"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Policy", '{"Statement": 5}'),
        ("Policy", "[]"),
        ("DeliveryPolicy", '{"http": []}'),
        ("DeliveryPolicy", '{"http": {"defaultRequestPolicy": 5}}'),
        ("DeliveryPolicy", '{"http": {"defaultRequestPolicy": {"headerContentType": "a/b\\r\\nX: y"}}}'),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"numRetries": "3"}}}'),
        ("DeliveryPolicy", '{"http": {"defaultHealthyRetryPolicy": {"minDelayTarget": 30, "maxDelayTarget": 20}}}'),
        ("ContentBasedDeduplication", "true"),
    ],
)
def test_attributes_that_could_not_be_obeyed_are_refused(emulator: RunningEmulator, name: str, value: str) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    answer = refusal(sns.set_topic_attributes, TopicArn=TOPIC, AttributeName=name, AttributeValue=value)
    assert answer[:2] == (400, "InvalidParameter")


def test_permissions_tags_and_attributes_are_kept(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news", Tags=[{"Key": "a", "Value": "1"}])
    sns.add_permission(TopicArn=TOPIC, Label="other", AWSAccountId=["111111111111"], ActionName=["Publish"])
    policy = json.loads(sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"])
    assert policy["Statement"][1] == {
        "Sid": "other",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "SNS:Publish",
        "Resource": TOPIC,
    }
    sns.remove_permission(TopicArn=TOPIC, Label="other")
    assert len(json.loads(sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"])["Statement"]) == 1
    sns.tag_resource(ResourceArn=TOPIC, Tags=[{"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=TOPIC, TagKeys=["a"])
    assert sns.list_tags_for_resource(ResourceArn=TOPIC)["Tags"] == [{"Key": "b", "Value": "2"}]
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="DisplayName", AttributeValue="News")
    assert sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["DisplayName"] == "News"
    assert refusal(sns.create_topic, Name="news", Attributes={"DisplayName": "Other"})[2] == (
        "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
    )
    assert refusal(sns.tag_resource, ResourceArn=TOPIC + "x", Tags=[])[1] == "ResourceNotFound"


# ── HTTP endpoints ──────────────────────────────────────────────────────────────────────────────


class Endpoint:
    """An HTTP server that answers with the statuses it was told, 200 when there is none left."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], str]] = []
        self.statuses: list[int] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                endpoint.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(endpoint.statuses.pop(0) if endpoint.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    made.thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join()


def test_an_http_endpoint_confirms_and_is_retried_as_aws_retries(emulator: RunningEmulator, endpoint: Endpoint) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    dead, arn = queue(emulator, "dead")
    asked = sns.subscribe(
        TopicArn=TOPIC,
        Protocol="http",
        Endpoint=endpoint.url,
        Attributes={"RedrivePolicy": json.dumps({"deadLetterTargetArn": arn})},
        ReturnSubscriptionArn=True,
    )
    emulator.settle()
    headers, body = endpoint.posts.pop()
    assert headers["x-amz-sns-message-type"] == "SubscriptionConfirmation"
    confirmation = json.loads(body)
    confirmed = sns.confirm_subscription(TopicArn=TOPIC, Token=confirmation["Token"])
    assert confirmed["SubscriptionArn"] == asked["SubscriptionArn"]

    began = emulator.now()
    endpoint.statuses = [500, 503]
    sns.publish(TopicArn=TOPIC, Message="m")
    emulator.settle()
    assert len(endpoint.posts) == 3
    assert emulator.now() - began == pytest.approx(40)
    headers, body = endpoint.posts[-1]
    assert headers["x-amz-sns-message-type"] == "Notification"
    assert headers["x-amz-sns-subscription-arn"] == asked["SubscriptionArn"]
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert json.loads(body)["Message"] == "m"

    endpoint.posts.clear()
    endpoint.statuses = [500] * 4
    sns.publish(TopicArn=TOPIC, Message="given up")
    emulator.settle()
    assert len(endpoint.posts) == 4
    assert json.loads(received(emulator, dead)[0]["Body"])["Message"] == "given up"

    endpoint.posts.clear()
    endpoint.statuses = [404]
    sns.publish(TopicArn=TOPIC, Message="not wanted")
    emulator.settle()
    assert len(endpoint.posts) == 1
    assert json.loads(received(emulator, dead)[0]["Body"])["Message"] == "not wanted"


def test_an_endpoint_that_nobody_serves_is_given_up_in_aws_time(emulator: RunningEmulator, endpoint: Endpoint) -> None:
    sns = emulator.client("sns")
    sns.create_topic(Name="news")
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint="http://127.0.0.1:9/closed")
    sns.subscribe(TopicArn=TOPIC, Protocol="http", Endpoint="http://[bad")
    emulator.settle()
    assert emulator.control("GET", "queue")["total"] == 0


def test_a_topic_with_large_messages_takes_few_kinds_of_subscribers(emulator: RunningEmulator) -> None:
    sns = emulator.client("sns")
    large = {"AttributeName": "MaximumMessageSize", "AttributeValue": "262145"}
    arn = sns.create_topic(Name="large", Attributes={"MaximumMessageSize": "262145"})["TopicArn"]
    with pytest.raises(sns.exceptions.InvalidParameterException, match="support only Amazon SQS"):
        sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="ada@example.com")
    sns.create_topic(Name="news")
    sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="ada@example.com")
    with pytest.raises(sns.exceptions.InvalidParameterException, match="support only Amazon SQS"):
        sns.set_topic_attributes(TopicArn=TOPIC, **large)
    for wrong in ("1023", "1048577", "many", "-5"):
        with pytest.raises(sns.exceptions.InvalidParameterException, match="MaximumMessageSize"):
            sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="MaximumMessageSize", AttributeValue=wrong)
    for number in range(100):
        queue = f"arn:aws:sqs:us-east-1:000000000000:queue-{number}"
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    with pytest.raises(sns.exceptions.InvalidParameterException, match="up to 100 subscriptions"):
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint="arn:aws:sqs:us-east-1:000000000000:queue")
