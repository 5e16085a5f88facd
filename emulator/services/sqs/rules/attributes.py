"""Attributes of queues: which exist, their ranges and defaults, and the settings that follow from them.

Source: API reference of CreateQueue and SetQueueAttributes; the error texts are [K].
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emulator.services.sqs.rules.errors import invalid_attribute, invalid_parameter, invalid_value, unknown_attribute

LARGEST_MESSAGE_BYTES = 1_048_576
RETENTION_LIMITS = (60, 1_209_600)
LONGEST_VISIBILITY_SECONDS = 43_200

_RANGES = {
    "VisibilityTimeout": (0, LONGEST_VISIBILITY_SECONDS),
    "MaximumMessageSize": (1024, LARGEST_MESSAGE_BYTES),
    "MessageRetentionPeriod": RETENTION_LIMITS,
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
}
_CHOICES = {
    "FifoQueue": ("true",),
    "ContentBasedDeduplication": ("true", "false"),
    "SqsManagedSseEnabled": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
}
_DOCUMENTS = ("Policy", "RedrivePolicy", "RedriveAllowPolicy")
FIFO_ONLY = frozenset({"ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"})
COMPUTED = (
    "QueueArn",
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
    "CreatedTimestamp",
    "LastModifiedTimestamp",
)
ORDER = (
    *COMPUTED,
    "VisibilityTimeout",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "DelaySeconds",
    "ReceiveMessageWaitTimeSeconds",
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
    "SqsManagedSseEnabled",
    "FifoQueue",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "ContentBasedDeduplication",
)
"""The order in which GetQueueAttributes answers `All`."""

DEFAULTS = {
    "VisibilityTimeout": "30",
    "MaximumMessageSize": str(LARGEST_MESSAGE_BYTES),
    "MessageRetentionPeriod": "345600",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
}
FIFO_DEFAULTS = {
    "FifoQueue": "true",
    "DeduplicationScope": "queue",
    "FifoThroughputLimit": "perQueue",
    "ContentBasedDeduplication": "false",
}


@dataclass(frozen=True, slots=True)
class QueueSettings:
    """What governs a queue, read from its attributes."""

    visibility_timeout_seconds: int
    largest_message_bytes: int
    retention_seconds: int
    delay_seconds: int
    wait_seconds: int
    fifo: bool
    content_based_deduplication: bool
    deduplicates_per_group: bool
    dead_letter_arn: str | None
    most_receives: int


@lru_cache(maxsize=4096)
def read_attributes(text: str) -> tuple[dict[str, str], QueueSettings]:
    """A queue's attributes as stored, and the settings they mean. The dictionary is shared: copy before changing."""
    attributes: dict[str, str] = json.loads(text)
    redrive = json.loads(attributes["RedrivePolicy"]) if "RedrivePolicy" in attributes else {}
    settings = QueueSettings(
        int(attributes["VisibilityTimeout"]),
        int(attributes["MaximumMessageSize"]),
        int(attributes["MessageRetentionPeriod"]),
        int(attributes["DelaySeconds"]),
        int(attributes["ReceiveMessageWaitTimeSeconds"]),
        "FifoQueue" in attributes,
        attributes.get("ContentBasedDeduplication") == "true",
        attributes.get("DeduplicationScope") == "messageGroup",
        redrive.get("deadLetterTargetArn"),
        int(redrive.get("maxReceiveCount", 0)),
    )
    return attributes, settings


def checked(attributes: Mapping[str, str], fifo: bool, creating: bool) -> dict[str, str | None]:
    """Attributes as they will be kept; None removes one. Raises for what is unknown or out of range."""
    kept: dict[str, str | None] = {}
    for name, value in attributes.items():
        if (name in FIFO_ONLY and not fifo) or (name == "FifoQueue" and not (creating and fifo)):
            raise unknown_attribute(name)
        kept[name] = _checked_value(name, value)
    if kept.get("FifoThroughputLimit") == "perMessageGroupId" and kept.get("DeduplicationScope") == "queue":
        raise invalid_parameter(
            "The perMessageGroupId value is allowed only when the value for DeduplicationScope is messageGroup."
        )
    return kept


