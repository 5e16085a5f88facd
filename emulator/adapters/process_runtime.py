"""Functions in warm child processes: the FunctionRuntime of the server.

Decides which execution environment serves an invocation, and turns how it ended into AWS's result. Processes,
frames and time live in `runtime/`. Deliberately knows no queue, no concurrency limit and no retry.

`time.sleep` of a handler is real while AWS time is real, and a message to the clock while it is virtual. In both
cases a function that computes too long, in host time, is killed: code that burns CPU takes no AWS time.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import platform
import shutil
import signal
import time
import uuid
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from emulator.ports import Clock, FunctionRuntime, FunctionSpec, Invocation, InvocationResult, LogEvent
from emulator.settings import LiveSettings

from .runtime import logs, outcomes, wire
from .runtime.environment import Ending, ExecutionEnvironment, Hold, Reply
from .runtime.launcher import Launcher, default_launcher
from .runtime.packages import InvalidPackage, Packages
from .runtime.variables import function_environment

LONGEST_TICK_SECONDS = 5.0
UNHANDLED = "Unhandled"


class ProcessRuntime(FunctionRuntime):
    """Execution environments as processes; the most recently used warm one is used again."""

    def __init__(
        self,
        clock: Clock,
        settings: LiveSettings,
        work_dir: Path,
        endpoint_url: Callable[[], str],
        launcher: Launcher | None = None,
    ) -> None:
        self.clock, self.settings, self._endpoint_url = clock, settings, endpoint_url
        self._packages = Packages(work_dir.absolute() / "code")
        self._temporary = work_dir.absolute() / "tmp"
        shutil.rmtree(self._temporary, ignore_errors=True)
        self._launcher = launcher or default_launcher()
        self._numbers = itertools.count()
        self._idle: dict[str, list[ExecutionEnvironment]] = {}
        self._all: set[ExecutionEnvironment] = set()
        self._left_temporary: dict[str, list[Path]] = {}
        self._background: set[asyncio.Task[None]] = set()
        self._reaper: asyncio.TimerHandle | None = None

    # ── the port ──

    async def run(self, function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        hold = Hold(self.clock, f"invocation {invocation.request_id} of {function.name}")
        hold.take()
        try:
            if not function.runtime.startswith("python3"):
                payload = outcomes.not_available(function.runtime)
                return InvocationResult(payload, UNHANDLED, "Runtime.NotAvailable")
            return await _Attempt(self, function, invocation, hold).run()
        finally:
            hold.release()

    async def discard(self, function_arn: str) -> None:
        mine = [environment for environment in self._all if environment.function.arn == function_arn]
        for environment in mine:
            environment.retired = True
        await self._end_idle(lambda environment: environment.function.arn == function_arn)
        for environment in mine:
            self._forget_temporary(environment.function.key)

    async def reset(self) -> None:
        everyone = list(self._all)
        self._idle.clear()
        for environment in everyone:
            environment.retired = True
            environment.kill_now()
        await asyncio.gather(*(self.end(environment, keep_temporary=False) for environment in everyone))
        self._left_temporary.clear()
        await asyncio.get_running_loop().run_in_executor(None, shutil.rmtree, self._temporary, True)

    async def aclose(self) -> None:
        if self._reaper is not None:
            self._reaper.cancel()
            self._reaper = None
        await self.reset()
        if self._background:
            await asyncio.wait(self._background)
        await self._launcher.aclose()

    @contextmanager
    def calling(self, session_token: str) -> Generator[None]:
        """While the emulator serves a request that carries this `X-Amz-Security-Token`.

        A function that calls the emulator waits for it, so it must not hold AWS time still meanwhile: the answer
        may need AWS time to pass. The edge's own `busy` covers the work of the request. Unknown tokens do nothing.
        """
        caller = next((each for each in self._all if each.token == session_token), None)
        if caller is None:
            yield
            return
        caller.call_begins()
        try:
            yield
        finally:
            caller.call_ends()

    # ── environments ──

    def take_warm(self, key: str) -> ExecutionEnvironment | None:
        """The most recently used idle environment."""
        idle = self._idle.get(key)
        while idle:
            environment = idle.pop()
            if environment.usable:
                return environment
            self.end_soon(environment, keep_temporary=True)
        return None

    async def start(
        self, function: FunctionSpec, hold: Hold, limit_seconds: float
    ) -> tuple[ExecutionEnvironment, Reply]:
        """A new environment, and how its init phase ended. Raises InvalidPackage."""
        task_root = await self._packages.extracted(function.code_sha256, function.load_code)
        left = self._left_temporary.get(function.key)
        temporary = left.pop() if left else self._temporary / str(next(self._numbers))
        temporary.mkdir(parents=True, exist_ok=True)
        environment = ExecutionEnvironment(function, self.clock, temporary)
        self._all.add(environment)
        day = datetime.fromtimestamp(self.clock.now(), UTC).strftime("%Y/%m/%d")
        stream = f"{day}/[{function.version}]{uuid.uuid4().hex}"
        variables = function_environment(
            function, task_root, temporary, self._endpoint_url(), stream, environment.token
        )
        config = {
            "handler": function.handler,
            "task_root": str(task_root),
            "environment": variables,
            "memory_mb": function.memory_mb,
        }
        try:
            return environment, await environment.start(self._launcher, config, hold, limit_seconds)
        except BaseException:
            self.end_soon(environment, keep_temporary=True)
            raise

    def give_back(self, environment: ExecutionEnvironment) -> None:
        """After an invocation: keep it warm, or end it."""
        if not environment.usable or self.settings.environment_idle_seconds <= 0:
            self.end_soon(environment, keep_temporary=not environment.retired)
            return
        loop = asyncio.get_running_loop()
        environment.idle_since = loop.time()
        self._idle.setdefault(environment.function.key, []).append(environment)
        if self._reaper is None:
            self._reaper = loop.call_later(self._tick(), self._reap)

    async def end(self, environment: ExecutionEnvironment, keep_temporary: bool) -> None:
        """Kill it. AWS resets an environment after a timeout or a crash, and /tmp survives that."""
        if environment not in self._all:
            return await environment.kill()
        self._all.discard(environment)
        await environment.kill()
        if keep_temporary:
            self._left_temporary.setdefault(environment.function.key, []).append(environment.temporary)
        else:
            shutil.rmtree(environment.temporary, ignore_errors=True)

    def end_soon(self, environment: ExecutionEnvironment, keep_temporary: bool) -> None:
        """Kill it without waiting."""
        environment.kill_now()
        self._spawn(self.end(environment, keep_temporary))

    async def _end_idle(self, choose: Callable[[ExecutionEnvironment], bool]) -> None:
        chosen: list[ExecutionEnvironment] = []
        for key, idle in list(self._idle.items()):
            chosen += [environment for environment in idle if choose(environment)]
            kept = [environment for environment in idle if not choose(environment)]
            if kept:
                self._idle[key] = kept
            else:
                del self._idle[key]
        await asyncio.gather(*(self.end(environment, keep_temporary=False) for environment in chosen))

    def _forget_temporary(self, key: str) -> None:
        for folder in self._left_temporary.pop(key, []):
            shutil.rmtree(folder, ignore_errors=True)

    def _tick(self) -> float:
        return min(max(self.settings.environment_idle_seconds / 2, 0.05), LONGEST_TICK_SECONDS)

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        self._reaper = None
        oldest = loop.time() - self.settings.environment_idle_seconds
        self._spawn(self._end_idle(lambda environment: environment.idle_since <= oldest))
        if self._idle:
            self._reaper = loop.call_later(self._tick(), self._reap)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


class _Attempt:
    """One invocation on its way: environment, question, result."""

    def __init__(self, runtime: ProcessRuntime, function: FunctionSpec, invocation: Invocation, hold: Hold) -> None:
        self._runtime, self._function, self._invocation, self._hold = runtime, function, invocation, hold
        self._clock = runtime.clock
        self._virtual = self._clock.virtual
        self._started = 0.0
        self._before: list[str] = []
        self._init_seconds: float | None = None

    def _time(self) -> float:
        """What durations are measured in: AWS time while it is virtual."""
        return self._clock.now() if self._virtual else time.perf_counter()

    async def run(self) -> InvocationResult:
        environment = self._runtime.take_warm(self._function.key)
        left = self._function.timeout_seconds
        if environment is not None:
            self._started = self._time()
        else:
            try:
                environment, reply, left = await self._cold_start()
            except InvalidPackage as error:
                return InvocationResult(outcomes.invalid_package(str(error)), UNHANDLED, "InvalidZipFileException")
            if reply.ending is not Ending.ANSWERED or reply.kind != wire.READY:
                return await self._result(environment, reply)
        try:
            reply = await environment.ask(self._frame(left), self._hold, left)
            return await self._result(environment, reply)
        except BaseException:
            self._runtime.end_soon(environment, keep_temporary=True)
            raise

    async def _cold_start(self) -> tuple[ExecutionEnvironment, Reply, float]:
        """Init phase; when it is cut, once more within the invocation and its timeout (reference 1.5)."""
        function, limit = self._function, self._runtime.settings.init_timeout_seconds
        version = ".".join(platform.python_version_tuple()[:2])
        self._before.append(logs.init_start(version, function.region))
        if function.runtime != f"python{version}":
            note = f"[emulator] {function.runtime} runs on Python {platform.python_version()} of this machine\n"
            self._before.append(note)
        begun = self._time()
        environment, reply = await self._runtime.start(function, self._hold, limit)
        self._started = self._time()
        if reply.ending is not Ending.TIMED_OUT:
            self._init_seconds = self._started - begun
            self._before += environment.logs.take()
            return environment, reply, function.timeout_seconds
        await self._runtime.end(environment, keep_temporary=True)
        self._before += [*environment.logs.take(), logs.init_report(limit, "timeout")]
        environment, reply = await self._runtime.start(function, self._hold, function.timeout_seconds)
        left = function.timeout_seconds - (self._time() - self._started)
        if left <= 0 and reply.ending is Ending.ANSWERED:
            reply = Reply(Ending.TIMED_OUT)
        return environment, reply, left

    def _frame(self, left: float) -> bytes:
        now, invocation = self._clock.now(), self._invocation
        header = json.dumps(
            {
                "id": invocation.request_id,
                "arn": invocation.invoked_function_arn,
                "deadline": round((now + left) * 1000),
                "now": now,
                "virtual": self._clock.virtual,
                "trace": invocation.trace_id,
                "client": invocation.client_context,
            }
        ).encode()
        return wire.frame(wire.INVOKE, wire.QUESTION.pack(len(header)), header, invocation.payload)

    async def _result(self, environment: ExecutionEnvironment, reply: Reply) -> InvocationResult:
        function, request_id = self._function, self._invocation.request_id
        took = max(0.0, self._time() - self._started)
        error_type: str | None = None
        status = ""
        used_kib = environment.used_kib
        notes: list[str] = []
        if reply.ending is Ending.TIMED_OUT:
            await self._runtime.end(environment, keep_temporary=True)
            took, error_type, status = function.timeout_seconds, "Sandbox.Timedout", "timeout"
            payload = outcomes.timed_out(request_id, function.timeout_seconds)
            at = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:23]
            notes.append(f"{at}Z {request_id} Task timed out after {function.timeout_seconds:.2f} seconds\n")
        elif reply.ending is Ending.EXITED:
            await self._runtime.end(environment, keep_temporary=True)
            error_type, status = "Runtime.ExitError", "error\tError Type: Runtime.ExitError"
            payload = outcomes.exited(request_id, reply.status)
            notes.append(f"RequestId: {request_id} Error: {outcomes.exit_reason(reply.status)}\nRuntime.ExitError\n")
            if reply.status == signal.SIGKILL:
                used_kib = function.memory_mb * 1024
        else:
            payload = reply.body
            if reply.kind == wire.RESULT:
                self._runtime.give_back(environment)
            else:
                error = json.loads(payload)
                error_type = str(error.get("errorType"))
                if "stackTrace" in error:
                    notes.append(logs.uncaught(error))
                if reply.kind == wire.FAILED:
                    self._runtime.give_back(environment)
                else:
                    self._init_seconds = None
                    status = f"error\tError Type: {error_type}"
                    await self._runtime.end(environment, keep_temporary=True)
        lines = [
            logs.start(request_id, function.version),
            *environment.logs.take(),
            *notes,
            *logs.end_and_report(request_id, took, function.memory_mb, used_kib, self._init_seconds, status),
        ]
        return InvocationResult(
            payload=payload,
            function_error=UNHANDLED if error_type is not None else None,
            error_type=error_type,
            log_tail=logs.tail(lines) if self._invocation.want_log_tail else b"",
            took_seconds=took,
            init_seconds=self._init_seconds,
            logs=tuple(LogEvent(self._clock.now(), line) for line in (*self._before, *lines)),
            used_memory_mb=-(-used_kib // 1024),
        )
