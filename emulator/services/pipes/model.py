"""What a pipe is, how AWS shows it, and what it refuses. Values and pure decisions; texts of errors are unverified."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.event_pattern import InvalidPattern, Pattern, compile_pattern
from emulator.aws.scope import Scope
from emulator.services.pipes import template

RUNNING, STOPPED = "RUNNING", "STOPPED"
PASSING = {"CREATING", "UPDATING", "DELETING", "STARTING", "STOPPING"}
"""States that a job ends."""
DEFAULT_BATCH_SIZE = 10
LARGEST_FIFO_BATCH = 10

DEFAULT_STREAM_BATCH_SIZE = 100
_OTHER_SOURCES = {
    "kafka": "Amazon MSK",
    "mq": "Amazon MQ",
}
TARGETS = ("lambda", "states", "sqs", "sns", "events", "logs", "kinesis", "firehose", "execute-api")
ENRICHMENTS = ("lambda", "states", "execute-api", "events")
_SOURCE_MEMBERS = {
    "sqs": "SqsQueueParameters",
    "kinesis": "KinesisStreamParameters",
    "dynamodb": "DynamoDBStreamParameters",
}
"""By the service they are for."""
_TARGET_MEMBERS = {
    "InputTemplate": None,
    "LambdaFunctionParameters": "lambda",
    "StepFunctionStateMachineParameters": "states",
    "KinesisStreamParameters": "kinesis",
    "SqsQueueParameters": "sqs",
    "HttpParameters": None,
    "EventBridgeEventBusParameters": "events",
    "CloudWatchLogsParameters": "logs",
}
"""By the service they are for; None for any."""


def invalid(text: str) -> AwsError:
    """Pipes' ValidationException."""
    return AwsError("ValidationException", text)


def not_found(name: str) -> AwsError:
    """There is no pipe of that name."""
    return AwsError("NotFoundException", f"Pipe {name} does not exist.", 404)


def conflict(text: str, name: str) -> AwsError:
    """The pipe is there already, or in a state that allows no change."""
    return AwsError("ConflictException", text, 409, {"resourceId": name, "resourceType": "Pipe"})


