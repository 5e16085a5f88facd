"""Conversations with WebSocket APIs: routes, events, answers, errors, limits. Shapes are AWS's documentation's."""

from __future__ import annotations

import json
import re
import socket
from typing import Any

import pytest
from wsproto import events

from emulator.testing import RunningEmulator
from tests.wire.http_api_support import ask, http_api
from tests.wire.http_api_support import echo as http_echo
from tests.wire.websocket_support import Client, Ended, Refused, WebSocketApi, connect, echo, websocket_api

Emulator = RunningEmulator

TELLS = """
import json, os, boto3

def handler(event, context):
    queue = os.environ["QUEUE"]
    boto3.client("sqs").send_message(QueueUrl=queue, MessageBody=json.dumps(event))
    return {"statusCode": 200}
"""


@pytest.fixture
def api(emulator: Emulator) -> WebSocketApi:
    """`$default`, `shout` and `quiet` in front of a function that echoes its event."""
    made = websocket_api(emulator)
    function = made.function(echo(emulator))
    for key in ("$default", "shout"):
        made.route(key, function)
    made.route("quiet", function, two_way=False)
    return made


def telling(emulator: Emulator, name: str = "tells") -> Any:
    """A function that puts its events into a queue; returns how to read them."""
    sqs = emulator.client("sqs")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    echo(emulator, name, TELLS, Environment={"Variables": {"QUEUE": queue}})

    def told() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        return [json.loads(message["Body"]) for message in found]

    return told


# ── routes ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("said", "key"),
    [
        ({"action": "shout"}, "shout"),
        ({"action": "whisper"}, "$default"),
        ({"other": 1}, "$default"),
        ("no JSON", "$default"),
        ('"shout"', "$default"),
        ({"action": {"deep": 1}}, "$default"),
        ({"action": "$connect"}, "$default"),
        ({"action": "$disconnect"}, "$default"),
    ],
)
def test_a_message_takes_the_route_that_its_member_names(api: WebSocketApi, said: Any, key: str) -> None:
    with api.talk() as client:
        client.say(said)
        assert client.json()["requestContext"]["routeKey"] == key


@pytest.mark.parametrize(
    ("expression", "said", "key"),
    [
        ("${request.body.kind}-${request.body.version}", {"kind": "a", "version": 2}, "a-2"),
        ("$request.body.order.type", {"order": {"type": "a-2"}}, "a-2"),
        ("${request.body}", "a-2", "a-2"),
    ],
)
def test_route_selection_expressions_join_variables_and_text(
    emulator: Emulator, expression: str, said: Any, key: str
) -> None:
    api = websocket_api(emulator, RouteSelectionExpression=expression)
    api.route(key, api.function(echo(emulator)))
    with api.talk() as client:
        client.say(said)
        assert client.json()["requestContext"]["routeKey"] == key


