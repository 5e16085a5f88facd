"""uvicorn's WebSocket protocol with the limits of API Gateway: frames, messages, and what a broken line is called.

Decides nothing about what is said; knows what a connection may cost. There is no compression (API Gateway offers none,
and a small frame cannot become a large message) and no ping of our own: a client at a breakpoint stays connected.
"""

from __future__ import annotations

from uvicorn.protocols.websockets.wsproto_impl import WSProtocol
from wsproto import events
from wsproto.connection import ConnectionState

LARGEST_FRAME_BYTES = 32 * 1024
LARGEST_MESSAGE_BYTES = 128 * 1024
"""[D: apigateway-execution-service-websocket-limits-table]: beyond either the connection is closed with 1009."""
TOO_BIG = 1009
BROKEN = 1006


class LimitedWebSocket(WSProtocol):
    """Adds `raw_headers` to the ASGI scope, refuses large frames, tells a broken line from a closed one."""

    given_headers: list[tuple[bytes, bytes]] | None = None
    """Headers with names as the client wrote them, by the HTTP protocol that handed the connection over."""
    _frame_bytes = 0

    def handle_connect(self, event: events.Request) -> None:
        given = self.given_headers
        super().handle_connect(event)
        if given is not None:
            self.scope["raw_headers"] = given  # type: ignore[typeddict-unknown-key]

    def handle_message(self, event: events.TextMessage | events.BytesMessage) -> None:
        self._frame_bytes += len(event.data.encode() if isinstance(event.data, str) else event.data)
        if self._frame_bytes > LARGEST_FRAME_BYTES:
            self.close_sent = True
            reason = "Frame exceeds the maximum size"
            self.queue.put_nowait({"type": "websocket.disconnect", "code": TOO_BIG, "reason": reason})
            if not self.transport.is_closing():
                self.transport.write(self.conn.send(events.CloseConnection(code=TOO_BIG, reason=reason)))
                self.transport.close()
            return
        if event.frame_finished:
            self._frame_bytes = 0
        super().handle_message(event)

    def handle_close(self, event: events.CloseConnection) -> None:
        if not self.close_sent and self.conn.state is ConnectionState.OPEN:  # what came was no frame: say so
            self.transport.write(self.conn.send(events.CloseConnection(code=event.code, reason=event.reason)))
        super().handle_close(event)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.handshake_complete:  # after a close frame this comes too late to be heard
            self.queue.put_nowait({"type": "websocket.disconnect", "code": BROKEN})
        super().connection_lost(exc)
