"""Which API, stage and path a request is for, by host or by path. Pure."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_HOST = re.compile(
    r"^([a-z0-9]+)\.execute-api\.(?:[a-z0-9\-.]+\.)?(?:localhost(?:\.localstack\.cloud)?|amazonaws\.com)(?::\d+)?$",
    re.IGNORECASE,
)
_PATH = re.compile(r"^/_aws/execute-api/([^/]+)/([^/]+)(/.*)?$")
_USER_REQUEST = re.compile(r"^/restapis/([^/]+)/([^/]+)/_user_request_(/.*)?$")


class Address(NamedTuple):
    """`path` is still percent-encoded and never empty."""

    api_id: str
    stage: str
    path: str
    base_path: str | None = None
    """What a custom domain name's mapping took off the path; None on the API's own host."""
    routing_rule_id: str = ""
    """The custom domain name's routing rule that led here, if one did."""


def address(host: str, path: str) -> Address | None:
    """The address, or None if this is no request to a deployed API."""
    if path.startswith(("/_aws/", "/restapis/")):
        match = _PATH.match(path) or _USER_REQUEST.match(path)
        if match:
            return Address(match.group(1), match.group(2), match.group(3) or "/")
    if "execute-api" not in host:
        return None
    api_id = _api_of(host)
    if api_id is None:
        return None
    stage, slash, rest = path.lstrip("/").partition("/")
    return Address(api_id, stage, slash + rest or "/")


@lru_cache(maxsize=1024)
def _api_of(host: str) -> str | None:
    match = _HOST.match(host)
    return match.group(1).lower() if match else None
