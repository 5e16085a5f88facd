"""Accepting a message, for both APIs and for SMTP: who may send, what is refused, what is kept.

An accepted message, its delivery job, its Send event and whatever else the caller commits are one change. Rules are in
model.py, bytes in mime.py, rows in store.py, events in events.py.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator import faults, jobs
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.faults import Faults
from emulator.ports import Transaction
from emulator.services.ses import attachment_names, events, mime, model, store, store_documents
from emulator.services.ses.additions import Additions
from emulator.services.ses.arrivals import Arrivals
from emulator.services.ses.model import Address, Circumstances, Draft, Message, Refused
from emulator.services.ses.operations import contacts
from emulator.services.ses.operations.dialect import V1, Dialect, Tags
from emulator.services.ses.publishing import Publisher
from emulator.services.ses.store_documents import Kind
from emulator.services.ses.tracking import Tracking
from emulator.settings import LiveSettings

DELIVER = "ses.deliver"
"""Job kind: hand an accepted message over and record what became of it. Payload: {"id", "attempts"}."""

ACCOUNT = Kind("account")
CONFIGURATION_SETS = Kind("configuration-set")
IDENTITY_SETTINGS = Kind("identity")
TRACKED = Kind("tracked")
"""By message id: where the links of a message lead whose opens or clicks are to be heard of."""


class Sending:
    """Everything between a request to send and an accepted message."""

    def __init__(self, settings: LiveSettings, publisher: Publisher | None = None) -> None:
        self.settings = settings
        self.publisher = publisher or Publisher()
        self.arrivals = Arrivals()
        self.base_url = "http://localhost:4566"
        self.faults = Faults(float)
        """The fault plans in force: `mount` sets them."""

    def accept(
        self,
        tx: Transaction,
        scope: Scope,
        draft: Draft,
        tags: Tags,
        dialect: Dialect,
        sent: Circumstances | None = None,
        failure: str = "",
    ) -> str:
        """Accept a composed message: store it once, schedule its delivery, return its message id.

        `failure`: why the message of a template could not be rendered. SES takes it all the same, and tells of it.
        """
        try:
            draft = mime.storable(draft)
            sender = model.parse_address(draft.source)
            recipients = [model.parse_address(text) for text in (*draft.to, *draft.cc, *draft.bcc)]
            for text in draft.reply_to:
                model.parse_address(text)
            bounce_to = model.parse_address(draft.return_path) if draft.return_path else sender
            model.check_recipients(len(recipients))
            model.check_tags(tags)
            draft = replace(
                draft,
                text_charset=mime.check_charset(draft.text_charset),
                html_charset=mime.check_charset(draft.html_charset),
            )
            identifier = model.message_id(scope.region, tx.now, tx.new_id())
            raw = mime.compose(draft, model.message_id_header(identifier, scope.region), tx.now)
            model.check_size(len(raw), dialect.max_message_bytes)
        except Refused as error:
            raise dialect.refuse(error) from None
        senders = [sender, bounce_to] if draft.return_path else [sender]
        sent = self._check_may_send(tx, scope, senders, recipients, dialect, sent or Circumstances("SendEmail"))
        additions = self._additions(tx, scope, identifier, sent, len(recipients), dialect)
        if additions is not None:
            changed = additions.to_draft(draft)
            if changed is not draft:
                raw = mime.compose(changed, model.message_id_header(identifier, scope.region), tx.now)
        message = Message(
            id=identifier,
            sent_at=tx.now,
            source=draft.source,
            envelope_sender=bounce_to.mailbox,
            to=draft.to,
            cc=draft.cc,
            bcc=draft.bcc,
            reply_to=draft.reply_to,
            content=mime.read(raw),
            raw=raw,
            tags=tags,
            recipients=tuple(dict.fromkeys(address.mailbox for address in recipients)),
            sent=sent,
        )
        if failure:
            self._keep_unrendered(tx, scope, message, failure)
        else:
            self._keep(tx, scope, message, additions)
        return identifier

    def send_for_aws(self, tx: Transaction, scope: Scope, sender: str, to: str, subject: str, text: str) -> None:
        """Mail that another AWS service sends in its own name: no identity, sandbox or quota applies (email.md 6.7)."""
        self.send_own(tx, scope, Draft(sender, to=(to,), subject=subject, text=text))

    def send_own(self, tx: Transaction, scope: Scope, draft: Draft) -> str:
        """A message that nobody's identity, sandbox or quota is asked for; its id."""
        try:
            draft = mime.storable(draft)
            mailbox = model.parse_address(draft.source).mailbox
            recipients = tuple(model.parse_address(to).mailbox for to in draft.to)
            identifier = model.message_id(scope.region, tx.now, tx.new_id())
            raw = mime.compose(draft, model.message_id_header(identifier, scope.region), tx.now)
        except Refused as error:
            raise V1.refuse(error) from None
        content = mime.read(raw)
        message = Message(
            identifier, tx.now, draft.source, mailbox, draft.to, (), (), (), content, raw, recipients=recipients
        )
        self._put(tx, scope, message, 0)
        jobs.enqueue(tx, DELIVER, {"id": identifier, "attempts": 0})
        return identifier

    def accept_raw(
        self,
        tx: Transaction,
        scope: Scope,
        raw: bytes,
        tags: Tags,
        dialect: Dialect,
        source: str = "",
        destination: dict[str, tuple[str, ...]] | None = None,
        sent: Circumstances | None = None,
    ) -> str:
        """Accept a complete message; `source` and `destination` (`to`, `cc`, `bcc`) override its headers [M]."""
        sent = sent or Circumstances("SendRawEmail")
        try:
            fields, _ = mime.split_headers(raw)
            names = [name.lower() for name, _ in fields]
            for name in mime.ONCE_ONLY:
                if names.count(name) > 1:
                    raise Refused(f"Duplicate header '{next(n for n, _ in fields if n.lower() == name)}'.")
            model.check_size(len(raw), dialect.max_message_bytes)
            parsed = mime.parse(raw)
            sent = self._read_control_headers(tx, scope, parsed, dialect, sent)
            senders = mime.addresses(parsed, "From")
            if not senders and not source:
                raise Refused("Missing required header 'From'.")
            written = {kind: mime.addresses(parsed, kind) for kind in ("to", "cc", "bcc")}
            overridden = {kind: texts for kind, texts in (destination or {}).items() if texts}
            asked = overridden or written
            recipients = [model.parse_address(text) for kind in ("to", "cc", "bcc") for text in asked.get(kind, ())]
            checked = [model.parse_address(text) for text in ((source,) if source else ()) + senders]
            model.check_recipients(len(recipients))
            tags = tags or _header_tags(mime.header_text(parsed, "X-SES-MESSAGE-TAGS"))
            model.check_tags(tags)
            identifier = model.message_id(scope.region, tx.now, tx.new_id())
            stamped = mime.stamp(raw, model.message_id_header(identifier, scope.region), tx.now)
            reply_to = mime.addresses(parsed, "Reply-To")
            content = mime.read(stamped)
            attachment_names.check(name for name, _, _ in content.attachments)
        except Refused as error:
            raise dialect.refuse(error) from None
        sent = self._check_may_send(tx, scope, checked, recipients, dialect, sent)
        additions = self._additions(tx, scope, identifier, sent, len(recipients), dialect)
        if additions is not None:
            stamped = additions.to_raw(stamped)
            content = mime.read(stamped)
        mailboxes = tuple(dict.fromkeys(address.mailbox for address in recipients))
        shown = written if not overridden else _as_written(overridden, written, recipients)
        message = Message(
            id=identifier,
            sent_at=tx.now,
            source=senders[0] if senders else source,
            envelope_sender=checked[0].mailbox,
            to=shown.get("to", ()),
            cc=shown.get("cc", ()),
            bcc=shown.get("bcc", ()),
            reply_to=reply_to,
            content=content,
            raw=stamped,
            tags=tags,
            recipients=mailboxes,
            sent=sent,
        )
        self._keep(tx, scope, message, additions)
        return identifier

    def _read_control_headers(
        self, tx: Transaction, scope: Scope, parsed: Any, dialect: Dialect, sent: Circumstances
    ) -> Circumstances:
        """`X-SES-*` headers, which mean what members of a request mean; a member wins."""
        operation = "SendRawEmail" if dialect is V1 else "SendEmail"
        for name in ("X-SES-SOURCE-ARN", "X-SES-FROM-ARN", "X-SES-RETURN-PATH-ARN"):
            arn = mime.header_text(parsed, name)
            self.check_own_arn(tx, scope, arn, dialect, operation)
            if arn and not sent.source_arn and "RETURN" not in name:
                sent = replace(sent, source_arn=arn)
        lists = mime.header_text(parsed, "X-SES-LIST-MANAGEMENT-OPTIONS")
        if lists and not sent.contact_list:
            name, _, topic = lists.partition(";")
            sent = replace(sent, contact_list=name.strip(), topic=topic.strip().removeprefix("topic=").strip())
        named = mime.header_text(parsed, "X-SES-CONFIGURATION-SET")
        self.check_configuration_set(tx, scope, named, dialect)
        return sent if sent.configuration_set or not named else replace(sent, configuration_set=named)

    def _additions(
        self, tx: Transaction, scope: Scope, identifier: str, sent: Circumstances, recipients: int, dialect: Dialect
    ) -> Additions | None:
        """What SES puts into a message by its configuration set and contact list; None if nothing."""
        kinds = self.publisher.wanted(tx, scope, sent.configuration_set) if sent.configuration_set else frozenset[str]()
        wanted = Tracking("OPEN" in kinds, "CLICK" in kinds)
        if sent.contact_list:
            contacts.check_list(tx, scope, sent.contact_list, sent.topic, dialect)
            if recipients != 1:
                text = "A message with list management options has one recipient."  # unverified, and so is the rule
                raise AwsError(dialect.bad_request, text)
        if not wanted and not sent.contact_list:
            return None
        return Additions(wanted, bool(sent.contact_list), self.base_url, identifier)

    # ── keeping ─────────────────────────────────────────────────────────────────────────────────

    def _put(self, tx: Transaction, scope: Scope, message: Message, counted_recipients: int) -> None:
        store.put_message(tx, scope, message, counted_recipients)
        tx.after_commit(self.arrivals.ring)

    def _keep(self, tx: Transaction, scope: Scope, message: Message, additions: Additions | None) -> None:
        if additions is not None and additions.tracked:
            links = [{"url": link.url, "tags": link.tags} for link in additions.links]
            store_documents.put(tx, scope, TRACKED, message.id, {"links": links})
        infected = mime.holds_test_virus(message.raw)
        if infected:
            message = replace(message, delivery="rejected", delivery_detail="Bad content")
        lost = not infected and self._loses(scope, message)
        if lost:
            message = replace(message, delivery="lost", delivery_detail="lost after acceptance: the fault plan")
        self._put(tx, scope, message, _counted(message))
        self.publisher.publish(tx, scope, events.SEND, message, {})
        if infected:  # SES takes what holds a virus, and does not send it (guide, "Reject object") [D]
            self.publisher.publish(tx, scope, events.REJECT, message, {"reason": "Bad content"})
        elif not lost:
            jobs.enqueue(tx, DELIVER, {"id": message.id, "attempts": 0})

    def _loses(self, scope: Scope, message: Message) -> bool:
        """Whether a fault plan has a message that was accepted come to nobody."""
        if not self.faults.active:
            return False
        return self.faults.strike(faults.MAIL, message.recipients, scope.account, (faults.LOST,)) is not None

    def refuses(self, scope: Scope, recipient: str) -> bool:
        """Whether a fault plan has a recipient's server refuse a message."""
        if not self.faults.active:
            return False
        return self.faults.strike(faults.MAIL, recipient, scope.account, (faults.REFUSED,)) is not None

    def _keep_unrendered(self, tx: Transaction, scope: Scope, message: Message, failure: str) -> None:
        message = replace(message, delivery="rendering_failed", delivery_detail=failure)
        self._put(tx, scope, message, 0)
        details = {"errorMessage": failure, "templateName": message.sent.template}
        self.publisher.publish(tx, scope, events.RENDERING_FAILURE, message, details)

    # ── who may send ────────────────────────────────────────────────────────────────────────────

    def _check_may_send(
        self,
        tx: Transaction,
        scope: Scope,
        senders: list[Address],
        recipients: list[Address],
        dialect: Dialect,
        sent: Circumstances,
    ) -> Circumstances:
        """What is known of the sending when it is allowed: with the identity that covers the sender."""
        self._check_verified(tx, scope, senders, recipients)
        identity = next(
            (name for name in model.covering_names(senders[0]) if store.any_verified(tx, scope, [name])), ""
        )
        if not sent.configuration_set:
            settings = store_documents.get(tx, scope, IDENTITY_SETTINGS, identity)
            default = str(settings.body.get("configuration_set") or "") if settings is not None else ""
            self.check_configuration_set(tx, scope, default, dialect)
            sent = replace(sent, configuration_set=default)
        self._check_not_paused(tx, scope, sent.configuration_set, dialect)
        self._check_quota(tx, scope, len(recipients), dialect)
        return replace(sent, identity=identity)

    def _check_verified(self, tx: Transaction, scope: Scope, senders: list[Address], recipients: list[Address]) -> None:
        asked = list(senders)
        if self.settings.ses_sandbox:
            asked += [address for address in recipients if not model.is_simulator(address.mailbox)]
        failing = [
            address.given for address in asked if not store.any_verified(tx, scope, model.covering_names(address))
        ]
        if failing:
            raise AwsError("MessageRejected", model.not_verified_text(failing, scope.region))

    def check_configuration_set(self, tx: Transaction, scope: Scope, name: str | None, dialect: Dialect) -> None:
        """A configuration set that is named must exist [R]."""
        if name and store_documents.get(tx, scope, CONFIGURATION_SETS, name) is None:
            raise dialect.unknown_configuration_set(name)

    def _check_not_paused(self, tx: Transaction, scope: Scope, configuration_set: str, dialect: Dialect) -> None:
        """Texts of both refusals are unverified."""
        if not self.account_settings(tx, scope).get("SendingEnabled", True):
            raise dialect.error(
                "AccountSendingPausedException",
                "SendingPausedException",
                f"Email sending is disabled for account {scope.account}.",
            )
        document = store_documents.get(tx, scope, CONFIGURATION_SETS, configuration_set) if configuration_set else None
        if document is not None and not document.body.get("SendingOptions", {}).get("SendingEnabled", True):
            raise dialect.error(
                "ConfigurationSetSendingPausedException",
                "SendingPausedException",
                f"Email sending is disabled for configuration set <{configuration_set}>.",
            )

    def _check_quota(self, tx: Transaction, scope: Scope, recipients: int, dialect: Dialect) -> None:
        """Texts as SES answers them [K]; v2 tells the two apart by code (unverified)."""
        if not self.settings.ses_enforce_quotas:
            return
        quota = self.quota(tx, scope)
        if store.recipients_since(tx, scope, tx.now - 1) + recipients > max(quota["MaxSendRate"], recipients):
            raise dialect.error("Throttling", "TooManyRequestsException", "Maximum sending rate exceeded.", 429)
        if quota["SentLast24Hours"] + recipients > quota["Max24HourSend"]:
            raise dialect.error("Throttling", "LimitExceededException", "Daily message quota exceeded.")

    def quota(self, tx: Transaction, scope: Scope) -> dict[str, float]:
        """The sending quota. Sandbox values recorded [R], others by setting; AWS's differ by account."""
        daily = 200.0 if self.settings.ses_sandbox else self.settings.ses_daily_quota
        rate = 1.0 if self.settings.ses_sandbox else self.settings.ses_send_rate
        sent = store.recipients_since(tx, scope, tx.now - 86400)
        return {"Max24HourSend": float(daily), "MaxSendRate": float(rate), "SentLast24Hours": float(sent)}

    def account_settings(self, tx: Transaction, scope: Scope) -> dict[str, Any]:
        """What is set for the account; empty while nobody has set anything."""
        document = store_documents.get(tx, scope, ACCOUNT, "")
        return document.body if document is not None else {}

    def change_account(self, tx: Transaction, scope: Scope, changes: dict[str, Any]) -> None:
        """Set something for the account."""
        store_documents.put(tx, scope, ACCOUNT, "", {**self.account_settings(tx, scope), **changes})

    def check_own_arn(self, tx: Transaction, scope: Scope, arn: str | None, dialect: Dialect, operation: str) -> None:
        """Sending authorization: the ARN of an own verified identity changes nothing; another account's is refused."""
        if not arn:
            return
        prefix = f"arn:aws:ses:{scope.region}:{scope.account}:identity/"
        if not arn.startswith("arn:") or ":identity/" not in arn:
            raise AwsError(dialect.bad_request, f"Invalid ARN <{arn}>.")
        if not arn.startswith(prefix):
            raise NotEmulated(dialect.service, operation, "sending authorization for another account's identity")
        name = arn[len(prefix) :]
        if not store.any_verified(tx, scope, [model.identity_name(name)]):
            raise AwsError("MessageRejected", model.not_verified_text([name], scope.region))