def test_a_message_without_a_route_is_forbidden(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    api.route("known", api.function(echo(emulator)))
    with api.talk() as client:
        client.say({"action": "unknown"})
        text = client.hear()
        assert re.fullmatch(r'\{"message": "Forbidden", "connectionId":"[^"]+", "requestId":"[^"]+"\}', text)


def test_a_one_way_route_answers_nothing(api: WebSocketApi) -> None:
    with api.talk() as client:
        client.say({"action": "quiet"})
        client.say({"action": "shout"})
        assert client.json()["requestContext"]["routeKey"] == "shout"


def test_a_route_without_an_integration_agrees_to_everything(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    api.route("$connect")
    api.route("$default")
    api.route("heard", api.function(echo(emulator)))
    with api.talk() as client:
        client.say("nobody listens")
        client.say({"action": "heard"})
        assert client.json()["requestContext"]["routeKey"] == "heard"


# ── events ──────────────────────────────────────────────────────────────────────────────────────


def test_the_event_of_a_message_is_awss(emulator: Emulator) -> None:
    api = websocket_api(emulator, stage={"StageVariables": {"colour": "red"}})
    api.route("$default", api.function(echo(emulator)))
    with api.talk(headers={"User-Agent": "tester"}) as client:
        client.say({"a": "ü"})
        event = client.json()
    context = event["requestContext"]
    assert list(event) == ["requestContext", "stageVariables", "body", "isBase64Encoded"]
    assert list(context) == [
        "routeKey",
        "messageId",
        "eventType",
        "extendedRequestId",
        "requestTime",
        "messageDirection",
        "stage",
        "connectedAt",
        "requestTimeEpoch",
        "identity",
        "requestId",
        "domainName",
        "connectionId",
        "apiId",
    ]
    assert (event["body"], event["isBase64Encoded"]) == (json.dumps({"a": "ü"}), False)
    assert (context["eventType"], context["messageDirection"], context["stage"]) == ("MESSAGE", "IN", "prod")
    assert context["requestId"] == context["extendedRequestId"]
    assert context["identity"] == {"userAgent": "tester", "sourceIp": "127.0.0.1"}
    assert context["domainName"].startswith(f"{api.id}.execute-api.us-east-1.localhost")
    assert re.fullmatch(r"[A-Za-z0-9+/]{15}=", context["connectionId"])
    assert event["stageVariables"] == {"colour": "red"}


def test_the_events_of_connecting_and_disconnecting_are_awss(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    told = telling(emulator)
    for key in ("$connect", "$disconnect"):
        api.route(key, api.function("tells"))
    client = api.connect(f"/_aws/execute-api/{api.id}/prod?room=1&room=2&x=", headers={"X-Own": "yes", "x-own": "no"})
    [connected] = told()
    assert list(connected) == [
        "headers",
        "multiValueHeaders",
        "queryStringParameters",
        "multiValueQueryStringParameters",
        "requestContext",
        "isBase64Encoded",
    ]
    assert connected["queryStringParameters"] == {"room": "2", "x": ""}
    assert connected["multiValueQueryStringParameters"] == {"room": ["1", "2"], "x": [""]}
    assert connected["headers"]["X-Own"] == "yes" and connected["headers"]["x-own"] == "no"
    assert connected["headers"]["Sec-WebSocket-Version"] == "13"
    assert not {"Connection", "Upgrade"} & set(connected["headers"])
    assert {"X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Amzn-Trace-Id"} <= set(connected["headers"])
    context = connected["requestContext"]
    assert (context["routeKey"], context["eventType"]) == ("$connect", "CONNECT")

    client.close(4000, "enough")
    emulator.settle()
    [gone] = told()
    assert list(gone) == ["headers", "multiValueHeaders", "requestContext", "isBase64Encoded"]
    assert set(gone["headers"]) == {"Host", "x-api-key", "X-Forwarded-For", "x-restapi"}
    ended = gone["requestContext"]
    assert list(ended)[:6] == [
        "routeKey",
        "disconnectStatusCode",
        "eventType",
        "extendedRequestId",
        "requestTime",
        "messageDirection",
    ]
    assert (ended["disconnectStatusCode"], ended["disconnectReason"]) == (4000, "enough")
    assert ended["connectionId"] == context["connectionId"] and ended["connectedAt"] == context["connectedAt"]


# ── answers and errors ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "what", [None, "text", [1], {"body": "no status"}, {"statusCode": "abc"}, {"statusCode": 200, "body": {}}]
)
def test_a_function_that_answers_no_response_is_an_internal_error(api: WebSocketApi, what: Any) -> None:
    with api.talk() as client:
        client.say({"do": "return", "what": what})
        heard = client.json()
        assert list(heard) == ["message", "connectionId", "requestId"]
        assert heard["message"] == "Internal server error"


def test_a_function_that_fails_is_an_internal_error_on_one_way_routes_too(api: WebSocketApi) -> None:
    with api.talk() as client:
        client.say({"do": "raise", "action": "quiet"})
        assert client.json()["message"] == "Internal server error"
        client.say({"do": "raise"})
        assert client.json()["message"] == "Internal server error"


def test_a_body_in_base64_is_decoded_and_an_empty_one_says_nothing(api: WebSocketApi) -> None:
    with api.talk() as client:
        client.say({"do": "return", "what": {"statusCode": 200}})
        client.say({"do": "return", "what": {"statusCode": 500, "body": "aGk=", "isBase64Encoded": True}})
        assert client.hear() == "hi"


def test_a_message_does_not_wait_for_the_one_before_it(api: WebSocketApi) -> None:
    with api.talk() as client:
        client.say({"do": "sleep", "for": 2})
        client.say({"do": "return", "what": {"statusCode": 200, "body": "second"}})
        assert client.hear() == "second"
        api.emulator.advance(3)
        assert json.loads(client.json()["body"])["do"] == "sleep"


def test_an_integration_that_takes_longer_than_29_seconds_times_out(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    api.route("$default", api.function(echo(emulator, Timeout=60)))
    with api.talk() as client:
        client.say({"do": "sleep", "for": 40})
        client.send(events.Ping(b"order"))
        assert client.pong() == b"order"  # the message has arrived
        emulator.advance(30)
        assert client.json()["message"] == "Endpoint request timed out"
    emulator.advance(60)


def test_a_model_that_a_message_does_not_fit_is_a_bad_request_body(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    schema = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    api.client.create_model(ApiId=api.id, Name="Named", ContentType="application/json", Schema=json.dumps(schema))
    members = {"ModelSelectionExpression": "$request.body.kind", "RequestModels": {"named": "Named"}}
    api.route("$default", api.function(echo(emulator)), **members)
    with api.talk() as client:
        for said in ({"kind": "named"}, {"kind": "named", "name": 1}, {"kind": "other", "name": "x"}, "no JSON"):
            client.say(said)
            assert client.json()["message"] == "Bad request body"
        client.say({"kind": "named", "name": "x"})
        assert client.json()["requestContext"]["routeKey"] == "$default"


# ── connecting ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("what", "status", "body"),
    [
        ({"statusCode": 401, "body": "who?"}, 401, b"who?"),
        ({"statusCode": 503}, 503, b""),
        ("no response", 502, b'{"message":"Internal server error"}'),
    ],
)
def test_a_connect_that_is_not_answered_with_2xx_is_refused(
    emulator: Emulator, what: Any, status: int, body: bytes
) -> None:
    api = websocket_api(emulator)
    code = f"def handler(event, context):\n    return {what!r}"
    api.route("$connect", api.function(echo(emulator, "decides", code)))
    with pytest.raises(Refused) as refused:
        api.connect()
    assert (refused.value.status, refused.value.body) == (status, body)


def test_a_subprotocol_is_the_one_that_connect_answers(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    code = """
def handler(event, context):
    offered = event["headers"]["Sec-WebSocket-Protocol"].split(", ")
    return {"statusCode": 200, "headers": {"Sec-WebSocket-Protocol": offered[1]}}
"""
    api.route("$connect", api.function(echo(emulator, "chooses", code)))
    with api.talk(subprotocols=["v1", "v2"]) as client:
        assert client.subprotocol == "v2"


@pytest.mark.parametrize(
    "path", ["/_aws/execute-api/{id}/other", "/_aws/execute-api/{id}", "/_aws/execute-api/{id}/prod/x"]
)
def test_what_is_no_stage_is_forbidden(api: WebSocketApi, path: str) -> None:
    with pytest.raises(Refused) as refused:
        api.connect(path.format(id=api.id))
    assert (refused.value.status, refused.value.body) == (403, b'{"message":"Forbidden"}')


def test_an_api_answers_at_its_own_name_and_its_disabled_endpoint_does_not(api: WebSocketApi) -> None:
    host = f"{api.id}.execute-api.us-east-1.localhost:4566"
    with api.talk(path="/prod", host=host) as client:
        client.say("hello")
        assert client.json()["requestContext"]["domainName"] == host
    api.client.update_api(ApiId=api.id, DisableExecuteApiEndpoint=True)
    with pytest.raises(Refused):
        api.connect("/prod", host=host)


# ── limits ──────────────────────────────────────────────────────────────────────────────────────


def ended(client: Client) -> int:
    with pytest.raises(Ended) as problem:
        client.hear()
    return problem.value.code


def test_frames_of_32_and_messages_of_128_kilobytes_are_the_largest(api: WebSocketApi) -> None:
    frame = "x" * 32 * 1024
    with api.talk() as client:
        client.frames([frame] * 4)
        assert len(client.json()["body"]) == 128 * 1024
        client.frames([frame] * 4 + ["y"])
        assert ended(client) == 1009
    with api.talk() as client:
        client.say(frame + "y")
        assert ended(client) == 1009


def test_a_frame_is_refused_by_the_length_that_it_announces(api: WebSocketApi) -> None:
    with api.talk() as client:
        client.raw(b"\x81\xff" + (1 << 40).to_bytes(8, "big"))
        assert ended(client) == 1009
    with api.talk() as client:  # its control frames are not meant
        client.send(events.Ping(b"x" * 125))
        assert client.pong() == b"x" * 125


def test_a_refusal_says_its_status_in_words(api: WebSocketApi) -> None:
    port = int(api.emulator.url.rpartition(":")[2])
    key = "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
    upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: {}\r\n" + key
    for version, path, first in (
        ("13", "/none", b"HTTP/1.1 403 Forbidden"),
        ("12", "/prod", b"HTTP/1.1 426 Upgrade Required"),
    ):
        with socket.create_connection(("127.0.0.1", port)) as line:
            target = f"/_aws/execute-api/{api.id}{path}"
            line.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n{upgrade.format(version)}\r\n".encode())
            assert line.makefile("rb").readline().strip() == first


def test_binary_messages_are_not_supported(api: WebSocketApi) -> None:
    with api.talk() as client:
        client.send(events.BytesMessage(b"\x00"))
        assert ended(client) == 1003


def test_an_idle_connection_is_closed_after_ten_minutes_and_any_after_two_hours(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    told = telling(emulator)
    api.route("$disconnect", api.function("tells"))
    api.route("$default")
    with api.talk() as idle, api.talk() as talks:
        for _ in range(13):
            emulator.advance(550)
            talks.say("still here")
            talks.send(events.Ping(b"order"))
            assert talks.pong() == b"order"
        assert ended(idle) == 1001
        emulator.advance(100)
        assert ended(talks) == 1001
    emulator.settle()
    reasons = [event["requestContext"]["disconnectReason"] for event in told()]
    assert reasons == ["Going away", "Going away"]


def test_settling_does_not_wait_for_connections_to_end(api: WebSocketApi) -> None:
    with api.talk() as client:
        api.emulator.settle()
        client.say("still here")
        assert client.json()["body"] == "still here"


def test_how_a_client_left_is_told(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    told = telling(emulator)
    api.route("$disconnect", api.function("tells"))
    api.connect().close_without_a_code()
    emulator.settle()
    vanished = api.connect()
    vanished.vanish()
    emulator.settle()
    contexts = [event["requestContext"] for event in told()]
    assert [(c["disconnectStatusCode"], c["disconnectReason"]) for c in contexts] == [
        (1005, "Client-side close frame status not set"),
        (1006, "Connection Closed Abnormally"),
    ]


def test_a_stage_that_throttles_says_so(emulator: Emulator) -> None:
    limits = {"ThrottlingRateLimit": 1.0, "ThrottlingBurstLimit": 1}
    api = websocket_api(emulator, stage={"DefaultRouteSettings": limits})
    api.route("$default", api.function(echo(emulator)))
    with api.talk() as client:
        client.say("one")
        client.json()
        client.say("two")
        assert client.json()["message"] == "Too Many Requests"
        with pytest.raises(Refused) as refused:
            api.connect()
        assert refused.value.status == 429
        emulator.advance(1)
        client.say("three")
        assert client.json()["body"] == "three"


def test_a_request_that_is_no_upgrade_is_told_so(api: WebSocketApi) -> None:
    answer = ask(f"{api.emulator.url}/_aws/execute-api/{api.id}/prod")
    assert (answer.status, answer.json()) == (426, {"message": "Upgrade Required"})


def test_only_deployed_apis_hold_conversations(emulator: Emulator) -> None:
    for path in ("/", "/_emulator/health", "/2015-03-31/functions"):
        with pytest.raises(Refused) as refused:
            connect(emulator.url, path)
        assert refused.value.status == 403


def test_a_page_of_any_origin_may_connect_as_on_aws(api: WebSocketApi) -> None:
    with api.talk(headers={"Origin": "https://shop.example"}) as client:
        client.say("hello")
        assert client.json()["body"] == "hello"


def test_an_upgrade_request_to_an_http_api_is_a_request(emulator: Emulator) -> None:
    http = http_api(emulator)
    http.route("GET /chat", http.function(http_echo(emulator)))
    with pytest.raises(Refused) as refused:
        connect(emulator.url, f"/_aws/execute-api/{http.id}/chat")
    assert refused.value.status == 200
    assert json.loads(refused.value.body)["rawPath"] == "/chat"
    with pytest.raises(Refused) as refused:
        connect(emulator.url, "/_aws/execute-api/nobody/prod")
    assert refused.value.status == 403


def test_what_only_concerns_tls_is_kept_and_shown(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    client = emulator.client("apigatewayv2")
    tls = {"ServerNameToVerify": "example.com"}
    where = {"IntegrationType": "HTTP", "IntegrationUri": "https://example.com", "IntegrationMethod": "GET"}
    made = client.create_integration(ApiId=api.id, TlsConfig=tls, **where)
    assert client.get_integration(ApiId=api.id, IntegrationId=made["IntegrationId"])["TlsConfig"] == tls
    client.create_stage(ApiId=api.id, StageName="secure", ClientCertificateId="a1b2c3")
    assert client.get_stage(ApiId=api.id, StageName="secure")["ClientCertificateId"] == "a1b2c3"
