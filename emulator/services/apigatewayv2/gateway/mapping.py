"""Parameter mappings at work: what expressions give, and what they make of a request or a response (4.8). Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote, unquote_plus, urlencode

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.services.apigateway.gateway import jsonpath
from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.mapping_rules import parse_key, parse_value

SELECTABLE_BODY_BYTES = 100 * 1024
"""Of a longer body a JSON path sees nothing: AWS cuts it there, and what is left is no JSON [D]."""
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


def evaluate(text: str, exchange: Exchange, response: HttpResponse | None = None) -> str | None:
    """The value of an expression, None for a single reference that leads nowhere; among others it is empty."""
    parts = parse_value(text)
    values = [_reference(part, exchange, response) if is_reference else part for is_reference, part in parts]
    if len(values) == 1:
        return values[0]
    return "".join(value or "" for value in values)


def _reference(path: str, exchange: Exchange, response: HttpResponse | None) -> str | None:
    if path.startswith("context."):
        return _walk(exchange.context, path.removeprefix("context."))
    if path.startswith("stageVariables."):
        return exchange.stage_variables.get(path.removeprefix("stageVariables."))
    side, _, rest = path.partition(".")
    place, _, name = rest.partition(".")
    if place.startswith("body"):
        body = exchange.request.body if side == "request" else response.body if response is not None else b""
        return _of_body(body, rest.removeprefix("body"))
    if side == "response":
        return _header_of(response, name) if response is not None else None
    if place == "header":
        return exchange.headers.get(name.lower())
    if place == "querystring":
        return exchange.query.get(name)
    if not name:
        return exchange.path
    return exchange.taken.path_parameters.get(name) if exchange.taken is not None else None


def _walk(variables: Mapping[str, Any], path: str) -> str | None:
    """A context variable; names with dots of their own (a claim's URL) are found as a whole."""
    value: Any = variables
    rest = path
    while rest and isinstance(value, Mapping):
        members: Mapping[str, Any] = value
        if rest in members:
            value, rest = members[rest], ""
            break
        name, _, rest = rest.partition(".")
        value = members.get(name)
    if rest or value is None or isinstance(value, Mapping):
        return None
    return value if isinstance(value, str) else json.dumps(value)


def _of_body(body: bytes, path: str) -> str | None:
    if not path:
        return body.decode("utf-8", "replace")
    try:
        document = json.loads(body[:SELECTABLE_BODY_BYTES])
        value = jsonpath.find("$" + path, document)
    except (ValueError, RecursionError):
        return None
    if value is jsonpath.MISSING or value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _header_of(response: HttpResponse, name: str) -> str | None:
    values = [value for key, value in response.headers if key.lower() == name.lower()]
    return ",".join(values) if values else None


# ── requests ──


def mapped_request(exchange: Exchange, mappings: Mapping[str, str]) -> tuple[HttpRequest, str | None]:
    """The client's request after the mappings, and the path that `overwrite:path` gives."""
    request = exchange.request
    if not mappings:
        return request, None
    headers = list(request.headers)
    query = [part for part in request.query.split("&") if part]
    path: str | None = None
    for key, text in mappings.items():
        change = parse_key(key, False)
        value = None if change.action == "remove" else evaluate(text, exchange)
        if value is None and change.action != "remove":
            continue
        if change.place == "path":
            path = "/" + quote(_clean(value or ""), safe="/%:@!$&'()*+,;=~-._", errors="replace").lstrip("/")
        elif change.place == "header":
            headers = _changed(headers, change.action, change.name.lower(), _clean(value or ""))
        else:
            query = _changed_query(query, change.action, change.name, value or "")
    return replace(request, headers=headers, query="&".join(query), _lower=None), path


def mapped_response(exchange: Exchange, by_status: Mapping[str, Mapping[str, str]], response: HttpResponse) -> None:
    """Change a response by the mappings for its status. Those of the status it had, whatever it becomes."""
    mappings = by_status.get(str(response.status)) or {}
    original = HttpResponse(response.status, list(response.headers), response.body)
    for key, text in mappings.items():
        change = parse_key(key, True)
        value = None if change.action == "remove" else evaluate(text, exchange, original)
        if value is None and change.action != "remove":
            continue
        if change.place == "statuscode":
            if value is not None and re.fullmatch(r"[2-5]\d\d", value):
                response.status = int(value)
        else:
            headers = response.headers
            response.headers = _changed(headers, change.action, change.name, _clean(value or ""))


def _changed(pairs: list[tuple[str, str]], action: str, name: str, value: str) -> list[tuple[str, str]]:
    kept = pairs if action == "append" else [pair for pair in pairs if pair[0].lower() != name.lower()]
    return kept if action == "remove" else [*kept, (name, value)]


def _changed_query(parts: list[str], action: str, name: str, value: str) -> list[str]:
    """A query's parts `name=value`; what no mapping touches stays as the client wrote it (unverified)."""
    kept = parts if action == "append" else [part for part in parts if unquote_plus(part.partition("=")[0]) != name]
    return kept if action == "remove" else [*kept, urlencode([(name, value)], errors="replace")]


def _clean(value: str) -> str:
    return _UNSAFE.sub(" ", value)
