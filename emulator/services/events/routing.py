"""From an event to the targets of the rules it matches: what is delivered at once, tried again, or given up.

Everything a target does here is a row, so a delivery is part of the transaction that brought the event. Only a bus
behind a bus is a job of its own, and an event passes on once: EventBridge does not forward what came from another bus
to a third one, which is also why buses that point at each other come to an end.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from emulator import jobs
from emulator.aws.arn import Arn
from emulator.aws.calls import TRACE_MEMBER, Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.event_pattern import InvalidPattern, Pattern, compile_pattern
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, LogSink, MetricSink
from emulator.ports import LogEvent, Transaction
from emulator.services.events import archive, model, store
from emulator.services.events.model import Bus, Rule, Target
from emulator.services.events.transform import Delivery, input_of
from emulator.settings import LiveSettings

log = logging.getLogger("emulator.events")
remarks = logging.getLogger("emulator.functions")
"""What people see while the emulator runs: here, what nobody hears of otherwise."""

DELIVER = "events.deliver"
"""Job kind: one more try for one target, as payload says (target, attempts, first_at); body is the event."""

CALL = "events.call"
"""Job kind: the same for a target that no transaction can hold; payload has its `text` too, and whether it had its
`turn`."""

TARGETS = ("lambda", "sqs", "sns", "states", "events", "logs", "kinesis", "firehose", "execute-api")
"""Services that a target's ARN may name."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A delivery that did not come about, in the words of EventBridge's dead-letter attributes."""

    code: str
    text: str
    retryable: bool


@dataclass(frozen=True, slots=True)
class Journey:
    """How an event came here."""

    forwarded: bool = False
    """From another bus."""
    trace_id: str = ""
    """`X-Amzn-Trace-Id` of the PutEvents."""

    @property
    def invocations(self) -> int:
        """How many functions the chain has run already, as the header's lineage counts them."""
        found = _LINEAGE.search(self.trace_id)
        return int(found[1]) if found is not None else 0

    def onward(self) -> str:
        """The header for a target: the chain goes on, but AWS sees no loop through a rule (lambda_async 2.7)."""
        return _LINEAGE.sub(r"Lineage=\1:\2:0", self.trace_id)

    def to_machine(self, identifier: str, now: float) -> str:
        """The header for an execution, which counts as an invocation and so begins a lineage if there is none."""
        root = self.trace_id.partition(";")[0]
        if not root.startswith("Root="):
            root = f"Root=1-{int(now):08x}-{identifier.replace('-', '')[:24]}"
        return f"{root};Sampled=0;Lineage={min(self.invocations + 1, 32767)}:00000000:0"[:256]


_LINEAGE = re.compile(r"Lineage=(\d{1,5}):([0-9a-f]{8}):\d{1,3}")


