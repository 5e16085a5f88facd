"""Where stacks, their resources and events, exports and change sets are kept. Named SQL; decides nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Json, Transaction
from emulator.services.cloudformation.model import (
    RESOURCE_COLUMNS,
    ChangeSet,
    Definition,
    Deployment,
    Event,
    Leftover,
    Resource,
    Stack,
)

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

# ── stacks ──────────────────────────────────────────────────────────────────────────────────────

_STACK = (
    "id, account, region, name, status, generation, reason, created_at, updated_at, deleted_at, definition, deployment,"
    " previous, parent_id, root_id, protected, policy, disable_rollback, timeout_minutes, change_set_arn,"
    " parent_resource"
)


def put_stack(tx: Transaction, stack: Stack) -> None:
    """Insert or replace a stack."""
    tx.execute(
        f"INSERT OR REPLACE INTO cloudformation_stack ({_STACK}) VALUES ({', '.join('?' * 21)})",
        (
            stack.id,
            stack.scope.account,
            stack.scope.region,
            stack.name,
            stack.status,
            stack.generation,
            stack.reason,
            stack.created_at,
            stack.updated_at,
            stack.deleted_at,
            _encode(stack.definition.to_json()),
            _encode(stack.deployment.to_json()),
            _encode(stack.previous.to_json()) if stack.previous is not None else None,
            stack.parent_id,
            stack.root_id,
            int(stack.protected),
            stack.policy,
            int(stack.disable_rollback),
            stack.timeout_minutes,
            stack.change_set_arn,
            stack.parent_resource,
        ),
    )


def find_stack(tx: Transaction, stack_id: str) -> Stack | None:
    """A stack by its id, deleted or not."""
    row = tx.execute(f"SELECT {_STACK} FROM cloudformation_stack WHERE id = ?", (stack_id,)).fetchone()
    return _stack(row) if row else None


def find_named(tx: Transaction, scope: Scope, name: str) -> Stack | None:
    """The stack of a name that is not deleted."""
    row = tx.execute(
        f"SELECT {_STACK} FROM cloudformation_stack"
        " WHERE account = ? AND region = ? AND name = ? AND deleted_at IS NULL",
        (scope.account, scope.region, name),
    ).fetchone()
    return _stack(row) if row else None


def generation(tx: Transaction, stack_id: str) -> int | None:
    """A stack's generation, None if it is gone."""
    row = tx.execute("SELECT generation FROM cloudformation_stack WHERE id = ?", (stack_id,)).fetchone()
    return row[0] if row else None


def list_stacks(
    tx: Transaction, scope: Scope, *, deleted: bool, after: tuple[float, str] | None, limit: int
) -> list[Stack]:
    """Stacks, the newest first; `after` is the time and id of the last one seen."""
    more = "AND (created_at < ? OR (created_at = ? AND id > ?))" if after else ""
    values: list[Any] = [after[0], after[0], after[1]] if after else []
    only = "" if deleted else "AND deleted_at IS NULL"
    rows = tx.execute(
        f"SELECT {_STACK} FROM cloudformation_stack WHERE account = ? AND region = ? {only} {more}"
        " ORDER BY created_at DESC, id LIMIT ?",
        (scope.account, scope.region, *values, limit),
    ).fetchall()
    return [_stack(row) for row in rows]


def count_stacks(tx: Transaction, scope: Scope) -> int:
    """How many stacks there are that are not deleted."""
    return tx.execute(
        "SELECT count(*) FROM cloudformation_stack WHERE account = ? AND region = ? AND deleted_at IS NULL",
        (scope.account, scope.region),
    ).fetchone()[0]


def forget_deleted(tx: Transaction, before: float) -> None:
    """Drop stacks that were deleted before a time, with all that belongs to them."""
    rows = tx.execute("SELECT id FROM cloudformation_stack WHERE deleted_at < ?", (before,)).fetchall()
    for (stack_id,) in rows:
        forget_stack(tx, stack_id)


def forget_stack(tx: Transaction, stack_id: str) -> None:
    """Drop a stack and its rows."""
    tx.execute("DELETE FROM cloudformation_stack WHERE id = ?", (stack_id,))
    for table in ("resource", "leftover", "signal", "event", "change_set", "export", "import"):
        tx.execute(f"DELETE FROM cloudformation_{table} WHERE stack_id = ?", (stack_id,))


