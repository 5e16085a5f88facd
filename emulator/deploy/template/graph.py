"""In which order resources are made: what refers to another comes after it.

Decides dependencies and their order; deletion goes the other way round. Conditions are applied, so that a branch not
taken makes no dependency, as on AWS.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from emulator.deploy.template import conditions
from emulator.deploy.template.document import Path
from emulator.deploy.template.environment import Environment
from emulator.deploy.template.evaluate import Evaluation
from emulator.deploy.template.model import Resource, Template
from emulator.deploy.template.references import references


@dataclass(frozen=True)
class Graph:
    """The resources that are there, in an order in which they can be made."""

    order: tuple[str, ...]
    needs: Mapping[str, frozenset[str]]
    """Of each resource: those that it refers to or depends on."""


def order(template: Template, environment: Environment) -> Graph:
    """The graph of the resources whose conditions hold, those of the file's order first. Raises TemplateError for what
    is not there and for cycles, in AWS's words.
    """
    there = {name: item for name, item in template.resources.items() if conditions.active(environment, item)}
    run = Evaluation(environment)
    needs: dict[str, frozenset[str]] = {}
    absent: dict[str, Path] = {}
    for name, item in there.items():
        found = _references(item, run)
        absent.update(
            (other, path) for other, path in found.items() if other in template.resources and other not in there
        )
        needs[name] = frozenset(other for other in found if other in there)
    _refuse(template, absent, "Resources")
    _refuse(template, _absent_in_outputs(template, environment, run, there), "Outputs")
    return Graph(tuple(_sorted(template, needs)), needs)


def _references(item: Resource, run: Evaluation) -> dict[str, Path]:
    """The names that a resource refers to, in the branches that its conditions take."""
    found: dict[str, Path] = dict.fromkeys(item.depends_on, (*item.path, "DependsOn"))
    for part, node in (
        ("Properties", item.properties),
        ("Metadata", item.metadata),
        ("CreationPolicy", item.creation_policy),
        ("UpdatePolicy", item.update_policy),
    ):
        path = (*item.path, part)
        for reference in references(node, path, lambda name, path=path: conditions.holds(run, name, path)):
            found.setdefault(reference.name, reference.path)
    return found


def _absent_in_outputs(
    template: Template, environment: Environment, run: Evaluation, there: Mapping[str, Resource]
) -> dict[str, Path]:
    """Resources that are not there and that outputs which are refer to."""
    found: dict[str, Path] = {}
    for output in template.outputs.values():
        if not conditions.active(environment, output):
            continue
        path = (*output.path, "Value")
        for reference in references(output.value, path, lambda name, path=path: conditions.holds(run, name, path)):
            if reference.name in template.resources and reference.name not in there:
                found.setdefault(reference.name, reference.path)
    return found


def _refuse(template: Template, absent: Mapping[str, Path], block: str) -> None:
    """Resources whose conditions do not hold, and that are needed all the same: by DependsOn, too."""
    if absent:
        raise template.document.error(
            f"Template format error: Unresolved resource dependencies [{', '.join(absent)}] in the {block} block of "
            "the "
            "template",
            next(iter(absent.values())),
            "their conditions do not hold",
        )


def _sorted(template: Template, needs: Mapping[str, frozenset[str]]) -> list[str]:
    rank = {name: index for index, name in enumerate(needs)}
    names = list(needs)
    waits_for = {name: len(others) for name, others in needs.items()}
    users: dict[str, list[str]] = {name: [] for name in needs}
    for name, others in needs.items():
        for other in others:
            users[other].append(name)
    ready = [rank[name] for name, count in waits_for.items() if not count]
    heapify(ready)
    done: list[str] = []
    while ready:
        name = names[heappop(ready)]
        done.append(name)
        for user in users[name]:
            waits_for[user] -= 1
            if not waits_for[user]:
                heappush(ready, rank[user])
    if len(done) < len(needs):  # AWS names those on a cycle and all that wait for them
        left = [name for name in needs if waits_for[name]]
        raise template.document.error(
            f"Circular dependency between resources: [{', '.join(left)}]", ("Resources", _on_a_cycle(left, needs))
        )
    return done


def _on_a_cycle(left: list[str], needs: Mapping[str, frozenset[str]]) -> str:
    among = set(left)
    seen: list[str] = []
    name = left[0]
    while name not in seen:
        seen.append(name)
        name = min(needs[name] & among)
    return name
