"""HttpSender over httpx: one client, made when first needed, and httpx imported only then (start-up stays short)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from emulator.ports import EndpointTooSlow, EndpointUnknown, EndpointUnreachable, HttpSender

if TYPE_CHECKING:
    import httpx


class HttpxSender(HttpSender):
    """Posts without following redirects and without proxies: endpoints are mostly on this machine."""

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
        import httpx

        client = self._made()
        try:
            request = client.build_request(method, url, content=body or None, timeout=timeout_seconds)
            if not body and method in ("POST", "PUT", "PATCH"):
                request.headers["Content-Length"] = "0"
            own = {name: request.headers[name] for name in ("Host", "Content-Length") if name in request.headers}
            given = {name.lower() for name, _ in headers}
            added = [(name, value) for name, value in own.items() if name.lower() not in given]
            request.headers = httpx.Headers([*added, *headers])
            async with asyncio.timeout(timeout_seconds):
                answer = await client.send(request, stream=True)
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
            raw = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw]
            return answer.status_code, raw, b"".join(pieces)
        except (TimeoutError, httpx.TimeoutException) as error:
            raise EndpointTooSlow(f"no answer within {timeout_seconds:g} s") from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            kind = EndpointUnknown if _is_unknown_host(error) else EndpointUnreachable
            raise kind(f"{type(error).__name__}: {error}"[:300]) from error

    def _made(self) -> httpx.AsyncClient:
        import httpx

        if self._client is None:
            self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        return self._client

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _is_unknown_host(error: BaseException) -> bool:
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, socket.gaierror):
            return True
        seen = seen.__cause__ or seen.__context__
    return False
