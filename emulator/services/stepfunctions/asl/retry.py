"""How long to wait before another attempt, and which errors a name matches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

UNCATCHABLE = ("States.Runtime",)
"""Not even by their own name [R:test_catch_states_runtime]."""

NOT_TASK_FAILED = ("States.Timeout", "States.HeartbeatTimeout", "States.DataLimitExceeded")
"""`States.TaskFailed` covers every error of a task but these [D]."""


@dataclass(frozen=True, slots=True)
class Retrier:
    """One element of `Retry`."""

    errors: tuple[str, ...]
    interval_seconds: float = 1
    max_attempts: int = 3
    backoff_rate: float = 2.0
    max_delay_seconds: float | None = None
    full_jitter: bool = False


def delay_seconds(retrier: Retrier, attempt: int, random: float) -> float:
    """Wait before retry number `attempt` (1 is the first): Interval × Backoff^(n-1), capped, jittered."""
    ceiling = retrier.max_delay_seconds if retrier.max_delay_seconds is not None else 31_622_400.0
    try:
        delay = retrier.interval_seconds * retrier.backoff_rate ** (attempt - 1)
    except OverflowError:
        delay = ceiling
    delay = min(delay, ceiling)
    return delay * random if retrier.full_jitter else delay


def matches(names: Sequence[str], error: str | None) -> bool:
    """Whether `ErrorEquals` covers an error. `States.ALL` does not cover `States.DataLimitExceeded` [D]."""
    if error in UNCATCHABLE:
        return False
    for name in names:
        if name == error:
            return True
        if name == "States.ALL" and error != "States.DataLimitExceeded":
            return True
        if name == "States.TaskFailed" and error not in NOT_TASK_FAILED:
            return True
        if name == "States.Timeout" and error == "States.HeartbeatTimeout":
            return True
    return False


def choose(retriers: Sequence[Retrier], error: str | None) -> int | None:
    """Index of the first retrier that covers an error; it alone decides, even when its attempts are used up."""
    for index, retrier in enumerate(retriers):
        if matches(retrier.errors, error):
            return index
    return None
