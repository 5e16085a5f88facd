"""AWS::LanguageExtensions: `Fn::ForEach` unrolled, and functions where a plain template takes none.

Decides loops and what must be a plain text for those who read the result: logical ids in `Ref` and `Fn::GetAtt`, and
the attributes of resources (`Condition`, `DependsOn`, `DeletionPolicy`, `UpdateReplacePolicy`). `Fn::Length`,
`Fn::ToJsonString` and defaults of `Fn::FindInMap` are called here if they can be, so that the translator of SAM never
meets them.

AWS: "Fn::ForEach", and the RFC 0009 of its language. "All instances of ${Identifier} or &{Identifier}" of a fragment
are replaced, in texts too (the RFC says: in keys and functions only; unverified).
"""

from __future__ import annotations

import re
from typing import Any

from emulator.deploy.template.document import Document, Path, TemplateError
from emulator.deploy.template.environment import Environment, Unknown
from emulator.deploy.template.evaluate import NO_VALUE, Evaluation, unknowns
from emulator.deploy.template.functions import called
from emulator.deploy.template.model import scalar_text
from emulator.ports import Json

NAME = "AWS::LanguageExtensions"
_FAILED = f"Transform {NAME} failed with: "
DEEPEST_LOOP = 5
LARGEST_EXPANSION = 250_000
"""Nodes that loops may make: more than any template that is within AWS's limits."""

_LOOP = "Fn::ForEach::"
_WHERE = ("Conditions", "Resources", "Outputs")
_RESOURCE_ATTRIBUTES = ("Condition", "DependsOn", "DeletionPolicy", "UpdateReplacePolicy")


def extend(document: Document, environment: Environment) -> Document:
    """The document without loops. `environment` knows parameters, mappings and conditions, as far as they are plain.

    Raises TemplateError in AWS's words.
    """
    return _Extension(document, environment).document()


