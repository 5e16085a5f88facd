"""Random machines with random answers: the signals an execution got reproduce its history, and nothing crashes it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.services.stepfunctions.asl.messages import Signal
from emulator.services.stepfunctions.asl.validate import validate
from tests.unit.services.stepfunctions.asl_run import FUNCTION, Driver, Failure, Never

ERRORS = ["States.ALL", "States.TaskFailed", "States.Timeout", "Bad", "Worse"]
PATHS = ["$", "$.a", "$.a[0]", "$['b']", "$..a", "$.a[*]", "$.b[?(@.a > 1)]", "$[-1:]", "$.c.d", "$$.State.Name", "$x"]
CALLS = [
    "States.Format('{} and {}', $.a, $)", "States.MathAdd($.a, 1)", "States.ArrayPartition($.b, 2)",
    "States.StringToJson($.a)", "States.JsonToString($)", "States.ArrayGetItem($.b, 0)", "States.ArrayRange(1, 5, $.a)",
    "States.Base64Encode($.a)", "States.JsonMerge($.c, $, false)", "States.ArrayUnique($.b)", "States.Hash($.a, 'MD5')",
]  # fmt: skip
EXPRESSIONS = [
    "$states.input", "$states.input.a", "$states.input.b[0]", "$states.input.a + 1", "$count($states.input)", "$x",
    "$sum($states.input.b)", "$string($states.input)", "$states.context.State.Name", "{'a': $states.input.a}",
    "$map($states.input.b, function($v){$v})", "$not($states.input.a)", "$range(1, 3, 1)", "$uuid()", "$error('own')",
]  # fmt: skip
scalars = st.one_of(st.none(), st.booleans(), st.integers(-3, 10), st.floats(-9, 9), st.text("ab{}$'", max_size=4))
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), inner, max_size=3)
    ),
    max_leaves=8,
)
answers = st.one_of(
    values,
    st.builds(
        Failure, st.sampled_from(["Bad", "Worse", "States.TaskFailed"]), st.one_of(st.none(), st.text(max_size=5))
    ),
    st.just(Never),
)


def fields(jsonata: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Members that change data on the way through a state."""
    if jsonata:
        filled = st.sampled_from([f"{{% {text} %}}" for text in EXPRESSIONS])
        return st.fixed_dictionaries({}, optional={"Output": filled, "Assign": st.fixed_dictionaries({"x": filled})})
    sources = st.sampled_from(PATHS + CALLS)
    template = st.fixed_dictionaries({"k.$": sources, "l": values})
    return st.fixed_dictionaries(
        {},
        optional={
            "InputPath": st.sampled_from(["$", "$.a", "$.b", None]),
            "OutputPath": st.sampled_from(["$", "$.r", None]),
            "ResultPath": st.sampled_from(["$", "$.r", "$.a.b", None]),
            "Parameters": template,
            "Assign": st.fixed_dictionaries({"x.$": sources}),
        },
    )


handlers = st.fixed_dictionaries(
    {},
    optional={
        "Retry": st.lists(
            st.fixed_dictionaries(
                {"ErrorEquals": st.sampled_from(ERRORS[1:]).map(lambda name: [name])},
                optional={"MaxAttempts": st.integers(0, 3), "IntervalSeconds": st.integers(1, 9)},
            ),
            min_size=1,
            max_size=2,
        ),
        "Catch": st.sampled_from(ERRORS).map(lambda name: [{"ErrorEquals": [name], "Next": "END"}]),
    },
)


@st.composite
def scopes(draw: st.DrawFn, depth: int, prefix: str) -> dict[str, Any]:
    """A chain of states that ends; names are unique in the whole machine."""
    states: dict[str, Any] = {}
    length = draw(st.integers(1, 3))
    for number in range(length):
        kind = draw(st.sampled_from(["Pass", "Task", "Wait", "Choice", "Parallel", "Map", "Fail"]))
        jsonata = draw(st.booleans())
        name = f"{prefix}{number}"
        following = f"{prefix}{number + 1}" if number + 1 < length else f"{prefix}END"
        state = draw(_states(kind, jsonata, depth, name))
        for catcher in state.get("Catch", ()):
            catcher["Next"] = f"{prefix}END"
        for rule in state.get("Choices", ()):
            rule["Next"] = following
        if kind == "Choice":
            if draw(st.booleans()):
                state["Default"] = f"{prefix}END"
        elif kind != "Fail":
            state["Next"] = following
        states[name] = {**state, **({"QueryLanguage": "JSONata"} if jsonata else {})}
    states[f"{prefix}END"] = {"Type": "Succeed"}
    return {"StartAt": f"{prefix}0", "States": states}


