"""Where metric values are kept: the schema, named SQL, rows to values and back. Decides nothing.

A write is one row of `metric_write` without any index, because it is on the way of every invocation; a rollup soon
merges writes into one row per metric and minute (`metric_summary`). A series is a namespace with a set of dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS metric_write (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  namespace TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  at INTEGER NOT NULL,
  data TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS metric_series (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  namespace TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  name TEXT NOT NULL,
  last_at INTEGER NOT NULL,
  UNIQUE (account, region, namespace, name, dimensions)
);
CREATE TABLE IF NOT EXISTS metric_summary (
  series INTEGER NOT NULL,
  unit TEXT NOT NULL,
  at INTEGER NOT NULL,
  fine INTEGER NOT NULL,
  summary TEXT NOT NULL,
  PRIMARY KEY (series, unit, at)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS metric_summary_age ON metric_summary (at);
CREATE INDEX IF NOT EXISTS metric_summary_fine ON metric_summary (at) WHERE fine = 1;
"""

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Write(NamedTuple):
    """One call of a writer: entries of several metrics of one series at one time."""

    scope: Scope
    namespace: str
    dimensions: str
    at: int
    entries: list[list[Any]]


class Metric(NamedTuple):
    """One metric: a name in a namespace with a set of dimensions; `id` is 0 while only writes know it."""

    id: int
    namespace: str
    name: str
    dimensions: str
    last_at: int


def dimensions_key(dimensions: Mapping[str, str]) -> str:
    """A set of dimensions as text, the same for every order."""
    return _encode(sorted(dimensions.items()))


def dimensions_of(key: str) -> dict[str, str]:
    """Back from `dimensions_key`."""
    return dict(json.loads(key))


# ── writes that no rollup has merged yet ────────────────────────────────────────────────────────


def add_write(tx: Transaction, scope: Scope, namespace: str, dimensions: str, at: int, entries: list[list[Any]]) -> int:
    """Append one write and return its id."""
    cursor = tx.execute(
        "INSERT INTO metric_write (account, region, namespace, dimensions, at, data) VALUES (?, ?, ?, ?, ?, ?)",
        (scope.account, scope.region, namespace, dimensions, at, _encode(entries)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def writes(
    tx: Transaction, scope: Scope, namespace: str | None = None, dimensions: str | None = None
) -> Iterator[Write]:
    """Writes of an account; there are only as many as one rollup takes."""
    cursor = tx.execute(
        "SELECT namespace, dimensions, at, data FROM metric_write WHERE account = ? AND region = ?"
        " AND (?3 IS NULL OR namespace = ?3) AND (?4 IS NULL OR dimensions = ?4) ORDER BY id",
        (scope.account, scope.region, namespace, dimensions),
    )
    while (row := cursor.fetchone()) is not None:
        yield Write(scope, row[0], row[1], row[2], json.loads(row[3]))


def take_writes(tx: Transaction, limit: int) -> list[Write]:
    """Take out up to `limit` writes, oldest first."""
    rows = tx.execute(
        "SELECT id, account, region, namespace, dimensions, at, data FROM metric_write ORDER BY id LIMIT ?", (limit,)
    ).fetchall()
    if rows:
        tx.execute("DELETE FROM metric_write WHERE id <= ?", (rows[-1][0],))
    read: dict[str, list[list[Any]]] = {}  # services write the same values under several sets of dimensions
    for row in rows:
        if row[6] not in read:
            read[row[6]] = json.loads(row[6])
    return [Write(Scope(row[1], row[2]), row[3], row[4], row[5], read[row[6]]) for row in rows]


# ── metrics and their summaries ─────────────────────────────────────────────────────────────────


def note_metric(tx: Transaction, scope: Scope, namespace: str, name: str, dimensions: str, at: int) -> int:
    """Make sure a metric is known, with its latest time; return its id."""
    return tx.execute(
        "INSERT INTO metric_series (account, region, namespace, name, dimensions, last_at) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, region, namespace, name, dimensions)"
        " DO UPDATE SET last_at = max(last_at, excluded.last_at) RETURNING id",
        (scope.account, scope.region, namespace, name, dimensions, at),
    ).fetchall()[0][0]


def find_metric(tx: Transaction, scope: Scope, namespace: str, name: str, dimensions: str) -> int | None:
    """The id of a metric that has summaries."""
    row = tx.execute(
        "SELECT id FROM metric_series"
        " WHERE account = ? AND region = ? AND namespace = ? AND name = ? AND dimensions = ?",
        (scope.account, scope.region, namespace, name, dimensions),
    ).fetchone()
    return row[0] if row else None


def metrics(tx: Transaction, scope: Scope, namespace: str | None) -> Iterator[Metric]:
    """Metrics that have summaries, by namespace, name and dimensions."""
    cursor = tx.execute(
        "SELECT id, namespace, name, dimensions, last_at FROM metric_series WHERE account = ? AND region = ?"
        " AND (?3 IS NULL OR namespace = ?3) ORDER BY namespace, name, dimensions",
        (scope.account, scope.region, namespace),
    )
    while (row := cursor.fetchone()) is not None:
        yield Metric(*row)


def summaries(tx: Transaction, metric: int, since: int, until: int) -> Iterator[tuple[str, int, list[Any]]]:
    """(unit, time, summary) of a metric in `[since, until)`."""
    cursor = tx.execute(
        "SELECT unit, at, summary FROM metric_summary WHERE series = ? AND at >= ? AND at < ?", (metric, since, until)
    )
    while (row := cursor.fetchone()) is not None:
        yield row[0], row[1], json.loads(row[2])


def get_summary(tx: Transaction, metric: int, unit: str, at: int) -> list[Any] | None:
    """One summary."""
    row = tx.execute(
        "SELECT summary FROM metric_summary WHERE series = ? AND unit = ? AND at = ?", (metric, unit, at)
    ).fetchone()
    return json.loads(row[0]) if row else None


def put_summary(tx: Transaction, metric: int, unit: str, at: int, summary: list[Any]) -> None:
    """Insert or replace one summary."""
    tx.execute(
        "INSERT OR REPLACE INTO metric_summary (series, unit, at, fine, summary) VALUES (?, ?, ?, ?, ?)",
        (metric, unit, at, int(at % 60 != 0), _encode(summary)),
    )


def take_fine(tx: Transaction, before: int, limit: int) -> list[tuple[int, str, int, list[Any]]]:
    """Take out summaries finer than a minute that are older than `before`: (metric, unit, time, summary)."""
    rows = tx.execute(
        "SELECT series, unit, at, summary FROM metric_summary WHERE fine = 1 AND at < ? LIMIT ?", (before, limit)
    ).fetchall()
    for row in rows:
        tx.execute("DELETE FROM metric_summary WHERE series = ? AND unit = ? AND at = ?", row[:3])
    return [(row[0], row[1], row[2], json.loads(row[3])) for row in rows]


def forget_before(tx: Transaction, before: int) -> None:
    """Delete what is older than CloudWatch keeps values."""
    tx.execute("DELETE FROM metric_summary WHERE at < ?", (before,))
    tx.execute("DELETE FROM metric_series WHERE last_at < ?", (before,))
