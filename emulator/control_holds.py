"""Worlds that last as long as a connection: `POST /_emulator/worlds?hold=true`.

A test client that is killed ends nothing. Its connection ends with it, wherever it is stopped, and a debugger's
breakpoint does not end one: so whoever holds a world by a connection needs no heartbeat.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from fastapi.responses import Response

if TYPE_CHECKING:
    from emulator.app import Emulator


class HeldWorld(Response):
    """Tells of a world that has begun, in a line, and goes on until it has ended; ends it when its client goes away."""

    def __init__(self, emulator: Emulator, begun: dict[str, Any]) -> None:
        super().__init__(media_type="application/json")
        self._emulator, self._begun = emulator, begun
        self._ended = emulator.hold(begun["account"])

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        line = json.dumps(self._begun).encode() + b"\n"
        await send({"type": "http.response.body", "body": line, "more_body": True})
        gone, ended = asyncio.create_task(_gone(receive)), asyncio.create_task(self._ended.wait())
        try:
            await asyncio.wait([gone, ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            gone.cancel()
            ended.cancel()
        if self._ended.is_set():
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await self._emulator.end_world(self._begun["account"])


async def _gone(receive: Any) -> None:
    """Returns once the client's connection has ended."""
    while (await receive())["type"] != "http.disconnect":
        pass