@dataclass(frozen=True, slots=True)
class Pipe:
    """A pipe: AWS's own structure, read by name, and its state."""

    scope: Scope
    name: str
    definition: Mapping[str, Any]
    """What CreatePipe and UpdatePipe said."""
    desired: str
    state: str
    created_at: float
    modified_at: float
    reason: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def arn(self) -> str:
        return f"arn:aws:pipes:{self.scope.region}:{self.scope.account}:pipe/{self.name}"

    @property
    def source(self) -> str:
        return self.definition["Source"]

    @property
    def target(self) -> str:
        return self.definition["Target"]

    @property
    def enrichment(self) -> str | None:
        return self.definition.get("Enrichment") or None

    @property
    def target_parameters(self) -> Mapping[str, Any]:
        return self.definition.get("TargetParameters") or {}

    @property
    def enrichment_parameters(self) -> Mapping[str, Any]:
        return self.definition.get("EnrichmentParameters") or {}

    @property
    def filters(self) -> tuple[str, ...]:
        """Event patterns, of which one must match."""
        criteria = (self.definition.get("SourceParameters") or {}).get("FilterCriteria") or {}
        return tuple(item["Pattern"] for item in criteria.get("Filters") or [] if item.get("Pattern"))

    @property
    def log_settings(self) -> Mapping[str, Any]:
        """LogConfiguration."""
        return self.definition.get("LogConfiguration") or {}

    @property
    def reads_stream(self) -> bool:
        """Whether the source is a stream; otherwise it is a queue."""
        return self.source.split(":")[2] != "sqs"

    @property
    def batch_size(self) -> int:
        default = DEFAULT_STREAM_BATCH_SIZE if self.reads_stream else DEFAULT_BATCH_SIZE
        return self.source_settings.get("BatchSize") or default

    @property
    def window_seconds(self) -> int:
        return self.source_settings.get("MaximumBatchingWindowInSeconds") or 0

    @property
    def source_settings(self) -> Mapping[str, Any]:
        """The parameters of the source's own kind."""
        return (self.definition.get("SourceParameters") or {}).get(self._source_member) or {}

    @property
    def _source_member(self) -> str:
        return _SOURCE_MEMBERS[self.source.split(":")[2]]

    def reserved(self, ingested_at: str) -> dict[str, str]:
        """The variables that every template has."""
        return {
            "aws.pipes.pipe-arn": self.arn,
            "aws.pipes.pipe-name": self.name,
            "aws.pipes.source-arn": self.source,
            "aws.pipes.enrichment-arn": self.enrichment or "",
            "aws.pipes.target-arn": self.target,
            "aws.pipes.event.ingestion-time": ingested_at,
        }

    def passes(self, record: Mapping[str, Any]) -> bool:
        """Whether a filter lets a record through; a body that is a JSON object is matched as such."""
        if not self.filters:
            return True
        event = dict(record)
        try:
            body = json.loads(event["body"])
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            event["body"] = body
        return any(pattern.matches(event) for pattern in _patterns(self.filters))

    def changed(self) -> dict[str, Any]:
        """As operations that change a pipe answer."""
        return {
            "Arn": self.arn,
            "Name": self.name,
            "DesiredState": "DELETED" if self.state == "DELETING" else self.desired,
            "CurrentState": self.state,
            "CreationTime": self.created_at,
            "LastModifiedTime": self.modified_at,
        }

    def listed(self) -> dict[str, Any]:
        """As ListPipes shows it."""
        shown = {**self.changed(), "Source": self.source, "Target": self.target, "DesiredState": self.desired}
        shown |= {"Enrichment": self.enrichment} if self.enrichment else {}
        return shown | ({"StateReason": self.reason} if self.reason else {})

    def described(self) -> dict[str, Any]:
        """As DescribePipe shows it, defaults of the source included."""
        source = self.definition.get("SourceParameters") or {}
        own = {"BatchSize": self.batch_size, **self.source_settings}
        members = (
            "Description",
            "EnrichmentParameters",
            "TargetParameters",
            "RoleArn",
            "KmsKeyIdentifier",
            "LogConfiguration",
        )
        kept = {name: self.definition[name] for name in members if self.definition.get(name)}
        parameters = {**source, self._source_member: own}
        shown = {**self.changed(), **self.listed(), **kept, "SourceParameters": parameters, "Tags": dict(self.tags)}
        return {**shown, "DesiredState": self.changed()["DesiredState"]}


@lru_cache(maxsize=1024)
def _patterns(texts: tuple[str, ...]) -> list[Pattern]:
    return [compile_pattern(text) for text in texts]


def check(definition: Mapping[str, Any], operation: str) -> None:
    """Raise ValidationException for what is no pipe, NotEmulated for what is one on AWS only."""
    _check_source(definition, operation)
    _check_enrichment(definition, operation)
    _check_target(definition, operation)
    _check_logging(definition.get("LogConfiguration") or {}, operation)


def _check_logging(settings: Mapping[str, Any], operation: str) -> None:
    for member, what in (("S3LogDestination", "S3"), ("FirehoseLogDestination", "Firehose")):
        if settings.get(member):
            raise NotEmulated("pipes", operation, f"LogConfiguration: logs to {what}")
    if settings.get("Level", "OFF") == "OFF":
        return
    text = (settings.get("CloudwatchLogsLogDestination") or {}).get("LogGroupArn")
    arn = Arn.parse(text) if text else None
    if arn is None or arn.service != "logs" or not arn.resource.startswith("log-group:"):
        raise invalid("LogConfiguration needs a destination when its level is not OFF.")


def _check_source(definition: Mapping[str, Any], operation: str) -> None:
    source = Arn.parse(definition["Source"])
    if source is None:
        raise NotEmulated("pipes", operation, "self-managed Kafka clusters as source")
    if source.service in _OTHER_SOURCES:
        raise NotEmulated("pipes", operation, f"{_OTHER_SOURCES[source.service]} as source")
    if source.service not in _SOURCE_MEMBERS or (source.service == "dynamodb" and "/stream/" not in source.resource):
        raise invalid(f"Source {definition['Source']} is not supported.")
    parameters: Mapping[str, Any] = definition.get("SourceParameters") or {}
    for member in parameters:
        if member not in ("FilterCriteria", _SOURCE_MEMBERS[source.service]):
            raise invalid(f"{member} cannot be specified for a source of {source.service}.")
    for item in (parameters.get("FilterCriteria") or {}).get("Filters") or []:
        try:
            compile_pattern(item.get("Pattern") or "")
        except InvalidPattern as error:
            raise invalid(f"Event pattern is not valid. Reason: {error.message}") from None
    own: Mapping[str, Any] = parameters.get(_SOURCE_MEMBERS[source.service]) or {}
    if source.service == "sqs":
        _check_queue(source, own)
    else:
        _check_stream(source, own)


