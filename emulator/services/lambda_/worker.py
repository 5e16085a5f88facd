"""The event queue: runs accepted events, and what follows from how that ended.

Three beats per attempt: load, call, commit. The rules are `model.after_attempt`; function code and settings are
resolved when the event runs, not when it was accepted (lambda_async 2.2).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from emulator import jobs
from emulator.aws.errors import AwsError
from emulator.jobs import Job
from emulator.ports import Invocation, InvocationResult, Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_.destinations import invocation_record
from emulator.services.lambda_.events import (
    FUNCTION_ERROR,
    MOST_HOPS,
    SUCCESS,
    SYSTEM_ERROR,
    THROTTLE,
    Decision,
    Discard,
    Done,
    Event,
    EventInvokeConfig,
    InvocationRecord,
    Retry,
    RetryRules,
    after_attempt,
)
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.operations.event_configs import destination_function
from emulator.services.lambda_.operations.invoke import EVENT_JOB
from emulator.services.lambda_.operations.state import Resolved
from emulator.services.lambda_.rules.names import FunctionName, function_arn
from emulator.services.lambda_.rules.payload import LARGEST_PAYLOAD_BYTES
from emulator.services.lambda_.trace import trace_header
from emulator.settings import LiveSettings


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt went, before anything is decided."""

    event: Event
    """With this attempt counted, if the function ran."""
    outcome: str
    started_at: float
    ended_at: float
    config: EventInvokeConfig | None = None
    result: InvocationResult | None = None
    discard: str | None = None
    """A condition that ends the event whatever the rules say."""


class EventWorker:
    """Runs `lambda.event` jobs."""

    def __init__(self, operations: LambdaOperations) -> None:
        self._operations = operations

    async def deliver(self, job: Job) -> None:
        """Run one due event and commit what comes next."""
        attempt = await self._attempt(Event.from_payload(job.payload), job.body)
        await self._operations.store.transact(lambda tx: self._commit(tx, job, attempt))

    async def _attempt(self, event: Event, payload: bytes) -> Attempt:
        operations = self._operations
        now = operations.clock.now()
        try:
            function = await operations.resolve(FunctionName(event.scope, event.name, event.qualifier))
        except AwsError:
            return Attempt(event, "discarded", now, now, discard="FunctionDeleted")
        config = function.event_config
        if event.hops >= MOST_HOPS:
            return Attempt(event, "discarded", now, now, config, discard="RecursiveInvocation")
        if function.reserved == 0:
            return Attempt(event, "discarded", now, now, config, discard="ZeroReservedConcurrency")
        if operations.concurrency.acquire(function) is not None:
            return Attempt(event, THROTTLE, now, now, config)
        try:
            return await self._run(event, payload, function, now)
        finally:
            operations.concurrency.release(function)

    async def _run(self, event: Event, payload: bytes, function: Resolved, started_at: float) -> Attempt:
        """Call the function; that it could not be started is Lambda's fault, not the function's."""
        operations, config = self._operations, function.event_config
        trace_id = trace_header(event.request_id, event.accepted_at, function.spec.arn)
        invocation = Invocation(event.request_id, payload, function.invoked_arn, trace_id=trace_id)
        try:
            result = await operations.run(function, invocation)
        except (OSError, AwsError):
            return Attempt(event, SYSTEM_ERROR, started_at, operations.clock.now(), config)
        outcome = SUCCESS if result.function_error is None else FUNCTION_ERROR
        counted = replace(event, attempts=event.attempts + 1)
        return Attempt(counted, outcome, started_at, operations.clock.now(), config, result)

    def _commit(self, tx: Transaction, job: Job, attempt: Attempt) -> None:
        """The job's end or next due time, the record, and the destination's event: one commit."""
        event = attempt.event
        if attempt.discard is not None:
            decision: Decision = Discard(attempt.discard)
        else:
            decision = after_attempt(event, attempt.outcome, self._rules(attempt.config), tx.now)
        if isinstance(decision, Retry):
            alive = jobs.reschedule(tx, job.id, decision.due_at, decision.event.to_payload(), EVENT_JOB)
        else:
            alive = jobs.complete(tx, job.id)
        if not alive:  # finished by somebody else, or reset: its effects are not ours to repeat
            return
        detail = _described(decision)
        if not isinstance(decision, Retry) and not self._inform_destination(tx, job.body, attempt, decision):
            detail += ", DestinationDeliveryFailed"
        tables.record_invocation(
            tx,
            InvocationRecord(
                event.request_id,
                event.attempts,
                function_arn(event.scope, event.name),
                "Event",
                attempt.started_at,
                attempt.ended_at,
                attempt.outcome,
                event.scope,
                attempt.result.error_type if attempt.result is not None else None,
                detail,
            ),
        )

    def _inform_destination(self, tx: Transaction, payload: bytes, attempt: Attempt, decision: Decision) -> bool:
        """Queue the invocation record for the destination, if there is one; False if it cannot be delivered."""
        config = attempt.config
        if config is None or attempt.event.hops >= MOST_HOPS:
            return True
        arn = config.on_success if isinstance(decision, Done) else config.on_failure
        target = destination_function(arn) if arn else None
        if target is None:
            return True
        condition = decision.condition if isinstance(decision, Discard) else "Success"
        result = attempt.result
        response = None if result is None else (_json(result.payload), result.function_error)
        record = invocation_record(attempt.event, condition, _json(payload), tx.now, response)
        body = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace")
        if len(body) > LARGEST_PAYLOAD_BYTES["Event"]:
            return False
        self._operations.accept_event(tx, target, body, tx.new_id(), attempt.event.hops + 1)
        return True

    def _rules(self, config: EventInvokeConfig | None) -> RetryRules:
        settings: LiveSettings = self._operations.settings
        retries = config.maximum_retry_attempts if config is not None else None
        age = config.maximum_event_age_seconds if config is not None else None
        return RetryRules(
            2 if retries is None else retries,
            settings.maximum_event_age_seconds if age is None else float(age),
            (settings.async_first_retry_delay_seconds, settings.async_second_retry_delay_seconds),
            settings.throttle_backoff_first_seconds,
            settings.throttle_backoff_max_seconds,
        )


def _described(decision: Decision) -> str:
    if isinstance(decision, Done):
        return "done"
    return "retry" if isinstance(decision, Retry) else decision.condition


def _json(text: bytes) -> Any:
    """A function's or client's JSON; a runtime's answer that is none is shown as text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace")