def _checked_value(name: str, value: str) -> str | None:
    if name in _RANGES:
        low, high = _RANGES[name]
        if not value.isascii() or not value.isdigit() or len(value) > 9 or not low <= int(value) <= high:
            raise invalid_attribute(name)
        return str(int(value))
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise invalid_attribute(name)
        return value
    if name in _DOCUMENTS:
        if not value:
            return None
        return _DOCUMENT_CHECKS[name](value)
    if name == "KmsMasterKeyId":
        return value or None
    raise unknown_attribute(name)


def _policy(value: str) -> str:
    document = _json_object(value)
    if document is None:
        raise invalid_attribute("Policy")
    return value


def _redrive_policy(value: str) -> str:
    """Kept with maxReceiveCount as a number, as SQS shows it."""
    document = _json_object(value)
    if document is None:
        raise invalid_value(value, "RedrivePolicy", "Redrive policy is not a valid JSON map.")
    for member in ("deadLetterTargetArn", "maxReceiveCount"):
        if document.get(member) is None:
            reason = f"Redrive policy does not contain mandatory attribute: {member}."
            raise invalid_value(value, "RedrivePolicy", reason)
    text = str(document["maxReceiveCount"])
    if not text.isascii() or not text.isdigit() or len(text) > 6 or not 1 <= int(text) <= 1000:
        reason = f"Invalid value for maxReceiveCount: {text}, valid values are from 1 to 1000 both inclusive."
        raise invalid_value(value, "RedrivePolicy", reason)
    unknown = [key for key in document if key not in ("deadLetterTargetArn", "maxReceiveCount")]
    if unknown:
        reason = "Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount]."
        raise invalid_value(value, "RedrivePolicy", reason)
    arn = document["deadLetterTargetArn"]
    kept = {"deadLetterTargetArn": arn if isinstance(arn, str) else str(arn), "maxReceiveCount": int(text)}
    return json.dumps(kept, separators=(",", ":"))


def _redrive_allow_policy(value: str) -> str:
    document = _json_object(value)
    if document is None:
        raise invalid_value(value, "RedriveAllowPolicy", "Amazon SQS can't create the redrive allow policy, "
                            "as it's in an unsupported format.")  # fmt: skip
    permission, sources = document.get("redrivePermission"), document.get("sourceQueueArns")
    if permission not in ("allowAll", "denyAll", "byQueue"):
        raise invalid_value(value, "RedriveAllowPolicy", "Amazon SQS can't create the redrive allow policy, "
                            "as it's in an unsupported format.")  # fmt: skip
    listed = isinstance(sources, list) and all(isinstance(item, str) for item in sources)
    if permission != "byQueue" and sources is not None:
        raise invalid_value(value, "RedriveAllowPolicy", "sourceQueueArns is allowed only with byQueue.")
    if permission == "byQueue" and (not listed or not sources or len(sources) > 10):
        raise invalid_value(value, "RedriveAllowPolicy", "sourceQueueArns must name 1 to 10 queues with byQueue.")
    return value


_DOCUMENT_CHECKS: dict[str, Callable[[str], str]] = {
    "Policy": _policy,
    "RedrivePolicy": _redrive_policy,
    "RedriveAllowPolicy": _redrive_allow_policy,
}


def allows_redrive(attributes: Mapping[str, str], source_arn: str) -> bool:
    """Whether a dead-letter queue with these attributes takes messages of a source queue."""
    text = attributes.get("RedriveAllowPolicy")
    if text is None:
        return True
    policy = json.loads(text)
    if policy["redrivePermission"] == "byQueue":
        return source_arn in policy["sourceQueueArns"]
    return policy["redrivePermission"] == "allowAll"


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
