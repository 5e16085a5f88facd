"""Topics: created, described, changed and deleted; their policies and tags."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.aws.tags import counted, refuse
from emulator.ports import Transaction
from emulator.services.sns import model, store, store_documents
from emulator.services.sns.model import Topic, invalid, not_found
from emulator.services.sns.operations.paging import page_after
from emulator.services.sns.store_documents import DATA_PROTECTION

MOST_TAGS = 50
LARGEST_DATA_PROTECTION_POLICY = 30_720


def topic_by_arn(tx: Transaction, arn: str) -> Topic | None:
    """A topic, wherever the request comes from."""
    parsed = Arn.parse(arn)
    if parsed is None:
        return None
    return store.find_topic(tx, Scope(parsed.account, parsed.region), parsed.resource)


def check_arn(text: str | None, member: str = "TopicArn") -> Arn:
    """The parts of an SNS ARN, or SNS's refusal."""
    if not text:
        raise invalid(f"{member} Reason: no value for required parameter")
    arn = Arn.parse(text)
    if arn is None:
        elements = len(text.split(":"))
        raise invalid(
            f"{member} Reason: An ARN must have at least 6 elements, not {elements}" if elements < 6 else member
        )
    if arn.service != "sns":
        raise invalid(member)
    return arn


def required_topic(tx: Transaction, scope: Scope, arn: str | None, member: str = "TopicArn") -> Topic:
    """The topic of a request. Raises InvalidParameter or NotFound."""
    parsed = check_arn(arn, member)
    if parsed.region != scope.region or ":" in parsed.resource:
        raise invalid(member)
    topic = store.find_topic(tx, Scope(parsed.account, parsed.region), parsed.resource)
    if topic is None:
        raise not_found()
    return topic


