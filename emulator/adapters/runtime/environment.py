"""The engine's side of one execution environment: questions and answers, sleeps, deadlines, its end.

Decides when a question counts as timed out and when the clock may move meanwhile. Knows no pool and no AWS text.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import uuid
from contextlib import AbstractContextManager
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

from emulator.ports import Clock, FunctionSpec

from . import wire
from .launcher import Child, Launcher
from .logs import LogBuffer

SLEEPERS_GRACE_SECONDS = 0.02
"""Host time after a wake-up for which an environment with further sleepers counts as computing."""
LONGEST_EXIT_SECONDS = 0.3
"""Host time within which a process that hung up must be gone by itself."""
LONGEST_KILL_SECONDS = 3.0
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
    body: bytes = b""
    status: int = 0
    """Wait status of a process that exited."""


class Hold:
    """`Clock.busy` that can be given back and taken again; at most one at a time."""

    def __init__(self, clock: Clock, reason: str) -> None:
        self._clock, self._reason = clock, reason
        self._held: AbstractContextManager[None] | None = None

    def take(self) -> None:
        if self._held is None:
            self._held = self._clock.busy(self._reason)
            self._held.__enter__()

    def release(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.__exit__(None, None, None)


class _Question:
    """One question under way, and its two limits: AWS time while it waits, host time while it computes."""

    def __init__(self, hold: Hold, clock: Clock, limit_seconds: float, virtual: bool) -> None:
        loop = asyncio.get_running_loop()
        self.hold, self.virtual = hold, virtual
        self.reply: asyncio.Future[Reply] = loop.create_future()
        self._clock, self._loop = clock, loop
        self.deadline = clock.now() + limit_seconds if virtual else float("inf")
        self._budget = limit_seconds
        self._computing_since = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._watch: asyncio.Task[None] | None = None
        self.compute()

    def compute(self) -> None:
        """The child computes: AWS time stands still, host time runs."""
        self.hold.take()
        if self._timer is None:
            self._computing_since = self._loop.time()
            self._timer = self._loop.call_later(max(self._budget, 0.0), self.end, Reply(Ending.TIMED_OUT))

    def wait(self) -> None:
        """The child waits for AWS time."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._budget -= self._loop.time() - self._computing_since
        if self._watch is None:
            self._watch = self._loop.create_task(self._until_deadline())
        self.hold.release()

    async def _until_deadline(self) -> None:
        await self._clock.sleep_until(self.deadline)
        self.end(Reply(Ending.TIMED_OUT))

    def end(self, reply: Reply) -> None:
        if not self.reply.done():
            self.hold.take()
            self.reply.set_result(reply)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._watch is not None:
            self._watch.cancel()


