"""What a function is. Values and pure functions only.

Decides what is stored of a function and how it is shown; its events are `events.py`'s. Where it is kept and who runs
it is not known here.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from emulator.aws.arn import runtime_version_arn
from emulator.aws.scope import Scope
from emulator.services.lambda_.rules.names import LATEST, function_arn

PENDING = "Pending"
IN_PROGRESS = "InProgress"
_STATES = {
    "": {"State": "Active", "LastUpdateStatus": "Successful"},
    PENDING: {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"},
    # The reason's odd text is recorded.
    IN_PROGRESS: {
        "State": "Active",
        "LastUpdateStatus": "InProgress",
        "LastUpdateStatusReason": "The function is being created.",
        "LastUpdateStatusReasonCode": "Creating",
    },
}
"""The members of a function's state, by the change that is under way."""


REQUIRED = "\n"
"""Between the two folders of hot reload; in no path that is accepted."""


@dataclass(frozen=True, slots=True)
class Function:
    """One version of one function: `$LATEST`, which changes, or a numbered snapshot, which does not.

    `configuration` holds its settings in AWS's member names. Reserved concurrency and tags belong to the function
    and are read with `$LATEST` only.
    """

    scope: Scope
    name: str
    configuration: dict[str, Any]
    code_sha256: str
    code_size: int
    revision_id: str
    last_modified: float
    reserved_concurrency: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    version: str = LATEST
    source_directory: str | None = None
    """A folder of this machine that is run instead of a package (hot reload); `REQUIRED` separates it from the one
    with what its code requires, if there is one."""
    published_from: str = ""
    """Of a published version: the fingerprint of `$LATEST` when it was published."""
    recursive_loop: str = "Terminate"
    """What happens to a chain of 16 invocations: `Terminate` or `Allow` (2.7). Of the function, not of a version."""
    transition: str = ""
    """`PENDING` while it is being created, `IN_PROGRESS` while it is being updated."""

    @property
    def arn(self) -> str:
        """Unqualified ARN."""
        return function_arn(self.scope, self.name)

    @property
    def folder(self) -> str | None:
        """Of hot reload: that of the code."""
        return self.source_directory.partition(REQUIRED)[0] if self.source_directory is not None else None

    @property
    def required_folder(self) -> str | None:
        """Of hot reload: that of what the code requires."""
        return (self.source_directory or "").partition(REQUIRED)[2] or None

    @property
    def version_arn(self) -> str:
        """The ARN of exactly this version."""
        return f"{self.arn}:{self.version}"

    @property
    def fingerprint(self) -> str:
        """Equal for two states of a function that PublishVersion would not tell apart."""
        settings = json.dumps(self.configuration, sort_keys=True)
        return hashlib.sha256(f"{self.code_sha256} {settings}".encode()).hexdigest()

    def describe(self, qualifier: str | None = None) -> dict[str, Any]:
        """`FunctionConfiguration` without the state members, as lists show it [R:test_list_functions].

        `qualifier` is the one the caller named; its ARN is told back.
        """
        return {
            "FunctionName": self.name,
            "FunctionArn": self.arn if qualifier is None else f"{self.arn}:{qualifier}",
            **self.configuration,
            "CodeSize": self.code_size,
            "CodeSha256": self.code_sha256,
            "LastModified": timestamp(self.last_modified),
            "Version": self.version,
            "RevisionId": self.revision_id,
        }

    def describe_with_state(self, qualifier: str | None = None) -> dict[str, Any]:
        """`FunctionConfiguration` as single reads show it [R:test_function_lifecycle, test_publish_with_update]."""
        return {
            **self.describe(qualifier),
            "RuntimeVersionConfig": {"RuntimeVersionArn": self.runtime_version_arn},
            **_STATES[self.transition],
        }

    def changed(self, **changes: Any) -> Function:
        """A copy with other values."""
        return replace(self, **changes)

    def published(self, number: int, description: str | None, revision_id: str, now: float) -> Function:
        """The snapshot of `$LATEST` under a number; SnapStart is optimised at once, as there is no snapshot to take."""
        configuration = dict(self.configuration)
        if description is not None:
            configuration["Description"] = description
        if configuration["SnapStart"]["ApplyOn"] == "PublishedVersions":
            configuration["SnapStart"] = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "On"}
        return replace(
            self,
            configuration=configuration,
            version=str(number),
            revision_id=revision_id,
            last_modified=now,
            reserved_concurrency=None,
            tags={},
            published_from=self.fingerprint,
        )

    @property
    def runtime_version_arn(self) -> str:
        """The ARN of what the runtime's name stands for at present."""
        return runtime_version_arn(self.scope.region, str(self.configuration.get("Runtime", "")))