class TopicOperations:
    """SNS's operations on topics."""

    def create_topic(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create a topic, or answer with the one that is there if it was created alike."""
        given: dict[str, str] = {name: str(value) for name, value in (request.get("Attributes") or {}).items()}
        fifo_text = given.pop("FifoTopic", "false")
        if fifo_text not in ("true", "false"):
            raise invalid("FifoTopic")
        fifo = fifo_text == "true"
        name = request["Name"]
        model.check_topic_name(name, fifo)
        for attribute, value in given.items():
            model.check_topic_attribute(attribute, value, fifo)
        attributes = {attribute: value for attribute, value in given.items() if value}
        if fifo:
            attributes.setdefault("ContentBasedDeduplication", "false")
        tags = _tags(request)
        existing = store.find_topic(tx, scope, name)
        if existing is not None:
            if any(existing.attributes.get(attribute) != value for attribute, value in given.items()):
                raise invalid("Attributes Reason: Topic already exists with different attributes")
            if tags and tags != dict(existing.tags):
                raise invalid("Tags Reason: Topic already exists with different tags")
            return {"TopicArn": existing.arn}
        topic = Topic(scope, name, attributes, tags)
        store.put_topic(tx, topic)
        if request.get("DataProtectionPolicy"):
            _keep_data_protection(tx, topic, request["DataProtectionPolicy"])
        return {"TopicArn": topic.arn}

    def delete_topic(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a topic and its subscriptions; one that does not exist is no error."""
        check_arn(request.get("TopicArn"))
        topic = topic_by_arn(tx, request["TopicArn"])
        if topic is not None:
            store.delete_topic(tx, topic)
            store_documents.delete(tx, topic.scope, DATA_PROTECTION, topic.name)
        return {}

    def list_topics(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Topics by name, 100 at a time."""
        topics = store.list_topics(tx, scope, page_after(request), model.PAGE + 1)
        result: dict[str, Any] = {"Topics": [{"TopicArn": topic.arn} for topic in topics[: model.PAGE]]}
        if len(topics) > model.PAGE:
            result["NextToken"] = write_token(topics[model.PAGE - 1].name)
        return result

    def get_topic_attributes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All attributes of a topic, those that AWS computes included."""
        topic = required_topic(tx, scope, request.get("TopicArn"))
        confirmed, pending = store.count_subscriptions(tx, topic.arn)
        attributes: dict[str, str] = {
            "Policy": _json(topic.policy),
            "Owner": topic.scope.account,
            "SubscriptionsPending": str(pending),
            "TopicArn": topic.arn,
            "EffectiveDeliveryPolicy": _json(model.effective_policy(topic)),
            "SubscriptionsConfirmed": str(confirmed),
            "DisplayName": topic.attributes.get("DisplayName", ""),
            "SubscriptionsDeleted": str(topic.deleted_subscriptions),
        }
        if topic.fifo:
            attributes |= {"FifoTopic": "true", "FifoThroughputScope": "Topic"}
        attributes |= {name: value for name, value in topic.attributes.items() if name != "Policy"}
        return {"Attributes": attributes}

    def set_topic_attributes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Set one attribute; an empty value takes it back."""
        topic = required_topic(tx, scope, request.get("TopicArn"))
        name, value = request["AttributeName"], request.get("AttributeValue") or ""
        if value or name not in model.TOPIC_ATTRIBUTES:
            model.check_topic_attribute(name, value, topic.fifo)
        if name == "MaximumMessageSize" and value:
            there = store.subscriptions_of(tx, topic.arn, 0, model.MOST_LARGE_SUBSCRIPTIONS + 1)
            model.check_large_topic(int(value), [subscription.protocol for _, subscription in there])
        _set(tx, topic, name, value)
        return {}

    # ── permissions: kept and shown, not enforced ───────────────────────────────────────────────

    def add_permission(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add a statement to a topic's policy."""
        topic = required_topic(tx, scope, request.get("TopicArn"))
        for action in request["ActionName"]:
            if action not in (*model.OWNER_ACTIONS, "*"):
                raise invalid("Policy statement action out of service scope!")
        policy = topic.policy
        if any(statement.get("Sid") == request["Label"] for statement in policy["Statement"]):
            raise invalid("Statement already exists")
        principals = [f"arn:aws:iam::{account}:root" for account in request["AWSAccountId"]]
        actions = [f"SNS:{action}" for action in request["ActionName"]]
        policy["Statement"].append(
            {
                "Sid": request["Label"],
                "Effect": "Allow",
                "Principal": {"AWS": principals[0] if len(principals) == 1 else principals},
                "Action": actions[0] if len(actions) == 1 else actions,
                "Resource": topic.arn,
            }
        )
        _set(tx, topic, "Policy", _json(policy))
        return {}

    def remove_permission(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Take a statement out of a topic's policy."""
        topic = required_topic(tx, scope, request.get("TopicArn"))
        policy = topic.policy
        kept = [statement for statement in policy["Statement"] if statement.get("Sid") != request["Label"]]
        if len(kept) == len(policy["Statement"]):
            raise not_found("Statement does not exist")  # wording unverified
        _set(tx, topic, "Policy", _json({**policy, "Statement": kept}))
        return {}

    # ── data protection: kept and shown, messages stay as they are ──────────────────────────────

    def put_data_protection_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Keep the policy of a standard topic."""
        topic = required_topic(tx, scope, request.get("ResourceArn"), "ResourceArn")
        _keep_data_protection(tx, topic, request["DataProtectionPolicy"])
        return {}

    def get_data_protection_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The policy of a topic; empty if it has none."""
        topic = required_topic(tx, scope, request.get("ResourceArn"), "ResourceArn")
        found = store_documents.get(tx, topic.scope, DATA_PROTECTION, topic.name)
        return {"DataProtectionPolicy": found.body["policy"] if found is not None else ""}

    # ── tags ────────────────────────────────────────────────────────────────────────────────────

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add or change tags of a topic."""
        topic = _tagged(tx, request)
        tags = {**topic.tags, **_tags(request)}
        if counted(tags) > MOST_TAGS:
            raise AwsError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
        store.put_topic(tx, replace(topic, tags=tags))
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags of a topic."""
        topic = _tagged(tx, request)
        refuse(request["TagKeys"], request, invalid)
        kept = {key: value for key, value in topic.tags.items() if key not in request["TagKeys"]}
        store.put_topic(tx, replace(topic, tags=kept))
        return {}

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The tags of a topic."""
        topic = _tagged(tx, request)
        return {"Tags": [{"Key": key, "Value": value} for key, value in topic.tags.items()]}


def _keep_data_protection(tx: Transaction, topic: Topic, text: str) -> None:
    """Texts of the refusals are unverified; the limit is the quota of the SNS guide."""
    policy = model.parsed_object(text)
    if topic.fifo:
        raise invalid("DataProtectionPolicy Reason: data protection policies are only valid for standard topics")
    if len(text) > LARGEST_DATA_PROTECTION_POLICY:
        raise invalid("DataProtectionPolicy Reason: the policy is too large")
    if policy is None or not isinstance(policy.get("Statement"), list) or not policy.get("Name"):
        raise invalid("DataProtectionPolicy Reason: Failed to parse the data protection policy")
    store_documents.put(tx, topic.scope, DATA_PROTECTION, topic.name, {"policy": text})


def _tagged(tx: Transaction, request: dict[str, Any]) -> Topic:
    topic = topic_by_arn(tx, request["ResourceArn"])
    if topic is None:
        raise AwsError("ResourceNotFound", "Resource does not exist", 404)
    return topic


def _tags(request: Mapping[str, Any]) -> dict[str, str]:
    tags: dict[str, str] = {}
    for tag in request.get("Tags") or []:
        if tag["Key"] in tags:
            raise invalid("Duplicated keys are not allowed.")
        tags[tag["Key"]] = tag["Value"]
    refuse(tags, request, invalid)
    if counted(tags) > MOST_TAGS:
        raise AwsError("TagLimitExceeded", "Could not complete request: tag quota of per resource exceeded")
    return tags


def _set(tx: Transaction, topic: Topic, name: str, value: str) -> None:
    attributes: Mapping[str, str] = {**topic.attributes, name: value}
    store.put_topic(tx, replace(topic, attributes={key: text for key, text in attributes.items() if text}))


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
