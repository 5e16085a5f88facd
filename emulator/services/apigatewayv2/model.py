"""What an HTTP or WebSocket API is, and the rules of AWS that need nothing but values.

An API is one document; a deployment is a frozen copy of it. Members are in boto3's shape. Knows nothing of SQL, HTTP
or time. Texts of errors that carry no source are unverified.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from emulator.aws.host_names import subdomain_url
from emulator.aws.scope import Scope
from emulator.aws.tags import refuse
from emulator.services.apigateway.model import bad_request, conflict

METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "HEAD", "ANY")
WEBSOCKET = "WEBSOCKET"
DEFAULT = "$default"
"""The catch-all route key, and the stage without a path prefix."""

MOST_MODELS = 50
"""Of an API; the number is ours."""
LONGEST_ROUTE_KEY = 1024
"""AWS's limit is unverified; ours keeps the search of routes shallow."""

Document = dict[str, Any]


@dataclass(slots=True)
class Api:
    """An HTTP or WebSocket API being edited."""

    id: str
    account: str
    region: str
    settings: Document
    """Name, CorsConfiguration, …: what GetApi shows except ids and endpoint."""
    routes: dict[str, Document] = field(default_factory=dict[str, Document])
    integrations: dict[str, Document] = field(default_factory=dict[str, Document])
    authorizers: dict[str, Document] = field(default_factory=dict[str, Document])
    models: dict[str, Document] = field(default_factory=dict[str, Document])
    integration_responses: dict[str, dict[str, Document]] = field(default_factory=dict[str, dict[str, Document]])
    """WebSocket APIs only: of an integration, by their ids."""
    route_responses: dict[str, dict[str, Document]] = field(default_factory=dict[str, dict[str, Document]])
    """WebSocket APIs only: of a route, by their ids."""

    @property
    def is_websocket(self) -> bool:
        """Whether clients hold conversations with it instead of sending requests."""
        return self.settings.get("ProtocolType") == WEBSOCKET

    @property
    def scope(self) -> Scope:
        """Whose API it is."""
        return Scope(self.account, self.region)

    def to_json(self) -> str:
        """The document as it is kept, and as a deployment freezes it."""
        return json.dumps(asdict(self), separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Api:
        """The inverse of `to_json`."""
        return Api(**json.loads(text))


def endpoint(api_id: str, region: str, base_url: str, is_websocket: bool = False) -> str:
    """The URL of an API with the emulator's own port."""
    return subdomain_url(f"{api_id}.execute-api.{region}", base_url, is_websocket)


# ── routes ──────────────────────────────────────────────────────────────────────────────────────

_SEGMENT = re.compile(r"\{[A-Za-z0-9._\-:]+\}|[A-Za-z0-9._\-:$~@!*'(),;=&+%]+")
_GREEDY = re.compile(r"\{[A-Za-z0-9._\-:]+\+\}")


def split_route_key(key: str) -> tuple[str, tuple[str, ...]]:
    """Method and path segments of a route key; `$default` is ("$default", ()). Raises AWS's 400 [K]."""
    if key == DEFAULT:
        return DEFAULT, ()
    method, blank, path = key.partition(" ")
    segments = tuple(path[1:].split("/")) if path not in ("", "/") else ()
    proper = [
        _SEGMENT.fullmatch(part) or (_GREEDY.fullmatch(part) and at == len(segments) - 1)
        for at, part in enumerate(segments)
    ]
    is_key = method in METHODS and bool(blank) and path.startswith("/") and len(key) <= LONGEST_ROUTE_KEY
    if not is_key or not all(proper):
        raise bad_request(
            "The provided route key is not formatted properly for HTTP protocol. "
            'Format should be "<HTTP METHOD> /<RESOURCE PATH>" or "$default"'
        )
    names = [part.strip("{}+") for part in segments if part.startswith("{")]
    if len(names) != len(set(names)):
        raise bad_request(f"Duplicate path parameter names in the route key {key}")
    return method, segments


def check_unique(api: Api, key: str, besides: str = "") -> None:
    """Raise AWS's 409 if a route of the API has this key, or one that differs by a variable's name only [P]."""
    shape = _shape(key)
    for route_id, route in api.routes.items():
        if route_id == besides:
            continue
        other = route["RouteKey"]
        if other == key:
            raise conflict(f"Route with key {key} already exists for this API")
        if _shape(other) == shape:
            raise conflict(
                f'The provided route key "{key}" has a conflicting variable on the same hierarchical level as "{other}"'
            )


def _shape(key: str) -> tuple[str, ...]:
    method, segments = split_route_key(key)
    return (method, *("{+}" if part.endswith("+}") else "{}" if part[:1] == "{" else part for part in segments))


def integration_id_of(target: str | None) -> str | None:
    """The integration that a route's target names (`integrations/ID`)."""
    if target is None or not target.startswith("integrations/"):
        return None
    return target.removeprefix("integrations/")


# ── integrations ────────────────────────────────────────────────────────────────────────────────

_LAMBDA_URI = re.compile(r"arn:[a-z\-]+:apigateway:[^:]*:lambda:path//?2015-03-31/functions/(.+)/invocations")
_LAMBDA_ARN = re.compile(r"arn:[a-z\-]+:lambda:[a-z0-9\-]+:\d{12}:function:.+")


def lambda_function_of(uri: str) -> str | None:
    """The function that an integration's or authorizer's URI names: an ARN or an API Gateway invocation URI."""
    match = _LAMBDA_URI.fullmatch(uri)
    if match is not None:
        return match.group(1)
    return uri if _LAMBDA_ARN.fullmatch(uri) else None


def given_tags(request: Mapping[str, Any]) -> dict[str, str]:
    """The tags of a new resource. Raises for those that are AWS's own."""
    refuse(request.get("Tags"), request, bad_request)
    return dict(request.get("Tags") or {})
