"""A deployed API as an OpenAPI 3.0 or Swagger 2.0 document: the way back from `openapi.py` (AWS, export of a REST API).

An export with the extensions `integrations` and `authorizers` that is imported again gives the same API. What neither
format can say is lost: models of other types than JSON, and a second default integration response. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from emulator.services.apigateway.model import Api

Document = dict[str, Any]

_EXTENSION = "x-amazon-apigateway-"
_PLACES = {"querystring": "query", "header": "header", "path": "path"}
_SIGNED, _KEYED = "sigv4", "api_key"
"""What AWS calls the schemes of methods with IAM authorization and with an API key."""
_SCHEMES: dict[str, Document] = {
    _SIGNED: {"type": "apiKey", "name": "Authorization", "in": "header", f"{_EXTENSION}authtype": "awsSigv4"},
    _KEYED: {"type": "apiKey", "name": "x-api-key", "in": "header"},
}
_AUTHORIZER_MEMBERS = (
    "providerARNs",
    "authorizerUri",
    "authorizerCredentials",
    "authorizerResultTtlInSeconds",
    "identitySource",
    "identityValidationExpression",
)
_INTEGRATION_MEMBERS = (
    "credentials",
    "httpMethod",
    "uri",
    "requestParameters",
    "requestTemplates",
    "passthroughBehavior",
    "contentHandling",
    "timeoutInMillis",
    "cacheKeyParameters",
    "connectionId",
    "integrationTarget",
    "tlsConfig",
    "responseTransferMode",
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to export: of which stage, in which format, with what beyond the standard."""

    stage: str
    host: str
    created: str
    """The deployment's time, ISO 8601: the version of an API that has none."""
    swagger: bool = False
    integrations: bool = False
    authorizers: bool = False
    documentation: Document | None = None
    """`x-amazon-apigateway-documentation`, if it is asked for."""


def export(api: Api, wanted: Wanted, parts: list[Document]) -> Document:
    """The document. `parts` are the documentation parts of the stage's version, which fill in descriptions."""
    return _Export(api, wanted, parts).document()


