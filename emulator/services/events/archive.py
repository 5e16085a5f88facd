"""What archives and replays are, and where they are kept: values, named SQL, and how they are shown."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction

SCHEMA = """
CREATE TABLE IF NOT EXISTS events_archive (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  bus_arn TEXT NOT NULL, created_at REAL NOT NULL, description TEXT, pattern TEXT, retention_days INTEGER NOT NULL,
  kms_key TEXT,
  PRIMARY KEY (account, region, name)
);
CREATE INDEX IF NOT EXISTS events_archive_bus ON events_archive (bus_arn);
CREATE TABLE IF NOT EXISTS events_archived_event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL, region TEXT NOT NULL, archive TEXT NOT NULL,
  happened_at REAL NOT NULL, archived_at REAL NOT NULL, body TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS events_archived_order ON events_archived_event (account, region, archive, happened_at, id);
CREATE TABLE IF NOT EXISTS events_replay (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  description TEXT, archive TEXT NOT NULL, source_arn TEXT NOT NULL, destination TEXT NOT NULL,
  begins_at REAL NOT NULL, ends_at REAL NOT NULL, state TEXT NOT NULL,
  started_at REAL NOT NULL, ended_at REAL, last_replayed_at REAL,
  PRIMARY KEY (account, region, name)
);
"""

_ARCHIVE = "account, region, name, bus_arn, created_at, description, pattern, retention_days, kms_key"
_REPLAY = (
    "account, region, name, description, archive, source_arn, destination, begins_at, ends_at, state, started_at,"
    " ended_at, last_replayed_at"
)


@dataclass(frozen=True, slots=True)
class Archive:
    """An archive of a bus's events."""

    scope: Scope
    name: str
    bus_arn: str
    created_at: float
    description: str | None = None
    pattern: str | None = None
    retention_days: int = 0
    """0 keeps events for ever."""
    kms_key: str | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.scope.region}:{self.scope.account}:archive/{self.name}"

    def keeps(self, archived_at: float, now: float) -> bool:
        """Whether an event is within the retention."""
        return self.retention_days == 0 or now - archived_at <= self.retention_days * 86400


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay of an archive's events onto their bus."""

    scope: Scope
    name: str
    description: str | None
    archive: str
    source_arn: str
    destination: Mapping[str, Any]
    begins_at: float
    ends_at: float
    state: str
    started_at: float
    ended_at: float | None = None
    last_replayed_at: float | None = None

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.scope.region}:{self.scope.account}:replay/{self.name}"

    def shown(self) -> dict[str, Any]:
        """The members that ListReplays and DescribeReplay share."""
        members = {
            "ReplayName": self.name,
            "EventSourceArn": self.source_arn,
            "State": self.state,
            "EventStartTime": self.begins_at,
            "EventEndTime": self.ends_at,
            "EventLastReplayedTime": self.last_replayed_at,
            "ReplayStartTime": self.started_at,
            "ReplayEndTime": self.ended_at,
        }
        return {name: value for name, value in members.items() if value is not None}


# ── archives ────────────────────────────────────────────────────────────────────────────────────


