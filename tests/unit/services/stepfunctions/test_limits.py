"""What hostile or careless machines may take: memory and events are bounded, and the error is AWS's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.services.stepfunctions.asl_run import FUNCTION, Driver, Failure, one, run_state

LARGE = "x" * 262_000
TOO_LARGE = "returned a result with a size exceeding the maximum number of bytes service limit."


def error_of(driver: Driver) -> str | None:
    assert driver.ended is not None
    return driver.ended.error


@pytest.mark.parametrize("language", ["JSONPath", "JSONata"])
def test_a_template_of_many_large_fields_gives_up_before_it_has_them_all(language: str) -> None:
    if language == "JSONPath":
        state: dict[str, Any] = {"Type": "Pass", "Parameters": {f"k{number}.$": "$" for number in range(20_000)}}
    else:
        fields = {f"k{number}": "{% $states.input %}" for number in range(20_000)}
        state = {"Type": "Pass", "QueryLanguage": "JSONata", "Output": fields}
    ended = run_state(state, LARGE)
    assert error_of(ended) == "States.DataLimitExceeded"
    assert ended.ended is not None
    assert ended.ended.cause == f"The state/task 'S' {TOO_LARGE}"


def test_a_template_of_many_small_fields_is_filled() -> None:
    fields = {f"k{number}.$": "$.a" for number in range(2_000)}
    assert run_state({"Type": "Pass", "Parameters": fields}, {"a": 1}).output == {
        f"k{number}": 1 for number in range(2_000)
    }


def test_a_variable_that_doubles_in_a_circle_ends_the_execution() -> None:
    definition = {
        "StartAt": "A",
        "States": {
            "A": {"Type": "Pass", "Assign": {"x": "a"}, "Next": "B"},
            "B": {"Type": "Pass", "Assign": {"x.$": "States.Format('{}{}', $x, $x)"}, "Next": "B"},
        },
    }
    ended = Driver(definition).run()
    assert error_of(ended) == "States.DataLimitExceeded"
    assert len(ended.events) < 50


def test_one_assign_holds_256_kib_together_and_a_scope_ten_mebibytes() -> None:
    half = {"Type": "Pass", "Assign": {"a": "x" * 131_000, "b": "x" * 131_000}}
    assert error_of(run_state(half)) is None
    more = {"Type": "Pass", "Assign": {"a": "x" * 131_000, "b": "x" * 131_200}}
    assert error_of(run_state(more)) == "States.DataLimitExceeded"

    assert error_of(Driver(chain(40)).run()) is None
    assert error_of(Driver(chain(41)).run()) == "States.DataLimitExceeded"
    again = chain(40, {"Type": "Pass", "Assign": {"v0": LARGE}, "End": True})
    assert error_of(Driver(again).run()) is None


def chain(length: int, end: dict[str, Any] | None = None, name: str = "S") -> dict[str, Any]:
    """States that assign a large variable each."""
    states = {
        f"{name}{number}": {"Type": "Pass", "Assign": {f"v{number}": LARGE}, "Next": f"{name}{number + 1}"}
        for number in range(length)
    }
    return {"StartAt": f"{name}0", "States": {**states, f"{name}{length}": end or {"Type": "Succeed"}}}


def test_branches_share_the_ten_mebibytes_of_their_execution_and_give_them_back() -> None:
    fewer = {"Type": "Parallel", "Branches": [chain(20, name="A"), chain(19, name="B")], "Next": "Then"}
    more = {"Type": "Parallel", "Branches": [chain(22, name="A"), chain(22, name="B")]}
    small = {"Type": "Pass", "Result": "x"}
    assert error_of(run_state(more, "x")) == "States.DataLimitExceeded"
    one_after_another = {
        "StartAt": "P",
        "States": {"P": {**fewer, "ResultPath": None}, "Then": {**small, "Next": "S0"}, **chain(40)["States"]},
    }
    assert error_of(Driver(one_after_another, '"x"').run()) is None


def test_a_task_is_not_given_more_than_256_kib() -> None:
    state = {"Type": "Task", "Resource": FUNCTION, "Parameters": {"a.$": "$", "b.$": "$"}}
    driver = run_state(state, "x" * 200_000)
    assert error_of(driver) == "States.DataLimitExceeded"
    assert [event.type for event in driver.events] == ["ExecutionStarted", "TaskStateEntered", "ExecutionFailed"]


@pytest.mark.parametrize(("size", "error"), [(262_142, None), (262_143, "States.DataLimitExceeded")])
def test_results_of_tasks_hold_256_kib(size: int, error: str | None) -> None:
    driver = run_state({"Type": "Task", "Resource": FUNCTION}, answer=lambda _: "x" * size)
    assert error_of(driver) == error


def test_what_a_catcher_makes_of_a_large_cause_is_bounded_too() -> None:
    state = {
        "Type": "Task",
        "Resource": FUNCTION,
        "ResultPath": "$.r",
        "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.e", "Next": "S"}],
    }
    driver = Driver(one(state), json.dumps({"a": "x" * 200_000}), lambda _: Failure("E", "y" * 100_000)).run()
    assert error_of(driver) == "States.DataLimitExceeded"
