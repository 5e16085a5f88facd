"""Pipes that read streams: their settings as a reader of streams knows them, and their batches.

Reading is that of event source mappings (lambda_/event_sources/streams), and so are the rules of retries, ages and
halves. Unverified: that a failure in the middle of a batch ends the attempt, and what the dead-letter queue is told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_.event_sources.streams import batches
from emulator.services.lambda_.event_sources.streams.batches import Chunk, Next, Rules
from emulator.services.lambda_.event_sources.streams.failures import failure_record
from emulator.services.lambda_.event_sources.streams.polling import Reading, StreamBatch
from emulator.services.lambda_.event_sources.streams.records import sequence
from emulator.services.lambda_.event_sources.streams.settings import StreamSettings
from emulator.services.pipes import store as tables
from emulator.services.pipes.model import RUNNING, Pipe
from emulator.services.pipes.polling import Batch

POLL = "pipes.stream_poll"
"""Job kind: read a stream."""
BATCH = "pipes.stream_batch"
"""Job kind: records that were read, on their way."""


@dataclass(frozen=True, slots=True)
class PipeReading:
    """A pipe as a reader of its stream."""

    uuid: str
    """The pipe's ARN."""
    source_arn: str
    enabled: bool
    batch_size: int
    window_seconds: int
    filters: tuple[str, ...]
    stream: StreamSettings | None
    role: str


def reading_of(pipe: Pipe) -> PipeReading:
    """A pipe as a reader of its stream."""
    own: Mapping[str, Any] = pipe.source_settings
    stream = StreamSettings(
        own["StartingPosition"],
        own.get("StartingPositionTimestamp"),
        own.get("ParallelizationFactor") or 1,
        own.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT",
        own.get("MaximumRetryAttempts", -1),
        own.get("MaximumRecordAgeInSeconds", -1),
        0,
        (own.get("DeadLetterConfig") or {}).get("Arn"),
    )
    running = pipe.state == RUNNING
    role = pipe.definition.get("RoleArn") or ""
    return PipeReading(pipe.arn, pipe.source, running, pipe.batch_size, pipe.window_seconds, pipe.filters, stream, role)


def find_reading(tx: Transaction, uuid: str) -> PipeReading | None:
    """The reading of a pipe by the pipe's ARN; None if there is no such pipe, or it reads a queue."""
    arn = Arn.parse(uuid)
    if arn is None or arn.service != "pipes":
        return None
    pipe = tables.find_pipe(tx, Scope(arn.account, arn.region), arn.resource.partition("/")[2])
    return reading_of(pipe) if pipe is not None and pipe.reads_stream else None


def role_of(tx: Transaction, reading: Reading) -> str:
    """The role that Kinesis's records name."""
    return reading.role if isinstance(reading, PipeReading) else ""


def flat(told: Mapping[str, Any]) -> dict[str, Any]:
    """A record as pipes show it: Kinesis's own members beside those around them [D: Kinesis stream as a source]."""
    if "kinesis" not in told:
        return dict(told)
    return {**told["kinesis"], **{name: value for name, value in told.items() if name != "kinesis"}}


def first_chunk(pipe: Pipe, batch: StreamBatch, records: Sequence[Mapping[str, Any]], now: float) -> Batch:
    """The records of an attempt, in the form in which a pipe carries messages; sequence numbers are their ids."""
    taken = tuple((0, "", sequence(dict(each))) for each in records)
    return Batch(pipe.scope, pipe.name, 0, taken, batch.request_id, now)


def after(chunks: tuple[Chunk, ...], rules: Rules, ids: Sequence[str], failed: set[str]) -> Next:
    """What is left to do after an attempt."""
    if not failed:
        return batches.succeeded(chunks)
    if len(failed) == len(ids):
        return batches.failed(chunks, rules)
    first = min(ids.index(each) for each in failed)
    return batches.failed(chunks, rules, first, partial=not rules.bisects)


def rules_of(pipe: Pipe, retention_seconds: float) -> Rules:
    """When to give up."""
    stream = reading_of(pipe).stream
    assert stream is not None
    longest = stream.maximum_age_seconds
    kept = retention_seconds if longest < 0 else min(float(longest), retention_seconds)
    return Rules(stream.maximum_retries, kept, stream.bisects)


def dead_letter(
    pipe: Pipe, batch: StreamBatch, given_up: list[dict[str, Any]], condition: str, attempts: int, now: float
) -> str:
    """What the dead-letter queue or topic of a pipe is told of records that were given up."""
    told = failure_record(
        batch.request_id, pipe.arn, condition, attempts, None, now, batch.shard, pipe.source, given_up
    )
    del told["requestContext"]
    context = {"partnerResourceArn": pipe.arn, "condition": condition, "approximateInvokeCount": attempts}
    return json.dumps({"context": context, **told}, separators=(",", ":"))
