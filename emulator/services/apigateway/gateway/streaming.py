"""`responseTransferMode` STREAM: an answer that is passed on while it comes into being (AWS: response-transfer-mode).

It decides what begins a function's stream, how long a stream may take and be silent, and what breaks it off. Neither
templates nor the cache see a streamed body. AWS slows what comes after 10 MB down to 2 MB/s; here nothing does.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from typing import Any

from emulator.aws.http import BrokenStream, HttpResponse
from emulator.ports import Clock
from emulator.services.apigateway.gateway import proxy_event
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure, malformed_proxy_response
from emulator.services.apigateway.gateway.routing import Snapshot

LONGEST_SECONDS = 900.0
_SEPARATOR = b"\0" * 8
_LONGEST_PRELUDE = 64 * 1024
"""Bytes of metadata (the limit is unverified)."""


def is_streamed(integration: dict[str, Any]) -> bool:
    """Whether the integration streams its answer."""
    return integration.get("responseTransferMode") == "STREAM"


def idle_seconds(snapshot: Snapshot) -> float:
    """How long a stream may be silent: 5 minutes, 30 seconds of an edge-optimized API [D]."""
    kinds = (snapshot.api.settings.get("endpointConfiguration") or {}).get("types") or ["EDGE"]
    return 30.0 if kinds[0] == "EDGE" else 300.0


class FunctionStream:
    """What a function sends, piece by piece, in AWS time. `pieces` is Lambda's queue of them."""

    def __init__(self, clock: Clock, pieces: Any, exchange: Exchange, seconds: float, idle: float) -> None:
        self._clock = clock
        self._pieces = pieces
        self._exchange = exchange
        self._until = exchange.called_at + seconds
        self._seconds = seconds
        self._idle = idle
        self._task: asyncio.Task[dict[str, Any]]

    def start(self, invocation: Any) -> None:
        """Run the function; what it sends afterwards waits for `begin` and `body`."""
        # The hold is taken before anybody parks, so that frozen time never sees a moment without a holder.
        hold = ExitStack()
        hold.enter_context(self._clock.busy("apigateway: a function that streams"))
        self._task = asyncio.ensure_future(invocation)

        def ended(finished: asyncio.Task[dict[str, Any]]) -> None:
            hold.close()
            if not finished.cancelled():
                finished.exception()  # looked at by whoever still reads
            self._pieces.end()

        self._task.add_done_callback(ended)

    async def begin(self) -> tuple[dict[str, Any], bytes]:
        """The metadata, and what has been received of the body.

        Raises what Invoke raises, the 504 and, if it begins otherwise, the 502 (which it is, is unverified).
        """
        received = b""
        while _SEPARATOR not in received and len(received) <= _LONGEST_PRELUDE:
            with self._clock.parked():
                piece = await self._next()
            if piece is None:
                result = self._task.result()
                if result.get("FunctionError"):
                    raise Failure("API_CONFIGURATION_ERROR", status=502, reason=_failed(result))
                break
            received += piece
        head, found, body = received.partition(_SEPARATOR)
        try:
            metadata = json.loads(head) if found else None
        except (ValueError, RecursionError):
            metadata = None
        if not isinstance(metadata, dict):
            raise malformed_proxy_response("Malformed Lambda proxy response: no metadata and eight zero bytes first")
        return metadata, body

    async def body(self, first: bytes) -> AsyncGenerator[bytes]:
        """The rest. Breaks off if the function fails, sends more than it may, or is too slow."""
        sent = 0
        why = ""
        try:
            if first:
                sent += len(first)
                yield first
            while (piece := await self._next()) is not None:
                sent += len(piece)
                yield piece
            why = self._broken()
        except Failure as failure:
            why = failure.reason
        finally:
            self._exchange.trace.add("stream ended", bytes=sent, broken=why or None)
        if why:
            raise BrokenStream

    async def _next(self) -> bytes | None:
        """The next piece, None at the end. Raises the 504. The caller holds no time still."""
        until = min(self._until, self._clock.now() + self._idle)
        piece = asyncio.ensure_future(self._pieces.next())
        timer = asyncio.ensure_future(self._clock.sleep_until(until, "apigateway: a stream's timeout"))
        try:
            await asyncio.wait((piece, timer), return_when=asyncio.FIRST_COMPLETED)
            if piece.done():
                return piece.result()
        finally:
            piece.cancel()
            timer.cancel()
        whose, seconds = ("integration", self._seconds) if until == self._until else ("idle stream", self._idle)
        self._exchange.trace.add("timeout", whose=whose, seconds=seconds)
        raise Failure("INTEGRATION_TIMEOUT", reason="Execution failed due to a timeout error")

    def _broken(self) -> str:
        if self._pieces.cut:
            return "the function sent more than a stream may hold"
        if self._task.cancelled():
            return "the function was ended"
        problem = self._task.exception()
        if problem is not None:
            return str(problem)
        result = self._task.result()
        return _failed(result) if result.get("FunctionError") else ""


def head_of(metadata: dict[str, Any]) -> HttpResponse:
    """Status and headers from a stream's metadata, which is a proxy answer without body, and cookies [D]."""
    cookies = metadata.pop("cookies", None) or []
    if not isinstance(cookies, list) or not all(isinstance(item, str) for item in cookies):  # pyright: ignore[reportUnknownVariableType]
        raise malformed_proxy_response()
    if not metadata.keys() <= {"statusCode", "headers", "multiValueHeaders"}:
        raise malformed_proxy_response()
    answer = proxy_event.head(metadata)
    if any(char in str(item) for item in cookies for char in "\r\n\0"):
        raise malformed_proxy_response()
    answer.headers += [("Set-Cookie", str(item)) for item in cookies]
    return answer


def _failed(result: dict[str, Any]) -> str:
    return f"Lambda execution failed: {(result.get('Payload') or b'')[:300].decode('utf-8', 'replace')}"
