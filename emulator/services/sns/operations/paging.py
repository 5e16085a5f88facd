"""NextToken: where a list goes on, written so that nobody takes it for more."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from emulator.services.sns.model import invalid


def page_after(request: dict[str, Any]) -> str:
    """What the last page ended with; empty for the first page. Raises InvalidParameter."""
    token = request.get("NextToken")
    if not token:
        return ""
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise invalid("NextToken") from None


def page_after_row(request: dict[str, Any]) -> int:
    """As `page_after`, where rows are counted."""
    text = page_after(request)
    if text and (not text.isascii() or not text.isdigit() or len(text) > 18):
        raise invalid("NextToken")
    return int(text or 0)


def page_token(last: object) -> str:
    """The token of the page after `last`."""
    return base64.b64encode(str(last).encode()).decode()
