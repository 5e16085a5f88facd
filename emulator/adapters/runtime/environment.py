"""The engine's side of one execution environment: questions and answers, sleeps, deadlines, logs, its end.

Decides when a question counts as timed out and when the clock may move meanwhile. What a question looks like to the
process is left to subclasses: `PythonEnvironment` speaks over a socket pair, others over AWS's Runtime API. Knows no
pool and no AWS text.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from emulator.ports import Clock, FunctionSpec, Invocation

from ..runtime_api.api import RuntimeApi, failed_fault
from ..runtime_api.extensions import Extension
from ..runtime_api.replies import Request, Response
from ..runtime_api.sandbox import Outcome, Work
from . import outcomes, wire
from .host_limit import Effort, HostLimit, of_processes
from .launcher import Child, Launcher
from .log_buffer import LogBuffer
from .platform_log import PlatformLog

SLEEPERS_GRACE_SECONDS = 0.02
"""Host time after a wake-up for which an environment with further sleepers counts as computing."""
LONGEST_SILENCE_SECONDS = 1.5
"""Host time after which a process that has called the emulator, and does not say that it waits, waits nevertheless:
for a program of its own that has made the call, for example."""
LONGEST_EXIT_SECONDS = 0.3
"""Host time within which a process that hung up must be gone by itself."""
LONGEST_KILL_SECONDS = 20.0
MOST_READS_PER_DRAIN = 64
READ_BYTES = 1 << 16


class Ending(Enum):
    """How a question ended."""

    ANSWERED = "answered"
    TIMED_OUT = "timed out"
    EXITED = "exited"


class Reply(NamedTuple):
    ending: Ending
    kind: int = 0
    """`wire.READY` or `INIT_FAILED` after `start`, `wire.RESULT` or `FAILED` after `invoke`."""
    body: bytes = b""
    """The function's JSON, or the error it reported, verbatim."""
    status: int = 0
    """Wait status of a process that exited."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where an environment lives on this machine, and what its process is told."""

    task_root: Path
    """The function's code: AWS's /var/task."""
    layers_root: Path | None
    """The merged layers, AWS's /opt; None without layers."""
    temporary: Path
    """AWS's /tmp. It outlives the environment when that is reset."""
    log_stream: str
    session_token: str
    """AWS_SESSION_TOKEN of the function: by it the emulator knows who calls."""
    variables: dict[str, str]
    """The process's environment variables; its kind may add to them before it starts."""
    programs: Callable[[], Launcher]
    """What starts processes that are not the function's own: extensions."""
    compiled: Path | None = None
    """Where Python keeps what it compiles of code that runs from the user's own folder; None: beside the source."""
    room: Mapping[str, Any] | None = None
    """For `aws_paths.enter` in the process: which of these folders it sees at AWS's paths."""
    required: Path | None = None
    """What the code requires, as if it were beside it, of code that runs from the user's own folder."""


class Hold:
    """`Clock.busy`, or `halted`, that can be given back and taken again; at most one at a time."""

    def __init__(self, clock: Clock, reason: str, halting: bool = False) -> None:
        self._hold, self.reason = clock.halted if halting else clock.busy, reason
        self._held: AbstractContextManager[None] | None = None

    def take(self) -> None:
        if self._held is None:
            self._held = self._hold(self.reason)
            self._held.__enter__()

    def release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.__exit__(None, None, None)


class _Question:
    """One question under way, and its two limits: AWS time while it waits, host time while it computes."""

    def __init__(
        self, hold: Hold, clock: Clock, limit_seconds: float, virtual: bool, look: Callable[[], Effort]
    ) -> None:
        loop = asyncio.get_running_loop()
        self.hold, self.virtual = hold, virtual
        self.reply: asyncio.Future[Reply] = loop.create_future()
        self._clock, self._loop = clock, loop
        self.deadline = clock.now() + limit_seconds if virtual else float("inf")
        self._limit = HostLimit(limit_seconds, self._out_of_time, look if virtual else None)
        self._watch: asyncio.Task[None] | None = None
        self.compute()

    def compute(self) -> None:
        """The child computes: AWS time stands still, host time runs."""
        self.hold.take()
        self._limit.go_on()

    def wait(self) -> None:
        """The child waits for AWS time."""
        self._limit.pause()
        if self._watch is None:
            self._watch = self._loop.create_task(self._until_deadline())
        self.hold.release()

    async def _until_deadline(self) -> None:
        await self._clock.sleep_until(self.deadline, f"{self.hold.reason} (its timeout)")
        self._out_of_time()

    def _out_of_time(self) -> None:
        self.end(Reply(Ending.TIMED_OUT))

    def end(self, reply: Reply) -> None:
        if not self.reply.done():
            self.hold.take()
            self.reply.set_result(reply)

    def close(self) -> None:
        self._limit.pause()
        if self._watch is not None:
            self._watch.cancel()


