"""Lists of very many executions: a page is found by an index, whatever it is filtered by."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest

from emulator.adapters.sqlite import SqliteTransaction
from emulator.aws.scope import Scope
from emulator.services.stepfunctions import store
from emulator.services.stepfunctions.asl.messages import Ended
from emulator.services.stepfunctions.map_runs import store as map_runs
from emulator.services.stepfunctions.model import StateMachine

SCOPE = Scope()
ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:m"


class Explained(SqliteTransaction):
    """Notes how each question is answered."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection, 1)
        self.plans: list[str] = []

    def execute(self, sql: str, parameters: Any = ()) -> Any:
        if sql.startswith("SELECT"):
            self.plans += [step[3] for step in super().execute(f"EXPLAIN QUERY PLAN {sql}", parameters).fetchall()]
        return super().execute(sql, parameters)


@pytest.fixture
def tx() -> Explained:
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.executescript(store.SCHEMA + map_runs.SCHEMA)
    return Explained(database)


def start(tx: SqliteTransaction, name: str, **more: Any) -> int:
    machine = StateMachine(ARN, "m", "{}", "role", 0.0, 0.0, **more)
    return store.add_execution(tx, SCOPE, machine, f"arn:{name}", name, "{}", None).id


@pytest.mark.parametrize("before", [None, 15])
@pytest.mark.parametrize(
    ("arn", "status", "redriven", "index"),
    [
        (ARN, None, None, "machine"),
        (ARN, "RUNNING", None, "status"),
        (ARN, "SUCCEEDED", False, "status"),
        (ARN, None, True, "redriven"),
        (f"{ARN}:7", None, None, "version"),
        (f"{ARN}:7", "RUNNING", None, "version"),
        (f"{ARN}:live", None, None, "alias"),
    ],
)
def test_a_page_of_executions_is_found_by_an_index_and_needs_no_sorting(
    tx: Explained, arn: str, status: str | None, redriven: bool | None, index: str, before: int | None
) -> None:
    for number in range(20):
        execution = start(tx, f"e{number}", version_arn=f"{ARN}:7", alias_arn=f"{ARN}:live")
        if number % 2:
            store.end_execution(tx, execution, Ended("SUCCEEDED"))
    tx.plans.clear()
    found = store.list_executions(tx, arn, status, before, 5, redriven)
    ids = [execution.id for execution in found]
    assert ids == sorted(ids, reverse=True)
    assert bool(ids) == (redriven is not True)
    assert all(number < (before or 100) for number in ids)
    assert f"sfn_execution_{index} (" in tx.plans[0], tx.plans
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in tx.plans), tx.plans


def test_an_execution_is_found_by_its_arn_even_if_another_has_the_same_key(
    tx: Explained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "_arn_key", lambda arn: 7)
    ids = [start(tx, name) for name in ("a", "b", "c")]
    tx.plans.clear()
    found = store.find_execution(tx, SCOPE, "arn:b")
    assert found is not None
    assert (found.id, found.name) == (ids[1], "b")
    assert store.find_execution(tx, SCOPE, "arn:d") is None
    assert "sfn_execution_arn (arn_key=?)" in tx.plans[0]


@pytest.mark.parametrize("before", [None, 3])
def test_a_page_of_the_children_of_a_map_run_needs_no_sorting(tx: Explained, before: int | None) -> None:
    for place in range(6):
        child = (start(tx, f"c{place}"), "000000000000", "us-east-1", 1, place, 1, "RUNNING")
        tx.execute("INSERT INTO sfn_map_child VALUES (?, ?, ?, ?, ?, ?, ?)", child)
    tx.plans.clear()
    found = map_runs.list_children(tx, 1, None, before, 2, None)
    assert [execution.id for _, execution in found] == ([6, 5] if before is None else [2, 1])
    assert not any("SCAN" in step or "TEMP B-TREE" in step for step in tx.plans), tx.plans
