"""Host time as the limit of who computes while AWS time stands still.

There computing takes no AWS time, and a function's timeout only ends who would never end. A machine that is busy with
other things must not end anybody else: time for which Linux kept the threads waiting does not count, and who is about
to run is waited for until it has had its limit of CPU time. Elsewhere, and while AWS time is the host's, host time is
all there is. Knows neither functions nor invocations.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable, Iterable
from typing import NamedTuple

FIRST_LOOK_SECONDS = 0.25
"""Most questions are answered by then; for others it is noticed from then on what they are kept from."""
LOOK_AGAIN_SECONDS = 0.05
MOST_BETWEEN_LOOKS_SECONDS = 1.0
MOST_WITHHELD_SECONDS = 120.0
"""More than this a machine is not believed to be busy with other things."""
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
READY = (b"R", b"D")
"""States of threads that run, wait for a CPU, or wait for the disk."""


class Effort(NamedTuple):
    """What threads have done since they began, in seconds."""

    computed: float
    """On a CPU."""
    withheld: float
    """Ready to run, while others ran."""
    ready: bool
    """One of them is just now running or about to."""


class HostLimit:
    """Calls `over` once somebody has computed for `seconds`; paused, it does not count.

    `look` says what has been done so far; None: host time is what counts.
    """

    def __init__(self, seconds: float, over: Callable[[], None], look: Callable[[], Effort] | None) -> None:
        self._seconds, self._over, self._look = seconds, over, look
        self._first_look = seconds if look is None else min(seconds / 2, FIRST_LOOK_SECONDS)
        self._loop = asyncio.get_running_loop()
        self._spent, self._since = 0.0, 0.0
        self._begun: Effort | None = None
        self._withheld = 0.0
        self._idle = False
        self._timer: asyncio.TimerHandle | None = None

    def go_on(self) -> None:
        if self._timer is None:
            self._since, self._idle = self._loop.time(), False
            until = self._first_look if self._begun is None else self._seconds + self._withheld
            self._timer = self._loop.call_later(max(until - self._spent, 0.0), self._glance)

    def pause(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._spent += self._loop.time() - self._since

    def _glance(self) -> None:
        again = self._seconds_to_the_next_look()
        if again > 0.0:
            self._timer = self._loop.call_later(again, self._glance)
        else:
            self._over()

    def _seconds_to_the_next_look(self) -> float:
        spent = self._spent + self._loop.time() - self._since
        if self._look is None or spent > self._seconds + MOST_WITHHELD_SECONDS:
            return 0.0
        now = self._look()
        begun = self._begun = self._begun or now
        if spent >= self._seconds and now.computed - begun.computed >= self._seconds - self._first_look:
            return 0.0
        self._withheld = now.withheld - begun.withheld
        left = self._seconds + self._withheld - spent
        was_idle, self._idle = self._idle, False
        if left > 0.0 or now.ready:  # never long: threads that wait for each other's turns count several times
            return min(max(left, LOOK_AGAIN_SECONDS), MOST_BETWEEN_LOOKS_SECONDS)
        self._idle = True  # what it has said may not have been read yet
        return 0.0 if was_idle else LOOK_AGAIN_SECONDS


def of_processes(groups: Iterable[int]) -> Effort:
    """What all processes of these groups, and of the sessions they lead, have done; and this thread, who listens."""
    wanted = {str(group).encode() for group in groups}
    computed, ready = 0.0, False
    withheld = _waited(f"/proc/self/task/{threading.get_native_id()}")
    for process in _names("/proc"):
        if not process.isdigit():
            continue
        fields = _stat(f"/proc/{process}")
        if not fields or not wanted.intersection(fields[2:4]):
            continue
        computed += sum(map(int, fields[11:15])) / TICKS_PER_SECOND  # its own, and of children that have ended
        for task in _names(f"/proc/{process}/task"):
            withheld += _waited(f"/proc/{process}/task/{task}")
            ready = ready or _stat(f"/proc/{process}/task/{task}")[:1] in ([state] for state in READY)
    return Effort(computed, withheld, ready)


def of_thread(ident: int | None) -> Effort:
    """What a thread of this process has done; other threads of it that ran kept it from running."""
    thread = f"/proc/self/task/{ident}"
    computed, withheld = _ran(thread), 0.0
    for task in _names("/proc/self/task"):
        other = f"/proc/self/task/{task}"
        withheld += _waited(other) + (_ran(other) if other != thread else 0.0)
    return Effort(computed, withheld, _stat(thread)[:1] in ([state] for state in READY))


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208 — names are all
    except OSError:
        return []  # it has ended, or this is no Linux


def _stat(of: str) -> list[bytes]:
    """State, parent, process group, session and so on; empty if there is none."""
    return _read(f"{of}/stat").rpartition(b")")[2].split()


def _ran(task: str) -> float:
    return int((_read(f"{task}/schedstat").split() or [b"0"])[0]) / 1e9


def _waited(task: str) -> float:
    return int((_read(f"{task}/schedstat").split() or [b"0", b"0"])[1]) / 1e9


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123 — a kernel's file
            return file.read()
    except OSError:
        return b""
