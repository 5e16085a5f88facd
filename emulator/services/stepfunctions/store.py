"""Where Step Functions keeps its rows: machines, executions, frames of running executions, history."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction

from .asl.messages import Ended, Event
from .model import Activity, ActivityTask, StateMachine, StoredExecution

SCHEMA = """
CREATE TABLE IF NOT EXISTS sfn_machine (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, arn TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, definition TEXT NOT NULL, role_arn TEXT NOT NULL, created_at REAL NOT NULL,
  updated_at REAL NOT NULL, revision_id TEXT, logging TEXT NOT NULL, tracing TEXT NOT NULL, tags TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sfn_execution (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, arn TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, machine_arn TEXT NOT NULL, definition_id INTEGER NOT NULL, role_arn TEXT NOT NULL,
  started_at REAL NOT NULL, input TEXT NOT NULL, status TEXT NOT NULL, stopped_at REAL, output TEXT, error TEXT,
  cause TEXT, revision_id TEXT, trace_header TEXT, parent_id INTEGER, parent_token TEXT
);
CREATE INDEX IF NOT EXISTS sfn_execution_parent ON sfn_execution (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS sfn_activity (
  arn TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  created_at REAL NOT NULL, encryption TEXT NOT NULL, tags TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS sfn_activity_task (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, activity_arn TEXT NOT NULL,
  execution_id INTEGER NOT NULL, token TEXT NOT NULL, input TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_activity_task_next ON sfn_activity_task (activity_arn, id);
CREATE INDEX IF NOT EXISTS sfn_activity_task_execution ON sfn_activity_task (execution_id, token);
CREATE INDEX IF NOT EXISTS sfn_execution_machine ON sfn_execution (machine_arn, id);
CREATE TABLE IF NOT EXISTS sfn_definition (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, machine_arn TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_definition_machine ON sfn_definition (machine_arn, id);
CREATE TABLE IF NOT EXISTS sfn_frame (
  execution_id INTEGER NOT NULL, key TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY (execution_id, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sfn_event (
  execution_id INTEGER NOT NULL, id INTEGER NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
  timestamp REAL NOT NULL, type TEXT NOT NULL, previous_id INTEGER NOT NULL, member TEXT, details TEXT NOT NULL,
  PRIMARY KEY (execution_id, id)
) WITHOUT ROWID;
"""

_MACHINE = "arn, name, definition, role_arn, created_at, updated_at, revision_id, logging, tracing, tags"
_EXECUTION = (
    "e.id, e.arn, e.name, e.account, e.region, e.machine_arn, d.text, e.role_arn, e.started_at, e.input, e.status, "
    "e.stopped_at, e.output, e.error, e.cause, e.revision_id, e.trace_header, e.parent_id, e.parent_token"
)
_EXECUTION_FROM = "sfn_execution e JOIN sfn_definition d ON d.id = e.definition_id"
_EVENTS_PER_STATEMENT = 50


# ── machines ────────────────────────────────────────────────────────────────────────────────────


def find_machine(tx: Transaction, scope: Scope, arn: str) -> StateMachine | None:
    """The machine with this ARN in the caller's account and region."""
    row = tx.execute(
        f"SELECT {_MACHINE} FROM sfn_machine WHERE arn = ? AND account = ? AND region = ?",
        (arn, scope.account, scope.region),
    ).fetchone()
    return _machine(row) if row else None


def list_machines(tx: Transaction, scope: Scope, offset: int, limit: int) -> list[StateMachine]:
    """Machines by name."""
    rows = tx.execute(
        f"SELECT {_MACHINE} FROM sfn_machine WHERE account = ? AND region = ? ORDER BY name LIMIT ? OFFSET ?",
        (scope.account, scope.region, limit, offset),
    ).fetchall()
    return [_machine(row) for row in rows]


def save_machine(tx: Transaction, scope: Scope, machine: StateMachine) -> None:
    """Insert a machine or replace it."""
    values = (
        machine.definition, machine.role_arn, machine.created_at, machine.updated_at, machine.revision_id,
        json.dumps(machine.logging), json.dumps(machine.tracing), json.dumps(machine.tags),
    )  # fmt: skip
    tx.execute(
        "INSERT INTO sfn_machine (account, region, arn, name, definition, role_arn, created_at, updated_at, "
        "revision_id, logging, tracing, tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (arn) DO UPDATE "
        "SET definition = excluded.definition, role_arn = excluded.role_arn, updated_at = excluded.updated_at, "
        "revision_id = excluded.revision_id, logging = excluded.logging, tracing = excluded.tracing, "
        "tags = excluded.tags",
        (scope.account, scope.region, machine.arn, machine.name, *values),
    )


def delete_machine(tx: Transaction, scope: Scope, arn: str) -> None:
    """Delete a machine; its executions stay and go on."""
    tx.execute(
        "DELETE FROM sfn_machine WHERE arn = ? AND account = ? AND region = ?", (arn, scope.account, scope.region)
    )


def _machine(row: Any) -> StateMachine:
    arn, name, definition, role_arn, created_at, updated_at, revision_id, logging, tracing, tags = row
    settings = (json.loads(logging), json.loads(tracing), json.loads(tags))
    return StateMachine(arn, name, definition, role_arn, created_at, updated_at, revision_id, *settings)


# ── executions ──────────────────────────────────────────────────────────────────────────────────


def add_execution(
    tx: Transaction,
    scope: Scope,
    machine: StateMachine,
    arn: str,
    name: str,
    text: str,
    trace_header: str | None,
    parent: tuple[int, str] | None = None,
) -> StoredExecution:
    """Insert a running execution."""
    row = tx.execute(
        "SELECT id FROM sfn_definition WHERE machine_arn = ? AND text = ? ORDER BY id DESC LIMIT 1",
        (machine.arn, machine.definition),
    ).fetchone()
    definition_id = row[0] if row else None
    if definition_id is None:
        definition_id = tx.execute(
            "INSERT INTO sfn_definition (account, region, machine_arn, text) VALUES (?, ?, ?, ?)",
            (scope.account, scope.region, machine.arn, machine.definition),
        ).lastrowid
    execution_id = tx.execute(
        "INSERT INTO sfn_execution (account, region, arn, name, machine_arn, definition_id, role_arn, started_at, "
        "input, status, revision_id, trace_header, parent_id, parent_token) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'RUNNING', ?, ?, ?, ?)",
        (scope.account, scope.region, arn, name, machine.arn, definition_id, machine.role_arn, tx.now, text,
         machine.revision_id, trace_header, *(parent or (None, None))),
    ).lastrowid  # fmt: skip
    assert execution_id is not None
    return StoredExecution(
        execution_id, arn, name, scope.account, scope.region, machine.arn, machine.definition, machine.role_arn,
        tx.now, text, revision_id=machine.revision_id, trace_header=trace_header,
        parent_id=parent[0] if parent else None, parent_token=parent[1] if parent else None,
    )  # fmt: skip


def find_execution(tx: Transaction, scope: Scope, arn: str) -> StoredExecution | None:
    """The execution with this ARN in the caller's account and region."""
    row = tx.execute(
        f"SELECT {_EXECUTION} FROM {_EXECUTION_FROM} WHERE e.arn = ? AND e.account = ? AND e.region = ?",
        (arn, scope.account, scope.region),
    ).fetchone()
    return StoredExecution(*row) if row else None


def load_execution(tx: Transaction, execution_id: int) -> StoredExecution | None:
    """The execution a job belongs to."""
    row = tx.execute(f"SELECT {_EXECUTION} FROM {_EXECUTION_FROM} WHERE e.id = ?", (execution_id,)).fetchone()
    return StoredExecution(*row) if row else None


def list_executions(
    tx: Transaction, machine_arn: str, status: str | None, before: int | None, limit: int
) -> list[StoredExecution]:
    """Executions of a machine, newest first, with ids below `before`."""
    conditions, parameters = ["e.machine_arn = ?"], [machine_arn]
    if status is not None:
        conditions.append("e.status = ?")
        parameters.append(status)
    rows = tx.execute(
        f"SELECT {_EXECUTION} FROM {_EXECUTION_FROM} WHERE {' AND '.join(conditions)} AND e.id < ? "
        "ORDER BY e.id DESC LIMIT ?",
        [*parameters, 2**62 if before is None else before, limit],
    ).fetchall()
    return [StoredExecution(*row) for row in rows]


def end_execution(tx: Transaction, execution_id: int, ended: Ended) -> None:
    """Record how an execution ended and drop what it needed to run."""
    output = ended.output.text if ended.output is not None else None
    tx.execute(
        "UPDATE sfn_execution SET status = ?, stopped_at = ?, output = ?, error = ?, cause = ? WHERE id = ?",
        (ended.status, tx.now, output, ended.error, ended.cause, execution_id),
    )
    tx.execute("DELETE FROM sfn_frame WHERE execution_id = ?", (execution_id,))


def children_of(tx: Transaction, execution_id: int, token: str) -> list[StoredExecution]:
    """Running executions that a task of another waits for."""
    rows = tx.execute(
        f"SELECT {_EXECUTION} FROM {_EXECUTION_FROM} WHERE e.parent_id = ? AND e.parent_token = ? "
        "AND e.status = 'RUNNING'",
        (execution_id, token),
    ).fetchall()
    return [StoredExecution(*row) for row in rows]


# ── activities ──────────────────────────────────────────────────────────────────────────────────


def find_activity(tx: Transaction, scope: Scope, arn: str) -> Activity | None:
    """The activity with this ARN in the caller's account and region."""
    row = tx.execute(
        "SELECT arn, name, created_at, encryption, tags FROM sfn_activity WHERE arn = ? AND account = ? AND region = ?",
        (arn, scope.account, scope.region),
    ).fetchone()
    return _activity(row) if row else None


def list_activities(tx: Transaction, scope: Scope, offset: int, limit: int) -> list[Activity]:
    """Activities by name."""
    rows = tx.execute(
        "SELECT arn, name, created_at, encryption, tags FROM sfn_activity WHERE account = ? AND region = ? "
        "ORDER BY name LIMIT ? OFFSET ?",
        (scope.account, scope.region, limit, offset),
    ).fetchall()
    return [_activity(row) for row in rows]


def _activity(row: Any) -> Activity:
    arn, name, created_at, encryption, tags = row
    return Activity(arn, name, created_at, json.loads(encryption), json.loads(tags))


def save_activity(tx: Transaction, scope: Scope, activity: Activity) -> None:
    """Insert or replace an activity."""
    tx.execute(
        "INSERT OR REPLACE INTO sfn_activity (arn, account, region, name, created_at, encryption, tags) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (activity.arn, scope.account, scope.region, activity.name, activity.created_at,
         json.dumps(activity.encryption), json.dumps(activity.tags)),
    )  # fmt: skip


def delete_activity(tx: Transaction, scope: Scope, arn: str) -> None:
    """Delete an activity; tasks that wait for a worker wait until they time out."""
    tx.execute(
        "DELETE FROM sfn_activity WHERE arn = ? AND account = ? AND region = ?", (arn, scope.account, scope.region)
    )
    tx.execute("DELETE FROM sfn_activity_task WHERE activity_arn = ?", (arn,))


def offer_activity_task(tx: Transaction, execution: StoredExecution, arn: str, token: str, text: str) -> None:
    """Keep a task for a worker."""
    tx.execute(
        "INSERT INTO sfn_activity_task (account, region, activity_arn, execution_id, token, input) "
        "VALUES (?, ?, ?, ?, ?, ?)",
        (execution.account, execution.region, arn, execution.id, token, text),
    )


def take_activity_task(tx: Transaction, arn: str) -> ActivityTask | None:
    """The task that has waited longest; it is a worker's from now on."""
    row = tx.execute(
        "SELECT id, execution_id, token, input FROM sfn_activity_task WHERE activity_arn = ? ORDER BY id LIMIT 1",
        (arn,),
    ).fetchone()
    if row is None:
        return None
    tx.execute("DELETE FROM sfn_activity_task WHERE id = ?", (row[0],))
    return ActivityTask(row[1], row[2], row[3])


def withdraw_activity_task(tx: Transaction, execution_id: int, token: str) -> None:
    """Nobody needs the task any more."""
    tx.execute("DELETE FROM sfn_activity_task WHERE execution_id = ? AND token = ?", (execution_id, token))


# ── frames and history ──────────────────────────────────────────────────────────────────────────


def load_frame(tx: Transaction, execution_id: int, key: str) -> str | None:
    """One document or text of a running execution."""
    row = tx.execute("SELECT doc FROM sfn_frame WHERE execution_id = ? AND key = ?", (execution_id, key)).fetchone()
    return row[0] if row else None


def save_frames(tx: Transaction, execution: StoredExecution, changes: Iterable[tuple[str, str | None]]) -> None:
    """Write what changed; None deletes."""
    for key, text in changes:
        if text is None:
            tx.execute("DELETE FROM sfn_frame WHERE execution_id = ? AND key = ?", (execution.id, key))
        else:
            tx.execute(
                "INSERT INTO sfn_frame (execution_id, key, account, region, doc) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (execution_id, key) DO UPDATE SET doc = excluded.doc",
                (execution.id, key, execution.account, execution.region, text),
            )


def add_events(tx: Transaction, execution: StoredExecution, events: list[Event]) -> None:
    """Append history events, all at the transaction's time."""
    for start in range(0, len(events), _EVENTS_PER_STATEMENT):
        some = events[start : start + _EVENTS_PER_STATEMENT]
        parameters: list[Any] = []
        for event in some:
            details = json.dumps(event.details, separators=(",", ":"), ensure_ascii=False)
            parameters += (
                execution.id, event.id, execution.account, execution.region, tx.now, event.type, event.previous_id,
                event.member, details,
            )  # fmt: skip
        marks = ", ".join(["(?, ?, ?, ?, ?, ?, ?, ?, ?)"] * len(some))
        tx.execute(
            "INSERT INTO sfn_event (execution_id, id, account, region, timestamp, type, previous_id, member, details) "
            f"VALUES {marks}",
            parameters,
        )


def last_event_id(tx: Transaction, execution_id: int) -> int:
    """The id of an execution's newest event, 0 if it has none."""
    row = tx.execute("SELECT max(id) FROM sfn_event WHERE execution_id = ?", (execution_id,)).fetchone()
    return row[0] or 0


def list_events(
    tx: Transaction, execution_id: int, start: int, limit: int, reverse: bool
) -> list[tuple[int, float, str, int, str | None, dict[str, Any]]]:
    """(id, timestamp, type, previous id, details member, details) from event `start` on, up or down."""
    relation, order = ("<=", "DESC") if reverse else (">=", "ASC")
    rows = tx.execute(
        "SELECT id, timestamp, type, previous_id, member, details FROM sfn_event WHERE execution_id = ? "
        f"AND id {relation} ? ORDER BY id {order} LIMIT ?",
        (execution_id, start, limit),
    ).fetchall()
    return [(*row[:5], json.loads(row[5])) for row in rows]
