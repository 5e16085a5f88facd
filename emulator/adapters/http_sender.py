"""HttpSender over httpx: one client, made when first needed, and httpx imported only then (start-up stays short)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from emulator.ports import EndpointTooSlow, EndpointUnknown, EndpointUnreachable, HttpSender

if TYPE_CHECKING:
    import httpx


class HttpxSender(HttpSender):
    """Sends without following redirects and without proxies: endpoints are mostly on this machine.

    Each request has a connection of its own. One kept from an earlier request may have been closed by the endpoint
    meanwhile, and what a request met then nobody can tell from an endpoint that died of it: to send it again could do
    twice what was asked once; and one that is kept holds up everybody else where the endpoint has a single thread, as
    many have that are under development. Nor does a request wait for others to end: connections have no common limit.
    """

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> int:
        import httpx

        client = self._made()
        try:
            async with client.stream(
                "POST", url, headers=dict(headers), content=body, timeout=timeout_seconds
            ) as answer:
                return answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            raise EndpointUnreachable(f"{type(error).__name__}: {error}"[:300]) from error

    async def exchange(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout_seconds: float,
        largest_body: int,
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        with _explained(timeout_seconds):
            request = self._request(method, url, headers, body, timeout_seconds)
            async with asyncio.timeout(timeout_seconds):
                answer = await self._made().send(request, stream=True)
                try:
                    pieces: list[bytes] = []
                    size = 0
                    async for piece in answer.aiter_raw():
                        size += len(piece)
                        if size > largest_body:
                            raise OverflowError("the answer is too large")
                        pieces.append(piece)
                finally:
                    await answer.aclose()
            return answer.status_code, _raw_headers(answer), b"".join(pieces)

    async def stream(
        self,
        method: str,
        url: str,
        headers: Sequence[tuple[str, str]],
        body: bytes,
        timeout_seconds: float,
        idle_seconds: float,
    ) -> tuple[int, list[tuple[str, str]], AsyncGenerator[bytes]]:
        with _explained(timeout_seconds):
            request = self._request(method, url, headers, body, timeout_seconds)
            until = asyncio.get_running_loop().time() + timeout_seconds
            async with asyncio.timeout_at(until):
                answer = await self._made().send(request, stream=True)
        return answer.status_code, _raw_headers(answer), _pieces(answer, until, idle_seconds)

    def _request(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, timeout_seconds: float
    ) -> httpx.Request:
        import httpx

        request = self._made().build_request(method, url, content=body or None, timeout=timeout_seconds)
        if not body and method in ("POST", "PUT", "PATCH"):
            request.headers["Content-Length"] = "0"
        own = {name: request.headers[name] for name in ("Host", "Content-Length") if name in request.headers}
        given = {name.lower() for name, _ in headers}
        added = [(name, value) for name, value in own.items() if name.lower() not in given]
        # What is no ASCII goes as UTF-8: a header's value comes from users, whose names are not all ASCII.
        encoded = [(name.encode("utf-8", "replace"), value.encode("utf-8", "replace")) for name, value in headers]
        request.headers = httpx.Headers([*((name.encode(), value.encode()) for name, value in added), *encoded])
        return request

    def _made(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)
            self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False, limits=limits)
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


async def _pieces(answer: httpx.Response, until: float, idle_seconds: float) -> AsyncGenerator[bytes]:
    loop = asyncio.get_running_loop()
    received = answer.aiter_raw()
    try:
        with _explained(idle_seconds):
            while True:
                async with asyncio.timeout_at(min(until, loop.time() + idle_seconds)):
                    piece = await anext(received, None)
                if piece is None:
                    return
                yield piece
    finally:
        await answer.aclose()


def _raw_headers(answer: httpx.Response) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw]


@contextmanager
def _explained(seconds: float) -> Generator[None]:
    """httpx's errors, and asyncio's of time, as those of the port."""
    import h11
    import httpx

    try:
        yield
    except (TimeoutError, httpx.TimeoutException) as error:
        raise EndpointTooSlow(f"no answer within {seconds:g} s") from error
    except OverflowError:
        raise
    except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, h11.ProtocolError, ValueError, OSError) as error:
        if _is_unknown_host(error):
            raise EndpointUnknown("the host is not known") from error
        raise EndpointUnreachable(_said(error)) from error


def _said(error: Exception) -> str:
    """What went wrong, in words that users are shown: neither names of Python's classes nor numbers of errors."""
    import httpx

    text = str(error)
    if isinstance(error, httpx.ConnectError):
        return f"no secure connection: {text}"[:300] if "SSL" in text else "no connection could be made"
    if isinstance(error, (httpx.NetworkError, OSError)) or not text:
        return "the connection ended before the answer was complete"
    return text[:300]


def _is_unknown_host(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
