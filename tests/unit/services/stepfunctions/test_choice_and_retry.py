"""Choice rules and retry arithmetic as tables."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.services.stepfunctions.asl import choice, retry
from emulator.services.stepfunctions.asl.retry import Retrier

from .asl_run import FUNCTION, Driver, Failure


def chosen(rule: dict[str, Any], value: str) -> str:
    states = {
        "C": {"Type": "Choice", "Choices": [{**rule, "Next": "Yes"}], "Default": "No"},
        "Yes": {"Type": "Succeed"},
        "No": {"Type": "Succeed"},
    }
    driver = Driver({"StartAt": "C", "States": states}, value).run()
    assert driver.ended is not None
    if driver.ended.status == "FAILED":
        return str(driver.ended.error)
    return driver.events[-2].details["name"]


@pytest.mark.parametrize(
    ("rule", "value", "expected"),
    [
        ({"StringEquals": "a"}, '{"v":"a"}', "Yes"),
        ({"StringEquals": "1"}, '{"v":1}', "No"),
        ({"StringLessThan": "b"}, '{"v":"a"}', "Yes"),
        ({"StringMatches": "log-*.txt"}, '{"v":"log-1.2.txt"}', "Yes"),
        ({"StringMatches": "a\\*b"}, '{"v":"axb"}', "No"),
        ({"StringMatches": "a\\*b"}, '{"v":"a*b"}', "Yes"),
        ({"StringMatches": "a\\\\*"}, json.dumps({"v": "a\\b"}), "Yes"),
        ({"StringMatches": "a\\\\*"}, json.dumps({"v": "a*b"}), "No"),
        ({"NumericEquals": 1}, '{"v":1.0}', "Yes"),
        ({"NumericEquals": 1}, '{"v":true}', "No"),
        ({"NumericGreaterThanEqualsPath": "$.w"}, '{"v":2,"w":2}', "Yes"),
        ({"BooleanEquals": False}, '{"v":false}', "Yes"),
        ({"TimestampLessThan": "2024-01-01T00:00:00Z"}, '{"v":"2024-01-01T00:30:00+01:00"}', "Yes"),
        ({"IsNull": True}, '{"v":null}', "Yes"),
        ({"IsPresent": False}, "{}", "Yes"),
        ({"IsNumeric": True}, '{"v":true}', "No"),
        ({"IsTimestamp": True}, '{"v":"2024-01-01"}', "No"),
        ({"StringEquals": "a"}, "{}", "States.Runtime"),
    ],
)
def test_a_comparison(rule: dict[str, Any], value: str, expected: str) -> None:
    assert chosen({"Variable": "$.v", **rule}, value) == expected


def test_and_stops_at_the_first_false_part() -> None:
    rule = {
        "And": [{"Variable": "$.v", "IsPresent": True}, {"Not": {"Variable": "$.v", "StringEquals": "x"}}],
    }
    assert chosen(rule, "{}") == "No"
    assert chosen(rule, '{"v":"y"}') == "Yes"
    assert chosen({"Or": [rule, {"Variable": "$.w", "IsPresent": True}]}, '{"w":1}') == "Yes"


def test_no_match_without_default_is_an_error() -> None:
    states = {
        "C": {"Type": "Choice", "Choices": [{"Variable": "$.v", "IsPresent": True, "Next": "S"}]},
        "S": {"Type": "Succeed"},
    }
    driver = Driver({"StartAt": "C", "States": states}).run()
    assert driver.ended is not None
    assert (driver.ended.error, (driver.ended.cause or "").partition("). ")[2]) == (
        "States.Runtime", "Failed to transition out of the state. The state does not point to a next state.",
    )  # fmt: skip


def test_matching_many_stars_takes_no_exponential_time() -> None:
    assert not choice.string_matches(choice.compile_pattern("*a" * 200 + "b"), "a" * 5000)


@pytest.mark.parametrize(
    ("attempt", "plain", "capped", "jitter"), [(1, 1.0, 1.0, 0.25), (2, 2.0, 2.0, 0.5), (3, 4.0, 3.0, 1.0)]
)
def test_the_delay_grows_is_capped_and_jittered(attempt: int, plain: float, capped: float, jitter: float) -> None:
    assert retry.delay_seconds(Retrier(("States.ALL",)), attempt, 0.25) == plain
    assert retry.delay_seconds(Retrier(("States.ALL",), max_delay_seconds=3), attempt, 0.25) == capped
    assert retry.delay_seconds(Retrier(("States.ALL",), full_jitter=True), attempt, 0.25) == jitter


def test_a_huge_backoff_stays_finite() -> None:
    assert retry.delay_seconds(Retrier(("E",), 99_999_999, 99_999_999, 1e300), 5_000, 1.0) == 31_622_400


@pytest.mark.parametrize(
    ("names", "error", "expected"),
    [
        (["States.ALL"], "Custom", True),
        (["States.ALL"], None, True),
        (["States.ALL"], "States.Timeout", True),
        (["States.ALL"], "States.DataLimitExceeded", False),
        (["States.DataLimitExceeded"], "States.DataLimitExceeded", True),
        (["States.ALL"], "States.Runtime", False),
        (["States.Runtime"], "States.Runtime", False),
        (["States.TaskFailed"], "Exception", True),
        (["States.TaskFailed"], "States.Timeout", False),
        (["States.Timeout"], "States.HeartbeatTimeout", True),
        (["A", "B"], "B", True),
        (["A"], "B", False),
    ],
)
def test_which_errors_a_name_covers(names: list[str], error: str | None, expected: bool) -> None:
    assert retry.matches(names, error) is expected


def test_a_retrier_counts_anew_in_the_next_state() -> None:
    retrying = {"Type": "Task", "Resource": FUNCTION, "Retry": [{"ErrorEquals": ["X"], "MaxAttempts": 2}]}
    answers = iter([Failure("X"), Failure("X"), 1, Failure("X"), Failure("X"), 2])
    states = {"A": {**retrying, "Next": "B"}, "B": {**retrying, "End": True}}
    driver = Driver({"StartAt": "A", "States": states}, answer=lambda _: next(answers)).run()
    assert driver.ended is not None
    assert driver.ended.status == "SUCCEEDED"
