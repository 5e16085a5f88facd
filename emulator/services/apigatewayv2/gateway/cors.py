"""CORS of HTTP APIs: the gateway answers preflights, and its headers replace the integration's (4.10). Pure."""

from __future__ import annotations

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.services.apigatewayv2.model import Document
from emulator.services.lambda_.urls import cors_headers, is_preflight


def preflight(cors: Document | None, request: HttpRequest) -> HttpResponse | None:
    """The answer to a browser that asks for permission; None if it does not, or if CORS is not configured."""
    if cors is None:
        return None
    headers = _headers(request)
    if not is_preflight(request.method, headers):
        return None
    return HttpResponse(204, cors_headers(_for_origin(cors, headers.get("origin", "")), headers, True))


def apply(cors: Document | None, request: HttpRequest, response: HttpResponse) -> None:
    """Replace what the integration says about CORS by what is configured."""
    if cors is None:
        return
    headers = _headers(request)
    kept = [pair for pair in response.headers if not pair[0].lower().startswith("access-control-")]
    response.headers = kept + cors_headers(_for_origin(cors, headers.get("origin", "")), headers, False)


def _headers(request: HttpRequest) -> dict[str, str]:
    return {name.lower(): value for name, value in request.headers}


def _for_origin(cors: Document, origin: str) -> Document:
    """`https://*` allows every origin of that scheme; methods may be listed as `*`."""
    allowed: list[str] = cors.get("AllowOrigins") or []
    for pattern in allowed:
        if pattern.endswith("://*") and origin.startswith(pattern[:-1]):
            return {**cors, "AllowOrigins": [*allowed, origin]}
    return cors
