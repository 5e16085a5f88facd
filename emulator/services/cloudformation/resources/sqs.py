"""Queues."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.aws.errors import AwsError
from emulator.ports import Json
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
    "ContentBasedDeduplication DeduplicationScope DelaySeconds FifoQueue FifoThroughputLimit"
    " KmsDataKeyReusePeriodSeconds KmsMasterKeyId MaximumMessageSize MessageRetentionPeriod"
    " ReceiveMessageWaitTimeSeconds RedriveAllowPolicy RedrivePolicy SqsManagedSseEnabled VisibilityTimeout"
)
_DEFAULTS = {
    "DelaySeconds": 0,
    "KmsDataKeyReusePeriodSeconds": 300,
    "KmsMasterKeyId": "",
    "MaximumMessageSize": 262144,
    "MessageRetentionPeriod": 345600,
    "ReceiveMessageWaitTimeSeconds": 0,
    "RedriveAllowPolicy": "",
    "RedrivePolicy": "",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": 30,
}
"""What a property that an update leaves out goes back to (SetQueueAttributes)."""


def _create_queue(it: Subject) -> Steps:
    if it.is_named:
        try:
            yield Call("GetQueueUrl", {"QueueName": it.name})
        except AwsError:
            pass
        else:
            raise ResourceFailed(f"Resource of type 'AWS::SQS::Queue' with identifier '{it.name}' already exists.")
    made = yield Call("CreateQueue", {"QueueName": it.name, "Attributes": _attributes(it), "tags": it.all_tags()})
    url: str = made["QueueUrl"]
    told = yield Call("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": ["QueueArn"]})
    return Made(url, {"Arn": told["Attributes"]["QueueArn"], "QueueName": it.name, "QueueUrl": url})


def _attributes(it: Subject) -> dict[str, Any]:
    found = it.wanted(*_ATTRIBUTES)
    if found.get("FifoQueue") in (False, "false"):
        del found["FifoQueue"]  # SQS refuses it; CloudFormation does not
    return found


def _update_queue(it: Subject) -> Steps:
    changed: dict[str, Any] = {}
    for name in _ATTRIBUTES:
        if it.changed(name) and name != "FifoQueue":
            changed[name] = it.get(name, _DEFAULTS.get(name, ""))
    if changed:
        yield Call("SetQueueAttributes", {"QueueUrl": it.physical_id, "Attributes": changed})
    before = yield Call("ListQueueTags", {"QueueUrl": it.physical_id})
    tags = it.all_tags()
    gone = [key for key in before.get("Tags") or {} if key not in tags]
    if gone:
        yield Call("UntagQueue", {"QueueUrl": it.physical_id, "TagKeys": gone})
    if tags:
        yield Call("TagQueue", {"QueueUrl": it.physical_id, "Tags": tags})
    return Made(it.physical_id, it.attributes)


def _delete_queue(it: Subject) -> Generator[Call, Json, None]:
    yield Call("DeleteQueue", {"QueueUrl": it.physical_id})


def _queue_name_form(properties: Properties) -> NameForm:
    return NameForm(80, suffix=".fifo" if properties.get("FifoQueue") in (True, "true") else "")


TYPES = [
    ResourceType(
        name="AWS::SQS::Queue",
        service="sqs",
        properties=words("QueueName Tags") | frozenset(_ATTRIBUTES),
        replaces=words("QueueName FifoQueue"),
        named_by="QueueName",
        name_form=_queue_name_form,
        create=_create_queue,
        update=_update_queue,
        delete=_delete_queue,
    ),
]
