"""Operations on routes, integrations and models."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urlsplit

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway.model import bad_request, conflict, not_found, short_id
from emulator.services.apigateway.model_template import model_template
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.mapping_rules import check_request_mappings, check_response_mappings
from emulator.services.apigatewayv2.model import (
    METHODS,
    Api,
    Document,
    check_unique,
    integration_id_of,
    lambda_function_of,
    split_route_key,
)
from emulator.services.apigatewayv2.operations.loading import Loading, Request, found, given, page
from emulator.services.apigatewayv2.service_actions import action_of, check_parameters
from emulator.services.apigatewayv2.websocket_rules import check_websocket_route, checked_websocket_integration

_ROUTE = (
    "ApiKeyRequired",
    "AuthorizationScopes",
    "AuthorizationType",
    "AuthorizerId",
    "OperationName",
    "RouteKey",
    "Target",
)
_WEBSOCKET_ROUTE = (
    "ModelSelectionExpression",
    "RequestModels",
    "RequestParameters",
    "RouteResponseSelectionExpression",
)
_INTEGRATION = (
    "ConnectionId",
    "ConnectionType",
    "CredentialsArn",
    "Description",
    "IntegrationMethod",
    "IntegrationSubtype",
    "IntegrationType",
    "IntegrationUri",
    "PayloadFormatVersion",
    "RequestParameters",
    "ResponseParameters",
    "TimeoutInMillis",
    "TlsConfig",
)
_WEBSOCKET_INTEGRATION = (
    "ContentHandlingStrategy",
    "PassthroughBehavior",
    "RequestTemplates",
    "TemplateSelectionExpression",
)
_MODEL = ("ContentType", "Description", "Name", "Schema")


_BALANCER = re.compile(r"arn:[a-z\-]+:(?:elasticloadbalancing|servicediscovery):[a-z0-9\-]+:\d{12}:.+")


class Routes(Loading):
    """CreateRoute … DeleteModel."""

    # ── routes ──

    def create_route(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new route."""
        api = self._api(tx, scope, request)
        route = self.add_route(tx, api, request)
        self._keep(tx, api)
        return route

    def add_route(self, tx: Transaction, api: Api, request: Request) -> Document:
        """Put a new route into an API that is being edited."""
        self._check_room(len(api.routes), "Routes")
        members = (*_ROUTE, *_WEBSOCKET_ROUTE) if api.is_websocket else _ROUTE
        route: Document = {"ApiKeyRequired": False, "AuthorizationType": "NONE", **given(request, members)}
        self._check_route(api, route, request)
        route["RouteId"] = short_id(tx.new_id(), 7)
        api.routes[route["RouteId"]] = route
        return route

    def get_route(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One route."""
        return found("Route", self._api(tx, scope, request).routes, request["RouteId"])

    def get_routes(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The routes of an API, a page at a time."""
        return page(list(self._api(tx, scope, request).routes.values()), request)

    def update_route(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given."""
        api = self._api(tx, scope, request)
        old = found("Route", api.routes, request["RouteId"])
        route = {**old, **given(request, (*_ROUTE, *_WEBSOCKET_ROUTE) if api.is_websocket else _ROUTE)}
        if route.get("AuthorizationType") in ("NONE", "AWS_IAM"):
            route.pop("AuthorizerId", None)
            route.pop("AuthorizationScopes", None)
        if route.get("Target") == "":
            del route["Target"]
        self._check_route(api, route, request)
        api.routes[route["RouteId"]] = route
        self._keep(tx, api)
        return route

    def delete_route(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a route."""
        api = self._api(tx, scope, request)
        identifier = found("Route", api.routes, request["RouteId"])["RouteId"]
        del api.routes[identifier]
        api.route_responses.pop(identifier, None)
        self._keep(tx, api)
        return {}

    def _check_route(self, api: Api, route: Document, request: Request) -> None:
        if api.is_websocket:
            check_websocket_route(api, route)
        else:
            self._check_http_route(api, route, request)
        target = route.get("Target")
        if target is not None:
            integration = integration_id_of(target)
            if integration is None:
                raise bad_request(f"Invalid route target specified: {target}")
            found("Integration", api.integrations, integration)
        _check_authorization(api, route)

    def _check_http_route(self, api: Api, route: Document, request: Request) -> None:
        unsupported = [name for name in _WEBSOCKET_ROUTE if request.get(name)]
        if unsupported:
            raise bad_request(f"{unsupported[0]} is not supported for HTTP APIs")
        if route["ApiKeyRequired"]:
            raise bad_request("ApiKeyRequired is not currently supported for HTTP APIs")
        split_route_key(route["RouteKey"])
        check_unique(api, route["RouteKey"], route.get("RouteId", ""))

    # ── integrations ──

    def create_integration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new integration."""
        api = self._api(tx, scope, request)
        integration = self.add_integration(tx, api, request)
        self._keep(tx, api)
        return integration

    def add_integration(self, tx: Transaction, api: Api, request: Request) -> Document:
        """Put a new integration into an API that is being edited."""
        self._check_room(len(api.integrations), "Integrations")
        integration = _checked(api, given(request, _members(api)), request)
        self._check_link(tx, api, integration)
        integration["IntegrationId"] = short_id(tx.new_id(), 7)
        api.integrations[integration["IntegrationId"]] = integration
        return integration

    def _check_link(self, tx: Transaction, api: Api, integration: Document) -> None:
        link = integration.get("ConnectionId")
        # WebSocket APIs use the links of REST APIs, which this service does not know.
        if link is not None and not api.is_websocket and store.load_vpc_link(tx, api.scope, link) is None:
            raise not_found(f"Unable to find VpcLink by ID {link}")

    def get_integration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One integration."""
        return found("Integration", self._api(tx, scope, request).integrations, request["IntegrationId"])

    def get_integrations(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The integrations of an API, a page at a time."""
        return page(list(self._api(tx, scope, request).integrations.values()), request)

    def update_integration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given; a mapping with an empty value is removed [K]."""
        api = self._api(tx, scope, request)
        old = found("Integration", api.integrations, request["IntegrationId"])
        changes = given(request, _members(api))
        if "RequestTemplates" in changes:
            merged = {**old.get("RequestTemplates", {}), **changes["RequestTemplates"]}
            changes["RequestTemplates"] = {key: template for key, template in merged.items() if template}
        if "RequestParameters" in changes:
            merged = {**old.get("RequestParameters", {}), **changes["RequestParameters"]}
            removed = [key for key, value in changes["RequestParameters"].items() if value == ""]
            changes["RequestParameters"] = {key: value for key, value in merged.items() if key not in removed}
        if "ResponseParameters" in changes:
            merged = {**old.get("ResponseParameters", {}), **changes["ResponseParameters"]}
            changes["ResponseParameters"] = {status: values for status, values in merged.items() if values}
        integration = _checked(api, {**old, **changes}, request)
        self._check_link(tx, api, integration)
        api.integrations[integration["IntegrationId"]] = integration
        self._keep(tx, api)
        return integration

    def delete_integration(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete an integration that no route uses."""
        api = self._api(tx, scope, request)
        identifier = found("Integration", api.integrations, request["IntegrationId"])["IntegrationId"]
        users = [key for key, route in api.routes.items() if integration_id_of(route.get("Target")) == identifier]
        if users:
            raise conflict(
                f"Cannot delete Integration '{identifier}' due to Integration being referenced by Route '{users[0]}'"
            )
        del api.integrations[identifier]
        api.integration_responses.pop(identifier, None)
        self._keep(tx, api)
        return {}

    # ── models ──

    def create_model(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new model: HTTP APIs keep and show it only, routes of WebSocket APIs validate messages by it."""
        api = self._api(tx, scope, request)
        self._check_room(len(api.models), "Models")
        model = {"ContentType": "application/json", **given(request, _MODEL)}
        _check_model(api, model)
        model["ModelId"] = short_id(tx.new_id(), 6)
        api.models[model["ModelId"]] = model
        self._keep(tx, api)
        return model

    def get_model(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One model."""
        return found("Model", self._api(tx, scope, request).models, request["ModelId"])

    def get_models(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The models of an API, a page at a time."""
        return page(list(self._api(tx, scope, request).models.values()), request)

    def get_model_template(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A mapping template that makes a sample of what a model describes."""
        api = self._api(tx, scope, request)
        model = found("Model", api.models, request["ModelId"])
        schemas = {item["Name"]: item.get("Schema") or "{}" for item in api.models.values()}
        return {"Value": model_template(model.get("Schema") or "{}", schemas)}

    def update_model(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given."""
        api = self._api(tx, scope, request)
        model = {**found("Model", api.models, request["ModelId"]), **given(request, _MODEL)}
        _check_model(api, model)
        api.models[model["ModelId"]] = model
        self._keep(tx, api)
        return model

    def delete_model(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a model."""
        api = self._api(tx, scope, request)
        del api.models[found("Model", api.models, request["ModelId"])["ModelId"]]
        self._keep(tx, api)
        return {}


def _check_authorization(api: Api, route: Document) -> None:
    kind, identifier = route["AuthorizationType"], route.get("AuthorizerId")
    if kind in ("CUSTOM", "JWT"):
        if not identifier:
            raise bad_request(f"AuthorizerId must be specified for AuthorizationType {kind}")
        authorizer = found("Authorizer", api.authorizers, identifier)
        if (authorizer["AuthorizerType"] == "JWT") != (kind == "JWT"):
            raise bad_request(f"AuthorizationType {kind} does not match the type of Authorizer {identifier}")
    elif identifier:
        raise bad_request(f"AuthorizerId is not allowed for AuthorizationType {kind}")
    scopes = route.get("AuthorizationScopes") or []
    if scopes and kind != "JWT":
        raise bad_request("AuthorizationScopes are only supported for JWT authorizers")
    if len(scopes) > 10:
        raise bad_request("Maximum number of AuthorizationScopes for a route is 10")


def _check_model(api: Api, model: Document) -> None:
    if not model["Name"].isascii() or not model["Name"].isalnum():
        raise bad_request("Model name must be alphanumeric")
    if any(
        other["Name"] == model["Name"] and other is not model
        for other in api.models.values()
        if other.get("ModelId") != model.get("ModelId")
    ):
        raise conflict(f"Model with name {model['Name']} already exists for this API")
    try:
        schema = json.loads(model.get("Schema") or "{}")
    except (ValueError, RecursionError):
        raise bad_request("Invalid model schema specified. The schema is not valid JSON.") from None
    if not isinstance(schema, dict):
        raise bad_request("Invalid model schema specified. The schema is not an object.")


def _members(api: Api) -> tuple[str, ...]:
    return (*_INTEGRATION, *_WEBSOCKET_INTEGRATION) if api.is_websocket else _INTEGRATION


def _checked(api: Api, integration: Document, request: Request) -> Document:
    return checked_websocket_integration(integration) if api.is_websocket else checked_integration(integration, request)


def checked_integration(integration: Document, request: Request) -> Document:
    """An integration with AWS's defaults. Raises AWS's 400 for what HTTP APIs do not have, or 501 by name."""
    unsupported = [name for name in _WEBSOCKET_INTEGRATION if request.get(name)]
    if unsupported:
        raise bad_request(f"{unsupported[0]} is not supported for HTTP APIs")
    kind = integration["IntegrationType"]
    if kind not in ("AWS_PROXY", "HTTP_PROXY"):
        raise bad_request(f"Integration type {kind} is not supported for HTTP APIs")
    _check_connection(integration)
    integration = {"ConnectionType": "INTERNET", "TimeoutInMillis": 30000, **integration}
    version = integration.get("PayloadFormatVersion")
    if integration.get("IntegrationSubtype"):
        _check_service(integration)
    elif kind == "AWS_PROXY":
        _check_lambda(integration)
    else:
        _check_http(integration)
    if version is None:
        if kind == "AWS_PROXY" and not integration.get("IntegrationSubtype"):
            raise bad_request("PayloadFormatVersion is required for Lambda proxy integrations")
        integration["PayloadFormatVersion"] = "1.0"
    elif version not in ("1.0", "2.0") or (version == "2.0" and kind == "HTTP_PROXY"):
        raise bad_request(f"Invalid PayloadFormatVersion specified: {version}")
    check_response_mappings(integration.get("ResponseParameters") or {})
    return integration


def _check_connection(integration: Document) -> None:
    if integration.get("ConnectionType") != "VPC_LINK":
        if integration.get("ConnectionId"):
            raise bad_request("ConnectionId is only supported for ConnectionType VPC_LINK")
        return
    if integration["IntegrationType"] != "HTTP_PROXY":
        raise bad_request("ConnectionType VPC_LINK is only supported for integrations of type HTTP_PROXY")
    if not integration.get("ConnectionId"):
        raise bad_request("ConnectionId is required for ConnectionType VPC_LINK")


def _check_service(integration: Document) -> None:
    if integration["IntegrationType"] != "AWS_PROXY":
        raise bad_request("IntegrationSubtype is only supported for integrations of type AWS_PROXY")
    if integration.get("IntegrationUri"):
        raise bad_request("IntegrationUri is not supported together with IntegrationSubtype")
    if not integration.get("CredentialsArn"):
        raise bad_request("CredentialsArn must be specified for an integration with IntegrationSubtype")
    if integration.get("PayloadFormatVersion") == "2.0":
        raise bad_request("PayloadFormatVersion 2.0 is not supported together with IntegrationSubtype")
    check_parameters(action_of(integration["IntegrationSubtype"]), integration.get("RequestParameters") or {})


def _check_lambda(integration: Document) -> None:
    uri = integration.get("IntegrationUri")
    if not uri or lambda_function_of(uri) is None:
        raise bad_request(f"Invalid Lambda function ARN or integration URI: {uri or 'Empty'}")
    # Whatever is given, Lambda is called by POST (unverified for HTTP APIs that name another method).
    integration["IntegrationMethod"] = "POST"
    check_request_mappings(integration.get("RequestParameters") or {})


def _check_http(integration: Document) -> None:
    uri = integration.get("IntegrationUri") or ""
    if integration["ConnectionType"] == "VPC_LINK" and _BALANCER.fullmatch(uri):
        # What is behind a load balancer or a service of Cloud Map, nobody knows here: to call it is refused by name.
        check_request_mappings(integration.get("RequestParameters") or {})
        return
    try:
        parts = urlsplit(uri)
        proper = parts.scheme in ("http", "https") and bool(parts.netloc)
    except ValueError:
        proper = False
    if not proper:
        raise bad_request("Invalid HTTP endpoint specified for URI")
    method = integration.get("IntegrationMethod")
    if method not in METHODS:
        raise bad_request("HttpMethod must be specified for HTTP_PROXY integrations")
    check_request_mappings(integration.get("RequestParameters") or {})
