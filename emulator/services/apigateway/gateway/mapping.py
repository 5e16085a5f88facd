"""Parameter mappings: from the method request to the integration, and from its answer back (3.3). Pure."""

from __future__ import annotations

import json
from collections.abc import Collection
from functools import lru_cache
from typing import Any

from emulator.services.apigateway import expressions
from emulator.services.apigateway.gateway import jsonpath, large_bodies
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure, configuration_error

_ILLEGAL = frozenset(
    ["authorization", "connection", "content-length", "expect", "proxy-authenticate", "te", "transfer-encoding"]
)
_ILLEGAL_FOR_HTTP = frozenset(["content-length", "transfer-encoding", "x-amzn-trace-id", "x-amzn-apigateway-api-id"])
"""Mapping these to an AWS integration fails the request, AWS_PROXY included [R:TestApiGatewayHeaderRemapping]."""


def request_parameters(exchange: Exchange, mappings: dict[str, str]) -> dict[str, dict[str, Any]]:
    """{header, path, querystring} for the integration. Sources that are not there leave their target out."""
    result: dict[str, dict[str, Any]] = {"header": {}, "path": {}, "querystring": {}}
    for target, source in mappings.items():
        place = _target(target)
        value = request_value(exchange, source) if place else None
        if place and value not in (None, ""):
            result[place[0]][place[1]] = value
    return result


@lru_cache(maxsize=4096)
def _target(expression: str) -> tuple[str, str] | None:
    """(header, path or querystring; the name) that a mapping of a request sets."""
    match = expressions.INTEGRATION_REQUEST.match(expression)
    return (match.group(1), match.group(2)) if match else None


def check_headers(mappings: dict[str, str], kind: str, overridden: Collection[str] = ()) -> None:
    """Raise unless all mapped headers, and those that a template sets, may be set at all on a `kind` of integration."""
    if not mappings and not overridden:
        return
    illegal = _ILLEGAL_FOR_HTTP if kind.startswith("HTTP") else _ILLEGAL
    prefix = "integration.request.header."
    mapped = [target.removeprefix(prefix) for target in mappings if target.startswith(prefix)]
    for name in (*mapped, *overridden):
        if name.lower() in illegal:
            raise configuration_error(f"{name} header already present")


def request_value(exchange: Exchange, source: str) -> Any:
    """The value of a mapping expression, or None."""
    static = expressions.STATIC.match(source)
    if static:
        return static.group(1)
    match = expressions.METHOD_REQUEST.match(source)
    if match:
        place, name = match.groups()
        if place == "header":
            return exchange.header(name)
        if place == "multivalueheader":
            return ",".join(exchange.header_values(name)) or None
        if place == "querystring":
            return exchange.single_query.get(name)
        if place == "multivaluequerystring":
            return exchange.query_values(name) or None
        return exchange.path_parameters.get(name)
    match = expressions.METHOD_BODY.match(source)
    if match:
        return _from_body(exchange.body_text, match.group(1))
    return _shared_value(exchange, source)


def _shared_value(exchange: Exchange, source: str) -> Any:
    match = expressions.STAGE_VARIABLE.match(source)
    if match:
        return exchange.stage_variables.get(match.group(1))
    match = expressions.CONTEXT.match(source)
    if match is None:
        return None
    value: Any = exchange.context
    for name in match.group(1).split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _from_body(body: str, path: str | None) -> str | None:
    if path is None:
        return body or None
    if body[:1] not in ("{", "[", '"', "'"):
        return None
    try:
        value = jsonpath.find("$." + path, large_bodies.loads(body))
    except (jsonpath.JsonPathError, RecursionError):
        return None
    except ValueError:
        raise Failure("BAD_REQUEST_BODY", "Invalid JSON in request body") from None
    if value is jsonpath.MISSING or value is None:
        return None
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def response_headers(
    exchange: Exchange, mappings: dict[str, str], headers: list[tuple[str, str]], body: str
) -> dict[str, str]:
    """Headers of the method response from an integration's answer."""
    result: dict[str, str] = {}
    for target, source in mappings.items():
        match = expressions.METHOD_RESPONSE.match(target)
        value = _response_value(exchange, source, headers, body) if match else None
        if match and value is not None:
            result[match.group(1)] = str(value)
    return result


def _response_value(exchange: Exchange, source: str, headers: list[tuple[str, str]], body: str) -> Any:
    static = expressions.STATIC.match(source)
    if static:
        return static.group(1)
    match = expressions.INTEGRATION_RESPONSE.match(source)
    if match:
        values = [value for name, value in headers if name.lower() == match.group(2).lower()]
        if not values:
            return None
        return values[-1] if match.group(1) == "header" else ",".join(values)
    match = expressions.INTEGRATION_BODY.match(source)
    if match:
        try:
            return _from_body(body, match.group(1))
        except Failure:
            return None
    return _shared_value(exchange, source)
