"""What a caller can ask of the control plane: one method per AWS action, grouped by what it acts on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.services.apigateway.operations.apis import Apis
from emulator.services.apigateway.operations.authorizers import Authorizers
from emulator.services.apigateway.operations.definitions import Definitions
from emulator.services.apigateway.operations.exports import Exports
from emulator.services.apigateway.operations.integrations import Integrations
from emulator.services.apigateway.operations.methods import Methods
from emulator.services.apigateway.operations.resources import Resources
from emulator.services.apigateway.operations.tags import Tags


class Operations(Apis, Resources, Methods, Integrations, Definitions, Authorizers, Exports, Tags):
    """All operations of the control plane; Tags brings those on what can be tagged."""

    custom_domains: Any = None
    """Who answers requests to custom domain names: the edge asks it. Set by wire.py."""

    def forget_cached(self) -> None:
        """Drop what is kept in memory (after a reset)."""
        if self.data_plane is not None:
            self.data_plane.forget_cached()

    def table(self) -> dict[str, Callable[..., Any]]:
        """AWS's operation name → method."""
        return {name: getattr(self, method) for name, method in OPERATIONS.items()}


OPERATIONS = {
    "CreateRestApi": "create_rest_api",
    "GetRestApi": "get_rest_api",
    "GetRestApis": "get_rest_apis",
    "UpdateRestApi": "update_rest_api",
    "DeleteRestApi": "delete_rest_api",
    "ImportRestApi": "import_rest_api",
    "PutRestApi": "put_rest_api",
    "GetAccount": "get_account",
    "TagResource": "tag_resource",
    "UntagResource": "untag_resource",
    "GetTags": "get_tags",
    "CreateResource": "create_resource",
    "GetResource": "get_resource",
    "GetResources": "get_resources",
    "UpdateResource": "update_resource",
    "DeleteResource": "delete_resource",
    "PutMethod": "put_method",
    "GetMethod": "get_method",
    "UpdateMethod": "update_method",
    "DeleteMethod": "delete_method",
    "PutMethodResponse": "put_method_response",
    "GetMethodResponse": "get_method_response",
    "UpdateMethodResponse": "update_method_response",
    "DeleteMethodResponse": "delete_method_response",
    "PutIntegration": "put_integration",
    "GetIntegration": "get_integration",
    "UpdateIntegration": "update_integration",
    "DeleteIntegration": "delete_integration",
    "PutIntegrationResponse": "put_integration_response",
    "GetIntegrationResponse": "get_integration_response",
    "UpdateIntegrationResponse": "update_integration_response",
    "DeleteIntegrationResponse": "delete_integration_response",
    "CreateRequestValidator": "create_request_validator",
    "GetRequestValidator": "get_request_validator",
    "GetRequestValidators": "get_request_validators",
    "UpdateRequestValidator": "update_request_validator",
    "DeleteRequestValidator": "delete_request_validator",
    "CreateModel": "create_model",
    "GetModel": "get_model",
    "GetModels": "get_models",
    "UpdateModel": "update_model",
    "DeleteModel": "delete_model",
    "PutGatewayResponse": "put_gateway_response",
    "GetGatewayResponse": "get_gateway_response",
    "GetGatewayResponses": "get_gateway_responses",
    "DeleteGatewayResponse": "delete_gateway_response",
    "CreateAuthorizer": "create_authorizer",
    "GetAuthorizer": "get_authorizer",
    "GetAuthorizers": "get_authorizers",
    "UpdateAuthorizer": "update_authorizer",
    "DeleteAuthorizer": "delete_authorizer",
    "TestInvokeAuthorizer": "test_invoke_authorizer",
    "TestInvokeMethod": "test_invoke_method",
    "UpdateAccount": "update_account",
    "UpdateGatewayResponse": "update_gateway_response",
    "CreateApiKey": "create_api_key",
    "GetApiKey": "get_api_key",
    "GetApiKeys": "get_api_keys",
    "UpdateApiKey": "update_api_key",
    "DeleteApiKey": "delete_api_key",
    "CreateUsagePlan": "create_usage_plan",
    "GetUsagePlan": "get_usage_plan",
    "GetUsagePlans": "get_usage_plans",
    "UpdateUsagePlan": "update_usage_plan",
    "DeleteUsagePlan": "delete_usage_plan",
    "CreateUsagePlanKey": "create_usage_plan_key",
    "GetUsagePlanKey": "get_usage_plan_key",
    "GetUsagePlanKeys": "get_usage_plan_keys",
    "DeleteUsagePlanKey": "delete_usage_plan_key",
    "GetUsage": "get_usage",
    "UpdateUsage": "update_usage",
    "CreateDeployment": "create_deployment",
    "GetDeployment": "get_deployment",
    "GetDeployments": "get_deployments",
    "UpdateDeployment": "update_deployment",
    "DeleteDeployment": "delete_deployment",
    "CreateStage": "create_stage",
    "GetStage": "get_stage",
    "GetStages": "get_stages",
    "UpdateStage": "update_stage",
    "DeleteStage": "delete_stage",
    "CreateDocumentationPart": "create_documentation_part",
    "GetDocumentationPart": "get_documentation_part",
    "GetDocumentationParts": "get_documentation_parts",
    "UpdateDocumentationPart": "update_documentation_part",
    "DeleteDocumentationPart": "delete_documentation_part",
    "ImportDocumentationParts": "import_documentation_parts",
    "CreateDocumentationVersion": "create_documentation_version",
    "GetDocumentationVersion": "get_documentation_version",
    "GetDocumentationVersions": "get_documentation_versions",
    "UpdateDocumentationVersion": "update_documentation_version",
    "DeleteDocumentationVersion": "delete_documentation_version",
    "CreateVpcLink": "create_vpc_link",
    "GetVpcLink": "get_vpc_link",
    "GetVpcLinks": "get_vpc_links",
    "UpdateVpcLink": "update_vpc_link",
    "DeleteVpcLink": "delete_vpc_link",
    "GenerateClientCertificate": "generate_client_certificate",
    "GetClientCertificate": "get_client_certificate",
    "GetClientCertificates": "get_client_certificates",
    "UpdateClientCertificate": "update_client_certificate",
    "DeleteClientCertificate": "delete_client_certificate",
    "GetModelTemplate": "get_model_template",
    "FlushStageCache": "flush_stage_cache",
    "FlushStageAuthorizersCache": "flush_stage_authorizers_cache",
    "ImportApiKeys": "import_api_keys",
    "CreateDomainName": "create_domain_name",
    "GetDomainName": "get_domain_name",
    "GetDomainNames": "get_domain_names",
    "UpdateDomainName": "update_domain_name",
    "DeleteDomainName": "delete_domain_name",
    "CreateBasePathMapping": "create_base_path_mapping",
    "GetBasePathMapping": "get_base_path_mapping",
    "GetBasePathMappings": "get_base_path_mappings",
    "UpdateBasePathMapping": "update_base_path_mapping",
    "DeleteBasePathMapping": "delete_base_path_mapping",
    "CreateDomainNameAccessAssociation": "create_domain_name_access_association",
    "GetDomainNameAccessAssociations": "get_domain_name_access_associations",
    "DeleteDomainNameAccessAssociation": "delete_domain_name_access_association",
    "RejectDomainNameAccessAssociation": "reject_domain_name_access_association",
    "GetExport": "get_export",
    "GetSdk": "get_sdk",
    "GetSdkType": "get_sdk_type",
    "GetSdkTypes": "get_sdk_types",
}
