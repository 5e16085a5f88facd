"""Optimised integrations: `sqs:sendMessage`, `sns:publish`, `events:putEvents`, `states:startExecution`.

Decides which resources there are, with which patterns, and how their results and failures look: the naming of the
first Java SDK, with metadata of the HTTP exchange (reference 5.4, 5.7). Knows no transaction.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.aws.errors import AwsError

from .asl.data import Json, dumps
from .asl.tasks import CALLBACK

METADATA_TYPE_JSON = "application/x-amz-json-1.0"


@dataclass(frozen=True, slots=True)
class Optimised:
    """One `states:::service:action`."""

    service: str
    """botocore's name."""
    operation: str
    prefix: str
    """`SQS` in `SQS.AmazonSQSException`."""
    sdk_name: str
    """`AmazonSQS` in the cause."""
    generic: str
    """The error name when the service's error has no class of its own."""
    patterns: tuple[str, ...] = ("", CALLBACK)
    metadata_type: str | None = METADATA_TYPE_JSON
    """Content-Type shown in the result's metadata; None: the result has none."""


TABLE = {
    "sqs:sendMessage": Optimised("sqs", "SendMessage", "SQS", "AmazonSQS", "AmazonSQSException"),
    "sns:publish": Optimised(
        "sns", "Publish", "SNS", "AmazonSNS", "AmazonSNSException", metadata_type="text/xml"
    ),
    "events:putEvents": Optimised(
        "events", "PutEvents", "EventBridge", "AmazonCloudWatchEvents", "AmazonEventBridgeException", metadata_type=None
    ),
    "states:startExecution": Optimised(
        "stepfunctions", "StartExecution", "StepFunctions", "AWSStepFunctions", "AWSStepFunctionsException",
        ("", CALLBACK, ".sync", ".sync:2"),
    ),
}  # fmt: skip
_RESOURCE = re.compile(r"arn:aws[a-z-]*:states:::([a-z]+:[a-zA-Z]+)((?:\.[A-Za-z]+(?::\d+)?)?)")


def find(resource: str) -> tuple[Optimised, str] | None:
    """The integration that a Resource names, and its pattern; None if it is none of these."""
    match = _RESOURCE.fullmatch(resource)
    entry = TABLE.get(match[1]) if match else None
    if match is None or entry is None or match[2] not in entry.patterns:
        return None
    return entry, match[2]


def with_metadata(entry: Optimised, result: dict[str, Json], request_id: str, now: float) -> dict[str, Json]:
    """The result with what the SDK tells of the HTTP exchange [R:test_send_message]."""
    if entry.metadata_type is None:
        return dict(sorted(result.items()))
    single = {
        "connection": "keep-alive",
        "Content-Length": str(len(dumps(result))),
        "Content-Type": entry.metadata_type,
        "Date": f"{datetime.fromtimestamp(now, UTC):%a, %d %b %Y %H:%M:%S} GMT",
        "x-amzn-RequestId": request_id,
    }
    metadata = {
        "AllHttpHeaders": {name: [text] for name, text in single.items()},
        "HttpHeaders": single,
        "HttpStatusCode": 200,
    }
    whole = {**result, "SdkHttpMetadata": metadata, "SdkResponseMetadata": {"RequestId": request_id}}
    return dict(sorted(whole.items()))


def failure(entry: Optimised, modelled: set[str], error: AwsError, request_id: str) -> tuple[str, str]:
    """(error name, cause) of a call that the service refused."""
    code = error.code.rpartition(".")[2]  # `AWS.SimpleQueueService.NonExistentQueue`
    name = entry.generic
    if code in modelled or error.code in modelled:
        name = code if code.endswith("Exception") else f"{code}Exception"
    cause = (
        f"{error.message} (Service: {entry.sdk_name}; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )
    return f"{entry.prefix}.{name}", cause


def own_resources(request: dict[str, Any], machine_arn: str, execution_arn: str) -> dict[str, Any]:
    """PutEvents of a state machine names the machine and the execution among the resources [R:test_put_events_base]."""
    mine = [machine_arn, execution_arn]
    entries = [{**entry, "Resources": [*mine, *entry.get("Resources", [])]} for entry in request.get("Entries", [])]
    return {**request, "Entries": entries}