def _stack(row: tuple[Any, ...]) -> Stack:
    stack_id, account, region, name, status, generation, reason, created_at, updated_at, deleted_at = row[:10]
    definition, deployment, previous, parent_id, root_id, protected, policy = row[10:17]
    disable_rollback, timeout, change_set, resource = row[17:]
    return Stack(
        Scope(account, region),
        stack_id,
        name,
        status,
        created_at,
        Definition.from_json(json.loads(definition)),
        Deployment.from_json(json.loads(deployment)),
        generation,
        reason,
        updated_at,
        deleted_at,
        Definition.from_json(json.loads(previous)) if previous is not None else None,
        parent_id,
        root_id,
        bool(protected),
        policy,
        bool(disable_rollback),
        timeout,
        change_set,
        resource,
    )


# ── resources ───────────────────────────────────────────────────────────────────────────────────

_RESOURCE = "logical_id, type, physical_id, status, reason, changed_at, body"


def put_resource(tx: Transaction, stack_id: str, resource: Resource) -> None:
    """Insert or replace a resource."""
    tx.execute(
        f"INSERT OR REPLACE INTO cloudformation_resource (stack_id, {_RESOURCE}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stack_id,
            resource.logical_id,
            resource.type,
            resource.physical_id,
            resource.status,
            resource.reason,
            resource.changed_at,
            _encode(resource.to_json()),
        ),
    )


def list_resources(tx: Transaction, stack_id: str) -> list[Resource]:
    """A stack's resources by logical id."""
    rows = tx.execute(
        f"SELECT {_RESOURCE} FROM cloudformation_resource WHERE stack_id = ? ORDER BY logical_id", (stack_id,)
    ).fetchall()
    return [_resource(row) for row in rows]


def find_resource(tx: Transaction, stack_id: str, logical_id: str) -> Resource | None:
    """One resource of a stack."""
    row = tx.execute(
        f"SELECT {_RESOURCE} FROM cloudformation_resource WHERE stack_id = ? AND logical_id = ?",
        (stack_id, logical_id),
    ).fetchone()
    return _resource(row) if row else None


def stack_of_physical(tx: Transaction, scope: Scope, physical_id: str) -> str | None:
    """The stack that has a physical resource."""
    row = tx.execute(
        "SELECT r.stack_id FROM cloudformation_resource r JOIN cloudformation_stack s ON s.id = r.stack_id"
        " WHERE r.physical_id = ? AND s.account = ? AND s.region = ? AND s.deleted_at IS NULL LIMIT 1",
        (physical_id, scope.account, scope.region),
    ).fetchone()
    return row[0] if row else None


def delete_resource(tx: Transaction, stack_id: str, logical_id: str) -> None:
    """Drop a resource's row."""
    tx.execute("DELETE FROM cloudformation_resource WHERE stack_id = ? AND logical_id = ?", (stack_id, logical_id))


def _resource(row: tuple[Any, ...]) -> Resource:
    logical_id, kind, physical_id, status, reason, changed_at, body = row
    return Resource.from_json(
        json.loads(body),
        logical_id=logical_id,
        type=kind,
        physical_id=physical_id,
        status=status,
        reason=reason,
        changed_at=changed_at,
    )


def resource_to_json(resource: Resource) -> dict[str, Json]:
    """A resource with all its columns, for a row of another kind."""
    return {**resource.to_json(), **{name: getattr(resource, name) for name in RESOURCE_COLUMNS}}


def resource_from_json(value: Mapping[str, Json]) -> Resource:
    """What `resource_to_json` gave."""
    return Resource.from_json(value)


def add_leftover(tx: Transaction, stack_id: str, resource: Resource) -> Leftover:
    """Remember a physical resource that is to be deleted later."""
    cursor = tx.execute(
        "INSERT INTO cloudformation_leftover (stack_id, body) VALUES (?, ?)",
        (stack_id, _encode(resource_to_json(resource))),
    )
    assert cursor.lastrowid is not None
    return Leftover(cursor.lastrowid, resource)


def list_leftovers(tx: Transaction, stack_id: str) -> list[Leftover]:
    """What is to be deleted, the oldest first."""
    rows = tx.execute(
        "SELECT id, body FROM cloudformation_leftover WHERE stack_id = ? ORDER BY id", (stack_id,)
    ).fetchall()
    return [Leftover(row[0], resource_from_json(json.loads(row[1]))) for row in rows]


def save_leftover(tx: Transaction, leftover: Leftover) -> None:
    """Keep how far its deletion is."""
    text = _encode(resource_to_json(leftover.resource))
    tx.execute("UPDATE cloudformation_leftover SET body = ? WHERE id = ?", (text, leftover.id))


