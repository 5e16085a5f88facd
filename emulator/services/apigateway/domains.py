"""Custom domain names: what they are made of, and which mapping answers a path. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from emulator.services.apigateway.model import bad_request

_NAME = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?\.)+[a-z0-9\-]{2,63}")
_BASE_PATH = re.compile(r"[A-Za-z0-9$\-_.+!*'()]*")
NO_BASE_PATH = "(none)"
"""What AWS calls the empty base path."""
_EDGE_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone of every CloudFront distribution (AWS)."""
_REGIONAL_ZONE = "Z1UJRXOUMOOFQ8"
"""That of API Gateway in us-east-1 (AWS); shown in every region."""


class Mapping(NamedTuple):
    """The stage that answers a path of a domain name; `path` is what is left of it."""

    api_id: str
    stage: str
    base_path: str
    path: str


def check_name(name: str) -> None:
    """Raise unless it can be a custom domain name (text unverified)."""
    if not _NAME.fullmatch(name) or len(name) > 253 or name.endswith(".amazonaws.com"):
        raise bad_request(f"Invalid domain name specified: {name}")


def checked_base_path(text: str | None) -> str:
    """A base path as it is kept; `(none)` and nothing are the same. Raises BadRequestException."""
    if text in (None, "", NO_BASE_PATH):
        return NO_BASE_PATH
    assert text is not None
    if "/" in text:
        # As users quote it.
        raise bad_request(
            "API Gateway V1 doesn't support the slash character (/) in base path mappings. To create a multi-level "
            "base path mapping, use API Gateway V2."
        )
    if not _BASE_PATH.fullmatch(text):
        raise bad_request(f"Invalid base path specified: {text}")  # unverified
    return text


def names_of(host: str) -> list[str]:
    """The domain names that a request's host may mean, the most exact first: itself, then its wildcard.

    `api.example.com.localhost` means `api.example.com`, since the former resolves without an entry in /etc/hosts.
    """
    bare = host.removesuffix(".localhost")
    names = [host] if bare == host else [bare, host]
    return names + [f"*.{name.partition('.')[2]}" for name in names if name.count(".") > 1]


def choose(mappings: list[dict[str, Any]], path: str) -> Mapping | None:
    """The mapping with the longest base path that begins `path`; one without a stage takes it from the path."""
    found: dict[str, Any] | None = None
    base = ""
    for mapping in mappings:
        prefix = "" if mapping["basePath"] == NO_BASE_PATH else "/" + mapping["basePath"]
        if (path == prefix or path.startswith(prefix + "/")) and (found is None or len(prefix) > len(base)):
            found, base = mapping, prefix
    if found is None:
        return None
    rest = path[len(base) :] or "/"
    stage = found.get("stage")
    if stage is None:
        stage, slash, below = rest[1:].partition("/")
        base, rest = f"{base}/{stage}", (slash + below) or "/"
    return Mapping(found["restApiId"], stage, base, rest)


def with_targets(domain: dict[str, Any], region: str, now: float, label: str) -> dict[str, Any]:
    """A domain name with the names that DNS would point to, as its endpoint types ask for."""
    types = domain["endpointConfiguration"]["types"]
    shown = dict(domain)
    for kind, members in _TARGETS.items():
        if kind not in types:
            for member in members:
                shown.pop(member, None)
    if "REGIONAL" in types:
        shown.setdefault("regionalDomainName", f"d-{label}.execute-api.{region}.amazonaws.com")
        shown.setdefault("regionalHostedZoneId", _REGIONAL_ZONE)
    if "EDGE" in types:
        shown.setdefault("distributionDomainName", f"d{label}.cloudfront.net")
        shown.setdefault("distributionHostedZoneId", _EDGE_ZONE)
        shown.setdefault("certificateUploadDate", float(int(now)))
    return shown


_TARGETS = {
    "REGIONAL": ("regionalDomainName", "regionalHostedZoneId"),
    "EDGE": ("distributionDomainName", "distributionHostedZoneId", "certificateUploadDate"),
}
