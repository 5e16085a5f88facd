"""Messages as a function gets them, which of them it gets, and what its answer says about them. Pure.

The shape is recorded in lambda_integration_sqs, to the order of the keys. A mapping with a batching window shows
`md5OfMessageAttributes: null` where there are no attributes, one without leaves it out: so recorded in every case.
"""

from __future__ import annotations

import base64
import json
from functools import lru_cache
from typing import Any

from emulator.aws.event_pattern import Pattern, compile_pattern
from emulator.services.lambda_.event_sources.mapping import SourceMapping
from emulator.services.sqs.model import Message, Queue
from emulator.services.sqs.rules.messages import md5_of_attributes, md5_of_body

LARGEST_EVENT_BYTES = 6 * 1024 * 1024


def record(message: Message, queue: Queue, windowed: bool) -> dict[str, Any]:
    """One message as an element of `Records`."""
    shown: dict[str, Any] = {
        "messageId": message.id,
        "receiptHandle": message.handle(queue),
        "body": message.body,
        "attributes": message.system_attributes(queue),
        "messageAttributes": {name: _attribute(value) for name, value in message.attributes.items()},
    }
    if message.attributes:
        shown["md5OfMessageAttributes"] = md5_of_attributes(message.attributes)
    elif windowed:
        shown["md5OfMessageAttributes"] = None
    shown["md5OfBody"] = md5_of_body(message.body)
    shown["eventSource"] = "aws:sqs"
    shown["eventSourceARN"] = queue.arn
    shown["awsRegion"] = queue.scope.region
    return shown


def record_bytes(message: Message, queue: Queue, windowed: bool) -> bytes:
    """The record as JSON text."""
    return json.dumps(record(message, queue, windowed), separators=(",", ":")).encode()


def event_of(records: list[bytes]) -> bytes:
    """The event that holds these records."""
    return b'{"Records":[' + b",".join(records) + b"]}"


def passes(mapping: SourceMapping, message: Message, queue: Queue) -> bool:
    """Whether a message passes the mapping's filters; one that does not is deleted unseen.

    A body that is a JSON object is matched as such, any other as text: a text never matches a pattern for an object
    and the other way round (developer guide, "Using event filtering with an Amazon SQS event source").
    """
    if not mapping.filters:
        return True
    event = record(message, queue, windowed=False)
    try:
        body = json.loads(message.body)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        event["body"] = body
    return any(pattern.matches(event) for pattern in _patterns(mapping.filters))


def failed_messages(answer: bytes, message_ids: list[str]) -> list[str] | None:
    """Ids of the messages that a function with ReportBatchItemFailures reports as failed; None: the whole batch failed.

    Developer guide, "Implementing partial batch responses": an empty or null answer or list is success; an answer
    that is no JSON, a missing, empty, null or unknown `itemIdentifier` is a failure of all.
    """
    try:
        value = json.loads(answer) if answer.strip() else None
    except (ValueError, RecursionError):
        return None
    if value is None:
        return []
    if not isinstance(value, dict):
        return [] if value == "" else None
    items: Any = value.get("batchItemFailures")
    if items is None:
        return []
    if not isinstance(items, list):
        return None
    known, failed = set(message_ids), list[str]()
    for item in items:
        identifier = item.get("itemIdentifier") if isinstance(item, dict) else None
        if not isinstance(identifier, str) or identifier not in known:
            return None
        failed.append(identifier)
    return failed


def _attribute(value: Any) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if "StringValue" in value:
        shown["stringValue"] = value["StringValue"]
    if "BinaryValue" in value:
        shown["binaryValue"] = base64.b64encode(value["BinaryValue"]).decode()
    return {**shown, "stringListValues": [], "binaryListValues": [], "dataType": value["DataType"]}


@lru_cache(maxsize=1024)
def _patterns(texts: tuple[str, ...]) -> list[Pattern]:
    return [compile_pattern(text) for text in texts]
