"""Pages of lists: how many items one has, and the marker that leads to the next."""

from __future__ import annotations

import base64
import binascii

from emulator.aws.errors import AwsError

PAGE = 50
"""ListFunctions and ListVersionsByFunction never answer with more, "even if you set the number higher" (AWS's docs)."""


def page_size(asked: int | None) -> int:
    """How many items a page has if the caller asked for `asked`."""
    return min(asked or PAGE, PAGE)


def write_marker(last: str) -> str:
    """An opaque marker: the page after the item called `last`."""
    return base64.urlsafe_b64encode(last.encode()).decode()


def read_marker(marker: str | None) -> str:
    """What `write_marker` was given; an invented marker is refused."""
    if not marker:
        return ""
    try:
        return base64.urlsafe_b64decode(marker.encode()).decode()
    except (binascii.Error, ValueError):
        raise invalid_marker() from None


def read_number_marker(marker: str | None) -> int:
    """A marker that must hold a number; 0 for the first page."""
    text = read_marker(marker)
    if text and not (text.isascii() and text.isdecimal() and len(text) <= 18):
        raise invalid_marker()
    return int(text or 0)


def invalid_marker() -> AwsError:
    """400: nobody gave this marker out."""
    return AwsError("InvalidParameterValueException", "Invalid marker.", 400, {"Type": "User"})