def _check_queue(source: Arn, own: Mapping[str, Any]) -> None:
    size, window = own.get("BatchSize") or DEFAULT_BATCH_SIZE, own.get("MaximumBatchingWindowInSeconds") or 0
    if source.resource.endswith(".fifo") and size > LARGEST_FIFO_BATCH:
        raise invalid("The batch size of a FIFO queue must be 10 or less.")
    if size > LARGEST_FIFO_BATCH and not window:
        raise invalid("A batch size of more than 10 needs a MaximumBatchingWindowInSeconds of 1 or more.")


def _check_stream(source: Arn, own: Mapping[str, Any]) -> None:
    position, at = own.get("StartingPosition"), own.get("StartingPositionTimestamp")
    if position is None:
        raise invalid(f"StartingPosition is required for a source of {source.service}.")
    if (position == "AT_TIMESTAMP") != (at is not None):
        raise invalid("StartingPositionTimestamp is for StartingPosition AT_TIMESTAMP, which needs it.")
    age = own.get("MaximumRecordAgeInSeconds")
    if age is not None and -1 < age < 60:
        raise invalid("MaximumRecordAgeInSeconds must be -1 or between 60 and 604800.")
    dead = (own.get("DeadLetterConfig") or {}).get("Arn")
    target = Arn.parse(dead) if dead else None
    if dead and (target is None or target.service not in ("sqs", "sns")):
        raise invalid(f"DeadLetterConfig {dead} is neither a queue nor a topic.")


def _check_enrichment(definition: Mapping[str, Any], operation: str) -> None:
    text = definition.get("Enrichment")
    parameters: Mapping[str, Any] = definition.get("EnrichmentParameters") or {}
    _check_template(parameters.get("InputTemplate"))
    arn = Arn.parse(text) if text else None
    if not text:
        return
    if arn is None or arn.service not in ENRICHMENTS:
        raise invalid(f"Enrichment {text} is not supported.")
    if arn.service == "events" and not arn.resource.startswith("api-destination/"):
        raise invalid(f"Enrichment {text} is not supported.")
    if arn.service == "states" and not arn.resource.startswith("stateMachine:"):
        raise invalid(f"Enrichment {text} is not supported.")
    if parameters.get("HttpParameters") and arn.service not in ("execute-api", "events"):
        raise invalid(f"HttpParameters cannot be specified for an enrichment of {arn.service}.")


def _check_target(definition: Mapping[str, Any], operation: str) -> None:
    arn = Arn.parse(definition["Target"])
    if arn is None or arn.service not in TARGETS:
        raise NotEmulated("pipes", operation, f"targets of {arn.service if arn is not None else definition['Target']}")
    parameters: Mapping[str, Any] = definition.get("TargetParameters") or {}
    for member, value in parameters.items():
        if member not in _TARGET_MEMBERS:
            raise invalid(f"{member} cannot be specified for a target of {arn.service}.")
        owner = _TARGET_MEMBERS[member]
        if value and owner is not None and owner != arn.service:
            raise invalid(f"{member} cannot be specified for a target of {arn.service}.")
    _check_template(parameters.get("InputTemplate"))
    if arn.service == "kinesis" and not parameters.get("KinesisStreamParameters"):
        raise invalid("KinesisStreamParameters is required for a target of kinesis.")
    if arn.service == "sqs" and arn.resource.endswith(".fifo"):
        group = (parameters.get("SqsQueueParameters") or {}).get("MessageGroupId")
        if not group:
            raise invalid("SqsQueueParameters.MessageGroupId is required for a FIFO queue.")
    if (parameters.get("EventBridgeEventBusParameters") or {}).get("EndpointId"):
        raise NotEmulated("pipes", operation, "global endpoints")


def _check_template(text: str | None) -> None:
    problem = template.check(text) if text else None
    if problem is not None:
        raise invalid(f"Invalid InputTemplate: {problem}.")
