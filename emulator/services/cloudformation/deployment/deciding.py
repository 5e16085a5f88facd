"""What a resource needs: to be made, changed, replaced, or nothing; and whether its properties may be. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation import store
from emulator.services.cloudformation.deployment.steps import row_for
from emulator.services.cloudformation.deployment.work import Work
from emulator.services.cloudformation.language import Known, Plan, row_of
from emulator.services.cloudformation.model import Resource
from emulator.services.cloudformation.resources.types import Properties, ResourceType
from emulator.services.cloudformation.resources.values import MALFORMED, malformed


def problem_of(row: ResourceType, properties: Mapping[str, Json]) -> str | None:
    """What AWS says of properties that a type does not have, or lacks."""
    if row.properties is None:
        return None
    unknown = [name for name in properties if name not in row.properties]
    if unknown:
        return f"Encountered unsupported property {unknown[0]}"
    missing = sorted(name for name in row.required if properties.get(name) is None)
    if missing:
        return f"Property {missing[0]} cannot be empty."
    return None


def must_replace(row: ResourceType, before: Mapping[str, Json], after: Mapping[str, Json]) -> bool:
    """Whether a change of properties takes another resource."""
    changed = changed_properties(before, after)
    if not changed:
        return False
    if row.update is None or changed & row.replaces:
        return True
    return replaces_by_rule(row, before, after)


def replaces_by_rule(row: ResourceType, before: Mapping[str, Json], after: Mapping[str, Json]) -> bool:
    """Whether the type's own rule wants another resource."""
    try:
        return row.replaces_when is not None and row.replaces_when(dict(before), dict(after))
    except MALFORMED:  # told when it is applied
        return False


def changed_properties(before: Mapping[str, Json], after: Mapping[str, Json]) -> set[str]:
    """Names of the properties that differ."""
    return {name for name in {*before, *after} if before.get(name) != after.get(name)}


def begun(work: Work, plan: Plan, logical_id: str, properties: Properties, metadata: Json) -> tuple[Resource, bool]:
    """The resource as the next step begins, and whether there is anything to be done.

    A step that must not be taken has status `…_FAILED` and the reason.
    """
    declared = plan.template.resources[logical_id]
    existing = _standing(work.resources.get(logical_id))
    row = row_of(declared.type)
    policies: dict[str, Any] = {
        "requires": plan.requires(logical_id),
        "deletion_policy": declared.deletion_policy or "Delete",
        "replace_policy": declared.update_replace_policy or "Delete",
        "metadata": metadata,
        "creation_policy": plan.creation_policy(logical_id, Known(work.resources)),
    }
    if existing is None or not existing.physical_id or existing.status == "DELETE_COMPLETE":
        made = Resource(
            logical_id,
            declared.type,
            "CREATE_IN_PROGRESS",
            0.0,
            deployment=work.deployment.token,
            token=work.token(logical_id, "create"),
            verb="create",
            wanted=properties,
            before={} if work.stack.previous is not None else None,
            inert=row is None,
            **policies,
        )
        return _checked(work, made, properties), True
    current = replace(existing, **policies)
    row = row_for(existing)
    previous = work.stack.previous
    tags_differ = previous is not None and dict(previous.tags) != dict(work.stack.definition.tags)
    retagged = tags_differ and row.retagged
    half_made = existing.status == "CREATE_FAILED"
    half_changed = existing.status == "UPDATE_FAILED" and row.update is not None
    differs = bool(changed_properties(existing.properties, properties))
    if not (differs or row.always_updates or retagged or half_made or half_changed):
        if existing.status == "UPDATE_FAILED":  # it was refused, and is wanted as it is
            current = replace(current, status="UPDATE_COMPLETE", reason="", wanted=None)
        return current, False
    before = existing.before if existing.before is not None else _before(existing)
    verb = "replace" if half_made or must_replace(row, existing.properties, properties) else "update"
    denied = work.denial(verb, existing) if differs else None
    step = replace(
        current,
        status="UPDATE_IN_PROGRESS",
        reason="",
        verb=verb,
        deployment=work.deployment.token,
        token=work.token(logical_id, verb),
        wanted=properties,
        before=before,
        stage=0,
        waits_for="",
        waits_until=None,
    )
    if denied is not None:
        return replace(step, status="UPDATE_FAILED", verb="update", reason=denied), True
    if verb == "replace":
        step = replace(step, physical_id="", ref=None, attributes={})
        name = row.named_by
        if name and properties.get(name) is not None and properties.get(name) == existing.properties.get(name):
            reason = (
                "CloudFormation cannot update a stack when a custom-named resource requires replacing. "
                f"Rename {existing.physical_id} and update the stack again."
            )
            unchanged = replace(step, physical_id=existing.physical_id, ref=existing.ref, verb="update")
            return replace(unchanged, attributes=existing.attributes, status="UPDATE_FAILED", reason=reason), True
    return _checked(work, step, properties), True


def _standing(resource: Resource | None) -> Resource | None:
    """The resource that there is: where a replacement failed and was kept, the one that was to be replaced."""
    if resource is not None and not resource.physical_id and resource.before:
        return replace(store.resource_from_json(resource.before), before=resource.before)
    return resource


def not_removed(work: Work, resource: Resource, reason: str) -> Resource:
    """The step of a resource that the template no longer has, and that must stay."""
    return replace(
        resource,
        status="UPDATE_FAILED",
        verb="update",
        reason=reason,
        deployment=work.deployment.token,
        token=work.token(resource.logical_id, "update"),
        wanted=None,
        before=resource.before if resource.before is not None else _before(resource),
    )


def superseded(resource: Resource | None, step: Resource) -> Resource | None:
    """What a replacement leaves behind that neither an end nor a rollback of the deployment would know of: the resource
    of an update before, which failed and was kept.
    """
    if resource is None or step.verb != "replace" or not resource.physical_id or resource.before is None:
        return None
    first = resource.before.get("physical_id")
    return replace(resource, before=None, verb="") if first != resource.physical_id else None


def _checked(work: Work, step: Resource, properties: Properties) -> Resource:
    row = row_for(step)
    problem = problem_of(row, properties)
    if step.verb in ("create", "replace"):
        try:
            step = replace(step, name=work.name_for(row, step.logical_id, properties, step.token))
        except MALFORMED as odd:
            problem = problem or str(malformed(step.logical_id, odd))
    if problem is None:
        return step
    return replace(step, status=step.status.replace("IN_PROGRESS", "FAILED"), reason=problem)


def _before(resource: Resource) -> dict[str, Json]:
    """How a resource is before this deployment changes it."""
    return store.resource_to_json(replace(resource, before=None))
