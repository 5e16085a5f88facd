"""What topics, subscriptions and messages are, and SNS's rules about them. Values and pure decisions.

Texts of errors are AWS's where known (SNS API reference, answers seen by clients); "unverified" marks our own.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope

LARGEST_MESSAGE_BYTES = 262_144
"""Of topics that have no MaximumMessageSize."""
MOST_MESSAGE_BYTES = 1_048_576
"""What MaximumMessageSize may be."""
LONGEST_SUBJECT = 100
DEDUPLICATION_SECONDS = 300.0
PENDING_SECONDS = 3 * 86400.0
"""How long a subscription waits for its confirmation (email.md 6.7)."""
PAGE = 100
FIRST_SEQUENCE_NUMBER = 10_000_000_000_000_000_000

PENDING = "PendingConfirmation"


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


def invalid(text: str) -> AwsError:
    """SNS's InvalidParameter; `text` names the parameter and perhaps a reason."""
    return AwsError("InvalidParameter", f"Invalid parameter: {text}")


def not_found(text: str = "Topic does not exist") -> AwsError:
    """SNS's NotFound."""
    return AwsError("NotFound", text, 404)


# ── topics ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic; `attributes` are those that were set, as the strings they were set to."""

    scope: Scope
    name: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    deleted_subscriptions: int = 0

    @property
    def arn(self) -> str:
        return f"arn:aws:sns:{self.scope.region}:{self.scope.account}:{self.name}"

    @property
    def fifo(self) -> bool:
        return self.name.endswith(".fifo")

    @property
    def deduplicates_by_content(self) -> bool:
        return self.attributes.get("ContentBasedDeduplication") == "true"

    @property
    def largest_message_bytes(self) -> int:
        return int(self.attributes.get("MaximumMessageSize") or LARGEST_MESSAGE_BYTES)

    @property
    def policy(self) -> dict[str, Any]:
        """The resource policy: the one that was set, or the owner's default."""
        given = self.attributes.get("Policy")
        return json.loads(given) if given else default_policy(self)


_TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_BAD_FIFO_NAME = (
    "Fifo Topic names must end with .fifo and must be made up of only uppercase and lowercase ASCII letters, numbers,"
    " underscores, and hyphens, and must be between 1 and 256 characters long."
)
_FEEDBACK = tuple(
    f"{kind}{what}"
    for kind in ("HTTP", "Firehose", "Lambda", "Application", "SQS")
    for what in ("SuccessFeedbackRoleArn", "SuccessFeedbackSampleRate", "FailureFeedbackRoleArn")
)
TOPIC_ATTRIBUTES = frozenset(
    {
        "DisplayName",
        "Policy",
        "DeliveryPolicy",
        "KmsMasterKeyId",
        "SignatureVersion",
        "TracingConfig",
        "ContentBasedDeduplication",
        "FifoThroughputScope",
        "MaximumMessageSize",
        *_FEEDBACK,
    }
)
"""What SetTopicAttributes takes; CreateTopic takes FifoTopic as well."""


LARGE_PROTOCOLS = ("sqs", "lambda", "firehose")
"""Subscriptions that a topic may have whose MaximumMessageSize is above 256 KiB (API reference, SetTopicAttributes)."""
MOST_LARGE_SUBSCRIPTIONS = 100


def _is_size(value: str) -> bool:
    return value.isascii() and value.isdigit() and len(value) < 8 and 1024 <= int(value) <= MOST_MESSAGE_BYTES


def check_large_topic(largest_message_bytes: int, protocols: Iterable[str]) -> None:
    """Raise the refusal of subscriptions that a topic with large messages may not have (texts unverified)."""
    if largest_message_bytes <= LARGEST_MESSAGE_BYTES:
        return
    given = list(protocols)
    if any(protocol not in LARGE_PROTOCOLS for protocol in given):
        raise invalid(
            "MaximumMessageSize Reason: Topics with MaximumMessageSize above 262144 bytes support only Amazon SQS,"
            " AWS Lambda and Amazon Data Firehose subscriptions"
        )
    if len(given) > MOST_LARGE_SUBSCRIPTIONS:
        raise invalid(
            "MaximumMessageSize Reason: Topics with MaximumMessageSize above 262144 bytes support up to 100"
            " subscriptions"
        )


