"""What may be configured for a stream, and how AWS shows it. Pure.

Source: developer guide, "Lambda parameters for Amazon Kinesis Data Streams event source mappings" and the same for
DynamoDB ([D]); the texts of refusals are unverified but for those users quote ([Q]).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from emulator.aws.arn import Arn
from emulator.services.lambda_.destinations import service_of
from emulator.services.lambda_.rules.errors import invalid_parameter

STREAM_SERVICES = frozenset({"kinesis", "dynamodb"})
DEFAULT_BATCH_SIZE = 100
NO_RECORDS = "No records processed"
OK = "OK"
FAILED = "PROBLEM: Function call failed"
LOST = "PROBLEM: Stream not found. Delegated streams live in memory: was the emulator restarted?"
"""Ours: where AWS would go on reading, a delegated stream may have been forgotten."""
_POSITIONS = {
    "kinesis": ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP"),
    "dynamodb": ("TRIM_HORIZON", "LATEST"),
}


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """What a mapping of a stream has beyond those of queues. -1 is no limit."""

    starting_position: str
    starting_timestamp: float | None = None
    parallelization_factor: int = 1
    bisects: bool = False
    maximum_retries: int = -1
    maximum_age_seconds: int = -1
    tumbling_seconds: int = 0
    on_failure: str | None = None

    def to_stored(self) -> dict[str, Any]:
        """For the store."""
        return asdict(self)

    def describe(self) -> dict[str, Any]:
        """As AWS shows it."""
        shown: dict[str, Any] = {"StartingPosition": self.starting_position}
        if self.starting_timestamp is not None:
            shown["StartingPositionTimestamp"] = self.starting_timestamp
        return {
            **shown,
            "ParallelizationFactor": self.parallelization_factor,
            "DestinationConfig": {"OnFailure": {"Destination": self.on_failure} if self.on_failure else {}},
            "MaximumRecordAgeInSeconds": self.maximum_age_seconds,
            "BisectBatchOnFunctionError": self.bisects,
            "MaximumRetryAttempts": self.maximum_retries,
            "TumblingWindowInSeconds": self.tumbling_seconds,
        }


def is_stream(source_arn: str) -> bool:
    """Whether an event source is a stream."""
    arn = Arn.parse(source_arn)
    if arn is None:
        return False
    return arn.service == "kinesis" or (arn.service == "dynamodb" and "/stream/" in arn.resource)


def new_settings(source_arn: str, request: Mapping[str, Any]) -> StreamSettings:
    """The settings of a mapping that is being created."""
    position = request.get("StartingPosition")
    if position is None:
        raise invalid_parameter(
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
    service = "kinesis" if source_arn.split(":")[2] == "kinesis" else "dynamodb"
    if position not in _POSITIONS[service]:
        raise invalid_parameter(f"Unsupported starting position for arn type: {source_arn}")  # [Q]
    at = request.get("StartingPositionTimestamp")
    if position == "AT_TIMESTAMP" and at is None:
        raise invalid_parameter("Timestamp is required for AT_TIMESTAMP starting position.")
    if position != "AT_TIMESTAMP" and at is not None:
        raise invalid_parameter("Timestamp is only supported for AT_TIMESTAMP starting position.")
    seconds: float | None = None
    if at is not None:
        seconds = at.timestamp() if hasattr(at, "timestamp") else float(at)
    return changed(StreamSettings(position, seconds), request)


def changed(base: StreamSettings, request: Mapping[str, Any]) -> StreamSettings:
    """The settings with what a request names."""
    result = base
    for member, name in (
        ("ParallelizationFactor", "parallelization_factor"),
        ("BisectBatchOnFunctionError", "bisects"),
        ("MaximumRetryAttempts", "maximum_retries"),
        ("MaximumRecordAgeInSeconds", "maximum_age_seconds"),
        ("TumblingWindowInSeconds", "tumbling_seconds"),
    ):
        if request.get(member) is not None:
            result = replace(result, **{name: request[member]})
    if request.get("MaximumRecordAgeInSeconds") is not None and -1 < result.maximum_age_seconds < 60:
        raise invalid_parameter("MaximumRecordAgeInSeconds must be -1 or between 60 and 604800.")
    if result.tumbling_seconds and result.parallelization_factor > 1:
        raise invalid_parameter("ParallelizationFactor must be 1 with a tumbling window.")
    if request.get("DestinationConfig") is not None:
        result = replace(result, on_failure=_destination(request["DestinationConfig"]))
    return result


def _destination(config: Mapping[str, Any]) -> str | None:
    if (config.get("OnSuccess") or {}).get("Destination"):
        raise invalid_parameter("Unsupported OnSuccess destination for given event source mapping type.")
    target: str | None = (config.get("OnFailure") or {}).get("Destination")
    if not target:
        return None
    if service_of(target) not in ("sqs", "sns", "s3") or target.endswith(".fifo"):
        raise invalid_parameter(f"The provided destination config DestinationConfig(onFailure=OnFailure("
                                f"destination={target})) is invalid.")  # fmt: skip
    return target
