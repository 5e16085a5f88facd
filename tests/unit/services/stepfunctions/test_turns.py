"""How much of an execution is one commit."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from emulator.services.stepfunctions.asl.data import Data
from emulator.services.stepfunctions.asl.definition import compile_definition
from emulator.services.stepfunctions.asl.frames import Frames
from emulator.services.stepfunctions.asl.interpreter import MAX_STEPS_PER_RUN, MOST_CARRIED, Run
from emulator.services.stepfunctions.asl.messages import (
    Execution,
    GoOn,
    Outcome,
    Resume,
    Signal,
    Start,
    TaskFailed,
    TaskSucceeded,
)
from emulator.services.stepfunctions.turns import MANY_SLOW, MOST_CHARACTERS, MOST_SLOW, Turn

ARN = "arn:aws:states:us-east-1:000000000000:{}:m"
CIRCLE = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "B"}, "B": {"Type": "Pass", "Next": "A"}}}


def run(
    definition: dict[str, Any],
    cpu_time: Callable[[], float],
    given: Any = None,
    frames: Frames | None = None,
    signal: Signal | None = None,
    turn_is_over: bool = False,
) -> Outcome:
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
    return Run(
        machine, execution, frames or Frames(lambda key: None), 0.0, lambda: 0.5, lambda: "id", cpu_time=cpu_time,
        turn_is_over=turn_is_over,
    ).signal(signal or Start())  # fmt: skip


def test_a_circle_goes_on_in_another_commit_after_many_steps() -> None:
    outcome = run(CIRCLE, lambda: 0.0)
    assert outcome.commands == [GoOn(slow=False)]
    assert len(outcome.events) == 1 + 2 * MAX_STEPS_PER_RUN


def test_steps_that_take_long_go_on_in_another_commit_of_those_that_are_worked_on_one_at_a_time() -> None:
    seconds = iter(range(1000))
    outcome = run(CIRCLE, lambda: next(seconds) / 100)
    assert outcome.commands == [GoOn(slow=True)]
    assert len(outcome.events) < 15


def test_nothing_begins_in_a_turn_that_is_over_but_what_waited_for_another_gets_its_step() -> None:
    frames = Frames(lambda key: None)
    first = run(CIRCLE, lambda: 0.0, frames=frames, turn_is_over=True)
    assert [event.type for event in first.events] == ["ExecutionStarted"]
    assert first.commands == [GoOn(slow=True)]
    seconds = iter(range(1000))
    then = run(CIRCLE, lambda: next(seconds) / 100, frames=frames, signal=Resume(), turn_is_over=True)
    assert [event.type for event in then.events][:2] == ["PassStateEntered", "PassStateExited"]


def test_a_map_over_large_items_goes_on_in_another_commit_after_some() -> None:
    each = {"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}}
    selector = {"big.$": "$.big"}
    mapped = {"Type": "Map", "ItemsPath": "$.items", "ItemSelector": selector, "ItemProcessor": each, "End": True}
    machine = {"StartAt": "M", "States": {"M": mapped}}
    frames = Frames(lambda key: None)
    outcome = run(machine, lambda: 0.0, {"big": "x" * 200_000, "items": [0] * 200}, frames=frames)
    commits, most = 1, 0
    while outcome.ended is None:
        assert outcome.commands == [GoOn(slow=False)]
        most = max(most, sum(len(text) for event in outcome.events for text in event.details.values()
                             if isinstance(text, str)))  # fmt: skip
        outcome = run(machine, lambda: 0.0, frames=frames, signal=Resume())
        commits += 1
    assert outcome.ended.error == "States.DataLimitExceeded"
    assert commits > 5
    assert most < 6 * MOST_CARRIED


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


def test_a_slow_run_ends_the_turn_for_others_until_the_loop_has_turned() -> None:
    async def use() -> list[bool]:
        turn, seen = Turn(), list[bool]()
        turn.used(0.01)
        seen.append(turn.over)
        turn.used(0.06)
        seen.append(turn.over)
        await asyncio.sleep(0)
        seen.append(turn.over)
        turn.used(0.0, MOST_CHARACTERS)
        seen.append(turn.over)
        turn.used(0.0, 1)
        seen.append(turn.over)
        return seen

    assert asyncio.run(use()) == [False, True, False, False, True]


def test_after_a_slow_step_the_next_one_waits_until_others_have_been_served() -> None:
    async def use() -> list[str]:
        turn, order = Turn(), list[str]()

        async def step(name: str, seconds: float) -> None:
            async with turn.one_at_a_time():
                order.append(name)
                turn.used(seconds, machine="slow")

        async def call() -> None:
            for _ in range(20):
                await asyncio.sleep(0)
            order.append("call")

        await asyncio.gather(step("first", 0.3), step("second", 0.0), call())
        assert turn.is_slow("slow")
        assert not turn.is_slow("another")
        return order

    assert asyncio.run(use()) == ["first", "call", "second"]


def test_only_so_many_machines_are_remembered_as_slow() -> None:
    async def use() -> list[bool]:
        turn = Turn()
        for number in range(MOST_SLOW + 1):
            turn.used(1.0, machine=str(number))
        turn.used(0.0, machine="0")
        return [turn.is_slow(name) for name in ("0", "1", str(MOST_SLOW))]

    assert asyncio.run(use()) == [False, True, True]


def test_once_many_machines_are_slow_those_that_nobody_knows_are_suspected() -> None:
    async def use() -> list[bool]:
        turn = Turn()
        turn.used(0.0, machine="calm")
        turn.used(0.0, machine="handed over", all_done=False)
        for number in range(MANY_SLOW - 1):
            turn.used(1.0, machine=str(number))
        seen = [turn.is_slow("new")]
        turn.used(1.0, machine="one more")
        return [*seen, *(turn.is_slow(name) for name in ("new", "handed over", "calm", "0"))]

    assert asyncio.run(use()) == [False, True, True, False, True]


WAITS = {
    "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken", "End": True,
    "Parameters": {"QueueUrl": "q", "MessageBody": {"t.$": "$$.Task.Token"}}, "ResultSelector": {"found.$": "$.n"},
    "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "Caught"}],
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "types", "ending"),
    [
        (TaskSucceeded("0.1", Data({"n": 1})), ["TaskSucceeded", "TaskStateExited", "ExecutionSucceeded"],
         '{"found":1}'),
        (TaskFailed("0.1", None, "why"),
         ["TaskFailed", "TaskStateExited", "PassStateEntered", "PassStateExited", "ExecutionSucceeded"],
         '{"Error":null,"Cause":"why"}'),
    ],
)  # fmt: skip
def test_an_answer_that_comes_in_a_turn_that_is_over_is_kept_until_the_next(
    answer: Signal, types: list[str], ending: str
) -> None:
    machine = {"StartAt": "T", "States": {"T": WAITS, "Caught": {"Type": "Pass", "End": True}}}
    stored: dict[str, str | None] = {}

    def step(signal: Signal, turn_is_over: bool = False) -> Outcome:
        frames = Frames(stored.get)
        outcome = run(machine, lambda: 0.0, frames=frames, signal=signal, turn_is_over=turn_is_over)
        stored.update(frames.changes())
        return outcome

    step(Start())
    heard = step(answer, turn_is_over=True)
    assert (heard.events, heard.commands[-1:]) == ([], [GoOn(slow=True)])
    assert step(answer, turn_is_over=True).events == []  # nobody waits for a second one
    went_on = step(Resume(), turn_is_over=True)
    assert [event.type for event in went_on.events] == types
    assert went_on.ended is not None
    assert went_on.ended.output is not None
    assert went_on.ended.output.text == ending
