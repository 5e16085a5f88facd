"""Templates, and sending with them: the operations of 2010, and what sesv2 builds on.

A message whose template cannot be rendered with its data is accepted, and told of as a Rendering Failure event; only
the test of a template says so at once (email.md 6.3).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.page_tokens import write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.ses import mime, store_documents
from emulator.services.ses.model import Circumstances, Draft
from emulator.services.ses.operations.dialect import (
    V1,
    Dialect,
    Tags,
    circumstances,
    limit_of,
    names_after,
    tags_from,
)
from emulator.services.ses.operations.mail import SesOperations
from emulator.services.ses.store_documents import Document, Kind
from emulator.services.ses.templates import (
    LARGEST_TEMPLATE_BYTES,
    MOST_TEMPLATES,
    NAME,
    InvalidData,
    InvalidTemplate,
    Parts,
    TooLong,
    Unrendered,
    read_data,
)

TEMPLATES = Kind("template")
MOST_DESTINATIONS = 50


class TemplateOperations:
    """Templates of one emulator."""

    def __init__(self, ses: SesOperations) -> None:
        self.ses = ses

    # ── for both APIs ───────────────────────────────────────────────────────────────────────────

    def keep(
        self, tx: Transaction, scope: Scope, name: str, parts: Parts, dialect: Dialect, tags: list[Any], new: bool
    ) -> None:
        """Create or update a template."""
        existing = store_documents.get(tx, scope, TEMPLATES, name)
        if new and existing is not None:
            text = f"Template {name} already exists."
            raise dialect.error("AlreadyExists", "AlreadyExistsException", text)
        if not new and existing is None:
            raise unknown(name, dialect)
        if NAME.fullmatch(name) is None:
            text = "Template name can only contain alphanumeric characters, '_' and '-', at most 64."
            raise AwsError(dialect.bad_request, text)
        try:
            parts.check()
        except InvalidTemplate as error:
            raise dialect.error("InvalidTemplate", "BadRequestException", str(error)) from None
        too_large = parts.size > LARGEST_TEMPLATE_BYTES
        if too_large or (new and store_documents.count(tx, scope, TEMPLATES) >= MOST_TEMPLATES):
            what = "size" if too_large else "number"
            text = f"Maximum {what} of templates exceeded."
            raise dialect.error("LimitExceeded", "LimitExceededException", text)
        kept = tags if existing is None else existing.body.get("tags", [])
        body = {"subject": parts.subject, "text": parts.text, "html": parts.html, "tags": kept}
        store_documents.put(tx, scope, TEMPLATES, name, body)

    def existing(self, tx: Transaction, scope: Scope, name: str, dialect: Dialect) -> Document:
        """A template by its name."""
        document = store_documents.get(tx, scope, TEMPLATES, name)
        if document is None:
            raise unknown(name, dialect)
        return document

    def forget(self, tx: Transaction, scope: Scope, name: str) -> bool:
        """Delete a template; False if there was none."""
        return store_documents.delete(tx, scope, TEMPLATES, name)

    def page(
        self, tx: Transaction, scope: Scope, token: str | None, size: int, dialect: Dialect
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Names and ages of templates, and the token of the next page."""
        found = store_documents.page(tx, scope, TEMPLATES, names_after(token, dialect), size + 1)
        more = write_token(found[size - 1].name) if len(found) > size else None
        return [{"name": each.name, "created_at": each.created_at} for each in found[:size]], more

    def test(self, tx: Transaction, scope: Scope, name: str, data: str | None, dialect: Dialect) -> str:
        """The message that a template makes of data, as text."""
        parts = parts_of(self.existing(tx, scope, name, dialect))
        try:
            rendered = parts.render(read_data(data))
        except InvalidData:
            raise invalid_data(dialect) from None
        except InvalidTemplate as error:
            raise dialect.error("InvalidTemplate", "BadRequestException", str(error)) from None
        except TooLong as error:
            raise AwsError(dialect.bad_request, str(error)) from None  # unverified
        except Unrendered as error:
            raise dialect.error("MissingRenderingAttribute", "BadRequestException", str(error)) from None
        return mime.compose_rendered(rendered.subject, rendered.text, rendered.html, tx.now)

    def send(
        self,
        tx: Transaction,
        scope: Scope,
        draft: Draft,
        parts: Parts,
        data: dict[str, Any],
        tags: Tags,
        dialect: Dialect,
        sent: Circumstances,
    ) -> str:
        """Render and accept a message; what cannot be rendered is accepted, too."""
        try:
            rendered = parts.render(data)
        except (InvalidTemplate, Unrendered) as error:
            return self.ses.accept(tx, scope, replace(draft, text=""), tags, dialect, sent, failure=str(error))
        subject = " ".join(rendered.subject.split()) if "\n" in rendered.subject else rendered.subject
        draft = replace(draft, subject=subject, text=rendered.text, html=rendered.html)
        return self.ses.accept(tx, scope, draft, tags, dialect, sent)

    # ── the API of 2010 ─────────────────────────────────────────────────────────────────────────

    def create_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """CreateTemplate."""
        template = request["Template"]
        self.keep(tx, scope, template["TemplateName"], _parts(template), V1, [], new=True)
        return {}

    def update_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """UpdateTemplate: replaces all parts."""
        template = request["Template"]
        self.keep(tx, scope, template["TemplateName"], _parts(template), V1, [], new=False)
        return {}

    def get_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """GetTemplate."""
        document = self.existing(tx, scope, request["TemplateName"], V1)
        parts = parts_of(document)
        template = {"TemplateName": document.name, "SubjectPart": parts.subject}
        template |= {"TextPart": parts.text} if parts.text is not None else {}
        template |= {"HtmlPart": parts.html} if parts.html is not None else {}
        return {"Template": template}

    def delete_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """DeleteTemplate: succeeds whether or not it existed."""
        self.forget(tx, scope, request["TemplateName"])
        return {}

    def list_templates(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """ListTemplates, up to 100 a page."""
        size = limit_of(request.get("MaxItems"), 100, V1)
        found, token = self.page(tx, scope, request.get("NextToken"), size, V1)
        listed = [{"Name": each["name"], "CreatedTimestamp": each["created_at"]} for each in found]
        return {"TemplatesMetadata": listed, **({"NextToken": token} if token else {})}

    def test_render_template(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """TestRenderTemplate: the message, or what is missing."""
        return {"RenderedTemplate": self.test(tx, scope, request["TemplateName"], request["TemplateData"], V1)}

    def send_templated_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendTemplatedEmail."""
        parts = self._wanted(tx, scope, request, "SendTemplatedEmail")
        try:
            data = read_data(request["TemplateData"])
        except InvalidData:
            raise invalid_data(V1) from None
        tags = tags_from(request.get("Tags"))
        sent = circumstances(request, "SendTemplatedEmail", request["Template"])
        draft = _draft(request, request["Destination"])
        return {"MessageId": self.send(tx, scope, draft, parts, data, tags, V1, sent)}

    def send_bulk_templated_email(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """SendBulkTemplatedEmail: each destination succeeds or fails on its own."""
        parts = self._wanted(tx, scope, request, "SendBulkTemplatedEmail")
        destinations: list[dict[str, Any]] = request["Destinations"]
        check_number_of_destinations(len(destinations), V1)
        try:
            common = read_data(request["DefaultTemplateData"])
        except InvalidData:
            raise invalid_data(V1) from None
        sent = circumstances(request, "SendBulkTemplatedEmail", request["Template"])
        answers: list[dict[str, Any]] = []
        for entry in destinations:
            tags = merged_tags(tags_from(request.get("DefaultTags")), tags_from(entry.get("ReplacementTags")))
            draft = _draft(request, entry["Destination"])
            try:
                data = {**common, **read_data(entry.get("ReplacementTemplateData"))}
                with tx.nested():
                    identifier = self.send(tx, scope, draft, parts, data, tags, V1, sent)
                answers.append({"Status": "Success", "MessageId": identifier})
            except InvalidData:
                answers.append({"Status": "InvalidParameterValue", "Error": INVALID_DATA})
            except AwsError as error:
                answers.append({"Status": _BULK.get(error.code, "Failed"), "Error": error.message})
        return {"Status": answers}

    def _wanted(self, tx: Transaction, scope: Scope, request: dict[str, Any], operation: str) -> Parts:
        self.ses.check_configuration_set(tx, scope, request.get("ConfigurationSetName"), V1)
        for name in ("SourceArn", "ReturnPathArn"):
            self.ses.check_own_arn(tx, scope, request.get(name), V1, operation)
        if request.get("TemplateArn"):
            raise NotEmulated("ses", operation, "TemplateArn")
        return parts_of(self.existing(tx, scope, request["Template"], V1))

    def table(self) -> dict[str, Any]:
        """Operation name to method, for wire.py."""
        return {
            "CreateTemplate": self.create_template,
            "UpdateTemplate": self.update_template,
            "GetTemplate": self.get_template,
            "DeleteTemplate": self.delete_template,
            "ListTemplates": self.list_templates,
            "TestRenderTemplate": self.test_render_template,
            "SendTemplatedEmail": self.send_templated_email,
            "SendBulkTemplatedEmail": self.send_bulk_templated_email,
        }


_BULK = {
    "MessageRejected": "MessageRejected",
    "InvalidParameterValue": "InvalidParameterValue",
    "ConfigurationSetDoesNotExist": "ConfigurationSetDoesNotExist",
    "AccountSendingPausedException": "AccountSendingPaused",
    "ConfigurationSetSendingPausedException": "ConfigurationSetSendingPaused",
    "Throttling": "AccountThrottled",
}
INVALID_DATA = "Template data is not a valid JSON object."


def unknown(name: str, dialect: Dialect) -> AwsError:
    """The error for a template that is not there."""
    return dialect.error("TemplateDoesNotExist", "NotFoundException", f"Template {name} does not exist.", 404)


def invalid_data(dialect: Dialect) -> AwsError:
    """The error for template data that is no JSON object; its text is unverified."""
    return dialect.error("InvalidRenderingParameter", "BadRequestException", INVALID_DATA)


def check_number_of_destinations(number: int, dialect: Dialect) -> None:
    """A bulk call has 1 to 50 destinations [D]; texts are unverified."""
    if not 1 <= number <= MOST_DESTINATIONS:
        text = f"The number of destinations must be between 1 and {MOST_DESTINATIONS}."
        raise AwsError(dialect.bad_request, text)


def merged_tags(default: Tags, replacing: Tags) -> Tags:
    """Tags of one destination: its own win over those of all."""
    own = {name for name, _ in replacing}
    return (*(pair for pair in default if pair[0] not in own), *replacing)


def parts_of(document: Document) -> Parts:
    """A stored template."""
    return Parts(document.body["subject"], document.body["text"], document.body["html"])


def _parts(template: dict[str, Any]) -> Parts:
    return Parts(template.get("SubjectPart") or "", template.get("TextPart"), template.get("HtmlPart"))


def _draft(request: dict[str, Any], destination: dict[str, Any]) -> Draft:
    return Draft(
        source=request["Source"],
        to=tuple(destination.get("ToAddresses") or ()),
        cc=tuple(destination.get("CcAddresses") or ()),
        bcc=tuple(destination.get("BccAddresses") or ()),
        reply_to=tuple(request.get("ReplyToAddresses") or ()),
        return_path=request.get("ReturnPath") or "",
    )
