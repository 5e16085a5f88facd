"""Log events in their order: batches from the store, merged one event at a time. Memory is that of overlapping batches.

Events are ordered by (time, arrival). Batches of one stream or group may overlap, so the ones begun wait in a heap; a
batch is read only when its first event's turn has come.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from emulator.ports import Transaction
from emulator.services.logs import store
from emulator.services.logs.model import LONGEST_BATCH_MS, Position, StoredEvent
from emulator.services.logs.store import Batch, Owner


def whole_group(group_id: int) -> Owner:
    """The events of a group."""
    return Owner("group_id", group_id)


def one_stream(stream_id: int) -> Owner:
    """The events of a stream."""
    return Owner("stream_id", stream_id)


def forward(tx: Transaction, owner: Owner, since: int, until: int) -> Iterator[StoredEvent]:
    """Events in `[since, until)`, oldest first."""
    return _forward(store.batches_forward(tx, owner, since, until, LONGEST_BATCH_MS), since, until)


def backward(tx: Transaction, owner: Owner, since: int, until: int) -> Iterator[StoredEvent]:
    """Events in `[since, until)`, newest first."""
    return _backward(store.batches_backward(tx, owner, since, until, LONGEST_BATCH_MS), since, until)


def _forward(batches: Iterator[Batch], since: int, until: int) -> Iterator[StoredEvent]:
    heap: list[tuple[Position, Batch]] = []
    following = next(batches, None)
    while heap or following is not None:
        while following is not None and (not heap or following.events[0][0] <= heap[0][0].at):
            _push(heap, following, 0, since, until)
            following = next(batches, None)
        if not heap:
            continue
        position, batch = heapq.heappop(heap)
        yield StoredEvent(position, batch.stream_id, batch.ingested_at, batch.events[position.place][1])
        _push(heap, batch, position.place + 1, since, until)


def _push(heap: list[tuple[Position, Batch]], batch: Batch, place: int, since: int, until: int) -> None:
    while place < len(batch.events) and batch.events[place][0] < since:
        place += 1
    if place < len(batch.events) and batch.events[place][0] < until:
        heapq.heappush(heap, (Position(batch.events[place][0], batch.id, place), batch))


def _backward(batches: Iterator[Batch], since: int, until: int) -> Iterator[StoredEvent]:
    heap: list[tuple[tuple[int, int, int], Batch]] = []
    following = next(batches, None)
    while heap or following is not None:
        while following is not None and (not heap or following.events[-1][0] >= -heap[0][0][0]):
            _push_back(heap, following, len(following.events) - 1, since, until)
            following = next(batches, None)
        if not heap:
            continue
        (_, _, negative_place), batch = heapq.heappop(heap)
        place = -negative_place
        at, message = batch.events[place]
        yield StoredEvent(Position(at, batch.id, place), batch.stream_id, batch.ingested_at, message)
        _push_back(heap, batch, place - 1, since, until)


def _push_back(
    heap: list[tuple[tuple[int, int, int], Batch]], batch: Batch, place: int, since: int, until: int
) -> None:
    while place >= 0 and batch.events[place][0] >= until:
        place -= 1
    if place >= 0 and batch.events[place][0] >= since:
        heapq.heappush(heap, ((-batch.events[place][0], -batch.id, -place), batch))
