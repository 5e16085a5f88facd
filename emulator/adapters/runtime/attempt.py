"""One invocation on its way: an environment, the question, and AWS's result of how it ended.

Decides what each ending is called and what is logged around it (reference lambda_invoke.md 1.5, 1.6). Processes and
time are `environment`'s, the pool is `process_runtime`'s.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from typing import NamedTuple

from emulator.ports import FunctionSpec, Invocation, InvocationResult, LogEvent

from . import outcomes, platform_log, wire
from .debugging import PortInUse
from .environment import Ending, ExecutionEnvironment, Hold, Reply
from .init_phase import failed_init, initialise, ready, start
from .kinds import EnvironmentKind
from .packages import InvalidPackage
from .platform_log import PlatformLog
from .pool import Pool

UNHANDLED = "Unhandled"
SHOW_SECONDS = 1.0
"""Host time after which an invocation that still runs shows what it has logged, again and again."""
logger = logging.getLogger("emulator.functions")


class _End(NamedTuple):
    """How an attempt ended, before its log is written."""

    payload: bytes
    status: str
    """`success`, `failure` (the function reported an error), `error` or `timeout`."""
    error_type: str | None = None
    reason: str | None = None
    """What the platform logs about a process that it ended or lost."""


class Attempt:
    """Runs one invocation of one function."""

    def __init__(
        self,
        pool: Pool,
        kind: EnvironmentKind,
        function: FunctionSpec,
        invocation: Invocation,
        hold: Hold,
        remark: str | None = None,
    ) -> None:
        self._pool, self._kind, self._function = pool, kind, function
        self._invocation, self._hold = invocation, hold
        self._clock = pool.clock
        self._virtual = self._clock.virtual
        self._log = PlatformLog(function)
        self._started = self._clock.now()
        self._measured_from = 0.0
        self._before: list[LogEvent] = []
        self._shown: list[LogEvent] = []
        """The last of what was handed over while it ran, from START on: enough for the log tail."""
        self._start_is_shown = False
        self._show_timer: asyncio.TimerHandle | None = None
        self._init_seconds: float | None = None
        self._remark = remark
        """What the log says of the code, right after START: its tail has it, too."""

    async def run(self) -> InvocationResult:
        """From a warm or a new environment to the result. Never raises for the user's failures."""
        environment = self._pool.take_warm(self._function.key)
        left = self._function.timeout_seconds
        if environment is not None:
            self._start_measuring()
        else:
            try:
                environment, reply, left = await self._cold_start()
            except InvalidPackage as error:
                return InvocationResult(outcomes.invalid_package(str(error)), UNHANDLED, "InvalidZipFileException")
            except PortInUse as error:
                payload = outcomes.fault("Emulator.DebugPortInUse", str(error))
                return InvocationResult(payload, UNHANDLED, "Emulator.DebugPortInUse")
            if not ready(reply):
                self._show_on_console(reply)
                last_good = self._pool.last_good(self._function)
                if last_good is None:
                    return await self._result(environment, reply)
                await self._pool.end(environment, keep_temporary=True)
                environment, left = last_good, self._function.timeout_seconds
                self._start_measuring()
                problem = outcomes.describe_error(reply.body) if reply.body else reply.ending.value
                self._remark = f"the code as it is now cannot be loaded ({problem}); the code before it answers"
            else:
                self._pool.loaded(self._function)
        try:
            self._show_later(environment)
            reply = await environment.invoke(self._invocation, self._hold, left)
            return await self._result(environment, reply)
        except BaseException:
            self._pool.end_soon(environment, keep_temporary=True)
            raise
        finally:
            self._show_no_more()

    def _show_on_console(self, reply: Reply) -> None:
        """Whoever edits code that runs from its folder looks at the console, not at a log group."""
        function = self._function
        if function.source_directory is not None:
            problem = outcomes.describe_error(reply.body) if reply.body else reply.ending.value
            logger.warning("%s cannot be loaded from %s: %s", function.name, function.source_directory, problem)

    # ── the log of an invocation that still runs ──

    def _show_later(self, environment: ExecutionEnvironment) -> None:
        if self._invocation.on_logs is not None:
            loop = asyncio.get_running_loop()
            self._show_timer = loop.call_later(SHOW_SECONDS, self._show, environment)

    def _show_no_more(self) -> None:
        if self._show_timer is not None:
            self._show_timer.cancel()
            self._show_timer = None

    def _show(self, environment: ExecutionEnvironment) -> None:
        """Hand over what is complete: whoever looks at a handler that hangs sees how far it came."""
        before, self._before = self._before, []
        events: list[LogEvent] = []
        if not self._start_is_shown:
            self._start_is_shown = True
            events += self._begin()
        events += environment.logs.hand_over()
        if self._invocation.want_log_tail:
            self._shown = platform_log.last_events([*self._shown, *events])
        if self._invocation.on_logs is not None and (before or events):
            self._invocation.on_logs(environment.site.log_stream, (*before, *events))
        self._show_later(environment)

    def _begin(self) -> list[LogEvent]:
        events = self._log.start(self._started, self._invocation.request_id)
        return events if self._remark is None else events + self._log.remark(self._started, self._remark)

    # ── the init phase ──

    async def _cold_start(self) -> tuple[ExecutionEnvironment, Reply, float]:
        """Init phase; when it fails or is cut, once more within the invocation and its timeout (reference 1.5)."""
        function, log = self._function, self._log
        init = await initialise(self._pool, self._kind, function, self._hold, self._time)
        self._start_measuring()
        self._before += init.events
        if ready(init.reply):
            self._init_seconds = init.took_seconds
            return init.environment, init.reply, function.timeout_seconds
        environment, reply = await start(self._pool, self._kind, function, self._hold, function.timeout_seconds)
        took = self._took()
        if not ready(reply):
            self._before += [*environment.logs.take(), *failed_init(log, self._clock.now(), reply, took, "invoke")]
        if _crashed(reply):
            # A runtime that crashes at import is started again and again until the invocation times out
            # [R:test_lambda_runtime_exit_segfault].
            await self._pass_time(function.timeout_seconds - took)
            return environment, Reply(Ending.TIMED_OUT), 0.0
        left = function.timeout_seconds - took
        if left <= 0 and reply.ending is Ending.ANSWERED:
            reply = Reply(Ending.TIMED_OUT)
        return environment, reply, left

    async def _pass_time(self, seconds: float) -> None:
        self._hold.release()
        try:
            await self._clock.sleep_until(self._clock.now() + seconds)
        finally:
            self._hold.take()

    # ── time ──

    def _time(self) -> float:
        """What durations are measured in: AWS time while it is virtual."""
        return self._clock.now() if self._virtual else time.perf_counter()

    def _start_measuring(self) -> None:
        self._started, self._measured_from = self._clock.now(), self._time()

    def _took(self) -> float:
        return max(0.0, self._time() - self._measured_from)

    # ── the result ──

    async def _result(self, environment: ExecutionEnvironment, reply: Reply) -> InvocationResult:
        function, invocation = self._function, self._invocation
        took, used_kib = self._took(), environment.used_kib
        end = self._end(reply)
        if end.status in ("error", "timeout"):
            await self._pool.end(environment, keep_temporary=True)
        else:
            self._pool.give_back(environment)
        if end.status == "timeout":
            took = function.timeout_seconds
        reported = end.error_type
        if end.status == "error" and reply.ending is Ending.EXITED and reply.status == signal.SIGKILL:
            # REPORT names it so although the payload says ExitError (reference 1.5; a Python 3.14 log of 2026-04).
            used_kib, reported = function.memory_mb * 1024, "Runtime.OutOfMemory"
        now, used_mb = self._clock.now(), -(-used_kib // 1024)
        self._show_no_more()
        events = [] if self._start_is_shown else self._begin()
        events += environment.logs.take()
        if end.reason is not None and end.error_type is not None:
            events += self._log.failure(now, invocation.request_id, end.reason, end.error_type)
        events += self._log.end(now, invocation.request_id, took, used_mb, self._init_seconds, end.status, reported)
        environment.tell(
            "platform.report",
            lambda: self._log.report_record(
                invocation.request_id, took, used_mb, self._init_seconds, end.status, reported
            ),
        )
        return InvocationResult(
            payload=end.payload,
            function_error=UNHANDLED if end.error_type is not None else None,
            error_type=end.error_type,
            log_tail=platform_log.tail([*self._shown, *events]) if invocation.want_log_tail else b"",
            took_seconds=took,
            init_seconds=self._init_seconds,
            logs=(*self._before, *events),
            log_stream=environment.site.log_stream,
            used_memory_mb=used_mb,
        )

    def _end(self, reply: Reply) -> _End:
        function, request_id = self._function, self._invocation.request_id
        if reply.ending is Ending.TIMED_OUT:
            payload = outcomes.timed_out(request_id, function.timeout_seconds)
            reason = f"Task timed out after {function.timeout_seconds:.2f} seconds"
            return _End(payload, "timeout", "Sandbox.Timedout", reason)
        if reply.ending is Ending.EXITED:
            payload = outcomes.exited(request_id, reply.status)
            return _End(payload, "error", "Runtime.ExitError", outcomes.exit_reason(reply.status))
        if reply.kind == wire.RESULT:
            return _End(reply.body, "success")
        if reply.kind == wire.FAULT:
            error_type, message = outcomes.fault_of(reply.body)
            payload = outcomes.platform_failure(request_id, error_type, message)
            return _End(payload, "error", error_type, message)
        error_type = outcomes.error_type_of(reply.body)
        return _End(reply.body, "failure" if reply.kind == wire.FAILED else "error", error_type)


def _crashed(reply: Reply) -> bool:
    return (
        reply.ending is Ending.EXITED and os.WIFSIGNALED(reply.status) and os.WTERMSIG(reply.status) == signal.SIGSEGV
    )
