"""What a target calls: the operation behind its ARN, and its request. Pure, but for reading AWS's service models.

Decides which targets there are, what is wrong with one, and how `<aws.scheduler.…>` in its input is filled
(https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html and
…/managing-schedule-context-attributes.html). Whether and when anything is called is not decided here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import NotEmulated
from emulator.aws.protocol import load_service, service_names
from emulator.aws.scope import Scope
from emulator.services.events.model import iso
from emulator.services.scheduler.model import Schedule, invalid
from emulator.services.stepfunctions.java_sdk import botocore_name
from emulator.services.stepfunctions.task_parameters import pascal, to_boto3

_UNIVERSAL = re.compile(r"arn:aws[a-z-]*:scheduler:::aws-sdk:([a-z0-9]+):([a-zA-Z0-9]+)")
_CONTEXT = re.compile(r"<aws\.scheduler\.(schedule-arn|scheduled-time|execution-id|attempt-number)>")
_READ_ONLY = (
    "get", "describe", "list", "poll", "receive", "search", "scan", "query", "select", "read", "lookup", "discover",
    "validate", "batchGet", "batchDescribe", "batchRead", "transactGet", "adminGet", "adminList", "testMigration",
    "retrieve", "testConnection", "translateDocument", "isAuthorized", "invokeModel",
)  # fmt: skip
"""Beginnings of the operations that no universal target may name."""
_TEMPLATED = {
    "lambda": ("lambda", "Invoke"),
    "sqs": ("sqs", "SendMessage"),
    "sns": ("sns", "Publish"),
    "states": ("stepfunctions", "StartExecution"),
    "events": ("events", "PutEvents"),
    "kinesis": ("kinesis", "PutRecord"),
    "firehose": ("firehose", "PutRecord"),
}
"""By the service of a target's ARN: botocore's service and the operation."""
_REFUSED = {
    "codebuild": "CodeBuild targets",
    "codepipeline": "CodePipeline targets",
    "ecs": "ECS targets",
    "inspector": "Inspector targets",
    "sagemaker": "SageMaker targets",
}
_PARAMETERS = {
    "EventBridgeParameters": "events",
    "KinesisParameters": "kinesis",
    "SqsParameters": "sqs",
    "EcsParameters": "ecs",
    "SageMakerPipelineParameters": "sagemaker",
}
"""Members of a target that only one kind of target may have."""
_KNOWN = frozenset({"Arn", "RoleArn", "DeadLetterConfig", "RetryPolicy", "Input", *_PARAMETERS})


@dataclass(frozen=True, slots=True)
class Occasion:
    """One attempt at invoking the target of a schedule."""

    schedule_arn: str
    scheduled_at: float
    execution_id: str
    attempt: int
    """1 is the first."""

    def filled(self, text: str) -> str:
        """A text with the values of the context attributes that it names."""
        values = {
            "schedule-arn": self.schedule_arn,
            "scheduled-time": iso(self.scheduled_at),
            "execution-id": self.execution_id,
            "attempt-number": str(self.attempt),
        }
        return _CONTEXT.sub(lambda match: values[match[1]], text)


@dataclass(frozen=True, slots=True)
class Call:
    """An operation to be called."""

    scope: Scope
    service: str
    operation: str
    request: dict[str, Any]


class Unusable(Exception):
    """The input does not make a request of the operation; the text says why."""


# ── when a schedule is created ──────────────────────────────────────────────────────────────────


def check(target: Mapping[str, Any], operation: str) -> None:
    """Raise ValidationException for what cannot be a target, NotEmulated for what is one on AWS only."""
    for member in target:
        if member not in _KNOWN:
            raise NotEmulated("scheduler", operation, f"Target.{member}")
    text: str = target["Arn"]
    if text.startswith("arn:") and ":scheduler:::aws-sdk:" in text:
        _check_universal(text, target, operation)
        return
    arn = Arn.parse(text)
    if arn is None:
        raise invalid("Provided Arn is not in correct format.")
    if arn.service in _REFUSED:
        raise NotEmulated("scheduler", operation, _REFUSED[arn.service])
    if arn.service not in _TEMPLATED or (arn.service == "states" and not arn.resource.startswith("stateMachine:")):
        raise invalid(f"{text} is not a supported target.")
    _check_parameters(target, arn.service)
    if arn.service in ("lambda", "states", "events") and not _is_json(target.get("Input")):
        raise invalid("Input must be a well-formed JSON.")
    in_group = bool((target.get("SqsParameters") or {}).get("MessageGroupId"))
    if arn.service == "sqs" and arn.resource.endswith(".fifo") and not in_group:
        raise invalid("SqsParameters.MessageGroupId is required for a FIFO queue.")


def _check_parameters(target: Mapping[str, Any], service: str) -> None:
    for member, owner in _PARAMETERS.items():
        if target.get(member) is not None and owner != service:
            raise invalid(f"{member} cannot be specified for a target of {service}.")
    for member in ("EventBridgeParameters", "KinesisParameters"):
        if _PARAMETERS[member] == service and not target.get(member):
            raise invalid(f"{member} is required for a target of {service}.")


def _check_universal(text: str, target: Mapping[str, Any], operation: str) -> None:
    match = _UNIVERSAL.fullmatch(text)
    name = botocore_name(match[1], service_names()) if match is not None else None
    if match is None or name is None or not load_service(name).has_operation(pascal(match[2])):
        raise invalid(f"{text} is not a supported target.")
    if not match[2][0].islower() or match[2].startswith(_READ_ONLY):
        raise invalid(f"{text} is not a supported target.")
    _check_parameters(target, "aws-sdk")
    if not _is_json(target.get("Input")):
        raise invalid("Input must be a well-formed JSON.")


def universal(text: str) -> tuple[str, str] | None:
    """(botocore's service, operation) of a universal target's ARN; None for a templated target."""
    match = _UNIVERSAL.fullmatch(text)
    name = botocore_name(match[1], service_names()) if match is not None else None
    return None if match is None or name is None else (name, pascal(match[2]))


def _is_json(text: str | None) -> bool:
    if text is None:
        return True
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


# ── when it is invoked ──────────────────────────────────────────────────────────────────────────


def input_of(schedule: Schedule, occasion: Occasion) -> str:
    """What the target receives: its input, or the notification that AWS sends in place of none."""
    given: str | None = schedule.target.get("Input")
    if given is not None:
        return occasion.filled(given)
    if universal(schedule.target["Arn"]) is not None:
        return "{}"
    notification = {
        "version": "0",
        "id": occasion.execution_id,
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": schedule.scope.account,
        "time": iso(occasion.scheduled_at),
        "region": schedule.scope.region,
        "resources": [schedule.arn],
        "detail": "{}",  # a text: Scheduler's guide shows it so
    }
    return json.dumps(notification, separators=(",", ":"))


def call_of(scope: Scope, target: Mapping[str, Any], text: str, identifier: str, base_url: str) -> Call:
    """The operation that a target calls with an input. Raises `Unusable`; models are botocore's."""
    named = universal(target["Arn"])
    if named is not None:
        return Call(scope, *named, _universal_request(*named, text))
    arn = Arn.parse(target["Arn"])
    assert arn is not None, "checked when the schedule was created"
    service, operation = _TEMPLATED[arn.service]
    where = Scope(arn.account or scope.account, arn.region or scope.region)
    return Call(where, service, operation, _request(service, arn, target, text, identifier, base_url))


def _request(
    service: str, arn: Arn, target: Mapping[str, Any], text: str, identifier: str, base_url: str
) -> dict[str, Any]:
    """The request of a templated target."""
    own: str = target["Arn"]
    if service == "lambda":
        return {"FunctionName": own, "InvocationType": "Event", "Payload": text.encode("utf-8", "replace")}
    if service == "sqs":
        return {
            "QueueUrl": f"{base_url}/{arn.account}/{arn.resource}",
            "MessageBody": text,
            **(target.get("SqsParameters") or {}),
        }
    if service == "sns":
        return {"TopicArn": own, "Message": text}
    if service == "stepfunctions":
        return {"stateMachineArn": own, "input": text, "name": identifier}
    if service == "events":
        return {"Entries": [{**target["EventBridgeParameters"], "Detail": text, "EventBusName": own}]}
    if service == "kinesis":
        record = {"Data": text.encode("utf-8", "replace"), "PartitionKey": target["KinesisParameters"]["PartitionKey"]}
        return {"StreamName": arn.resource.partition("/")[2], **record}
    return {
        "DeliveryStreamName": arn.resource.partition("/")[2],
        "Record": {"Data": text.encode("utf-8", "replace")},
    }


def _universal_request(service: str, operation: str, text: str) -> dict[str, Any]:
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    model: Any = ServiceModel(Loader().load_service_model(service, "service-2"), service)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise Unusable("The input is not valid JSON.") from None
    if not isinstance(value, dict):
        raise Unusable("The input is not a JSON object.")
    problems: list[str] = []
    shape: Any = model.operation_model(operation).input_shape
    request: dict[str, Any] = to_boto3(shape, {pascal(key): item for key, item in value.items()}, problems)
    if problems:
        raise Unusable(", ".join(problems).replace("Step Functions", "EventBridge Scheduler"))
    return request
