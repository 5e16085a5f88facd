"""The port to HTTP endpoints, on its adapter, against a real server on this machine."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from emulator.adapters.http_sender import HttpxSender
from emulator.ports import EndpointTooSlow, EndpointUnreachable

Work = Callable[[HttpxSender, str], Coroutine[Any, Any, None]]
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def endpoint(serve: Serve, backlog: int = 100) -> AsyncIterator[str]:
    """The address of a server whose connections `serve` answers; all of them are closed when it ends."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):  # whoever asked has given up
                await serve(reader, writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    server = await asyncio.start_server(connection, "127.0.0.1", 0, backlog=backlog)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        while others := asyncio.all_tasks() - {asyncio.current_task()}:  # one that accepts a connection among them
            await asyncio.wait(others)


def against(answer: bytes | None, work: Work) -> bytes:
    """Run `work` against a server that reads a request and sends `answer` (None: nothing); what it read."""
    heard: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.append(await reader.readuntil(b"\r\n\r\n"))
        if answer is None:
            await reader.read()
        else:
            writer.write(answer)
            await writer.drain()

    async def main() -> None:
        async with endpoint(serve) as address:
            sender = HttpxSender()
            try:
                await work(sender, f"{address}/a%2Fb?x=1")
            finally:
                await sender.aclose()

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


def test_no_request_waits_for_others_to_be_answered() -> None:
    """More slow endpoints at a time than httpx keeps connections by default."""
    at_once = 120
    waiting: list[asyncio.StreamWriter] = []

    async def main() -> None:
        all_asked = asyncio.Event()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            waiting.append(writer)
            if len(waiting) == at_once:
                all_asked.set()
            await all_asked.wait()
            writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            await writer.drain()

        async with endpoint(serve, backlog=at_once) as url:
            sender = HttpxSender()
            answers = await asyncio.gather(*(sender.exchange("GET", url, [], b"", 20, 10) for _ in range(at_once)))
            assert {status for status, _, _ in answers} == {204}
            await sender.aclose()

    asyncio.run(main())


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


def test_an_endpoint_that_ends_its_connection_after_an_answer_is_asked_on_another() -> None:
    """A kept connection would be the one that the endpoint is about to close: here it does when asked again."""
    asked: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for turn in (1, 2):
            with contextlib.suppress(asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                asked.append(turn)
                if turn == 1:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
                    await writer.drain()

    async def main() -> None:
        async with endpoint(serve) as url:
            sender = HttpxSender()
            for method in ("GET", "POST"):
                assert (await sender.exchange(method, url, [], b"", 5, 10))[2] == b"hi"
            _, _, pieces = await sender.stream("GET", url, [], b"", 5, 5)
            assert [piece async for piece in pieces] == [b"hi"]
            assert await sender.post(url, {}, b"", 5) == 200
            await sender.aclose()

    asyncio.run(main())
    assert asked == [1, 1, 1, 1]


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
