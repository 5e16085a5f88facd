"""Where Step Functions keeps its rows: machines, executions, frames of running executions, history."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from zlib import crc32

from emulator.aws.scope import Scope
from emulator.ports import Transaction

from .asl.data import dumps
from .asl.messages import Ended, Event
from .model import Activity, ActivityTask, Alias, StateMachine, StoredExecution, Version, split_machine_arn

SCHEMA = """
CREATE TABLE IF NOT EXISTS sfn_machine (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, arn TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL, definition TEXT NOT NULL, role_arn TEXT NOT NULL, created_at REAL NOT NULL,
  updated_at REAL NOT NULL, revision_id TEXT, logging TEXT NOT NULL, tracing TEXT NOT NULL, tags TEXT NOT NULL,
  type TEXT NOT NULL, encryption TEXT, last_version INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_machine_name ON sfn_machine (account, region, name);
CREATE TABLE IF NOT EXISTS sfn_version (
  arn TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, machine_arn TEXT NOT NULL,
  number INTEGER NOT NULL, created_at REAL NOT NULL, description TEXT NOT NULL, revision_id TEXT,
  snapshot TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_version_machine ON sfn_version (machine_arn, number);
CREATE TABLE IF NOT EXISTS sfn_alias (
  id INTEGER PRIMARY KEY AUTOINCREMENT, arn TEXT NOT NULL UNIQUE, account TEXT NOT NULL, region TEXT NOT NULL,
  machine_arn TEXT NOT NULL, name TEXT NOT NULL, description TEXT, routing TEXT NOT NULL, created_at REAL NOT NULL,
  updated_at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_alias_machine ON sfn_alias (machine_arn, id);
CREATE TABLE IF NOT EXISTS sfn_execution (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, arn TEXT NOT NULL,
  arn_key INTEGER NOT NULL,
  name TEXT NOT NULL, machine_arn TEXT NOT NULL, definition_id INTEGER NOT NULL, role_arn TEXT NOT NULL,
  started_at REAL NOT NULL, input TEXT NOT NULL, status TEXT NOT NULL, stopped_at REAL, output TEXT, error TEXT,
  cause TEXT, revision_id TEXT, trace_header TEXT, parent_id INTEGER, parent_token TEXT, version_arn TEXT,
  alias_arn TEXT, logging TEXT, redrive_count INTEGER NOT NULL DEFAULT 0, redriven_at REAL
);
CREATE INDEX IF NOT EXISTS sfn_execution_parent ON sfn_execution (parent_id) WHERE parent_id IS NOT NULL;
CREATE TABLE IF NOT EXISTS sfn_activity (
  arn TEXT NOT NULL PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
  created_at REAL NOT NULL, encryption TEXT NOT NULL, tags TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_activity_name ON sfn_activity (account, region, name);
CREATE TABLE IF NOT EXISTS sfn_activity_task (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, activity_arn TEXT NOT NULL,
  execution_id INTEGER NOT NULL, token TEXT NOT NULL, input TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_activity_task_next ON sfn_activity_task (activity_arn, id);
CREATE INDEX IF NOT EXISTS sfn_activity_task_execution ON sfn_activity_task (execution_id, token);
CREATE INDEX IF NOT EXISTS sfn_execution_arn ON sfn_execution (arn_key);
CREATE INDEX IF NOT EXISTS sfn_execution_machine ON sfn_execution (machine_arn, id);
CREATE INDEX IF NOT EXISTS sfn_execution_status ON sfn_execution (machine_arn, status, id);
CREATE INDEX IF NOT EXISTS sfn_execution_version ON sfn_execution (version_arn, id) WHERE version_arn IS NOT NULL;
CREATE INDEX IF NOT EXISTS sfn_execution_alias ON sfn_execution (alias_arn, id) WHERE alias_arn IS NOT NULL;
CREATE INDEX IF NOT EXISTS sfn_execution_redriven ON sfn_execution (machine_arn, id) WHERE redrive_count > 0;
CREATE TABLE IF NOT EXISTS sfn_definition (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, machine_arn TEXT NOT NULL,
  text TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_definition_machine ON sfn_definition (machine_arn, id);
CREATE TABLE IF NOT EXISTS sfn_frame (
  execution_id INTEGER NOT NULL, key TEXT NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL, doc TEXT NOT NULL,
  PRIMARY KEY (execution_id, key)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sfn_history (
  execution_id INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, account TEXT NOT NULL,
  region TEXT NOT NULL, timestamp REAL NOT NULL, events TEXT NOT NULL,
  PRIMARY KEY (execution_id, first)
) WITHOUT ROWID;
"""

_MACHINE = (
    "arn, name, definition, role_arn, created_at, updated_at, revision_id, logging, tracing, tags, type, encryption, "
    "last_version"
)
EXECUTION = (
    "e.id, e.arn, e.name, e.account, e.region, e.machine_arn, d.text, e.role_arn, e.started_at, e.input, e.status, "
    "e.stopped_at, e.output, e.error, e.cause, e.revision_id, e.trace_header, e.parent_id, e.parent_token, "
    "e.version_arn, e.alias_arn, e.logging, e.redrive_count, e.redriven_at"
)
_EXECUTION_FROM = "sfn_execution e JOIN sfn_definition d ON d.id = e.definition_id"
EVENTS_PER_ROW = 50
ROW_CHARACTERS = 65_536
"""History is kept as it comes about, the events of one signal together: a row and an encoding for each of them would be
a tenth of the server's work on an execution. A row of large events holds few, so that a page of one reads few."""
_ROWS_AT_A_TIME = 16


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


def count_machines(tx: Transaction, scope: Scope) -> int:
    """How many machines there are in an account and region."""
    where = (scope.account, scope.region)
    return tx.execute("SELECT count(*) FROM sfn_machine WHERE account = ? AND region = ?", where).fetchone()[0]


def newest_execution(tx: Transaction) -> int:
    """The highest id that any execution has."""
    return tx.execute("SELECT max(id) FROM sfn_execution").fetchone()[0] or 0


def count_open(tx: Transaction, scope: Scope) -> int:
    """How many executions of an account and region run; looks at every one."""
    return tx.execute(
        "SELECT count(*) FROM sfn_execution WHERE account = ? AND region = ? AND status = 'RUNNING' "
        "AND instr(machine_arn, '/') = 0",
        (scope.account, scope.region),
    ).fetchone()[0]


def count_activities(tx: Transaction, scope: Scope) -> int:
    """How many activities there are in an account and region."""
    where = (scope.account, scope.region)
    return tx.execute("SELECT count(*) FROM sfn_activity WHERE account = ? AND region = ?", where).fetchone()[0]


def save_machine(tx: Transaction, scope: Scope, machine: StateMachine) -> None:
    """Insert a machine or replace it."""
    values = (
        machine.definition, machine.role_arn, machine.created_at, machine.updated_at, machine.revision_id,
        json.dumps(machine.logging), json.dumps(machine.tracing), json.dumps(machine.tags), machine.type,
        json.dumps(machine.encryption) if machine.encryption else None, machine.last_version,
    )  # fmt: skip
    tx.execute(
        "INSERT INTO sfn_machine (account, region, arn, name, definition, role_arn, created_at, updated_at, "
        "revision_id, logging, tracing, tags, type, encryption, last_version) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (arn) DO UPDATE "
        "SET definition = excluded.definition, role_arn = excluded.role_arn, updated_at = excluded.updated_at, "
        "revision_id = excluded.revision_id, logging = excluded.logging, tracing = excluded.tracing, "
        "tags = excluded.tags, encryption = excluded.encryption, last_version = excluded.last_version",
        (scope.account, scope.region, machine.arn, machine.name, *values),
    )


def delete_machine(tx: Transaction, scope: Scope, arn: str) -> None:
    """Delete a machine, its versions and aliases; its executions stay and go on."""
    tx.execute(
        "DELETE FROM sfn_machine WHERE arn = ? AND account = ? AND region = ?", (arn, scope.account, scope.region)
    )
    for table in ("sfn_version", "sfn_alias"):
        tx.execute(
            f"DELETE FROM {table} WHERE machine_arn = ? AND account = ? AND region = ?",
            (arn, scope.account, scope.region),
        )


def _machine(row: Any) -> StateMachine:
    logging, tracing, tags, kind, encryption, last_version = row[7:]
    machine = StateMachine(*row[:7])
    machine.logging, machine.tracing, machine.tags = json.loads(logging), json.loads(tracing), json.loads(tags)
    machine.type = kind
    machine.encryption = json.loads(encryption) if encryption is not None else None
    machine.last_version = last_version
    return machine


# ── versions and aliases ────────────────────────────────────────────────────────────────────────

_VERSION = "arn, machine_arn, number, created_at, description, revision_id, snapshot"
_ALIAS = "arn, machine_arn, name, description, routing, created_at, updated_at"


def find_version(tx: Transaction, scope: Scope, arn: str) -> Version | None:
    """The version with this ARN in the caller's account and region."""
    row = tx.execute(
        f"SELECT {_VERSION} FROM sfn_version WHERE arn = ? AND account = ? AND region = ?",
        (arn, scope.account, scope.region),
    ).fetchone()
    return _version(row) if row else None


def list_versions(tx: Transaction, machine_arn: str, below: int | None, limit: int) -> list[Version]:
    """Versions of a machine, newest first, with numbers below `below`."""
    rows = tx.execute(
        f"SELECT {_VERSION} FROM sfn_version WHERE machine_arn = ? AND number < ? ORDER BY number DESC LIMIT ?",
        (machine_arn, 2**62 if below is None else below, limit),
    ).fetchall()
    return [_version(row) for row in rows]


def count_versions(tx: Transaction, machine_arn: str) -> int:
    """How many versions a machine has."""
    return tx.execute("SELECT count(*) FROM sfn_version WHERE machine_arn = ?", (machine_arn,)).fetchone()[0]


def _version(row: Any) -> Version:
    arn, machine_arn, number, created_at, description, revision_id, snapshot = row
    return Version(arn, machine_arn, number, created_at, description, revision_id, json.loads(snapshot))


def add_version(tx: Transaction, scope: Scope, version: Version) -> None:
    """Insert a version."""
    tx.execute(
        f"INSERT INTO sfn_version (account, region, {_VERSION}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (scope.account, scope.region, version.arn, version.machine_arn, version.number, version.created_at,
         version.description, version.revision_id, json.dumps(version.snapshot)),
    )  # fmt: skip


def delete_version(tx: Transaction, scope: Scope, arn: str) -> None:
    """Delete a version; executions of it go on."""
    tx.execute(
        "DELETE FROM sfn_version WHERE arn = ? AND account = ? AND region = ?", (arn, scope.account, scope.region)
    )


def find_alias(tx: Transaction, scope: Scope, arn: str) -> Alias | None:
    """The alias with this ARN in the caller's account and region."""
    row = tx.execute(
        f"SELECT {_ALIAS} FROM sfn_alias WHERE arn = ? AND account = ? AND region = ?",
        (arn, scope.account, scope.region),
    ).fetchone()
    return _alias(row) if row else None


def list_aliases(tx: Transaction, machine_arn: str, offset: int, limit: int) -> list[Alias]:
    """Aliases of a machine, oldest first."""
    rows = tx.execute(
        f"SELECT {_ALIAS} FROM sfn_alias WHERE machine_arn = ? ORDER BY id LIMIT ? OFFSET ?",
        (machine_arn, limit, offset),
    ).fetchall()
    return [_alias(row) for row in rows]


def save_alias(tx: Transaction, scope: Scope, alias: Alias) -> None:
    """Insert an alias or replace it."""
    tx.execute(
        f"INSERT INTO sfn_alias (account, region, {_ALIAS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (arn) "
        "DO UPDATE SET description = excluded.description, routing = excluded.routing, "
        "updated_at = excluded.updated_at",
        (scope.account, scope.region, alias.arn, alias.machine_arn, alias.name, alias.description,
         json.dumps(alias.routing), alias.created_at, alias.updated_at),
    )  # fmt: skip


def delete_alias(tx: Transaction, scope: Scope, arn: str) -> None:
    """Delete an alias."""
    tx.execute("DELETE FROM sfn_alias WHERE arn = ? AND account = ? AND region = ?", (arn, scope.account, scope.region))


def _alias(row: Any) -> Alias:
    arn, machine_arn, name, description, routing, created_at, updated_at = row
    return Alias(arn, machine_arn, name, description, json.loads(routing), created_at, updated_at)


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
    definition_id: int | None = None,
) -> StoredExecution:
    """Insert a running execution; `definition_id`, of the machine's definition, saves a look."""
    logging = logging_text(machine)
    if definition_id is None:
        definition_id = keep_definition(tx, scope, machine)
    execution_id = tx.execute(
        "INSERT INTO sfn_execution (account, region, arn, arn_key, name, machine_arn, definition_id, role_arn, "
        "started_at, input, status, revision_id, trace_header, parent_id, parent_token, version_arn, alias_arn, "
        "logging) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'RUNNING', ?, ?, ?, ?, ?, ?, ?)",
        (scope.account, scope.region, arn, _arn_key(arn), name, machine.arn, definition_id, machine.role_arn,
         tx.now, text, machine.revision_id, trace_header, *(parent or (None, None)), machine.version_arn,
         machine.alias_arn, logging),
    ).lastrowid  # fmt: skip
    assert execution_id is not None
    return StoredExecution(
        execution_id, arn, name, scope.account, scope.region, machine.arn, machine.definition, machine.role_arn,
        tx.now, text, revision_id=machine.revision_id, trace_header=trace_header,
        parent_id=parent[0] if parent else None, parent_token=parent[1] if parent else None,
        version_arn=machine.version_arn, alias_arn=machine.alias_arn, logging=logging,
    )  # fmt: skip


def logging_text(machine: StateMachine) -> str | None:
    """What an execution keeps of its machine's logging: nothing if it is off."""
    return json.dumps(machine.logging) if machine.logging["level"] != "OFF" else None


def keep_definition(tx: Transaction, scope: Scope, machine: StateMachine) -> int:
    """The id under which the machine's definition is kept for its executions, once for all that run the same."""
    row = tx.execute(
        "SELECT id FROM sfn_definition WHERE machine_arn = ? AND text = ? ORDER BY id DESC LIMIT 1",
        (machine.arn, machine.definition),
    ).fetchone()
    if row is not None:
        return row[0]
    definition_id = tx.execute(
        "INSERT INTO sfn_definition (account, region, machine_arn, text) VALUES (?, ?, ?, ?)",
        (scope.account, scope.region, machine.arn, machine.definition),
    ).lastrowid
    assert definition_id is not None
    return definition_id


def load_definition(tx: Transaction, definition_id: int) -> str:
    """A definition that was kept."""
    return tx.execute("SELECT text FROM sfn_definition WHERE id = ?", (definition_id,)).fetchone()[0]


def find_execution(tx: Transaction, scope: Scope, arn: str) -> StoredExecution | None:
    """The execution with this ARN in the caller's account and region; if its name was used again, the newest."""
    row = tx.execute(
        f"SELECT {EXECUTION} FROM {_EXECUTION_FROM} "
        "WHERE e.arn_key = ? AND e.arn = ? AND e.account = ? AND e.region = ? ORDER BY e.id DESC LIMIT 1",
        (_arn_key(arn), arn, scope.account, scope.region),
    ).fetchone()
    return StoredExecution(*row) if row else None


def _arn_key(arn: str) -> int:
    """What ARNs of executions are found by. Their index would be a tenth of what an execution costs if it held them."""
    return crc32(arn.encode("utf-8", "replace"))


def load_execution(tx: Transaction, execution_id: int) -> StoredExecution | None:
    """The execution a job belongs to."""
    row = tx.execute(f"SELECT {EXECUTION} FROM {_EXECUTION_FROM} WHERE e.id = ?", (execution_id,)).fetchone()
    return StoredExecution(*row) if row else None


def unchanged(tx: Transaction, execution: StoredExecution) -> bool:
    """Whether an execution that was loaded before is as it was: nothing else of it ever changes."""
    row = tx.execute("SELECT status, redrive_count FROM sfn_execution WHERE id = ?", (execution.id,)).fetchone()
    return row is not None and tuple(row) == (execution.status, execution.redrive_count)


def list_executions(
    tx: Transaction, arn: str, status: str | None, before: int | None, limit: int, redriven: bool | None
) -> list[StoredExecution]:
    """Executions of a machine, a version or an alias, newest first, with ids below `before`."""
    machine_arn, qualifier = split_machine_arn(arn)
    conditions, parameters, index = ["e.machine_arn = ?"], [machine_arn], "machine"
    if redriven is not None:
        conditions.append("e.redrive_count > 0" if redriven else "e.redrive_count = 0")
        index = "redriven" if redriven else index
    if status is not None:
        conditions.append("e.status = ?")
        parameters.append(status)
        index = "status"
    if qualifier is not None:
        index = "version" if qualifier.isdigit() else "alias"
        conditions.append(f"e.{index}_arn = ?")
        parameters.append(arn)
    # Named, because SQLite does not know which of them leaves fewest.
    rows = tx.execute(
        f"SELECT {EXECUTION} FROM sfn_execution e INDEXED BY sfn_execution_{index} "
        f"JOIN sfn_definition d ON d.id = e.definition_id WHERE {' AND '.join(conditions)} AND e.id < ? "
        "ORDER BY e.id DESC LIMIT ?",
        [*parameters, 2**62 if before is None else before, limit],
    ).fetchall()
    return [StoredExecution(*row) for row in rows]


def end_execution(tx: Transaction, execution_id: int, ended: Ended) -> None:
    """Record how an execution ended; what it needed to run stays only if it may be redriven."""
    output = ended.output.text if ended.output is not None else None
    tx.execute(
        "UPDATE sfn_execution SET status = ?, stopped_at = ?, output = ?, error = ?, cause = ? WHERE id = ?",
        (ended.status, tx.now, output, ended.error, ended.cause, execution_id),
    )
    if ended.status == "SUCCEEDED":
        tx.execute("DELETE FROM sfn_frame WHERE execution_id = ?", (execution_id,))


def reopen_execution(tx: Transaction, execution: StoredExecution) -> None:
    """An execution that ended runs again."""
    execution.redrive_count += 1
    execution.status, execution.redriven_at = "RUNNING", tx.now
    execution.stopped_at = execution.error = execution.cause = None
    tx.execute(
        "UPDATE sfn_execution SET status = 'RUNNING', stopped_at = NULL, error = NULL, cause = NULL, "
        "redrive_count = ?, redriven_at = ? WHERE id = ?",
        (execution.redrive_count, tx.now, execution.id),
    )


def children_of(tx: Transaction, execution_id: int, token: str) -> list[StoredExecution]:
    """Running executions that a task of another waits for."""
    rows = tx.execute(
        f"SELECT {EXECUTION} FROM {_EXECUTION_FROM} WHERE e.parent_id = ? AND e.parent_token = ? "
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
    """Delete an activity and the tasks of it that wait for a worker."""
    tx.execute(
        "DELETE FROM sfn_activity WHERE arn = ? AND account = ? AND region = ?", (arn, scope.account, scope.region)
    )
    tx.execute("DELETE FROM sfn_activity_task WHERE activity_arn = ?", (arn,))


def activity_tasks(tx: Transaction, arn: str) -> list[tuple[int, str]]:
    """(execution, token) of the tasks that wait for a worker of an activity."""
    rows = tx.execute("SELECT execution_id, token FROM sfn_activity_task WHERE activity_arn = ? ORDER BY id", (arn,))
    return rows.fetchall()


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
    kept: list[tuple[Any, ...]] = []
    for key, text in changes:
        if text is None:
            tx.execute("DELETE FROM sfn_frame WHERE execution_id = ? AND key = ?", (execution.id, key))
        else:
            kept.append((execution.id, key, execution.account, execution.region, text))
    if kept:
        tx.execute_many(
            "INSERT INTO sfn_frame (execution_id, key, account, region, doc) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (execution_id, key) DO UPDATE SET doc = excluded.doc",
            kept,
        )


def add_events(tx: Transaction, execution: StoredExecution, events: list[Event]) -> None:
    """Append history events, whose ids follow each other, all at the transaction's time."""
    for start in range(0, len(events), EVENTS_PER_ROW):
        _add_row(tx, execution, events[start : start + EVENTS_PER_ROW])


def _add_row(tx: Transaction, execution: StoredExecution, events: list[Event]) -> None:
    text = dumps([(event.type, event.previous_id, event.member, event.details) for event in events])
    if len(text) > ROW_CHARACTERS and len(events) > 1:
        middle = len(events) // 2
        _add_row(tx, execution, events[:middle])
        _add_row(tx, execution, events[middle:])
        return
    tx.execute(
        "INSERT INTO sfn_history (execution_id, first, last, account, region, timestamp, events) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (execution.id, events[0].id, events[-1].id, execution.account, execution.region, tx.now, text),
    )


def last_event_id(tx: Transaction, execution_id: int) -> int:
    """The id of an execution's newest event, 0 if it has none."""
    row = tx.execute(
        "SELECT last FROM sfn_history WHERE execution_id = ? ORDER BY first DESC LIMIT 1", (execution_id,)
    ).fetchone()
    return row[0] if row is not None else 0


def list_events(
    tx: Transaction, execution_id: int, start: int, limit: int, reverse: bool
) -> list[tuple[int, float, str, int, str | None, dict[str, Any]]]:
    """(id, timestamp, type, previous id, details member, details) from event `start` on, up or down."""
    found: list[tuple[int, float, str, int, str | None, dict[str, Any]]] = []
    relation, order = ("<=", "DESC") if reverse else (">=", "ASC")
    edge = start
    if not reverse:  # the row that holds it
        edge = tx.execute(
            "SELECT coalesce(max(first), 0) FROM sfn_history WHERE execution_id = ? AND first <= ?",
            (execution_id, start),
        ).fetchone()[0]
    while len(found) < limit:
        rows = tx.execute(
            f"SELECT first, timestamp, events FROM sfn_history WHERE execution_id = ? AND first {relation} ? "
            f"ORDER BY first {order} LIMIT ?",
            (execution_id, edge, _ROWS_AT_A_TIME),
        ).fetchall()
        for first, timestamp, text in rows:
            events = [(first + index, timestamp, *event) for index, event in enumerate(json.loads(text))]
            wanted = [event for event in events if event[0] <= start] if reverse else events
            found += reversed(wanted) if reverse else [event for event in wanted if event[0] >= start]
            if len(found) >= limit:
                return found[:limit]
        if len(rows) < _ROWS_AT_A_TIME:
            break
        edge = rows[-1][0] + (-1 if reverse else 1)
    return found
