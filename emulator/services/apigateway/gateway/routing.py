"""A deployment, compiled once: from method and path to the resource, literal parts first. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

import jsonschema_rs

from emulator.services.apigateway.gateway.vtl import Template, VtlSyntaxError
from emulator.services.apigateway.model import HTTP_METHODS, Api, is_greedy, is_variable
from emulator.services.apigateway.model_schema import rewritten
from emulator.services.apigateway.operations.definitions import shown_gateway_response

MOST_FIXED = 1000
"""Ways to write paths without parameters that are remembered: there are endless ones, `//a` and `/%61`."""
_PART = re.compile(r"[^/]+")


@dataclass(slots=True)
class Route:
    """A matched method, with what its path parameters are (still percent-encoded)."""

    method: dict[str, Any]
    resource_id: str
    resource_path: str
    parameters: dict[str, str]
    validator: dict[str, Any] | None


@dataclass(slots=True)
class _Node:
    resource: dict[str, Any] | None = None
    literals: dict[str, _Node] = field(default_factory=dict)
    variable: tuple[str, _Node] | None = None
    greedy: tuple[str, _Node] | None = None


class Snapshot:
    """What a deployment froze, ready to answer requests."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.scope = api.scope
        self.binary_types = frozenset(item.lower() for item in api.settings.get("binaryMediaTypes", []))
        self._root = _Node()
        self._fixed: dict[tuple[str, str], Route] = {}
        """Routes without parameters by method and path as sent: nearly all requests, found at once."""
        self._templates: dict[str, Template | None] = {}
        self._schemas: dict[str, jsonschema_rs.Draft4Validator | None] = {}
        for resource in api.resources.values():
            self._add(resource)

    def _add(self, resource: dict[str, Any]) -> None:
        node = self._root
        for part in [piece for piece in resource["path"].split("/") if piece]:
            if is_greedy(part):
                node.greedy = node.greedy or (part[1:-2], _Node())
                node = node.greedy[1]
            elif is_variable(part):
                node.variable = node.variable or (part[1:-1], _Node())
                node = node.variable[1]
            else:
                node = node.literals.setdefault(part, _Node())
        node.resource = resource

    def route(self, method: str, path: str) -> Route | None:
        """The method that answers, or None (wrong path and wrong method are the same to AWS).

        Repeated slashes separate as one does, and stay in what `{proxy+}` takes [R:test_lambda_aws_proxy_integration].
        """
        known = self._fixed.get((method, path))
        if known is not None:
            return known
        parts = [(found.group(), found.start()) for found in _PART.finditer(path)]
        found = self._find(self._root, path.rstrip("/"), parts, 0, {}, method)
        if found is not None and not found.parameters and len(self._fixed) < MOST_FIXED:
            self._fixed[method, path] = found
        return found

    def _find(
        self, node: _Node, path: str, parts: list[tuple[str, int]], index: int, parameters: dict[str, str], method: str
    ) -> Route | None:
        if index == len(parts):
            return self._route(node.resource, parameters, method)
        part, start = parts[index]
        child = node.literals.get(part) or node.literals.get(unquote(part))
        found = self._find(child, path, parts, index + 1, parameters, method) if child else None
        if found is None and node.variable is not None:
            name, child = node.variable
            found = self._find(child, path, parts, index + 1, {**parameters, name: part}, method)
        if found is None and node.greedy is not None:
            name, child = node.greedy
            found = self._route(child.resource, {**parameters, name: path[start:]}, method)
        return found

    def _route(self, resource: dict[str, Any] | None, parameters: dict[str, str], name: str) -> Route | None:
        methods = (resource or {}).get("resourceMethods") or {}
        method = methods.get(name) or (methods.get("ANY") if name in HTTP_METHODS else None)
        if resource is None or method is None or "methodIntegration" not in method:
            return None
        validator = self.api.validators.get(method.get("requestValidatorId") or "")
        return Route(method, resource["id"], resource["path"], parameters, validator)

    def template(self, source: str) -> Template | None:
        """The compiled template; None if it cannot be read."""
        if source not in self._templates:
            try:
                self._templates[source] = Template(source)
            except (VtlSyntaxError, RecursionError):
                self._templates[source] = None
        return self._templates[source]

    def schema(self, model: str) -> jsonschema_rs.Draft4Validator | None:
        """The compiled schema of a model; None if the model has none that can be compiled."""
        if model not in self._schemas:
            self._schemas[model] = self._compile(model)
        return self._schemas[model]

    def _compile(self, name: str) -> jsonschema_rs.Draft4Validator | None:
        """References to other models of the API become local definitions [R:…_with_ref_models]."""
        definitions: dict[str, Any] = {}

        def local(schema: dict[str, Any]) -> dict[str, Any] | None:
            reference = schema.get("$ref")
            if not (isinstance(reference, str) and "/restapis/" in reference and "/models/" in reference):
                return None
            other = reference.rpartition("/")[2]
            if other not in definitions and other in self.api.models:
                definitions[other] = True
                definitions[other] = rewritten(json.loads(self.api.models[other].get("schema") or "{}"), local)
            return {"$ref": f"#/definitions/{other}"}

        try:
            schema = rewritten(json.loads(self.api.models[name].get("schema") or "{}"), local)
            if definitions:
                schema["definitions"] = {**schema.get("definitions", {}), **definitions}
            options = jsonschema_rs.RegexOptions()
            return jsonschema_rs.Draft4Validator(schema, pattern_options=options, retriever=_refuse)
        except (ValueError, KeyError, TypeError, RecursionError, jsonschema_rs.ReferencingError):
            return None

    def gateway_response(self, kind: str) -> dict[str, Any]:
        """How this API answers a kind of failure."""
        return shown_gateway_response(self.api, kind)


def _refuse(uri: str) -> Any:
    """A schema may not make the emulator fetch anything."""
    raise ValueError(f"{uri} is not a model of this API")
