"""The mock configuration file of Step Functions Local."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.services.stepfunctions.mock_file import BadMockFile, answer, parse


def written(responses: Any, case: Any = None) -> str:
    machines = {"Orders": {"TestCases": {"Path": case if case is not None else {"Charge": "Answers"}}}}
    return json.dumps({"StateMachines": machines, "MockedResponses": {"Answers": responses}})


def test_an_attempt_finds_its_number_or_the_range_it_is_in() -> None:
    text = written({"0": {"Throw": {"Error": "Busy"}}, "1-2": {"Throw": {"Error": "Slow"}}, "3": {"Return": 7}})
    responses = (parse(text).case("Orders", "Path") or {})["Charge"]
    found = [answer(responses, attempt) for attempt in range(5)]
    values = [each.value if each is not None else None for each in found]
    assert values == [{"Error": "Busy"}, {"Error": "Slow"}, {"Error": "Slow"}, 7, None]
    assert [each.thrown for each in found if each is not None] == [True, True, True, False]


def test_the_states_of_all_cases_of_a_machine_are_known() -> None:
    document = json.loads(written({"0": {"Return": {}}}))
    document["StateMachines"]["Orders"]["TestCases"]["Other"] = {"Ship": "Answers"}
    found = parse(json.dumps(document))
    assert found.states("Orders") == {"Charge", "Ship"}
    assert found.states("unknown") == frozenset()
    assert found.case("Orders", "unknown") is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "line 1, column 2: not JSON"),
        ("[]", "the file must be a JSON object"),
        ("{}", "the field StateMachines is missing"),
        ('{"StateMachines": {}, "MockedResponse": {}}', "MockedResponse: the field is called MockedResponses"),
        ('{"StateMachines": {"M": {"Cases": {}}}}', "StateMachines.M: unknown field Cases"),
        (written({}), "MockedResponses.Answers has no response; the first attempt is called 0"),
        (written({"first": {"Return": 1}}), "MockedResponses.Answers.first: the key must be an attempt"),
        (written({"2-1": {"Return": 1}}), "MockedResponses.Answers.2-1: the key must be an attempt"),
        (written({"0-2": {"Return": 1}, "2": {"Return": 1}}), "MockedResponses.Answers: attempt 2 is answered twice"),
        (written({"0": {}}), "MockedResponses.Answers.0 must have exactly one of Return and Throw"),
        (written({"0": {"Return": 1, "Throw": {"Error": "E"}}}), "must have exactly one of Return and Throw"),
        (written({"0": {"Throw": {"Cause": "C"}}}), "MockedResponses.Answers.0.Throw.Error must be a string"),
        (written({"0": {"Throw": {"Error": "E", "Cause": 1}}}), "Throw.Cause must be a string"),
        (written({"0": {"Throw": {"Error": "E", "cause": "C"}}}), "Throw: unknown field cause"),
        (written({"0": {"Return": 1}}, {"Charge": "Else"}), "Path.Charge: there is no mocked response Else"),
        (written({"0": {"Return": 1}}, {"Charge": 1}), "Path.Charge must be the name of a mocked response"),
        (written({"0": {"Return": 1}}, []), "StateMachines.Orders.TestCases.Path must be a JSON object"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_file_is_said_by_its_place(text: str, problem: str) -> None:
    with pytest.raises(BadMockFile) as refused:
        parse(text)
    assert problem in str(refused.value)


def test_everything_wrong_is_said_at_once() -> None:
    with pytest.raises(BadMockFile) as refused:
        parse(written({"x": {"Return": 1}, "0": {}}, {"Charge": 1}))
    assert len(str(refused.value).splitlines()) == 3
