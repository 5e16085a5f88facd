"""OpenAPI 3 documents with API Gateway's extensions, as requests that build an HTTP API, and an API as a document.

Decides what a document means; keeps nothing. Source: AWS, http-api-open-api and the extensions' pages.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from emulator.aws.errors import AwsError
from emulator.services.apigateway.model import bad_request
from emulator.services.apigatewayv2.model import DEFAULT, METHODS, Api, Document, integration_id_of

_EXTENSION = "x-amazon-apigateway-"
_ANY = _EXTENSION + "any-method"
_INTEGRATION_MEMBERS = {
    "connectionId": "ConnectionId",
    "connectionType": "ConnectionType",
    "credentials": "CredentialsArn",
    "description": "Description",
    "httpMethod": "IntegrationMethod",
    "integrationSubtype": "IntegrationSubtype",
    "payloadFormatVersion": "PayloadFormatVersion",
    "requestParameters": "RequestParameters",
    "responseParameters": "ResponseParameters",
    "timeoutInMillis": "TimeoutInMillis",
    "type": "IntegrationType",
    "uri": "IntegrationUri",
}
_CORS_MEMBERS = {
    "allowCredentials": "AllowCredentials",
    "allowHeaders": "AllowHeaders",
    "allowMethods": "AllowMethods",
    "allowOrigins": "AllowOrigins",
    "exposeHeaders": "ExposeHeaders",
    "maxAge": "MaxAge",
}
_AUTHORIZER_MEMBERS = {
    "authorizerCredentials": "AuthorizerCredentialsArn",
    "authorizerPayloadFormatVersion": "AuthorizerPayloadFormatVersion",
    "authorizerResultTtlInSeconds": "AuthorizerResultTtlInSeconds",
    "authorizerUri": "AuthorizerUri",
    "enableSimpleResponses": "EnableSimpleResponses",
}
_NUMBERS = {"TimeoutInMillis": (50, 30_000), "MaxAge": (-1, 86_400), "AuthorizerResultTtlInSeconds": (0, 3600)}
"""Members that are numbers, and the model's limits of them."""
_LISTS = ("AllowHeaders", "AllowMethods", "AllowOrigins", "ExposeHeaders")
_FLAGS = ("AllowCredentials", "EnableSimpleResponses")


@dataclass(slots=True)
class WantedRoute:
    """CreateRoute's members, with the integration and the authorizer's name that a document gives it."""

    members: Document
    integration: Document | None
    authorizer: str | None


@dataclass(slots=True)
class Definition:
    """What a document asks for."""

    settings: Document
    cors: Document | None
    authorizers: dict[str, Document]
    routes: list[WantedRoute] = field(default_factory=list[WantedRoute])
    warnings: list[str] = field(default_factory=list[str])


def read(document: Document, basepath: str) -> Definition:
    """What a document asks for. Raises AWS's 400 for what is no OpenAPI 3."""
    if not str(document.get("openapi", "")).startswith("3.0"):
        raise bad_request("Invalid OpenAPI input: only OpenAPI 3.0 is supported for HTTP APIs")
    if basepath not in ("ignore", "prepend", "split"):
        raise bad_request("Invalid basepath specified. Valid values are ignore, prepend, split")
    info = document["info"]
    settings = {"Name": str(info.get("title") or ""), "Tags": _tags(document)}
    if not settings["Name"]:
        raise bad_request("Unable to import API: info.title is required")
    settings.update({key.title(): str(info[key]) for key in ("description", "version") if info.get(key) is not None})
    cors = document.get(_EXTENSION + "cors")
    definition = Definition(settings, None if cors is None else _renamed(cors, _CORS_MEMBERS), _authorizers(document))
    prefix = _prefix(document, basepath)
    for path, item in (document.get("paths") or {}).items():
        for name, operation in _object(item, f"path {path}").items():
            method = "ANY" if name == _ANY else name.upper()
            if method not in METHODS:
                if not name.startswith("x-") and name not in ("parameters", "summary", "description", "servers"):
                    definition.warnings.append(f"Unsupported method '{name}' of path '{path}' is ignored")
                continue
            key = DEFAULT if path in (DEFAULT, f"/{DEFAULT}") else f"{method} {prefix}{path}"
            definition.routes.append(_route(document, key, _object(operation, key), definition))
    return definition