def _counted(message: Message) -> int:
    return sum(not model.is_simulator(mailbox) for mailbox in message.recipients)


def _as_written(
    asked: dict[str, tuple[str, ...]], written: dict[str, tuple[str, ...]], recipients: list[Address]
) -> dict[str, tuple[str, ...]]:
    """Whom to show as To, Cc and Bcc when the caller named the recipients: v1 does not say which is which."""
    if asked.keys() != {"bcc"}:
        return asked
    mailboxes = {address.mailbox for address in recipients}
    shown: dict[str, tuple[str, ...]] = {}
    seen: set[str] = set()
    for kind in ("to", "cc"):
        parsed = {text: model.parse_address(text).mailbox for text in written[kind] if _is_address(text)}
        shown[kind] = tuple(text for text, mailbox in parsed.items() if mailbox in mailboxes)
        seen |= {parsed[text] for text in shown[kind]}
    return {**shown, "bcc": tuple(address.given for address in recipients if address.mailbox not in seen)}


def _is_address(text: str) -> bool:
    try:
        return bool(model.parse_address(text))
    except Refused:
        return False


def _header_tags(text: str) -> Tags:
    pairs = [part.partition("=") for part in text.split(",") if part.strip()]
    return tuple((name.strip(), value.strip()) for name, _, value in pairs)
