"""A request to a function URL on its way: find the URL, let the caller in, invoke, answer.

The only file here that awaits. A function that streams runs in a task of its own: its answer begins with its first
piece and is sent while it runs.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from typing import Any

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.errors import AwsError
from emulator.aws.http import BrokenStream, HttpRequest, HttpResponse
from emulator.aws.http_payload import access_key
from emulator.aws.service import Context
from emulator.ports import Transaction
from emulator.services.lambda_ import store_urls, trace
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.operations.pieces import Pieces
from emulator.services.lambda_.url_plane import answer as answers
from emulator.services.lambda_.url_plane.event import request_event
from emulator.services.lambda_.urls import Address, FunctionUrl, address, cors_headers, is_preflight


class FunctionUrlPlane:
    """Answers requests to function URLs."""

    def __init__(self, context: Context, lambda_: LambdaOperations) -> None:
        self._store = context.store
        self._clock = context.clock
        self._base_url = context.base_url
        self._signatures = context.signatures
        self._lambda = lambda_
        self._running: set[asyncio.Task[dict[str, Any]]] = set()

    def match(self, host: str, path: str) -> Address | None:
        """Where the request goes, or None if it is not for a function URL."""
        return address(host, path)

    async def handle(self, request: HttpRequest, match: Address) -> HttpResponse:
        """Answer a request that `match` recognised."""

        def load(tx: Transaction) -> tuple[FunctionUrl | None, str]:
            return store_urls.find_url_by_id(tx, match.url_id), tx.new_id()

        url, request_id = await self._store.read(load, behind=True)
        if url is None:
            response = answers.no_such_url()
        else:
            request.served_by = url.name
            began = self._clock.now()
            response = await self._answer(request, url, match.path, request_id)
            self._count(url, response.status, self._clock.now() - began)
        response.headers.append(("x-amzn-RequestId", request_id))
        return response

    def _count(self, url: FunctionUrl, status: int, seconds: float) -> None:
        count = self._lambda.telemetry.url_answered
        self._store.post(lambda tx: count(tx, url.scope, url.name, url.qualifier, status, seconds))

    async def _answer(self, request: HttpRequest, url: FunctionUrl, path: str, request_id: str) -> HttpResponse:
        headers = {name.lower(): value for name, value in request.headers}
        preflight = url.cors is not None and is_preflight(request.method, headers)
        cors = cors_headers(url.cors, headers, preflight) if url.cors is not None else []
        if preflight:  # answered by Lambda itself, and unsigned: a browser signs no preflight
            return HttpResponse(200, cors)
        signed = url.auth_type != "AWS_IAM" or (
            access_key(request) is not None and await self._signatures.problem(request, "lambda") is None
        )
        if not signed:
            response = answers.forbidden()
        else:
            response = await self._invoke(request, url, path, request_id)
        ours = {name.lower() for name, _ in cors}
        # Where the function sends the same headers, those of the URL's settings win (AWS: urls-configuration).
        response.headers = [pair for pair in response.headers if pair[0].lower() not in ours - {"vary"}] + cors
        return response

    async def _invoke(self, request: HttpRequest, url: FunctionUrl, path: str, request_id: str) -> HttpResponse:
        now = self._clock.now()
        received = request.header("x-amzn-trace-id")
        trace_root = trace.following(received, request_id, now, url.arn).partition(";")[0]
        event = request_event(request, url, path, self._base_url, request_id, trace_root, now)
        invocation: dict[str, Any] = {"FunctionName": url.name, "Payload": json.dumps(event).encode()}
        invocation[TRACE_MEMBER] = received
        if url.alias is not None:
            invocation["Qualifier"] = url.alias
        try:
            if url.invoke_mode == "RESPONSE_STREAM":
                response = await self._stream(url, invocation, request_id)
            else:
                result = await self._lambda.invoke(url.scope, invocation, request_id=request_id)
                response = _buffered(result)
        except AwsError as error:
            response = _refused(error)
        response.headers.append(("X-Amzn-Trace-Id", trace_root))
        return response

    # ── streams ──

    async def _stream(self, url: FunctionUrl, invocation: dict[str, Any], request_id: str) -> HttpResponse:
        """The answer once it is known how it begins; a function that does not stream is answered as if buffered."""
        pieces = self._lambda.pieces()
        # The hold is taken before we park, so that frozen time never sees a moment without a holder.
        hold = ExitStack()
        hold.enter_context(self._clock.busy("lambda: function URL"))
        task = asyncio.ensure_future(
            self._lambda.invoke(url.scope, invocation, request_id=request_id, on_chunk=pieces.add)
        )
        self._running.add(task)

        def ended(finished: asyncio.Task[dict[str, Any]]) -> None:
            self._running.discard(finished)
            hold.close()
            if not finished.cancelled():
                finished.exception()  # looked at by whoever still waits
            pieces.end()

        task.add_done_callback(ended)
        received = b""
        while True:
            with self._clock.parked():
                piece = await pieces.next()
            if piece is None:
                result = task.result()
                if not received:
                    return _buffered(result)
                if result.get("FunctionError"):
                    return answers.function_failed()
            received += piece or b""
            try:
                begun = answers.split_prelude(received, complete=piece is None)
            except answers.Malformed:
                return answers.function_failed()
            if begun is not None:
                response, first = begun
                if piece is None:
                    response.body = first
                else:
                    response.stream = _body(first, pieces, task)
                return response


async def _body(first: bytes, pieces: Pieces, task: asyncio.Task[dict[str, Any]]) -> AsyncGenerator[bytes]:
    """The body as it comes; breaks off if the function fails on the way or sends too much."""
    if first:
        yield first
    while (piece := await pieces.next()) is not None:
        yield piece
    if pieces.cut or task.cancelled() or task.exception() is not None or task.result().get("FunctionError"):
        raise BrokenStream


def _buffered(result: dict[str, Any]) -> HttpResponse:
    if result.get("FunctionError"):
        return answers.function_failed()
    try:
        return answers.from_result(result.get("Payload") or b"null")
    except answers.Malformed:
        return answers.function_failed()


def _refused(error: AwsError) -> HttpResponse:
    """Lambda's own refusal; an alias that is gone is a missing permission [R:…persists_after_alias_delete]."""
    if error.status == 404:
        return answers.forbidden()
    if error.status >= 500:
        return answers.function_failed()
    return answers.message(error.status, error.message, error.code)
