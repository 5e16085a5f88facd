"""AWS time inside a handler: what `time`, `datetime` and `asyncio` say and how long a sleep lasts.

In real mode everything passes through. In virtual mode the current time is a number that the engine moves,
and `time.sleep` is a message to the engine: the earliest of all sleeps of the process, sent when nobody in it is at
work (`work.py`). Deliberately real in both modes: sockets and subprocesses, which are real work; the engine bounds it
with the function's timeout in host time.
Runs in the child process and imports the standard library only (time-machine when it is there).
"""

from __future__ import annotations

import _thread
import asyncio
import asyncio.base_events
import datetime
import heapq
import itertools
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from . import thread_waits
from .told_dates import Told
from .wire import CALL_BEGINS, CALL_ENDS, CANCELLED, IN_CALL
from .work import Connections, Looks, alone

real_sleep = time.sleep
real_time = time.time
real_monotonic = time.monotonic

NOTICEABLE_OFFSET_SECONDS = 0.25
"""AWS time that differs less than this from the host's is the host's."""
SHORTEST_WAIT_SECONDS = 1e-6
"""Less than the difference that two moments of epoch seconds can have would not move time."""


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
        self._sleepers: dict[int, tuple[float, Callable[[], None]]] = {}
        self._announced: int | None = None
        """The earliest sleeper, once the engine knows of it."""
        self._resuming: set[int] = set()
        """Sleepers that have been woken and do not run yet."""
        self._asked = True
        """Whether there is a question: between two, an environment is frozen, and so are the sleeps of its threads."""
        self._checking = False
        """Whether a thread looks for the moment at which nobody is at work."""
        self._calls = 0
        """Calls of this process that the engine serves: they may need AWS time, and nobody here need sleep for it."""
        self._turn = 0
        """How often somebody began or ended to sleep: a look that saw less than all of that says nothing."""
        self._reader = 0, 0
        self._connections = Connections()
        self._numbers = itertools.count(1)
        self._lock = _thread.allocate_lock()
        self._traveller: Any = None
        self._travelling = False

    # ── what the engine tells ──

    def connect(self, send: Callable[[int, float], None] | None) -> None:
        """Send sleeps with `send(sleeper, due)`; None (a forked child of a handler) makes time real."""
        self._send = send
        if send is None:
            # Another thread may have held the lock, and none of them is here.
            self._lock = _thread.allocate_lock()
            self._sleepers, self._resuming, self._checking, self._calls = {}, set(), False, 0
            self.set(real_time(), False)

    def read_by_this_thread(self) -> None:
        """The caller waits for the engine: it is never at work."""
        self._reader = _thread.get_ident(), threading.get_native_id()

    def set(self, now: float, virtual: bool) -> None:
        """Start of an invocation: AWS time and whether it is virtual."""
        with self._lock:
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
            self._asked = True
            self._turn += 1
        self._announce_when_quiet()

    def end(self) -> None:
        """The question is answered."""
        with self._lock:
            self._asked = False
            self._announce(None)

    def wake(self, sleeper: int, now: float) -> None:
        """A sleep has ended, at `now`; or a call to the emulator has begun or ended (wire.CALL_BEGINS)."""
        with self._lock:
            self._turn += 1
            if sleeper == CALL_BEGINS:
                self._calls += 1
            elif sleeper == CALL_ENDS:
                self._calls -= 1
            if sleeper in (self._announced, CALL_ENDS):
                self._announced = None
            wakers = self._due(sleeper, now) if self._asked else []  # frozen: in the next question
            if sleeper == CALL_ENDS and self._send is not None:
                self._send(CALL_ENDS, CANCELLED)  # the answer may come: who reads it finds the clock set
        for waker in wakers:
            waker()
        self._announce_when_quiet()

    def _due(self, sleeper: int, now: float) -> list[Callable[[], None]]:
        """It is `now`: who wakes this sleeper and all that are due by then, in order. The caller has the lock."""
        if self.virtual and now > self._now:
            self._now = now
            self._travel()
        woken = [each for each, (due, _) in self._sleepers.items() if each == sleeper or due <= self._now]
        woken.sort(key=lambda each: self._sleepers[each][0])
        self._resuming.update(woken)
        return [self._sleepers.pop(each)[1] for each in woken]

    # ── what the handler sees ──

    def time(self) -> float:
        return self._now if self.virtual else real_time() + self._offset

    def monotonic(self) -> float:
        return self._now + self._monotonic_base if self.virtual else real_monotonic() + self._monotonic_shift

    def sleep(self, seconds: float) -> None:
        if not self.virtual or self._send is None or not isinstance(seconds, (int, float)) or not seconds > 0:
            real_sleep(seconds)
            return
        caller = sys._getframe(1).f_globals.get("__name__", "")  # pyright: ignore[reportPrivateUsage]
        # It looks again and again whether its child, which is real work, has ended.
        if caller == "subprocess" or (self.real_for and caller.startswith(self.real_for)):
            real_sleep(seconds)
            return
        woken = _thread.allocate_lock()
        woken.acquire()
        self.wait(seconds, woken.release, woken.acquire)

    def wait(self, seconds: float, waker: Callable[[], None], until_woken: Callable[[], Any]) -> Any:
        """What `until_woken` returns; it is woken by `waker` after `seconds`, if not before by somebody else."""
        sleeper = next(self._numbers)
        try:  # a signal's handler may raise anywhere
            self._ask(sleeper, self._now + max(seconds, SHORTEST_WAIT_SECONDS), waker)
            return until_woken()
        finally:
            self._withdraw(sleeper)

    def passes(self, seconds: float | None) -> bool:
        """Whether a wait of so long is one for AWS time. A debugger's threads wait for what a person does."""
        virtual = self.virtual and not self.real_for and self._send is not None
        return virtual and seconds is not None and seconds > 0

    def _ask(self, sleeper: int, due: float, waker: Callable[[], None]) -> None:
        """Something waits until `due`; `waker` is called from another thread."""
        with self._lock:
            self._turn += 1
            self._sleepers[sleeper] = due, waker
        self._announce_when_quiet()

    def _withdraw(self, sleeper: int) -> None:
        """Whoever waited goes on: time has come, or something else happened first."""
        with self._lock:
            self._turn += 1
            self._resuming.discard(sleeper)
            self._sleepers.pop(sleeper, None)
            self._announce(None)  # the caller is at work
        self._announce_when_quiet()

    def _not_the_host_s(self) -> float | None:
        return self.time() if self.virtual or self._offset else None

    # ── when the engine may move time ──

    def _announce_when_quiet(self) -> None:
        """Tell the engine of the earliest sleeper, as soon as no thread of this process is at work."""
        if not (self._sleepers or self._calls):
            return
        by_itself = bool(self._sleepers) and alone()
        with self._lock:
            if by_itself:
                self._announce_earliest()
                return
            if self._checking:
                return  # that thread sees that something has changed
            self._checking = True
            try:  # within the lock: between the two a signal's handler could raise
                _thread.start_new_thread(self._check, ())
            except RuntimeError:  # no memory for one more thread
                self._checking = False
                self._announce_earliest()

    def _check(self) -> None:
        looks = Looks(_port(os.environ.get("AWS_ENDPOINT_URL", "")), lambda: (self._reader, self._calls))
        while True:
            turn = self._turn
            quiet = looks.quiet()
            with self._lock:
                if quiet and turn == self._turn and not self._resuming:
                    self._announce_earliest()
                elif self._asked and (self._sleepers or self._calls):
                    continue
                self._checking = False
                return

    def _announce_earliest(self) -> None:
        """Nobody is at work. The caller has the lock."""
        if self._asked and self._sleepers:
            self._announce(min(self._sleepers, key=lambda each: self._sleepers[each][0]))
        elif self._asked and self._calls:
            self._announce(IN_CALL)

    def _announce(self, sleeper: int | None) -> None:
        """Have the engine know of this one only. The caller has the lock."""
        if self._send is None or sleeper == self._announced:
            return
        if self._announced is not None:
            self._send(self._announced, CANCELLED)
        self._announced = sleeper
        if sleeper is not None:
            self._send(sleeper, float("inf") if sleeper == IN_CALL else self._sleepers[sleeper][0])

    # ── replacing functions ──

    def install(self) -> None:
        """Replace the functions. Must precede the import of anything that binds them (`from time import sleep`)."""
        time.sleep = self.sleep
        time.monotonic = self.monotonic
        time.monotonic_ns = lambda: int(self.monotonic() * 1e9)
        time.perf_counter = self.monotonic
        time.perf_counter_ns = time.monotonic_ns
        for name in ("ctime", "asctime"):  # time-machine leaves them alone
            setattr(time, name, Told(name, self._not_the_host_s))
        base_loop: Any = asyncio.base_events.BaseEventLoop
        run_once = base_loop._run_once

        def virtual_run_once(loop: Any) -> None:
            if self.virtual and self._send is not None and not loop._ready and not loop._stopping:
                self._idle(loop)
            run_once(loop)

        base_loop._run_once = virtual_run_once
        self._connections.install()
        thread_waits.install(self)

    def _idle(self, loop: Any) -> None:
        """Nothing is ready: if timers wait, let the engine move time instead of sleeping in `select`."""
        scheduled = loop._scheduled
        while scheduled and scheduled[0]._cancelled:
            loop._timer_cancelled_count -= 1
            heapq.heappop(scheduled)._scheduled = False
        left = scheduled[0]._when - loop.time() if scheduled else None
        if left is not None and left <= 0:
            return
        events = self._connections.wait(loop)
        if not events and left is not None:
            events = self.wait(left, loop._write_to_self, loop._selector.select)
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


def _port(url: str) -> int | None:
    try:
        return urlsplit(url).port
    except ValueError:
        return None


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
        self._saved: tuple[Any, ...] = (
            time.time, time.time_ns, datetime.datetime, time.gmtime, time.localtime, time.strftime,
        )  # fmt: skip
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
        told = (Told(name, shim.time) for name in ("gmtime", "localtime", "strftime"))
        self._replaced = (shim.time, lambda: int(shim.time() * 1e9), VirtualDatetime, *told)

    def start_at(self, now: float, tick: bool) -> None:
        self._set(self._replaced)

    def stop(self) -> None:
        self._set(self._saved)

    @staticmethod
    def _set(functions: Any) -> None:
        time.time, time.time_ns, datetime.datetime, time.gmtime, time.localtime, time.strftime = functions
