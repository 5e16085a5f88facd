"""The HTTP response from what a function returned: payload format 2.0, its inference, the prelude of a stream. Pure."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from emulator.aws.http import HttpResponse

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_SEPARATOR = b"\0" * 8
LONGEST_PRELUDE = 64 * 1024

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+", re.ASCII)
_REMAPPED = frozenset(["connection", "content-length", "date", "server", "transfer-encoding", "www-authenticate"])
"""Headers that belong to the front end: a function's come out as `x-amzn-Remapped-…` (the list is unverified)."""


class Malformed(Exception):
    """The function's answer cannot be an HTTP response."""


def message(status: int, text: str | None, error_type: str) -> HttpResponse:
    """An answer of the front end itself [R:test_lambda_url_persists_after_alias_delete]."""
    body = json.dumps({"Message": text}, separators=(",", ":")).encode()
    return HttpResponse(status, [("Content-Type", "application/json"), ("x-amzn-ErrorType", error_type)], body)


def forbidden() -> HttpResponse:
    """Not allowed: no signature, or an alias that is gone and its policy with it."""
    return message(403, FORBIDDEN, "AccessDeniedException")


def no_such_url() -> HttpResponse:
    """404 with an odd body (unverified)."""
    return message(404, None, "ResourceNotFoundException")


def function_failed() -> HttpResponse:
    """502: the function failed, or what it returned is no response (the text is unverified)."""
    return HttpResponse(502, [("Content-Type", "application/json")], b"Internal Server Error")


def from_result(payload: bytes) -> HttpResponse:
    """The response for a function's JSON. Raises `Malformed`.

    With `statusCode` it is taken at its word; anything else is a body, strings without quotes, the rest written
    anew without blanks [R:test_lambda_url_invocation]. A function that streams although nobody asked for a stream
    is taken at its prelude's word (unverified).
    """
    if _SEPARATOR in payload:
        begun = split_prelude(payload, complete=True)
        assert begun is not None, "all of it is there"
        begun[0].body = begun[1]
        return begun[0]
    try:
        value = json.loads(payload, parse_constant=_refuse)
    except (ValueError, RecursionError):
        raise Malformed from None
    if isinstance(value, dict) and "statusCode" in value:
        answer: dict[str, Any] = value
        response = from_metadata(answer, "application/json")
        response.body = _body(answer)
        return response
    body = value.encode("utf-8", "replace") if isinstance(value, str) else _compact(value)
    return HttpResponse(200, [("Content-Type", "application/json")], body)


def from_metadata(answer: Mapping[str, Any], default_type: str) -> HttpResponse:
    """Status, headers and cookies of an answer, without its body. Raises `Malformed`."""
    headers = _headers(answer.get("headers"))
    cookies = answer.get("cookies")
    if cookies is not None and not (isinstance(cookies, list) and all(isinstance(item, str) for item in cookies)):  # pyright: ignore[reportUnknownVariableType]
        raise Malformed
    headers += [("Set-Cookie", str(item)) for item in cookies or []]
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", default_type))
    return HttpResponse(_status(answer.get("statusCode", 200)), headers)


def split_prelude(received: bytes, complete: bool) -> tuple[HttpResponse, bytes] | None:
    """Status and headers of a stream from its first bytes, and the part of them that is body; None: more is needed.

    A function that streams an HTTP response writes JSON, eight zero bytes, then the body. AWS tells such streams by
    the content type the runtime declares; here only the bytes tell, so a body that begins like JSON is held back
    until its first value has ended. Raises `Malformed` for a prelude that is none.
    """
    raw = HttpResponse(200, [("Content-Type", "application/octet-stream")]), received
    if received.lstrip()[:1] not in (b"{", b""):
        return raw
    at = received.find(_SEPARATOR)
    if at >= 0:
        try:
            metadata = json.loads(received[:at])
        except (ValueError, RecursionError):
            return raw
        if not isinstance(metadata, dict):
            return raw
        return from_metadata(metadata, "application/octet-stream"), received[at + len(_SEPARATOR) :]  # pyright: ignore[reportUnknownArgumentType]
    if complete or len(received) > LONGEST_PRELUDE or _is_followed_by_text(received):
        return raw
    return None


def _is_followed_by_text(received: bytes) -> bool:
    text = received.decode("utf-8", "replace")
    try:
        _, end = json.JSONDecoder().raw_decode(text.lstrip())
    except (ValueError, RecursionError):
        return False
    return text.lstrip()[end : end + 1] not in ("", "\0")


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
        if not _TOKEN.fullmatch(name) or isinstance(value, (dict, list)):
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
