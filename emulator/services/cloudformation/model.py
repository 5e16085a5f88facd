"""What stacks, resources, events and change sets are, and AWS's rules for their names and states.

Values and pure decisions. What a template means is `language.py`'s, what a deployment does next `deployment/`'s.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Json
from emulator.services.cloudformation.resources.types import NameForm

STACK_TYPE = "AWS::CloudFormation::Stack"
MOST_STACKS = 2_000
HISTORY_SECONDS = 90 * 86_400.0
"""How long deleted stacks are listed, and events of any stack ([P] ListStacks, DescribeStackEvents)."""
CAPABILITIES = ("CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")

_STACK_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*\Z")
_CHANGE_SET_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]*\Z")
_ARN = re.compile(r"arn:[a-z-]+:cloudformation:[a-z0-9-]+:[0-9]{12}:(stack|changeSet)/[^/]+/[^/]+\Z")

SETTLED_FOR_UPDATE = frozenset(
    {
        "CREATE_COMPLETE",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_COMPLETE",
        "IMPORT_COMPLETE",
        "IMPORT_ROLLBACK_COMPLETE",
    }
)
"""States of a stack that can be updated; after DisableRollback also the two that follow."""
FAILED_FOR_UPDATE = frozenset({"CREATE_FAILED", "UPDATE_FAILED"})


@cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in fields(kind))


@dataclass(frozen=True, slots=True)
class Definition:
    """What a stack was last asked to be: all that an update takes over, and a rollback returns to."""

    template: str
    """As it was given."""
    processed: str | None = None
    """After its transforms, as JSON; None if there are none."""
    transforms: tuple[str, ...] = ()
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    """As given, or a default: by name."""
    fetched: Mapping[str, str] = field(default_factory=dict[str, str])
    """Values of parameters of SSM types, by the name in SSM."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    capabilities: tuple[str, ...] = ()
    role: str | None = None
    notifications: tuple[str, ...] = ()
    rollback: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """RollbackConfiguration, as data: no alarm rolls back."""
    description: str = ""
    outputs: tuple[Mapping[str, Json], ...] = ()
    imports: tuple[str, ...] = ()
    """Names of the exports that it uses."""

    def to_json(self) -> dict[str, Json]:
        """As a row keeps it."""
        return {name: getattr(self, name) for name in _names(Definition)}

    @staticmethod
    def from_json(value: Mapping[str, Json]) -> Definition:
        """What `to_json` gave."""
        listed = {"transforms", "capabilities", "notifications", "outputs", "imports"}
        members: dict[str, Any] = {name: tuple(item) if name in listed else item for name, item in value.items()}
        return Definition(**members)


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is being done to a stack, or was last."""

    token: str
    """A UUID of its own: names and tokens of what it makes follow from it."""
    client_token: str | None = None
    on_failure: str = "ROLLBACK"
    """`ROLLBACK`, `DELETE` or `DO_NOTHING`."""
    ends_at: float | None = None
    """TimeoutInMinutes: a creation that lasts longer fails."""
    retain: tuple[str, ...] = ()
    """DeleteStack's RetainResources, and ContinueUpdateRollback's ResourcesToSkip."""
    keep_new: bool = False
    """RetainExceptOnCreate."""
    adopt: bool = False
    """ImportExistingResources: what is there by the name that a new resource is given becomes the stack's."""
    force: bool = False
    """DeletionMode FORCE_DELETE_STACK."""
    failed: tuple[str, ...] = ()
    """Logical ids whose failure ended it."""
    why: str = ""
    """What was said of them."""
    cancelled: bool = False
    policy: str | None = None
    """StackPolicyDuringUpdateBody: instead of the stack's own."""
    tells: tuple[str, ...] = ()
    """(stack id, token) of the parent's step that waits for it; empty for a stack of its own."""

    def to_json(self) -> dict[str, Json]:
        """As a row keeps it."""
        return {name: getattr(self, name) for name in _names(Deployment)}

    @staticmethod
    def from_json(value: Mapping[str, Json]) -> Deployment:
        """What `to_json` gave."""
        listed = {"retain", "failed", "tells"}
        members: dict[str, Any] = {name: tuple(item) if name in listed else item for name, item in value.items()}
        return Deployment(**members)


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as it is stored; the id is the last part of its ARN."""

    scope: Scope
    id: str
    name: str
    status: str
    created_at: float
    definition: Definition
    deployment: Deployment
    generation: int = 0
    """Grows whenever somebody but its deployment changes what is to be done: a step that began before is void."""
    reason: str = ""
    updated_at: float | None = None
    deleted_at: float | None = None
    previous: Definition | None = None
    """What a failed update goes back to."""
    parent_id: str | None = None
    root_id: str | None = None
    protected: bool = False
    policy: str | None = None
    disable_rollback: bool = False
    timeout_minutes: int | None = None
    change_set_arn: str | None = None
    """Of the change set that made or last changed it."""
    parent_resource: str | None = None
    """The logical id of this stack in its parent."""

    @property
    def arn(self) -> str:
        """Its id on the wire."""
        return stack_arn(self.scope, self.name, self.id)

    @property
    def in_progress(self) -> bool:
        """Whether a deployment is under way (or a change set is all there is of it)."""
        return self.status.endswith("_IN_PROGRESS")

    def with_status(self, status: str, reason: str = "") -> Stack:
        """In another state."""
        return replace(self, status=status, reason=reason)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource of a stack as it is stored."""

    logical_id: str
    type: str
    status: str
    changed_at: float
    physical_id: str = ""
    reason: str = ""
    ref: str | None = None
    properties: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Resolved, as they were last applied."""
    attributes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    requires: tuple[str, ...] = ()
    """Logical ids that must be there before it, and are deleted after it."""
    deletion_policy: str = "Delete"
    replace_policy: str = "Delete"
    metadata: Json = None
    deployment: str = ""
    """The token of the deployment that changed it last."""
    token: str = ""
    """Of the step that is under way or was the last; signals go by it."""
    name: str = ""
    """The name it was made with, given or generated."""
    verb: str = ""
    """What the step does: `create`, `update`, `replace` (in an update), `restore` (in its rollback), `delete`."""
    stage: int = 0
    waits_for: str = ""
    """`signal`, `ready` (the service says so), `more` (ready, then another call) or `retry`."""
    waits_until: float | None = None
    heard: str = ""
    """By what its signals are addressed, if not by the token."""
    creation_policy: Json = None
    wanted: Mapping[str, Json] | None = None
    """The properties that a step under way applies."""
    before: Mapping[str, Json] | None = None
    """How it was before this deployment changed it (`to_json` without this); empty if it was not there."""
    inert: bool = False
    """Its type is not emulated, and the stack was asked to skip such."""

    @property
    def reference(self) -> str:
        """What `Ref` gives."""
        return self.ref if self.ref is not None else self.physical_id

    def to_json(self) -> dict[str, Json]:
        """All but the columns of their own."""
        return {name: getattr(self, name) for name in _names(Resource) if name not in RESOURCE_COLUMNS}

    @staticmethod
    def from_json(value: Mapping[str, Json], **columns: Any) -> Resource:
        """What `to_json` gave, with the columns."""
        body: dict[str, Any] = {name: tuple(item) if name == "requires" else item for name, item in value.items()}
        return Resource(**{**body, **columns})


RESOURCE_COLUMNS = ("logical_id", "type", "physical_id", "status", "reason", "changed_at")
"""What a row of a resource has columns for."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """A physical resource that nothing in the stack refers to any more, to be deleted in the cleanup."""

    id: int
    resource: Resource


@dataclass(frozen=True, slots=True)
class Event:
    """One line of a stack's history."""

    id: str
    logical_id: str
    physical_id: str
    type: str
    at: float
    status: str
    reason: str = ""
    properties: str = ""
    client_token: str | None = None


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set: an update that was described, and may be executed."""

    scope: Scope
    id: str
    name: str
    stack_id: str
    stack_name: str
    kind: str
    """`CREATE` or `UPDATE`."""
    created_at: float
    status: str
    execution_status: str
    reason: str = ""
    description: str = ""
    definition: Definition | None = None
    changes: tuple[Mapping[str, Json], ...] = ()
    on_failure: str | None = None
    client_token: str | None = None
    nested: bool = False
    adopts: bool = False

    @property
    def arn(self) -> str:
        """Its id on the wire."""
        return f"arn:aws:cloudformation:{self.scope.region}:{self.scope.account}:changeSet/{self.name}/{self.id}"

    @property
    def stack_arn(self) -> str:
        """The stack's id on the wire."""
        return stack_arn(self.scope, self.stack_name, self.stack_id)


