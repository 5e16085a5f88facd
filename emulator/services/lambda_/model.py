"""What a function is, and AWS's decisions about asynchronous events. Values and pure functions only.

Decides what is stored of a function, how it is shown, and what happens after an attempt (lambda_async 2.2).
Where it is kept and who runs it is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from emulator.aws.scope import Scope
from emulator.services.lambda_.rules.names import LATEST, function_arn

# ── functions ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Function:
    """One function as it is stored; `configuration` holds its settings in AWS's member names."""

    scope: Scope
    name: str
    configuration: dict[str, Any]
    code_sha256: str
    code_size: int
    revision_id: str
    last_modified: float
    reserved_concurrency: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    policy: list[dict[str, Any]] = field(default_factory=list)
    policy_revision: str = ""

    @property
    def arn(self) -> str:
        """Unqualified ARN."""
        return function_arn(self.scope, self.name)

    def describe(self, qualified: bool = False) -> dict[str, Any]:
        """`FunctionConfiguration` without the state members, as lists show it [R:test_list_functions]."""
        return {
            "FunctionName": self.name,
            "FunctionArn": f"{self.arn}:{LATEST}" if qualified else self.arn,
            **self.configuration,
            "CodeSize": self.code_size,
            "CodeSha256": self.code_sha256,
            "LastModified": timestamp(self.last_modified),
            "Version": LATEST,
            "RevisionId": self.revision_id,
        }

    def describe_with_state(self, qualified: bool = False) -> dict[str, Any]:
        """`FunctionConfiguration` as single reads show it [R:test_function_lifecycle]."""
        return {
            **self.describe(qualified),
            "RuntimeVersionConfig": {"RuntimeVersionArn": self._runtime_version_arn()},
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }

    def describe_created(self, revision_id: str) -> dict[str, Any]:
        """The answer to CreateFunction: still pending, under a revision that the next read has left behind."""
        result = self.describe_with_state()
        del result["LastUpdateStatus"]
        return {
            **result,
            "RevisionId": revision_id,
            "State": "Pending",
            "StateReason": "The function is being created.",
            "StateReasonCode": "Creating",
        }

    def describe_updated(self, revision_id: str) -> dict[str, Any]:
        """The answer to an update; the reason's odd text is recorded [R:test_function_lifecycle]."""
        return {
            **self.describe_with_state(),
            "RevisionId": revision_id,
            "LastUpdateStatus": "InProgress",
            "LastUpdateStatusReason": "The function is being created.",
            "LastUpdateStatusReasonCode": "Creating",
        }

    def changed(self, **changes: Any) -> Function:
        """A copy with other values."""
        return replace(self, **changes)

    def _runtime_version_arn(self) -> str:
        # AWS's value is the hash of an image nobody else has; ours is stable for a runtime's name.
        runtime = str(self.configuration.get("Runtime", ""))
        digest = (runtime.encode().hex() * 64)[:64]
        return f"arn:aws:lambda:{self.scope.region}::runtime:{digest}"


def timestamp(at: float) -> str:
    """`LastModified` of a function: text with milliseconds and a zone without colon."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def utc_text(at: float) -> str:
    """Timestamps inside invocation records."""
    return timestamp(at)[:-5] + "Z"


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

MOST_HOPS = 16
"""Lambda → Lambda hand-offs before AWS calls it a loop and drops the event (2.7)."""


@dataclass(frozen=True, slots=True)
class Event:
    """An accepted asynchronous invocation: what its job remembers between attempts."""

    request_id: str
    scope: Scope
    name: str
    qualifier: str | None
    accepted_at: float
    attempts: int = 0
    """Attempts that ran the function, whatever came of them."""
    throttles: int = 0
    """Waits for capacity since the function last ran; decides the next back-off only."""
    hops: int = 0

    def to_payload(self) -> dict[str, Any]:
        """The job's payload."""
        return {
            "request_id": self.request_id,
            "account": self.scope.account,
            "region": self.scope.region,
            "function_name": self.name,
            "qualifier": self.qualifier,
            "accepted_at": self.accepted_at,
            "attempts": self.attempts,
            "throttles": self.throttles,
            "hops": self.hops,
        }

    @staticmethod
    def from_payload(payload: dict[str, Any]) -> Event:
        """The event a job holds."""
        return Event(
            payload["request_id"],
            Scope(payload["account"], payload["region"]),
            payload["function_name"],
            payload["qualifier"],
            payload["accepted_at"],
            payload["attempts"],
            payload["throttles"],
            payload["hops"],
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
            return Discard("RetriesExhausted")
        delay = rules.retry_delays_seconds[min(event.attempts, len(rules.retry_delays_seconds)) - 1]
        following = replace(event, throttles=0)
    else:
        # The exponent is bounded: an event throttled for hours must not overflow a float.
        delay = min(rules.backoff_first_seconds * 2.0 ** min(event.throttles, 60), rules.backoff_max_seconds)
        following = replace(event, throttles=event.throttles + 1)
    # On AWS an attempt takes time, so a wait that ends exactly at the limit is too late there: age 60 gives one
    # attempt (recorded). In frozen time an attempt may take none; the boundary itself counts as exceeded.
    if now - event.accepted_at + delay >= rules.maximum_event_age_seconds - _CLOCK_NOISE_SECONDS:
        return Discard("EventAgeExceeded")
    return Retry(now + delay, following)


def invocation_record(
    event: Event, condition: str, request_payload: Any, now: float, response: tuple[Any, str | None] | None
) -> dict[str, Any]:
    """The record a destination receives (2.5); `response` is (payload, function error) of the last attempt."""
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": utc_text(now),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": f"{function_arn(event.scope, event.name)}:{event.qualifier or LATEST}",
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": request_payload,
    }
    if response is not None:
        payload, function_error = response
        record["responseContext"] = {"statusCode": 200, "executedVersion": LATEST}
        if function_error is not None:
            record["responseContext"]["functionError"] = function_error
        record["responsePayload"] = payload
    return record


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


def trace_header(request_id: str, at: float, arn: str) -> str:
    """`X-Amzn-Trace-Id` of an invocation, derived from its request id so that all attempts share the root."""
    digits = "".join(character for character in request_id.lower() if character in "0123456789abcdef").ljust(32, "0")
    lineage = sum(arn.encode()) & 0xFFFFFFFF
    return f"Root=1-{int(at):08x}-{digits[:24]};Parent={digits[16:32]};Sampled=0;Lineage=1:{lineage:08x}:0"
