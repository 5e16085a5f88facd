"""Who may connect to a WebSocket API: REQUEST authorizers, signatures, API keys, required parameters."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.http_api_support import FUNCTION
from tests.wire.lambda_support import error_of
from tests.wire.test_connections import SIGNED
from tests.wire.websocket_support import Refused, WebSocketApi, echo, websocket_api

Emulator = RunningEmulator

AUTHORIZES = """
def handler(event, context):
    what = (event["queryStringParameters"] or {}).get("do")
    if what == "raise":
        raise ValueError("intended")
    if what == "unauthorized":
        raise Exception("Unauthorized")
    if what == "nonsense":
        return {"isAuthorized": True}
    effect = "Deny" if what == "deny" else "Allow"
    resource = event["methodArn"] if what != "elsewhere" else "arn:aws:execute-api:us-east-1:1:x/*"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": resource}
    if what in ("near", "far"):
        addresses = "127.0.0.0/8" if what == "near" else "10.0.0.0/8"
        statement["Condition"] = {"IpAddress": {"aws:SourceIp": addresses}}
    told = {"number": 1, "flag": True, "text": "t", "event": ",".join(event)}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}, "context": told}
"""


@pytest.fixture
def api(emulator: Emulator) -> WebSocketApi:
    """`$connect` behind an authorizer that wants the header `Auth`."""
    made = websocket_api(emulator)
    echo(emulator, "authorizes", AUTHORIZES)
    authorizer = made.client.create_authorizer(
        ApiId=made.id,
        Name="a",
        AuthorizerType="REQUEST",
        AuthorizerUri=FUNCTION + "authorizes",
        IdentitySource=["route.request.header.Auth"],
    )["AuthorizerId"]
    made.route("$connect", None, AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    made.route("$default", made.function(echo(emulator)))
    return made


def at(api: WebSocketApi, query: str = "") -> str:
    return f"/_aws/execute-api/{api.id}/prod{query}"


def test_what_the_authorizer_says_is_in_every_event(api: WebSocketApi) -> None:
    with api.talk(headers={"Auth": "token"}) as client:
        client.say("hello")
        context = client.json()["requestContext"]
    told = context["authorizer"]
    assert list(context)[:3] == ["routeKey", "authorizer", "messageId"]
    assert (told["principalId"], told["number"], told["flag"], told["text"]) == ("me", "1", "true", "t")
    assert told["integrationLatency"] == 0
    assert told["event"].split(",") == [
        "type",
        "methodArn",
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "stageVariables",
        "requestContext",
    ]


@pytest.mark.parametrize(
    ("query", "headers", "status", "message"),
    [
        ("", {}, 401, "Unauthorized"),
        ("?do=far", {"Auth": "x"}, 403, "User is not authorized to access this resource"),
        ("?do=deny", {"Auth": "x"}, 403, "User is not authorized to access this resource with an explicit deny"),
        ("?do=elsewhere", {"Auth": "x"}, 403, "User is not authorized to access this resource"),
        ("?do=unauthorized", {"Auth": "x"}, 401, "Unauthorized"),
        ("?do=raise", {"Auth": "x"}, 500, "Internal server error"),
        ("?do=nonsense", {"Auth": "x"}, 500, "Internal server error"),
    ],
)
def test_who_may_not_connect_is_told_why(
    api: WebSocketApi, query: str, headers: dict[str, str], status: int, message: str
) -> None:
    with pytest.raises(Refused) as refused:
        api.connect(at(api, query), headers=headers)
    assert (refused.value.status, json.loads(refused.value.body)) == (status, {"message": message})


def test_a_signature_must_be_there(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    api.route("$connect", AuthorizationType="AWS_IAM")
    with pytest.raises(Refused) as refused:
        api.connect()
    assert (refused.value.status, refused.value.body) == (403, b'{"message":"Missing Authentication Token"}')
    with api.talk(headers=SIGNED):
        pass


def test_an_api_key_must_be_an_enabled_one_of_the_stage_s_usage_plan(emulator: Emulator) -> None:
    keys = emulator.client("apigateway")
    api = websocket_api(emulator)
    api.route("$connect", ApiKeyRequired=True)
    stages = [{"apiId": api.id, "stage": "prod"}]
    plan = keys.create_usage_plan(name="two a day", apiStages=stages, quota={"limit": 2, "period": "DAY"})["id"]
    for name, enabled, in_plan in (("good", True, True), ("off", False, True), ("stranger", True, False)):
        made = keys.create_api_key(name=name, enabled=enabled, value=name.ljust(24, "x"))
        if in_plan:
            keys.create_usage_plan_key(usagePlanId=plan, keyId=made["id"], keyType="API_KEY")
    for key in ({}, *({"x-api-key": name.ljust(24, "x")} for name in ("wrong", "off", "stranger"))):
        with pytest.raises(Refused) as refused:
            api.connect(headers=key)
        assert (refused.value.status, refused.value.body) == (403, b'{"message":"Forbidden"}')
    good = {"X-API-Key": "good".ljust(24, "x")}
    for _ in range(2):
        with api.talk(headers=good):
            pass
    with pytest.raises(Refused) as refused:
        api.connect(headers=good)
    assert (refused.value.status, refused.value.body) == (429, b'{"message":"Limit Exceeded"}')
    emulator.advance(24 * 3600)
    with api.talk(headers=good):
        pass


def test_usage_plans_are_for_stages_that_are_there(emulator: Emulator) -> None:
    keys = emulator.client("apigateway")
    api = websocket_api(emulator)
    for stage in ({"apiId": api.id, "stage": "none"}, {"apiId": "none", "stage": "prod"}):
        assert error_of(lambda stage=stage: keys.create_usage_plan(name="p", apiStages=[stage]))[1] == 404


def test_required_parameters_are_required(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    wanted: dict[str, Any] = {
        "route.request.querystring.room": {"Required": True},
        "route.request.header.X-Lang": {"Required": False},
    }
    route = api.route("$connect", RequestParameters=wanted)
    with pytest.raises(Refused) as refused:
        api.connect()
    assert refused.value.status == 400
    with api.talk(path=at(api, "?room=1")):
        pass
    api.client.delete_route_request_parameter(
        ApiId=api.id, RouteId=route, RequestParameterKey="route.request.querystring.room"
    )
    with api.talk():
        pass


def test_authorizers_of_websocket_apis_are_not_those_of_http_apis(api: WebSocketApi) -> None:
    members = {"ApiId": api.id, "Name": "b", "AuthorizerType": "REQUEST", "AuthorizerUri": FUNCTION + "authorizes"}
    for wrong in (
        {"AuthorizerPayloadFormatVersion": "2.0", "IdentitySource": []},
        {"EnableSimpleResponses": True, "IdentitySource": []},
        {"IdentitySource": ["$request.header.Auth"]},
        {"IdentitySource": [], "AuthorizerUri": "arn:aws:s3:::x"},
        {"AuthorizerType": "JWT", "IdentitySource": []},
    ):
        refused = error_of(lambda wrong=wrong: api.client.create_authorizer(**{**members, **wrong}))
        assert refused[:2] == ("BadRequestException", 400), wrong
