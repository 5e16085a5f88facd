"""Mail that comes in: which receipt rules it meets, and what SES tells functions and topics of it. Pure.

Records are those of the developer guide ("Contents of notifications for Amazon SES email receiving", "Lambda function
action") [D]. Nothing is scanned here: verdicts are PASS, or DISABLED where a rule does not ask for them.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from emulator.services.ses import mime
from emulator.services.ses.events import iso

LARGEST_SNS_CONTENT_BYTES = 150 * 1024
"""Of a message that an SNS action publishes; a larger one bounces [D]."""
SUBJECT = "Amazon SES Email Receipt Notification"
ACTIONS = {
    "S3Action": "S3",
    "SNSAction": "SNS",
    "LambdaAction": "Lambda",
    "BounceAction": "Bounce",
    "StopAction": "Stop",
    "AddHeaderAction": "AddHeader",
}
"""Actions that are emulated, and how records call them."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from outside, with who it is from and for by its envelope."""

    id: str
    at: float
    source: str
    recipients: tuple[str, ...]
    raw: bytes


def arrived(mail: Incoming, region: str, peer: str, scanned: bool) -> bytes:
    """A message as SES keeps it: what its server writes above it, as in messages that AWS has received [P].

    The verdicts are those of the records: PASS, or DISABLED if none of its rules asks for a scan (unverified).
    """
    verdict = "PASS" if scanned else "DISABLED"
    host = "localhost" if peer in ("127.0.0.1", "::1") else f"[{peer}]"
    day = format_datetime(datetime.fromtimestamp(mail.at, UTC))
    head = (
        f"Return-Path: <{mail.source}>\r\n"
        f"Received: from {host} ({host} [{peer}])\r\n"
        f" by inbound-smtp.{region}.amazonaws.com with SMTP id {mail.id}\r\n"
        f" for {mail.recipients[0]};\r\n {day} (UTC)\r\n"
        f"X-SES-Spam-Verdict: {verdict}\r\nX-SES-Virus-Verdict: {verdict}\r\n"
    )
    return head.encode("utf-8", "replace") + mail.raw


def incoming_id(fresh_id: str) -> str:
    """40 characters, as ids of received mail have."""
    return base64.b32hexencode(hashlib.sha256(fresh_id.encode()).digest()).decode().lower()[:40]


def matched(rule: dict[str, Any], recipients: tuple[str, ...]) -> list[str]:
    """Recipients that a rule is for: addresses, domains, `.domains` for everything below; all if it names none."""
    wanted = [text.lower() for text in rule.get("Recipients") or ()]
    if not wanted:
        return list(recipients)
    return [each for each in recipients if any(_fits(each.lower(), text) for text in wanted)]


def _fits(mailbox: str, wanted: str) -> bool:
    local, _, domain = mailbox.rpartition("@")
    if "@" in wanted:
        return wanted in (mailbox, f"{local.partition('+')[0]}@{domain}")
    return domain.endswith(wanted) if wanted.startswith(".") else domain == wanted


def blocked(filters: list[dict[str, Any]], address: str) -> bool:
    """Whether IP address filters block a sender: one that allows it wins."""
    try:
        peer = ipaddress.ip_address(address)
    except ValueError:
        return False
    policies = {each["Policy"] for each in filters if peer in ipaddress.ip_network(each["Cidr"], strict=False)}
    return "Block" in policies and "Allow" not in policies


def steps(rules: list[dict[str, Any]], recipients: tuple[str, ...]) -> list[dict[str, Any]]:
    """What is to be done with a message, in order: each action of each rule that is for one of its recipients."""
    found: list[dict[str, Any]] = []
    for rule in rules:
        met = matched(rule, recipients) if rule.get("Enabled") else []
        for action in rule.get("Actions") or () if met else ():
            [(kind, given)] = action.items()
            step = {"rule": rule["Name"], "kind": kind, "action": given, "recipients": met}
            found.append({**step, "scan": bool(rule.get("ScanEnabled"))})
    return found


