"""The only loop: starts due jobs, and moves frozen time when nobody is at work.

Decides what runs now and how many of a kind at once. Knows nothing of what a job means. On one host a
claim is a membership in `_claimed`: after a crash every unfinished job is simply due.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from typing import Any, Protocol

from emulator import jobs
from emulator.aws.service import JobKind
from emulator.jobs import Job
from emulator.ports import Clock, Store

log = logging.getLogger("emulator.worker")

READ_AHEAD = 32
"""Jobs of a kind read beyond those that start at once: fewer queries, bounded memory."""
REPAIR_SECONDS = 1.0
"""Host seconds before the worker asks a store again that did not answer."""
LONGEST_REPAIR_SECONDS = 60.0


class MovableClock(Protocol):
    """What the worker asks of a clock beyond the port: only the worker moves time."""

    @property
    def mode(self) -> str: ...
    def jump(self, until: float) -> None: ...
    def next_sleeper(self) -> float | None: ...
    async def quiet(self) -> None: ...


class _Lane:
    """The jobs of one kind that are in memory."""

    def __init__(self, kind: JobKind) -> None:
        self.kind = kind
        self.ready: deque[Job] = deque()
        self.claimed: set[int] = set()
        self.running = 0


class Worker:
    """Runs jobs as they fall due. `run` serves for ever; `advance_to` and `settle` move frozen time."""

    def __init__(self, store: Store, clock: Clock, movable: MovableClock, kinds: Mapping[str, JobKind]) -> None:
        self._store = store
        self._clock = clock
        self._movable = movable
        self._lanes = {name: _Lane(kind) for name, kind in kinds.items()}
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._starting = asyncio.Lock()
        self._moving = asyncio.Lock()
        self._failures: dict[int, int] = {}
        self.failures: list[str] = []
        """Jobs whose handler raised: our mistakes, for tests to find."""
        store.on_wake(self._wake)

    def _wake(self, due_at: float) -> None:
        self._changed.set()

    async def run(self) -> None:
        """Start jobs as they fall due, until cancelled; then end those that run (they are due again at restart)."""
        try:
            while True:
                self._changed.clear()
                try:
                    await self._start_due()
                    await self._until_something_is_due()
                except Exception:  # the store does not answer (a full disk, say): what is due stays due
                    log.exception("the worker cannot read its jobs; it tries again in %g s", REPAIR_SECONDS)
                    await asyncio.sleep(REPAIR_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _until_something_is_due(self) -> None:
        due_at = await self._next_job()
        waits: list[asyncio.Task[Any]] = [asyncio.create_task(self._changed.wait())]
        if due_at is not None:
            waits.append(asyncio.create_task(self._clock.sleep_until(due_at)))
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def advance_to(self, until: float, stop_when_idle: bool = False) -> None:
        """Move frozen AWS time to `until` through every due time on the way, running what falls due.

        Time stands still while anything runs. With `stop_when_idle` it ends at the last thing that was due.
        """
        async with self._moving:
            while True:
                await self._movable.quiet()
                if await self._start_due():
                    continue
                times = [time for time in (await self._next_job(), self._movable.next_sleeper()) if time is not None]
                following = min(times, default=None)
                if following is None or following > until:
                    break
                self._movable.jump(following)
            if not stop_when_idle:
                self._movable.jump(until)

    async def settle(self, until: float) -> None:
        """Run every consequence of what has happened so far, however late it is due (not beyond `until`)."""
        await self.advance_to(until, stop_when_idle=True)

    def forget(self) -> None:
        """Drop what was read ahead: the store was reset."""
        for lane in self._lanes.values():
            for job in lane.ready:
                lane.claimed.discard(job.id)
            lane.ready.clear()
        for task in self._tasks:
            task.cancel()

    def running(self) -> dict[str, int]:
        """How many jobs of each kind run now."""
        return {name: lane.running for name, lane in self._lanes.items()}

    async def _next_job(self) -> float | None:
        now = self._clock.now()
        names = list(self._lanes)
        times = await self._store.read(lambda tx: [jobs.next_due(tx, name, now) for name in names])
        return min((time for time in times if time is not None), default=None)

    async def _start_due(self) -> bool:
        started = False
        async with self._starting:
            for name, lane in self._lanes.items():
                free = lane.kind.limit() - lane.running
                while free > 0:
                    if not lane.ready and not await self._read_ahead(name, lane, free):
                        break
                    self._start(lane, lane.ready.popleft())
                    started = True
                    free -= 1
        return started

    async def _read_ahead(self, name: str, lane: _Lane, free: int) -> bool:
        now = self._clock.now()
        wanted = max(free, READ_AHEAD) + len(lane.claimed)
        for job in await self._store.read(lambda tx: jobs.due(tx, name, now, wanted)):
            if job.id not in lane.claimed:
                lane.claimed.add(job.id)
                lane.ready.append(job)
        return bool(lane.ready)

    def _start(self, lane: _Lane, job: Job) -> None:
        lane.running += 1
        hold = self._clock.busy(f"{job.kind} job {job.id}")
        hold.__enter__()
        task = asyncio.create_task(lane.kind.handler(job), name=f"{job.kind}-{job.id}")
        self._tasks.add(task)

        def finished(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            lane.running -= 1
            error = None if task.cancelled() else task.exception()
            if error is None:
                lane.claimed.discard(job.id)
                self._failures.pop(job.id, None)
            else:
                self._repair(lane, job, error)
            self._changed.set()
            hold.__exit__(None, None, None)

        task.add_done_callback(finished)

    def _repair(self, lane: _Lane, job: Job, error: BaseException) -> None:
        """A handler raised: our mistake or a full disk. Keep the job, say so, and try again in host time."""
        count = self._failures[job.id] = self._failures.get(job.id, 0) + 1
        self.failures.append(f"{job.kind} job {job.id}: {error!r}")
        log.error("%s job %d failed (%d times); it stays and is tried again", job.kind, job.id, count, exc_info=error)

        def release() -> None:
            lane.claimed.discard(job.id)
            self._changed.set()

        asyncio.get_running_loop().call_later(min(2.0**count, LONGEST_REPAIR_SECONDS), release)
