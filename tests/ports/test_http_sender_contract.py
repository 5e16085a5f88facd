"""The port to HTTP endpoints, on its adapter, against a real server on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from emulator.adapters.http_sender import HttpxSender
from emulator.ports import EndpointTooSlow, EndpointUnreachable

Work = Callable[[HttpxSender, str], Coroutine[Any, Any, None]]


def against(answer: bytes | None, work: Work) -> bytes:
    """Run `work` against a server that reads a request and sends `answer` (None: nothing); what it read."""
    heard: list[bytes] = []
    served: list[asyncio.Task[Any] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(asyncio.current_task())
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def main() -> None:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        sender = HttpxSender()
        try:
            await work(sender, f"http://127.0.0.1:{port}/a%2Fb?x=1")
        finally:
            await sender.aclose()
            server.close()
            await asyncio.gather(*[task for task in served if task is not None])

    asyncio.run(main())
    return heard[0] if heard else b""  # a machine so slow that the time was up first


def test_headers_go_out_as_given_and_the_answer_comes_back_as_sent() -> None:
    async def work(sender: HttpxSender, url: str) -> None:
        status, headers, body = await sender.exchange("GET", url, [("X-One", "1"), ("X-One", "2")], b"", 5, 100)
        assert (status, body) == (302, b"gone")
        assert ("Location", "/elsewhere") in headers

    heard = against(b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 4\r\n\r\ngone", work)
    assert heard.startswith(b"GET /a%2Fb?x=1 HTTP/1.1\r\n")
    assert heard.lower().count(b"x-one: ") == 2
    assert b"user-agent" not in heard.lower()


def test_a_body_beyond_the_limit_is_not_read() -> None:
    async def work(sender: HttpxSender, url: str) -> None:
        with pytest.raises(OverflowError):
            await sender.exchange("GET", url, [], b"", 5, 3)

    against(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlong", work)


def test_silence_and_garbage_and_nobody_are_told_apart() -> None:
    async def slow(sender: HttpxSender, url: str) -> None:
        with pytest.raises(EndpointTooSlow):
            await sender.exchange("GET", url, [], b"", 0.05, 10)

    async def garbage(sender: HttpxSender, url: str) -> None:
        with pytest.raises(EndpointUnreachable) as refused:
            await sender.exchange("GET", url, [], b"", 5, 10)
        assert not isinstance(refused.value, EndpointTooSlow)
        with pytest.raises(EndpointUnreachable):
            await sender.exchange("GET", "http://127.0.0.1:1/", [], b"", 5, 10)

    against(None, slow)
    against(b"this is no HTTP\r\n\r\n", garbage)


def test_a_stream_is_handed_out_as_it_comes_and_closed() -> None:
    async def work(sender: HttpxSender, url: str) -> None:
        status, headers, pieces = await sender.stream("GET", url, [("X-One", "1")], b"", 5, 5)
        assert (status, dict(headers)["X-A"]) == (200, "b")
        assert b"".join([piece async for piece in pieces]) == b"one two"

    answer = b"HTTP/1.1 200 OK\r\nX-A: b\r\nTransfer-Encoding: chunked\r\n\r\n"
    against(answer + b"4\r\none \r\n3\r\ntwo\r\n0\r\n\r\n", work)


def test_a_stream_that_breaks_off_or_falls_silent_says_so() -> None:
    async def broken(sender: HttpxSender, url: str) -> None:
        _, _, pieces = await sender.stream("GET", url, [], b"", 5, 5)
        with pytest.raises(EndpointUnreachable):
            _ = [piece async for piece in pieces]

    against(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", broken)

    async def silent(sender: HttpxSender, url: str) -> None:
        with pytest.raises(EndpointTooSlow):
            await sender.stream("GET", url, [], b"", 0.05, 5)

    against(None, silent)
