"""Runs the jobs of event source mappings: polls, which only change the store, and batches, which invoke a function."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from emulator import jobs
from emulator.aws.errors import AwsError
from emulator.jobs import Job
from emulator.ports import Invocation, Transaction
from emulator.services.lambda_ import store as lambda_tables
from emulator.services.lambda_ import trace
from emulator.services.lambda_.event_sources.polling import Batch, Polling
from emulator.services.lambda_.event_sources.records import failed_messages
from emulator.services.lambda_.events import (
    FUNCTION_ERROR,
    NOT_ACTIVE,
    RECURSIVE_INVOCATION,
    SUCCESS,
    SYSTEM_ERROR,
    THROTTLE,
    ZERO_RESERVED_CONCURRENCY,
    InvocationRecord,
    before_attempt,
)
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.operations.invoke import Ran

logger = logging.getLogger("emulator.functions")

RECURSION = "recursion"
_OUTCOMES = {
    NOT_ACTIVE: SYSTEM_ERROR,
    RECURSIVE_INVOCATION: RECURSION,
    ZERO_RESERVED_CONCURRENCY: THROTTLE,
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the invocation with a batch went; `ran` is None if the function could not run."""

    started_at: float
    outcome: str
    ran: Ran | None = None


class SourceWorker:
    """Runs `lambda.sqs_poll` and `lambda.sqs_batch`."""

    def __init__(self, functions: LambdaOperations, polling: Polling) -> None:
        self._functions = functions
        self._polling = polling

    async def poll(self, job: Job) -> None:
        """Look into a queue: one commit."""
        await self._functions.store.transact(lambda tx: self._polling.poll(tx, job))

    async def run(self, job: Job) -> None:
        """Invoke a function with a batch; delete what succeeded and record the invocation in one commit."""
        store = self._functions.store
        batch = Batch.from_payload(job.payload)
        if not await store.read(lambda tx: self._polling.owns(tx, batch)):
            await store.transact(lambda tx: self._give_up(tx, job, batch))
            return
        attempt = await self._attempt(batch, job.body)
        await store.transact(lambda tx: self._commit(tx, job, batch, attempt))
        if attempt.outcome == RECURSION:
            count, name = len(batch.message_ids), batch.function.name
            logger.info(f"{name}: {count} messages of a loop not worked on (RecursiveInvocation); back to the queue")

    async def _attempt(self, batch: Batch, event: bytes) -> Attempt:
        """Invoke; whatever is not the function's own success leaves the messages to the visibility timeout."""
        functions = self._functions
        now = functions.clock.now()
        try:
            function = await functions.resolve(batch.function)
            header = trace.following(batch.trace, batch.request_id, now, function.spec.arn)
            blocked = before_attempt(function, header)
            if blocked is not None:  # the messages wait; of a loop the queue's redrive policy is the end (2.7)
                return Attempt(now, _OUTCOMES[blocked])
            show = functions.on_logs(function)
            invocation = Invocation(batch.request_id, event, function.invoked_arn, trace_id=header, on_logs=show)
            ran = await functions.run(function, invocation)
        except AwsError as error:  # no place, not started, or deleted since: the messages wait, as on AWS
            return Attempt(now, THROTTLE if error.status == 429 else SYSTEM_ERROR)
        return Attempt(now, SUCCESS if ran.result.function_error is None else FUNCTION_ERROR, ran)

    def _give_up(self, tx: Transaction, job: Job, batch: Batch) -> None:
        """The messages are no longer the batch's: somebody else deals with them."""
        if jobs.complete(tx, job.id):
            self._polling.finish(tx, batch, set(batch.message_ids))

    def _commit(self, tx: Transaction, job: Job, batch: Batch, attempt: Attempt) -> None:
        if not jobs.complete(tx, job.id):
            return
        functions, named, ran = self._functions, batch.function, attempt.ran
        kept, detail = _kept(batch, attempt)
        self._polling.finish(tx, batch, kept)
        if ran is not None:
            functions.record_run(tx, ran)
        elif attempt.outcome == THROTTLE:
            functions.telemetry.throttled(tx, named.scope, named.name, named.qualifier)
        elif attempt.outcome == RECURSION:
            functions.telemetry.count(tx, named.scope, named.name, named.qualifier, "RecursiveInvocationsDropped")
        lambda_tables.record_invocation(
            tx,
            InvocationRecord(
                batch.request_id,
                1,
                named.arn,
                "RequestResponse",
                attempt.started_at,
                tx.now,
                attempt.outcome,
                named.scope,
                ran.result.error_type if ran is not None else None,
                detail,
            ),
        )


def _kept(batch: Batch, attempt: Attempt) -> tuple[set[str], str]:
    """Ids of the messages that stay in the queue, and a word for the timeline."""
    if attempt.outcome == SUCCESS and attempt.ran is not None:
        if not batch.reports_failures:
            return set(), "done"
        failed = failed_messages(attempt.ran.result.payload, batch.message_ids)
        if failed is not None:
            return set(failed), "partial batch response" if failed else "done"
    return set(batch.message_ids), "returned to the queue"
