"""The control plane of WebSocket APIs through boto3: every operation that only they have, and what AWS refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.http_api_support import FUNCTION
from tests.wire.lambda_support import error_of
from tests.wire.websocket_support import WebSocketApi, echo, websocket_api

Emulator = RunningEmulator
BAD, CONFLICT, MISSING = ("BadRequestException", 400), ("ConflictException", 409), ("NotFoundException", 404)


@pytest.fixture
def api(emulator: Emulator) -> WebSocketApi:
    return websocket_api(emulator)


def test_an_api_is_created_shown_updated_and_deleted(emulator: Emulator) -> None:
    client = emulator.client("apigatewayv2")
    made = client.create_api(
        Name="talk", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action", Tags={"a": "b"}
    )
    number = made["ApiId"]
    assert made["ApiEndpoint"].startswith(f"ws://{number}.execute-api.us-east-1.localhost")
    assert (made["ProtocolType"], made["ApiKeySelectionExpression"]) == ("WEBSOCKET", "$request.header.x-api-key")
    assert (made["RouteSelectionExpression"], made["DisableSchemaValidation"]) == ("$request.body.action", False)
    changed = client.update_api(ApiId=number, RouteSelectionExpression="${request.body.type}", Description="d")
    assert (changed["RouteSelectionExpression"], changed["Description"]) == ("${request.body.type}", "d")
    assert client.get_tags(ResourceArn=f"arn:aws:apigateway:us-east-1::/apis/{number}")["Tags"] == {"a": "b"}
    client.delete_api(ApiId=number)
    assert error_of(lambda: client.get_api(ApiId=number))[:2] == MISSING


@pytest.mark.parametrize(
    "wrong",
    [
        {"RouteSelectionExpression": None},
        {"RouteSelectionExpression": "$request.header.x"},
        {"ApiKeySelectionExpression": "$request.header.other"},
        {"CorsConfiguration": {"AllowOrigins": ["*"]}},
        {"Target": FUNCTION + "f"},
    ],
)
def test_an_api_that_aws_would_not_take_is_refused(emulator: Emulator, wrong: dict[str, Any]) -> None:
    members = {"Name": "t", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action", **wrong}
    members = {name: value for name, value in members.items() if value is not None}
    assert error_of(lambda: emulator.client("apigatewayv2").create_api(**members))[:2] == BAD


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"RouteKey": "$other"}, BAD),
        ({"RouteKey": "a", "AuthorizationType": "AWS_IAM"}, BAD),
        ({"RouteKey": "a", "ApiKeyRequired": True}, BAD),
        ({"RouteKey": "$connect", "AuthorizationType": "JWT", "AuthorizerId": "x"}, BAD),
        ({"RouteKey": "a", "RequestParameters": {"route.request.header.x": {"Required": True}}}, BAD),
        ({"RouteKey": "$connect", "RequestParameters": {"header.x": {"Required": True}}}, BAD),
        ({"RouteKey": "a", "RouteResponseSelectionExpression": "$request.body.x"}, BAD),
        ({"RouteKey": "a", "RequestModels": {"$default": "Nowhere"}}, BAD),
        ({"RouteKey": "a", "Target": "integrations/none"}, MISSING),
        ({"RouteKey": "known"}, CONFLICT),
    ],
)
def test_a_route_that_aws_would_not_take_is_refused(api: WebSocketApi, members: Any, error: tuple[str, int]) -> None:
    api.route("known")
    refused = error_of(lambda: api.client.create_route(ApiId=api.id, **members))
    assert refused[:2] == error
    if members["RouteKey"] == "a" and ("AuthorizationType" in members or "ApiKeyRequired" in members):
        assert refused[2] == "Currently, authorization is restricted to the $connect route only"


def test_a_route_is_shown_as_it_was_made(api: WebSocketApi) -> None:
    api.client.create_model(ApiId=api.id, Name="M", ContentType="application/json", Schema="{}")
    members = {
        "ModelSelectionExpression": "$request.body.kind",
        "OperationName": "Talk",
        "RequestModels": {"$default": "M"},
        "RouteKey": "talk",
        "RouteResponseSelectionExpression": "$default",
    }
    made = api.client.create_route(ApiId=api.id, **members)
    shown = api.client.get_route(ApiId=api.id, RouteId=made["RouteId"])
    assert {name: shown[name] for name in members} == members
    changed = api.client.update_route(ApiId=api.id, RouteId=made["RouteId"], RouteKey="say")
    assert (changed["RouteKey"], changed["OperationName"]) == ("say", "Talk")
    assert error_of(lambda: api.client.update_route(ApiId=api.id, RouteId=made["RouteId"], RouteKey="$x"))[:2] == BAD
    assert api.client.get_route(ApiId=api.id, RouteId=made["RouteId"])["RouteKey"] == "say"
    api.client.delete_route(ApiId=api.id, RouteId=made["RouteId"])
    assert api.client.get_routes(ApiId=api.id)["Items"] == []


@pytest.mark.parametrize(
    "wrong",
    [
        {"IntegrationType": "AWS_PROXY"},
        {"IntegrationType": "AWS_PROXY", "IntegrationUri": "arn:aws:apigateway:us-east-1:sqs:action/SendMessage"},
        {"IntegrationType": "HTTP", "IntegrationUri": "ftp://x", "IntegrationMethod": "POST"},
        {"IntegrationType": "HTTP", "IntegrationUri": "http://x"},
        {"IntegrationType": "MOCK", "TimeoutInMillis": 30000},
        {"IntegrationType": "MOCK", "PayloadFormatVersion": "2.0"},
        {"IntegrationType": "MOCK", "IntegrationSubtype": "SQS-SendMessage"},
        {"IntegrationType": "MOCK", "ResponseParameters": {"200": {"overwrite:statuscode": "201"}}},
        {"IntegrationType": "MOCK", "RequestParameters": {"append:header.x": "y"}},
    ],
)
def test_an_integration_that_aws_would_not_take_is_refused(api: WebSocketApi, wrong: dict[str, Any]) -> None:
    assert error_of(lambda: api.integration(**wrong))[:2] == BAD
    assert api.client.get_integrations(ApiId=api.id)["Items"] == []


def test_an_integration_has_awss_defaults(api: WebSocketApi) -> None:
    made = api.client.create_integration(ApiId=api.id, IntegrationType="AWS_PROXY", IntegrationUri=FUNCTION + "f")
    assert (made["PassthroughBehavior"], made["TimeoutInMillis"], made["ConnectionType"]) == (
        "WHEN_NO_MATCH",
        29000,
        "INTERNET",
    )
    assert (made["IntegrationMethod"], made["PayloadFormatVersion"]) == ("POST", "1.0")
    assert made["IntegrationResponseSelectionExpression"] == "${integration.response.body.errorMessage}"
    templates = {"a": "{}", "b": "[]"}
    changed = api.client.update_integration(
        ApiId=api.id, IntegrationId=made["IntegrationId"], RequestTemplates=templates, TimeoutInMillis=50
    )
    assert (changed["RequestTemplates"], changed["TimeoutInMillis"]) == (templates, 50)


def test_integration_responses_come_and_go(api: WebSocketApi) -> None:
    owner = {"ApiId": api.id, "IntegrationId": api.integration(IntegrationType="MOCK")}
    members = {
        "IntegrationResponseKey": "/2\\d\\d/",
        "ResponseTemplates": {"$default": "x"},
        "TemplateSelectionExpression": "y",
        "ContentHandlingStrategy": "CONVERT_TO_TEXT",
        "ResponseParameters": {"method.response.header.x": "'y'"},
    }
    made = api.client.create_integration_response(**owner, **members)
    named = {**owner, "IntegrationResponseId": made["IntegrationResponseId"]}
    shown = api.client.get_integration_response(**named)
    assert {name: shown[name] for name in members} == members
    for key, error in (("/2\\d\\d/", CONFLICT), ("200", BAD), ("//", BAD)):
        refused = error_of(lambda key=key: api.client.create_integration_response(**owner, IntegrationResponseKey=key))
        assert refused[:2] == error
    changed = api.client.update_integration_response(**named, IntegrationResponseKey="$default")
    assert changed["IntegrationResponseKey"] == "$default"
    assert [item["IntegrationResponseId"] for item in api.client.get_integration_responses(**owner)["Items"]] == [
        made["IntegrationResponseId"]
    ]
    api.client.delete_integration_response(**named)
    for call in (api.client.get_integration_response, api.client.delete_integration_response):
        assert error_of(lambda call=call: call(**named))[:2] == MISSING


def test_route_responses_come_and_go(api: WebSocketApi) -> None:
    owner = {"ApiId": api.id, "RouteId": api.route("a", two_way=False)}
    made = api.client.create_route_response(**owner, RouteResponseKey="$default", ModelSelectionExpression="m")
    named = {**owner, "RouteResponseId": made["RouteResponseId"]}
    assert api.client.get_route_response(**named)["ModelSelectionExpression"] == "m"
    for key, error in (("$default", CONFLICT), ("other", BAD)):
        refused = error_of(lambda key=key: api.client.create_route_response(**owner, RouteResponseKey=key))
        assert refused[:2] == error
    unknown = {"ResponseModels": {"$default": "Nowhere"}}
    assert error_of(lambda: api.client.update_route_response(**named, **unknown))[:2] == BAD
    assert api.client.update_route_response(**named, ModelSelectionExpression="n")["ModelSelectionExpression"] == "n"
    assert len(api.client.get_route_responses(**owner)["Items"]) == 1
    api.client.delete_route_response(**named)
    for call in (api.client.get_route_response, api.client.delete_route_response):
        assert error_of(lambda call=call: call(**named))[:2] == MISSING


def test_a_parameter_that_connect_does_not_demand_cannot_be_deleted(api: WebSocketApi) -> None:
    route = api.route("$connect")
    refused = error_of(
        lambda: api.client.delete_route_request_parameter(ApiId=api.id, RouteId=route, RequestParameterKey="x")
    )
    assert refused[:2] == MISSING


def test_stages_of_websocket_apis_have_names_and_logging_levels(api: WebSocketApi) -> None:
    assert error_of(lambda: api.client.create_stage(ApiId=api.id, StageName="$default"))[:2] == BAD
    settings = {"LoggingLevel": "INFO", "DataTraceEnabled": True, "DetailedMetricsEnabled": True}
    made = api.client.create_stage(ApiId=api.id, StageName="dev", DefaultRouteSettings=settings)
    assert made["DefaultRouteSettings"] == settings


def test_a_deployment_freezes_what_clients_get(emulator: Emulator) -> None:
    client = emulator.client("apigatewayv2")
    number = client.create_api(Name="t", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.a")["ApiId"]
    api = WebSocketApi(emulator, client, number)
    assert error_of(lambda: client.create_deployment(ApiId=number))[:2] == BAD
    api.route("$default", api.function(echo(emulator)))
    client.create_stage(ApiId=number, StageName="prod")
    client.create_deployment(ApiId=number, StageName="prod")
    api.route("later", api.function())
    with api.talk() as client_of_stage:
        client_of_stage.say({"a": "later"})
        assert client_of_stage.json()["requestContext"]["routeKey"] == "$default"
        client.create_deployment(ApiId=number, StageName="prod")
        client_of_stage.say({"a": "later"})
        assert client_of_stage.json()["requestContext"]["routeKey"] == "later"


def test_what_only_http_apis_have_is_refused(api: WebSocketApi) -> None:
    document = json.dumps({"openapi": "3.0.1", "info": {"title": "x", "version": "1"}, "paths": {}})
    for call in (
        lambda: api.client.reimport_api(ApiId=api.id, Body=document),
        lambda: api.client.export_api(ApiId=api.id, Specification="OAS30", OutputType="JSON"),
    ):
        assert error_of(call)[:2] == BAD
    http = api.client.create_api(Name="h", ProtocolType="HTTP")["ApiId"]
    route = api.client.create_route(ApiId=http, RouteKey="GET /")["RouteId"]
    refused = error_of(lambda: api.client.create_route_response(ApiId=http, RouteId=route, RouteResponseKey="$default"))
    assert refused[:2] == BAD
