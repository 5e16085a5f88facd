"""Custom resources whose function has ended and did not answer.

AWS waits until the resource's time is over, mostly for an hour. Here it fails as soon as nothing can answer any more,
and the reason says what happened. A function that failed in every attempt leaves nobody to answer; one that succeeded
may have left that to others (CDK's provider framework has a state machine ask again and again), so it is waited for
while anything is at work. The setting `custom_resources_fail_early` is for answers from outside the emulator.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from emulator import jobs
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.jobs import Job
from emulator.ports import Store, Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.deployment import waking
from emulator.services.cloudformation.resources.cloudformation import ATTEMPT, is_attempt
from emulator.settings import LiveSettings

LOOK_SECONDS = 10.0
"""AWS time between looks whether anything is still at work."""
LOG_LINES = 10
LONGEST_REASON = 1000
_TRIED_AGAIN = "Lambda will try it again."
_PLATFORM = ("INIT_START", "START RequestId", "END RequestId", "REPORT RequestId")
_AT_WORK = (
    "lambda.event",
    "lambda.sqs_batch",
    "lambda.stream_batch",
    "sfn.",
    "sns.",
    "events.deliver",
    "events.call",
    "events.forward",
    "scheduler.once",
    "scheduler.attempt",
    "pipes.batch",
    "pipes.stream_batch",
)
"""How the kinds of jobs begin in which code of a user runs, or will."""


class Silence:
    """Runs `cloudformation.unanswered` jobs."""

    def __init__(self, rows: Store, calls: Calls, settings: LiveSettings) -> None:
        self._rows = rows
        self._calls = calls
        self._settings = settings

    async def look(self, job: Job) -> None:
        """Tell the step that waits that nothing comes any more, or look again later."""
        await self._rows.transact(lambda tx: self._look(tx, job))

    def _look(self, tx: Transaction, job: Job) -> None:
        stack_id, token, ended = job.payload["stack"], job.payload["token"], job.payload["ended"]
        resource = store.find_resource(tx, stack_id, job.payload["resource"])
        waits = resource is not None and resource.token == token and resource.waits_for == "signal"
        if not waits or any(not is_attempt(said) for said in store.list_signals(tx, stack_id, token)):
            jobs.complete(tx, job.id)
        elif ended.get("goes_on"):
            if jobs.complete(tx, job.id):  # kept for the reason, should the resource's time be over before the retry
                said = self._said(tx, stack_id, ended)
                store.add_signal(tx, stack_id, token, {ATTEMPT: said})
                assert resource is not None
                store.put_resource(
                    tx, stack_id, replace(resource, reason=f"{said} {_TRIED_AGAIN}")
                )  # who looks, sees it
        elif not self._settings.custom_resources_fail_early:
            jobs.complete(tx, job.id)
        elif not ended["condition"] and (not job.payload.get("looked") or _at_work(tx)):
            jobs.reschedule(tx, job.id, tx.now + LOOK_SECONDS, {**job.payload, "looked": True})
        elif jobs.complete(tx, job.id):
            waking.signal(tx, stack_id, token, {"_silence": self._said(tx, stack_id, ended)})

    def _said(self, tx: Transaction, stack_id: str, ended: dict[str, Any]) -> str:
        """What happened, for a person."""
        name = ended["function"]
        if not ended["condition"] and not ended.get("goes_on"):
            return (
                f"Function {name} ended without an answer to the ResponseURL, and nothing is left that could send it."
            )
        times = ended["attempts"]
        if not times:
            text = f"Function {name} was not run ({ended['condition']})."
        elif times == 1:
            text = f"Function {name} failed with {_error(ended['answer'])}."
        else:
            text = f"Function {name} failed {times} times, the last time with {_error(ended['answer'])}."
        lines = self._lines(tx, stack_id, ended)
        return f"{text} Its last log lines: {lines}." if lines else text

    def _lines(self, tx: Transaction, stack_id: str, ended: dict[str, Any]) -> str:
        stack = store.find_stack(tx, stack_id)
        if stack is None or not ended["log_stream"]:
            return ""
        request = {"logGroupName": ended["log_group"], "logStreamName": ended["log_stream"], "limit": LOG_LINES}
        try:
            events = self._calls.call(tx, stack.scope, "logs", "GetLogEvents", request)["events"]
        except (AwsError, NotEmulated):
            return ""
        texts = [event["message"].strip() for event in events]
        own = [text for text in texts if not text.startswith(_PLATFORM)]
        return " | ".join(own)[-LONGEST_REASON:]


def _at_work(tx: Transaction) -> bool:
    return any(kind.startswith(_AT_WORK) for kind in jobs.count_by_kind(tx))


def _error(answer: str) -> str:
    """The error of a function's answer: type and message."""
    try:
        said = json.loads(answer)
        return f"{said['errorType']}: {said['errorMessage']}" if "errorType" in said else str(said["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return answer[:LONGEST_REASON]
