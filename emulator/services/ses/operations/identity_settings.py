"""What is set for identities and the account: notifications, DKIM, MAIL FROM, policies, pauses. Operations of 2010.

Topics and forwarding take effect (publishing.py, feedback.py); DKIM, MAIL FROM and policies are kept and shown: nothing
is signed here, and nobody's permission is asked for.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import model, store_documents
from emulator.services.ses.model import Identity
from emulator.services.ses.operations.dialect import V1, Dialect
from emulator.services.ses.operations.mail import SesOperations
from emulator.services.ses.operations.sending import IDENTITY_SETTINGS

NOTIFICATIONS = ("Bounce", "Complaint", "Delivery")
_MOST_IDENTITIES = 100


class IdentitySettingsOperations:
    """Settings of identities, and of the account."""

    def __init__(self, ses: SesOperations) -> None:
        self.ses = ses

    # ── for both APIs ───────────────────────────────────────────────────────────────────────────

    def read(self, tx: Transaction, scope: Scope, name: str) -> dict[str, Any]:
        """What is set for an identity; empty while nothing is."""
        document = store_documents.get(tx, scope, IDENTITY_SETTINGS, model.identity_name(name))
        return document.body if document is not None else {}

    def change(self, tx: Transaction, scope: Scope, name: str, changes: dict[str, Any]) -> None:
        """Set something for an identity that exists."""
        body = {**self.read(tx, scope, name), **changes}
        store_documents.put(tx, scope, IDENTITY_SETTINGS, model.identity_name(name), body)

    def put_policy(self, tx: Transaction, scope: Scope, name: str, policy: str, text: str, dialect: Dialect) -> None:
        """Keep a sending authorization policy: JSON; texts of refusals are unverified."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            document = None
        if not isinstance(document, dict) or "Statement" not in document:
            raise dialect.error("InvalidPolicy", "BadRequestException", "Policy is not valid JSON.")
        self.change(tx, scope, name, {"policies": {**self.policies(tx, scope, name), policy: text}})

    def policies(self, tx: Transaction, scope: Scope, name: str) -> dict[str, str]:
        """Sending authorization policies of an identity, by name."""
        return self.read(tx, scope, name).get("policies", {})

    # ── the API of 2010 ─────────────────────────────────────────────────────────────────────────

    def _existing(self, tx: Transaction, scope: Scope, name: str) -> Identity:
        """[R:test_set_identity_headers_in_notifications_enabled_failure_unknown_identity]"""
        identity = self.ses.find_identity(tx, scope, name)
        if identity is None:
            raise AwsError("MessageRejected", f"Identity {name} is not verified or does not exist.")
        return identity

    def set_notification_topic(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetIdentityNotificationTopic: no topic takes the old one away."""
        kind = _notification_type(request["NotificationType"])
        identity = self._existing(tx, scope, request["Identity"])
        topic = request.get("SnsTopic")
        if topic and not self.ses.publisher.has_topic(tx, scope, topic):
            raise AwsError(V1.bad_request, f"Invalid parameter value <{topic}> for parameter SnsTopic.")
        topics = {**self.read(tx, scope, identity.name).get("topics", {}), kind: topic}
        self.change(tx, scope, identity.name, {"topics": {name: arn for name, arn in topics.items() if arn}})
        return {}

    def set_headers_in_notifications(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetIdentityHeadersInNotificationsEnabled."""
        kind = _notification_type(request["NotificationType"])
        identity = self._existing(tx, scope, request["Identity"])
        headers = {**self.read(tx, scope, identity.name).get("headers", {}), kind: request["Enabled"]}
        self.change(tx, scope, identity.name, {"headers": headers})
        return {}

    def set_feedback_forwarding(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetIdentityFeedbackForwardingEnabled: off needs topics for bounces and complaints [M]."""
        identity = self._existing(tx, scope, request["Identity"])
        topics = self.read(tx, scope, identity.name).get("topics", {})
        on = request["ForwardingEnabled"]
        if not on and not (topics.get("Bounce") and topics.get("Complaint")):
            text = f"Cannot disable feedback forwarding of identity <{identity.name}> without topics for feedback."
            raise AwsError(V1.bad_request, text)
        self.change(tx, scope, identity.name, {"forwarding": on})
        return {}

    def get_notification_attributes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetIdentityNotificationAttributes: unknown identities are left out."""
        answer: dict[str, Any] = {}
        for identity in self._named(tx, scope, request):
            body = self.read(tx, scope, identity.name)
            topics, headers = body.get("topics", {}), body.get("headers", {})
            answer[identity.name] = {
                **{f"{kind}Topic": topics[kind] for kind in NOTIFICATIONS if kind in topics},
                "ForwardingEnabled": body.get("forwarding", True),
                **{f"HeadersIn{kind}NotificationsEnabled": bool(headers.get(kind)) for kind in NOTIFICATIONS},
            }
        return {"NotificationAttributes": answer}

    def verify_domain_dkim(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """VerifyDomainDkim: the tokens that would go into DNS; the domain becomes an identity."""
        domain = str(request["Domain"])
        if not model.is_domain(domain):
            raise AwsError(V1.bad_request, f"Invalid domain name {domain}.")
        identity = self.ses.put_identity(tx, scope, domain)
        self.change(tx, scope, identity.name, {"dkim": {"enabled": True}})
        return {"DkimTokens": list(identity.dkim_tokens)}

    def set_dkim_enabled(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetIdentityDkimEnabled."""
        identity = self._existing(tx, scope, request["Identity"])
        self.change(tx, scope, identity.name, {"dkim": {"enabled": request["DkimEnabled"]}})
        return {}

    def get_dkim_attributes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetIdentityDkimAttributes."""
        answer: dict[str, Any] = {}
        for identity in self._named(tx, scope, request):
            dkim = self.read(tx, scope, identity.name).get("dkim")
            started = dkim is not None and identity.kind == "Domain"
            status = ("Success" if identity.verified else "Pending") if started else "NotStarted"
            answer[identity.name] = {
                "DkimEnabled": bool(dkim and dkim["enabled"]),
                "DkimVerificationStatus": status,
                **({"DkimTokens": list(identity.dkim_tokens)} if started else {}),
            }
        return {"DkimAttributes": answer}

    def set_mail_from_domain(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SetIdentityMailFromDomain: kept and shown; no domain takes the old one away."""
        identity = self._existing(tx, scope, request["Identity"])
        domain = request.get("MailFromDomain")
        if domain and not model.is_domain(domain):
            raise AwsError(V1.bad_request, f"Invalid domain name {domain}.")
        behavior = request.get("BehaviorOnMXFailure") or "UseDefaultValue"
        kept = {"domain": domain, "behavior": behavior} if domain else None
        self.change(tx, scope, identity.name, {"mail_from": kept})
        return {}

    def get_mail_from_attributes(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetIdentityMailFromDomainAttributes: of identities that have such a domain."""
        answer: dict[str, Any] = {}
        for identity in self._named(tx, scope, request):
            kept = self.read(tx, scope, identity.name).get("mail_from")
            if kept:
                answer[identity.name] = {
                    "MailFromDomain": kept["domain"],
                    "MailFromDomainStatus": "Success" if identity.verified else "Pending",
                    "BehaviorOnMXFailure": kept["behavior"],
                }
        return {"MailFromDomainAttributes": answer}

    def _named(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> list[Identity]:
        names: list[str] = request["Identities"]
        if len(names) > _MOST_IDENTITIES:
            raise AwsError(V1.bad_request, f"Too many identities; the maximum is {_MOST_IDENTITIES}.")
        found = (self.ses.find_identity(tx, scope, name) for name in names)
        return [identity for identity in found if identity is not None]

    def put_identity_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """PutIdentityPolicy."""
        identity = self._existing(tx, scope, request["Identity"])
        self.put_policy(tx, scope, identity.name, request["PolicyName"], request["Policy"], V1)
        return {}

    def get_identity_policies(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetIdentityPolicies: of those that are named, the ones there are."""
        kept = self.policies(tx, scope, request["Identity"])
        return {"Policies": {name: kept[name] for name in request["PolicyNames"] if name in kept}}

    def list_identity_policies(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListIdentityPolicies."""
        return {"PolicyNames": sorted(self.policies(tx, scope, request["Identity"]))}

    def delete_identity_policy(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteIdentityPolicy: succeeds whether or not it existed."""
        kept = self.policies(tx, scope, request["Identity"])
        if request["PolicyName"] in kept:
            left = {name: text for name, text in kept.items() if name != request["PolicyName"]}
            self.change(tx, scope, request["Identity"], {"policies": left})
        return {}

    def delete_verified_email_address(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteVerifiedEmailAddress (deprecated on AWS, still answered)."""
        self.ses.remove_identity(tx, scope, request["EmailAddress"])
        return {}

    def get_account_sending_enabled(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetAccountSendingEnabled."""
        return {"Enabled": self.ses.account_settings(tx, scope).get("SendingEnabled", True)}

    def update_account_sending_enabled(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateAccountSendingEnabled: left out is off [M]."""
        self.ses.change_account(tx, scope, {"SendingEnabled": bool(request.get("Enabled"))})
        return {}

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "SetIdentityNotificationTopic": self.set_notification_topic,
            "SetIdentityHeadersInNotificationsEnabled": self.set_headers_in_notifications,
            "SetIdentityFeedbackForwardingEnabled": self.set_feedback_forwarding,
            "GetIdentityNotificationAttributes": self.get_notification_attributes,
            "VerifyDomainDkim": self.verify_domain_dkim,
            "SetIdentityDkimEnabled": self.set_dkim_enabled,
            "GetIdentityDkimAttributes": self.get_dkim_attributes,
            "SetIdentityMailFromDomain": self.set_mail_from_domain,
            "GetIdentityMailFromDomainAttributes": self.get_mail_from_attributes,
            "PutIdentityPolicy": self.put_identity_policy,
            "GetIdentityPolicies": self.get_identity_policies,
            "ListIdentityPolicies": self.list_identity_policies,
            "DeleteIdentityPolicy": self.delete_identity_policy,
            "DeleteVerifiedEmailAddress": self.delete_verified_email_address,
            "GetAccountSendingEnabled": self.get_account_sending_enabled,
            "UpdateAccountSendingEnabled": self.update_account_sending_enabled,
        }


def _notification_type(text: str) -> str:
    if text not in NOTIFICATIONS:  # [R:test_set_identity_headers_in_notifications_enabled_failure_invalid_type]
        text = f"Invalid notification type: {text}. Valid values are: {', '.join(NOTIFICATIONS)}."
        raise AwsError(V1.bad_request, text)
    return text
