"""What a template refers to, and what AWS says of references that lead nowhere and of functions that are malformed.

Decides all that can be told without values: `check` is what CreateStack and ValidateTemplate answer at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from emulator.deploy.template.attributes import supports
from emulator.deploy.template.document import Path
from emulator.deploy.template.environment import PSEUDO_PARAMETERS
from emulator.deploy.template.functions import CONDITION_FUNCTIONS, RULE_FUNCTIONS, called, complaint
from emulator.deploy.template.model import Template
from emulator.deploy.template.substitution import variables
from emulator.ports import Json


class Reference(NamedTuple):
    """A `Ref`, an `Fn::GetAtt`, or a variable of an `Fn::Sub`, which is one of both."""

    name: str
    """Of a parameter, a resource or a pseudo parameter."""
    attribute: str | None
    """None for `Ref`; "" where a function says which."""
    function: str
    path: Path


def references(node: Json, path: Path = (), chosen: Callable[[str], bool] | None = None) -> Iterator[Reference]:
    """All references in a node; with `chosen`, which says what condition holds, only those of the branches taken."""
    call = called(node)
    if call is None:
        if isinstance(node, dict):
            for name, item in node.items():
                yield from references(item, (*path, name), chosen)
        elif isinstance(node, list):
            for index, item in enumerate(node):
                yield from references(item, (*path, index), chosen)
        return
    name, argument = call
    path = (*path, name)
    if name == "Ref":
        if isinstance(argument, str):
            yield Reference(argument, None, name, path)
    elif name == "Fn::GetAtt":
        yield from _attribute(argument, path, chosen)
    elif name == "Fn::Sub":
        text, own = (argument[0], argument[1]) if isinstance(argument, list) and len(argument) == 2 else (argument, {})
        if isinstance(text, str):
            yield from _variables(text, own if isinstance(own, dict) else {}, path)
        yield from references(own, (*path, 1), chosen)
    elif name == "Fn::If" and chosen is not None and isinstance(argument, list) and len(argument) == 3:
        branch = 1 if chosen(argument[0]) else 2
        yield from references(argument[branch], (*path, branch), chosen)
    else:
        yield from references(argument, path, chosen)


def _attribute(argument: Json, path: Path, chosen: Callable[[str], bool] | None) -> Iterator[Reference]:
    if isinstance(argument, str):
        name, _, attribute = argument.partition(".")
        yield Reference(name, attribute, "Fn::GetAtt", path)
    elif isinstance(argument, list) and argument and isinstance(argument[0], str):
        texts = [item for item in argument[1:] if isinstance(item, str)]
        yield Reference(argument[0], ".".join(texts) if len(texts) == len(argument) - 1 else "", "Fn::GetAtt", path)
        for index, item in enumerate(argument[1:], 1):
            yield from references(item, (*path, index), chosen)


def _variables(text: str, own: dict[str, Json], path: Path) -> Iterator[Reference]:
    try:
        names = variables(text)
    except ValueError:
        return
    for name in dict.fromkeys(names):
        if name not in own:
            base, _, attribute = name.partition(".")
            yield Reference(base, attribute or None, "Fn::Sub", path)


def check(template: Template) -> None:
    """Refuse what leads nowhere, whatever the values of parameters. Raises TemplateError in AWS's words."""
    _Check(template).all()


