"""Quotas of API Gateway: live settings with AWS's numbers, refused with AWS's text, and nothing is changed."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import LiveSettings
from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, function_uri, mock
from tests.wire.http_api_support import http_api

MEGABYTE = 1024 * 1024


def refused(call: Callable[[], Any]) -> tuple[int, str, str]:
    """Status, code and text of a refusal."""
    with pytest.raises(ClientError) as caught:
        call()
    answer: Any = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def too_many(noun: str, owner: str = "API") -> str:
    return (
        f"Maximum number of {noun} for this {owner} has been reached. Please contact AWS if you need additional {noun}."
    )


def test_the_numbers_are_aws_s() -> None:
    aws = LiveSettings()
    of_an_api = (aws.api_resources, aws.api_stages, aws.api_authorizers, aws.api_routes, aws.api_integrations)
    assert of_an_api == (300, 10, 10, 300, 300)
    assert (aws.documentation_parts, aws.api_keys, aws.usage_plans, aws.usage_plans_of_key) == (2000, 10_000, 300, 10)
    assert (aws.edge_apis, aws.regional_apis, aws.client_certificates, aws.custom_domain_names) == (120, 600, 60, 120)


def test_one_more_of_what_a_rest_api_may_have_is_refused(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    client, ids = api.client, {"restApiId": api.id}
    emulator.control(
        "PUT", "settings", {"api_resources": 2, "api_stages": 1, "api_authorizers": 1, "documentation_parts": 1}
    )
    api.method("/a", "GET", **mock())
    first = {**ids, "type": "TOKEN", "authorizerUri": function_uri("f"), "identitySource": "method.request.header.A"}
    client.create_authorizer(**first, name="one")
    deployment = api.deploy()
    client.create_documentation_part(**ids, location={"type": "API"}, properties="{}")
    cases: list[tuple[str, Callable[[], Any]]] = [
        ("resources", lambda: client.create_resource(**ids, parentId=api.root, pathPart="b")),
        ("authorizers", lambda: client.create_authorizer(**first, name="two")),
        ("stages", lambda: client.create_stage(**ids, stageName="two", deploymentId=deployment)),
        ("stages", lambda: client.create_deployment(**ids, stageName="three")),
        (
            "documentation parts",
            lambda: client.create_documentation_part(**ids, location={"type": "MODEL", "name": "M"}, properties="{}"),
        ),
    ]
    for noun, call in cases:
        assert refused(call) == (429, "LimitExceededException", too_many(noun))
    api.deploy()  # to the stage that is there
    assert [stage["stageName"] for stage in client.get_stages(**ids)["item"]] == ["dev"]
    assert len(client.get_resources(**ids)["items"]) == 2
    assert len(client.get_deployments(**ids)["items"]) == 2


def test_a_stage_has_at_most_a_hundred_variables(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    api.method("/a", "GET", **mock())
    api.deploy(variables={f"v{number}": "x" for number in range(100)})
    one = [{"op": "replace", "path": "/variables/one", "value": "x"}]
    more = refused(lambda: api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=one))
    assert more[:2] == (400, "BadRequestException")


def test_one_more_of_what_an_account_may_have_is_refused(emulator: RunningEmulator) -> None:
    client = emulator.client("apigateway")
    emulator.control(
        "PUT",
        "settings",
        {
            "api_keys": 1,
            "usage_plans": 2,
            "usage_plans_of_key": 1,
            "client_certificates": 1,
            "custom_domain_names": 1,
            "edge_apis": 1,
            "regional_apis": 1,
        },
    )
    key = client.create_api_key(name="one", enabled=True)["id"]
    plans = [client.create_usage_plan(name=name)["id"] for name in ("one", "two")]
    client.create_usage_plan_key(usagePlanId=plans[0], keyId=key, keyType="API_KEY")
    client.generate_client_certificate()
    client.create_domain_name(domainName="one.example.com")
    client.create_rest_api(name="one")
    regional = {"endpointConfiguration": {"types": ["REGIONAL"]}}
    client.create_rest_api(name="one", **regional)
    body = json.dumps({"openapi": "3.0.1", "info": {"title": "two", "version": "1"}, "paths": {}}).encode()
    cases: list[tuple[str, str, Callable[[], Any]]] = [
        ("API keys", "account", lambda: client.create_api_key(name="two")),
        ("API keys", "account", lambda: client.import_api_keys(format="csv", body=b"name,key\ntwo," + b"a" * 20)),
        ("usage plans", "account", lambda: client.create_usage_plan(name="three")),
        (
            "usage plans",
            "API key",
            lambda: client.create_usage_plan_key(usagePlanId=plans[1], keyId=key, keyType="API_KEY"),
        ),
        ("client certificates", "account", lambda: client.generate_client_certificate()),
        ("domain names", "account", lambda: client.create_domain_name(domainName="two.example.com")),
        ("edge-optimized APIs", "account", lambda: client.create_rest_api(name="two")),
        ("edge-optimized APIs", "account", lambda: client.import_rest_api(body=body)),
        ("regional APIs", "account", lambda: client.create_rest_api(name="two", **regional)),
    ]
    for noun, owner, call in cases:
        assert refused(call) == (429, "LimitExceededException", too_many(noun, owner))
    private = {"endpointConfiguration": {"types": ["PRIVATE"]}}
    client.create_rest_api(name="private", **private)
    assert len(client.get_rest_apis()["items"]) == 3
    west = emulator.client("apigateway", region_name="us-west-2")
    west.create_rest_api(name="other region")


def test_a_document_with_more_than_an_api_may_have_is_not_imported(emulator: RunningEmulator) -> None:
    client = emulator.client("apigateway")
    emulator.control("PUT", "settings", {"api_resources": 2})

    def document(paths: int) -> bytes:
        named = {f"/{number}": {} for number in range(paths)}
        return json.dumps({"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "paths": named}).encode()

    api = client.import_rest_api(body=document(1))["id"]
    assert refused(lambda: client.import_rest_api(body=document(2)))[2] == too_many("resources")
    assert refused(lambda: client.put_rest_api(restApiId=api, mode="overwrite", body=document(2)))[0] == 429
    assert len(client.get_resources(restApiId=api)["items"]) == 2
    assert len(client.get_rest_apis()["items"]) == 1


def test_documents_of_more_than_six_megabytes_are_not_imported(emulator: RunningEmulator) -> None:
    document = {"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "paths": {}}
    small = json.dumps(document).encode()
    client = emulator.client("apigateway")
    client.import_rest_api(body=small + b" " * (6 * MEGABYTE - len(small)))
    assert refused(lambda: client.import_rest_api(body=small + b" " * (6 * MEGABYTE)))[:2] == (
        400,
        "BadRequestException",
    )


def test_one_more_of_what_an_http_api_may_have_is_refused(emulator: RunningEmulator) -> None:
    api = http_api(emulator)
    names = ("regional_apis", "api_routes", "api_integrations", "api_stages", "api_authorizers")
    emulator.control("PUT", "settings", dict.fromkeys(names, 1))
    target = api.integration(
        IntegrationType="HTTP_PROXY",
        IntegrationMethod="GET",
        IntegrationUri="http://localhost/",
        PayloadFormatVersion="1.0",
    )
    api.route("GET /a", target)
    authorizer: dict[str, Any] = {
        "ApiId": api.id,
        "AuthorizerType": "REQUEST",
        "AuthorizerUri": function_uri("f"),
        "AuthorizerPayloadFormatVersion": "2.0",
        "IdentitySource": ["$request.header.A"],
    }
    api.client.create_authorizer(**authorizer, Name="one")
    cases: list[tuple[str, str, Callable[[], Any]]] = [
        ("Routes", "API", lambda: api.route("GET /b", target)),
        ("Integrations", "API", lambda: api.function("f")),
        ("Authorizers", "API", lambda: api.client.create_authorizer(**authorizer, Name="two")),
        ("Stages", "API", lambda: api.client.create_stage(ApiId=api.id, StageName="two")),
        ("APIs", "account", lambda: http_api(emulator)),
        (
            "APIs",
            "account",
            lambda: api.client.create_api(
                Name="socket", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a"
            ),
        ),
    ]
    for noun, owner, call in cases:
        assert refused(call) == (429, "TooManyRequestsException", too_many(noun, owner))


def test_templates_of_access_logs_have_at_most_three_kilobytes(emulator: RunningEmulator) -> None:
    api, http = RestApi(emulator), http_api(emulator)
    api.method("/a", "GET", **mock())
    api.deploy()

    def of_rest(size: int) -> Any:
        change = [{"op": "replace", "path": "/accessLogSettings/format", "value": "x" * size}]
        return api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=change)

    def of_http(size: int) -> Any:
        group = "arn:aws:logs:us-east-1:000000000000:log-group:g"
        settings = {"DestinationArn": group, "Format": "$context.requestId" + "x" * (size - 18)}
        return http.client.update_stage(ApiId=http.id, StageName="$default", AccessLogSettings=settings)

    for change in (of_rest, of_http):
        change(3072)
        assert refused(lambda change=change: change(3073))[:2] == (400, "BadRequestException")
