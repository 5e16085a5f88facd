"""What differs between SES's two APIs, and how both read the same members of a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from emulator.aws.calls import EXECUTION_MEMBER
from emulator.aws.errors import AwsError
from emulator.aws.page_tokens import read_token
from emulator.services.ses import mime, model
from emulator.services.ses.model import Circumstances, Draft, MalformedAddress, Refused

Tags = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Dialect:
    """What differs between the two APIs when they refuse the same thing."""

    service: str
    bad_request: str
    names_bad_address: bool
    """v2 answers `Invalid email address <text>.` for most malformed addresses, v1 what is wrong with it [P]."""
    max_message_bytes: int

    def error(self, v1_code: str, v2_code: str, message: str, v2_status: int = 400) -> AwsError:
        """The same refusal in the words of each API; v1 answers 400 always."""
        return AwsError(v1_code, message) if self.service == "ses" else AwsError(v2_code, message, v2_status)

    def unknown_configuration_set(self, name: str) -> AwsError:
        """The error for a configuration set that is not there [R]."""
        text = f"Configuration set <{name}> does not exist."
        return self.error("ConfigurationSetDoesNotExist", "NotFoundException", text, 404)

    def refuse(self, error: Refused) -> AwsError:
        """The AWS error for a malformed request."""
        missing_domain = error.message == "Missing final '@domain'"
        if self.names_bad_address and isinstance(error, MalformedAddress) and not (missing_domain and error.address):
            return AwsError(self.bad_request, f"Invalid email address {error.address}.")
        return AwsError(self.bad_request, error.message)


V1 = Dialect("ses", "InvalidParameterValue", False, model.MAX_MESSAGE_BYTES_V1)
V2 = Dialect("sesv2", "BadRequestException", True, model.MAX_MESSAGE_BYTES_V2)


CALLER_MEMBER = "_caller"
"""A member that no model has: what is known of who sends, from the request to the operation. Facts by name."""

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


def limit_of(asked: Any, largest: int, dialect: Dialect) -> int:
    if asked is None:
        return largest
    if not 1 <= int(asked) <= largest:
        raise AwsError(dialect.bad_request, f"The maximum number of items must be between 1 and {largest}.")
    return int(asked)


def circumstances(request: dict[str, Any], operation: str, template: str = "") -> Circumstances:
    """How a request asks to send, and who it comes from."""
    caller: dict[str, str] = dict(request.get(CALLER_MEMBER) or {})
    if request.get(EXECUTION_MEMBER):
        caller["execution_arn"] = str(request[EXECUTION_MEMBER])
    lists: dict[str, Any] = request.get("ListManagementOptions") or {}
    return Circumstances(
        operation=operation,
        configuration_set=str(request.get("ConfigurationSetName") or ""),
        source_arn=str(request.get("SourceArn") or request.get("FromEmailAddressIdentityArn") or ""),
        template=template,
        contact_list=str(lists.get("ContactListName") or ""),
        topic=str(lists.get("TopicName") or ""),
        source_ip=caller.pop("source_ip", "127.0.0.1"),
        sent_by=tuple(sorted(caller.items())),
    )


def page_size(asked: Any, largest: int, dialect: Dialect) -> int:
    """The size of a page: as asked, or the largest."""
    return limit_of(asked, largest, dialect) if asked else largest


def names_after(token: str | None, dialect: Dialect) -> str:
    """The name after which a page begins."""
    try:
        return read_token(token)
    except ValueError:
        raise AwsError(dialect.bad_request, "Invalid next token.") from None
