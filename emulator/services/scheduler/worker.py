"""What Scheduler does at a schedule's times: invoke the target, plan the next time, try again, give up.

A target that lives here receives in the commit that plans the next time. Delegated services, and operations that make
their caller wait, are called by a job of their own and may see a call twice after a crash, as on AWS.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.protocol import load_service
from emulator.aws.protocol.query_names import QUERY_CODES
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.aws.telemetry import Datum, MetricSink
from emulator.jobs import Job
from emulator.ports import Store, Transaction
from emulator.services.events.model import iso, retry_delay
from emulator.services.scheduler import store
from emulator.services.scheduler.model import Schedule, retry_policy
from emulator.services.scheduler.operations import plan_next, remove
from emulator.services.scheduler.targets import Call, Occasion, Unusable, call_of, input_of

remarks = logging.getLogger("emulator.functions")
"""What people see while the emulator runs: here, what nobody hears of otherwise."""
ATTEMPT = "scheduler.attempt"
"""Job kind: one more try for a target, or the first for one that takes time. Payload: see `Invocation`."""
_LONGEST_TEXT = 1_024


@dataclass(frozen=True, slots=True)
class Invocation:
    """A target that is to be invoked at a schedule's time, as both were then."""

    schedule: Schedule
    scheduled_at: float
    attempts: int
    """How many there were before."""
    execution_id: str

    @property
    def occasion(self) -> Occasion:
        return Occasion(self.schedule.arn, self.scheduled_at, self.execution_id, self.attempts + 1)

    def to_payload(self) -> dict[str, Any]:
        """The job's payload."""
        schedule = self.schedule
        return {
            "account": schedule.scope.account,
            "region": schedule.scope.region,
            "group": schedule.group,
            "name": schedule.name,
            "definition": dict(schedule.definition),
            "scheduled_at": self.scheduled_at,
            "attempts": self.attempts,
            "execution_id": self.execution_id,
        }

    @staticmethod
    def from_payload(payload: Mapping[str, Any]) -> Invocation:
        """The invocation a job holds."""
        scope = Scope(payload["account"], payload["region"])
        schedule = Schedule(scope, payload["group"], payload["name"], payload["definition"], 0.0, 0.0)
        return Invocation(schedule, payload["scheduled_at"], payload["attempts"], payload["execution_id"])