def delete_leftover(tx: Transaction, leftover_id: int) -> None:
    """It is deleted."""
    tx.execute("DELETE FROM cloudformation_leftover WHERE id = ?", (leftover_id,))


# ── signals ─────────────────────────────────────────────────────────────────────────────────────


def add_signal(tx: Transaction, stack_id: str, token: str, body: Json) -> None:
    """Keep what a step waits for."""
    tx.execute(
        "INSERT INTO cloudformation_signal (stack_id, token, body) VALUES (?, ?, ?)", (stack_id, token, _encode(body))
    )


def list_signals(tx: Transaction, stack_id: str, token: str) -> list[Json]:
    """What has come for a step so far, in order."""
    rows = tx.execute(
        "SELECT body FROM cloudformation_signal WHERE stack_id = ? AND token = ? ORDER BY number", (stack_id, token)
    ).fetchall()
    return [json.loads(row[0]) for row in rows]


def forget_signals(tx: Transaction, stack_id: str) -> None:
    """Nothing waits for signals any more."""
    tx.execute("DELETE FROM cloudformation_signal WHERE stack_id = ?", (stack_id,))


def last_signal(tx: Transaction, stack_id: str) -> int:
    """The number of the last signal for a stack, 0 if there was none."""
    row = tx.execute("SELECT max(number) FROM cloudformation_signal WHERE stack_id = ?", (stack_id,)).fetchone()
    return row[0] or 0


# ── events ──────────────────────────────────────────────────────────────────────────────────────

_EVENT = "id, logical_id, physical_id, type, at, status, reason, properties, client_token"


def add_event(tx: Transaction, stack_id: str, event: Event) -> None:
    """Append to a stack's history."""
    tx.execute(
        f"INSERT INTO cloudformation_event (stack_id, {_EVENT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            stack_id,
            event.id,
            event.logical_id,
            event.physical_id,
            event.type,
            event.at,
            event.status,
            event.reason,
            event.properties,
            event.client_token,
        ),
    )


def forget_events(tx: Transaction, stack_id: str, before: float) -> None:
    """Drop what happened to a stack before a time."""
    tx.execute("DELETE FROM cloudformation_event WHERE stack_id = ? AND at < ?", (stack_id, before))


def list_events(tx: Transaction, stack_id: str, before: int | None, limit: int) -> list[tuple[int, Event]]:
    """A stack's events with their numbers, the newest first."""
    only = "AND number < ?" if before is not None else ""
    values = [before] if before is not None else []
    rows = tx.execute(
        f"SELECT number, {_EVENT} FROM cloudformation_event WHERE stack_id = ? {only} ORDER BY number DESC LIMIT ?",
        (stack_id, *values, limit),
    ).fetchall()
    return [(row[0], Event(*row[1:])) for row in rows]


def own_event_at(tx: Transaction, stack: Stack) -> float | None:
    """When a stack itself, and none of its resources, had its last event."""
    row = tx.execute(
        "SELECT at FROM cloudformation_event WHERE stack_id = ? AND physical_id = ? ORDER BY number DESC LIMIT 1",
        (stack.id, stack.arn),
    ).fetchone()
    return row[0] if row else None


# ── exports ─────────────────────────────────────────────────────────────────────────────────────


def list_exports(tx: Transaction, scope: Scope, after: str, limit: int) -> list[tuple[str, str, str]]:
    """(name, value, id of the stack) of exports, by name."""
    return tx.execute(
        "SELECT name, value, stack_id FROM cloudformation_export"
        " WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?",
        (scope.account, scope.region, after, limit),
    ).fetchall()


def exports_of(tx: Transaction, stack_id: str) -> dict[str, str]:
    """A stack's exports."""
    return dict(tx.execute("SELECT name, value FROM cloudformation_export WHERE stack_id = ?", (stack_id,)).fetchall())


def find_export(tx: Transaction, scope: Scope, name: str) -> tuple[str, str] | None:
    """(value, id of the stack) of an export."""
    return tx.execute(
        "SELECT value, stack_id FROM cloudformation_export WHERE account = ? AND region = ? AND name = ?",
        (scope.account, scope.region, name),
    ).fetchone()


def put_exports(tx: Transaction, scope: Scope, stack_id: str, exports: Mapping[str, str]) -> None:
    """Replace a stack's exports."""
    tx.execute("DELETE FROM cloudformation_export WHERE stack_id = ?", (stack_id,))
    tx.execute_many(
        "INSERT INTO cloudformation_export (account, region, name, value, stack_id) VALUES (?, ?, ?, ?, ?)",
        [(scope.account, scope.region, name, value, stack_id) for name, value in exports.items()],
    )


