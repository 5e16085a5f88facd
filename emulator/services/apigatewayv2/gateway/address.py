"""Which API a request is for, by host or by path. Pure: which stage it means, only the API's stages tell."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from emulator.services.apigatewayv2.model import DEFAULT

_HOST = re.compile(r"([a-z0-9]+)\.execute-api\.(?:[a-z0-9\-.]+\.)?(?:localhost(?:\.localstack\.cloud)?|amazonaws\.com)")
_PATH = re.compile(r"/_aws/execute-api/([a-z0-9]+)(/.*)?", re.DOTALL)


class Address(NamedTuple):
    """A request to an API; `path` is as sent and begins with a slash."""

    api_id: str
    host: str
    path: str
    by_path: bool
    mapped_stage: str = ""
    """The stage that a custom domain name leads to; then `path` is the path within it."""
    mapped_path: str = ""
    """What the API mapping took off the path, with a slash before it; empty for a mapping without a key."""


def address(host: str, path: str) -> Address | None:
    """The address, or None if this is no request to a deployed API."""
    if path.startswith("/_aws/execute-api/"):
        match = _PATH.fullmatch(path)
        return Address(match.group(1), host, match.group(2) or "/", True) if match else None
    if ".execute-api." not in host:
        return None
    api_id = _api_of(host)
    return Address(api_id, host, path or "/", False) if api_id else None


@lru_cache(maxsize=1024)
def _api_of(host: str) -> str | None:
    match = _HOST.fullmatch(host)
    return match.group(1) if match else None


def stage_candidates(where: Address) -> list[tuple[str, str]]:
    """(stage, path within it) in the order they are tried: the first segment as a stage, then `$default` (4.3).

    Only in the path form the first segment may say `$default` itself.
    """
    if where.mapped_stage:
        return [(where.mapped_stage, where.path)]
    first, slash, rest = where.path[1:].partition("/")
    name = unquote(first)
    inner = (slash + rest) or "/"
    if name == DEFAULT:
        return [(DEFAULT, inner)] if where.by_path else [(DEFAULT, where.path)]
    return [(name, inner), (DEFAULT, where.path)]
