"""What is wrong with a template before anybody is asked to deploy it, with file, line and column; and what lint finds.

The same steps as the service's, on the file as its author wrote it: CloudFormation's answers name no lines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emulator.deploy.template import conditions, extensions, graph, lint, model, parameters, references, transforms
from emulator.deploy.template.artifacts import with_artifacts
from emulator.deploy.template.document import Document, Path, TemplateError
from emulator.deploy.template.environment import Environment, Place
from emulator.deploy.template.evaluate import Evaluation, evaluate
from emulator.deploy.template.include import NAME as INCLUDE
from emulator.deploy.template.include import include
from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.parameters import Values
from emulator.deploy.up.problem import Problem

Lookup = Callable[[str], str | None]
"""The value of an SSM parameter, or None."""
Read = Callable[[str], str]
"""The text at a location of AWS::Include: a file, or an object in S3. Raises Problem."""


def nothing(name: str) -> str | None:
    """A look-up that finds nothing."""
    return None


@dataclass(frozen=True)
class Checked:
    """A template that can be deployed, as far as one can see before."""

    document: Document
    """As it was given."""
    environment: Environment
    findings: tuple[Finding, ...]

    @property
    def resources(self) -> Mapping[str, model.Resource]:
        """After the transforms, by logical id."""
        return self.environment.template.resources


def values_of(document: Document, given: Mapping[str, str], lookup: Lookup = nothing) -> Values:
    """The parameters of a template. Raises Problem."""
    try:
        return parameters.resolve(model.outline(document), given, None, lookup)
    except TemplateError as error:
        problem = Problem.of(error.at(document))
        problem.next_step = problem.next_step or _about_parameters(document, given, problem.message)
        raise problem from error


def _about_parameters(document: Document, given: Mapping[str, str], message: str) -> str:
    """What to do when CloudFormation's text about a parameter does not say."""
    declared = document.value.get("Parameters")
    naming = re.match(r"Parameters?:? (?:\[([\w, ]*)\]|'(\w+)')", message)
    named = re.findall(r"\w+", naming.group(1) or naming.group(2)) if naming else []
    if "must have values" in message:
        return "Give " + " ".join(f"--param {name}=VALUE" for name in named)
    if "do not exist" in message:
        there = ", ".join(map(str, declared)) if isinstance(declared, dict) and declared else "none"
        return f"The template's parameters are: {there}."
    return " ".join(f"--param {name}={given[name]} was given." for name in named if name in given)


def with_includes(document: Document, values: Values, place: Place, read: Read) -> Document:
    """The document with what AWS::Include names in its place. Raises Problem."""
    try:
        files: dict[str, str] = {}
        while missing := transforms.wanted(document, values, place, files):
            files |= {location: read(location) for location in missing}
        if not files:
            return document
        run = Evaluation(Environment(model.outline(document), values.values, place))
        return _without_include(include(document, run, files))
    except TemplateError as error:
        raise Problem.of(error.at(document)) from error


def with_loops(document: Document, values: Values, place: Place) -> Document:
    """The document with each `Fn::ForEach` of resources written out: they may name files. Raises Problem."""
    try:
        resources = document.value.get("Resources")
        loops = isinstance(resources, dict) and any(str(name).startswith("Fn::ForEach::") for name in resources)
        if not loops or extensions.NAME not in transforms.declared(document):
            return document
        return extensions.extend(document, Environment(model.outline(document), values.values, place))
    except TemplateError as error:
        raise Problem.of(error.at(document)) from error


def with_plain_paths(document: Document, values: Values, place: Place) -> Document:
    """The document with local paths that functions compute (`!Sub code/${Name}`) as texts."""
    resources = document.value.get("Resources")
    if not isinstance(resources, dict):
        return document
    environment = Environment(model.outline(document), values.values, place)
    found: dict[Path, str] = {}
    for name, item in resources.items():
        properties = item.get("Properties") if isinstance(item, dict) else None
        if not isinstance(properties, dict):
            continue
        for member in _PATHS & set(properties):
            node = properties[member]
            if isinstance(node, dict) and len(node) == 1 and str(next(iter(node))).startswith(("Fn::", "Ref")):
                path: Path = ("Resources", name, "Properties", member)
                try:
                    text = evaluate(node, environment, path)
                except TemplateError:
                    continue  # told when it is checked
                if isinstance(text, str) and ":" not in text:
                    found[path] = text
    return with_artifacts(document, found) if found else document


_PATHS = frozenset({"Code", "CodeUri", "Content", "ContentUri", "DefinitionUri", "Location", "TemplateURL"})


def _evaluate(environment: Environment, order: tuple[str, ...]) -> None:
    for logical_id in order:
        resource = environment.template.resources[logical_id]
        evaluate(resource.properties, environment, resource.properties_path)
    for output in environment.template.outputs.values():
        if conditions.active(environment, output):
            evaluate(output.value, environment, (*output.path, "Value"))


def _without_include(document: Document) -> Document:
    declared = document.value.get("Transform")
    names = declared if isinstance(declared, list) else [declared] if declared is not None else []
    left = [item for item in names if not (isinstance(item, dict) and item.get("Name") == INCLUDE)]
    if left == names:
        return document
    value = {**document.value, "Transform": left} if left else {**document.value}
    if not left:
        del value["Transform"]
    return document.replaced(value)


def check(document: Document, values: Values, place: Place, export: Lookup | None = None) -> Checked:
    """Read a template whose includes are done. Raises Problem.

    With `export`, which finds the value of an exported name, its functions are evaluated as far as nothing is there.
    """
    try:
        processed = transforms.process(document, values, place)
        template = model.read(processed.document, processed.transforms)
        references.check(template)
        environment = Environment(template, values.values, place, export=export or nothing)
        order = graph.order(template, environment).order
        if export is not None:
            _evaluate(environment, order)
    except TemplateError as error:
        raise Problem.of(error.at(document)) from error
    return Checked(document, environment, tuple(lint.lint(environment)))
