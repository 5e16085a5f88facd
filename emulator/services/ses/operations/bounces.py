"""SendBounce: an application returns a message that SES received, within a day of its arrival."""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import model, store, store_documents
from emulator.services.ses.model import Draft, Refused
from emulator.services.ses.operations.dialect import V1
from emulator.services.ses.operations.sending import Sending
from emulator.services.ses.store_documents import Kind

RECEIVED = Kind("received")
"""By message id: who a message that came in was from and for."""
BOUNCE_SECONDS = 86_400.0
"""How long after its arrival a message can be bounced (API reference, SendBounce)."""
_STATUSES = {
    "DoesNotExist": "5.1.1",
    "MessageTooLarge": "5.3.4",
    "ExceededQuota": "5.2.2",
    "ContentRejected": "5.6.1",
    "Undefined": "5.0.0",
    "TemporaryFailure": "4.0.0",
}
"""Enhanced status codes that SES writes for a bounce type (developer guide, "Bounce action") [D]."""


def remember(tx: Transaction, scope: Scope, identifier: str, source: str, recipients: list[str]) -> None:
    """Keep what a bounce needs to know of a message that has come in, for a day."""
    store_documents.delete_older(tx, RECEIVED, tx.now - BOUNCE_SECONDS)
    store_documents.put(tx, scope, RECEIVED, identifier, {"source": source, "recipients": recipients})


class BounceOperations:
    """SES's operation on messages that came in."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending

    def send_bounce(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendBounce: a mail to who sent the message; texts of refusals and the mail's words are unverified."""
        for arn in (request.get("BounceSenderArn"), *(_arns(request))):
            self._sending.check_own_arn(tx, scope, arn, V1, "SendBounce")
        found = store_documents.get(tx, scope, RECEIVED, request["OriginalMessageId"])
        if found is None or found.created_at < tx.now - BOUNCE_SECONDS:
            raise AwsError("MessageRejected", f"Original message {request['OriginalMessageId']} was not received.")
        if not found.body["source"]:
            raise AwsError("MessageRejected", "The original message has no sender to bounce it to.")
        recipients: list[dict[str, Any]] = request["BouncedRecipientInfoList"]
        try:
            sender = model.parse_address(request["BounceSender"])
            told = [_recipient(each, found.body["recipients"]) for each in recipients]
            if not told:
                raise Refused("At least one bounced recipient must be specified.")
        except Refused as error:
            raise V1.refuse(error) from None
        if not store.any_verified(tx, scope, model.covering_names(sender)):
            raise AwsError("MessageRejected", model.not_verified_text([sender.given], scope.region))
        explanation = request.get("Explanation") or "An error occurred while trying to deliver the mail."
        dsn: dict[str, Any] = request.get("MessageDsn") or {}
        extensions = [f"{each['Name']}: {each['Value']}" for each in dsn.get("ExtensionFields") or ()]
        report = [f"Reporting-MTA: {dsn.get('ReportingMta') or 'dns; inbound-smtp.amazonaws.com'}", *extensions]
        text = "\n".join([explanation, "", *report, "", *told]) + "\n"
        subject = "Delivery Status Notification (Failure)"
        draft = Draft(sender.given, (found.body["source"],), subject=subject, text=text)
        return {"MessageId": self._sending.send_own(tx, scope, draft)}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {"SendBounce": self.send_bounce}


def _arns(request: dict[str, Any]) -> list[str]:
    return [each["RecipientArn"] for each in request["BouncedRecipientInfoList"] if each.get("RecipientArn")]


def _recipient(given: dict[str, Any], known: list[str]) -> str:
    """A recipient's lines in the report. Raises `Refused`."""
    mailbox = model.parse_address(given["Recipient"]).mailbox
    fields: dict[str, Any] = given.get("RecipientDsnFields") or {}
    if not fields and not given.get("BounceType"):
        raise Refused("BounceType or RecipientDsnFields must be specified.")
    if mailbox not in known:
        raise Refused(f"{mailbox} is no recipient of the original message.")
    status = fields.get("Status") or _STATUSES[given.get("BounceType") or "Undefined"]
    lines = [
        f"Final-Recipient: {fields.get('FinalRecipient') or f'rfc822; {mailbox}'}",
        f"Action: {fields.get('Action') or ('delayed' if status.startswith('4') else 'failed')}",
        f"Status: {status}",
    ]
    if fields.get("DiagnosticCode"):
        lines.append(f"Diagnostic-Code: {fields['DiagnosticCode']}")
    if fields.get("RemoteMta"):
        lines.append(f"Remote-MTA: {fields['RemoteMta']}")
    lines += [f"{each['Name']}: {each['Value']}" for each in fields.get("ExtensionFields") or ()]
    return "\n".join(lines) + "\n"
