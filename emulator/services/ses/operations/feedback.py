"""What receiving servers say of a message, and what SES does with it: events, suppression, mail to the sender.

The mailbox simulator is one of those servers (SES developer guide, "Using the mailbox simulator manually") [D].
"""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import events, model, store, store_documents
from emulator.services.ses.events import Bounce
from emulator.services.ses.model import Draft, Message
from emulator.services.ses.operations import contacts
from emulator.services.ses.operations.sending import CONFIGURATION_SETS, Sending
from emulator.services.ses.store_documents import Kind

SUPPRESSED = Kind("suppressed")
DAEMON = "MAILER-DAEMON@amazonses.com"
ALL_REASONS = ("BOUNCE", "COMPLAINT")
"""For which an account's list is used unless it says otherwise: accounts since November 2019 [D]."""


class Feedback:
    """Everything that comes back after a message was accepted."""

    def __init__(self, sending: Sending) -> None:
        self._sending = sending
        self._publisher = sending.publisher

    # ── suppression ─────────────────────────────────────────────────────────────────────────────

    def reasons(self, tx: Transaction, scope: Scope, configuration_set: str) -> tuple[str, ...]:
        """For which reasons addresses are suppressed: by the configuration set, else by the account."""
        if configuration_set:
            document = store_documents.get(tx, scope, CONFIGURATION_SETS, configuration_set)
            options = document.body.get("SuppressionOptions") if document is not None else None
            if options and options.get("SuppressedReasons") is not None:
                return tuple(options["SuppressedReasons"])
        return tuple(self._sending.account_settings(tx, scope).get("SuppressedReasons", ALL_REASONS))

    def suppress(self, tx: Transaction, scope: Scope, message: Message, recipient: str, reason: str) -> None:
        """Put an address on the account's list, if its bounces or complaints are to be there."""
        if not model.is_simulator(recipient) and reason in self.reasons(tx, scope, message.sent.configuration_set):
            body = {"EmailAddress": recipient, "Reason": reason, "MessageId": message.id}
            store_documents.put(tx, scope, SUPPRESSED, recipient.lower(), body)

    def bounced_here(self, tx: Transaction, scope: Scope, message: Message, recipient: str) -> Bounce | None:
        """Why SES or the simulator sends a message to this recipient back; None if it does not.

        Mail of other AWS services is not the account's, and its list does not stop it.
        """
        if model.simulated_bounce(recipient):
            return Bounce()
        if self._sending.refuses(scope, recipient):
            return events.refused_by_server("550 5.1.1 refused: the fault plan")
        if not message.sent.operation:
            return None
        sent = message.sent
        if sent.contact_list and contacts.opted_out(tx, scope, sent.contact_list, sent.topic, recipient):
            return events.UNSUBSCRIBED
        entry = store_documents.get(tx, scope, SUPPRESSED, recipient.lower())
        if entry is None or entry.body["Reason"] not in self.reasons(tx, scope, message.sent.configuration_set):
            return None
        return events.SUPPRESSED

    # ── what came of it ─────────────────────────────────────────────────────────────────────────

    def delivered(self, tx: Transaction, scope: Scope, message: Message, recipient: str, answer: str) -> None:
        """The recipient's server has the message. The simulator may complain, or answer that nobody is there."""
        if not message.sent.operation:
            return
        details = events.delivery(message, recipient, tx.now, answer)
        self._publisher.publish(tx, scope, events.DELIVERY, message, details)
        name = model.simulated(recipient)
        if name == "complaint":
            self.complained(tx, scope, message, recipient)
        elif name == "ooto":
            text = f"This is an automatic reply to your message {message.id}: the recipient is out of the office."
            draft = Draft(recipient, (message.envelope_sender,), subject="Out of the office", text=text)
            self._sending.send_own(tx, scope, draft)

    def complained(self, tx: Transaction, scope: Scope, message: Message, recipient: str) -> None:
        """The recipient calls the message spam."""
        if not model.is_simulator(recipient):
            store.count_feedback(tx, message.id, complaints=1)
        details = events.complaint(recipient, tx.now, model.feedback_id(scope.region, tx.now, tx.new_id()))
        self._publisher.publish(tx, scope, events.COMPLAINT, message, details)
        self.suppress(tx, scope, message, recipient, "COMPLAINT")
        text = f"{recipient} has marked your message {message.id} as spam.\n\nSubject: {message.content.subject}\n"
        self._forward(tx, scope, message, "Complaint", "complaint about message from " + message.envelope_sender, text)

    def bounced(self, tx: Transaction, scope: Scope, message: Message, recipient: str, why: Bounce) -> None:
        """The message has come back from a recipient."""
        if not message.sent.operation:
            return
        details = events.bounce(why, recipient, tx.now, model.feedback_id(scope.region, tx.now, tx.new_id()))
        self._publisher.publish(tx, scope, events.BOUNCE, message, details)
        by_server = why not in (events.SUPPRESSED, events.UNSUBSCRIBED)
        if by_server and not model.is_simulator(recipient):
            store.count_feedback(tx, message.id, bounces=1)
        if why.kind == "Permanent" and by_server:
            self.suppress(tx, scope, message, recipient, "BOUNCE")
        text = (
            "An error occurred while trying to deliver the mail to the following recipients:\n"
            f"{recipient}\n\n{why.diagnostic}\n\nSubject: {message.content.subject}\n"
        )
        self._forward(tx, scope, message, "Bounce", "Delivery Status Notification (Failure)", text)

    def limit_seconds(self, tx: Transaction, scope: Scope, message: Message) -> float:
        """How long after its acceptance a message is tried: 14 hours, or as its configuration set says."""
        name = message.sent.configuration_set
        document = store_documents.get(tx, scope, CONFIGURATION_SETS, name) if name else None
        options: dict[str, Any] = (document.body.get("DeliveryOptions") or {}) if document is not None else {}
        return float(options.get("MaxDeliverySeconds") or model.GIVE_UP_AFTER_SECONDS)

    def delayed(self, tx: Transaction, scope: Scope, message: Message, recipients: list[str], answer: str) -> None:
        """The message is tried again later. Told once, at the first failure (unverified)."""
        if message.sent.operation:
            details = events.delay(message, recipients, tx.now, answer, self.limit_seconds(tx, scope, message))
            self._publisher.publish(tx, scope, events.DELIVERY_DELAY, message, details)

    def _forward(self, tx: Transaction, scope: Scope, message: Message, kind: str, subject: str, text: str) -> None:
        """Feedback forwarding: mail to whoever gets the bounces, unless it is off and topics take its place."""
        settings = self._publisher.identity_settings(tx, scope, message)
        topics = settings.get("topics", {})
        on = settings.get("forwarding", True) or not (topics.get("Bounce") and topics.get("Complaint"))
        if on and not model.is_simulator(message.envelope_sender):
            self._sending.send_own(tx, scope, Draft(DAEMON, (message.envelope_sender,), subject=subject, text=text))
