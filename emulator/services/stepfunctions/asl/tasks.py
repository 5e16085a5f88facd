"""What kind of task a Resource is, how its history events are called, and the tokens that callers outside hold.

Decides by the text of the ARN alone; which services and operations there are is integrations.py's.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from functools import lru_cache

CALLBACK = ".waitForTaskToken"
_SYNC = re.compile(r"\.sync(:\d+)?$")
_ACTIVITY = re.compile(r"arn:aws[a-z-]*:states:[a-z0-9-]+:\d{12}:activity:(.{1,80})")


@dataclass(frozen=True, slots=True)
class TaskKind:
    """A Resource, read."""

    family: str
    """First part of its history events: `LambdaFunction`, `Activity` or `Task`."""
    resource_type: str = ""
    """`sqs` or `aws-sdk:sesv2`; only for `Task`."""
    resource: str = ""
    """`sendMessage.waitForTaskToken`; only for `Task`."""

    @property
    def named(self) -> dict[str, str]:
        """The members that every Task event carries."""
        return {"resourceType": self.resource_type, "resource": self.resource} if self.family == "Task" else {}

    def details(self, outcome: str) -> str:
        """boto3's name of the details of `TaskFailed`, `LambdaFunctionTimedOut`, …"""
        return f"{self.family[0].lower()}{self.family[1:]}{outcome}EventDetails"

    @property
    def waits_for_callback(self) -> bool:
        """Whether somebody outside must send the result with the task's token."""
        return self.family == "Activity" or self.resource.endswith(CALLBACK)

    @property
    def waits_for_job(self) -> bool:
        """Whether the call begins a job whose end is the task's (`.sync`)."""
        return self.goes_on_after_the_call and not self.waits_for_callback

    @property
    def has_token(self) -> bool:
        """Whether somebody outside may speak of the task: of a job, too [D:API_SendTaskHeartbeat]."""
        return self.waits_for_callback or self.goes_on_after_the_call

    @property
    def goes_on_after_the_call(self) -> bool:
        """Whether the answer of the call is not yet the task's result."""
        return self.family == "Task" and pattern(self.resource) != ""


@lru_cache(maxsize=1024)
def task_kind(resource: str) -> TaskKind:
    """Read a Resource that was validated."""
    if is_activity(resource):
        return TaskKind("Activity")
    parts = resource.split(":", 5)
    if parts[2] == "lambda":
        return TaskKind("LambdaFunction")
    suffix = pattern(parts[5])
    kind, _, action = parts[5].removesuffix(suffix).rpartition(":")
    return TaskKind("Task", kind, action + suffix)


def is_activity(resource: str) -> bool:
    """Whether a Resource is the ARN of an activity."""
    return _ACTIVITY.fullmatch(resource) is not None


def pattern(text: str) -> str:
    """The integration pattern at the end of a Resource: `.sync`, `.sync:2`, `.waitForTaskToken`, or nothing."""
    if text.endswith(CALLBACK):
        return CALLBACK
    found = _SYNC.search(text)
    return found[0] if found else ""


# ── task tokens ─────────────────────────────────────────────────────────────────────────────────


def write_token(execution_arn: str, token: str) -> str:
    """The opaque text that a callback must bring; long, as AWS's is."""
    return base64.b64encode(f"AsyncGatewayEmulator|{token}|{execution_arn}".encode()).decode()


def read_token(text: str) -> tuple[str, str] | None:
    """(execution ARN, token) of a task token; None if it is none of ours."""
    try:
        mark, _, rest = base64.b64decode(text, validate=True).decode().partition("|")
    except (binascii.Error, ValueError):
        return None
    token, _, arn = rest.partition("|")
    return (arn, token) if mark == "AsyncGatewayEmulator" and token and arn else None
