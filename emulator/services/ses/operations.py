"""What a caller can ask of SES, API of 2010; and the parts that the API of 2019 (sesv2) asks for as well.

Every operation is `(tx, scope, request) -> dict` and changes state only through `tx`: an accepted message, its delivery
job and whatever else the caller commits are one change. Rules are in model.py, bytes in mime.py, rows in store.py.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from emulator import jobs
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import mime, model, store
from emulator.services.ses.model import Address, Draft, Identity, MalformedAddress, Message, Refused
from emulator.settings import LiveSettings

DELIVER = "ses.deliver"
"""Job kind: hand an accepted message over and record what became of it. Payload: {"id", "attempts"}."""

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the two APIs when they refuse the same thing."""

    service: str
    bad_request: str
    unknown_configuration_set: tuple[str, int]
    names_bad_address: bool
    """v2 answers `Invalid email address <text>.` for most malformed addresses, v1 what is wrong with it [P]."""
    max_message_bytes: int

    def refuse(self, error: Refused) -> AwsError:
        """The AWS error for a malformed request."""
        missing_domain = error.message == "Missing final '@domain'"
        if self.names_bad_address and isinstance(error, MalformedAddress) and not (missing_domain and error.address):
            return AwsError(self.bad_request, f"Invalid email address {error.address}.")
        return AwsError(self.bad_request, error.message)


V1 = Dialect("ses", "InvalidParameterValue", ("ConfigurationSetDoesNotExist", 400), False, model.MAX_MESSAGE_BYTES_V1)
V2 = Dialect("sesv2", "BadRequestException", ("NotFoundException", 404), True, model.MAX_MESSAGE_BYTES_V2)


