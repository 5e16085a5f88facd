"""What each kind of subscriber receives: the notification as JSON, as Lambda's event, as mail. Pure.

Member order and spacing are those of AWS's own messages (SNS developer guide, lambda_async.md 2.8, email.md 6.7).
Signatures are signing.py's.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from emulator.services.sns.model import Message, Subscription, iso
from emulator.services.sns.signing import signature_of

CONFIRMATION = "SubscriptionConfirmation"
CANCELLATION = "UnsubscribeConfirmation"
NO_SUBJECT = "AWS Notification Message"
CONFIRMATION_SUBJECT = "AWS Notification - Subscription Confirmation"
CANCELLATION_SUBJECT = "AWS Notification - Unsubscribe Confirmation"
SENDER = "AWS Notifications <no-reply@sns.amazonaws.com>"
_CONTACT = (
    "Please do not reply directly to this email. If you have any questions or comments regarding this email, please"
    " contact us at https://aws.amazon.com/support"
)


def confirm_url(base_url: str, topic_arn: str, token: str) -> str:
    """The link that confirms a subscription, answered by this emulator."""
    return f"{base_url}/?Action=ConfirmSubscription&TopicArn={quote(topic_arn, safe=':')}&Token={token}"


def unsubscribe_url(base_url: str, subscription: Subscription) -> str:
    """The link that ends a subscription, answered by this emulator."""
    return f"{base_url}/?Action=Unsubscribe&SubscriptionArn={quote(subscription.arn, safe=':')}"


def envelope(message: Message, subscription: Subscription, base_url: str, signature_version: str) -> dict[str, Any]:
    """The members of a notification in the order of HTTP, SQS and email-json."""
    text = message.for_protocol(subscription.protocol)
    if message.kind != "Notification":
        return _confirmation(message, base_url, signature_version)
    found: dict[str, Any] = {"Type": "Notification", "MessageId": message.id}
    if message.sequence_number is not None:
        found["SequenceNumber"] = message.sequence_number
    found["TopicArn"] = message.topic_arn
    if message.subject is not None:
        found["Subject"] = message.subject
    found |= {"Message": text, "Timestamp": iso(message.published_at)}
    if message.sequence_number is None:  # notifications of FIFO topics carry no signature
        found |= signature_of(found, signature_version, base_url)
    found["UnsubscribeURL"] = unsubscribe_url(base_url, subscription)
    if message.attributes:
        found["MessageAttributes"] = {name: dict(value) for name, value in message.attributes.items()}
    return found


def _confirmation(message: Message, base_url: str, signature_version: str) -> dict[str, Any]:
    assert message.token is not None
    found: dict[str, Any] = {
        "Type": message.kind,
        "MessageId": message.id,
        "Token": message.token,
        "TopicArn": message.topic_arn,
        "Message": message.message,
        "SubscribeURL": confirm_url(base_url, message.topic_arn, message.token),
        "Timestamp": iso(message.published_at),
    }
    return found | signature_of(found, signature_version, base_url)


def confirmation_text(topic_arn: str) -> str:
    """The Message of a subscription confirmation."""
    return (
        f"You have chosen to subscribe to the topic {topic_arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message."
    )


def cancellation_text(subscription_arn: str) -> str:
    """The Message of a final cancellation message."""
    return (
        f"You have chosen to deactivate subscription {subscription_arn}.\n"
        "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
    )


def as_text(envelope: dict[str, Any]) -> str:
    """An envelope as AWS writes it: two spaces, a blank on both sides of the colon, attributes one to a line."""
    lines = [f"  {_json(name)} : {_member(value)}" for name, value in envelope.items()]
    return "{\n" + ",\n".join(lines) + "\n}"


def lambda_event(message: Message, subscription: Subscription, base_url: str, signature_version: str) -> dict[str, Any]:
    """The event that a subscribed function receives."""
    members = envelope(message, subscription, base_url, signature_version)
    sns = {
        "Type": "Notification",
        "MessageId": message.id,
        "TopicArn": message.topic_arn,
        "Subject": message.subject,
        "Message": members["Message"],
        "Timestamp": members["Timestamp"],
        "SignatureVersion": members["SignatureVersion"],
        "Signature": members["Signature"],
        "SigningCertUrl": members["SigningCertURL"],
        "UnsubscribeUrl": members["UnsubscribeURL"],
        "MessageAttributes": members.get("MessageAttributes", {}),
    }
    record = {
        "EventSource": "aws:sns",
        "EventVersion": "1.0",
        "EventSubscriptionArn": subscription.arn,
        "Sns": sns,
    }
    return {"Records": [record]}


def mail_of(message: Message, subscription: Subscription, base_url: str, signature_version: str) -> tuple[str, str]:
    """(subject, text) of the mail to an `email` or `email-json` subscriber."""
    if message.kind == CONFIRMATION:
        assert message.token is not None
        if subscription.protocol == "email-json":
            return CONFIRMATION_SUBJECT, as_text(_confirmation(message, base_url, signature_version))
        link = confirm_url(base_url, message.topic_arn, message.token)
        return CONFIRMATION_SUBJECT, (
            f"You have chosen to subscribe to the topic:\n{message.topic_arn}\n\n"
            "To confirm this subscription, click or visit the link below (If this was in error no action is"
            f" necessary):\n{link}\n\n"
            "Please do not reply directly to this email. If you wish to remove yourself from receiving all future"
            f" SNS subscription confirmation requests please send an email to sns-opt-out\n"
        )
    if message.kind == CANCELLATION:
        assert message.token is not None
        if subscription.protocol == "email-json":
            return CANCELLATION_SUBJECT, as_text(_confirmation(message, base_url, signature_version))
        return CANCELLATION_SUBJECT, (
            f"Your subscription to the topic below has been deactivated:\n{message.topic_arn}\n\n"
            "If this was in error or you wish to resubscribe, click or visit the link below:\n"
            f"{confirm_url(base_url, message.topic_arn, message.token)}\n\n{_CONTACT}\n"
        )
    subject = message.subject or NO_SUBJECT
    if subscription.protocol == "email-json":
        return subject, as_text(envelope(message, subscription, base_url, signature_version))
    return subject, (
        f"{message.for_protocol('email')}\n\n--\n"
        "If you wish to stop receiving notifications from this topic, please click or visit the link below to"
        f" unsubscribe:\n{unsubscribe_url(base_url, subscription)}\n\n{_CONTACT}\n"
    )


def _member(value: Any) -> str:
    if not isinstance(value, dict):
        return _json(value)
    lines = [f"    {_json(name)} : {_json(attribute)}" for name, attribute in value.items()]
    return "{\n" + ",\n".join(lines) + "\n  }"


_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
