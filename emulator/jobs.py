"""Durable jobs: every wait is a row with a due time.

Decides how a job is kept, finished and moved; knows nothing of what a job means nor of who runs it.
Job ids are never reused. A job is due again after a crash until someone completes it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  owner TEXT NOT NULL,
  key TEXT,
  due_at REAL NOT NULL,
  payload TEXT NOT NULL,
  body BLOB
);
CREATE INDEX IF NOT EXISTS job_due ON job (kind, due_at);
CREATE INDEX IF NOT EXISTS job_turn ON job (kind, owner, due_at);
CREATE INDEX IF NOT EXISTS job_key ON job (key) WHERE key IS NOT NULL;
"""

_COLUMNS = "id, kind, key, due_at, payload, body, owner"
_encode = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do at `due_at` (AWS epoch seconds)."""

    id: int
    kind: str
    key: str | None
    due_at: float
    payload: dict[str, Any]
    body: bytes
    owner: str = ""


def enqueue(
    tx: Transaction,
    kind: str,
    payload: dict[str, Any],
    due_at: float | None = None,
    key: str | None = None,
    body: bytes | None = None,
    owner: str = "",
) -> int:
    """Schedule a job (now, unless `due_at`) and return its id.

    `key` lets `cancel` find it; `body` is opaque; jobs of one `owner` do not delay those of another.
    """
    due = tx.now if due_at is None else due_at
    cursor = tx.execute(
        "INSERT INTO job (kind, owner, key, due_at, payload, body) VALUES (?, ?, ?, ?, ?, ?)",
        (kind, owner, key, due, _encode(payload), body),
    )
    tx.wake(due, kind)
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def append(tx: Transaction, kind: str, payload: dict[str, Any], body: bytes, owner: str) -> None:
    """Schedule a job for now whose id nobody needs: `enqueue`, but the rows of one commit go in together.

    Sixteen connections that each send an event make commits of sixteen rows; one statement for all of them, and no
    savepoint for each, is a tenth of what an accept costs.
    """
    tx.gather(_insert, (kind, owner, tx.now, _encode(payload), body))
    tx.wake(tx.now, kind)


def _insert(tx: Transaction, rows: list[tuple[Any, ...]]) -> None:
    tx.execute_many("INSERT INTO job (kind, owner, due_at, payload, body) VALUES (?, ?, ?, ?, ?)", rows)


def complete(tx: Transaction, job_id: int) -> bool:
    """Delete a job that is done; False if it was gone already (the effect must then not be repeated)."""
    return tx.execute("DELETE FROM job WHERE id = ?", (job_id,)).rowcount > 0


def reschedule(
    tx: Transaction, job_id: int, due_at: float, payload: dict[str, Any] | None = None, kind: str = ""
) -> bool:
    """Move a job to `due_at`, with a new payload if given; False if it is gone. `kind` saves the worker a look."""
    if payload is None:
        cursor = tx.execute("UPDATE job SET due_at = ? WHERE id = ?", (due_at, job_id))
    else:
        text = _encode(payload)
        cursor = tx.execute("UPDATE job SET due_at = ?, payload = ? WHERE id = ?", (due_at, text, job_id))
    tx.wake(due_at, kind)
    return cursor.rowcount > 0


def cancel(tx: Transaction, key: str) -> int:
    """Delete all jobs with this key and return how many there were."""
    return tx.execute("DELETE FROM job WHERE key = ?", (key,)).rowcount


def hasten(tx: Transaction, key: str, kind: str) -> bool:
    """Have the jobs with this key run now, if they are due later; False if there are none."""
    cursor = tx.execute("UPDATE job SET due_at = min(due_at, ?) WHERE key = ?", (tx.now, key))
    if cursor.rowcount == 0:
        return False
    tx.wake(tx.now, kind)
    return True


def load(tx: Transaction, job_id: int) -> Job | None:
    """The job, if it still exists."""
    row = tx.execute(f"SELECT {_COLUMNS} FROM job WHERE id = ?", (job_id,)).fetchone()
    return _job(row) if row else None


def pending(tx: Transaction, kind: str | None = None, limit: int = 1000) -> list[Job]:
    """Jobs not yet done, earliest first."""
    where, parameters = ("WHERE kind = ?", [kind]) if kind else ("", [])
    rows = tx.execute(f"SELECT {_COLUMNS} FROM job {where} ORDER BY due_at, id LIMIT ?", [*parameters, limit])
    return [_job(row) for row in rows.fetchall()]


def count(tx: Transaction, kind: str) -> int:
    """How many jobs of a kind there are, due or not."""
    return tx.execute("SELECT count(*) FROM job WHERE kind = ?", (kind,)).fetchone()[0]


def count_by_kind(tx: Transaction) -> dict[str, int]:
    """How many jobs of each kind there are."""
    return dict(tx.execute("SELECT kind, count(*) FROM job GROUP BY kind").fetchall())


def next_owner(tx: Transaction, kind: str, after: str | None) -> str | None:
    """The first owner of jobs of a kind, or the first beyond `after`."""
    if after is None:
        row = tx.execute("SELECT min(owner) FROM job WHERE kind = ?", (kind,)).fetchone()
    else:
        row = tx.execute("SELECT min(owner) FROM job WHERE kind = ? AND owner > ?", (kind, after)).fetchone()
    return row[0]


def due(tx: Transaction, kind: str, owner: str, now: float, limit: int) -> list[int]:
    """Ids of up to `limit` jobs of a kind and owner that are due at `now`, earliest first."""
    rows = tx.execute(
        "SELECT id FROM job WHERE kind = ? AND owner = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?",
        (kind, owner, now, limit),
    ).fetchall()
    return [row[0] for row in rows]


def due_at(tx: Transaction, job_id: int) -> float | None:
    """When a job is due, if it still exists."""
    row = tx.execute("SELECT due_at FROM job WHERE id = ?", (job_id,)).fetchone()
    return row[0] if row else None


def next_due(tx: Transaction, kind: str, after: float) -> float | None:
    """The earliest due time of a kind later than `after`."""
    row = tx.execute("SELECT min(due_at) FROM job WHERE kind = ? AND due_at > ?", (kind, after)).fetchone()
    return row[0]


def next_due_of(tx: Transaction, kinds: Collection[str], after: float) -> dict[str, float | None]:
    """`next_due` of several kinds: one statement, and one look into the index for each."""
    if not kinds:
        return {}
    listed = ", ".join("(?)" for _ in kinds)
    earliest = "SELECT min(due_at) FROM job WHERE kind = wanted.name AND due_at > ?"
    found = tx.execute(f"WITH wanted(name) AS (VALUES {listed}) SELECT name, ({earliest}) FROM wanted", (*kinds, after))
    return {row[0]: row[1] for row in found.fetchall()}


def _job(row: tuple[Any, ...]) -> Job:
    return Job(row[0], row[1], row[2], row[3], json.loads(row[4]), row[5] or b"", row[6])
