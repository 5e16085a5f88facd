"""InvokeWithResponseStream: the answer begins with the first piece that the function sends, and ends with its outcome.

Decides which events the stream consists of; their bytes are `aws/protocol/eventstream.py`'s. A function that does not
stream is answered with one piece. The function runs on if its client goes away, as on AWS.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from typing import Any

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.protocol.eventstream import CONTENT_TYPE, encode_event
from emulator.aws.scope import Scope
from emulator.ports import RESPONSE_TOO_LARGE_TYPE, InvocationResult
from emulator.services.lambda_.operations.invoke import Asked, InvokeOperations, log_result
from emulator.services.lambda_.operations.pieces import Pieces
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import constraint

STREAM_MEMBER = "_stream"
"""The body's pieces, on their way from the operation to the wire."""


class ResponseStreamOperations(InvokeOperations):
    """Invoke with a streamed answer."""

    async def invoke_with_response_stream(
        self, scope: Scope, request: dict[str, Any], *, request_id: str | None = None
    ) -> dict[str, Any]:
        """Invoke a function and answer with its first piece. Raises what `invoke` raises; there is no type Event."""
        invocation_type = request.get("InvocationType") or "RequestResponse"
        if invocation_type not in ("RequestResponse", "DryRun"):
            names.parse(request["FunctionName"], scope, request.get("Qualifier"))
            rule = "Member must satisfy enum value set: [RequestResponse, DryRun]"
            raise constraint(invocation_type, "invocationType", rule)
        asked = await self.ask(scope, request, invocation_type, request_id)
        if invocation_type == "DryRun":
            return {"StatusCode": 204, TRACE_MEMBER: asked.trace_id}
        return {
            "StatusCode": 200,
            "ExecutedVersion": asked.function.spec.version,
            "ResponseStreamContentType": CONTENT_TYPE,
            TRACE_MEMBER: asked.trace_id,
            STREAM_MEMBER: await self._stream(asked),
        }

    async def _stream(self, asked: Asked) -> AsyncGenerator[bytes]:
        """Start the function and wait until it has sent something or ended; raises what kept it from running."""
        pieces = self.pieces()
        hold = ExitStack()
        hold.enter_context(self.clock.busy(f"response stream {asked.request_id}"))
        running = asyncio.create_task(self.run_now(asked, pieces.add), name=f"response-stream-{asked.request_id}")
        self.streams.add(running)

        def ended(finished: asyncio.Task[InvocationResult]) -> None:
            self.streams.discard(finished)
            if not finished.cancelled():
                finished.exception()  # looked at by whoever still waits
            pieces.end()
            hold.close()

        running.add_done_callback(ended)
        with self.clock.parked():
            first = await pieces.next()
        if first is None:
            running.result()
        return _events(first, pieces, running, asked.wants_log)


async def _events(
    first: bytes | None, pieces: Pieces, running: asyncio.Task[InvocationResult], wants_log: bool
) -> AsyncGenerator[bytes]:
    """The stream's bytes: every piece, then how it ended."""
    piece = first
    while piece is not None:
        yield encode_event("PayloadChunk", piece, "application/octet-stream")
        piece = await pieces.next()
    result = running.result()
    complete: dict[str, Any] = {}
    if result.function_error is not None:
        # That the code is the word of X-Amz-Function-Error and the details are the error's JSON is unverified.
        complete = {"ErrorCode": result.function_error, "ErrorDetails": result.payload.decode("utf-8", "replace")}
    elif pieces.cut:
        complete = {"ErrorCode": RESPONSE_TOO_LARGE_TYPE, "ErrorDetails": pieces.too_large}
    elif result.payload:
        yield encode_event("PayloadChunk", result.payload, "application/octet-stream")
    if wants_log:
        complete["LogResult"] = log_result(result)
    yield encode_event("InvokeComplete", json.dumps(complete).encode(), "application/json")
