"""Asynchronous events: what is known of one between attempts, and AWS's decisions about it (lambda_async 2.2).

Values and pure functions only. Who runs an event is `worker.py`'s, who hears of its end `destinations.py`'s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

from emulator.aws.scope import Scope
from emulator.ports import FunctionSpec
from emulator.services.lambda_.rules.names import LATEST, function_arn
from emulator.services.lambda_.trace import is_loop

# ── event invoke configs ────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class EventInvokeConfig:
    """What a function, under one qualifier, wants for its events; None leaves AWS's default."""

    name: str
    qualifier: str
    last_modified: float
    maximum_retry_attempts: int | None = None
    maximum_event_age_seconds: int | None = None
    on_success: str | None = None
    on_failure: str | None = None

    def describe(self, scope: Scope) -> dict[str, Any]:
        """`FunctionEventInvokeConfig`: both destination keys always, numbers only if set (2.3)."""
        result: dict[str, Any] = {
            "LastModified": self.last_modified,
            "FunctionArn": f"{function_arn(scope, self.name)}:{self.qualifier}",
            "DestinationConfig": {
                "OnSuccess": {"Destination": self.on_success} if self.on_success else {},
                "OnFailure": {"Destination": self.on_failure} if self.on_failure else {},
            },
        }
        if self.maximum_retry_attempts is not None:
            result["MaximumRetryAttempts"] = self.maximum_retry_attempts
        if self.maximum_event_age_seconds is not None:
            result["MaximumEventAgeInSeconds"] = self.maximum_event_age_seconds
        return result


# ── events ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class LastAnswer:
    """What a function answered to the latest attempt that ran it: the event's end may be decided later."""

    payload: str
    function_error: str | None
    executed_version: str


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted asynchronous invocation: what its job remembers between attempts."""

    request_id: str
    scope: Scope
    name: str
    qualifier: str | None
    accepted_at: float
    trace: str = ""
    """`X-Amzn-Trace-Id` of its invocations."""
    attempts: int = 0
    """Attempts that ran the function, whatever came of them."""
    throttles: int = 0
    """Waits for capacity since the function last ran; decides the next back-off only."""
    last: LastAnswer | None = None
    tells: tuple[str, dict[str, Any]] | None = None
    """Kind and payload of the job that is to know how it ended, for who invoked it (`ENDED_MEMBER`)."""

    @property
    def function_arn(self) -> str:
        """The function's ARN with the qualifier that was invoked, `$LATEST` if none was."""
        return f"{function_arn(self.scope, self.name)}:{self.qualifier or LATEST}"

    def to_payload(self) -> dict[str, Any]:
        """The job's payload."""
        payload: dict[str, Any] = {
            "request_id": self.request_id,
            "account": self.scope.account,
            "region": self.scope.region,
            "function_name": self.name,
            "qualifier": self.qualifier,
            "accepted_at": self.accepted_at,
            "trace": self.trace,
            "attempts": self.attempts,
            "throttles": self.throttles,
        }
        if self.last is not None:
            payload["last"] = [self.last.payload, self.last.function_error, self.last.executed_version]
        if self.tells is not None:
            payload["tells"] = list(self.tells)
        return payload

    @staticmethod
    def from_payload(payload: dict[str, Any]) -> Event:
        """The event a job holds."""
        return Event(
            payload["request_id"],
            Scope(payload["account"], payload["region"]),
            payload["function_name"],
            payload["qualifier"],
            payload["accepted_at"],
            payload["trace"],
            payload["attempts"],
            payload["throttles"],
            LastAnswer(*payload["last"]) if "last" in payload else None,
            (payload["tells"][0], payload["tells"][1]) if "tells" in payload else None,
        )


SUCCESS = "success"
FUNCTION_ERROR = "function_error"
THROTTLE = "throttle"
SYSTEM_ERROR = "system_error"


@dataclass(frozen=True, slots=True)
class RetryRules:
    """What governs an event: the function's config over AWS's defaults, with today's settings."""

    maximum_retry_attempts: int = 2
    maximum_event_age_seconds: float = 21600.0
    retry_delays_seconds: tuple[float, float] = (60.0, 120.0)
    backoff_first_seconds: float = 1.0
    backoff_max_seconds: float = 300.0


