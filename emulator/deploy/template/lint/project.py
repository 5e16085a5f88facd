"""A template as rules look at it: functions, who calls them and how, queues, what each resource refers to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from emulator.deploy.template import conditions, graph
from emulator.deploy.template.document import Document, Location, Path, TemplateError
from emulator.deploy.template.environment import Environment, Planned
from emulator.deploy.template.evaluate import evaluate
from emulator.deploy.template.lint.integrations import Integration, in_methods, in_openapi, in_routes
from emulator.deploy.template.lint.links import sources
from emulator.deploy.template.model import as_number
from emulator.ports import Json

DEFAULT_TIMEOUT_SECONDS = 3.0
"""Of a function [M]."""
DEFAULT_VISIBILITY_SECONDS = 30.0
"""Of a queue [M]."""


@dataclass(frozen=True)
class Function:
    """A function of the template."""

    name: str
    timeout_seconds: float | None
    path: Path
    dead_letter: Json = None


@dataclass(frozen=True)
class Item:
    """A resource that is there, with its properties."""

    logical_id: str
    type: str
    properties: dict[str, Any]

    @property
    def path(self) -> Path:
        """Where its properties stand."""
        return ("Resources", self.logical_id, "Properties")


@dataclass
class Project:
    """What rules see."""

    document: Document
    items: dict[str, Item] = field(default_factory=dict)
    functions: dict[str, Function] = field(default_factory=dict)
    integrations: list[Integration] = field(default_factory=list)
    needs: Mapping[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    """What each resource is made after, directly."""

    @classmethod
    def of(cls, environment: Environment) -> Project:
        """The resources of a template whose conditions hold. What cannot be evaluated is left out: deploying says
        why."""
        environment = environment.with_resources(Planned())
        project = cls(environment.template.document)
        with suppress(TemplateError):
            project.needs = graph.order(environment.template, environment).needs
        for name, resource in environment.template.resources.items():
            try:
                if not conditions.active(environment, resource):
                    continue
                value = evaluate(resource.properties, environment, resource.properties_path)
            except TemplateError:
                continue
            project.items[name] = Item(name, resource.type, value if isinstance(value, dict) else {})
        for item in project.all_of("AWS::Lambda::Function"):
            seconds = as_number(item.properties.get("Timeout", DEFAULT_TIMEOUT_SECONDS))
            project.functions[item.logical_id] = Function(
                item.logical_id, seconds, (*item.path, "Timeout"), item.properties.get("DeadLetterConfig")
            )
        for item in project.all_of("AWS::ApiGateway::RestApi", "AWS::ApiGatewayV2::Api"):
            kind = "rest" if item.type == "AWS::ApiGateway::RestApi" else "http"
            body = item.properties.get("Body")
            if isinstance(body, dict):
                project.integrations += in_openapi(body, (*item.path, "Body"), kind)
        validators = {item.logical_id: item.properties for item in project.all_of("AWS::ApiGateway::RequestValidator")}
        project.integrations += in_methods(project.all_of("AWS::ApiGateway::Method"), validators, project.items)
        project.integrations += in_routes(project.all_of("AWS::ApiGatewayV2::Integration"), project.items)
        return project

    def all_of(self, *types: str) -> Iterator[Item]:
        """The resources of some types, in the order of the file."""
        return (item for item in self.items.values() if item.type in types)

    def at(self, path: Path) -> Location:
        """Where something stands."""
        return self.document.location(path)

    def after(self, logical_id: str) -> set[str]:
        """The resources that one is made after, whether it names them or what it names does."""
        found: set[str] = set()
        waiting = [logical_id]
        while waiting:
            new = self.needs.get(waiting.pop(), frozenset()) - found
            found |= new
            waiting += new
        return found

    def function_of(self, value: Json) -> Function | None:
        """The function that a value names: a reference to it, to its alias or version, or its name or ARN."""
        for source in sources(value):
            found = self._behind(source)
            if found is not None:
                return found
        for text in _texts(value):
            name = text.rpartition(":function:")[2].partition(":")[0].partition("/")[0]
            for item in self.all_of("AWS::Lambda::Function"):
                if name and item.properties.get("FunctionName") == name:
                    return self.functions[item.logical_id]
        return None

    def _behind(self, logical_id: str) -> Function | None:
        if logical_id in self.functions:
            return self.functions[logical_id]
        item = self.items.get(logical_id)
        if item is not None and item.type in ("AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::Lambda::Url"):
            named = item.properties.get("FunctionName") or item.properties.get("TargetFunctionArn")
            return next((self.functions[name] for name in sources(named) if name in self.functions), None)
        return None

    def item_of(self, value: Json, *types: str) -> Item | None:
        """The resource of these types that a value refers to."""
        for name in sources(value):
            item = self.items.get(name)
            if item is not None and item.type in types:
                return item
        return None


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
