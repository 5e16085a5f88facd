"""OpenAPI 3 and Swagger 2 documents with API Gateway's extensions, as edits of an `Api` (3.16).

Decides what a document means; keeps nothing. `openapi_export.py` is the way back. What cannot be emulated is refused
by name; extensions that AWS has for HTTP APIs only (`-cors`, `-importexport-version`, `-tag-value`) say nothing here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from emulator.aws.errors import AwsError
from emulator.services.apigateway import documentation, expressions
from emulator.services.apigateway.model import (
    GATEWAY_RESPONSE_STATUS,
    HTTP_METHODS,
    Api,
    bad_request,
    check_child,
    child_path,
    children,
    is_model_name,
    is_status,
    is_variable,
    lambda_function_of,
)
from emulator.services.apigateway.operations.authorizers import new_authorizer
from emulator.services.apigateway.operations.integrations import (
    check_integration,
    check_integration_response,
    new_integration,
)
from emulator.services.apigateway.operations.methods import check_method, check_method_response
from emulator.services.apigateway.quotas import check_room
from emulator.settings import LiveSettings

EXTENSION = "x-amazon-apigateway-"
_BAD = "Invalid OpenAPI input."
_INTEGRATION = EXTENSION + "integration"
_ANY = EXTENSION + "any-method"
_MAX_DOCUMENT = 6 * 1024 * 1024
_FULL = "LimitExceededException"
"""Ends an import at once: a file of 100,000 paths is not read to its end, while everybody waits."""
_OPENAPI = re.compile(r"3\.0(\.\d+)?")
_PLACES = {"query": "querystring", "header": "header", "path": "path"}
_TYPES = ("HTTP", "MOCK", "AWS_PROXY", "HTTP_PROXY", "AWS")
_SEVERAL_SERVERS = "More than one server provided. Ignoring all but the first one for defining endpoint configuration"
"""As users quote it."""


def parse(body: bytes) -> dict[str, Any]:
    """The document, from JSON or YAML. Raises `Invalid OpenAPI input.` [R:test_import_api_bad_file]."""
    if len(body) > _MAX_DOCUMENT:
        raise bad_request(_BAD)
    try:
        text = body.decode()
        document = json.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (ValueError, RecursionError):
        raise bad_request(_BAD) from None
    if not isinstance(document, dict) or not _has_known_version(document):
        raise bad_request(_BAD)
    if not isinstance(document.get("info"), dict) or not isinstance(document.get("paths", {}), dict):
        raise bad_request(_BAD)
    return document


def _has_known_version(document: dict[str, Any]) -> bool:
    """Swagger 2.0 or OpenAPI 3.0 [D: api-gateway-import-api]; of 3.1 users quote `Invalid OpenAPI input.`."""
    if "openapi" in document:
        return _OPENAPI.fullmatch(str(document["openapi"])) is not None
    return str(document.get("swagger")) == "2.0"  # a number, if YAML has no quotes around it


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
    binary = document.get(EXTENSION + "binary-media-types")
    if binary is not None:
        if not isinstance(binary, list):
            raise bad_request(_BAD)
        settings["binaryMediaTypes"] = [str(item) for item in binary]
    size = document.get(EXTENSION + "minimum-compression-size")
    if isinstance(size, int):
        settings["minimumCompressionSize"] = size
    for name, member in (
        ("api-key-source", "apiKeySource"),
        ("security-policy", "securityPolicy"),
        ("endpoint-access-mode", "endpointAccessMode"),
    ):
        if document.get(EXTENSION + name):
            settings[member] = str(document[EXTENSION + name])
    if document.get(EXTENSION + "policy") is not None:
        settings["policy"] = json.dumps(document[EXTENSION + "policy"])
    endpoint = document.get(EXTENSION + "endpoint-configuration")
    server = _server(document)
    if endpoint is None and isinstance(server, dict):
        endpoint = server.get(EXTENSION + "endpoint-configuration")
    if isinstance(endpoint, dict):
        if isinstance(endpoint.get("disableExecuteApiEndpoint"), bool):
            settings["disableExecuteApiEndpoint"] = endpoint["disableExecuteApiEndpoint"]
        if isinstance(endpoint.get("vpcEndpointIds"), list):
            settings["endpointConfiguration"] = {"vpcEndpointIds": [str(item) for item in endpoint["vpcEndpointIds"]]}
        for member in ("types", "ipAddressType"):
            if endpoint.get(member):
                settings.setdefault("endpointConfiguration", {})[member] = endpoint[member]
    return settings


def documentation_parts(document: dict[str, Any]) -> list[dict[str, Any]] | None:
    """The documentation parts that the document brings, without ids; None if it brings none."""
    held = document.get(EXTENSION + "documentation")
    return documentation.parts_of(held) if isinstance(held, dict) else None


def _server(document: dict[str, Any]) -> Any:
    servers = document.get("servers")
    return servers[0] if isinstance(servers, list) and servers else None


def fill(
    api: Api, document: dict[str, Any], new_id: Callable[[int], str], basepath: str, settings: LiveSettings
) -> list[str]:
    """Add everything that the document describes to `api`; a method that exists is replaced whole. Returns warnings.

    Raises AWS's error with everything that is wrong with the document.
    """
    try:
        return _Import(api, document, new_id, settings).run(basepath)
    except (AttributeError, TypeError, KeyError, ValueError, IndexError, RecursionError):
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
        self.errors: list[str] = []
        self.swagger = "swagger" in document
        components = document.get("components") or {}
        self.schemes: dict[str, Any] = (
            document.get("securityDefinitions") if self.swagger else components.get("securitySchemes")
        ) or {}
        self.schemas: dict[str, Any] = (
            document.get("definitions") if self.swagger else components.get("schemas")
        ) or {}
        self._children = {parent: {item["pathPart"]: item for item in below} for parent, below in children(api).items()}

    def run(self, basepath: str) -> list[str]:
        if len(self.document.get("servers") or []) > 1:
            self.warnings.append(_SEVERAL_SERVERS)
        self._models()
        self._validators()
        self._gateway_responses()
        self._authorizers()
        prefix = self._prefix(basepath)
        for path, item in (self.document.get("paths") or {}).items():
            full = prefix + "/" + str(path).strip("/")
            with self._blaming(f"Unable to create resource at path '{full}': "):
                self._path(self._resource(full), item or {})
        if self.errors:
            text = "Errors found during import:\n\t" + "\n\t".join(self.errors)
            if self.warnings:
                text += "\nAdditionally, the following warnings were found:\n\t" + "\n\t".join(self.warnings)
            raise bad_request(text)
        return self.warnings

    @contextmanager
    def _blaming(self, where: str) -> Generator[None]:
        """Note an error of AWS's with what it is about, and go on with the rest of the document."""
        try:
            yield
        except AwsError as error:
            if error.code == _FULL:
                raise
            self.errors.append(where + error.message)

    def _path(self, resource: dict[str, Any], item: dict[str, Any]) -> None:
        shared = item.get("parameters") or []
        for key, operation in item.items():
            method = "ANY" if key == _ANY else str(key).upper()
            if method in HTTP_METHODS and (key == _ANY or (str(key).islower() and key != "any")):
                with self._blaming(f"Unable to put method '{method}' on resource at path '{resource['path']}': "):
                    self._method(resource, method, operation, shared)

    def _prefix(self, basepath: str) -> str:
        """What stands before every path: `split` leaves out the first part of the base path (AWS)."""
        parts = [part for part in self._base_path().split("/") if part]
        if basepath == "prepend":
            return "".join(f"/{part}" for part in parts)
        return "".join(f"/{part}" for part in parts[1:]) if basepath == "split" else ""

    def _base_path(self) -> str:
        """`basePath`; in OpenAPI 3 the first server's variable of that name, else the path of its URL (AWS)."""
        if self.swagger:
            return str(self.document.get("basePath") or "")
        server = _server(self.document) or {}
        variables = server.get("variables") or {}
        if "basePath" in variables:
            return str(variables["basePath"].get("default", ""))
        path = urlsplit(str(server.get("url") or "")).path
        for name, variable in variables.items():
            path = path.replace("{" + name + "}", str(variable.get("default", "")))
        return path

    def _resource(self, path: str) -> dict[str, Any]:
        current = self.api.resources[self.api.settings["rootResourceId"]]
        for part in [piece for piece in path.split("/") if piece]:
            below = self._children.setdefault(current["id"], {})
            found = below.get(part)
            if found is None:
                check_room(len(self.api.resources), self.settings.api_resources, "resources")
                variables = (item for name, item in below.items() if is_variable(name))
                check_child(current, part, variables if is_variable(part) else ())
                found = {
                    "id": self.new_id(6),
                    "parentId": current["id"],
                    "pathPart": part,
                    "path": child_path(current["path"], part),
                }
                self.api.resources[found["id"]] = below[part] = found
            current = found
        return current

    # ── what methods refer to ──

    def _models(self) -> None:
        for name, schema in self.schemas.items():
            name = str(name)
            if not is_model_name(name):
                self.errors.append(f"Unable to create model '{name}': Model name must be alphanumeric: {name}")
                continue
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
        for name, validator in (self.document.get(EXTENSION + "request-validators") or {}).items():
            old = next((item for item in self.api.validators.values() if item.get("name") == name), None)
            validator_id = old["id"] if old else self.new_id(6)
            self.api.validators[validator_id] = {
                "id": validator_id,
                "name": str(name),
                "validateRequestBody": bool(validator.get("validateRequestBody")),
                "validateRequestParameters": bool(validator.get("validateRequestParameters")),
            }

    def _gateway_responses(self) -> None:
        for kind, response in (self.document.get(EXTENSION + "gateway-responses") or {}).items():
            if kind not in GATEWAY_RESPONSE_STATUS:
                self.errors.append(f"Invalid gateway response type specified: {kind}")
                continue
            stored: dict[str, Any] = {}
            if response.get("statusCode") is not None:
                stored["statusCode"] = str(response["statusCode"])
                if not is_status(stored["statusCode"]):  # the text is unverified
                    self.errors.append(f"Invalid status code: {stored['statusCode']}")
            for member in ("responseParameters", "responseTemplates"):
                if response.get(member):
                    stored[member] = {str(key): str(value) for key, value in response[member].items()}
            problems = map(expressions.gateway_response_problem, stored.get("responseParameters", {}))
            self.errors.extend(problem for problem in problems if problem)
            self.api.gateway_responses[kind] = stored

    def _authorizers(self) -> None:
        """Every scheme with an authorizer becomes one, used or not [R:test_import_swagger_api]."""
        for name, scheme in self.schemes.items():
            described = scheme.get(EXTENSION + "authorizer") if isinstance(scheme, dict) else None
            if isinstance(described, dict):
                with self._blaming(f"Unable to create authorizer '{name}': "):
                    self._authorizer(str(name), scheme, described)

    def _authorizer(self, name: str, scheme: dict[str, Any], described: dict[str, Any]) -> None:
        old = self._authorizer_named(name)
        kind = str(described.get("type", "")).upper()
        request = {**described, "name": name, "type": kind, "authType": scheme.get(EXTENSION + "authtype")}
        if described.get("authorizerResultTtlInSeconds") is not None:
            request["authorizerResultTtlInSeconds"] = int(described["authorizerResultTtlInSeconds"])
        if kind != "REQUEST" and not request.get("identitySource"):
            request["identitySource"] = f"method.request.header.{scheme.get('name')}"
        authorizer_id = old["id"] if old else self.new_id(6)
        self.api.authorizers[authorizer_id] = new_authorizer(request, authorizer_id)

    def _authorizer_named(self, name: str) -> dict[str, Any] | None:
        return next((item for item in self.api.authorizers.values() if item["name"] == name), None)

    # ── methods ──

    def _method(self, resource: dict[str, Any], name: str, operation: dict[str, Any], shared: list[Any]) -> None:
        method: dict[str, Any] = {"httpMethod": name, **self._authorization(operation)}
        if operation.get("operationId"):
            method["operationName"] = str(operation["operationId"])
        validator = operation.get(EXTENSION + "request-validator") or self.document.get(EXTENSION + "request-validator")
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
            with self._blaming(f"Unable to put integration on '{name}' for resource at path '{resource['path']}': "):
                method["methodIntegration"] = self._integration(extension, method, resource)
        resource.setdefault("resourceMethods", {})[name] = method

    def _authorization(self, operation: dict[str, Any]) -> dict[str, Any]:
        """What the requirements of a method mean; `x-amazon-apigateway-auth` says so of a method or of them all."""
        result: dict[str, Any] = {"authorizationType": "NONE", "apiKeyRequired": False}
        own = (operation.get(EXTENSION + "auth") or self.document.get(EXTENSION + "auth") or {}).get("type")
        for requirement in operation.get("security", self.document.get("security")) or []:
            for name, scopes in requirement.items():
                if name not in self.schemes:  # the method is then open: better said than found out; the text is ours
                    self.warnings.append(f"Security scheme '{name}' is not defined. Ignoring.")
                scheme = self.schemes.get(name) or {}
                authorizer = self._authorizer_named(str(name))
                if scheme.get(EXTENSION + "authorizer") and authorizer is not None:
                    pools = authorizer["type"] == "COGNITO_USER_POOLS"
                    result["authorizationType"] = "COGNITO_USER_POOLS" if pools else "CUSTOM"
                    result["authorizerId"] = authorizer["id"]
                    if scopes:
                        result["authorizationScopes"] = [str(scope) for scope in scopes]
                elif scheme.get(EXTENSION + "authtype") == "awsSigv4":
                    result["authorizationType"] = "AWS_IAM"
                elif scheme.get("type") == "apiKey":
                    result["apiKeyRequired"] = True
        if own is not None:
            if str(own).upper() not in ("NONE", "AWS_IAM"):
                raise bad_request(f"Invalid authorization type specified: {own}. Valid options are NONE, AWS_IAM")
            result = {"authorizationType": str(own).upper(), "apiKeyRequired": result["apiKeyRequired"]}
        return result

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
            else:
                # API Gateway has no such parameters (AWS, known issues); text unverified.
                self.warnings.append(f"Parameter '{parameter.get('name')}' in '{place}' is not supported. Ignoring.")
        body = self._resolve(operation.get("requestBody") or {})
        for content_type, media in (body.get("content") or {}).items():
            model = self._model_of((media or {}).get("schema"))
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
                self.warnings.append(f"Response '{status}' is not a status code and was ignored")  # unverified
                continue
            response = self._resolve(item) or {}
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
        if kind not in _TYPES:
            raise bad_request(f"Invalid integration type specified: {extension.get('type')}")
        request: dict[str, Any] = {**extension, "type": kind}
        if kind == "MOCK":
            request.pop("uri", None)
        elif extension.get("httpMethod"):
            request["integrationHttpMethod"] = str(extension["httpMethod"]).upper()
        for member in ("passthroughBehavior", "contentHandling", "connectionType", "responseTransferMode"):
            if extension.get(member):
                request[member] = str(extension[member]).upper()
        if extension.get("requestParameters"):
            request["requestParameters"] = self._mappings(extension["requestParameters"], method, resource)
        if extension.get("requestTemplates"):
            request["requestTemplates"] = {
                str(key): _text(value) for key, value in extension["requestTemplates"].items()
            }
        if extension.get("timeoutInMillis") is not None:
            request["timeoutInMillis"] = int(extension["timeoutInMillis"])
        if kind == "AWS_PROXY" and not lambda_function_of(str(extension.get("uri") or "")):
            request["uri"] = str(extension.get("uri") or "")
        integration = new_integration(request, resource["id"])
        check_integration(integration, method, resource["path"], self.settings, "ImportRestApi")
        responses: dict[str, Any] = {}
        where = f"'{method['httpMethod']}' for resource at path '{resource['path']}'"
        for pattern, item in (extension.get("responses") or {}).items():
            with self._blaming(f"Unable to put integration response on {where}: "):
                response = _integration_response(str(pattern), item)
                check_integration_response(response, method)
                responses[response["statusCode"]] = response
        if responses:
            integration["integrationResponses"] = responses
        return integration

    def _mappings(self, given: dict[str, Any], method: dict[str, Any], resource: dict[str, Any]) -> dict[str, str]:
        """Parameter mappings; one that is no text is left out with AWS's warning [R:…base_path_oas30, recorded]."""
        mappings: dict[str, str] = {}
        for target, source in given.items():
            if isinstance(source, str):
                mappings[str(target)] = source
                continue
            self.warnings.append(
                f"Invalid format for 'requestParameters'. Expected type string for property '{target}' of resource "
                f"'{resource['path']}' and method '{method['httpMethod']}' but got '{json.dumps(source)}'"
            )
        return mappings


def _integration_response(pattern: str, item: dict[str, Any]) -> dict[str, Any]:
    """An integration response; its key in the document is the selection pattern."""
    response: dict[str, Any] = {"statusCode": str(item["statusCode"])}
    if pattern != "default":
        response["selectionPattern"] = pattern
    if item.get("responseParameters"):
        response["responseParameters"] = {str(key): _text(value) for key, value in item["responseParameters"].items()}
    if item.get("responseTemplates"):
        # An empty template is none, as one that is put; exports write it as null.
        templates = item["responseTemplates"].items()
        response["responseTemplates"] = {str(key): _text(value) or None for key, value in templates}
    if item.get("contentHandling"):
        response["contentHandling"] = str(item["contentHandling"]).upper()
    return response


def _text(value: Any) -> str:
    """Templates and mappings are text; a template written as an object stands for its JSON, null for nothing."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)
