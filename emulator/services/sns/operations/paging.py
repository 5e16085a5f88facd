"""NextToken: where a list goes on, and how SNS refuses one that it never gave."""

from __future__ import annotations

from typing import Any

from emulator.aws.page_tokens import read_token
from emulator.services.sns.model import invalid


def page_after(request: dict[str, Any]) -> str:
    """What the last page ended with; empty for the first page. Raises InvalidParameter."""
    try:
        return read_token(request.get("NextToken"))
    except ValueError:
        raise invalid("NextToken") from None


def page_after_row(request: dict[str, Any]) -> int:
    """As `page_after`, where rows are counted."""
    text = page_after(request)
    if text and (not text.isascii() or not text.isdigit() or len(text) > 18):
        raise invalid("NextToken")
    return int(text or 0)
