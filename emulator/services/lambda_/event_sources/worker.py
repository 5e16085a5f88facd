"""Runs the jobs of event source mappings: polls, which only change the store, and batches, which invoke a function."""

from __future__ import annotations

from emulator import jobs
from emulator.aws.errors import AwsError
from emulator.jobs import Job
from emulator.ports import Invocation, InvocationResult, Transaction
from emulator.services.lambda_ import store as lambda_tables
from emulator.services.lambda_.event_sources.polling import Batch, Polling
from emulator.services.lambda_.event_sources.records import failed_messages
from emulator.services.lambda_.events import FUNCTION_ERROR, SUCCESS, SYSTEM_ERROR, THROTTLE, InvocationRecord
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.operations.state import Resolved
from emulator.services.lambda_.trace import trace_header

PARTIAL = "partial batch response"


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
        functions = self._functions
        batch = Batch.from_payload(job.payload)
        started_at = functions.clock.now()
        owned = await functions.store.read(lambda tx: self._polling.owned(tx, batch) is not None)
        if not owned:
            await functions.store.transact(lambda tx: self._give_up(tx, job, batch))
            return
        outcome, result = await self._invoke(batch, job.body)
        await functions.store.transact(lambda tx: self._commit(tx, job, batch, started_at, outcome, result))

    async def _invoke(self, batch: Batch, event: bytes) -> tuple[str, InvocationResult | None]:
        functions = self._functions
        try:
            function = await functions.resolve(batch.function)
        except AwsError:  # deleted since: the messages wait for another function, as on AWS
            return SYSTEM_ERROR, None
        if functions.concurrency.acquire(function) is not None:
            return THROTTLE, None
        try:
            return await self._run(function, batch, event)
        finally:
            functions.concurrency.release(function)

    async def _run(self, function: Resolved, batch: Batch, event: bytes) -> tuple[str, InvocationResult | None]:
        trace_id = trace_header(batch.request_id, self._functions.clock.now(), function.spec.arn)
        invocation = Invocation(batch.request_id, event, function.invoked_arn, trace_id=trace_id)
        try:
            result = await self._functions.run(function, invocation)
        except (OSError, AwsError):
            return SYSTEM_ERROR, None
        return SUCCESS if result.function_error is None else FUNCTION_ERROR, result

    def _give_up(self, tx: Transaction, job: Job, batch: Batch) -> None:
        """The messages are no longer the batch's: somebody else deals with them."""
        if jobs.complete(tx, job.id):
            self._polling.finish(tx, batch, {message_id for _, _, message_id in batch.messages})

    def _commit(
        self,
        tx: Transaction,
        job: Job,
        batch: Batch,
        started_at: float,
        outcome: str,
        result: InvocationResult | None,
    ) -> None:
        if not jobs.complete(tx, job.id):
            return
        ids = [message_id for _, _, message_id in batch.messages]
        kept, detail = set(ids), "returned to the queue"
        if outcome == SUCCESS and result is not None:
            failed = failed_messages(result.payload, ids) if batch.reports_failures else []
            if failed is not None:
                kept, detail = set(failed), PARTIAL if failed else "done"
        self._polling.finish(tx, batch, kept)
        lambda_tables.record_invocation(
            tx,
            InvocationRecord(
                batch.request_id,
                1,
                batch.function.arn,
                "RequestResponse",
                started_at,
                tx.now,
                outcome,
                batch.function.scope,
                result.error_type if result is not None else None,
                detail,
            ),
        )
