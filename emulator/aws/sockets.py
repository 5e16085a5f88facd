"""A WebSocket of a client, for data planes that hold a conversation: accept or refuse it, then receive, send, close.

Decides nothing about what is said. Knows ASGI's messages, so that data planes need not.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from emulator.aws.http import BrokenStream, HttpRequest, HttpResponse
from emulator.aws.request_traces import RequestTrace

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_BODY = "websocket.http.response.body"
EMULATOR_STOPS = 1012
"""The close code with which the server ends all connections."""
_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Closed:
    """The conversation is over: with which code and reason, whoever ended it."""

    code: int
    reason: str


class SocketPlane(Protocol):
    """A data plane that clients may hold conversations with."""

    tell: Callable[[RequestTrace], None] | None
    """Set by who wants to hear what became of each event of a conversation."""
    clients: AbstractContextManager[None]
    """Set by who wants to know whether a client waits: entered meanwhile."""

    def match(self, host: str, path: str) -> Any | None:
        """What the plane needs to answer, or None if the request is not its own; `path` as sent."""
        ...

    async def converse(self, request: HttpRequest, match: Any, socket: Socket) -> None:
        """Accept or refuse the socket of a request that matched, and serve it to its end."""
        ...


class Socket:
    """One upgrade request and what becomes of it."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send

    async def accept(self, subprotocol: str | None = None, headers: Sequence[tuple[str, str]] = ()) -> None:
        """Complete the handshake."""
        message = {"type": "websocket.accept", "subprotocol": subprotocol, "headers": _encoded(headers)}
        await self._tell(message)

    async def refuse(self, response: HttpResponse) -> None:
        """Answer the upgrade request like any other request; there will be no conversation."""
        headers = [pair for pair in response.headers if pair[0].lower() != "content-length"]
        if response.stream is None:
            headers.append(("Content-Length", str(len(response.body))))
        head = {"type": "websocket.http.response.start", "status": response.status, "headers": _encoded(headers)}
        await self._tell(head)
        if response.stream is None:
            await self._tell({"type": _BODY, "body": response.body})
            return
        try:
            async for piece in response.stream:
                await self._tell({"type": _BODY, "body": piece, "more_body": True})
        except BrokenStream:
            return  # the body ends without its end, as a broken one must
        finally:
            close = getattr(response.stream, "aclose", None)
            if close is not None:
                await close()
        await self._tell({"type": _BODY, "body": b""})

    async def receive(self) -> str | bytes | Closed:
        """The next message, or how it ended."""
        while True:
            message = await self._receive()
            if message["type"] == "websocket.receive":
                text = message.get("text")
                return text if text is not None else message.get("bytes") or b""
            if message["type"] == "websocket.disconnect":
                return Closed(message.get("code") or 1005, message.get("reason") or "")

    async def send(self, data: str | bytes) -> None:
        """Send a message; waits while the client does not read. One that has gone misses it."""
        await self._tell({"type": "websocket.send", "text" if isinstance(data, str) else "bytes": data})

    async def close(self, code: int, reason: str = "") -> None:
        """End the conversation."""
        await self._tell({"type": "websocket.close", "code": code, "reason": reason})

    async def _tell(self, message: MutableMapping[str, Any]) -> None:
        try:
            await self._send(message)
        except (OSError, RuntimeError):  # the client has gone, or the conversation was ended meanwhile
            return


def _encoded(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [
        (name.encode("latin-1", "replace"), _CONTROL_CHARACTERS.sub(" ", value).encode("latin-1", "replace"))
        for name, value in headers
    ]
