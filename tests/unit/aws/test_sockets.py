"""What a socket tells its server, for each thing a data plane may do with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

from emulator.aws.http import BrokenStream, HttpResponse
from emulator.aws.sockets import Closed, Socket

Message = MutableMapping[str, Any]


class Server:
    """Keeps what it is told; a client that has gone raises, as uvicorn does."""

    def __init__(self, *received: Message, gone: bool = False) -> None:
        self.told: list[Message] = []
        self._received = list(received)
        self._gone = gone
        self.socket = Socket(self._receive, self._send)

    async def _receive(self) -> Message:
        return self._received.pop(0)

    async def _send(self, message: Message) -> None:
        if self._gone:
            raise OSError("gone")
        self.told.append(message)


def test_a_refusal_is_an_answer_with_its_length() -> None:
    server = Server()
    asyncio.run(server.socket.refuse(HttpResponse(403, [("X-A", "b\nc"), ("Content-Length", "9")], b"no")))
    head, body = server.told
    assert (head["status"], head["headers"]) == (403, [(b"X-A", b"b c"), (b"Content-Length", b"2")])
    assert body == {"type": "websocket.http.response.body", "body": b"no"}


def test_a_streamed_refusal_is_sent_piece_by_piece_and_a_broken_one_has_no_end() -> None:
    async def pieces(broken: bool) -> AsyncIterator[bytes]:
        yield b"a"
        if broken:
            raise BrokenStream
        yield b"b"

    for broken, bodies in ((False, [(b"a", True), (b"b", True), (b"", False)]), (True, [(b"a", True)])):
        server = Server()
        asyncio.run(server.socket.refuse(HttpResponse(200, [], stream=pieces(broken))))
        assert [(message["body"], message.get("more_body", False)) for message in server.told[1:]] == bodies


def test_what_is_said_and_how_it_ended() -> None:
    server = Server(
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hi"},
        {"type": "websocket.receive", "bytes": b"\x00"},
        {"type": "websocket.disconnect", "code": 4000, "reason": "enough"},
    )

    async def all_of_it() -> list[object]:
        return [await server.socket.receive() for _ in range(3)]

    assert asyncio.run(all_of_it()) == ["hi", b"\x00", Closed(4000, "enough")]


def test_who_has_gone_misses_what_is_sent() -> None:
    server = Server(gone=True)
    asyncio.run(server.socket.send("x"))
    asyncio.run(server.socket.close(1000))
    assert server.told == []
