"""Topics."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import retag
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    Properties,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    listed,
    words,
)

_ATTRIBUTES = listed(
    "ArchivePolicy ContentBasedDeduplication DisplayName FifoThroughputScope FifoTopic KmsMasterKeyId"
    " MaximumMessageSize SignatureVersion TracingConfig"
)


def _create_topic(it: Subject) -> Steps:
    arn = f"arn:aws:sns:{it.scope.region}:{it.scope.account}:{it.name}"
    if it.is_named:
        try:
            yield Call("GetTopicAttributes", {"TopicArn": arn})
        except AwsError:
            pass
        else:
            raise ResourceFailed(f"Resource of type 'AWS::SNS::Topic' with identifier '{arn}' already exists.")
    attributes = {**it.wanted(*_ATTRIBUTES), **_logging(it)}
    if attributes.get("FifoTopic") in (False, "false"):
        del attributes["FifoTopic"]
    request: dict[str, Any] = {"Name": it.name, "Attributes": attributes, "Tags": it.all_tags()}
    if it.get("DataProtectionPolicy"):
        request["DataProtectionPolicy"] = it.get("DataProtectionPolicy")
    made = yield Call("CreateTopic", request)
    yield from _subscribe(made["TopicArn"], it.get("Subscription") or [])
    return Made(made["TopicArn"], {"TopicArn": made["TopicArn"], "TopicName": it.name})


def _logging(it: Subject) -> dict[str, Any]:
    """DeliveryStatusLogging as the attributes it stands for (`LambdaSuccessFeedbackRoleArn`)."""
    found: dict[str, Any] = {}
    names = {"http/s": "HTTP", "sqs": "SQS", "lambda": "Lambda", "firehose": "Firehose", "application": "Application"}
    for config in it.get("DeliveryStatusLogging") or []:
        prefix = names.get(str(config.get("Protocol")))
        if prefix is None:
            raise ResourceFailed(f"{config.get('Protocol')} is not a valid protocol of DeliveryStatusLogging")
        for name in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn"):
            if name in config:
                found[prefix + name] = config[name]
    return found


def _subscribe(arn: str, wanted: list[Any]) -> Generator[Call, Json, None]:
    for entry in wanted:
        yield Call("Subscribe", {"TopicArn": arn, "Protocol": entry.get("Protocol"), "Endpoint": entry.get("Endpoint")})


def _update_topic(it: Subject) -> Steps:
    arn = it.physical_id
    before = {**{name: it.previous[name] for name in _ATTRIBUTES if name in it.previous}}
    after = {**it.wanted(*_ATTRIBUTES), **_logging(it)}
    for name in sorted({*before, *after} - {"FifoTopic"}):
        if before.get(name) != after.get(name):
            yield Call(
                "SetTopicAttributes", {"TopicArn": arn, "AttributeName": name, "AttributeValue": after.get(name, "")}
            )
    if it.changed("Subscription"):
        old, new = it.previous.get("Subscription") or [], it.get("Subscription") or []
        gone = [(entry.get("Protocol"), entry.get("Endpoint")) for entry in old if entry not in new]
        if gone:
            there = yield Call("ListSubscriptionsByTopic", {"TopicArn": arn})
            for entry in there["Subscriptions"]:
                confirmed = entry["SubscriptionArn"].startswith("arn:")
                if confirmed and (entry["Protocol"], entry["Endpoint"]) in gone:
                    yield Call("Unsubscribe", {"SubscriptionArn": entry["SubscriptionArn"]})
        yield from _subscribe(arn, [entry for entry in new if entry not in old])
    yield from retag(it, arn)
    return Made(arn, it.attributes)


def _delete_topic(it: Subject) -> Generator[Call, Json, None]:
    yield Call("DeleteTopic", {"TopicArn": it.physical_id})


def _topic_name_form(properties: Properties) -> NameForm:
    return NameForm(256, suffix=".fifo" if properties.get("FifoTopic") in (True, "true") else "")


TYPES = [
    ResourceType(
        name="AWS::SNS::Topic",
        service="sns",
        properties=words("DataProtectionPolicy DeliveryStatusLogging Subscription Tags TopicName")
        | frozenset(_ATTRIBUTES),
        replaces=words("FifoTopic TopicName"),
        named_by="TopicName",
        name_form=_topic_name_form,
        create=_create_topic,
        update=_update_topic,
        delete=_delete_topic,
    ),
]
