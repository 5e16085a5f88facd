"""What a resource type is: a row that says which operations make, change and delete resources of it.

Decides shapes only. Who runs the generators, and in whose transaction, is `running.py`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emulator.aws.scope import Scope
from emulator.aws.tags import is_system
from emulator.ports import Json
from emulator.services.cloudformation.resources.values import ResourceFailed, tag_map

Properties = dict[str, Any]

__all__ = [
    "Call",
    "Deletion",
    "Handler",
    "Made",
    "NameForm",
    "Properties",
    "ResourceFailed",
    "ResourceType",
    "Steps",
    "Subject",
    "listed",
    "words",
]


class Call(NamedTuple):
    """A call of an operation, in boto3's names; CloudFormation's spelling of members will do."""

    operation: str
    request: Mapping[str, Any]
    service: str = ""
    """botocore's name, if it is another service than the row's."""


@dataclass(frozen=True, slots=True)
class Made:
    """What became of a resource."""

    physical_id: str
    attributes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """What `Fn::GetAtt` gives, by name; names may hold dots."""
    ref: str | None = None
    """What `Ref` gives, where that is not the physical id."""
    waits_seconds: float | None = None
    """It is not there yet: wait so long, in AWS time, for signals that `resume` reads."""
    heard: str = ""
    """By what signals are addressed, if it is not the step's token."""
    more: bool = False
    """Commit this, wait until it is `ready`, and call the same function again with the next `stage`."""
    half: bool = False
    """Code of a user's was asked, that may have done a part of it should it fail: a rollback asks it again."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The resource that a row's functions are about."""

    scope: Scope
    stack_name: str
    stack_id: str
    logical_id: str
    type_name: str
    name: str
    """The name it was given, or one that was generated for it: always the same for the same `token`."""
    token: str
    """A UUID, the same whenever this step is tried again: for client tokens."""
    properties: Properties
    """As the template says now (on deletion, as it is); all values resolved."""
    previous: Properties = field(default_factory=Properties)
    """Before the update; empty when it is made."""
    physical_id: str = ""
    attributes: Mapping[str, Json] = field(default_factory=dict[str, Json])
    named_by: str = ""
    stage: int = 0
    """How many times `Made(more=True)` was returned in this step."""
    again: bool = False
    """An emulator that died may have done this before, wholly or in part; or what is there already is to be the
    stack's. A `create` takes what it finds by its name (delegated services only)."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """The stack's own; `aws:cloudformation:*` are not among them."""
    base_url: str = ""
    """Where clients reach the emulator."""
    capabilities: tuple[str, ...] = ()
    """What the stack's owner has acknowledged."""
    creation_policy: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """CreationPolicy as the template says."""

    def get(self, name: str, default: Json = None) -> Json:
        """A property."""
        return self.properties.get(name, default)

    def wanted(self, *names: str, **renamed: str) -> dict[str, Any]:
        """The given ones among some properties, the resource's name included; `member="Property"` renames."""
        found: dict[str, Any] = {}
        for member, name in [*((name, name) for name in names), *renamed.items()]:
            if name == self.named_by:
                found[member] = self.name
            elif name in self.properties:
                found[member] = self.properties[name]
        return found

    def changed(self, *names: str) -> bool:
        """Whether any of some properties is another than before."""
        return any(self.properties.get(name) != self.previous.get(name) for name in names)

    def all_tags(self, name: str = "Tags") -> dict[str, str]:
        """The tags that CloudFormation gives, the stack's and the resource's own, which win ("Resource tag")."""
        return {**self.system_tags, **self.user_tags(name)}

    def user_tags(self, name: str = "Tags") -> dict[str, str]:
        """The stack's tags and the resource's own, which win. Raises ResourceFailed for keys of AWS's (unverified)."""
        own = tag_map(self.properties.get(name))
        if any(map(is_system, own)):
            raise ResourceFailed("aws: prefixed tag key names are not allowed for external use.")
        return {**self.tags, **own}

    @property
    def system_tags(self) -> dict[str, str]:
        """What CloudFormation itself tags every taggable resource with."""
        prefix = "aws:cloudformation:"
        names = {"stack-name": self.stack_name, "stack-id": self.stack_id, "logical-id": self.logical_id}
        return {prefix + name: value for name, value in names.items()}

    @property
    def is_named(self) -> bool:
        """Whether the template names it."""
        return bool(self.named_by) and self.properties.get(self.named_by) not in (None, "")


Steps = Generator[Call, Json, Made]
Handler = Callable[[Subject], Steps]
Deletion = Callable[[Subject], Generator[Call, Json, Made | None]]
"""A deletion may wait as well (`Made(waits_seconds=…)`)."""


@dataclass(frozen=True, slots=True)
class NameForm:
    """How names of a type are generated: `{stack}-{logical id}-{12 letters}` within its limits."""

    longest: int = 64
    lower: bool = False
    suffix: str = ""
    """At the end of every name (`.fifo`)."""
    separator: str = "-"
    whole: str = ""
    """All of the name, where its property says only a part: `{account}` and `{region}` stand in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceType:
    """One type of resource."""

    name: str
    service: str
    """botocore's name of the service that `Call`s go to, and whose nature decides: a native one's calls are in the
    commit that says they were made."""
    properties: frozenset[str] | None
    """All that AWS documents; None for a type whose properties are the user's."""
    create: Handler
    delete: Deletion
    update: Handler | None = None
    """None: every change replaces the resource."""
    replaces: frozenset[str] = frozenset()
    """Properties whose change makes a new resource, after which the old one is deleted."""
    replaces_when: Callable[[Properties, Properties], bool] | None = None
    """(before, after) → whether to replace, where the names of properties do not say it all."""
    required: frozenset[str] = frozenset()
    no_effect: frozenset[str] = frozenset()
    """Properties that are kept without effect; docs/compatibility.md names them."""
    named_by: str = ""
    """The property that holds the resource's name; a name is generated when it is not given."""
    name_form: NameForm | Callable[[Properties], NameForm] = NameForm()
    ready: Callable[[Subject], Generator[Call, Json, bool]] | None = None
    """Asked after `create` and `update`, until it says that dependents may use the resource."""
    busy: frozenset[str] = frozenset()
    """Codes of errors that mean "not now": the step is tried again later."""
    resume: Callable[[Subject, list[Json]], Made | None] | None = None
    """(subject, signals so far) → what became of it, or None to go on waiting. Raises ResourceFailed."""
    timed_out: Callable[[Subject, list[Json]], ResourceFailed] | None = None
    """The failure of a resource whose signals did not come in time."""
    always_updates: bool = False
    """An update of the stack updates it even if no property has changed (a nested stack)."""
    snapshots: bool = False
    """DeletionPolicy Snapshot is allowed, as on AWS; here nothing is snapshotted."""

    @property
    def retagged(self) -> bool:
        """Whether a change of the stack's tags is an update of the resource."""
        return self.update is not None and any(name.endswith("Tags") for name in self.properties or ())


def listed(text: str) -> tuple[str, ...]:
    """Names in a text, in its order."""
    return tuple(text.split())


def words(text: str) -> frozenset[str]:
    """Names in a text, separated by blanks."""
    return frozenset(text.split())
