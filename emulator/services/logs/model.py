"""What log groups, streams and events are, and AWS's rules for them. Values and pure decisions.

Times are epoch milliseconds, as CloudWatch Logs counts them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope

DAY_MS = 86_400_000
LARGEST_PUT_BYTES = 1_048_576
"""Of one PutLogEvents: UTF-8 of the messages plus 26 bytes each [D: PutLogEvents]."""
EVENT_OVERHEAD_BYTES = 26
LARGEST_PAGE_BYTES = 1_048_576
LARGEST_PAGE_EVENTS = 10_000
LONGEST_BATCH_MS = DAY_MS
OLDEST_EVENT_MS = 14 * DAY_MS
NEWEST_EVENT_MS = 2 * 3_600_000
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
"""The values PutRetentionPolicy accepts [D]."""


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group; `stored_bytes` is what its events weigh."""

    id: int
    scope: Scope
    name: str
    created_at: int
    retention_days: int | None = None
    kms_key_id: str | None = None
    log_class: str = "STANDARD"
    tags: dict[str, str] = field(default_factory=dict)
    protected: bool = False
    stored_bytes: int = 0
    metric_filters: int = 0

    @property
    def arn(self) -> str:
        return str(Arn("logs", self.scope.region, self.scope.account, f"log-group:{self.name}"))

    def oldest_kept(self, now_ms: int) -> int:
        """Events before this are expired; 0 where nothing expires."""
        return now_ms - self.retention_days * DAY_MS if self.retention_days else 0


@dataclass(frozen=True, slots=True)
class LogStream:
    """A log stream; the event times are None while it is empty."""

    id: int
    group_id: int
    name: str
    created_at: int
    first_event_at: int | None = None
    last_event_at: int | None = None
    last_ingested_at: int | None = None


class Position(NamedTuple):
    """Where an event stands among all events: by its time, then by arrival. Ordered."""

    at: int
    batch: int
    place: int

    @property
    def number(self) -> int:
        """One number with the same order; the time is in the bits from 144 on, as in AWS's ids."""
        return (self.at << 144) | (self.batch << 32) | self.place

    @property
    def event_id(self) -> str:
        """56 digits: ids sort as events do, as on AWS."""
        return digits(self.number)


def digits(number: int) -> str:
    """A position's number as ids and tokens show it."""
    return f"{number:056d}"


def number_of_digits(text: str) -> int | None:
    """Back from `digits`, or None if the text is something else."""
    return int(text) if len(text) == 56 and text.isascii() and text.isdigit() else None


def time_of(number: int) -> int:
    """The time a position's number begins with."""
    return number >> 144


class StoredEvent(NamedTuple):
    """One log event as it is read back."""

    position: Position
    stream_id: int
    ingested_at: int
    message: str


def milliseconds(seconds: float) -> int:
    """Epoch seconds as CloudWatch Logs counts."""
    return round(seconds * 1000)


def weight(message: str) -> int:
    """The bytes an event counts for."""
    return (len(message) if message.isascii() else len(message.encode("utf-8", "replace"))) + EVENT_OVERHEAD_BYTES


class Rejected(NamedTuple):
    """Which events of a batch AWS leaves out: `[start, end)` of `events` is kept."""

    start: int
    end: int
    info: dict[str, int]


def sort_out(times: Sequence[int], now: int, oldest_kept: int) -> Rejected:
    """Leave out events that are too old, expired or too new; `times` ascend. The ends of ranges are exclusive [D]."""
    info: dict[str, int] = {}
    too_old = sum(1 for at in times if at < now - OLDEST_EVENT_MS)
    expired = sum(1 for at in times if at < oldest_kept)
    end = len(times) - sum(1 for at in times if at > now + NEWEST_EVENT_MS)
    if end < len(times):
        info["tooNewLogEventStartIndex"] = end
    if too_old:
        info["tooOldLogEventEndIndex"] = too_old
    if expired:
        info["expiredLogEventEndIndex"] = expired
    return Rejected(max(too_old, expired), end, info)


def check_batch(times: Sequence[int], weights: Sequence[int]) -> None:
    """Refuse a batch that PutLogEvents refuses as a whole."""
    if any(later < earlier for earlier, later in pairwise(times)):
        raise invalid("Log events in a single PutLogEvents request must be in chronological order.")
    if times and times[-1] - times[0] > LONGEST_BATCH_MS:
        raise invalid("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
    largest = max(weights, default=0)
    if largest > LARGEST_PUT_BYTES:
        raise invalid(f"Log event too large: {largest} bytes exceeds limit of {LARGEST_PUT_BYTES}")
    total = sum(weights)
    if total > LARGEST_PUT_BYTES:
        raise invalid(f"Upload too large: {total} bytes exceeds limit of {LARGEST_PUT_BYTES}")


# ── names ───────────────────────────────────────────────────────────────────────────────────────

_GROUP_NAME = re.compile(r"[.\-_/#A-Za-z0-9]{1,512}")


def is_group_name(name: str) -> bool:
    """Whether a log group may be called so."""
    return _GROUP_NAME.fullmatch(name) is not None


def group_name_of(identifier: str) -> str | None:
    """The name in a name or in a log group's ARN (with or without `:*`), or None if it is neither."""
    if not identifier.startswith("arn:"):
        return identifier if is_group_name(identifier) else None
    arn = Arn.parse(identifier)
    if arn is None or arn.service != "logs" or not arn.resource.startswith("log-group:"):
        return None
    name = arn.resource.removeprefix("log-group:").removesuffix(":*")
    return name if is_group_name(name) else None


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


def invalid(text: str) -> AwsError:
    """InvalidParameterException."""
    return AwsError("InvalidParameterException", text, 400)


def no_group() -> AwsError:
    """The log group is not there."""
    return AwsError("ResourceNotFoundException", "The specified log group does not exist.", 400)


def no_stream() -> AwsError:
    """The log stream is not there."""
    return AwsError("ResourceNotFoundException", "The specified log stream does not exist.", 400)


def exists(what: str) -> AwsError:
    """A group or stream of that name is there already."""
    return AwsError("ResourceAlreadyExistsException", f"The specified log {what} already exists", 400)