def check_topic_name(name: str, fifo: bool) -> None:
    """Raise AWS's refusal of a topic name."""
    if fifo:
        if not name.endswith(".fifo") or len(name) > 256 or not _TOPIC_NAME.fullmatch(name[:-5]):
            raise invalid(_BAD_FIFO_NAME)
    elif not _TOPIC_NAME.fullmatch(name):
        raise invalid("Topic Name")


def check_topic_attribute(name: str, value: str, fifo: bool) -> None:
    """Raise AWS's refusal of an attribute of a topic."""
    if name == "ArchivePolicy":
        raise NotEmulated("sns", "SetTopicAttributes", "ArchivePolicy: message archives")
    if name not in TOPIC_ATTRIBUTES:
        raise invalid("AttributeName")
    if name in ("ContentBasedDeduplication", "FifoThroughputScope") and not fifo:
        raise invalid(f"{name} Reason: {name} is only valid for FIFO topics")  # wording unverified
    if name == "ContentBasedDeduplication" and value not in ("true", "false"):
        raise invalid("ContentBasedDeduplication")
    if name == "FifoThroughputScope" and value not in ("Topic", "MessageGroup"):
        raise invalid("FifoThroughputScope")
    if name == "SignatureVersion" and value not in ("1", "2"):
        raise invalid("SignatureVersion")
    if name == "TracingConfig" and value not in ("PassThrough", "Active"):
        raise invalid("TracingConfig")
    if name.endswith("FeedbackSampleRate") and value and not is_percentage(value):
        raise invalid(name)
    if name.endswith("FeedbackRoleArn") and value and Arn.parse(value) is None:
        raise invalid(name)
    if name == "MaximumMessageSize" and value and not _is_size(value):
        raise invalid("MaximumMessageSize")
    if name == "DisplayName" and len(value) > 100:
        raise invalid("DisplayName")
    if name == "Policy" and value:
        policy = parsed_object(value) or {}
        statements = policy.get("Statement")
        if not isinstance(statements, list) or not all(isinstance(statement, dict) for statement in statements):
            raise invalid("Policy Error: null")
    if name == "DeliveryPolicy" and value:
        check_delivery_policy(parsed_object(value), "http")


def is_percentage(text: str) -> bool:
    """Whether a text is a whole number from 0 to 100."""
    return text.isascii() and text.isdigit() and int(text[:4]) <= 100


