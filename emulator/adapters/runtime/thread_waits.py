"""Waits for another thread whose timeout is AWS time: `Condition.wait` and all that is made of it, and `Thread.join`.

`Event`, `Semaphore`, `Barrier`, `Timer`, `Queue` and futures wait by a condition. Waits that are made in C stay host
time: of a lock itself, and of `SimpleQueue`.
Runs in the child process and imports the standard library only.
"""

from __future__ import annotations

import _thread
import threading
from collections.abc import Callable
from typing import Any, Protocol

SHORTEST_REST_SECONDS = 1e-6
"""Long enough to be seen in epoch seconds."""


class Time(Protocol):
    """AWS time, as `virtual_time` knows it."""

    def passes(self, seconds: float | None) -> bool:
        """Whether a wait of so long is one for AWS time."""
        ...

    def wait(self, seconds: float, waker: Callable[[], None], until_woken: Callable[[], Any]) -> Any:
        """What `until_woken` returns, which `waker` ends when the time has come."""
        ...

    def monotonic(self) -> float: ...


def install(time: Time) -> None:
    """Replace the functions of `threading`."""
    module: Any = threading
    module._time = time.monotonic  # what is left of a wait that has been woken for nothing
    condition: Any = threading.Condition
    plain_wait = condition.wait

    def wait(self: Any, timeout: float | None = None) -> bool:
        # A computed rest of exactly nothing (no poll: that is an int): who takes only less than nothing for the end,
        # as `concurrent.futures.as_completed` does, asks for it until a moment has passed.
        rest = SHORTEST_REST_SECONDS if timeout == 0 and isinstance(timeout, float) else timeout
        return _wait(time, self, rest) if rest is not None and time.passes(rest) else plain_wait(self, timeout)

    condition.wait = wait
    thread: Any = threading.Thread
    plain_join, plain_run = thread.join, thread._bootstrap_inner

    def join(self: Any, timeout: float | None = None) -> None:
        if timeout is None or not time.passes(timeout):
            return plain_join(self, timeout)
        plain_join(self, 0)  # complains if it must
        if self.is_alive() and _wait_for_the_end(time, self, timeout):
            plain_join(self)
        return None

    def run_to_the_end(self: Any) -> None:
        try:
            plain_run(self)
        finally:
            self._has_come_to_its_end = True
            for joiner in getattr(self, "_joiners", ()):
                joiner.wake()

    thread.join, thread._bootstrap_inner = join, run_to_the_end


# ── conditions ──────────────────────────────────────────────────────────────────────────────────


class _Waiter:
    """In the place of the lock by which `Condition.notify` wakes who waits."""

    def __init__(self) -> None:
        self.lock = _thread.allocate_lock()
        self.lock.acquire()
        self.notified = False

    def release(self) -> None:
        self.notified = True
        self.wake()

    def wake(self) -> None:
        try:
            self.lock.release()
        except RuntimeError:
            pass  # notified and woken at once


def _wait(time: Time, condition: Any, seconds: float) -> bool:
    if not condition._is_owned():
        raise RuntimeError("cannot wait on un-acquired lock")
    waiter = _Waiter()
    condition._waiters.append(waiter)
    saved = condition._release_save()
    try:
        time.wait(seconds, waiter.wake, waiter.lock.acquire)
    finally:
        condition._acquire_restore(saved)
        if not waiter.notified:
            try:
                condition._waiters.remove(waiter)
            except ValueError:
                pass
    return waiter.notified


# ── the end of a thread ─────────────────────────────────────────────────────────────────────────


def _wait_for_the_end(time: Time, thread: Any, seconds: float) -> bool:
    """Whether the thread has come to its end before the time."""
    waiter = _Waiter()
    thread.__dict__.setdefault("_joiners", []).append(waiter)
    if not hasattr(thread, "_has_come_to_its_end"):  # who looks after that finds the waiter
        time.wait(seconds, waiter.wake, waiter.lock.acquire)
    return hasattr(thread, "_has_come_to_its_end")
