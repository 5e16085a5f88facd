"""What AWS accepts of a WebSocket API: settings, routes, integrations and their responses. Pure.

Sources: AWS, websocket-api-develop-routes, websocket-api-data-mapping, apigateway-websocket-api-selection-expressions.
Texts of errors are unverified, but for the one about `$connect`.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from emulator.services.apigateway.model import bad_request, conflict
from emulator.services.apigateway.model import lambda_function_of as rest_function_of
from emulator.services.apigatewayv2.model import (
    DEFAULT,
    LONGEST_ROUTE_KEY,
    WEBSOCKET,
    Api,
    Document,
    given_tags,
    lambda_function_of,
)

CONNECT, DISCONNECT = "$connect", "$disconnect"
KINDS = ("AWS", "AWS_PROXY", "HTTP", "HTTP_PROXY", "MOCK")
LONGEST_TIMEOUT_MILLISECONDS = 29_000
BY_FUNCTION_ERROR = "${integration.response.body.errorMessage}"
BY_STATUS = "${integration.response.statuscode}"

_SETTINGS = ("ApiKeySelectionExpression", "Description", "DisableExecuteApiEndpoint", "DisableSchemaValidation")
_MORE_SETTINGS = ("IpAddressType", "Name", "RouteSelectionExpression", "Version")
_HTTP_ONLY = ("CorsConfiguration", "CredentialsArn", "RouteKey", "Target")
_API_KEY_EXPRESSIONS = ("$request.header.x-api-key", "$context.authorizer.usageIdentifierKey")
_ROUTE_EXPRESSION = re.compile(
    r"(?:[^$\\]|\\\$|\$\{request\.body(?:\.[^}]+)?\}|\$request\.body(?:\.[A-Za-z0-9_.\-\[\]]+)?)+"
)
_PARAMETER = re.compile(
    r"route\.request\.(querystring|header|multivaluequerystring|multivalueheader)\.[A-Za-z0-9._$\-]+"
)
_TARGET = re.compile(
    r"integration\.request\.(querystring|header|path|multivaluequerystring|multivalueheader)\.[A-Za-z0-9._$\-]+"
)
_SOURCE = re.compile(
    r"'[^']*'|route\.request\.(?:querystring|header|multivaluequerystring|multivalueheader)\.[A-Za-z0-9._$\-]+"
    r"|route\.request\.body(?:[.\[].+)?|stageVariables\.[A-Za-z0-9_]+|context\.[A-Za-z0-9_.\-]+"
)
_IDENTITY = re.compile(
    r"route\.request\.(?:querystring|header)\.[A-Za-z0-9._$\-]+|stageVariables\.[A-Za-z0-9_]+|context\.[A-Za-z0-9_.\-]+"
)


def check_is_http(api: Api, operation: str) -> None:
    """Raise AWS's 400 for what only HTTP APIs have."""
    if api.is_websocket:
        raise bad_request(f"{operation} is not supported for WEBSOCKET APIs")


def check_is_websocket(api: Api) -> None:
    """Raise AWS's 400 for what only WebSocket APIs have."""
    if not api.is_websocket:
        raise bad_request("This operation is only supported for WEBSOCKET APIs")


# ── the API ──


def websocket_settings(now: float, request: Document) -> Document:
    """The settings of a new API."""
    if not request.get("RouteSelectionExpression"):
        raise bad_request("RouteSelectionExpression is required for WEBSOCKET APIs")
    settings: Document = {
        "ApiKeySelectionExpression": _API_KEY_EXPRESSIONS[0],
        "CreatedDate": float(int(now)),
        "DisableExecuteApiEndpoint": False,
        "DisableSchemaValidation": False,
        "IpAddressType": "ipv4",
        "ProtocolType": WEBSOCKET,
        "Tags": given_tags(request),
    }
    return changed_websocket_settings(settings, request)


def changed_websocket_settings(settings: Document, request: Document) -> Document:
    """The settings with the members that are given."""
    unsupported = [name for name in _HTTP_ONLY if request.get(name)]
    if unsupported:
        raise bad_request(f"{unsupported[0]} is not supported for WEBSOCKET APIs")
    expression = request.get("RouteSelectionExpression")
    if expression is not None and not _ROUTE_EXPRESSION.fullmatch(expression):
        raise bad_request(f"Invalid RouteSelectionExpression specified: {expression}")
    if request.get("ApiKeySelectionExpression") not in (None, *_API_KEY_EXPRESSIONS):
        raise bad_request(f"Invalid ApiKeySelectionExpression: expected one of {', '.join(_API_KEY_EXPRESSIONS)}")
    changes = {name: request[name] for name in (*_SETTINGS, *_MORE_SETTINGS) if request.get(name) is not None}
    return {**settings, **changes}


# ── routes ──


