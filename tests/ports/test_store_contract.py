"""What every Store promises, run on each adapter of the port."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from emulator import jobs
from emulator.adapters.clock import LiveClock
from emulator.adapters.sqlite import DataDirectoryInUse, SqliteStore, StoreUnavailable, UnknownSchema
from emulator.ports import Store, Transaction

MakeStore = Callable[[], Store]


@pytest.fixture(params=["memory", "file"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> MakeStore:
    directory = tmp_path if request.param == "file" else None

    def make() -> Store:
        store = SqliteStore(LiveClock(frozen=True, start_at=1000.0), directory)
        store.add_schema(jobs.SCHEMA + "CREATE TABLE IF NOT EXISTS note (text TEXT UNIQUE);")
        return store

    return make


def write(text: str) -> Callable[[Transaction], Any]:
    return lambda tx: tx.execute("INSERT INTO note VALUES (?)", (text,))


def notes(tx: Transaction) -> list[str]:
    return [text for (text,) in tx.execute("SELECT text FROM note ORDER BY text").fetchall()]


def test_a_change_returns_its_result_and_is_kept(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()
        assert await store.transact(lambda tx: (write("a")(tx), 7)[1]) == 7
        assert await store.read(notes) == ["a"]

    asyncio.run(story())


def test_a_change_that_raises_leaves_nothing_and_spares_its_neighbours(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()

        def fails(tx: Transaction) -> None:
            write("bad")(tx)
            jobs.enqueue(tx, "kind", {})
            raise LookupError("mine")

        woken: list[Mapping[str, float]] = []
        store.on_wake(woken.append)
        results = await asyncio.gather(
            store.transact(write("a")), store.transact(fails), store.transact(write("b")), return_exceptions=True
        )
        assert isinstance(results[1], LookupError)
        assert await store.read(notes) == ["a", "b"]
        assert woken == []

    asyncio.run(story())


def test_effects_in_memory_follow_the_commit_and_come_before_the_answer(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()
        seen: list[str] = []

        def change(name: str, failing: bool = False) -> Callable[[Transaction], None]:
            def run(tx: Transaction) -> None:
                write(name)(tx)
                tx.after_commit(lambda: seen.append(name))
                try:
                    with tx.nested():
                        tx.after_commit(lambda: seen.append(f"nested in {name}"))
                        raise LookupError("undone alone")
                except LookupError:
                    pass
                assert seen == []
                if failing:
                    raise LookupError("mine")

            return run

        async def asked() -> None:
            await store.transact(change("a"))
            seen.append("answer to a")

        await asyncio.gather(asked(), store.transact(change("b", failing=True)), return_exceptions=True)
        assert seen == ["a", "answer to a"]
        await store.transact(write("c"))
        assert seen == ["a", "answer to a"]

    asyncio.run(story())


def test_the_worker_hears_the_earliest_due_time_after_the_commit(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()
        woken: list[Mapping[str, float]] = []
        store.on_wake(woken.append)

        def schedule(tx: Transaction) -> None:
            jobs.enqueue(tx, "kind", {}, due_at=2000.0)
            jobs.enqueue(tx, "kind", {}, due_at=1500.0)
            jobs.enqueue(tx, "other", {}, due_at=1700.0)
            assert woken == []

        await store.transact(schedule)
        assert woken == [{"kind": 1500.0, "other": 1700.0}]

    asyncio.run(story())


def test_a_job_id_is_never_used_again(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()
        first = await store.transact(lambda tx: jobs.enqueue(tx, "kind", {}))
        assert await store.transact(lambda tx: jobs.complete(tx, first)) is True
        assert await store.transact(lambda tx: jobs.complete(tx, first)) is False
        await store.reset()
        assert await store.transact(lambda tx: jobs.enqueue(tx, "kind", {})) > first

    asyncio.run(story())


def test_reset_forgets_every_row(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()
        await store.transact(write("a"))
        await store.reset()
        assert await store.read(notes) == []

    asyncio.run(story())


def test_what_was_committed_is_there_after_the_process_was_killed(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, sys\n"
        "from pathlib import Path\n"
        "from emulator.adapters.clock import LiveClock\n"
        "from emulator.adapters.sqlite import SqliteStore\n"
        "async def main():\n"
        "    store = SqliteStore(LiveClock(), Path(sys.argv[1]))\n"
        "    store.add_schema('CREATE TABLE note (text TEXT);')\n"
        "    await store.transact(lambda tx: tx.execute(\"INSERT INTO note VALUES ('kept')\"))\n"
        "    os.kill(os.getpid(), 9)\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == -9

    async def story() -> None:
        store = SqliteStore(LiveClock(), tmp_path)
        assert await store.read(notes) == ["kept"]
        store.close()

    asyncio.run(story())


def test_a_second_emulator_on_the_same_data_is_refused_with_the_pid_of_the_first(tmp_path: Path) -> None:
    import os

    store = SqliteStore(LiveClock(), tmp_path)
    with pytest.raises(DataDirectoryInUse, match=f"pid {os.getpid()}"):
        SqliteStore(LiveClock(), tmp_path)
    store.close()
    SqliteStore(LiveClock(), tmp_path).close()


def test_data_of_an_unknown_schema_is_refused_by_name(tmp_path: Path) -> None:
    import sqlite3

    with sqlite3.connect(tmp_path / "emulator.db") as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(UnknownSchema, match="schema 99"):
        SqliteStore(LiveClock(), tmp_path)


def test_a_full_disk_fails_the_change_and_service_resumes_when_there_is_room(tmp_path: Path) -> None:
    async def story() -> None:
        store = SqliteStore(LiveClock(), tmp_path)
        store.add_schema("CREATE TABLE note (text TEXT);")
        pages = (await store.read(lambda tx: tx.execute("PRAGMA page_count").fetchone()))[0]
        await store.read(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages}"))
        with pytest.raises(StoreUnavailable, match="full"):
            await store.transact(write("x" * 1_000_000))
        await store.read(lambda tx: tx.execute("PRAGMA max_page_count = 1000000"))
        await store.transact(write("later"))
        assert await store.read(notes) == ["later"]
        store.close()

    asyncio.run(story())


def test_what_was_posted_is_there_for_whoever_reads_next_and_once_the_store_is_closed(tmp_path: Path) -> None:
    async def story() -> None:
        store = SqliteStore(LiveClock(frozen=True, start_at=1000.0), tmp_path)
        store.add_schema("CREATE TABLE IF NOT EXISTS note (text TEXT UNIQUE);")
        store.post(write("a"))
        assert await store.read(notes, behind=True) == []
        assert await store.read(notes) == ["a"]
        store.post(write("a"))  # fails, and is logged
        store.post(write("b"))
        await store.transact(write("c"))
        assert await store.read(notes, behind=True) == ["a", "b", "c"]
        store.post(write("d"))
        store.close()
        again = SqliteStore(LiveClock(frozen=True, start_at=1000.0), tmp_path)
        assert await again.read(notes) == ["a", "b", "c", "d"]
        again.close()

    asyncio.run(story())


def test_what_changes_gather_is_written_once_in_their_commit_without_that_of_undone_ones(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()
        calls: list[list[str]] = []

        def together(tx: Transaction, items: list[str]) -> None:
            calls.append(items)
            write("+".join(items))(tx)

        def undone(tx: Transaction) -> None:
            tx.gather(together, "undone")
            raise LookupError("mine")

        def partly(tx: Transaction) -> None:
            with pytest.raises(LookupError), tx.nested():
                undone(tx)
            tx.gather(together, "b")

        await asyncio.gather(
            store.transact(lambda tx: tx.gather(together, "a")),
            store.transact(undone),
            store.transact(partly),
            return_exceptions=True,
        )
        assert calls == [["a", "b"]]
        assert await store.read(notes) == ["a+b"]
        with pytest.raises(LookupError):
            await store.transact(undone)
        await store.transact(write("c"))
        assert calls == [["a", "b"]]

    asyncio.run(story())


def test_a_change_that_has_only_read_when_it_raises_spares_its_neighbours(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()

        def raises(tx: Transaction) -> None:
            raise LookupError("at once")

        def raises_in_a_part(tx: Transaction) -> None:
            with pytest.raises(LookupError), tx.nested():
                write("bad")(tx)
                raise LookupError("inside")
            write("good")(tx)

        results = await asyncio.gather(
            store.transact(write("a")),
            store.transact(raises),
            store.transact(raises_in_a_part),
            store.transact(lambda tx: tx.execute_many("INSERT INTO note VALUES (?)", [("b",), ("c",)])),
            store.transact(lambda tx: [*map(write("d"), [tx]), raises(tx)]),
            return_exceptions=True,
        )
        assert [isinstance(result, LookupError) for result in results] == [False, True, False, False, True]
        assert await store.read(notes) == ["a", "b", "c", "good"]

    asyncio.run(story())


def test_jobs_that_are_appended_are_due_after_their_commit_and_not_if_it_is_undone(make_store: MakeStore) -> None:
    async def story() -> None:
        store = make_store()
        woken: list[Mapping[str, float]] = []
        store.on_wake(woken.append)

        def undone(tx: Transaction) -> None:
            jobs.append(tx, "kind", {"n": 0}, b"", "owner")
            raise LookupError("mine")

        await asyncio.gather(
            store.transact(lambda tx: jobs.append(tx, "kind", {"n": 1}, b"one", "owner")),
            store.transact(undone),
            store.transact(lambda tx: jobs.append(tx, "kind", {"n": 2}, b"two", "owner")),
            return_exceptions=True,
        )
        found = await store.read(lambda tx: jobs.pending(tx, "kind"))
        assert [(job.payload["n"], job.body, job.due_at, job.owner) for job in found] == [
            (1, b"one", 1000.0, "owner"),
            (2, b"two", 1000.0, "owner"),
        ]
        assert woken == [{"kind": 1000.0}]

    asyncio.run(story())
