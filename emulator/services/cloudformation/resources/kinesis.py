"""Streams and their consumers (delegated)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)
from emulator.services.cloudformation.resources.values import moment_text

_DAY_HOURS = 24


def _create_stream(it: Subject) -> Steps:
    request: dict[str, Any] = {"StreamName": it.name, **it.wanted("StreamModeDetails", "ShardCount")}
    if it.get("StreamModeDetails") is None and it.get("ShardCount") is None:
        request["StreamModeDetails"] = {"StreamMode": "ON_DEMAND"}
    try:
        yield Call("CreateStream", {**request, "Tags": it.all_tags() or None})
    except AwsError as problem:
        if problem.code != "ResourceInUseException":
            raise
        if not it.again:
            text = f"Resource of type 'AWS::Kinesis::Stream' with identifier '{it.name}' already exists."
            raise ResourceFailed(text) from problem
    yield from _configure(it, it.name)
    told = yield Call("DescribeStreamSummary", {"StreamName": it.name})
    return Made(it.name, {"Arn": told["StreamDescriptionSummary"]["StreamARN"]})


def _configure(it: Subject, name: str) -> Generator[Call, Json, None]:
    before = int(it.previous.get("RetentionPeriodHours") or _DAY_HOURS)
    after = int(it.get("RetentionPeriodHours") or _DAY_HOURS)
    if before != after:
        operation = f"{'In' if after > before else 'De'}creaseStreamRetentionPeriod"
        yield Call(operation, {"StreamName": name, "RetentionPeriodHours": after})
    if it.changed("StreamEncryption"):
        given = it.get("StreamEncryption")
        if given:
            yield Call("StartStreamEncryption", {"StreamName": name, **given})
        else:
            yield Call("StopStreamEncryption", {"StreamName": name, **it.previous["StreamEncryption"]})


def _update_stream(it: Subject) -> Steps:
    name = it.physical_id
    if it.changed("StreamModeDetails") and it.get("StreamModeDetails"):
        request = {"StreamARN": it.attributes["Arn"], "StreamModeDetails": it.get("StreamModeDetails")}
        yield Call("UpdateStreamMode", request)
    if it.changed("ShardCount") and it.get("ShardCount"):
        request = {"StreamName": name, "TargetShardCount": it.get("ShardCount"), "ScalingType": "UNIFORM_SCALING"}
        yield Call("UpdateShardCount", request)
    yield from _configure(it, name)
    if it.all_tags():
        yield Call("AddTagsToStream", {"StreamName": name, "Tags": it.all_tags()})
    return Made(name, it.attributes)


def _delete_stream(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteStream", {"StreamName": it.physical_id, "EnforceConsumerDeletion": True})
    return None


def _create_consumer(it: Subject) -> Steps:
    made = yield Call("RegisterStreamConsumer", it.wanted("ConsumerName", "StreamARN"))
    consumer = made["Consumer"]
    arn = consumer["ConsumerARN"]
    attributes: dict[str, Json] = {
        "ConsumerARN": arn,
        "ConsumerCreationTimestamp": moment_text(consumer["ConsumerCreationTimestamp"]),
        "ConsumerName": consumer["ConsumerName"],
        "ConsumerStatus": consumer["ConsumerStatus"],
        "StreamARN": it.get("StreamARN"),
    }
    return Made(arn, attributes)


def _delete_consumer(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeregisterStreamConsumer", it.wanted("ConsumerName", "StreamARN"))
    return None


TYPES = [
    ResourceType(
        name="AWS::Kinesis::Stream",
        service="kinesis",
        properties=words("DesiredShardLevelMetrics MaxRecordSizeInKiB Name RetentionPeriodHours ShardCount")
        | words("RecordDistributionStrategy StreamEncryption StreamModeDetails Tags WarmThroughputMiBps"),
        no_effect=words("DesiredShardLevelMetrics MaxRecordSizeInKiB RecordDistributionStrategy WarmThroughputMiBps"),
        replaces=words("Name"),
        named_by="Name",
        name_form=NameForm(128),
        create=_create_stream,
        update=_update_stream,
        delete=_delete_stream,
    ),
    ResourceType(
        name="AWS::Kinesis::StreamConsumer",
        service="kinesis",
        properties=words("ConsumerName StreamARN Tags"),
        required=words("ConsumerName StreamARN"),
        no_effect=words("Tags"),
        replaces=words("ConsumerName StreamARN"),
        create=_create_consumer,
        delete=_delete_consumer,
    ),
]
