"""Intrinsic functions against results recorded from AWS."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.stepfunctions.asl import intrinsics
from emulator.services.stepfunctions.asl.data import dumps

from .asl_run import run_state


def result_of(expression: str, value: Any = None) -> Any:
    return run_state({"Type": "Pass", "Parameters": {"r.$": expression}}, value).output["r"]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("States.MathAdd(-9, 3)", -6),
        ("States.MathAdd(1.49, 1.5)", 3),
        ("States.MathAdd(1.5, 1.51)", 4),
        ("States.MathAdd(-1.49, -1.5)", -2),
        ("States.MathAdd(-1.5, -1.51)", -3),
        ("States.MathAdd(-0.5, 0.5)", 1),
        ("States.MathAdd(-0.5, 0)", 0),
        ("States.MathAdd(-3.5, 0)", -3),
        ("States.MathAdd(2.5, 0)", 3),
        ("States.StringSplit(',,,,', ',')", []),
        ("States.StringSplit(', , ,', ',')", [" ", " "]),
        ("States.StringSplit('This.is+a,test=string', '.+,=')", ["This", "is", "a", "test", "string"]),
        ("States.StringToJson('')", None),
        ("States.StringToJson(' ')", None),
        ("States.StringToJson('-0')", 0),
        ("States.JsonToString($.o)", '{"Arg1":1,"Arg2":[]}'),
        ("States.Format('of {}.', $.o)", "of {Arg1=1, Arg2=[]}."),
        ("States.Format('of {} and {}', null, 1.1)", "of null and 1.1"),
        ("States.Format('\\{\\} it\\'s {}', 'x')", "{} it's x"),
        ("States.Array()", []),
        ("States.Array(1, 'a', true, null)", [1, "a", True, None]),
        ("States.ArrayPartition($.l, 2)", [[1, 2], [3]]),
        ("States.ArrayContains($.l, 2)", True),
        ("States.ArrayContains($.l, true)", False),
        ("States.ArrayRange(0, 10, 3)", [0, 3, 6, 9]),
        ("States.ArrayGetItem($.l, 1)", 2),
        ("States.ArrayLength($.l)", 3),
        ("States.ArrayUnique($.u)", [None, True, False, 1, 1.1, 0, [], {"a": 1}]),
        ("States.Base64Encode('Data to encode')", "RGF0YSB0byBlbmNvZGU="),
        ("States.Base64Decode('RGF0YSB0byBlbmNvZGU=')", "Data to encode"),
        ("States.Hash('input data', 'MD5')", "812f45842bc6d66ee14572ce20db8e86"),
        ("States.Hash('input data', 'SHA-1')", "aaff4a450a104cd177d28d18d74485e8cae074b7"),
        ("States.JsonMerge($.o, States.StringToJson('{\"Arg1\":{}}'), false)", {"Arg1": {}, "Arg2": []}),
        ("States.UUID()", "an-id"),
        ("States.Format('{}', States.ArrayLength(States.StringSplit('a b', ' ')))", "2"),
    ],
)
def test_a_call_gives_what_aws_recorded(expression: str, expected: Any) -> None:
    value = {
        "o": {"Arg1": 1, "Arg2": []},
        "l": [1, 2, 3],
        "u": [None, None, True, False, True, 1, 1.1, 0, 1.1, [], [], {"a": 1}, {"a": 1}],
    }
    assert result_of(expression, value) == expected


def test_random_numbers_stay_in_range_and_repeat_with_a_seed() -> None:
    assert result_of("States.MathRandom(0, 10)") == 5
    first = result_of("States.MathRandom(0, 999, 3)")
    assert first == result_of("States.MathRandom(0, 999, 3)")
    assert 0 <= first <= 999


@pytest.mark.parametrize(
    "expression",
    [
        "States.ArrayRange(0, 5000, 1)",
        "States.ArrayRange(0, 1, 0)",
        "States.ArrayGetItem($.l, 3)",
        "States.ArrayPartition($.l, 0)",
        "States.Format('{}')",
        "States.Format('{}', 1, 2)",
        "States.Hash('a', 'CRC')",
        "States.StringToJson('{')",
        "States.JsonMerge($.l, $.l, false)",
        "States.ArrayLength($.none)",
    ],
)
def test_bad_arguments_are_an_intrinsic_failure(expression: str) -> None:
    driver = run_state({"Type": "Pass", "Parameters": {"r.$": expression}}, {"l": [1, 2, 3]})
    assert driver.ended is not None
    assert (driver.ended.status, driver.ended.error) == ("FAILED", "States.IntrinsicFailure")


@pytest.mark.parametrize(
    "text",
    [
        "States.Nope()", "States.UUID(1)", "States.Format('a", "States.Format('\\n')", "States.Array(1 2)", "x",
        "States.Array(" * 11 + ")" * 11, "States.Format('a') b",
    ],
)  # fmt: skip
def test_bad_syntax_is_refused_before_anything_runs(text: str) -> None:
    with pytest.raises(intrinsics.BadIntrinsic):
        intrinsics.parse(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (1e-5, "0.00001"), (1.5e-6, "0.0000015"), (1e-7, "1e-7"), (1e16, "10000000000000000"), (1e21, "1e+21"),
        (-2.5e-9, "-2.5e-9"), ({"1e-05": ["\\\"1e-05", 1e-5]}, '{"1e-05":["\\\\\\"1e-05",0.00001]}'),
    ],
)  # fmt: skip
def test_numbers_with_an_exponent_are_written_as_in_javascript(number: Any, text: str) -> None:
    assert dumps(number) == text
