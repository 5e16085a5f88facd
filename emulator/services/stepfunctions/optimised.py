"""Optimised integrations that call an operation of a service: `sqs:sendMessage`, `dynamodb:getItem`, …

Decides which resources there are, with which patterns, and how their results and failures look: the naming of the
first Java SDK, with metadata of the HTTP exchange (reference 5.4, 5.7). Knows no transaction. Functions, API Gateway
and HTTP endpoints have files of their own.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from emulator.aws.errors import AwsError

from .asl.data import Json, dumps
from .asl.tasks import CALLBACK
from .http_metadata import http_date, metadata
from .java_sdk import exception_name
from .task_parameters import pascal

_JSON_HEADERS = ("x-amzn-RequestId", "connection", "Content-Length", "Date", "Content-Type")
_DYNAMODB_HEADERS = (
    "Server", "Connection", "x-amzn-RequestId", "x-amz-crc32", "Content-Length", "Date", "Content-Type",
)  # fmt: skip


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
    headers: tuple[str, ...] = _JSON_HEADERS
    """Of the HTTP answer, as far as the result shows them; none: the result has no metadata."""
    content_type: str = "application/x-amz-json-1.0"


def attribute_values(shape: Any, value: Json) -> Json:
    """Parameters of DynamoDB with `{"S": text}` wherever a text stands for an attribute's value: workflows that AWS
    publishes write `"Item": {"id.$": "$.id"}` (serverless-patterns' sfn-dynamodb, unverified). Only optimised
    integrations take it.
    """
    kind: str = shape.type_name
    if shape.name == "AttributeValue" and isinstance(value, str):
        return {"S": value}
    if kind == "structure" and isinstance(value, dict):
        members = {pascal(name): member for name, member in shape.members.items()}
        return {key: attribute_values(members[key], item) if key in members else item for key, item in value.items()}
    if kind == "map" and isinstance(value, dict):
        return {key: attribute_values(shape.value, item) for key, item in value.items()}
    if kind == "list" and isinstance(value, list):
        return [attribute_values(shape.member, item) for item in value]
    return value


def _dynamodb(operation: str) -> Optimised:
    return Optimised(
        "dynamodb", operation, "DynamoDB", "AmazonDynamoDBv2", "AmazonDynamoDBException", ("",), _DYNAMODB_HEADERS
    )


TABLE = {
    "sqs:sendMessage": Optimised("sqs", "SendMessage", "SQS", "AmazonSQS", "AmazonSQSException"),
    "sns:publish": Optimised("sns", "Publish", "SNS", "AmazonSNS", "AmazonSNSException", content_type="text/xml"),
    "events:putEvents": Optimised(
        "events", "PutEvents", "EventBridge", "AmazonCloudWatchEvents", "AmazonEventBridgeException", headers=()
    ),
    "states:startExecution": Optimised(
        "stepfunctions", "StartExecution", "StepFunctions", "AWSStepFunctions", "AWSStepFunctionsException",
        ("", CALLBACK, ".sync", ".sync:2"),
    ),
    "dynamodb:getItem": _dynamodb("GetItem"),
    "dynamodb:putItem": _dynamodb("PutItem"),
    "dynamodb:updateItem": _dynamodb("UpdateItem"),
    "dynamodb:deleteItem": _dynamodb("DeleteItem"),
}  # fmt: skip
_RESOURCE = re.compile(r"arn:aws[a-z-]*:states:::([a-z-]+):([a-zA-Z]+)((?:\.[A-Za-z]+(?::\d+)?)?)")


def find(resource: str) -> tuple[Optimised, str] | None:
    """The integration that a Resource names, and its pattern; None if it is none of these."""
    match = _RESOURCE.fullmatch(resource)
    entry = TABLE.get(f"{match[1]}:{match[2]}") if match else None
    if match is None or entry is None or match[3] not in entry.patterns:
        return None
    return entry, match[3]


def with_metadata(
    entry: Optimised, value: dict[str, Json], body: dict[str, Any], request_id: str, now: float
) -> dict[str, Json]:
    """The result with what the SDK tells of the HTTP exchange [R:services]; `body` is it in the service's words."""
    if not entry.headers:
        return dict(sorted(value.items()))
    written = dumps(body).encode()
    known = {
        "Server": "Server",
        "connection": "keep-alive",
        "Connection": "keep-alive",
        "Content-Length": str(len(written)),
        "Content-Type": entry.content_type,
        "Date": http_date(now),
        "x-amz-crc32": str(zlib.crc32(written)),
        "x-amzn-RequestId": request_id,
    }
    whole = {**value, **metadata({name: known[name] for name in entry.headers}, request_id)}
    return dict(sorted(whole.items()))


def failure(entry: Optimised, shape: str | None, error: AwsError, request_id: str) -> tuple[str, str]:
    """(error name, cause) of a call that the service refused; `shape` is the model's name of the error, if any."""
    name = entry.generic if shape is None else exception_name(shape)
    cause = (
        f"{error.message} (Service: {entry.sdk_name}; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )
    return f"{entry.prefix}.{name}", cause


def unreachable(entry: Optimised, request: dict[str, Any]) -> tuple[str, str] | None:
    """(error name, cause) of a message to a queue whose URL names no queue but only a host [R:no_such_queue]."""
    url = request.get("QueueUrl") if entry.service == "sqs" else None
    if not isinstance(url, str) or "://" not in url:
        return None
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return None
    if not host or parts.path.strip("/"):
        return None
    return f"{entry.prefix}.SdkClientException", f"Unable to execute HTTP request: {host}: Name or service not known"


def own_resources(request: dict[str, Any], machine_arn: str, execution_arn: str) -> dict[str, Any]:
    """PutEvents of a state machine names the machine and the execution among the resources [R:test_put_events_base]."""
    mine = [machine_arn, execution_arn]
    entries = [{**entry, "Resources": [*mine, *entry.get("Resources", [])]} for entry in request.get("Entries", [])]
    return {**request, "Entries": entries}
