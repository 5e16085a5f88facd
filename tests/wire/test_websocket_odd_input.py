"""Upgrade requests, frames and clients as they should not be: refused or closed, and nobody else notices."""

from __future__ import annotations

import json
import socket
import threading
from urllib.parse import urlsplit

import pytest
from wsproto import events

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.http_api_support import ask
from tests.wire.websocket_support import Client, Ended, Refused, WebSocketApi, echo, websocket_api

Emulator = RunningEmulator


@pytest.fixture
def api(emulator: Emulator) -> WebSocketApi:
    made = websocket_api(emulator)
    made.route("$default", made.function(echo(emulator)))
    return made


def raw(api: WebSocketApi, data: bytes) -> bytes:
    """All that the server says to these bytes until it has no more to say."""
    port = urlsplit(api.emulator.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=STUCK_SECONDS) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := line.recv(65536):
            answer += piece
        return answer


def upgrade(api: WebSocketApi, **changes: str | None) -> bytes:
    headers = {
        "Host": "localhost",
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
        "Sec-WebSocket-Version": "13",
        **{name.replace("_", "-"): value for name, value in changes.items() if name != "method"},
    }
    lines = [f"{name}: {value}" for name, value in headers.items() if value is not None]
    first = f"{changes.get('method') or 'GET'} /_aws/execute-api/{api.id}/prod HTTP/1.1"
    return "\r\n".join([first, *lines, "", ""]).encode()


@pytest.mark.parametrize(
    "changes",
    [
        {"Sec_WebSocket_Key": None},
        {"Sec_WebSocket_Version": "12"},
        {"Sec_WebSocket_Version": None},
        {"method": "POST"},
        {"Connection": "keep-alive, Upgrade", "Sec_WebSocket_Key": ""},
    ],
)
def test_an_upgrade_that_is_none_is_a_client_error(api: WebSocketApi, changes: dict[str, str | None]) -> None:
    status = int(raw(api, upgrade(api, **changes)).split(b" ", 2)[1])
    assert 400 <= status < 500
    still_fine(api)


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x81\x02hi", 1002),  # not masked
        (b"\xf1\x80\x00\x00\x00\x00", 1002),  # reserved bits
        (b"\x83\x80\x00\x00\x00\x00", 1002),  # no such opcode
        (b"\x80\x80\x00\x00\x00\x00", 1002),  # goes on with nothing
        (b"\x09\x80\x00\x00\x00\x00", 1002),  # a ping in pieces
        (b"\x81\x82\x00\x00\x00\x00\xff\xfe", 1007),  # no UTF-8
        (b"\x88\x82\x00\x00\x00\x00\x03\xed", 1002),  # a code that nobody may send
        (b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 1002),  # longer than anything
    ],
)
def test_a_frame_that_is_none_ends_the_connection(api: WebSocketApi, frame: bytes, code: int) -> None:
    client = api.connect()
    client.raw(frame)
    with pytest.raises(Ended) as ended:
        client.hear()
    assert ended.value.code == code
    client.vanish()
    still_fine(api)


@pytest.mark.parametrize("part", [b"\x81", b"\x81\xfe\x7f", b"\x81\x85\x00\x00\x00\x00he"])
def test_a_client_that_leaves_in_the_middle_of_a_frame_is_gone(api: WebSocketApi, part: bytes) -> None:
    client = api.connect()
    client.raw(part)
    client.vanish()
    still_fine(api)


def test_a_client_that_leaves_while_it_connects_disconnects(emulator: Emulator) -> None:
    slow = "import time\ndef handler(event, context):\n    time.sleep(5)\n    return {'statusCode': 200}"
    api = websocket_api(emulator)
    api.route("$connect", api.function(echo(emulator, "slow", slow, Timeout=20)))
    port = urlsplit(emulator.url).port
    with socket.create_connection(("127.0.0.1", port), timeout=STUCK_SECONDS) as line:
        line.sendall(upgrade(api))
    emulator.advance(10)
    emulator.settle()
    still_fine(api, heard=False)


def test_pings_are_answered_and_pongs_taken(api: WebSocketApi) -> None:
    with api.talk() as client:
        for number in range(50):
            client.send(events.Ping(str(number).encode()))
        assert [client.pong() for _ in range(50)] == [str(number).encode() for number in range(50)]
        client.send(events.Pong(b"unasked"))
        client.say("hello")
        assert client.json()["body"] == "hello"


def test_a_flood_of_messages_is_answered_to_the_last(emulator: Emulator) -> None:
    api = websocket_api(emulator)
    made = api.integration(
        IntegrationType="MOCK",
        TemplateSelectionExpression="all",
        RequestTemplates={"all": '{"statusCode": 200}'},
    )
    api.client.create_integration_response(
        ApiId=api.id,
        IntegrationId=made,
        IntegrationResponseKey="$default",
        ResponseTemplates={"$default": "$context.messageId"},
    )
    api.route("$default", made)
    with api.talk() as client:
        sender = threading.Thread(target=lambda: [client.say(f"m{number}") for number in range(500)])
        sender.start()
        heard = {client.hear() for _ in range(500)}
        sender.join()
    assert len(heard) == 500


def test_odd_messages_take_the_default_route(emulator: Emulator) -> None:
    answers = (
        "def handler(event, context):\n    return {'statusCode': 200, 'body': event['requestContext']['routeKey']}"
    )
    api = websocket_api(emulator)
    api.route("$default", api.function(echo(emulator, "answers", answers)))
    deep = "[" * 30_000
    with api.talk() as client:
        for said in (deep, '{"action": ' * 2900, "\x00", "{" * 100, '{"action": 1e999}', '{"action": "\\ud800"}'):
            client.say(said)
            assert client.hear() == "$default"


@pytest.mark.parametrize("path", ["%2e%2e", "prod%00", "prod/../prod", "%ff", "prod?x=%ff&%00=1"])
def test_odd_paths_are_forbidden_or_connect(api: WebSocketApi, path: str) -> None:
    try:
        client = api.connect(f"/_aws/execute-api/{api.id}/{path}")
    except Refused as refused:
        assert refused.status == 403
    else:
        client.vanish()
    still_fine(api)


def still_fine(api: WebSocketApi, heard: bool = True) -> None:
    """Others are served, and nothing of ours has failed."""
    answer = ask(f"{api.emulator.url}/_emulator/health")
    assert answer.status == 200
    if heard:
        with api.talk() as client:
            client.say(json.dumps({"still": "fine"}))
            assert _said(client) == {"still": "fine"}


def _said(client: Client) -> object:
    return json.loads(client.json()["body"])
