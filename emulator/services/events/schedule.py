"""Schedule expressions: `rate(5 minutes)`, `cron(0 12 * * ? *)` in UTC. Pure: expression and time → next time.

Rules of https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

FIRST_YEAR, LAST_YEAR = 1970, 2199
_UNITS = {"minute": 60, "hour": 3600, "day": 86400}
_RATE = re.compile(r"rate\((\d{1,9}) (minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.+)\)")
_MONTH_NAMES = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"
_DAY_NAMES = "SUN MON TUE WED THU FRI SAT"
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES.split(" "), 1)}
_DAYS = {name: number for number, name in enumerate(_DAY_NAMES.split(" "), 1)}


class InvalidSchedule(ValueError):
    """The expression is not one of EventBridge's."""


@dataclass(frozen=True, slots=True)
class Rate:
    """Every so many seconds."""

    seconds: float

    def next_after(self, at: float) -> float | None:
        """The next time after `at`, one of this schedule's own times."""
        return at + self.seconds


@dataclass(frozen=True, slots=True)
class Cron:
    """The minutes that match all six fields, in UTC."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    days: str
    weekdays: str

    def next_after(self, at: float) -> float | None:
        """The first matching minute after `at`, or None if there is none any more."""
        start = datetime.fromtimestamp(at, UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        for year in sorted(self.years):
            if year < start.year:
                continue
            for month in sorted(self.months):
                if (year, month) < (start.year, start.month):
                    continue
                for day in _days_of_month(year, month, self.days, self.weekdays):
                    found = self._time_on(date(year, month, day), start)
                    if found is not None:
                        return found.timestamp()
        return None

    def _time_on(self, day: date, start: datetime) -> datetime | None:
        if day < start.date():
            return None
        for hour in sorted(self.hours):
            for minute in sorted(self.minutes):
                found = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                if found >= start:
                    return found
        return None


def parse(expression: str) -> Rate | Cron:
    """The schedule of an expression. Raises `InvalidSchedule`."""
    rate = _RATE.fullmatch(expression)
    if rate is not None:
        value, unit, plural = int(rate[1]), rate[2], bool(rate[3])
        if value < 1 or plural != (value > 1):
            raise InvalidSchedule(expression)
        return Rate(float(value * _UNITS[unit]))
    cron = _CRON.fullmatch(expression)
    fields = cron[1].split() if cron is not None else []
    if len(fields) != 6:
        raise InvalidSchedule(expression)
    minutes, hours, days, months, weekdays, years = (text.upper() for text in fields)
    if (days == "?") == (weekdays == "?"):
        raise InvalidSchedule(expression)
    _check_days(days, weekdays)
    return Cron(
        _numbers(minutes, 0, 59),
        _numbers(hours, 0, 23),
        _numbers(months, 1, 12, _MONTHS),
        _numbers(years, FIRST_YEAR, LAST_YEAR),
        days,
        weekdays,
    )


def _numbers(text: str, low: int, high: int, names: dict[str, int] | None = None) -> frozenset[int]:
    """The values of a field: `*`, `a`, `a-b`, `a/n`, `*/n`, and lists of them."""
    found: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, 1, high - low + 1, None) if slash else 1
        if span == "*":
            first, last = low, high
        else:
            first_text, dash, last_text = span.partition("-")
            first = _number(first_text, low, high, names)
            last = _number(last_text, low, high, names) if dash else high if slash else first
        if last < first:  # FRI-MON wraps round
            found.update(range(first, high + 1, step))
            first = low
        found.update(range(first, last + 1, step))
    return frozenset(found)


def _number(text: str, low: int, high: int, names: dict[str, int] | None) -> int:
    if names is not None and text in names:
        return names[text]
    if not text.isascii() or not text.isdigit() or len(text) > 4 or not low <= int(text) <= high:
        raise InvalidSchedule(text)
    return int(text)


def _check_days(days: str, weekdays: str) -> None:
    if days != "?" and days not in ("L", "LW"):
        nearest = days[:-1] if days.endswith("W") else None
        if nearest is not None:
            _number(nearest, 1, 31, None)
        elif not re.fullmatch(r"L-\d{1,2}", days):
            _numbers(days, 1, 31)
    if weekdays != "?" and weekdays != "L":
        if "#" in weekdays:
            name, _, which = weekdays.partition("#")
            _number(name, 1, 7, _DAYS)
            _number(which, 1, 5, None)
        elif weekdays.endswith("L"):
            _number(weekdays[:-1], 1, 7, _DAYS)
        else:
            _numbers(weekdays, 1, 7, _DAYS)


def _days_of_month(year: int, month: int, days: str, weekdays: str) -> Iterator[int]:
    last = monthrange(year, month)[1]
    if days == "?":
        yield from _by_weekday(year, month, last, weekdays)
    elif days == "L":
        yield last
    elif days.startswith("L-"):
        if last - int(days[2:]) >= 1:
            yield last - int(days[2:])
    elif days == "LW":
        yield _nearest_weekday(year, month, last, last)
    elif days.endswith("W"):
        if int(days[:-1]) <= last:
            yield _nearest_weekday(year, month, int(days[:-1]), last)
    else:
        yield from (day for day in sorted(_numbers(days, 1, 31)) if day <= last)


def _by_weekday(year: int, month: int, last: int, text: str) -> Iterator[int]:
    if text == "L":  # the week's last day
        text = "7"
    if "#" in text:
        name, _, which = text.partition("#")
        found = [day for day in range(1, last + 1) if _weekday(year, month, day) == _number(name, 1, 7, _DAYS)]
        yield from found[int(which) - 1 : int(which)]
    elif text.endswith("L"):
        number = _number(text[:-1], 1, 7, _DAYS)
        yield max(day for day in range(last - 6, last + 1) if _weekday(year, month, day) == number)
    else:
        numbers = _numbers(text, 1, 7, _DAYS)
        yield from (day for day in range(1, last + 1) if _weekday(year, month, day) in numbers)


def _weekday(year: int, month: int, day: int) -> int:
    """1 is Sunday, as in EventBridge."""
    return date(year, month, day).isoweekday() % 7 + 1


def _nearest_weekday(year: int, month: int, day: int, last: int) -> int:
    """The working day of the month nearest to a day."""
    weekday = _weekday(year, month, day)
    if weekday == 7:
        return day - 1 if day > 1 else day + 2
    if weekday == 1:
        return day + 1 if day < last else day - 2
    return day
