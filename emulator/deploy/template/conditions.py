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

_DEEPEST = 100
"""Conditions that each refer to the next."""


def holds(run: Evaluation, name: str, path: Path) -> bool:
    """Whether the condition of that name holds; `path` is where it is named. Raises TemplateError."""
    environment = run.environment
    known = environment.conditions.get(name)
    if known is not None:
        return known
    node = environment.template.conditions.get(name)
    if node is None:
        raise run.error(f"Template error: unresolved condition dependency {name} in Fn::If", path)
    if name in environment.evaluating:
        chain = ", ".join([*environment.evaluating, name])
        raise run.error(f"Template error: Found circular condition dependency between [{chain}]", ("Conditions", name))
    if len(environment.evaluating) >= _DEEPEST:
        raise run.error("Template error: conditions refer to each other too deeply", ("Conditions", name))  # unverified
    environment.evaluating.append(name)
    try:
        found = truth(run, node, ("Conditions", name))
    finally:
        environment.evaluating.pop()
    environment.conditions[name] = found
    return found


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