def parsed_object(text: str) -> dict[str, Any] | None:
    """A JSON object, or None if the text is none."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


OWNER_ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)


def default_policy(topic: Topic) -> dict[str, Any]:
    """What a new topic allows: everything, to its owner."""
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in OWNER_ACTIONS],
        "Resource": topic.arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic.scope.account}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}


# ── delivery policies ───────────────────────────────────────────────────────────────────────────

DEFAULT_RETRIES: dict[str, Any] = {
    "minDelayTarget": 20,
    "maxDelayTarget": 20,
    "numRetries": 3,
    "numMaxDelayRetries": 0,
    "numNoDelayRetries": 0,
    "numMinDelayRetries": 0,
    "backoffFunction": "linear",
}
DEFAULT_REQUEST = {"headerContentType": "text/plain; charset=UTF-8"}
_LONGEST_DELAY = 3600
_MOST_RETRIES = 100
_CONTENT_TYPE = re.compile(r"[\w.+-]+/[\w.+-]+(; ?[\w-]+=[\w\"-]+)*", re.ASCII)
BACKOFFS = ("arithmetic", "exponential", "geometric", "linear")


def check_delivery_policy(policy: dict[str, Any] | None, key: str | None) -> None:
    """Refuse a delivery policy with counts or delays out of range; `key` is where a topic's has its retries."""
    if policy is None:
        raise invalid("DeliveryPolicy: failed to parse JSON.")
    if key is not None:
        inner = policy.get(key, {})
        if not isinstance(inner, dict):
            raise invalid(f"DeliveryPolicy: {key} must be an object")
        names = ("HealthyRetryPolicy", "ThrottlePolicy", "RequestPolicy")
        policy = {name[0].lower() + name[1:]: inner.get(f"default{name}") for name in names}
    for name in ("throttlePolicy", "requestPolicy"):
        if not isinstance(policy.get(name) or {}, dict):
            raise invalid(f"DeliveryPolicy: {name} must be an object")
    content_type = (policy.get("requestPolicy") or {}).get("headerContentType", "text/plain")
    if not isinstance(content_type, str) or not _CONTENT_TYPE.fullmatch(content_type):
        raise invalid("DeliveryPolicy: requestPolicy.headerContentType")
    retries = policy.get("healthyRetryPolicy")
    if retries is None:
        return
    if not isinstance(retries, dict):
        raise invalid("DeliveryPolicy: healthyRetryPolicy must be an object")
    for name, value in retries.items():
        if name not in DEFAULT_RETRIES:
            raise invalid(f"DeliveryPolicy: Unexpected JSON member: {name}")
        if name == "backoffFunction":
            if value not in BACKOFFS:
                raise invalid("DeliveryPolicy: healthyRetryPolicy.backoffFunction")
        elif isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise invalid(f"DeliveryPolicy: healthyRetryPolicy.{name}")
    full = {**DEFAULT_RETRIES, **retries}
    if not 1 <= full["minDelayTarget"] <= full["maxDelayTarget"] <= _LONGEST_DELAY:
        raise invalid("DeliveryPolicy: healthyRetryPolicy.minDelayTarget must be less than or equal to maxDelayTarget")
    phases = full["numNoDelayRetries"] + full["numMinDelayRetries"] + full["numMaxDelayRetries"]
    if full["numRetries"] > _MOST_RETRIES or phases > full["numRetries"]:
        raise invalid("DeliveryPolicy: healthyRetryPolicy.numRetries must be at least the sum of its phases")


def effective_policy(topic: Topic) -> dict[str, Any]:
    """A topic's EffectiveDeliveryPolicy: what was set, over AWS's defaults."""
    given = parsed_object(topic.attributes.get("DeliveryPolicy") or "{}") or {}
    http = given.get("http") or {}
    return {
        "http": {
            "defaultHealthyRetryPolicy": {**DEFAULT_RETRIES, **(http.get("defaultHealthyRetryPolicy") or {})},
            "disableSubscriptionOverrides": bool(http.get("disableSubscriptionOverrides", False)),
            **({"defaultThrottlePolicy": http["defaultThrottlePolicy"]} if "defaultThrottlePolicy" in http else {}),
            "defaultRequestPolicy": {**DEFAULT_REQUEST, **(http.get("defaultRequestPolicy") or {})},
        }
    }


def endpoint_policy(topic: Topic, subscription: Subscription) -> dict[str, Any]:
    """How an HTTP endpoint is retried: the subscription's policy over the topic's over AWS's."""
    http = effective_policy(topic)["http"]
    own = parsed_object(subscription.attributes.get("DeliveryPolicy") or "{}") or {}
    if http["disableSubscriptionOverrides"]:
        own = {}
    throttle = own.get("throttlePolicy", http.get("defaultThrottlePolicy"))
    return {
        "healthyRetryPolicy": {**http["defaultHealthyRetryPolicy"], **(own.get("healthyRetryPolicy") or {})},
        "sicklyRetryPolicy": None,
        "throttlePolicy": throttle,
        "requestPolicy": {**http["defaultRequestPolicy"], **(own.get("requestPolicy") or {})},
        "guaranteed": False,
    }