class SchedulerWorker:
    """Runs `scheduler.recurring`, `scheduler.once` and `scheduler.attempt` jobs."""

    def __init__(self, rows: Store, services: Services, calls: Calls, metrics: MetricSink, base_url: str) -> None:
        self._rows = rows
        self._services = services
        self._calls = calls
        self._metrics = metrics
        self._base_url = base_url

    async def due(self, job: Job) -> None:
        """A schedule's time has come. Those that passed while nothing ran are not made up for, but for the last."""

        def change(tx: Transaction) -> None:
            if not jobs.complete(tx, job.id):
                return
            payload = job.payload
            scope = Scope(payload["account"], payload["region"])
            schedule = store.find_schedule(tx, scope, payload["group"], payload["name"])
            if schedule is None or not schedule.enabled:
                return
            self._attempt(tx, Invocation(schedule, payload["scheduled_at"], 0, _execution_id(tx)), jobs_may_wait=True)
            if not plan_next(tx, schedule, payload["scheduled_at"]) and schedule.is_deleted_when_done:
                remove(tx, schedule)

        await self._rows.transact(change)

    async def attempt(self, job: Job) -> None:
        """Invoke a target again, or one that takes time."""
        invocation = Invocation.from_payload(job.payload)
        try:
            call = self._call(invocation)
        except Unusable:
            call = None
        if call is None or not self._takes_time(call):
            await self._rows.transact(
                lambda tx: self._attempt(tx, invocation, jobs_may_wait=False) if jobs.complete(tx, job.id) else None
            )
            return
        failed: AwsError | NotEmulated | None = None
        try:
            await self._outside(call, job)
        except (AwsError, NotEmulated) as error:
            failed = error
        await self._rows.transact(
            lambda tx: self._finish(tx, invocation, failed) if jobs.complete(tx, job.id) else None
        )

    # ── one attempt ─────────────────────────────────────────────────────────────────────────────

    def _attempt(self, tx: Transaction, invocation: Invocation, jobs_may_wait: bool) -> None:
        """Invoke the target in this transaction, or leave it to a job."""
        failed: AwsError | NotEmulated | None = None
        try:
            call = self._call(invocation)
            if self._takes_time(call):
                assert jobs_may_wait, "a job calls what takes time"
                self._enqueue(tx, invocation, tx.now)
                return
            load_service(call.service).operation(call.operation).validate(call.request)
            answer = self._calls.call(tx, call.scope, call.service, call.operation, call.request)
            if answer.get("FailedEntryCount"):
                entry = answer["Entries"][0]
                failed = AwsError(str(entry.get("ErrorCode")), str(entry.get("ErrorMessage")))
        except Unusable as problem:
            failed = AwsError("ValidationException", str(problem))
        except (AwsError, NotEmulated) as error:
            failed = error
        self._finish(tx, invocation, failed)

    def _call(self, invocation: Invocation) -> Call:
        schedule = invocation.schedule
        text = input_of(schedule, invocation.occasion)
        return call_of(schedule.scope, schedule.target, text, invocation.execution_id, self._base_url)

    def _takes_time(self, call: Call) -> bool:
        """Whether no transaction can hold the call."""
        native = self._services.get(call.service)
        if native is None:
            return True
        if (call.service, call.operation) == ("lambda", "Invoke"):
            return call.request.get("InvocationType") != "Event"
        return call.operation in native.prepared or (
            call.operation in native.operations and native.transactional(call.operation) is None
        )

    async def _outside(self, call: Call, job: Job) -> None:
        native = self._services.get(call.service)
        if native is None:
            await self._calls.delegated(call.scope, call.service, call.operation, call.request)
            return
        load_service(call.service).operation(call.operation).validate(call.request)
        await native.call(call.operation, call.scope, call.request, job.payload["request_id"])

    def _finish(self, tx: Transaction, invocation: Invocation, failed: AwsError | NotEmulated | None) -> None:
        """Count an attempt; if it failed, try again or give up as the retry policy says."""
        self._count(tx, invocation, "InvocationAttemptCount")
        if failed is None:
            return
        throttled = isinstance(failed, AwsError) and (
            failed.status == 429 or "Throttl" in failed.code or "TooManyRequests" in failed.code
        )
        self._count(tx, invocation, "TargetErrorThrottledCount" if throttled else "TargetErrorCount")
        condition = None
        if throttled or (isinstance(failed, AwsError) and failed.status >= 500):
            attempts = invocation.attempts + 1
            policy = retry_policy(invocation.schedule.target)
            due_at = tx.now + retry_delay(attempts, tx.random())
            if attempts > policy["MaximumRetryAttempts"]:
                condition = "MaximumRetryAttempts"
            elif due_at - invocation.scheduled_at > policy["MaximumEventAgeInSeconds"]:
                condition = "MaximumEventAgeInSeconds"
            else:
                again = Invocation(invocation.schedule, invocation.scheduled_at, attempts, _execution_id(tx))
                self._enqueue(tx, again, due_at)
                return
        self._give_up(tx, invocation, failed, condition)

    def _enqueue(self, tx: Transaction, invocation: Invocation, due_at: float) -> None:
        payload = {**invocation.to_payload(), "request_id": tx.new_id()}
        jobs.enqueue(tx, ATTEMPT, payload, due_at=due_at, owner=invocation.schedule.arn)

    def _give_up(
        self, tx: Transaction, invocation: Invocation, failed: AwsError | NotEmulated, condition: str | None
    ) -> None:
        """Send the input to the dead-letter queue, with the attributes of Scheduler's user guide."""
        self._count(tx, invocation, "InvocationDroppedCount")
        schedule = invocation.schedule
        arn = Arn.parse((schedule.target.get("DeadLetterConfig") or {}).get("Arn") or "")
        if arn is None:
            self._remark(tx, invocation, failed, "no dead-letter queue")
            return
        texts = {
            "ERROR_CODE": _code(failed),
            "ERROR_MESSAGE": failed.message if isinstance(failed, AwsError) else str(failed),
            "EXECUTION_ID": invocation.execution_id,
            "EXHAUSTED_RETRY_CONDITION": condition or "",
            "IS_PAYLOAD_TRUNCATED": "false",
            "RETRY_ATTEMPTS": str(invocation.attempts),
            "SCHEDULED_TIME": iso(invocation.scheduled_at),
            "SCHEDULE_ARN": schedule.arn,
            "TARGET_ARN": schedule.target["Arn"],
        }
        request = {
            "QueueUrl": f"{self._base_url}/{arn.account}/{arn.resource}",
            "MessageBody": input_of(schedule, invocation.occasion) or "{}",
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": text[:_LONGEST_TEXT]}
                for name, text in texts.items()
                if text
            },
        }
        try:
            self._calls.call(tx, Scope(arn.account, arn.region), "sqs", "SendMessage", request)
            self._count(tx, invocation, "InvocationsSentToDeadLetterCount")
            self._remark(tx, invocation, failed, f"sent to {arn.resource}")
        except (AwsError, NotEmulated) as refusal:
            self._count(tx, invocation, "InvocationsFailedToBeSentToDeadLetterCount")
            self._count(tx, invocation, f"InvocationsFailedToBeSentToDeadLetterCount_{_code(refusal)}")
            self._remark(tx, invocation, failed, f"the dead-letter queue refused it: {refusal}")

    def _remark(self, tx: Transaction, invocation: Invocation, failed: AwsError | NotEmulated, told: str) -> None:
        schedule = invocation.schedule
        line = f"schedule {schedule.name}: {schedule.target['Arn']} not invoked ({failed}); {told}"
        tx.after_commit(lambda: remarks.info("%s", line))

    def _count(self, tx: Transaction, invocation: Invocation, name: str) -> None:
        dimensions = {"ScheduleGroup": invocation.schedule.group}
        self._metrics.add(tx, invocation.schedule.scope, "AWS/Scheduler", dimensions, [Datum(name, 1)])


def _code(failed: AwsError | NotEmulated) -> str:
    """The code of an error as the SDK shows it: SQS still goes by the names of its query protocol."""
    if isinstance(failed, NotEmulated):
        return "NotEmulated"
    return QUERY_CODES.get(failed.code, failed.code)


def _execution_id(tx: Transaction) -> str:
    """Sixteen hexadecimal digits, as in Scheduler's user guide."""
    return tx.new_id().replace("-", "")[:16]
