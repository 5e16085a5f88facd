"""Who hears how an event ended: dead-letter queues and destinations, and in which words (lambda_async 2.4, 2.5).

Decides what is sent where, as a call of another service. Whether that service takes it is known to the caller only:
a delivery that fails is counted and not tried again, as on AWS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.scope import Scope
from emulator.services.lambda_.events import (
    EVENT_AGE_EXCEEDED,
    FUNCTION_DELETED,
    RECURSIVE_INVOCATION,
    RETRIES_EXHAUSTED,
    SYSTEM_ERROR,
    ZERO_RESERVED_CONCURRENCY,
    Event,
    LastAnswer,
)
from emulator.services.lambda_.model import utc_text
from emulator.services.lambda_.rules.errors import recursive_invocation, service_failure, throttled
from emulator.services.lambda_.rules.names import FunctionName

DEAD_LETTER_ERRORS = "DeadLetterErrors"
DELIVERY_FAILURES = "DestinationDeliveryFailures"

ON_SUCCESS_SERVICES = frozenset({"sqs", "sns", "lambda", "events"})
ON_FAILURE_SERVICES = ON_SUCCESS_SERVICES | {"s3"}

"""A member that no model has: `X-Amzn-Trace-Id` on its way between a request, an operation and its answer."""

LONGEST_ERROR_MESSAGE_BYTES = 1024
_FUNCTION = re.compile(r"function:([a-zA-Z0-9_\-]+)(?::(.+))?")


@dataclass(frozen=True, slots=True)
class HandOff:
    """A call of another service that tells somebody how an event ended."""

    scope: Scope
    service: str
    operation: str
    request: dict[str, Any]
    counted_as: str
    """The metric that counts a failure."""
    target: str = ""
    """The ARN that was configured."""

    def outcome(self, refusal: str | None) -> str:
        """What came of it, for a person."""
        what = "dead letter" if self.counted_as == DEAD_LETTER_ERRORS else "record"
        return f"{what} to {self.target}" + (f"{_REFUSED}{refusal}" if refusal is not None else "")


_REFUSED = " not delivered: "
_WHY = {
    RETRIES_EXHAUSTED: "its attempts are used up",
    EVENT_AGE_EXCEEDED: "too old for another attempt",
    ZERO_RESERVED_CONCURRENCY: "the function's reserved concurrency is 0",
    RECURSIVE_INVOCATION: "the invocation would go on with a loop",
    FUNCTION_DELETED: "the function is gone",
}


def loss_of(event: Event, condition: str | None, told: Sequence[str]) -> str | None:
    """A line for a person, if an event was dropped or somebody could not be told how it ended."""
    lead = f"{event.name}: event {event.request_id}"
    if condition is not None:
        why = _WHY[condition]
        return f"{lead} dropped ({condition}: {why}); {', '.join(told) or 'no dead-letter queue, no destination'}"
    failed = [text for text in told if _REFUSED in text]
    return f"{lead} succeeded; {', '.join(failed)}" if failed else None


# ── what is said ────────────────────────────────────────────────────────────────────────────────


def invocation_record(event: Event, condition: str, request_payload: Any, now: float) -> dict[str, Any]:
    """The record a destination receives [R:test_assess_lambda_destination_invocation, test_reserved_concurrency].

    An event whose function never ran has neither response context nor payload: recorded for reserved concurrency 0,
    unverified for an event that was throttled until it was too old.
    """
    record: dict[str, Any] = {
        "version": "1.0",
        "timestamp": utc_text(now),
        "requestContext": {
            "requestId": event.request_id,
            "functionArn": event.function_arn,
            "condition": condition,
            "approximateInvokeCount": event.attempts,
        },
        "requestPayload": request_payload,
    }
    answer = event.last
    if answer is not None:
        record["responseContext"] = {"statusCode": 200, "executedVersion": answer.executed_version}
        if answer.function_error is not None:
            record["responseContext"]["functionError"] = answer.function_error
        record["responsePayload"] = read_json(answer.payload)
    return record


def read_json(text: str | bytes) -> Any:
    """A client's or a function's JSON; a runtime's answer that is none is shown as text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def why_it_failed(condition: str, answer: LastAnswer | None, outcome: str) -> tuple[int, str]:
    """(HTTP status of the invocation, first KB of the error's message) for a dead letter; `outcome` is the last one.

    Where a function ran once and was then throttled until too old, its answer is told (unverified). That an event
    which never ran for Lambda's own faults is told with their status is unverified, too.
    """
    if condition == RECURSIVE_INVOCATION or answer is None:
        if condition == RECURSIVE_INVOCATION:
            error = recursive_invocation()
        else:
            error = service_failure() if outcome == SYSTEM_ERROR else throttled("")
        return error.status, error.message
    said = read_json(answer.payload)
    text = str(said.get("errorMessage", "")) if isinstance(said, dict) else str(said)
    return 200, text.encode("utf-8", "replace")[:LONGEST_ERROR_MESSAGE_BYTES].decode("utf-8", "ignore")


