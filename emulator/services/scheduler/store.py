"""Where Scheduler keeps groups and schedules. Named SQL; decides nothing."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.scheduler.model import Group, Schedule

SCHEMA = """
CREATE TABLE IF NOT EXISTS scheduler_group (
  account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  created_at REAL NOT NULL, modified_at REAL NOT NULL, tags TEXT NOT NULL, token TEXT NOT NULL,
  PRIMARY KEY (account, region, name)
);
CREATE TABLE IF NOT EXISTS scheduler_schedule (
  account TEXT NOT NULL, region TEXT NOT NULL, schedule_group TEXT NOT NULL, name TEXT NOT NULL,
  definition TEXT NOT NULL, created_at REAL NOT NULL, modified_at REAL NOT NULL, token TEXT NOT NULL,
  PRIMARY KEY (account, region, schedule_group, name)
);
"""
_GROUP = "account, region, name, created_at, modified_at, tags, token"
_SCHEDULE = "account, region, schedule_group, name, definition, created_at, modified_at, token"


def find_group(tx: Transaction, scope: Scope, name: str) -> Group | None:
    """A stored group."""
    row = tx.execute(
        f"SELECT {_GROUP} FROM scheduler_group WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()
    return _group(row) if row else None


def list_groups(tx: Transaction, scope: Scope) -> list[Group]:
    """All stored groups by name; 500 at most."""
    rows = tx.execute(
        f"SELECT {_GROUP} FROM scheduler_group WHERE account = ? AND region = ? ORDER BY name",
        (scope.account, scope.region),
    ).fetchall()
    return [_group(row) for row in rows]


def put_group(tx: Transaction, group: Group) -> None:
    """Insert or replace a group."""
    tx.execute(
        f"INSERT OR REPLACE INTO scheduler_group ({_GROUP}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            group.scope.account,
            group.scope.region,
            group.name,
            group.created_at,
            group.modified_at,
            json.dumps(dict(group.tags)),
            group.token,
        ),
    )


def delete_group(tx: Transaction, group: Group) -> None:
    """Delete a group; its schedules have gone before."""
    tx.execute(
        "DELETE FROM scheduler_group WHERE account = ? AND region = ? AND name = ?",
        (group.scope.account, group.scope.region, group.name),
    )


def find_schedule(tx: Transaction, scope: Scope, group: str, name: str) -> Schedule | None:
    """A schedule by name."""
    row = tx.execute(
        f"SELECT {_SCHEDULE} FROM scheduler_schedule"
        " WHERE account = ? AND region = ? AND schedule_group = ? AND name = ?",
        (scope.account, scope.region, group, name),
    ).fetchone()
    return _schedule(row) if row else None


def list_schedules(
    tx: Transaction,
    scope: Scope,
    group: str | None,
    prefix: str = "",
    after: tuple[str, str] = ("", ""),
    limit: int = -1,
) -> list[Schedule]:
    """Schedules of a group, or of all, by group and name, those with a prefix, after a place."""
    only, parameters = ("AND schedule_group = ?", [group]) if group is not None else ("", [])
    rows = tx.execute(
        f"SELECT {_SCHEDULE} FROM scheduler_schedule WHERE account = ? AND region = ? {only}"
        " AND (schedule_group, name) > (?, ?) AND substr(name, 1, ?) = ? ORDER BY schedule_group, name LIMIT ?",
        (scope.account, scope.region, *parameters, *after, len(prefix), prefix, limit),
    ).fetchall()
    return [_schedule(row) for row in rows]


def put_schedule(tx: Transaction, schedule: Schedule) -> None:
    """Insert or replace a schedule."""
    tx.execute(
        f"INSERT OR REPLACE INTO scheduler_schedule ({_SCHEDULE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            schedule.scope.account,
            schedule.scope.region,
            schedule.group,
            schedule.name,
            json.dumps(dict(schedule.definition)),
            schedule.created_at,
            schedule.modified_at,
            schedule.token,
        ),
    )


def delete_schedule(tx: Transaction, schedule: Schedule) -> None:
    """Delete a schedule."""
    tx.execute(
        "DELETE FROM scheduler_schedule WHERE account = ? AND region = ? AND schedule_group = ? AND name = ?",
        (schedule.scope.account, schedule.scope.region, schedule.group, schedule.name),
    )


def _group(row: tuple[Any, ...]) -> Group:
    account, region, name, created_at, modified_at, tags, token = row
    return Group(Scope(account, region), name, created_at, modified_at, json.loads(tags), token)


def _schedule(row: tuple[Any, ...]) -> Schedule:
    account, region, group, name, definition, created_at, modified_at, token = row
    return Schedule(Scope(account, region), group, name, json.loads(definition), created_at, modified_at, token)
