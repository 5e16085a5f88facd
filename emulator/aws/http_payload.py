"""A request as a function sees it, and a function's result as a response: what function URLs and HTTP APIs share. Pure.

Payload format 2.0 (AWS: http-api-develop-integrations-lambda, urls-invocation). Who is called and what becomes of a
malformed result, their data planes decide.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from emulator.aws.http import HttpRequest, HttpResponse, is_header_name

_HOP_BY_HOP = re.compile(
    r"connection|keep-alive|proxy-authenticate|proxy-authorization|proxy-connection|te|trailer|transfer-encoding|upgrade"
)
_TEXT_TYPE = re.compile(r"text/.*|application/(json|javascript|xml|[\w.\-]+\+(json|xml))", re.ASCII)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/")
_REMAPPED = frozenset(["connection", "content-length", "date", "server", "transfer-encoding", "www-authenticate"])
"""Headers that belong to the front end: a function's come out as `x-amzn-Remapped-…` (the list is unverified)."""


class Malformed(Exception):
    """The function's answer cannot be an HTTP response."""


# ── the request ─────────────────────────────────────────────────────────────────────────────────


def headers_and_cookies(request: HttpRequest, port: int, trace_root: str) -> tuple[dict[str, str], list[str]]:
    """Lower-case names, repeated headers joined; what AWS's front end adds, but for TLS. Cookies apart."""
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, value in request.headers:
        key = name.lower()
        if key == "cookie":
            cookies.extend(part.strip() for part in value.split(";") if part.strip())
        elif not is_hop_by_hop(key):
            headers[key] = f"{headers[key]},{value}" if key in headers else value
    headers.setdefault("x-amzn-trace-id", trace_root)
    headers["x-forwarded-for"] = request.source_ip
    headers["x-forwarded-port"] = str(port)
    headers["x-forwarded-proto"] = request.scheme
    return dict(sorted(headers.items())), cookies


def is_hop_by_hop(lower_name: str) -> bool:
    """Whether a header concerns one connection only."""
    return _HOP_BY_HOP.fullmatch(lower_name) is not None


def joined_query(query: str) -> dict[str, str]:
    """Query parameters, repeated ones joined by commas."""
    result: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        result[name] = f"{result[name]},{value}" if name in result else value
    return result


def body_text(request: HttpRequest) -> tuple[str | None, bool]:
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


def log_time(now: float) -> str:
    """`12/Mar/2020:19:03:58 +0000`, the common log format."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment.day:02d}/{_MONTHS[moment.month - 1]}/{moment:%Y:%H:%M:%S} +0000"


# ── the response ────────────────────────────────────────────────────────────────────────────────


def response_of(payload: bytes, default_type: str, strict_body: bool = False) -> HttpResponse:
    """The response for a function's JSON. Raises `Malformed`.

    With `statusCode` it is taken at its word, its content type `default_type` unless it names one; anything else is a
    body, strings without quotes, the rest written anew without blanks [R:test_lambda_url_invocation]. `strict_body`
    refuses a body that is no text.
    """
    try:
        value = json.loads(payload, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Malformed from None
    if isinstance(value, dict) and "statusCode" in value:
        answer: dict[str, Any] = value
        response = metadata_of(answer, default_type)
        if strict_body and not isinstance(answer.get("body"), (str, type(None))):
            raise Malformed
        response.body = _body(answer)
        return response
    body = value.encode("utf-8", "replace") if isinstance(value, str) else _compact(value)
    return HttpResponse(200, [("Content-Type", "application/json")], body)


def metadata_of(answer: Mapping[str, Any], default_type: str) -> HttpResponse:
    """Status, headers and cookies of an answer, without its body. Raises `Malformed`."""
    headers = _headers(answer.get("headers"))
    cookies = answer.get("cookies")
    if cookies is not None and not (isinstance(cookies, list) and all(isinstance(item, str) for item in cookies)):  # pyright: ignore[reportUnknownVariableType]
        raise Malformed
    headers += [("Set-Cookie", str(item)) for item in cookies or []]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", default_type))
    return HttpResponse(_status(answer.get("statusCode", 200)), headers)


def _status(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) == 3:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 200 <= value <= 599:
        raise Malformed
    return value


def _headers(given: Any) -> list[tuple[str, str]]:
    if given is None:
        return []
    if not isinstance(given, dict):
        raise Malformed
    headers: list[tuple[str, str]] = []
    named: dict[str, Any] = given
    for name, value in named.items():
        if value is None:
            continue
        if not is_header_name(name) or isinstance(value, (dict, list)):
            raise Malformed
        text = value if isinstance(value, str) else json.dumps(value)
        headers.append((f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, text))
    return headers


def _body(answer: Mapping[str, Any]) -> bytes:
    body = answer.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return _compact(body)
    if answer.get("isBase64Encoded") is True:
        try:
            return base64.b64decode(body, validate=True)
        except (ValueError, binascii.Error):
            raise Malformed from None
    return body.encode("utf-8", "replace")


def _compact(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)
