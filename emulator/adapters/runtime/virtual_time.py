"""AWS time inside a handler: what `time`, `datetime` and `asyncio` say and how long a sleep lasts.

In real mode everything passes through. In virtual mode the current time is a number that the engine moves,
and `time.sleep` is a message to the engine. Deliberately real in both modes: waiting on locks, sockets and
subprocesses, which is real work; the engine bounds it with the function's timeout in host time.
Runs in the child process and imports the standard library only (time-machine when it is there).
"""

from __future__ import annotations

import _thread
import asyncio
import asyncio.base_events
import datetime
import heapq
import sys
import time
from collections.abc import Callable
from typing import Any

real_sleep = time.sleep
real_time = time.time
real_monotonic = time.monotonic

NOTICEABLE_OFFSET_SECONDS = 0.25
"""AWS time that differs less than this from the host's is the host's."""
REAL_WORK_GRACE_SECONDS = 0.02
"""Host time for which an event loop with open sockets or threads waits for them before its timers count as sleep."""


class TimeShim:
    """The time of one process. `install` replaces the functions of `time` once; the mode may then change at will."""

    def __init__(self) -> None:
        self.virtual = False
        self.real_for: tuple[str, ...] = ()
        """Modules whose sleeps are real, by the beginning of their names: a debugger's."""
        self._now = 0.0
        self._offset = 0.0
        self._monotonic_base = 0.0
        self._monotonic_shift = 0.0
        self._send: Callable[[int, float], None] | None = None
        self._wakers: dict[int, Callable[[], None]] = {}
        self._next_sleeper = 0
        self._lock = _thread.allocate_lock()
        self._traveller: Any = None
        self._travelling = False

    # ── what the engine tells ──

    def connect(self, send: Callable[[int, float], None] | None) -> None:
        """Send sleeps with `send(sleeper, due)`; None (a forked child of a handler) makes time real."""
        self._send = send
        if send is None:
            self.set(real_time(), False)

    def set(self, now: float, virtual: bool) -> None:
        """Start of an invocation: AWS time and whether it is virtual."""
        before = self.monotonic()
        self.virtual, self._now = virtual, now
        self._offset = 0.0 if virtual else now - real_time()
        if abs(self._offset) < NOTICEABLE_OFFSET_SECONDS:
            self._offset = 0.0
        if virtual:
            self._monotonic_base = before - now
        else:
            self._monotonic_shift = before - real_monotonic()
        self._travel()

    def wake(self, sleeper: int, now: float) -> None:
        """A sleep has ended, at `now`."""
        if self.virtual and now > self._now:
            self._now = now
            self._travel()
        with self._lock:
            waker = self._wakers.pop(sleeper, None)
        if waker is not None:
            waker()

    # ── what the handler sees ──

    def time(self) -> float:
        return self._now if self.virtual else real_time() + self._offset

    def monotonic(self) -> float:
        return self._now + self._monotonic_base if self.virtual else real_monotonic() + self._monotonic_shift

    def sleep(self, seconds: float) -> None:
        if not self.virtual or self._send is None or not isinstance(seconds, (int, float)) or not seconds > 0:
            real_sleep(seconds)
            return
        if self.real_for:
            caller = sys._getframe(1).f_globals.get("__name__", "")  # pyright: ignore[reportPrivateUsage]
            if caller.startswith(self.real_for):
                real_sleep(seconds)
                return
        woken = _thread.allocate_lock()
        woken.acquire()
        self.ask(self._now + seconds, woken.release)
        woken.acquire()

    def ask(self, due: float, waker: Callable[[], None]) -> int:
        """Tell the engine that something waits until `due`; `waker` is called from another thread."""
        assert self._send is not None
        with self._lock:
            self._next_sleeper = sleeper = (self._next_sleeper + 1) & 0xFFFFFFFF
            self._wakers[sleeper] = waker
        self._send(sleeper, due)
        return sleeper

    def withdraw(self, sleeper: int) -> None:
        """Something else happened first."""
        with self._lock:
            waited = self._wakers.pop(sleeper, None)
        if waited is not None and self._send is not None:
            self._send(sleeper, -1.0)

    # ── replacing functions ──

    def install(self) -> None:
        """Replace the functions. Must precede the import of anything that binds them (`from time import sleep`)."""
        time.sleep = self.sleep
        time.monotonic = self.monotonic
        time.monotonic_ns = lambda: int(self.monotonic() * 1e9)
        time.perf_counter = self.monotonic
        time.perf_counter_ns = time.monotonic_ns
        base_loop: Any = asyncio.base_events.BaseEventLoop
        run_once = base_loop._run_once

        def virtual_run_once(loop: Any) -> None:
            if self.virtual and self._send is not None and not loop._ready and loop._scheduled:
                self._idle(loop)
            run_once(loop)

        base_loop._run_once = virtual_run_once

    def _idle(self, loop: Any) -> None:
        """Nothing is ready and timers wait: let the engine move time instead of sleeping in `select`."""
        scheduled = loop._scheduled
        while scheduled and scheduled[0]._cancelled:
            loop._timer_cancelled_count -= 1
            heapq.heappop(scheduled)._scheduled = False
        if not scheduled or scheduled[0]._when <= loop.time():
            return
        busy_elsewhere = len(loop._selector.get_map()) > 1 or loop._default_executor is not None
        events = loop._selector.select(REAL_WORK_GRACE_SECONDS if busy_elsewhere else 0)
        if not events:
            due = self._now + scheduled[0]._when - loop.time()
            sleeper = self.ask(due, loop._write_to_self)
            events = loop._selector.select(None)
            self.withdraw(sleeper)
        loop._process_events(events)

    def _travel(self) -> None:
        """Make `time.time` and `datetime.now` say AWS time."""
        if not self.virtual and not self._offset:
            if self._travelling:
                self._travelling = False
                self._stop()
            return
        if self._traveller is None:
            self._traveller = _traveller(self)
        self._travelling = True
        self._traveller.start_at(self.time(), not self.virtual)

    def _stop(self) -> None:
        self._traveller.stop()