@dataclass(frozen=True, slots=True)
class Alias:
    """A name for one published version, or for two of which a draw decides."""

    scope: Scope
    function: str
    name: str
    version: str
    description: str
    revision_id: str
    weights: dict[str, float] = field(default_factory=dict)
    """The probability of another version than `version`; at most one."""

    @property
    def arn(self) -> str:
        """The alias's own ARN."""
        return f"{function_arn(self.scope, self.function)}:{self.name}"

    @property
    def versions(self) -> list[str]:
        """Every version the alias leads to."""
        return [self.version, *self.weights]

    def describe(self) -> dict[str, Any]:
        """`AliasConfiguration`; a routing config only if there is one [R:test_alias_routingconfig]."""
        result: dict[str, Any] = {
            "AliasArn": self.arn,
            "Name": self.name,
            "FunctionVersion": self.version,
            "Description": self.description,
            "RevisionId": self.revision_id,
        }
        if self.weights:
            result["RoutingConfig"] = {"AdditionalVersionWeights": self.weights}
        return result


@dataclass(frozen=True, slots=True)
class Policy:
    """The resource policy of a function, version or alias; its revision is that of what it belongs to."""

    statements: list[dict[str, Any]] = field(default_factory=list)
    head: dict[str, Any] = field(default_factory=lambda: {"Version": "2012-10-17", "Id": "default"})
    """What stands before the statements: AWS's own, or what a whole document of the user's had there."""

    def with_statements(self, statements: list[dict[str, Any]]) -> Policy:
        """The same document with other statements."""
        return replace(self, statements=statements)

    def text(self) -> str:
        """The policy document."""
        return json.dumps({**self.head, "Statement": self.statements}, separators=(",", ":"), ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class ProvisionedConcurrency:
    """Environments kept ready for a published version or an alias."""

    qualifier: str
    requested: int
    last_modified: float
    status: str = "IN_PROGRESS"
    """`IN_PROGRESS`, `READY` or `FAILED`."""
    allocated: int = 0
    """How many invocations may use them; the others are on demand."""
    reason: str | None = None
    """Why it failed."""

    def requesting(self, count: int, now: float) -> ProvisionedConcurrency:
        """The config with another number; what is allocated serves on meanwhile (unverified)."""
        return replace(
            self,
            requested=count,
            last_modified=now,
            status="IN_PROGRESS",
            allocated=min(self.allocated, count),
            reason=None,
        )

    def ready(self) -> ProvisionedConcurrency:
        """The config when its environments are there."""
        return replace(self, status="READY", allocated=self.requested, reason=None)

    def failed(self) -> ProvisionedConcurrency:
        """The config when the function could not be initialised [R:test_provisioned_concurrency_init_failure]."""
        return replace(self, status="FAILED", allocated=0, reason="FUNCTION_ERROR_INIT_FAILURE")

    def describe(self) -> dict[str, Any]:
        """As Put and Get show it [R:test_lambda_provisioned_lifecycle]."""
        result: dict[str, Any] = {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AvailableProvisionedConcurrentExecutions": self.allocated,
            "AllocatedProvisionedConcurrentExecutions": self.allocated,
            "Status": self.status,
            "LastModified": seconds_timestamp(self.last_modified),
        }
        return result if self.reason is None else {**result, "StatusReason": self.reason}


def seconds_timestamp(at: float) -> str:
    """`LastModified` of a provisioned concurrency config: no fraction [D: GetProvisionedConcurrencyConfig]."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S+0000")


def timestamp(at: float) -> str:
    """`LastModified` of a function: text with milliseconds and a zone without colon."""
    moment = datetime.fromtimestamp(at, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"


def utc_text(at: float) -> str:
    """Timestamps inside invocation records."""
    return timestamp(at)[:-5] + "Z"