def mail_record(mail: Incoming) -> dict[str, Any]:
    """`mail` of every record."""
    content = mime.read(mail.raw)
    parsed = mime.parse(mail.raw)
    common: dict[str, Any] = {"returnPath": mail.source}
    for name, key in (("From", "from"), ("To", "to"), ("Cc", "cc"), ("Reply-To", "replyTo")):
        addresses = mime.addresses(parsed, name)
        if addresses:
            common[key] = list(addresses)
        if key == "from" and mime.header_text(parsed, "Date"):
            common["date"] = mime.header_text(parsed, "Date")
    if mime.header_text(parsed, "Message-ID"):
        common["messageId"] = mime.header_text(parsed, "Message-ID")
    common["subject"] = content.subject
    return {
        "timestamp": iso(mail.at),
        "source": mail.source,
        "messageId": mail.id,
        "destination": list(mail.recipients),
        "headersTruncated": False,
        "headers": [{"name": name, "value": value} for name, value in content.headers],
        "commonHeaders": common,
    }


def receipt_record(mail: Incoming, step: dict[str, Any], now: float) -> dict[str, Any]:
    """`receipt` of every record: what was found out, and the action that tells."""
    scanned = "PASS" if step["scan"] else "DISABLED"
    return {
        "timestamp": iso(mail.at),
        "processingTimeMillis": int((now - mail.at) * 1000),
        "recipients": step["recipients"],
        "spamVerdict": {"status": scanned},
        "virusVerdict": {"status": scanned},
        "spfVerdict": {"status": "PASS"},
        "dkimVerdict": {"status": "PASS"},
        "dmarcVerdict": {"status": "PASS"},
        "action": _action_record(mail, step),
    }


def _action_record(mail: Incoming, step: dict[str, Any]) -> dict[str, Any]:
    kind, given = step["kind"], step["action"]
    record: dict[str, Any] = {"type": ACTIONS[kind]}
    if given.get("TopicArn"):
        record["topicArn"] = given["TopicArn"]
    if kind == "S3Action":
        record |= {"bucketName": given["BucketName"], "objectKeyPrefix": given.get("ObjectKeyPrefix") or ""}
        record["objectKey"] = object_key(mail, given)
    elif kind == "LambdaAction":
        record |= {"functionArn": given["FunctionArn"], "invocationType": given.get("InvocationType") or "Event"}
    elif kind == "SNSAction":
        record["encoding"] = given.get("Encoding") or "UTF-8"
    elif kind == "BounceAction":
        names = {"smtpReplyCode": "SmtpReplyCode", "statusCode": "StatusCode", "message": "Message", "sender": "Sender"}
        record |= {name: given[member] for name, member in names.items() if given.get(member)}
    return record


def object_key(mail: Incoming, action: dict[str, Any]) -> str:
    """Where an S3 action puts a message."""
    return f"{action.get('ObjectKeyPrefix') or ''}{mail.id}"


def lambda_event(mail: Incoming, step: dict[str, Any], now: float) -> dict[str, Any]:
    """The event of a Lambda action: all but the message itself (email.md 6.8)."""
    ses = {"mail": mail_record(mail), "receipt": receipt_record(mail, step, now)}
    return {"Records": [{"eventSource": "aws:ses", "eventVersion": "1.0", "ses": ses}]}


def notification(mail: Incoming, step: dict[str, Any], now: float) -> dict[str, Any]:
    """What a topic is told of an action; an SNS action's own topic gets the message, too."""
    told = {
        "notificationType": "Received",
        "mail": mail_record(mail),
        "receipt": receipt_record(mail, step, now),
    }
    if step["kind"] == "SNSAction":
        encoded = (step["action"].get("Encoding") or "UTF-8") == "Base64"
        told["content"] = base64.b64encode(mail.raw).decode() if encoded else mail.raw.decode("utf-8", "replace")
    return told


def with_header(raw: bytes, name: str, value: str) -> bytes:
    """A message with one more header, first of all."""
    return f"{name}: {' '.join(value.split())}\r\n".encode("utf-8", "replace") + raw
