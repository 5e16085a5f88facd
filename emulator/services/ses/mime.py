"""RFC 5322 messages: composed from a draft, or stamped and read when the caller brought one. Pure.

Decides how a message is written in bytes. Knows no rule about who may send what to whom. Boundaries come from the
message id, so that the same request gives the same bytes.
"""

from __future__ import annotations

import base64
import codecs
import mimetypes
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.errors import MessageError
from email.header import Header
from email.message import EmailMessage, Message
from email.utils import format_datetime

from emulator.services.ses import bounds
from emulator.services.ses.model import Attachment, Content, Draft, Refused

_STAMPED = ("date", "message-id", "bcc", "return-path")
"""Headers that SES takes out of a raw message; it writes the first two itself."""

_PARSER_FAILURES = (MessageError, ValueError, LookupError, AttributeError, TypeError, AssertionError, RecursionError)
"""What the standard library's parser lets out on bytes it did not expect."""

ONCE_ONLY = ("from", "to", "cc", "bcc", "subject", "reply-to", "sender", "date", "message-id")
"""Headers that may be there once (`Duplicate header 'To'.`)."""


def compose(draft: Draft, header_id: str, now: float) -> bytes:
    """The complete message of a draft whose addresses have been checked. Raises `Refused`."""
    bounds.check_fields([("Subject", draft.subject), *draft.headers])
    message = EmailMessage(policy=policy.SMTP)
    message["From"] = draft.source
    for name, addresses in (("To", draft.to), ("Cc", draft.cc), ("Reply-To", draft.reply_to)):
        if addresses:
            message[name] = ", ".join(addresses)
    encoded: dict[bytes, bytes] = {}
    _set_text(message, "Subject", draft.subject, encoded)
    message["Date"] = _date(now)
    message["Message-ID"] = header_id
    for name, value in draft.headers:
        _set_text(message, name, value, encoded)
    if draft.text is not None or draft.html is None:
        message.set_content(_encodable(draft.text or "", draft.text_charset), charset=draft.text_charset)
    if draft.html is not None and draft.text is None:
        message.set_content(_encodable(draft.html, draft.html_charset), subtype="html", charset=draft.html_charset)
    elif draft.html is not None:
        message.add_alternative(_encodable(draft.html, draft.html_charset), subtype="html", charset=draft.html_charset)
    for attachment in draft.attachments:
        _attach(message, attachment)
    for number, part in enumerate(part for part in message.walk() if part.is_multipart()):
        part.set_boundary(f"----=_Part_{number}_{re.sub('[^0-9A-Za-z-]', '', header_id.partition('@')[0])}")
    head, blank, body = message.as_bytes().partition(b"\r\n\r\n")
    head = _in_order(head + b"\r\n")
    for placeholder, words in encoded.items():
        head = head.replace(placeholder, words, 1)
    raw = head + blank[2:] + body
    bounds.check(raw)
    return raw


def _in_order(head: bytes) -> bytes:
    """MIME-Version before Content-Type, and the charset without quotes in capitals, as SES writes both [R]."""
    version = b"MIME-Version: 1.0\r\n"
    if version in head and b"\r\nContent-Type: " in head:
        head = head.replace(version, b"", 1).replace(b"\r\nContent-Type: ", b"\r\n" + version + b"Content-Type: ", 1)
    return re.sub(rb'charset="([\w-]+)"', lambda found: b"charset=" + found[1].upper(), head, count=1)


def compose_rendered(subject: str, text: str | None, html: str | None, now: float) -> str:
    """What the test of a template answers: a message without addresses. Raises `Refused` as `compose` does."""
    draft = Draft("rendered@example.com", subject=" ".join(subject.split("\n")), text=text, html=html)
    fields, body = split_headers(compose(storable(draft), "<rendered@example.com>", now))
    kept = [line for name, line in fields if name.lower() not in ("from", "message-id")]
    return (b"".join(kept) + b"\r\n" + body).decode("utf-8", "replace").replace("\r\n", "\n")


