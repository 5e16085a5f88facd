"""What a pipe writes of an execution into its log group. Pure.

Source: user guide, "Log Amazon EventBridge Pipes" and its schema reference: which steps there are, which level shows
them, what a record says. Records of an execution are written together in its commit, with the time of its end but for
those of its beginning; `awsRequest` and `awsResponse` are left out (unverified: the name of
the log stream, the text of `payload`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from emulator.ports import Json, LogEvent
from emulator.services.events.model import as_text
from emulator.services.pipes.model import Pipe

LEVELS = ("ERROR", "INFO", "TRACE")
LARGEST_PAYLOAD = 200_000
"""Characters of the events in a record: an event of CloudWatch Logs has 256 KB."""


def log_group(pipe: Pipe) -> str | None:
    """The group that a pipe writes into, if it logs."""
    settings = pipe.log_settings
    arn = (settings.get("CloudwatchLogsLogDestination") or {}).get("LogGroupArn")
    if settings.get("Level", "OFF") == "OFF" or not arn:
        return None
    return arn.partition(":log-group:")[2].removesuffix(":*")


def log_events(
    pipe: Pipe,
    execution_id: str,
    began_at: float,
    now: float,
    received: Sequence[Json],
    targeted: bool,
    failed_stage: str,
    whole: bool,
    problem: str | None,
) -> list[LogEvent]:
    """The records of an execution that has ended, of those steps that the pipe's level shows."""
    settings = pipe.log_settings
    shown = LEVELS[: LEVELS.index(settings["Level"]) + 1]
    found: list[LogEvent] = []
    for step in _steps(pipe, targeted, failed_stage, whole):
        if _level(step) not in shown:
            continue
        at = began_at if step == "EXECUTION_STARTED" else now
        moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        record: dict[str, Any] = {
            "executionId": execution_id,
            "timestamp": moment,
            "messageType": step,
            "resourceArn": pipe.arn,
            "logLevel": settings["Level"],
        }
        if "ALL" in (settings.get("IncludeExecutionData") or []):
            text = as_text(list(received))
            record["payload"] = text[:LARGEST_PAYLOAD]
            if len(text) > LARGEST_PAYLOAD:
                record["truncatedFields"] = ["payload"]
        if "FAILED" in step and problem is not None:
            record["error"] = {"message": problem}
        found.append(LogEvent(at, json.dumps(record, separators=(",", ":"))))
    return found


def _steps(pipe: Pipe, targeted: bool, failed_stage: str, whole: bool) -> Iterator[str]:
    yield "EXECUTION_STARTED"
    if pipe.enrichment is not None:
        if failed_stage == "EnrichmentStage":
            yield from _stage("ENRICHMENT", pipe.enrichment_parameters, "FAILED")
            yield "EXECUTION_FAILED"
            return
        yield from _stage("ENRICHMENT", pipe.enrichment_parameters, "SUCCEEDED")
    ended = "SUCCEEDED" if not failed_stage else "FAILED" if whole else "PARTIALLY_FAILED"
    if targeted:
        yield from _stage("TARGET", pipe.target_parameters, ended)
    else:
        yield "TARGET_STAGE_SKIPPED"
    yield f"EXECUTION_{ended}"


def _stage(name: str, parameters: Mapping[str, Any], ended: str) -> Iterator[str]:
    yield f"{name}_STAGE_ENTERED"
    if parameters.get("InputTemplate"):
        yield f"{name}_TRANSFORMATION_STARTED"
        yield f"{name}_TRANSFORMATION_SUCCEEDED"
    yield f"{name}_INVOCATION_STARTED"
    yield f"{name}_INVOCATION_{ended}"
    yield f"{name}_STAGE_{ended}"


def _level(step: str) -> str:
    if "FAILED" in step:
        return "ERROR"
    if step.startswith("EXECUTION") or step.endswith(("STAGE_ENTERED", "STAGE_SUCCEEDED")):
        return "INFO"
    return "TRACE"
