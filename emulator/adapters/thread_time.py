"""AWS time in handlers that run in threads of a process with other threads: `time`, `asyncio.sleep`, `datetime.now`.

The functions of `time` and the event loops of asyncio are replaced once, and ask in whose thread they are called.
`datetime` cannot be asked that: the modules of a function are given a class of their own that can. What a handler
imports of it inside a function, and what libraries outside its package say, is the host's time. So is the time of
threads that the handler starts: what they do is real work to the event loop that waits for them.
"""

from __future__ import annotations

import asyncio.base_events
import datetime
import heapq
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType
from typing import Any, Protocol

from .runtime.told_dates import TAKES_PARTS, TAKES_SECONDS, Told
from .runtime.work import Connections

LOOK_SECONDS = 0.02
"""Host time between two looks at the threads and children that an event loop waits for."""
SHORTEST_WAIT_SECONDS = 1e-6
"""Less than the difference that two moments of epoch seconds can have would not move time."""


class Sleeper(Protocol):
    """What a thread may do instead of sleeping: wait for AWS time."""

    def __call__(self, seconds: float) -> None: ...

    @property
    def calls(self) -> int:
        """How many calls of the handler to the emulator wait for their answers."""
        ...

    @property
    def answered(self) -> int:
        """How many have been answered."""
        ...

    def begin(self, seconds: float, woken: Callable[[], None], answered: int) -> Callable[[], None]:
        """Wait for so long, and call `woken` from another thread; it is called earlier when a call is answered.

        So it is at once if there are other answers by now than the caller has seen: somebody is at work with them.
        Returns what ends the waiting before.
        """
        ...

    def sends(self) -> AbstractContextManager[None]:
        """While the thread waits for the answer to a request of its own."""
        ...

    def resume(self) -> None:
        """Go on after such a wait; raises what ends a handler that is over."""
        ...


class Local(Protocol):
    """What is known of the thread that asks; None is the host's time."""

    sleep: Sleeper | None
    now: Callable[[], float] | None


def install(local: Local) -> Callable[[], None]:
    """Replace the functions; what is returned puts them back."""
    names = ("sleep", "time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "perf_counter_ns")
    real: dict[str, Any] = {name: getattr(time, name) for name in names}
    loops: Any = asyncio.base_events.BaseEventLoop
    begun: list[float] = []
    run_once = loops._run_once

    def sleep(seconds: float) -> None:
        (local.sleep or real["sleep"])(seconds)

    def virtual(name: str, now: float) -> float:
        if name.startswith("time"):
            return now
        if not begun:
            begun.append(now)
        return now - begun[0]  # small, for event loops compare such moments to the nanosecond

    def seconds(name: str) -> Callable[[], float]:
        return lambda: real[name]() if local.now is None else virtual(name, local.now())

    def nanoseconds(name: str) -> Callable[[], int]:
        return lambda: real[name]() if local.now is None else int(virtual(name, local.now()) * 1e9)

    def wait_once(loop: Any) -> None:
        if local.sleep is not None and not loop._ready and loop._scheduled and not loop._stopping:
            _wait(loop, local.sleep)
        run_once(loop)

    replaced: dict[str, Any] = {name: nanoseconds(name) if name.endswith("_ns") else seconds(name) for name in names}
    for name in (*TAKES_SECONDS, *TAKES_PARTS):
        real[name], replaced[name] = getattr(time, name), Told(name, lambda: local.now and local.now())
    for name, function in (replaced | {"sleep": sleep}).items():
        setattr(time, name, function)
    loops._run_once = wait_once

    def undo() -> None:
        loops._run_once = run_once
        for name, function in real.items():
            setattr(time, name, function)

    return undo


def _wait(loop: Any, sleeper: Sleeper) -> None:
    """Nothing is ready and timers wait: AWS time passes instead of the host's."""
    scheduled = loop._scheduled
    while scheduled and scheduled[0]._cancelled:
        loop._timer_cancelled_count -= 1
        heapq.heappop(scheduled)._scheduled = False
    left = scheduled[0]._when - loop.time() if scheduled else 0.0
    if left <= 0:
        return
    events, answered = loop._selector.select(0), sleeper.answered
    while not events and _work_is_under_way(loop, sleeper.calls):
        events, answered = loop._selector.select(LOOK_SECONDS), sleeper.answered
    if not events:
        events = Connections().wait(loop)
    if not events:
        withdraw = sleeper.begin(max(left, SHORTEST_WAIT_SECONDS), loop._write_to_self, answered)
        events = loop._selector.select(None)
        withdraw()
        sleeper.resume()
    loop._process_events(events)


def _work_is_under_way(loop: Any, calls: int) -> bool:
    """Whether threads of the loop's own pool have more to do than these calls to AWS, or asyncio waits for a child."""
    pool = loop._default_executor
    if pool is not None and len(getattr(pool, "_threads", ())) > pool._idle_semaphore._value + calls:
        return True
    return any("waitpid-" in thread.name for thread in threading.enumerate())


class Dates:
    """The module `datetime` as the modules of functions see it."""

    def __init__(self, local: Local) -> None:
        class Kind(type):
            def __instancecheck__(cls, instance: Any) -> bool:
                return isinstance(instance, cls.__mro__[1])

        class VirtualDateTime(datetime.datetime, metaclass=Kind):
            """Makes what `datetime.datetime` makes, at AWS time."""

            def __new__(cls, *parts: Any, **named: Any) -> Any:
                return datetime.datetime(*parts, **named)

            @classmethod
            def now(cls, tz: datetime.tzinfo | None = None) -> Any:
                return (
                    datetime.datetime.now(tz) if local.now is None else datetime.datetime.fromtimestamp(local.now(), tz)
                )

            @classmethod
            def today(cls) -> Any:
                return cls.now()

            @classmethod
            def utcnow(cls) -> Any:
                return cls.now(datetime.UTC).replace(tzinfo=None)

        class VirtualDate(datetime.date, metaclass=Kind):
            """Makes what `datetime.date` makes, on the day that it is in AWS."""

            def __new__(cls, *parts: Any, **named: Any) -> Any:
                return datetime.date(*parts, **named)

            @classmethod
            def today(cls) -> Any:
                return VirtualDateTime.now().date()

        for made, real in ((VirtualDateTime, datetime.datetime), (VirtualDate, datetime.date)):
            made.__name__, made.__qualname__, made.__module__ = real.__name__, real.__name__, "datetime"
        module = ModuleType("datetime", datetime.__doc__)
        module.__dict__.update({**vars(datetime), "datetime": VirtualDateTime, "date": VirtualDate})
        self._instead: dict[int, Any] = {
            id(datetime): module,
            id(datetime.datetime): VirtualDateTime,
            id(datetime.date): VirtualDate,
        }

    def give(self, module: ModuleType) -> None:
        """Have a module of a function ask in its own thread what time it is."""
        for name, value in list(vars(module).items()):
            if id(value) in self._instead:
                setattr(module, name, self._instead[id(value)])
