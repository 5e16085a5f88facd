"""What becomes of the children's results: the state's output, and the files that ResultWriter exports. Pure.

Decides shapes [D:input-output-resultwriter]: NONE shows each child as DescribeExecution does, in the names of the
Java SDK; COMPACT its output alone; FLATTEN the elements of outputs that are arrays. A child that failed is always shown
whole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.services.stepfunctions.asl import timestamps
from emulator.services.stepfunctions.asl.data import dumps, loads
from emulator.services.stepfunctions.model import StoredExecution

SUCCEEDED = ("SUCCEEDED",)
FAILED = ("FAILED", "TIMED_OUT", "ABORTED")
"""What the files FAILED_n hold; that those of timed out and aborted children are among them is unverified."""


def shown(child: StoredExecution, transformation: str) -> Iterator[str]:
    """The JSON texts that stand for a child."""
    if child.status != "SUCCEEDED" or transformation == "NONE":
        yield dumps(described(child))
        return
    output = child.output or "null"
    if transformation == "FLATTEN":
        value = loads(output)
        if isinstance(value, list):
            yield from (dumps(item) for item in value)
            return
    yield output


def described(child: StoredExecution) -> dict[str, Any]:
    """A child with its metadata, as an exported file shows it."""
    succeeded = child.status == "SUCCEEDED"
    members: dict[str, Any] = {
        "Cause": child.cause,
        "Error": child.error,
        "ExecutionArn": child.arn,
        "Input": child.input,
        "InputDetails": {"Included": True},
        "Name": child.name,
        "Output": child.output if succeeded else None,
        "OutputDetails": {"Included": True} if succeeded else None,
        "RedriveCount": child.redrive_count,
        "RedriveStatus": "NOT_REDRIVABLE" if succeeded else "REDRIVABLE_BY_MAP_RUN",
        "RedriveStatusReason": "Execution is SUCCEEDED and cannot be redriven" if succeeded else None,
        "StartDate": timestamps.render(child.started_at),
        "StateMachineArn": child.machine_arn,
        "Status": child.status,
        "StopDate": timestamps.render(child.stopped_at) if child.stopped_at is not None else None,
    }
    return {name: value for name, value in members.items() if value is not None}


def pending(machine_arn: str, given: str) -> str:
    """What stands for a child that was never begun, because the map run failed before; members are unverified."""
    shown: dict[str, Any] = {"Input": given, "InputDetails": {"Included": True}}
    return dumps({**shown, "StateMachineArn": machine_arn, "Status": "PENDING"})


def manifest(bucket: str, map_run_arn: str, files: dict[str, list[dict[str, Any]]]) -> str:
    """The file that names the others."""
    return dumps({"DestinationBucket": bucket, "MapRunArn": map_run_arn, "ResultFiles": files})


class Joined:
    """Texts put together as a JSON array or as JSON Lines."""

    def __init__(self, output_type: str) -> None:
        self.lines = output_type == "JSONL"
        self._first = True

    def add(self, text: str) -> str:
        """What another text adds to the file."""
        lead = "" if self.lines else "[" if self._first else ","
        self._first = False
        return f"{text}\n" if self.lines else lead + text

    def end(self) -> str:
        """What ends the file."""
        if self.lines:
            return ""
        return "[]" if self._first else "]"