class Router:
    """Delivers events inside a transaction."""

    def __init__(self, calls: Calls, logs: LogSink, metrics: MetricSink, settings: LiveSettings, base_url: str) -> None:
        self._settings = settings
        self._calls = calls
        self._logs = logs
        self._metrics = metrics
        self._base_url = base_url
        self._pattern = lru_cache(1024)(compile_pattern)

    def route(
        self,
        tx: Transaction,
        scope: Scope,
        bus: str,
        event: Mapping[str, Any],
        journey: Journey = Journey(),
        only: frozenset[str] | None = None,
        rules: Sequence[Rule] | None = None,
    ) -> None:
        """Give an event to every target of every rule of a bus that it matches.

        `only`: ARNs of the rules a replay is for. `rules`: the bus's, if the caller has read them already.

        AWS lets functions that put events for themselves run for ever; here settling must end.
        """
        self._archive(tx, scope, bus, event)
        if journey.invocations >= self._settings.event_chain_limit:
            log.warning("an event of a chain of %d invocations goes to no rule: event_chain_limit", journey.invocations)
            return
        for rule in store.pattern_rules(tx, scope, bus) if rules is None else rules:
            if (only is None or rule.arn in only) and self.matches(rule, event):
                self.trigger(tx, rule, event, journey)

    def matches(self, rule: Rule, event: Mapping[str, Any]) -> bool:
        """Whether an event matches the pattern of a rule."""
        return rule.pattern is not None and self._fits(rule.pattern, event)

    def awaits(self, tx: Transaction, bus: Bus, known: Mapping[str, Any]) -> bool:
        """Whether a rule or an archive of a bus could take an event of which these members are known."""
        return any(text is None or self._fits(text, known, whole=False) for text in store.patterns(tx, bus))

    def _fits(self, text: str, event: Mapping[str, Any], whole: bool = True) -> bool:
        try:
            pattern: Pattern = self._pattern(text)
        except InvalidPattern:
            return False  # refused when set
        return pattern.matches(event) if whole else pattern.admits(event)

    def _archive(self, tx: Transaction, scope: Scope, bus: str, event: Mapping[str, Any]) -> None:
        """Keep an event in the bus's archives, unless it comes from one."""
        if "replay-name" in event:
            return
        for found in archive.archives_of(tx, Bus(scope, bus).arn):
            if found.pattern is None or self._fits(found.pattern, event):
                archive.keep(tx, found, model.seconds_of(event["time"]), model.as_text(event))

    def trigger(self, tx: Transaction, rule: Rule, event: Mapping[str, Any], journey: Journey = Journey()) -> None:
        """Give an event to every target of a rule."""
        self._count(tx, rule, "MatchedEvents", "TriggeredRules")
        for target in store.list_targets(tx, rule):
            self.attempt(tx, rule, target, event, journey)

    def attempt(
        self,
        tx: Transaction,
        rule: Rule,
        target: Target,
        event: Mapping[str, Any],
        journey: Journey = Journey(),
        attempts: int = 0,
        first_at: float | None = None,
    ) -> None:
        """Try one target; a failure becomes a job, a dead letter, or nothing, as its retry policy says."""
        first = tx.now if first_at is None else first_at
        if target.is_outside:
            enqueue(tx, rule, target, event, journey, attempts, first, tx.now, self._text(tx, rule, target, event))
            return
        failure = self._deliver(tx, rule, target, event, journey)
        self.settle(tx, rule, target, event, journey, attempts, first, failure)

    def settle(
        self,
        tx: Transaction,
        rule: Rule,
        target: Target,
        event: Mapping[str, Any],
        journey: Journey,
        attempts: int,
        first: float,
        failure: Failure | None,
        wait_seconds: float = 0.0,
    ) -> None:
        """Say how an attempt ended, and what its failure becomes; `wait_seconds` is the least before another."""
        if failure is None:
            self._count(tx, rule, "Invocations")
            return
        if failure.retryable:
            due_at = tx.now + max(model.retry_delay(attempts + 1, tx.random()), wait_seconds)
            condition = model.exhausted(target, attempts + 1, first, due_at)
            if condition is None:
                self._count(tx, rule, "RetryInvocationAttempts")
                text = self._text(tx, rule, target, event) if target.is_outside else None
                enqueue(tx, rule, target, event, journey, attempts + 1, first, due_at, text)
                return
        else:
            condition = None
        self._count(tx, rule, "Invocations", "FailedInvocations")
        told = "no dead-letter queue"
        if target.dead_letter_arn is not None:
            told = self._give_up(tx, rule, target, event, failure, attempts, condition)
        line = f"rule {rule.name}: event {event['id']} not delivered to {target.arn} ({failure.text}); {told}"
        tx.after_commit(lambda: remarks.info("%s", line))

    def _text(self, tx: Transaction, rule: Rule, target: Target, event: Mapping[str, Any]) -> str:
        return input_of(target, event, Delivery(rule, model.iso(tx.now)))

    def _deliver(
        self, tx: Transaction, rule: Rule, target: Target, event: Mapping[str, Any], journey: Journey
    ) -> Failure | None:
        arn = Arn.parse(target.arn)
        if arn is None:
            return Failure("INVALID_PARAMETER", f"{target.arn} is no ARN", False)
        scope = Scope(arn.account or rule.scope.account, arn.region or rule.scope.region)
        try:
            if arn.service == "events":
                if journey.forwarded:
                    return Failure("SDK_CLIENT_ERROR", "Events that came from another bus are not forwarded", False)
                # The event as it is: a bus takes no input (EventBridge user guide, event bus targets).
                enqueue_forwarded(tx, scope, arn.resource.removeprefix("event-bus/"), event, journey)
                return None
            text = self._text(tx, rule, target, event)
            if arn.service == "lambda":
                request: dict[str, Any] = {
                    "FunctionName": target.arn,
                    "InvocationType": "Event",
                    "Payload": text.encode(),
                }
                request[TRACE_MEMBER] = journey.onward()
                self._calls.call(tx, scope, "lambda", "Invoke", request)
            elif arn.service == "sqs":
                self._send(tx, scope, arn, text, target.definition.get("SqsParameters") or {}, journey)
            elif arn.service == "sns":
                request = {"TopicArn": target.arn, "Message": text, TRACE_MEMBER: journey.onward()}
                self._calls.call(tx, scope, "sns", "Publish", request)
            elif arn.service == "states":
                name = f"{event['id']}_{tx.new_id()}"
                request = {"stateMachineArn": target.arn, "input": text, "name": name}
                request["traceHeader"] = journey.to_machine(tx.new_id(), tx.now)
                self._calls.call(tx, scope, "stepfunctions", "StartExecution", request)
            else:
                self._log(tx, scope, arn, text)
        except AwsError as error:
            return failure_of(error)
        except NotEmulated as missing:
            return Failure("SDK_CLIENT_ERROR", str(missing), False)
        return None

    def _send(
        self,
        tx: Transaction,
        scope: Scope,
        arn: Arn,
        text: str,
        parameters: Mapping[str, Any],
        journey: Journey,
    ) -> None:
        request: dict[str, Any] = {
            "QueueUrl": f"{self._base_url}/{scope.account}/{arn.resource}",
            "MessageBody": text,
        }
        if journey.trace_id:
            header = {"DataType": "String", "StringValue": journey.onward()}
            request["MessageSystemAttributes"] = {"AWSTraceHeader": header}
        if parameters.get("MessageGroupId"):
            request["MessageGroupId"] = parameters["MessageGroupId"]
        self._calls.call(tx, scope, "sqs", "SendMessage", request)

    def _log(self, tx: Transaction, scope: Scope, arn: Arn, text: str) -> None:
        """A log group takes the event, or `message` of a template that says {timestamp, message}."""
        group = arn.resource.removeprefix("log-group:").removesuffix(":*")
        at, line = tx.now, text
        try:
            given = json.loads(text)
        except (ValueError, RecursionError):
            given = None
        if isinstance(given, dict) and given.keys() == {"timestamp", "message"} and isinstance(given["message"], str):
            line = given["message"]
            if isinstance(given["timestamp"], (int, float)) and 0 <= given["timestamp"] < 1e14:
                at = given["timestamp"] / 1000
        self._logs.put(tx, scope, group, tx.new_id(), [LogEvent(at, line + "\n")])

    def _give_up(
        self,
        tx: Transaction,
        rule: Rule,
        target: Target,
        event: Mapping[str, Any],
        failure: Failure,
        attempts: int,
        condition: str | None,
    ) -> str:
        """Send the event to the target's dead-letter queue, with the attributes of EventBridge's user guide.

        Returns what became of it, in words.
        """
        arn = Arn.parse(target.dead_letter_arn or "")
        assert arn is not None, "checked when the target was put"
        texts = {
            "RULE_ARN": rule.arn,
            "TARGET_ARN": target.arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.text,
            "RETRY_ATTEMPTS": str(attempts),
        }
        if condition is not None:
            texts["EXHAUSTED_RETRY_CONDITION"] = condition
        request = {
            "QueueUrl": f"{self._base_url}/{arn.account}/{arn.resource}",
            "MessageBody": model.as_text(event),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value} for name, value in texts.items() if value
            },
        }
        try:
            self._calls.call(tx, Scope(arn.account, arn.region), "sqs", "SendMessage", request)
        except (AwsError, NotEmulated) as refusal:
            self._count(tx, rule, "InvocationsFailedToBeSentToDlq")
            return f"the dead-letter queue refused it: {refusal}"
        self._count(tx, rule, "InvocationsSentToDlq")
        return f"sent to {arn.resource}"

    def _count(self, tx: Transaction, rule: Rule, *names: str) -> None:
        dimensions = {"RuleName": rule.name}
        if rule.bus != model.DEFAULT_BUS:
            dimensions["EventBusName"] = rule.bus
        self._metrics.add(tx, rule.scope, "AWS/Events", dimensions, [Datum(name, 1) for name in names])


