"""What a caller can ask of SES, API of 2010; and the parts that the API of 2019 (sesv2) asks for as well.

Every operation is `(tx, scope, request) -> dict` and changes state only through `tx`: an accepted message, its delivery
job and whatever else the caller commits are one change. Rules are in model.py, bytes in mime.py, rows in store.py.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import model, store, store_documents
from emulator.services.ses.model import Identity, Refused
from emulator.services.ses.operations.dialect import (
    V1,
    Dialect,
    Tags,
    blob,
    circumstances,
    draft_from,
    limit_of,
    tags_from,
)
from emulator.services.ses.operations.sending import IDENTITY_SETTINGS, Sending


class SesOperations(Sending):
    """SES of one emulator: the 2010 API's operations, and what sesv2 builds on."""

    incoming: Any = None
    """`operations.incoming.Incoming`, once all of SES is put together."""
    verification: Any = None
    """`operations.verification.VerificationOperations`, likewise."""

    engagement: Any = None
    """`operations.engagement.Engagement`, likewise."""

    # ── identities, for both APIs ───────────────────────────────────────────────────────────────

    ask_for_verification: Callable[[Transaction, Scope, str], None] = staticmethod(lambda tx, scope, address: None)
    """Sends an address the mail with the link that verifies it."""

    def put_identity(self, tx: Transaction, scope: Scope, name: str, tags: Tags = (), ask: bool = True) -> Identity:
        """Create an identity, verified at once if the settings say so; an existing one keeps what it has."""
        name = model.identity_name(name)
        existing = store.get_identity(tx, scope, name)
        verified = self.settings.ses_auto_verify or (existing is not None and existing.verified)
        if existing is not None:
            identity = replace(existing, verified=verified)
        else:
            identity = model.new_identity(name, verified, tx.now, tx.new_id(), tags)
        store.put_identity(tx, scope, identity)
        if ask and not identity.verified and identity.kind == "EmailAddress":
            self.ask_for_verification(tx, scope, identity.name)
        return identity

    def find_identity(self, tx: Transaction, scope: Scope, name: str) -> Identity | None:
        """An identity by name, or None."""
        return store.get_identity(tx, scope, model.identity_name(name))

    def remove_identity(self, tx: Transaction, scope: Scope, name: str) -> bool:
        """Delete an identity with all that is set for it; False if there was none."""
        store_documents.delete(tx, scope, IDENTITY_SETTINGS, model.identity_name(name))
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

    # ── the API of 2010 ─────────────────────────────────────────────────────────────────────────

    def send_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendEmail: compose, accept, answer the message id."""
        self.check_configuration_set(tx, scope, request.get("ConfigurationSetName"), V1)
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
        sent = circumstances(request, "SendEmail")
        return {"MessageId": self.accept(tx, scope, draft, tags_from(request.get("Tags")), V1, sent)}

    def send_raw_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendRawEmail: a message the caller wrote; Source and Destinations override its headers."""
        self.check_configuration_set(tx, scope, request.get("ConfigurationSetName"), V1)
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
            sent=circumstances(request, "SendRawEmail"),
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
        limit = limit_of(request.get("MaxItems"), 1000, V1)
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
        for sent_at, recipients, bounces, complaints, rejected in store.statistics_since(tx, scope, tx.now - 1_209_600):
            if not recipients and not bounces and not complaints:
                continue  # mail of AWS's own, and to the simulator
            point = points.setdefault(int(sent_at // 900) * 900, [0, 0, 0, 0])
            attempts, rejects = (0, recipients) if rejected else (recipients, 0)
            for place, number in enumerate((attempts, bounces, complaints, rejects)):
                point[place] += number
        names = ("DeliveryAttempts", "Bounces", "Complaints", "Rejects")
        return {
            "SendDataPoints": [
                {"Timestamp": float(start), **dict(zip(names, point, strict=True))} for start, point in points.items()
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
