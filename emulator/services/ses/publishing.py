"""Who hears of what happens to a message: event destinations of its configuration set, topics of its identity, metrics.

Everything is told in the transaction in which it happens, so that a message and its event are one commit. Decides who
is told; what is said is events.py's. A destination that has gone is told nothing [R:test_sending_to_deleted_topic].
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.calls import SERVICE_MEMBER, Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, MetricSink
from emulator.ports import Transaction
from emulator.services.ses import events, store_documents
from emulator.services.ses.events import EventType
from emulator.services.ses.model import Message, covering_names, parse_address
from emulator.services.ses.store_documents import Kind

SUBJECT = "Amazon SES Email Event Notification"
NAMESPACE = "AWS/SES"
ACCOUNT_METRICS = (events.SEND, events.REJECT, events.BOUNCE, events.COMPLAINT, events.DELIVERY)
"""What SES counts of itself, whatever configuration set a message has (SES developer guide, "Monitoring") [D]."""


class Publisher:
    """Tells of events. Without `calls` (tests of SES alone) it tells nobody."""

    def __init__(self, calls: Calls | None = None, metrics: MetricSink | None = None) -> None:
        self._calls = calls
        self._metrics = metrics

    def publish(
        self, tx: Transaction, scope: Scope, kind: EventType, message: Message, details: dict[str, Any]
    ) -> None:
        """Tell all who want to hear of this."""
        if self._metrics is not None and kind in ACCOUNT_METRICS:
            self._metrics.add(tx, scope, NAMESPACE, {}, [Datum(kind.metric, 1)])
        if message.sent.configuration_set:
            destinations = Kind("event-destination", message.sent.configuration_set)
            for document in store_documents.page(tx, scope, destinations):
                if document.body["Enabled"] and kind.v2 in document.body["MatchingEventTypes"]:
                    self._tell(tx, scope, document.body, kind, message, details)
        if kind in (events.BOUNCE, events.COMPLAINT, events.DELIVERY):
            self._notify(tx, scope, kind, message, details)

    def wanted(self, tx: Transaction, scope: Scope, configuration_set: str) -> frozenset[str]:
        """Events of which some destination of a configuration set wants to hear, by v2's names."""
        found: set[str] = set()
        for document in store_documents.page(tx, scope, Kind("event-destination", configuration_set)):
            if document.body["Enabled"]:
                found.update(document.body["MatchingEventTypes"])
        return frozenset(found)

    def _tell(
        self,
        tx: Transaction,
        scope: Scope,
        destination: dict[str, Any],
        kind: EventType,
        message: Message,
        details: dict[str, Any],
    ) -> None:
        if "SnsDestination" in destination:
            text = as_text(events.record(kind, scope, message, details))
            self.tell_topic(tx, scope, destination["SnsDestination"]["TopicArn"], text, SUBJECT)
        elif "EventBridgeDestination" in destination:
            name = message.sent.configuration_set
            entry = {
                "Source": "aws.ses",
                "DetailType": kind.bridge,
                "Detail": as_text(events.record(kind, scope, message, details)),
                "Resources": [f"arn:aws:ses:{scope.region}:{scope.account}:configuration-set/{name}"],
                "Time": tx.now,
            }
            self._call(tx, scope, "events", "PutEvents", {"Entries": [entry], SERVICE_MEMBER: True})
        elif "CloudWatchDestination" in destination and self._metrics is not None:
            dimensions = {
                each["DimensionName"]: _dimension(each, message, details)
                for each in destination["CloudWatchDestination"]["DimensionConfigurations"]
            }
            self._metrics.add(tx, scope, NAMESPACE, dimensions, [Datum(kind.metric, 1)])

    def _notify(
        self, tx: Transaction, scope: Scope, kind: EventType, message: Message, details: dict[str, Any]
    ) -> None:
        settings = self.identity_settings(tx, scope, message)
        topic = settings.get("topics", {}).get(kind.record)
        if topic:
            with_headers = bool(settings.get("headers", {}).get(kind.record))
            told = events.notification(kind, scope, message, details, with_headers)
            self.tell_topic(tx, scope, topic, as_text(told))

    def identity_settings(self, tx: Transaction, scope: Scope, message: Message) -> dict[str, Any]:
        """What is set for the identity that a message was sent with: its address or else its domain."""
        for name in covering_names(parse_address(message.source)):
            document = store_documents.get(tx, scope, Kind("identity"), name)
            if document is not None:
                return document.body
        return {}

    def tell_topic(self, tx: Transaction, scope: Scope, topic: str, text: str, subject: str = "") -> bool:
        """Publish a text to a topic; False if there is no such topic."""
        request = {"TopicArn": topic, "Message": text, **({"Subject": subject} if subject else {})}
        return self._call(tx, scope, "sns", "Publish", request)

    def has_topic(self, tx: Transaction, scope: Scope, topic: str) -> bool:
        """Whether there is such a topic."""
        return self._call(tx, scope, "sns", "GetTopicAttributes", {"TopicArn": topic})

    def _call(self, tx: Transaction, scope: Scope, service: str, operation: str, request: dict[str, Any]) -> bool:
        if self._calls is None:
            return False
        try:
            self._calls.call(tx, scope, service, operation, request)
        except (AwsError, NotEmulated):
            return False
        return True


def _dimension(configuration: dict[str, Any], message: Message, details: dict[str, Any]) -> str:
    name, source = configuration["DimensionName"], configuration["DimensionValueSource"]
    values: dict[str, str] = {}
    if source == "MESSAGE_TAG":
        values = {
            "ses:configuration-set": message.sent.configuration_set,
            "ses:operation": message.sent.operation,
            "ses:from-domain": events.sender_domain(message),
            "ses:source-ip": message.sent.source_ip,
            "ses:caller-identity": "root",
            **dict(message.tags),
        }
    elif source == "EMAIL_HEADER":
        values = {key.lower(): value for key, value in message.content.headers}
        name = name.lower()
    elif source == "LINK_TAG":
        tags: dict[str, list[str]] = details.get("linkTags") or {}
        values = {key: found[0] for key, found in tags.items()}
    return values.get(name) or configuration["DefaultDimensionValue"]


def as_text(document: dict[str, Any]) -> str:
    """JSON without spaces, as SES publishes it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
