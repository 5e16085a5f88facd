"""HttpSender over httpx: one client, made when first needed, and httpx imported only then (start-up stays short)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from emulator.ports import EndpointUnreachable, HttpSender

if TYPE_CHECKING:
    import httpx


class HttpxSender(HttpSender):
    """Posts without following redirects and without proxies: endpoints are mostly on this machine."""

    def __init__(self) -> None:
        self._client: httpx.AsyncClient | None = None

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, timeout_seconds: float) -> int:
        import httpx

        client = self._client
        if client is None:
            client = self._client = httpx.AsyncClient(trust_env=False, follow_redirects=False)
        try:
            async with client.stream(
                "POST", url, headers=dict(headers), content=body, timeout=timeout_seconds
            ) as answer:
                return answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, OSError) as error:
            raise EndpointUnreachable(f"{type(error).__name__}: {error}"[:300]) from error

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None
