"""The event queue: runs accepted events, and what follows from how that ended.

Three beats per attempt: load, call, commit. The rules are `after_attempt` of `lambda_/events.py`; function code and
settings are resolved when the event runs, not when it was accepted (lambda_async 2.2).
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import Any

from emulator import jobs
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Invocation, Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_.destinations import (
    HandOff,
    dead_letter,
    destination,
    invocation_record,
    loss_of,
    read_json,
)
from emulator.services.lambda_.events import (
    FUNCTION_DELETED,
    FUNCTION_ERROR,
    NOT_ACTIVE,
    RECURSIVE_INVOCATION,
    SUCCESS,
    SYSTEM_ERROR,
    THROTTLE,
    Decision,
    Discard,
    Done,
    Event,
    EventInvokeConfig,
    InvocationRecord,
    LastAnswer,
    Retry,
    RetryRules,
    after_attempt,
    before_attempt,
)
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.lambda_.operations.invoke import EVENT_JOB, Ran
from emulator.services.lambda_.operations.state import Resolved
from emulator.services.lambda_.rules.names import FunctionName, function_arn
from emulator.settings import LiveSettings

logger = logging.getLogger("emulator.functions")

HAND_OFF_JOB = "lambda.hand_off"
"""Tells a delegated service, which cannot take part in a commit, how an event ended."""
HAND_OFF_DELAYS_SECONDS = (1.0, 10.0, 60.0)
"""Waits between tries of a hand-off that the other service failed (unverified: AWS says only that it tries)."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """How an attempt went, before anything is decided."""

    event: Event
    """With this attempt counted, if the function ran."""
    outcome: str
    started_at: float
    ended_at: float
    function: Resolved | None = None
    ran: Ran | None = None
    discard: str | None = None
    """A condition that ends the event whatever the rules say."""


class EventWorker:
    """Runs `lambda.event` and `lambda.hand_off` jobs."""

    def __init__(self, operations: LambdaOperations, calls: Calls) -> None:
        self._operations = operations
        self._calls = calls

    async def deliver(self, job: Job) -> None:
        """Run one due event and commit what comes next."""
        attempt = await self._attempt(Event.from_payload(job.payload), job.body)
        loss = await self._operations.store.transact(lambda tx: self._commit(tx, job, attempt))
        if loss is not None:
            logger.info(loss)

    async def _attempt(self, event: Event, payload: bytes) -> Attempt:
        operations = self._operations
        now = operations.clock.now()
        try:
            function = await operations.resolve(FunctionName(event.scope, event.name, event.qualifier))
        except AwsError:
            return Attempt(event, "discarded", now, now, discard=FUNCTION_DELETED)
        blocked = before_attempt(function, event.trace)
        if blocked == NOT_ACTIVE:
            return Attempt(event, SYSTEM_ERROR, now, now, function)
        if blocked is not None:
            return Attempt(event, "discarded", now, now, function, discard=blocked)
        show = operations.on_logs(function)
        invocation = Invocation(event.request_id, payload, function.invoked_arn, trace_id=event.trace, on_logs=show)
        try:
            ran = await operations.run(function, invocation)
        except AwsError as error:  # no place, or it could not be started: Lambda's fault, not the function's
            outcome = THROTTLE if error.status == 429 else SYSTEM_ERROR
            return Attempt(event, outcome, now, operations.clock.now(), function)
        failed = ran.result.function_error is not None
        counted = replace(event, attempts=event.attempts + 1, last=_answer(ran))
        return Attempt(counted, FUNCTION_ERROR if failed else SUCCESS, now, ran.ended_at, function, ran)

    def _commit(self, tx: Transaction, job: Job, attempt: Attempt) -> str | None:
        """The job's end or next due time, who is told of it, logs, metrics and the record: one commit.

        The result is what a person should hear: that the event was dropped, or that somebody could not be told.
        """
        event, telemetry = attempt.event, self._operations.telemetry
        if attempt.discard is not None:
            decision: Decision = Discard(attempt.discard)
        else:
            decision = after_attempt(event, attempt.outcome, self._rules(attempt.function), tx.now)
        if isinstance(decision, Retry):
            alive = jobs.reschedule(tx, job.id, decision.due_at, decision.event.to_payload(), EVENT_JOB)
        else:
            alive = jobs.complete(tx, job.id)
        if not alive:  # finished by somebody else, or reset: its effects are not ours to repeat
            return None
        if attempt.ran is not None:
            self._operations.record_run(tx, attempt.ran, attempt.started_at - event.accepted_at)
        elif attempt.outcome == THROTTLE:
            telemetry.throttled(tx, event.scope, event.name, event.qualifier)
        if isinstance(decision, Discard):
            telemetry.count(tx, event.scope, event.name, event.qualifier, "AsyncEventsDropped")
            if decision.condition == RECURSIVE_INVOCATION:
                telemetry.count(tx, event.scope, event.name, event.qualifier, "RecursiveInvocationsDropped")
        if event.tells is not None and (not isinstance(decision, Retry) or attempt.outcome == FUNCTION_ERROR):
            kind, payload = event.tells
            jobs.enqueue(tx, kind, {**payload, "ended": _ending(attempt, decision)}, owner=event.function_arn)
        detail = _described(decision)
        heard: list[str] = []
        if not isinstance(decision, Retry) and attempt.function is not None:
            for told in self._told(tx, job.body, attempt.function, event, attempt.outcome, decision):
                refusal = self.tell(tx, event, told)
                heard.append(told.outcome(refusal))
                if refusal is not None:
                    detail += f", {told.counted_as}"
        result = attempt.ran.result if attempt.ran is not None else None
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
                result.error_type if result is not None else None,
                detail,
            ),
        )
        return loss_of(event, decision.condition if isinstance(decision, Discard) else None, heard)

    def _told(
        self, tx: Transaction, payload: bytes, function: Resolved, event: Event, outcome: str, decision: Done | Discard
    ) -> list[HandOff]:
        """Who hears of the end of an event: its destination and, if it failed, the dead-letter queue too."""
        config, base_url = function.event_config, self._operations.base_url
        succeeded = isinstance(decision, Done)
        target = None if config is None else config.on_success if succeeded else config.on_failure
        told: list[HandOff] = []
        condition = decision.condition if isinstance(decision, Discard) else "Success"
        if isinstance(decision, Discard) and function.dead_letter_arn:
            told.append(dead_letter(function.dead_letter_arn, event, condition, outcome, payload, base_url))
        if target is not None:
            record = invocation_record(event, condition, read_json(payload), tx.now)
            told.append(destination(target, succeeded, event, record, tx.now, tx.new_id(), base_url))
        return told

    def tell(self, tx: Transaction, event: Event, told: HandOff) -> str | None:
        """Tell another service in this commit, or later if it cannot take part in one; why it refused, if it did."""
        if not self._calls.is_native(told.service):
            request = {name: value for name, value in told.request.items() if name != "Body"}
            payload = {
                "event": event.to_payload(),
                "scope": [told.scope.account, told.scope.region],
                "call": [told.service, told.operation, request],
                "counted_as": told.counted_as,
                "tries": 0,
            }
            arn = function_arn(event.scope, event.name)
            jobs.enqueue(tx, HAND_OFF_JOB, payload, body=told.request.get("Body"), owner=arn)
            return None
        refusal: str | None = None
        try:
            answer = self._calls.call(tx, told.scope, told.service, told.operation, told.request)
            if answer.get("FailedEntryCount"):
                refusal = str(answer["Entries"][0].get("ErrorCode"))
        except (AwsError, NotEmulated) as error:
            refusal = str(error)
        if refusal is not None:
            self._operations.telemetry.count(tx, event.scope, event.name, event.qualifier, told.counted_as)
        return refusal

    async def hand_off(self, job: Job) -> None:
        """Call a delegated service; a failure of its own is tried again, a refusal is counted."""
        payload = job.payload
        service, operation, request = payload["call"]
        if job.body:
            request = {**request, "Body": job.body}
        failed: AwsError | NotEmulated | None = None
        try:
            await self._calls.delegated(Scope(*payload["scope"]), service, operation, request)
        except (AwsError, NotEmulated) as error:
            failed = error
        given_up = await self._operations.store.transact(lambda tx: self._commit_hand_off(tx, job, failed))
        if given_up and failed is not None:
            event = Event.from_payload(payload["event"])
            logger.info(f"{event.name}: event {event.request_id}: {service} took no record: {failed}")

    def _commit_hand_off(self, tx: Transaction, job: Job, failed: AwsError | NotEmulated | None) -> bool:
        """True if the other service is not called again although it failed."""
        tries: int = job.payload["tries"]
        again = isinstance(failed, AwsError) and failed.status >= 500 and tries < len(HAND_OFF_DELAYS_SECONDS)
        if again:
            due_at = tx.now + HAND_OFF_DELAYS_SECONDS[tries]
            jobs.reschedule(tx, job.id, due_at, {**job.payload, "tries": tries + 1}, HAND_OFF_JOB)
        elif jobs.complete(tx, job.id) and failed is not None:
            event = Event.from_payload(job.payload["event"])
            metric: str = job.payload["counted_as"]
            self._operations.telemetry.count(tx, event.scope, event.name, event.qualifier, metric)
            return True
        return False

    def _rules(self, function: Resolved | None) -> RetryRules:
        settings: LiveSettings = self._operations.settings
        config: EventInvokeConfig | None = function.event_config if function is not None else None
        retries = config.maximum_retry_attempts if config is not None else None
        age = config.maximum_event_age_seconds if config is not None else None
        return RetryRules(
            2 if retries is None else retries,
            settings.maximum_event_age_seconds if age is None else float(age),
            (settings.async_first_retry_delay_seconds, settings.async_second_retry_delay_seconds),
            settings.throttle_backoff_first_seconds,
            settings.throttle_backoff_max_seconds,
        )


def _answer(ran: Ran) -> LastAnswer:
    result: Any = ran.result
    return LastAnswer(result.payload.decode("utf-8", "replace"), result.function_error, ran.function.spec.version)


def _ending(attempt: Attempt, decision: Decision) -> dict[str, Any]:
    """How an event has ended, or how an attempt failed that is not the last (`goes_on`), for who invoked it."""
    last, ran = attempt.event.last, attempt.ran
    return {
        "function": attempt.event.name,
        "goes_on": isinstance(decision, Retry),
        "condition": decision.condition if isinstance(decision, Discard) else "",
        "answer": last.payload if last is not None else "",
        "attempts": attempt.event.attempts,
        "log_group": ran.function.spec.log_group if ran is not None else "",
        "log_stream": ran.result.log_stream if ran is not None else "",
    }


def _described(decision: Decision) -> str:
    if isinstance(decision, Done):
        return "done"
    return "retry" if isinstance(decision, Retry) else decision.condition
