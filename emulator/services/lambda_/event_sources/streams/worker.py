"""Runs the jobs of mappings of streams whose batch was read: each invokes the function."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

from emulator import jobs
from emulator.aws.errors import AwsError
from emulator.jobs import Job
from emulator.ports import Invocation, Transaction
from emulator.services.lambda_ import store as lambda_tables
from emulator.services.lambda_ import trace
from emulator.services.lambda_.destinations import read_json
from emulator.services.lambda_.event_sources import store as mappings
from emulator.services.lambda_.event_sources.mapping import SourceMapping
from emulator.services.lambda_.event_sources.records import failed_messages
from emulator.services.lambda_.event_sources.streams import batches, failures
from emulator.services.lambda_.event_sources.streams.batches import Next, Rules, Window
from emulator.services.lambda_.event_sources.streams.polling import Reading, StreamBatch, StreamPolling
from emulator.services.lambda_.event_sources.streams.records import (
    arrived_at,
    sequence,
)
from emulator.services.lambda_.event_sources.streams.settings import FAILED, OK
from emulator.services.lambda_.event_sources.streams.store import Lane
from emulator.services.lambda_.event_sources.worker import Attempt
from emulator.services.lambda_.events import (
    FUNCTION_ERROR,
    SUCCESS,
    SYSTEM_ERROR,
    THROTTLE,
    Event,
    InvocationRecord,
    LastAnswer,
)
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.worker import EventWorker

logger = logging.getLogger("emulator.functions")

STREAM_POLL_JOB = "lambda.stream_poll"
STREAM_BATCH_JOB = "lambda.stream_batch"


class StreamWorker:
    """Runs `lambda.stream_batch`."""

    def __init__(self, functions: LambdaOperations, polling: StreamPolling, events: EventWorker) -> None:
        self._functions = functions
        self._store = functions.store
        self._polling = polling
        self._events = events

    async def run(self, job: Job) -> None:
        """Give a function the first chunk of a batch, and commit what comes next."""
        batch = StreamBatch.from_payload(job.payload)
        found = await self._store.read(
            lambda tx: (self._polling.find(tx, batch.uuid), self._polling.lane_of(tx, batch))
        )
        mapping, lane = found
        if not isinstance(mapping, SourceMapping) or lane is None or not mapping.enabled:
            await self._store.transact(lambda tx: self._polling.give_up(tx, job, batch))
            return
        assert mapping.stream is not None
        records: list[dict[str, Any]] = json.loads(job.body)
        longest = mapping.stream.maximum_age_seconds
        kept = batch.retention_seconds if longest < 0 else min(float(longest), batch.retention_seconds)
        rules = Rules(mapping.stream.maximum_retries, kept, mapping.stream.bisects)
        old = batches.expired(batch.chunks, records, lane.tumbling, rules, self._functions.clock.now())
        if old is not None:
            await self._store.transact(lambda tx: self._commit(tx, job, batch, mapping, records, old, None, lane))
            return
        event = _event(batch, mapping, lane, records)
        attempt = await self._attempt(batch, mapping, event)
        left, window = _after(batch, mapping, records, attempt, rules, lane)
        await self._store.transact(
            lambda tx: self._commit(tx, job, batch, mapping, records, left, attempt, lane, window)
        )

    async def _attempt(self, batch: StreamBatch, mapping: SourceMapping, event: bytes) -> Attempt:
        functions = self._functions
        now = functions.clock.now()
        try:
            function = await functions.resolve(mapping.function)
            header = trace.following("", batch.request_id, now, function.spec.arn)
            show = functions.on_logs(function)
            invocation = Invocation(batch.request_id, event, function.invoked_arn, trace_id=header, on_logs=show)
            ran = await functions.run(function, invocation)
        except AwsError as error:  # no place, not started, or deleted since: the shard waits, as on AWS
            return Attempt(now, THROTTLE if error.status == 429 else SYSTEM_ERROR)
        return Attempt(now, SUCCESS if ran.result.function_error is None else FUNCTION_ERROR, ran)

    def _commit(
        self,
        tx: Transaction,
        job: Job,
        batch: StreamBatch,
        mapping: SourceMapping,
        records: list[dict[str, Any]],
        left: Next,
        attempt: Attempt | None,
        lane: Lane,
        window: Window | None = None,
    ) -> None:
        """The end of an attempt, or of records that are too old for one."""
        if jobs.load(tx, job.id) is None:
            return
        functions, named = self._functions, mapping.function
        ran = attempt.ran if attempt is not None else None
        if left.discarded:
            self._discard(tx, batch, mapping, records[left.done - left.discarded : left.done], left, attempt)
        if attempt is not None:
            if ran is not None:
                functions.record_run(tx, ran)
                if records:
                    last = arrived_at(records[batch.chunks[0].size - 1])
                    functions.telemetry.iterator_age(tx, named.scope, named.name, named.qualifier, tx.now - last)
            elif attempt.outcome == THROTTLE:
                functions.telemetry.throttled(tx, named.scope, named.name, named.qualifier)
            lambda_tables.record_invocation(
                tx,
                InvocationRecord(
                    batch.request_id,
                    batch.chunks[0].attempts + 1,
                    named.arn,
                    "RequestResponse",
                    attempt.started_at,
                    tx.now,
                    attempt.outcome,
                    named.scope,
                    ran.result.error_type if ran is not None else None,
                    left.condition or ("retry" if left.chunks else "done"),
                ),
            )
        result = "" if attempt is None else OK if attempt.outcome == SUCCESS and not left.discarded else FAILED
        self._polling.go_on(tx, job, batch, left, records, result, window or lane.tumbling)

    def _discard(
        self,
        tx: Transaction,
        batch: StreamBatch,
        mapping: SourceMapping,
        given_up: list[dict[str, Any]],
        left: Next,
        attempt: Attempt | None,
    ) -> None:
        """Tell whoever is configured of records that nobody has worked on."""
        assert mapping.stream is not None
        named, target = mapping.function, mapping.stream.on_failure
        first = sequence(given_up[0]) if given_up else "a window"
        logger.info(f"{named.name}: {len(given_up)} records of {batch.shard} from {first} dropped ({left.condition})")
        if target is None or not given_up:
            return
        attempts = batch.chunks[0].attempts + (1 if attempt is not None and attempt.ran is not None else 0)
        ran = attempt.ran if attempt is not None else None
        last = None
        if ran is not None:
            text = ran.result.payload.decode("utf-8", "replace")
            last = LastAnswer(text, ran.result.function_error, ran.function.spec.version)
        record = failures.failure_record(
            batch.request_id,
            named.arn_as_named,
            left.condition,
            attempts,
            last,
            tx.now,
            batch.shard,
            mapping.source_arn,
            given_up,
        )
        whole = json.dumps({"Records": given_up}, separators=(",", ":")).encode()
        base_url = self._functions.base_url
        told = failures.hand_off(
            target, record, whole, named.scope, batch.uuid, batch.shard, tx.now, tx.new_id(), base_url
        )
        self._events.tell(tx, Event(batch.request_id, named.scope, named.name, named.qualifier, tx.now), told)


def mapping_of(tx: Transaction, uuid: str) -> SourceMapping | None:
    """The mapping with that UUID."""
    poller = mappings.find(tx, uuid)
    return poller.mapping if poller is not None else None


def role_of(functions: LambdaOperations, tx: Transaction, mapping: Reading) -> str:
    """The role of the function, which Kinesis's records name."""
    assert isinstance(mapping, SourceMapping)
    try:
        request = {"FunctionName": mapping.function.arn_as_named}
        return functions.get_function_configuration(tx, mapping.scope, request)["Role"]
    except AwsError:
        return ""


