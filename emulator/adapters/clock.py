"""AWS time on one host: real, frozen, or scaled, switchable while running.

Decides what time it is and when sleepers wake. Does not decide when frozen time may jump: that is
`Worker.advance_to`, which asks `quiet` first.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import logging
import time
from collections.abc import Generator
from contextlib import contextmanager

from emulator.ports import Clock

logger = logging.getLogger("emulator.functions")

LONGEST_TIMER_SECONDS = 3600.0
REMARK_SECONDS = 3.0
"""Host time for which somebody sleeps in frozen time before people are told."""
MOST_ABANDONED = 256
SETTLING_TURNS = 12
"""Loop turns for which nobody may be at work before time may jump: a wake-up passes through a few."""


class LiveClock(Clock):
    """AWS time = base + (host time - host base) × factor; factor 0 is frozen."""

    def __init__(self, frozen: bool = False, start_at: float | None = None) -> None:
        self._base = time.time() if start_at is None else start_at
        self._host_base = time.monotonic()
        self._factor = 0.0 if frozen else 1.0
        self._virtual = frozen or start_at is not None
        self._halts = 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None], str]] = []
        self._abandoned = 0
        """About how many of them sleep no more."""
        self._order = itertools.count()
        self._timer: asyncio.TimerHandle | None = None
        self._holders = 0
        self._reasons: dict[str, int] = {}
        self._idle: asyncio.Event | None = None
        self._remark: asyncio.TimerHandle | None = None
        self._remarked_at: float | None = None
        """The frozen time at which somebody was told who sleeps."""

    def now(self) -> float:
        if not self._virtual:
            return time.time()
        return self._base + (time.monotonic() - self._host_base) * self._pace

    @property
    def _pace(self) -> float:
        """AWS seconds per host second, now."""
        return 0.0 if self._halts else self._factor

    @property
    def virtual(self) -> bool:
        return self._virtual

    @property
    def passes(self) -> bool:
        return self._pace > 0.0

    @property
    def mode(self) -> str:
        """`frozen`, `scaled` or `real`."""
        if self._factor == 0.0:
            return "frozen"
        return "real" if self._factor == 1.0 else "scaled"

    @property
    def factor(self) -> float:
        """AWS seconds per host second, while nobody halts the clock."""
        return self._factor

    def ahead(self) -> float:
        """Seconds by which AWS time is ahead of the host's."""
        return self.now() - time.time() if self._virtual else 0.0

    def set_factor(self, factor: float) -> None:
        """Let AWS time pass at `factor` times the host's speed from now on; 0 freezes it. It never goes back."""
        if factor == self._factor:
            return
        self._hold_on()
        self._factor = factor
        self._arm()

    def _hold_on(self) -> None:
        """Time goes on from what it is now, however it passes from now on."""
        self._base, self._host_base = self.now(), time.monotonic()
        self._virtual = True

    def jump(self, until: float) -> None:
        """Move frozen time forward to `until` and wake who waits for it."""
        assert self._factor == 0.0, "only frozen time can be moved"
        self._base = max(self._base, until)
        self._wake_due()

    async def sleep_until(self, due_at: float, who: str = "") -> None:
        if due_at <= self.now():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (due_at, next(self._order), future, who))
        self._arm()
        if who and self._factor == 0.0 and self._remark is None and self._remarked_at != self._base:
            self._remark_later()
        try:
            await future
        finally:
            if not future.done() or future.cancelled():
                future.cancel()
                self._forget_abandoned()

    def _forget_abandoned(self) -> None:
        """Who sleeps no more need not be remembered until then, which in frozen time may be never."""
        self._abandoned += 1
        if self._abandoned > MOST_ABANDONED and self._abandoned * 2 > len(self._sleepers):
            self._sleepers = [sleeper for sleeper in self._sleepers if not sleeper[2].done()]
            heapq.heapify(self._sleepers)
            self._abandoned = 0

    def sleepers(self) -> list[tuple[float, str]]:
        """Who sleeps until when, earliest first; those whom nobody has named left out."""
        return sorted((due_at, who) for due_at, _, future, who in self._sleepers if who and not future.done())

    def _remark_later(self) -> None:
        loop = asyncio.get_running_loop()
        self._remark = loop.call_later(REMARK_SECONDS, self._remark_on_sleepers, self._base)

    def _remark_on_sleepers(self, since: float) -> None:
        """Time stands still since then: tell, once for each such time, who waits for it to move."""
        self._remark = None
        named = self.sleepers()
        if self._factor != 0.0 or not named:
            return
        if self._base != since:
            self._remark_later()
            return
        self._remarked_at = since
        due_at, who = named[0]
        others = f" (and {len(named) - 1} more)" if len(named) > 1 else ""
        until = f"{due_at - self._base:g} s of AWS time, which is frozen"
        logger.info(f"{who} waits for {until}{others}: POST /_emulator/clock moves it, GET shows who waits")

    def next_sleeper(self) -> float | None:
        """When the earliest waiting sleeper is due."""
        while self._sleepers and self._sleepers[0][2].done():
            heapq.heappop(self._sleepers)
        return self._sleepers[0][0] if self._sleepers else None

    def busy(self, reason: str) -> _Busy:
        return _Busy(self, reason)

    def hold(self, reason: str) -> None:
        """Somebody is at work; `let_go` ends it."""
        self._holders += 1
        self._reasons[reason] = self._reasons.get(reason, 0) + 1

    def let_go(self, reason: str) -> None:
        """As many times as `hold`."""
        left = self._reasons[reason] - 1
        if left:
            self._reasons[reason] = left
        else:
            del self._reasons[reason]
        self._release()

    @contextmanager
    def halted(self, reason: str) -> Generator[None]:
        with self.busy(reason):
            self._halt(1)
            try:
                yield
            finally:
                self._halt(-1)

    def _halt(self, change: int) -> None:
        self._hold_on()
        self._halts += change
        self._arm()

    def parked(self) -> _Parked:
        return _Parked(self)

    def park(self) -> None:
        """Who is at work waits for others."""
        self._release()

    def resume(self) -> None:
        """Who had parked is at work again."""
        self._holders += 1

    async def quiet(self) -> None:
        """Return once nobody is at work: only then may frozen time move."""
        if self._idle is None:
            self._idle = asyncio.Event()
        while True:
            for _ in range(SETTLING_TURNS):
                await asyncio.sleep(0)
                if self._holders > 0:
                    break
            else:
                return
            self._idle.clear()
            await self._idle.wait()

    def at_work(self) -> list[str]:
        """Who holds time still, for a settle that does not end."""
        return sorted(self._reasons)

    def _release(self) -> None:
        self._holders -= 1
        if self._holders <= 0 and self._idle is not None:
            self._idle.set()

    def _wake_due(self) -> None:
        now = self.now()
        while self._sleepers and self._sleepers[0][0] <= now:
            future = heapq.heappop(self._sleepers)[2]
            if not future.done():
                future.set_result(None)

    def _arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        due_at = self.next_sleeper()
        if due_at is None or self._pace == 0.0:
            return
        delay = max(0.0, (due_at - self.now()) / self._pace)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(min(delay, LONGEST_TIMER_SECONDS), self._ring)

    def _ring(self) -> None:
        self._timer = None
        self._wake_due()
        self._arm()


class _Busy:
    """`Clock.busy`: on the way of every request and job, so no generator."""

    __slots__ = ("_clock", "_reason")

    def __init__(self, clock: LiveClock, reason: str) -> None:
        self._clock, self._reason = clock, reason

    def __enter__(self) -> None:
        self._clock.hold(self._reason)

    def __exit__(self, *_: object) -> None:
        self._clock.let_go(self._reason)


class _Parked:
    """`Clock.parked`: on the way of every invocation."""

    __slots__ = ("_clock",)

    def __init__(self, clock: LiveClock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        self._clock.park()

    def __exit__(self, *_: object) -> None:
        self._clock.resume()