class ExecutionEnvironment:
    """A child process that answers one question at a time."""

    def __init__(self, function: FunctionSpec, clock: Clock, temporary: Path) -> None:
        self.function = function
        self.temporary = temporary
        self.token = uuid.uuid4().hex
        self.logs = LogBuffer()
        self.retired = False
        self.idle_since = 0.0
        self.used_kib = 0
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._child: Child | None = None
        self._control: Any = None
        self._ticks: Any = None
        self._log_fd = -1
        self._question: _Question | None = None
        self._sleepers: dict[int, asyncio.Task[None]] = {}
        self._calls = 0
        self._grace: asyncio.TimerHandle | None = None
        self._gone = False

    # ── life ──

    async def start(self, launcher: Launcher, config: dict[str, Any], hold: Hold, limit_seconds: float) -> Reply:
        """Start the process and let it load the handler: READY or INIT_FAILED, a timeout or an exit."""
        control, their_control = socket.socketpair()
        ticks, their_ticks = socket.socketpair()
        self._log_fd, their_log = os.pipe()
        try:
            os.set_blocking(self._log_fd, False)
            for sock in (control, ticks):
                sock.setblocking(False)
            self._loop.add_reader(self._log_fd, self._read_logs)
            self._control, _ = await self._loop.create_unix_connection(lambda: _Control(self), sock=control)
            self._ticks, _ = await self._loop.create_unix_connection(lambda: _Ticks(self), sock=ticks)
            self._child = await launcher.start(their_control, their_ticks, their_log)
        finally:
            their_control.close()
            their_ticks.close()
            os.close(their_log)
        config = {**config, "now": self._clock.now(), "virtual": self._clock.virtual}
        return await self.ask(wire.frame(wire.CONFIGURE, json.dumps(config).encode()), hold, limit_seconds)

    async def ask(self, frame: bytes, hold: Hold, limit_seconds: float) -> Reply:
        """Send a frame and wait for what comes of it. The hold is taken when this returns."""
        question = self._question = _Question(hold, self._clock, limit_seconds, self._clock.virtual)
        try:
            if self._gone:
                return await self._exit_reply()
            self._control.write(frame)
            reply = await question.reply
        finally:
            self._question = None
            question.close()
            hold.take()
        if reply.ending is Ending.EXITED:
            return await self._exit_reply()
        self._read_logs()
        return reply

    async def _exit_reply(self) -> Reply:
        assert self._child is not None
        await asyncio.wait([self._child.ended], timeout=LONGEST_EXIT_SECONDS)
        await self.kill()
        status = self._child.ended.result() if self._child.ended.done() else 9
        return Reply(Ending.EXITED, status=status)

    def kill_now(self) -> None:
        """Send the kill and let go of the descriptors; does not wait."""
        self._gone = True
        if self._child is not None:
            self._child.kill()
        for task in self._sleepers.values():
            task.cancel()
        self._sleepers.clear()
        if self._question is not None:
            self._question.end(Reply(Ending.EXITED))

    async def kill(self) -> None:
        """Kill the process group, wait until it is gone, keep the last of its output."""
        self.kill_now()
        if self._child is not None:
            await asyncio.wait([self._child.ended], timeout=LONGEST_KILL_SECONDS)
        self._read_logs()
        if self._log_fd >= 0:
            self._loop.remove_reader(self._log_fd)
            os.close(self._log_fd)
            self._log_fd = -1
        for transport in (self._control, self._ticks):
            if transport is not None:
                transport.abort()

    @property
    def usable(self) -> bool:
        """Whether it can take another invocation."""
        return not (self._gone or self.retired)

    # ── what the child says ──

    def on_frame(self, kind: int, body: bytes) -> None:
        if self._question is None or self._question.reply.done() or len(body) < wire.ANSWER.size:
            return
        (self.used_kib,) = wire.ANSWER.unpack_from(body)
        self._question.end(Reply(Ending.ANSWERED, kind, body[wire.ANSWER.size :]))

    def on_hang_up(self) -> None:
        self._gone = True
        if self._question is not None:
            self._question.end(Reply(Ending.EXITED))

    def on_tick(self, sleeper: int, due_at: float) -> None:
        if due_at == wire.CANCELLED:
            task = self._sleepers.pop(sleeper, None)
            if task is not None:
                task.cancel()
        elif due_at == due_at and sleeper not in self._sleepers:  # not NaN
            self._sleepers[sleeper] = self._loop.create_task(self._sleep(sleeper, due_at))
        self._balance()

    async def _sleep(self, sleeper: int, due_at: float) -> None:
        if self._question is not None and due_at >= self._question.deadline:
            return  # the deadline comes first; still counted as a sleeper
        await self._clock.sleep_until(due_at)
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
        self._balance()

    def call_ends(self) -> None:
        self._calls -= 1
        self._balance()

    def _balance(self) -> None:
        question = self._question
        if question is None or not question.virtual or question.reply.done():
            return
        if self._sleepers or self._calls:
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


class _Control(asyncio.Protocol):
    """Cuts the control channel into frames."""

    def __init__(self, environment: ExecutionEnvironment) -> None:
        self._environment = environment
        self._buffer = bytearray()
        self._needed = wire.HEADER.size

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= self._needed:
            length, kind = wire.HEADER.unpack_from(buffer)
            whole = wire.HEADER.size + length
            if len(buffer) < whole:
                self._needed = whole
                return
            body = bytes(buffer[wire.HEADER.size : whole])
            del buffer[:whole]
            self._needed = wire.HEADER.size
            self._environment.on_frame(kind, body)

    def connection_lost(self, exc: Exception | None) -> None:
        self._environment.on_hang_up()


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
