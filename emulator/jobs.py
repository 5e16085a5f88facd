"""Durable jobs: every wait is a row with a due time.

Decides how a job is kept, finished and moved; knows nothing of what a job means nor of who runs it.
Job ids are never reused. A job is due again after a crash until someone completes it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  kind TEXT NOT NULL,
  key TEXT,
  due_at REAL NOT NULL,
  payload TEXT NOT NULL,
  body BLOB
);
CREATE INDEX IF NOT EXISTS job_due ON job (kind, due_at, id);
CREATE INDEX IF NOT EXISTS job_key ON job (key) WHERE key IS NOT NULL;
"""


@dataclass(frozen=True, slots=True)
class Job:
    """Something to do at `due_at` (AWS epoch seconds)."""

    id: int
    kind: str
    key: str | None
    due_at: float
    payload: dict[str, Any]
    body: bytes


def enqueue(
    tx: Transaction,
    kind: str,
    payload: dict[str, Any],
    due_at: float | None = None,
    key: str | None = None,
    body: bytes | None = None,
) -> int:
    """Schedule a job (now, unless `due_at`) and return its id. `key` lets `cancel` find it; `body` is opaque."""
    due = tx.now if due_at is None else due_at
    cursor = tx.execute(
        "INSERT INTO job (kind, key, due_at, payload, body) VALUES (?, ?, ?, ?, ?)",
        (kind, key, due, json.dumps(payload, separators=(",", ":")), body),
    )
    tx.wake(due)
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def complete(tx: Transaction, job_id: int) -> bool:
    """Delete a job that is done; False if it was gone already (the effect must then not be repeated)."""
    return tx.execute("DELETE FROM job WHERE id = ?", (job_id,)).rowcount > 0


def reschedule(tx: Transaction, job_id: int, due_at: float, payload: dict[str, Any] | None = None) -> bool:
    """Move a job to `due_at`, with a new payload if given; False if it is gone."""
    if payload is None:
        cursor = tx.execute("UPDATE job SET due_at = ? WHERE id = ?", (due_at, job_id))
    else:
        text = json.dumps(payload, separators=(",", ":"))
        cursor = tx.execute("UPDATE job SET due_at = ?, payload = ? WHERE id = ?", (due_at, text, job_id))
    tx.wake(due_at)
    return cursor.rowcount > 0


def cancel(tx: Transaction, key: str) -> int:
    """Delete all jobs with this key and return how many there were."""
    return tx.execute("DELETE FROM job WHERE key = ?", (key,)).rowcount


def load(tx: Transaction, job_id: int) -> Job | None:
    """The job, if it still exists."""
    row = tx.execute("SELECT id, kind, key, due_at, payload, body FROM job WHERE id = ?", (job_id,)).fetchone()
    return _job(row) if row else None


def pending(tx: Transaction, kind: str | None = None, limit: int = 1000) -> list[Job]:
    """Jobs not yet done, earliest first."""
    where, parameters = ("WHERE kind = ?", [kind]) if kind else ("", [])
    rows = tx.execute(
        f"SELECT id, kind, key, due_at, payload, body FROM job {where} ORDER BY due_at, id LIMIT ?",
        [*parameters, limit],
    ).fetchall()
    return [_job(row) for row in rows]


def due(tx: Transaction, kind: str, now: float, limit: int) -> list[Job]:
    """Up to `limit` jobs of a kind that are due at `now`, earliest first."""
    rows = tx.execute(
        "SELECT id, kind, key, due_at, payload, body FROM job "
        "WHERE kind = ? AND due_at <= ? ORDER BY due_at, id LIMIT ?",
        (kind, now, limit),
    ).fetchall()
    return [_job(row) for row in rows]


def next_due(tx: Transaction, kind: str, after: float) -> float | None:
    """The earliest due time of a kind later than `after`."""
    row = tx.execute("SELECT min(due_at) FROM job WHERE kind = ? AND due_at > ?", (kind, after)).fetchone()
    return row[0]


def _job(row: tuple[Any, ...]) -> Job:
    return Job(row[0], row[1], row[2], row[3], json.loads(row[4]), row[5] or b"")
