"""Functions and what they return. One method each, named as the function.

Decides the values of properties and outputs; conditions have a file of their own, which is asked for `Fn::If`.
Bounded: every text and list that a function makes is counted, so that nested functions cannot grow a small template
into gigabytes.
"""

from __future__ import annotations

import base64
import ipaddress
import json
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

from emulator.deploy.template import conditions
from emulator.deploy.template.document import Path, TemplateError
from emulator.deploy.template.environment import Environment, Unknown
from emulator.deploy.template.functions import CONDITION_FUNCTIONS, called, complaint
from emulator.deploy.template.model import scalar_text
from emulator.deploy.template.substitution import parts
from emulator.ports import Json

LARGEST_MADE = 4_000_000
"""Characters and list items that one evaluation may make; requests to AWS's services are smaller (unverified)."""


class _NoValue:
    """`AWS::NoValue`: whoever holds it is without it."""

    def __repr__(self) -> str:
        return "NO_VALUE"


NO_VALUE: Any = _NoValue()


def evaluate(node: Json, environment: Environment, path: Path = ()) -> Json | Unknown:
    """The value of a node, all functions in it called. Members and items that are AWS::NoValue are gone; a node that
    is it altogether gives NO_VALUE. What depends on resources that do not exist yet is `Unknown`, at its place.

    `path` is the node's in the document, for errors. Raises TemplateError in AWS's words.
    """
    return Evaluation(environment).value(node, path)


