"""A bench for function runtimes: a frozen clock that moves itself, and the shortest way to run a handler."""

# Other processes tell what they did by files and by being gone: there is no event to wait for.
# ruff: noqa: ASYNC110, ASYNC240

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import os
import sys
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from emulator.adapters.clock import LiveClock
from emulator.adapters.inline_runtime import InlineRuntime
from emulator.adapters.process_runtime import ProcessRuntime
from emulator.adapters.runtime.launcher import SpawnLauncher, default_launcher
from emulator.ports import FunctionRuntime, FunctionSpec, Invocation, InvocationResult
from emulator.settings import LiveSettings
from tests.stuck import STUCK_SECONDS

REQUEST_ID = "8f507cfc-0000-4000-8000-000000000001"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:reports"


class Bench:
    """A runtime, its frozen clock, and the shortest way to run a handler."""

    def __init__(
        self, adapter: str, folder: Path, settings: LiveSettings, pythons: dict[str, str] | None = None
    ) -> None:
        self.clock = LiveClock(frozen=True, start_at=1_800_000_000.0)
        self.settings = settings
        self.folder = folder

        def endpoint() -> str:
            return "http://127.0.0.1:4566"

        self.runtime: FunctionRuntime
        if adapter == "inline":
            self.runtime = InlineRuntime(self.clock, settings, folder, endpoint)
        else:
            make_launcher = SpawnLauncher if adapter == "spawned" else default_launcher
            self.runtime = ProcessRuntime(self.clock, settings, folder, endpoint, make_launcher, pythons=pythons)

    async def run(self, source: str, event: Any = None, **changes: Any) -> InvocationResult:
        """Run a handler, moving frozen time to whatever is due next whenever nobody is at work."""
        return await self.drive(self.runtime.run(function(source, **changes), invocation(event)))

    async def drive(self, work: Awaitable[Any]) -> Any:
        task = asyncio.ensure_future(work)
        mover = asyncio.create_task(self._move())
        try:
            return await asyncio.wait_for(task, STUCK_SECONDS)
        except TimeoutError:
            raise self.stuck() from None
        finally:
            mover.cancel()

    def stuck(self) -> AssertionError:
        return AssertionError(f"stuck; at work: {self.clock.at_work()}, asleep: {self.clock.sleepers()}")

    async def _move(self) -> None:
        while True:
            await self.clock.quiet()
            due_at = self.clock.next_sleeper()
            if due_at is not None:
                self.clock.jump(due_at)
            await asyncio.sleep(0.001)


def package(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name + ".py"), text)  # without the time: equal content, equal bytes
    return buffer.getvalue()


def function(source: str, files: dict[str, str] | None = None, **changes: Any) -> FunctionSpec:
    data = package(app=source, **(files or {}))

    async def load() -> bytes:
        return data

    sha256 = hashlib.sha256(data).hexdigest()
    values: dict[str, Any] = {
        "key": sha256 + json.dumps(changes, default=str),
        "arn": ARN,
        "name": "reports",
        "version": "$LATEST",
        "runtime": f"python3.{sys.version_info.minor}",
        "handler": "app.handler",
        "timeout_seconds": 3.0,
        "memory_mb": 128,
        "environment": {},
        "code_sha256": sha256,
        "load_code": load,
        "account": "000000000000",
        "region": "us-east-1",
        "log_group": "/aws/lambda/reports",
        **changes,
    }
    return FunctionSpec(**values)


def invocation(event: Any = None, **changes: Any) -> Invocation:
    values: dict[str, Any] = {"invoked_function_arn": ARN, "want_log_tail": True, **changes}
    return Invocation(REQUEST_ID, json.dumps({} if event is None else event).encode(), **values)


Test = Callable[[Bench], Coroutine[Any, Any, None]]


def runner(
    adapter: str, folder: Path, settings: LiveSettings, pythons: dict[str, str] | None = None
) -> Callable[[Test], None]:
    async def whole(test: Test) -> None:
        bench = Bench(adapter, folder, settings, pythons)
        try:
            await asyncio.wait_for(test(bench), STUCK_SECONDS * 2)
        except TimeoutError:
            raise bench.stuck() from None
        finally:
            await bench.runtime.aclose()
        assert bench.clock.at_work() == []

    return lambda test: asyncio.run(whole(test))


def texts(result: InvocationResult) -> list[str]:
    return [event.message for event in result.logs]


def error_of(result: InvocationResult) -> dict[str, Any]:
    assert result.function_error == "Unhandled"
    error: dict[str, Any] = json.loads(result.payload)
    assert error["errorType"] == result.error_type
    return error


def alive(pid: int) -> bool:
    """Whether the process exists and is no zombie."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        if Path("/proc/self").exists():
            return False
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True
    return state not in "ZX"


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that other processes do."""
    async with limit():
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def limit() -> AsyncIterator[None]:
    async with asyncio.timeout(STUCK_SECONDS):
        yield
