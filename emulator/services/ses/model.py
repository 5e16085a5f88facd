"""What SES's identities and messages are, and the rules by which SES takes or refuses a message.

Decides: how an address must look, which identity covers it, what a message id looks like, which tags are allowed, when
delivery is tried again. Knows nothing of MIME (mime.py), of rows (store.py) or of which API asks (operations.py).
"""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field, replace
from typing import Literal

IdentityKind = Literal["EmailAddress", "Domain"]
Delivery = Literal["pending", "delivered", "bounced", "rejected", "rendering_failed", "lost"]

MAX_RECIPIENTS = 50
"""To + Cc + Bcc of one message (reference email.md 6.1, [K])."""
MAX_MESSAGE_BYTES_V1 = 10 * 1024 * 1024
MAX_MESSAGE_BYTES_V2 = 40 * 1024 * 1024
MAX_ADDRESS_CHARACTERS = 320
SIMULATOR_DOMAIN = "simulator.amazonses.com"

FIRST_RETRY_SECONDS = 10.0
LONGEST_RETRY_SECONDS = 3600.0
GIVE_UP_AFTER_SECONDS = 14 * 3600.0
"""SES keeps trying a message for up to 14 hours and reports a bounce then [D]."""


class Refused(Exception):
    """The caller's message is malformed; the text is AWS's, the code depends on the API that was called."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class MalformedAddress(Refused):
    """An address is not one; `address` is the text as the caller gave it."""

    def __init__(self, message: str, address: str) -> None:
        super().__init__(message)
        self.address = address


@dataclass(frozen=True, slots=True)
class Address:
    """A mailbox; `given` is the text as the caller wrote it, display name included."""

    given: str
    local: str
    domain: str

    @property
    def mailbox(self) -> str:
        """local@domain, as a mail server wants it."""
        return f"{self.local}@{self.domain}"


@dataclass(frozen=True, slots=True)
class Identity:
    """An address or a domain that an account may send from, once verified."""

    name: str
    kind: IdentityKind
    verified: bool
    created_at: float
    token: str
    dkim_tokens: tuple[str, ...]
    tags: tuple[tuple[str, str], ...] = ()

    def verify(self) -> Identity:
        """The identity once its owner has confirmed it."""
        return replace(self, verified=True)


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with a message."""

    filename: str
    content_type: str
    content: bytes
    disposition: Literal["attachment", "inline"] = "attachment"
    description: str = ""
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A message that a caller composed from parts."""

    source: str
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    bcc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    return_path: str = ""
    subject: str = ""
    text: str | None = None
    text_charset: str = "utf-8"
    html: str | None = None
    html_charset: str = "utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True, slots=True)
class Content:
    """What a complete RFC 5322 message says, for people."""

    subject: str
    text: str | None
    html: str | None
    headers: tuple[tuple[str, str], ...]
    attachments: tuple[tuple[str, str, int], ...]
    """(file name, content type, bytes) each."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a message was sent: what the caller asked for besides the message, and who the caller was."""

    operation: str = ""
    configuration_set: str = ""
    source_arn: str = ""
    """As the caller gave it."""
    template: str = ""
    source_ip: str = "127.0.0.1"
    identity: str = ""
    """The verified identity that covers the sender."""
    contact_list: str = ""
    topic: str = ""
    sent_by: tuple[tuple[str, str], ...] = ()
    """What is known of the function or execution that sent it."""


@dataclass(frozen=True, slots=True)
class Message:
    """An accepted message, complete."""

    id: str
    sent_at: float
    source: str
    """The sender as the caller gave it."""
    envelope_sender: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    bcc: tuple[str, ...]
    reply_to: tuple[str, ...]
    content: Content
    raw: bytes
    tags: tuple[tuple[str, str], ...] = ()
    delivery: Delivery = "pending"
    delivery_detail: str = ""
    recipients: tuple[str, ...] = field(default=())
    """Envelope recipients, bare mailboxes."""
    sent: Circumstances = field(default=Circumstances())


# ── addresses ───────────────────────────────────────────────────────────────────────────────────

_LOCAL_ILLEGAL = frozenset('()<>,;:\\"[]')
_DOMAIN_LEGAL = re.compile(r"[A-Za-z0-9.-]")


