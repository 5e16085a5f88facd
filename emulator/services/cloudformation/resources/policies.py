"""Policies of queues and topics, and subscriptions as resources of their own."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    ResourceType,
    Steps,
    Subject,
    words,
)
from emulator.services.cloudformation.resources.values import text_of

# ── queues ──


def _queues(properties: dict[str, Any]) -> list[str]:
    queues = properties.get("Queues")
    return [str(properties["Queue"])] if queues is None and properties.get("Queue") else list(queues or [])


def _put_queue_policy(it: Subject) -> Steps:
    queues = _queues(it.properties)
    for url in queues:
        yield Call("SetQueueAttributes", {"QueueUrl": url, "Attributes": {"Policy": text_of(it.get("PolicyDocument"))}})
    for url in _queues(it.previous):
        if url not in queues:
            yield Call("SetQueueAttributes", {"QueueUrl": url, "Attributes": {"Policy": ""}})
    return Made(it.physical_id or it.name, {"Id": it.physical_id or it.name})


def _drop_queue_policy(it: Subject) -> Generator[Call, Json, Made | None]:
    for url in _queues(it.properties):
        yield Call("SetQueueAttributes", {"QueueUrl": url, "Attributes": {"Policy": ""}})
    return None


# ── topics ──


def _topics(properties: dict[str, Any]) -> list[str]:
    topics = properties.get("Topics")
    return [str(properties["TopicArn"])] if topics is None and properties.get("TopicArn") else list(topics or [])


def _policy_call(topic: str, value: str) -> Call:
    request = {"TopicArn": topic, "AttributeName": "Policy", "AttributeValue": value}
    return Call("SetTopicAttributes", request)


def _default_policy(it: Subject, topic: str) -> str:
    """What a topic's policy goes back to, and what SNS gives a new one."""
    actions = "GetTopicAttributes SetTopicAttributes AddPermission RemovePermission DeleteTopic Subscribe"
    actions += " ListSubscriptionsByTopic Publish"
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in actions.split()],
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceOwner": it.scope.account}},
    }
    return text_of({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def _put_topic_policy(it: Subject) -> Steps:
    topics = _topics(it.properties)
    for topic in topics:
        yield _policy_call(topic, text_of(it.get("PolicyDocument")))
    for topic in _topics(it.previous):
        if topic not in topics:
            yield _policy_call(topic, _default_policy(it, topic))
    return Made(it.physical_id or it.name, {"Id": it.physical_id or it.name})


def _drop_topic_policy(it: Subject) -> Generator[Call, Json, Made | None]:
    for topic in _topics(it.properties):
        yield _policy_call(topic, _default_policy(it, topic))
    return None


_SUBSCRIPTION = (
    "DeliveryPolicy FilterPolicy FilterPolicyScope RawMessageDelivery RedrivePolicy ReplayPolicy SubscriptionRoleArn"
)


def _subscribe(it: Subject) -> Steps:
    request = it.wanted("Endpoint", "Protocol", "TopicArn")
    attributes = it.wanted(*_SUBSCRIPTION.split())
    made = yield Call("Subscribe", {**request, "Attributes": attributes or None, "ReturnSubscriptionArn": True})
    return Made(made["SubscriptionArn"], {"Arn": made["SubscriptionArn"]})


def _resubscribe(it: Subject) -> Steps:
    for name in _SUBSCRIPTION.split():
        if it.changed(name):
            value = it.get(name)
            empty = "false" if name == "RawMessageDelivery" else "{}" if name == "FilterPolicy" else ""
            request = {"AttributeName": name, "AttributeValue": empty if value is None else text_of(value)}
            yield Call("SetSubscriptionAttributes", {"SubscriptionArn": it.physical_id, **request})
    return Made(it.physical_id, it.attributes)


def _unsubscribe(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("Unsubscribe", {"SubscriptionArn": it.physical_id})
    return None


TYPES = [
    *(
        ResourceType(
            name=name,
            service="sqs",
            properties=words(f"PolicyDocument {queues}"),
            required=words(f"PolicyDocument {queues}"),
            replaces=words(replaces),
            create=_put_queue_policy,
            update=_put_queue_policy,
            delete=_drop_queue_policy,
        )
        for name, queues, replaces in (
            ("AWS::SQS::QueuePolicy", "Queues", ""),
            ("AWS::SQS::QueueInlinePolicy", "Queue", "Queue"),
        )
    ),
    *(
        ResourceType(
            name=name,
            service="sns",
            properties=words(f"PolicyDocument {topics}"),
            required=words(f"PolicyDocument {topics}"),
            replaces=words(replaces),
            create=_put_topic_policy,
            update=_put_topic_policy,
            delete=_drop_topic_policy,
        )
        for name, topics, replaces in (
            ("AWS::SNS::TopicPolicy", "Topics", ""),
            ("AWS::SNS::TopicInlinePolicy", "TopicArn", "TopicArn"),
        )
    ),
    ResourceType(
        name="AWS::SNS::Subscription",
        service="sns",
        properties=words(f"{_SUBSCRIPTION} Endpoint Protocol Region TopicArn"),
        required=words("Protocol TopicArn"),
        no_effect=words("Region"),
        replaces=words("Endpoint Protocol Region TopicArn"),
        create=_subscribe,
        update=_resubscribe,
        delete=_unsubscribe,
    ),
]
