"""Adapters that fail on purpose, wrapped around the real ones.

`CrashingStore` is a process that dies at one chosen commit: from then on nothing is read or written,
whatever code still runs. What a restart finds is what the inner store had committed.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from typing import Literal, TypeVar

from emulator import faults
from emulator.faults import Faults
from emulator.ports import Store, Transaction

T = TypeVar("T")


class CommitFailed(Exception):
    """A fault plan has this commit fail, as a full disk would."""


def end_of_the_process() -> None:
    """What a crash is: nothing runs any more, at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def failing_commits(plans: Faults, crash: Callable[[], None]) -> Callable[[], None]:
    """What to call before each commit: raises where a plan strikes, and for ever after a `crash` that returns."""
    dead = False

    def before_commit() -> None:
        nonlocal dead
        if dead:
            raise StoreCrashed("the simulated process is dead")
        if not plans.active:
            return
        fault = plans.strike(faults.STORE, "commit", "", faults.KINDS[faults.STORE])
        if fault is None:
            return
        if fault.fault == faults.CRASH:
            dead = True
            crash()
        raise CommitFailed(fault.message or "the fault plan")

    return before_commit


class StoreCrashed(Exception):
    """The simulated process is dead."""


class CrashingStore(Store):
    """Counts commits once armed, and dies before or after the `at`-th; `at=0` only counts."""

    def __init__(self, inner: Store, on_crash: Callable[[], None]) -> None:
        self._inner = inner
        self._on_crash = on_crash
        self._at = 0
        self._when: Literal["before", "after"] = "before"
        self._armed = False
        self.commits = 0
        self.dead = False

    def arm(self, at: int, when: Literal["before", "after"]) -> None:
        """Start counting; the next commit is number 1."""
        self._at, self._when, self._armed, self.commits = at, when, True, 0

    async def transact(self, change: Callable[[Transaction], T]) -> T:
        self._check()
        if not self._armed:
            return await self._inner.transact(change)
        self.commits += 1
        mine = self.commits == self._at
        if mine and self._when == "before":
            self._die()
        try:
            result = await self._inner.transact(change)
        except Exception:
            self.commits -= 1  # nothing was committed: the next one has the number
            raise
        if mine:
            self._die()
        self._check()
        return result

    def post(self, change: Callable[[Transaction], None]) -> None:
        if not self.dead:
            self._inner.post(change)

    async def read(self, query: Callable[[Transaction], T], behind: bool = False) -> T:
        self._check()
        return await self._inner.read(query, behind)

    def add_schema(self, ddl: str) -> None:
        self._inner.add_schema(ddl)

    def on_wake(self, listener: Callable[[Mapping[str, float]], None]) -> None:
        self._inner.on_wake(listener)

    async def reset(self) -> None:
        await self._inner.reset()

    def close(self) -> None:
        self._inner.close()

    def _die(self) -> None:
        self.dead = True
        self._on_crash()
        self._check()

    def _check(self) -> None:
        if self.dead:
            raise StoreCrashed("the simulated process is dead")
