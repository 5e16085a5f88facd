"""What a connection adds to a request, and the request for a token of client credentials. Pure.

For API destinations here, and for HTTP tasks of Step Functions.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

_FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent."""

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes


@dataclass(slots=True)
class Extra:
    """What a connection adds to a request; it wins over what the request says itself."""

    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: dict[str, str] = field(default_factory=dict[str, str])
    body: dict[str, str] = field(default_factory=dict[str, str])


def extra_of(authorization: str, secret: Mapping[str, Any], token: str | None) -> Extra:
    """What a connection adds: its credentials, or the `token` that they brought, and its own parameters."""
    extra = Extra()
    own: dict[str, Any] = secret.get("InvocationHttpParameters") or {}
    for members, into in (
        ("HeaderParameters", extra.headers),
        ("QueryStringParameters", extra.query),
        ("BodyParameters", extra.body),
    ):
        into.update({item["Key"]: item.get("Value", "") for item in own.get(members, [])})
    if authorization == "BASIC":
        basic = secret["BasicAuthParameters"]
        pair = f"{basic['Username']}:{basic['Password']}".encode()
        extra.headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif authorization == "API_KEY":
        key = secret["ApiKeyAuthParameters"]
        extra.headers[key["ApiKeyName"]] = key["ApiKeyValue"]
    elif token is not None:
        extra.headers["Authorization"] = f"Bearer {token}"
    return extra


def token_request(oauth: Mapping[str, Any]) -> Request:
    """The request for a token with client credentials, as EventBridge makes it (form; layout unverified)."""
    client = oauth["ClientParameters"]
    form = {
        "grant_type": "client_credentials",
        "client_id": client["ClientID"],
        "client_secret": client["ClientSecret"],
    }
    own: dict[str, Any] = oauth.get("OAuthHttpParameters") or {}
    form.update({item["Key"]: item.get("Value", "") for item in own.get("BodyParameters", [])})
    headers = [(item["Key"], item.get("Value", "")) for item in own.get("HeaderParameters", [])]
    query = [(item["Key"], item.get("Value", "")) for item in own.get("QueryStringParameters", [])]
    parts = urlsplit(oauth["AuthorizationEndpoint"])
    method, body = oauth["HttpMethod"], b""
    if method == "GET":
        query += form.items()
    else:
        body = urlencode(form).encode()
        headers.append(("Content-Type", _FORM))
    joined = urlencode([*parse_qsl(parts.query, keep_blank_values=True), *query])
    return Request(method, urlunsplit((parts.scheme, parts.netloc, parts.path or "/", joined, "")), headers, body)


def token_of(body: bytes) -> str | None:
    """The access token in an authorization server's answer."""
    try:
        value = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return None
    token = value.get("access_token") if isinstance(value, dict) else None
    # Lone surrogates, which no header can carry, become `?`.
    return token.encode("utf-8", "replace").decode() if isinstance(token, str) and token else None