def _traveller(shim: TimeShim) -> Any:
    try:
        import time_machine
    except ImportError:
        return _PlainTraveller(shim)
    return _MachineTraveller(time_machine)


class _MachineTraveller:
    """time-machine: replaces the C functions, so that names bound earlier see AWS time too."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._travel: Any = None
        self._traveller: Any = None

    def start_at(self, now: float, tick: bool) -> None:
        if self._traveller is None:
            self._travel = self._module.travel(now, tick=tick)
            self._traveller = self._travel.start()
        else:
            self._traveller.move_to(now, tick=tick)

    def stop(self) -> None:
        travel, self._travel, self._traveller = self._travel, None, None
        travel.stop()


class _PlainTraveller:
    """Without time-machine: names looked up in `time` and `datetime` from now on; no names bound earlier."""

    def __init__(self, shim: TimeShim) -> None:
        self._saved = (time.time, time.time_ns, datetime.datetime)
        plain = datetime.datetime

        class VirtualDatetime(plain):
            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Any:
                return cls.fromtimestamp(shim.time(), tz)

            @classmethod
            def today(cls) -> Any:
                return cls.fromtimestamp(shim.time())

            @classmethod
            def utcnow(cls) -> Any:
                utc = datetime.timezone.utc  # noqa: UP017 — functions run on Python 3.9 too
                return cls.fromtimestamp(shim.time(), utc).replace(tzinfo=None)

        VirtualDatetime.__name__ = VirtualDatetime.__qualname__ = "datetime"
        self._replaced = (shim.time, lambda: int(shim.time() * 1e9), VirtualDatetime)

    def start_at(self, now: float, tick: bool) -> None:
        self._set(self._replaced)

    def stop(self) -> None:
        self._set(self._saved)

    @staticmethod
    def _set(functions: Any) -> None:
        time.time, time.time_ns, datetime.datetime = functions  # type: ignore[misc]
