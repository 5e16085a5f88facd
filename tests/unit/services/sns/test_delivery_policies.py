"""When SNS tries again: the phases of delivery policies, and AWS's own policy for queues and functions."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.services.sns.model import DEFAULT_RETRIES, http_retry_delay, managed_retry_delay

FULL = {
    "minDelayTarget": 1,
    "maxDelayTarget": 60,
    "numRetries": 10,
    "numNoDelayRetries": 3,
    "numMinDelayRetries": 2,
    "numMaxDelayRetries": 2,
}


def delays(**policy: Any) -> list[float]:
    full = {**DEFAULT_RETRIES, **policy}
    found = [http_retry_delay(full, failures) for failures in range(1, 200)]
    return [round(delay, 1) for delay in found if delay is not None]


def test_an_endpoint_without_a_policy_is_tried_three_times_more_after_20_seconds_each() -> None:
    assert delays() == [20, 20, 20]


def test_the_phases_come_in_their_order() -> None:
    assert delays(**FULL) == [0, 0, 0, 1, 1, 1, 30.5, 60, 60, 60]


@pytest.mark.parametrize(
    ("function", "middle"), [("linear", 30.5), ("arithmetic", 15.8), ("geometric", 7.7), ("exponential", 7.7)]
)
def test_the_backoff_grows_from_one_target_to_the_other(function: str, middle: float) -> None:
    assert delays(**FULL, backoffFunction=function)[5:8] == [1, middle, 60]


def test_queues_and_functions_are_tried_for_23_days() -> None:
    found = [managed_retry_delay(failures) for failures in range(1, 100_017)]
    assert found[:5] == [0, 0, 0, 1, 1]
    assert [found[5], found[14], found[15], found[100_014], found[100_015]] == [1, pytest.approx(20), 20, 20, None]
    assert 23 < sum(delay for delay in found if delay is not None) / 86400 < 24
