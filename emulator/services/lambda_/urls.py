"""What a function URL is, where it is found, how it is shown, and what its CORS settings say of a request.

Values and pure decisions. Where URLs are kept and how a request becomes an invocation is not known here.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from emulator.aws.host_names import subdomain_url
from emulator.aws.scope import Scope
from emulator.services.lambda_.rules.names import LATEST, function_arn

PATH_PREFIX = "/_aws/lambda-url/"
"""For clients whose resolver does not know `*.localhost`: `/_aws/lambda-url/{url-id}/path`."""

_HOST = re.compile(r"([a-z0-9]+)\.lambda-url\.([a-z0-9-]+)\.[a-z0-9.-]+", re.ASCII)
_PATH = re.compile(r"/_aws/lambda-url/([a-z0-9]+)(/.*)?", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True)
class FunctionUrl:
    """The URL of a function, or of one of its aliases."""

    scope: Scope
    name: str
    qualifier: str
    """`$LATEST` or an alias."""
    url_id: str
    auth_type: str
    invoke_mode: str
    cors: dict[str, Any] | None
    created: float
    modified: float

    @property
    def alias(self) -> str | None:
        """The alias, None for the function itself."""
        return None if self.qualifier == LATEST else self.qualifier

    @property
    def arn(self) -> str:
        """What the URL invokes: qualified for an alias only."""
        arn = function_arn(self.scope, self.name)
        return arn if self.alias is None else f"{arn}:{self.alias}"

    def describe(self, base_url: str) -> dict[str, Any]:
        """`FunctionUrlConfig` [R:test_lambda_update_function_url_config]."""
        result: dict[str, Any] = {
            "FunctionUrl": url_of(self.url_id, self.scope.region, base_url),
            "FunctionArn": self.arn,
            "AuthType": self.auth_type,
        }
        if self.cors is not None:
            result["Cors"] = self.cors
        return {
            **result,
            "CreationTime": _timestamp(self.created),
            "LastModifiedTime": _timestamp(self.modified),
            "InvokeMode": self.invoke_mode,
        }


class Address(NamedTuple):
    """A request to a function URL; `path` is as sent, still percent-encoded."""

    url_id: str
    path: str


def address(host: str, path: str) -> Address | None:
    """Which function URL a request is for, by host or by path; None if for none.

    Any domain will do after the region: the id cannot be guessed, and a function URL is for everyone.
    """
    if ".lambda-url." in host:
        match = _HOST.fullmatch(host)
        if match is not None:
            return Address(match.group(1), path)
    if path.startswith(PATH_PREFIX):
        match = _PATH.fullmatch(path)
        if match is not None:
            return Address(match.group(1), match.group(2) or "/")
    return None


def url_of(url_id: str, region: str, base_url: str) -> str:
    """The URL with the emulator's own port."""
    return subdomain_url(f"{url_id}.lambda-url.{region}", base_url) + "/"


# ── CORS ────────────────────────────────────────────────────────────────────────────────────────


def is_preflight(method: str, headers: Mapping[str, str]) -> bool:
    """Whether a browser asks for permission; header names in lower case."""
    return method == "OPTIONS" and "origin" in headers and "access-control-request-method" in headers


def cors_headers(cors: Mapping[str, Any], headers: Mapping[str, str], preflight: bool) -> list[tuple[str, str]]:
    """What the settings add to an answer; nothing for an origin (or a preflight's method) that they do not allow.

    `*` is answered with `*`, but with the origin itself where credentials are allowed, as browsers demand
    (unverified). Header names in `headers` are lower case.
    """
    origin = headers.get("origin", "")
    allowed: list[str] = cors.get("AllowOrigins") or []
    everyone = "*" in allowed
    if not origin or not (everyone or origin.lower() in [item.lower() for item in allowed]):
        return []
    credentials = bool(cors.get("AllowCredentials"))
    result = [("Access-Control-Allow-Origin", "*" if everyone and not credentials else origin)]
    if not everyone or credentials:
        result.append(("Vary", "Origin"))
    if credentials:
        result.append(("Access-Control-Allow-Credentials", "true"))
    if not preflight:
        exposed: list[str] = cors.get("ExposeHeaders") or []
        return [*result, ("Access-Control-Expose-Headers", ",".join(exposed))] if exposed else result
    methods: list[str] = cors.get("AllowMethods") or []
    wanted = headers["access-control-request-method"]
    if "*" not in methods and wanted.upper() not in [method.upper() for method in methods]:
        return []
    result.append(("Access-Control-Allow-Methods", wanted if "*" in methods and credentials else ",".join(methods)))
    names: list[str] = cors.get("AllowHeaders") or []
    if names:
        asked = headers.get("access-control-request-headers", "")
        shown = asked if "*" in names and credentials and asked else ",".join(names)
        result.append(("Access-Control-Allow-Headers", shown))
    if headers.get("access-control-request-private-network") == "true":
        # Not AWS's: browsers ask it of a page that calls this machine, where AWS is not.
        result.append(("Access-Control-Allow-Private-Network", "true"))
    if cors.get("MaxAge") is not None:
        result.append(("Access-Control-Max-Age", str(cors["MaxAge"])))
    return result


def _timestamp(at: float) -> str:
    """With microseconds, unlike a function's `LastModified` (the precision is unverified)."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
