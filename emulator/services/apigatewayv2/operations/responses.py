"""Operations on what WebSocket APIs alone have: integration responses, route responses, parameters of `$connect`."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway.model import bad_request, not_found, short_id
from emulator.services.apigatewayv2.model import Api, Document
from emulator.services.apigatewayv2.operations.loading import Loading, Request, found, given, page
from emulator.services.apigatewayv2.websocket_rules import check_is_websocket, check_response_key

_INTEGRATION_RESPONSE = (
    "ContentHandlingStrategy",
    "IntegrationResponseKey",
    "ResponseParameters",
    "ResponseTemplates",
    "TemplateSelectionExpression",
)
_ROUTE_RESPONSE = ("ModelSelectionExpression", "ResponseModels", "ResponseParameters", "RouteResponseKey")


class Responses(Loading):
    """CreateIntegrationResponse … DeleteRouteRequestParameter."""

    # ── integration responses ──

    def create_integration_response(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """What becomes of an integration's answers whose status or error matches a key."""
        api, kept = self._of_integration(tx, scope, request)
        made = given(request, _INTEGRATION_RESPONSE)
        _check_integration_response(made, kept)
        made["IntegrationResponseId"] = short_id(tx.new_id(), 7)
        kept[made["IntegrationResponseId"]] = made
        self._keep(tx, api)
        return made

    def get_integration_response(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One integration response."""
        return found(
            "IntegrationResponse", self._of_integration(tx, scope, request)[1], request["IntegrationResponseId"]
        )

    def get_integration_responses(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The responses of an integration, a page at a time."""
        return page(list(self._of_integration(tx, scope, request)[1].values()), request)

    def update_integration_response(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given."""
        api, kept = self._of_integration(tx, scope, request)
        old = found("IntegrationResponse", kept, request["IntegrationResponseId"])
        changed = {**old, **given(request, _INTEGRATION_RESPONSE)}
        _check_integration_response(changed, kept)
        kept[changed["IntegrationResponseId"]] = changed
        self._keep(tx, api)
        return changed

    def delete_integration_response(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete an integration response."""
        api, kept = self._of_integration(tx, scope, request)
        del kept[found("IntegrationResponse", kept, request["IntegrationResponseId"])["IntegrationResponseId"]]
        self._keep(tx, api)
        return {}

    def _of_integration(self, tx: Transaction, scope: Scope, request: Request) -> tuple[Api, dict[str, Document]]:
        api = self._api(tx, scope, request)
        check_is_websocket(api)
        integration = found("Integration", api.integrations, request["IntegrationId"])
        return api, api.integration_responses.setdefault(integration["IntegrationId"], {})

    # ── route responses ──

    def create_route_response(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Have the integration's answers sent to the client: the route is two-way from now on."""
        api, kept = self._of_route(tx, scope, request)
        made = given(request, _ROUTE_RESPONSE)
        _check_route_response(api, made, kept)
        made["RouteResponseId"] = short_id(tx.new_id(), 7)
        kept[made["RouteResponseId"]] = made
        self._keep(tx, api)
        return made

    def get_route_response(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One route response."""
        return found("RouteResponse", self._of_route(tx, scope, request)[1], request["RouteResponseId"])

    def get_route_responses(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The responses of a route, a page at a time."""
        return page(list(self._of_route(tx, scope, request)[1].values()), request)

    def update_route_response(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given."""
        api, kept = self._of_route(tx, scope, request)
        old = found("RouteResponse", kept, request["RouteResponseId"])
        changed = {**old, **given(request, _ROUTE_RESPONSE)}
        _check_route_response(api, changed, kept)
        kept[changed["RouteResponseId"]] = changed
        self._keep(tx, api)
        return changed

    def delete_route_response(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a route response: the route is one-way again."""
        api, kept = self._of_route(tx, scope, request)
        del kept[found("RouteResponse", kept, request["RouteResponseId"])["RouteResponseId"]]
        self._keep(tx, api)
        return {}

    def delete_route_request_parameter(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Demand a parameter of `$connect` no more."""
        api = self._api(tx, scope, request)
        check_is_websocket(api)
        route = found("Route", api.routes, request["RouteId"])
        name = request["RequestParameterKey"]
        if name not in (route.get("RequestParameters") or {}):
            raise not_found(f"Unable to find RequestParameter by key {name} within the provided Route")
        del route["RequestParameters"][name]
        self._keep(tx, api)
        return {}

    def _of_route(self, tx: Transaction, scope: Scope, request: Request) -> tuple[Api, dict[str, Document]]:
        api = self._api(tx, scope, request)
        check_is_websocket(api)
        route = found("Route", api.routes, request["RouteId"])
        return api, api.route_responses.setdefault(route["RouteId"], {})


def _check_integration_response(response: Document, kept: dict[str, Document]) -> None:
    own = response.get("IntegrationResponseId", "")
    check_response_key(response["IntegrationResponseKey"], kept, "IntegrationResponseKey", own)


def _check_route_response(api: Api, response: Document, kept: dict[str, Document]) -> None:
    check_response_key(response["RouteResponseKey"], kept, "RouteResponseKey", response.get("RouteResponseId", ""))
    names = {model["Name"] for model in api.models.values()}
    unknown = [name for name in (response.get("ResponseModels") or {}).values() if name not in names]
    if unknown:
        raise bad_request(f"Invalid model identifier specified: {unknown[0]}")