class _Extension:
    def __init__(self, document: Document, environment: Environment) -> None:
        self._document = document
        self._environment = environment
        self._left = LARGEST_EXPANSION

    def document(self) -> Document:
        value = dict(self._document.value)
        for section in _WHERE:
            if section in value:
                value[section] = self._expanded(value[section], (section,), {}, 0)
        conditions = value.get("Conditions")
        if isinstance(conditions, dict):
            self._environment.template.conditions.update(conditions)
        for section in _WHERE:
            if section in value:
                value[section] = self._plain(value[section], (section,))
        resources = value.get("Resources")
        if isinstance(resources, dict):
            value["Resources"] = {name: self._attributes(item, ("Resources", name)) for name, item in resources.items()}
        return self._document.replaced(value)

    def _error(self, message: str, path: Path) -> TemplateError:
        return self._document.error(_FAILED + message, path)

    # ── loops ───────────────────────────────────────────────────────────────────────────────────

    def _expanded(self, node: Json, path: Path, bound: dict[str, str], depth: int) -> Any:
        self._left -= 1
        if self._left < 0:
            raise self._error("the loops make too much of the template", path)  # unverified
        if isinstance(node, str):
            return _replaced(node, bound) if bound else node
        if isinstance(node, list):
            return [self._expanded(item, (*path, index), bound, depth) for index, item in enumerate(node)]
        if not isinstance(node, dict):
            return node
        if bound and len(node) == 1 and isinstance(node.get("Ref"), str) and node["Ref"] in bound:
            return bound[node["Ref"]]
        made: dict[str, Json] = {}
        for name, item in node.items():
            if name.startswith(_LOOP):
                self._loop(item, (*path, name), bound, depth, made)
            else:
                key = _replaced(name, bound) if bound else name
                self._put(made, key, self._expanded(item, (*path, name), bound, depth), (*path, name))
        return made

    def _loop(self, node: Json, path: Path, bound: dict[str, str], depth: int, made: dict[str, Json]) -> None:
        if (
            not isinstance(node, list)
            or len(node) != 3
            or not isinstance(node[0], str)
            or not isinstance(node[2], dict)
        ):
            raise self._error("Fn::ForEach layout is incorrect", path)
        identifier, collection, fragment = node
        if depth == DEEPEST_LOOP:
            raise self._error(f"Fn::ForEach can be nested {DEEPEST_LOOP} deep at most", path)  # unverified
        if identifier in bound or identifier in self._environment.parameters:
            raise self._error(f"the identifier {identifier} of Fn::ForEach is in use", path)  # unverified
        for item in self._collection(collection, (*path, 1), bound, depth):
            inner = {**bound, identifier: item}
            expanded = self._expanded(fragment, (*path, 2), inner, depth + 1)
            for key, value in expanded.items():
                self._put(made, key, value, path)

    def _collection(self, node: Json, path: Path, bound: dict[str, str], depth: int) -> list[str]:
        run = Evaluation(self._environment)
        value = run.value(self._expanded(node, path, bound, depth), path)
        if not isinstance(value, list) or any(isinstance(item, (dict, list, Unknown)) for item in value):
            raise self._error("Fn::ForEach layout is incorrect: the collection must be a list of strings", path)
        return [scalar_text(item) for item in value]

    def _put(self, made: dict[str, Json], key: str, value: Json, path: Path) -> None:
        if key in made:
            raise self._error(f"Fn::ForEach makes {key} twice", path)  # unverified
        made[key] = value

    # ── functions in places of plain texts ──────────────────────────────────────────────────────

    def _plain(self, node: Json, path: Path) -> Any:
        if isinstance(node, list):
            return [
                item
                for item in (self._plain(item, (*path, index)) for index, item in enumerate(node))
                if item is not NO_VALUE
            ]
        if not isinstance(node, dict):
            return node
        made = {
            name: value for name, item in node.items() if (value := self._plain(item, (*path, name))) is not NO_VALUE
        }
        call = called(made)
        if call is None:
            return made
        name, argument = call
        if name == "Ref" and isinstance(argument, dict):
            return {"Ref": self._text(argument, (*path, "Ref"))}
        if name == "Fn::GetAtt" and isinstance(argument, list) and argument and isinstance(argument[0], dict):
            return {"Fn::GetAtt": [self._text(argument[0], (*path, "Fn::GetAtt", 0)), *argument[1:]]}
        if name in ("Fn::Length", "Fn::ToJsonString") or (
            name == "Fn::FindInMap" and isinstance(argument, list) and len(argument) == 4
        ):
            return self._called(made, path)
        return made

    def _called(self, node: dict[str, Json], path: Path) -> Json:
        """The value, or the call as it is if it needs what exists only later."""
        try:
            value = Evaluation(self._environment).value(node, path)
        except TemplateError:  # of a resource: whether it is there is checked, and it is known, when it is deployed
            return node
        return node if unknowns(value) else value

    def _text(self, node: Json, path: Path) -> str:
        value = Evaluation(self._environment).value(node, path)
        if not isinstance(value, str):
            raise self._error("a logical id must be known before resources are", path)  # unverified
        return value

    def _attributes(self, node: Json, path: Path) -> Json:
        if not isinstance(node, dict):
            return node
        made = dict(node)
        for name in _RESOURCE_ATTRIBUTES:
            if called(made.get(name)) is None:
                continue
            value = Evaluation(self._environment).value(made[name], (*path, name))
            if value is NO_VALUE:
                del made[name]
            elif unknowns(value):
                raise self._error(f"{name} must be known before resources are", (*path, name))  # unverified
            else:
                made[name] = value
        return made


_VARIABLE = re.compile(r"([$&])\{(\w+)\}")


def _replaced(text: str, bound: dict[str, str]) -> str:
    """`${X}` by the item, `&{X}` by its letters and digits."""
    if "{" not in text:
        return text

    def item(match: re.Match[str]) -> str:
        value = bound.get(match.group(2))
        if value is None:
            return match.group(0)
        return value if match.group(1) == "$" else re.sub(r"[^A-Za-z0-9]", "", value)

    return _VARIABLE.sub(item, text)
