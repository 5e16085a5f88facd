"""When a mapping looks into its stream, what a lane takes, and what a batch's end leaves: each in one commit.

A mapping has one poll job at most, and none while there is nothing to look for: whatever may have put a record into the
stream makes it. Reading is done between two commits, so each commit checks that what was read is still wanted: a lane
that has moved, or is gone, takes nothing. A batch holds its records: once taken, it does not need the stream.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from emulator import jobs
from emulator.aws.calls import Calls
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.lambda_.event_sources.streams import store as tables
from emulator.services.lambda_.event_sources.streams.batches import Chunk, Next, Window
from emulator.services.lambda_.event_sources.streams.settings import LOST, StreamSettings
from emulator.services.lambda_.event_sources.streams.source import START, Position, Shard, Source
from emulator.services.lambda_.event_sources.streams.store import Lane


class Reading(Protocol):
    """Who reads a stream, and how: an event source mapping, or a pipe. Compared, to see whether it has changed."""

    @property
    def uuid(self) -> str: ...
    @property
    def source_arn(self) -> str: ...
    @property
    def enabled(self) -> bool: ...
    @property
    def batch_size(self) -> int: ...
    @property
    def window_seconds(self) -> int: ...
    @property
    def filters(self) -> tuple[str, ...]: ...
    @property
    def stream(self) -> StreamSettings | None: ...


Find = Callable[[Transaction, str], Reading | None]
"""A reading by its id; None if it is gone, or not of the kind that is looked for."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What was read for a lane: `records` as a function gets them, JSON texts, and how far that is."""

    records: list[str]
    scanned_to: Position
    full: bool
    """There is no point in waiting for more."""
    window: Window | None = None
    closes: bool = False
    """The tumbling window ends, with an invocation without records."""


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """Records that a function is to be invoked with; they are the job's body, a JSON array."""

    id: str
    uuid: str
    shard: str
    lane: int
    position: Position
    """Of the lane when all of it is done."""
    chunks: tuple[Chunk, ...]
    retention_seconds: float
    closes_window: bool = False
    request_id: str = ""

    def to_payload(self) -> dict[str, Any]:
        """The job's payload."""
        return {
            "id": self.id,
            "uuid": self.uuid,
            "shard": self.shard,
            "lane": self.lane,
            "position": list(self.position),
            "chunks": [[each.size, each.attempts, each.waits] for each in self.chunks],
            "retention": self.retention_seconds,
            "closes_window": self.closes_window,
            "request_id": self.request_id,
        }

    @staticmethod
    def from_payload(payload: dict[str, Any]) -> StreamBatch:
        """The batch a job holds."""
        return StreamBatch(
            payload["id"],
            payload["uuid"],
            payload["shard"],
            payload["lane"],
            Position(*payload["position"]),
            tuple(Chunk(*each) for each in payload["chunks"]),
            payload["retention"],
            payload["closes_window"],
            payload["request_id"],
        )