def http_retry_delay(policy: Mapping[str, Any], failures: int) -> float | None:
    """Seconds before the next try of an HTTP endpoint after `failures` tries; None when they are used up.

    The phases of AWS's delivery policies: immediate, pre-backoff, backoff, post-backoff.
    """
    if failures > policy["numRetries"]:
        return None
    low, high = float(policy["minDelayTarget"]), float(policy["maxDelayTarget"])
    first_backoff = policy["numNoDelayRetries"] + policy["numMinDelayRetries"]
    backoffs = policy["numRetries"] - first_backoff - policy["numMaxDelayRetries"]
    if failures <= policy["numNoDelayRetries"]:
        return 0.0
    if failures <= first_backoff:
        return low
    step = failures - first_backoff
    if step > backoffs:
        return high
    if backoffs == 1:
        return low
    # How AWS spaces the four functions between the two targets is only drawn, not stated: unverified.
    part = (step - 1) / (backoffs - 1)
    name = policy["backoffFunction"]
    if name in ("exponential", "geometric"):
        return low * (high / low) ** part
    return low + (high - low) * (part * part if name == "arithmetic" else part)


def managed_retry_delay(failures: int) -> float | None:
    """Seconds before the next try of a queue or function that failed with a server error (SNS developer guide)."""
    if failures <= 3:
        return 0.0
    if failures <= 5:
        return 1.0
    if failures <= 15:
        return 20.0 ** ((failures - 6) / 9)
    return 20.0 if failures <= 100_015 else None


# ── subscriptions ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription; `attributes` are those that were set."""

    arn: str
    topic_arn: str
    owner: str
    protocol: str
    endpoint: str
    confirmed: bool
    token: str
    created_at: float
    attributes: Mapping[str, str] = field(default_factory=dict)
    authenticated: bool = True
    """Whether only its owner may unsubscribe it."""

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"

    @property
    def dead_letter_queue(self) -> str | None:
        policy = self.attributes.get("RedrivePolicy")
        return json.loads(policy).get("deadLetterTargetArn") if policy else None

    @property
    def shown_arn(self) -> str:
        return self.arn if self.confirmed else PENDING

    def expired(self, now: float) -> bool:
        """Whether its confirmation did not come in time."""
        return not self.confirmed and now - self.created_at > PENDING_SECONDS


SUBSCRIPTION_ATTRIBUTES = frozenset(
    {"DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy", "ReplayPolicy"}
    | {"SubscriptionRoleArn"}
)
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PHONE = re.compile(r"\+?[0-9](?:[0-9 ().-]{0,30}[0-9])?")


def check_endpoint(topic: Topic, protocol: str, endpoint: str) -> None:
    """Raise AWS's refusal of an endpoint."""
    if protocol == "firehose":
        raise NotEmulated("sns", "Subscribe", "protocol firehose")
    if protocol not in ("sqs", "lambda", "email", "email-json", "http", "https", "sms", "application"):
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if protocol in ("http", "https"):
        if not endpoint.startswith(f"{protocol}://") or len(endpoint) <= len(protocol) + 3:
            raise invalid("Endpoint must match the specified protocol")
    elif protocol in ("email", "email-json"):
        if not _EMAIL.fullmatch(endpoint):
            raise invalid("Email address")
    elif protocol == "sms":
        if not _PHONE.fullmatch(endpoint):
            raise invalid(f"Invalid SMS endpoint: {endpoint}")
    else:
        arn = Arn.parse(endpoint)
        if protocol == "sqs" and (arn is None or arn.service != "sqs"):
            raise invalid("SQS endpoint ARN")
        if protocol == "lambda" and (
            arn is None or arn.service != "lambda" or not arn.resource.startswith("function:")
        ):
            raise invalid("Lambda endpoint ARN")
        if protocol == "application" and (arn is None or arn.service != "sns"):
            raise invalid("Application endpoint arn invalid")
    if topic.fifo and protocol != "sqs":
        raise invalid(f"Invalid protocol type: {protocol}")  # wording unverified
    if not topic.fifo and protocol == "sqs" and endpoint.endswith(".fifo"):
        raise invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
        )