def parse_address(text: str) -> Address:
    """The mailbox in `name@domain` or `Display Name <name@domain>`. Raises `MalformedAddress`.

    Texts are those SES answers ([P]: `Missing final '@domain'`, `Missing domain`, `Missing local name`, `Local address
    contains control or whitespace`, `… illegal character`, `Illegal address`), in the order in which it finds them.
    """
    given = text.strip()
    if len(given) > MAX_ADDRESS_CHARACTERS and "<" not in given:
        limit = f"Address length is more than {MAX_ADDRESS_CHARACTERS} characters long"
        raise MalformedAddress(f"{limit}: '{len(given)}'.", text)
    if len(text.splitlines()) > 1 or any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise MalformedAddress("Local address contains control or whitespace", text)
    mailbox = _without_display_name(given, text)
    local, domain = _split(mailbox, text)
    problem = _domain_problem(domain)
    if problem:
        raise MalformedAddress(problem, text)
    return Address(given, local, domain)


def _without_display_name(given: str, text: str) -> str:
    if not given.endswith(">"):
        if "<" in given:
            raise MalformedAddress("Missing '>'", text)
        if "," in _unquoted(given):
            raise MalformedAddress("Illegal address", text)
        return given
    start = given.rfind("<")
    if start < 0:
        raise MalformedAddress("Illegal address", text)
    name = _unquoted(given[:start].strip())
    if any(character in '<>,;"' for character in name):
        raise MalformedAddress("Illegal address", text)
    return given[start + 1 : -1]


def _unquoted(text: str) -> str:
    """The text without its quoted strings; a quote left open stays and is illegal."""
    return re.sub(r'"(?:[^"\\]|\\.)*"', "", text)


def _split(mailbox: str, text: str) -> tuple[str, str]:
    quoted = re.match(r'"(?:[^"\\]|\\.)*"', mailbox)
    if quoted:
        local, rest = quoted.group(), mailbox[quoted.end() :]
        if rest[:1] not in ("@", ""):
            raise MalformedAddress("Quote not at end of local address", text)
    else:
        local, at, rest = mailbox.partition("@")
        rest = at + rest
        _check_local(local, text)
    if not rest:
        raise MalformedAddress("Missing final '@domain'", text)
    if not local:
        raise MalformedAddress("Missing local name", text)
    if len(local) > 64:
        raise MalformedAddress("Local address contains more than 64 characters", text)
    if rest == "@":
        raise MalformedAddress("Missing domain", text)
    return local, rest[1:]


def _check_local(local: str, text: str) -> None:
    if any(character.isspace() for character in local):
        raise MalformedAddress("Local address contains control or whitespace", text)
    if any(character in _LOCAL_ILLEGAL or ord(character) > 126 for character in local):
        raise MalformedAddress("Local address contains illegal character", text)
    if local.startswith("."):
        raise MalformedAddress("Local address starts with dot", text)
    if local.endswith("."):
        raise MalformedAddress("Local address ends with dot", text)
    if ".." in local:
        raise MalformedAddress("Local address contains dot-dot", text)


def _domain_problem(domain: str) -> str | None:
    if any(character.isspace() for character in domain):
        return "Domain contains control or whitespace"
    if not all(_DOMAIN_LEGAL.fullmatch(character) for character in domain):
        return "Domain contains illegal character"
    if domain.startswith("."):
        return "Domain starts with dot"
    if domain.endswith("."):
        return "Domain ends with dot"
    if ".." in domain:
        return "Domain contains dot-dot"
    return None


def is_domain(text: str) -> bool:
    """Whether `text` may be a domain identity: labels of letters, digits and hyphens, at least two of them."""
    labels = text.split(".")
    label = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
    return len(labels) >= 2 and len(text) <= 253 and all(label.fullmatch(part) for part in labels)


def is_simulator(mailbox: str) -> bool:
    """Whether a mailbox is one of SES's mailbox simulator, which needs no verification."""
    return mailbox.lower().endswith("@" + SIMULATOR_DOMAIN)


def simulated(mailbox: str) -> str:
    """Which mailbox of the simulator this is (`bounce+label@…` is `bounce`); empty if it is none."""
    return mailbox.partition("@")[0].partition("+")[0].lower() if is_simulator(mailbox) else ""


def simulated_bounce(mailbox: str) -> bool:
    """Whether the simulator bounces this mailbox. `suppressionlist` does as `bounce` does [P, email.md 6.5]."""
    return simulated(mailbox) in ("bounce", "suppressionlist")


# ── identities ──────────────────────────────────────────────────────────────────────────────────


