"""What `emulator start` prints while it runs: a line for each request to a deployed API, each failed invocation, and
each remark about what nobody else hears, such as a lost event.

Lines are collected and written together by a thread, ten times a second, so that nobody waits for a terminal; one that
does not take them loses the oldest. Knows neither routes nor functions: it stands between them and their callers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

from emulator.aws.errors import NotEmulated
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.request_traces import RequestTrace
from emulator.ports import Clock, FunctionRuntime, FunctionSpec, Invocation, InvocationResult, Provision

LAST_WORDS_SECONDS = 0.5
"""Host time that a terminal has to take the lines of the end."""
FLUSH_SECONDS = 0.1
MOST_WAITING = 1000
LONGEST_TEXT = 160
LONGEST_REMARK = 600
REMARKS = "emulator.functions"
"""The logger through which runtime and services tell people what no caller hears."""


class Plane(Protocol):
    """A data plane, as the edge knows it."""

    def match(self, host: str, path: str) -> Any | None:
        """What the plane needs to answer, or None."""
        ...

    async def handle(self, request: HttpRequest, match: Any) -> HttpResponse:
        """Answer a request that matched."""
        ...


class Console:
    """Lines on their way to a stream that may be slow."""

    def __init__(self, write: Callable[[str], object], command: str = "emulator") -> None:
        self._write = write
        self._command = command
        """What runs `emulator` in the user's shell."""
        self._waiting: deque[str] = deque()
        self._lost = 0
        self._scheduled = False
        self._remarks: _Remarks | None = None
        self._writing = threading.Lock()

    def line(self, at: float, text: str) -> None:
        """Print a line soon; `at` is AWS time. Inside a running loop only."""
        moment = datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S")
        self._waiting.append(f"{moment}  {text}")
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self._lost += 1
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def watch_plane(self, plane: Plane, clock: Clock) -> Plane:
        """The same data plane, with a line for every answer."""
        return _WatchedPlane(plane, clock, self)

    def watch_events(self, clock: Clock) -> Callable[[RequestTrace], None]:
        """What a plane of conversations tells its events to: a line for each."""

        def show(trace: RequestTrace) -> None:
            took = ((trace.ended_at or clock.now()) - trace.started_at) * 1000
            line = (
                f"{trace.method} {_printable(trace.route)} {trace.status}  {took:.0f} ms  {_printable(trace.api_name)}"
            )
            if trace.problem:
                line += f"  {_printable(trace.problem)}  (/_emulator/requests/{trace.request_id})"
            self.line(clock.now(), line)

        return show

    def watch_runtime(self, runtime: FunctionRuntime, clock: Clock, base_url: str = "") -> FunctionRuntime:
        """The same runtime, with a line for every invocation that fails, and what shows its log."""

        def show_logs(name: str) -> str:
            return f"{self._command} logs {name}{port_option(base_url)}"

        return _WatchedRuntime(runtime, clock, self, show_logs)

    def watch_remarks(self, clock: Clock) -> None:
        """From now on, a line for each remark of the loop that runs."""
        loop = asyncio.get_running_loop()

        def show(record: logging.LogRecord) -> None:
            text = _printable(record.getMessage(), LONGEST_REMARK)
            with contextlib.suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(lambda: self.line(clock.now(), text))

        self._remarks = _Remarks(show)
        logger = logging.getLogger(REMARKS)
        logger.addHandler(self._remarks)
        logger.setLevel(logging.INFO)

    def close(self) -> None:
        """Show no more remarks, and print what waits to be: unless the terminal does not take it."""
        if self._remarks is not None:
            logger = logging.getLogger(REMARKS)
            logger.removeHandler(self._remarks)
            logger.setLevel(logging.NOTSET)
            self._remarks = None
        if self._waiting and self._writing.acquire(timeout=LAST_WORDS_SECONDS):
            self._write_waiting().join(LAST_WORDS_SECONDS)

    def _flush(self) -> None:
        if not self._waiting:  # it was closed meanwhile
            return
        if not self._writing.acquire(blocking=False):  # the stream is still busy with the last lines
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)
            return
        self._scheduled = False
        self._write_waiting()

    def _write_waiting(self) -> threading.Thread:
        """Write every line in a thread, which releases the stream."""
        lines = [*self._waiting]
        if self._lost:
            lines.insert(0, f"          … {self._lost} lines left out")
        self._waiting.clear()
        self._lost = 0
        text = "\n".join(lines) + "\n"
        writing = threading.Thread(target=self._print, args=(text,), name="console", daemon=True)
        writing.start()
        return writing

    def _print(self, text: str) -> None:
        try:
            with contextlib.suppress(OSError, ValueError):  # the terminal has gone: that ends no emulator
                self._write(text)
        finally:
            self._writing.release()


