"""Settings of identities and the account in SES API v2: the shared operations of `ses`, in v2's shapes and words."""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses.model import Identity, is_domain
from emulator.services.ses.operations import V2, SesOperations
from emulator.services.ses.operations.identity_settings import IdentitySettingsOperations

_KEY_LENGTH = "RSA_2048_BIT"
"""Of Easy DKIM's keys, unless another is wanted."""
_BEHAVIORS = {"USE_DEFAULT_VALUE": "UseDefaultValue", "REJECT_MESSAGE": "RejectMessage"}


class IdentitySettingsOperationsV2:
    """v2's operations on settings of identities and of the account."""

    def __init__(self, ses: SesOperations) -> None:
        self.ses = ses
        self._settings = IdentitySettingsOperations(ses)

    def existing(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> Identity:
        """The identity that a request names."""
        name = str(request.get("EmailIdentity") or "")
        identity = self.ses.find_identity(tx, scope, name)
        if identity is None:
            raise AwsError("NotFoundException", f"Email identity {name} does not exist.", 404)
        return identity

    def shown(self, tx: Transaction, scope: Scope, identity: Identity) -> dict[str, Any]:
        """What GetEmailIdentity says of an identity's settings."""
        kept = self._settings.read(tx, scope, identity.name)
        answer: dict[str, Any] = {
            "FeedbackForwardingStatus": kept.get("forwarding", True),
            "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
            "Policies": kept.get("policies", {}),
        }
        mail_from = kept.get("mail_from")
        if mail_from:
            names = {v1: v2 for v2, v1 in _BEHAVIORS.items()}
            answer["MailFromAttributes"] = {
                "MailFromDomain": mail_from["domain"],
                "MailFromDomainStatus": "SUCCESS" if identity.verified else "PENDING",
                "BehaviorOnMxFailure": names[mail_from["behavior"]],
            }
        if kept.get("configuration_set"):
            answer["ConfigurationSetName"] = kept["configuration_set"]
        return answer

    def _signing(self, tx: Transaction, scope: Scope, identity: Identity) -> bool:
        """Whether DKIM signing is on: for a domain, unless it was turned off."""
        dkim = self._settings.read(tx, scope, identity.name).get("dkim")
        return bool(dkim["enabled"]) if dkim else identity.kind == "Domain"

    def dkim(self, tx: Transaction, scope: Scope, identity: Identity) -> dict[str, Any]:
        """`DkimAttributes` of an identity."""
        if identity.kind == "EmailAddress":
            return {
                "SigningEnabled": self._signing(tx, scope, identity),
                "Status": "NOT_STARTED",
                "SigningAttributesOrigin": "AWS_SES",
                "NextSigningKeyLength": "RSA_1024_BIT",
            }
        keys = self._settings.read(tx, scope, identity.name).get("dkim_keys") or {}
        answer: dict[str, Any] = {
            "SigningEnabled": self._signing(tx, scope, identity),
            "Status": "SUCCESS" if identity.verified else "NOT_STARTED",
            "Tokens": [keys["selector"]] if "selector" in keys else list(identity.dkim_tokens),
            "SigningAttributesOrigin": "EXTERNAL" if "selector" in keys else "AWS_SES",
        }
        if "selector" in keys:
            return answer
        return {
            **answer,
            "NextSigningKeyLength": keys.get("next", _KEY_LENGTH),
            "CurrentSigningKeyLength": keys.get("current", _KEY_LENGTH),
            "LastKeyGenerationTimestamp": identity.created_at,
        }

    def keep_dkim_keys(
        self, tx: Transaction, scope: Scope, identity: Identity, origin: str | None, attributes: dict[str, Any]
    ) -> None:
        """What an identity is to be signed with: Easy DKIM, or the user's own key, of which only the selector is ever
        shown (the key itself is not kept: nothing is signed). Texts of refusals are unverified.
        """
        if identity.kind == "EmailAddress":  # [M]: "only if the email identity is a domain"
            raise AwsError(V2.bad_request, "DKIM signing attributes can only be specified for a domain.")
        selector, key = attributes.get("DomainSigningSelector"), attributes.get("DomainSigningPrivateKey")
        length = attributes.get("NextSigningKeyLength")
        origin = origin or ("EXTERNAL" if selector or key else "AWS_SES")
        if origin not in ("AWS_SES", "EXTERNAL"):
            raise NotEmulated("sesv2", "DkimSigningAttributes", f"{origin}: keys of another region")
        if origin == "EXTERNAL":
            if not selector or not key:
                text = "DomainSigningSelector and DomainSigningPrivateKey are required for your own DKIM key."
                raise AwsError(V2.bad_request, text)
            if length:
                raise AwsError(V2.bad_request, "NextSigningKeyLength can only be specified for Easy DKIM.")
            self._settings.change(tx, scope, identity.name, {"dkim_keys": {"selector": selector}})
            return
        if selector or key:
            text = "DomainSigningSelector and DomainSigningPrivateKey cannot be specified for Easy DKIM."
            raise AwsError(V2.bad_request, text)
        before = self._settings.read(tx, scope, identity.name).get("dkim_keys")
        if before is None or "selector" in before:
            keys = {"next": length or _KEY_LENGTH, "current": length or _KEY_LENGTH}
        else:  # the key in use stays until the next is generated, which is not emulated
            keys = {**before, "next": length or before["next"]}
        self._settings.change(tx, scope, identity.name, {"dkim_keys": keys})

    def put_dkim_signing(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutEmailIdentityDkimSigningAttributes: kept and shown, nothing is signed."""
        identity = self.existing(tx, scope, request)
        attributes: dict[str, Any] = request.get("SigningAttributes") or {}
        if attributes.get("DomainSigningAttributesOrigin"):  # [M]: "none of the values are allowed"
            raise AwsError(V2.bad_request, "DomainSigningAttributesOrigin cannot be specified.")
        self.keep_dkim_keys(tx, scope, identity, request["SigningAttributesOrigin"], attributes)
        shown = self.dkim(tx, scope, identity)
        return {"DkimStatus": shown["Status"], "DkimTokens": shown["Tokens"]}

    def put_configuration_set(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutEmailIdentityConfigurationSetAttributes: what messages that name no set are sent with."""
        identity = self.existing(tx, scope, request)
        name = request.get("ConfigurationSetName")
        self.ses.check_configuration_set(tx, scope, name, V2)
        self._settings.change(tx, scope, identity.name, {"configuration_set": name})
        return {}

    def put_feedback(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutEmailIdentityFeedbackAttributes."""
        identity = self.existing(tx, scope, request)
        self._settings.change(tx, scope, identity.name, {"forwarding": bool(request.get("EmailForwardingEnabled"))})
        return {}

    def put_dkim(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutEmailIdentityDkimAttributes: kept and shown, nothing is signed."""
        identity = self.existing(tx, scope, request)
        self._settings.change(tx, scope, identity.name, {"dkim": {"enabled": bool(request.get("SigningEnabled"))}})
        return {}

    def put_mail_from(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutEmailIdentityMailFromAttributes: kept and shown."""
        identity = self.existing(tx, scope, request)
        domain = request.get("MailFromDomain")
        if domain and not is_domain(domain):
            raise AwsError(V2.bad_request, f"Invalid domain name {domain}.")
        behavior = _BEHAVIORS[request.get("BehaviorOnMxFailure") or "USE_DEFAULT_VALUE"]
        kept = {"domain": domain, "behavior": behavior} if domain else None
        self._settings.change(tx, scope, identity.name, {"mail_from": kept})
        return {}

    def create_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateEmailIdentityPolicy."""
        identity = self.existing(tx, scope, request)
        name = request["PolicyName"]
        if name in self._settings.policies(tx, scope, identity.name):
            raise AwsError("AlreadyExistsException", f"Policy {name} already exists.")
        self._settings.put_policy(tx, scope, identity.name, name, request["Policy"], V2)
        return {}

    def update_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateEmailIdentityPolicy."""
        identity = self.existing(tx, scope, request)
        name = request["PolicyName"]
        if name not in self._settings.policies(tx, scope, identity.name):
            raise AwsError("NotFoundException", f"Policy {name} does not exist.", 404)
        self._settings.put_policy(tx, scope, identity.name, name, request["Policy"], V2)
        return {}

    def get_policies(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetEmailIdentityPolicies."""
        identity = self.existing(tx, scope, request)
        return {"Policies": self._settings.policies(tx, scope, identity.name)}

    def delete_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteEmailIdentityPolicy: succeeds whether or not it existed."""
        identity = self.existing(tx, scope, request)
        self._settings.delete_identity_policy(
            tx, scope, {"Identity": identity.name, "PolicyName": request["PolicyName"]}
        )
        return {}

    def put_account_sending(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutAccountSendingAttributes: left out is off [M]."""
        self.ses.change_account(tx, scope, {"SendingEnabled": bool(request.get("SendingEnabled"))})
        return {}

    def put_account_details(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutAccountDetails: kept and shown; leaving the sandbox is a setting of the emulator."""
        names = ("MailType", "WebsiteURL", "ContactLanguage", "UseCaseDescription", "AdditionalContactEmailAddresses")
        self.ses.change_account(
            tx, scope, {"Details": {name: request[name] for name in names if request.get(name) is not None}}
        )
        return {}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "PutEmailIdentityConfigurationSetAttributes": self.put_configuration_set,
            "PutEmailIdentityFeedbackAttributes": self.put_feedback,
            "PutEmailIdentityDkimAttributes": self.put_dkim,
            "PutEmailIdentityDkimSigningAttributes": self.put_dkim_signing,
            "PutEmailIdentityMailFromAttributes": self.put_mail_from,
            "CreateEmailIdentityPolicy": self.create_policy,
            "UpdateEmailIdentityPolicy": self.update_policy,
            "GetEmailIdentityPolicies": self.get_policies,
            "DeleteEmailIdentityPolicy": self.delete_policy,
            "PutAccountSendingAttributes": self.put_account_sending,
            "PutAccountDetails": self.put_account_details,
        }
