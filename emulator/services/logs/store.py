"""Where log groups, streams and events are kept: the schema, named SQL, rows to model and back. Decides nothing.

Events are kept in batches, one row per write, because a write is on the way of every invocation.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from emulator.aws.arn import Arn
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.logs.model import LogGroup, LogStream

SCHEMA = """
CREATE TABLE IF NOT EXISTS log_group (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  region TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  retention_days INTEGER,
  kms_key_id TEXT,
  log_class TEXT NOT NULL,
  tags TEXT NOT NULL,
  protected INTEGER NOT NULL,
  UNIQUE (account, region, name)
);
CREATE TABLE IF NOT EXISTS log_stream (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  group_id INTEGER NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  first_event_at INTEGER,
  last_event_at INTEGER,
  last_ingested_at INTEGER,
  bytes INTEGER NOT NULL,
  watched INTEGER NOT NULL,
  UNIQUE (group_id, name)
);
CREATE TABLE IF NOT EXISTS log_batch (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  group_id INTEGER NOT NULL,
  stream_id INTEGER NOT NULL,
  first_at INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  ingested_at INTEGER NOT NULL,
  bytes INTEGER NOT NULL,
  events TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS log_batch_of_group ON log_batch (group_id, first_at, last_at);
CREATE INDEX IF NOT EXISTS log_batch_of_group_backward ON log_batch (group_id, last_at, first_at);
CREATE INDEX IF NOT EXISTS log_batch_forward ON log_batch (stream_id, first_at, last_at);
CREATE INDEX IF NOT EXISTS log_batch_backward ON log_batch (stream_id, last_at, first_at);
CREATE TABLE IF NOT EXISTS log_filter (
  group_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  pattern TEXT NOT NULL,
  settings TEXT NOT NULL,
  PRIMARY KEY (group_id, kind, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS log_destination (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  target TEXT NOT NULL, role TEXT NOT NULL, policy TEXT, created_at INTEGER NOT NULL, tags TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
) WITHOUT ROWID;
"""

_encode = json.JSONEncoder(separators=(",", ":")).encode

METRIC, SUBSCRIPTION = "metric", "subscription"


class Filter(NamedTuple):
    """A metric filter or a subscription filter; `settings` are its further members in boto3's shape."""

    name: str
    group_name: str
    created_at: int
    pattern: str
    settings: dict[str, Any]


class Destination(NamedTuple):
    """A name for a stream, for subscriptions of other accounts."""

    scope: Scope
    name: str
    target: str
    role: str
    policy: str | None
    created_at: int
    tags: dict[str, str]

    @property
    def arn(self) -> str:
        return str(Arn("logs", self.scope.region, self.scope.account, f"destination:{self.name}"))


class Owner(NamedTuple):
    """Whose events are read: a group's or a stream's."""

    column: str
    id: int


class Batch(NamedTuple):
    """One write to a stream: (time, message) pairs, times ascending."""

    id: int
    stream_id: int
    ingested_at: int
    events: list[tuple[int, str]]


# ── groups ──────────────────────────────────────────────────────────────────────────────────────

_GROUP = (
    "g.id, g.account, g.region, g.name, g.created_at, g.retention_days, g.kms_key_id, g.log_class, g.tags, g.protected,"
    " (SELECT coalesce(sum(s.bytes), 0) FROM log_stream s WHERE s.group_id = g.id),"
    " (SELECT count(*) FROM log_filter f WHERE f.group_id = g.id AND f.kind = 'metric')"
)


def add_group(tx: Transaction, group: LogGroup) -> int:
    """Insert a group and return its id."""
    cursor = tx.execute(
        "INSERT INTO log_group (account, region, name, created_at, retention_days, kms_key_id, log_class, tags,"
        " protected) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            group.scope.account,
            group.scope.region,
            group.name,
            group.created_at,
            group.retention_days,
            group.kms_key_id,
            group.log_class,
            json.dumps(group.tags),
            int(group.protected),
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def update_group(tx: Transaction, group: LogGroup) -> None:
    """Write back what may change of a group."""
    tx.execute(
        "UPDATE log_group SET retention_days = ?, kms_key_id = ?, tags = ?, protected = ? WHERE id = ?",
        (group.retention_days, group.kms_key_id, json.dumps(group.tags), int(group.protected), group.id),
    )


def get_group(tx: Transaction, scope: Scope, name: str) -> LogGroup | None:
    """A group by name."""
    row = tx.execute(
        f"SELECT {_GROUP} FROM log_group g WHERE g.account = ? AND g.region = ? AND g.name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _group(row) if row else None


def groups(tx: Transaction, scope: Scope, after: str, prefix: str = "") -> Iterator[LogGroup]:
    """Groups by name, those after `after`."""
    cursor = tx.execute(
        f"SELECT {_GROUP} FROM log_group g WHERE g.account = ? AND g.region = ? AND g.name > ? AND g.name >= ?"
        " ORDER BY g.name",
        (scope.account, scope.region, after, prefix),
    )
    while (row := cursor.fetchone()) is not None:
        if not row[3].startswith(prefix):
            return
        yield _group(row)


def group_by_id(tx: Transaction, group_id: int) -> LogGroup | None:
    """A group by its id, which is never reused."""
    row = tx.execute(f"SELECT {_GROUP} FROM log_group g WHERE g.id = ?", (group_id,)).fetchone()
    return _group(row) if row else None


def delete_group(tx: Transaction, group_id: int) -> None:
    """Delete a group with its streams, events and filters."""
    tx.execute("DELETE FROM log_batch WHERE group_id = ?", (group_id,))
    tx.execute("DELETE FROM log_stream WHERE group_id = ?", (group_id,))
    tx.execute("DELETE FROM log_filter WHERE group_id = ?", (group_id,))
    tx.execute("DELETE FROM log_group WHERE id = ?", (group_id,))


# ── streams ─────────────────────────────────────────────────────────────────────────────────────

_STREAM = "id, group_id, name, created_at, first_event_at, last_event_at, last_ingested_at"


def add_stream(tx: Transaction, group_id: int, name: str, created_at: int) -> int:
    """Insert a stream and return its id."""
    cursor = tx.execute(
        "INSERT INTO log_stream (group_id, name, created_at, bytes, watched)"
        " VALUES (?, ?, ?, 0, EXISTS (SELECT 1 FROM log_filter WHERE group_id = ?))",
        (group_id, name, created_at, group_id),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def get_stream(tx: Transaction, group_id: int, name: str) -> LogStream | None:
    """A stream of a group."""
    row = tx.execute(f"SELECT {_STREAM} FROM log_stream WHERE group_id = ? AND name = ?", (group_id, name)).fetchone()
    return LogStream(*row) if row else None


def streams(tx: Transaction, group_id: int, prefix: str, descending: bool, by_last_event: bool) -> Iterator[LogStream]:
    """Streams of a group in the order asked for; empty streams count as last written at 0."""
    direction = "DESC" if descending else "ASC"
    order = f"coalesce(last_event_at, 0) {direction}, name {direction}" if by_last_event else f"name {direction}"
    cursor = tx.execute(
        f"SELECT {_STREAM} FROM log_stream WHERE group_id = ? AND substr(name, 1, ?) = ? ORDER BY {order}",
        (group_id, len(prefix), prefix),
    )
    while (row := cursor.fetchone()) is not None:
        yield LogStream(*row)


def stream_name(tx: Transaction, stream_id: int) -> str:
    """The name of a stream that has events."""
    return tx.execute("SELECT name FROM log_stream WHERE id = ?", (stream_id,)).fetchone()[0]


def delete_stream(tx: Transaction, stream_id: int) -> None:
    """Delete a stream with its events."""
    tx.execute("DELETE FROM log_batch WHERE stream_id = ?", (stream_id,))
    tx.execute("DELETE FROM log_stream WHERE id = ?", (stream_id,))


def touch_stream(
    tx: Transaction, scope: Scope, group: str, stream: str, span: tuple[int, int], now: int, size: int
) -> tuple[int, int, int] | None:
    """Note a write on a stream: (stream id, group id, whether the group has filters), or None if it is not there."""
    rows = tx.execute(
        "UPDATE log_stream SET first_event_at = min(coalesce(first_event_at, ?1), ?1),"
        " last_event_at = max(coalesce(last_event_at, ?2), ?2), last_ingested_at = ?3, bytes = bytes + ?4"
        " WHERE group_id = (SELECT id FROM log_group WHERE account = ?5 AND region = ?6 AND name = ?7) AND name = ?8"
        " RETURNING id, group_id, watched",
        (span[0], span[1], now, size, scope.account, scope.region, group, stream),
    ).fetchall()
    return rows[0] if rows else None


# ── events ──────────────────────────────────────────────────────────────────────────────────────


def add_batch(
    tx: Transaction, group_id: int, stream_id: int, events: Sequence[tuple[int, str]], now: int, size: int
) -> int:
    """Append one write and return its id; times ascend and span a day at most."""
    cursor = tx.execute(
        "INSERT INTO log_batch (group_id, stream_id, first_at, last_at, ingested_at, bytes, events)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        (group_id, stream_id, events[0][0], events[-1][0], now, size, _encode(events)),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def batches_forward(tx: Transaction, owner: Owner, since: int, until: int, longest: int) -> Iterator[Batch]:
    """Batches that touch `[since, until)`, by their first event; none is longer than `longest` ms."""
    cursor = tx.execute(
        f"SELECT id, stream_id, ingested_at, events FROM log_batch WHERE {owner.column} = ?"
        " AND first_at >= ? AND first_at < ? AND last_at >= ? ORDER BY first_at, id",
        (owner.id, since - longest, until, since),
    )
    return _batches(cursor)


def batches_backward(tx: Transaction, owner: Owner, since: int, until: int, longest: int) -> Iterator[Batch]:
    """Batches that touch `[since, until)`, the one with the latest event first."""
    cursor = tx.execute(
        f"SELECT id, stream_id, ingested_at, events FROM log_batch WHERE {owner.column} = ?"
        " AND last_at >= ? AND last_at < ? AND first_at < ? ORDER BY last_at DESC, id DESC",
        (owner.id, since, until + longest, until),
    )
    return _batches(cursor)


def batches_after(tx: Transaction, group_id: int, after: int, since: int, limit: int) -> list[Batch]:
    """Up to `limit` batches of a group that arrived after batch `after` and reach into `since`, by arrival."""
    cursor = tx.execute(
        "SELECT id, stream_id, ingested_at, events FROM log_batch WHERE id > ? AND group_id = ? AND last_at >= ?"
        " ORDER BY id LIMIT ?",
        (after, group_id, since, limit),
    )
    return list(_batches(cursor))


def newest_batch(tx: Transaction) -> int:
    """The id of the latest batch of all; ids are never reused."""
    return tx.execute("SELECT coalesce(max(id), 0) FROM log_batch").fetchone()[0]


def has_expired(tx: Transaction, group_id: int, before: int) -> bool:
    """Whether a batch's every event is older than `before`."""
    row = tx.execute(
        "SELECT 1 FROM log_batch WHERE group_id = ? AND first_at < ? AND last_at < ? LIMIT 1",
        (group_id, before, before),
    ).fetchone()
    return row is not None


def expire(tx: Transaction, group_id: int, before: int, limit: int) -> int:
    """Delete up to `limit` batches whose every event is older than `before`; return how many."""
    rows = tx.execute(
        "DELETE FROM log_batch WHERE id IN (SELECT id FROM log_batch WHERE group_id = ? AND first_at < ?"
        " AND last_at < ? LIMIT ?) RETURNING stream_id, bytes",
        (group_id, before, before, limit),
    ).fetchall()
    freed: dict[int, int] = {}
    for stream_id, size in rows:
        freed[stream_id] = freed.get(stream_id, 0) + size
    for stream_id, size in freed.items():
        tx.execute("UPDATE log_stream SET bytes = bytes - ? WHERE id = ?", (size, stream_id))
    return len(rows)


# ── filters ─────────────────────────────────────────────────────────────────────────────────────


def put_filter(
    tx: Transaction, group_id: int, kind: str, name: str, created_at: int, pattern: str, settings: dict[str, Any]
) -> None:
    """Insert or replace a filter; its first creation time stays."""
    tx.execute(
        "INSERT INTO log_filter (group_id, kind, name, created_at, pattern, settings) VALUES (?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (group_id, kind, name) DO UPDATE SET pattern = excluded.pattern, settings = excluded.settings",
        (group_id, kind, name, created_at, pattern, json.dumps(settings)),
    )
    _note_watched(tx, group_id)


def delete_filter(tx: Transaction, group_id: int, kind: str, name: str) -> bool:
    """Delete a filter; False if there was none."""
    gone = tx.execute(
        "DELETE FROM log_filter WHERE group_id = ? AND kind = ? AND name = ?", (group_id, kind, name)
    ).rowcount
    _note_watched(tx, group_id)
    return gone > 0


def filters_of(tx: Transaction, group_id: int, kind: str) -> list[Filter]:
    """Filters of a group, by name."""
    rows = tx.execute(
        "SELECT f.name, g.name, f.created_at, f.pattern, f.settings FROM log_filter f JOIN log_group g"
        " ON g.id = f.group_id WHERE f.group_id = ? AND f.kind = ? ORDER BY f.name",
        (group_id, kind),
    ).fetchall()
    return [_filter(row) for row in rows]


def all_filters(tx: Transaction, scope: Scope, kind: str) -> list[Filter]:
    """Filters of every group of an account, by group and name."""
    rows = tx.execute(
        "SELECT f.name, g.name, f.created_at, f.pattern, f.settings FROM log_filter f JOIN log_group g"
        " ON g.id = f.group_id WHERE g.account = ? AND g.region = ? AND f.kind = ? ORDER BY g.name, f.name",
        (scope.account, scope.region, kind),
    ).fetchall()
    return [_filter(row) for row in rows]


def _note_watched(tx: Transaction, group_id: int) -> None:
    tx.execute(
        "UPDATE log_stream SET watched = EXISTS (SELECT 1 FROM log_filter WHERE group_id = ?1) WHERE group_id = ?1",
        (group_id,),
    )


def _filter(row: Any) -> Filter:
    return Filter(row[0], row[1], row[2], row[3], json.loads(row[4]))


def _group(row: Any) -> LogGroup:
    return LogGroup(
        id=row[0],
        scope=Scope(row[1], row[2]),
        name=row[3],
        created_at=row[4],
        retention_days=row[5],
        kms_key_id=row[6],
        log_class=row[7],
        tags=json.loads(row[8]),
        protected=bool(row[9]),
        stored_bytes=row[10],
        metric_filters=row[11],
    )


def _batches(cursor: Any) -> Iterator[Batch]:
    while (row := cursor.fetchone()) is not None:
        yield Batch(row[0], row[1], row[2], [(at, message) for at, message in json.loads(row[3])])


# ── destinations ────────────────────────────────────────────────────────────────────────────────

_DESTINATION = "account, region, name, target, role, policy, created_at, tags"


def put_destination(tx: Transaction, one: Destination) -> None:
    """Keep a destination as it is now."""
    row = (one.name, one.target, one.role, one.policy, one.created_at, _encode(one.tags))
    tx.execute(
        f"INSERT OR REPLACE INTO log_destination ({_DESTINATION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (one.scope.account, one.scope.region, *row),
    )


def get_destination(tx: Transaction, scope: Scope, name: str) -> Destination | None:
    """A destination by name."""
    row = tx.execute(
        f"SELECT {_DESTINATION} FROM log_destination WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _destination(row) if row else None


def destination_of(tx: Transaction, arn: str) -> Destination | None:
    """A destination by ARN; None also for what is no destination's ARN."""
    parsed = Arn.parse(arn)
    if parsed is None or parsed.service != "logs" or not parsed.resource.startswith("destination:"):
        return None
    return get_destination(tx, Scope(parsed.account, parsed.region), parsed.resource.partition(":")[2])


def list_destinations(tx: Transaction, scope: Scope) -> list[Destination]:
    """The destinations of an account and region by name."""
    rows = tx.execute(
        f"SELECT {_DESTINATION} FROM log_destination WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    ).fetchall()
    return [_destination(row) for row in rows]


def delete_destination(tx: Transaction, scope: Scope, name: str) -> None:
    """Delete a destination."""
    tx.execute(
        "DELETE FROM log_destination WHERE account = ? AND region = ? AND name = ?", (scope.account, scope.region, name)
    )


def _destination(row: tuple[Any, ...]) -> Destination:
    account, region, name, target, role, policy, created_at, tags = row
    return Destination(Scope(account, region), name, target, role, policy, created_at, json.loads(tags))