def find_archive(tx: Transaction, scope: Scope, name: str) -> Archive | None:
    """An archive by name."""
    row = tx.execute(
        f"SELECT {_ARCHIVE} FROM events_archive WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _archive(row) if row else None


def list_archives(tx: Transaction, scope: Scope) -> list[Archive]:
    """All archives by name."""
    rows = tx.execute(
        f"SELECT {_ARCHIVE} FROM events_archive WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    ).fetchall()
    return [_archive(row) for row in rows]


def archives_of(tx: Transaction, bus_arn: str) -> list[Archive]:
    """The archives of a bus."""
    rows = tx.execute(f"SELECT {_ARCHIVE} FROM events_archive WHERE bus_arn = ? ORDER BY name", (bus_arn,)).fetchall()
    return [_archive(row) for row in rows]


def put_archive(tx: Transaction, archive: Archive) -> None:
    """Insert or replace an archive."""
    tx.execute(
        f"INSERT OR REPLACE INTO events_archive ({_ARCHIVE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            archive.scope.account,
            archive.scope.region,
            archive.name,
            archive.bus_arn,
            archive.created_at,
            archive.description,
            archive.pattern,
            archive.retention_days,
            archive.kms_key,
        ),
    )


def delete_archive(tx: Transaction, archive: Archive) -> None:
    """Delete an archive and its events."""
    key = (archive.scope.account, archive.scope.region, archive.name)
    tx.execute("DELETE FROM events_archive WHERE account = ? AND region = ? AND name = ?", key)
    tx.execute("DELETE FROM events_archived_event WHERE account = ? AND region = ? AND archive = ?", key)


def keep(tx: Transaction, archive: Archive, happened_at: float, body: str) -> None:
    """Put an event into an archive, and let go those that it needs not keep any longer."""
    key = (archive.scope.account, archive.scope.region, archive.name)
    if archive.retention_days:
        tx.execute(
            "DELETE FROM events_archived_event WHERE account = ? AND region = ? AND archive = ? AND archived_at < ?",
            (*key, tx.now - archive.retention_days * 86400),
        )
    tx.execute(
        "INSERT INTO events_archived_event (account, region, archive, happened_at, archived_at, body)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (*key, happened_at, tx.now, body),
    )


def measure(tx: Transaction, archive: Archive) -> tuple[int, int]:
    """(events, bytes) of an archive."""
    oldest = tx.now - archive.retention_days * 86400 if archive.retention_days else 0.0
    row = tx.execute(
        "SELECT count(*), coalesce(sum(length(CAST(body AS BLOB))), 0) FROM events_archived_event"
        " WHERE account = ? AND region = ? AND archive = ? AND archived_at >= ?",
        (archive.scope.account, archive.scope.region, archive.name, oldest),
    ).fetchone()
    return row[0], row[1]


def archived(
    tx: Transaction, replay: Replay, after: tuple[float, int], limit: int
) -> list[tuple[float, int, str, float]]:
    """(when, row, event, archived at) of a replay's events in their order, those after a place."""
    return tx.execute(
        "SELECT happened_at, id, body, archived_at FROM events_archived_event"
        " WHERE account = ? AND region = ? AND archive = ? AND (happened_at, id) > (?, ?)"
        " AND happened_at >= ? AND happened_at <= ? ORDER BY happened_at, id LIMIT ?",
        (
            replay.scope.account,
            replay.scope.region,
            replay.archive,
            *after,
            replay.begins_at,
            replay.ends_at,
            limit,
        ),
    ).fetchall()


# ── replays ─────────────────────────────────────────────────────────────────────────────────────


def find_replay(tx: Transaction, scope: Scope, name: str) -> Replay | None:
    """A replay by name."""
    row = tx.execute(
        f"SELECT {_REPLAY} FROM events_replay WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _replay(row) if row else None


def list_replays(tx: Transaction, scope: Scope) -> list[Replay]:
    """All replays by name."""
    rows = tx.execute(
        f"SELECT {_REPLAY} FROM events_replay WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    ).fetchall()
    return [_replay(row) for row in rows]


def put_replay(tx: Transaction, replay: Replay) -> None:
    """Insert or replace a replay."""
    tx.execute(
        f"INSERT OR REPLACE INTO events_replay ({_REPLAY}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            replay.scope.account,
            replay.scope.region,
            replay.name,
            replay.description,
            replay.archive,
            replay.source_arn,
            json.dumps(dict(replay.destination)),
            replay.begins_at,
            replay.ends_at,
            replay.state,
            replay.started_at,
            replay.ended_at,
            replay.last_replayed_at,
        ),
    )


def _archive(row: tuple[Any, ...]) -> Archive:
    return Archive(Scope(row[0], row[1]), *row[2:])


def _replay(row: tuple[Any, ...]) -> Replay:
    account, region, name, description, archive, source_arn, destination, *times = row
    return Replay(Scope(account, region), name, description, archive, source_arn, json.loads(destination), *times)
