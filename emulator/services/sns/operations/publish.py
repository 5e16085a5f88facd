"""Publish and PublishBatch: what is accepted, and as what."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from typing import Any

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.sns import model, store
from emulator.services.sns.delivery import Deliveries
from emulator.services.sns.endpoints import reachable_endpoint
from emulator.services.sns.model import Message, Topic, invalid
from emulator.services.sns.operations.topics import check_arn, required_topic

MOST_ENTRIES = 10
_ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
_LONGEST_TEXT = 1600
"""Characters of a text message, in one Publish (SNS guide, "Publishing SMS messages")."""
_SMS_TYPE = "AWS.SNS.SMS.SMSType"


class PublishOperations:
    """SNS's operations that publish."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def publish(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Accept a message for a topic or a phone number; subscribers have it when this is committed."""
        phone = request.get("PhoneNumber")
        target = request.get("TopicArn") or request.get("TargetArn")
        given = [name for name in ("TopicArn", "TargetArn", "PhoneNumber") if request.get(name)]
        if not given:
            raise invalid("TopicArn or TargetArn Reason: no value for required parameter")
        if len(given) > 1:
            raise invalid("Only one of TopicArn, TargetArn or PhoneNumber may be specified")  # wording unverified
        if phone:
            return self._publish_text(tx, scope, phone, request)
        member = given[0]
        if check_arn(target, member).resource.startswith("endpoint/"):
            return self._push(tx, request[member], member, request)
        topic = required_topic(tx, scope, target, member)
        message = self._checked(topic, request, tx.new_id(), tx.now, request.get(TRACE_MEMBER) or "")
        size = model.size_of(message.message, message.subject, message.attributes)
        if size > topic.largest_message_bytes:
            raise invalid("Message too long")
        return self._accept(tx, topic, message, size)

    def publish_batch(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Accept up to ten messages, each on its own."""
        entries: list[dict[str, Any]] = request["PublishBatchRequestEntries"]
        topic = required_topic(tx, scope, request.get("TopicArn"))
        _check_batch(entries, topic.largest_message_bytes)
        successful: list[dict[str, Any]] = []
        failed: list[dict[str, Any]] = []
        for entry in entries:
            try:
                message = self._checked(topic, entry, tx.new_id(), tx.now, request.get(TRACE_MEMBER) or "")
                size = model.size_of(message.message, message.subject, message.attributes)
                successful.append({"Id": entry["Id"], **self._accept(tx, topic, message, size)})
            except AwsError as error:
                failed.append({"Id": entry["Id"], "Code": error.code, "Message": error.message, "SenderFault": True})
        return {"Successful": successful, "Failed": failed}

    def _push(self, tx: Transaction, target: str, member: str, request: dict[str, Any]) -> dict[str, Any]:
        """A message for one mobile endpoint: checked as others, and kept as a record."""
        owner, _, _ = reachable_endpoint(tx, target, member)
        message = self._checked(Topic(owner, "endpoint"), request, tx.new_id(), tx.now, "")
        if model.size_of(message.message, message.subject, message.attributes) > model.LARGEST_MESSAGE_BYTES:
            raise invalid("Message too long")
        self._deliveries.push(tx, message, target)
        return {"MessageId": message.id}

    def _checked(self, topic: Topic, request: dict[str, Any], identifier: str, now: float, trace_id: str) -> Message:
        text = request.get("Message") or ""
        if not text:
            raise invalid("Empty message")
        text = model.storable(text)
        structure, subject = request.get("MessageStructure"), request.get("Subject")
        if subject is not None:
            model.check_subject(subject)
        if structure:
            if structure != "json":
                raise invalid("MessageStructure")
            model.check_structure(text)
        attributes = model.check_attributes(request.get("MessageAttributes") or {})
        group, deduplication = request.get("MessageGroupId"), request.get("MessageDeduplicationId")
        for name, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
            if value is not None and not _FIFO_ID.fullmatch(value):
                allowed = "can only include alphanumeric and punctuation characters. 1 to 128 in length"
                raise invalid(f"{name} Reason: {name} {allowed}")
        if topic.fifo:
            if group is None:
                raise invalid("The MessageGroupId parameter is required for FIFO topics")
            if deduplication is None:
                if not topic.deduplicates_by_content:
                    raise invalid(
                        "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId"
                        " provided explicitly"
                    )
                deduplication = hashlib.sha256(text.encode()).hexdigest()
        elif deduplication is not None:
            raise invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid"
                " for this topic type"
            )
        return Message(
            identifier,
            topic.arn,
            text,
            now,
            subject,
            structure == "json",
            attributes,
            group,
            deduplication,
            trace_id=trace_id,
        )

    def _accept(self, tx: Transaction, topic: Topic, message: Message, size: int) -> dict[str, Any]:
        if not topic.fifo:
            self._deliveries.fan_out(tx, topic, message)
            self._deliveries.count(tx, topic, {"NumberOfMessagesPublished": 1, "PublishSize": size})
            return {"MessageId": message.id}
        assert message.deduplication_id is not None
        key = message.deduplication_id
        if topic.attributes.get("FifoThroughputScope") == "MessageGroup":
            key = f"{message.group_id}\0{key}"
        known = store.find_duplicate(tx, topic, key)
        if known is not None:
            return {"MessageId": known[0], "SequenceNumber": known[1]}
        message = message.numbered(model.FIRST_SEQUENCE_NUMBER + store.next_number(tx, topic))
        assert message.sequence_number is not None
        expires_at = tx.now + model.DEDUPLICATION_SECONDS
        store.remember_duplicate(tx, topic, key, expires_at, message.id, message.sequence_number)
        self._deliveries.fan_out(tx, topic, message)
        self._deliveries.count(tx, topic, {"NumberOfMessagesPublished": 1, "PublishSize": size})
        return {"MessageId": message.id, "SequenceNumber": message.sequence_number}

    def _publish_text(self, tx: Transaction, scope: Scope, phone: str, request: dict[str, Any]) -> dict[str, Any]:
        if not model.PHONE_NUMBER.fullmatch(phone):
            raise invalid(f"PhoneNumber Reason: {phone} is not valid to publish to")
        text = request.get("Message") or ""
        if not text:
            raise invalid("Empty message")
        if request.get("MessageStructure"):
            if request["MessageStructure"] != "json":
                raise invalid("MessageStructure")
            model.check_structure(text)
            text = Message("", "", text, tx.now, structured=True).for_protocol("sms")
        if len(text) > _LONGEST_TEXT:
            raise invalid("Message too long")  # wording unverified
        attributes = model.check_attributes(request.get("MessageAttributes") or {})
        kind = attributes.get(_SMS_TYPE, {}).get("Value", "")
        sender = attributes.get("AWS.SNS.SMS.SenderID", {}).get("Value", "")
        if kind not in ("", "Promotional", "Transactional"):
            raise invalid(f"{_SMS_TYPE} Reason: {kind} is not a valid SMS type")  # wording unverified
        if sender and not model.SENDER_ID.fullmatch(sender):
            raise invalid(f"AWS.SNS.SMS.SenderID Reason: {sender} is not a valid sender id")  # wording unverified
        identifier = tx.new_id()
        self._deliveries.send_text(tx, scope, identifier, phone, model.storable(text), kind=kind)
        return {"MessageId": identifier}


def _check_batch(entries: list[dict[str, Any]], most_bytes: int) -> None:
    """Raise AWS's refusal of a batch as a whole."""
    if not entries:
        raise AwsError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(entries) > MOST_ENTRIES:
        raise AwsError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
    identifiers = Counter(entry["Id"] for entry in entries)
    if not all(map(_ENTRY_ID.fullmatch, identifiers)):
        text = "The Id of a batch entry in a batch request doesn't abide by the specification."
        raise AwsError("InvalidBatchEntryId", text)
    if len(identifiers) < len(entries):
        text = "Two or more batch entries in the request have the same Id."
        raise AwsError("BatchEntryIdsNotDistinct", text)
    size = sum(_rough_size(entry) for entry in entries)
    if size > most_bytes:
        text = "The length of all the batch messages put together is more than the limit."
        raise AwsError("BatchRequestTooLong", text)


def _rough_size(entry: dict[str, Any]) -> int:
    """Bytes of a message and its attributes, before anybody has checked them."""
    size = len(str(entry.get("Message", "")).encode("utf-8", "replace"))
    for name, attribute in (entry.get("MessageAttributes") or {}).items():
        value = attribute.get("BinaryValue") or str(attribute.get("StringValue") or "").encode("utf-8", "replace")
        size += len(name.encode("utf-8", "replace")) + len(str(attribute.get("DataType") or "")) + len(value)
    return size
