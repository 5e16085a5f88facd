"""Header names of answers, byte for byte: AWS's own as recorded, a user's as the user wrote them, on every way out.

HTTP clients compare names without regard to case, so these tests read the bytes.
"""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock
from tests.wire.lambda_support import package

CODE = """
import json

def handler(event, context):
    return json.loads(event["body"])
"""
SHOUTED = {"statusCode": 200, "headers": {"Test-Multi": "value-solo"}, "multiValueHeaders": {"tesT-Multi": ["value"]}}
AWS_SPELLS = {"Date", "Content-Type", "Content-Length", "Connection", "x-amzn-RequestId", "x-amz-apigw-id"}
"""[R:test_aws_proxy_response_payload_format_validation]"""


def head(
    emulator: RunningEmulator, path: str, body: Any = "", method: str = "POST", *headers: str, host: str = ""
) -> list[str]:
    """The lines of an answer's head."""
    port = int(emulator.url.rpartition(":")[2])
    content = json.dumps(body).encode() if body != "" else b""
    lines = [
        f"{method} {path} HTTP/1.1",
        f"Host: {host or f'127.0.0.1:{port}'}",
        f"Content-Length: {len(content)}",
        *headers,
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=STUCK_SECONDS) as line:
        line.sendall("\r\n".join([*lines, "", ""]).encode() + content)
        received = b""
        while b"\r\n\r\n" not in received:
            piece = line.recv(65_536)
            assert piece, received
            received += piece
    return received.partition(b"\r\n\r\n")[0].decode().split("\r\n")


def names(lines: list[str]) -> set[str]:
    return {line.partition(":")[0] for line in lines[1:]}


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    create_function(emulator, "answer", CODE)
    api = RestApi(emulator)
    api.method("/proxy", "ANY", {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("answer")})
    answers = mock(responseParameters={"method.response.header.X-mApped": "'yes'"})
    api.method("/mapped", "ANY", **answers)
    api.deploy()
    return api


@pytest.mark.parametrize(
    ("method", "headers", "connection"),
    [("POST", (), "keep-alive"), ("POST", ("Connection: close",), "close"), ("HEAD", (), "keep-alive")],
    ids=["short way", "closing", "HEAD"],
)
def test_a_proxy_answer_has_the_names_of_aws_and_of_its_function(
    emulator: RunningEmulator, api: RestApi, method: str, headers: tuple[str, ...], connection: str
) -> None:
    lines = head(emulator, f"/_aws/execute-api/{api.id}/dev/proxy", SHOUTED, method, *headers)
    assert lines[0].split()[1] == "200"
    assert names(lines) == AWS_SPELLS | {"X-Amzn-Trace-Id", "tesT-Multi"}
    assert f"Connection: {connection}" in lines
    assert len([line for line in lines if line.startswith("Date: ")]) == 1


def test_a_mapped_header_is_spelled_as_the_mapping_names_it(emulator: RunningEmulator, api: RestApi) -> None:
    lines = head(emulator, f"/_aws/execute-api/{api.id}/dev/mapped")
    assert names(lines) == AWS_SPELLS | {"X-mApped"}


def test_a_refusal_of_the_gateway_names_its_error_as_aws_does(emulator: RunningEmulator, api: RestApi) -> None:
    lines = head(emulator, f"/_aws/execute-api/{api.id}/dev/none")
    assert lines[0].split()[1] == "403"
    assert names(lines) == AWS_SPELLS | {"x-amzn-ErrorType"}


def test_http_apis_and_function_urls_keep_the_names_of_the_function(emulator: RunningEmulator, api: RestApi) -> None:
    http_api = emulator.client("apigatewayv2").create_api(
        Name="h", ProtocolType="HTTP", Target="arn:aws:lambda:us-east-1:000000000000:function:answer"
    )
    lines = head(
        emulator, f"/_aws/execute-api/{http_api['ApiId']}/$default/", {"statusCode": 200, "headers": {"X-a": "b"}}
    )
    assert names(lines) == {"Date", "Connection", "X-a", "Content-Type", "Content-Length", "Apigw-Requestid"}
    config = emulator.client("lambda").create_function_url_config(FunctionName="answer", AuthType="NONE")
    host = config["FunctionUrl"].partition("//")[2].strip("/")
    lines = head(emulator, "/", {"statusCode": 200, "headers": {"X-a": "b"}}, host=host)
    assert lines[0].split()[1] == "200"
    assert {"Date", "Connection", "X-a", "Content-Type", "Content-Length", "x-amzn-RequestId"} <= names(lines)


def test_the_apis_of_aws_spell_their_names_as_lambda_does(emulator: RunningEmulator, api: RestApi) -> None:
    lines = head(emulator, "/2015-03-31/functions/none/invocations", {})
    assert lines[0].split()[1] == "404"
    known = {"Date", "Content-Type", "Content-Length", "Connection", "x-amzn-RequestId", "x-amzn-ErrorType"}
    assert names(lines) == known


def test_a_streamed_answer_has_the_same_names(emulator: RunningEmulator) -> None:
    emulator.client("lambda").create_function(
        FunctionName="stream",
        Runtime="python3.12",
        Handler="app.handler",
        Role="arn:aws:iam::000000000000:role/lambda",
        Code={"ZipFile": package("def handler(event, context):\n    return {}\n")},
    )
    path = "/2021-11-15/functions/stream/response-streaming-invocations"
    lines = head(emulator, path, {})
    assert lines[0].split()[1] == "200"
    assert {"Date", "Content-Type", "Transfer-Encoding", "Connection", "x-amzn-RequestId"} <= names(lines)
    assert "Transfer-Encoding: chunked" in lines
