"""Where an HTTP request of a test goes: a path to the only deployed API, AWS's own addresses to the emulator."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx

from emulator.testing.servers import HarnessError

GATEWAY = "http://gateway.test"
"""Stands for the only stage of the only API: `.test` is nobody's (RFC 6761)."""
_AWS_HOST = re.compile(
    r"(?P<id>[a-z0-9]+)\.(?P<kind>execute-api|lambda-url)\.(?P<region>[a-z0-9-]+)\.(amazonaws\.com(\.cn)?|on\.aws)"
)

Apis = Callable[[], list[dict[str, Any]]]


def addressed(request: httpx.Request, server: str, apis: Apis) -> None:
    """Give a request the address at which the emulator answers it. Raises HarnessError if a path is nobody's."""
    request.url, host = located(request.url, server, apis)
    if host:
        request.headers["Host"] = host


def located(url: httpx.URL, server: str, apis: Apis, *, websocket: bool = False) -> tuple[httpx.URL, str]:
    """Where the emulator answers at a URL, and under which name; no name if the URL says where.

    Raises HarnessError for a path of the only API where there is not one.
    """
    base = httpx.URL(server)
    if url.host == httpx.URL(GATEWAY).host:
        stages = _meant([each for each in apis() if (each["kind"] == "WEBSOCKET") == websocket])
        if len(stages) != 1:
            names = ", ".join(f"{each['name']}/{each['stage']} at {each['url']}" for each in stages) or "none"
            kind = "stage of a WebSocket API" if websocket else "stage"
            raise HarnessError(f"{url.raw_path.decode()} needs one deployed {kind}; there are: {names}")
        path = httpx.URL(stages[0]["url"]).raw_path.rstrip(b"/") + url.raw_path
        return base.copy_with(raw_path=path), base.netloc.decode()
    if url.host.endswith(".localhost") and url.port == base.port:  # no resolver need know such names
        return base.copy_with(raw_path=url.raw_path), url.netloc.decode()
    found = _AWS_HOST.fullmatch(url.host)
    if found is None:
        return url, ""
    if found["kind"] == "execute-api":
        path = f"/_aws/execute-api/{found['id']}".encode() + url.raw_path
        return base.copy_with(raw_path=path), base.netloc.decode()
    host = f"{found['id']}.lambda-url.{found['region']}.localhost:{base.port}"
    return base.copy_with(raw_path=url.raw_path), host


def _meant(stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the stage named `Stage` that SAM has CloudFormation make beside the one that the template names."""
    named = {each["id"] for each in stages if each["stage"] != "Stage"}
    return [each for each in stages if each["stage"] != "Stage" or each["id"] not in named]


class GatewayTransport(httpx.HTTPTransport):
    """httpx's transport, which knows where deployed APIs are."""

    def __init__(self, server: str, apis: Apis) -> None:
        super().__init__()
        self._server, self._apis = server, apis

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the emulator."""
        addressed(request, self._server, self._apis)
        return super().handle_request(request)


class AsyncGatewayTransport(httpx.AsyncHTTPTransport):
    """The same for coroutines."""

    def __init__(self, server: str, apis: Apis) -> None:
        super().__init__()
        self._server, self._apis = server, apis

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request to the emulator."""
        addressed(request, self._server, self._apis)
        return await super().handle_async_request(request)
