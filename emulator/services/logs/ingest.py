"""How events come into a stream: from PutLogEvents, and from services that log (`Context.logs`).

One write is one row, because a write is part of every invocation's commit. Groups and streams of services come
into being here. What watches a group (metric filters, subscriptions) is told by `watchers`, in the same transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.ports import LogEvent, Transaction
from emulator.services.logs import store
from emulator.services.logs.model import (
    EVENT_OVERHEAD_BYTES,
    LONGEST_BATCH_MS,
    LogGroup,
    Position,
    StoredEvent,
    milliseconds,
    weight,
)

SWEEP_JOB = "logs.sweep"


class Watchers(Protocol):
    """Metric filters and subscriptions."""

    def saw(self, tx: Transaction, scope: Scope, group_id: int, stream: str, events: Sequence[StoredEvent]) -> None:
        """Events have arrived in a group that has filters. Never refuses."""
        ...


class Ingest:
    """CloudWatch Logs as other services see it: a LogSink."""

    def __init__(self, watchers: Watchers) -> None:
        self._watchers = watchers

    def put(self, tx: Transaction, scope: Scope, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Append events to a stream; group and stream come into being. Never refuses."""
        if not events:
            return
        kept = [(round(event[0] * 1000), event[1]) for event in events]
        if len(kept) > 1 and any(later[0] < earlier[0] for earlier, later in pairwise(kept)):
            kept.sort(key=lambda event: event[0])
        if kept[-1][0] - kept[0][0] <= LONGEST_BATCH_MS:
            self.append(tx, scope, group, stream, kept)
            return
        rest = kept  # an environment that slept for days of virtual time
        while rest:
            end = next((at for at, event in enumerate(rest) if event[0] - rest[0][0] > LONGEST_BATCH_MS), len(rest))
            self.append(tx, scope, group, stream, rest[:end])
            rest = rest[end:]

    def append(self, tx: Transaction, scope: Scope, group: str, stream: str, events: Sequence[tuple[int, str]]) -> None:
        """Append (time, message) pairs whose times ascend and span a day at most; makes what is missing."""
        now = round(tx.now * 1000)
        text = "".join([message for _, message in events])
        size = len(events) * EVENT_OVERHEAD_BYTES + (
            len(text) if text.isascii() else weight(text) - EVENT_OVERHEAD_BYTES
        )
        span = (events[0][0], events[-1][0])
        found = store.touch_stream(tx, scope, group, stream, span, now, size)
        if found is None:
            self._make(tx, scope, group, stream, now)
            found = store.touch_stream(tx, scope, group, stream, span, now, size)
            assert found is not None, "the stream has just been made"
        stream_id, group_id, watched = found
        batch = store.add_batch(tx, group_id, stream_id, events, now, size)
        if watched:
            stored = [
                StoredEvent(Position(at, batch, index), stream_id, now, message)
                for index, (at, message) in enumerate(events)
            ]
            self._watchers.saw(tx, scope, group_id, stream, stored)

    def _make(self, tx: Transaction, scope: Scope, group_name: str, stream: str, now: int) -> None:
        group = store.get_group(tx, scope, group_name)
        if group is None:
            store.add_stream(tx, store.add_group(tx, LogGroup(0, scope, group_name, now)), stream, now)
            return
        store.add_stream(tx, group.id, stream, now)
        sweep_later(tx, group)


def sweep_later(tx: Transaction, group: LogGroup) -> None:
    """Have a group's expired events deleted, after this commit.

    Asked for when a stream or a retention is made, never for a future time: nobody sees expired events anyway, and
    a settle of frozen time must not wait for logs to grow old.
    """
    if store.has_expired(tx, group.id, group.oldest_kept(milliseconds(tx.now))):
        key = f"{SWEEP_JOB}:{group.id}"
        jobs.cancel(tx, key)
        jobs.enqueue(tx, SWEEP_JOB, {"group": group.id}, key=key)
