"""The only loop: starts due jobs, and moves frozen time when nobody is at work.

Decides what runs now, how many of a kind at once, and whose turn it is: the owners of a kind's jobs take turns, and
one of whose jobs none runs need not wait for the others'. Knows nothing of what a job means. On one host a claim is a
membership in `_Lane.claimed`: after a crash every unfinished job is simply due. Only ids are read ahead, so that
memory holds what runs and not what waits.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any, Protocol

from emulator import jobs
from emulator.aws.service import JobKind
from emulator.jobs import Job
from emulator.ports import Clock, Store, Transaction

log = logging.getLogger("emulator.worker")

READ_AHEAD = 32
"""Ids of due jobs read at a time for each owner."""
REPAIR_SECONDS = 1.0
"""Host seconds before the worker asks a store again that did not answer."""
LONGEST_REPAIR_SECONDS = 60.0
GLANCE_SECONDS = 0.004
MOST_GLANCES = 4
"""Requests that pour in hold up the start of jobs by so many glances of host time, 16 ms, at most."""
POURING = 4
POURING_PER_SECOND = 1000
"""Requests between two looks that are a burst."""
NEVER = float("inf")


class MovableClock(Protocol):
    """What the worker asks of a clock beyond the port: only the worker moves time."""

    @property
    def mode(self) -> str: ...
    def jump(self, until: float) -> None: ...
    def next_sleeper(self) -> float | None: ...
    async def quiet(self) -> None: ...


class _Turn:
    """The due jobs of one owner that were read ahead."""

    __slots__ = ("claimed", "owner", "ready", "running", "unread")

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.ready: deque[int] = deque()
        self.claimed: set[int] = set()
        """Jobs that are ready, running or under repair: not to be read again."""
        self.running = 0
        self.unread = False
        """There may be more due jobs than were read."""

    def read(self, tx: Transaction, kind: str, now: float) -> None:
        """Read the ids of due jobs that are not claimed."""
        wanted = READ_AHEAD + len(self.claimed)
        found = jobs.due(tx, kind, self.owner, now, wanted)
        self.unread = len(found) == wanted
        fresh = [job_id for job_id in found if job_id not in self.claimed]
        self.claimed.update(fresh)
        self.ready.extend(fresh)


class _Lane:
    """The jobs of one kind: whose turn it is, and when the next falls due that nobody has read."""

    def __init__(self, name: str, kind: JobKind) -> None:
        self.name = name
        self.kind = kind
        self.running = 0
        self.next_due = 0.0
        """Nothing unread is due before."""
        self.ended: list[tuple[_Turn, int]] = []
        """Jobs whose handler has returned."""
        self._turns: dict[str, _Turn] = {}
        self._order: deque[_Turn] = deque()
        """Owners with something ready, whose turn it is first."""

    def start(self, tx: Transaction, now: float) -> list[tuple[_Turn, Job]]:
        """All jobs that may start now."""
        for turn, job_id in self.ended:
            self.release(turn, job_id)
            again = jobs.due_at(tx, job_id)  # its handler may have given it a new due time, even now
            if again is not None:
                self.next_due = min(self.next_due, again)
        self.ended.clear()
        if self.next_due <= now:
            self._read(tx, now)
        taken: list[tuple[_Turn, Job]] = []
        while self._order:
            following = self._take(tx, now)
            if following is None:
                break
            taken.append(following)
        return taken

    def idle(self, now: float) -> bool:
        """Whether `start` would do nothing."""
        return self.next_due > now and not self._order and not self.ended

    def _read(self, tx: Transaction, now: float) -> None:
        """Look for due jobs of every owner."""
        owner = jobs.next_owner(tx, self.name, None)
        while owner is not None:
            turn = self._turns.get(owner)
            if turn is None:
                turn = self._turns[owner] = _Turn(owner)
            if turn.ready:
                turn.unread = True
            else:
                turn.read(tx, self.name, now)
                if turn.ready:
                    self._order.append(turn)
                elif not turn.claimed:
                    del self._turns[owner]
            owner = jobs.next_owner(tx, self.name, owner)
        following = jobs.next_due(tx, self.name, now)
        self.next_due = NEVER if following is None else following

    def _take(self, tx: Transaction, now: float) -> tuple[_Turn, Job] | None:
        """The next job that may start, or None."""
        limit = self.kind.limit()
        while self._order and self.running < 2 * limit:
            turn = self._next_turn(limit)
            if turn is None:
                return None
            job_id = turn.ready.popleft()
            if not turn.ready and turn.unread:
                turn.read(tx, self.name, now)
            if turn.ready:
                self._order.append(turn)
            job = jobs.load(tx, job_id)
            if job is None:  # cancelled since it was read
                self.release(turn, job_id)
            elif job.due_at > now:  # moved since it was read
                self.release(turn, job_id)
                self.next_due = min(self.next_due, job.due_at)
            else:
                turn.running += 1
                self.running += 1
                return turn, job
        return None

    def _next_turn(self, limit: int) -> _Turn | None:
        """Whose turn it is. With every place taken, only an owner who has none gets one more."""
        if self.running < limit:
            return self._order.popleft()
        for turn in self._order:
            if turn.owner and turn.running == 0:
                self._order.remove(turn)
                return turn
        return None

    def release(self, turn: _Turn, job_id: int) -> None:
        """Let the job be read again, if it is still there."""
        turn.claimed.discard(job_id)
        if not turn.claimed:
            self._turns.pop(turn.owner, None)

    def forget(self) -> None:
        """Drop what was read ahead."""
        self._order.clear()
        for turn in list(self._turns.values()):
            turn.claimed.difference_update(turn.ready)
            turn.ready.clear()
            if not turn.claimed:
                del self._turns[turn.owner]
        self.next_due = 0.0


class Burst:
    """Whether requests pour in, from how many there have been (`requests`) at each look."""

    def __init__(self, requests: Callable[[], int]) -> None:
        self._requests = requests
        self._seen, self._looked_at = 0, 0.0

    def goes_on(self, now: float) -> bool:
        """Whether they have come in fast since the last look; `now` is host time."""
        before, since = self._seen, self._looked_at
        self._seen, self._looked_at = self._requests(), now
        fresh = self._seen - before
        return fresh >= POURING and fresh > POURING_PER_SECOND * (now - since)


class Worker:
    """Runs jobs as they fall due. `run` serves for ever; `advance_to` and `settle` move frozen time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        movable: MovableClock,
        kinds: Mapping[str, JobKind],
        requests: Callable[[], int] = lambda: 0,
    ) -> None:
        self._store = store
        self._burst = Burst(requests)
        self._clock = clock
        self._movable = movable
        self._lanes = {name: _Lane(name, kind) for name, kind in kinds.items()}
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tasks_by_job: dict[int, asyncio.Task[None]] = {}
        self._starting = asyncio.Lock()
        self._moving = asyncio.Lock()
        self._failures: dict[int, int] = {}
        self.failures: list[str] = []
        """Jobs whose handler raised: our mistakes, for tests to find."""
        store.on_wake(self._wake)

    def _wake(self, due: Mapping[str, float]) -> None:
        for kind, due_at in due.items():
            lanes = [self._lanes[kind]] if kind in self._lanes else [] if kind else self._lanes.values()
            for lane in lanes:
                lane.next_due = min(lane.next_due, due_at)
        self._changed.set()

    async def run(self) -> None:
        """Start jobs as they fall due, until cancelled; then end those that run (they are due again at restart)."""
        try:
            while True:
                self._changed.clear()
                try:
                    await self._start_due()
                    await self._until_something_is_due()
                    await self._let_callers_go_first()
                except Exception:  # the store does not answer (a full disk, say): what is due stays due
                    log.exception("the worker cannot read its jobs; it tries again in %g s", REPAIR_SECONDS)
                    await asyncio.sleep(REPAIR_SECONDS)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _let_callers_go_first(self) -> None:
        """While requests pour in, start what is due only now and then: their callers wait, jobs have no hurry.

        One loop serves both. Without this, what a burst of events has put on the queue runs while the burst goes on,
        and takes half of the time in which the rest of it could be accepted (docs/decisions/0010).
        """
        loop = asyncio.get_running_loop()
        for _ in range(MOST_GLANCES):
            if not self._burst.goes_on(loop.time()):
                return
            await asyncio.sleep(GLANCE_SECONDS)

    async def _until_something_is_due(self) -> None:
        if self._changed.is_set():
            return
        due_at = min((lane.next_due for lane in self._lanes.values()), default=NEVER)
        if due_at == NEVER or self._movable.mode == "frozen":  # frozen time moves in `advance_to` only
            await self._changed.wait()
            return
        waits: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._changed.wait()),
            asyncio.create_task(self._clock.sleep_until(due_at)),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def advance_to(self, until: float, settled: Callable[[Transaction], bool] | None = None) -> None:
        """Move frozen AWS time to `until` through every due time on the way, running what falls due.

        Time stands still while anything runs. With `settled` it ends where that is true and nobody sleeps.
        """
        async with self._moving:
            self.time_changed()
            while True:
                await self._run_due()
                sleeper = self._movable.next_sleeper()
                if settled is not None and sleeper is None and await self._store.read(settled):
                    break
                following = await self._following(sleeper)
                if following is None or following > until:
                    break
                self._movable.jump(following)
            if settled is None:
                self._movable.jump(until)

    async def advance_to_next(self, until: float, wanted: Callable[[], bool] | None = None) -> bool:
        """Move frozen AWS time to the next due time, run what is due then, and say whether there was one by `until`.

        What recurs for ever runs on the way and is passed over, unless nothing else waits. With `wanted` it is not, and
        nothing moves once that is false.
        """
        async with self._moving:
            self.time_changed()
            while True:
                await self._run_due()
                sleeper = self._movable.next_sleeper()
                following = await self._following(sleeper)
                if following is None or following > until or (wanted is not None and not wanted()):
                    return False
                looked_for = (
                    wanted is not None or following == sleeper or await self._store.read(self._is_next(following))
                )
                self._movable.jump(following)
                if looked_for:
                    await self._run_due()
                    return True

    async def _run_due(self) -> None:
        """Start what is due until nobody is at work and nothing more is due."""
        while True:
            await self._movable.quiet()
            if not (await self._start_due() or await self._corrected()):
                return

    async def _following(self, sleeper: float | None) -> float | None:
        """The next time at which anything is due: exactly, because time will jump there."""
        found = await self._store.read(self._next_due)
        times = [time for time in (*found.values(), sleeper) if time is not None]
        return min(times, default=None)

    def _next_once(self, tx: Transaction) -> float | None:
        """When the next job is due that does not recur for ever."""
        times = (time for name, time in self._next_due(tx).items() if not self._lanes[name].kind.recurring)
        return min((time for time in times if time is not None), default=None)

    def _is_next(self, due_at: float) -> Callable[[Transaction], bool]:
        """Whether that is what one looks for: a job that does not recur, or anything if there is none."""
        return lambda tx: self._next_once(tx) in (due_at, None)

    def time_changed(self) -> None:
        """Time was frozen or goes on: look anew for how long to wait."""
        self._changed.set()

    async def settle(self, until: float, settled: Callable[[Transaction], bool] | None = None) -> None:
        """Run every consequence of what has happened so far, however late it is due (not beyond `until`).

        `settled` tells whose consequences are meant; all, if nobody does. Schedules take part in time while anything
        else waits; they never end, so nobody waits for them.
        """
        await self.advance_to(until, settled or (lambda tx: self._next_once(tx) is None))

    def cancel(self, ended: Collection[int]) -> None:
        """End the handlers of jobs that have been deleted."""
        for job_id in ended:
            task = self._tasks_by_job.get(job_id)
            if task is not None:
                task.cancel()

    @property
    def recurring(self) -> frozenset[str]:
        """Kinds of jobs that go on for ever."""
        return frozenset(name for name, lane in self._lanes.items() if lane.kind.recurring)

    def forget(self) -> None:
        """Drop what was read ahead: the store was reset."""
        for lane in self._lanes.values():
            lane.forget()
        for task in self._tasks:
            task.cancel()

    def running(self) -> dict[str, int]:
        """How many jobs of each kind run now."""
        return {name: lane.running for name, lane in self._lanes.items()}

    def _next_due(self, tx: Transaction) -> dict[str, float | None]:
        return jobs.next_due_of(tx, self._lanes, self._clock.now())

    async def _corrected(self) -> bool:
        """Whether `run` sleeps for a job that was cancelled or moved; from now on it does not."""
        now, wrong = self._clock.now(), False
        for name, due_at in (await self._store.read(self._next_due)).items():
            lane, exact = self._lanes[name], NEVER if due_at is None else due_at
            if now < lane.next_due < exact:
                lane.next_due, wrong = exact, True
        if wrong:
            self._changed.set()
        return wrong

    async def _start_due(self) -> bool:
        async with self._starting:
            return await self._store.read(self._start_all, behind=True)

    def _start_all(self, tx: Transaction) -> bool:
        now, started = self._clock.now(), False
        for lane in self._lanes.values():
            if lane.idle(now):
                continue
            for turn, job in lane.start(tx, now):
                self._start(lane, turn, job)
                started = True
        return started

    def _start(self, lane: _Lane, turn: _Turn, job: Job) -> None:
        hold = self._clock.busy(f"{job.kind} job {job.id}")
        hold.__enter__()
        task = asyncio.create_task(lane.kind.handler(job), name=f"{job.kind}-{job.id}")
        self._tasks.add(task)
        self._tasks_by_job[job.id] = task

        def finished(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            self._tasks_by_job.pop(job.id, None)
            lane.running -= 1
            turn.running -= 1
            error = None if task.cancelled() else task.exception()
            if error is None:
                lane.ended.append((turn, job.id))
                self._failures.pop(job.id, None)
            else:
                self._repair(lane, turn, job, error)
            self._changed.set()
            hold.__exit__(None, None, None)

        task.add_done_callback(finished)

    def _repair(self, lane: _Lane, turn: _Turn, job: Job, error: BaseException) -> None:
        """A handler raised: our mistake or a full disk. Keep the job, say so, and try again in host time."""
        count = self._failures[job.id] = self._failures.get(job.id, 0) + 1
        self.failures.append(f"{job.kind} job {job.id}: {error!r}")
        log.error("%s job %d failed (%d times); it stays and is tried again", job.kind, job.id, count, exc_info=error)

        def release() -> None:
            lane.release(turn, job.id)
            lane.next_due = 0.0
            self._changed.set()

        asyncio.get_running_loop().call_later(min(2.0**count, LONGEST_REPAIR_SECONDS), release)
