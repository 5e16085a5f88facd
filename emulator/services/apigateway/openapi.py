"""OpenAPI 3 and Swagger 2 documents with API Gateway's extensions, as edits of an `Api` (3.16).

Decides what a document means; keeps nothing. What cannot be emulated is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from emulator.services.apigateway.model import (
    GATEWAY_RESPONSE_STATUS,
    HTTP_METHODS,
    Api,
    bad_request,
    check_child,
    child_path,
    lambda_function_of,
)
from emulator.services.apigateway.operations.authorizers import new_authorizer
from emulator.services.apigateway.operations.integrations import (
    check_integration,
    check_integration_response,
    new_integration,
)
from emulator.services.apigateway.operations.methods import check_method, check_method_response
from emulator.settings import LiveSettings

_BAD = "Invalid OpenAPI input."
_INTEGRATION = "x-amazon-apigateway-integration"
_ANY = "x-amazon-apigateway-any-method"
_MAX_DOCUMENT = 6 * 1024 * 1024
_PLACES = {"query": "querystring", "header": "header", "path": "path"}


def parse(body: bytes) -> dict[str, Any]:
    """The document, from JSON or YAML. Raises `Invalid OpenAPI input.` [R:test_import_api_bad_file]."""
    if len(body) > _MAX_DOCUMENT:
        raise bad_request(_BAD)
    try:
        text = body.decode()
        document = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (ValueError, RecursionError):
        raise bad_request(_BAD) from None
    if not isinstance(document, dict) or not ("openapi" in document or "swagger" in document):
        raise bad_request(_BAD)
    if not isinstance(document.get("info"), dict) or not isinstance(document.get("paths", {}), dict):
        raise bad_request(_BAD)
    return document


def _yaml(text: str) -> Any:
    """A YAML document. Raises ValueError."""
    from emulator.services.apigateway.safe_yaml import load  # imported for the first YAML file only

    return load(text)


def api_settings(document: dict[str, Any]) -> dict[str, Any]:
    """What the document says of the API as a whole, as CreateRestApi's members."""
    info = document["info"]
    settings: dict[str, Any] = {"name": str(info.get("title") or "")}
    if info.get("description"):
        settings["description"] = str(info["description"])
    if info.get("version") is not None:
        settings["version"] = str(info["version"])
    binary = document.get("x-amazon-apigateway-binary-media-types")
    if binary is not None:
        if not isinstance(binary, list):
            raise bad_request(_BAD)
        settings["binaryMediaTypes"] = [str(item) for item in binary]
    size = document.get("x-amazon-apigateway-minimum-compression-size")
    if isinstance(size, int):
        settings["minimumCompressionSize"] = size
    if document.get("x-amazon-apigateway-api-key-source"):
        settings["apiKeySource"] = str(document["x-amazon-apigateway-api-key-source"])
    if document.get("x-amazon-apigateway-policy") is not None:
        settings["policy"] = json.dumps(document["x-amazon-apigateway-policy"])
    return settings


def fill(
    api: Api, document: dict[str, Any], new_id: Callable[[int], str], basepath: str, settings: LiveSettings
) -> list[str]:
    """Add everything that the document describes to `api`; a method that exists is replaced whole. Returns warnings."""
    try:
        return _Import(api, document, new_id, settings).run(basepath)
    except (AttributeError, TypeError, KeyError, ValueError, RecursionError):
        raise bad_request(_BAD) from None


