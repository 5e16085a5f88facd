"""Configuration sets and their event destinations: the operations of 2010, and what sesv2 builds on.

A set and a destination are kept in v2's shape, of which v1's is a part. Destinations are topics of SNS, the default
event bus and CloudWatch; Firehose and Pinpoint are refused by name.
"""

from __future__ import annotations

import re
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import events, store_documents
from emulator.services.ses.operations.dialect import V1, Dialect, limit_of, names_after
from emulator.services.ses.operations.sending import CONFIGURATION_SETS, Sending
from emulator.services.ses.store_documents import Document, Kind

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
MOST_SETS = 10_000
MOST_DESTINATIONS = 10
MOST_DIMENSIONS = 10
VALIDATED = "Successfully validated SNS topic for Amazon SES event publishing."
"""What a topic is told when it becomes a destination [R:test_ses_sns_topic_integration_*]."""
DESTINATIONS = (
    "SnsDestination",
    "EventBridgeDestination",
    "CloudWatchDestination",
    "KinesisFirehoseDestination",
    "PinpointDestination",
)
_SOURCES = {"messageTag": "MESSAGE_TAG", "emailHeader": "EMAIL_HEADER", "linkTag": "LINK_TAG"}


class ConfigurationSetOperations:
    """Configuration sets of one emulator."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    # ── for both APIs ───────────────────────────────────────────────────────────────────────────

    def create(self, tx: Transaction, scope: Scope, name: str, options: dict[str, Any], dialect: Dialect) -> None:
        """Create a set; texts other than of the name's rules are unverified."""
        if NAME.fullmatch(name) is None:
            text = (
                f"Invalid configuration set name <{name}>: only alphanumeric ASCII characters, '_' and '-' are allowed."
            )
            raise dialect.error("InvalidConfigurationSet", "BadRequestException", text)
        if store_documents.get(tx, scope, CONFIGURATION_SETS, name) is not None:
            text = f"Configuration set <{name}> already exists."
            raise dialect.error("ConfigurationSetAlreadyExists", "AlreadyExistsException", text)
        if store_documents.count(tx, scope, CONFIGURATION_SETS) >= MOST_SETS:
            raise dialect.error(
                "LimitExceeded", "LimitExceededException", "Maximum number of configuration sets exceeded."
            )
        store_documents.put(tx, scope, CONFIGURATION_SETS, name, options)

    def existing(self, tx: Transaction, scope: Scope, name: str, dialect: Dialect) -> Document:
        """A set by its name."""
        document = store_documents.get(tx, scope, CONFIGURATION_SETS, name)
        if document is None:
            raise dialect.unknown_configuration_set(name)
        return document

    def change(self, tx: Transaction, scope: Scope, name: str, changes: dict[str, Any], dialect: Dialect) -> None:
        """Replace some of a set's options; None takes one away."""
        body = {**self.existing(tx, scope, name, dialect).body, **changes}
        kept = {key: value for key, value in body.items() if value is not None}
        store_documents.put(tx, scope, CONFIGURATION_SETS, name, kept)

    def delete(self, tx: Transaction, scope: Scope, name: str, dialect: Dialect) -> None:
        """Delete a set with its destinations."""
        self.existing(tx, scope, name, dialect)
        store_documents.delete(tx, scope, CONFIGURATION_SETS, name)
        store_documents.delete_all(tx, scope, destinations_of(name))

    def page(
        self, tx: Transaction, scope: Scope, token: str | None, size: int, dialect: Dialect
    ) -> tuple[list[str], str | None]:
        """Names of sets, and the token of the next page."""
        found = store_documents.page(tx, scope, CONFIGURATION_SETS, names_after(token, dialect), size + 1)
        more = write_token(found[size - 1].name) if len(found) > size else None
        return [each.name for each in found[:size]], more

    def destinations(self, tx: Transaction, scope: Scope, name: str) -> list[Document]:
        """Event destinations of a set, by name."""
        return store_documents.page(tx, scope, destinations_of(name))

    def put_destination(
        self, tx: Transaction, scope: Scope, set_name: str, name: str, body: dict[str, Any], dialect: Dialect, new: bool
    ) -> None:
        """Create or update a destination, given in v2's shape."""
        self.existing(tx, scope, set_name, dialect)
        kind = destinations_of(set_name)
        existing = store_documents.get(tx, scope, kind, name)
        if new and existing is not None:
            text = f"An event destination with the name {name} already exists in configuration set <{set_name}>."
            raise dialect.error("EventDestinationAlreadyExists", "AlreadyExistsException", text)
        if not new and existing is None:
            raise unknown_destination(set_name, dialect)
        if NAME.fullmatch(name) is None:
            raise AwsError(dialect.bad_request, f"Invalid event destination name <{name}>.")
        if not body["MatchingEventTypes"]:
            raise AwsError(dialect.bad_request, "At least one matching event type must be specified.")
        if new and store_documents.count(tx, scope, kind) >= MOST_DESTINATIONS:
            raise dialect.error(
                "LimitExceeded", "LimitExceededException", "Maximum number of event destinations exceeded."
            )
        self._check_destination(tx, scope, body, dialect)
        store_documents.put(tx, scope, kind, name, {**body, "MatchingEventTypes": sorted(body["MatchingEventTypes"])})
        if "SnsDestination" in body:
            self._sending.publisher.tell_topic(tx, scope, body["SnsDestination"]["TopicArn"], VALIDATED)

    def _check_destination(self, tx: Transaction, scope: Scope, body: dict[str, Any], dialect: Dialect) -> None:
        named = [kind for kind in DESTINATIONS if kind in body]
        if len(named) != 1:
            raise AwsError(dialect.bad_request, "Exactly one destination must be specified.")
        [kind] = named
        if kind in ("KinesisFirehoseDestination", "PinpointDestination"):
            raise NotEmulated(dialect.service, "CreateConfigurationSetEventDestination", kind)
        destination = body[kind]
        if kind == "SnsDestination":
            arn = destination["TopicArn"]
            if not self._sending.publisher.has_topic(tx, scope, arn):
                text = f"SNS topic <{arn}> not found."
                raise dialect.error("InvalidSNSDestination", "BadRequestException", text)
        elif kind == "EventBridgeDestination":
            bus = f"arn:aws:events:{scope.region}:{scope.account}:event-bus/default"
            if destination["EventBusArn"] != bus:  # "Only the default bus is supported" (SES API v2 reference) [M]
                raise AwsError(dialect.bad_request, f"Only the default event bus <{bus}> is supported.")
        else:
            dimensions = destination["DimensionConfigurations"]
            if not 1 <= len(dimensions) <= MOST_DIMENSIONS:
                text = f"The number of dimensions must be between 1 and {MOST_DIMENSIONS}."
                raise dialect.error("InvalidCloudWatchDestination", "BadRequestException", text)

    def delete_destination(self, tx: Transaction, scope: Scope, set_name: str, name: str, dialect: Dialect) -> None:
        """Delete a destination [R:test_deleting_non_existent_configuration_set_event_destination]."""
        self.existing(tx, scope, set_name, dialect)
        if not store_documents.delete(tx, scope, destinations_of(set_name), name):
            raise unknown_destination(set_name, dialect)

    # ── the API of 2010 ─────────────────────────────────────────────────────────────────────────

    def create_configuration_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateConfigurationSet."""
        self.create(tx, scope, request["ConfigurationSet"]["Name"], {}, V1)
        return {}

    def delete_configuration_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteConfigurationSet."""
        self.delete(tx, scope, request["ConfigurationSetName"], V1)
        return {}

    def describe_configuration_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeConfigurationSet: the name, and what is asked for besides."""
        name = request["ConfigurationSetName"]
        body = self.existing(tx, scope, name, V1).body
        asked: list[str] = request.get("ConfigurationSetAttributeNames") or []
        answer: dict[str, Any] = {"ConfigurationSet": {"Name": name}}
        if "eventDestinations" in asked:
            answer["EventDestinations"] = [_v1_destination(each) for each in self.destinations(tx, scope, name)]
        if "trackingOptions" in asked and "TrackingOptions" in body:
            answer["TrackingOptions"] = {"CustomRedirectDomain": body["TrackingOptions"]["CustomRedirectDomain"]}
        if "deliveryOptions" in asked:
            policy = body.get("DeliveryOptions", {}).get("TlsPolicy", "OPTIONAL")
            answer["DeliveryOptions"] = {"TlsPolicy": policy.capitalize()}
        if "reputationOptions" in asked:
            answer["ReputationOptions"] = {
                "SendingEnabled": body.get("SendingOptions", {}).get("SendingEnabled", True),
                "ReputationMetricsEnabled": body.get("ReputationOptions", {}).get("ReputationMetricsEnabled", False),
            }
        return answer

    def list_configuration_sets(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListConfigurationSets, up to 1,000 a page."""
        size = limit_of(request.get("MaxItems"), 1000, V1)
        names, token = self.page(tx, scope, request.get("NextToken"), size, V1)
        return {"ConfigurationSets": [{"Name": name} for name in names], **({"NextToken": token} if token else {})}

    def create_event_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateConfigurationSetEventDestination."""
        return self._put_v1(tx, scope, request, new=True)

    def update_event_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateConfigurationSetEventDestination."""
        return self._put_v1(tx, scope, request, new=False)

    def _put_v1(self, tx: Transaction, scope: Scope, request: dict[str, Any], new: bool) -> dict[str, Any]:
        given = request["EventDestination"]
        name = request["ConfigurationSetName"]
        self.put_destination(tx, scope, name, given["Name"], _from_v1(given), V1, new)
        return {}

    def delete_event_destination(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteConfigurationSetEventDestination."""
        self.delete_destination(tx, scope, request["ConfigurationSetName"], request["EventDestinationName"], V1)
        return {}

    def put_delivery_options(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutConfigurationSetDeliveryOptions: kept and shown, no TLS is enforced here."""
        policy = (request.get("DeliveryOptions") or {}).get("TlsPolicy") or "Optional"
        changes = {"DeliveryOptions": {"TlsPolicy": policy.upper()}}
        self.change(tx, scope, request["ConfigurationSetName"], changes, V1)
        return {}

    def update_reputation_metrics_enabled(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """UpdateConfigurationSetReputationMetricsEnabled: kept and shown."""
        changes = {"ReputationOptions": {"ReputationMetricsEnabled": request["Enabled"]}}
        self.change(tx, scope, request["ConfigurationSetName"], changes, V1)
        return {}

    def update_sending_enabled(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateConfigurationSetSendingEnabled: who names a set that is paused is refused."""
        changes = {"SendingOptions": {"SendingEnabled": request["Enabled"]}}
        self.change(tx, scope, request["ConfigurationSetName"], changes, V1)
        return {}

    def create_tracking_options(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateConfigurationSetTrackingOptions: a redirect domain is kept and shown."""
        name = request["ConfigurationSetName"]
        if "TrackingOptions" in self.existing(tx, scope, name, V1).body:
            text = f"Configuration set <{name}> already contains a TrackingOptions object."
            raise AwsError("TrackingOptionsAlreadyExistsException", text)
        return self._put_tracking(tx, scope, request)

    def update_tracking_options(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateConfigurationSetTrackingOptions."""
        self._check_tracking(tx, scope, request["ConfigurationSetName"])
        return self._put_tracking(tx, scope, request)

    def delete_tracking_options(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteConfigurationSetTrackingOptions."""
        self._check_tracking(tx, scope, request["ConfigurationSetName"])
        self.change(tx, scope, request["ConfigurationSetName"], {"TrackingOptions": None}, V1)
        return {}

    def _check_tracking(self, tx: Transaction, scope: Scope, name: str) -> None:
        if "TrackingOptions" not in self.existing(tx, scope, name, V1).body:
            text = f"Configuration set <{name}> does not contain a TrackingOptions object."
            raise AwsError("TrackingOptionsDoesNotExistException", text)

    def _put_tracking(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        domain = (request["TrackingOptions"] or {}).get("CustomRedirectDomain")
        if not domain:
            raise AwsError("InvalidTrackingOptions", "CustomRedirectDomain must be specified.")
        changes = {"TrackingOptions": {"CustomRedirectDomain": domain}}
        self.change(tx, scope, request["ConfigurationSetName"], changes, V1)
        return {}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "CreateConfigurationSet": self.create_configuration_set,
            "DeleteConfigurationSet": self.delete_configuration_set,
            "DescribeConfigurationSet": self.describe_configuration_set,
            "ListConfigurationSets": self.list_configuration_sets,
            "CreateConfigurationSetEventDestination": self.create_event_destination,
            "UpdateConfigurationSetEventDestination": self.update_event_destination,
            "DeleteConfigurationSetEventDestination": self.delete_event_destination,
            "PutConfigurationSetDeliveryOptions": self.put_delivery_options,
            "UpdateConfigurationSetReputationMetricsEnabled": self.update_reputation_metrics_enabled,
            "UpdateConfigurationSetSendingEnabled": self.update_sending_enabled,
            "CreateConfigurationSetTrackingOptions": self.create_tracking_options,
            "UpdateConfigurationSetTrackingOptions": self.update_tracking_options,
            "DeleteConfigurationSetTrackingOptions": self.delete_tracking_options,
        }


def destinations_of(set_name: str) -> Kind:
    """Where the event destinations of a set are kept."""
    return Kind("event-destination", set_name)


def unknown_destination(set_name: str, dialect: Dialect) -> AwsError:
    """The error for a destination that is not there [R]."""
    text = f"No EventDestination found for {set_name}"
    return dialect.error("EventDestinationDoesNotExist", "NotFoundException", text, 404)


def _from_v1(given: dict[str, Any]) -> dict[str, Any]:
    body: dict[str, Any] = {
        "Enabled": bool(given.get("Enabled")),
        "MatchingEventTypes": [events.BY_V1[name].v2 for name in given["MatchingEventTypes"]],
    }
    if given.get("SNSDestination") is not None:
        body["SnsDestination"] = {"TopicArn": given["SNSDestination"]["TopicARN"]}
    if given.get("KinesisFirehoseDestination") is not None:
        body["KinesisFirehoseDestination"] = given["KinesisFirehoseDestination"]
    if given.get("CloudWatchDestination") is not None:
        dimensions = given["CloudWatchDestination"].get("DimensionConfigurations") or []
        body["CloudWatchDestination"] = {
            "DimensionConfigurations": [
                {**each, "DimensionValueSource": _SOURCES[each["DimensionValueSource"]]} for each in dimensions
            ]
        }
    return body


def _v1_destination(document: Document) -> dict[str, Any]:
    body = document.body
    names = {kind.v2: kind.v1 for kind in events.TYPES if kind.v1}
    answer: dict[str, Any] = {
        "Name": document.name,
        "Enabled": body["Enabled"],
        "MatchingEventTypes": [names[name] for name in body["MatchingEventTypes"] if name in names],
    }
    if "SnsDestination" in body:
        answer["SNSDestination"] = {"TopicARN": body["SnsDestination"]["TopicArn"]}
    if "CloudWatchDestination" in body:
        sources = {v2: v1 for v1, v2 in _SOURCES.items()}
        answer["CloudWatchDestination"] = {
            "DimensionConfigurations": [
                {**each, "DimensionValueSource": sources[each["DimensionValueSource"]]}
                for each in body["CloudWatchDestination"]["DimensionConfigurations"]
            ]
        }
    return answer
