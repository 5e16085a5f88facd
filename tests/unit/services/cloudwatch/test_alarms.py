"""Which state datapoints put an alarm in: AWS's tables on missing data, line by line."""

from __future__ import annotations

import pytest

from emulator.aws.scope import Scope
from emulator.services.cloudwatch.alarms import ALARM, INSUFFICIENT, OK, Alarm, judge

KEEP = None


def alarm(needed: int, evaluated: int, treatment: str) -> Alarm:
    settings = {
        "Namespace": "App",
        "MetricName": "m",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": evaluated,
        "DatapointsToAlarm": needed,
        "Threshold": 10.0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": treatment,
    }
    return Alarm(Scope(), "a", settings, 0.0)


def points(picture: str) -> list[tuple[int, float | None]]:
    """`0` does not breach, `X` does, `-` is missing; oldest first."""
    meaning = {"0": 0.0, "X": 20.0, "-": None}
    return [(index * 60, meaning[char]) for index, char in enumerate(picture)]


@pytest.mark.parametrize(
    ("needed", "picture", "missing", "ignore", "breaching", "not_breaching"),
    [
        (3, "0-X-X", OK, OK, OK, OK),
        (3, "----0", OK, OK, OK, OK),
        (3, "-----", INSUFFICIENT, KEEP, ALARM, OK),
        (3, "0XX-X", ALARM, ALARM, ALARM, ALARM),
        (3, "--X--", ALARM, KEEP, ALARM, OK),
        (2, "0-X-X", ALARM, ALARM, ALARM, ALARM),
        (2, "00X0X", ALARM, ALARM, ALARM, ALARM),
        (2, "0-X--", OK, OK, ALARM, OK),
        (2, "----0", OK, OK, ALARM, OK),
        (2, "---X-", ALARM, KEEP, ALARM, OK),
    ],
)
def test_missing_data_is_treated_as_documented(
    needed: int, picture: str, missing: str, ignore: str | None, breaching: str, not_breaching: str
) -> None:
    expected = {"missing": missing, "ignore": ignore, "breaching": breaching, "notBreaching": not_breaching}
    found = {treatment: judge(alarm(needed, 3, treatment), points(picture)).state for treatment in expected}
    assert found == expected


def test_the_reason_is_told_in_aws_words() -> None:
    verdict = judge(alarm(1, 1, "missing"), points("00X"))
    assert verdict.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [20.0 (01/01/70 00:02:00)] was greater than the threshold"
        " (10.0) (minimum 1 datapoint for OK -> ALARM transition)."
    )
    verdict = judge(alarm(1, 1, "missing"), points("XX0"))
    assert verdict.reason == (
        "Threshold Crossed: 1 out of the last 1 datapoints [0.0 (01/01/70 00:02:00)] was not greater than the threshold"
        " (10.0) (minimum 1 datapoint for ALARM -> OK transition)."
    )
    assert judge(alarm(1, 1, "missing"), points("---")).reason == "Insufficient Data: 1 datapoint was unknown."