# ── where it goes ───────────────────────────────────────────────────────────────────────────────


def dead_letter(target: str, event: Event, condition: str, outcome: str, payload: bytes, base_url: str) -> HandOff:
    """The event as it was sent, with three attributes [R:test_dead_letter_queue]. `target` is a queue or a topic."""
    status, message = why_it_failed(condition, event.last, outcome)
    attributes = {
        "RequestID": {"DataType": "String", "StringValue": event.request_id},
        "ErrorCode": {"DataType": "Number", "StringValue": str(status)},
        # SQS and SNS refuse empty values; what AWS sends for an exception without text is unverified.
        "ErrorMessage": {"DataType": "String", "StringValue": message or " "},
    }
    text = payload.decode("utf-8", "replace")
    return _to_queue_or_topic(target, text, event.trace, base_url, DEAD_LETTER_ERRORS, attributes)


def destination(
    target: str, succeeded: bool, event: Event, record: dict[str, Any], now: float, unique: str, base_url: str
) -> HandOff:
    """The invocation record on its way to `target`; `unique` is a fresh id."""
    text = json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
    arn = Arn.parse(target)
    assert arn is not None, f"{target} was checked when it was configured"
    scope = Scope(arn.account or event.scope.account, arn.region or event.scope.region)
    if arn.service == "lambda":
        request: dict[str, Any] = {
            "FunctionName": target,
            "InvocationType": "Event",
            "Payload": text.encode(),
            TRACE_MEMBER: event.trace,
        }
        return HandOff(scope, "lambda", "Invoke", request, DELIVERY_FAILURES, target)
    if arn.service == "events":
        entry = {
            "Source": "lambda",  # recorded, though the documentation says aws.lambda [R:test_invoke_lambda_eventbridge]
            "DetailType": f"Lambda Function Invocation Result - {'Success' if succeeded else 'Failure'}",
            "Resources": [target, event.function_arn],
            "Detail": text,
            "EventBusName": target,
            "TraceHeader": event.trace,
        }
        return HandOff(scope, "events", "PutEvents", {"Entries": [entry]}, DELIVERY_FAILURES, target)
    if arn.service == "s3":
        at = datetime.fromtimestamp(now, UTC)
        key = f"aws/lambda/async/{event.name}/{at:%Y/%m/%d}/{at:%Y-%m-%dT%H.%M.%S}-{unique}"
        request = {"Bucket": arn.resource, "Key": key, "Body": text.encode(), "ContentType": "application/json"}
        return HandOff(scope, "s3", "PutObject", request, DELIVERY_FAILURES, target)
    return _to_queue_or_topic(target, text, event.trace, base_url, DELIVERY_FAILURES, {})


def _to_queue_or_topic(
    target: str, text: str, trace: str, base_url: str, counted_as: str, attributes: dict[str, Any]
) -> HandOff:
    arn = Arn.parse(target)
    assert arn is not None, f"{target} was checked when it was configured"
    scope = Scope(arn.account, arn.region)
    request: dict[str, Any] = {"MessageAttributes": attributes} if attributes else {}
    if arn.service == "sns":
        publication = {"TopicArn": target, "Message": text, **request, TRACE_MEMBER: trace}
        return HandOff(scope, "sns", "Publish", publication, counted_as, target)
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    url = f"{base_url}/{arn.account}/{arn.resource}"
    return HandOff(
        scope,
        "sqs",
        "SendMessage",
        {"QueueUrl": url, "MessageBody": text, **request, "MessageSystemAttributes": header},
        counted_as,
        target,
    )


def service_of(target: str) -> str:
    """The service an ARN names, or nothing."""
    arn = Arn.parse(target)
    return arn.service if arn is not None else ""


def function_of(target: str) -> FunctionName | None:
    """The function that a destination ARN names, if it names one."""
    arn = Arn.parse(target)
    match = _FUNCTION.fullmatch(arn.resource) if arn is not None and arn.service == "lambda" else None
    if arn is None or match is None:
        return None
    return FunctionName(Scope(arn.account, arn.region), match.group(1), match.group(2))
