"""What a caller can ask of SES API v2: translated to the shared operations of `ses`, refused in v2's words.

Decides v2's shapes and errors. What a message or an identity is, and who may send, is decided in `ses`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses.model import Identity, Refused, is_domain, parse_address
from emulator.services.ses.operations import V2, SesOperations, blob, draft_from, tags_from
from emulator.services.ses.operations.configuration_sets import ConfigurationSetOperations
from emulator.services.ses.operations.dialect import circumstances
from emulator.services.ses.operations.feedback import Feedback
from emulator.services.ses.operations.suppression import SuppressionOperations
from emulator.services.ses.operations.templates import TemplateOperations
from emulator.services.sesv2.configuration_sets import ConfigurationSetOperationsV2
from emulator.services.sesv2.content import attachment, draft_of, header
from emulator.services.sesv2.identity_settings import IdentitySettingsOperationsV2
from emulator.services.sesv2.templates import EmailTemplateOperations

_NOT_EMULATED = ("EndpointId", "TenantName", "ConfigurationOverrides")


class SesV2Operations:
    """The operations of SES API v2."""

    def __init__(self, ses: SesOperations, templates: TemplateOperations | None = None) -> None:
        self.ses = ses
        self.templates = EmailTemplateOperations(ses, templates or TemplateOperations(ses))
        self.identities = IdentitySettingsOperationsV2(ses)
        self.feedback = Feedback(ses)

    def send_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendEmail with Simple, Raw or Template content: accept, answer the message id."""
        for name in _NOT_EMULATED:
            if request.get(name):
                raise NotEmulated("sesv2", "SendEmail", name)
        self.ses.check_configuration_set(tx, scope, request.get("ConfigurationSetName"), V2)
        for name in ("FromEmailAddressIdentityArn", "FeedbackForwardingEmailAddressIdentityArn"):
            self.ses.check_own_arn(tx, scope, request.get(name), V2, "SendEmail")
        content = request.get("Content") or {}
        kinds = [kind for kind in ("Simple", "Raw", "Template") if content.get(kind)]
        if len(kinds) != 1:
            raise AwsError(V2.bad_request, "Exactly one of Simple, Raw or Template must be specified in Content.")
        if "Template" in kinds:
            return {"MessageId": self.templates.send(tx, scope, request, content["Template"])}
        destination = request.get("Destination") or {}
        source = str(request.get("FromEmailAddress") or "")
        tags = tags_from(request.get("EmailTags"))
        sent = circumstances(request, "SendEmail")
        if "Raw" in kinds:
            raw = blob(content["Raw"].get("Data"))
            asked = {kind.lower(): tuple(destination.get(f"{kind}Addresses") or ()) for kind in ("To", "Cc", "Bcc")}
            return {"MessageId": self.ses.accept_raw(tx, scope, raw, tags, V2, source, asked, sent)}
        simple = content["Simple"]
        words = draft_from(simple, V2)
        draft = replace(
            draft_of(request, destination),
            subject=words.subject,
            text=words.text,
            text_charset=words.text_charset,
            html=words.html,
            html_charset=words.html_charset,
            headers=tuple(header(each) for each in simple.get("Headers") or ()),
            attachments=tuple(attachment(part) for part in simple.get("Attachments") or ()),
        )
        return {"MessageId": self.ses.accept(tx, scope, draft, tags, V2, sent)}

    def create_email_identity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateEmailIdentity: an address or a domain, verified at once or pending, as the settings say."""
        self.ses.check_configuration_set(tx, scope, request.get("ConfigurationSetName"), V2)
        name = str(request.get("EmailIdentity") or "")
        _check_identity_name(name)
        if self.ses.find_identity(tx, scope, name) is not None:
            raise AwsError("AlreadyExistsException", f"Email identity {name} already exist.")
        tags = tuple((str(tag.get("Key") or ""), str(tag.get("Value") or "")) for tag in request.get("Tags") or ())
        identity = self.ses.put_identity(tx, scope, name, tags)
        if request.get("ConfigurationSetName"):
            self.identities.put_configuration_set(tx, scope, request)
        signing: dict[str, Any] = request.get("DkimSigningAttributes") or {}
        if signing:
            origin = signing.get("DomainSigningAttributesOrigin")
            self.identities.keep_dkim_keys(tx, scope, identity, origin, signing)
        answer: dict[str, Any] = {"IdentityType": _kind(identity), "VerifiedForSendingStatus": identity.verified}
        if identity.kind == "EmailAddress":
            return answer
        return {**answer, "DkimAttributes": self.identities.dkim(tx, scope, identity)}

    def get_email_identity(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetEmailIdentity."""
        identity = self.identities.existing(tx, scope, request)
        verification: dict[str, Any] = {}
        if identity.verified:
            verification = {"LastCheckedTimestamp": identity.created_at, "LastSuccessTimestamp": identity.created_at}
        return {
            "IdentityType": _kind(identity),
            "VerifiedForSendingStatus": identity.verified,
            "DkimAttributes": self.identities.dkim(tx, scope, identity),
            **self.identities.shown(tx, scope, identity),
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
        identity = self.identities.existing(tx, scope, request)
        self.ses.remove_identity(tx, scope, identity.name)
        return {}

    def get_account(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetAccount: a healthy account, in the sandbox if the settings say so."""
        kept = self.ses.account_settings(tx, scope)
        return {
            "DedicatedIpAutoWarmupEnabled": kept.get("Warmup", True),
            "EnforcementStatus": "HEALTHY",
            "ProductionAccessEnabled": not self.ses.settings.ses_sandbox,
            "SendQuota": self.ses.quota(tx, scope),
            "SendingEnabled": kept.get("SendingEnabled", True),
            "SuppressionAttributes": {"SuppressedReasons": list(self.feedback.reasons(tx, scope, ""))},
            **({"VdmAttributes": kept["Vdm"]} if "Vdm" in kept else {}),
            **({"Details": kept["Details"]} if "Details" in kept else {}),
        }

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "SendEmail": self.send_email,
            "CreateEmailIdentity": self.create_email_identity,
            "GetEmailIdentity": self.get_email_identity,
            "ListEmailIdentities": self.list_email_identities,
            "DeleteEmailIdentity": self.delete_email_identity,
            "GetAccount": self.get_account,
            **self.templates.table(),
            **self.identities.table(),
            **ConfigurationSetOperationsV2(ConfigurationSetOperations(self.ses)).table(),
            **SuppressionOperations(self.ses).table(),
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


def _kind(identity: Identity) -> str:
    return "EMAIL_ADDRESS" if identity.kind == "EmailAddress" else "DOMAIN"


def _status(identity: Identity) -> str:
    return "SUCCESS" if identity.verified else "PENDING"
