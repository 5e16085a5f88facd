"""uvicorn's WebSocket protocol with the limits of API Gateway: frames, messages, and what a broken line is called.

Decides nothing about what is said; knows what a connection may cost. There is no compression (API Gateway offers none,
and a small frame cannot become a large message) and no ping of our own: a client at a breakpoint stays connected.
"""

from __future__ import annotations

from dataclasses import replace
from http import HTTPStatus
from typing import Any

from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto import ConnectionType, WSConnection, events
from wsproto.connection import ConnectionState
from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, FrameDecoder, FrameProtocol, Opcode, RsvBits

LARGEST_FRAME_BYTES = 32 * 1024
"""[D: apigateway-execution-service-websocket-limits-table]: beyond it the connection is closed with 1009."""
TOO_BIG = 1009
BROKEN = 1006
_TOO_BIG_REASON = "Frame exceeds the maximum size"


class _FrameLimit(Extension):
    """Refuses a frame by the length that its head announces, before any of it has come. No client can ask for it."""

    name = "largest-frame"

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool:
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        if payload_length > LARGEST_FRAME_BYTES:
            return CloseReason.MESSAGE_TOO_BIG
        return RsvBits(False, False, False)


class _Conversation(WSConnection):
    """A connection with the limit, whose refusals say the status in words, too, as other answers do."""

    def send(self, event: events.Event) -> bytes:
        if isinstance(event, events.AcceptConnection):
            event = replace(event, extensions=[*event.extensions, _FrameLimit()])
        sent = super().send(event)
        if isinstance(event, events.RejectConnection):
            line = f"HTTP/1.1 {event.status_code} "
            phrase = HTTPStatus(event.status_code).phrase if event.status_code in _STATUSES else ""
            sent = sent.replace(line.encode() + b"\r\n", f"{line}{phrase}\r\n".encode(), 1)
        return sent


_STATUSES = frozenset(HTTPStatus)


class LimitedWebSocket(WSProtocol):
    """Adds `raw_headers` to the ASGI scope, refuses large frames, tells a broken line from a closed one."""

    given_headers: list[tuple[bytes, bytes]] | None = None
    """Headers with names as the client wrote them, by the HTTP protocol that handed the connection over."""
    _frame_bytes = 0

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.conn = _Conversation(ConnectionType.SERVER)

    def handle_connect(self, event: events.Request) -> None:
        given = self.given_headers
        super().handle_connect(event)
        if given is not None:
            self.scope["raw_headers"] = given  # type: ignore[typeddict-unknown-key]

    def handle_message(self, event: events.TextMessage | events.BytesMessage) -> None:
        self._frame_bytes += len(event.data.encode() if isinstance(event.data, str) else event.data)
        if self._frame_bytes > LARGEST_FRAME_BYTES:
            self._refuse_frame()
            return
        if event.frame_finished:
            self._frame_bytes = 0
        super().handle_message(event)

    def _refuse_frame(self) -> None:
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": TOO_BIG, "reason": _TOO_BIG_REASON})
        if not self.transport.is_closing():
            self.transport.write(self.conn.send(events.CloseConnection(code=TOO_BIG, reason=_TOO_BIG_REASON)))
            self.transport.close()

    def handle_close(self, event: events.CloseConnection) -> None:
        if event.code == TOO_BIG and not self.close_sent and self.conn.state is ConnectionState.OPEN:
            self._refuse_frame()  # the frame's head said so, see _FrameLimit
            return
        if not self.close_sent and self.conn.state is ConnectionState.OPEN:  # what came was no frame: say so
            self.transport.write(self.conn.send(events.CloseConnection(code=event.code, reason=event.reason)))
        super().handle_close(event)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.handshake_complete:  # after a close frame this comes too late to be heard
            self.queue.put_nowait({"type": "websocket.disconnect", "code": BROKEN})
        super().connection_lost(exc)
