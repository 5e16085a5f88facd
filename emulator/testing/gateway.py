"""Where an HTTP request of a test goes: a path to the only deployed API, AWS's own addresses to the emulator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from emulator.testing.servers import HarnessError

GATEWAY = "http://gateway.test"
"""Stands for the only stage of the only API: `.test` is nobody's (RFC 6761)."""
AWS_HOSTS = (".amazonaws.com", ".on.aws")

Apis = Callable[[], list[dict[str, Any]]]


def addressed(request: httpx.Request, server: str, apis: Apis) -> None:
    """Give a request the address at which the emulator answers it. Raises HarnessError if a path is nobody's."""
    host = request.url.host
    if host == httpx.URL(GATEWAY).host:
        stages = [each for each in apis() if each["kind"] != "WEBSOCKET"]
        if len(stages) != 1:
            names = ", ".join(f"{each['name']}/{each['stage']} at {each['url']}" for each in stages) or "none"
            raise HarnessError(f"{request.url.raw_path.decode()} needs one deployed stage; there are: {names}")
        target = httpx.URL(stages[0]["url"])
        path = target.raw_path.rstrip(b"/") + request.url.raw_path
        base = httpx.URL(server)
        request.url = base.copy_with(raw_path=path)
        request.headers["Host"] = base.netloc.decode()
    elif host.endswith(AWS_HOSTS):
        base = httpx.URL(server)
        request.url = request.url.copy_with(scheme=base.scheme, host=base.host, port=base.port)  # Host stays AWS's


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