# ── messages ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Message:
    """A published message, as it was accepted. `attributes` hold SNS's wire form: {name: {Type, Value}}."""

    id: str
    topic_arn: str
    message: str
    published_at: float
    subject: str | None = None
    structured: bool = False
    """MessageStructure=json: `message` is an object with a text per protocol."""
    attributes: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    group_id: str | None = None
    deduplication_id: str | None = None
    sequence_number: str | None = None
    kind: str = "Notification"
    """Or SubscriptionConfirmation, UnsubscribeConfirmation."""
    token: str | None = None
    trace_id: str = ""
    """`X-Amzn-Trace-Id` of the Publish: how Lambda recognises a loop through a topic."""

    def for_protocol(self, protocol: str) -> str:
        """The text that subscribers of a protocol get."""
        if not self.structured:
            return self.message
        texts: dict[str, Any] = json.loads(self.message)
        own = texts.get(protocol)
        return own if isinstance(own, str) else str(texts["default"])

    def to_json(self) -> dict[str, Any]:
        """For a job's body."""
        return {name: getattr(self, name) for name in self.__slots__}

    @staticmethod
    def from_json(stored: dict[str, Any]) -> Message:
        return Message(**stored)

    def numbered(self, number: int) -> Message:
        """With its place in a FIFO topic."""
        return replace(self, sequence_number=str(number))


def storable(text: str) -> str:
    """Without lone surrogates, which JSON callers can send and UTF-8 cannot carry."""
    return text.encode("utf-8", "replace").decode()


PHONE_NUMBER = re.compile(r"\+[1-9]\d{1,14}")
SENDER_ID = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9-]{1,11}")
RESERVED_ATTRIBUTES = ("aws.sns.", "aws.mm.sms.")
"""Attributes whose names begin like others' may not: what SMS and mobile push are told (SNS guide)."""
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z0-9_.-]{1,256}")


def iso(at: float) -> str:
    """`2026-01-31T12:00:00.000Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def check_structure(message: str) -> None:
    """Refuse a MessageStructure=json whose message is no object of texts with a default."""
    texts = parsed_object(message)
    if texts is None:
        raise invalid("Message Structure - JSON message body failed to parse")
    if not isinstance(texts.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")


def check_subject(subject: str) -> None:
    """At most 100 characters, no line breaks or control characters, beginning with a visible ASCII character."""
    bad = len(subject) > LONGEST_SUBJECT or any(ord(character) < 32 or ord(character) == 127 for character in subject)
    if bad or not subject or not subject[0].strip() or not subject.isascii():
        raise invalid("Subject")


def check_attributes(given: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """Message attributes in wire form ({Type, Value}; binary as base64), or AWS's refusal (ParameterValueInvalid)."""
    attributes: dict[str, dict[str, str]] = {}
    for name, attribute in given.items():
        kind = str(attribute.get("DataType") or "")
        prefix = kind.partition(".")[0]
        if (
            not _ATTRIBUTE_NAME.fullmatch(name)
            or name.startswith(".")
            or name.endswith(".")
            or ".." in name
            or (name.lower().startswith(("aws.", "amazon.")) and not name.lower().startswith(RESERVED_ATTRIBUTES))
        ):
            raise _bad_value(f"The message attribute '{name}' has an invalid message attribute name.")
        if prefix not in ("String", "Number", "Binary"):
            supported = "the set of supported type prefixes is Binary, Number, and String."
            raise _bad_value(f"The message attribute '{name}' has an invalid message attribute type, {supported}")
        value = attribute.get("BinaryValue" if prefix == "Binary" else "StringValue")
        if not value:
            raise _bad_value(
                f"The message attribute '{name}' must contain non-empty message attribute value for message attribute"
                f" type '{kind}'."
            )
        if prefix == "Number" and not _is_number(value):
            raise _bad_value(f"Could not cast message attribute '{name}' value to number.")
        text = base64.b64encode(value).decode() if isinstance(value, bytes) else storable(str(value))
        attributes[name] = {"Type": storable(kind), "Value": text}
    return attributes


def size_of(message: str, subject: str | None, attributes: Mapping[str, Mapping[str, str]]) -> int:
    """Bytes that count towards the 256 KB."""
    size = len(message.encode("utf-8", "replace"))
    for name, attribute in attributes.items():
        size += len(name.encode()) + len(attribute["Type"]) + len(attribute["Value"].encode("utf-8", "replace"))
    return size


def _bad_value(text: str) -> AwsError:
    return AwsError("ParameterValueInvalid", text)


def _is_number(text: Any) -> bool:
    return bool(re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,4})?\s*", str(text)[:200]))