def put_imports(tx: Transaction, scope: Scope, stack_id: str, names: list[str]) -> None:
    """Replace what a stack imports."""
    tx.execute("DELETE FROM cloudformation_import WHERE stack_id = ?", (stack_id,))
    tx.execute_many(
        "INSERT OR IGNORE INTO cloudformation_import (account, region, name, stack_id) VALUES (?, ?, ?, ?)",
        [(scope.account, scope.region, name, stack_id) for name in names],
    )


def add_imports(tx: Transaction, scope: Scope, stack_id: str, names: list[str]) -> None:
    """A stack imports these as well."""
    tx.execute_many(
        "INSERT OR IGNORE INTO cloudformation_import (account, region, name, stack_id) VALUES (?, ?, ?, ?)",
        [(scope.account, scope.region, name, stack_id) for name in names],
    )


def imported(tx: Transaction, stack_id: str) -> dict[str, str]:
    """The exports that a stack imports, with their values, as far as they are there."""
    return dict(
        tx.execute(
            "SELECT e.name, e.value FROM cloudformation_import i JOIN cloudformation_export e"
            " ON e.account = i.account AND e.region = i.region AND e.name = i.name WHERE i.stack_id = ?",
            (stack_id,),
        ).fetchall()
    )


def importers(tx: Transaction, scope: Scope, name: str) -> list[str]:
    """Names of the stacks that import an export."""
    rows = tx.execute(
        "SELECT s.name FROM cloudformation_import i JOIN cloudformation_stack s ON s.id = i.stack_id"
        " WHERE i.account = ? AND i.region = ? AND i.name = ? ORDER BY s.name",
        (scope.account, scope.region, name),
    ).fetchall()
    return [row[0] for row in rows]


# ── change sets ─────────────────────────────────────────────────────────────────────────────────

_CHANGE_SET = (
    "id, account, region, name, stack_id, stack_name, kind, created_at, status, execution_status, reason, body"
)


def put_change_set(tx: Transaction, change_set: ChangeSet) -> None:
    """Insert or replace a change set."""
    body = {
        "description": change_set.description,
        "definition": change_set.definition.to_json() if change_set.definition is not None else None,
        "changes": change_set.changes,
        "on_failure": change_set.on_failure,
        "client_token": change_set.client_token,
        "nested": change_set.nested,
        "adopts": change_set.adopts,
    }
    tx.execute(
        f"INSERT OR REPLACE INTO cloudformation_change_set ({_CHANGE_SET}) VALUES ({', '.join('?' * 12)})",
        (
            change_set.id,
            change_set.scope.account,
            change_set.scope.region,
            change_set.name,
            change_set.stack_id,
            change_set.stack_name,
            change_set.kind,
            change_set.created_at,
            change_set.status,
            change_set.execution_status,
            change_set.reason,
            _encode(body),
        ),
    )


def find_change_set(tx: Transaction, change_set_id: str) -> ChangeSet | None:
    """A change set by its id."""
    row = tx.execute(f"SELECT {_CHANGE_SET} FROM cloudformation_change_set WHERE id = ?", (change_set_id,)).fetchone()
    return _change_set(row) if row else None


def list_change_sets(tx: Transaction, stack_id: str) -> list[ChangeSet]:
    """A stack's change sets, the oldest first."""
    rows = tx.execute(
        f"SELECT {_CHANGE_SET} FROM cloudformation_change_set WHERE stack_id = ? ORDER BY created_at, id", (stack_id,)
    ).fetchall()
    return [_change_set(row) for row in rows]


def delete_change_set(tx: Transaction, change_set_id: str) -> None:
    """Drop a change set."""
    tx.execute("DELETE FROM cloudformation_change_set WHERE id = ?", (change_set_id,))


def forget_change_sets(tx: Transaction, stack_id: str) -> None:
    """Drop all change sets of a stack."""
    tx.execute("DELETE FROM cloudformation_change_set WHERE stack_id = ?", (stack_id,))


def _change_set(row: tuple[Any, ...]) -> ChangeSet:
    change_set_id, account, region, name, stack_id, stack_name, kind, created_at, status, execution, reason, body = row
    said = json.loads(body)
    return ChangeSet(
        Scope(account, region),
        change_set_id,
        name,
        stack_id,
        stack_name,
        kind,
        created_at,
        status,
        execution,
        reason,
        said["description"],
        Definition.from_json(said["definition"]) if said["definition"] is not None else None,
        tuple(said["changes"]),
        said["on_failure"],
        said["client_token"],
        said["nested"],
        said["adopts"],
    )
