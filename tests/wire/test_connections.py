"""Requests as they may arrive on a connection: in one piece or many, one after another, from clients old and odd."""

from __future__ import annotations

import json
import socket
from collections.abc import Generator
from contextlib import contextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from emulator.testing import RunningEmulator

TOPIC = b"Action=CreateTopic&Version=2010-03-31&Name=a"
LIST = b"GET /2015-03-31/functions/ HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(body: bytes, more: bytes = b"") -> bytes:
    head = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    return head + more + b"Content-Length: %d\r\n\r\n" % len(body) + body


@contextmanager
def connection(emulator: RunningEmulator) -> Generator[socket.socket]:
    address = urlsplit(emulator.url)
    with socket.create_connection(("127.0.0.1", address.port or 80), timeout=30) as opened:
        yield opened


def answer(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    """The next answer, and not a byte more."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = connection.recv(1)
        assert byte, head
        head += byte
    first, *lines = head.decode().split("\r\n")[:-2]
    headers = dict(line.split(": ", 1) for line in lines)
    body, size = b"", int(headers.get("content-length", "0"))
    while len(body) < size:
        body += connection.recv(size - len(body))
    return int(first.split()[1]), headers, body


@pytest.mark.parametrize("cut", [0, 1, 40, 120, len(post(TOPIC)) - 1])
def test_a_request_may_arrive_in_pieces(emulator: RunningEmulator, cut: int) -> None:
    request = post(TOPIC)
    with connection(emulator) as client:
        client.sendall(LIST + request[:cut])
        assert answer(client)[0] == 200
        client.sendall(request[cut:])
        status, headers, body = answer(client)
        assert (status, b":a</TopicArn>" in body, headers["content-type"]) == (200, True, "text/xml")
        client.sendall(LIST)
        assert answer(client)[2] == b'{"Functions":[]}'


def test_requests_sent_without_waiting_are_answered_in_their_order(emulator: RunningEmulator) -> None:
    with connection(emulator) as client:
        client.sendall(LIST + post(TOPIC) + LIST.replace(b"2015-03-31/functions", b"2018-10-31/layers") + LIST)
        kinds = [answer(client)[2][:12] for _ in range(4)]
    assert kinds == [b'{"Functions"', b"<CreateTopic", b'{"Layers":[]', b'{"Functions"']


def test_a_chunked_body_is_read_whole(emulator: RunningEmulator) -> None:
    head = post(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
    with connection(emulator) as client:
        client.sendall(head + b"%x\r\n" % 10 + TOPIC[:10] + b"\r\n")
        client.sendall(b"%x\r\n" % len(TOPIC[10:]) + TOPIC[10:] + b"\r\n0\r\n\r\n")
        assert b":a</TopicArn>" in answer(client)[2]


def test_a_client_that_asks_first_is_told_to_go_on(emulator: RunningEmulator) -> None:
    request = post(TOPIC, b"Expect: 100-continue\r\n")
    with connection(emulator) as client:
        client.sendall(request[: -len(TOPIC)])
        assert answer(client)[:2] == (100, {})
        client.sendall(TOPIC)
        assert answer(client)[0] == 200


@pytest.mark.parametrize("old", [LIST.replace(b"1.1", b"1.0"), LIST.replace(b"Host", b"Connection: close\r\nHost")])
def test_a_connection_that_is_to_end_ends_with_its_answer(emulator: RunningEmulator, old: bytes) -> None:
    with connection(emulator) as client:
        client.sendall(old)
        status, headers, _ = answer(client)
        assert (status, headers["connection"]) == (200, "close")
        assert client.recv(1) == b""


def test_the_answer_to_head_has_no_body(emulator: RunningEmulator) -> None:
    with connection(emulator) as client:
        client.sendall(LIST.replace(b"GET", b"HEAD") + LIST)
        received = b""
        while not received.endswith(b'{"Functions":[]}'):
            received += client.recv(65536)
    assert received.count(b"HTTP/1.1 ") == 2
    assert received.partition(b"\r\n\r\n")[2].startswith(b"HTTP/1.1 200")


def test_the_source_address_is_the_peer_whatever_headers_say(emulator: RunningEmulator) -> None:
    shown = {"200": {"statusCode": "200", "responseTemplates": {"application/json": "$context.identity.sourceIp"}}}
    mock = {"type": "mock", "requestTemplates": {"application/json": '{"statusCode":200}'}, "responses": shown}
    get = {"responses": {"200": {"description": "."}}, "x-amazon-apigateway-integration": mock}
    document = {"openapi": "3.0.1", "info": {"title": "a", "version": "1"}, "paths": {"/": {"get": get}}}
    client = emulator.client("apigateway")
    api = client.import_rest_api(body=json.dumps(document).encode())["id"]
    client.create_deployment(restApiId=api, stageName="s")
    answer = httpx.get(emulator.data_plane(api, "s"), headers={"X-Forwarded-For": "8.8.8.8"})
    assert (answer.status_code, answer.text) == (200, "127.0.0.1")