class ExecutionEnvironment(ABC):
    """A process that loads a function once and then answers one invocation at a time.

    A subclass starts the process (`_launch`), says how the two questions are put (`_send_init`, `_send_invocation`),
    and calls `_answered` and `_hung_up` for what it hears. Extensions take part in both questions; that is the Runtime
    API's (`runtime_api.sandbox`), and this class is the observer whom it tells.
    """

    native = True
    """Whether the subclass puts invocations itself; else the Runtime API does."""
    speaks_of_sleeps = True
    """Whether its process uses `ticks`, and says when it waits for the answer to a call."""

    def __init__(self, function: FunctionSpec, clock: Clock, site: Site) -> None:
        self.function = function
        self.site = site
        self.invoked = ""
        """The id of the invocation that runs, or ran last."""
        self.retired = False
        self.idle_since = 0.0
        self.used_kib = 0
        self._clock = clock
        self.logs = LogBuffer(clock.now)
        self._loop = asyncio.get_running_loop()
        self._child: Child | None = None
        self._ticks: Any = None
        self._log_fd = -1
        self._question: _Question | None = None
        self._sleepers: dict[int, asyncio.Task[None]] = {}
        self._calls = 0
        self._calls_told = 0
        self._ends: deque[asyncio.Future[None]] = deque()
        """Ends of calls of which the process has not heard: what it says of sleeps meanwhile, it said before."""
        self._silence: asyncio.TimerHandle | None = None
        self._silent = False
        """Whether it has said nothing for so long since a call changed that it seems to be unable to."""
        self._grace: asyncio.TimerHandle | None = None
        self._gone = False
        self._api = RuntimeApi(self, function, site, self.native, self._fault, clock.now)
        self._outcome: Outcome | None = None
        """What the runtime has answered, while it or an extension is still at work."""
        self._end_reason = "SPINDOWN"
        self._faulted: Reply | None = None
        self._request_id = ""
        self._begun = 0.0

    # ── what a kind of environment decides ──

    @abstractmethod
    async def _launch(self, ticks: socket.socket, log: int) -> Child:
        """Start the process. It writes its output to the pipe `log`, and may speak of sleeps on `ticks`.

        Its own copies of both are closed when this returns.
        """

    @abstractmethod
    def _send_init(self) -> None:
        """Let the process load the function. `_answered(READY or INIT_FAILED, …)` ends the wait."""

    @abstractmethod
    def _send_invocation(self, invocation: Invocation, deadline: float) -> None:
        """Pose an invocation (`deadline`: AWS epoch seconds). `_answered(RESULT or FAILED, …)` ends the wait."""

    def _close(self) -> None:
        """Let go of what `_launch` opened; may be called more than once."""
        return

    # ── life ──

    async def start(self, hold: Hold, limit_seconds: float) -> Reply:
        """Start the process and let it load the handler: READY or INIT_FAILED, a timeout or an exit."""
        ticks, their_ticks = socket.socketpair()
        self._log_fd, their_log = os.pipe()
        self._log_tell_telemetry()
        self._api.telemetry.emit("platform.initStart", self._init_record({"functionName": self.function.name}))
        self._begun = self._clock.now()
        try:
            os.set_blocking(self._log_fd, False)
            ticks.setblocking(False)
            self._loop.add_reader(self._log_fd, self._read_logs)
            self._ticks, _ = await self._loop.create_unix_connection(lambda: _Ticks(self), sock=ticks)
            self._child = await self._launch(their_ticks, their_log)
            await self._api.start_extensions(self.site.programs, self._extension_output)
        finally:
            their_ticks.close()
            os.close(their_log)
        return await self._ask(self._api.sandbox.begin, hold, limit_seconds)

    async def invoke(self, invocation: Invocation, hold: Hold, limit_seconds: float) -> Reply:
        """Run one invocation: RESULT or FAILED, a timeout or an exit. The hold is taken when this returns."""
        # Whole milliseconds, rounded as runtimes round the present: what remains never exceeds the limit.
        deadline = (int(self._clock.now() * 1000) + int(limit_seconds * 1000)) / 1000
        self._outcome = None
        reply = await self._ask(lambda: self._pose(invocation, deadline), hold, limit_seconds)
        if self._outcome is None or reply.ending is Ending.ANSWERED:
            return reply
        # The caller has its answer; who did not finish afterwards is not used again (unverified for timeouts).
        self._gone = True
        return self._as_reply(self._outcome)

    def _pose(self, invocation: Invocation, deadline: float) -> None:
        self.invoked = invocation.request_id
        if not self.native or self._api.has_extensions:
            work = Work(
                invocation.request_id,
                invocation.payload,
                round(deadline * 1000),
                invocation.invoked_function_arn,
                invocation.trace_id,
                invocation.client_context,
                invocation.on_chunk,
            )
            self._api.sandbox.invoke(work)
            self._request_id, self._begun = invocation.request_id, self._clock.now()
            record = {"requestId": invocation.request_id, "version": self.function.version}
            self._api.telemetry.emit("platform.start", record)
        if self.native:
            self._send_invocation(invocation, deadline)

    @staticmethod
    def _as_reply(outcome: Outcome) -> Reply:
        kind = wire.RESULT if outcome.error_type is None else wire.FAILED
        return Reply(Ending.ANSWERED, kind, outcome.body)

    async def _ask(self, send: Callable[[], None], hold: Hold, limit_seconds: float) -> Reply:
        self._end_silence()
        question = self._question = _Question(hold, self._clock, limit_seconds, self._clock.virtual, self._effort)
        try:
            if self._faulted is not None:
                return self._faulted
            if self._gone:
                return await self._exit_reply()
            send()
            reply = await question.reply
        finally:
            self._question = None
            question.close()
            hold.take()
        if reply.ending is Ending.TIMED_OUT:
            self._end_reason = "TIMEOUT"
        elif reply.ending is Ending.EXITED or reply.kind in (wire.INIT_FAILED, wire.FAULT):
            self._end_reason = "FAILURE"
        if reply.ending is Ending.EXITED:
            return await self._exit_reply()
        self._api.drain()
        self._read_logs()
        return reply

    def _effort(self) -> Effort:
        """What its processes have done so far."""
        groups = [child.pid for child in (self._child, *self._api.children) if child is not None]
        return of_processes(groups)

    async def _exit_reply(self) -> Reply:
        assert self._child is not None
        await asyncio.wait([self._child.ended], timeout=LONGEST_EXIT_SECONDS)
        await self.kill()
        status = self._child.ended.result() if self._child.ended.done() else 9
        return Reply(Ending.EXITED, status=status)

    def kill_now(self) -> None:
        """Send the kill and let go of the descriptors; does not wait. With extensions, `kill` gives them their time."""
        self._gone = True
        if self._child is not None and not self._api.has_extensions:
            self._child.kill()
        for task in self._sleepers.values():
            task.cancel()
        self._sleepers.clear()
        self._end_silence()
        while self._ends:
            self._heard()
        if self._question is not None:
            self._question.end(Reply(Ending.EXITED))

    async def kill(self) -> None:
        """Kill the process group, wait until it is gone, keep the last of its output."""
        self.kill_now()
        if self._api.has_extensions:
            await self._api.shut_down(self._end_reason, self._clock.now(), self._child)
        if self._child is not None:
            self._child.kill()
            await asyncio.wait([self._child.ended], timeout=LONGEST_KILL_SECONDS)
        await self._api.close(LONGEST_KILL_SECONDS)
        self._read_logs()
        if self._log_fd >= 0:
            self._loop.remove_reader(self._log_fd)
            os.close(self._log_fd)
            self._log_fd = -1
        if self._ticks is not None:
            self._ticks.abort()
        self._close()

    @property
    def provisioned(self) -> bool:
        """Whether it is of the kind that is started ahead of invocations."""
        return self.function.initialization_type == "provisioned-concurrency"

    @property
    def usable(self) -> bool:
        """Whether it can take another invocation."""
        return not (self._gone or self.retired)

    # ── what the child says ──

    def _answered(self, kind: int, body: bytes) -> None:
        """The process has answered the question that is under way, if one is. Extensions may still be at work."""
        if kind == wire.READY:
            self._api.sandbox.runtime_ready()
        elif kind in (wire.RESULT, wire.FAILED) and self._api.has_extensions:
            error_type = None if kind == wire.RESULT else outcomes.error_type_of(body)
            self._api.sandbox.runtime_done(Outcome(body, error_type))
        else:
            self._end(Reply(Ending.ANSWERED, kind, body))

    def _end(self, reply: Reply) -> None:
        if self._question is not None:
            self._question.end(reply)

    def _fault(self, fault: bytes) -> None:
        """A failure that the platform names: nothing more can come of this environment."""
        self._gone = True
        if self._faulted is None:
            self._faulted = Reply(Ending.ANSWERED, wire.FAULT, fault)
            self._end(self._faulted)

    def _hung_up(self) -> None:
        """The process has ended, or can no longer be spoken to."""
        self._gone = True
        self._end(Reply(Ending.EXITED))

    # ── what the Runtime API says ──

    def extensions_registered(self) -> None:
        self._send_init()

    def initialised(self) -> None:
        log = PlatformLog(self.function)
        telemetry = self._api.telemetry
        for extension in self._api.sandbox.extensions:
            record = {"name": extension.name, "state": "Ready", "events": list(extension.events)}
            telemetry.emit("platform.extension", record)
        telemetry.emit("platform.initRuntimeDone", self._init_record({"status": "success"}))
        telemetry.emit("platform.initReport", self._init_record({"metrics": self._duration()}))
        telemetry.close_subscriptions()
        if not telemetry.wanted:
            self.logs.listener = None
        for extension in self._api.sandbox.extensions:
            for event in log.extension(self._clock.now(), extension.name, "Ready", extension.events):
                self.logs.add(event.message)
        self._end(Reply(Ending.ANSWERED, wire.READY))

    def init_failed(self, outcome: Outcome) -> None:
        self._end(Reply(Ending.ANSWERED, wire.INIT_FAILED, outcome.body))

    def answered(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._read_logs()  # what was written before belongs before
        metrics = {**self._duration(), "producedBytes": len(outcome.body)}
        status = "success" if outcome.error_type is None else "error"
        record = {"requestId": self._request_id, "status": status, "metrics": metrics, "spans": []}
        self._api.telemetry.emit("platform.runtimeDone", record)

    def tell(self, kind: str, record: Callable[[], Any]) -> None:
        """An event of the platform, for subscribers of the Telemetry API."""
        if self._api.telemetry.wanted:
            self._api.telemetry.emit(kind, record())

    def _log_tell_telemetry(self) -> None:
        telemetry = self._api.telemetry
        self.logs.listener = lambda event: telemetry.emit("function", event.message.removesuffix("\n"), event.at)

    def _extension_output(self, line: str) -> None:
        """A line that an external extension wrote: part of the function's log, and telemetry of its own."""
        self.logs.add(line + "\n")
        self._api.telemetry.emit("extension", line)

    def _init_record(self, more: dict[str, Any]) -> dict[str, Any]:
        return {"initializationType": self.function.initialization_type, "phase": "init", **more}

    def _duration(self) -> dict[str, float]:
        return {"durationMs": round((self._clock.now() - self._begun) * 1000, 3)}

    def completed(self, outcome: Outcome) -> None:
        self._end(self._as_reply(outcome))

    def extension_failed(self, extension: Extension) -> None:
        self._fault(failed_fault(extension))

    def subscribe(self, name: str, request: Request) -> Response:
        response = self._api.telemetry.subscribe(name, request)
        if response.status < 300:
            types = ", ".join(each.capitalize() for each in json.loads(request.body)["types"])
            self.logs.add(f"TELEMETRY\tName: {name}\tState: Subscribed\tTypes: [{types}]\n")
        return response

    # ── what the process says about time ──

    def on_tick(self, sleeper: int, due_at: float) -> None:
        """The process sleeps, or no longer does. What it wrote until now was written now."""
        self._read_logs()
        if (sleeper, due_at) == (wire.CALL_ENDS, wire.CANCELLED):
            self._heard()
            self._balance()
            return
        self._end_silence()
        if due_at == wire.CANCELLED:
            task = self._sleepers.pop(sleeper, None)
            if task is not None:
                task.cancel()
        elif due_at == due_at and sleeper not in self._sleepers and not self._ends:  # not NaN
            self._sleepers[sleeper] = self._loop.create_task(self._sleep(sleeper, due_at))
        self._balance()

    async def _sleep(self, sleeper: int, due_at: float) -> None:
        if self._question is not None and due_at >= self._question.deadline:
            return  # the deadline comes first; still counted as a sleeper
        await self._clock.sleep_until(due_at, self._question.hold.reason if self._question is not None else "")
        self._sleepers.pop(sleeper, None)
        if self._question is not None:
            self._question.compute()
        if not self._gone:
            self._ticks.write(wire.TICK.pack(sleeper, self._clock.now()))
        if self._sleepers and self._grace is None:
            self._grace = self._loop.call_later(SLEEPERS_GRACE_SECONDS, self._grace_over)

    def _grace_over(self) -> None:
        self._grace = None
        self._balance()

    def call_begins(self) -> None:
        """The function has called the emulator and waits for the answer."""
        self._calls += 1
        question = self._question
        if self.speaks_of_sleeps and question is not None and question.virtual and not self._gone:
            self._calls_told += 1
            self._tell_of_call(wire.CALL_BEGINS)
        self._balance()

    def call_ends(self) -> asyncio.Future[None] | None:
        """The answer is on its way. The result, if any, is done once the process knows what the time is by now."""
        self._calls -= 1
        heard = None
        if self._calls_told and not self._gone:
            self._calls_told -= 1
            for task in self._sleepers.values():
                task.cancel()
            self._sleepers.clear()
            self._ends.append(heard := self._loop.create_future())
            self._tell_of_call(wire.CALL_ENDS)
        self._balance()
        return heard

    def _tell_of_call(self, change: int) -> None:
        self._ticks.write(wire.TICK.pack(change, self._clock.now()))
        self._end_silence()
        if self._calls:
            self._silence = self._loop.call_later(LONGEST_SILENCE_SECONDS, self._is_silent)

    def _end_silence(self) -> None:
        """The process has spoken, or is asked."""
        self._silent = False
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None

    def _is_silent(self) -> None:
        self._silence, self._silent = None, True
        self._balance()

    def _heard(self) -> None:
        if self._ends and not (end := self._ends.popleft()).done():
            end.set_result(None)

    def _balance(self) -> None:
        question = self._question
        if question is None or not question.virtual or question.reply.done():
            return
        if self._sleepers or (self._calls and (self._silent or not self.speaks_of_sleeps)):
            question.wait()
        else:
            question.compute()

    def _read_logs(self) -> None:
        if self._log_fd < 0:
            return
        for _ in range(MOST_READS_PER_DRAIN):
            try:
                data = os.read(self._log_fd, READ_BYTES)
            except BlockingIOError:
                return
            if not data:
                self._loop.remove_reader(self._log_fd)
                return
            self.logs.feed(data)
            if self._question is not None and not self._question.reply.done():
                return  # a flood shares the loop with everybody else


class _Ticks(asyncio.Protocol):
    """Cuts the time channel into ticks."""

    def __init__(self, environment: ExecutionEnvironment) -> None:
        self._environment = environment
        self._buffer = b""

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        size = wire.TICK.size
        while len(self._buffer) >= size:
            sleeper, due_at = wire.TICK.unpack_from(self._buffer)
            self._buffer = self._buffer[size:]
            self._environment.on_tick(sleeper, due_at)
