"""The only loop: what runs when, and how far frozen time moves."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from emulator import jobs
from emulator.adapters.clock import LiveClock
from emulator.adapters.sqlite import SqliteStore
from emulator.aws.service import JobKind
from emulator.jobs import Job
from emulator.worker import Burst, Worker


class Bench:
    """A worker over a memory store with one job kind, and a diary of what ran when."""

    def __init__(self, limit: int = 4) -> None:
        self.clock = LiveClock(frozen=True, start_at=1000.0)
        self.store = SqliteStore(self.clock, None)
        self.store.add_schema(jobs.SCHEMA)
        self.diary: list[tuple[float, Any]] = []
        self.handler: Callable[[Job], Awaitable[None]] = self.write_down
        self.worker = Worker(self.store, self.clock, self.clock, {"note": JobKind(self._handle, lambda: limit)})

    async def _handle(self, job: Job) -> None:
        await self.handler(job)

    async def write_down(self, job: Job) -> None:
        self.diary.append((self.clock.now() - 1000, job.payload.get("n")))
        await self.store.transact(lambda tx: jobs.complete(tx, job.id))

    async def schedule(self, n: Any, after: float = 0.0) -> None:
        await self.store.transact(lambda tx: jobs.enqueue(tx, "note", {"n": n}, tx.now + after))


def test_advance_runs_what_falls_due_on_the_way_in_order_and_stops_at_the_time_asked_for() -> None:
    async def story() -> None:
        bench = Bench()
        for n, after in (("c", 90.0), ("a", 0.0), ("b", 60.0), ("late", 3600.0)):
            await bench.schedule(n, after)
        await bench.worker.advance_to(1100.0)
        assert bench.diary == [(0.0, "a"), (60.0, "b"), (90.0, "c")]
        assert bench.clock.now() == 1100.0

    asyncio.run(story())


def test_settle_follows_consequences_of_consequences_and_stops_at_the_last() -> None:
    async def story() -> None:
        bench = Bench()

        async def again(job: Job) -> None:
            bench.diary.append((bench.clock.now() - 1000, job.payload["n"]))
            left = job.payload["n"] - 1

            def change(tx: Any) -> None:
                jobs.complete(tx, job.id)
                if left:
                    jobs.enqueue(tx, "note", {"n": left}, tx.now + 86400)

            await bench.store.transact(change)

        bench.handler = again
        await bench.schedule(3)
        await bench.worker.settle(1e9)
        assert bench.diary == [(0.0, 3), (86400.0, 2), (172800.0, 1)]
        assert bench.clock.now() == 1000 + 172800

    asyncio.run(story())


def test_time_stands_still_while_a_job_works_and_moves_while_it_waits_for_time() -> None:
    async def story() -> None:
        bench = Bench()

        async def sleeper(job: Job) -> None:
            started = bench.clock.now()
            for _ in range(50):
                await asyncio.sleep(0)
            assert bench.clock.now() == started
            with bench.clock.parked():
                await bench.clock.sleep_until(1030.0)
            await bench.write_down(job)

        bench.handler = sleeper
        await bench.schedule("slept")
        await bench.schedule("at 10", 10.0)
        await bench.worker.advance_to(1040.0)
        assert sorted(bench.diary) == [(30.0, "at 10"), (30.0, "slept")]

    asyncio.run(story())


def test_never_more_jobs_run_than_the_limit() -> None:
    async def story() -> None:
        bench = Bench(limit=3)
        running, most = 0, 0

        async def counted(job: Job) -> None:
            nonlocal running, most
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            await bench.write_down(job)
            running -= 1

        bench.handler = counted
        for n in range(100):
            await bench.schedule(n)
        await bench.worker.settle(1e9)
        assert most == 3
        assert [n for _, n in bench.diary] == list(range(100))

    asyncio.run(story())


def test_a_job_whose_handler_raised_stays_and_is_reported() -> None:
    async def story() -> None:
        bench = Bench()

        async def broken(job: Job) -> None:
            raise RuntimeError("ours")

        bench.handler = broken
        await bench.schedule("kept")
        await bench.worker.settle(1e9)
        assert len(bench.worker.failures) == 1
        assert [job.payload["n"] for job in await bench.store.read(jobs.pending)] == ["kept"]

    asyncio.run(story())


def test_a_cancelled_job_does_not_run() -> None:
    async def story() -> None:
        bench = Bench()
        await bench.store.transact(lambda tx: jobs.enqueue(tx, "note", {"n": 1}, tx.now + 5, key="mine"))
        assert await bench.store.transact(lambda tx: jobs.cancel(tx, "mine")) == 1
        await bench.worker.settle(1e9)
        assert bench.diary == []

    asyncio.run(story())


async def turns(count: int = 50) -> None:
    """Let everything that can run do so."""
    for _ in range(count):
        await asyncio.sleep(0)


def test_the_owners_of_jobs_take_turns() -> None:
    async def story() -> None:
        bench = Bench(limit=2)
        names = [(owner, n) for owner in "ab" for n in range(99)]
        await bench.store.transact(
            lambda tx: [jobs.enqueue(tx, "note", {"n": f"{owner}{n}"}, owner=owner) for owner, n in names]
        )
        await bench.worker.settle(1e9)
        ran = [n for _, n in bench.diary]
        assert ran[:6] == ["a0", "b0", "a1", "b1", "a2", "b2"]
        assert len(ran) == 198 == len(set(ran))

    asyncio.run(story())


def test_an_owner_of_whose_jobs_none_runs_does_not_wait_for_the_others_to_end() -> None:
    async def story() -> None:
        bench = Bench(limit=2)
        ended = asyncio.Event()

        async def slow(job: Job) -> None:
            bench.diary.append((0, job.payload["n"]))
            await ended.wait()
            await bench.store.transact(lambda tx: jobs.complete(tx, job.id))

        bench.handler = slow
        await bench.store.transact(lambda tx: [jobs.enqueue(tx, "note", {"n": "a"}, owner="a") for _ in range(50)])
        serving = asyncio.create_task(bench.worker.run())
        await turns()
        await bench.store.transact(lambda tx: [jobs.enqueue(tx, "note", {"n": "b"}, owner="b") for _ in range(50)])
        await turns()
        assert [n for _, n in bench.diary] == ["a", "a", "b"]
        ended.set()
        await bench.worker.settle(1e9)
        assert len(bench.diary) == 100
        serving.cancel()

    asyncio.run(story())


def test_a_job_that_gives_itself_a_due_time_now_runs_again() -> None:
    async def story() -> None:
        bench = Bench()

        async def twice(job: Job) -> None:
            bench.diary.append((0, job.payload["n"]))
            if job.payload["n"] == "again":
                await bench.store.transact(lambda tx: jobs.complete(tx, job.id))
            else:
                await bench.store.transact(lambda tx: jobs.reschedule(tx, job.id, tx.now, {"n": "again"}))
                await turns(20)  # the worker looks while this handler still holds the job

        bench.handler = twice
        await bench.schedule("once")
        serving = asyncio.create_task(bench.worker.run())
        await turns()
        assert len(bench.diary) == 2
        serving.cancel()

    asyncio.run(story())


def test_jobs_that_come_while_others_are_read_ahead_are_not_forgotten() -> None:
    async def story() -> None:
        bench = Bench(limit=1)

        async def more(job: Job) -> None:
            n = job.payload["n"]

            def change(tx: Any) -> None:
                jobs.complete(tx, job.id)
                if n < 100:
                    jobs.enqueue(tx, "note", {"n": n + 100}, owner="a")

            bench.diary.append((0, n))
            await bench.store.transact(change)

        bench.handler = more
        await bench.store.transact(lambda tx: [jobs.enqueue(tx, "note", {"n": n}, owner="a") for n in range(50)])
        await bench.worker.settle(1e9)
        assert sorted(n for _, n in bench.diary) == [*range(50), *range(100, 150)]

    asyncio.run(story())


def test_a_burst_is_many_requests_since_the_last_look() -> None:
    seen = {"requests": 0}
    burst = Burst(lambda: seen["requests"])

    def after(requests: int, now: float) -> bool:
        seen["requests"] += requests
        return burst.goes_on(now)

    assert not after(0, 100.0)
    assert after(16, 100.004)
    assert not after(3, 100.005)  # fast, but only three
    assert not after(16, 100.105)  # many, but in a tenth of a second
    assert not after(0, 100.109)
