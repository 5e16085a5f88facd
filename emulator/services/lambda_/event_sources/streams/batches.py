"""What becomes of a batch of a stream's records after each attempt. Pure.

Source: developer guide, "Lambda event source mapping error handling" and "Configuring partial batch response" ([D]).
Unverified: the waits between attempts (AWS says only that it backs off), that the two halves of a split batch are
tried at once, and that a batch whose first part is done keeps the count of its attempts.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from emulator.services.lambda_.event_sources.streams.records import arrived_at

EXHAUSTED = "RetryAttemptsExhausted"
TOO_OLD = "RecordAgeExceeded"
"""Unverified: AWS documents the other condition only."""
LONGEST_BACK_OFF_SECONDS = 60.0
LARGEST_STATE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Chunk:
    """The first so many records of what a lane holds, and how often a function was given them in vain."""

    size: int
    attempts: int = 0
    waits: int = 0
    """Times it was put off, whatever the cause: decides the next back-off only."""


@dataclass(frozen=True, slots=True)
class Rules:
    """When to give up."""

    maximum_retries: int
    maximum_age_seconds: float
    bisects: bool


@dataclass(frozen=True, slots=True)
class Next:
    """What is left to do: `done` records from the front are behind us, then `chunks`, not before `delay_seconds`."""

    done: int
    chunks: tuple[Chunk, ...]
    delay_seconds: float = 0.0
    discarded: int = 0
    """How many of the records behind us nobody has worked on."""
    condition: str = ""


def succeeded(chunks: tuple[Chunk, ...]) -> Next:
    """The function took the first chunk."""
    return Next(chunks[0].size, chunks[1:])


def failed(chunks: tuple[Chunk, ...], rules: Rules, failed_from: int = 0, partial: bool = False) -> Next:
    """The function failed, or reported the record at `failed_from` as the first that did."""
    first, rest = chunks[0], chunks[1:]
    left = replace(first, size=first.size - failed_from, attempts=first.attempts + 1, waits=first.waits + 1)
    if rules.bisects and not partial and left.size > 1:
        half = left.size // 2
        halves = (replace(first, size=half), replace(first, size=left.size - half))
        return Next(failed_from, (*halves, *rest))
    if 0 <= rules.maximum_retries < left.attempts:
        return Next(first.size, rest, discarded=left.size, condition=EXHAUSTED)
    return Next(failed_from, (left, *rest), back_off(left.waits))


def put_off(chunks: tuple[Chunk, ...]) -> Next:
    """The function could not run: that costs no attempt, and ends with the age of the records only."""
    first = replace(chunks[0], waits=chunks[0].waits + 1)
    return Next(0, (first, *chunks[1:]), back_off(first.waits))


def expired(
    chunks: tuple[Chunk, ...], records: list[dict[str, Any]], window: Window | None, rules: Rules, now: float
) -> Next | None:
    """What is to be given up before an attempt because it is too old; None if nothing is."""
    first = chunks[0]
    limit = now - rules.maximum_age_seconds
    if not records:  # the end of a window
        return Next(0, (), condition=TOO_OLD) if window is None or window.end < limit else None
    old = next((at for at in range(first.size) if arrived_at(records[at]) >= limit), first.size)
    if old == 0:
        return None
    left = (replace(first, size=first.size - old),) if old < first.size else ()
    return Next(old, (*left, *chunks[1:]), discarded=old, condition=TOO_OLD)


def back_off(waits: int) -> float:
    """Seconds until the next attempt: 1, 2, 4, … 60."""
    return min(2.0 ** (waits - 1), LONGEST_BACK_OFF_SECONDS)


@dataclass(frozen=True, slots=True)
class Window:
    """A tumbling window that is open."""

    start: float
    seconds: int
    state: Any
    terminated: bool = False
    """It ends early: its state has grown too large."""

    @property
    def end(self) -> float:
        """When it closes."""
        return self.start + self.seconds

    def after(self, answer: Any) -> Window:
        """With the state that a function has answered; one that answers none leaves an empty one (unverified)."""
        state: Any = answer.get("state") if isinstance(answer, dict) else None
        state = {} if state is None else state
        if len(json.dumps(state)) > LARGEST_STATE_BYTES:
            return replace(self, terminated=True)
        return replace(self, state=state)


def window_of(record: dict[str, Any], seconds: int) -> Window:
    """The window that a record falls into: they begin at multiples of their length (unverified)."""
    return Window(arrived_at(record) // seconds * seconds, seconds, {})
