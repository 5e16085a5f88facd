"""What SES tells of a message: event records and notifications in AWS's JSON. Pure.

Decides the form and the order of keys, as recorded for Send and Delivery [R:test_ses_sns_topic_integration_*] and as
the developer guide shows the others ("Examples of event data that Amazon SES publishes to Amazon SNS") [D]. Who hears
of an event is publishing.py's to know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.aws.scope import Scope
from emulator.services.ses.model import Message

SUPPRESSED_TEXT = (
    "Amazon SES did not send the message to this address because it is on the suppression list for your account."
    " For more information about removing addresses from the suppression list, see the Amazon SES Developer Guide at"
    " https://docs.aws.amazon.com/ses/latest/DeveloperGuide/sending-email-suppression-list.html"
)
REPORTING_MTA = "a8-70.smtp-out.amazonses.com"
OUTGOING_IP = "54.240.8.70"
"""Of no host here: what a delivered message's record names is an address of SES's."""


@dataclass(frozen=True, slots=True)
class EventType:
    """How one kind of event is called in each place."""

    v1: str
    v2: str
    record: str
    bridge: str
    metric: str
    member: str
    before_mail: bool = False
    """The guide's examples show what happened before the mail it happened to."""


SEND = EventType("send", "SEND", "Send", "Email Sent", "Send", "send")
REJECT = EventType("reject", "REJECT", "Reject", "Email Rejected", "Reject", "reject")
BOUNCE = EventType("bounce", "BOUNCE", "Bounce", "Email Bounced", "Bounce", "bounce", True)
COMPLAINT = EventType("complaint", "COMPLAINT", "Complaint", "Email Complaint Received", "Complaint", "complaint", True)
DELIVERY = EventType("delivery", "DELIVERY", "Delivery", "Email Delivered", "Delivery", "delivery")
OPEN = EventType("open", "OPEN", "Open", "Email Opened", "Open", "open")
CLICK = EventType("click", "CLICK", "Click", "Email Clicked", "Click", "click", True)
RENDERING_FAILURE = EventType(
    "renderingFailure",
    "RENDERING_FAILURE",
    "Rendering Failure",
    "Email Rendering Failed",
    "RenderingFailure",
    "failure",
)
DELIVERY_DELAY = EventType(
    "", "DELIVERY_DELAY", "DeliveryDelay", "Email Delivery Delayed", "DeliveryDelay", "deliveryDelay"
)
SUBSCRIPTION = EventType("", "SUBSCRIPTION", "Subscription", "Email Subscription", "Subscription", "subscription")
TYPES = (SEND, REJECT, BOUNCE, COMPLAINT, DELIVERY, OPEN, CLICK, RENDERING_FAILURE, DELIVERY_DELAY, SUBSCRIPTION)
BY_V1 = {kind.v1: kind for kind in TYPES if kind.v1}
BY_V2 = {kind.v2: kind for kind in TYPES}


def record(kind: EventType, scope: Scope, message: Message, details: dict[str, Any]) -> dict[str, Any]:
    """The record of an event, for SNS and as the detail of an EventBridge event."""
    mail = _mail(kind, scope, message)
    if kind.before_mail:
        return {"eventType": kind.record, kind.member: details, "mail": mail}
    return {"eventType": kind.record, "mail": mail, kind.member: details}


def notification(
    kind: EventType, scope: Scope, message: Message, details: dict[str, Any], with_headers: bool
) -> dict[str, Any]:
    """A feedback notification of an identity: older, without tags, headers only if asked for [D]."""
    mail: dict[str, Any] = {
        "timestamp": iso(message.sent_at),
        "source": message.source,
        "sourceArn": message.sent.source_arn or _identity_arn(scope, message),
        "sourceIp": message.sent.source_ip,
        "callerIdentity": "root",
        "sendingAccountId": scope.account,
        "messageId": message.id,
        "destination": list(message.recipients),
    }
    if with_headers:
        headers = _headers(kind, message)
        mail |= {"headersTruncated": False, "headers": headers, "commonHeaders": _common(message, headers)}
    if kind.before_mail:
        return {"notificationType": kind.record, kind.member: details, "mail": mail}
    return {"notificationType": kind.record, "mail": mail, kind.member: details}


