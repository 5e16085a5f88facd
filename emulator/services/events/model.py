"""What buses, rules, targets and events are, and EventBridge's rules about them. Values and pure decisions.

Texts of errors are AWS's where known (API reference, recordings of putEvents by Step Functions); "unverified" marks
our own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Json

DEFAULT_BUS = "default"
LARGEST_REQUEST_BYTES = 1_048_576
"""Total of a PutEvents request; 256 KB until 2026 (lambda_invoke.md: the event source side is 1 MB now)."""
MOST_TARGETS = 5
MOST_RETRIES = 185
LONGEST_AGE_SECONDS = 86_400
FIRST_RETRY_SECONDS = 1.0
LONGEST_RETRY_SECONDS = 600.0
"""AWS says exponential back-off with jitter up to a day and no numbers; both are unverified."""

ENABLED = ("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


def invalid(text: str) -> AwsError:
    """EventBridge's ValidationException."""
    return AwsError("ValidationException", text)


def not_found(text: str) -> AwsError:
    """EventBridge's ResourceNotFoundException (status 400, as every error of the JSON protocol here)."""
    return AwsError("ResourceNotFoundException", text)


def no_rule(name: str, bus: str) -> AwsError:
    """There is no rule of that name on the bus."""
    return not_found(f"Rule {name} does not exist on EventBus {bus}.")


def no_bus(name: str) -> AwsError:
    """There is no bus of that name."""
    return not_found(f"Event bus {name} does not exist.")


# ── values ──────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Bus:
    """An event bus. Every account and region has `default`, stored only once something of it was changed."""

    scope: Scope
    name: str
    created_at: float | None = None
    modified_at: float | None = None
    description: str | None = None
    policy: str | None = None
    kms_key: str | None = None
    dead_letter_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:events:{self.scope.region}:{self.scope.account}:event-bus/{self.name}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a bus."""

    scope: Scope
    bus: str
    name: str
    pattern: str | None = None
    schedule: str | None = None
    state: str = "ENABLED"
    description: str | None = None
    role_arn: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        path = self.name if self.bus == DEFAULT_BUS else f"{self.bus}/{self.name}"
        return f"arn:aws:events:{self.scope.region}:{self.scope.account}:rule/{path}"

    @property
    def enabled(self) -> bool:
        return self.state in ENABLED

    def described(self) -> dict[str, Any]:
        """As ListRules and DescribeRule show it, absent members left out."""
        shown = {
            "Name": self.name,
            "Arn": self.arn,
            "EventPattern": self.pattern,
            "State": self.state,
            "Description": self.description,
            "ScheduleExpression": self.schedule,
            "RoleArn": self.role_arn,
            "EventBusName": self.bus,
        }
        return {name: value for name, value in shown.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Target:
    """A target of a rule: AWS's own structure, read by name."""

    definition: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.definition["Id"]

    @property
    def arn(self) -> str:
        return self.definition["Arn"]

    @property
    def dead_letter_arn(self) -> str | None:
        return (self.definition.get("DeadLetterConfig") or {}).get("Arn")

    @property
    def is_outside(self) -> bool:
        """Whether no transaction can hold it: what leaves this process, or makes its caller wait."""
        arn = Arn.parse(self.arn)
        if arn is None:
            return False
        if arn.service == "events":
            return arn.resource.startswith("api-destination/")
        return arn.service in ("kinesis", "firehose", "execute-api")

    @property
    def most_retries(self) -> int:
        given = (self.definition.get("RetryPolicy") or {}).get("MaximumRetryAttempts")
        return MOST_RETRIES if given is None else int(given)

    @property
    def longest_age(self) -> float:
        given = (self.definition.get("RetryPolicy") or {}).get("MaximumEventAgeInSeconds")
        return float(LONGEST_AGE_SECONDS if given is None else given)


def event_of(
    scope: Scope,
    identifier: str,
    at: float,
    source: str,
    detail_type: str,
    detail: Json,
    resources: list[str],
) -> dict[str, Any]:
    """An event in EventBridge's envelope."""
    return {
        "version": "0",
        "id": identifier,
        "detail-type": detail_type,
        "source": source,
        "account": scope.account,
        "time": iso(at),
        "region": scope.region,
        "resources": resources,
        "detail": detail,
    }


def iso(at: float) -> str:
    """`2026-01-31T12:00:00Z`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def seconds_of(time: str) -> float:
    """The epoch seconds of an event's `time`."""
    return datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp()


def as_text(value: Json) -> str:
    """JSON as EventBridge sends it: compact, not escaped; lone surrogates, which UTF-8 cannot carry, become `?`.

    Raises ValueError for what JSON cannot say (an infinite number).
    """
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "replace").decode()


def bus_of(scope: Scope, name_or_arn: str | None) -> tuple[Scope, str]:
    """Where a bus is: its ARN may name another account or region."""
    if not name_or_arn:
        return scope, DEFAULT_BUS
    arn = Arn.parse(name_or_arn)
    if arn is None:
        return scope, name_or_arn
    return Scope(arn.account, arn.region), arn.resource.removeprefix("event-bus/")


def retry_delay(attempts: int, chance: float) -> float:
    """Seconds before the next try after `attempts`; `chance` in [0, 1) is the jitter."""
    longest = min(FIRST_RETRY_SECONDS * 2.0 ** min(attempts - 1, 30), LONGEST_RETRY_SECONDS)
    return longest * (0.5 + chance / 2)


def exhausted(target: Target, attempts: int, first_at: float, next_at: float) -> str | None:
    """The condition of the retry policy that forbids another try at `next_at`, or None."""
    if attempts > target.most_retries:
        return "MaximumRetryAttempts"
    if next_at - first_at > target.longest_age:
        return "MaximumEventAgeInSeconds"
    return None
