"""The integration response of a non-proxy integration: selection, headers, template, overrides (3.5, 3.12)."""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from typing import Any, NamedTuple

from emulator.aws.http import HttpResponse, is_header_name
from emulator.services.apigateway.gateway import mapping, templates
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import configuration_error
from emulator.services.apigateway.gateway.large_bodies import LARGE_BYTES
from emulator.services.apigateway.gateway.patterns import matches
from emulator.services.apigateway.gateway.proxy_event import is_binary
from emulator.services.apigateway.gateway.routing import Snapshot

_REMAPPED = frozenset(
    [
        "connection",
        "content-length",
        "date",
        "server",
        "authorization",
        "content-md5",
        "expect",
        "host",
        "max-forwards",
        "proxy-authenticate",
        "trailer",
        "upgrade",
        "user-agent",
        "www-authenticate",
    ]
)


_NO_OVERRIDE: dict[str, Any] = {}


class EndpointAnswer(NamedTuple):
    """What an endpoint answered, and what of it selection patterns are matched against."""

    subject: str | None
    """A function's errorMessage, or another endpoint's status code; None when there is nothing to match."""
    status: int
    headers: list[tuple[str, str]]
    body: bytes


async def answer_of(
    exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any], given: EndpointAnswer
) -> HttpResponse:
    """The client's answer from an endpoint's. Raises the 500 if no integration response fits."""
    response = select(exchange, integration, given.subject, given.status)
    return await finish(exchange, snapshot, response, given.headers, given.body)


def select(exchange: Exchange, integration: dict[str, Any], subject: str | None, status: int = 200) -> dict[str, Any]:
    """The integration response whose pattern matches all of `subject`, else the default one (3.5)."""
    responses = [*(integration.get("integrationResponses") or {}).values()]
    if len(responses) > 1:
        responses.sort(key=lambda item: item["statusCode"])
    for response in responses:
        pattern = response.get("selectionPattern")
        if pattern and subject is not None and matches(pattern, subject):
            exchange.trace.add(
                "integration response chosen", pattern=pattern, subject=subject, status=response["statusCode"]
            )
            return response
    for response in responses:
        if not response.get("selectionPattern"):
            exchange.trace.add(
                "integration response chosen", pattern=None, subject=subject, status=response["statusCode"]
            )
            return response
    raise configuration_error(
        f"No match for output mapping and no default output mapping configured. Endpoint Response Status Code: {status}"
    )


def error_message(payload: bytes) -> str | None:
    """The `errorMessage` of a function's answer, if it has one."""
    if b'"errorMessage"' not in payload:
        return None
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    message = answer.get("errorMessage") if isinstance(answer, dict) else None
    return message if isinstance(message, str) else None


async def finish(
    exchange: Exchange, snapshot: Snapshot, response: dict[str, Any], headers: list[tuple[str, str]], payload: bytes
) -> HttpResponse:
    """The client's answer from the integration's, by the rules of `response`."""
    payload, is_text = _as_text(exchange, snapshot, response, headers, payload)
    body = payload.decode("utf-8", "replace")
    mappings = response.get("responseParameters") or {}
    if len(body) <= LARGE_BYTES or not mappings:
        mapped = mapping.response_headers(exchange, mappings, headers, body)
    else:
        mapped = await asyncio.to_thread(mapping.response_headers, exchange, mappings, headers, body)
    content_type, template = templates.choose_response_template(exchange, response)
    if template:
        body = await templates.render(exchange, snapshot, template, body, "response template")
        payload = body.encode("utf-8", "replace")
        is_text = True
    override = exchange.context["responseOverride"] if exchange.has_context else _NO_OVERRIDE
    status = _status(override.get("status"), int(response["statusCode"]))
    overridden = override.get("header")
    replaced: dict[str, str] = {}
    if isinstance(overridden, dict):
        replaced = {str(name): templates.show(value) for name, value in overridden.items()}
        exchange.trace.weigh(*replaced.values())
    exchange.trace.add("response mapping", headers=mapped, overridden=replaced, status=status)
    mapped = {**mapped, **replaced}
    answer = HttpResponse(status, [], _converted(exchange, snapshot, response, payload) if is_text else payload)
    if not mapped or not any(name.lower() == "content-type" for name in mapped):
        answer.headers.append(("Content-Type", content_type))
    for name, value in mapped.items():
        if name.lower() == "transfer-encoding" or not is_header_name(name) or any(char in value for char in "\r\n\0"):
            continue
        answer.headers.append((f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, value))
    return answer


def _accepted(exchange: Exchange) -> str:
    return (exchange.header("Accept") or "").partition(",")[0].partition(";")[0].strip().lower()


def _as_text(
    exchange: Exchange,
    snapshot: Snapshot,
    response: dict[str, Any],
    headers: list[tuple[str, str]],
    payload: bytes,
) -> tuple[bytes, bool]:
    """A binary body in base64 where text is wanted; a text body loses what is no UTF-8 [R:test_apigw_s3_binary_…]."""
    if not payload or not snapshot.binary_types:
        return payload.decode("utf-8", "replace").encode(), True
    kind = next((value for name, value in headers if name.lower() == "content-type"), "")
    if not is_binary(snapshot, kind.partition(";")[0].strip().lower()):
        return payload.decode("utf-8", "replace").encode(), True
    handling = response.get("contentHandling")
    text = handling == "CONVERT_TO_TEXT" or (handling is None and not is_binary(snapshot, _accepted(exchange)))
    if text or response.get("responseTemplates"):
        return base64.b64encode(payload), False
    return payload, False


def _status(override: Any, configured: int) -> int:
    if override is None:
        return configured if 200 <= configured <= 599 else max(configured, 200)
    try:
        status = int(str(override))
    except ValueError:
        return max(configured, 200)
    # A 1xx ends no request: clients would wait for the answer behind it (unverified).
    return status if 200 <= status <= 599 else max(configured, 200)


def _converted(exchange: Exchange, snapshot: Snapshot, response: dict[str, Any], payload: bytes) -> bytes:
    """contentHandling, and what the client's Accept asks for, of a body that is text (3.11)."""
    handling = response.get("contentHandling")
    wanted = handling is None and bool(snapshot.binary_types) and is_binary(snapshot, _accepted(exchange))
    if handling == "CONVERT_TO_BINARY" or wanted:
        try:
            return base64.b64decode(payload, validate=True)
        except (ValueError, binascii.Error):
            if handling is None or response.get("responseTemplates"):
                return payload
            raise configuration_error("Unable to base64 decode the body") from None
    return payload
