"""What an event source mapping is, how AWS shows it, and what it refuses. Pure.

Source: recorded/lambda_/event_source_mapping and lambda_api ([R]); the developer guide's "Creating and configuring an
Amazon SQS event source mapping" ([D]).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.event_pattern import InvalidPattern, compile_pattern
from emulator.aws.scope import Scope
from emulator.services.lambda_.event_sources.streams import settings as stream_settings
from emulator.services.lambda_.event_sources.streams.settings import StreamSettings, is_stream
from emulator.services.lambda_.rules.errors import invalid_parameter
from emulator.services.lambda_.rules.names import FunctionName

DEFAULT_BATCH_SIZE = 10
LARGEST_BATCH_WITHOUT_WINDOW = 10

_OTHER_SOURCES = {
    "kafka": "Amazon MSK",
    "mq": "Amazon MQ",
    "rds": "Amazon DocumentDB",
}
_NOT_FOR_QUEUES = (
    "ParallelizationFactor",
    "DestinationConfig",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
    "SourceAccessConfigurations",
)
_NOT_FOR_STREAMS = ("ScalingConfig", "SourceAccessConfigurations")
_ABSENT = ("KMSKeyArn", "LoggingConfig", "ProvisionedPollerConfig")


@dataclass(frozen=True, slots=True)
class SourceMapping:
    """A mapping from a queue or a stream to a function."""

    uuid: str
    scope: Scope
    function: FunctionName
    source_arn: str
    enabled: bool
    last_modified: float
    batch_size: int = DEFAULT_BATCH_SIZE
    window_seconds: int = 0
    filters: tuple[str, ...] = ()
    """Patterns as given; a record passes if one of them matches."""
    reports_failures: bool = False
    """The function answers which messages failed."""
    maximum_concurrency: int | None = None
    metrics: tuple[str, ...] = ()
    stream: StreamSettings | None = None
    """Set if the source is a stream."""

    @property
    def arn(self) -> str:
        """The mapping's own ARN."""
        return f"arn:aws:lambda:{self.scope.region}:{self.scope.account}:event-source-mapping:{self.uuid}"

    def describe(self, state: str | None = None, last_result: str = "") -> dict[str, Any]:
        """As AWS shows it; `state` is the one of passage that the answer to a change tells [R].

        `last_result` is a stream's only: what came of its last batch.
        """
        shown: dict[str, Any] = {
            "UUID": self.uuid,
            "BatchSize": self.batch_size,
            "MaximumBatchingWindowInSeconds": self.window_seconds,
            "EventSourceArn": self.source_arn,
        }
        if self.filters:
            shown["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in self.filters]}
        if self.metrics:
            shown["MetricsConfig"] = {"Metrics": list(self.metrics)}
        if self.maximum_concurrency is not None:
            shown["ScalingConfig"] = {"MaximumConcurrency": self.maximum_concurrency}
        shown |= {
            "FunctionArn": self.function.arn_as_named,
            "LastModified": self.last_modified,
            "State": state or ("Enabled" if self.enabled else "Disabled"),
            "StateTransitionReason": "USER_INITIATED" if self.stream is None else "User action",
            "FunctionResponseTypes": ["ReportBatchItemFailures"] if self.reports_failures else [],
            "EventSourceMappingArn": self.arn,
        }
        if self.stream is not None:
            shown |= {**self.stream.describe(), "LastProcessingResult": last_result}
        return shown


def check_source(request: Mapping[str, Any]) -> str:
    """The ARN of what a new mapping reads, empty for a self-managed cluster. Raises for what AWS does not read."""
    text: str = request.get("EventSourceArn") or ""
    if request.get("SelfManagedEventSource") is not None:
        if not request.get("SourceAccessConfigurations"):  # [R:test_create_event_source_self_managed]
            raise invalid_parameter("Required 'sourceAccessConfigurations' parameter is missing.")
        return ""
    arn = Arn.parse(text)
    if arn is None or not (arn.service in ("sqs", *_OTHER_SOURCES) or is_stream(text)):
        raise invalid_parameter("Unrecognized event source.")
    return text


def absent_source(source_arn: str) -> NotEmulated | None:
    """What to raise, after AWS's own refusals, for a source that AWS reads and the emulator does not."""
    arn = Arn.parse(source_arn)
    if arn is None:
        return NotEmulated("lambda", "CreateEventSourceMapping", "a self-managed Kafka cluster as event source")
    if arn.service in _OTHER_SOURCES:
        return NotEmulated("lambda", "CreateEventSourceMapping", f"{_OTHER_SOURCES[arn.service]} as event source")
    return None


def check_members(request: Mapping[str, Any], stream: bool) -> None:
    """Raise for members that a mapping of such a source cannot have."""
    for name in _NOT_FOR_STREAMS if stream else _NOT_FOR_QUEUES:
        if request.get(name) not in (None, {}, []):
            raise invalid_parameter(f"Unsupported {name} parameter for given event source mapping type.")
    for name in () if stream else ("StartingPosition", "StartingPositionTimestamp"):
        if request.get(name) is not None:
            raise invalid_parameter(f"{name} is not valid for SQS event sources.")
    for name in ("Topics", "Queues"):
        if request.get(name):
            raise invalid_parameter(f"Unsupported {name} parameter for given event source mapping type.")
    for name in _ABSENT:
        if request.get(name):
            raise NotEmulated("lambda", f"an event source mapping with {name}")


def changed(base: SourceMapping, request: Mapping[str, Any]) -> SourceMapping:
    """The mapping with the settings that a request names. Raises for combinations that AWS refuses."""
    result = base
    if request.get("Enabled") is not None:
        result = replace(result, enabled=request["Enabled"])
    if request.get("BatchSize") is not None:
        result = replace(result, batch_size=request["BatchSize"])
    if request.get("MaximumBatchingWindowInSeconds") is not None:
        result = replace(result, window_seconds=request["MaximumBatchingWindowInSeconds"])
    if request.get("FilterCriteria") is not None:
        patterns = [item.get("Pattern") for item in request["FilterCriteria"].get("Filters") or []]
        result = replace(result, filters=tuple(_checked_pattern(pattern) for pattern in patterns))
    if request.get("FunctionResponseTypes") is not None:
        result = replace(result, reports_failures="ReportBatchItemFailures" in request["FunctionResponseTypes"])
    if request.get("ScalingConfig") is not None:
        result = replace(result, maximum_concurrency=request["ScalingConfig"].get("MaximumConcurrency"))
    if request.get("MetricsConfig") is not None:
        result = replace(result, metrics=tuple(request["MetricsConfig"].get("Metrics") or ()))
    if result.stream is not None:
        return replace(result, stream=stream_settings.changed(result.stream, request))
    _check_batching(result)
    return result


def visibility_too_short(visibility_seconds: int, timeout_seconds: float) -> AwsError | None:
    """The error for a queue that gives messages back while the function may still work on them."""
    if visibility_seconds >= timeout_seconds:
        return None
    return invalid_parameter(
        f"Queue visibility timeout: {visibility_seconds} seconds is less than "
        f"Function timeout: {int(timeout_seconds)} seconds"
    )


def duplicate(existing: SourceMapping) -> AwsError:
    """A source and a function are mapped once; the blanks in the texts are AWS's [R], a stream's as users quote it."""
    if existing.stream is not None:
        text = (
            f'The event source arn (" {existing.source_arn} ") and function (" {existing.function.name} ") provided '
            f"mapping already exists. Please update or delete the existing mapping with UUID {existing.uuid}"
        )
        return AwsError("ResourceConflictException", text, 409, {"Type": "User"})
    text = (
        f'An event source mapping with SQS arn (" {existing.source_arn} ") and function '
        f'(" {existing.function.name} ") already exists. Please update or delete the existing mapping with '
        f"UUID {existing.uuid}"
    )
    return AwsError("ResourceConflictException", text, 409, {"Type": "User"})


def no_such_queue() -> AwsError:
    """The source does not exist, in the words of the service that was asked [R]."""
    return invalid_parameter(
        "Error occurred while ReceiveMessage. SQS Error Code: AWS.SimpleQueueService.NonExistentQueue. "
        "SQS Error Message: The specified queue does not exist."
    )


def no_such_stream(source_arn: str) -> AwsError:
    """The stream does not exist (quoted by users for DynamoDB)."""
    return invalid_parameter(f"Stream not found: {source_arn}")


def _check_batching(mapping: SourceMapping) -> None:
    if mapping.source_arn.endswith(".fifo"):
        # Both rules are documented; the texts are unverified.
        if mapping.batch_size > LARGEST_BATCH_WITHOUT_WINDOW:
            raise invalid_parameter("Batch size for a FIFO queue must be less than or equal to 10.")
        if mapping.window_seconds:
            raise invalid_parameter("Batching window is not supported for FIFO queues.")
    if mapping.batch_size > LARGEST_BATCH_WITHOUT_WINDOW and not mapping.window_seconds:
        raise invalid_parameter(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        )


def _checked_pattern(text: str | None) -> str:
    try:
        compile_pattern(text or "")
    except InvalidPattern:
        raise invalid_parameter("Invalid filter pattern definition.") from None
    return text or ""
