"""Subscriptions: made, confirmed, described, changed and ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.event_pattern import InvalidPattern
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.sns import filters, formats, model, store, store_documents
from emulator.services.sns.delivery import Deliveries, enqueue_delivery
from emulator.services.sns.model import Message, Subscription, Topic, invalid, not_found
from emulator.services.sns.operations.paging import page_after_row
from emulator.services.sns.operations.topics import check_arn, required_topic, topic_by_arn

MUST_CONFIRM = ("http", "https", "email", "email-json")
MOST_FIFO_SUBSCRIPTIONS = 100
MOST_FILTER_POLICIES_OF_TOPIC = 200
UNSIGNED_MEMBER = "_unsigned"
"""A member that no model has: true of a request without a signature, such as a link that somebody follows."""


class SubscriptionOperations:
    """SNS's operations on subscriptions."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def subscribe(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Subscribe an endpoint; whoever does not belong to the caller is asked to confirm."""
        topic = required_topic(tx, scope, request.get("TopicArn"))
        protocol, endpoint = request["Protocol"], request.get("Endpoint") or ""
        model.check_endpoint(topic, protocol, endpoint)
        attributes = self._checked(protocol, request.get("Attributes") or {})
        existing = store.find_by_endpoint(tx, topic.arn, protocol, endpoint)
        if existing is not None and not existing.expired(tx.now):
            if attributes and attributes != dict(existing.attributes):
                raise invalid("Attributes Reason: Subscription already exists with different attributes")
            if existing.confirmed:
                return {"SubscriptionArn": existing.arn}
            subscription = existing
        else:
            if existing is not None:
                store.delete_subscription(tx, existing, topic.scope, topic.name)
            if topic.fifo and sum(store.count_subscriptions(tx, topic.arn)) >= MOST_FIFO_SUBSCRIPTIONS:
                raise AwsError("SubscriptionLimitExceeded", "Subscription limit exceeded for the topic", 403)
            if topic.largest_message_bytes > model.LARGEST_MESSAGE_BYTES:
                there = store.subscriptions_of(tx, topic.arn, 0, model.MOST_LARGE_SUBSCRIPTIONS)
                others = [item.protocol for _, item in there]
                model.check_large_topic(topic.largest_message_bytes, [*others, protocol])
            if "FilterPolicy" in attributes:
                _check_room(tx, topic)
            subscription = self._new(tx, scope, topic, protocol, endpoint, attributes)
        if subscription.confirmed:
            return {"SubscriptionArn": subscription.arn}
        self._ask(tx, topic, subscription)
        return {"SubscriptionArn": subscription.arn if request.get("ReturnSubscriptionArn") else "pending confirmation"}

    def _new(
        self, tx: Transaction, scope: Scope, topic: Topic, protocol: str, endpoint: str, attributes: dict[str, str]
    ) -> Subscription:
        arn = Arn.parse(endpoint)
        foreign = protocol in ("sqs", "lambda") and arn is not None and arn.account != scope.account
        subscription = Subscription(
            f"{topic.arn}:{tx.new_id()}",
            topic.arn,
            scope.account,
            protocol,
            endpoint,
            protocol not in MUST_CONFIRM and not foreign,
            _token(tx),
            tx.now,
            attributes,
        )
        store.put_subscription(tx, subscription, topic.scope.region)
        return subscription

    def _ask(self, tx: Transaction, topic: Topic, subscription: Subscription) -> None:
        message = Message(
            tx.new_id(),
            topic.arn,
            formats.confirmation_text(topic.arn),
            tx.now,
            kind=formats.CONFIRMATION,
            token=subscription.token,
        )
        if subscription.protocol in ("http", "https"):
            enqueue_delivery(tx, subscription.arn, message)
        elif subscription.protocol != "lambda":
            self._deliveries.deliver(tx, topic, subscription, message)

    def confirm_subscription(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Confirm with the token that the endpoint received; doing it again changes nothing."""
        check_arn(request.get("TopicArn"))
        topic = topic_by_arn(tx, request["TopicArn"])
        if topic is None:
            raise not_found()
        subscription = store.find_by_token(tx, topic.arn, request["Token"])
        if subscription is None:
            subscription = self._restored(tx, topic, request["Token"])
        if subscription is None or subscription.expired(tx.now):
            raise invalid("Token")
        if not subscription.confirmed:
            asked = str(request.get("AuthenticateOnUnsubscribe", "")).lower() == "true"
            authenticated = asked and not request.get(UNSIGNED_MEMBER)
            subscription = replace(subscription, confirmed=True, authenticated=authenticated)
            store.put_subscription(tx, subscription, topic.scope.region)
        return {"SubscriptionArn": subscription.arn}

    def unsubscribe(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """End a subscription; one that is gone already is no error."""
        arn = check_arn(request.get("SubscriptionArn"), "SubscriptionArn")
        if arn.resource.count(":") != 1:
            raise invalid("SubscriptionArn")
        subscription = store.find_subscription(tx, str(arn))
        if subscription is None:
            return {}
        unsigned = bool(request.get(UNSIGNED_MEMBER))
        if unsigned and subscription.confirmed and subscription.authenticated:
            # "… an AWS signature is required" (API reference, Unsubscribe); the text is unverified
            raise AwsError("AuthorizationError", "Only the owner of the subscription may unsubscribe it", 403)
        topic = topic_by_arn(tx, subscription.topic_arn)
        owner = Scope(arn.account, arn.region)
        store.delete_subscription(tx, subscription, owner, arn.resource.partition(":")[0])
        if unsigned and subscription.confirmed and topic is not None:
            self._say_goodbye(tx, topic, subscription)
        return {}

    def _say_goodbye(self, tx: Transaction, topic: Topic, subscription: Subscription) -> None:
        """The final cancellation message, by which an endpoint can undo that somebody has unsubscribed it."""
        token = _token(tx)
        store_documents.delete_older(tx, store_documents.CANCELLED, tx.now - model.PENDING_SECONDS)
        kept = asdict(replace(subscription, token=token, attributes=dict(subscription.attributes)))
        store_documents.put(tx, topic.scope, store_documents.CANCELLED, token, kept)
        message = Message(
            tx.new_id(),
            topic.arn,
            formats.cancellation_text(subscription.arn),
            tx.now,
            kind=formats.CANCELLATION,
            token=token,
        )
        if subscription.protocol in ("http", "https"):
            enqueue_delivery(tx, subscription.arn, message)
        elif subscription.protocol in ("email", "email-json"):
            self._deliveries.deliver(tx, topic, subscription, message)

    def _restored(self, tx: Transaction, topic: Topic, token: str) -> Subscription | None:
        """The subscription that a token of a cancellation message brings back, unless the endpoint has a new one."""
        kept = store_documents.get(tx, topic.scope, store_documents.CANCELLED, token)
        if kept is None or kept.created_at < tx.now - model.PENDING_SECONDS:
            return None
        subscription = Subscription(**kept.body)
        store_documents.delete(tx, topic.scope, store_documents.CANCELLED, token)
        existing = store.find_by_endpoint(tx, topic.arn, subscription.protocol, subscription.endpoint)
        if subscription.topic_arn != topic.arn or existing is not None:
            return existing
        store.put_subscription(tx, subscription, topic.scope.region)
        return subscription

    def list_subscriptions(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The account's subscriptions, 100 at a time."""
        rows = store.subscriptions_in(tx, scope, page_after_row(request), model.PAGE + 1)
        return _listed(rows, tx.now)

    def list_subscriptions_by_topic(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A topic's subscriptions, 100 at a time."""
        topic = required_topic(tx, scope, request.get("TopicArn"))
        return _listed(store.subscriptions_of(tx, topic.arn, page_after_row(request), model.PAGE + 1), tx.now)

    def get_subscription_attributes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All attributes of a subscription."""
        subscription, topic = self._required(tx, request)
        attributes: dict[str, str] = {
            "SubscriptionPrincipal": f"arn:aws:iam::{subscription.owner}:root",
            "Owner": subscription.owner,
            "RawMessageDelivery": "false",
            "TopicArn": subscription.topic_arn,
            "Endpoint": subscription.endpoint,
            "Protocol": subscription.protocol,
            "PendingConfirmation": "false" if subscription.confirmed else "true",
            "ConfirmationWasAuthenticated": "true" if subscription.authenticated else "false",
            "SubscriptionArn": subscription.arn,
        }
        if "FilterPolicy" in subscription.attributes:
            attributes["FilterPolicyScope"] = filters.ATTRIBUTES
        if subscription.protocol in ("http", "https"):
            attributes["EffectiveDeliveryPolicy"] = _json(model.endpoint_policy(topic, subscription))
        return {"Attributes": {**attributes, **subscription.attributes}}

    def set_subscription_attributes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Set one attribute; an empty value takes it back."""
        subscription, topic = self._required(tx, request)
        name, value = request["AttributeName"], request.get("AttributeValue") or ""
        if name not in model.SUBSCRIPTION_ATTRIBUTES:
            raise invalid("AttributeName")
        attributes = {**subscription.attributes, name: value}
        if not value or (name == "FilterPolicy" and value.strip() == "{}"):
            del attributes[name]
        else:
            _check(name, value, subscription.protocol, attributes, "")
            if name == "FilterPolicy" and name not in subscription.attributes:
                _check_room(tx, topic)
        store.put_subscription(tx, replace(subscription, attributes=attributes), topic.scope.region)
        return {}

    def _required(self, tx: Transaction, request: dict[str, Any]) -> tuple[Subscription, Topic]:
        arn = check_arn(request.get("SubscriptionArn"), "SubscriptionArn")
        subscription = store.find_subscription(tx, str(arn))
        topic = topic_by_arn(tx, subscription.topic_arn) if subscription is not None else None
        if subscription is None or topic is None:
            raise not_found("Subscription does not exist")
        return subscription, topic

    def _checked(self, protocol: str, given: Mapping[str, str]) -> dict[str, str]:
        for name in given:
            if name not in model.SUBSCRIPTION_ATTRIBUTES:
                raise invalid("AttributeName")
        attributes = {name: str(value) for name, value in given.items() if value}
        for name, value in attributes.items():
            _check(name, value, protocol, attributes, "Attributes Reason: ")
        if attributes.get("FilterPolicy", "").strip() == "{}":
            del attributes["FilterPolicy"]
        return attributes


def _check_room(tx: Transaction, topic: Topic) -> None:
    """Refuse more filter policies than a topic may have (SNS quotas); the text is unverified."""
    if store.has_filter_policies(tx, topic.arn, MOST_FILTER_POLICIES_OF_TOPIC):
        raise AwsError("FilterPolicyLimitExceeded", "Filter policy limit exceeded for the topic", 403)


def _token(tx: Transaction) -> str:
    """A token of the length of AWS's."""
    return "2336412f37" + ((tx.new_id() + tx.new_id()).replace("-", "") * 4)[:226]


def _check(name: str, value: str, protocol: str, attributes: Mapping[str, str], prefix: str) -> None:
    """Raise AWS's refusal of an attribute of a subscription; Subscribe names its parameter first (`prefix`)."""
    if name == "ReplayPolicy":
        raise NotEmulated("sns", "SetSubscriptionAttributes", "ReplayPolicy: message archives")
    if name == "FilterPolicyScope":
        if value not in (filters.ATTRIBUTES, filters.BODY):
            raise invalid(f"{prefix}FilterPolicyScope: Invalid value [{value}]. Please use either {_SCOPES}")
        _compile(attributes.get("FilterPolicy"), value, prefix)
    elif name == "FilterPolicy":
        _compile(value, attributes.get("FilterPolicyScope", filters.ATTRIBUTES), prefix)
    elif name == "RawMessageDelivery":
        if value.lower() not in ("true", "false"):
            raise invalid(f"{prefix}RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
        if value == "true" and protocol not in ("sqs", "http", "https", "firehose"):
            raise invalid(f"Attributes Reason: Delivery protocol [{protocol}] does not support raw message delivery.")
    elif name == "RedrivePolicy":
        policy = model.parsed_object(value)
        if policy is None:
            raise invalid(f"{prefix}RedrivePolicy: failed to parse JSON.")
        arn = Arn.parse(str(policy.get("deadLetterTargetArn", "")))
        if arn is None or arn.service != "sqs":
            raise invalid(f"{prefix}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    elif name == "DeliveryPolicy":
        if protocol not in ("http", "https"):
            raise invalid(f"{prefix}DeliveryPolicy: Delivery protocol [{protocol}] does not support delivery policies.")
        model.check_delivery_policy(model.parsed_object(value), None)


_SCOPES = "MessageBody or MessageAttributes"


def _compile(policy: str | None, scope: str, prefix: str) -> None:
    if policy is None:
        return
    try:
        filters.compile_policy(policy, scope)
    except InvalidPattern as error:
        raise invalid(f"{prefix}FilterPolicy: {error.message}") from None


def _listed(rows: list[tuple[int, Subscription]], now: float) -> dict[str, Any]:
    page = rows[: model.PAGE]
    result: dict[str, Any] = {
        "Subscriptions": [
            {
                "SubscriptionArn": subscription.shown_arn,
                "Owner": subscription.owner,
                "Protocol": subscription.protocol,
                "Endpoint": subscription.endpoint,
                "TopicArn": subscription.topic_arn,
            }
            for _, subscription in page
            if not subscription.expired(now)
        ]
    }
    if len(rows) > model.PAGE:
        result["NextToken"] = write_token(page[-1][0])
    return result


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
