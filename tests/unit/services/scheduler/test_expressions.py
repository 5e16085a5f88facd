"""When schedules are due: `at`, `rate` and `cron` in time zones, with the clock's changes."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from emulator.aws.errors import AwsError
from emulator.services.events.schedule import InvalidSchedule
from emulator.services.scheduler.expressions import next_time, parse, zone_of
from emulator.services.scheduler.model import check_dates

NEW_YORK = ZoneInfo("America/New_York")
ZULU = ZoneInfo("UTC")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def following(expression: str, zone: ZoneInfo, after: str, count: int, base: str = "2026-01-01T00:00:00") -> list[str]:
    """The next times of an expression, in UTC."""
    times, found, moment = parse(expression, zone, at(base)), list[str](), at(after)
    for _ in range(count):
        next_at = times.next_after(moment)
        if next_at is None:
            break
        moment = next_at
        found.append(f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%S}")
    return found


def test_an_at_is_due_once_by_the_clock_of_its_time_zone() -> None:
    assert following("at(2026-07-01T09:30:15)", NEW_YORK, "2026-01-01T00:00:00", 2) == ["2026-07-01T13:30:15"]


def test_a_rate_is_counted_from_its_base() -> None:
    found = following("rate(90 minutes)", ZULU, "2026-01-01T01:00:00", 2, base="2026-01-01T00:10:00")
    assert found == ["2026-01-01T01:40:00", "2026-01-01T03:10:00"]
    assert following("rate(1 day)", ZULU, "2025-12-31T00:00:00", 1) == ["2026-01-01T00:00:00"]


def test_a_cron_time_that_daylight_saving_skips_is_skipped() -> None:
    found = following("cron(30 2 * * ? *)", NEW_YORK, "2026-03-07T00:00:00", 3)
    assert found == ["2026-03-07T07:30:00", "2026-03-09T06:30:00", "2026-03-10T06:30:00"]


def test_a_cron_time_that_daylight_saving_repeats_runs_once() -> None:
    found = following("cron(30 1 * * ? *)", NEW_YORK, "2026-10-31T12:00:00", 2)
    assert found == ["2026-11-01T05:30:00", "2026-11-02T06:30:00"]
    quarters = following("cron(0/30 1-2 1 11 ? 2026)", NEW_YORK, "2026-10-31T12:00:00", 9)
    assert quarters == ["2026-11-01T05:00:00", "2026-11-01T05:30:00", "2026-11-01T07:00:00", "2026-11-01T07:30:00"]


def test_a_cron_that_has_no_more_times_ends() -> None:
    assert following("cron(0 12 1 1 ? 2026)", ZULU, "2026-01-01T11:59:59", 2) == ["2026-01-01T12:00:00"]


def test_dates_bound_what_recurs_and_not_an_at() -> None:
    cron = parse("cron(0 12 * * ? *)", ZULU, 0.0)
    starts, ends = at("2026-02-01T12:00:00"), at("2026-02-02T12:00:00")
    assert next_time(cron, at("2026-01-01T00:00:00"), starts, ends) == starts
    assert next_time(cron, starts, starts, ends) == ends
    assert next_time(cron, ends, starts, ends) is None
    once = parse("at(2026-03-01T00:00:00)", ZULU, 0.0)
    assert next_time(once, 0.0, None, ends) == at("2026-03-01T00:00:00")


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "at(2026-02-30T00:00:00)",
        "at(2026-02-03 00:00:00)",
        "at(0000-01-01T00:00:00)",
        "rate(0 minutes)",
        "rate(5 seconds)",
        "rate(5minutes)",
        "cron(0 12 * * *)",
        "cron(0 12 * * * *)",
        "cron(٣ 12 * * ? *)",
        "every day",
    ],
)
def test_other_expressions_are_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse(expression, ZULU, 0.0)


def test_time_zones_are_those_of_the_database() -> None:
    assert zone_of("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert [zone_of(name) for name in ("Europe/Atlantis", "", "../../etc/passwd", "/etc/passwd", "a\0b", "Europe")] == (
        [None] * 6
    )


@pytest.mark.parametrize("at", [253_402_300_800.0, 1e300, math.inf, math.nan])
def test_a_date_that_no_calendar_has_is_refused(at: float) -> None:
    for dates in ((at, None), (None, at)):
        with pytest.raises(AwsError, match="out of range"):
            check_dates(*dates, now=0.0)
