"""The event that a function gets for a request: payload format version 2.0 (AWS: urls-invocation). Pure."""

from __future__ import annotations

import base64
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from emulator.aws.http import HttpRequest
from emulator.aws.scope import DEFAULT_ACCOUNT
from emulator.services.lambda_.urls import FunctionUrl, url_of

_HOP_BY_HOP = re.compile(
    r"connection|keep-alive|proxy-authenticate|proxy-authorization|proxy-connection|te|trailer|transfer-encoding|upgrade"
)
_TEXT_TYPE = re.compile(r"text/.*|application/(json|javascript|xml|[\w.\-]+\+(json|xml))", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/")


def request_event(
    request: HttpRequest, url: FunctionUrl, path: str, base_url: str, request_id: str, trace_root: str, now: float
) -> dict[str, Any]:
    """The event, with members that have nothing to say left out as AWS does; order of keys as documented."""
    headers, cookies = _headers(request, base_url, trace_root)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": request.query,
    }
    if cookies:
        event["cookies"] = cookies
    event["headers"] = headers
    query = _query(request.query)
    if query:
        event["queryStringParameters"] = query
    event["requestContext"] = _context(request, url, path, base_url, request_id, now)
    body, is_base64 = _body(request)
    if body is not None:
        event["body"] = body
    event["isBase64Encoded"] = is_base64
    return event


def access_key(request: HttpRequest) -> str | None:
    """The access key of a signed request, None for one that is not signed (signatures are not verified)."""
    authorization = request.header("authorization")
    if authorization.startswith("AWS4-"):
        found = _CREDENTIAL.search(authorization)
        return found.group(1) if found is not None else None
    if "X-Amz-Signature=" in request.query:
        values = dict(parse_qsl(request.query))
        return values.get("X-Amz-Credential", "").partition("/")[0] or None
    return None


def _headers(request: HttpRequest, base_url: str, trace_root: str) -> tuple[dict[str, str], list[str]]:
    """Lower-case names, repeated headers joined; what AWS's front end adds, but for TLS. Cookies apart."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        key = name.lower()
        if key == "cookie":
            cookies.extend(part.strip() for part in value.split(";") if part.strip())
        elif not _HOP_BY_HOP.fullmatch(key):
            headers[key] = f"{headers[key]},{value}" if key in headers else value
    headers.setdefault("x-amzn-trace-id", trace_root)
    headers["x-forwarded-for"] = request.source_ip
    headers["x-forwarded-port"] = str(urlsplit(base_url).port or 80)
    headers["x-forwarded-proto"] = request.scheme
    return dict(sorted(headers.items())), cookies


def _query(query: str) -> dict[str, str]:
    result: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        result[name] = f"{result[name]},{value}" if name in result else value
    return result


def _context(
    request: HttpRequest, url: FunctionUrl, path: str, base_url: str, request_id: str, now: float
) -> dict[str, Any]:
    moment = datetime.fromtimestamp(now, UTC)
    context: dict[str, Any] = {"accountId": "anonymous", "apiId": url.url_id}
    key = access_key(request) if url.auth_type == "AWS_IAM" else None
    if key is not None:
        # Callers are their account's root: the emulator knows no users.
        account = key if len(key) == 12 and key.isdecimal() else DEFAULT_ACCOUNT
        context["accountId"] = account
        context["authentication"] = None
        identity: dict[str, Any] = {"accessKey": key, "accountId": account, "callerId": account}
        identity |= {"cognitoIdentity": None, "principalOrgId": None}
        context["authorizer"] = {"iam": {**identity, "userArn": f"arn:aws:iam::{account}:root", "userId": account}}
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
        "time": f"{moment.day:02d}/{_MONTHS[moment.month - 1]}/{moment:%Y:%H:%M:%S} +0000",
        "timeEpoch": int(now * 1000),
    }


def _body(request: HttpRequest) -> tuple[str | None, bool]:
    """The body as text, or base64 for types that are not text (forms are not, [R:test_lambda_url_form_payload]).

    A body without type is text if it can be (unverified), and bytes that are no UTF-8 are never text.
    """
    if not request.body:
        return None, False
    content_type = request.header("content-type").partition(";")[0].strip().lower()
    if not content_type or _TEXT_TYPE.fullmatch(content_type):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True
