"""What an update would change: the resources of change sets, and whether there is anything to update at all. Pure.

A value that depends on a resource that is made or replaced is unknown; what follows from it is Dynamic, and a
replacement that hangs on it Conditional. Attributes of resources that are changed in place count as unchanged
(unverified: AWS calls them Dynamic).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.deploy.template.document import Path
from emulator.deploy.template.evaluate import unknowns
from emulator.deploy.template.references import references
from emulator.ports import Json
from emulator.services.cloudformation.deployment.deciding import replaces_by_rule
from emulator.services.cloudformation.language import ActiveOutput, Known, Plan, row_of
from emulator.services.cloudformation.model import Definition, Resource


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one resource."""

    action: str
    """`Add`, `Modify` or `Remove`."""
    logical_id: str
    type: str
    physical_id: str = ""
    replacement: str | None = None
    """`True`, `False` or `Conditional`, of a `Modify`."""
    scope: tuple[str, ...] = ()
    details: tuple[Mapping[str, Json], ...] = ()
    policy: str | None = None

    def to_json(self) -> dict[str, Json]:
        """As DescribeChangeSet shows it."""
        found: dict[str, Json] = {
            "PolicyAction": self.policy,
            "Action": self.action,
            "LogicalResourceId": self.logical_id,
            "PhysicalResourceId": self.physical_id or None,
            "ResourceType": self.type,
            "Replacement": self.replacement,
            "Scope": list(self.scope),
            "Details": list(self.details),
        }
        shown = {name: value for name, value in found.items() if value is not None}
        return {"Type": "Resource", "ResourceChange": shown}


@dataclass(slots=True)
class _Planning:
    plan: Plan
    before: Mapping[str, Resource]
    changed_parameters: set[str]
    tags_differ: bool
    unknown: set[str] = field(default_factory=set[str])
    """Resources that will be others."""


def changes(
    plan: Plan, before: Mapping[str, Resource], old: Definition | None, new: Definition
) -> tuple[list[Change], list[ActiveOutput]]:
    """What deploying a plan would do to the resources there are, and the outputs after it. Raises TemplateError."""
    parameters = {
        name
        for name in {*(old.parameters if old else {}), *new.parameters}
        if old is None
        or old.parameters.get(name) != new.parameters.get(name)
        or old.fetched.get(old.parameters.get(name, "")) != new.fetched.get(new.parameters.get(name, ""))
    }
    tags_differ = old is not None and dict(old.tags) != dict(new.tags)
    state = _Planning(plan, before, parameters, tags_differ)
    found: list[Change] = []
    for logical_id in plan.order:
        existing = before.get(logical_id)
        if existing is None or not existing.physical_id or existing.status in ("DELETE_COMPLETE", "CREATE_FAILED"):
            plan.properties(logical_id, Known(before, state.unknown))
            state.unknown.add(logical_id)
            found.append(Change("Add", logical_id, plan.type_of(logical_id)))
            continue
        change = _modified(state, existing)
        if change is not None:
            found.append(change)
    for logical_id, existing in before.items():
        if logical_id not in plan.order and existing.physical_id and existing.status != "DELETE_COMPLETE":
            kept = existing.deletion_policy in ("Retain", "RetainExceptOnCreate")
            policy = {"Snapshot": "Snapshot"}.get(existing.deletion_policy, "Retain" if kept else "Delete")
            found.append(Change("Remove", logical_id, existing.type, existing.physical_id, policy=policy))
    return found, plan.outputs(Known(before, state.unknown))


def _modified(state: _Planning, existing: Resource) -> Change | None:
    plan, logical_id = state.plan, existing.logical_id
    declared = plan.template.resources[logical_id]
    known = Known(state.before, state.unknown)
    properties = plan.properties(logical_id, known)
    row = row_of(existing.type)
    details: list[dict[str, Json]] = []
    scope: list[str] = []
    surely = maybe = False
    for name in sorted({*existing.properties, *properties}):
        value = properties.get(name)
        if value == existing.properties.get(name):
            continue
        dynamic = bool(unknowns(value))
        replaces = row is not None and (row.update is None or name in row.replaces)
        surely, maybe = surely or (replaces and not dynamic), maybe or (replaces and dynamic)
        target: dict[str, Json] = {"Attribute": "Properties", "Name": name}
        target["RequiresRecreation"] = "Always" if replaces else "Never"
        node: Json = declared.properties.get(name) if isinstance(declared.properties, dict) else None
        for cause in _causes(state, node, (*declared.properties_path, name), dynamic):
            details.append({"Target": target, **cause})
        if "Properties" not in scope:
            scope.append("Properties")
    if row is not None and details and not surely:
        plain = {name: value for name, value in properties.items() if not unknowns(value)}
        surely = replaces_by_rule(row, existing.properties, plain)
    tags = state.tags_differ and row is not None and row.retagged
    if tags:
        scope.append("Tags")
        target = {"Attribute": "Tags", "RequiresRecreation": "Never"}
        details.append({"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"})
    for attribute, differs in (
        ("Metadata", plan.metadata(logical_id, known) != existing.metadata),
        ("DeletionPolicy", (declared.deletion_policy or "Delete") != existing.deletion_policy),
        ("UpdateReplacePolicy", (declared.update_replace_policy or "Delete") != existing.replace_policy),
    ):
        if differs:
            scope.append(attribute)
            target = {"Attribute": attribute, "RequiresRecreation": "Never"}
            details.append({"Target": target, "Evaluation": "Static", "ChangeSource": "DirectModification"})
    if not scope:
        return None
    replacement = "True" if surely else "Conditional" if maybe else "False"
    if replacement != "False":
        state.unknown.add(logical_id)
    policy = None
    if replacement != "False":
        policy = "ReplaceAndRetain" if (declared.update_replace_policy or "") == "Retain" else "ReplaceAndDelete"
    return Change(
        "Modify",
        logical_id,
        existing.type,
        existing.physical_id,
        replacement,
        tuple(scope),
        tuple(details),
        policy,
    )


def _causes(state: _Planning, node: Json, path: Path, dynamic: bool) -> list[dict[str, Any]]:
    """Why a property differs: what it refers to, or the template itself."""
    evaluation = "Dynamic" if dynamic else "Static"
    found: list[dict[str, Any]] = []
    for reference in references(node, path):
        name, attribute = reference.name, reference.attribute
        if name in state.unknown:
            source, entity = (
                ("ResourceReference", name) if attribute is None else ("ResourceAttribute", f"{name}.{attribute}")
            )
        elif name in state.changed_parameters:
            source, entity = "ParameterReference", name
        else:
            continue
        cause = {"Evaluation": evaluation, "ChangeSource": source, "CausingEntity": entity}
        if cause not in found:
            found.append(cause)
    if not found or not dynamic:
        direct = {"Evaluation": "Dynamic" if found else "Static", "ChangeSource": "DirectModification"}
        found.append(direct)
    return found
