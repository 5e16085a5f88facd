"""History in rows of many events: every page is right wherever rows begin, and costs what it shows."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from emulator.adapters.sqlite import SqliteTransaction
from emulator.services.stepfunctions import store
from emulator.services.stepfunctions.asl.messages import Event
from emulator.services.stepfunctions.model import StoredExecution

EXECUTION = StoredExecution(7, "arn", "name", "000000000000", "us-east-1", "machine", "{}", "role", 0.0, "{}")


@pytest.fixture
def tx() -> SqliteTransaction:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(store.SCHEMA)
    return SqliteTransaction(database, 1)


def events(first: int, count: int, text: str = "x") -> list[Event]:
    return [Event(number, number - 1, "T", "m", {"name": text}) for number in range(first, first + count)]


def fill(tx: SqliteTransaction, *counts: int, text: str = "x") -> int:
    first = 1
    for count in counts:
        tx.now = float(first)
        store.add_events(tx, EXECUTION, events(first, count, text))
        first += count
    return first - 1


@pytest.mark.parametrize("size", [1, 3, 50, 64, 1000])
@pytest.mark.parametrize("reverse", [False, True])
def test_pages_of_any_size_show_every_event_once_and_in_order(tx: SqliteTransaction, size: int, reverse: bool) -> None:
    last = fill(tx, 1, 49, 50, 51, 1, 1, 120, 3)
    found: list[int] = []
    start = last if reverse else 1
    while 1 <= start <= last:
        page = store.list_events(tx, 7, start, size, reverse)
        assert len(page) == min(size, start if reverse else last - start + 1)
        found += [event[0] for event in page]
        start = found[-1] + (-1 if reverse else 1)
    assert found == (list(range(last, 0, -1)) if reverse else list(range(1, last + 1)))


def test_events_keep_their_times_links_and_details(tx: SqliteTransaction) -> None:
    fill(tx, 2, 3)
    assert store.list_events(tx, 7, 2, 2, False) == [(2, 1.0, "T", 1, "m", {"name": "x"}),
                                                     (3, 3.0, "T", 2, "m", {"name": "x"})]  # fmt: skip
    assert store.list_events(tx, 7, 2**62, 1, True)[0][0] == 5
    assert store.list_events(tx, 8, 1, 10, False) == []
    assert (store.last_event_id(tx, 7), store.last_event_id(tx, 8)) == (5, 0)


def test_large_events_are_few_in_a_row(tx: SqliteTransaction) -> None:
    last = fill(tx, 50, text="y" * 40_000)
    assert last == store.last_event_id(tx, 7) == 50
    longest = tx.execute("SELECT max(length(events)) FROM sfn_history").fetchone()[0]
    assert longest <= store.ROW_CHARACTERS
    assert [event[0] for event in store.list_events(tx, 7, 1, 100, False)] == list(range(1, 51))


@pytest.mark.parametrize("start", [1, 12_345, 24_900])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_page_of_a_long_history_reads_few_rows(tx: SqliteTransaction, start: int, reverse: bool) -> None:
    fill(tx, *[100] * 250)
    read = 0

    class Counting(SqliteTransaction):
        def execute(self, sql: str, parameters: Any = ()) -> Any:
            nonlocal read
            plan = super().execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()
            assert all("SEARCH" in step[3] and "USING PRIMARY KEY" in step[3] for step in plan), plan
            rows = super().execute(sql, parameters).fetchall()
            read += len(rows)
            return super().execute(sql, parameters)

    counting = Counting(tx._connection, 1)  # pyright: ignore[reportPrivateUsage]
    assert store.list_events(counting, 7, start, 100, reverse)
    assert read <= 20