@dataclass(frozen=True, slots=True)
class Done:
    """The event is finished and succeeded."""


@dataclass(frozen=True, slots=True)
class Retry:
    """Try again at `due_at`; `event` is what the job remembers from now on."""

    due_at: float
    event: Event


@dataclass(frozen=True, slots=True)
class Discard:
    """The event is given up; `condition` is the word of AWS's invocation record."""

    condition: str


Decision = Done | Retry | Discard

RETRIES_EXHAUSTED = "RetriesExhausted"
EVENT_AGE_EXCEEDED = "EventAgeExceeded"
ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"
RECURSIVE_INVOCATION = "RecursiveInvocation"
"""Ours: which condition AWS's record names for a stopped loop is not documented (unverified)."""
FUNCTION_DELETED = "FunctionDeleted"
"""Ours, shown in the timeline only: nobody is left to be told."""

NOT_ACTIVE = "FunctionNotActive"
"""Ours: it is still being created; an event waits for that as for a failure of Lambda's own."""


class Startable(Protocol):
    """What must be known of a function before an attempt (`operations.state.Resolved`)."""

    @property
    def spec(self) -> FunctionSpec: ...
    @property
    def reserved(self) -> int | None: ...
    @property
    def recursive_loop(self) -> str: ...
    @property
    def pending(self) -> bool: ...


def before_attempt(function: Startable, trace_id: str) -> str | None:
    """Why an invocation must not run whatever places are free: one of the conditions above, or None (2.2, 2.7)."""
    if function.pending:
        return NOT_ACTIVE
    if function.recursive_loop == "Terminate" and is_loop(trace_id, function.spec.arn):
        return RECURSIVE_INVOCATION
    return ZERO_RESERVED_CONCURRENCY if function.reserved == 0 else None


_CLOCK_NOISE_SECONDS = 1e-3
"""Sums of epoch floats are not exact; AWS counts in milliseconds."""


def after_attempt(event: Event, outcome: str, rules: RetryRules, now: float) -> Decision:
    """What becomes of an event after an attempt that ended `now` (2.2).

    `event.attempts` counts the attempt that just ended if it ran the function. Attempts used up is decided
    before age; age looks ahead: a wait that would outlast it is not begun.
    """
    if outcome == SUCCESS:
        return Done()
    if outcome == FUNCTION_ERROR:
        if event.attempts > rules.maximum_retry_attempts:
            return Discard(RETRIES_EXHAUSTED)
        delay = rules.retry_delays_seconds[min(event.attempts, len(rules.retry_delays_seconds)) - 1]
        following = replace(event, throttles=0)
    else:
        # The exponent is bounded: an event throttled for hours must not overflow a float.
        delay = min(rules.backoff_first_seconds * 2.0 ** min(event.throttles, 60), rules.backoff_max_seconds)
        following = replace(event, throttles=event.throttles + 1)
    # On AWS an attempt takes time, so a wait that ends exactly at the limit is too late there: age 60 gives one
    # attempt (recorded). In frozen time an attempt may take none; the boundary itself counts as exceeded.
    if now - event.accepted_at + delay >= rules.maximum_event_age_seconds - _CLOCK_NOISE_SECONDS:
        return Discard(EVENT_AGE_EXCEEDED)
    return Retry(now + delay, following)


# ── what ran ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class InvocationRecord:
    """One line of the timeline: an attempt, or the end of an event that could not run."""

    request_id: str
    attempt: int
    function_arn: str
    invocation_type: str
    started_at: float
    ended_at: float
    outcome: str
    """`success`, `function_error`, `throttle`, `system_error` or `discarded`."""
    scope: Scope
    error_type: str | None = None
    detail: str | None = None
    """What was decided: `done`, `retry`, or the condition under which the event was discarded."""

    def describe(self) -> dict[str, Any]:
        """As the timeline shows it."""
        return {
            "request_id": self.request_id,
            "attempt": self.attempt,
            "function_arn": self.function_arn,
            "function_name": self.function_arn.rpartition(":")[2],
            "invocation_type": self.invocation_type,
            "started_at": self.started_at,
            "ended_at": self.ended_at,
            "outcome": self.outcome,
            "error_type": self.error_type,
            "decision": self.detail,
            "account": self.scope.account,
            "region": self.scope.region,
        }