class Evaluation:
    """One run over a node, with its bound."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._left = LARGEST_MADE

    def value(self, node: Json, path: Path) -> Json | Unknown:
        """As `evaluate`."""
        if isinstance(node, str):
            return node
        if isinstance(node, dict):
            call = called(node)
            if call is not None:
                return self._call(*call, path)
            return {
                name: value for name, item in node.items() if (value := self.value(item, (*path, name))) is not NO_VALUE
            }
        if isinstance(node, list):
            return [
                value for index, item in enumerate(node) if (value := self.value(item, (*path, index))) is not NO_VALUE
            ]
        return node

    def error(self, message: str, path: Path, hint: str = "") -> TemplateError:
        """An error with its place in the template."""
        return self.environment.template.document.error(message, path, hint)

    def _call(self, name: str, argument: Json, path: Path) -> Json | Unknown:
        path = (*path, name)
        refused = complaint(name, argument, self.environment.template.extended)
        if refused is not None:
            raise self.error(refused, path, self._hint(name))
        if name in CONDITION_FUNCTIONS:
            return conditions.truth(self, {name: argument}, path[:-1])
        function = _FUNCTIONS.get(name)
        if function is None:  # functions of rules
            raise self.error(f"Template error: {name} is not allowed here", path)
        return function(self, argument, path)

    @staticmethod
    def _hint(name: str) -> str:
        return "it takes Transform: AWS::LanguageExtensions" if name in ("Fn::Length", "Fn::ToJsonString") else ""

    def _made(self, size: int, path: Path) -> None:
        self._left -= size
        if self._left < 0:
            raise self.error("Template error: functions make too much of the template", path)  # unverified

    # ── references ──────────────────────────────────────────────────────────────────────────────

    def ref(self, name: str, path: Path) -> Json | Unknown:
        environment = self.environment
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in environment.pseudo:
            found = environment.pseudo[name]
        elif name in environment.parameters:
            found = environment.parameters[name]
        elif name in environment.template.resources:
            return environment.resources.reference(name)
        else:
            block = path[0] if path else "Resources"
            raise self.error(
                f"Template format error: Unresolved resource dependencies [{name}] in the {block} block of the "
                "template",
                path,
            )
        self._made(len(found), path)
        return list(found) if isinstance(found, list) else found

    def get_att(self, argument: Json, path: Path) -> Json | Unknown:
        if isinstance(argument, str):
            logical_id, _, attribute = argument.partition(".")
        else:
            logical_id = argument[0]
            names = [self.value(item, (*path, index + 1)) for index, item in enumerate(argument[1:])]
            if any(isinstance(item, Unknown) for item in names):
                return _union(names)
            attribute = ".".join(self._text(item, path, "Fn::GetAtt") for item in names)
        return self.attribute(logical_id, attribute, path)

    def attribute(self, logical_id: str, attribute: str, path: Path) -> Json | Unknown:
        """An attribute of a resource."""
        if logical_id not in self.environment.template.resources:
            raise self.error(f"Template error: instance of Fn::GetAtt references undefined resource {logical_id}", path)
        try:
            return self.environment.resources.attribute(logical_id, attribute)
        except KeyError as error:
            raise self.error(
                f"Template error: resource {logical_id} does not support attribute type {attribute} in Fn::GetAtt", path
            ) from error

    # ── texts ───────────────────────────────────────────────────────────────────────────────────

    def sub(self, argument: Json, path: Path) -> Json | Unknown:
        text, own = (argument[0], argument[1]) if isinstance(argument, list) else (argument, {})
        made: list[str | Unknown] = []
        values: dict[str, str | Unknown] = {}
        for part in parts(text):
            if isinstance(part, str):
                made.append(part)
                continue
            name = part.name
            if name not in values:
                if name in own:
                    found = self.value(own[name], (*path, 1, name))
                elif "." in name:
                    logical_id, _, attribute = name.partition(".")
                    found = self.attribute(logical_id, attribute, path)
                else:
                    found = self.ref(name, path)
                values[name] = found if isinstance(found, Unknown) else self._text(found, path, "Fn::Sub")
            value = values[name]
            self._made(0 if isinstance(value, Unknown) else len(value), path)
            made.append(value)
        return _together(made, "")

    def join(self, argument: Json, path: Path) -> Json | Unknown:
        delimiter, items = argument
        values = self.value(items, (*path, 1))
        if isinstance(values, Unknown):
            return values
        if not isinstance(values, list):
            raise self.error(complaint("Fn::Join", None, True) or "", path)
        texts = [item if isinstance(item, Unknown) else self._text(item, path, "Fn::Join") for item in values]
        self._made(sum(len(delimiter) + (0 if isinstance(text, Unknown) else len(text)) for text in texts), path)
        return _together(texts, delimiter)

    def split(self, argument: Json, path: Path) -> Json | Unknown:
        delimiter, text = argument
        value = self.value(text, (*path, 1))
        if isinstance(value, Unknown):
            return value
        if not isinstance(value, str) or not delimiter:
            raise self.error(complaint("Fn::Split", None, True) or "", path)
        found = value.split(delimiter)
        self._made(len(value) + len(found), path)
        return found

    def base64(self, argument: Json, path: Path) -> Json | Unknown:
        value = self.value(argument, path)
        if isinstance(value, Unknown):
            return value
        if isinstance(value, (dict, list)) or value is NO_VALUE:
            raise self.error("Template error: every Fn::Base64 object must have a String-typed value.", path)
        encoded = base64.b64encode(scalar_text(value).encode()).decode()
        self._made(len(encoded), path)
        return encoded

    def to_json_string(self, argument: Json, path: Path) -> Json | Unknown:
        value = self.value(argument, path)
        unknown = unknowns(value)
        if unknown:
            return _union(unknown)
        if not isinstance(value, (dict, list)):  # AWS: an object or an array
            raise self.error("Template error: Fn::ToJsonString needs an object or an array", path)  # unverified
        text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        self._made(len(text), path)
        return text

    # ── lists ───────────────────────────────────────────────────────────────────────────────────

    def select(self, argument: Json, path: Path) -> Json | Unknown:
        index, items = self.value(argument[0], (*path, 0)), self.value(argument[1], (*path, 1))
        for value in (index, items):
            if isinstance(value, Unknown):
                return value
        if (
            not isinstance(items, list)
            or not isinstance(index, (str, int))
            or not str(index).strip().lstrip("-").isdigit()
        ):
            raise self.error(complaint("Fn::Select", None, True) or "", path)
        number = int(index) if len(str(index)) < 12 else -1
        if not 0 <= number < len(items):
            raise self.error(f"Template error: Fn::Select  cannot select nonexistent value at index {index}", path)
        return items[number]

    def length(self, argument: Json, path: Path) -> Json | Unknown:
        value = self.value(argument, path)
        if isinstance(value, Unknown):
            return value
        if not isinstance(value, list):
            raise self.error(complaint("Fn::Length", None, True) or "", path)
        return len(value)

    def get_azs(self, argument: Json, path: Path) -> Json | Unknown:
        value = self.value(argument, path)
        if isinstance(value, Unknown):
            return value
        return self.environment.zones(self._text(value, path, "Fn::GetAZs") or self.environment.place.region)

    def cidr(self, argument: Json, path: Path) -> Json | Unknown:
        values = [self.value(item, (*path, index)) for index, item in enumerate(argument)]
        if any(isinstance(item, Unknown) for item in values):
            return _union(values)
        block, count, bits, *_ = [*values, 8]
        try:
            network = ipaddress.ip_network(self._text(block, path, "Fn::Cidr"), strict=False)
            number, host_bits = int(self._text(count, path, "Fn::Cidr")), int(self._text(bits, path, "Fn::Cidr"))
            prefix = network.max_prefixlen - host_bits
            if not 1 <= number <= 256 or not network.prefixlen <= prefix <= network.max_prefixlen:
                raise ValueError(number)
            subnets = list(islice(network.subnets(new_prefix=prefix), number))
            if len(subnets) < number:
                raise ValueError(number)
        except ValueError as error:  # the text is unverified
            raise self.error(
                "Template error: Fn::Cidr cannot make so many blocks of this size of the block", path
            ) from error
        return [str(subnet) for subnet in subnets]

    # ── choices ─────────────────────────────────────────────────────────────────────────────────

    def if_(self, argument: Json, path: Path) -> Json | Unknown:
        chosen = 1 if conditions.holds(self, argument[0], path) else 2
        return self.value(argument[chosen], (*path, chosen))

    def find_in_map(self, argument: Json, path: Path) -> Json | Unknown:
        values = [self.value(item, (*path, index)) for index, item in enumerate(argument[:3])]
        if any(isinstance(item, Unknown) for item in values):
            return _union(values)
        if any(isinstance(item, (dict, list)) for item in values):
            raise self.error(complaint("Fn::FindInMap", None, True) or "", path)
        names = [scalar_text(item) for item in values]
        mappings = self.environment.template.mappings
        with_default = len(argument) == 4
        if with_default and not self.environment.template.extended:
            raise self.error(
                complaint("Fn::FindInMap", None, True) or "",
                path,
                "DefaultValue takes Transform: AWS::LanguageExtensions",
            )
        if names[0] not in mappings and not with_default:
            raise self.error(
                f"Template error: Mapping named '{names[0]}' is not present in the 'Mappings' section of template.",
                path,
            )
        found = mappings.get(names[0], {}).get(names[1], {}).get(names[2], NO_VALUE)
        if found is NO_VALUE:
            if with_default:
                return self.value(argument[3]["DefaultValue"], (*path, 3, "DefaultValue"))
            raise self.error(f"Template error: Unable to get mapping for {'::'.join(names)}", path)
        self._made(len(found) if isinstance(found, (str, list)) else 1, path)
        return list(found) if isinstance(found, list) else found

    # ── other stacks ────────────────────────────────────────────────────────────────────────────

    def import_value(self, argument: Json, path: Path) -> Json | Unknown:
        name = self.value(argument, path)
        if isinstance(name, Unknown) or unknowns(name):
            raise self.error(
                "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, "
                "or Fn::GetAZs",
                path,
            )
        text = self._text(name, path, "Fn::ImportValue")
        found = self.environment.export(text)
        if found is None:
            raise self.error(f"No export named {text} found.", path)
        return found

    def get_stack_output(self, argument: Json, path: Path) -> Json | Unknown:
        values = {name: self.value(item, (*path, name)) for name, item in argument.items()}
        unknown = unknowns(values)
        if unknown:
            return _union(unknown)
        texts = {
            name: self._text(item, path, "Fn::GetStackOutput") for name, item in values.items() if item is not NO_VALUE
        }
        stack, output = texts.get("StackName", ""), texts.get("OutputName", "")
        found = self.environment.stack_output(stack, output, texts.get("Region"), texts.get("RoleArn"))
        if found is None:  # the text is unverified
            raise self.error(f"Output {output} of stack {stack} does not exist", path)
        return found

    def _text(self, value: Json, path: Path, function: str) -> str:
        """A scalar as text."""
        if value is NO_VALUE:
            return ""
        if isinstance(value, (dict, list)) or value is None:
            message = complaint(function, None, True) or f"Template error: {function} needs a string"
            if function == "Fn::Sub":  # AWS's for a list or an object in place of a text
                message = "Template error: Fn::Sub expression does not resolve to a string"  # unverified
            raise self.error(message, path)
        return scalar_text(value)


def unknowns(value: Json | Unknown) -> list[Unknown]:
    """All that is not known in a value."""
    if isinstance(value, Unknown):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    return [found for item in value for found in unknowns(item)] if isinstance(value, list) else []


def _union(values: Iterable[Any]) -> Unknown:
    return Unknown(frozenset().union(*(item.sources for item in values if isinstance(item, Unknown))))


def _together(texts: list[str | Unknown], delimiter: str) -> str | Unknown:
    known = [text for text in texts if isinstance(text, str)]
    return delimiter.join(known) if len(known) == len(texts) else _union(texts)


_FUNCTIONS: dict[str, Callable[[Evaluation, Any, Path], Json | Unknown]] = {
    "Ref": Evaluation.ref,
    "Fn::Base64": Evaluation.base64,
    "Fn::Cidr": Evaluation.cidr,
    "Fn::FindInMap": Evaluation.find_in_map,
    "Fn::GetAZs": Evaluation.get_azs,
    "Fn::GetAtt": Evaluation.get_att,
    "Fn::GetStackOutput": Evaluation.get_stack_output,
    "Fn::If": Evaluation.if_,
    "Fn::ImportValue": Evaluation.import_value,
    "Fn::Join": Evaluation.join,
    "Fn::Length": Evaluation.length,
    "Fn::Select": Evaluation.select,
    "Fn::Split": Evaluation.split,
    "Fn::Sub": Evaluation.sub,
    "Fn::ToJsonString": Evaluation.to_json_string,
}
