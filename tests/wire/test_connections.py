"""`@connections`: what a backend may do to a client's connection, at every address it may be asked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.http_api_support import ask
from tests.wire.lambda_support import error_of
from tests.wire.websocket_support import Client, Ended, WebSocketApi, echo, websocket_api

Emulator = RunningEmulator


@pytest.fixture
def api(emulator: Emulator) -> WebSocketApi:
    made = websocket_api(emulator)
    made.route("$default", made.function(echo(emulator)))
    return made


def number_of(client: Client) -> str:
    """The connection's id, as its function sees it."""
    client.say("who am I")
    return client.json()["requestContext"]["connectionId"]


def test_a_backend_posts_to_a_client(api: WebSocketApi) -> None:
    with api.talk() as client:
        number = number_of(client)
        management = api.management()
        for data in (b'{"a":1}', "grüße".encode(), b"x" * 128 * 1024):
            management.post_to_connection(ConnectionId=number, Data=data)
            assert client.hear() == data.decode()


def test_a_backend_asks_who_is_connected(api: WebSocketApi) -> None:
    with api.talk(headers={"User-Agent": "tester"}) as client:
        number = number_of(client)
        first = api.management().get_connection(ConnectionId=number)
        assert first["Identity"] == {"SourceIp": "127.0.0.1", "UserAgent": "tester"}
        assert first["ConnectedAt"].timestamp() == int(api.emulator.now())
        api.emulator.advance(60)
        api.management().post_to_connection(ConnectionId=number, Data=b"hello")
        later = api.management().get_connection(ConnectionId=number)
        assert (later["LastActiveAt"] - first["LastActiveAt"]).total_seconds() == 60
        assert later["ConnectedAt"] == first["ConnectedAt"]


def test_a_backend_disconnects_a_client(api: WebSocketApi) -> None:
    with api.talk() as client:
        number = number_of(client)
        api.management().delete_connection(ConnectionId=number)
        with pytest.raises(Ended) as ended:
            client.hear()
        assert ended.value.code == 1000
    assert error_of(lambda: api.management().get_connection(ConnectionId=number))[:2] == ("GoneException", 410)


def test_a_connection_that_is_gone_is_gone(api: WebSocketApi) -> None:
    management = api.management()
    with api.talk() as client:
        number = number_of(client)
    api.emulator.settle()
    for call in (
        lambda: management.post_to_connection(ConnectionId=number, Data=b"x"),
        lambda: management.get_connection(ConnectionId=number),
        lambda: management.delete_connection(ConnectionId="never=was"),
    ):
        assert error_of(call)[:2] == ("GoneException", 410)
    with pytest.raises(management.exceptions.GoneException):
        management.post_to_connection(ConnectionId=number, Data=b"x")


def test_a_connection_is_not_there_before_connect_has_agreed(emulator: Emulator) -> None:
    code = """
import os, boto3

def handler(event, context):
    context = event["requestContext"]
    url = f"{os.environ['AWS_ENDPOINT_URL']}/_aws/execute-api/{context['apiId']}/{context['stage']}"
    client = boto3.client("apigatewaymanagementapi", endpoint_url=url)
    try:
        client.post_to_connection(ConnectionId=context["connectionId"], Data=b"welcome")
    except client.exceptions.GoneException:
        return {"statusCode": 200}
    return {"statusCode": 500}
"""
    api = websocket_api(emulator)
    api.route("$connect", api.function(echo(emulator, "early", code)))
    with api.talk():
        pass


def test_a_message_of_more_than_128_kilobytes_is_too_large(api: WebSocketApi) -> None:
    with api.talk() as client:
        number = number_of(client)
        with pytest.raises(ClientError) as refused:
            api.management().post_to_connection(ConnectionId=number, Data=b"x" * (128 * 1024 + 1))
        assert refused.value.response["Error"]["Code"] == "PayloadTooLargeException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413


def test_who_does_not_read_is_limited_and_holds_up_nobody(api: WebSocketApi) -> None:
    with api.talk(receive_buffer=4096) as deaf, api.talk() as other:
        number, another = number_of(deaf), number_of(other)
        management = api.management()
        with pytest.raises(ClientError) as refused:
            for _ in range(200):
                management.post_to_connection(ConnectionId=number, Data=b"x" * 128 * 1024)
        assert refused.value.response["Error"]["Code"] == "LimitExceededException"
        assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
        management.post_to_connection(ConnectionId=another, Data=b"hello")
        assert other.hear() == "hello"


# ── addresses ───────────────────────────────────────────────────────────────────────────────────

SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/execute-api/aws4_request, "
    "SignedHeaders=host, Signature=0"
}


@pytest.mark.parametrize("at", ["{id}.execute-api.us-east-1.localhost:1", None])
@pytest.mark.parametrize("path", ["/prod/@connections/{number}", "/prod/%40connections/{number}"])
def test_the_api_itself_answers(api: WebSocketApi, at: str | None, path: str) -> None:
    with api.talk() as client:
        number = number_of(client).replace("=", "%3D").replace("/", "%2F").replace("+", "%2B")
        where = path.format(number=number)
        host = at.format(id=api.id) if at else None
        base = "" if at else f"/_aws/execute-api/{api.id}"
        answer = ask(api.emulator.url + base + where, "POST", headers=SIGNED, body="hi", host=host)
        assert answer.status == 200, answer.body
        assert client.hear() == "hi"


def test_the_plain_endpoint_answers_with_and_without_a_stage(api: WebSocketApi) -> None:
    with api.talk() as client:
        number = number_of(client)
        for endpoint in (api.emulator.url, f"{api.emulator.url}/prod"):
            api.management(endpoint).post_to_connection(ConnectionId=number, Data=b"hi")
            assert client.hear() == "hi"


@pytest.mark.parametrize(
    "wrong", ["/_aws/execute-api/{id}", "/_aws/execute-api/{id}/other", "/_aws/execute-api/x1/prod"]
)
def test_another_stage_or_api_is_forbidden(api: WebSocketApi, wrong: str) -> None:
    with api.talk() as client:
        number = number_of(client)
        management = api.management(api.emulator.url + wrong.format(id=api.id))
        assert error_of(lambda: management.get_connection(ConnectionId=number))[:2] == ("ForbiddenException", 403)


def test_only_signed_requests_and_no_foreign_page_may_ask(api: WebSocketApi) -> None:
    with api.talk() as client:
        number = number_of(client).replace("/", "%2F").replace("+", "%2B")
        url = f"{api.emulator.url}/_aws/execute-api/{api.id}/prod/@connections/{number}"
        answer = ask(url, "POST", body="hi")
        assert (answer.status, answer.json()) == (403, {"message": "Missing Authentication Token"})
        assert ask(url, "POST", headers={**SIGNED, "Origin": "https://evil.example"}, body="hi").status == 403
        assert ask(url, "POST", headers=SIGNED, host="evil.example", body="hi").status == 403
        client.say("nothing came")
        assert json.loads(client.hear())["body"] == "nothing came"


def test_a_reset_ends_all_connections(api: WebSocketApi) -> None:
    client: Any = api.connect()
    number_of(client)
    api.emulator.reset()
    with pytest.raises(Ended) as ended:
        client.hear()
    assert ended.value.code == 1001
    client.vanish()
