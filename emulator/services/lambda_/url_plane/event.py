"""The event that a function gets for a request: payload format version 2.0 (AWS: urls-invocation). Pure."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote, urlsplit

from emulator.aws.callers import signed_caller
from emulator.aws.http import HttpRequest
from emulator.aws.http_payload import body_text, headers_and_cookies, joined_query, log_time
from emulator.services.lambda_.urls import FunctionUrl, url_of


def request_event(
    request: HttpRequest, url: FunctionUrl, path: str, base_url: str, request_id: str, trace_root: str, now: float
) -> dict[str, Any]:
    """The event, with members that have nothing to say left out as AWS does; order of keys as documented."""
    headers, cookies = headers_and_cookies(request, urlsplit(base_url).port or 80, trace_root)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    query = joined_query(request.query)
    if query:
        event["queryStringParameters"] = query
    event["requestContext"] = _context(request, url, path, base_url, request_id, now)
    body, is_base64 = body_text(request)
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = is_base64
    return event


def _context(
    request: HttpRequest, url: FunctionUrl, path: str, base_url: str, request_id: str, now: float
) -> dict[str, Any]:
    context: dict[str, Any] = {"accountId": "anonymous", "apiId": url.url_id}
    caller = signed_caller(request) if url.auth_type == "AWS_IAM" else None
    if caller is not None:
        context["accountId"] = caller["accountId"]
        context["authentication"] = None
        context["authorizer"] = {"iam": caller}
    return {
        **context,
        "domainName": urlsplit(url_of(url.url_id, url.scope.region, base_url)).hostname,
        "domainPrefix": url.url_id,
        "http": {
            "method": request.method,
            "path": unquote(path),
            "protocol": f"HTTP/{request.http_version}",
            "sourceIp": request.source_ip,
            "userAgent": request.header("user-agent"),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": log_time(now),
        "timeEpoch": int(now * 1000),
    }
