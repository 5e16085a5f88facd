"""A response that a function streams: its pieces, and what is told of one that is larger than AWS takes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from botocore.eventstream import EventStreamBuffer

from emulator.ports import FunctionSpec, Invocation, InvocationResult
from emulator.services.lambda_.operations.response_stream import STREAM_MEMBER
from tests.unit.services.lambda_.support import Bench


def three_pieces(function: FunctionSpec, invocation: Invocation) -> InvocationResult:
    """Streams ten bytes, ten bytes and one."""
    assert invocation.on_chunk is not None
    for piece in (b"a" * 10, b"b" * 10, b"c"):
        invocation.on_chunk(piece)
    return InvocationResult(b"")


def streamed(limit: int | None = None) -> list[tuple[str, Any]]:
    async def main() -> bytes:
        bench = Bench()
        bench.runtime.script = three_pieces
        await bench.create()
        if limit is not None:
            bench.settings.response_stream_bytes = limit
        answer = await bench.call("InvokeWithResponseStream", FunctionName="f")
        return b"".join([piece async for piece in answer[STREAM_MEMBER]])

    buffer: Any = EventStreamBuffer()
    buffer.add_data(asyncio.run(main()))
    return [(event.headers[":event-type"], event.payload) for event in buffer]


def test_every_piece_is_an_event_and_the_end_is_one_too() -> None:
    *pieces, end = streamed()
    assert [payload for _, payload in pieces] == [b"a" * 10, b"b" * 10, b"c"]
    assert end == ("InvokeComplete", b"{}")


def test_a_stream_that_is_too_large_is_cut_and_says_so() -> None:
    *pieces, (kind, end) = streamed(limit=20)
    assert [payload for _, payload in pieces] == [b"a" * 10, b"b" * 10]
    assert kind == "InvokeComplete"
    assert json.loads(end) == {
        "ErrorCode": "Function.ResponseSizeTooLarge",
        "ErrorDetails": "Response payload size exceeded maximum allowed payload size (20 bytes).",
    }