def stack_arn(scope: Scope, name: str, stack_id: str) -> str:
    """A stack's id on the wire."""
    return f"arn:aws:cloudformation:{scope.region}:{scope.account}:stack/{name}/{stack_id}"


# ── names ───────────────────────────────────────────────────────────────────────────────────────


def id_of_arn(text: str) -> str | None:
    """The last part of the ARN of a stack or change set, or None if it is no such ARN."""
    return text.rpartition("/")[2] if _ARN.match(text) else None


def check_stack_name(name: str) -> None:
    """Refuse a name that no stack may have."""
    if len(name) > 128 or not _STACK_NAME.match(name):
        raise constraint("stackName", name, "Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*")


def check_change_set_name(name: str) -> None:
    """Refuse a name that no change set may have."""
    if len(name) > 128 or not _CHANGE_SET_NAME.match(name):
        pattern = "[a-zA-Z][-a-zA-Z0-9]*"
        raise constraint("changeSetName", name, f"Member must satisfy regular expression pattern: {pattern}")


def constraint(member: str, value: str, rule: str) -> AwsError:
    """AWS's sentence for a parameter against the service's rules."""
    return validation_error(
        f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
    )


def generated_name(form: NameForm, stack_name: str, logical_id: str, token: str) -> str:
    """`{stack}-{logical id}-{12 letters}`, always the same for the same token; what comes first is cut."""
    tail = unique_letters(token) + form.suffix
    head = form.separator.join((stack_name, logical_id))[: max(0, form.longest - len(tail) - len(form.separator))]
    name = f"{head}{form.separator}{tail}" if head else tail
    return name.lower() if form.lower else name


def unique_letters(token: str) -> str:
    """Twelve letters and digits that follow from a token."""
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    number = int.from_bytes(hashlib.sha256(token.encode()).digest()[:16], "big")
    letters: list[str] = []
    for _ in range(12):
        number, rest = divmod(number, 36)
        letters.append(alphabet[rest])
    return "".join(letters)


def derived_uuid(*parts: str) -> str:
    """A UUID that follows from others, and from nothing else: a step tried again has the same."""
    digits = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:32]}"


# ── errors ──────────────────────────────────────────────────────────────────────────────────────


def validation_error(text: str) -> AwsError:
    """CloudFormation's error for nearly everything."""
    return AwsError("ValidationError", text)


def no_such_stack(name: str) -> AwsError:
    """A stack that is not there."""
    return validation_error(f"Stack with id {name} does not exist")


def cannot_be_updated(stack: Stack) -> AwsError:
    """A stack whose state allows no update."""
    return validation_error(f"Stack:{stack.arn} is in {stack.status} state and can not be updated.")


def no_updates() -> AwsError:
    """An update that changes nothing."""
    return validation_error("No updates are to be performed.")


def no_such_change_set(name: str) -> AwsError:
    """A change set that is not there."""
    return AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)
