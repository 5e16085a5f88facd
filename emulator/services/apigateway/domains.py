"""Custom domain names: what they are made of, and which mapping answers a path. Pure."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from emulator.services.apigateway.model import bad_request, conflict

_NAME = re.compile(r"(\*\.)?([a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?\.)+[a-z0-9\-]{2,63}")
_BASE_PATH = re.compile(r"[A-Za-z0-9$\-_.+!*'()]*")
REST, WEBSOCKET = "REST", "WEBSOCKET"
"""Protocols of mapped APIs; `HTTP` is the third."""
NO_STAGE = "/"
"""No stage has this name."""
MOST_WITH_LEVELS = 200
"""API mappings of a domain name whose keys have several levels [D: rest-api-mappings]."""
NO_BASE_PATH = "(none)"
"""What AWS calls the empty base path."""
SECURITY_POLICIES = (
    "TLS_1_0",
    "TLS_1_2",
    "SecurityPolicy_TLS13_1_3_2025_09",
    "SecurityPolicy_TLS13_1_3_FIPS_2025_09",
    "SecurityPolicy_TLS13_1_2_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_FIPS_PFS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_Ext2_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_Ext2_FIPS_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_PQ_2025_09",
    "SecurityPolicy_TLS13_1_2_2021_06",
    "SecurityPolicy_TLS13_2025_EDGE",
    "SecurityPolicy_TLS12_PFS_2025_EDGE",
    "SecurityPolicy_TLS12_2018_EDGE",
)
"""The enumeration SecurityPolicy of the service model, which patches must be held against here."""
_EDGE_ZONE = "Z2FDTNDATAQYW2"
"""The hosted zone of every CloudFront distribution (AWS)."""
_REGIONAL_ZONE = "Z1UJRXOUMOOFQ8"
"""That of API Gateway in us-east-1 (AWS); shown in every region."""


class Mapping(NamedTuple):
    """The stage that answers a path of a domain name; `path` is what is left of it."""

    protocol: str
    api_id: str
    stage: str
    base_path: str
    path: str
    routing_rule_id: str = ""


def check_name(name: str) -> None:
    """Raise unless it can be a custom domain name (text unverified)."""
    if not _NAME.fullmatch(name) or len(name) > 253 or name.endswith(".amazonaws.com"):
        raise bad_request(f"Invalid domain name specified: {name}")


def checked_base_path(text: str | None) -> str:
    """A base path as the key of a mapping; `(none)` and nothing are the empty one. Raises BadRequestException."""
    if text is None or text in ("", NO_BASE_PATH):
        return ""
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


def check_new(mappings: list[dict[str, Any]], mapping: dict[str, Any], taken: str) -> None:
    """Raise unless a domain name with these mappings may have this one (again): `taken` is said of a key in use.

    WebSocket APIs do not share a domain name with others [D: rest-api-mappings; its text is unverified].
    """
    others = [other for other in mappings if other["id"] != mapping["id"]]
    if any(other["key"] == mapping["key"] for other in others):
        raise conflict(taken)
    protocols = {mapping["protocol"], *(other["protocol"] for other in others)}
    if WEBSOCKET in protocols and len(protocols) > 1:
        raise bad_request("WebSocket APIs cannot be mapped to the same domain name as REST or HTTP APIs.")
    levels = sum("/" in other["key"] for other in others)
    if "/" in mapping["key"] and levels >= MOST_WITH_LEVELS:
        raise bad_request(f"A domain name can have {MOST_WITH_LEVELS} API mappings with multiple levels.")


def choose(mappings: list[dict[str, Any]], path: str) -> Mapping:
    """The mapping with the longest key that begins `path`; one without a stage takes it from the path.

    Keys end where segments of the path do, but if any mapping has several levels they may end within one, too: then
    `/ordersandmore` is for the key `orders` [D: rest-api-mappings]. What then is left of the path is unverified.
    A path that no mapping has is for a stage that does not exist of the first mapping's API, so that it is answered as
    that kind of API answers (unverified); without any mapping, as a REST API does.
    """
    within = any("/" in mapping["key"] for mapping in mappings)
    found: dict[str, Any] | None = None
    base = ""
    for mapping in mappings:
        prefix = "/" + mapping["key"] if mapping["key"] else ""
        begins = path == prefix or path.startswith(prefix if within else prefix + "/")
        if begins and (found is None or len(prefix) > len(base)):
            found, base = mapping, prefix
    if found is None:
        first = mappings[0] if mappings else {"protocol": REST, "apiId": "-"}
        return Mapping(first["protocol"], first["apiId"], NO_STAGE, "", path)
    rest = path[len(base) :]
    rest = rest if rest.startswith("/") else "/" + rest
    stage = found.get("stage")
    if stage is None:
        stage, slash, below = rest[1:].partition("/")
        base, rest = f"{base}/{stage}", (slash + below) or "/"
    return Mapping(found["protocol"], found["apiId"], stage or NO_STAGE, base, rest)


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
