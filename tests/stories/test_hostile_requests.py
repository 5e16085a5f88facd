"""Odd, broken and hostile requests to a deployed REST API: AWS's error, no failure of ours, and nobody else waits."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.adapters import http_server
from emulator.services.apigateway.gateway import templates
from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock

ECHO = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""
MEGABYTE = 1024 * 1024


@dataclass
class Target:
    """A deployed API: `/mock` answers `{}`, `/json` reads it, everything else shows its event."""

    emulator: RunningEmulator
    port: int
    base: str

    def line(self, method: str, path: str, *headers: bytes) -> bytes:
        host = f"Host: localhost:{self.port}".encode()
        return b"\r\n".join([f"{method} {self.base}{path} HTTP/1.1".encode(), host, *headers, b"", b""])

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=STUCK_SECONDS)

    def send(self, raw: bytes) -> tuple[int, dict[str, str], bytes]:
        """The final answer to raw bytes."""
        with self.connect() as connection:
            connection.sendall(raw)
            answer = http.client.HTTPResponse(connection, method=raw.partition(b" ")[0].decode("latin-1"))
            answer.begin()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def event(self, raw: bytes) -> dict[str, Any]:
        status, _, body = self.send(raw)
        assert status == 200, body
        return json.loads(body)

    def is_well(self) -> None:
        assert self.send(self.line("GET", "/mock"))[0] == 200


@pytest.fixture
def target(emulator: RunningEmulator) -> Iterator[Target]:
    api = RestApi(emulator)
    api.method("/mock", "ANY", **mock(body="$input.body"))
    api.method("/json", "POST", **mock(), requestParameters={})
    ids = {"restApiId": api.id, "resourceId": api.resource("/json"), "httpMethod": "POST"}
    template = {"application/json": '{"statusCode": 200, "a": $input.json("$.a")}'}
    api.client.put_integration(**ids, type="MOCK", requestTemplates=template)
    api.client.put_integration_response(**ids, statusCode="200")
    create_function(emulator, "echo", ECHO)
    integration = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("echo")}
    api.method("/{proxy+}", "ANY", integration)
    api.deploy()
    made = Target(emulator, int(emulator.url.rpartition(":")[2]), f"/_aws/execute-api/{api.id}/dev")
    yield made
    made.is_well()


@pytest.mark.parametrize(
    ("path", "header", "status", "text"),
    [
        ("/mock", b"X-A: " + b"a" * 10_240, 431, "HTTP header is larger than 10240 bytes."),
        ("/mock?" + "a" * 5120, b"X-A: " + b"a" * 5120, 431, "HTTP header is larger than 10240 bytes."),
        ("/mock?" + "a" * 10_240, b"X-A: a", 414, "Request URI too long"),
        ("/" + "a" * 10_240, b"X: a", 414, "Request URI too long"),
    ],
)
def test_heads_beyond_aws_s_limit_are_too_long(
    target: Target, path: str, header: bytes, status: int, text: str
) -> None:
    got, headers, body = target.send(target.line("GET", path, header))
    assert (got, json.loads(body)) == (status, {"message": text})
    assert headers["x-amzn-errortype"] == "RequestTooLargeException"


def test_names_of_headers_do_not_count(target: Target) -> None:
    names = [b"X-%s-%d: a" % (b"n" * 200, number) for number in range(60)]
    assert target.send(target.line("GET", "/mock", *names))[0] == 200


def test_heads_beyond_every_measure_never_reach_an_api(target: Target) -> None:
    assert target.send(target.line("GET", "/mock", b"X-A: " + b"a" * 70_000))[0] == 431


def test_ten_megabytes_are_taken_and_a_byte_more_is_not(target: Target) -> None:
    body = b"x" * (10 * MEGABYTE)
    status, _, answer = target.send(target.line("POST", "/mock", b"Content-Length: %d" % len(body)) + body)
    assert (status, answer) == (200, b"{}")
    body += b"x"
    status, _, answer = target.send(target.line("POST", "/mock", b"Content-Length: %d" % len(body)) + body)
    assert (status, answer) == (413, b'{"message":"Request Too Long"}')


def test_a_body_that_is_announced_too_large_is_not_waited_for(target: Target) -> None:
    status, headers, _ = target.send(target.line("POST", "/mock", b"Content-Length: 209715200") + b"{}")
    assert (status, headers["connection"]) == (413, "close")


@pytest.mark.parametrize(
    "headers",
    [
        [b"Transfer-Encoding: chunked", b"Content-Length: 2"],
        [b"Content-Length: 3", b"Content-Length: 2"],
        [b"Content-Length: -1"],
        [b"Content-Length: 99999999999999999999"],
        [b"X-A: a\x00b"],
        [b"X-A : a"],
        [b" folded: a"],
        [b"HOST: localhost"],
    ],
)
def test_requests_that_two_servers_could_read_in_two_ways_are_refused(target: Target, headers: list[bytes]) -> None:
    status, answered, body = target.send(target.line("POST", "/mock", *headers) + b"{}")
    assert (status, answered["content-type"], answered["connection"]) == (400, "text/html", "close")
    assert b"<center><h1>400 Bad Request</h1></center>" in body


def test_a_request_that_names_no_host_is_refused_unless_it_is_of_old(target: Target) -> None:
    line = f"GET {target.base}/mock HTTP/1.1\r\n\r\n".encode()
    assert target.send(line)[0] == 400
    assert target.send(line.replace(b"1.1", b"1.0"))[0] == 200


@pytest.mark.parametrize(
    "raw", [b"no request\r\n\r\n", b"FOO / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9.9\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_what_is_no_request_is_refused(target: Target, raw: bytes) -> None:
    assert target.send(raw + b"\r\n\r\n")[0] == 400


@pytest.mark.parametrize("body", [b"no JSON", b'{"a": ', b"\xff\xfe", b"[" * 100_000, b'{"a": 1' + b"0" * 5000 + b"}"])
def test_a_body_that_a_template_cannot_read_as_json_is_a_bad_request(target: Target, body: bytes) -> None:
    status, headers, answer = target.send(target.line("POST", "/json", b"Content-Length: %d" % len(body)) + body)
    assert (status, headers["x-amzn-errortype"]) == (400, "BadRequestException")
    assert json.loads(answer)["message"].startswith("Could not parse request body into json: ")


def test_chunked_bodies_arrive_whole_and_broken_ones_do_not_arrive(target: Target) -> None:
    head = target.line("POST", "/x", b"Transfer-Encoding: chunked")
    assert target.event(head + b"1\r\n{\r\n1;a=b\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n")["body"] == "{}"
    assert target.send(head + b"zz\r\n{}\r\n0\r\n\r\n")[0] == 400


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(target: Target) -> None:
    with target.connect() as connection:
        connection.sendall(target.line("POST", "/mock", b"Expect: 100-continue", b"Content-Length: 2"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"{}")
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        assert (answer.status, answer.read()) == (200, b"{}")


def test_head_requests_have_no_body_and_its_length(target: Target) -> None:
    status, headers, answer = target.send(target.line("HEAD", "/mock"))
    assert (status, headers["content-length"], answer) == (200, "2", b"")


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "CONNECT"])
def test_methods_that_api_gateway_does_not_know_match_nothing(target: Target, method: str) -> None:
    status, _, body = target.send(target.line(method, "/mock"))
    assert (status, b"Traceback" in body) in ((403, False), (400, False))


def test_the_address_may_be_absolute(target: Target) -> None:
    path = f"{target.base}/a%2Fb?q=1"
    raw = f"GET http://localhost:{target.port}{path} HTTP/1.1\r\nHost: localhost:{target.port}\r\n\r\n".encode()
    event = target.event(raw)
    assert (event["path"], event["queryStringParameters"]) == ("/a%2Fb", {"q": "1"})


def test_dots_and_encoded_slashes_stay_as_they_are(target: Target) -> None:
    event = target.event(target.line("GET", "/a/../b/%2e%2e/c%2Fd"))
    assert event["pathParameters"] == {"proxy": "a/../b/%2e%2e/c%2Fd"}
    assert event["resource"] == "/{proxy+}"


def test_bytes_that_are_no_text_become_replacement_characters(target: Target) -> None:
    raw = target.line("POST", "/x%FF/%zz?a=%FF&%FF=1&%zz", b"X-A: \xff", b"Content-Length: 2") + b"\xff\xfe"
    event = target.event(raw)
    assert event["path"] == "/x%FF/%zz" and event["body"] == "��"
    assert event["queryStringParameters"] == {"a": "�", "�": "1", "%zz": ""}


def test_headers_may_come_several_times(target: Target) -> None:
    event = target.event(target.line("GET", "/x", b"X-A: 1", b"X-A: 2", b"x-b: "))
    assert event["headers"]["X-A"] == "2" and event["multiValueHeaders"]["X-A"] == ["1", "2"]
    assert event["headers"]["x-b"] == ""


@pytest.mark.parametrize("host", ["nosuch.execute-api.us-east-1.localhost", "evil.example.com", "", "[::1", "a b", "-"])
def test_a_host_that_is_no_api_is_forbidden(target: Target, host: str) -> None:
    raw = f"GET /dev/mock HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
    status, _, body = target.send(raw)
    assert status in (400, 403, 404) and b"Traceback" not in body


def test_a_request_that_is_cut_off_leaves_nothing_behind(target: Target) -> None:
    cuts = [
        target.line("POST", "/mock", b"Content-Length: 100")[:-30],
        target.line("POST", "/mock", b"Content-Length: 100") + b"{}",
        target.line("POST", "/mock", b"Transfer-Encoding: chunked") + b"ff\r\nab",
        target.line("GET", "/slow"),
    ]
    for raw in cuts:
        with target.connect() as connection:
            connection.sendall(raw)
    target.is_well()


def test_a_head_that_never_ends_loses_its_connection(target: Target, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_server, "HEAD_WAIT_SECONDS", 0.05)
    for raw in (b"", b"GET / HTTP/1.1\r\nX-Slow: "):
        with target.connect() as connection:
            connection.sendall(raw)
            assert connection.recv(100) == b""


def test_many_slow_clients_do_not_keep_others_waiting(target: Target) -> None:
    slow = [target.connect() for _ in range(100)]
    for number, connection in enumerate(slow):
        raw = target.line("POST", "/mock", b"Content-Length: 1000000")
        connection.sendall(raw[:-20] if number % 2 else raw + b"x" * 1000)
    for _ in range(20):
        target.is_well()
    for connection in slow:
        connection.close()


def test_a_client_that_does_not_read_its_answer_does_not_keep_others_waiting(target: Target) -> None:
    body = b"x" * (10 * MEGABYTE)
    slow = [target.connect() for _ in range(3)]
    for connection in slow:
        connection.sendall(target.line("POST", "/mock", b"Content-Length: %d" % len(body)) + body)
    for _ in range(20):
        target.is_well()
    for connection in slow:
        connection.close()


LOOPS = """
#set($list = [1..900])
#foreach($a in $list)#foreach($b in $list)#foreach($c in $list)#set($x = "$x$a$b$c")#end#end#end
{"statusCode": 200}
"""


@pytest.mark.parametrize(
    "template",
    [
        LOOPS,
        "#foreach($a in [1..1000000000])x#end",
        "#set($a = 'x')" + '#set($a = "$a$a")' * 60 + "$a",
        '#set($a = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab")$a.replaceAll("(a+)+$", "x")',
        "#if(" * 5000,
        "$a" + ".b()" * 20_000,
        "#set($a = [])#set($b = $a.add($a))$a",
        "$input.class.forName('java.lang.Runtime')",
        "$context.__class__.__init__.__globals__",
        "$util.parseJson('" + "[" * 50_000 + "')",
        '$input.json("$..*..*..*..*")',
    ],
)
def test_a_template_that_loops_or_is_broken_ends_its_own_request_only(emulator: RunningEmulator, template: str) -> None:
    api = RestApi(emulator)
    api.method("/", "POST", {"type": "MOCK", "requestTemplates": {"application/json": template}})
    api.method("/well", "GET", **mock())
    api.deploy()
    began = time.monotonic()
    answer = api.request("POST", json={"a": [[1] * 50] * 50}, timeout=STUCK_SECONDS)
    assert answer.status_code == 500 and answer.json() == {"message": "Internal server error"}
    assert time.monotonic() - began < STUCK_SECONDS
    assert api.request("GET", "/well").status_code == 200


def test_others_are_answered_beside_templates_that_loop(
    emulator: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    began, go_on = threading.Semaphore(0), threading.Event()

    def give_way() -> None:
        began.release()
        go_on.wait(STUCK_SECONDS)

    monkeypatch.setattr(templates, "give_way", give_way)
    monkeypatch.setattr(templates, "LONG_BUDGET", 50_000)
    api = RestApi(emulator)
    api.method("/", "POST", {"type": "MOCK", "requestTemplates": {"application/json": LOOPS}})
    answered = '{"statusCode": 200, "a": $input.json("$")}'
    api.method("/well", "POST", {"type": "MOCK", "requestTemplates": {"application/json": answered}})
    api.deploy()
    with ThreadPoolExecutor(4) as pool:
        looping = [pool.submit(api.request, "POST", "", json={}) for _ in range(4)]
        try:
            assert began.acquire(timeout=STUCK_SECONDS)
            assert [api.request("POST", "/well", json={"a": 1}).status_code for _ in range(5)] == [200] * 5
            assert not any(each.done() for each in looping)
        finally:
            go_on.set()
    assert [each.result().status_code for each in looping] == [500] * 4
