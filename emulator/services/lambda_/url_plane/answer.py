"""The HTTP response from what a function returned: failures of the front end, the prelude of a stream. Pure."""

from __future__ import annotations

import json

from emulator.aws.http import HttpResponse
from emulator.aws.http_payload import Malformed, metadata_of, response_of

__all__ = ["Malformed", "forbidden", "from_result", "function_failed", "message", "no_such_url", "split_prelude"]

FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)
_SEPARATOR = b"\0" * 8
LONGEST_PRELUDE = 64 * 1024


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

    A function that streams although nobody asked for a stream is taken at its prelude's word (unverified).
    """
    if _SEPARATOR in payload:
        begun = split_prelude(payload, complete=True)
        assert begun is not None, "all of it is there"
        begun[0].body = begun[1]
        return begun[0]
    return response_of(payload, "application/json")


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
        return metadata_of(metadata, "application/octet-stream"), received[at + len(_SEPARATOR) :]  # pyright: ignore[reportUnknownArgumentType]
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
