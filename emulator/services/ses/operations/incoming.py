"""Mail by SMTP: handed over by an application that has logged in, or come in from outside for receipt rules.

Both are one transaction, after which the server answers; refusals are SMTP replies in SES's words [K, email.md 6.6].
"""

from __future__ import annotations

from dataclasses import replace

from emulator import jobs
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import MailSubmission, SubmissionRefused, Transaction
from emulator.services.ses import mime, model, receiving, store, store_documents
from emulator.services.ses.model import Circumstances, Refused
from emulator.services.ses.operations import bounces
from emulator.services.ses.operations.dialect import V1
from emulator.services.ses.operations.receipt_rules import FILTERS, ReceiptRuleOperations
from emulator.services.ses.operations.sending import Sending

RECEIVE = "ses.receive"
"""Job kind: the next action of the receipt rules that a message has met. Payload {"mail", "steps", "next"}, body the
message."""
SMTP = replace(V1, max_message_bytes=model.MAX_MESSAGE_BYTES_V2)
"""The refusals of the SMTP interface are v1's, its limit is v2's."""


class Incoming:
    """What the SMTP interface asks of SES."""

    def __init__(self, sending: Sending, rules: ReceiptRuleOperations) -> None:
        self._sending = sending
        self._rules = rules

    def submit(self, tx: Transaction, scope: Scope, mail: MailSubmission) -> str:
        """A message of an application that has logged in: as SendRawEmail. Raises `SubmissionRefused`."""
        sent = Circumstances("SendSmtpEmail", source_ip=mail.source_ip, sent_by=(("smtp_user", mail.user[:256]),))
        destination = {"bcc": mail.recipients}
        try:
            return self._sending.accept_raw(tx, scope, mail.raw, (), SMTP, mail.sender, destination, sent)
        except AwsError as error:
            raise SubmissionRefused(_reply(error)) from None
        except NotEmulated as missing:
            raise SubmissionRefused(f"554 Transaction failed: {missing} {missing.detail}") from None

    def receive(self, tx: Transaction, scope: Scope, mail: MailSubmission) -> str:
        """A message from outside, for the active rule set. Raises `SubmissionRefused`, also if no rule is for it."""
        rules = self._rules.active_rules(tx, scope)
        if not rules:
            raise SubmissionRefused("530 Authentication required")
        filters = [document.body for document in store_documents.page(tx, scope, FILTERS)]
        if receiving.blocked(filters, mail.source_ip):
            raise SubmissionRefused("550 5.7.1 The IP address of the sender is blocked")
        try:
            recipients = [model.parse_address(text) for text in mail.recipients]
            source = model.parse_address(mail.sender).mailbox if mail.sender else ""
            mime.split_headers(mail.raw)
            mime.parse(mail.raw)
        except Refused as refused:
            raise SubmissionRefused(f"554 Transaction failed: {refused.message}") from None
        mine = [each for each in recipients if store.any_verified(tx, scope, model.covering_names(each))]
        identifier = receiving.incoming_id(tx.new_id())
        mailboxes = tuple(dict.fromkeys(each.mailbox for each in mine))
        steps = receiving.steps(rules, mailboxes)
        if not mine or not steps:
            raise SubmissionRefused("550 5.1.1 Requested action not taken: mailbox unavailable")
        known = {"id": identifier, "at": tx.now, "source": source, "recipients": list(mailboxes)}
        payload = {"scope": [scope.account, scope.region], "mail": known, "steps": steps, "next": 0}
        jobs.enqueue(tx, RECEIVE, payload, body=mail.raw)
        bounces.remember(tx, scope, identifier, source, list(mailboxes))
        return identifier


def _reply(error: AwsError) -> str:
    if error.code == "Throttling":
        return f"454 Throttling failure: {error.message}"
    if error.code == "MessageRejected":
        return f"554 Message rejected: {error.message}"
    return f"554 Transaction failed: {error.message}"
