"""`responseTransferMode` STREAM: answers that are passed on while they come into being."""

from __future__ import annotations

import http.client
import io
import json
import shutil
import sys
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.apigateway_support import ACCOUNT, RestApi, function_uri
from tests.wire.lambda_support import create, package

BOOTSTRAP = f"""#!{sys.executable}
import http.client, json, os

def ask(*request, **more):
    connection = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
    connection.request(*request, **more)
    response = connection.getresponse()
    return response.headers, response.read()

while True:
    headers, event = ask("GET", "/2018-06-01/runtime/invocation/next")
    request_id = headers["Lambda-Runtime-Aws-Request-Id"]
    asked = json.loads(event)
    sent = json.loads(asked["body"] or "{{}}")
    pieces = [sent.get("head", "").encode(), bytes(sent.get("zeros", 8)), b"from ", asked["path"].encode()]
    pieces += [b"x" * 1_000_000] * sent.get("megabytes", 0)
    ask(
        "POST", f"/2018-06-01/runtime/invocation/{{request_id}}/response", body=iter(pieces), encode_chunked=True,
        headers={{"Lambda-Runtime-Function-Response-Mode": "streaming", "Transfer-Encoding": "chunked"}},
    )
"""
NODE = """
const { setTimeout: sleep } = require('timers/promises');
exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  if (event.path === '/fail') throw new Error('at once');
  if (event.path === '/late') await sleep(3600 * 1000);
  stream = awslambda.HttpResponseStream.from(stream, { statusCode: 200, headers: { 'X-A': 'b' } });
  stream.write('first\\n');
  if (event.path === '/break') { await sleep(50); throw new Error('on the way'); }
  await sleep(3600 * 1000);
  stream.end();
});
"""
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:stream"
STREAMING_URI = f"arn:aws:apigateway:us-east-1:lambda:path/2021-11-15/functions/{ARN}/response-streaming-invocations"


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


def streamed(**more: Any) -> dict[str, Any]:
    return {
        "type": "AWS_PROXY",
        "integrationHttpMethod": "POST",
        "uri": STREAMING_URI,
        "responseTransferMode": "STREAM",
        **more,
    }


