"""uvicorn with httptools, keeping the case of header names both ways (AWS's proxy events and answers show it), with a
short way for exchanges that are whole.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from typing import Any

import uvicorn
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from emulator.adapters.whole_exchange import WholeExchange

HEAD_WAIT_SECONDS = 60.0
"""Host time in which a request's head must have come."""
LARGEST_MESSAGE_BYTES = 128 * 1024
"""Of a WebSocket, else it is closed with 1009 [D: apigateway-execution-service-websocket-limits-table]."""
TICK_SECONDS = 0.1
LOOK_SECONDS = 0.005
"""Host time after which a server that stops looks again whether it is done."""
LONGEST_GOODBYE_SECONDS = 2.0
"""Host time that requests then have to end in."""
_BAD_REQUEST = (
    b"<html>\r\n<head><title>400 Bad Request</title></head>\r\n<body>\r\n"
    b"<center><h1>400 Bad Request</h1></center>\r\n</body>\r\n</html>\r\n"
)
"""What AWS's load balancers answer to what is no request (re:Post, private integrations; for APIs unverified)."""


class _NoRequest(Exception):
    """Raised in the parser's callbacks, which makes of it an error of its own: the request is refused."""


class CaseKeepingProtocol(HttpToolsProtocol):
    """Adds to the ASGI scope `raw_headers`, header names as the client wrote them, and `whole`, a WholeExchange."""

    raw_headers: list[tuple[bytes, bytes]]
    _head_timer: asyncio.TimerHandle | None = None
    _in_head = True
    _has_host = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._head_has_come()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and self._head_timer is None:
            self._wait_for_head()

    def _wait_for_head(self) -> None:
        """A client that does not end its request's head loses the connection. Heads that come whole cost nothing."""
        self._head_timer = self.loop.call_later(HEAD_WAIT_SECONDS, self.transport.close)

    def _head_has_come(self) -> None:
        self._in_head = False
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head = True
        self._has_host = False
        self.raw_headers = []
        self.scope["raw_headers"] = self.raw_headers  # type: ignore[typeddict-unknown-key]

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self.raw_headers.append((name, value))
        if len(name) == 4 and name.lower() == b"host":
            if self._has_host:
                raise _NoRequest("two Host headers")
            self._has_host = True

    def on_headers_complete(self) -> None:
        self._head_has_come()
        assert self.parser is not None, "this is called by it"
        if not self._has_host and self.parser.get_http_version() != "1.0":
            raise _NoRequest("no Host header")  # RFC 9112 3.2, as for two of them
        before = self.cycle
        super().on_headers_complete()
        if self.cycle is not before:  # else it becomes a WebSocket
            self.scope["whole"] = WholeExchange(self.cycle)  # type: ignore[typeddict-unknown-key]

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, and end the connection; a request before it has had its answer or gets none."""
        head = [STATUS_LINE[400]]
        for name, value in self.server_state.default_headers:
            head += [name, b": ", value, b"\r\n"]
        length = str(len(_BAD_REQUEST)).encode()
        head += [b"Content-Type: text/html\r\nContent-Length: ", length, b"\r\nConnection: close\r\n\r\n"]
        self.transport.write(b"".join([*head, _BAD_REQUEST]))
        self.transport.close()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over to the WebSocket protocol, as uvicorn does, but with header names as written."""
        from emulator.adapters.web_socket import LimitedWebSocket  # whoever has no such API need not load a protocol

        self.connections.discard(self)
        protocol = LimitedWebSocket(config=self.config, server_state=self.server_state, app_state=self.app_state)
        protocol.given_headers = self.raw_headers
        protocol.connection_made(self.transport)
        head = [self.scope["method"].encode(), b" ", self.url, b" HTTP/1.1\r\n"]
        for name, value in self.raw_headers:
            head += [name, b": ", value, b"\r\n"]
        protocol.data_received(b"".join([*head, b"\r\n"]))
        self.transport.set_protocol(protocol)


def bind(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except OSError:
        listener.close()
        raise
    return listener


class AnnouncingServer(uvicorn.Server):
    """Sets `listening` once requests are answered, and stops when it is told to, not a tenth of a second later."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()
        self._stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    def stop(self, at_once: bool = False) -> None:
        """Accept nothing any more and end when requests have: or `at_once`, whatever becomes of them."""
        self.force_exit = self.force_exit or at_once
        self.should_exit = True
        self._stopping.set()

    async def main_loop(self) -> None:
        counter = 0
        while not await self.on_tick(counter):
            counter = (counter + 1) % 864_000
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TICK_SECONDS):
                    await self._stopping.wait()

    async def on_tick(self, counter: int) -> bool:
        """Let uvicorn do what it does ten times a second, and spell the headers of all answers as AWS does: `Date`."""
        stops = await super().on_tick(counter)
        state = self.server_state
        state.default_headers = [(name.title(), value) for name, value in state.default_headers]
        return stops

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """What uvicorn does, but for its tenths of a second: a server that stops is seldom busy."""
        for accepting in (*self.servers, *(sockets or ())):
            accepting.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(LONGEST_GOODBYE_SECONDS):
                await asyncio.sleep(LOOK_SECONDS)
                while (state.connections or state.tasks) and not self.force_exit:  # noqa: ASYNC110 — nobody tells
                    await asyncio.sleep(LOOK_SECONDS)
                for accepting in self.servers:
                    await accepting.wait_closed()
        except TimeoutError:
            for task in state.tasks:
                task.cancel()


def server(app: Any) -> AnnouncingServer:
    """A server for one ASGI callable; it is told to end by `stop`."""
    log = logging.getLogger("uvicorn.error")
    log.setLevel(logging.ERROR)
    log.addFilter(_is_news)
    config = uvicorn.Config(
        app,
        http=CaseKeepingProtocol,
        ws=asyncio.Protocol,  # upgrades are taken: handle_websocket_upgrade says by what
        ws_max_size=LARGEST_MESSAGE_BYTES,
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # the source address is the peer's, as for AWS's front ends
        server_header=False,
        timeout_keep_alive=75,
        limit_concurrency=None,
        backlog=2048,
    )
    return AnnouncingServer(config)


_NO_NEWS = ("ASGI callable returned without completing response",)


def _is_news(record: logging.LogRecord) -> bool:
    """Whether a person should read it: streams that broke off and requests that ended with the server are no errors."""
    problem = record.exc_info[1] if record.exc_info else None
    return not isinstance(problem, asyncio.CancelledError) and not str(record.msg).startswith(_NO_NEWS)
