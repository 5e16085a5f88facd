"""Delivery status logging: what becomes of each delivery, in the log groups of its topic, if the topic asks for it.

Asked for by `SQSSuccessFeedbackRoleArn` and the like; roles are not assumed. All failures are logged, and of the
successes the share that the sample rate says (https://docs.aws.amazon.com/sns/latest/dg/sns-topic-attributes.html).
Members of an entry are those of AWS's examples, their order is unverified.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.telemetry import LogSink
from emulator.ports import LogEvent, Transaction
from emulator.services.sns.model import Message, Subscription, Topic

PREFIXES = {"sqs": "SQS", "lambda": "Lambda", "http": "HTTP", "https": "HTTP", "application": "Application"}
"""How attributes of a topic name the protocols whose deliveries are logged."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a receiver has answered."""

    status: int = 200
    response: str = ""


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that did not come about. `retryable`: the receiver's fault, so AWS tries again."""

    text: str
    retryable: bool
    status: int = 0
    """The HTTP status of the answer; 0 if there was none."""


def log(
    tx: Transaction,
    logs: LogSink,
    topic: Topic,
    subscription: Subscription,
    message: Message,
    outcome: Delivered | Failure,
    attempts: int,
) -> None:
    """Write an entry, if the topic wants it."""
    prefix = PREFIXES.get(subscription.protocol)
    failed = isinstance(outcome, Failure)
    if prefix is None or message.kind != "Notification" or not _wanted(topic.attributes, prefix, failed, message.id):
        return
    text = message.for_protocol(subscription.protocol)
    digest = hashlib.md5(text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()
    moment = datetime.fromtimestamp(message.published_at, UTC)
    told: dict[str, Any] = {
        "messageMD5Sum": digest,
        "messageId": message.id,
        "topicArn": topic.arn,
        "timestamp": moment.isoformat(" ", "milliseconds").removesuffix("+00:00"),
    }
    delivery: dict[str, Any] = {
        "deliveryId": tx.new_id(),
        "destination": subscription.endpoint,
        "providerResponse": outcome.text if isinstance(outcome, Failure) else outcome.response,
        "dwellTimeMs": int((tx.now - message.published_at) * 1000),
        "attempts": attempts,
    }
    if outcome.status:
        delivery["statusCode"] = outcome.status
    entry = {"notification": told, "delivery": delivery, "status": "FAILURE" if failed else "SUCCESS"}
    write(tx, logs, topic.scope, topic.name, message.id, entry)


def write(tx: Transaction, logs: LogSink, scope: Scope, group: str, stream: str, entry: dict[str, Any]) -> None:
    """Write an entry to SNS's log group of a topic, an application or of phone numbers; failures have their own."""
    name = f"sns/{scope.region}/{scope.account}/{group}" + ("" if entry["status"] == "SUCCESS" else "/Failure")
    logs.put(tx, scope, name, stream, [LogEvent(tx.now, json.dumps(entry, ensure_ascii=False) + "\n")])


def _wanted(attributes: Mapping[str, str], prefix: str, failed: bool, message_id: str) -> bool:
    if failed:
        return bool(attributes.get(f"{prefix}FailureFeedbackRoleArn"))
    if not attributes.get(f"{prefix}SuccessFeedbackRoleArn"):
        return False
    # Which of the successes is chance on AWS; here it is the message's id, the same at every run of a test.
    chosen = int(hashlib.sha256(message_id.encode()).hexdigest()[:8], 16) % 100
    return chosen < int(attributes.get(f"{prefix}SuccessFeedbackSampleRate") or 100)
