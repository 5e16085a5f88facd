"""When a map run has failed too much, and when it is over."""

from __future__ import annotations

import pytest

from emulator.services.stepfunctions.asl.data import Data
from emulator.services.stepfunctions.asl.distribution import batch_of, first_batch
from emulator.services.stepfunctions.map_runs.model import RUNNING, Counts, MapRun, machine_of

ARN = "arn:aws:states:us-east-1:000000000000:mapRun:m/L:1"


def run(
    failed: int, count: int | None = None, percentage: float | None = None, read: int = 10, exhausted: bool = True
) -> MapRun:
    found = MapRun(
        1, "000000000000", "us-east-1", ARN, 1, "0.1", "L", {}, "STATE_DATA", 0.0, None, "RUNNING", RUNNING, 0, count,
        percentage, read, 0, {}, exhausted, None, None, 0, None, 0,
    )  # fmt: skip
    found.items = found.executions = Counts(failed=failed)
    return found


@pytest.mark.parametrize(
    ("count", "percentage", "failed", "exceeded"),
    [
        (None, None, 0, False), (None, None, 1, True), (0, None, 1, True), (2, None, 2, False), (2, None, 3, True),
        (None, 20.0, 2, False), (None, 19.9, 2, True), (None, 0.0, 1, True), (None, 100.0, 10, False),
        (5, 10.0, 2, True), (1, 50.0, 2, True), (5, 50.0, 5, False),
    ],
)  # fmt: skip
def test_either_tolerance_may_be_exceeded(
    count: int | None, percentage: float | None, failed: int, exceeded: bool
) -> None:
    assert run(failed, count, percentage).exceeded == exceeded


def test_a_percentage_is_judged_when_all_items_are_known() -> None:
    assert not run(9, percentage=10.0, exhausted=False).exceeded
    assert run(9, percentage=10.0).exceeded
    assert not run(0, percentage=0.0, read=0).exceeded


def test_timed_out_and_aborted_children_are_failures() -> None:
    found = run(0, count=1)
    found.items = Counts(timed_out=1, aborted=1)
    assert found.exceeded


def test_a_map_run_is_over_when_nothing_is_left_to_do() -> None:
    found = run(0)
    assert found.over
    for name, value in (("exhausted", False), ("queued", 1), ("executions", Counts(running=1)),
                        ("executions", Counts(pending_redrive=1))):  # fmt: skip
        found = run(0)
        setattr(found, name, value)
        assert not found.over


def test_places_are_limited_by_the_map_run_and_by_aws() -> None:
    found = run(0)
    assert found.room == 10_000
    found.max_concurrency, found.executions = 3, Counts(running=2)
    assert found.room == 1
    assert machine_of(ARN) == "arn:aws:states:us-east-1:000000000000:stateMachine:m/L"


def test_batches_hold_one_item_at_least_and_no_more_than_allowed() -> None:
    items = [Data(text=f'"{"x" * 10}"') for _ in range(5)]
    assert len(first_batch(items, {"items": 2, "bytes": 1000, "input": None})) == 2
    assert len(first_batch(items, {"items": None, "bytes": 5, "input": None})) == 1
    most = len(batch_of(items[:3], {"a": 1}).text)
    assert len(first_batch(items, {"items": None, "bytes": most, "input": {"a": 1}})) == 3
    assert len(first_batch(items, {"items": None, "bytes": most - 1, "input": {"a": 1}})) == 2
    assert first_batch([], {"items": None, "bytes": 5, "input": None}) == []
