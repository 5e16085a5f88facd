"""Schedule expressions: when they fall due next, and which are refused."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulator.services.events.schedule import InvalidSchedule, parse


def following(expression: str, after: str) -> str | None:
    at = datetime.fromisoformat(after).replace(tzinfo=UTC).timestamp()
    found = parse(expression).next_after(at)
    return None if found is None else datetime.fromtimestamp(found, UTC).strftime("%Y-%m-%d %H:%M")


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("rate(1 minute)", "2026-01-01 00:00", "2026-01-01 00:01"),
        ("rate(2 days)", "2026-01-01 00:00", "2026-01-03 00:00"),
        ("cron(0 12 * * ? *)", "2026-01-01 12:00", "2026-01-02 12:00"),
        ("cron(15 10 ? * 6L 2026-2027)", "2026-01-01 00:00", "2026-01-30 10:15"),
        ("cron(0/15 * * * ? *)", "2026-01-01 00:01", "2026-01-01 00:15"),
        ("cron(0 18 ? * MON-FRI *)", "2026-01-02 18:00", "2026-01-05 18:00"),
        ("cron(0 8 1 * ? *)", "2026-01-01 08:00", "2026-02-01 08:00"),
        ("cron(0 8 L * ? *)", "2026-02-01 00:00", "2026-02-28 08:00"),
        ("cron(0 8 15W * ? *)", "2026-02-01 00:00", "2026-02-16 08:00"),
        ("cron(0 8 ? * 3#2 *)", "2026-01-01 00:00", "2026-01-13 08:00"),
        ("cron(0 0 29 2 ? *)", "2026-01-01 00:00", "2028-02-29 00:00"),
        ("cron(0 0 ? * FRI-MON *)", "2026-01-06 12:00", "2026-01-09 00:00"),
        ("cron(0 0 1 1 ? 2025)", "2026-01-01 00:00", None),
    ],
)
def test_the_next_time(expression: str, after: str, expected: str | None) -> None:
    assert following(expression, after) == expected


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "rate(0 minutes)",
        "rate(1 minutes)",
        "rate(2 minute)",
        "rate(5 seconds)",
        "rate(-1 minute)",
        "cron(0 12 * * * *)",
        "cron(0 12 ? * ? *)",
        "cron(60 12 * * ? *)",
        "cron(0 12 * * ?)",
        "cron(0 12 32 * ? *)",
        "cron(0 12 ? * 8 *)",
        "cron(0/0 12 * * ? *)",
        "at(2026-01-01T00:00:00)",
        "5 minutes",
    ],
)
def test_what_is_no_schedule_is_refused(expression: str) -> None:
    with pytest.raises(InvalidSchedule):
        parse(expression)
