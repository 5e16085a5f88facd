"""Odd, broken and hostile requests to a deployed REST API: AWS's error, no failure of ours, and nobody else waits."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from emulator.adapters import http_server
from emulator.services.apigateway.gateway import templates
from tests.stories.telling import ANY, function, mock, proxy, rest_api
from tests.stuck import STUCK_SECONDS

SHOWS_ITS_EVENT = """
import json
def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""
MEGABYTE = 1024 * 1024


class Answer(NamedTuple):
    """What came back; names of headers in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


class Target:
    """A deployed API, and the bytes that go to it: `/mock` answers `{}`, `/json` reads it, all else shows its event."""

    def __init__(self, aws):
        api = rest_api(
            aws,
            {
                "/mock": {ANY: mock("$input.body")},
                "/json": {"post": mock(request='{"statusCode": 200, "a": $input.json("$.a")}')},
                "/{proxy+}": {ANY: proxy(function(aws, "shows", SHOWS_ITS_EVENT))},
            },
        )
        self.port = int(aws.url.rpartition(":")[2])
        self.path = f"/_aws/execute-api/{api}/dev"

    def head(self, method, path, *headers):
        """Everything of a request but its body."""
        host = f"Host: localhost:{self.port}".encode()
        return b"\r\n".join([f"{method} {self.path}{path} HTTP/1.1".encode(), host, *headers, b"", b""])

    def post(self, path, body):
        """The answer to a body."""
        return self.send(self.head("POST", path, b"Content-Length: %d" % len(body)) + body)

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=STUCK_SECONDS)

    def send(self, raw):
        """The final answer to raw bytes."""
        with self.connect() as connection:
            connection.sendall(raw)
            return answer_on(connection, raw.partition(b" ")[0].decode("latin-1"))

    def event(self, raw):
        """What the function sees of raw bytes."""
        answer = self.send(raw)
        assert answer.status == 200, answer.body
        return answer.json()

    def is_well(self):
        assert self.send(self.head("GET", "/mock")).status == 200


def answer_on(connection, method="POST"):
    answer = http.client.HTTPResponse(connection, method=method)
    answer.begin()
    return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())


@pytest.fixture
def target(aws):
    """Well before the test, and well after it."""
    target = Target(aws)
    yield target
    target.is_well()


# ── requests that are too large ─────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("path", "header", "status", "text"),
    [
        ("/mock", b"X-A: " + b"a" * 10_240, 431, "HTTP header is larger than 10240 bytes."),
        ("/mock?" + "a" * 5120, b"X-A: " + b"a" * 5120, 431, "HTTP header is larger than 10240 bytes."),
        ("/mock?" + "a" * 10_240, b"X-A: a", 414, "Request URI too long"),
        ("/" + "a" * 10_240, b"X: a", 414, "Request URI too long"),
    ],
)
def test_heads_beyond_aws_s_limit_are_too_long(target, path, header, status, text):
    answer = target.send(target.head("GET", path, header))
    assert (answer.status, answer.json()) == (status, {"message": text})
    assert answer.headers["x-amzn-errortype"] == "RequestTooLargeException"


def test_names_of_headers_do_not_count(target):
    names = [b"X-%s-%d: a" % (b"n" * 200, number) for number in range(60)]
    assert target.send(target.head("GET", "/mock", *names)).status == 200


def test_heads_beyond_every_measure_never_reach_an_api(target):
    assert target.send(target.head("GET", "/mock", b"X-A: " + b"a" * 70_000)).status == 431


def test_ten_megabytes_are_taken_and_a_byte_more_is_not(target):
    body = b"x" * (10 * MEGABYTE)
    taken = target.post("/mock", body)
    assert (taken.status, taken.body) == (200, b"{}")
    refused = target.post("/mock", body + b"x")
    assert (refused.status, refused.body) == (413, b'{"message":"Request Too Long"}')


def test_a_body_that_is_announced_too_large_is_not_waited_for(target):
    answer = target.send(target.head("POST", "/mock", b"Content-Length: 209715200") + b"{}")
    assert (answer.status, answer.headers["connection"]) == (413, "close")


# ── requests that are none, or two ──────────────────────────────────────────────────────────────


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
def test_requests_that_two_servers_could_read_in_two_ways_are_refused(target, headers):
    answer = target.send(target.head("POST", "/mock", *headers) + b"{}")
    assert (answer.status, answer.headers["content-type"], answer.headers["connection"]) == (400, "text/html", "close")
    assert b"<center><h1>400 Bad Request</h1></center>" in answer.body


def test_a_request_that_names_no_host_is_refused_unless_it_is_of_old(target):
    without_host = f"GET {target.path}/mock HTTP/1.1\r\n\r\n".encode()
    assert target.send(without_host).status == 400
    assert target.send(without_host.replace(b"1.1", b"1.0")).status == 200


@pytest.mark.parametrize(
    "raw", [b"no request\r\n\r\n", b"FOO / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9.9\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_what_is_no_request_is_refused(target, raw):
    assert target.send(raw + b"\r\n\r\n").status == 400


@pytest.mark.parametrize("host", ["nosuch.execute-api.us-east-1.localhost", "evil.example.com", "", "[::1", "a b", "-"])
def test_a_host_that_is_no_api_is_forbidden(target, host):
    answer = target.send(f"GET /dev/mock HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    assert answer.status in (400, 403, 404) and b"Traceback" not in answer.body


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "CONNECT"])
def test_methods_that_api_gateway_does_not_know_match_nothing(target, method):
    answer = target.send(target.head(method, "/mock"))
    assert (answer.status, b"Traceback" in answer.body) in ((403, False), (400, False))


# ── bodies ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("body", [b"no JSON", b'{"a": ', b"\xff\xfe", b"[" * 100_000, b'{"a": 1' + b"0" * 5000 + b"}"])
def test_a_body_that_a_template_cannot_read_as_json_is_a_bad_request(target, body):
    answer = target.post("/json", body)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (400, "BadRequestException")
    assert answer.json()["message"].startswith("Could not parse request body into json: ")


def test_chunked_bodies_arrive_whole_and_broken_ones_do_not_arrive(target):
    head = target.head("POST", "/x", b"Transfer-Encoding: chunked")
    assert target.event(head + b"1\r\n{\r\n1;a=b\r\n}\r\n0\r\nX-Trailer: 1\r\n\r\n")["body"] == "{}"
    assert target.send(head + b"zz\r\n{}\r\n0\r\n\r\n").status == 400


def test_a_client_that_waits_to_be_asked_for_its_body_is_asked(target):
    with target.connect() as connection:
        connection.sendall(target.head("POST", "/mock", b"Expect: 100-continue", b"Content-Length: 2"))
        assert connection.recv(100).startswith(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.sendall(b"{}")
        answer = answer_on(connection)
        assert (answer.status, answer.body) == (200, b"{}")


def test_head_requests_have_no_body_and_its_length(target):
    answer = target.send(target.head("HEAD", "/mock"))
    assert (answer.status, answer.headers["content-length"], answer.body) == (200, "2", b"")


# ── what a function sees of odd requests ────────────────────────────────────────────────────────


def test_the_address_may_be_absolute(target):
    here = f"localhost:{target.port}"
    event = target.event(f"GET http://{here}{target.path}/a%2Fb?q=1 HTTP/1.1\r\nHost: {here}\r\n\r\n".encode())
    assert (event["path"], event["queryStringParameters"]) == ("/a%2Fb", {"q": "1"})


def test_dots_and_encoded_slashes_stay_as_they_are(target):
    event = target.event(target.head("GET", "/a/../b/%2e%2e/c%2Fd"))
    assert event["pathParameters"] == {"proxy": "a/../b/%2e%2e/c%2Fd"}
    assert event["resource"] == "/{proxy+}"


def test_bytes_that_are_no_text_become_replacement_characters(target):
    head = target.head("POST", "/x%FF/%zz?a=%FF&%FF=1&%zz", b"X-A: \xff", b"Content-Length: 2")
    event = target.event(head + b"\xff\xfe")
    assert event["path"] == "/x%FF/%zz" and event["body"] == "��"
    assert event["queryStringParameters"] == {"a": "�", "�": "1", "%zz": ""}


def test_headers_may_come_several_times(target):
    event = target.event(target.head("GET", "/x", b"X-A: 1", b"X-A: 2", b"x-b: "))
    assert event["headers"]["X-A"] == "2" and event["multiValueHeaders"]["X-A"] == ["1", "2"]
    assert event["headers"]["x-b"] == ""


# ── clients that are slow, or leave ─────────────────────────────────────────────────────────────


@pytest.fixture
def slow_clients(target):
    """Connects as many as are wanted; they stay to the end of the test."""
    there = []

    def connect(count):
        there.extend(target.connect() for _ in range(count))
        return there

    yield connect
    for connection in there:
        connection.close()


def test_a_request_that_is_cut_off_leaves_nothing_behind(target):
    cut_off = [
        target.head("POST", "/mock", b"Content-Length: 100")[:-30],
        target.head("POST", "/mock", b"Content-Length: 100") + b"{}",
        target.head("POST", "/mock", b"Transfer-Encoding: chunked") + b"ff\r\nab",
        target.head("GET", "/slow"),
    ]
    for raw in cut_off:
        with target.connect() as connection:
            connection.sendall(raw)
    target.is_well()


def test_a_head_that_never_ends_loses_its_connection(target, monkeypatch):
    monkeypatch.setattr(http_server, "HEAD_WAIT_SECONDS", 0.05)
    for beginning in (b"", b"GET / HTTP/1.1\r\nX-Slow: "):
        with target.connect() as connection:
            connection.sendall(beginning)
            assert connection.recv(100) == b""


def test_many_slow_clients_do_not_keep_others_waiting(target, slow_clients):
    head = target.head("POST", "/mock", b"Content-Length: 1000000")
    for number, connection in enumerate(slow_clients(100)):
        connection.sendall(head[:-20] if number % 2 else head + b"x" * 1000)
    for _ in range(20):
        target.is_well()


def test_a_client_that_does_not_read_its_answer_does_not_keep_others_waiting(target, slow_clients):
    body = b"x" * (10 * MEGABYTE)
    for connection in slow_clients(3):
        connection.sendall(target.head("POST", "/mock", b"Content-Length: %d" % len(body)) + body)
    for _ in range(20):
        target.is_well()


# ── templates that loop ─────────────────────────────────────────────────────────────────────────

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
def test_a_template_that_loops_or_is_broken_ends_its_own_request_only(aws, template):
    rest_api(aws, {"/": {"post": mock(request=template)}, "/well": {"get": mock()}})
    answer = aws.http.post("/", json={"a": [[1] * 50] * 50}, timeout=STUCK_SECONDS)
    assert (answer.status_code, answer.json()) == (500, {"message": "Internal server error"})
    assert aws.http.get("/well").status_code == 200


def test_others_are_answered_beside_templates_that_loop(aws, monkeypatch):
    began, go_on = threading.Semaphore(0), threading.Event()

    def give_way():
        began.release()
        go_on.wait(STUCK_SECONDS)

    monkeypatch.setattr(templates, "give_way", give_way)
    monkeypatch.setattr(templates, "LONG_BUDGET", 50_000)
    well = mock(request='{"statusCode": 200, "a": $input.json("$")}')
    rest_api(aws, {"/": {"post": mock(request=LOOPS)}, "/well": {"post": well}})
    with ThreadPoolExecutor(4) as pool:
        looping = [pool.submit(aws.http.post, "/", json={}, timeout=STUCK_SECONDS) for _ in range(4)]
        try:
            assert began.acquire(timeout=STUCK_SECONDS)
            assert [aws.http.post("/well", json={"a": 1}).status_code for _ in range(5)] == [200] * 5
            assert not any(each.done() for each in looping)
        finally:
            go_on.set()
    assert [each.result().status_code for each in looping] == [500] * 4
