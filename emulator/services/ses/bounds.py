"""How much there may be in a raw message before anybody reads it. Pure.

Python's parser of messages takes time with the square of a header's length, and works on the serving loop; one message
of half a megabyte could hold up every request for a minute. SES has limits of its own (500 MIME parts [D: SES quotas]);
those of headers are ours, far beyond what mail programs write (unverified, texts too).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.message import Message
from typing import Any

from emulator.services.ses.model import Refused

MOST_PARTS = 500
MOST_FIELDS = 2_000
LONGEST_FIELD = 32 * 1024
LARGEST_HEAD = 256 * 1024
_BOUNDARY = re.compile(rb"boundary\s*=\s*(?:\"([^\"\r\n]{1,200})\"|([^\s;\"]{1,200}))", re.IGNORECASE)
_MOST_BOUNDARIES = 100
_LONG_CONTENT_FIELD = re.compile(rb"^content-[a-z-]{1,40}:(?:[^\r\n]|\r?\n[ \t]){8192}", re.IGNORECASE | re.MULTILINE)


def check(raw: bytes) -> None:
    """Raise `Refused` for a message that would take too long to parse."""
    end = re.search(rb"\r?\n\r?\n", raw)
    head = raw[: end.start()] if end else raw
    if len(head) > LARGEST_HEAD or head.count(b"\n") > 4 * MOST_FIELDS:
        raise Refused("The header of the message is too long.")
    fields = re.split(rb"\r?\n(?![ \t])", head)
    if len(fields) > MOST_FIELDS:
        raise Refused("The message has too many headers.")
    if any(len(field) > LONGEST_FIELD for field in fields) or _LONG_CONTENT_FIELD.search(raw):
        raise Refused("A header of the message is too long.")
    boundaries = {found[0] or found[1] for found in _BOUNDARY.findall(raw)}
    if len(boundaries) > _MOST_BOUNDARIES:
        raise Refused("The message is nested too deeply.")
    parts = 0
    for boundary in boundaries:
        parts += raw.count(b"\n--" + boundary)
        if parts > MOST_PARTS + 2 * len(boundaries):
            raise Refused(f"The message has more than {MOST_PARTS} MIME parts.")


def check_fields(fields: Sequence[tuple[str, str]]) -> None:
    """Raise `Refused` for headers that would take too long to write."""
    if any(len(value.encode("utf-8", "replace")) > LONGEST_FIELD for _, value in fields):
        raise Refused("A header of the message is too long.")


def check_parts(message: Message[Any, Any]) -> None:
    """Raise `Refused` for headers of parts that would take too long to read."""
    for part in message.walk():
        fields = list(part.raw_items())
        if len(fields) > MOST_FIELDS or any(len(str(value)) > LONGEST_FIELD for _, value in fields):
            raise Refused("A header of the message is too long.")