def port_option(url: str) -> str:
    """What a command of ours needs to find the emulator at `url`; nothing for the port that it tries by itself."""
    port = url.rpartition(":")[2]
    return f" --port {port}" if port.isdigit() and port != "4566" else ""


class _Remarks(logging.Handler):
    def __init__(self, show: Callable[[logging.LogRecord], None]) -> None:
        super().__init__()
        self._show = show

    def emit(self, record: logging.LogRecord) -> None:
        self._show(record)


class _WatchedPlane:
    def __init__(self, plane: Plane, clock: Clock, console: Console) -> None:
        self._plane = plane
        self.guarded = getattr(plane, "guarded", False)
        self._clock = clock
        self._console = console

    def match(self, host: str, path: str) -> Any | None:
        return self._plane.match(host, path)

    async def handle(self, request: HttpRequest, match: Any) -> HttpResponse:
        begun = time.perf_counter()
        status = 500
        try:
            response = await self._plane.handle(request, match)
            status = response.status
            return response
        except NotEmulated:
            status = 501
            raise
        finally:
            took = (time.perf_counter() - begun) * 1000
            served_by = f"  {_printable(request.served_by)}" if request.served_by else ""
            line = f"{request.method} {_printable(request.path)} {status}  {took:.0f} ms{served_by}"
            trace = request.trace
            if trace is not None and trace.problem:
                line += f"  {_printable(trace.problem)}  (/_emulator/requests/{trace.request_id})"
            self._console.line(self._clock.now(), line)


class _WatchedRuntime(FunctionRuntime):
    def __init__(
        self, runtime: FunctionRuntime, clock: Clock, console: Console, show_logs: Callable[[str], str]
    ) -> None:
        self._runtime = runtime
        self._show_logs = show_logs
        self._clock = clock
        self._console = console

    async def run(self, function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        result = await self._runtime.run(function, invocation)
        if result.function_error is not None:
            kind = result.error_type or result.function_error
            text = f"{function.name} failed: {kind}: {_message(result.payload)}"
            self._console.line(self._clock.now(), f"{_printable(text)}  ({self._show_logs(function.name)})")
        return result

    async def provision(self, owner: str, wanted: Sequence[Provision]) -> str | None:
        return await self._runtime.provision(owner, wanted)

    def caller(self, session_token: str) -> tuple[str, str] | None:
        return self._runtime.caller(session_token)

    def calling(self, session_token: str) -> AbstractAsyncContextManager[None]:
        return self._runtime.calling(session_token)

    async def discard(self, function_arn: str, version: str | None = None) -> None:
        await self._runtime.discard(function_arn, version)

    async def reset(self, account: str | None = None) -> None:
        await self._runtime.reset(account)

    async def aclose(self) -> None:
        await self._runtime.aclose()


def _message(payload: bytes) -> str:
    """The error's text, if the payload is AWS's error JSON."""
    try:
        document = json.loads(payload[:65536])
    except (ValueError, RecursionError):
        return ""
    found = document.get("errorMessage") if isinstance(document, dict) else None
    return found if isinstance(found, str) else ""


def _printable(text: str, longest: int = LONGEST_TEXT) -> str:
    """One short line without control characters: a request must not draw on a terminal."""
    short = text[:longest] + ("…" if len(text) > longest else "")
    return "".join(char if char.isprintable() else " " for char in short)
