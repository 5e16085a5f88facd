"""What a function is. Values and pure functions only.

Decides what is stored of a function and how it is shown; its events are `events.py`'s. Where it is kept and who runs
it is not known here.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from emulator.aws.scope import Scope
from emulator.services.lambda_.rules.names import LATEST, function_arn

# ── functions ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Function:
    """One function as it is stored; `configuration` holds its settings in AWS's member names."""

    scope: Scope
    name: str
    configuration: dict[str, Any]
    code_sha256: str
    code_size: int
    revision_id: str
    last_modified: float
    reserved_concurrency: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    policy: list[dict[str, Any]] = field(default_factory=list)
    policy_revision: str = ""

    @property
    def arn(self) -> str:
        """Unqualified ARN."""
        return function_arn(self.scope, self.name)

    def describe(self, qualified: bool = False) -> dict[str, Any]:
        """`FunctionConfiguration` without the state members, as lists show it [R:test_list_functions]."""
        return {
            "FunctionName": self.name,
            "FunctionArn": f"{self.arn}:{LATEST}" if qualified else self.arn,
            **self.configuration,
            "CodeSize": self.code_size,
            "CodeSha256": self.code_sha256,
            "LastModified": timestamp(self.last_modified),
            "Version": LATEST,
            "RevisionId": self.revision_id,
        }

    def describe_with_state(self, qualified: bool = False) -> dict[str, Any]:
        """`FunctionConfiguration` as single reads show it [R:test_function_lifecycle]."""
        return {
            **self.describe(qualified),
            "RuntimeVersionConfig": {"RuntimeVersionArn": self._runtime_version_arn()},
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }

    def describe_created(self, revision_id: str) -> dict[str, Any]:
        """The answer to CreateFunction: still pending, under a revision that the next read has left behind."""
        result = self.describe_with_state()
        del result["LastUpdateStatus"]
        return {
            **result,
            "RevisionId": revision_id,
            "State": "Pending",
            "StateReason": "The function is being created.",
            "StateReasonCode": "Creating",
        }

    def describe_updated(self, revision_id: str) -> dict[str, Any]:
        """The answer to an update; the reason's odd text is recorded [R:test_function_lifecycle]."""
        return {
            **self.describe_with_state(),
            "RevisionId": revision_id,
            "LastUpdateStatus": "InProgress",
            "LastUpdateStatusReason": "The function is being created.",
            "LastUpdateStatusReasonCode": "Creating",
        }

    def changed(self, **changes: Any) -> Function:
        """A copy with other values."""
        return replace(self, **changes)

    def _runtime_version_arn(self) -> str:
        # AWS's value is the hash of an image nobody else has; ours is stable for a runtime's name.
        runtime = str(self.configuration.get("Runtime", ""))
        digest = (runtime.encode().hex() * 64)[:64]
        return f"arn:aws:lambda:{self.scope.region}::runtime:{digest}"


def timestamp(at: float) -> str:
    """`LastModified` of a function: text with milliseconds and a zone without colon."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def utc_text(at: float) -> str:
    """Timestamps inside invocation records."""
    return timestamp(at)[:-5] + "Z"
