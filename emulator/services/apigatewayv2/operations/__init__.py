"""What a caller can ask of the control plane: one method per AWS action, grouped by what it acts on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.operations.apis import Apis
from emulator.services.apigatewayv2.operations.responses import Responses
from emulator.services.apigatewayv2.operations.routing_rules import RoutingRules
from emulator.services.apigatewayv2.operations.vpc_links import VpcLinks


class Operations(Apis, RoutingRules, Responses, VpcLinks):
    """All operations of the control plane."""

    data_plane: Any = None
    """The `HttpApiPlane` built on the same store; set by wire.py."""

    answering: Any = None
    """Who answers for APIs that custom domain names lead to, by protocol; set by wire.py."""
    conversations: Any = None
    """The `WebSocketPlane` likewise."""

    def forget_cached(self) -> None:
        """Drop what is kept in memory (after a reset)."""
        if self.data_plane is not None:
            self.data_plane.forget_cached()
            self.conversations.forget_cached()

    def has_websocket_stage(self, tx: Transaction, scope: Scope, api_id: str, stage: str) -> bool:
        """Whether a WebSocket API of the account and region has a stage; usage plans ask."""
        api = store.load_api(tx, scope, api_id)
        return api is not None and api.is_websocket and store.load_stage(tx, api_id, stage) is not None

    def reset_authorizers_cache(self, tx: Any, scope: Any, request: dict[str, Any]) -> dict[str, Any]:
        """Ask Lambda authorizers anew."""
        api, _ = self._stage(tx, scope, request)
        self.data_plane.forget_authorizations(api.id)
        return {}

    def table(self) -> dict[str, Callable[..., Any]]:
        """AWS's operation name → method."""
        return {name: getattr(self, method) for name, method in OPERATIONS.items()}


OPERATIONS = {
    "CreateRoutingRule": "create_routing_rule",
    "PutRoutingRule": "put_routing_rule",
    "GetRoutingRule": "get_routing_rule",
    "ListRoutingRules": "list_routing_rules",
    "DeleteRoutingRule": "delete_routing_rule",
    "CreateApi": "create_api",
    "GetApi": "get_api",
    "GetApis": "get_apis",
    "UpdateApi": "update_api",
    "DeleteApi": "delete_api",
    "DeleteCorsConfiguration": "delete_cors_configuration",
    "ImportApi": "import_api",
    "ReimportApi": "reimport_api",
    "ExportApi": "export_api",
    "TagResource": "tag_resource",
    "UntagResource": "untag_resource",
    "GetTags": "get_tags",
    "CreateRoute": "create_route",
    "GetRoute": "get_route",
    "GetRoutes": "get_routes",
    "UpdateRoute": "update_route",
    "DeleteRoute": "delete_route",
    "CreateIntegration": "create_integration",
    "GetIntegration": "get_integration",
    "GetIntegrations": "get_integrations",
    "UpdateIntegration": "update_integration",
    "DeleteIntegration": "delete_integration",
    "CreateIntegrationResponse": "create_integration_response",
    "GetIntegrationResponse": "get_integration_response",
    "GetIntegrationResponses": "get_integration_responses",
    "UpdateIntegrationResponse": "update_integration_response",
    "DeleteIntegrationResponse": "delete_integration_response",
    "CreateRouteResponse": "create_route_response",
    "GetRouteResponse": "get_route_response",
    "GetRouteResponses": "get_route_responses",
    "UpdateRouteResponse": "update_route_response",
    "DeleteRouteResponse": "delete_route_response",
    "DeleteRouteRequestParameter": "delete_route_request_parameter",
    "CreateVpcLink": "create_vpc_link",
    "GetVpcLink": "get_vpc_link",
    "GetVpcLinks": "get_vpc_links",
    "UpdateVpcLink": "update_vpc_link",
    "DeleteVpcLink": "delete_vpc_link",
    "CreateModel": "create_model",
    "GetModel": "get_model",
    "GetModels": "get_models",
    "GetModelTemplate": "get_model_template",
    "UpdateModel": "update_model",
    "DeleteModel": "delete_model",
    "CreateStage": "create_stage",
    "GetStage": "get_stage",
    "GetStages": "get_stages",
    "UpdateStage": "update_stage",
    "DeleteStage": "delete_stage",
    "DeleteAccessLogSettings": "delete_access_log_settings",
    "DeleteRouteSettings": "delete_route_settings",
    "CreateDeployment": "create_deployment",
    "GetDeployment": "get_deployment",
    "GetDeployments": "get_deployments",
    "UpdateDeployment": "update_deployment",
    "DeleteDeployment": "delete_deployment",
    "CreateAuthorizer": "create_authorizer",
    "GetAuthorizer": "get_authorizer",
    "GetAuthorizers": "get_authorizers",
    "UpdateAuthorizer": "update_authorizer",
    "DeleteAuthorizer": "delete_authorizer",
    "ResetAuthorizersCache": "reset_authorizers_cache",
    "CreateDomainName": "create_domain_name",
    "GetDomainName": "get_domain_name",
    "GetDomainNames": "get_domain_names",
    "UpdateDomainName": "update_domain_name",
    "DeleteDomainName": "delete_domain_name",
    "CreateApiMapping": "create_api_mapping",
    "GetApiMapping": "get_api_mapping",
    "GetApiMappings": "get_api_mappings",
    "UpdateApiMapping": "update_api_mapping",
    "DeleteApiMapping": "delete_api_mapping",
}