def identity_name(text: str) -> str:
    """The name under which an identity is kept: domains do not care about case, local parts do [D]."""
    local, at, domain = text.strip().rpartition("@")
    return local + at + domain.lower()


def covering_names(address: Address) -> list[str]:
    """Identities of which one must be verified to send from `address`: itself, without its label, its domains."""
    domain = address.domain.lower()
    names = [f"{address.local}@{domain}"]
    if "+" in address.local and not address.local.startswith('"'):
        names.append(f"{address.local.partition('+')[0]}@{domain}")
    labels = domain.split(".")
    return names + [".".join(labels[start:]) for start in range(len(labels))]


def new_identity(
    name: str, verified: bool, now: float, secret: str, tags: tuple[tuple[str, str], ...] = ()
) -> Identity:
    """An identity as it is created; `secret` (any fresh id) decides its DNS tokens."""
    kind: IdentityKind = "EmailAddress" if "@" in name else "Domain"
    if kind == "EmailAddress":
        return Identity(name, kind, verified, now, "", (), tags)
    token = base64.b64encode(hashlib.sha256(secret.encode()).digest()).decode()
    digests = (hashlib.sha256(f"{secret}{number}".encode()).digest() for number in range(3))
    dkim = tuple(base64.b32encode(digest).decode().lower()[:32] for digest in digests)
    return Identity(name, kind, verified, now, token, dkim, tags)


def not_verified_text(failing: list[str], region: str) -> str:
    """The text of MessageRejected [P]: the region in upper case, every failing identity as it was given."""
    names = ", ".join(dict.fromkeys(failing))
    failed = f"The following identities failed the check in region {region.upper()}: {names}"
    return f"Email address is not verified. {failed}"


# ── messages ────────────────────────────────────────────────────────────────────────────────────

_REGION_PREFIX = {
    "us-east-1": "0100",
    "us-west-2": "0101",
    "eu-west-1": "0102",
    "eu-central-1": "0107",
}


def message_id(region: str, now: float, fresh_id: str) -> str:
    """SES's form, 60 characters: four digits for the region, milliseconds in hexadecimal, a UUID, `-000000`."""
    return f"{_REGION_PREFIX.get(region, '0109')}{int(now * 1000):012x}-{fresh_id}-000000"


def feedback_id(region: str, now: float, fresh_id: str) -> str:
    """The id of a bounce or complaint: of the form of a message's."""
    return message_id(region, now, fresh_id)


def message_id_header(identifier: str, region: str) -> str:
    """The `Message-ID` that the recipient sees."""
    host = "email" if region == "us-east-1" else region
    return f"<{identifier}@{host}.amazonses.com>"


def check_tags(tags: tuple[tuple[str, str], ...]) -> None:
    """Refuse tags that SES refuses, with its texts [R:test_invalid_tags_send_email]."""
    for name, value in tags:
        if not name:
            raise Refused("The tag name must be specified.")
        if not value:
            raise Refused("The tag value must be specified.")
        if len(name) > 255:
            raise Refused("Tag name cannot exceed 255 characters.")
        if len(value) > 255:
            raise Refused("Tag value cannot exceed 255 characters.")
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name):
            raise Refused(f"Invalid tag name <{name}>: only alphanumeric ASCII characters, '_',  '-' are allowed.")
        if not re.fullmatch(r"[A-Za-z0-9_.@-]+", value):
            raise Refused(
                f"Invalid tag value <{value}>: only alphanumeric ASCII characters, '_',  '-' , '.', '@' are allowed."
            )


def check_recipients(count: int) -> None:
    """Refuse a message to nobody or to too many."""
    if count == 0:
        raise Refused("Missing required header 'To'.")
    if count > MAX_RECIPIENTS:
        raise Refused(f"Recipient count exceeds {MAX_RECIPIENTS}.")


def check_size(size: int, limit: int) -> None:
    """Refuse a message that is too large, as encoded."""
    if size > limit:
        raise Refused(f"Message length is more than {limit} bytes long: '{size}'.")


def retry_at(
    attempts: int, accepted_at: float, now: float, limit_seconds: float = GIVE_UP_AFTER_SECONDS
) -> float | None:
    """When to hand a message to the relay again after `attempts` failures; None to give up."""
    wait = min(FIRST_RETRY_SECONDS * 2 ** min(attempts - 1, 20), LONGEST_RETRY_SECONDS)
    return now + wait if now + wait <= accepted_at + limit_seconds else None
