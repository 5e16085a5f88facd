"""NextToken and Limit: where a list of names goes on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.aws.page_tokens import read_token, write_token
from emulator.services.events.model import invalid

LARGEST_PAGE = 100


def page_after(request: Mapping[str, Any]) -> str:
    """The name that the last page ended with; empty for the first. Raises ValidationException."""
    try:
        return read_token(request.get("NextToken"))
    except ValueError:
        raise invalid("Token is not valid.") from None  # wording unverified


def page_size(request: Mapping[str, Any]) -> int:
    """How many a page may hold."""
    return int(request.get("Limit") or LARGEST_PAGE)


def page_token(last: str) -> dict[str, str]:
    """The member that announces another page."""
    return {"NextToken": write_token(last)}


def page(request: Mapping[str, Any], names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """The page of sorted names that a request asks for, and its NextToken."""
    after, size = page_after(request), page_size(request)
    left = [name for name in names if name > after]
    return left[:size], page_token(left[size - 1]) if len(left) > size else {}
