"""Whether conditions hold: And, Or, Not, Equals, Condition, over what parameters and mappings say.

Decides truth; knows no resources: AWS lets conditions see parameters only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.deploy.template.document import Path
from emulator.deploy.template.environment import Environment
from emulator.deploy.template.functions import complaint
from emulator.deploy.template.model import Output, Resource, scalar_text
from emulator.ports import Json

if TYPE_CHECKING:
    from emulator.deploy.template.evaluate import Evaluation

_ONLY = "Template format error: Conditions can only be boolean operations on parameters and other conditions"


def holds(run: Evaluation, name: str, path: Path) -> bool:
    """Whether the condition of that name holds; `path` is where it is named. Raises TemplateError."""
    known = run.environment.conditions
    if name not in known:
        for each in _in_order(run, name, path):
            known[each] = truth(run, run.environment.template.conditions[each], ("Conditions", each))
    return known[name]


def _in_order(run: Evaluation, name: str, path: Path) -> list[str]:
    """The condition, after all that it refers to and that are not known yet: a chain of conditions may be long."""
    order: dict[str, None] = {}
    begun: dict[str, list[str]] = {}
    waiting = [(name, path)]
    while waiting:
        current, named_at = waiting[-1]
        if current in begun:
            waiting.pop()
            order[current] = None
            continue
        node = run.environment.template.conditions.get(current)
        if node is None:
            raise run.error(f"Template error: unresolved condition dependency {current} in Fn::If", named_at)
        begun[current] = [other for other in _named(node) if other not in run.environment.conditions]
        for other in begun[current]:
            if other in begun and other not in order:
                raise run.error(
                    f"Template error: Found circular condition dependency between [{current}, {other}]",
                    ("Conditions", current),
                )
            if other not in order:
                waiting.append((other, ("Conditions", current)))
    return list(order)


def _named(node: Json) -> list[str]:
    """The conditions that a node refers to, by `Condition` and by `Fn::If`."""
    if isinstance(node, list):
        return [name for item in node for name in _named(item)]
    if not isinstance(node, dict):
        return []
    found: list[str] = []
    for key, item in node.items():
        if key == "Condition" and isinstance(item, str):
            found.append(item)
        elif key == "Fn::If" and isinstance(item, list) and item and isinstance(item[0], str):
            found.append(item[0])
        found += _named(item)
    return list(dict.fromkeys(found))


def active(environment: Environment, item: Resource | Output) -> bool:
    """Whether a resource or output is there, by its condition."""
    from emulator.deploy.template.evaluate import Evaluation

    return item.condition is None or holds(Evaluation(environment), item.condition, (*item.path, "Condition"))


def truth(run: Evaluation, node: Json, path: Path) -> bool:
    """The truth of a boolean function or value."""
    if isinstance(node, bool):
        return node
    if not isinstance(node, dict) or len(node) != 1:
        text = scalar_text(node).lower() if isinstance(node, str) else ""
        if text in ("true", "false"):
            return text == "true"
        raise run.error(_ONLY, path)
    [(name, argument)] = node.items()
    path = (*path, name)
    if name not in ("Condition", "Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals"):
        value = run.value(node, path[:-1])
        if scalar_text(value).lower() in ("true", "false"):
            return scalar_text(value).lower() == "true"
        raise run.error(_ONLY, path)
    refused = complaint(name, argument, run.environment.template.extended)
    if refused is not None:
        raise run.error(refused, path)
    if name == "Condition":
        return holds(run, argument, path)
    if name == "Fn::Equals":
        left, right = (_compared(run, item, (*path, index)) for index, item in enumerate(argument))
        return left == right
    found = [truth(run, item, (*path, index)) for index, item in enumerate(argument)]
    if name == "Fn::Not":
        return not found[0]
    return all(found) if name == "Fn::And" else any(found)


def _compared(run: Evaluation, node: Json, path: Path) -> Json:
    """Everything is text, so that `true` and `"true"` are equal."""
    return _texts(run.value(node, path))


def _texts(value: Json) -> Json:
    if isinstance(value, dict):
        return {name: _texts(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_texts(item) for item in value]
    return scalar_text(value)