class _Export:
    """One export."""

    def __init__(self, api: Api, wanted: Wanted, parts: list[Document]) -> None:
        self.api = api
        self.wanted = wanted
        self.swagger = wanted.swagger
        self.schemes: dict[str, Document] = {}
        self.said = {_place(part["location"]): json.loads(part["properties"]) for part in parts}

    def document(self) -> Document:
        settings = self.api.settings
        info = {"title": settings["name"], "version": settings.get("version") or self.wanted.created}
        if settings.get("description"):
            info["description"] = settings["description"]
        of_api = self.said.get(_place({"type": "API"}), {})
        info |= of_api.get("info") if isinstance(of_api.get("info"), dict) else {}
        head: Document = {"swagger": "2.0", "info": info} if self.swagger else {"openapi": "3.0.1", "info": info}
        endpoint = self._endpoint() if self.wanted.integrations else {}
        if self.swagger:
            head |= {"host": self.wanted.host, "basePath": f"/{self.wanted.stage}", "schemes": ["https"]}
        else:
            variables = {"basePath": {"default": self.wanted.stage}}
            head["servers"] = [{"url": f"https://{self.wanted.host}/{{basePath}}", "variables": variables, **endpoint}]
        if self.wanted.authorizers:
            for authorizer in self.api.authorizers.values():
                self._scheme(authorizer["name"], self._authorizer(authorizer))
        head["paths"] = self._paths()
        schemas = {name: self._schema(model) for name, model in sorted(self.api.models.items()) if _is_json(model)}
        if self.swagger:
            head |= {"securityDefinitions": self.schemes} if self.schemes else {}
            head |= {"definitions": schemas} if schemas else {}
            head |= endpoint
        else:
            components = {"schemas": schemas, "securitySchemes": self.schemes}
            head["components"] = {name: value for name, value in components.items() if value}
        if self.wanted.integrations:
            head |= self._extensions()
        if self.wanted.documentation is not None:
            head[_EXTENSION + "documentation"] = self.wanted.documentation
        return head

    # ── the API as a whole ──

    def _endpoint(self) -> Document:
        configuration: Document = {}
        if self.api.settings.get("disableExecuteApiEndpoint"):
            configuration["disableExecuteApiEndpoint"] = True
        ids = self.api.settings["endpointConfiguration"].get("vpcEndpointIds")
        if ids:
            configuration["vpcEndpointIds"] = ids
        return {_EXTENSION + "endpoint-configuration": configuration} if configuration else {}

    def _extensions(self) -> Document:
        settings = self.api.settings
        found: Document = {
            "api-key-source": settings["apiKeySource"] if settings.get("apiKeySource") != "HEADER" else None,
            "binary-media-types": settings.get("binaryMediaTypes"),
            "minimum-compression-size": settings.get("minimumCompressionSize"),
            "policy": json.loads(settings["policy"]) if settings.get("policy") else None,
            "security-policy": settings.get("securityPolicy"),
            "endpoint-access-mode": settings.get("endpointAccessMode"),
            "gateway-responses": self.api.gateway_responses or None,
            "request-validators": {
                _name_of(validator): {
                    "validateRequestParameters": validator["validateRequestParameters"],
                    "validateRequestBody": validator["validateRequestBody"],
                }
                for validator in self.api.validators.values()
            }
            or None,
        }
        return {_EXTENSION + name: value for name, value in found.items() if value is not None}

    def _schema(self, model: Document) -> Document:
        schema = self._referring(json.loads(model["schema"]))
        if model.get("description") and "description" not in schema:
            schema = {**schema, "description": model["description"]}
        return {**schema, **self.said.get(_place({"type": "MODEL", "name": model["name"]}), {})}

    def _referring(self, schema: Any) -> Any:
        """The schema with references to the API's models as references within the document."""
        if isinstance(schema, dict):
            reference = schema.get("$ref")
            if isinstance(reference, str) and f"/restapis/{self.api.id}/models/" in reference:
                return self._reference(reference.rpartition("/")[2])
            return {key: self._referring(value) for key, value in schema.items()}
        return [self._referring(item) for item in schema] if isinstance(schema, list) else schema

    def _reference(self, name: str) -> Document:
        return {"$ref": f"#/definitions/{name}" if self.swagger else f"#/components/schemas/{name}"}

    # ── paths ──

    def _paths(self) -> Document:
        paths: Document = {}
        parents = {item.get("parentId") for item in self.api.resources.values()}
        for resource in sorted(self.api.resources.values(), key=lambda item: item["path"]):
            methods = resource.get("resourceMethods") or {}
            if methods or resource["id"] not in parents:  # those above a path come with it
                paths[resource["path"]] = {
                    _EXTENSION + "any-method" if name == "ANY" else name.lower(): self._method(resource, name, method)
                    for name, method in sorted(methods.items())
                }
        return paths

    def _method(self, resource: Document, name: str, method: Document) -> Document:
        where = {"path": resource["path"], "method": name}
        operation: Document = {**self.said.get(_place({"type": "METHOD", **where}), {})}
        if method.get("operationName"):
            operation["operationId"] = method["operationName"]
        models = method.get("requestModels") or {}
        parameters = list(self._parameters(method, where))
        if self.swagger:
            produced = self._produced(method)
            operation |= {"consumes": list(models)} if models else {}
            operation |= {"produces": produced} if produced else {}
            parameters += [
                {"in": "body", "name": model, "required": True, "schema": self._reference(model)}
                for model in list(models.values())[:1]
            ]
        if parameters:
            operation["parameters"] = parameters
        if models and not self.swagger:
            operation["requestBody"] = {"content": self._content(models), "required": True}
        responses = method.get("methodResponses") or {}
        operation["responses"] = {
            status: self._response(status, item, where) for status, item in sorted(responses.items())
        }
        requirements = self._requirements(method)
        if requirements:
            operation["security"] = requirements
        validator = self.api.validators.get(method.get("requestValidatorId") or "")
        if self.wanted.integrations:
            if validator:
                operation[_EXTENSION + "request-validator"] = _name_of(validator)
            if "methodIntegration" in method:
                operation[_EXTENSION + "integration"] = _integration(method["methodIntegration"], resource["id"])
        return operation

    def _parameters(self, method: Document, where: Document) -> Iterator[Document]:
        kinds = {"querystring": "QUERY_PARAMETER", "header": "REQUEST_HEADER", "path": "PATH_PARAMETER"}
        for declared, required in (method.get("requestParameters") or {}).items():
            _, _, place, name = declared.split(".", 3)
            if place not in _PLACES:
                continue
            said = self.said.get(_place({"type": kinds[place], **where, "name": name}), {})
            parameter = {"name": name, "in": _PLACES[place], "required": bool(required), **said}
            yield {**parameter, "type": "string"} if self.swagger else {**parameter, "schema": {"type": "string"}}

    def _produced(self, method: Document) -> list[str]:
        responses = (method.get("methodResponses") or {}).values()
        return sorted({kind for response in responses for kind in response.get("responseModels") or {}})

    def _content(self, models: dict[str, str]) -> Document:
        return {kind: {"schema": self._reference(model)} for kind, model in models.items()}

    def _response(self, status: str, response: Document, where: Document) -> Document:
        shown: Document = {"description": f"{status} response"}
        shown |= self.said.get(_place({"type": "RESPONSE", **where, "statusCode": status}), {})
        headers = [name.split(".", 3)[3] for name in response.get("responseParameters") or {}]
        if headers:
            kind: Document = {"type": "string"}
            shown["headers"] = {name: kind if self.swagger else {"schema": kind} for name in headers}
        models = response.get("responseModels") or {}
        if models:
            shown |= {"schema": self._reference(next(iter(models.values())))} if self.swagger else {}
            shown |= {} if self.swagger else {"content": self._content(models)}
        return shown

    # ── who may call ──

    def _requirements(self, method: Document) -> list[Document]:
        requirements: list[Document] = []
        kind = method["authorizationType"]
        authorizer = self.api.authorizers.get(method.get("authorizerId") or "")
        if kind == "AWS_IAM":
            requirements.append(self._scheme(_SIGNED, _SCHEMES[_SIGNED]))
        elif kind != "NONE" and authorizer is not None:
            scheme = self._authorizer(authorizer)
            requirements.append(self._scheme(authorizer["name"], scheme, method.get("authorizationScopes") or []))
        if method["apiKeyRequired"]:
            requirements.append(self._scheme(_KEYED, _SCHEMES[_KEYED]))
        return requirements

    def _scheme(self, name: str, scheme: Document, scopes: list[str] | None = None) -> Document:
        self.schemes[name] = scheme
        return {name: scopes or []}

    def _authorizer(self, authorizer: Document) -> Document:
        source = (authorizer.get("identitySource") or "").partition(",")[0].strip()
        header = source.removeprefix("method.request.header.")
        named = header if header != source and authorizer["type"] != "REQUEST" else "Unused"
        scheme: Document = {"type": "apiKey", "name": named, "in": "header"}
        scheme[_EXTENSION + "authtype"] = authorizer["authType"]
        if self.wanted.authorizers:
            described = {name: authorizer[name] for name in _AUTHORIZER_MEMBERS if authorizer.get(name) is not None}
            kind = authorizer["type"]
            described["type"] = kind.lower() if kind != "COGNITO_USER_POOLS" else "cognito_user_pools"
            scheme[_EXTENSION + "authorizer"] = described
        return scheme