def check_websocket_route(api: Api, route: Document) -> None:
    """Raise AWS's 400 or 409 unless the API may have this route."""
    key: str = route["RouteKey"]
    reserved = key.startswith("$") and key not in (CONNECT, DISCONNECT, DEFAULT)
    if not key or reserved or len(key) > LONGEST_ROUTE_KEY:
        raise bad_request(f"The provided route key is not formatted properly for WEBSOCKET protocol: {key}")
    if any(other["RouteKey"] == key and number != route.get("RouteId") for number, other in api.routes.items()):
        raise conflict(f"Route with key {key} already exists for this API")
    if key != CONNECT:
        if route["AuthorizationType"] != "NONE" or route["ApiKeyRequired"]:
            raise bad_request("Currently, authorization is restricted to the $connect route only")
        if route.get("RequestParameters"):
            raise bad_request("RequestParameters are only supported for the $connect route")
    if route["AuthorizationType"] == "JWT":
        raise bad_request("AuthorizationType JWT is not supported for WEBSOCKET APIs")
    if route.get("RouteResponseSelectionExpression") not in (None, "", DEFAULT):  # "" takes it away (unverified)
        raise bad_request("Invalid RouteResponseSelectionExpression: only $default is supported")
    invalid = [name for name in route.get("RequestParameters") or {} if not _PARAMETER.fullmatch(name)]
    if invalid:
        raise bad_request(f"Invalid request parameter specified: {invalid[0]}")
    names = {model["Name"] for model in api.models.values()}
    unknown = [name for name in (route.get("RequestModels") or {}).values() if name not in names]
    if unknown:
        raise bad_request(f"Invalid model identifier specified: {unknown[0]}")


# ── integrations ──


def checked_websocket_integration(integration: Document) -> Document:
    """An integration with AWS's defaults. Raises AWS's 400."""
    kind = integration["IntegrationType"]
    if integration.get("IntegrationSubtype"):
        raise bad_request("IntegrationSubtype is not supported for WEBSOCKET APIs")
    over_link = integration.get("ConnectionType") == "VPC_LINK"
    if over_link != bool(integration.get("ConnectionId")) or (over_link and not kind.startswith("HTTP")):
        raise bad_request("ConnectionId and ConnectionType VPC_LINK go together, and with HTTP integrations only")
    if integration.get("PayloadFormatVersion") not in (None, "1.0"):
        raise bad_request("PayloadFormatVersion other than 1.0 is not supported for WEBSOCKET APIs")
    if integration.get("ResponseParameters"):
        raise bad_request("ResponseParameters are not supported for WEBSOCKET APIs: use integration responses")
    integration = {
        "ConnectionType": "INTERNET",
        "PassthroughBehavior": "WHEN_NO_MATCH",
        "PayloadFormatVersion": "1.0",
        "TimeoutInMillis": LONGEST_TIMEOUT_MILLISECONDS,
        **integration,
    }
    if integration["TimeoutInMillis"] > LONGEST_TIMEOUT_MILLISECONDS:
        raise bad_request("Timeout should be between 50 ms and 29000 ms")
    _check_endpoint(kind, integration)
    for target, source in (integration.get("RequestParameters") or {}).items():
        if not _TARGET.fullmatch(target) or not _SOURCE.fullmatch(source):
            raise bad_request(f"Invalid mapping expression specified: {target}={source}")
    return integration


def _check_endpoint(kind: str, integration: Document) -> None:
    uri = integration.get("IntegrationUri") or ""
    if kind == "MOCK":
        return
    if not uri:
        raise bad_request(f"IntegrationUri is required for integrations of type {kind}")
    if kind in ("HTTP", "HTTP_PROXY"):
        try:
            parts = urlsplit(uri)
            proper = parts.scheme in ("http", "https") and bool(parts.netloc)
        except ValueError:
            proper = False
        if not proper:
            raise bad_request("Invalid HTTP endpoint specified for URI")
        if not integration.get("IntegrationMethod"):
            raise bad_request("IntegrationMethod is required for HTTP integrations")
        integration["IntegrationResponseSelectionExpression"] = BY_STATUS
        return
    function = function_of(uri)
    if function is None and (kind == "AWS_PROXY" or not uri.startswith("arn:")):
        raise bad_request(f"Invalid Lambda function ARN or integration URI: {uri}")
    integration.setdefault("IntegrationMethod", "POST")
    integration["IntegrationResponseSelectionExpression"] = BY_STATUS if function is None else BY_FUNCTION_ERROR


def function_of(uri: str) -> str | None:
    """The function that an integration's URI names."""
    return lambda_function_of(uri) or rest_function_of(uri)


# ── responses ──


def check_response_key(key: str, others: dict[str, Document], member: str, besides: str = "") -> None:
    """Raise AWS's 400 or 409 unless a response may have this key: `$default` or `/a regular expression/`."""
    if member == "RouteResponseKey" and key != DEFAULT:
        raise bad_request("Invalid RouteResponseKey: only $default is supported")
    is_pattern = len(key) > 2 and key.startswith("/") and key.endswith("/")
    if key != DEFAULT and not is_pattern:
        raise bad_request(f"Invalid {member} specified: {key}")
    if any(other[member] == key and number != besides for number, other in others.items()):
        raise conflict(f"{member} {key} already exists")


def check_authorizer(authorizer: Document, given: Document) -> Document:
    """A REQUEST authorizer of a WebSocket API; what only HTTP APIs have is refused."""
    if authorizer["AuthorizerType"] != "REQUEST":
        raise bad_request("Only REQUEST authorizers are supported for WEBSOCKET APIs")
    http_only = ("AuthorizerPayloadFormatVersion", "AuthorizerResultTtlInSeconds", "EnableSimpleResponses")
    unsupported = [name for name in (*http_only, "JwtConfiguration") if given.get(name)]
    if unsupported:
        raise bad_request(f"{unsupported[0]} is not supported for WEBSOCKET APIs")
    sources: list[Any] = authorizer.get("IdentitySource") or []
    invalid = [source for source in sources if not _IDENTITY.fullmatch(source)]
    if invalid:
        raise bad_request(f"Invalid identity source specified: {invalid[0]}")
    uri = authorizer.get("AuthorizerUri") or ""
    if function_of(uri) is None:
        raise bad_request(f"Invalid Authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN")
    return {**authorizer, "IdentitySource": sources}
