"""Reads streams for whoever reads them: polls find records for each lane, and a write to a stream makes the poll."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlsplit

from emulator import jobs
from emulator.aws.addressing import address_of
from emulator.aws.event_pattern import Pattern, compile_pattern
from emulator.aws.http import HttpRequest
from emulator.jobs import Job
from emulator.ports import Around, AskLibrary, Clock, DelegatedAnswer, DelegatedRequest, Store, Transaction
from emulator.services.lambda_.destinations import read_json
from emulator.services.lambda_.event_sources.records import LARGEST_EVENT_BYTES
from emulator.services.lambda_.event_sources.streams import batches
from emulator.services.lambda_.event_sources.streams import store as tables
from emulator.services.lambda_.event_sources.streams.polling import Reading, StreamPolling, Taken
from emulator.services.lambda_.event_sources.streams.records import is_no_change, lane_of, passes, shown
from emulator.services.lambda_.event_sources.streams.source import (
    Position,
    Shard,
    Source,
    StreamNotFound,
    StreamUnreadable,
    sequence_of,
)
from emulator.services.lambda_.event_sources.streams.store import Lane

RoleOf = Callable[[Transaction, Reading], str]

_READS = ("Get", "Describe", "List", "Query", "Scan", "BatchGet", "TransactGet", "Subscribe", "TagResource", "Untag")
_FRAME_BYTES = 512
"""Of an event beside its records; more than any has."""


class StreamReader:
    """Runs the poll jobs of one kind of readings.

    `role_of` tells the role that Kinesis's records name; with `whole`, filters see all of a record of Kinesis.
    """

    def __init__(self, rows: Store, clock: Clock, polling: StreamPolling, role_of: RoleOf, whole: bool = False) -> None:
        self._store = rows
        self._clock = clock
        self._polling = polling
        self._role_of = role_of
        self._whole = whole

    async def start(self) -> None:
        """Look into every stream that is read: a delegated one may have been forgotten with the last process."""
        if await self._store.read(tables.readers):
            await self._store.transact(
                lambda tx: [self._polling.wake(tx, found.uuid) for found in self._polling.readings(tx)]
            )

    def around(self, service: str) -> Around:
        """Stands around a delegated service: whoever reads a stream hears of a write before the writer's answer."""

        async def listen(request: DelegatedRequest, ask: AskLibrary) -> DelegatedAnswer:
            answer = await ask(request)
            operation = request.header("x-amz-target").rpartition(".")[2]
            if answer[0] >= 300 or operation.startswith(_READS):
                return answer
            parts = urlsplit(request.url)
            read = HttpRequest(request.method, parts.path, parts.query, list(request.headers))
            scope = address_of(read, lambda name: name == service).scope
            if self._polling.may_watch(service, scope):
                gone = _deleted(request.body) if operation == "DeleteStream" else None
                await self._store.transact(lambda tx: self._polling.written(tx, service, scope, gone))
            return answer

        return listen

    async def poll(self, job: Job) -> None:
        """Read for every lane that has nothing to do."""
        uuid: str = job.payload["uuid"]
        reader, mapping = await self._store.read(lambda tx: self._reading(tx, uuid))
        if reader is None or mapping is None or reader.poll_job != job.id or not mapping.enabled:
            await self._store.transact(lambda tx: self._drop(tx, job))
            return
        source = self._polling.source(mapping.source_arn)
        try:
            stream = await source.describe()
            idle = await self._store.read(lambda tx: self._polling.idle_lanes(tx, mapping, stream.shards))
            role = await self._store.read(lambda tx: self._role_of(tx, mapping))
            by_id = {shard.id: shard for shard in stream.shards}
            for lane in idle:
                await self._read(source, mapping, lane, by_id[lane.shard], role, stream.retention_seconds)
        except StreamNotFound:
            await self._store.transact(lambda tx: self._polling.lost(tx, uuid))
        except StreamUnreadable as problem:  # the next write has it looked at again
            text = f"PROBLEM: {problem}"
            await self._store.transact(lambda tx: tables.set_result(tx, uuid, text))
        await self._store.transact(lambda tx: self._polling.end_poll(tx, job, reader.woken))

    def _drop(self, tx: Transaction, job: Job) -> None:
        jobs.complete(tx, job.id)
        reader = tables.reader(tx, job.payload["uuid"])
        if reader is not None and reader.poll_job == job.id:
            tables.set_poll(tx, reader.uuid, None, None)

    async def _read(
        self, source: Source, mapping: Reading, lane: Lane, shard: Shard, role: str, retention: float
    ) -> None:
        """Read for one lane until it has a batch, or nothing more is there."""
        taken = await self._gather(source, mapping, lane, role)
        if taken is not None:
            went = await self._store.transact(lambda tx: self._polling.take(tx, lane, mapping, taken, retention))
            if not went or taken.records or taken.closes:
                return
            lane = replace(lane, position=taken.scanned_to, window_ends_at=None)
        if (shard.closed and not lane.drained) or lane.window_ends_at is not None:
            at_end = lane
            await self._store.transact(lambda tx: self._polling.nothing_left(tx, at_end, shard.closed))

    async def _gather(self, source: Source, mapping: Reading, lane: Lane, role: str) -> Taken | None:
        """A batch at most; None if there is nothing to do for the lane."""
        assert mapping.stream is not None
        settings = mapping.stream
        window = lane.tumbling
        now = self._clock.now()
        if window is not None and window.terminated:
            return Taken([], lane.position, True, window, closes=True)
        filters = _patterns(mapping.filters)
        texts: list[str] = []
        size, position, full = _FRAME_BYTES, lane.position, False
        while len(texts) < mapping.batch_size and not full:
            page = await source.read(lane.shard, position, max(mapping.batch_size - len(texts), 1))
            if not page:
                break
            for record in page:
                told = shown(record, mapping.source_arn, lane.shard, role)
                mine = lane_of(record, settings.parallelization_factor) == lane.number
                if mine and not is_no_change(record) and passes(told, filters, self._whole):
                    if settings.tumbling_seconds:
                        its = batches.window_of(told, settings.tumbling_seconds)
                        window = window or its
                        if its.start > window.start:
                            full = True
                            break
                    text = json.dumps(told, separators=(",", ":"))
                    if texts and size + len(text) + 1 > LARGEST_EVENT_BYTES:
                        full = True
                        break
                    texts.append(text)
                    size += len(text) + 1
                position = Position("AFTER_SEQUENCE_NUMBER", sequence_of(record))
        if not texts and window is not None and (full or now >= window.end):
            return Taken([], lane.position, True, window, closes=True)
        if position == lane.position:
            return None
        return Taken(texts, position, full or len(texts) >= mapping.batch_size, window)

    def _reading(self, tx: Transaction, uuid: str) -> tuple[tables.Reader | None, Reading | None]:
        return tables.reader(tx, uuid), self._polling.find(tx, uuid)


def _deleted(body: bytes) -> str | None:
    """The name of the stream that a DeleteStream deletes."""
    request = read_json(body)
    return str(request.get("StreamName") or request.get("StreamARN")) if isinstance(request, dict) else None


@lru_cache(maxsize=256)
def _patterns(texts: tuple[str, ...]) -> list[Pattern]:
    return [compile_pattern(text) for text in texts]