@st.composite
def _states(draw: st.DrawFn, kind: str, jsonata: bool, depth: int, name: str) -> dict[str, Any]:
    if kind in ("Parallel", "Map") and depth == 0:
        kind = "Task"
    state: dict[str, Any] = {"Type": kind}
    if kind == "Fail":
        return {**state, "Error": "Bad"}
    if kind == "Wait":
        return {**state, "Seconds": draw(st.integers(0, 3))}
    if kind == "Choice":
        if jsonata:
            condition = draw(
                st.sampled_from(["$states.input.a = 1", "true", "$exists($states.input.b)", "$states.input"])
            )
            return {**state, "Choices": [{"Condition": f"{{% {condition} %}}"}]}
        rule = draw(st.sampled_from([{"IsPresent": True}, {"NumericGreaterThan": 1}, {"StringMatches": "a*"}]))
        return {**state, "Choices": [{"Variable": draw(st.sampled_from(["$.a", "$.b[0]", "$.c.d"])), **rule}]}
    given_fields = draw(fields(jsonata))
    if "Assign" in given_fields:  # an inner scope assigns no variable of an outer one
        given_fields["Assign"] = {"zyx"[depth] + name[1:]: value for name, value in given_fields["Assign"].items()}
    if kind != "Pass":
        state |= draw(handlers)
    if kind == "Task":
        state |= {"Resource": FUNCTION, **draw(st.sampled_from([{}, {"TimeoutSeconds": 5}]))}
        if jsonata and "Output" in given_fields and draw(st.booleans()):
            state["Arguments"] = given_fields["Output"]
    elif kind == "Parallel":
        branches = draw(st.integers(1, 2))
        state["Branches"] = [draw(scopes(depth - 1, f"{name}b{branch}")) for branch in range(branches)]
    elif kind == "Map":
        state |= {"ItemProcessor": draw(scopes(depth - 1, f"{name}m")), "MaxConcurrency": draw(st.integers(0, 2))}
        parameters = given_fields.pop("Parameters", None)
        if parameters is not None:
            state["ItemSelector"] = parameters
    return {**state, **given_fields}


@dataclass
class Recorder(Driver):
    """A driver that keeps what it sent; time as it was then is part of it."""

    sent: list[tuple[float, Signal]] = field(default_factory=list)

    def send(self, signal: Signal) -> list[Signal]:
        self.sent.append((self.now, signal))
        return super().send(signal)


def recorded(definition: dict[str, Any], value: Any, replies: list[Any]) -> Recorder:
    left = list(replies)
    driver = Recorder(definition, json.dumps(value), lambda _: left.pop(0) if left else {"a": 1})
    driver.run()
    return driver


def shown(driver: Driver) -> Any:
    ended = driver.ended
    return ended and (ended.status, ended.output and ended.output.text, ended.error, ended.cause)


@settings(max_examples=60, deadline=None)
@given(scopes(2, "s"), values, st.lists(answers, max_size=6))
def test_the_signals_of_an_execution_reproduce_its_history(
    definition: dict[str, Any], value: Any, replies: list[Any]
) -> None:
    problems = validate(json.loads(json.dumps(definition)), lambda resource, parameters: [])
    assert [problem for problem in problems if not problem.message.endswith("is not reachable.")] == []
    driver = recorded(definition, value, replies)
    events = driver.events
    assert [event.id for event in events] == list(range(1, len(events) + 1))
    assert all(0 <= event.previous_id < event.id for event in events)
    names = {event.details.get("name") for event in events if event.type.endswith("StateEntered")}
    assert all(event.details["name"] in names for event in events if event.type.endswith("StateExited")), (
        "only what was entered is left"
    )
    if driver.ended is None:  # a task without a time limit never answered
        assert any(reply is Never for reply in replies)
    else:
        assert events[-1].type in ("ExecutionSucceeded", "ExecutionFailed")
        assert sum(event.type.startswith("Execution") for event in events) == 2
    again = Driver(definition, json.dumps(value))
    for now, signal in driver.sent:
        again.now = now
        again.send(signal)
    assert again.events == events
    assert shown(again) == shown(driver)


@settings(max_examples=40, deadline=None)
@given(scopes(1, "s"), values, st.lists(answers, max_size=3), st.data())
def test_late_and_repeated_signals_change_nothing(
    definition: dict[str, Any], value: Any, replies: list[Any], data: st.DataObject
) -> None:
    driver = recorded(definition, value, replies)
    before = len(driver.events)
    if driver.ended is not None:
        return  # whoever moves executions does not signal one that has ended
    for _, signal in data.draw(st.lists(st.sampled_from(driver.sent[1:] or driver.sent), max_size=3)):
        if hasattr(signal, "token"):
            driver.send(signal)
    assert len(driver.events) == before
