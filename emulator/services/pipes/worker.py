"""Runs the jobs of pipes: polls and changes of state, which only change the store, and batches on their way.

A batch is load · enrich · target · commit. A target that lives here receives in the commit that deletes the messages;
an enrichment, and a target that is waited for, may see a batch twice after a crash, as on AWS.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.aws.telemetry import Datum, LogSink, MetricSink
from emulator.jobs import Job
from emulator.ports import Clock, Json, LogEvent, Store, Transaction
from emulator.services.events.endpoints import Answer, Endpoints
from emulator.services.events.model import as_text, iso
from emulator.services.lambda_.event_sources.streams import batches
from emulator.services.lambda_.event_sources.streams.batches import Next, Rules
from emulator.services.lambda_.event_sources.streams.polling import StreamBatch, StreamPolling
from emulator.services.lambda_.event_sources.streams.source import Position, StreamUnreadable
from emulator.services.pipes import store as tables
from emulator.services.pipes import targets
from emulator.services.pipes.execution_log import log_events, log_group
from emulator.services.pipes.model import Pipe
from emulator.services.pipes.operations import PipeOperations
from emulator.services.pipes.polling import Batch, Polling
from emulator.services.pipes.streams import after, dead_letter, first_chunk, flat, reading_of, rules_of
from emulator.services.pipes.targets import Unusable

remarks = logging.getLogger("emulator.functions")
"""What people see while the emulator runs: here, what nobody hears of otherwise."""


class StageFailed(Exception):
    """The enrichment, or the target, failed with the whole batch; the text says how."""


@dataclass(slots=True)
class Progress:
    """A batch on its way."""

    batch: Batch
    pipe: Pipe
    events: list[Json]
    received: list[Json] = field(default_factory=list[Json])
    """The events as they came, for the log."""
    enriched: bool = False
    failed: set[str] = field(default_factory=set[str])
    """Ids of messages that stay in the queue."""
    problem: str | None = None
    stage: str = ""
    ordered: bool = False
    """The first failure ends the attempt: nothing may overtake it."""

    @property
    def ids(self) -> list[str]:
        return [message_id for _, _, message_id in self.batch.messages]

    def fail(self, indexes: Sequence[int], text: str) -> None:
        """Events that the target did not take; after an enrichment of another length nobody knows whose they are."""
        ids = self.ids
        alike = len(self.events) == len(ids)
        self.failed |= {ids[index] for index in indexes} if alike else set(ids) if indexes else set()
        if indexes:
            self.problem, self.stage = text, "TargetStage"

    def fail_all(self, stage: str, text: str) -> None:
        """The whole batch failed."""
        self.failed, self.problem, self.stage = set(self.ids), text, stage


class PipeWorker:
    """Runs `pipes.poll`, `pipes.batch`, `pipes.stream_batch` and `pipes.change` jobs."""

    def __init__(
        self,
        rows: Store,
        clock: Clock,
        services: Services,
        calls: Calls,
        logs: LogSink,
        metrics: MetricSink,
        endpoints: Endpoints,
        polling: Polling,
        streams: StreamPolling,
        operations: PipeOperations,
        base_url: str,
    ) -> None:
        self._rows = rows
        self._clock = clock
        self._services = services
        self._calls = calls
        self._logs = logs
        self._metrics = metrics
        self._endpoints = endpoints
        self._polling = polling
        self._streams = streams
        self._operations = operations
        self._base_url = base_url

    async def poll(self, job: Job) -> None:
        """Look into a queue: one commit."""
        await self._rows.transact(lambda tx: self._polling.poll(tx, job))

    async def change(self, job: Job) -> None:
        """End a pipe's state of passage."""
        scope, name = Scope(job.payload["account"], job.payload["region"]), job.payload["name"]
        pipe = await self._rows.read(lambda tx: tables.find_pipe(tx, scope, name))
        positions = None
        if pipe is not None and pipe.reads_stream and pipe.state != "DELETING":
            positions = await self._begin(pipe)

        def change(tx: Transaction) -> None:
            if jobs.complete(tx, job.id):
                self._operations.finish_change(tx, scope, name, positions)

        await self._rows.transact(change)

    async def run(self, job: Job) -> None:
        """Bring a batch to its end."""
        batch = Batch.from_payload(job.payload)

        def load(tx: Transaction) -> Pipe | None:
            return tables.find_pipe(tx, batch.scope, batch.name) if self._polling.owns(tx, batch) else None

        pipe = await self._rows.read(load)
        if pipe is None:
            await self._rows.transact(lambda tx: self._give_up(tx, job, batch))
            return
        progress = Progress(batch, pipe, json.loads(job.body))
        inside = await self._carry(progress)
        await self._rows.transact(lambda tx: self._commit(tx, job, progress, inside))
        if progress.problem is not None:
            remarks.info(
                "pipe %s: %d messages stay in the queue: %s", pipe.name, len(progress.failed), progress.problem
            )

    async def run_stream(self, job: Job) -> None:
        """Carry the first records of a batch of a stream, and commit what comes next."""
        batch = StreamBatch.from_payload(job.payload)

        def load(tx: Transaction) -> Pipe | None:
            reading = self._streams.find(tx, batch.uuid)
            if reading is None or not reading.enabled or self._streams.lane_of(tx, batch) is None:
                return None
            arn = Arn.parse(batch.uuid)
            assert arn is not None, "it is the pipe's"
            return tables.find_pipe(tx, Scope(arn.account, arn.region), arn.resource.partition("/")[2])

        pipe = await self._rows.read(load)
        if pipe is None:
            await self._rows.transact(lambda tx: self._streams.give_up(tx, job, batch))
            return
        records: list[dict[str, Any]] = json.loads(job.body)
        rules, now = rules_of(pipe, batch.retention_seconds), self._clock.now()
        left = batches.expired(batch.chunks, records, None, rules, now)
        if left is not None:
            too_old = left
            await self._rows.transact(
                lambda tx: self._end_stream(tx, job, batch, pipe, records, too_old, None, False, rules)
            )
            return
        first = records[: batch.chunks[0].size]
        carried = first_chunk(pipe, batch, first, now)
        progress = Progress(carried, pipe, [flat(each) for each in first], ordered=True)
        inside = await self._carry(progress)
        await self._rows.transact(
            lambda tx: self._end_stream(tx, job, batch, pipe, records, None, progress, inside, rules)
        )
        if progress.problem is not None:
            remarks.info("pipe %s: %d records failed: %s", pipe.name, len(progress.failed), progress.problem)

    async def _begin(self, pipe: Pipe) -> dict[str, Position] | None:
        """Where reading of a pipe's stream begins; None if there is no such stream."""
        stream = reading_of(pipe).stream
        assert stream is not None
        try:
            return await self._streams.begin(pipe.source, stream)
        except StreamUnreadable:
            return None

    async def _carry(self, progress: Progress) -> bool:
        """Enrich events and call their target; True if the target is to receive them in the commit."""
        pipe, inside = progress.pipe, False
        progress.received = progress.events
        try:
            if pipe.enrichment is not None:
                await self._enrich(progress)
            if progress.events:
                inside = not await self._call_target(progress)
        except (StageFailed, Unusable, ValueError, RecursionError) as failure:
            progress.fail_all(
                "TargetStage" if progress.enriched or not pipe.enrichment else "EnrichmentStage", str(failure)
            )
        return inside

    # ── enrichment ──────────────────────────────────────────────────────────────────────────────

    async def _enrich(self, progress: Progress) -> None:
        pipe, batch = progress.pipe, progress.batch
        arn = Arn.parse(pipe.enrichment or "")
        assert arn is not None, "checked when the pipe was created"
        values = targets.inputs(pipe, progress.events, True, iso(batch.taken_at))
        if arn.service in ("lambda", "states"):
            progress.events = targets.enriched(await self._call_with_batch(batch, arn, values))
        else:
            found: list[Json] = []
            for event, value in zip(progress.events, values, strict=True):
                answer = await self._call_endpoint(pipe, True, event, value)
                if answer.failure is not None:
                    raise StageFailed(answer.failure.text)
                found += targets.enriched(answer.body)
            progress.events = found
        progress.enriched = True

    async def _call_with_batch(self, batch: Batch, arn: Arn, values: list[Json]) -> bytes:
        """Invoke a function, or run an Express machine, with an array; its answer. Raises `StageFailed`."""
        scope = Scope(arn.account or batch.scope.account, arn.region or batch.scope.region)
        text, operation = as_text(values), "Invoke" if arn.service == "lambda" else "StartSyncExecution"
        request: dict[str, Any] = (
            {"FunctionName": str(arn), "InvocationType": "RequestResponse", "Payload": text.encode()}
            if arn.service == "lambda"
            else {"stateMachineArn": str(arn), "input": text}
        )
        native = self._services.get("lambda" if arn.service == "lambda" else "stepfunctions")
        assert native is not None, "both live here"
        try:
            answer = await native.call(operation, scope, request, batch.request_id)
        except (AwsError, NotEmulated) as error:
            raise StageFailed(str(error)) from None
        if arn.service == "lambda":
            payload: bytes = answer.get("Payload") or b""
            if answer.get("FunctionError"):
                raise StageFailed(f"the function failed: {payload[:512].decode('utf-8', 'replace')}")
            return payload
        if answer["status"] != "SUCCEEDED":
            raise StageFailed(f"the execution ended {answer['status']}: {answer.get('cause') or ''}")
        return str(answer.get("output") or "").encode()

    async def _call_endpoint(self, pipe: Pipe, enrichment: bool, event: Json, value: Json) -> Answer:
        definition = targets.http_definition(pipe, enrichment, event)
        at = await self._endpoints.turn(definition["Arn"])
        if at > self._clock.now():
            with self._clock.parked():
                await self._clock.sleep_until(at, f"the rate of {definition['Arn']}")
        return await self._endpoints.call(pipe.scope, definition, event, targets.text_of(value))

    # ── target ──────────────────────────────────────────────────────────────────────────────────

    async def _call_target(self, progress: Progress) -> bool:
        """Call a target that is waited for; False if it receives in the commit."""
        pipe, batch = progress.pipe, progress.batch
        arn = Arn.parse(pipe.target)
        assert arn is not None, "checked when the pipe was created"
        machine = await self._machine_type(batch, arn) if arn.service == "states" else None
        if not targets.is_called(arn, pipe, machine):
            return False
        values = targets.inputs(pipe, progress.events, False, iso(batch.taken_at))
        if targets.takes_batches(arn):
            answer = await self._call_with_batch(batch, arn, values)
            failed = targets.failed_events(answer, progress.ids)
            if failed is None:
                progress.fail_all("TargetStage", "batchItemFailures names what was not sent")
            elif failed:
                progress.failed, progress.problem, progress.stage = failed, "batchItemFailures", "TargetStage"
            return True
        for index, (event, value) in enumerate(zip(progress.events, values, strict=True)):
            answered = await self._call_endpoint(pipe, False, event, value)
            if answered.failure is not None:
                progress.fail([index], answered.failure.text)
                if progress.ordered:
                    break
        return True

    async def _machine_type(self, batch: Batch, arn: Arn) -> str:
        native = self._services.get("stepfunctions")
        assert native is not None, "it lives here"
        try:
            found = await native.call(
                "DescribeStateMachine", Scope(arn.account, arn.region), {"stateMachineArn": str(arn)}, batch.request_id
            )
        except (AwsError, NotEmulated) as error:
            raise StageFailed(str(error)) from None
        return found["type"]

    def _give(self, tx: Transaction, progress: Progress) -> None:
        """Give events to a target in this transaction; those it refuses stay in the queue."""
        pipe, batch = progress.pipe, progress.batch
        arn = Arn.parse(pipe.target)
        assert arn is not None, "checked when the pipe was created"
        scope = Scope(arn.account or batch.scope.account, arn.region or batch.scope.region)
        values = targets.inputs(pipe, progress.events, False, iso(batch.taken_at))
        if targets.takes_batches(arn):
            try:
                text = as_text(values)
                if arn.service == "lambda":
                    request: dict[str, Any] = {"FunctionName": pipe.target, "InvocationType": "Event"}
                    self._calls.call(tx, scope, "lambda", "Invoke", {**request, "Payload": text.encode()})
                else:
                    request = {"stateMachineArn": pipe.target, "input": text, "name": tx.new_id()}
                    self._calls.call(tx, scope, "stepfunctions", "StartExecution", request)
            except (AwsError, NotEmulated, ValueError, RecursionError) as error:
                progress.fail_all("TargetStage", str(error))
            return
        for index, (event, value) in enumerate(zip(progress.events, values, strict=True)):
            try:
                self._give_one(tx, scope, arn, pipe, event, value)
            except (AwsError, NotEmulated, ValueError, RecursionError) as error:
                progress.fail([index], str(error))
                if progress.ordered:
                    break

    def _give_one(self, tx: Transaction, scope: Scope, arn: Arn, pipe: Pipe, event: Json, value: Json) -> None:
        if arn.service == "sqs":
            url = f"{self._base_url}/{scope.account}/{arn.resource}"
            self._calls.call(tx, scope, "sqs", "SendMessage", targets.sqs_request(pipe, url, event, value))
        elif arn.service == "sns":
            request = {"TopicArn": pipe.target, "Message": targets.text_of(value)}
            self._calls.call(tx, scope, "sns", "Publish", request)
        elif arn.service == "events":
            request = targets.put_events_request(pipe, event, value, tx.now)
            [entry] = self._calls.call(tx, scope, "events", "PutEvents", request)["Entries"]
            if "ErrorCode" in entry:
                raise AwsError(entry["ErrorCode"], entry["ErrorMessage"])
        else:
            group = arn.resource.removeprefix("log-group:").removesuffix(":*")
            stream, at = targets.log_line(pipe, event, tx.now)
            self._logs.put(tx, scope, group, stream, [LogEvent(at, targets.text_of(value))])

    # ── the end ─────────────────────────────────────────────────────────────────────────────────

    def _commit(self, tx: Transaction, job: Job, progress: Progress, inside: bool) -> None:
        if not jobs.complete(tx, job.id):
            return
        if inside:
            self._give(tx, progress)
        self._polling.finish(tx, progress.batch, progress.failed)
        self._count(tx, progress)

    def _end_stream(
        self,
        tx: Transaction,
        job: Job,
        batch: StreamBatch,
        pipe: Pipe,
        records: list[dict[str, Any]],
        left: Next | None,
        progress: Progress | None,
        inside: bool,
        rules: Rules,
    ) -> None:
        """The end of an attempt, or of records that are too old for one."""
        if jobs.load(tx, job.id) is None:
            return
        if progress is not None:
            if inside:
                self._give(tx, progress)
            self._count(tx, progress)
            left = after(batch.chunks, rules, progress.ids, progress.failed)
        assert left is not None
        if left.discarded:
            given_up = records[left.done - left.discarded : left.done]
            self._bury(tx, pipe, batch, given_up, left.condition, batch.chunks[0].attempts + (progress is not None))
        self._streams.go_on(tx, job, batch, left, records, "", None)

    def _bury(
        self,
        tx: Transaction,
        pipe: Pipe,
        batch: StreamBatch,
        given_up: list[dict[str, Any]],
        condition: str,
        attempts: int,
    ) -> None:
        """Tell the dead-letter queue or topic of records that are given up."""
        remarks.info("pipe %s: %d records of %s dropped (%s)", pipe.name, len(given_up), batch.shard, condition)
        target = (pipe.source_settings.get("DeadLetterConfig") or {}).get("Arn")
        arn = Arn.parse(target) if target else None
        if arn is None:
            return
        text, scope = dead_letter(pipe, batch, given_up, condition, attempts, tx.now), Scope(arn.account, arn.region)
        try:
            if arn.service == "sns":
                self._calls.call(tx, scope, "sns", "Publish", {"TopicArn": target, "Message": text})
            else:
                url = f"{self._base_url}/{arn.account}/{arn.resource}"
                self._calls.call(tx, scope, "sqs", "SendMessage", {"QueueUrl": url, "MessageBody": text})
        except (AwsError, NotEmulated) as refusal:
            remarks.info("pipe %s: the dead-letter queue refused: %s", pipe.name, refusal)

    def _count(self, tx: Transaction, progress: Progress) -> None:
        counts = [Datum("Invocations", 1), Datum("EventCount", len(progress.batch.messages))]
        if progress.failed:
            whole = len(progress.failed) == len(progress.batch.messages)
            counts.append(Datum("ExecutionFailed" if whole else "ExecutionPartiallyFailed", 1))
            counts.append(Datum(f"{progress.stage}{'Failed' if whole else 'PartiallyFailed'}", 1))
        dimensions = {"PipeName": progress.pipe.name}
        self._metrics.add(tx, progress.batch.scope, "AWS/EventBridge/Pipes", dimensions, counts)
        group = log_group(progress.pipe)
        if group is not None:
            self._log(tx, group, progress)

    def _log(self, tx: Transaction, group: str, progress: Progress) -> None:
        """Write what has happened into the pipe's log group."""
        batch, stage = progress.batch, progress.stage if progress.failed else ""
        events = log_events(
            progress.pipe,
            batch.request_id,
            batch.taken_at,
            tx.now,
            progress.received,
            bool(progress.events),
            stage,
            len(progress.failed) == len(batch.messages),
            progress.problem,
        )
        if events:
            self._logs.put(tx, batch.scope, group, progress.pipe.name, events)

    def _give_up(self, tx: Transaction, job: Job, batch: Batch) -> None:
        """The messages are no longer the batch's, or the pipe is gone: somebody else deals with them."""
        if jobs.complete(tx, job.id):
            self._polling.finish(tx, batch, {message_id for _, _, message_id in batch.messages})
