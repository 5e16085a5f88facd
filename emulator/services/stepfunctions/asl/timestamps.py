"""RFC 3339 timestamps in and out of epoch seconds."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:(Z)|([+-])(\d\d):(\d\d))", re.ASCII
)


def parse(text: object) -> float | None:
    """Epoch seconds, or None if this is not a timestamp with `T` and an offset [R:test_wait_timestamp_path]."""
    match = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(part) for part in match.groups()[:6])
    try:
        datetime(year, month, day, hour, minute, second)  # noqa: DTZ001 - only checks the ranges
    except ValueError:
        return None
    seconds = timegm((year, month, day, hour, minute, second, 0, 0, 0)) + float("0." + (match[7] or "0"))
    if match[8]:
        return seconds
    offset = int(match[10]) * 3600 + int(match[11]) * 60
    return seconds - offset if match[9] == "+" else seconds + offset


def render(at: float) -> str:
    """`2024-05-01T12:00:00.123Z`, as the context object shows times."""
    moment = datetime.fromtimestamp(round(at, 3), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
