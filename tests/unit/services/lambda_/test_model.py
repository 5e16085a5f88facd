"""The decision table of the event queue against the timelines of the reference (lambda_async 2.10)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import pytest

from emulator.aws.scope import Scope
from emulator.services.lambda_.destinations import invocation_record
from emulator.services.lambda_.events import (
    FUNCTION_ERROR,
    NOT_ACTIVE,
    RECURSIVE_INVOCATION,
    SUCCESS,
    SYSTEM_ERROR,
    THROTTLE,
    ZERO_RESERVED_CONCURRENCY,
    Discard,
    Done,
    Event,
    LastAnswer,
    Retry,
    RetryRules,
    after_attempt,
    before_attempt,
)
from emulator.services.lambda_.trace import following

T0 = 1_763_734_000.0
EVENT = Event("id", Scope(), "f", None, T0)


def life(rules: RetryRules, outcomes: list[str]) -> tuple[list[float], object]:
    """(seconds at which attempts happened, final decision) of an event whose function takes no time."""
    event, now, at = EVENT, T0, list[float]()
    for outcome in outcomes:
        at.append(now - T0)
        if outcome in (SUCCESS, FUNCTION_ERROR):
            event = replace(event, attempts=event.attempts + 1)
        decision = after_attempt(event, outcome, rules, now)
        if not isinstance(decision, Retry):
            return at, decision
        now, event = decision.due_at, decision.event
    return at, None


@pytest.mark.parametrize(
    ("rules", "outcomes", "attempts_at", "ending"),
    [
        (RetryRules(), [FUNCTION_ERROR] * 9, [0, 60, 180], Discard("RetriesExhausted")),
        (RetryRules(maximum_retry_attempts=0), [FUNCTION_ERROR] * 9, [0], Discard("RetriesExhausted")),
        (RetryRules(maximum_retry_attempts=1), [FUNCTION_ERROR] * 9, [0, 60], Discard("RetriesExhausted")),
        (RetryRules(maximum_event_age_seconds=59), [FUNCTION_ERROR] * 9, [0], Discard("EventAgeExceeded")),
        (RetryRules(maximum_event_age_seconds=90), [FUNCTION_ERROR] * 9, [0, 60], Discard("EventAgeExceeded")),
        (RetryRules(maximum_event_age_seconds=60), [FUNCTION_ERROR] * 9, [0], Discard("EventAgeExceeded")),
        (RetryRules(maximum_event_age_seconds=180), [FUNCTION_ERROR] * 9, [0, 60], Discard("EventAgeExceeded")),
        (RetryRules(maximum_event_age_seconds=181), [FUNCTION_ERROR] * 9, [0, 60, 180], Discard("RetriesExhausted")),
        (RetryRules(), [FUNCTION_ERROR, SUCCESS], [0, 60], Done()),
        (RetryRules(), [SUCCESS], [0], Done()),
        (RetryRules(), [THROTTLE, THROTTLE, THROTTLE, SUCCESS], [0, 1, 3, 7], Done()),
        (RetryRules(), [THROTTLE] * 2 + [FUNCTION_ERROR] * 9, [0, 1, 3, 63, 183], Discard("RetriesExhausted")),
        (RetryRules(), [SYSTEM_ERROR, FUNCTION_ERROR, THROTTLE, SUCCESS], [0, 1, 61, 62], Done()),
        (RetryRules(maximum_event_age_seconds=60), [THROTTLE] * 99, [0, 1, 3, 7, 15, 31], Discard("EventAgeExceeded")),
        (RetryRules(0, 60), [FUNCTION_ERROR], [0], Discard("RetriesExhausted")),
    ],
)
def test_an_event_lives_as_the_reference_says(
    rules: RetryRules, outcomes: list[str], attempts_at: list[float], ending: object
) -> None:
    assert life(rules, outcomes) == (attempts_at, ending)


def test_a_backoff_never_exceeds_five_minutes_and_never_overflows() -> None:
    decision = after_attempt(replace(EVENT, throttles=5000), THROTTLE, RetryRules(), T0)
    assert isinstance(decision, Retry)
    assert decision.due_at == T0 + 300


def test_throttled_for_its_whole_life_an_event_is_given_up_within_its_age() -> None:
    attempts_at, ending = life(RetryRules(), [THROTTLE] * 999)
    assert ending == Discard("EventAgeExceeded")
    assert 21_000 < attempts_at[-1] <= 21_600


def test_an_event_survives_the_way_through_a_job() -> None:
    event = Event("id", Scope("111111111111", "eu-west-1"), "f", "$LATEST", T0, "Root=1", 2, 3)
    assert Event.from_payload(event.to_payload()) == event


def test_the_record_of_an_event_that_never_ran_has_no_response() -> None:
    record = invocation_record(EVENT, "ZeroReservedConcurrency", {"a": 1}, T0)
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record["requestPayload"] == {"a": 1}
    assert "responseContext" not in record
    assert "responsePayload" not in record


def test_the_record_of_a_failure_keeps_status_200() -> None:
    failed = replace(EVENT, attempts=3, last=LastAnswer('{"e": 1}', "Unhandled", "$LATEST"))
    record = invocation_record(failed, "RetriesExhausted", {}, T0)
    assert record["responsePayload"] == {"e": 1}
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["requestContext"]["functionArn"].endswith(":function:f:$LATEST")


# ── what must not begin ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Function:
    reserved: int | None = None
    recursive_loop: str = "Terminate"
    pending: bool = False

    @property
    def spec(self) -> Any:
        return cast(Any, self)

    @property
    def arn(self) -> str:
        return "arn:f"


def loop_of(invocations: int) -> str:
    header = ""
    for _ in range(invocations):
        header = following(header, "id", T0, "arn:f")
    return header


@pytest.mark.parametrize(
    ("function", "invocations", "reason"),
    [
        (Function(), 1, None),
        (Function(), 16, None),
        (Function(), 17, RECURSIVE_INVOCATION),
        (Function(recursive_loop="Allow"), 17, None),
        (Function(reserved=0), 1, ZERO_RESERVED_CONCURRENCY),
        (Function(reserved=1), 1, None),
        (Function(reserved=0), 17, RECURSIVE_INVOCATION),
        (Function(pending=True), 1, NOT_ACTIVE),
        (Function(pending=True, reserved=0), 17, NOT_ACTIVE),
    ],
)
def test_what_must_not_begin_whatever_places_are_free(function: Function, invocations: int, reason: str | None) -> None:
    assert before_attempt(function, loop_of(invocations)) == reason