def _event(batch: StreamBatch, mapping: SourceMapping, lane: Lane, records: list[dict[str, Any]]) -> bytes:
    """What the function gets [D: "Using tumbling windows" for the members beside the records]."""
    event: dict[str, Any] = {"Records": records[: batch.chunks[0].size]}
    window = lane.tumbling
    if window is not None:
        event |= {
            "window": {"start": _utc(window.start), "end": _utc(window.end)},
            "state": window.state,
            "shardId": batch.shard,
            "eventSourceARN": mapping.source_arn,
            "isFinalInvokeForWindow": batch.closes_window,
            "isWindowTerminatedEarly": window.terminated,
        }
    return json.dumps(event, separators=(",", ":")).encode()


def _after(
    batch: StreamBatch,
    mapping: SourceMapping,
    records: list[dict[str, Any]],
    attempt: Attempt,
    rules: Rules,
    lane: Lane,
) -> tuple[Next, Window | None]:
    """What is left to do after an attempt, and the tumbling window as it stands then."""
    window = lane.tumbling
    if attempt.ran is None:
        return batches.put_off(batch.chunks), window
    if attempt.outcome != SUCCESS:
        return batches.failed(batch.chunks, rules), window
    answer = attempt.ran.result.payload
    if window is not None:
        window = window.after(read_json(answer))
    if not mapping.reports_failures or not records:
        return batches.succeeded(batch.chunks), window
    numbers = [sequence(each) for each in records[: batch.chunks[0].size]]
    reported = failed_messages(answer, numbers)
    if reported is None:
        return batches.failed(batch.chunks, rules), lane.tumbling
    if not reported:
        return batches.succeeded(batch.chunks), window
    first = min(numbers.index(number) for number in reported)
    return batches.failed(batch.chunks, rules, first, partial=True), window


def _utc(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
