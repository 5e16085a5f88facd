"""The variables that states refer to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.services.stepfunctions.asl.references import variable_references


def of(states: dict[str, Any], language: str = "JSONPath") -> dict[str, list[str]]:
    return variable_references(json.dumps({"QueryLanguage": language, "StartAt": "S", "States": states}))


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ({"Type": "Pass", "Parameters": {"a.$": "$x.b", "c": "$no", "d": {"e.$": "$$.State"}}}, ["x"]),
        ({"Type": "Pass", "Parameters": {"a.$": "States.Format('$no {}', $b, $.no, $a)"}}, ["a", "b"]),
        ({"Type": "Choice", "Choices": [{"Variable": "$guess", "StringEqualsPath": "$answer"}]}, ["answer", "guess"]),
        ({"Type": "Wait", "SecondsPath": "$seconds"}, ["seconds"]),
        ({"Type": "Fail", "ErrorPath": "$e", "CausePath": "States.Format('{}', $c)"}, ["c", "e"]),
        ({"Type": "Pass", "InputPath": "$x", "Assign": {"x": 1, "y.$": "$x"}}, ["x"]),
    ],
)
def test_paths_and_intrinsic_functions_refer_to_variables(state: dict[str, Any], names: list[str]) -> None:
    assert of({"S": state}) == {"S": names}


def test_nested_states_stand_for_themselves_and_states_without_variables_are_left_out() -> None:
    inner = {"StartAt": "Inner", "States": {"Inner": {"Type": "Pass", "InputPath": "$deep"}}}
    each = {"Type": "Map", "ItemsPath": "$items", "ItemProcessor": inner}
    both = {"Type": "Parallel", "Branches": [{"StartAt": "B", "States": {"B": {"Type": "Succeed"}}}]}
    assert of({"S": each, "P": both}) == {"S": ["items"], "Inner": ["deep"]}


def test_functions_and_local_names_of_jsonata_are_no_variables() -> None:
    assign = {"Type": "Pass", "Assign": {"known": 1, "other": 2}, "Next": "S"}
    expression = "{% ($local := $sum($known); $local + $states.input.x & '$other') %}"
    state = {"Type": "Pass", "Output": {"a": expression, "b": "$other"}}
    assert of({"A": assign, "S": state}, "JSONata") == {"S": ["known"]}
