"""Where map runs are kept: one row each, their queued items, and which executions are their children.

A child is an ordinary row of executions (../store.py); here stands which map run it is of, its place among the others
and how many items it has. Counters move with every change of a child's status, in the same commit.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.stepfunctions import store as executions
from emulator.services.stepfunctions.asl.messages import StartMapRun
from emulator.services.stepfunctions.model import (
    MOST_EVENTS_TO_REDRIVE,
    REDRIVABLE_SECONDS,
    StateMachine,
    StoredExecution,
)

from .model import (
    BACKLOGGED,
    COUNTED,
    DONE,
    OF_STATUS,
    OPENING,
    READER_FAILED,
    RUNNING,
    STOPPING,
    UNSUCCESSFUL,
    Counts,
    MapRun,
    machine_of,
)

_ITEMS_AT_A_TIME = 100
MAP_RUN = "sfn.map_run"
"""The kind of job that moves a map run; it has at most one."""

_COUNTERS = [f"{letter}_{name}" for letter in "ei" for name in COUNTED]

SCHEMA = f"""
CREATE TABLE IF NOT EXISTS sfn_map_run (
  id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, region TEXT NOT NULL, arn TEXT NOT NULL UNIQUE,
  execution_id INTEGER NOT NULL, token TEXT NOT NULL, label TEXT NOT NULL, plan TEXT NOT NULL, source TEXT NOT NULL,
  started_at REAL NOT NULL, stopped_at REAL, status TEXT NOT NULL, phase TEXT NOT NULL,
  max_concurrency INTEGER NOT NULL, tolerated_count INTEGER, tolerated_percentage REAL,
  read INTEGER NOT NULL DEFAULT 0, queued INTEGER NOT NULL DEFAULT 0, position TEXT NOT NULL DEFAULT '{{}}',
  exhausted INTEGER NOT NULL DEFAULT 0, error TEXT, cause TEXT, redrive_count INTEGER NOT NULL DEFAULT 0,
  redriven_at REAL, not_redrivable INTEGER NOT NULL DEFAULT 0,
  {", ".join(f"{name} INTEGER NOT NULL DEFAULT 0" for name in _COUNTERS)},
  driven INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS sfn_map_source (
  map_run_id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, items TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_map_run_open ON sfn_map_run (account, region, phase, id) WHERE status = 'RUNNING';
CREATE INDEX IF NOT EXISTS sfn_map_run_execution ON sfn_map_run (execution_id, id);
CREATE TABLE IF NOT EXISTS sfn_map_item (
  map_run_id INTEGER NOT NULL, position INTEGER NOT NULL, account TEXT NOT NULL, region TEXT NOT NULL,
  doc TEXT NOT NULL, raw INTEGER NOT NULL, PRIMARY KEY (map_run_id, position)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sfn_map_item_raw ON sfn_map_item (map_run_id, position) WHERE raw = 1;
CREATE TABLE IF NOT EXISTS sfn_map_child (
  execution_id INTEGER PRIMARY KEY, account TEXT NOT NULL, region TEXT NOT NULL, map_run_id INTEGER NOT NULL,
  position INTEGER NOT NULL, items INTEGER NOT NULL, status TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS sfn_map_child_place ON sfn_map_child (map_run_id, position);
CREATE INDEX IF NOT EXISTS sfn_map_child_open ON sfn_map_child (map_run_id, status, position)
  WHERE status IN ('RUNNING', 'PENDING_REDRIVE');
"""

_MAP_RUN = (
    "id, account, region, arn, execution_id, token, label, plan, source, started_at, stopped_at, status, phase, "
    "max_concurrency, tolerated_count, tolerated_percentage, read, queued, position, exhausted, error, cause, "
    f"redrive_count, redriven_at, not_redrivable, {', '.join(_COUNTERS)}"
)


def _map_run(row: Sequence[Any]) -> MapRun:
    run = MapRun(*row[:25])
    run.plan, run.position, run.exhausted = json.loads(row[7]), json.loads(row[18]), bool(row[19])
    half = len(COUNTED)
    run.executions, run.items = Counts(*row[25 : 25 + half]), Counts(*row[25 + half : 25 + 2 * half])
    return run


def add_map_run(tx: Transaction, execution: StoredExecution, start: StartMapRun, most_open: int) -> None:
    """Insert a map run that a state of an execution starts; unless it has failed, it is moved once it may be open."""
    scope = Scope(execution.account, execution.region)
    plan = dict(start.plan)
    exports = (plan.get("writer") or {}).get("parameters") is not None
    if "definition" in plan:
        child = StateMachine(machine_of(start.arn), "", plan["definition"], "", tx.now, tx.now)
        plan["definition"] = executions.keep_definition(tx, scope, child)
    status, phase = ("FAILED", DONE) if start.failed else ("RUNNING", OPENING if exports else RUNNING)
    if not start.failed and count_open(tx, scope) >= most_open:
        phase = BACKLOGGED
    map_run_id = tx.execute(
        "INSERT INTO sfn_map_run (account, region, arn, execution_id, token, label, plan, source, started_at, "
        "stopped_at, status, phase, max_concurrency, tolerated_count, tolerated_percentage) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (scope.account, scope.region, start.arn, execution.id, start.token, start.label, json.dumps(plan), start.source,
         tx.now, tx.now if start.failed else None, status, phase, start.max_concurrency, start.tolerated_count,
         start.tolerated_percentage),
    ).lastrowid  # fmt: skip
    assert map_run_id is not None
    if start.items is not None:  # not in the row whose counters change with every child: it would be written each time
        tx.execute(
            "INSERT INTO sfn_map_source VALUES (?, ?, ?, ?)",
            (map_run_id, scope.account, scope.region, start.items.text),
        )
    if phase not in (DONE, BACKLOGGED):
        wake(tx, map_run_id)


def count_open(tx: Transaction, scope: Scope) -> int:
    """How many map runs are in progress, those that wait to be apart."""
    where = (scope.account, scope.region, BACKLOGGED)
    return tx.execute(
        "SELECT count(*) FROM sfn_map_run WHERE status = 'RUNNING' AND account = ? AND region = ? AND phase <> ?", where
    ).fetchone()[0]


def count_backlog(tx: Transaction, scope: Scope) -> int:
    """How many map runs wait until fewer are open."""
    where = (scope.account, scope.region, BACKLOGGED)
    return tx.execute(
        "SELECT count(*) FROM sfn_map_run WHERE status = 'RUNNING' AND account = ? AND region = ? AND phase = ?", where
    ).fetchone()[0]


def open_next(tx: Transaction, scope: Scope, most_open: int) -> None:
    """Let map runs that wait longest be open, as many as may be."""
    room = most_open - count_open(tx, scope)
    if room <= 0:
        return
    waiting = tx.execute(
        "SELECT id, plan FROM sfn_map_run WHERE status = 'RUNNING' AND account = ? AND region = ? AND phase = ? "
        "ORDER BY id LIMIT ?",
        (scope.account, scope.region, BACKLOGGED, room),
    ).fetchall()
    for map_run_id, plan in waiting:
        exports = (json.loads(plan).get("writer") or {}).get("parameters") is not None
        tx.execute("UPDATE sfn_map_run SET phase = ? WHERE id = ?", (OPENING if exports else RUNNING, map_run_id))
        wake(tx, map_run_id)


def load(tx: Transaction, map_run_id: int) -> MapRun | None:
    """The map run that a job moves."""
    row = tx.execute(f"SELECT {_MAP_RUN} FROM sfn_map_run WHERE id = ?", (map_run_id,)).fetchone()
    return _map_run(row) if row else None


def find(tx: Transaction, scope: Scope, arn: str) -> MapRun | None:
    """The map run with this ARN in the caller's account and region."""
    row = tx.execute(
        f"SELECT {_MAP_RUN} FROM sfn_map_run WHERE arn = ? AND account = ? AND region = ?",
        (arn, scope.account, scope.region),
    ).fetchone()
    return _map_run(row) if row else None


def list_of(tx: Transaction, execution_id: int, before: int | None, limit: int) -> list[MapRun]:
    """Map runs that an execution started, newest first, with ids below `before`."""
    rows = tx.execute(
        f"SELECT {_MAP_RUN} FROM sfn_map_run WHERE execution_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
        (execution_id, 2**62 if before is None else before, limit),
    ).fetchall()
    return [_map_run(row) for row in rows]


# ── moving ──────────────────────────────────────────────────────────────────────────────────────


def wake(tx: Transaction, map_run_id: int) -> None:
    """Have a map run moved, if it is not anyway."""
    row = tx.execute("UPDATE sfn_map_run SET driven = 1 WHERE id = ? AND driven = 0", (map_run_id,))
    if row.rowcount:
        jobs.enqueue(tx, MAP_RUN, {"map_run": map_run_id}, owner=str(map_run_id))


def rest(tx: Transaction, map_run_id: int, job_id: int) -> None:
    """Nothing can be done for a map run until it is woken."""
    tx.execute("UPDATE sfn_map_run SET driven = 0 WHERE id = ?", (map_run_id,))
    jobs.complete(tx, job_id)


def set_phase(tx: Transaction, run: MapRun, phase: str, error: str | None = None, cause: str | None = None) -> None:
    """Go on with something else; with the reason, if the map run fails."""
    run.phase, run.error, run.cause = phase, error or run.error, cause or run.cause
    tx.execute(
        "UPDATE sfn_map_run SET phase = ?, error = ?, cause = ? WHERE id = ?", (phase, run.error, run.cause, run.id)
    )


def end(tx: Transaction, run: MapRun, status: str) -> None:
    """Record how a map run ended. What was read and not started is kept, should it be redriven."""
    tx.execute(
        "UPDATE sfn_map_run SET status = ?, phase = ?, stopped_at = ? WHERE id = ?", (status, DONE, tx.now, run.id)
    )


def stop(tx: Transaction, execution_id: int, token: str) -> None:
    """Nobody awaits a map run any more: it is aborted, and its children are stopped."""
    for (map_run_id,) in tx.execute(
        "SELECT id FROM sfn_map_run WHERE execution_id = ? AND token = ? AND status = 'RUNNING'", (execution_id, token)
    ).fetchall():
        tx.execute(
            "UPDATE sfn_map_run SET status = 'ABORTED', phase = ?, stopped_at = ? WHERE id = ?",
            (STOPPING, tx.now, map_run_id),
        )
        wake(tx, map_run_id)


def redrive(tx: Transaction, scope: Scope, arn: str, token: str) -> None:
    """A map run that ended without success goes on; its children that did wait to be redriven."""
    run = find(tx, scope, arn)
    assert run is not None, "a state remembers only map runs that exist"
    # A source that could not be read has been mended: what was read of it is skipped.
    position = {"skip": run.read} if run.error == READER_FAILED else run.position
    tx.execute(
        "UPDATE sfn_execution SET status = 'PENDING_REDRIVE' WHERE status IN ('FAILED', 'TIMED_OUT', 'ABORTED') "
        "AND id IN (SELECT execution_id FROM sfn_map_child WHERE map_run_id = ?)",
        (run.id,),
    )
    tx.execute(
        "UPDATE sfn_map_child SET status = 'PENDING_REDRIVE' WHERE map_run_id = ? "
        "AND status IN ('FAILED', 'TIMED_OUT', 'ABORTED')",
        (run.id,),
    )
    waiting = ", ".join(
        f"{letter}_pending_redrive = {letter}_pending_redrive + {letter}_failed + {letter}_timed_out + "
        f"{letter}_aborted, {letter}_failed = 0, {letter}_timed_out = 0, {letter}_aborted = 0"
        for letter in "ei"
    )
    tx.execute(
        f"UPDATE sfn_map_run SET status = 'RUNNING', phase = ?, stopped_at = NULL, error = NULL, cause = NULL, "
        f"token = ?, redrive_count = redrive_count + 1, redriven_at = ?, not_redrivable = 0, position = ?, {waiting} "
        "WHERE id = ?",
        (OPENING if (run.plan.get("writer") or {}).get("parameters") is not None else RUNNING, token, tx.now,
         json.dumps(position), run.id),
    )  # fmt: skip
    wake(tx, run.id)


def update_limits(tx: Transaction, run: MapRun) -> None:
    """Write down concurrency and tolerance, which take effect at once."""
    tx.execute(
        "UPDATE sfn_map_run SET max_concurrency = ?, tolerated_count = ?, tolerated_percentage = ? WHERE id = ?",
        (run.max_concurrency, run.tolerated_count, run.tolerated_percentage, run.id),
    )
    wake(tx, run.id)


# ── items ───────────────────────────────────────────────────────────────────────────────────────


def state_items(tx: Transaction, map_run_id: int) -> str | None:
    """The array that the state was given; None if there is a reader."""
    row = tx.execute("SELECT items FROM sfn_map_source WHERE map_run_id = ?", (map_run_id,)).fetchone()
    return row[0] if row is not None else None


def add_items(tx: Transaction, run: MapRun, items: list[str], position: dict[str, Any], exhausted: bool) -> None:
    """Queue items that were read, and where to read on. Those for batches wait raw for their ItemSelector."""
    raw = int("batch" in run.plan)
    tx.execute_many(
        "INSERT INTO sfn_map_item VALUES (?, ?, ?, ?, ?, ?)",
        [(run.id, index, run.account, run.region, text, raw) for index, text in enumerate(items, run.read)],
    )
    tx.execute(
        "UPDATE sfn_map_run SET read = read + ?, queued = queued + ?, position = ?, exhausted = ? WHERE id = ?",
        (len(items), len(items), json.dumps(position), int(exhausted), run.id),
    )


def next_items(tx: Transaction, map_run_id: int, beyond: int, limit: int) -> list[tuple[int, str]]:
    """(place, item) of those that have waited longest, in places after `beyond`."""
    return tx.execute(
        "SELECT position, doc FROM sfn_map_item WHERE map_run_id = ? AND position > ? ORDER BY position LIMIT ?",
        (map_run_id, beyond, limit),
    ).fetchall()


# ── children ────────────────────────────────────────────────────────────────────────────────────


def each_item(tx: Transaction, map_run_id: int, beyond: int, limit: int) -> Iterator[tuple[int, str]]:
    """`next_items`, few of them in memory."""
    while limit > 0 and (some := next_items(tx, map_run_id, beyond, min(limit, _ITEMS_AT_A_TIME))):
        yield from some
        beyond, limit = some[-1][0], limit - len(some)


def raw_items(tx: Transaction, map_run_id: int) -> list[tuple[int, str]]:
    """(place, item) of some for which nothing was selected yet."""
    return tx.execute(
        "SELECT position, doc FROM sfn_map_item WHERE map_run_id = ? AND raw = 1 ORDER BY position LIMIT ?",
        (map_run_id, _ITEMS_AT_A_TIME),
    ).fetchall()


def select_items(tx: Transaction, map_run_id: int, selected: Sequence[tuple[int, str]]) -> None:
    """What ItemSelector has made of items in these places."""
    tx.execute_many(
        "UPDATE sfn_map_item SET doc = ?, raw = 0 WHERE map_run_id = ? AND position = ?",
        [(text, map_run_id, position) for position, text in selected],
    )


class Begun(NamedTuple):
    """A child that was begun: an execution for the items in places `first` … `last`, and what it is now."""

    execution_id: int
    first: int
    last: int
    status: str

    @property
    def items(self) -> int:
        return self.last - self.first + 1


def add_children(tx: Transaction, run: MapRun, begun: Sequence[Begun]) -> None:
    """Write down children begun in one commit, in their order, which have the first of the queued items.

    Together, and each with what it is by now: to write that each is running, and then that it is not, was a third of
    what a child cost.
    """
    if not begun:
        return
    tx.execute_many(
        "INSERT INTO sfn_map_child VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (child.execution_id, run.account, run.region, run.id, child.first, child.items, child.status)
            for child in begun
        ],
    )
    tx.execute(
        "DELETE FROM sfn_map_item WHERE map_run_id = ? AND position BETWEEN ? AND ?",
        (run.id, begun[0].first, begun[-1].last),
    )
    added = {"queued": -sum(child.items for child in begun)}
    for child in begun:
        name = OF_STATUS[child.status]
        added[f"e_{name}"] = added.get(f"e_{name}", 0) + 1
        added[f"i_{name}"] = added.get(f"i_{name}", 0) + child.items
    changes = ", ".join(f"{name} = {name} + ?" for name in added)
    tx.execute(f"UPDATE sfn_map_run SET {changes} WHERE id = ?", (*added.values(), run.id))


def child_changed(tx: Transaction, execution_id: int, before: str, after: str) -> None:
    """A child's status is another; its map run is moved if a place became free."""
    map_run_id, items = tx.execute(
        "UPDATE sfn_map_child SET status = ? WHERE execution_id = ? RETURNING map_run_id, items", (after, execution_id)
    ).fetchone()
    old, new = OF_STATUS[before], OF_STATUS[after]
    tx.execute(
        f"UPDATE sfn_map_run SET e_{old} = e_{old} - 1, i_{old} = i_{old} - ?, e_{new} = e_{new} + 1, "
        f"i_{new} = i_{new} + ? WHERE id = ?",
        (items, items, map_run_id),
    )
    if after in UNSUCCESSFUL and executions.last_event_id(tx, execution_id) >= MOST_EVENTS_TO_REDRIVE:
        tx.execute("UPDATE sfn_map_run SET not_redrivable = not_redrivable + 1 WHERE id = ?", (map_run_id,))
    if old == "running":
        wake(tx, map_run_id)


def not_redrivable(tx: Transaction, run: MapRun) -> tuple[int, int]:
    """How many children have failed for good, and items in them: their histories are full, or it was too long ago."""
    if run.stopped_at is not None and tx.now - run.stopped_at > REDRIVABLE_SECONDS:
        return run.executions.unsuccessful, run.items.unsuccessful
    if not run.not_redrivable:
        return 0, 0
    marks = ", ".join("?" * len(UNSUCCESSFUL))
    return tx.execute(
        f"SELECT count(*), coalesce(sum(items), 0) FROM sfn_map_child c WHERE map_run_id = ? AND status IN ({marks}) "
        "AND EXISTS (SELECT 1 FROM sfn_history h WHERE h.execution_id = c.execution_id AND h.last >= ?)",
        (run.id, *UNSUCCESSFUL, MOST_EVENTS_TO_REDRIVE),
    ).fetchone()


def children(tx: Transaction, map_run_id: int, status: str, limit: int) -> list[int]:
    """Ids of children that are running or wait to be redriven, in their order."""
    rows = tx.execute(
        "SELECT execution_id FROM sfn_map_child WHERE map_run_id = ? AND status = ? "
        "AND status IN ('RUNNING', 'PENDING_REDRIVE') ORDER BY position LIMIT ?",
        (map_run_id, status, limit),
    ).fetchall()
    return [row[0] for row in rows]


def ended_children(
    tx: Transaction, map_run_id: int, statuses: Sequence[str], after: int, limit: int
) -> list[tuple[int, StoredExecution]]:
    """(place, execution) of children with one of some statuses, in their order, beyond a place."""
    marks = ", ".join("?" * len(statuses))
    rows = tx.execute(
        f"SELECT c.position, {executions.EXECUTION} FROM sfn_map_child c JOIN sfn_execution e ON e.id = c.execution_id "
        f"JOIN sfn_definition d ON d.id = e.definition_id WHERE c.map_run_id = ? AND c.position > ? "
        f"AND e.status IN ({marks}) ORDER BY c.position LIMIT ?",
        (map_run_id, after, *statuses, limit),
    ).fetchall()
    return [(row[0], StoredExecution(*row[1:])) for row in rows]


def map_run_of(tx: Transaction, execution_id: int) -> tuple[str, str, int] | None:
    """(ARN, label, items of this child) of the map run that an execution is a child of."""
    return tx.execute(
        "SELECT r.arn, r.label, c.items FROM sfn_map_child c JOIN sfn_map_run r ON r.id = c.map_run_id "
        "WHERE c.execution_id = ?",
        (execution_id,),
    ).fetchone()


def parent_of(tx: Transaction, execution_id: int) -> int:
    """The execution whose map run a child is of."""
    row = tx.execute(
        "SELECT r.execution_id FROM sfn_map_child c JOIN sfn_map_run r ON r.id = c.map_run_id WHERE c.execution_id = ?",
        (execution_id,),
    ).fetchone()
    assert row is not None, "a child is of a map run"
    return row[0]


def list_children(
    tx: Transaction, map_run_id: int, status: str | None, before: int | None, limit: int, redriven: bool | None
) -> list[tuple[int, StoredExecution]]:
    """(items, execution) of children, newest first, with ids below `before`."""
    conditions = ["c.map_run_id = ?"]
    parameters: list[Any] = [map_run_id]
    if before is not None:
        conditions.append("c.position < (SELECT position FROM sfn_map_child WHERE execution_id = ?)")
        parameters.append(before)
    if redriven is not None:
        conditions.append("e.redrive_count > 0" if redriven else "e.redrive_count = 0")
    if status is not None:
        conditions.append("c.status = ?")
        parameters.append(status)
    rows = tx.execute(
        f"SELECT c.items, {executions.EXECUTION} FROM sfn_map_child c JOIN sfn_execution e ON e.id = c.execution_id "
        f"JOIN sfn_definition d ON d.id = e.definition_id WHERE {' AND '.join(conditions)} "
        "ORDER BY c.position DESC LIMIT ?",
        [*parameters, limit],
    ).fetchall()
    return [(row[0], StoredExecution(*row[1:])) for row in rows]