class _Import:
    """One import."""

    def __init__(
        self, api: Api, document: dict[str, Any], new_id: Callable[[int], str], settings: LiveSettings
    ) -> None:
        self.api = api
        self.document = document
        self.new_id = new_id
        self.settings = settings
        self.warnings: list[str] = []
        self.swagger = "swagger" in document
        self._authorizers_made: set[str] = set()

    def run(self, basepath: str) -> list[str]:
        self._models()
        self._validators()
        self._gateway_responses()
        prefix = self._base_path() if basepath == "prepend" else ""
        for path, item in (self.document.get("paths") or {}).items():
            resource = self._resource(prefix + str(path))
            shared = item.get("parameters") or []
            for key, operation in item.items():
                method = "ANY" if key == _ANY else str(key).upper()
                if method in HTTP_METHODS and (key == _ANY or str(key).islower()):
                    self._method(resource, method, operation, shared)
        return self.warnings

    def _base_path(self) -> str:
        if self.swagger:
            path = str(self.document.get("basePath") or "")
        else:
            servers = self.document.get("servers") or [{}]
            server = servers[0]
            path = urlsplit(str(server.get("url") or "")).path
            for name, variable in (server.get("variables") or {}).items():
                path = path.replace("{" + name + "}", str(variable.get("default", "")))
        return "" if path.strip("/") == "" else "/" + path.strip("/")

    def _resource(self, path: str) -> dict[str, Any]:
        current = self.api.resources[self.api.settings["rootResourceId"]]
        for part in [piece for piece in path.split("/") if piece]:
            found = next(
                (
                    item
                    for item in self.api.resources.values()
                    if item.get("parentId") == current["id"] and item["pathPart"] == part
                ),
                None,
            )
            if found is None:
                check_child(self.api, current, part)
                found = {
                    "id": self.new_id(6),
                    "parentId": current["id"],
                    "pathPart": part,
                    "path": child_path(current["path"], part),
                }
                self.api.resources[found["id"]] = found
            current = found
        return current

    # ── what methods refer to ──

    def _models(self) -> None:
        components = self.document.get("components") or {}
        schemas = self.document.get("definitions") if self.swagger else components.get("schemas")
        for name, schema in (schemas or {}).items():
            name = str(name)
            old = self.api.models.get(name)
            self.api.models[name] = {
                "id": old["id"] if old else self.new_id(6),
                "name": name,
                **({"description": str(schema["description"])} if schema.get("description") else {}),
                "schema": json.dumps(self._referenced(schema)),
                "contentType": "application/json",
            }

    def _referenced(self, schema: Any) -> Any:
        if isinstance(schema, dict):
            reference = schema.get("$ref")
            if isinstance(reference, str) and reference.startswith(("#/components/schemas/", "#/definitions/")):
                name = reference.rpartition("/")[2]
                return {"$ref": f"https://apigateway.amazonaws.com/restapis/{self.api.id}/models/{name}"}
            return {str(key): self._referenced(value) for key, value in schema.items()}
        if isinstance(schema, list):
            return [self._referenced(item) for item in schema]
        return schema

    def _validators(self) -> None:
        for name, validator in (self.document.get("x-amazon-apigateway-request-validators") or {}).items():
            old = next((item for item in self.api.validators.values() if item.get("name") == name), None)
            validator_id = old["id"] if old else self.new_id(6)
            self.api.validators[validator_id] = {
                "id": validator_id,
                "name": str(name),
                "validateRequestBody": bool(validator.get("validateRequestBody")),
                "validateRequestParameters": bool(validator.get("validateRequestParameters")),
            }

    def _gateway_responses(self) -> None:
        for kind, response in (self.document.get("x-amazon-apigateway-gateway-responses") or {}).items():
            if kind not in GATEWAY_RESPONSE_STATUS:
                raise bad_request(f"Invalid gateway response type specified: {kind}")
            stored: dict[str, Any] = {}
            if response.get("statusCode") is not None:
                stored["statusCode"] = str(response["statusCode"])
            for member in ("responseParameters", "responseTemplates"):
                if response.get(member):
                    stored[member] = {str(key): str(value) for key, value in response[member].items()}
            self.api.gateway_responses[kind] = stored

    # ── methods ──

    def _method(self, resource: dict[str, Any], name: str, operation: dict[str, Any], shared: list[Any]) -> None:
        method: dict[str, Any] = {"httpMethod": name, **self._authorization(operation)}
        if operation.get("operationId"):
            method["operationName"] = str(operation["operationId"])
        validator = operation.get("x-amazon-apigateway-request-validator") or self.document.get(
            "x-amazon-apigateway-request-validator"
        )
        if validator:
            found = next((item for item in self.api.validators.values() if item.get("name") == validator), None)
            if found is None:
                raise bad_request(f"Invalid Request Validator name specified: {validator}")
            method["requestValidatorId"] = found["id"]
        parameters, models = self._parameters([*shared, *(operation.get("parameters") or [])], operation)
        if parameters:
            method["requestParameters"] = parameters
        if models:
            method["requestModels"] = models
        check_method(self.api, method)
        responses = self._method_responses(operation)
        if responses:
            method["methodResponses"] = responses
        extension = operation.get(_INTEGRATION)
        if extension is not None:
            method["methodIntegration"] = self._integration(extension, method, resource)
        resource.setdefault("resourceMethods", {})[name] = method

    def _authorization(self, operation: dict[str, Any]) -> dict[str, Any]:
        components = self.document.get("components") or {}
        schemes = self.document.get("securityDefinitions") if self.swagger else components.get("securitySchemes")
        result: dict[str, Any] = {"authorizationType": "NONE", "apiKeyRequired": False}
        for requirement in operation.get("security", self.document.get("security")) or []:
            for name in requirement:
                scheme = (schemes or {}).get(name) or {}
                if scheme.get("x-amazon-apigateway-authorizer"):
                    made = result["authorizerId"] = self._authorizer(str(name), scheme)
                    pools = self.api.authorizers[made]["type"] == "COGNITO_USER_POOLS"
                    result["authorizationType"] = "COGNITO_USER_POOLS" if pools else "CUSTOM"
                    if requirement[name]:
                        result["authorizationScopes"] = [*requirement[name]]
                    continue
                if scheme.get("x-amazon-apigateway-authtype") == "awsSigv4":
                    result["authorizationType"] = "AWS_IAM"
                elif scheme.get("type") == "apiKey":
                    result["apiKeyRequired"] = True
        return result

    def _authorizer(self, name: str, scheme: dict[str, Any]) -> str:
        """The id of the authorizer that a security scheme describes."""
        old = next((item for item in self.api.authorizers.values() if item["name"] == name), None)
        if old is not None and name in self._authorizers_made:
            return old["id"]
        described: dict[str, Any] = scheme["x-amazon-apigateway-authorizer"]
        kind = str(described.get("type", "")).upper()
        request = {**described, "name": name, "type": kind}
        if kind != "COGNITO_USER_POOLS":
            request["authType"] = "custom"
        if "authorizerResultTtlInSeconds" in request:
            request["authorizerResultTtlInSeconds"] = int(request["authorizerResultTtlInSeconds"])
        if kind in ("TOKEN", "COGNITO_USER_POOLS") and not request.get("identitySource"):
            request["identitySource"] = f"method.request.header.{scheme.get('name')}"
        authorizer_id = old["id"] if old else self.new_id(6)
        self.api.authorizers[authorizer_id] = new_authorizer(request, authorizer_id)
        self._authorizers_made.add(name)
        return authorizer_id

    def _resolve(self, item: Any) -> dict[str, Any]:
        seen = 0
        while isinstance(item, dict) and "$ref" in item and seen < 20:
            target: Any = self.document
            for part in str(item["$ref"]).removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            item, seen = target, seen + 1
        return item

    def _parameters(self, parameters: list[Any], operation: dict[str, Any]) -> tuple[dict[str, bool], dict[str, str]]:
        declared: dict[str, bool] = {}
        models: dict[str, str] = {}
        for item in parameters:
            parameter = self._resolve(item)
            place = parameter.get("in")
            if place in _PLACES:
                declared[f"method.request.{_PLACES[place]}.{parameter['name']}"] = bool(parameter.get("required"))
            elif place == "body":
                model = self._model_of(parameter.get("schema"))
                if model:
                    consumes = operation.get("consumes") or self.document.get("consumes") or ["application/json"]
                    for content_type in consumes:
                        models[str(content_type)] = model
        body = self._resolve(operation.get("requestBody") or {})
        for content_type, media in (body.get("content") or {}).items():
            model = self._model_of(media.get("schema"))
            if model:
                models[str(content_type)] = model
        return declared, models

    def _model_of(self, schema: Any) -> str | None:
        """The model that a schema refers to; an inline schema becomes a model of its own, as on AWS."""
        if not isinstance(schema, dict) or not schema:
            return None
        if "$ref" in schema:
            return str(schema["$ref"]).rpartition("/")[2]
        name = "MODEL" + self.new_id(6)
        self.api.models[name] = {
            "id": self.new_id(6),
            "name": name,
            "schema": json.dumps(self._referenced(schema)),
            "contentType": "application/json",
        }
        return name

    def _method_responses(self, operation: dict[str, Any]) -> dict[str, Any]:
        responses: dict[str, Any] = {}
        for status, item in (operation.get("responses") or {}).items():
            status = str(status)
            if not (len(status) == 3 and status.isdigit()):
                self.warnings.append(f"Response '{status}' is not a status code and was ignored")
                continue
            response = self._resolve(item)
            declared: dict[str, Any] = {"statusCode": status}
            headers = response.get("headers") or {}
            if headers:
                declared["responseParameters"] = {f"method.response.header.{name}": False for name in headers}
            models: dict[str, str] = {}
            if self.swagger:
                model = self._model_of(response.get("schema"))
                if model:
                    produces = operation.get("produces") or self.document.get("produces") or ["application/json"]
                    models = {str(kind): model for kind in produces}
            else:
                for content_type, media in (response.get("content") or {}).items():
                    model = self._model_of((media or {}).get("schema"))
                    if model:
                        models[str(content_type)] = model
            if models:
                declared["responseModels"] = models
            check_method_response(self.api, declared)
            responses[status] = declared
        return responses

    def _integration(
        self, extension: dict[str, Any], method: dict[str, Any], resource: dict[str, Any]
    ) -> dict[str, Any]:
        kind = str(extension.get("type", "")).upper()
        if kind not in ("HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS"):
            raise bad_request(f"Invalid integration type specified: {extension.get('type')}")
        request: dict[str, Any] = {**extension, "type": kind}
        if extension.get("httpMethod"):
            request["integrationHttpMethod"] = str(extension["httpMethod"]).upper()
        for member in ("passthroughBehavior", "contentHandling"):
            if extension.get(member):
                request[member] = str(extension[member]).upper()
        for member in ("requestParameters", "requestTemplates"):
            if extension.get(member):
                request[member] = {str(key): _text(value) for key, value in extension[member].items()}
        if kind == "AWS_PROXY" and not lambda_function_of(str(extension.get("uri") or "")):
            request["uri"] = str(extension.get("uri") or "")
        integration = new_integration(request, resource["id"])
        check_integration(integration, method, resource["path"], self.settings, "ImportRestApi")
        responses: dict[str, Any] = {}
        for pattern, item in (extension.get("responses") or {}).items():
            status = str(item["statusCode"])
            response: dict[str, Any] = {"statusCode": status}
            if pattern != "default":
                response["selectionPattern"] = str(pattern)
            for member in ("responseParameters", "responseTemplates"):
                if item.get(member):
                    response[member] = {str(key): _text(value) for key, value in item[member].items()}
            if item.get("contentHandling"):
                response["contentHandling"] = str(item["contentHandling"]).upper()
            check_integration_response(response, method)
            responses[status] = response
        if responses:
            integration["integrationResponses"] = responses
        return integration


def _text(value: Any) -> str:
    """Templates and mappings are text; a template written as an object stands for its JSON."""
    return value if isinstance(value, str) else json.dumps(value)