def _mail(kind: EventType, scope: Scope, message: Message) -> dict[str, Any]:
    sent = message.sent
    mail: dict[str, Any] = {"timestamp": iso(message.sent_at), "source": message.source}
    if sent.source_arn or "Templated" not in sent.operation:  # recorded: no ARN for SendTemplatedEmail
        mail["sourceArn"] = sent.source_arn or _identity_arn(scope, message)
    mail |= {
        "sendingAccountId": scope.account,
        "messageId": message.id,
        "destination": list(message.recipients),
        "headersTruncated": False,
    }
    if kind is not RENDERING_FAILURE:
        headers = _headers(kind, message)
        mail |= {"headers": headers, "commonHeaders": _common(message, headers)}
    mail["tags"] = _tags(kind, message)
    return mail


def _tags(kind: EventType, message: Message) -> dict[str, list[str]]:
    sent = message.sent
    configuration_set = {"ses:configuration-set": [sent.configuration_set]} if sent.configuration_set else {}
    if kind is RENDERING_FAILURE:
        return configuration_set
    tags: dict[str, list[str]] = {
        "ses:operation": [sent.operation],
        **configuration_set,
        "ses:source-ip": [sent.source_ip],
        "ses:from-domain": [sender_domain(message)],
    }
    for name, value in message.tags:
        tags.setdefault(name, []).append(value)
    tags["ses:caller-identity"] = ["root"]
    if kind in (DELIVERY, BOUNCE, COMPLAINT):
        tags["ses:outgoing-ip"] = [OUTGOING_IP]
    return tags


def _headers(kind: EventType, message: Message) -> list[dict[str, str]]:
    """Headers as SES lists them: without those it writes; of a template before it is rendered, hardly any [R]."""
    templated = bool(message.sent.template)
    listed = [
        {"name": name, "value": _unfolded(value)}
        for name, value in message.content.headers
        if name.lower() not in ("date", "message-id")
    ]
    if not templated:
        return listed
    if kind is SEND:
        return [header for header in listed if header["name"].lower() in ("from", "to", "cc", "mime-version")]
    date = next((value for name, value in message.content.headers if name.lower() == "date"), "")
    return [{"name": "Date", "value": date}, *listed]


def _unfolded(value: str) -> str:
    """A folded header on one line, as recorded: the fold between a type and its boundary is two spaces [R]."""
    return re.sub(r"^(multipart/\w+);\s*boundary", r"\1;  boundary", re.sub(r"\r?\n\s*", "  ", value))


def _common(message: Message, headers: list[dict[str, str]]) -> dict[str, Any]:
    values = {header["name"].lower(): header["value"] for header in headers}
    common: dict[str, Any] = {"from": [message.source]}
    if "date" in values:
        common["date"] = values["date"]
    for name, addresses in (("to", message.to), ("cc", message.cc), ("replyTo", message.reply_to)):
        if addresses:
            common[name] = list(addresses)
    common["messageId"] = message.id
    if "subject" in values:
        common["subject"] = message.content.subject
    return common


def sender_domain(message: Message) -> str:
    """The domain of From."""
    return message.source.rpartition("@")[2].rstrip(">").lower()


def _identity_arn(scope: Scope, message: Message) -> str:
    return f"arn:aws:ses:{scope.region}:{scope.account}:identity/{message.sent.identity or message.envelope_sender}"


# ── what happened ───────────────────────────────────────────────────────────────────────────────