class StreamPolling:
    """All readings of one kind: those of mappings, or those of pipes."""

    def __init__(self, calls: Calls, find: Find, poll_job: str, batch_job: str) -> None:
        self._calls = calls
        self.find = find
        self._poll_job = poll_job
        self._batch_job = batch_job
        self._sources: set[str] | None = None
        """Services and scopes of streams that are or were read, so that other writes cost nothing."""

    def source(self, arn: str) -> Source:
        """The stream with that ARN."""
        return Source(self._calls, arn)

    async def begin(self, arn: str, settings: StreamSettings) -> dict[str, Position]:
        """Where reading of each shard begins. Raises StreamNotFound."""
        source = self.source(arn)
        shards = (await source.describe()).shards
        if settings.starting_position == "LATEST":
            return {shard.id: await source.end_of(shard.id) for shard in shards}
        if settings.starting_position == "AT_TIMESTAMP":
            return {shard.id: Position("AT_TIMESTAMP", str(settings.starting_timestamp)) for shard in shards}
        return {shard.id: START for shard in shards}

    # ── mappings come and go ──

    def add(self, tx: Transaction, mapping: Reading, positions: dict[str, Position]) -> None:
        """A mapping has been created."""
        assert mapping.stream is not None
        if self._sources is not None:
            self._sources.add(_where(mapping.source_arn))
        tables.add_reader(tx, mapping.uuid)
        for shard, position in positions.items():
            for number in range(mapping.stream.parallelization_factor):
                tables.save(tx, Lane(mapping.uuid, shard, number, position))
        self.wake(tx, mapping.uuid)

    def changed(self, tx: Transaction, before: Reading, after: Reading) -> None:
        """A mapping has been changed: with other lanes, each shard goes on where the last of the old ones was."""
        assert before.stream is not None
        assert after.stream is not None
        if before.stream.parallelization_factor != after.stream.parallelization_factor:
            _share_anew(tx, after.uuid, after.stream.parallelization_factor)
        if before.stream.tumbling_seconds != after.stream.tumbling_seconds:
            for lane in tables.lanes(tx, after.uuid).values():
                tables.save(tx, replace(lane, tumbling=None))
        self.wake(tx, after.uuid)

    def reads(self, tx: Transaction, uuid: str) -> bool:
        """Whether reading has begun."""
        return tables.reader(tx, uuid) is not None

    def share(self, tx: Transaction, reading: Reading) -> None:
        """Settings may have changed: as many lanes as they say now."""
        assert reading.stream is not None
        numbers = {number for _, number in tables.lanes(tx, reading.uuid)}
        if numbers and max(numbers) + 1 != reading.stream.parallelization_factor:
            _share_anew(tx, reading.uuid, reading.stream.parallelization_factor)
        self.wake(tx, reading.uuid)

    def remove(self, tx: Transaction, uuid: str) -> None:
        """A mapping is being deleted; a batch that runs ends without consequence."""
        reader = tables.reader(tx, uuid)
        if reader is not None and reader.poll_job is not None:
            jobs.complete(tx, reader.poll_job)
        tables.remove_reader(tx, uuid)

    def last_result(self, tx: Transaction, uuid: str) -> str:
        """What came of the last batch of a mapping."""
        reader = tables.reader(tx, uuid)
        return reader.last_result if reader is not None else ""

    def readings(self, tx: Transaction) -> list[Reading]:
        """All of them."""
        return [found for uuid in tables.readers(tx) if (found := self.find(tx, uuid)) is not None]

    # ── when ──

    def may_watch(self, service: str, scope: Scope) -> bool:
        """Whether any stream of that service and scope may be read by somebody."""
        return self._sources is None or f"{service}:{scope.region}:{scope.account}" in self._sources

    def written(self, tx: Transaction, service: str, scope: Scope, deleted: str | None = None) -> None:
        """Something may have been written into a stream of that service and scope, or one was `deleted`."""
        if self._sources is None:
            self._sources = {_where(found.source_arn) for found in self.readings(tx)}
        where = f"{service}:{scope.region}:{scope.account}"
        for found in self.readings(tx):
            if _where(found.source_arn) != where:
                continue
            if deleted is not None and deleted.rpartition("/")[2] == _name_of(found.source_arn):
                self.lost(tx, found.uuid)
            self.wake(tx, found.uuid)

    def wake(self, tx: Transaction, uuid: str, at: float | None = None) -> None:
        """Have a mapping look into its stream, now or at a time if it would not look before."""
        reader = tables.reader(tx, uuid)
        reading = self.find(tx, uuid)
        if reader is None or reading is None or not reading.enabled:
            return
        due = tx.now if at is None else at
        if at is None:
            tables.count_waking(tx, uuid)
        if reader.poll_job is None:
            job = jobs.enqueue(tx, self._poll_job, {"uuid": uuid}, due, owner=uuid)
            tables.set_poll(tx, uuid, job, due)
        elif reader.poll_at is not None and reader.poll_at > due:
            jobs.reschedule(tx, reader.poll_job, due, kind=self._poll_job)
            tables.set_poll(tx, uuid, reader.poll_job, due)

    def end_poll(self, tx: Transaction, job: Job, woken: int) -> None:
        """A look is over: there is another one if something has changed since, or a window is open."""
        uuid: str = job.payload["uuid"]
        reader = tables.reader(tx, uuid)
        if reader is None or reader.poll_job != job.id:
            jobs.complete(tx, job.id)
            return
        at = tx.now if reader.woken != woken else _next_window(tx, uuid)
        if at is None:
            jobs.complete(tx, job.id)
            tables.set_poll(tx, uuid, None, None)
        else:
            at = max(at, tx.now)
            jobs.reschedule(tx, job.id, at, kind=self._poll_job)
            tables.set_poll(tx, uuid, job.id, at)

    def lost(self, tx: Transaction, uuid: str) -> None:
        """The stream is gone. Should there be another one of its name, it is read from its beginning.

        What was taken from it is still worked on.
        """
        tables.set_result(tx, uuid, LOST)
        tables.forget_idle_lanes(tx, uuid)

    # ── what ──

    def idle_lanes(self, tx: Transaction, mapping: Reading, shards: tuple[Shard, ...]) -> list[Lane]:
        """The lanes that may read: those of a shard begin when its parents are read to the end.

        A closed shard is still looked into, because the library goes on to put records into it.
        """
        assert mapping.stream is not None
        known = tables.lanes(tx, mapping.uuid)
        numbers = range(mapping.stream.parallelization_factor)
        living = {shard.id for shard in shards}
        found: list[Lane] = []
        for shard in shards:
            parents = [
                known.get((parent, number)) for parent in shard.parents if parent in living for number in numbers
            ]
            if any(lane is None or not lane.drained for lane in parents):
                continue
            for number in numbers:
                lane = known.get((shard.id, number)) or Lane(mapping.uuid, shard.id, number, START)
                if lane.batch is None:
                    found.append(lane)
        return found

    def take(self, tx: Transaction, lane: Lane, mapping: Reading, taken: Taken, retention: float) -> bool:
        """Give what was read for a lane to a function; False if its window is open or something has changed."""
        now = tables.lane(tx, lane.uuid, lane.shard, lane.number)
        if self.find(tx, lane.uuid) != mapping or tables.reader(tx, lane.uuid) is None:
            return False
        if now is not None and (now.position != lane.position or now.batch is not None):
            return False
        lane = now or lane
        if not taken.records and not taken.closes:
            tables.save(tx, replace(lane, position=taken.scanned_to, window_ends_at=None))
            return True
        if mapping.window_seconds and not taken.full and not taken.closes:
            ends_at = lane.window_ends_at
            if ends_at is None:
                ends_at = tx.now + mapping.window_seconds
                tables.save(tx, replace(lane, window_ends_at=ends_at))
            if tx.now < ends_at:
                return False
        batch = StreamBatch(
            tx.new_id(),
            lane.uuid,
            lane.shard,
            lane.number,
            lane.position if taken.closes else taken.scanned_to,
            (Chunk(len(taken.records)),),
            retention,
            taken.closes,
            tx.new_id(),
        )
        body = f"[{','.join(taken.records)}]".encode()
        jobs.enqueue(tx, self._batch_job, batch.to_payload(), body=body, owner=f"{lane.uuid}/{lane.shard}")
        window = taken.window if taken.window is not None else lane.tumbling
        tables.save(tx, replace(lane, batch=batch.id, window_ends_at=None, tumbling=window))
        return True

    def nothing_left(self, tx: Transaction, lane: Lane, closed: bool) -> None:
        """A lane has read all there is, for good if the shard is closed."""
        now = tables.lane(tx, lane.uuid, lane.shard, lane.number) or lane
        if now.position != lane.position or now.batch is not None:
            return
        drained = closed and now.tumbling is None
        tables.save(tx, replace(now, drained=now.drained or drained, window_ends_at=None))
        if drained and not now.drained:
            self.wake(tx, lane.uuid)

    def lane_of(self, tx: Transaction, batch: StreamBatch) -> Lane | None:
        """The lane that waits for a batch; None if nobody does any more."""
        lane = tables.lane(tx, batch.uuid, batch.shard, batch.lane)
        return lane if lane is not None and lane.batch == batch.id else None

    def give_up(self, tx: Transaction, job: Job, batch: StreamBatch) -> None:
        """The mapping is disabled or gone: what the batch holds will be read again, if ever."""
        lane = self.lane_of(tx, batch)
        if jobs.complete(tx, job.id) and lane is not None:
            tables.save(tx, replace(lane, batch=None))

    def go_on(
        self,
        tx: Transaction,
        job: Job,
        batch: StreamBatch,
        left: Next,
        records: list[Any],
        result: str,
        window: Window | None,
    ) -> None:
        """An attempt is over: try what is left of the batch, or let the lane read on."""
        lane = self.lane_of(tx, batch)
        reader = tables.reader(tx, batch.uuid)
        if lane is None or reader is None:
            jobs.complete(tx, job.id)
            return
        if result and reader.last_result != result:
            tables.set_result(tx, batch.uuid, result)
        if not left.chunks:
            jobs.complete(tx, job.id)
            done = replace(lane, batch=None, position=batch.position, tumbling=None if batch.closes_window else window)
            tables.save(tx, done)
            self.wake(tx, batch.uuid)
            return
        if window != lane.tumbling:
            tables.save(tx, replace(lane, tumbling=window))
        due_at = tx.now + left.delay_seconds
        again = replace(batch, chunks=left.chunks, request_id=tx.new_id())
        if left.done:
            body = json.dumps(records[left.done :], separators=(",", ":")).encode()
            jobs.complete(tx, job.id)
            owner = f"{batch.uuid}/{batch.shard}"
            jobs.enqueue(tx, self._batch_job, again.to_payload(), due_at, body=body, owner=owner)
        else:
            jobs.reschedule(tx, job.id, due_at, again.to_payload(), self._batch_job)


def _name_of(arn: str) -> str:
    return arn.partition("/consumer/")[0].rpartition("/")[2]


def _where(arn: str) -> str:
    parts = arn.split(":")
    return ":".join(parts[2:5])


def _next_window(tx: Transaction, uuid: str) -> float | None:
    """When the next batching or tumbling window of an idle lane ends."""
    ends = [lane.window_ends_at for lane in tables.lanes(tx, uuid).values() if lane.batch is None]
    ends += [lane.tumbling.end for lane in tables.lanes(tx, uuid).values() if lane.batch is None and lane.tumbling]
    return min((end for end in ends if end is not None), default=None)


def _share_anew(tx: Transaction, uuid: str, factor: int) -> None:
    known = tables.lanes(tx, uuid)
    tables.forget_lanes(tx, uuid)
    for shard in dict.fromkeys(shard for shard, _ in known):
        old = [lane for (of, _), lane in known.items() if of == shard]
        behind = min((lane.position for lane in old), key=_order)
        for number in range(factor):
            tables.save(tx, Lane(uuid, shard, number, behind, drained=all(lane.drained for lane in old)))


def _order(position: Position) -> int:
    return int(position.value) if position.kind == "AFTER_SEQUENCE_NUMBER" else -1
