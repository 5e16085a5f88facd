"""How far each lane of each mapping has read its shard, and what its poller must remember. Named SQL only."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.ports import Transaction
from emulator.services.lambda_.event_sources.streams.batches import Window
from emulator.services.lambda_.event_sources.streams.settings import NO_RECORDS
from emulator.services.lambda_.event_sources.streams.source import Position

SCHEMA = """
CREATE TABLE IF NOT EXISTS lambda_stream_reader (
  uuid TEXT PRIMARY KEY, poll_job INTEGER, poll_at REAL, woken INTEGER NOT NULL DEFAULT 0, last_result TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS lambda_stream_lane (
  uuid TEXT NOT NULL, shard TEXT NOT NULL, lane INTEGER NOT NULL,
  position_kind TEXT NOT NULL, position_value TEXT NOT NULL,
  batch TEXT, drained INTEGER NOT NULL DEFAULT 0, batch_window_ends_at REAL, tumbling TEXT,
  PRIMARY KEY (uuid, shard, lane)
);
"""

_COLUMNS = "uuid, shard, lane, position_kind, position_value, batch, drained, batch_window_ends_at, tumbling"


@dataclass(frozen=True, slots=True)
class Reader:
    """What is known of a mapping's reading as a whole."""

    uuid: str
    poll_job: int | None
    poll_at: float | None
    woken: int
    """Counts what may have changed: a poll that finds another number than it began with looks again."""
    last_result: str


@dataclass(frozen=True, slots=True)
class Lane:
    """A reader of one shard, or of its share of one."""

    uuid: str
    shard: str
    number: int
    position: Position
    batch: str | None = None
    """The id of the batch that a function is given; nothing is read meanwhile."""
    drained: bool = False
    """The shard is closed and all of it is read."""
    window_ends_at: float | None = None
    """When the batching window closes that its first record has opened."""
    tumbling: Window | None = None


def reader(tx: Transaction, uuid: str) -> Reader | None:
    """The reader of a mapping, if it reads a stream."""
    row = tx.execute(
        "SELECT uuid, poll_job, poll_at, woken, last_result FROM lambda_stream_reader WHERE uuid = ?", (uuid,)
    ).fetchone()
    return Reader(*row) if row else None


def add_reader(tx: Transaction, uuid: str) -> None:
    """A mapping reads a stream from now on."""
    tx.execute("INSERT INTO lambda_stream_reader (uuid, last_result) VALUES (?, ?)", (uuid, NO_RECORDS))


def remove_reader(tx: Transaction, uuid: str) -> None:
    """A mapping is gone."""
    tx.execute("DELETE FROM lambda_stream_reader WHERE uuid = ?", (uuid,))
    forget_lanes(tx, uuid)


def readers(tx: Transaction) -> list[str]:
    """The UUIDs of all mappings that read streams."""
    return [row[0] for row in tx.execute("SELECT uuid FROM lambda_stream_reader ORDER BY rowid").fetchall()]


def set_poll(tx: Transaction, uuid: str, job: int | None, at: float | None) -> None:
    """Remember which job looks next, and when."""
    tx.execute("UPDATE lambda_stream_reader SET poll_job = ?, poll_at = ? WHERE uuid = ?", (job, at, uuid))


def count_waking(tx: Transaction, uuid: str) -> None:
    """Something may have changed."""
    tx.execute("UPDATE lambda_stream_reader SET woken = woken + 1 WHERE uuid = ?", (uuid,))


def set_result(tx: Transaction, uuid: str, text: str) -> None:
    """What the mapping shows as its last result."""
    tx.execute("UPDATE lambda_stream_reader SET last_result = ? WHERE uuid = ?", (text, uuid))


def lanes(tx: Transaction, uuid: str) -> dict[tuple[str, int], Lane]:
    """The lanes of a mapping that have begun, by shard and number."""
    rows = tx.execute(f"SELECT {_COLUMNS} FROM lambda_stream_lane WHERE uuid = ?", (uuid,)).fetchall()
    return {(row[1], row[2]): _lane(row) for row in rows}


def lane(tx: Transaction, uuid: str, shard: str, number: int) -> Lane | None:
    """One lane, if it has begun."""
    row = tx.execute(
        f"SELECT {_COLUMNS} FROM lambda_stream_lane WHERE uuid = ? AND shard = ? AND lane = ?", (uuid, shard, number)
    ).fetchone()
    return _lane(row) if row else None


def save(tx: Transaction, one: Lane) -> None:
    """Keep where a lane stands."""
    window = one.tumbling
    kept = None if window is None else json.dumps([window.start, window.seconds, window.state, window.terminated])
    tx.execute(
        f"INSERT OR REPLACE INTO lambda_stream_lane ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (one.uuid, one.shard, one.number, *one.position, one.batch, one.drained, one.window_ends_at, kept),
    )


def forget_lanes(tx: Transaction, uuid: str) -> None:
    """Nothing has been read."""
    tx.execute("DELETE FROM lambda_stream_lane WHERE uuid = ?", (uuid,))


def forget_idle_lanes(tx: Transaction, uuid: str) -> None:
    """Nothing has been read but what functions are given now."""
    tx.execute("DELETE FROM lambda_stream_lane WHERE uuid = ? AND batch IS NULL", (uuid,))


def _lane(row: tuple[Any, ...]) -> Lane:
    window = None if row[8] is None else Window(*json.loads(row[8]))
    return Lane(row[0], row[1], row[2], Position(row[3], row[4]), row[5], bool(row[6]), row[7], window)
