"""Waiting no longer than a caller may wait: a limit in AWS time on work that is not cut off by it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from emulator.ports import Clock

T = TypeVar("T")


class Late(TimeoutError):
    """The work was not done in time, which is not to say that it raised a TimeoutError of its own."""


class Deadline:
    """Waits for work, no longer than told; what is late runs on, and nobody hears of it."""

    def __init__(self, clock: Clock, reason: str) -> None:
        self._clock = clock
        self._reason = reason
        self._running: set[asyncio.Task[Any]] = set()

    async def within(self, seconds: float, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which may take `seconds` of AWS time. Raises `Late`."""
        # The hold is taken before we park, so that frozen time never sees a moment without a holder.
        hold = self._clock.busy(self._reason)
        hold.__enter__()
        task = asyncio.get_running_loop().create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await self._wait(task, seconds)
        except BaseException:
            _release_later(task, hold)
            raise
        if not task.done():
            _release_later(task, hold)
            raise Late
        hold.__exit__(None, None, None)
        return task.result()

    async def _wait(self, task: asyncio.Task[Any], seconds: float) -> None:
        if not self._clock.virtual:
            with self._clock.parked():
                await _ended(task, seconds)
            return
        timer = asyncio.ensure_future(self._clock.sleep_until(self._clock.now() + seconds))
        try:
            with self._clock.parked():
                await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()


async def _ended(task: asyncio.Task[Any], seconds: float) -> None:
    """`asyncio.wait` for one task, at half its price."""
    loop = asyncio.get_running_loop()
    waiter: asyncio.Future[None] = loop.create_future()

    def wake(*_: object) -> None:
        if not waiter.done():
            waiter.set_result(None)

    timer = loop.call_later(seconds, wake)
    task.add_done_callback(wake)
    try:
        await waiter
    finally:
        timer.cancel()
        task.remove_done_callback(wake)


def _release_later(task: asyncio.Task[Any], hold: AbstractContextManager[None]) -> None:
    def done(finished: asyncio.Task[Any]) -> None:
        hold.__exit__(None, None, None)
        if not finished.cancelled():
            finished.exception()  # nobody waits for it any more

    task.add_done_callback(done)