def _set_text(message: EmailMessage, name: str, value: str, encoded: dict[bytes, bytes]) -> None:
    """Set a text header; one that is not ASCII becomes encoded words when the message is written.

    The standard library's folding of a mixed header doubles the space before an encoded word, so the whole value
    is encoded, as SES does [K], and takes the place of an ASCII placeholder.
    """
    _one_line(name, value)
    if value.isascii():
        message[name] = value
        return
    placeholder = f"encoded-header-{len(encoded)}"
    message[name] = placeholder
    words = Header(printable(value), "utf-8", header_name=name).encode(linesep="\r\n")
    encoded[f"{name}: {placeholder}\r\n".encode()] = f"{name}: {words}\r\n".encode()


def storable(draft: Draft) -> Draft:
    """The draft without lone surrogates, which JSON can carry and UTF-8 cannot."""
    return replace(
        draft,
        source=printable(draft.source),
        to=tuple(map(printable, draft.to)),
        cc=tuple(map(printable, draft.cc)),
        bcc=tuple(map(printable, draft.bcc)),
        reply_to=tuple(map(printable, draft.reply_to)),
        subject=printable(draft.subject),
    )


def check_charset(charset: str) -> str:
    """A charset name that Python knows for text, in lower case. Raises `Refused`."""
    try:
        "aé\u2028".encode(charset, errors="replace")
        return codecs.lookup(charset).name
    except (LookupError, UnicodeError, ValueError):
        raise Refused(f"Unsupported charset: {charset}") from None


def _encodable(text: str, charset: str) -> str:
    return text.encode(charset, errors="replace").decode(charset)


def _one_line(name: str, value: str) -> str:
    if len(value.splitlines()) > 1 or any(ord(character) < 32 and character != "\t" for character in value):
        raise Refused(f"Header '{name}' contains control characters.")
    return value


def _date(now: float) -> str:
    return format_datetime(datetime.fromtimestamp(int(now), UTC))


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    kind = attachment.content_type or mimetypes.guess_type(attachment.filename)[0] or "application/octet-stream"
    main, _, sub = kind.partition(";")[0].strip().partition("/")
    if not re.fullmatch(r"[\w.+-]+", main) or not re.fullmatch(r"[\w.+-]+", sub) or main in ("multipart", "message"):
        raise Refused(f"Invalid content type for attachment: {kind}")
    message.add_attachment(
        attachment.content,
        maintype=main,
        subtype=sub,
        filename=_one_line("Content-Disposition", attachment.filename),
        disposition=attachment.disposition,
        cid=f"<{_one_line('Content-ID', attachment.content_id)}>" if attachment.content_id else None,
    )
    if attachment.description:
        *_, part = message.iter_attachments()
        part["Content-Description"] = _one_line("Content-Description", attachment.description)


# ── raw messages ────────────────────────────────────────────────────────────────────────────────


