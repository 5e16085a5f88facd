"""How SES API v2 writes what is to be sent: addresses, headers and attachments of a request."""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.services.ses import attachment_names
from emulator.services.ses.model import Attachment, Draft, Refused
from emulator.services.ses.operations import V2, blob

_RESERVED_HEADERS = frozenset(
    {"bcc", "cc", "content-disposition", "content-type", "content-transfer-encoding", "date", "from", "message-id"}
    | {"mime-version", "reply-to", "return-path", "sender", "subject", "to"}
)


def draft_of(request: dict[str, Any], destination: dict[str, Any]) -> Draft:
    """Who sends to whom; a message without words."""
    return Draft(
        source=str(request.get("FromEmailAddress") or ""),
        to=tuple(destination.get("ToAddresses") or ()),
        cc=tuple(destination.get("CcAddresses") or ()),
        bcc=tuple(destination.get("BccAddresses") or ()),
        reply_to=tuple(request.get("ReplyToAddresses") or ()),
        return_path=str(request.get("FeedbackForwardingEmailAddress") or ""),
    )


def header(given: dict[str, str]) -> tuple[str, str]:
    """A header that a caller may set. Raises `AwsError`."""
    name, value = given.get("Name") or "", given.get("Value") or ""
    if name.lower() in _RESERVED_HEADERS:
        raise AwsError(V2.bad_request, f"Header <{name}> is not allowed.")
    if name.lower().startswith("x-ses-"):
        raise NotEmulated("sesv2", "SendEmail", f"header {name}")
    if not name or not all(33 <= ord(character) <= 126 and character != ":" for character in name):
        raise AwsError(V2.bad_request, f"Illegal header '{name.encode('ascii', 'replace').decode()}'.")
    return name, value


def attachment(part: dict[str, Any]) -> Attachment:
    """A file that travels with the message. Raises `AwsError` for a name that SES does not take."""
    try:
        name = attachment_names.named(part.get("FileName") or "", part.get("ContentType") or "")
    except Refused as error:
        raise V2.refuse(error) from None
    return Attachment(
        filename=name,
        content_type=part.get("ContentType") or "",
        content=blob(part.get("RawContent")),
        disposition="inline" if part.get("ContentDisposition") == "INLINE" else "attachment",
        description=part.get("ContentDescription") or "",
        content_id=part.get("ContentId") or "",
    )
