"""What happens to a message that came in: one action of its receipt rules after another, each a commit.

Buckets and functions whose answer counts are outside of a commit, so those may see a message again after a crash, with
the same id. Who has been told cannot be told again: a topic, a function that is invoked asynchronously.
"""

from __future__ import annotations

import json
from typing import Any

from emulator import jobs
from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.jobs import Job
from emulator.ports import Store, Transaction
from emulator.services.ses import receiving
from emulator.services.ses.model import Draft
from emulator.services.ses.operations.feedback import DAEMON
from emulator.services.ses.operations.sending import Sending
from emulator.services.ses.publishing import as_text
from emulator.services.ses.receiving import Incoming

STOPS = {"STOP_RULE": "Rule", "STOP_RULE_SET": "RuleSet"}
"""Dispositions of a function, and what they stop."""


class ReceiptWorker:
    """Runs the jobs of kind `ses.receive`."""

    def __init__(self, rows: Store, sending: Sending, calls: Calls, services: Services) -> None:
        self.rows = rows
        self._sending = sending
        self._calls = calls
        self._services = services

    async def act(self, job: Job) -> None:
        """Carry out the next action of a message's rules: load, call, commit."""
        scope = Scope(*job.payload["scope"])
        known = job.payload["mail"]
        mail = Incoming(known["id"], known["at"], known["source"], tuple(known["recipients"]), job.body)
        step: dict[str, Any] = job.payload["steps"][job.payload["next"]]
        now = await self.rows.read(lambda tx: tx.now)
        stop = await self._outside(scope, mail, step, now)
        await self.rows.transact(lambda tx: self._commit(tx, scope, job, mail, step, stop))

    async def _outside(self, scope: Scope, mail: Incoming, step: dict[str, Any], now: float) -> str:
        """What makes its caller wait; what the action stops, if a function says so. Failures end the action alone."""
        given = step["action"]
        try:
            if step["kind"] == "S3Action":
                key = receiving.object_key(mail, given)
                request = {"Bucket": given["BucketName"], "Key": key, "Body": mail.raw}
                await self._calls.delegated(scope, "s3", "PutObject", request)
            elif step["kind"] == "LambdaAction" and given.get("InvocationType") == "RequestResponse":
                return await self._ask(scope, mail, step, now)
        except (AwsError, NotEmulated):
            pass
        return ""

    async def _ask(self, scope: Scope, mail: Incoming, step: dict[str, Any], now: float) -> str:
        service = self._services.get("lambda")
        if service is None:
            return ""
        event = as_text(receiving.lambda_event(mail, step, now)).encode()
        request = {"FunctionName": step["action"]["FunctionArn"], "InvocationType": "RequestResponse", "Payload": event}
        answer = await service.call("Invoke", scope, request, mail.id)
        payload = answer.get("Payload") or b""
        try:
            said = json.loads(payload if isinstance(payload, (bytes, str)) else b"")
        except (ValueError, RecursionError):
            return ""
        disposition = said.get("disposition") if isinstance(said, dict) and not answer.get("FunctionError") else ""
        return STOPS.get(str(disposition).upper(), "")

    def _commit(self, tx: Transaction, scope: Scope, job: Job, mail: Incoming, step: dict[str, Any], stop: str) -> None:
        if jobs.load(tx, job.id) is None:
            return
        raw, kind, given = mail.raw, step["kind"], step["action"]
        if kind == "AddHeaderAction":
            raw = receiving.with_header(raw, given["HeaderName"], given["HeaderValue"])
        elif kind == "LambdaAction" and given.get("InvocationType") != "RequestResponse":
            self._hand_over(tx, scope, mail, step)
        elif kind == "StopAction":
            stop = given["Scope"]
        elif kind == "BounceAction":
            stop = "RuleSet"  # the message has been refused (unverified)
            self._bounce(tx, scope, mail, given)
        if kind == "SNSAction" and len(raw) > receiving.LARGEST_SNS_CONTENT_BYTES:
            self._bounce(tx, scope, mail, {"Message": "Message too large for the Amazon SNS action"})
        elif given.get("TopicArn"):
            told = as_text(receiving.notification(mail, step, tx.now))
            self._sending.publisher.tell_topic(tx, scope, given["TopicArn"], told, receiving.SUBJECT)
        jobs.complete(tx, job.id)
        following = _next(job.payload["steps"], job.payload["next"], stop)
        if following is not None:
            jobs.enqueue(tx, job.kind, {**job.payload, "next": following}, body=raw)

    def _hand_over(self, tx: Transaction, scope: Scope, mail: Incoming, step: dict[str, Any]) -> None:
        event = as_text(receiving.lambda_event(mail, step, tx.now)).encode()
        request = {"FunctionName": step["action"]["FunctionArn"], "InvocationType": "Event", "Payload": event}
        try:
            self._calls.call(tx, scope, "lambda", "Invoke", request)
        except (AwsError, NotEmulated):
            pass  # a function that is not there hears nothing

    def _bounce(self, tx: Transaction, scope: Scope, mail: Incoming, given: dict[str, Any]) -> None:
        if not mail.source:
            return
        status = " ".join(filter(None, (given.get("SmtpReplyCode"), given.get("StatusCode"))))
        text = f"{', '.join(mail.recipients)}\n\n{status} {given['Message']}".strip() + "\n"
        subject = "Delivery Status Notification (Failure)"
        try:
            self._sending.send_own(
                tx, scope, Draft(given.get("Sender") or DAEMON, (mail.source,), subject=subject, text=text)
            )
        except AwsError:
            pass  # an address that is none cannot be told


def _next(steps: list[dict[str, Any]], position: int, stop: str) -> int | None:
    """Which action follows; none after the last, or after one that stops the rule set."""
    if stop == "RuleSet":
        return None
    rule = steps[position]["rule"]
    later = range(position + 1, len(steps))
    return next((each for each in later if not (stop == "Rule" and steps[each]["rule"] == rule)), None)