class SesOperations:
    """SES of one emulator: the 2010 API's operations, and what sesv2 builds on."""

    def __init__(self, settings: LiveSettings) -> None:
        self.settings = settings

    # ── sending, for both APIs ──────────────────────────────────────────────────────────────────

    def accept(self, tx: Transaction, scope: Scope, draft: Draft, tags: Tags, dialect: Dialect) -> str:
        """Accept a composed message: store it once, schedule its delivery, return its message id."""
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
        self._check_verified(tx, scope, [sender, bounce_to] if draft.return_path else [sender], recipients)
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
        )
        self._store(tx, scope, message)
        return identifier

    def send_for_aws(self, tx: Transaction, scope: Scope, sender: str, to: str, subject: str, text: str) -> None:
        """Mail that another AWS service sends in its own name: no identity, sandbox or quota applies (email.md 6.7)."""
        try:
            draft = mime.storable(Draft(sender, to=(to,), subject=subject, text=text))
            mailbox = model.parse_address(sender).mailbox
            recipient = model.parse_address(to).mailbox
            identifier = model.message_id(scope.region, tx.now, tx.new_id())
            raw = mime.compose(draft, model.message_id_header(identifier, scope.region), tx.now)
        except Refused as error:
            raise V1.refuse(error) from None
        content = mime.read(raw)
        message = Message(
            identifier, tx.now, sender, mailbox, (to,), (), (), (), content, raw, (), recipients=(recipient,)
        )
        store.put_message(tx, scope, message, 0)
        jobs.enqueue(tx, DELIVER, {"id": identifier, "attempts": 0})

    def accept_raw(
        self,
        tx: Transaction,
        scope: Scope,
        raw: bytes,
        tags: Tags,
        dialect: Dialect,
        source: str = "",
        destination: dict[str, tuple[str, ...]] | None = None,
    ) -> str:
        """Accept a complete message; `source` and `destination` (`to`, `cc`, `bcc`) override its headers [M]."""
        try:
            fields, _ = mime.split_headers(raw)
            names = [name.lower() for name, _ in fields]
            for name in mime.ONCE_ONLY:
                if names.count(name) > 1:
                    raise Refused(f"Duplicate header '{next(n for n, _ in fields if n.lower() == name)}'.")
            parsed = mime.parse(raw)
            self._refuse_control_headers(parsed, dialect)
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
            model.check_size(len(raw), dialect.max_message_bytes)
            reply_to = mime.addresses(parsed, "Reply-To")
        except Refused as error:
            raise dialect.refuse(error) from None
        self._check_verified(tx, scope, checked, recipients)
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
            content=mime.read(stamped),
            raw=stamped,
            tags=tags,
            recipients=mailboxes,
        )
        self._store(tx, scope, message)
        return identifier

    def _refuse_control_headers(self, parsed: Any, dialect: Dialect) -> None:
        self.check_configuration_set(mime.header_text(parsed, "X-SES-CONFIGURATION-SET"), dialect)
        for name in ("X-SES-LIST-MANAGEMENT-OPTIONS", "X-SES-SOURCE-ARN", "X-SES-FROM-ARN", "X-SES-RETURN-PATH-ARN"):
            if parsed.get(name) is not None:
                raise NotEmulated(dialect.service, "SendRawEmail" if dialect is V1 else "SendEmail", f"header {name}")

    def _store(self, tx: Transaction, scope: Scope, message: Message) -> None:
        counted = sum(not model.is_simulator(mailbox) for mailbox in message.recipients)
        store.put_message(tx, scope, message, counted)
        jobs.enqueue(tx, DELIVER, {"id": message.id, "attempts": 0})

    def _check_verified(self, tx: Transaction, scope: Scope, senders: list[Address], recipients: list[Address]) -> None:
        asked = list(senders)
        if self.settings.ses_sandbox:
            asked += [address for address in recipients if not model.is_simulator(address.mailbox)]
        failing = [
            address.given for address in asked if not store.any_verified(tx, scope, model.covering_names(address))
        ]
        if failing:
            raise AwsError("MessageRejected", model.not_verified_text(failing, scope.region))

    def check_configuration_set(self, name: str | None, dialect: Dialect) -> None:
        """No configuration set can exist here yet, so naming one is AWS's error for an unknown one [R]."""
        if name:
            code, status = dialect.unknown_configuration_set
            raise AwsError(code, f"Configuration set <{name}> does not exist.", status)

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

    # ── identities, for both APIs ───────────────────────────────────────────────────────────────

    def put_identity(self, tx: Transaction, scope: Scope, name: str, tags: Tags = ()) -> Identity:
        """Create an identity, verified at once if the settings say so; an existing one keeps what it has."""
        name = model.identity_name(name)
        existing = store.get_identity(tx, scope, name)
        verified = self.settings.ses_auto_verify or (existing is not None and existing.verified)
        if existing is not None:
            identity = replace(existing, verified=verified)
        else:
            identity = model.new_identity(name, verified, tx.now, tx.new_id(), tags)
        store.put_identity(tx, scope, identity)
        return identity

    def find_identity(self, tx: Transaction, scope: Scope, name: str) -> Identity | None:
        """An identity by name, or None."""
        return store.get_identity(tx, scope, model.identity_name(name))

    def remove_identity(self, tx: Transaction, scope: Scope, name: str) -> bool:
        """Delete an identity; False if there was none."""
        return store.delete_identity(tx, scope, model.identity_name(name))

    def page_of_identities(
        self, tx: Transaction, scope: Scope, kind: str | None, token: str | None, limit: int, dialect: Dialect
    ) -> tuple[list[Identity], str | None]:
        """A page of identities by name, and the token of the next page."""
        try:
            after = base64.urlsafe_b64decode(token).decode() if token else ""
        except (binascii.Error, ValueError):
            raise AwsError(dialect.bad_request, "Invalid next token.") from None
        found = store.list_identities(tx, scope, kind, after, limit + 1)
        more = len(found) > limit
        found = found[:limit]
        return found, base64.urlsafe_b64encode(found[-1].name.encode()).decode() if more else None

    def quota(self, tx: Transaction, scope: Scope) -> dict[str, float]:
        """The sending quota; reported as SES does, not enforced. Sandbox values recorded [R], others [K]."""
        daily, rate = (200.0, 1.0) if self.settings.ses_sandbox else (50000.0, 14.0)
        sent = store.recipients_since(tx, scope, tx.now - 86400)
        return {"Max24HourSend": daily, "MaxSendRate": rate, "SentLast24Hours": float(sent)}

    # ── the API of 2010 ─────────────────────────────────────────────────────────────────────────

    def send_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendEmail: compose, accept, answer the message id."""
        self.check_configuration_set(request.get("ConfigurationSetName"), V1)
        for name in ("SourceArn", "ReturnPathArn"):
            self.check_own_arn(tx, scope, request.get(name), V1, "SendEmail")
        destination = request.get("Destination") or {}
        draft = draft_from(request.get("Message") or {}, V1)
        draft = replace(
            draft,
            source=request.get("Source") or "",
            to=tuple(destination.get("ToAddresses") or ()),
            cc=tuple(destination.get("CcAddresses") or ()),
            bcc=tuple(destination.get("BccAddresses") or ()),
            reply_to=tuple(request.get("ReplyToAddresses") or ()),
            return_path=request.get("ReturnPath") or "",
        )
        return {"MessageId": self.accept(tx, scope, draft, tags_from(request.get("Tags")), V1)}

    def send_raw_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendRawEmail: a message the caller wrote; Source and Destinations override its headers."""
        self.check_configuration_set(request.get("ConfigurationSetName"), V1)
        for name in ("FromArn", "SourceArn", "ReturnPathArn"):
            self.check_own_arn(tx, scope, request.get(name), V1, "SendRawEmail")
        identifier = self.accept_raw(
            tx,
            scope,
            blob((request.get("RawMessage") or {}).get("Data")),
            tags_from(request.get("Tags")),
            V1,
            source=request.get("Source") or "",
            destination={"bcc": tuple(request.get("Destinations") or ())},
        )
        return {"MessageId": identifier}

    def verify_email_identity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """VerifyEmailIdentity; VerifyEmailAddress is its deprecated other name."""
        text = str(request.get("EmailAddress") or "")
        try:
            address = model.parse_address(text)
        except Refused:
            raise AwsError(V1.bad_request, f"Invalid email address<{text}>.") from None
        if address.given != address.mailbox:
            raise AwsError(V1.bad_request, f"Invalid email address<{text}>.")
        self.put_identity(tx, scope, address.mailbox)
        return {}

    def verify_domain_identity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """VerifyDomainIdentity: answers the token that would go into DNS."""
        text = str(request.get("Domain") or "")
        if not model.is_domain(text):
            raise AwsError(V1.bad_request, f"Invalid domain name {text}.")
        return {"VerificationToken": self.put_identity(tx, scope, text).token}

    def list_identities(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListIdentities, up to 1,000 a page."""
        limit = _limit(request.get("MaxItems"), 1000, V1)
        kind = request.get("IdentityType")
        found, token = self.page_of_identities(tx, scope, kind, request.get("NextToken"), limit, V1)
        answer: dict[str, Any] = {"Identities": [identity.name for identity in found]}
        return answer if token is None else {**answer, "NextToken": token}

    def get_identity_verification_attributes(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """GetIdentityVerificationAttributes: unknown identities are left out."""
        names: list[str] = list(request.get("Identities") or ())
        if len(names) > 100:
            raise AwsError(V1.bad_request, "Too many identities; the maximum is 100.")
        attributes: dict[str, dict[str, str]] = {}
        for name in names:
            identity = self.find_identity(tx, scope, name)
            if identity is not None:
                attributes[name] = {"VerificationStatus": "Success" if identity.verified else "Pending"}
                if identity.token:
                    attributes[name]["VerificationToken"] = identity.token
        return {"VerificationAttributes": attributes}

    def delete_identity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteIdentity: succeeds whether or not it existed."""
        self.remove_identity(tx, scope, str(request.get("Identity") or ""))
        return {}

    def list_verified_email_addresses(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListVerifiedEmailAddresses (deprecated on AWS, still answered)."""
        found = store.list_identities(tx, scope, "EmailAddress", "", 100_000)
        return {"VerifiedEmailAddresses": [identity.name for identity in found if identity.verified]}

    def get_send_quota(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetSendQuota."""
        return dict(self.quota(tx, scope))

    def get_send_statistics(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetSendStatistics: the last two weeks in intervals of 15 minutes [D]."""
        points: dict[int, list[int]] = {}
        for sent_at, recipients, bounced in store.deliveries_since(tx, scope, tx.now - 14 * 86400):
            point = points.setdefault(int(sent_at // 900) * 900, [0, 0])
            point[0] += recipients
            point[1] += recipients if bounced else 0
        return {
            "SendDataPoints": [
                {"Timestamp": float(start), "DeliveryAttempts": sent, "Bounces": bounces, "Complaints": 0, "Rejects": 0}
                for start, (sent, bounces) in points.items()
            ]
        }

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "SendEmail": self.send_email,
            "SendRawEmail": self.send_raw_email,
            "VerifyEmailIdentity": self.verify_email_identity,
            "VerifyEmailAddress": self.verify_email_identity,
            "VerifyDomainIdentity": self.verify_domain_identity,
            "ListIdentities": self.list_identities,
            "GetIdentityVerificationAttributes": self.get_identity_verification_attributes,
            "DeleteIdentity": self.delete_identity,
            "ListVerifiedEmailAddresses": self.list_verified_email_addresses,
            "GetSendQuota": self.get_send_quota,
            "GetSendStatistics": self.get_send_statistics,
        }


# ── reading requests ────────────────────────────────────────────────────────────────────────────


def draft_from(message: dict[str, Any], dialect: Dialect) -> Draft:
    """Subject and bodies of `Message` (v1) or `Content.Simple` (v2): the members are the same."""
    subject, body = message.get("Subject") or {}, message.get("Body") or {}
    text, html = body.get("Text"), body.get("Html")
    if text is None and html is None:
        raise AwsError(dialect.bad_request, "Message body must contain Text or Html.")
    if subject.get("Charset"):
        try:
            mime.check_charset(subject["Charset"])
        except Refused as error:
            raise dialect.refuse(error) from None
    return Draft(
        source="",
        subject=subject.get("Data") or "",
        text=None if text is None else text.get("Data") or "",
        text_charset=(text or {}).get("Charset") or "utf-8",
        html=None if html is None else html.get("Data") or "",
        html_charset=(html or {}).get("Charset") or "utf-8",
    )


def tags_from(tags: Iterable[dict[str, str]] | None) -> Tags:
    """`[{"Name", "Value"}]` as pairs."""
    return tuple((tag.get("Name") or "", tag.get("Value") or "") for tag in tags or ())


def blob(data: Any) -> bytes:
    """Bytes of a blob member; text, as a state machine's JSON brings it, is taken as UTF-8."""
    if isinstance(data, str):
        return data.encode()
    return bytes(data or b"")


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


def _limit(asked: Any, largest: int, dialect: Dialect) -> int:
    if asked is None:
        return largest
    if not 1 <= int(asked) <= largest:
        raise AwsError(dialect.bad_request, f"The maximum number of items must be between 1 and {largest}.")
    return int(asked)
