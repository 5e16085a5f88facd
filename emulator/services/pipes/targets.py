"""What a pipe's target is sent: one request for a batch, or one for each event; and what an enrichment's answer means.

Pure. Unverified: `detail-type` and `source` of events without EventBridgeEventBusParameters, the stream of log events
without a LogStreamName, and that a state machine of type STANDARD is started where nothing is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from emulator.aws.arn import Arn
from emulator.ports import Json
from emulator.services.events.model import as_text
from emulator.services.pipes.model import Pipe
from emulator.services.pipes.template import resolved, transformed
from emulator.services.stepfunctions.asl.data import loads

OUTSIDE = ("kinesis", "firehose", "execute-api")


class Unusable(Exception):
    """An enrichment answered what is no event."""


def inputs(pipe: Pipe, events: Sequence[Json], enrichment: bool, ingested_at: str) -> list[Json]:
    """What the enrichment, or the target, receives for each event."""
    parameters = pipe.enrichment_parameters if enrichment else pipe.target_parameters
    reserved = pipe.reserved(ingested_at)
    return [transformed(parameters.get("InputTemplate"), event, reserved) for event in events]


def enriched(text: bytes | str) -> list[Json]:
    """The events of an enrichment's answer; none if it is empty (`""`, `{}`, `[]`), so that no target is invoked.

    Raises `Unusable` for what is no JSON object or array.
    """
    try:
        value = loads(text) if text.strip() else ""
    except ValueError:
        raise Unusable("The enrichment answered no JSON.") from None
    if value in ("", None) or value == {} or value == []:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [value]
    raise Unusable("The enrichment answered neither an object nor an array.")


def is_called(arn: Arn, pipe: Pipe, machine_type: str | None) -> bool:
    """Whether the target is waited for, outside of transactions."""
    if arn.service == "lambda":
        own = pipe.target_parameters.get("LambdaFunctionParameters") or {}
        return own.get("InvocationType", "REQUEST_RESPONSE") == "REQUEST_RESPONSE"
    if arn.service == "states":
        own = pipe.target_parameters.get("StepFunctionStateMachineParameters") or {}
        return own.get("InvocationType") == "REQUEST_RESPONSE" or (not own and machine_type == "EXPRESS")
    return arn.service in OUTSIDE or (arn.service == "events" and arn.resource.startswith("api-destination/"))


def takes_batches(arn: Arn) -> bool:
    """Whether a target receives the array of events; the others receive each by itself."""
    return arn.service in ("lambda", "states")


def text_of(value: Json) -> str:
    """An event as a text: a text is its own."""
    return value if isinstance(value, str) else as_text(value)


def http_definition(pipe: Pipe, enrichment: bool, event: Json) -> dict[str, Any]:
    """A target in the form that EventBridge's endpoints are called with, its paths looked up in an event."""
    parameters = pipe.enrichment_parameters if enrichment else pipe.target_parameters
    given: Mapping[str, Any] = parameters.get("HttpParameters") or {}
    definition: dict[str, Any] = {
        "Arn": pipe.enrichment if enrichment else pipe.target,
        "HttpParameters": {
            "PathParameterValues": [resolved(event, text) for text in given.get("PathParameterValues") or []],
            **{
                member: {name: resolved(event, text) for name, text in (given.get(member) or {}).items()}
                for member in ("HeaderParameters", "QueryStringParameters")
            },
        },
    }
    key = (parameters.get("KinesisStreamParameters") or {}).get("PartitionKey")
    if key:
        definition["KinesisParameters"] = {"PartitionKey": resolved(event, key) or "-"}
    return definition


def sqs_request(pipe: Pipe, queue_url: str, event: Json, value: Json) -> dict[str, Any]:
    """SendMessage of one event; `event` is what paths are looked up in."""
    own: Mapping[str, str] = pipe.target_parameters.get("SqsQueueParameters") or {}
    found = {name: resolved(event, text) for name, text in own.items()}
    return {"QueueUrl": queue_url, "MessageBody": text_of(value), **found}


def put_events_request(pipe: Pipe, event: Json, value: Json, now: float) -> dict[str, Any]:
    """PutEvents of one event."""
    own: Mapping[str, Any] = pipe.target_parameters.get("EventBridgeEventBusParameters") or {}
    source = Arn.parse(pipe.source)
    entry: dict[str, Any] = {
        "Source": resolved(event, own.get("Source") or f"Pipe {pipe.name}"),
        "DetailType": resolved(event, own.get("DetailType") or f"Event from aws:{source.service if source else ''}"),
        "Detail": text_of(value),
        "Resources": [resolved(event, text) for text in own.get("Resources") or []],
        "EventBusName": pipe.target,
    }
    if own.get("Time"):
        entry["Time"] = _moment(resolved(event, own["Time"]), now)
    return {"Entries": [entry]}


def log_line(pipe: Pipe, event: Json, now: float) -> tuple[str, float]:
    """(stream, when) of one event in a log group."""
    own: Mapping[str, str] = pipe.target_parameters.get("CloudWatchLogsParameters") or {}
    stream = resolved(event, own.get("LogStreamName") or pipe.name) or pipe.name
    at = resolved(event, own["Timestamp"]) if own.get("Timestamp") else ""
    return stream, int(at) / 1000 if at.isascii() and at.isdigit() and len(at) < 15 else now


def failed_events(answer: bytes, message_ids: Sequence[str]) -> set[str] | None:
    """Ids that an answer with `batchItemFailures` names; None if it fails the whole batch."""
    try:
        value = json.loads(answer) if answer.strip() else None
    except (ValueError, RecursionError):
        return set()
    items = value.get("batchItemFailures") if isinstance(value, dict) else None
    if not isinstance(items, list):
        return set()
    found = {item.get("itemIdentifier") if isinstance(item, dict) else None for item in items}
    known = {text for text in found if isinstance(text, str) and text in message_ids}
    return known if len(known) == len(found) else None


def _moment(text: str, now: float) -> float:
    """Epoch seconds of a time in ISO 8601, or in milliseconds; now for what is neither."""
    if text.isascii() and text.isdigit() and len(text) < 15:
        return int(text) / 1000
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return now