FORWARD = "events.forward"
"""Job kind: an event that a rule sends to another bus. Payload {account, region, bus, trace}, body the event."""


def enqueue_forwarded(tx: Transaction, scope: Scope, bus: str, event: Mapping[str, Any], journey: Journey) -> None:
    """Hand an event to another bus, in a commit of its own."""
    payload = {"account": scope.account, "region": scope.region, "bus": bus, "trace": journey.trace_id}
    jobs.enqueue(tx, FORWARD, payload, body=model.as_text(event).encode())


def enqueue(
    tx: Transaction,
    rule: Rule,
    target: Target,
    event: Mapping[str, Any],
    journey: Journey,
    attempts: int,
    first_at: float,
    due_at: float,
    text: str | None = None,
) -> None:
    """Try a target at `due_at`; it is the target as it was when the event came. `text` is for one to be called."""
    payload: dict[str, Any] = {
        "account": rule.scope.account,
        "region": rule.scope.region,
        "bus": rule.bus,
        "rule": rule.name,
        "target": dict(target.definition),
        "forwarded": journey.forwarded,
        "trace": journey.trace_id,
        "attempts": attempts,
        "first_at": first_at,
    }
    if text is not None:
        payload["text"] = text
    kind = DELIVER if text is None else CALL
    jobs.enqueue(tx, kind, payload, due_at=due_at, body=model.as_text(event).encode(), owner=rule.arn)


_CODES = {
    "ResourceNotFoundException": "NO_RESOURCE",
    "AWS.SimpleQueueService.NonExistentQueue": "NO_RESOURCE",
    "QueueDoesNotExist": "NO_RESOURCE",
    "NotFound": "NO_RESOURCE",
    "StateMachineDoesNotExist": "NO_RESOURCE",
    "InvalidRequestContentException": "INVALID_JSON",
    "InvalidExecutionInput": "INVALID_JSON",
    "AccessDeniedException": "NO_PERMISSIONS",
}


def failure_of(error: AwsError) -> Failure:
    """What a refusal means to a delivery."""
    throttled = error.status == 429 or "Throttl" in error.code or "TooManyRequests" in error.code
    if throttled:
        return Failure("THROTTLING", error.message, True)
    if error.status >= 500:
        return Failure("ERROR_FROM_TARGET", error.message, True)
    return Failure(_CODES.get(error.code, "SDK_CLIENT_ERROR"), error.message, False)
