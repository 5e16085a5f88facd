"""Where metric values are kept: the schema, named SQL, rows to values and back. Decides nothing.

A write is one row of `metric_write` without any index, because it is on the way of every invocation; a rollup soon
merges writes into one row per metric and minute (`metric_summary`). A series is a namespace with a set of dimensions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudwatch.alarms import Alarm

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


_BETWEEN = "\n"
"""Between sets of dimensions in one row; JSON text has no such character."""


def dimensions_key(dimensions: Mapping[str, str]) -> str:
    """A set of dimensions as text, the same for every order."""
    return _encode(sorted(dimensions.items()))


def dimensions_of(key: str) -> dict[str, str]:
    """Back from `dimensions_key`."""
    return dict(json.loads(key))


# ── writes that no rollup has merged yet ────────────────────────────────────────────────────────


def add_write(
    tx: Transaction, scope: Scope, namespace: str, dimension_sets: Sequence[str], at: int, entries: list[list[Any]]
) -> int:
    """Append one write, the same for each set of dimensions, and return its id."""
    cursor = tx.execute(
        "INSERT INTO metric_write (account, region, namespace, dimensions, at, data) VALUES (?, ?, ?, ?, ?, ?)",
        (scope.account, scope.region, namespace, _BETWEEN.join(dimension_sets), at, _encode(entries)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def writes(
    tx: Transaction, scope: Scope, namespace: str | None = None, dimensions: str | None = None
) -> Iterator[Write]:
    """Writes of an account, one for each set of dimensions; there are only as many as one rollup takes."""
    cursor = tx.execute(
        "SELECT namespace, dimensions, at, data FROM metric_write WHERE account = ? AND region = ?"
        " AND (?3 IS NULL OR namespace = ?3) AND (?4 IS NULL OR instr(dimensions, ?4) > 0) ORDER BY id",
        (scope.account, scope.region, namespace, dimensions),
    )
    while (row := cursor.fetchone()) is not None:
        entries = json.loads(row[3])
        for key in row[1].split(_BETWEEN):
            if dimensions is None or key == dimensions:
                yield Write(scope, row[0], key, row[2], entries)


def take_writes(tx: Transaction, limit: int) -> tuple[list[Write], bool]:
    """Take out the writes of up to `limit` rows, oldest first; whether there may be more."""
    rows = tx.execute(
        "SELECT id, account, region, namespace, dimensions, at, data FROM metric_write ORDER BY id LIMIT ?", (limit,)
    ).fetchall()
    if rows:
        tx.execute("DELETE FROM metric_write WHERE id <= ?", (rows[-1][0],))
    taken: list[Write] = []
    for _, account, region, namespace, keys, at, data in rows:
        entries, scope = json.loads(data), Scope(account, region)
        taken += [Write(scope, namespace, key, at, entries) for key in keys.split(_BETWEEN)]
    return taken, len(rows) == limit


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


# ── alarms ──────────────────────────────────────────────────────────────────────────────────────

ALARM_SCHEMA = """
CREATE TABLE IF NOT EXISTS metric_alarm (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  settings TEXT NOT NULL,
  configured_at REAL NOT NULL,
  state TEXT NOT NULL,
  reason TEXT NOT NULL,
  reason_data TEXT,
  changed_at REAL NOT NULL,
  actions_enabled INTEGER NOT NULL,
  tags TEXT NOT NULL,
  evaluated_next REAL,
  PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metric_alarm_watch (
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  namespace TEXT NOT NULL,
  dimensions TEXT NOT NULL,
  alarm TEXT NOT NULL,
  PRIMARY KEY (account, region, namespace, dimensions, alarm)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS metric_alarm_history (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  alarm TEXT NOT NULL,
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  summary TEXT NOT NULL,
  data TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS metric_alarm_history_of ON metric_alarm_history (account, region, alarm, at);
"""

_ALARM = "name, settings, configured_at, state, reason, reason_data, changed_at, actions_enabled, tags"


def put_alarm(tx: Transaction, alarm: Alarm, watched: set[tuple[str, str]]) -> None:
    """Insert or replace an alarm and what it watches, (namespace, dimensions)."""
    scope = alarm.scope
    values = (
        alarm.name,
        json.dumps(alarm.settings),
        alarm.configured_at,
        alarm.state,
        alarm.reason,
        alarm.reason_data,
        alarm.changed_at,
        int(alarm.actions_enabled),
        json.dumps(alarm.tags or {}),
    )
    tx.execute(
        f"INSERT INTO metric_alarm (account, region, {_ALARM}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (account, region, name) DO UPDATE SET settings = excluded.settings,"
        " configured_at = excluded.configured_at, state = excluded.state, reason = excluded.reason,"
        " reason_data = excluded.reason_data, changed_at = excluded.changed_at,"
        " actions_enabled = excluded.actions_enabled, tags = excluded.tags",
        (scope.account, scope.region, *values),
    )
    _forget_watches(tx, scope, alarm.name)
    for namespace, dimensions in sorted(watched):
        tx.execute(
            "INSERT INTO metric_alarm_watch (account, region, namespace, dimensions, alarm) VALUES (?, ?, ?, ?, ?)",
            (scope.account, scope.region, namespace, dimensions, alarm.name),
        )


def get_alarm(tx: Transaction, scope: Scope, name: str) -> Alarm | None:
    """An alarm by name."""
    row = tx.execute(
        f"SELECT {_ALARM} FROM metric_alarm WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _alarm(scope, row) if row else None


def alarms(tx: Transaction, scope: Scope) -> Iterator[Alarm]:
    """Alarms of an account by name."""
    cursor = tx.execute(
        f"SELECT {_ALARM} FROM metric_alarm WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    )
    while (row := cursor.fetchone()) is not None:
        yield _alarm(scope, row)


def delete_alarm(tx: Transaction, scope: Scope, name: str) -> bool:
    """Delete an alarm; its history stays, as on AWS. False if there was none."""
    _forget_watches(tx, scope, name)
    return (
        tx.execute(
            "DELETE FROM metric_alarm WHERE account = ? AND region = ? AND name = ?",
            (scope.account, scope.region, name),
        ).rowcount
        > 0
    )


def anything_watched(tx: Transaction, scope: Scope) -> bool:
    """Whether any alarm of the account watches anything."""
    return bool(
        tx.execute(
            "SELECT 1 FROM metric_alarm_watch WHERE account = ? AND region = ? LIMIT 1", (scope.account, scope.region)
        ).fetchall()
    )


def resting_alarms(tx: Transaction, scope: Scope, namespace: str, dimensions: str, calm: bool) -> list[str]:
    """Names of alarms that watch these dimensions and have no evaluation to come, or (`calm`) only a calm one."""
    rows = tx.execute(
        "SELECT w.alarm FROM metric_alarm_watch w JOIN metric_alarm a"
        " ON a.account = w.account AND a.region = w.region AND a.name = w.alarm"
        f" AND (a.evaluated_next IS NULL{' OR a.evaluated_next < 0' if calm else ''})"
        " WHERE w.account = ? AND w.region = ? AND w.namespace = ? AND w.dimensions = ?",
        (scope.account, scope.region, namespace, dimensions),
    ).fetchall()
    return [row[0] for row in rows]


def next_evaluation(tx: Transaction, scope: Scope, name: str) -> float | None:
    """When an alarm is evaluated next, if a job for it waits; negative if settling does not wait for that."""
    row = tx.execute(
        "SELECT evaluated_next FROM metric_alarm WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return row[0] if row else None


def note_evaluation(tx: Transaction, scope: Scope, name: str, at: float | None) -> None:
    """Remember when the alarm's job is due; None once it has none."""
    tx.execute(
        "UPDATE metric_alarm SET evaluated_next = ? WHERE account = ? AND region = ? AND name = ?",
        (at, scope.account, scope.region, name),
    )


def add_history(tx: Transaction, scope: Scope, name: str, at: float, kind: str, summary: str, data: object) -> None:
    """Append to an alarm's history."""
    tx.execute(
        "INSERT INTO metric_alarm_history (account, region, alarm, at, kind, summary, data)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (scope.account, scope.region, name, at, kind, summary, _encode(data)),
    )


def history(tx: Transaction, scope: Scope, name: str | None) -> list[tuple[int, str, float, str, str, str]]:
    """(id, alarm, time, kind, summary, data) of one alarm's history or of all, oldest first."""
    return tx.execute(
        "SELECT id, alarm, at, kind, summary, data FROM metric_alarm_history"
        " WHERE account = ? AND region = ? AND (?3 IS NULL OR alarm = ?3) ORDER BY id",
        (scope.account, scope.region, name),
    ).fetchall()


def _forget_watches(tx: Transaction, scope: Scope, name: str) -> None:
    tx.execute(
        "DELETE FROM metric_alarm_watch WHERE account = ? AND region = ? AND alarm = ?",
        (scope.account, scope.region, name),
    )


def _alarm(scope: Scope, row: Any) -> Alarm:
    return Alarm(
        scope, row[0], json.loads(row[1]), row[2], row[3], row[4], row[5], row[6], bool(row[7]), json.loads(row[8])
    )
