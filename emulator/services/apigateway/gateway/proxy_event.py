"""AWS_PROXY to Lambda: the event that the function sees, and what its answer means (3.10). Pure."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

from emulator.aws.http import HttpResponse, is_header_name
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import malformed_proxy_response
from emulator.services.apigateway.gateway.remapping import remapped
from emulator.services.apigateway.gateway.routing import Snapshot

_ANSWER_MEMBERS = frozenset(("statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"))


def proxy_event(exchange: Exchange, snapshot: Snapshot) -> bytes:
    """The event, members in AWS's order [R:test_lambda_aws_proxy_integration]."""
    request = exchange.request
    headers = forwarded_headers(exchange)
    binary = is_binary(snapshot, exchange.content_type if exchange.header("Content-Type") else "")
    body: str | None = None
    encoded = False
    if request.body:
        encoded = binary
        body = base64.b64encode(request.body).decode() if binary else exchange.body_text
    event = {
        "resource": exchange.route.resource_path,
        "path": exchange.client_path,
        "httpMethod": request.method,
        "headers": dict(headers),
        "multiValueHeaders": _multi(headers),
        "queryStringParameters": exchange.single_query or None,
        "multiValueQueryStringParameters": _multi(exchange.query) if exchange.query else None,
        "pathParameters": exchange.route.parameters or None,
        "stageVariables": exchange.stage_variables or None,
        "requestContext": {
            "resourceId": exchange.route.resource_id,
            "resourcePath": exchange.route.resource_path,
            "httpMethod": request.method,
            "extendedRequestId": exchange.extended_request_id,
            "requestTime": exchange.request_time,
            "path": exchange.stage_path,
            "accountId": exchange.account,
            "protocol": f"HTTP/{request.http_version}",
            "stage": exchange.where.stage,
            "domainPrefix": exchange.domain_prefix,
            "requestTimeEpoch": int(exchange.now * 1000),
            "requestId": exchange.request_id,
            "identity": exchange.identity,
            "domainName": exchange.domain,
            "deploymentId": exchange.deployment_id,
            "apiId": exchange.where.api_id,
            **({"authorizer": exchange.authorizer} if exchange.authorizer is not None else {}),
        },
        "body": body,
        "isBase64Encoded": encoded,
    }
    return json.dumps(event, separators=(",", ":")).encode()


def is_binary(snapshot: Snapshot, content_type: str) -> bool:
    """Whether a media type is one of the API's binary types."""
    kinds = snapshot.binary_types
    return bool(kinds) and ("*/*" in kinds or content_type in kinds or content_type.partition("/")[0] + "/*" in kinds)


def forwarded_headers(exchange: Exchange) -> list[tuple[str, str]]:
    """The client's headers with those that the gateway adds."""
    host = exchange.request.header("host")
    port = host.partition(":")[2] or ("443" if exchange.request.scheme == "https" else "80")
    added = [
        ("X-Amzn-Trace-Id", exchange.trace_id),
        ("X-Forwarded-For", exchange.request.source_ip),
        ("X-Forwarded-Port", port),
        ("X-Forwarded-Proto", exchange.request.scheme),
    ]
    names = {name.lower() for name, _ in added}
    return [(name, value) for name, value in exchange.headers if name.lower() not in names] + added


def _multi(pairs: list[tuple[str, str]]) -> dict[str, list[str]]:
    result: dict[str, list[str]] = {}
    for name, value in pairs:
        result.setdefault(name, []).append(value)
    return result


def proxy_response(exchange: Exchange, snapshot: Snapshot, payload: bytes) -> HttpResponse:
    """The client's answer from the function's. Raises the 502 [R:test_aws_proxy_response_payload_format_validation]."""
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        raise malformed_proxy_response() from None
    if not isinstance(answer, dict) or not answer.keys() <= _ANSWER_MEMBERS:
        raise malformed_proxy_response()
    response = head(answer)
    body = answer.get("body")
    if body is None:
        content = b""
    elif isinstance(body, str):
        content = body.encode("utf-8", "replace")
    else:
        raise malformed_proxy_response()
    if answer.get("isBase64Encoded") is True and content:
        accept = (exchange.header("Accept") or "").partition(",")[0].partition(";")[0].strip().lower()
        if is_binary(snapshot, accept):
            try:
                content = base64.b64decode(content, validate=True)
            except (ValueError, binascii.Error):
                raise malformed_proxy_response() from None
    response.body = content
    return response


def head(answer: dict[str, Any]) -> HttpResponse:
    """Status and headers of a proxy answer. Raises the 502."""
    status = _status(answer.get("statusCode"))
    single, multi = answer.get("headers"), answer.get("multiValueHeaders")
    if not isinstance(single, (dict, type(None))) or not isinstance(multi, (dict, type(None))):
        raise malformed_proxy_response()
    headers = _answer_headers(single, multi)
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return HttpResponse(status, headers)


def _status(value: Any) -> int:
    if value is None:
        return 200
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise malformed_proxy_response()
    try:
        if isinstance(value, str) and not value.isascii():  # int() knows the digits of all scripts
            raise ValueError
        status = int(value)
    except ValueError:
        raise malformed_proxy_response() from None
    if not 200 <= status <= 599:
        raise malformed_proxy_response()
    return status


def _answer_headers(single: dict[str, Any] | None, multi: dict[str, Any] | None) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    casing: dict[str, str] = {}
    for name, values in (multi or {}).items():
        if not isinstance(values, list):
            raise malformed_proxy_response()
        casing[_name(name).lower()] = name
        headers.extend((name, _text(value)) for value in values)
    for name, value in (single or {}).items():
        if value is not None:
            headers.append((casing.get(_name(name).lower()) or name, _text(value)))
    return remapped(headers)


def _name(name: str) -> str:
    if not is_header_name(name):
        raise malformed_proxy_response()
    return name


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    if isinstance(value, (dict, list)) or "\n" in text or "\r" in text or "\0" in text:
        raise malformed_proxy_response()
    return text
