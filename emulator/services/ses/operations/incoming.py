"""Mail by SMTP: handed over by an application that has logged in, or come in from outside for receipt rules.

Both are one transaction, after which the server answers; refusals are SMTP replies in SES's words [K, email.md 6.6].
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator import jobs
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import MailSubmission, SubmissionRefused, Transaction
from emulator.services.ses import bounds, mime, model, receiving, store, store_documents
from emulator.services.ses.model import Address, Circumstances, Refused
from emulator.services.ses.operations import bounces
from emulator.services.ses.operations.dialect import V1
from emulator.services.ses.operations.receipt_rules import FILTERS, RULE_SETS, ReceiptRuleOperations
from emulator.services.ses.operations.sending import Sending

RECEIVE = "ses.receive"
"""Job kind: the next action of the receipt rules that a message has met. Payload {"mail", "steps", "next"}, body the
message."""
SMTP = replace(V1, max_message_bytes=model.MAX_MESSAGE_BYTES_V2)
"""The refusals of the SMTP interface are v1's, its limit is v2's."""
MOST_RECIPIENTS = 100
"""Of a message that comes in [D]."""
UNAVAILABLE = "550 5.1.1 Requested action not taken: mailbox unavailable"


class NobodyReceives(SubmissionRefused):
    """No rule set is there for mail from outside: an application that sends without its login hears what AWS says.

    `missing` is for who knows that it is mail from outside.
    """

    def __init__(self, missing: str) -> None:
        super().__init__("530 Authentication required")
        self.missing = missing


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

    def receive(self, tx: Transaction, home: Scope, mail: MailSubmission, account: str = "", region: str = "") -> str:
        """A message from outside, for the active rule set of whom it is for (of `account` and `region`, if given).

        Raises `SubmissionRefused`, also if no rule is for it. `home` comes first where several would take it.
        """
        if len(mail.recipients) > MOST_RECIPIENTS:
            raise SubmissionRefused("452 Too many recipients")
        try:
            recipients = [model.parse_address(text) for text in mail.recipients]
            source = model.parse_address(mail.sender).mailbox if mail.sender else ""
            mime.split_headers(mail.raw)
            mime.parse(mail.raw)
        except Refused as refused:
            raise SubmissionRefused(f"554 Transaction failed: {refused.message}") from None
        scope, mailboxes, steps = self._receiver(tx, home, recipients, account, region)
        filters = [document.body for document in store_documents.page(tx, scope, FILTERS)]
        if receiving.blocked(filters, mail.source_ip):
            raise SubmissionRefused("550 5.7.1 The IP address of the sender is blocked")
        identifier = receiving.incoming_id(tx.new_id())
        known = {"id": identifier, "at": tx.now, "source": source, "recipients": list(mailboxes)}
        payload = {"scope": [scope.account, scope.region], "mail": known, "steps": steps, "next": 0}
        message = receiving.Incoming(identifier, tx.now, source, mailboxes, mail.raw)
        scanned = any(step["scan"] for step in steps)
        arrived = receiving.arrived(message, scope.region, mail.source_ip, scanned)
        try:
            bounds.check(arrived)  # what was just small enough to be read may be too large with SES's own headers
        except Refused as refused:
            raise SubmissionRefused(f"554 Transaction failed: {refused.message}") from None
        jobs.enqueue(tx, RECEIVE, payload, body=arrived)
        bounces.remember(tx, scope, identifier, source, list(mailboxes))
        return identifier

    def _receiver(
        self, tx: Transaction, home: Scope, recipients: list[Address], account: str, region: str
    ) -> tuple[Scope, tuple[str, ...], list[dict[str, Any]]]:
        """Whose rules a message meets, for which recipients, and what they do. Raises `SubmissionRefused`.

        The words after the reply's first sentence are ours: they say what is missing.
        """
        mine: dict[Scope, dict[str, None]] = {}
        for each in recipients:
            for scope in store.scopes_of_verified(tx, model.covering_names(each)):
                if account in ("", scope.account) and region in ("", scope.region):
                    mine.setdefault(scope, {})[each.mailbox] = None
        to = ", ".join(each.mailbox for each in recipients)[:200]
        asked = "".join(f" in {text}" for text in (account, region) if text)
        if not mine:
            missing = f"no verified identity{asked} is for {to}"
            if not store_documents.anywhere(tx, RULE_SETS):
                raise NobodyReceives(missing)
            raise SubmissionRefused(f"{UNAVAILABLE}: {missing}")
        rules = {scope: self._rules.active_rules(tx, scope) for scope in mine}
        if not any(rules.values()):
            owners = ", ".join(" ".join(scope) for scope in mine)[:100]
            raise NobodyReceives(f"mail to {to} needs an active receipt rule set with rules in {owners}")
        fitting = {scope: found for scope in mine if (found := receiving.steps(rules[scope], tuple(mine[scope])))}
        if not fitting:
            raise SubmissionRefused(f"{UNAVAILABLE}: no enabled rule with actions is for {to}")
        if home not in fitting and len(fitting) > 1:
            owners = ", ".join(" ".join(scope) for scope in fitting)[:200]
            raise SubmissionRefused(f"{UNAVAILABLE}: {owners} receive mail for {to}; name an account and region")
        scope = home if home in fitting else next(iter(fitting))
        return scope, tuple(mine[scope]), fitting[scope]


def _reply(error: AwsError) -> str:
    if error.code == "Throttling":
        return f"454 Throttling failure: {error.message}"
    if error.code == "MessageRejected":
        return f"554 Message rejected: {error.message}"
    return f"554 Transaction failed: {error.message}"
