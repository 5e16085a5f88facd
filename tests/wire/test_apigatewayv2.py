"""The control plane of HTTP APIs through boto3: every operation, its defaults and AWS's errors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.services.apigatewayv2.operations import OPERATIONS
from emulator.testing import RunningEmulator
from tests.wire.http_api_support import FUNCTION, HttpApi, ask, echo, http_api
from tests.wire.lambda_support import error_of, without_metadata

Emulator = RunningEmulator


@pytest.fixture
def client(emulator: Emulator) -> Any:
    return emulator.client("apigatewayv2")


@pytest.fixture
def api(emulator: Emulator) -> HttpApi:
    return http_api(emulator)


# ── APIs ────────────────────────────────────────────────────────────────────────────────────────


def test_an_api_has_aws_s_defaults(client: Any) -> None:
    made = client.create_api(Name="a", ProtocolType="HTTP")
    assert made["ResponseMetadata"]["HTTPStatusCode"] == 201
    shown = without_metadata(made)
    assert shown.pop("CreatedDate")
    assert shown.pop("ApiEndpoint").startswith(f"http://{shown['ApiId']}.execute-api.us-east-1.localhost:")
    assert shown.pop("ApiId")
    assert shown == {
        "ApiKeySelectionExpression": "$request.header.x-api-key",
        "DisableExecuteApiEndpoint": False,
        "IpAddressType": "ipv4",
        "Name": "a",
        "ProtocolType": "HTTP",
        "RouteSelectionExpression": "$request.method $request.path",
        "Tags": {},
    }
    again = without_metadata(client.get_api(ApiId=made["ApiId"]))
    assert again == without_metadata(made)


def test_apis_are_listed_a_page_at_a_time(client: Any) -> None:
    for number in range(3):
        client.create_api(Name=f"a{number}", ProtocolType="HTTP")
    first = client.get_apis(MaxResults="2")
    rest = client.get_apis(MaxResults="2", NextToken=first["NextToken"])
    assert [api["Name"] for api in (*first["Items"], *rest["Items"])] == ["a0", "a1", "a2"]
    assert "NextToken" not in rest
    for wrong in ({"MaxResults": "x"}, {"MaxResults": "0"}, {"NextToken": "?"}):
        assert error_of(lambda wrong=wrong: client.get_apis(**wrong))[:2] == ("BadRequestException", 400)


def test_an_api_is_updated_and_deleted(client: Any) -> None:
    identifier = client.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    cors = {"AllowOrigins": ["*"], "AllowMethods": ["GET"]}
    updated = client.update_api(ApiId=identifier, Name="b", Description="d", CorsConfiguration=cors)
    assert (updated["Name"], updated["Description"], updated["CorsConfiguration"]) == ("b", "d", cors)
    client.delete_cors_configuration(ApiId=identifier)
    assert "CorsConfiguration" not in client.get_api(ApiId=identifier)
    client.delete_api(ApiId=identifier)
    assert error_of(lambda: client.get_api(ApiId=identifier)) == (
        "NotFoundException",
        404,
        f"Invalid API identifier specified 000000000000:{identifier}",
    )


def test_what_is_not_emulated_is_refused_by_name(client: Any) -> None:
    assert error_of(lambda: client.list_portals())[1] == 501


def test_cors_with_credentials_names_its_origins(client: Any) -> None:
    cors = {"AllowOrigins": ["*"], "AllowCredentials": True}
    refused = error_of(lambda: client.create_api(Name="a", ProtocolType="HTTP", CorsConfiguration=cors))
    assert refused[:2] == ("BadRequestException", 400)


def test_apis_of_another_region_and_account_are_others(emulator: Emulator, client: Any) -> None:
    identifier = client.create_api(Name="a", ProtocolType="HTTP")["ApiId"]
    for options in ({"region_name": "eu-west-1"}, {"aws_access_key_id": "111111111111"}):
        other = emulator.client("apigatewayv2", **options)
        assert other.get_apis()["Items"] == []
        assert error_of(lambda other=other: other.delete_api(ApiId=identifier))[1] == 404


# ── routes and integrations ─────────────────────────────────────────────────────────────────────


def test_routes_live(api: HttpApi) -> None:
    target = api.function("f")
    made = without_metadata(api.route("GET /pets/{id}", target, OperationName="pet"))
    identifier = made.pop("RouteId")
    assert made == {
        "ApiKeyRequired": False,
        "AuthorizationType": "NONE",
        "OperationName": "pet",
        "RouteKey": "GET /pets/{id}",
        "Target": target,
    }
    named = {"ApiId": api.id, "RouteId": identifier}
    assert api.client.get_route(**named)["RouteKey"] == "GET /pets/{id}"
    assert api.client.update_route(**named, RouteKey="POST /pets/{id}")["RouteKey"] == "POST /pets/{id}"
    assert [route["RouteId"] for route in api.client.get_routes(ApiId=api.id)["Items"]] == [identifier]
    api.client.delete_route(**named)
    assert error_of(lambda: api.client.get_route(**named))[:2] == ("NotFoundException", 404)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "GET",
        "GET pets",
        "get /pets",
        "FETCH /x",
        "GET /{proxy+}/more",
        "GET /a//b",
        "GET /{a}/{a}",
        "$other",
        "GET /{}",
    ],
)
def test_route_keys_that_are_none_are_refused(api: HttpApi, key: str) -> None:
    target = api.function("f")
    assert error_of(lambda: api.route(key, target))[:2] == ("BadRequestException", 400)


def test_route_keys_are_unique(api: HttpApi) -> None:
    target = api.function("f")
    api.route("GET /orgs/{orgId}", target)
    assert error_of(lambda: api.route("GET /orgs/{orgId}", target)) == (
        "ConflictException",
        409,
        "Route with key GET /orgs/{orgId} already exists for this API",
    )
    assert error_of(lambda: api.route("GET /orgs/{org_id}", target)) == (
        "ConflictException",
        409,
        'The provided route key "GET /orgs/{org_id}" has a conflicting variable on the same hierarchical level as '
        '"GET /orgs/{orgId}"',
    )
    api.route("POST /orgs/{org_id}", target)


def test_a_route_needs_what_it_names(api: HttpApi) -> None:
    assert error_of(lambda: api.route("GET /x", "integrations/none"))[:2] == ("NotFoundException", 404)
    assert error_of(lambda: api.route("GET /x", "elsewhere"))[:2] == ("BadRequestException", 400)
    target = api.function("f")
    for wrong in (
        {"AuthorizationType": "JWT"},
        {"AuthorizationType": "CUSTOM", "AuthorizerId": "none"},
        {"AuthorizationType": "NONE", "AuthorizationScopes": ["s"]},
        {"ApiKeyRequired": True},
        {"ModelSelectionExpression": "x"},
    ):
        assert error_of(lambda wrong=wrong: api.route("GET /x", target, **wrong))[1] in (400, 404)


def test_an_integration_has_aws_s_defaults(api: HttpApi) -> None:
    made = without_metadata(
        api.client.create_integration(
            ApiId=api.id, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION + "f", PayloadFormatVersion="2.0"
        )
    )
    identifier = made.pop("IntegrationId")
    assert made == {
        "ConnectionType": "INTERNET",
        "IntegrationMethod": "POST",
        "IntegrationType": "AWS_PROXY",
        "IntegrationUri": FUNCTION + "f",
        "PayloadFormatVersion": "2.0",
        "TimeoutInMillis": 30000,
    }
    named = {"ApiId": api.id, "IntegrationId": identifier}
    added = {"append:header.a": "1", "append:header.b": "2"}
    api.client.update_integration(**named, RequestParameters=added, TimeoutInMillis=50)
    changed = api.client.update_integration(**named, RequestParameters={"append:header.a": ""})
    assert (changed["RequestParameters"], changed["TimeoutInMillis"]) == ({"append:header.b": "2"}, 50)
    route = api.route("GET /x", f"integrations/{identifier}")
    assert error_of(lambda: api.client.delete_integration(**named))[:2] == ("ConflictException", 409)
    api.client.delete_route(ApiId=api.id, RouteId=route["RouteId"])
    api.client.delete_integration(**named)
    assert api.client.get_integrations(ApiId=api.id)["Items"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"IntegrationType": "MOCK"},
        {"IntegrationType": "AWS", "IntegrationUri": FUNCTION + "f"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION + "f"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": "f", "PayloadFormatVersion": "2.0"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION + "f", "PayloadFormatVersion": "3.0"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "ftp://x", "IntegrationMethod": "GET"},
        {"IntegrationType": "HTTP_PROXY", "IntegrationUri": "http://x"},
        {
            "IntegrationType": "HTTP_PROXY",
            "IntegrationUri": "http://x",
            "IntegrationMethod": "GET",
            "PayloadFormatVersion": "2.0",
        },
        {
            "IntegrationType": "HTTP_PROXY",
            "IntegrationUri": "http://x",
            "IntegrationMethod": "GET",
            "RequestTemplates": {"a": "b"},
        },
    ],
)
def test_integrations_that_http_apis_do_not_have_are_refused(api: HttpApi, wrong: dict[str, Any]) -> None:
    assert error_of(lambda: api.integration(**wrong))[:2] == ("BadRequestException", 400)


@pytest.mark.parametrize(
    "mappings",
    [
        {"append:header.Authorization": "x"},
        {"overwrite:header.X-Amzn-Trace-Id": "x"},
        {"remove:header.Via": ""},
        {"append:header.access-control-allow-origin": "*"},
        {"append:path": "/x"},
        {"append:cookie.a": "x"},
        {"append:header.a b": "x"},
        {"append:header.a": "$request.nothing.b"},
        {"append:header.a": "${request.header.a} ${nothing}"},
    ],
)
def test_mappings_that_aws_does_not_accept_are_refused(api: HttpApi, mappings: dict[str, str]) -> None:
    code, status, text = error_of(lambda: api.function("f", RequestParameters=mappings))
    assert (code, status) == ("BadRequestException", 400)
    assert text.startswith("Invalid mapping expression specified: Validation Result: warnings : [], errors : [")


def test_vpc_links_are_kept_and_lead_where_the_uri_does(api: HttpApi) -> None:
    client = api.client
    made = client.create_vpc_link(Name="l", SubnetIds=["subnet-1"], Tags={"a": "b"})
    number = made["VpcLinkId"]
    assert (made["VpcLinkStatus"], client.get_vpc_link(VpcLinkId=number)["VpcLinkStatus"]) == ("PENDING", "AVAILABLE")
    assert client.update_vpc_link(VpcLinkId=number, Name="m")["Name"] == "m"
    assert [link["Name"] for link in client.get_vpc_links()["Items"]] == ["m"]
    arn = f"arn:aws:apigateway:us-east-1::/vpclinks/{number}"
    client.tag_resource(ResourceArn=arn, Tags={"c": "d"})
    assert client.get_tags(ResourceArn=arn)["Tags"] == {"a": "b", "c": "d"}
    balancer = "arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/x/1/2"
    members = {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": balancer}
    for wrong in (
        {"ConnectionType": "VPC_LINK"},
        {"ConnectionId": number},
        {"ConnectionId": number, "ConnectionType": "INTERNET"},
    ):
        assert error_of(lambda wrong=wrong: api.integration(**members, **wrong))[:2] == ("BadRequestException", 400)
    missing = error_of(lambda: api.integration(**members, ConnectionType="VPC_LINK", ConnectionId="none"))
    assert missing[:2] == ("NotFoundException", 404)
    assert error_of(lambda: api.integration(**members))[:2] == ("BadRequestException", 400)
    api.route("$default", api.integration(**members, ConnectionType="VPC_LINK", ConnectionId=number))
    answer = api.ask("/")
    assert (answer.status, answer.headers["x-emulator-error"]) == (501, "not-emulated")
    assert error_of(lambda: client.delete_vpc_link(VpcLinkId=number))[:2] == ("BadRequestException", 400)
    client.delete_api(ApiId=api.id)
    client.delete_vpc_link(VpcLinkId=number)
    assert error_of(lambda: client.get_vpc_link(VpcLinkId=number))[:2] == ("NotFoundException", 404)


def test_a_model_has_a_template_that_makes_a_sample(api: HttpApi) -> None:
    schema = json.dumps({"type": "object", "properties": {"name": {"type": "string"}}})
    model = api.client.create_model(ApiId=api.id, Name="M", ContentType="application/json", Schema=schema)
    template = api.client.get_model_template(ApiId=api.id, ModelId=model["ModelId"])["Value"]
    assert '"name"' in template
    assert error_of(lambda: api.client.get_model_template(ApiId=api.id, ModelId="none"))[1] == 404


# ── stages and deployments ──────────────────────────────────────────────────────────────────────


def test_stages_and_deployments_live(api: HttpApi) -> None:
    client = api.client
    stage = client.create_stage(ApiId=api.id, StageName="dev", StageVariables={"a": "1", "b": "2"}, Tags={"t": "1"})
    assert stage["DefaultRouteSettings"] == {"DetailedMetricsEnabled": False}
    assert (stage["RouteSettings"], stage["StageVariables"]) == ({}, {"a": "1", "b": "2"})
    assert error_of(lambda: client.create_stage(ApiId=api.id, StageName="dev")) == (
        "ConflictException",
        409,
        "Stage already exists",
    )
    assert error_of(lambda: client.create_deployment(ApiId=api.id))[:2] == ("BadRequestException", 400)
    api.route("GET /x", api.function("f"))
    deployment = client.create_deployment(ApiId=api.id, StageName="dev", Description="first")
    identifier = deployment["DeploymentId"]
    assert (deployment["DeploymentStatus"], deployment["AutoDeployed"]) == ("DEPLOYED", False)
    assert client.get_stage(ApiId=api.id, StageName="dev")["DeploymentId"] == identifier
    named = {"ApiId": api.id, "DeploymentId": identifier}
    assert client.update_deployment(**named, Description="again")["Description"] == "again"
    assert client.get_deployment(**named)["Description"] == "again"
    assert identifier in [item["DeploymentId"] for item in client.get_deployments(ApiId=api.id)["Items"]]
    assert error_of(lambda: client.delete_deployment(**named))[:2] == ("ConflictException", 409)
    changed = client.update_stage(ApiId=api.id, StageName="dev", StageVariables={"a": "", "c": "3"}, AutoDeploy=True)
    assert changed["StageVariables"] == {"b": "2", "c": "3"}
    client.delete_deployment(**named)
    client.delete_stage(ApiId=api.id, StageName="dev")
    assert [item["StageName"] for item in client.get_stages(ApiId=api.id)["Items"]] == ["$default"]
    assert error_of(lambda: client.get_stage(ApiId=api.id, StageName="dev"))[:2] == ("NotFoundException", 404)


def test_route_settings_and_access_logs_are_deleted_one_by_one(api: HttpApi) -> None:
    api.route("GET /x", api.function("f"))
    named = {"ApiId": api.id, "StageName": "$default"}
    api.client.update_stage(
        **named,
        RouteSettings={"GET /x": {"ThrottlingBurstLimit": 1, "ThrottlingRateLimit": 1.0}},
        AccessLogSettings={"DestinationArn": "arn:aws:logs:us-east-1:000000000000:log-group:g", "Format": "x"},
    )
    api.client.delete_route_settings(**named, RouteKey="GET /x")
    api.client.delete_access_log_settings(**named)
    stage = api.client.get_stage(**named)
    assert (stage["RouteSettings"], "AccessLogSettings" in stage) == ({}, False)
    assert error_of(lambda: api.client.delete_route_settings(**named, RouteKey="GET /x"))[1] == 404
    unknown = {"GET /y": {"ThrottlingBurstLimit": 1}}
    assert error_of(lambda: api.client.update_stage(**named, RouteSettings=unknown))[:2] == ("NotFoundException", 404)


def test_automatic_deployments_do_not_pile_up(api: HttpApi) -> None:
    target = api.function("f")
    for number in range(5):
        api.route(f"GET /{number}", target)
    [deployment] = api.client.get_deployments(ApiId=api.id)["Items"]
    assert deployment["AutoDeployed"]
    stage = api.client.get_stage(ApiId=api.id, StageName="$default")
    assert stage["LastDeploymentStatusMessage"] == (
        f"Successfully deployed stage with deployment ID '{deployment['DeploymentId']}'"
    )


# ── models, tags, domain names ──────────────────────────────────────────────────────────────────


def test_models_are_kept(api: HttpApi) -> None:
    made = api.client.create_model(ApiId=api.id, Name="Pet", Schema='{"type":"object"}')
    named = {"ApiId": api.id, "ModelId": made["ModelId"]}
    assert made["ContentType"] == "application/json"
    assert api.client.update_model(**named, Description="d")["Description"] == "d"
    assert api.client.get_model(**named)["Schema"] == '{"type":"object"}'
    assert len(api.client.get_models(ApiId=api.id)["Items"]) == 1
    for wrong in ({"Name": "Pet", "Schema": "{}"}, {"Name": "a-b", "Schema": "{}"}, {"Name": "B", "Schema": "{"}):
        assert error_of(lambda wrong=wrong: api.client.create_model(ApiId=api.id, **wrong))[1] in (400, 409)
    api.client.delete_model(**named)
    assert error_of(lambda: api.client.get_model(**named))[1] == 404


def test_apis_stages_and_domain_names_have_tags(api: HttpApi) -> None:
    api.client.create_domain_name(DomainName="shop.example.com", Tags={"a": "1"})
    prefix = "arn:aws:apigateway:us-east-1::"
    for arn in (f"/apis/{api.id}", f"/apis/{api.id}/stages/$default", "/domainnames/shop.example.com"):
        api.client.tag_resource(ResourceArn=prefix + arn, Tags={"a": "1", "b": "2"})
        api.client.untag_resource(ResourceArn=prefix + arn, TagKeys=["a"])
        assert api.client.get_tags(ResourceArn=prefix + arn)["Tags"] == {"b": "2"}
    assert api.client.get_api(ApiId=api.id)["Tags"] == {"b": "2"}
    for wrong in ("arn:aws:apigateway:us-east-1::/nothing", "x", prefix + f"/apis/{api.id}/routes/r"):
        assert error_of(lambda wrong=wrong: api.client.get_tags(ResourceArn=wrong))[1] == 400


def test_domain_names_and_mappings_are_kept(api: HttpApi) -> None:
    client = api.client
    configuration = {"CertificateArn": "arn:aws:acm:us-east-1:000000000000:certificate/c", "EndpointType": "REGIONAL"}
    made = client.create_domain_name(DomainName="shop.example.com", DomainNameConfigurations=[configuration])
    assert made["ApiMappingSelectionExpression"] == "$request.basepath"
    assert made["DomainNameConfigurations"][0]["DomainNameStatus"] == "AVAILABLE"
    assert error_of(lambda: client.create_domain_name(DomainName="shop.example.com"))[1] == 409
    mapping = client.create_api_mapping(
        DomainName="shop.example.com", ApiId=api.id, Stage="$default", ApiMappingKey="v1"
    )
    named = {"DomainName": "shop.example.com", "ApiMappingId": mapping["ApiMappingId"]}
    assert client.get_api_mapping(**named)["ApiMappingKey"] == "v1"
    assert client.update_api_mapping(**named, ApiId=api.id, ApiMappingKey="v2")["ApiMappingKey"] == "v2"
    assert len(client.get_api_mappings(DomainName="shop.example.com")["Items"]) == 1
    client.delete_api_mapping(**named)
    assert error_of(lambda: client.get_api_mapping(**named))[1] == 404
    assert client.get_domain_name(DomainName="shop.example.com")["DomainName"] == "shop.example.com"
    assert len(client.get_domain_names()["Items"]) == 1
    changed = client.update_domain_name(DomainName="shop.example.com", DomainNameConfigurations=[configuration])
    assert changed["DomainNameConfigurations"][0]["CertificateArn"].endswith("/c")
    client.delete_domain_name(DomainName="shop.example.com")
    assert error_of(lambda: client.get_domain_name(DomainName="shop.example.com"))[1] == 404


# ── OpenAPI ─────────────────────────────────────────────────────────────────────────────────────

DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.1",
    "info": {"title": "shop", "description": "sells", "version": "2"},
    "tags": [{"name": "team", "x-amazon-apigateway-tag-value": "pets"}],
    "servers": [{"url": "https://x/{basePath}", "variables": {"basePath": {"default": "/v1"}}}],
    "paths": {
        "/pets/{id}": {
            "get": {
                "operationId": "pet",
                "security": [{"who": ["read"]}],
                "x-amazon-apigateway-integration": {
                    "type": "aws_proxy",
                    "httpMethod": "POST",
                    "uri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}echo/invocations",
                    "payloadFormatVersion": "2.0",
                    "timeoutInMillis": 5000,
                },
            },
            "parameters": [],
        },
        "/$default": {
            "x-amazon-apigateway-any-method": {
                "isDefaultRoute": True,
                "x-amazon-apigateway-integration": {"$ref": "#/components/x-amazon-apigateway-integrations/echo"},
            }
        },
    },
    "components": {
        "securitySchemes": {
            "who": {
                "type": "oauth2",
                "x-amazon-apigateway-authorizer": {
                    "type": "jwt",
                    "identitySource": "$request.header.Authorization",
                    "jwtConfiguration": {"issuer": "http://issuer", "audience": ["shop"]},
                },
            }
        },
        "x-amazon-apigateway-integrations": {
            "echo": {"type": "AWS_PROXY", "uri": FUNCTION + "echo", "payloadFormatVersion": 2.0}
        },
    },
    "x-amazon-apigateway-cors": {"allowOrigins": ["*"], "allowMethods": ["GET"], "maxAge": 5},
}


def test_an_openapi_document_becomes_an_api_and_is_exported_again(emulator: Emulator, client: Any) -> None:
    echo(emulator)
    made = client.import_api(Body=json.dumps(DOCUMENT))
    identifier = made["ApiId"]
    assert (made["Name"], made["Version"], made["Tags"]) == ("shop", "2", {"team": "pets"})
    assert made["CorsConfiguration"] == {"AllowOrigins": ["*"], "AllowMethods": ["GET"], "MaxAge": 5}
    routes = {route["RouteKey"]: route for route in client.get_routes(ApiId=identifier)["Items"]}
    assert sorted(routes) == ["$default", "GET /pets/{id}"]
    assert (routes["GET /pets/{id}"]["AuthorizationType"], routes["GET /pets/{id}"]["AuthorizationScopes"]) == (
        "JWT",
        ["read"],
    )
    client.create_stage(ApiId=identifier, StageName="$default", AutoDeploy=True)
    assert ask(made["ApiEndpoint"] + "/anything").json()["routeKey"] == "$default"
    assert ask(made["ApiEndpoint"] + "/pets/1").status == 401
    for output in ("JSON", "YAML"):
        exported = client.export_api(ApiId=identifier, Specification="OAS30", OutputType=output, StageName="$default")
        text = exported["body"].read().decode()
        again = client.import_api(Body=text)
        keys = sorted(route["RouteKey"] for route in client.get_routes(ApiId=again["ApiId"])["Items"])
        assert keys == ["$default", "GET /pets/{id}"]
    changed = client.reimport_api(ApiId=identifier, Body=json.dumps(DOCUMENT), Basepath="prepend")
    assert changed["ApiId"] == identifier
    keys = sorted(route["RouteKey"] for route in client.get_routes(ApiId=identifier)["Items"])
    assert keys == ["$default", "GET /v1/pets/{id}"]


@pytest.mark.parametrize(
    "changes",
    [
        {"openapi": "2.0"},
        {"info": {}},
        {"paths": {"/x": []}},
        {"paths": {"/x": {"get": 1}}},
        {"paths": {"/x": {"get": {"x-amazon-apigateway-integration": {"type": "mock"}}}}},
        {"paths": {"/x": {"get": {"x-amazon-apigateway-integration": {"$ref": "#/nowhere"}}}}},
        {"paths": {"x": {"get": {}}}},
        {"components": []},
        {"components": {"securitySchemes": {"a": {"x-amazon-apigateway-authorizer": 1}}}},
        {"x-amazon-apigateway-cors": {"maxAge": "soon"}},
        {"tags": 1},
    ],
)
def test_documents_that_describe_no_http_api_are_refused(client: Any, changes: dict[str, Any]) -> None:
    body = json.dumps({**DOCUMENT, **changes})
    assert error_of(lambda: client.import_api(Body=body))[:2] == ("BadRequestException", 400)
    assert client.get_apis()["Items"] == []


def test_warnings_can_fail_an_import(client: Any) -> None:
    body = json.dumps({**DOCUMENT, "paths": {"/x": {"get": {}}}})
    assert error_of(lambda: client.import_api(Body=body, FailOnWarnings=True))[:2] == ("BadRequestException", 400)
    assert client.import_api(Body=body)["Warnings"] == ["No integration defined for route 'GET /x'"]
    for wrong in ({"Specification": "OAS20"}, {"OutputType": "XML"}, {"StageName": "none"}, {"ExportVersion": "9"}):
        members = {"ApiId": client.get_apis()["Items"][0]["ApiId"], "Specification": "OAS30", "OutputType": "JSON"}
        assert error_of(lambda members={**members, **wrong}: client.export_api(**members))[1] in (400, 404)


def least(shape: Any) -> Any:
    """The least value of a shape of botocore's model: required members only."""
    if shape.type_name == "structure":
        return {name: least(shape.members[name]) for name in shape.required_members}
    if shape.type_name in ("list", "map"):
        return [] if shape.type_name == "list" else {}
    return {"boolean": True, "integer": 1}.get(shape.type_name, "example-1")


def test_portals_are_refused_by_the_name_of_each_operation(emulator: RunningEmulator) -> None:
    client = emulator.client("apigatewayv2")
    model = client.meta.service_model
    missing = [name for name in model.operation_names if name not in OPERATIONS]
    assert all("Portal" in name or "Product" in name for name in missing)
    described = (Path(__file__).parents[2] / "docs" / "compatibility.md").read_text()
    for name in missing:
        with pytest.raises(ClientError) as refused:
            client._make_api_call(name, least(model.operation_model(name).input_shape))
        answer: Any = refused.value.response
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 501
        assert f"apigatewayv2.{name} is not emulated" in answer["Error"]["Message"]
        assert name in described