class _Check:
    def __init__(self, template: Template) -> None:
        self._template = template
        self._document = template.document
        self._parameters = template.parameters.keys() | PSEUDO_PARAMETERS

    def all(self) -> None:
        template = self._template
        for name, node in template.conditions.items():
            self._condition(node, ("Conditions", name))
        for name, node in template.rules.items():
            self._functions(node, ("Rules", name), rules=True)
        for resource in template.resources.values():
            if resource.type.startswith("AWS::Serverless::"):
                raise self._document.error(
                    f"Template format error: Unrecognized resource types: [{resource.type}]",
                    (*resource.path, "Type"),
                    "it takes Transform: AWS::Serverless-2016-10-31",
                )
            for name in ("Properties", "Metadata", "CreationPolicy", "UpdatePolicy"):
                node = self._document.value["Resources"][resource.logical_id].get(name)
                self._functions(node, (*resource.path, name))
            self._named_condition(resource.condition, (*resource.path, "Condition"), "Resources")
        for output in template.outputs.values():
            self._functions(output.value, (*output.path, "Value"))
            self._functions(output.export_name, (*output.path, "Export", "Name"))
            self._named_condition(output.condition, (*output.path, "Condition"), "Outputs")
        self._resolved("Resources")
        self._resolved("Outputs")

    def _named_condition(self, name: str | None, path: Path, block: str) -> None:
        if name is not None and name not in self._template.conditions:
            raise self._document.error(
                f"Template format error: Unresolved condition dependency {name} in the {block} block of the template",
                path,
            )

    def _functions(self, node: Json, path: Path, rules: bool = False) -> None:
        """Each function is well-formed and allowed, each condition and mapping that is named is there."""
        if isinstance(node, list):
            for index, item in enumerate(node):
                self._functions(item, (*path, index), rules)
            return
        if not isinstance(node, dict):
            return
        call = called(node)
        if call is None:
            for name, item in node.items():
                self._functions(item, (*path, name), rules)
            return
        name, argument = call
        path = (*path, name)
        refused = complaint(name, argument, self._template.extended)
        if refused is not None:
            hint = "it takes Transform: AWS::LanguageExtensions" if name in ("Fn::Length", "Fn::ToJsonString") else ""
            raise self._document.error(refused, path, hint)
        if name in RULE_FUNCTIONS and not rules:  # the text is unverified
            raise self._document.error(f"Template error: {name} is allowed in the Rules block only", path)
        if name == "Fn::If" and argument[0] not in self._template.conditions:
            raise self._document.error(f"Template error: unresolved condition dependency {argument[0]} in Fn::If", path)
        if name == "Fn::FindInMap" and len(argument) == 3:
            mapping = argument[0]
            if isinstance(mapping, str) and mapping not in self._template.mappings:
                raise self._document.error(
                    f"Template error: Mapping named '{mapping}' is not present in the 'Mappings' section of template.",
                    path,
                )
        if name in CONDITION_FUNCTIONS and not rules:
            self._condition(node, path[:-1])
        else:
            self._functions(argument, path, rules)

    def _condition(self, node: Json, path: Path) -> None:
        """A condition is made of boolean functions over parameters, and of other conditions."""
        if isinstance(node, bool):
            return
        if not isinstance(node, dict) or len(node) != 1:
            raise self._document.error(
                "Template format error: Conditions can only be boolean operations on parameters and other conditions",
                path,
            )
        [(name, argument)] = node.items()
        path = (*path, name)
        refused = complaint(name, argument, self._template.extended)
        if refused is not None:
            raise self._document.error(refused, path)
        if name == "Condition":
            if argument not in self._template.conditions:
                raise self._document.error(
                    f"Template format error: Unresolved condition dependency {argument} in the Conditions block of "
                    "the template",
                    path,
                )
        elif name in ("Fn::And", "Fn::Or", "Fn::Not"):
            for index, item in enumerate(argument):
                self._condition(item, (*path, index))
        else:
            self._functions(argument, path)
            lost = [item.name for item in references(node, path[:-1]) if item.name not in self._parameters]
            if lost:
                raise self._document.error(
                    f"Template format error: Unresolved dependencies [{', '.join(dict.fromkeys(lost))}]. "
                    "Cannot reference resources in the Conditions block of the template",
                    path,
                )

    def _resolved(self, block: str) -> None:
        lost: dict[str, Path] = {}
        resources = self._template.resources
        for item in references(self._document.value.get(block, {}), (block,)):
            if item.name in resources:
                kind = resources[item.name].type
                if item.attribute and not supports(kind, item.attribute):
                    raise self._document.error(
                        f"Template error: resource {item.name} does not support attribute type {item.attribute} in "
                        "Fn::GetAtt",
                        item.path,
                    )
                continue
            if item.attribute is None and item.name in self._parameters:
                continue
            if item.function == "Fn::GetAtt":
                raise self._document.error(
                    f"Template error: instance of Fn::GetAtt references undefined resource {item.name}", item.path
                )
            if item.attribute is not None:
                raise self._document.error(
                    "Template error: instance of Fn::Sub references invalid resource attribute "
                    f"{item.name}.{item.attribute}",
                    item.path,
                )
            lost.setdefault(item.name, item.path)
        if block == "Resources":
            for resource in resources.values():
                for name in resource.depends_on:
                    if name not in resources:
                        lost.setdefault(name, (*resource.path, "DependsOn"))
        if lost:
            raise self._document.error(
                f"Template format error: Unresolved resource dependencies [{', '.join(lost)}] in the {block} block of "
                "the "
                "template",
                next(iter(lost.values())),
            )
