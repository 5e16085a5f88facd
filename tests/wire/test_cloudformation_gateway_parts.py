"""What belongs to APIs of both kinds: made, asked for all attributes, changed in place, replaced and deleted."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_types import Group, Sample, live, of, ref

TAG = [{"Key": "who", "Value": "ada"}]
CERTIFICATE = "arn:aws:acm:us-east-1:000000000000:certificate/11111111-2222-3333-4444-555555555555"
ROLE = "arn:aws:iam::000000000000:role/any"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "number"}}}

REST: Group = {
    "Api": Sample("ApiGateway::RestApi", {"Name": "reports"}, "RestApiId RootResourceId", {"Description": "of ada"}),
    "Item": Sample(
        "ApiGateway::Resource",
        {"RestApiId": ref("Api"), "ParentId": of("Api", "RootResourceId"), "PathPart": "items"},
        "ResourceId",
        {},
        {"PathPart": "things"},
    ),
    "Model": Sample(
        "ApiGateway::Model",
        {"RestApiId": ref("Api"), "ContentType": "application/json", "Name": "Report", "Schema": SCHEMA},
        "",
        {"Description": "of a report"},
        {"Name": "Another"},
    ),
    "Validator": Sample(
        "ApiGateway::RequestValidator",
        {"RestApiId": ref("Api"), "ValidateRequestBody": "true"},
        "RequestValidatorId",
        {"ValidateRequestParameters": True},
    ),
    "Authorizer": Sample(
        "ApiGateway::Authorizer",
        {
            "RestApiId": ref("Api"),
            "Name": "pool",
            "Type": "COGNITO_USER_POOLS",
            "IdentitySource": "method.request.header.Authorization",
            "ProviderARNs": ["arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_abcdefghi"],
        },
        "AuthorizerId",
        {"IdentitySource": "method.request.header.Token"},
    ),
    "Answer": Sample(
        "ApiGateway::GatewayResponse",
        {"RestApiId": ref("Api"), "ResponseType": "DEFAULT_4XX", "StatusCode": "418"},
        "Id",
        {"StatusCode": "419"},
        {"ResponseType": "DEFAULT_5XX"},
    ),
    "Method": Sample(
        "ApiGateway::Method",
        {
            "RestApiId": ref("Api"),
            "ResourceId": of("Api", "RootResourceId"),
            "HttpMethod": "GET",
            "AuthorizationType": "NONE",
            "Integration": {"Type": "MOCK", "RequestTemplates": {"application/json": '{"statusCode": 200}'}},
        },
        "",
        {"ApiKeyRequired": True},
        {"HttpMethod": "PUT"},
    ),
    "Deployment": Sample("ApiGateway::Deployment", {"RestApiId": ref("Api")}, "DeploymentId", depends_on=["Method"]),
    "Stage": Sample(
        "ApiGateway::Stage",
        {"RestApiId": ref("Api"), "DeploymentId": ref("Deployment"), "StageName": "prod"},
        "",
        {"Variables": {"a": "b"}, "Tags": TAG},
        {"StageName": "live"},
    ),
    "Key": Sample("ApiGateway::ApiKey", {"Enabled": "true"}, "APIKeyId", {"Description": "of ada"}, {"Name": "ada"}),
    "Plan": Sample(
        "ApiGateway::UsagePlan",
        {"Throttle": {"RateLimit": 5, "BurstLimit": 5}},
        "Id",
        {"Throttle": {"RateLimit": 6, "BurstLimit": 6}},
    ),
    "Member": Sample(
        "ApiGateway::UsagePlanKey", {"KeyId": ref("Key"), "KeyType": "API_KEY", "UsagePlanId": ref("Plan")}, "Id"
    ),
    "Account": Sample("ApiGateway::Account", {}, "Id", {"CloudWatchRoleArn": ROLE}),
    "Certificate": Sample("ApiGateway::ClientCertificate", {}, "ClientCertificateId", {"Description": "of a client"}),
    "Part": Sample(
        "ApiGateway::DocumentationPart",
        {"RestApiId": ref("Api"), "Location": {"Type": "API"}, "Properties": '{"description": "all"}'},
        "DocumentationPartId",
        {"Properties": '{"description": "everything"}'},
    ),
    "Edition": Sample(
        "ApiGateway::DocumentationVersion",
        {"RestApiId": ref("Api"), "DocumentationVersion": "1"},
        "",
        {"Description": "the first"},
        {"DocumentationVersion": "2"},
        depends_on=["Part"],
    ),
    "Link": Sample(
        "ApiGateway::VpcLink",
        {
            "Name": "inside",
            "TargetArns": [
                "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/inside/50dc6c495c0c9188"
            ],
        },
        "VpcLinkId",
        {"Description": "of ada"},
    ),
    "Name": Sample(
        "ApiGateway::DomainName",
        {
            "DomainName": "reports.example.com",
            "RegionalCertificateArn": CERTIFICATE,
            "EndpointConfiguration": {"Types": ["REGIONAL"]},
        },
        "DomainNameArn RegionalDomainName RegionalHostedZoneId DistributionDomainName DistributionHostedZoneId",
        {"SecurityPolicy": "TLS_1_2", "RoutingMode": "ROUTING_RULE_THEN_BASE_PATH_MAPPING", "Tags": TAG},
        {"DomainName": "other.example.com"},
        empty="DistributionDomainName DistributionHostedZoneId",
    ),
    "Mapping": Sample(
        "ApiGateway::BasePathMapping",
        {"DomainName": ref("Name"), "RestApiId": ref("Api"), "Stage": ref("Stage"), "BasePath": "v1"},
        replaced_by={"BasePath": "v2"},
    ),
}
SOCKETS: Group = {
    "Api": Sample(
        "ApiGatewayV2::Api",
        {"Name": "talk", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"},
        "ApiEndpoint ApiId ExecuteApiArn",
        {"Description": "of ada"},
    ),
    "Backend": Sample(
        "ApiGatewayV2::Integration",
        {"ApiId": ref("Api"), "IntegrationType": "MOCK"},
        "IntegrationId",
        {"RequestTemplates": {"200": '{"statusCode": 200}'}},
    ),
    "Answer": Sample(
        "ApiGatewayV2::IntegrationResponse",
        {"ApiId": ref("Api"), "IntegrationId": ref("Backend"), "IntegrationResponseKey": "$default"},
        "IntegrationResponseId",
        {"ResponseTemplates": {"any": "hello"}},
    ),
    "Route": Sample(
        "ApiGatewayV2::Route",
        {"ApiId": ref("Api"), "RouteKey": "hello", "Target": {"Fn::Sub": "integrations/${Backend}"}},
        "RouteId",
        {"RouteResponseSelectionExpression": "$default"},
    ),
    "Reply": Sample(
        "ApiGatewayV2::RouteResponse",
        {"ApiId": ref("Api"), "RouteId": ref("Route"), "RouteResponseKey": "$default"},
        "RouteResponseId",
        {"ModelSelectionExpression": "$default"},
    ),
    "Model": Sample(
        "ApiGatewayV2::Model",
        {"ApiId": ref("Api"), "Name": "Report", "ContentType": "application/json", "Schema": SCHEMA},
        "ModelId",
        {"Description": "of a report"},
    ),
    "Authorizer": Sample(
        "ApiGatewayV2::Authorizer",
        {
            "ApiId": ref("Api"),
            "Name": "who",
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
            "arn:aws:lambda:us-east-1:000000000000:function:who/invocations",
            "IdentitySource": ["route.request.header.Auth"],
        },
        "AuthorizerId",
        {"Name": "whoever"},
    ),
    "Deployment": Sample(
        "ApiGatewayV2::Deployment",
        {"ApiId": ref("Api")},
        "DeploymentId",
        {"Description": "the first"},
        depends_on=["Route"],
    ),
    "Stage": Sample(
        "ApiGatewayV2::Stage",
        {"ApiId": ref("Api"), "StageName": "prod", "DeploymentId": ref("Deployment")},
        "",
        {"StageVariables": {"a": "b"}},
        {"StageName": "live"},
    ),
    "Name": Sample(
        "ApiGatewayV2::DomainName",
        {"DomainName": "talk.example.com", "DomainNameConfigurations": [{"CertificateArn": CERTIFICATE}]},
        "DomainNameArn RegionalDomainName RegionalHostedZoneId",
        {"Tags": {"who": "ada"}},
    ),
    "Mapping": Sample(
        "ApiGatewayV2::ApiMapping",
        {"ApiId": ref("Api"), "DomainName": ref("Name"), "Stage": ref("Stage")},
        "ApiMappingId",
        {"ApiMappingKey": "v1"},
    ),
    "Rest": Sample("ApiGateway::RestApi", {"Name": "rest", "EndpointConfiguration": {"Types": ["REGIONAL"]}}),
    "Method": Sample(
        "ApiGateway::Method",
        {
            "RestApiId": ref("Rest"),
            "ResourceId": of("Rest", "RootResourceId"),
            "HttpMethod": "GET",
            "Integration": {"Type": "MOCK"},
        },
    ),
    "Deployed": Sample(
        "ApiGateway::Deployment", {"RestApiId": ref("Rest"), "StageName": "prod"}, depends_on=["Method"]
    ),
    "Routed": Sample(
        "ApiGatewayV2::DomainName",
        {
            "DomainName": "rest.example.com",
            "DomainNameConfigurations": [{"CertificateArn": CERTIFICATE, "EndpointType": "REGIONAL"}],
            "RoutingMode": "ROUTING_RULE_ONLY",
        },
    ),
    "Rule": Sample(
        "ApiGatewayV2::RoutingRule",
        {
            "DomainNameArn": of("Routed", "DomainNameArn"),
            "Priority": "10",
            "Conditions": [{"MatchBasePaths": {"AnyOf": ["v1"]}}],
            "Actions": [{"InvokeApi": {"ApiId": ref("Rest"), "Stage": "prod"}}],
        },
        "RoutingRuleArn RoutingRuleId",
        {"Priority": 20},
        depends_on=["Deployed"],
    ),
    "Inside": Sample(
        "ApiGateway::DomainNameV2",
        {
            "DomainName": "private.example.com",
            "CertificateArn": CERTIFICATE,
            "EndpointConfiguration": {"Types": ["PRIVATE"]},
            "SecurityPolicy": "TLS_1_2",
        },
        "DomainNameArn DomainNameId",
        {"Tags": TAG},
    ),
    "Mapped": Sample(
        "ApiGateway::BasePathMappingV2",
        {"DomainNameArn": of("Inside", "DomainNameArn"), "RestApiId": ref("Rest"), "Stage": "prod"},
        "BasePathMappingArn",
        {},
        {"BasePath": "v1"},
        depends_on=["Deployed"],
    ),
    "Private": Sample(
        "ApiGateway::DomainNameAccessAssociation",
        {
            "DomainNameArn": of("Inside", "DomainNameArn"),
            "AccessAssociationSource": "vpce-00000000000000000",
            "AccessAssociationSourceType": "VPCE",
        },
        "DomainNameAccessAssociationArn",
    ),
    "Link": Sample("ApiGatewayV2::VpcLink", {"Name": "inside", "SubnetIds": ["subnet-1"]}, "VpcLinkId", {"Name": "x"}),
}
GROUPS: dict[str, Group] = {"rest": REST, "sockets": SOCKETS}


@pytest.mark.parametrize("name", GROUPS)
def test_parts_of_apis_are_made_changed_replaced_and_deleted(emulator: RunningEmulator, name: str) -> None:
    live(emulator, GROUPS[name])
