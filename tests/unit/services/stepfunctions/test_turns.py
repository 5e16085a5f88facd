"""How much of an execution is one commit."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from emulator.services.stepfunctions.asl.data import Data
from emulator.services.stepfunctions.asl.definition import compile_definition
from emulator.services.stepfunctions.asl.frames import Frames
from emulator.services.stepfunctions.asl.interpreter import MAX_STEPS_PER_RUN, Run
from emulator.services.stepfunctions.asl.messages import Execution, GoOn, Outcome, Start

ARN = "arn:aws:states:us-east-1:000000000000:{}:m"
CIRCLE = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}


def run(definition: dict[str, Any], host_time: Callable[[], float], given: Any = None) -> Outcome:
    execution = Execution(
        ARN.format("execution") + ":e",
        "e",
        "role",
        0.0,
        ARN.format("stateMachine"),
        "m",
        "us-east-1",
        Data(given or {}),
    )
    machine = compile_definition(json.dumps(definition))
    frames = Frames(lambda key: None)
    return Run(
        machine, execution, frames, 0.0, lambda: 0.5, lambda: "id", host_time=host_time
    ).signal(Start())  # fmt: skip


def test_a_circle_goes_on_in_another_commit_after_many_steps() -> None:
    outcome = run(CIRCLE, lambda: 0.0)
    assert outcome.commands == [GoOn(slow=False)]
    assert len(outcome.events) == 1 + 2 * MAX_STEPS_PER_RUN


def test_steps_that_take_long_go_on_in_another_commit_of_those_that_are_worked_on_one_at_a_time() -> None:
    seconds = iter(range(1000))
    outcome = run(CIRCLE, lambda: next(seconds) / 100)
    assert outcome.commands == [GoOn(slow=True)]
    assert len(outcome.events) < 15


def test_all_expressions_of_a_step_share_the_time_that_one_may_take() -> None:
    rules = [{"Condition": f"{{% $states.input.x = {number} %}}", "Next": "End"} for number in range(3)]
    endless = "{% ($f := function($x){$f($x)}; $f(1)) %}"
    choice = {"Type": "Choice", "Choices": [*rules, {"Condition": endless, "Next": "End"}], "Default": "End"}
    machine = {
        "QueryLanguage": "JSONata", "StartAt": "C", "States": {"C": choice, "End": {"Type": "Succeed"}},
    }  # fmt: skip
    seconds = iter((0.0, 0.0, 0.3, 0.6, 0.9, 1.2))
    outcome = run(machine, lambda: next(seconds))
    assert outcome.ended is not None
    assert outcome.ended.error == "States.QueryEvaluationError"
    assert "D1012: The expressions of this state take too long." in (outcome.ended.cause or "")


MANY: dict[str, Any] = {"x": [{"a": number, "b": [number]} for number in range(2_000)]}
SLOW_PARAMETERS: list[dict[str, Any]] = [
    {"r.$": "$.x[?(@.a in $.x[*].a)]"},
    {"r.$": "$.x[?(@.a == $..b)]"},
    {"r.$": "$.x[?($.x == $.x)]"},
    {f"r{number}.$": "States.ArrayContains($.x, -1)" for number in range(1_000)},
    {f"r{number}.$": "$..a" for number in range(1_000)},
]


@pytest.mark.parametrize("parameters", SLOW_PARAMETERS)
def test_paths_that_take_too_long_fail_the_state(parameters: dict[str, Any]) -> None:
    machine = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Parameters": parameters, "End": True}}}
    looks = iter(range(1_000_000))
    ended = run(machine, lambda: next(looks) / 20, MANY).ended
    assert ended is not None
    assert (ended.error, (ended.cause or "")[-49:]) == (
        "States.Runtime", "The paths of this state take too long to look up.",
    )  # fmt: skip


def test_rules_that_take_too_long_fail_their_choice() -> None:
    rules = [{"Variable": "$..a", "NumericEquals": -1, "Next": "End"} for _ in range(100)]
    choice = {"Type": "Choice", "Choices": rules, "Default": "End"}
    looks = iter(range(1_000_000))
    ended = run(
        {"StartAt": "C", "States": {"C": choice, "End": {"Type": "Succeed"}}}, lambda: next(looks) / 20, MANY
    ).ended
    assert ended is not None
    assert ended.error == "States.Runtime"
