"""Email templates and bulk sending in SES API v2: the shared operations of `ses`, in v2's shapes and words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses.model import Draft
from emulator.services.ses.operations import V2, SesOperations, tags_from
from emulator.services.ses.operations.dialect import circumstances, page_size
from emulator.services.ses.operations.templates import (
    INVALID_DATA,
    TemplateOperations,
    check_number_of_destinations,
    invalid_data,
    merged_tags,
    parts_of,
    unknown,
)
from emulator.services.ses.templates import InvalidData, Parts, read_data
from emulator.services.sesv2.content import attachment, draft_of, header

_TEMPLATE_ARN = "arn:aws:ses:{region}:{account}:template/"


class EmailTemplateOperations:
    """v2's operations on templates, and those that send with them."""

    def __init__(self, ses: SesOperations, templates: TemplateOperations) -> None:
        self.ses = ses
        self.templates = templates

    def create_email_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateEmailTemplate."""
        tags = list(request.get("Tags") or ())
        parts = _parts(request["TemplateContent"])
        self.templates.keep(tx, scope, request["TemplateName"], parts, V2, tags, new=True)
        return {}

    def update_email_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateEmailTemplate: replaces all parts."""
        parts = _parts(request["TemplateContent"])
        self.templates.keep(tx, scope, request["TemplateName"], parts, V2, [], new=False)
        return {}

    def get_email_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetEmailTemplate."""
        document = self.templates.existing(tx, scope, request["TemplateName"], V2)
        parts = parts_of(document)
        content = {"Subject": parts.subject}
        content |= {"Text": parts.text} if parts.text is not None else {}
        content |= {"Html": parts.html} if parts.html is not None else {}
        return {"TemplateName": document.name, "TemplateContent": content, "Tags": document.body.get("tags", [])}

    def delete_email_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteEmailTemplate: unlike v1's, an unknown template is an error [M]."""
        if not self.templates.forget(tx, scope, request["TemplateName"]):
            raise unknown(request["TemplateName"], V2)
        return {}

    def list_email_templates(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListEmailTemplates, up to 100 a page."""
        size = page_size(request.get("PageSize"), 100, V2)
        found, token = self.templates.page(tx, scope, request.get("NextToken"), size, V2)
        listed = [{"TemplateName": each["name"], "CreatedTimestamp": each["created_at"]} for each in found]
        return {"TemplatesMetadata": listed, **({"NextToken": token} if token else {})}

    def test_render_email_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """TestRenderEmailTemplate: the message, or what is missing."""
        return {
            "RenderedTemplate": self.templates.test(tx, scope, request["TemplateName"], request["TemplateData"], V2)
        }

    def send(self, tx: Transaction, scope: Scope, request: dict[str, Any], template: dict[str, Any]) -> str:
        """SendEmail with a template: the message id."""
        name, parts = self._wanted(tx, scope, template, "SendEmail")
        try:
            data = read_data(template.get("TemplateData"))
        except InvalidData:
            raise invalid_data(V2) from None
        draft = _decorated(draft_of(request, request.get("Destination") or {}), template, template.get("Headers"))
        sent = circumstances(request, "SendEmail", name)
        return self.templates.send(tx, scope, draft, parts, data, tags_from(request.get("EmailTags")), V2, sent)

    def send_bulk_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendBulkEmail: each entry succeeds or fails on its own."""
        for member in ("EndpointId", "TenantName", "ConfigurationOverrides"):
            if request.get(member):
                raise NotEmulated("sesv2", "SendBulkEmail", member)
        self.ses.check_configuration_set(tx, scope, request.get("ConfigurationSetName"), V2)
        for member in ("FromEmailAddressIdentityArn", "FeedbackForwardingEmailAddressIdentityArn"):
            self.ses.check_own_arn(tx, scope, request.get(member), V2, "SendBulkEmail")
        entries: list[dict[str, Any]] = request["BulkEmailEntries"]
        check_number_of_destinations(len(entries), V2)
        template: dict[str, Any] = request["DefaultContent"].get("Template") or {}
        name, parts = self._wanted(tx, scope, template, "SendBulkEmail")
        try:
            common = read_data(template.get("TemplateData"))
        except InvalidData:
            raise invalid_data(V2) from None
        sent = circumstances(request, "SendBulkEmail", name)
        default_tags = tags_from(request.get("DefaultEmailTags"))
        answers: list[dict[str, Any]] = []
        for entry in entries:
            tags = merged_tags(default_tags, tags_from(entry.get("ReplacementTags")))
            replacement = (entry.get("ReplacementEmailContent") or {}).get("ReplacementTemplate") or {}
            try:
                data = {**common, **read_data(replacement.get("ReplacementTemplateData"))}
                headers = _merged_headers(template.get("Headers"), entry.get("ReplacementHeaders"))
                draft = _decorated(draft_of(request, entry["Destination"]), template, headers)
                with tx.nested():
                    identifier = self.templates.send(tx, scope, draft, parts, data, tags, V2, sent)
                answers.append({"Status": "SUCCESS", "MessageId": identifier})
            except InvalidData:
                answers.append({"Status": "INVALID_PARAMETER", "Error": INVALID_DATA})
            except AwsError as error:
                answers.append({"Status": _BULK.get(error.code, "FAILED"), "Error": error.message})
        return {"BulkEmailEntryResults": answers}

    def _wanted(self, tx: Transaction, scope: Scope, template: dict[str, Any], operation: str) -> tuple[str, Parts]:
        """The name and the parts of a template that is stored, or comes along."""
        content = template.get("TemplateContent")
        name = str(template.get("TemplateName") or "")
        arn = str(template.get("TemplateArn") or "")
        if sum(map(bool, (content, name, arn))) != 1 and not (name and arn):
            text = "Exactly one of TemplateName, TemplateArn or TemplateContent must be specified."
            raise AwsError(V2.bad_request, text)
        if content:
            return "", _parts(content)
        own = _TEMPLATE_ARN.format(region=scope.region, account=scope.account)
        if arn and not name:
            if not arn.startswith(own):
                raise NotEmulated("sesv2", operation, "the template of another account")
            name = arn[len(own) :]
        return name, parts_of(self.templates.existing(tx, scope, name, V2))

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "CreateEmailTemplate": self.create_email_template,
            "UpdateEmailTemplate": self.update_email_template,
            "GetEmailTemplate": self.get_email_template,
            "DeleteEmailTemplate": self.delete_email_template,
            "ListEmailTemplates": self.list_email_templates,
            "TestRenderEmailTemplate": self.test_render_email_template,
            "SendBulkEmail": self.send_bulk_email,
        }


_BULK = {
    "MessageRejected": "MESSAGE_REJECTED",
    "BadRequestException": "INVALID_PARAMETER",
    "NotFoundException": "CONFIGURATION_SET_NOT_FOUND",
    "SendingPausedException": "ACCOUNT_SENDING_PAUSED",
    "TooManyRequestsException": "ACCOUNT_THROTTLED",
    "LimitExceededException": "ACCOUNT_DAILY_QUOTA_EXCEEDED",
}


def _parts(content: dict[str, Any]) -> Parts:
    return Parts(content.get("Subject") or "", content.get("Text"), content.get("Html"))


def _merged_headers(default: list[Any] | None, replacing: list[Any] | None) -> list[dict[str, str]]:
    own = {str(each.get("Name") or "").lower() for each in replacing or ()}
    kept = [each for each in default or () if str(each.get("Name") or "").lower() not in own]
    return [*kept, *(replacing or ())]


def _decorated(draft: Draft, template: dict[str, Any], headers: list[dict[str, str]] | None) -> Draft:
    return replace(
        draft,
        headers=tuple(header(each) for each in headers or ()),
        attachments=tuple(attachment(part) for part in template.get("Attachments") or ()),
    )
