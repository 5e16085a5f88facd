"""Faults of what clients reach by other ways than an API's own address: function URLs, custom domains, WebSockets."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, mock
from tests.wire.websocket_support import Ended, Refused, WebSocketApi, echo, websocket_api

HOST = "api.example.com"


def fault(emulator: RunningEmulator, **described: Any) -> None:
    emulator.control("POST", "faults", described)


@pytest.fixture
def talk(emulator: RunningEmulator) -> WebSocketApi:
    api = websocket_api(emulator)
    api.route("$default", api.function(echo(emulator)))
    return api


def test_a_function_url_fails_by_its_path_its_id_and_its_function(emulator: RunningEmulator) -> None:
    echo(emulator)
    lambda_ = emulator.client("lambda")
    url = lambda_.create_function_url_config(FunctionName="echo", AuthType="NONE")["FunctionUrl"]
    permitted = {"Principal": "*", "FunctionUrlAuthType": "NONE"}
    lambda_.add_permission(FunctionName="echo", StatementId="s", Action="lambda:InvokeFunctionUrl", **permitted)
    host = url.split("/")[2]
    for name in ("GET /there", host.split(".")[0], "echo"):
        fault(emulator, gateway=name, fault="error", status=503)
        statuses = [httpx.get(f"{emulator.url}/there", headers={"Host": host}).status_code for _ in range(2)]
        assert statuses == [503, 200], name


def test_a_custom_domain_fails_by_its_name_and_by_both_paths(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    api.method("pets", "GET", **mock(body="pets"))
    api.deploy()
    api.client.create_domain_name(domainName=HOST)
    api.client.create_base_path_mapping(domainName=HOST, restApiId=api.id, stage="dev", basePath="v1")
    for name in (HOST, "GET /pets", "GET /v1/pets", api.id):
        fault(emulator, gateway=name, fault="error")
        answers = [httpx.get(f"{emulator.url}/v1/pets", headers={"Host": HOST}) for _ in range(2)]
        assert [each.status_code for each in answers] == [500, 200], name


def test_a_connection_is_refused_and_the_next_is_not(emulator: RunningEmulator, talk: WebSocketApi) -> None:
    fault(emulator, websocket="$connect", fault="error", status=503, message="Service Unavailable")
    with pytest.raises(Refused, match=r'503 .*"Service Unavailable"'):
        talk.connect()
    with talk.talk() as client:
        client.say({"do": "return", "what": {"statusCode": 200, "body": "here"}})
        assert client.hear() == "here"


def test_a_message_is_lost_another_fails_and_the_last_ends_it(emulator: RunningEmulator, talk: WebSocketApi) -> None:
    def say(text: str) -> None:
        client.say({"do": "return", "what": {"statusCode": 200, "body": text}})

    with talk.talk() as client:
        fault(emulator, websocket="$default", fault="lost")
        say("lost")
        say("heard")
        assert client.hear() == "heard"
        fault(emulator, websocket=talk.id, fault="error")
        say("fails")
        assert client.json()["message"] == "Internal server error"
        fault(emulator, websocket="$default", fault="crash")
        say("too late")
        with pytest.raises(Ended) as ended:
            client.hear()
        assert ended.value.code == 1001
    assert len(emulator.control("GET", "attempts")["attempts"]) == 1, "the other messages came to no function"


def test_what_is_posted_to_a_client_is_lost_or_refused(emulator: RunningEmulator, talk: WebSocketApi) -> None:
    with talk.talk() as client:
        client.say({"what": "who am I?"})
        connection = client.json()["requestContext"]["connectionId"]
        post = talk.management().post_to_connection
        fault(emulator, websocket="@connections", fault="lost")
        post(ConnectionId=connection, Data=b"lost")
        fault(emulator, websocket="@connections", fault="error")
        with pytest.raises(talk.management().exceptions.GoneException):
            post(ConnectionId=connection, Data=b"refused")
        post(ConnectionId=connection, Data=b"heard")
        assert client.hear() == "heard"


def test_a_slow_message_is_overtaken_and_comes_in_aws_time(emulator: RunningEmulator, talk: WebSocketApi) -> None:
    fault(emulator, websocket="$connect", fault="slow", seconds=0)
    with talk.talk() as client:
        fault(emulator, websocket="$default", fault="slow", seconds=7)
        for text in ("a", "b"):
            client.say({"do": "return", "what": {"statusCode": 200, "body": text}})
        first = client.hear()
        emulator.advance(7)
        assert {first, client.hear()} == {"a", "b"}