def _integration(integration: Document, resource_id: str) -> Document:
    """`x-amazon-apigateway-integration`; the keys of its responses are their selection patterns."""
    shown: Document = {"type": integration["type"].lower()}
    shown |= {name: integration[name] for name in _INTEGRATION_MEMBERS if integration.get(name)}
    for member in ("passthroughBehavior",):
        if member in shown:
            shown[member] = shown[member].lower()
    if integration.get("connectionType") == "VPC_LINK":
        shown["connectionType"] = "VPC_LINK"
    if integration.get("cacheNamespace") not in (None, resource_id):
        shown["cacheNamespace"] = integration["cacheNamespace"]
    responses: Document = {}
    for response in (integration.get("integrationResponses") or {}).values():
        pattern = response.get("selectionPattern") or "default"
        responses[pattern] = {name: value for name, value in response.items() if name != "selectionPattern"}
    return {**shown, "responses": responses} if responses else shown


def _is_json(model: Document) -> bool:
    try:
        return isinstance(json.loads(model["schema"]), dict)
    except (ValueError, RecursionError):
        return False


def _place(location: dict[str, str]) -> str:
    return json.dumps(location, sort_keys=True)


def _name_of(validator: Document) -> str:
    """A validator's name; its id where it has none, so that what is imported again validates as before."""
    return str(validator.get("name") or validator["id"])