@pytest.fixture
def custom(emulator: RunningEmulator, api: RestApi) -> RestApi:
    """An API before a runtime that streams the head it is told to."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        member = zipfile.ZipInfo("bootstrap")
        member.external_attr = 0o755 << 16
        archive.writestr(member, BOOTSTRAP)
    create(
        emulator.client("lambda"), "stream", Runtime="provided.al2023", Timeout=30, Code={"ZipFile": buffer.getvalue()}
    )
    api.method("/{proxy+}", "POST", streamed())
    api.deploy()
    return api


@pytest.fixture
def node(emulator: RunningEmulator, api: RestApi) -> RestApi:
    """An API before a function that streams, sleeps and fails."""
    if shutil.which("node") is None:
        pytest.skip("needs Node.js (`node`) on the PATH")
    create(
        emulator.client("lambda"),
        "stream",
        Runtime="nodejs22.x",
        Handler="index.handler",
        Timeout=900,
        Code={"ZipFile": package(NODE, "index.js")},
    )
    api.method("/{proxy+}", "GET", streamed(timeoutInMillis=600_000))
    api.deploy()
    return api


def begun(api: RestApi, path: str) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
    parts = urlsplit(api.url(path))
    connection = http.client.HTTPConnection("127.0.0.1", parts.port, timeout=STUCK_SECONDS)
    connection.request("GET", parts.path)
    return connection, connection.getresponse()


def last_trace(emulator: RunningEmulator) -> dict[str, Any]:
    [found, *_] = httpx.get(f"{emulator.url}/_emulator/requests").json()["requests"]
    return httpx.get(f"{emulator.url}/_emulator/requests/{found['id']}").json()


def test_metadata_eight_zero_bytes_and_a_body_of_any_size(emulator: RunningEmulator, custom: RestApi) -> None:
    head = {
        "statusCode": 207,
        "headers": {"X-A": "b", "Content-Type": "text/event-stream"},
        "multiValueHeaders": {"X-Many": ["1", "2"]},
        "cookies": ["a=b", "c=d"],
    }
    answer = custom.request("POST", "/say", json={"head": json.dumps(head), "megabytes": 11}, timeout=STUCK_SECONDS)
    assert answer.status_code == 207 and answer.content[:9] == b"from /say"
    assert len(answer.content) == 11_000_009  # more than the 10 MB of a buffered answer
    assert (answer.headers["X-A"], answer.headers["Content-Type"]) == ("b", "text/event-stream")
    assert answer.headers.get_list("X-Many") == ["1", "2"] and answer.headers.get_list("Set-Cookie") == ["a=b", "c=d"]
    assert answer.headers["Transfer-Encoding"] == "chunked" and "x-amzn-RequestId" in answer.headers
    ended = last_trace(emulator)["steps"][-1]
    assert (ended["step"], ended["bytes"], ended["broken"]) == ("stream ended", 11_000_009, None)


@pytest.mark.parametrize(
    "sent",
    [
        {"head": "{}", "zeros": 7},
        {"head": "[]"},
        {"head": "no JSON"},
        {"head": '{"statusCode": "many"}'},
        {"head": '{"body": "none"}'},
        {"head": '{"cookies": "a=b"}'},
        {"head": "{", "megabytes": 1},
    ],
)
def test_what_does_not_begin_as_it_must_is_a_bad_gateway(custom: RestApi, sent: dict[str, Any]) -> None:
    answer = custom.request("POST", "/say", json=sent)
    assert (answer.status_code, answer.json()) == (502, {"message": "Internal server error"})
    assert custom.request("POST", "/again", json={"head": "{}"}).content == b"from /again"


def test_a_test_of_the_method_shows_the_stream_whole(custom: RestApi) -> None:
    ids = {"restApiId": custom.id, "resourceId": custom.resource("/{proxy+}"), "httpMethod": "POST"}
    body = json.dumps({"head": '{"statusCode": 201}'})
    told = custom.client.test_invoke_method(**ids, pathWithQueryString="/x", body=body)
    assert (told["status"], told["body"]) == (201, "from /x")


def test_a_stream_begins_before_its_function_ends_and_breaks_off_when_it_is_silent(
    emulator: RunningEmulator, node: RestApi
) -> None:
    connection, response = begun(node, "/slow")
    assert (response.status, response.headers["X-A"], response.readline()) == (200, "b", b"first\n")
    emulator.advance(29)
    emulator.advance(1)  # an edge-optimized API waits 30 s for a next piece
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()
    trace = last_trace(emulator)
    assert trace["timeout"] == {"whose": "idle stream", "seconds": 30}
    now = datetime.fromtimestamp(emulator.now(), UTC)
    counted = emulator.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/ApiGateway",
        MetricName="Count",
        Dimensions=[{"Name": "ApiName", "Value": "test"}],
        StartTime=now - timedelta(minutes=10),
        EndTime=now + timedelta(minutes=10),
        Period=1200,
        Statistics=["Sum"],
    )
    assert counted["Datapoints"][0]["Sum"] == 1


def test_a_function_that_fails_on_the_way_breaks_the_stream_off(emulator: RunningEmulator, node: RestApi) -> None:
    connection, response = begun(node, "/break")
    assert response.readline() == b"first\n"
    emulator.advance(1)
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()
    assert node.request("GET", "/fail").status_code == 502
    assert "at once" in last_trace(emulator)["problem"]


def test_a_head_that_does_not_come_in_time_is_a_504(emulator: RunningEmulator, node: RestApi) -> None:
    answers: list[httpx.Response] = []
    client = threading.Thread(target=lambda: answers.append(node.request("GET", "/late", timeout=STUCK_SECONDS)))
    client.start()
    while client.is_alive():
        emulator.advance(10)
        client.join(0.05)
    assert (answers[0].status_code, answers[0].json()) == (504, {"message": "Endpoint request timed out"})


class _Endpoint(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    gate = threading.Event()

    def do_GET(self) -> None:
        self.send_response(203)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Transfer-Encoding", "chunked")
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(b"5\r\nfirst\r\n")
        self.gate.wait(STUCK_SECONDS)
        if self.path == "/whole":
            self.wfile.write(b"6\r\nsecond\r\n0\r\n\r\n")
        self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def endpoint() -> Iterator[str]:
    _Endpoint.gate.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Endpoint)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    _Endpoint.gate.set()
    server.shutdown()
    server.server_close()


def test_an_endpoint_s_answer_is_passed_on_as_it_comes(api: RestApi, endpoint: str) -> None:
    for path in ("/whole", "/broken"):
        integration = {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": endpoint + path}
        api.method(path, "GET", {**integration, "responseTransferMode": "STREAM"})
    api.deploy()
    connection, response = begun(api, "/whole")
    assert (response.status, response.read(5)) == (203, b"first")  # the endpoint has not sent the rest yet
    _Endpoint.gate.set()
    assert response.read() == b"second"
    connection.close()
    connection, response = begun(api, "/broken")
    with pytest.raises(http.client.IncompleteRead):
        response.read()
    connection.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"uri": function_uri("stream")},
        {"responseTransferMode": "BUFFERED"},
        {"type": "AWS"},
        {"type": "MOCK", "uri": ""},
        {"timeoutInMillis": 900_001},
    ],
)
def test_only_proxies_stream_and_their_uri_says_so(api: RestApi, wrong: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        api.method("/", "GET", {**streamed(), **wrong})
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
