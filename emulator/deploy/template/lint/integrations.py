"""Integrations of APIs, wherever they are declared: as resources, or in an OpenAPI body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from emulator.deploy.template.document import Path
from emulator.deploy.template.environment import Unknown
from emulator.deploy.template.lint.links import sources
from emulator.deploy.template.model import as_number
from emulator.ports import Json

if TYPE_CHECKING:
    from emulator.deploy.template.lint.project import Item

INVOCATION_TYPE = "integration.request.header.x-amz-invocation-type"
_EXTENSION = "x-amazon-apigateway-"
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", _EXTENSION + "any-method")

Kind = Literal["rest", "http", "websocket"]


@dataclass(frozen=True)
class Integration:
    """One method or route and what is behind it."""

    label: str
    """`POST /reports`."""
    kind: Kind
    type: str
    """`AWS`, `AWS_PROXY`, …"""
    path: Path
    uri: Json | Unknown = None
    http_method: str | None = None
    timeout_seconds: float = 29.0
    request_parameters: Mapping[str, Json] = field(default_factory=dict)
    parameters_path: Path = ()
    templates: tuple[str, ...] = ()
    credentials: Json | Unknown = None
    required: frozenset[str] = frozenset()
    """Request parameters that the method requires, as `method.request.header.X`."""
    validated: bool = False
    """Whether a validator looks at them."""
    streams: bool = False

    @property
    def invocation_type(self) -> tuple[str, Json] | None:
        """The mapping of Lambda's header: its name as written, and its value."""
        for name, value in self.request_parameters.items():
            if name.lower() == INVOCATION_TYPE:
                return name, value
        return None

    @property
    def asynchronous(self) -> bool:
        """Whether the function runs after the client was answered: always, or when the client says so."""
        if self.type != "AWS":
            return False
        mapping = self.invocation_type
        if mapping is not None and isinstance(mapping[1], str):
            return mapping[1] == "'Event'" or mapping[1].startswith(("method.", "context.", "stageVariables."))
        return any("X-Amz-Invocation-Type" in template and "Event" in template for template in self.templates)

    @property
    def always_asynchronous(self) -> bool:
        """Whether no client waits for the function."""
        mapping = self.invocation_type
        return self.asynchronous and (mapping is None or mapping[1] == "'Event'")


def in_methods(
    methods: Iterable[Item], validators: Mapping[str, Mapping[str, Any]], items: Mapping[str, Item]
) -> Iterator[Integration]:
    """Those of AWS::ApiGateway::Method."""
    for item in methods:
        properties = item.properties
        integration = properties.get("Integration")
        if not isinstance(integration, dict):
            continue
        path = (*item.path, "Integration")
        declared = properties.get("RequestParameters")
        required = {name for name, value in declared.items() if _true(value)} if isinstance(declared, dict) else set()
        used = [validators[name] for name in sources(properties.get("RequestValidatorId")) if name in validators]
        yield _integration(
            integration,
            label=f"{properties.get('HttpMethod', '')} {_resource_path(properties.get('ResourceId'), items)}",
            kind="rest",
            path=path,
            names=("Type", "Uri", "IntegrationHttpMethod", "TimeoutInMillis", "RequestParameters", "Credentials"),
            more=("RequestTemplates", "ResponseTransferMode"),
            required=frozenset(required),
            validated=any(_true(found.get("ValidateRequestParameters")) for found in used),
        )


def in_routes(integrations: Iterable[Item], items: Mapping[str, Item]) -> Iterator[Integration]:
    """Those of AWS::ApiGatewayV2::Integration."""
    for item in integrations:
        apis = [items[name] for name in sources(item.properties.get("ApiId")) if name in items]
        websocket = any(api.properties.get("ProtocolType") == "WEBSOCKET" for api in apis)
        yield _integration(
            item.properties,
            label=f"integration {item.logical_id}",
            kind="websocket" if websocket else "http",
            path=item.path,
            names=(
                *("IntegrationType", "IntegrationUri", "IntegrationMethod", "TimeoutInMillis", "RequestParameters"),
                "CredentialsArn",
            ),
            more=("RequestTemplates", "ResponseTransferMode"),
        )


def in_openapi(body: Mapping[str, Json], path: Path, kind: Literal["rest", "http"]) -> Iterator[Integration]:
    """Those of an OpenAPI document, which is the body of an API."""
    paths = body.get("paths")
    declared = body.get(_EXTENSION + "request-validators")
    validators: Mapping[str, Json] = declared if isinstance(declared, dict) else {}
    default = body.get(_EXTENSION + "request-validator")
    for route, methods in paths.items() if isinstance(paths, dict) else ():
        for method, operation in methods.items() if isinstance(methods, dict) else ():
            if method.lower() not in _METHODS or not isinstance(operation, dict):
                continue
            integration = operation.get(_EXTENSION + "integration")
            if not isinstance(integration, dict):
                continue
            name = operation.get(_EXTENSION + "request-validator", default)
            validator = validators.get(name) if isinstance(name, str) else None
            verb = "ANY" if method.startswith("x-") else method.upper()
            yield _integration(
                integration,
                label=f"{verb} {route}",
                kind=kind,
                path=(*path, "paths", route, method, _EXTENSION + "integration"),
                names=("type", "uri", "httpMethod", "timeoutInMillis", "requestParameters", "credentials"),
                more=("requestTemplates", "responseTransferMode"),
                required=frozenset(_required(operation.get("parameters")) | _required(methods.get("parameters"))),
                validated=isinstance(validator, dict) and _true(validator.get("validateRequestParameters")),
            )


def _integration(
    properties: Mapping[str, Json],
    label: str,
    kind: Kind,
    path: Path,
    names: tuple[str, str, str, str, str, str],
    more: tuple[str, str],
    required: frozenset[str] = frozenset(),
    validated: bool = False,
) -> Integration:
    type_name, uri, method, timeout, parameters, credentials = names
    templates = properties.get(more[0])
    mapped = properties.get(parameters)
    millis = as_number(properties.get(timeout))
    return Integration(
        label,
        kind,
        str(properties.get(type_name, "")).upper(),
        path,
        properties.get(uri),
        str(properties[method]).upper() if isinstance(properties.get(method), str) else None,
        millis / 1000 if millis is not None else 30.0 if kind == "http" else 29.0,
        mapped if isinstance(mapped, dict) else {},
        (*path, parameters),
        tuple(item for item in templates.values() if isinstance(item, str)) if isinstance(templates, dict) else (),
        properties.get(credentials),
        required,
        validated,
        str(properties.get(more[1], "")).upper() == "STREAM",
    )


def _required(parameters: Json) -> set[str]:
    places = {"header": "header", "query": "querystring", "path": "path"}
    return {
        f"method.request.{places[item['in']]}.{item.get('name')}"
        for item in (parameters if isinstance(parameters, list) else [])
        if isinstance(item, dict) and item.get("in") in places and _true(item.get("required"))
    }


def _true(value: Json) -> bool:
    return value is True or (isinstance(value, str) and value.lower() == "true")


def _resource_path(value: Json | Unknown, items: Mapping[str, Item]) -> str:
    """The path of an AWS::ApiGateway::Resource, as far as the template tells it."""
    parts: list[str] = []
    for _ in range(50):
        found = next((items[name] for name in sources(value) if name in items), None)
        if found is None or found.type != "AWS::ApiGateway::Resource":
            break
        parts.append(str(found.properties.get("PathPart", "")))
        value = found.properties.get("ParentId")
    return "/" + "/".join(reversed(parts))
