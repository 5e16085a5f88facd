"""Judging definitions: what is said, where, and with what warnings."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import pytest

from emulator.services.stepfunctions.asl import validate

PASS = {"Type": "Pass", "End": True}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING = "MISSING_TRANSITION_TARGET"


def judged(document: Any, mocked: frozenset[str] = frozenset()) -> list[str]:
    text = document if isinstance(document, str) else json.dumps(document)
    return [str(problem) for problem in validate.judge(text, lambda *_: [], mocked=mocked)]


def machine(start: str = "A", **states: Any) -> dict[str, Any]:
    return {"StartAt": start, "States": states}


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        (machine(A={"Type": "Pass", "Next": "B"}, B={"Type": "Pass", "Next": "A"}),
         ["MISSING_END_STATE: Workflow has no terminal state at null"]),
        (machine(A={"Type": "Pass", "Next": "NOPE"}),
         [f"{MISSING}: Missing 'Next' target: NOPE at /States/A/Next",
          "MISSING_END_STATE: Workflow has no terminal state at null"]),
        (machine(A={"Type": "Pass", "Next": "B"}, B={"Type": "Pass", "Next": "A"}, C=PASS),
         [f'{MISSING}: State "C" is not reachable. at /States/C']),
        (machine(A={"Type": "Pass", "Next": "C"}, B=PASS),
         [f"{MISSING}: Missing 'Next' target: C at /States/A/Next",
          f'{MISSING}: State "B" is not reachable. at /States/B']),
        (machine("X", A={"Type": "Pass", "Next": "B"}, B={"Type": "Succeed"}),
         [f"{MISSING}: Missing 'Next' target: X at /StartAt", f'{MISSING}: State "A" is not reachable. at /States/A']),
        (machine(A={"Type": "Choice", "Choices": [{"Variable": "$.x", "IsNull": True, "Next": "X"}], "Default": "Y"},
                 B=PASS),
         [f"{MISSING}: Missing 'Next' target: Y at /States/A/Default",
          f"{MISSING}: Missing 'Next' target: X at /States/A/Choices[0]/Next",
          f'{MISSING}: State "B" is not reachable. at /States/B']),
        (machine(A={**TASK, "Catch": [{"ErrorEquals": ["E"], "Next": "X"}]}),
         [f"{MISSING}: Missing 'Next' target: X at /States/A/Catch[0]/Next"]),
        (machine(A={**PASS, "TimeoutSeconds": 5, "Catch": []}),
         [f"{SCHEMA}: Field 'TimeoutSeconds' is not supported at /States/A",
          f"{SCHEMA}: Field 'Catch' is not supported at /States/A"]),
        ({**machine(A=PASS), "Extra": 1}, [f"{SCHEMA}: Field 'Extra' is not supported at /"]),
        (machine(A={**PASS, "Output": 1}),
         [f"{SCHEMA}: The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the 'JSONata' "
          "QueryLanguage at /States/A"]),
        (machine(A={"Type": "Map", "End": True,
                    "ItemProcessor": {"QueryLanguage": "JSONata", **machine("B", B=PASS)}}),
         [f"{SCHEMA}: Field 'QueryLanguage' is not supported at /States/A/ItemProcessor"]),
        (machine(A={**PASS, "QueryLanguage": "XPath", "Output": 1}),
         [f"{SCHEMA}: The field 'QueryLanguage' should have one of these values: [JSONPath, JSONata] at "
          "/States/A/QueryLanguage"]),
        (machine(A={"Type": "Parallel", "End": True, "Branches": [machine(A=PASS)]}),
         ["DUPLICATE_STATE_NAME: Duplicate State name: A at /States/A/Branches[0]/States/A"]),
        ("", [f"{SCHEMA}: Definition must be a valid JSON object at null"]),
        ("[]", [f"{SCHEMA}: Definition must be a valid JSON object at null"]),
        ({}, [f"{SCHEMA}: These fields are required: [States, StartAt] at /"]),
    ],
)  # fmt: skip
def test_problems_are_told_in_awss_words_and_order(document: Any, problems: list[str]) -> None:
    assert judged(document) == problems


@pytest.mark.parametrize(
    ("text", "sentence", "place"),
    [
        ("not a definition", "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token "
         "'null', 'true' or 'false')", (1, 4)),
        ('{\n  "StartAt": nope}', "Unrecognized token 'nope': was expecting (JSON String, Number, Array, Object or "
         "token 'null', 'true' or 'false')", (2, 18)),
        ("{'a': 1}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", (1, 3)),
        ('{"a": 1 "b": 2}', "Unexpected character ('\"' (code 34)): was expecting comma to separate Object entries",
         (1, 10)),
        ('{"a": [1 2]}', "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries",
         (1, 11)),
        ('{"a" 1}', "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
         (1, 7)),
        ('{"a": {"b": 1}', "Unexpected end-of-input: expected close marker for Object", (1, 15)),
        ('{"a', "Unexpected end-of-input: was expecting closing quote for a string value", (1, 4)),
    ],
)  # fmt: skip
def test_bad_json_is_told_with_line_and_column(text: str, sentence: str, place: tuple[int, int]) -> None:
    [problem] = validate.judge(text, lambda *_: [])
    where = f'[Source: (String)"{text}"; line: {place[0]}, column: {place[1]}]'
    assert (problem.code, problem.message, problem.location) == (
        "INVALID_JSON_DESCRIPTION",
        f"{sentence}\n at {where}",
        where,
    )


def test_the_source_in_a_location_is_cut_at_500_characters() -> None:
    text = '{"StartAt": ' + '"' + "x" * 600
    [problem] = validate.judge(text, lambda *_: [])
    assert f'{text[:500]}"[truncated 113 chars]; line: 1, column: 614]' in str(problem)


@pytest.mark.parametrize("path", ["$.x[*]", "$..x", "$.x[0:2]", "$.x[?(@.a)]"])
def test_a_path_that_must_lead_to_one_value_is_a_reference_path(path: str) -> None:
    inner = {"ItemProcessor": machine("B", B=PASS), "End": True}
    for field, state in (
        ("ItemsPath", {"Type": "Map", **inner}),
        ("MaxConcurrencyPath", {"Type": "Map", **inner}),
        ("SecondsPath", {"Type": "Wait", "End": True}),
        ("TimestampPath", {"Type": "Wait", "End": True}),
        ("TimeoutSecondsPath", TASK),
        ("ResultPath", PASS),
    ):
        problem = f"{SCHEMA}: Value is not a Reference Path at /States/A/{field}"
        assert judged(machine(A={**state, field: path})) == [problem]
        for good in ("$.a.b[0]", "$['a b']"):
            assert judged(machine(A={**state, field: good})) == []
    for elsewhere in ("$$.Execution.Input.n", "$variable.n"):
        assert judged(machine(A={"Type": "Wait", "End": True, "SecondsPath": elsewhere})) == []


def test_a_state_that_stands_twice_is_told_and_not_lost() -> None:
    text = '{"StartAt": "A", "States": {"A": {"Type": "Succeed"}, "A": {"Type": "Fail"}}}'
    assert judged(text) == ["DUPLICATE_STATE_NAME: Duplicate State name: A at null"]
    text = '{"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "x", "Error": "y"}}}'
    assert judged(text) == ["INVALID_JSON_DESCRIPTION: Duplicate field 'Error' at null"]


def test_states_within_states_are_judged_down_to_a_depth() -> None:
    inner: dict[str, Any] = machine("S0", S0=PASS)
    for depth in range(1, 30):
        inner = machine(f"S{depth}", **{f"S{depth}": {"Type": "Parallel", "End": True, "Branches": [inner]}})
    assert any(problem.startswith("TOO_DEEPLY_NESTED: ") for problem in judged(inner))


def test_a_mocked_state_may_call_what_is_not_emulated() -> None:
    text = json.dumps(machine(A={**TASK, "Resource": "arn:aws:states:::glue:startJobRun.sync"}))

    def refuse(resource: str, parameters: Any) -> list[tuple[str, str]]:
        return [("Resource", "no")]

    assert len(validate.judge(text, refuse)) == 1
    assert validate.judge(text, refuse, mocked=frozenset({"A"})) == []


def warned(document: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(problem.code, problem.location) for problem in validate.warnings(document)]


def test_values_that_look_evaluated_are_warned_of() -> None:
    parameters = {"a": "$.x", "b": ["$$.Execution.Id"], "c": {"d": "States.UUID()"}}
    assert warned(machine(A={**PASS, "Parameters": parameters})) == [
        ("NO_DOLLAR", "/States/A/Parameters/a"), ("NO_DOLLAR", "/States/A/Parameters/c/d"),
    ]  # fmt: skip
    assert warned(machine(A={**PASS, "Assign": {"a": "$.x"}})) == [("NO_DOLLAR", "/States/A/Assign/a")]
    assert warned(machine(A={**PASS, "Result": "$.x"})) == [("PASS_RESULT_IS_STATIC", "/States/A/Result")]
    assert warned(machine(A={**PASS, "Result": {"a.$": "$.x"}})) == [("PASS_RESULT_IS_STATIC", "/States/A/Result")]
    rule = {"And": [{"Variable": "$.a", "StringEquals": "$.b"}], "Next": "B"}
    assert warned(machine(A={"Type": "Choice", "Choices": [rule]}, B=PASS)) == [
        ("NO_PATH", "/States/A/Choices[0]/And[0]/StringEquals")
    ]
    assert warned(machine(A={"Type": "Fail", "Cause": "$.why"})) == [("NO_PATH", "/States/A/Cause")]
    inner = machine(B={**PASS, "Result": "$.x"})
    parallel = machine(A={"Type": "Parallel", "Branches": [inner], "End": True})
    assert warned(parallel) == [("PASS_RESULT_IS_STATIC", "/States/A/Branches[0]/States/B/Result")]


def test_what_looks_ordinary_is_not_warned_of() -> None:
    state = {
        **PASS,
        "Parameters": {"a.$": "$.x", "price": "$5", "b": "States of the art", "c": "$name"},
        "Result": "$5",
    }
    assert warned(machine(A=state)) == []
    assert warned({"QueryLanguage": "JSONata", **machine(A={"Type": "Fail", "Cause": "$.why"})}) == []
    assert warned({"StartAt": 1, "States": [{}]}) == []


def test_a_hostile_definition_is_judged_in_time_that_grows_with_its_length() -> None:
    states = {f"S{number}": {"Type": "Pass", "Bad": 1, "Next": f"S{number + 1}"} for number in range(10_000)}
    assert len(judged({"StartAt": "S0", "States": states})) == 10_001
    assert len(validate.judge("[" * 1_000_000, lambda *_: [])) == 1
    assert len(validate.judge('{"a":' * 200_000, lambda *_: [])) == 1
    name = "/" * 100_000
    assert len(judged({**machine(A=PASS), name: 1})) == 1


def assigning(name: str, **more: Any) -> dict[str, Any]:
    return {"Type": "Pass", "Assign": {name: 1}, "End": True, **more}


def within(inner: dict[str, Any], outer: dict[str, Any], config: dict[str, Any] | None = None) -> dict[str, Any]:
    """A machine of a state and a Map whose states assign, too."""
    processor = {"ProcessorConfig": config or {"Mode": "INLINE"}, "StartAt": "I", "States": {"I": inner}}
    each = {"Type": "Map", "ItemProcessor": processor, "End": True}
    return {"StartAt": "O", "States": {"O": {**outer, "End": False, "Next": "M"}, "M": each}}


def problems_of(definition: dict[str, Any]) -> list[tuple[str, str | None]]:
    return [(problem.message, problem.location) for problem in validate.judge(json.dumps(definition), lambda *_: [])]


def test_a_variable_of_an_outer_scope_cannot_be_assigned_in_an_inner_one() -> None:
    taken = "The variable 'x' is assigned in an outer scope already"
    where = "/States/M/ItemProcessor/States/I/Assign"
    assert problems_of(within(assigning("x"), assigning("x"))) == [(taken, f"{where}/x")]
    assert problems_of(within(assigning("x.$") | {"Assign": {"x.$": "$"}}, assigning("x"))) == [(taken, f"{where}/x.$")]
    assert problems_of(within(assigning("y"), assigning("x"))) == []
    distributed = {"Mode": "DISTRIBUTED", "ExecutionType": "STANDARD"}
    assert problems_of(within(assigning("x"), assigning("x"), distributed)) == []
    branches = [{"StartAt": name, "States": {name: assigning("x")}} for name in ("A", "B")]
    parallel = {"Type": "Parallel", "Branches": branches, "End": True}
    assert problems_of({"StartAt": "P", "States": {"P": parallel}}) == []
    caught = {**parallel, "Catch": [{"ErrorEquals": ["States.ALL"], "Next": "F", "Assign": {"x": 1}}]}
    assert [where for _, where in problems_of({"StartAt": "P", "States": {"P": caught, "F": {"Type": "Succeed"}}})] == [
        "/States/P/Branches[0]/States/A/Assign/x", "/States/P/Branches[1]/States/B/Assign/x",
    ]  # fmt: skip


def test_variables_of_siblings_and_of_scopes_that_were_left_are_no_outer_ones() -> None:
    one = {"StartAt": "X", "States": {"X": {**PASS, "Assign": {"x": 1}}}}
    two = {"StartAt": "Y", "States": {"Y": {**PASS, "Assign": {"x": 1}}}}
    each = {"Type": "Parallel", "Branches": [one, two], "Next": "Z"}
    assert problems_of(machine("P", P=each, Z={**PASS, "Assign": {"x": 1}})) == [
        ("The variable 'x' is assigned in an outer scope already", "/States/P/Branches[0]/States/X/Assign/x"),
        ("The variable 'x' is assigned in an outer scope already", "/States/P/Branches[1]/States/Y/Assign/x"),
    ]
    assert problems_of(machine("P", P=each, Z=PASS)) == []


def work(document: dict[str, Any]) -> int:
    """How many functions judging a definition calls."""
    text, calls = json.dumps(document), 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event.endswith("call")

    sys.setprofile(count)
    try:
        validate.judge(text, lambda *_: [])
    finally:
        sys.setprofile(None)
    return calls


def branches(count: int) -> dict[str, Any]:
    """As many scopes as variables of the scope around them."""
    assign = {**PASS, "End": False, "Next": "P", "Assign": {f"v{number}": 1 for number in range(count)}}
    each = [{"StartAt": f"X{number}", "States": {f"X{number}": PASS}} for number in range(count)]
    return machine("A", A=assign, P={"Type": "Parallel", "End": True, "Branches": each})


def circle(count: int) -> dict[str, Any]:
    rule = {"Variable": "$.a", "IsNull": True}
    states = {
        f"S{n}": {
            "Type": "Choice",
            "Choices": [{**rule, "Next": f"S{n * 7 % count}"}],
            "Default": f"S{(n + 1) % count}",
        }
        for n in range(count)
    }
    return machine("S0", **states)


def row(count: int) -> dict[str, Any]:
    states = {f"S{n}": {"Type": "Pass", "Next": f"S{n + 1}"} for n in range(count)}
    return machine("S0", **states, **{f"S{count}": PASS})


@pytest.mark.parametrize("shape", [branches, circle, row])
def test_judging_takes_as_long_as_the_definition_is(shape: Callable[[int], dict[str, Any]]) -> None:
    assert work(shape(2_000)) < 2.2 * work(shape(1_000))


def test_scopes_share_one_table_of_the_variables_around_them(monkeypatch: pytest.MonkeyPatch) -> None:
    looked = 0
    ask = validate._Judge.is_outer  # pyright: ignore[reportPrivateUsage]

    def counted(judge: validate._Judge, variable: str) -> bool:  # pyright: ignore[reportPrivateUsage]
        nonlocal looked
        looked += 1
        assert sum(map(len, judge.assigned.values())) <= 2_000
        return ask(judge, variable)

    monkeypatch.setattr(validate._Judge, "is_outer", counted)  # pyright: ignore[reportPrivateUsage]
    assert problems_of(branches(2_000)) == []
    assert looked == 2_000


@pytest.mark.parametrize("depth", [300, 450, 900, 5_000])
def test_a_definition_that_is_nested_too_deeply_for_its_readers_is_refused(depth: int) -> None:
    parameters = '{"a":' * depth + "1" + "}" * depth
    text = json.dumps(machine(A={**PASS, "Parameters": 0})).replace("0", parameters)
    assert "deeply" in judged(text)[0]


def test_places_of_problems_below_a_name_of_a_megabyte_are_short() -> None:
    each = [{"StartAt": f"X{number}", "States": {f"X{number}": {"Type": "No"}}} for number in range(500)]
    name = "x" * 500_000
    found = problems_of({"StartAt": name, "States": {name: {"Type": "Parallel", "End": True, "Branches": each}}})
    assert len(found) == 501
    assert all(len(place or "") < 1_200 for _, place in found)
