"""What many values are summarised to."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.services.cloudwatch.distribution import MOST_DISTINCT, Distribution, is_statistic


def of(*values: float) -> Distribution:
    made = Distribution()
    for value in values:
        made.add(value)
    return made


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SampleCount", 10.0),
        ("Sum", 55.0),
        ("Average", 5.5),
        ("p10", 1.0),
        ("p50", 5.0),
        ("p99.9", 10.0),
        ("p100", 10.0),
        ("tm90", 5.0),
        ("TM(20%:80%)", 5.0),
        ("TM(:3)", 2.0),
        ("TC(2:4)", 3.0),
        ("TS(2:4)", 9.0),
        ("PR(:5)", 50.0),
        ("WM(2:9)", 5.5),
        ("IQM", 5.5),
    ],
)
def test_statistics_of_one_to_ten(name: str, expected: float) -> None:
    assert of(*range(1, 11)).statistic(name) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["p101", "p", "P50", "pr5", "TM()", "TM(:)", "p(1:2)", "sum", "TM(1%:200%)", ""])
def test_other_names_are_no_statistics(name: str) -> None:
    assert not is_statistic(name)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(-1e6, 1e6, allow_nan=False), min_size=1, max_size=60), st.integers(1, 59))
def test_parts_merged_are_the_whole_and_survive_the_store(values: list[float], cut: int) -> None:
    whole, left, right = of(*values), of(*values[:cut]), of(*values[cut:])
    left.merge(Distribution.from_json(right.to_json()))
    assert (left.count, left.least, left.greatest) == (whole.count, whole.least, whole.greatest)
    assert left.total == pytest.approx(whole.total, abs=1e-3)
    assert left.statistic("p50") == whole.statistic("p50")


def test_very_many_values_stay_few_and_nearly_exact() -> None:
    many = of(*(number / 7 for number in range(1, 50_001)))
    assert many.values is not None and len(many.values) <= 2 * MOST_DISTINCT
    assert many.count == 50_000
    assert many.statistic("p90") == pytest.approx(45_000 / 7, rel=0.05)


def test_a_statistic_set_spoils_percentiles_unless_its_values_are_equal() -> None:
    equal = Distribution()
    equal.add_set(3, 6, 2, 2)
    assert equal.statistic("p50") == 2
    different = of(1)
    different.add_set(3, 6, 1, 3)
    assert different.statistic("p50") is None
    assert different.statistic("Maximum") == 3
