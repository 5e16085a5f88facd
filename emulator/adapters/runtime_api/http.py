"""HTTP/1.1 between a Runtime API and the processes of its environment: bytes to requests, responses to bytes.

Bodies are collected, except streamed responses, which are passed on as they come. Decides too who may call: only
clients that name this address as their host and no page as their origin. Knows no rule of Lambda.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Protocol

import httptools

from emulator.ports import LARGEST_RESPONSE_BYTES

from . import replies
from .extensions import Answer
from .replies import Request, Response
from .sandbox import Sink

MOST_HEADER_BYTES = 64 * 1024
BAD_REQUEST = replies.failure(400, "InvalidRequest", "Bad Request")
REASONS = {
    100: "Continue", 200: "OK", 202: "Accepted", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 413: "Request Entity Too Large", 501: "Not Implemented",
}  # fmt: skip


class Api(Protocol):
    """Who answers: the sandbox."""

    def call(self, request: Request, answer: Answer) -> None: ...
    def stream(self, request: Request) -> Sink | Response | None: ...
    def withdraw(self, answer: Answer) -> None: ...


class Connection(asyncio.Protocol):
    """One connection; requests on it are answered in their order."""

    def __init__(self, api: Api, hosts: frozenset[str], connections: set[Connection]) -> None:
        self._api, self._hosts, self._connections = api, hosts, connections
        self._transport: Any = None
        self._parser = httptools.HttpRequestParser(self)
        self._request = Request("", "")
        self._body: list[bytes] = []
        self._size = 0
        self._in_head, self._head_bytes = False, 0
        self._sink: Sink | None = None
        self._refused: Response | None = None
        self._reading = False
        self._answers: deque[_Exchange] = deque()
        self._keep_alive = True

    # ── the transport ──

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._connections.add(self)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError:
            self._give_up(BAD_REQUEST)
            raise  # ours
        except (httptools.HttpParserUpgrade, httptools.HttpParserError):
            return self._give_up(BAD_REQUEST)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > MOST_HEADER_BYTES:
                self._give_up(BAD_REQUEST)

    def eof_received(self) -> bool:
        if self._reading and self._sink is not None:
            self._abort_sink()
            self._give_up(replies.TRUNCATED)
            return False
        return False  # who waits no longer listens: what is handed out now would be lost

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._reading:
            self._abort_sink()
        for exchange in self._answers:
            self._api.withdraw(exchange.answer)
        self._answers.clear()
        self._transport = None

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _give_up(self, response: Response) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_bytes(response, keep_alive=False))
            self._transport.close()

    def _abort_sink(self) -> None:
        sink, self._sink = self._sink, None
        if sink is not None:
            sink.abort()

    # ── the parser ──

    def on_message_begin(self) -> None:
        self._request = Request("", "")
        self._body, self._size = [], 0
        self._in_head, self._head_bytes = True, 0
        self._sink = self._refused = None
        self._reading = True

    def on_url(self, url: bytes) -> None:
        self._request.path += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._request.headers[name.decode("latin-1").lower()] = value.decode("utf-8", "replace")

    def on_headers_complete(self) -> None:
        request = self._request
        self._in_head = False
        request.method = self._parser.get_method().decode("latin-1")
        if request.headers.get("host", "").lower() not in self._hosts or "origin" in request.headers:
            self._refused = replies.FOREIGN
        else:
            found = self._api.stream(request)
            if isinstance(found, Response):
                self._refused = found
            else:
                self._sink = found
        if request.headers.get("expect", "").lower() == "100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        if self._refused is not None:
            return
        if self._sink is not None:
            return self._sink.write(body)
        self._size += len(body)
        if self._size > LARGEST_RESPONSE_BYTES:
            self._request.too_large = True
            self._body.clear()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        self._reading = False
        self._keep_alive = self._keep_alive and self._parser.should_keep_alive()
        exchange = _Exchange(self)
        self._answers.append(exchange)
        if self._refused is not None:
            exchange.answer(self._refused)
        elif self._sink is not None:
            sink, self._sink = self._sink, None
            exchange.answer(sink.end(self._request.headers))
        else:
            self._request.body = b"".join(self._body)
            self._body = []
            self._api.call(self._request, exchange.answer)

    # ── answers ──

    def flush(self) -> None:
        """Write what is ready, in the order of the requests."""
        while self._answers and self._answers[0].response is not None and self._transport is not None:
            exchange = self._answers.popleft()
            assert exchange.response is not None
            self._transport.write(_bytes(exchange.response, self._keep_alive))
            if not self._keep_alive:
                self._transport.close()


class _Exchange:
    """One request and its answer to be."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.response: Response | None = None
        self.answer: Answer = self._answer  # one object, so that it can be withdrawn by identity

    def _answer(self, response: Response) -> None:
        if self.response is None:
            self.response = response
            self._connection.flush()


def _bytes(response: Response, keep_alive: bool) -> bytes:
    lines = [f"HTTP/1.1 {response.status} {REASONS.get(response.status, 'Unknown')}"]
    headers = {"Content-Type": "application/json", **response.headers, "Content-Length": str(len(response.body))}
    if not keep_alive:
        headers["Connection"] = "close"
    for name, value in headers.items():
        lines.append(f"{name}: {value.translate(_NO_BREAKS)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "replace") + response.body


_NO_BREAKS = {13: " ", 10: " ", 0: " "}
"""A client context may hold any JSON; a header may not hold a line break."""