def delivery(message: Message, recipient: str, now: float, answer: str) -> dict[str, Any]:
    """A receiving server has taken the message."""
    return {
        "timestamp": iso(now),
        "processingTimeMillis": int((now - message.sent_at) * 1000),
        "recipients": [recipient],
        "smtpResponse": answer,
        "reportingMTA": REPORTING_MTA,
    }


@dataclass(frozen=True, slots=True)
class Bounce:
    """Why a message came back from a recipient."""

    kind: str = "Permanent"
    sub_kind: str = "General"
    status: str = "5.1.1"
    diagnostic: str = "smtp; 550 5.1.1 user unknown"
    reporting_mta: str = "dns; amazonses.com"


def bounce(why: Bounce, recipient: str, now: float, feedback_id: str) -> dict[str, Any]:
    """A receiving server, or SES itself, has not taken the message."""
    return {
        "bounceType": why.kind,
        "bounceSubType": why.sub_kind,
        "bouncedRecipients": [
            {
                "emailAddress": recipient,
                "action": "failed",
                "status": why.status,
                "diagnosticCode": why.diagnostic,
            }
        ],
        "timestamp": iso(now),
        "feedbackId": feedback_id,
        "reportingMTA": why.reporting_mta,
    }


UNSUBSCRIBED = Bounce(
    "Permanent", "UnsubscribedRecipient", "5.7.1", "The recipient does not want mail of this list or topic."
)
"""Of mail sent by a contact list to whoever has left it; its words are unverified."""
SUPPRESSED = Bounce("Permanent", "OnAccountSuppressionList", "5.1.1", SUPPRESSED_TEXT)


def refused_by_server(answer: str) -> Bounce:
    """A bounce by the words of a mail server (`550 5.1.1 no such user`, several recipients' after one another)."""
    found = re.search(r"\b([45]\.\d{1,3}\.\d{1,3})\b", answer)
    return Bounce(status=found[1] if found else "5.0.0", diagnostic=f"smtp; {answer}")


def expired(attempts: int, answer: str) -> Bounce:
    """A bounce after 14 hours of trying."""
    return Bounce(
        "Transient", "General", "4.4.7", f"smtp; 550 4.4.7 Message expired after {attempts} attempts: {answer}"
    )


def complaint(recipient: str, now: float, feedback_id: str) -> dict[str, Any]:
    """The recipient has called the message spam, as the mailbox simulator does."""
    return {
        "complainedRecipients": [{"emailAddress": recipient}],
        "timestamp": iso(now),
        "feedbackId": feedback_id,
        "complaintSubType": None,
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": iso(now),
    }


def delay(message: Message, recipients: list[str], now: float, answer: str, limit_seconds: float) -> dict[str, Any]:
    """The message is tried again later."""
    return {
        "timestamp": iso(now),
        "delayType": "TransientCommunicationFailure",
        "expirationTime": iso(message.sent_at + limit_seconds),
        "delayedRecipients": [
            {"emailAddress": recipient, "status": "4.4.1", "diagnosticCode": f"smtp; {answer}"}
            for recipient in recipients
        ],
    }


def opened(now: float, address: str, agent: str) -> dict[str, Any]:
    """Somebody's program has loaded the picture of a message."""
    return {"ipAddress": address, "timestamp": iso(now), "userAgent": agent}


def clicked(now: float, address: str, agent: str, link: str, tags: dict[str, list[str]] | None) -> dict[str, Any]:
    """Somebody has followed a link of a message."""
    return {"ipAddress": address, "link": link, "linkTags": tags, "timestamp": iso(now), "userAgent": agent}


def subscription(
    now: float, contact_list: str, source: str, after: dict[str, Any], before: dict[str, Any]
) -> dict[str, Any]:
    """A recipient has changed what mail they want of a contact list."""
    return {
        "contactList": contact_list,
        "timestamp": iso(now),
        "source": source,
        "newTopicPreferences": after,
        "oldTopicPreferences": before,
    }


def iso(at: float) -> str:
    """A time as SES writes it: milliseconds, Z."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