def _route(document: Document, key: str, operation: Document, definition: Definition) -> WantedRoute:
    members: Document = {"RouteKey": key}
    if operation.get("operationId") is not None:
        members["OperationName"] = str(operation["operationId"])
    given = operation.get(_EXTENSION + "integration")
    integration = None if given is None else _integration(document, _object(given, f"integration of {key}"))
    if integration is None:
        definition.warnings.append(f"No integration defined for route '{key}'")
    security = operation.get("security", document.get("security"))
    authorizer = None
    if isinstance(security, list) and security and isinstance(security[0], dict) and security[0]:
        name, scopes = next(iter(security[0].items()))
        schemes = _component(document, "securitySchemes")
        if name == "NONE" and name not in schemes:  # what SAM writes for a route without authorizer
            return WantedRoute(members, integration, None)
        scheme = _object(schemes.get(name), f"security scheme {name}")
        if scheme.get(_EXTENSION + "authtype") == "awsSigv4":
            members["AuthorizationType"] = "AWS_IAM"
        elif name in definition.authorizers:
            authorizer = str(name)
            is_jwt = definition.authorizers[name]["AuthorizerType"] == "JWT"
            members["AuthorizationType"] = "JWT" if is_jwt else "CUSTOM"
            if is_jwt and scopes:
                members["AuthorizationScopes"] = _texts(scopes, f"security of {key}")
        else:
            definition.warnings.append(f"Security scheme '{name}' has no authorizer and is ignored for '{key}'")
    return WantedRoute(members, integration, authorizer)


def _integration(document: Document, given: Document) -> Document:
    reference = given.get("$ref")
    if isinstance(reference, str):
        prefix = f"#/components/{_EXTENSION}integrations/"
        shared = _component(document, _EXTENSION + "integrations")
        if not reference.startswith(prefix) or reference.removeprefix(prefix) not in shared:
            raise bad_request(f"Unable to resolve reference {reference}")
        given = _object(shared[reference.removeprefix(prefix)], reference)
    members = _renamed(given, _INTEGRATION_MEMBERS)
    members["IntegrationType"] = str(members.get("IntegrationType", "")).upper()
    if isinstance(given.get("tlsConfig"), dict):
        members["TlsConfig"] = {"ServerNameToVerify": str(given["tlsConfig"].get("serverNameToVerify", ""))}
    for name in ("RequestParameters", "ResponseParameters"):
        if name in members:
            members[name] = _object(members[name], name)
    if "RequestParameters" in members:
        members["RequestParameters"] = {key: str(value) for key, value in members["RequestParameters"].items()}
    if "ResponseParameters" in members:
        members["ResponseParameters"] = {
            status: {key: str(value) for key, value in _object(values, "responseParameters").items()}
            for status, values in members["ResponseParameters"].items()
        }
    members.setdefault("PayloadFormatVersion", "1.0")
    return members


def _authorizers(document: Document) -> dict[str, Document]:
    found: dict[str, Document] = {}
    for name, scheme in _component(document, "securitySchemes").items():
        given = scheme.get(_EXTENSION + "authorizer") if isinstance(scheme, dict) else None
        if given is None:
            continue
        given = _object(given, f"authorizer {name}")
        sources = given.get("identitySource") or []
        members: Document = {
            "Name": str(name),
            "IdentitySource": _texts(sources.split(",") if isinstance(sources, str) else sources, "identitySource"),
            **_renamed(given, _AUTHORIZER_MEMBERS),
        }
        if str(given.get("type", "")).lower() == "jwt":
            jwt = _object(given.get("jwtConfiguration"), f"jwtConfiguration of {name}")
            audience = jwt.get("audience") or []
            members["AuthorizerType"] = "JWT"
            members["JwtConfiguration"] = {
                "Audience": _texts(audience if isinstance(audience, list) else [audience], "audience"),
                "Issuer": str(jwt.get("issuer") or ""),
            }
        else:
            members["AuthorizerType"] = "REQUEST"
        found[str(name)] = members
    return found


def _tags(document: Document) -> dict[str, str]:
    value = _EXTENSION + "tag-value"
    tags = document.get("tags") or []
    if not isinstance(tags, list):
        raise _invalid("tags")
    return {
        str(tag["name"]): str(tag[value]) for tag in tags if isinstance(tag, dict) and value in tag and "name" in tag
    }


def _prefix(document: Document, basepath: str) -> str:
    servers = document.get("servers") or []
    if basepath == "ignore" or not isinstance(servers, list) or not servers:
        return ""
    server = _object(servers[0], "servers")
    url = str(server.get("url") or "")
    for name, variable in _object(server.get("variables") or {}, "server variables").items():
        url = url.replace("{" + name + "}", str(_object(variable, name).get("default", "")).strip("/"))
    try:
        path = urlsplit(url).path.rstrip("/")
    except ValueError:
        raise _invalid("servers") from None
    if basepath == "split":
        path = "/" + path.lstrip("/").partition("/")[2]
    return path.rstrip("/")