def split_headers(raw: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """The header fields of a raw message, each with its exact bytes (name in the caller's case), and the body.

    Raises `Refused` with SES's texts: `Empty header names are illegal.`, `Illegal header '…'.` [P].
    """
    fields: list[tuple[str, bytes]] = []
    position = 0
    while position < len(raw):
        end = raw.find(b"\n", position)
        line = raw[position:] if end < 0 else raw[position : end + 1]
        position += len(line)
        text = line.rstrip(b"\r\n")
        if not text:
            break
        if text[:1] in (b" ", b"\t") and fields:
            fields[-1] = (fields[-1][0], fields[-1][1] + line)
            continue
        name, colon, _ = text.partition(b":")
        shown = name.decode("latin-1").strip()
        if not shown:
            raise Refused("Empty header names are illegal.")
        if not colon or not re.fullmatch(rb"[!-9;-~]+[ \t]*", name):
            raise Refused(f"Illegal header '{shown[:76]}'.")
        fields.append((shown, line))
    return fields, raw[position:]


def stamp(raw: bytes, header_id: str, now: float) -> bytes:
    """A raw message as SES sends it on: its own Date and Message-ID, no Bcc, no X-SES-* control headers."""
    fields, body = split_headers(raw)
    kept = [_crlf(line) for name, line in fields if not _taken_out(name.lower())]
    stamped = [f"Date: {_date(now)}\r\n".encode(), f"Message-ID: {header_id}\r\n".encode()]
    return b"".join([*kept, *stamped, b"\r\n", body])


def with_headers(raw: bytes, headers: tuple[tuple[str, str], ...]) -> bytes:
    """A message with these headers, instead of its own of the same names."""
    fields, body = split_headers(raw)
    names = {name.lower() for name, _ in headers}
    kept = [_crlf(line) for name, line in fields if name.lower() not in names]
    added = [f"{name}: {value}\r\n".encode() for name, value in headers]
    return b"".join([*kept, *added, b"\r\n", body])


def with_texts(raw: bytes, text: Callable[[str], str] | None, html: Callable[[str], str] | None) -> bytes:
    """A message whose bodies have been changed; what cannot be read stays, as does a message without such bodies."""
    policy_as_is = policy.compat32.clone(linesep="\r\n", max_line_length=None)
    changes = {"text/plain": text, "text/html": html}
    try:
        message = message_from_bytes(raw, policy=policy_as_is)
        changed = False
        for part in message.walk():
            change = changes.get(part.get_content_type())
            if change is not None and not part.is_multipart() and part.get_content_disposition() != "attachment":
                changed |= _change(part, change)
        return message.as_bytes() if changed else raw
    except _PARSER_FAILURES:
        return raw


def _change(part: Message, change: Callable[[str], str]) -> bool:
    payload = part.get_payload(decode=True)
    charset = part.get_content_charset("utf-8")
    if not isinstance(payload, bytes):
        return False
    before = payload.decode(charset)
    after = change(before)
    if after == before:
        return False
    del part["Content-Transfer-Encoding"]
    part["Content-Transfer-Encoding"] = "base64"
    encoded = base64.encodebytes(after.encode(charset, "xmlcharrefreplace")).decode()
    part.set_payload(encoded.replace("\n", "\r\n"))
    return True


def _taken_out(name: str) -> bool:
    return name in _STAMPED or name.startswith("x-ses-")


def _crlf(line: bytes) -> bytes:
    return re.sub(rb"\r*\n", b"\r\n", line if line.endswith(b"\n") else line + b"\n")


def parse(raw: bytes) -> EmailMessage:
    """A raw message as an object, whatever the bytes. Raises `Refused` if it is too much to read."""
    bounds.check(raw)
    try:
        message = message_from_bytes(raw.replace(b"\0", b"?"), policy=policy.default)  # its parser fails on NUL
    except RecursionError:
        raise Refused("The message is nested too deeply.") from None
    assert isinstance(message, EmailMessage)
    bounds.check_parts(message)
    return message


_TEST_VIRUS = (rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR", b"WDVPIVAlQEFQWzRcUFpYNTQoUF4pN0NDKTd9JEVJQ0FS")
"""The first characters of the EICAR test file, as they are and in base64."""


def holds_test_virus(raw: bytes) -> bool:
    """Whether a message carries the EICAR test file, by which the mailbox simulator shows a Reject (email.md 6.5)."""
    return any(signature in raw for signature in _TEST_VIRUS)


def addresses(message: EmailMessage, header: str) -> tuple[str, ...]:
    """The mailboxes of a header, display names included."""
    found: list[str] = []
    try:
        for value in message.get_all(header) or []:
            parsed = getattr(value, "addresses", ())
            found += [printable(str(address)) for address in parsed] or [printable(str(value)).strip()]
    except _PARSER_FAILURES:
        raise Refused("Illegal address") from None
    return tuple(filter(None, found))


def header_text(message: EmailMessage, header: str) -> str:
    """A header's decoded text, "" if it is absent or cannot be read."""
    try:
        return printable(str(message.get(header, "")))
    except _PARSER_FAILURES:
        return ""


def read(raw: bytes) -> Content:
    """What a complete message says; whatever cannot be decoded is shown as replacement characters."""
    message = parse(raw)
    text, html = _body(message, "plain"), _body(message, "html")
    attachments: list[tuple[str, str, int]] = []
    for part in message.walk():
        found = None if part.is_multipart() else _attachment(part)
        if found:
            attachments.append(found)
    headers = tuple((printable(name), header_value(value)) for name, value in _raw_headers(message))
    return Content(header_text(message, "Subject"), text, html, headers, tuple(attachments))


def header_value(value: object) -> str:
    """One header's text on one line."""
    return re.sub(r"\r?\n[ \t]*", " ", str(value))


def _raw_headers(message: EmailMessage) -> list[tuple[str, object]]:
    return [(name, header_text_at(message, name, value)) for name, value in message.raw_items()]


def header_text_at(message: EmailMessage, name: str, value: object) -> str:
    """The decoded text of a stored header, or its undecoded text if the parser chokes on it."""
    try:
        return printable(str(message.policy.header_fetch_parse(name, str(value))))
    except _PARSER_FAILURES:
        return printable(str(value))


def _attachment(part: EmailMessage) -> tuple[str, str, int] | None:
    try:
        filename = part.get_filename()
        if part.get_content_disposition() != "attachment" and not filename:
            return None
        payload = part.get_payload(decode=True)
        size = len(payload) if isinstance(payload, bytes) else 0
        return printable(filename or ""), printable(part.get_content_type()), size
    except _PARSER_FAILURES:
        return "", "application/octet-stream", 0


@dataclass(frozen=True, slots=True)
class Part:
    """An attachment as it came."""

    filename: str
    content_type: str
    content: bytes
    content_id: str

    def as_data_url(self) -> str:
        """A picture as HTML can hold it."""
        kind = self.content_type if re.fullmatch(r"image/[\w.+-]+", self.content_type) else "image/png"
        return f"data:{kind};base64,{base64.b64encode(self.content).decode()}"


def attached(raw: bytes) -> list[Part]:
    """The attachments of a message, in the order of `Content.attachments`."""
    found: list[Part] = []
    for part in parse(raw).walk():
        described = None if part.is_multipart() else _attachment(part)
        if described is not None:
            found.append(Part(described[0], described[1], _payload(part), _content_id(part)))
    return found


def _payload(part: EmailMessage) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except _PARSER_FAILURES:
        return b""
    return payload if isinstance(payload, bytes) else b""


def _content_id(part: EmailMessage) -> str:
    try:
        return printable(str(part.get("Content-ID") or "")).strip("<> ")
    except _PARSER_FAILURES:
        return ""


def printable(text: str) -> str:
    """Text that can be stored: bytes that the parser smuggled through are decoded, lone surrogates become `?`."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()


def _body(message: EmailMessage, subtype: str) -> str | None:
    try:
        part = message.get_body(preferencelist=(subtype,))
    except _PARSER_FAILURES:
        return None
    if part is None:
        return None
    try:
        payload = part.get_payload(decode=True)
        charset = part.get_content_charset("utf-8")
    except _PARSER_FAILURES:
        return None
    if not isinstance(payload, bytes):
        return None
    try:
        text = printable(payload.decode(charset, errors="replace"))
    except (LookupError, ValueError):
        text = payload.decode("utf-8", errors="replace")
    # A message body ends with a line break whether or not its author wrote one; a reader does not see it.
    return text.replace("\r\n", "\n").removesuffix("\n")
