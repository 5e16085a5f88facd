"""Delivery streams (delegated)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import deleting
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
from emulator.services.cloudformation.resources.values import tag_map

_DESTINATIONS = {
    "AmazonOpenSearchServerlessDestinationConfiguration": "AmazonOpenSearchServerlessDestinationUpdate",
    "AmazonopensearchserviceDestinationConfiguration": "AmazonopensearchserviceDestinationUpdate",
    "ElasticsearchDestinationConfiguration": "ElasticsearchDestinationUpdate",
    "ExtendedS3DestinationConfiguration": "ExtendedS3DestinationUpdate",
    "HttpEndpointDestinationConfiguration": "HttpEndpointDestinationUpdate",
    "IcebergDestinationConfiguration": "IcebergDestinationUpdate",
    "RedshiftDestinationConfiguration": "RedshiftDestinationUpdate",
    "S3DestinationConfiguration": "S3DestinationUpdate",
    "SnowflakeDestinationConfiguration": "SnowflakeDestinationUpdate",
    "SplunkDestinationConfiguration": "SplunkDestinationUpdate",
}
"""Property → what UpdateDestination calls it."""
_NESTED = {"S3Configuration": "S3Update", "S3BackupConfiguration": "S3BackupUpdate"}
_SOURCES = (
    "DatabaseSourceConfiguration DeliveryStreamType DirectPutSourceConfiguration KinesisStreamSourceConfiguration"
    " MSKSourceConfiguration"
)
_ENCRYPTION = "DeliveryStreamEncryptionConfigurationInput"


def _create_stream(it: Subject) -> Steps:
    request = it.wanted("DeliveryStreamName", *_SOURCES.split(), *_DESTINATIONS, _ENCRYPTION)
    try:
        yield Call("CreateDeliveryStream", {**request, "Tags": it.user_tags() or None})
    except AwsError as problem:
        if problem.code != "ResourceInUseException":
            raise
        if not it.again:
            text = (
                f"Resource of type 'AWS::KinesisFirehose::DeliveryStream' with identifier '{it.name}' already exists."
            )
            raise ResourceFailed(text) from problem
    arn = f"arn:aws:firehose:{it.scope.region}:{it.scope.account}:deliverystream/{it.name}"
    return Made(it.name, {"Arn": arn})


def _update_stream(it: Subject) -> Steps:
    who = {"DeliveryStreamName": it.physical_id}
    for name, member in _DESTINATIONS.items():
        if it.changed(name) and it.get(name) is not None:
            told = yield Call("DescribeDeliveryStream", who)
            stream = told["DeliveryStreamDescription"]
            place = {
                "CurrentDeliveryStreamVersionId": stream["VersionId"],
                "DestinationId": stream["Destinations"][0]["DestinationId"],
            }
            yield Call("UpdateDestination", {**who, **place, member: _changed(it.get(name))})
    if it.changed(_ENCRYPTION):
        given = it.get(_ENCRYPTION)
        if given:
            yield Call("StartDeliveryStreamEncryption", {**who, _ENCRYPTION: given})
        else:
            yield Call("StopDeliveryStreamEncryption", who)
    yield from _retag(it, who)
    return Made(it.physical_id, it.attributes)


def _changed(destination: dict[str, Any]) -> dict[str, Any]:
    return {_NESTED.get(key, key): value for key, value in destination.items() if key != "VpcConfiguration"}


def _retag(it: Subject, who: dict[str, str]) -> Generator[Call, Json, None]:
    tags, before = it.user_tags(), tag_map(it.previous.get("Tags"))
    stale = [key for key in before if key not in tags]
    if stale:
        yield Call("UntagDeliveryStream", {**who, "TagKeys": stale})
    if tags:
        yield Call("TagDeliveryStream", {**who, "Tags": tags})


TYPES = [
    ResourceType(
        name="AWS::KinesisFirehose::DeliveryStream",
        service="firehose",
        properties=words(f"{_SOURCES} {_ENCRYPTION} DeliveryStreamName Tags") | frozenset(_DESTINATIONS),
        replaces=words(f"{_SOURCES} DeliveryStreamName"),
        named_by="DeliveryStreamName",
        create=_create_stream,
        update=_update_stream,
        delete=deleting("DeleteDeliveryStream", "DeliveryStreamName"),
        name_form=NameForm(64),
    ),
]
