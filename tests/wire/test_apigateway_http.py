"""Integrations of types HTTP and HTTP_PROXY, against a small server on this machine."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.apigateway_support import RestApi
from tests.wire.http_api_support import ask, http_api


class Echo(BaseHTTPRequestHandler):
    """Answers with what it was asked; `/slow` waits, `/missing` is 404, `/headers` sends odd headers."""

    released = threading.Event()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/slow"):
            self.released.wait(STUCK_SECONDS)
        told = {"method": self.command, "path": self.path, "headers": self.headers.items(), "body": body.decode()}
        content = json.dumps(told).encode()
        self.send_response(404 if self.path.startswith("/missing") else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("X-Own", "yes")
        if self.path.startswith("/headers"):
            self.send_header("Via", "1.1 proxy")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


def sent(answer: Any) -> tuple[dict[str, Any], dict[str, str]]:
    told = answer.json()
    return told, {name.lower(): value for name, value in told["headers"]}


def test_a_proxy_passes_path_query_headers_and_body_on(api: RestApi, endpoint: str) -> None:
    mappings = {
        "integration.request.path.proxy": "method.request.path.proxy",
        "integration.request.querystring.added": "'1'",
        "integration.request.header.X-Mapped": "context.httpMethod",
    }
    integration = {"type": "HTTP_PROXY", "integrationHttpMethod": "ANY", "requestParameters": mappings}
    api.method("/{proxy+}", "ANY", {**integration, "uri": endpoint + "/base/{proxy}"})
    api.deploy()
    answer = api.request("PUT", "/a/b%20c?q=1&q=2", content=b"hello", headers={"X-Client": "me", "TE": "trailers"})
    told, headers = sent(answer)
    assert (told["method"], told["path"], told["body"]) == ("PUT", "/base/a/b%20c?q=1&q=2&added=1", "hello")
    assert (headers["x-client"], headers["x-mapped"]) == ("me", "PUT")
    assert headers["host"] == endpoint.removeprefix("http://")
    assert headers["x-amzn-apigateway-api-id"] == api.id
    assert headers["x-forwarded-for"] == "127.0.0.1"
    assert "te" not in headers
    assert answer.headers["X-Own"] == "yes"
    assert "x-amzn-Remapped-Date" in answer.headers
    assert "x-amzn-Remapped-Server" in answer.headers


def test_a_proxy_passes_statuses_on_and_drops_via(api: RestApi, endpoint: str) -> None:
    api.method("/", "GET", {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": endpoint + "/missing"})
    api.method("/h", "GET", {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": endpoint + "/headers"})
    api.deploy()
    assert api.request("GET").status_code == 404
    assert "Via" not in api.request("GET", "/h").headers


def test_an_answer_to_head_says_how_long_the_body_would_be(
    emulator: RunningEmulator, api: RestApi, endpoint: str
) -> None:
    api.method("/", "ANY", {"type": "HTTP_PROXY", "integrationHttpMethod": "ANY", "uri": endpoint + "/long"})
    api.deploy()
    other = http_api(emulator)
    uri = {"IntegrationType": "HTTP_PROXY", "IntegrationMethod": "ANY", "IntegrationUri": endpoint + "/long"}
    target = other.integration(**uri, PayloadFormatVersion="1.0")
    other.client.create_route(ApiId=other.id, RouteKey="ANY /", Target=target)
    for url in (api.url(), f"{emulator.url}/_aws/execute-api/{other.id}/"):
        head = ask(url, "HEAD")
        assert head.body == b""
        assert int(head.headers["Content-Length"]) > 100


def test_http_sends_what_is_mapped_and_maps_by_status(api: RestApi, endpoint: str) -> None:
    integration = {
        "type": "HTTP",
        "integrationHttpMethod": "POST",
        "uri": endpoint + "/missing",
        "requestTemplates": {"application/json": '{"wrapped": $input.body}'},
    }
    responses = {"200": {}, "502": {"selectionPattern": "404", "responseParameters": {}}}
    responses["502"]["responseParameters"] = {"method.response.header.X-From": "integration.response.header.X-Own"}
    api.method("/", "POST", integration, responses)
    api.deploy()
    answer = api.request("POST", "/?q=1", json={"a": 1}, headers={"X-Client": "me"})
    told, headers = sent(answer)
    assert (answer.status_code, answer.headers["X-From"]) == (502, "yes")
    assert (told["path"], told["body"]) == ("/missing", '{"wrapped": {"a":1}}')
    assert headers["user-agent"] == f"AmazonAPIGateway_{api.id}"
    assert headers["accept"] == "application/json"
    assert "x-client" not in headers


def test_silence_is_a_timeout_and_nobody_is_a_network_error(api: RestApi, endpoint: str) -> None:
    slow = {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": endpoint + "/slow", "timeoutInMillis": 50}
    api.method("/slow", "GET", slow)
    api.method("/none", "GET", {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://127.0.0.1:1/"})
    variable = {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": "http://${stageVariables.where}/a"}
    api.method("/unset", "GET", variable)
    api.deploy()
    started = time.monotonic()
    late = api.request("GET", "/slow")
    assert time.monotonic() - started < STUCK_SECONDS
    Echo.released.set()
    assert (late.status_code, late.text) == (504, '{"message": "Endpoint request timed out"}')
    refused = api.request("GET", "/none")
    assert (refused.status_code, refused.json()) == (504, {"message": "Network error communicating with endpoint"})
    unset = api.request("GET", "/unset")
    assert (unset.status_code, unset.json()) == (500, {"message": "Internal server error"})
    assert unset.headers["x-amzn-ErrorType"] == "InternalServerErrorException"


def test_headers_of_the_gateway_cannot_be_mapped(api: RestApi, endpoint: str) -> None:
    integration = {"type": "HTTP", "integrationHttpMethod": "GET", "uri": endpoint}
    for number, name in enumerate(("Content-Length", "X-Amzn-Trace-Id")):
        mappings = {f"integration.request.header.{name}": "'1'"}
        api.method(f"/{number}", "GET", {**integration, "requestParameters": mappings})
    allowed = {"integration.request.header.Authorization": "'token'"}
    api.method("/allowed", "GET", {**integration, "requestParameters": allowed})
    api.deploy()
    assert [api.request("GET", path).status_code for path in ("/0", "/1", "/allowed")] == [500, 500, 200]


def test_stage_variables_name_the_endpoint(api: RestApi, endpoint: str) -> None:
    host = endpoint.removeprefix("http://")
    uri = "http://${stageVariables.host}/there"
    api.method("/", "GET", {"type": "HTTP_PROXY", "integrationHttpMethod": "GET", "uri": uri})
    api.deploy(variables={"host": host})
    assert api.request("GET").json()["path"] == "/there"


def test_an_integration_over_a_vpc_link_calls_its_uri(api: RestApi, endpoint: str) -> None:
    target = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/one/50dc6c495c0c9188"
    link = api.client.create_vpc_link(name="link", targetArns=[target])["id"]
    integration = {
        "type": "HTTP_PROXY",
        "integrationHttpMethod": "GET",
        "uri": f"{endpoint}/inside",
        "connectionType": "VPC_LINK",
        "connectionId": "${stageVariables.link}",
    }
    api.method("pets", "GET", integration)
    api.deploy(variables={"link": link})
    assert api.request("GET", "pets").json()["path"] == "/inside"
