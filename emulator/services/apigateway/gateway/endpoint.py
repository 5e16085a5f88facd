"""From an integration's URI to the address that is called: stage variables, path, query (3.1, step 5). Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import formatdate
from functools import lru_cache
from typing import Any
from urllib.parse import quote, urlencode

from emulator.aws.http import is_header_name
from emulator.services.apigateway.gateway import templates
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import configuration_error

_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_PATH_PARAMETER = re.compile(r"\{([A-Za-z0-9._\-]+)\+?\}")
_ADDRESS = re.compile(r"https?://[^/?#:]")
_PATH_SAFE = "/:@!$&'()*+,;=-._~"


def with_stage_variables(exchange: Exchange, uri: str) -> str:
    """The URI with `${stageVariables.x}` filled in; an unknown variable is empty."""
    if "${" not in uri:
        return uri
    return _VARIABLE.sub(lambda match: exchange.stage_variables.get(match.group(1), ""), uri)


def with_overrides(exchange: Exchange, mapped: dict[str, dict[str, Any]]) -> None:
    """Let what templates put into `$context.requestOverride` win over mappings."""
    overridden: dict[str, Any] = {}
    overrides = exchange.context["requestOverride"] if exchange.has_context else {}
    for place, values in overrides.items():
        if place in mapped and isinstance(values, dict) and values:
            overridden[place] = {str(name): templates.show(value) for name, value in values.items()}
            mapped[place].update(overridden[place])
            exchange.trace.weigh(*overridden[place].values())
    exchange.trace.add("request mapping", **mapped, overridden=overridden)


def with_parameters(uri: str, path: dict[str, Any]) -> str:
    """The URI with `{name}` filled in, percent-encoded. A parameter that is not mapped makes it no address."""

    def value(match: re.Match[str]) -> str:
        if match.group(1) not in path:
            raise configuration_error("Invalid endpoint address")
        return quote(str(path[match.group(1)]), safe=_PATH_SAFE)

    return _PATH_PARAMETER.sub(value, uri) if "{" in uri else uri


def with_query(url: str, pairs: list[tuple[str, str]]) -> str:
    """The URL with more query parameters."""
    if not pairs:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(pairs)}"


def is_address(url: str) -> bool:
    """Whether a URL names a host over HTTP; a stage variable that is not there may have left none."""
    return _ADDRESS.match(url) is not None


def query_pairs(query: dict[str, Any]) -> list[tuple[str, str]]:
    """Mapped query parameters as pairs; a multi-value source gives several."""
    return [
        (name, str(value))
        for name, values in query.items()
        for value in (values if isinstance(values, list) else [values])
    ]


def checked_headers(headers: dict[str, Any]) -> list[tuple[str, str]]:
    """Mapped headers as they may be sent: neither a name that is none, nor a value that would begin a new line."""
    result: list[tuple[str, str]] = []
    for name, value in headers.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        if is_header_name(name) and text.isascii() and not any(char in text for char in "\r\n\0"):
            result.append((name, text))
    return result


def with_own_headers(exchange: Exchange, headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Mapped headers, and the gateway's own where they say nothing: of a call that is no proxy's."""
    own = {
        "Accept": "application/json",
        "Content-Type": "application/json",
        "User-Agent": f"AmazonAPIGateway_{exchange.where.api_id}",
        "x-amzn-apigateway-api-id": exchange.where.api_id,
        "X-Amzn-Trace-Id": exchange.trace_id,
    }
    present = {name.lower() for name, _ in headers}
    return headers + [(name, value) for name, value in own.items() if name.lower() not in present]


def http_date(now: float) -> str:
    """The value of Date."""
    return _http_date(int(now))


@lru_cache(maxsize=64)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)


def amz_date(now: float) -> str:
    """The value of X-Amz-Date."""
    return _amz_date(int(now))


@lru_cache(maxsize=64)
def _amz_date(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y%m%dT%H%M%SZ")
