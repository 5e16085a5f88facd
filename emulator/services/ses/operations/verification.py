"""Verification of addresses by mail: AWS's own mail, custom ones from templates, and what following their link does.

Only where identities are not verified at once (`ses_auto_verify`). The link of a mail works for 24 hours [D].
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import store, store_documents
from emulator.services.ses.model import Draft, Refused, covering_names, parse_address
from emulator.services.ses.operations.dialect import V1, Dialect, names_after
from emulator.services.ses.operations.mail import SesOperations
from emulator.services.ses.store_documents import Kind

LINK_SECONDS = 86_400.0
SENDER = "Amazon Web Services <no-reply-aws@amazon.com>"
CUSTOM = Kind("verification-template")
TOKENS = Kind("verification-token")
_ANYWHERE = Scope("", "")
"""Whoever follows a link names no account."""
_MEMBERS = ("FromEmailAddress", "TemplateSubject", "TemplateContent", "SuccessRedirectionURL", "FailureRedirectionURL")
MOST_TEMPLATES = 50


class VerificationOperations:
    """Mails that verify addresses."""

    def __init__(self, ses: SesOperations, base_url: str) -> None:
        self._ses = ses
        self._base_url = base_url
        ses.ask_for_verification = self.ask

    def ask(self, tx: Transaction, scope: Scope, address: str) -> None:
        """Send AWS's verification mail; its words are unverified."""
        link = self._link(tx, scope, address, {})
        text = (
            "Dear Amazon Web Services Customer,\n\n"
            "We have received a request to authorize this email address for use with Amazon SES in region"
            f" {scope.region}. If you requested this verification, please go to the following URL to confirm that you"
            f" are authorized to use this email address:\n\n{link}\n\n"
            "Your request will not be processed unless you confirm the address using this URL."
            " This link expires 24 hours after your original verification request.\n"
        )
        subject = f"Amazon Web Services - Email Address Verification Request in region {scope.region}"
        self._ses.send_own(tx, scope, Draft(SENDER, (address,), subject=subject, text=text))

    def _link(self, tx: Transaction, scope: Scope, address: str, redirects: dict[str, str]) -> str:
        token = tx.new_id()
        body = {"account": scope.account, "region": scope.region, "address": address, **redirects}
        store_documents.put(tx, _ANYWHERE, TOKENS, token, body)
        return f"{self._base_url}/_emulator/verify/{token}"

    def confirm(self, tx: Transaction, token: str) -> tuple[bool, str]:
        """Somebody follows a link: whether the address is verified now, and where AWS sends them (empty: nowhere)."""
        document = store_documents.get(tx, _ANYWHERE, TOKENS, token)
        if document is None:
            return False, ""
        body = document.body
        scope = Scope(body["account"], body["region"])
        identity = self._ses.find_identity(tx, scope, body["address"])
        if identity is None or tx.now > document.created_at + LINK_SECONDS:
            return False, body.get("failure", "")
        store.put_identity(tx, scope, identity.verify())
        return True, body.get("success", "")

    # ── custom verification mails, for both APIs ────────────────────────────────────────────────

    def keep(self, tx: Transaction, scope: Scope, request: dict[str, Any], dialect: Dialect, new: bool) -> None:
        """Create or update a template; an update changes what it names. Texts are unverified."""
        name = request["TemplateName"]
        existing = store_documents.get(tx, scope, CUSTOM, name)
        if new and existing is not None:
            text = f"Custom verification email template {name} already exists."
            raise dialect.error("CustomVerificationEmailTemplateAlreadyExists", "AlreadyExistsException", text)
        if not new and existing is None:
            raise self._unknown(name, dialect)
        if new and store_documents.count(tx, scope, CUSTOM) >= MOST_TEMPLATES:
            text = "Maximum number of templates exceeded."
            raise dialect.error("LimitExceeded", "LimitExceededException", text)
        body = {**(existing.body if existing is not None else {})}
        body |= {member: request[member] for member in _MEMBERS if request.get(member) is not None}
        self._check_sender(tx, scope, body["FromEmailAddress"], dialect)
        store_documents.put(tx, scope, CUSTOM, name, body)

    def _check_sender(self, tx: Transaction, scope: Scope, text: str, dialect: Dialect) -> None:
        try:
            address = parse_address(text)
        except Refused as error:
            raise dialect.refuse(error) from None
        if not store.any_verified(tx, scope, covering_names(address)):
            refusal = f"From email address {text} is not verified."
            raise dialect.error("FromEmailAddressNotVerified", "BadRequestException", refusal)

    def get(self, tx: Transaction, scope: Scope, request: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
        """A template."""
        name = request["TemplateName"]
        document = store_documents.get(tx, scope, CUSTOM, name)
        if document is None:
            raise self._unknown(name, dialect)
        return {"TemplateName": name, **document.body}

    def delete(self, tx: Transaction, scope: Scope, request: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
        """Delete a template: v2 refuses what is not there."""
        name = request["TemplateName"]
        if not store_documents.delete(tx, scope, CUSTOM, name) and dialect is not V1:
            raise self._unknown(name, dialect)
        return {}

    def page(self, tx: Transaction, scope: Scope, request: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
        """Templates without their content, up to 50 a page."""
        size = min(int(request.get("MaxResults") or request.get("PageSize") or 50), 50)
        found = store_documents.page(tx, scope, CUSTOM, names_after(request.get("NextToken"), dialect), size + 1)
        listed = [
            {"TemplateName": each.name, **{key: each.body[key] for key in _MEMBERS if key != "TemplateContent"}}
            for each in found[:size]
        ]
        token = {"NextToken": write_token(found[size - 1].name)} if len(found) > size else {}
        return {"CustomVerificationEmailTemplates": listed, **token}

    def send(self, tx: Transaction, scope: Scope, request: dict[str, Any], dialect: Dialect) -> dict[str, Any]:
        """Ask an address by a template's mail, which gets the link at its end; it becomes an identity."""
        name, address = request["TemplateName"], request["EmailAddress"]
        document = store_documents.get(tx, scope, CUSTOM, name)
        if document is None:
            raise self._unknown(name, dialect)
        self._ses.check_configuration_set(tx, scope, request.get("ConfigurationSetName"), dialect)
        try:
            mailbox = parse_address(address).mailbox
        except Refused as error:
            raise dialect.refuse(error) from None
        self._ses.put_identity(tx, scope, mailbox, ask=False)
        body = document.body
        redirects = {"success": body["SuccessRedirectionURL"], "failure": body["FailureRedirectionURL"]}
        link = self._link(tx, scope, mailbox, redirects)
        html = f'{body["TemplateContent"]}<p><a href="{link}">{link}</a></p>'
        draft = Draft(body["FromEmailAddress"], (mailbox,), subject=body["TemplateSubject"], html=html)
        return {"MessageId": self._ses.send_own(tx, scope, draft)}

    def _unknown(self, name: str, dialect: Dialect) -> AwsError:
        text = f"Custom verification email template {name} does not exist."
        return dialect.error("CustomVerificationEmailTemplateDoesNotExist", "NotFoundException", text, 404)

    def table(self, dialect: Dialect) -> dict[str, Any]:
        """Operation name to method, for wire.py; both APIs call them the same."""

        def keep(new: bool) -> Any:
            def kept(tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
                self.keep(tx, scope, request, dialect, new)
                return {}

            return kept

        def with_dialect(method: Any) -> Any:
            return lambda tx, scope, request: method(tx, scope, request, dialect)

        return {
            "CreateCustomVerificationEmailTemplate": keep(True),
            "UpdateCustomVerificationEmailTemplate": keep(False),
            "GetCustomVerificationEmailTemplate": with_dialect(self.get),
            "DeleteCustomVerificationEmailTemplate": with_dialect(self.delete),
            "ListCustomVerificationEmailTemplates": with_dialect(self.page),
            "SendCustomVerificationEmail": with_dialect(self.send),
        }
