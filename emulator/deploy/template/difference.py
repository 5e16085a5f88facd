"""What an update changes, resource by resource and property by property, and why: the content of a change set.

Decides from two templates with their values, before anything is done. A property that refers to a resource that will
be replaced, or to an attribute of one that will be changed, may change too: that is said as AWS says it, with a
dynamic evaluation. AWS: "Change sets", "ResourceChangeDetail". Whether a property replaces its resource is for the
caller to know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulator.deploy.template import conditions, graph
from emulator.deploy.template.document import Path
from emulator.deploy.template.environment import Environment, Unknown
from emulator.deploy.template.evaluate import NO_VALUE, Evaluation, unknowns
from emulator.deploy.template.model import Resource, Template
from emulator.deploy.template.references import Reference, references
from emulator.ports import Json

Recreation = Callable[[str, str], str]
"""(type, property) → "Never", "Conditionally" or "Always"."""

KNOWN_AFTER_APPLY = "{{changeSet:KNOWN_AFTER_APPLY}}"


@dataclass(frozen=True)
class Detail:
    """Why one attribute of a resource changes."""

    attribute: str
    """`Properties`, `Tags`, `Metadata`, `CreationPolicy`, `UpdatePolicy`, `DeletionPolicy`, `UpdateReplacePolicy`."""
    name: str | None
    """The property."""
    source: str | None
    """`DirectModification`, `ParameterReference`, `ResourceReference`, `ResourceAttribute`."""
    evaluation: str
    """`Static`, or `Dynamic` where only the update will tell."""
    causing_entity: str | None
    """The parameter, the resource, or `resource.attribute`."""
    requires_recreation: str
    """`Never`, `Conditionally`, `Always`."""
    kind: str = "Modify"
    """`Add`, `Remove`, `Modify`: what happens to the property."""
    before: Json = None
    after: Json | Unknown = None


@dataclass(frozen=True)
class Change:
    """What becomes of one resource."""

    action: str
    """`Add`, `Modify` or `Remove`."""
    logical_id: str
    type: str
    replacement: str | None = None
    """Of a modified one: `True`, `False` or `Conditional`."""
    scope: tuple[str, ...] = ()
    """The attributes that change."""
    details: tuple[Detail, ...] = ()


def changes(before: Environment | None, after: Environment, recreation: Recreation) -> list[Change]:
    """All resources that an update adds, changes or removes; those added and changed in the order of the update.

    Both environments know the resources that exist now. Raises TemplateError, also for a resource whose type is
    another.
    """
    plan = graph.order(after.template, after)
    if before is None:
        return [Change("Add", name, after.template.resources[name].type) for name in plan.order]
    there = {name for name, item in before.template.resources.items() if conditions.active(before, item)}
    _refuse_other_types(before.template, after.template, there & set(plan.order))
    found: list[Change] = []
    comparison = _Comparison(before, after, recreation)
    for name in plan.order:
        if name not in there:
            comparison.added.add(name)
            found.append(Change("Add", name, after.template.resources[name].type))
            continue
        change = comparison.of(name)
        if change is not None:
            found.append(change)
    gone = [name for name in before.template.resources if name in there and name not in plan.needs]
    found += [Change("Remove", name, before.template.resources[name].type) for name in gone]
    return found


def _refuse_other_types(before: Template, after: Template, names: set[str]) -> None:
    others = [
        name for name in after.resources if name in names and before.resources[name].type != after.resources[name].type
    ]
    if others:
        raise after.document.error(
            "Update of resource type is not permitted. The new template modifies resource type of the following "
            "resources: "
            f"[{', '.join(others)}]",
            ("Resources", others[0], "Type"),
        )


class _Comparison:
    def __init__(self, before: Environment, after: Environment, recreation: Recreation) -> None:
        self._before = before
        self._after = after
        self._recreation = recreation
        self.added: set[str] = set()
        self._modified: dict[str, str] = {}
        """Their replacement, by logical id."""
        self._parameters = {
            name
            for name in after.parameters.keys() | before.parameters.keys()
            if after.parameters.get(name) != before.parameters.get(name)
        }

    def of(self, name: str) -> Change | None:
        """What becomes of a resource that is there before and after, those it needs having been asked for."""
        old, new = self._before.template.resources[name], self._after.template.resources[name]
        details = list(self._details(old, new))
        if not details:
            return None
        replacement = _replacement(details)
        self._modified[name] = replacement
        scope = tuple(dict.fromkeys(detail.attribute for detail in details))
        return Change("Modify", name, new.type, replacement, scope, tuple(details))

    def _details(self, old: Resource, new: Resource) -> Iterator[Detail]:
        for name in dict.fromkeys([*old.properties, *new.properties]):
            recreation = self._recreation(new.type, name)
            attribute = "Tags" if name == "Tags" else "Properties"
            path = (*new.properties_path, name)
            yield from self._node(
                old.properties.get(name, NO_VALUE),
                new.properties.get(name, NO_VALUE),
                path,
                attribute,
                name,
                recreation,
            )
        for attribute, left, right in (
            ("Metadata", old.metadata or NO_VALUE, new.metadata or NO_VALUE),
            ("CreationPolicy", old.creation_policy, new.creation_policy),
            ("UpdatePolicy", old.update_policy, new.update_policy),
        ):
            left, right = (NO_VALUE if item is None else item for item in (left, right))
            yield from self._node(left, right, (*new.path, attribute), attribute, None, "Never")
        for attribute, left, right in (
            ("DeletionPolicy", old.deletion_policy, new.deletion_policy),
            ("UpdateReplacePolicy", old.update_replace_policy, new.update_replace_policy),
        ):
            if left != right:
                kind = "Add" if left is None else "Remove" if right is None else "Modify"
                yield Detail(attribute, None, "DirectModification", "Static", None, "Never", kind, left, right)

    def _node(
        self, left: Json, right: Json, path: Path, attribute: str, name: str | None, recreation: str
    ) -> Iterator[Detail]:
        old = NO_VALUE if left is NO_VALUE else Evaluation(self._before).value(left, path)
        new = NO_VALUE if right is NO_VALUE else Evaluation(self._after).value(right, path)
        causes = list(self._causes(right, path))
        if _same(old, new) and not causes:
            return
        kind = "Add" if old is NO_VALUE else "Remove" if new is NO_VALUE else "Modify"
        shown = (kind, None if old is NO_VALUE else old, None if new is NO_VALUE else new)
        parameters = [cause for cause in causes if cause[0] == "ParameterReference"]
        if left != right or parameters or not causes:
            dynamic = left == right or unknowns(new) or len(parameters) < len(causes)
            evaluation = "Dynamic" if dynamic else "Static"
            yield Detail(attribute, name, "DirectModification", evaluation, None, recreation, *shown)
        for source, entity in causes:
            evaluation = "Static" if source == "ParameterReference" else "Dynamic"
            yield Detail(attribute, name, source, evaluation, entity, recreation, *shown)

    def _causes(self, node: Json, path: Path) -> Iterator[tuple[str, str]]:
        """Other things that change and that the new value refers to."""
        if node is NO_VALUE:
            return
        run = Evaluation(self._after)
        seen: set[tuple[str, str]] = set()
        for item in references(node, path, lambda name: conditions.holds(run, name, path)):
            cause = self._cause(item)
            if cause is not None and cause not in seen:
                seen.add(cause)
                yield cause

    def _cause(self, item: Reference) -> tuple[str, str] | None:
        if item.attribute is None:
            if item.name in self._parameters:
                return "ParameterReference", item.name
            replaced = self._modified.get(item.name, "False") != "False" or item.name in self.added
            return ("ResourceReference", item.name) if replaced else None
        if item.name in self._modified or item.name in self.added:
            return "ResourceAttribute", f"{item.name}.{item.attribute}"
        return None


def _same(left: Json | Unknown, right: Json | Unknown) -> bool:
    """Equal as CloudFormation sees it: every scalar is a text. What is unknown is equal to the same unknown."""
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(item, right[name]) for name, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, (dict, list, Unknown)) or isinstance(right, (dict, list, Unknown)):
        return left == right
    return left is right or str(left) == str(right) or str(left).lower() == str(right).lower() in ("true", "false")


def _replacement(details: list[Detail]) -> str:
    if any(detail.requires_recreation == "Always" and detail.evaluation == "Static" for detail in details):
        return "True"
    if any(detail.requires_recreation != "Never" for detail in details):
        return "Conditional"
    return "False"


def shown(value: Json | Unknown) -> Json:
    """A value as a change set shows it: what is not known yet by AWS's words for it."""
    if isinstance(value, Unknown):
        return KNOWN_AFTER_APPLY
    if isinstance(value, dict):
        return {name: shown(item) for name, item in value.items()}
    return [shown(item) for item in value] if isinstance(value, list) else value
