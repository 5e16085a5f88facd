"""What schedules and their groups are, and how they are shown. Values and pure decisions.

The texts of `… already exists.` and `… does not exist.` are AWS's; those of targets and dates are unverified unless
they say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.services.scheduler.expressions import At, Cron, Every, next_time, parse, zone_of

DEFAULT_GROUP = "default"
MOST_GROUPS = 500
LONGEST_AGE_SECONDS = 86_400
MOST_RETRIES = 185
EARLIEST_START_SECONDS = 300.0
_LAST_DATE = 253_402_214_400.0
"""A day before the calendar ends, so that every time zone has it."""


def invalid(text: str) -> AwsError:
    """Scheduler's ValidationException."""
    return AwsError("ValidationException", text)


def no_schedule(name: str) -> AwsError:
    """There is no schedule of that name in the group."""
    return AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)


def no_group(name: str) -> AwsError:
    """There is no schedule group of that name."""
    return AwsError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)


def conflict(what: str, name: str) -> AwsError:
    """The name is taken."""
    return AwsError("ConflictException", f"{what} {name} already exists.", 409)


@dataclass(frozen=True, slots=True)
class Group:
    """A schedule group. Every account and region has `default`, stored only once it has tags."""

    scope: Scope
    name: str
    created_at: float = 0.0
    modified_at: float = 0.0
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    token: str = ""
    """`ClientToken` of the request that created it."""

    @property
    def arn(self) -> str:
        return f"arn:aws:scheduler:{self.scope.region}:{self.scope.account}:schedule-group/{self.name}"

    def shown(self) -> dict[str, Any]:
        """As GetScheduleGroup and ListScheduleGroups show it."""
        return {
            "Arn": self.arn,
            "CreationDate": self.created_at,
            "LastModificationDate": self.modified_at,
            "Name": self.name,
            "State": "ACTIVE",
        }


@dataclass(frozen=True, slots=True)
class Schedule:
    """A schedule: AWS's own structure, read by name."""

    scope: Scope
    group: str
    name: str
    definition: Mapping[str, Any]
    """What CreateSchedule or UpdateSchedule said, dates as epoch seconds."""
    created_at: float
    modified_at: float
    token: str = ""
    """`ClientToken` of the request that created it."""

    @property
    def arn(self) -> str:
        return f"arn:aws:scheduler:{self.scope.region}:{self.scope.account}:schedule/{self.group}/{self.name}"

    @property
    def target(self) -> Mapping[str, Any]:
        return self.definition["Target"]

    @property
    def enabled(self) -> bool:
        return self.definition.get("State", "ENABLED") == "ENABLED"

    @property
    def starts_at(self) -> float | None:
        return self.definition.get("StartDate")

    @property
    def ends_at(self) -> float | None:
        return self.definition.get("EndDate")

    @property
    def zone_name(self) -> str:
        return self.definition.get("ScheduleExpressionTimezone") or "UTC"

    @property
    def window_seconds(self) -> float:
        """How long after its time an invocation may come."""
        window = self.definition["FlexibleTimeWindow"]
        return window["MaximumWindowInMinutes"] * 60.0 if window["Mode"] == "FLEXIBLE" else 0.0

    @property
    def is_deleted_when_done(self) -> bool:
        return self.definition.get("ActionAfterCompletion") == "DELETE"

    def times(self) -> At | Every | Cron:
        """Its times. Raises `InvalidSchedule`, which no stored schedule does."""
        zone = zone_of(self.zone_name) or ZoneInfo("UTC")
        base = self.modified_at if self.starts_at is None else self.starts_at
        return parse(self.definition["ScheduleExpression"], zone, base)

    def next_after(self, after: float, late_seconds: float = 0.0) -> float | None:
        """Its next time."""
        return next_time(self.times(), after, self.starts_at, self.ends_at, late_seconds)

    def shown(self) -> dict[str, Any]:
        """As GetSchedule shows it: with defaults, absent members left out."""
        target = {**self.target, "RetryPolicy": retry_policy(self.target)}
        found: dict[str, Any] = {
            "ActionAfterCompletion": self.definition.get("ActionAfterCompletion") or "NONE",
            "Arn": self.arn,
            "CreationDate": self.created_at,
            "Description": self.definition.get("Description"),
            "EndDate": self.ends_at,
            "FlexibleTimeWindow": self.definition["FlexibleTimeWindow"],
            "GroupName": self.group,
            "KmsKeyArn": self.definition.get("KmsKeyArn"),
            "LastModificationDate": self.modified_at,
            "Name": self.name,
            "ScheduleExpression": self.definition["ScheduleExpression"],
            "ScheduleExpressionTimezone": self.zone_name,
            "StartDate": self.starts_at,
            "State": self.definition.get("State") or "ENABLED",
            "Target": target,
        }
        return {name: value for name, value in found.items() if value is not None}

    def summary(self) -> dict[str, Any]:
        """As ListSchedules shows it."""
        whole = self.shown()
        members = ("Arn", "CreationDate", "GroupName", "LastModificationDate", "Name", "State")
        return {**{name: whole[name] for name in members}, "Target": {"Arn": self.target["Arn"]}}


def retry_policy(target: Mapping[str, Any]) -> dict[str, int]:
    """The retry policy of a target, defaults included."""
    given: Mapping[str, Any] = target.get("RetryPolicy") or {}
    age, retries = given.get("MaximumEventAgeInSeconds"), given.get("MaximumRetryAttempts")
    return {
        "MaximumEventAgeInSeconds": LONGEST_AGE_SECONDS if age is None else age,
        "MaximumRetryAttempts": MOST_RETRIES if retries is None else retries,
    }


def check_dates(starts_at: float | None, ends_at: float | None, now: float) -> None:
    """Raise ValidationException for dates that AWS does not take; the first text is AWS's."""
    for name, at in (("StartDate", starts_at), ("EndDate", ends_at)):
        if at is not None and not at < _LAST_DATE:
            raise invalid(f"The {name} you specify is out of range.")
    if starts_at is not None and starts_at < now - EARLIEST_START_SECONDS:
        raise invalid("The StartDate you specify cannot be earlier than 5 minutes ago.")
    if ends_at is not None and ends_at <= now:
        raise invalid("The EndDate you specify must be later than the current time.")
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise invalid("The EndDate you specify must be later than the StartDate.")


def check_window(window: Mapping[str, Any]) -> None:
    """Raise ValidationException unless a flexible window has a length, and only it."""
    length = window.get("MaximumWindowInMinutes")
    if window["Mode"] == "FLEXIBLE" and length is None:
        raise invalid("MaximumWindowInMinutes is required when the FlexibleTimeWindow mode is FLEXIBLE.")
    if window["Mode"] == "OFF" and length is not None:
        raise invalid("MaximumWindowInMinutes must not be set when the FlexibleTimeWindow mode is OFF.")