def _renamed(given: Any, names: dict[str, str]) -> Document:
    members = {names[key]: value for key, value in _object(given, "extension").items() if key in names}
    for name in members.keys() & set(_NUMBERS):
        value = members[name]
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 10:
            members[name] = int(value)
        elif isinstance(value, bool) or not isinstance(value, int):
            raise _invalid(name)
        low, high = _NUMBERS[name]
        if not low <= members[name] <= high:
            raise bad_request(f"{name} should be between {low} and {high}")
    for name in _LISTS:
        if name in members:
            values = members[name] if isinstance(members[name], list) else [members[name]]
            members[name] = [str(value) for value in values]
    for name, value in members.items():
        if name in _NUMBERS or name in _LISTS or name in ("RequestParameters", "ResponseParameters"):
            continue
        if name in _FLAGS:
            members[name] = str(value).lower() == "true"
        elif isinstance(value, (str, float, int)):
            members[name] = str(value)  # YAML reads an unquoted payloadFormatVersion: 2.0 as a number
        else:
            raise _invalid(name)
    return members


def _texts(values: Any, what: str) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _invalid(what)
    return [str(value).strip() for value in values]


def _component(document: Document, name: str) -> Document:
    components = _object(document.get("components") or {}, "components")
    return _object(components.get(name) or {}, name)


def _object(value: Any, what: str) -> Document:
    if not isinstance(value, dict):
        raise _invalid(what)
    return {str(key): item for key, item in value.items()}


def _invalid(what: str) -> AwsError:
    return bad_request(f"Invalid OpenAPI input: {what}")


# ── export ──────────────────────────────────────────────────────────────────────────────────────


def write(api: Api, url: str, stage: str | None, extensions: bool) -> Document:
    """The document of an API (layout after AWS's exports, unverified in detail)."""
    settings = api.settings
    info: Document = {"title": settings["Name"]}
    if settings.get("Description"):
        info["description"] = settings["Description"]
    info["version"] = settings.get("Version", "1.0")
    document: Document = {"openapi": "3.0.1", "info": info, "servers": [_server(url, stage)]}
    if settings["Tags"] and extensions:
        tags = settings["Tags"].items()
        document["tags"] = [{"name": name, _EXTENSION + "tag-value": value} for name, value in tags]
    paths: Document = {}
    for route in sorted(api.routes.values(), key=lambda item: item["RouteKey"]):
        method, _, path = route["RouteKey"].partition(" ")
        is_default = route["RouteKey"] == DEFAULT
        operation = _written_operation(api, path or f"/{DEFAULT}", route, extensions)
        if is_default:
            operation["isDefaultRoute"] = True
        name = _ANY if is_default or method == "ANY" else method.lower()
        paths.setdefault(path or f"/{DEFAULT}", {})[name] = operation
    document["paths"] = paths
    if api.authorizers:
        document["components"] = {"securitySchemes": {item["Name"]: _scheme(item) for item in api.authorizers.values()}}
    if extensions:
        cors = settings.get("CorsConfiguration")
        if cors:
            document[_EXTENSION + "cors"] = _back(cors, _CORS_MEMBERS)
        document[_EXTENSION + "importexport-version"] = "1.0"
    return document


def _server(url: str, stage: str | None) -> Document:
    if stage in (None, DEFAULT):
        return {"url": url}
    return {"url": url + "/{basePath}", "variables": {"basePath": {"default": stage}}}


def _written_operation(api: Api, path: str, route: Document, extensions: bool) -> Document:
    operation: Document = {}
    if route.get("OperationName"):
        operation["operationId"] = route["OperationName"]
    names = [part.strip("{}+") for part in path.split("/") if part.startswith("{")]
    if names:
        operation["parameters"] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in names
        ]
    operation["responses"] = {"default": {"description": f"Default response for {route['RouteKey']}"}}
    authorizer = api.authorizers.get(route.get("AuthorizerId", ""))
    if authorizer is not None:
        operation["security"] = [{authorizer["Name"]: route.get("AuthorizationScopes", [])}]
    integration = api.integrations.get(integration_id_of(route.get("Target")) or "")
    if integration is not None and extensions:
        operation[_EXTENSION + "integration"] = {
            **_back(integration, _INTEGRATION_MEMBERS),
            **(
                {"tlsConfig": {"serverNameToVerify": integration["TlsConfig"].get("ServerNameToVerify")}}
                if integration.get("TlsConfig")
                else {}
            ),
        }
    return operation


def _scheme(authorizer: Document) -> Document:
    extension: Document = {"identitySource": ",".join(authorizer["IdentitySource"])}
    if authorizer["AuthorizerType"] == "JWT":
        jwt = authorizer["JwtConfiguration"]
        extension["jwtConfiguration"] = {"audience": jwt["Audience"], "issuer": jwt["Issuer"]}
        return {"type": "oauth2", "flows": {}, _EXTENSION + "authorizer": {**extension, "type": "jwt"}}
    extension.update(_back(authorizer, _AUTHORIZER_MEMBERS))
    scheme = {"type": "apiKey", "name": "Unused", "in": "header"}
    return {**scheme, _EXTENSION + "authorizer": {**extension, "type": "request"}}


def _back(members: Document, names: dict[str, str]) -> Document:
    written = {name: members[member] for name, member in names.items() if members.get(member) is not None}
    if "type" in written:
        written["type"] = str(written["type"]).lower()
    return written
