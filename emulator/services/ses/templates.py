"""A template of messages: its parts, what SES refuses of them, and what they say with data. Pure.

The language is handlebars.py's. Errors are values of three kinds, because a send, a test and a creation each treat them
differently: the template is invalid, the data is not JSON, or the data lacks an attribute.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from emulator.services.ses import handlebars
from emulator.services.ses.handlebars import BadTemplate, MissingAttribute, TooLarge
from emulator.services.ses.tracking import PLACEHOLDERS

MOST_TEMPLATES = 20_000
LARGEST_TEMPLATE_BYTES = 500 * 1024
"""Of a stored template, all parts (SES developer guide, "Using templates to send personalized email") [D]."""
NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


class InvalidTemplate(Exception):
    """The template is not one; the text says why."""


class InvalidData(Exception):
    """The template data is no JSON object."""


class Unrendered(Exception):
    """The data lacks what the template names; the text is SES's."""


class TooLong(Unrendered):
    """What a template makes of the data is larger than any message."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a template has: texts in the language of handlebars.py."""

    subject: str
    text: str | None
    html: str | None

    def check(self) -> None:
        """Refuse what cannot be kept. Raises `InvalidTemplate`; its texts are unverified."""
        if not self.subject:
            raise InvalidTemplate("The subject must be specified.")
        if not self.text and not self.html:
            raise InvalidTemplate("The text part or the html part must be specified.")
        for part in (self.subject, self.text, self.html):
            try:
                handlebars.parse(part or "")
            except BadTemplate as error:
                raise InvalidTemplate(f"Invalid template: {error}.") from None

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(len((part or "").encode("utf-8", "replace")) for part in (self.subject, self.text, self.html))

    def render(self, data: dict[str, Any]) -> Parts:
        """The parts with this data. Raises `InvalidTemplate`, `Unrendered`."""
        data = {**PLACEHOLDERS, **data}
        return Parts(_render(self.subject, data) or "", _render(self.text, data), _render(self.html, data))


def _render(part: str | None, data: dict[str, Any]) -> str | None:
    if not part:
        return None
    try:
        return handlebars.render(part, data)
    except MissingAttribute as error:
        raise Unrendered(f"Attribute '{error.name}' is not present in the rendering data.") from None
    except BadTemplate as error:
        raise InvalidTemplate(f"Invalid template: {error}.") from None
    except TooLarge:
        raise TooLong("The rendered message is too large.") from None


def read_data(text: str | None) -> dict[str, Any]:
    """Template data, an object in JSON. Raises `InvalidData`."""
    try:
        data = json.loads(text or "{}")
    except (ValueError, RecursionError):
        raise InvalidData from None
    if not isinstance(data, dict):
        raise InvalidData
    return data
