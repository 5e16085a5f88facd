"""What a caller can ask of SES API v2: translated to the shared operations of `ses`, refused in v2's words.

Decides v2's shapes and errors. What a message or an identity is, and who may send, is decided in `ses`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses.model import Attachment, Identity, Refused, is_domain, parse_address
from emulator.services.ses.operations import V2, SesOperations, blob, draft_from, tags_from

_NOT_EMULATED = ("EndpointId", "TenantName", "ListManagementOptions", "ConfigurationOverrides")

_RESERVED_HEADERS = frozenset(
    {"bcc", "cc", "content-disposition", "content-type", "content-transfer-encoding", "date", "from", "message-id"}
    | {"mime-version", "reply-to", "return-path", "sender", "subject", "to"}
)


class SesV2Operations:
    """The operations of SES API v2."""

    def __init__(self, ses: SesOperations) -> None:
        self.ses = ses

    def send_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendEmail with Simple or Raw content: accept, answer the message id."""
        for name in _NOT_EMULATED:
            if request.get(name):
                raise NotEmulated("sesv2", "SendEmail", name)
        self.ses.check_configuration_set(request.get("ConfigurationSetName"), V2)
        for name in ("FromEmailAddressIdentityArn", "FeedbackForwardingEmailAddressIdentityArn"):
            self.ses.check_own_arn(tx, scope, request.get(name), V2, "SendEmail")
        content = request.get("Content") or {}
        kinds = [kind for kind in ("Simple", "Raw", "Template") if content.get(kind)]
        if "Template" in kinds:
            raise NotEmulated("sesv2", "SendEmail", "Content.Template")
        if len(kinds) != 1:
            raise AwsError(V2.bad_request, "Exactly one of Simple, Raw or Template must be specified in Content.")
        destination = request.get("Destination") or {}
        to, cc, bcc = (tuple(destination.get(f"{kind}Addresses") or ()) for kind in ("To", "Cc", "Bcc"))
        source = str(request.get("FromEmailAddress") or "")
        tags = tags_from(request.get("EmailTags"))
        if "Raw" in kinds:
            raw = blob(content["Raw"].get("Data"))
            asked = {"to": to, "cc": cc, "bcc": bcc}
            return {"MessageId": self.ses.accept_raw(tx, scope, raw, tags, V2, source, asked)}
        simple = content["Simple"]
        draft = replace(
            draft_from(simple, V2),
            source=source,
            to=to,
            cc=cc,
            bcc=bcc,
            reply_to=tuple(request.get("ReplyToAddresses") or ()),
            return_path=str(request.get("FeedbackForwardingEmailAddress") or ""),
            headers=tuple(_header(header) for header in simple.get("Headers") or ()),
            attachments=tuple(_attachment(part) for part in simple.get("Attachments") or ()),
        )
        return {"MessageId": self.ses.accept(tx, scope, draft, tags, V2)}

    def create_email_identity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateEmailIdentity: an address or a domain, verified at once or pending, as the settings say."""
        self.ses.check_configuration_set(request.get("ConfigurationSetName"), V2)
        if request.get("DkimSigningAttributes"):
            raise NotEmulated("sesv2", "CreateEmailIdentity", "DkimSigningAttributes")
        name = str(request.get("EmailIdentity") or "")
        _check_identity_name(name)
        if self.ses.find_identity(tx, scope, name) is not None:
            raise AwsError("AlreadyExistsException", f"Email identity {name} already exist.")
        tags = tuple((str(tag.get("Key") or ""), str(tag.get("Value") or "")) for tag in request.get("Tags") or ())
        identity = self.ses.put_identity(tx, scope, name, tags)
        answer: dict[str, Any] = {"IdentityType": _kind(identity), "VerifiedForSendingStatus": identity.verified}
        return answer if identity.kind == "EmailAddress" else {**answer, "DkimAttributes": _dkim(identity)}

    def get_email_identity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetEmailIdentity."""
        identity = self._existing(tx, scope, request)
        verification: dict[str, Any] = {}
        if identity.verified:
            verification = {"LastCheckedTimestamp": identity.created_at, "LastSuccessTimestamp": identity.created_at}
        return {
            "IdentityType": _kind(identity),
            "FeedbackForwardingStatus": True,
            "VerifiedForSendingStatus": identity.verified,
            "DkimAttributes": _dkim(identity),
            "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
            "Policies": {},
            "Tags": [{"Key": key, "Value": value} for key, value in identity.tags],
            "VerificationStatus": _status(identity),
            "VerificationInfo": verification,
        }

    def list_email_identities(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListEmailIdentities, up to 1,000 a page."""
        if request.get("Filter"):
            raise NotEmulated("sesv2", "ListEmailIdentities", "Filter")
        size = request.get("PageSize")
        if size is not None and not 0 <= int(size) <= 1000:
            raise AwsError(V2.bad_request, "PageSize must be between 0 and 1000.")
        found, token = self.ses.page_of_identities(tx, scope, None, request.get("NextToken"), int(size or 1000), V2)
        answer: dict[str, Any] = {
            "EmailIdentities": [
                {
                    "IdentityType": _kind(identity),
                    "IdentityName": identity.name,
                    "SendingEnabled": identity.verified,
                    "VerificationStatus": _status(identity),
                }
                for identity in found
            ]
        }
        return answer if token is None else {**answer, "NextToken": token}

    def delete_email_identity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteEmailIdentity: unlike v1's, an unknown identity is an error [P]."""
        identity = self._existing(tx, scope, request)
        self.ses.remove_identity(tx, scope, identity.name)
        return {}

    def get_account(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetAccount: a healthy account, in the sandbox if the settings say so."""
        return {
            "DedicatedIpAutoWarmupEnabled": True,
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": not self.ses.settings.ses_sandbox,
            "SendQuota": self.ses.quota(tx, scope),
            "SendingEnabled": True,
            "SuppressionAttributes": {"SuppressedReasons": []},
        }

    def _existing(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> Identity:
        name = str(request.get("EmailIdentity") or "")
        identity = self.ses.find_identity(tx, scope, name)
        if identity is None:
            raise AwsError("NotFoundException", f"Email identity {name} does not exist.", 404)
        return identity

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "SendEmail": self.send_email,
            "CreateEmailIdentity": self.create_email_identity,
            "GetEmailIdentity": self.get_email_identity,
            "ListEmailIdentities": self.list_email_identities,
            "DeleteEmailIdentity": self.delete_email_identity,
            "GetAccount": self.get_account,
        }


def _check_identity_name(name: str) -> None:
    if "@" not in name:
        if not is_domain(name):
            raise AwsError(V2.bad_request, f"Invalid domain name {name}.")
        return
    try:
        address = parse_address(name)
    except Refused as error:
        raise V2.refuse(error) from None
    if address.given != address.mailbox:
        raise AwsError(V2.bad_request, f"Invalid email address {name}.")


def _header(header: dict[str, str]) -> tuple[str, str]:
    name, value = header.get("Name") or "", header.get("Value") or ""
    if name.lower() in _RESERVED_HEADERS:
        raise AwsError(V2.bad_request, f"Header <{name}> is not allowed.")
    if name.lower().startswith("x-ses-"):
        raise NotEmulated("sesv2", "SendEmail", f"header {name}")
    if not name or not all(33 <= ord(character) <= 126 and character != ":" for character in name):
        raise AwsError(V2.bad_request, f"Illegal header '{name.encode('ascii', 'replace').decode()}'.")
    return name, value


def _attachment(part: dict[str, Any]) -> Attachment:
    return Attachment(
        filename=part.get("FileName") or "",
        content_type=part.get("ContentType") or "",
        content=blob(part.get("RawContent")),
        disposition="inline" if part.get("ContentDisposition") == "INLINE" else "attachment",
        description=part.get("ContentDescription") or "",
        content_id=part.get("ContentId") or "",
    )


def _kind(identity: Identity) -> str:
    return "EMAIL_ADDRESS" if identity.kind == "EmailAddress" else "DOMAIN"


def _status(identity: Identity) -> str:
    return "SUCCESS" if identity.verified else "PENDING"


def _dkim(identity: Identity) -> dict[str, Any]:
    if identity.kind == "EmailAddress":
        return {
            "SigningEnabled": False,
            "Status": "NOT_STARTED",
            "SigningAttributesOrigin": "AWS_SES",
            "NextSigningKeyLength": "RSA_1024_BIT",
        }
    return {
        "SigningEnabled": True,
        "Status": "SUCCESS" if identity.verified else "NOT_STARTED",
        "Tokens": list(identity.dkim_tokens),
        "SigningAttributesOrigin": "AWS_SES",
        "NextSigningKeyLength": "RSA_2048_BIT",
        "CurrentSigningKeyLength": "RSA_2048_BIT",
        "LastKeyGenerationTimestamp": identity.created_at,
    }
