"""Schedule expressions of EventBridge Scheduler: `at(…)`, `rate(…)` and `cron(…)` in a time zone. Pure.

Rules of https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html: a cron time that daylight saving
skips is skipped, one that it repeats runs once (the first time), and a day of a rate is 24 hours. Unverified: an `at`
that daylight saving skips is taken by the offset before the change; units of rates may be written in either number.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from emulator.services.events import schedule as rules
from emulator.services.events.schedule import InvalidSchedule

_AT = re.compile(r"at\((\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)\)", re.ASCII)
_RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)s?\)", re.ASCII)
_UNITS = {"minute": 60.0, "hour": 3600.0, "day": 86400.0}
_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(?:/[A-Za-z0-9_+\-]+)*", re.ASCII)
_MOST_SKIPPED = 10_000
"""Cron times in a row that a change of the clock may skip: minutes of an hour or, once in history, of a day."""
JUST_BEFORE = 0.001
"""Seconds: what is later than this before a time may be that time itself."""
LATE_SECONDS = 60.0
"""An `at` of the last minute is still invoked: Scheduler's precision is a minute. Earlier ones never (unverified)."""


@dataclass(frozen=True, slots=True)
class At:
    """Once."""

    at: float

    def next_after(self, after: float) -> float | None:
        """Its time, if that is still to come."""
        return self.at if self.at > after else None


@dataclass(frozen=True, slots=True)
class Every:
    """At `base` and every `seconds` from then on."""

    base: float
    seconds: float

    def next_after(self, after: float) -> float | None:
        """The first of its times later than `after`."""
        if after < self.base:
            return self.base
        return self.base + (math.floor((after - self.base) / self.seconds) + 1) * self.seconds


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes of a time zone's clock that match."""

    minutes: rules.Cron
    zone: ZoneInfo

    def next_after(self, after: float) -> float | None:
        """The first matching minute later than `after`."""
        wall = _wall(after, self.zone)
        for _ in range(_MOST_SKIPPED):
            found = self.minutes.next_after(wall)
            if found is None:
                return None
            at = _instant(found, self.zone)
            if at is not None and at > after:
                return at
            wall = found
        return None


def parse(expression: str, zone: ZoneInfo, base: float) -> At | Every | Cron:
    """The times of an expression; those of a rate are counted from `base`. Raises `InvalidSchedule`."""
    once = _AT.fullmatch(expression)
    if once is not None:
        try:
            moment = datetime(*(int(part) for part in once.groups()), tzinfo=zone)  # type: ignore[misc]
            return At(moment.timestamp())
        except (ValueError, OverflowError):
            raise InvalidSchedule(expression) from None
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        if int(rate[1]) < 1:
            raise InvalidSchedule(expression)
        return Every(base, int(rate[1]) * _UNITS[rate[2]])
    found = rules.parse(expression)
    if not isinstance(found, rules.Cron):
        raise InvalidSchedule(expression)
    return Cron(found, zone)


def zone_of(name: str) -> ZoneInfo | None:
    """The time zone of a name in the IANA database, or None."""
    if _ZONE.fullmatch(name) is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def next_time(
    times: At | Every | Cron, after: float, starts_at: float | None, ends_at: float | None, late_seconds: float = 0.0
) -> float | None:
    """The first time later than `after`, within the dates of the schedule; `at` knows no dates.

    `late_seconds`: an `at` that has passed by no more than this is still to come.
    """
    if isinstance(times, At):
        return times.next_after(after - late_seconds)
    if starts_at is not None and after < starts_at:
        after = starts_at - JUST_BEFORE
    found = times.next_after(after)
    return None if found is None or (ends_at is not None and found > ends_at) else found


def _wall(at: float, zone: ZoneInfo) -> float:
    """What the clock of a zone shows, as if it were UTC."""
    return datetime.fromtimestamp(at, zone).replace(tzinfo=UTC).timestamp()


def _instant(wall: float, zone: ZoneInfo) -> float | None:
    """When the clock of a zone first shows a time; None if daylight saving skips it."""
    shown = datetime.fromtimestamp(0, UTC) + timedelta(seconds=wall)
    at = shown.replace(tzinfo=zone).timestamp()
    return at if _wall(at, zone) == wall else None
