"""Pure rules of the control and data plane: patches, expressions, addresses, paths, patterns, OpenAPI."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from emulator.aws.errors import AwsError
from emulator.services.apigateway import expressions, openapi
from emulator.services.apigateway.gateway import jsonpath, patterns
from emulator.services.apigateway.gateway.address import Address, address
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.model import Api
from emulator.services.apigateway.operations.integrations import INTEGRATION
from emulator.services.apigateway.operations.methods import METHOD
from emulator.services.apigateway.patch import apply, unescape
from emulator.settings import LiveSettings

URI = (
    "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/"
    "arn:aws:lambda:us-east-1:000000000000:function:f/invocations"
)


@pytest.mark.parametrize(
    ("pointer", "name"), [("application~1json", "application/json"), ("a~0b", "a~b"), ("~01", "~1")]
)
def test_a_json_pointer_token_is_unescaped(pointer: str, name: str) -> None:
    assert unescape(pointer) == name


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ({"op": "replace", "path": "/httpMethod", "value": "GET"}, "Invalid patch path /httpMethod"),
        ({"op": "add", "path": "/requestParameters", "value": "x"}, "Invalid patch path /requestParameters"),
        ({"op": "add", "path": "/requestModels/a/json", "value": "x"}, "Invalid patch path /requestModels/a/json"),
        (
            {"op": "add", "path": "/apiKeyRequired", "value": "true"},
            "Invalid patch operation specified. Must be one of: [replace]",
        ),
        ({"op": "remove", "path": "/requestModels/a"}, "Content-Type specified was not found"),
        ({"op": "copy", "path": "/x"}, "Invalid patch operation specified. Must be 'add'|'remove'|'replace'"),
        ({"op": "replace"}, "Invalid patch path null"),
    ],
)
def test_a_wrong_patch_is_refused_with_the_text_of_aws(operation: dict[str, str], message: str) -> None:
    with pytest.raises(AwsError) as refused:
        apply({}, [operation], METHOD)
    assert refused.value.message == message


def test_a_patch_leaves_the_original_alone() -> None:
    original: dict[str, Any] = {"requestTemplates": {"a/b": "1"}}
    path = "/requestTemplates/a~1b"
    assert apply(original, [{"op": "remove", "path": path}], INTEGRATION) == {}
    assert original == {"requestTemplates": {"a/b": "1"}}


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("'Event'", None),
        ("context.requestId", None),
        ("stageVariables.x", None),
        ("method.request.body.a", None),
        ("method.request.header.Known", None),
        ("method.request.multivalueheader.Known", None),
        ("method.request.path.id", None),
        ("Event", expressions.malformed("Event")),
        ("method.request.header.X", expressions.undeclared("method.request.header.X")),
    ],
)
def test_a_request_mapping_is_checked(source: str, problem: str | None) -> None:
    declared = {"method.request.header.Known": False}
    assert expressions.request_mapping_problem("integration.request.header.H", source, declared, "/a/{id}") == problem


@pytest.mark.parametrize(
    ("host", "path", "expected"),
    [
        ("abc.execute-api.localhost:4566", "/dev/a/b", Address("abc", "dev", "/a/b")),
        ("abc.execute-api.us-east-1.localhost", "/dev", Address("abc", "dev", "/")),
        ("localhost:4566", "/_aws/execute-api/abc/dev/a", Address("abc", "dev", "/a")),
        ("localhost", "/restapis/abc/dev/_user_request_/a", Address("abc", "dev", "/a")),
        ("localhost", "/restapis/abc", None),
        ("abc.execute-api.example.com", "/dev", None),
    ],
)
def test_requests_to_deployed_apis_are_recognised(host: str, path: str, expected: Address | None) -> None:
    assert address(host, path) == expected


@pytest.mark.parametrize(
    ("pattern", "subject", "expected"),
    [
        (".*four hundred.*", "a four hundred b", True),
        ("four", "a four", False),
        (".+", "", False),
        (".*", "a\nb", False),
        ("(\\n|.)+", "a\nb", True),
        ("[", "[", False),
        ("(a+)+b", "a" * 50_000, False),
    ],
)
def test_a_selection_pattern_matches_the_whole_string(pattern: str, subject: str, expected: bool) -> None:
    assert patterns.matches(pattern, subject) is expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("$", {"a": {"b": [1, {"c": 2}]}, "x y": 3}),
        ("$.a.b[0]", 1),
        ("$.a.b[-1].c", 2),
        ("$['x y']", 3),
        ("$..c", [2]),
        ("$.a.b[?(@.c == 2)]", [{"c": 2}]),
        ("$.a.b.length()", 2),
        ("$.nope", jsonpath.MISSING),
        ("$.a.b[9]", jsonpath.MISSING),
    ],
)
def test_json_paths(path: str, expected: Any) -> None:
    assert jsonpath.find(path, {"a": {"b": [1, {"c": 2}]}, "x y": 3}) == expected


def imported(document: dict[str, Any]) -> Api:
    numbers = itertools.count()
    api = Api("api", "000000000000", "us-east-1", {"rootResourceId": "root"}, {"root": {"id": "root", "path": "/"}})
    parsed = openapi.parse(json.dumps(document).encode())
    openapi.fill(api, parsed, lambda length: f"{next(numbers):0{length}}", "ignore", LiveSettings())
    return api


def document(**operation: Any) -> dict[str, Any]:
    integration = {"type": "aws", "httpMethod": "POST", "uri": URI, "responses": {"default": {"statusCode": 202}}}
    return {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "x-amazon-apigateway-request-validators": {"p": {"validateRequestParameters": True}},
        "paths": {
            "/reports/{id}": {
                "post": {
                    "parameters": [{"name": "InvocationType", "in": "header", "required": True}],
                    "responses": {"202": {"description": "accepted"}},
                    "x-amazon-apigateway-request-validator": "p",
                    "x-amazon-apigateway-integration": integration,
                    **operation,
                }
            },
            "/{proxy+}": {"x-amazon-apigateway-any-method": {"x-amazon-apigateway-integration": {"type": "mock"}}},
        },
    }


def test_an_openapi_file_becomes_methods_and_integrations() -> None:
    snapshot = Snapshot(imported(document()))
    route = snapshot.route("POST", "/reports/7")
    assert route is not None
    assert route.parameters == {"id": "7"}
    assert route.method["requestParameters"] == {"method.request.header.InvocationType": True}
    assert route.validator is not None
    assert route.method["methodIntegration"]["integrationResponses"] == {"202": {"statusCode": "202"}}
    greedy = snapshot.route("PUT", "/a/b/c")
    assert greedy is not None
    assert greedy.parameters == {"proxy": "a/b/c"}


def test_an_openapi_mapping_of_an_undeclared_header_is_refused() -> None:
    integration = {
        "type": "aws",
        "httpMethod": "POST",
        "uri": URI,
        "requestParameters": {"integration.request.header.A": "method.request.header.B"},
    }
    with pytest.raises(AwsError, match=r"method\.request\.header\.B"):
        imported(document(**{"x-amazon-apigateway-integration": integration}))


def test_an_openapi_integration_over_a_vpc_link_names_the_link() -> None:
    integration = {"type": "http_proxy", "httpMethod": "GET", "uri": "http://example.com", "connectionType": "VPC_LINK"}
    with pytest.raises(AwsError, match="Connection id is required"):
        imported(document(**{"x-amazon-apigateway-integration": integration}))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"a: &x [*x]", b"\xff", b'{"openapi": "3.0.1"}', b'{"openapi":"3","info":{},"paths":[]}']
)
def test_a_bad_file_is_no_openapi_input(body: bytes) -> None:
    with pytest.raises(AwsError, match=r"Invalid OpenAPI input\."):
        openapi.parse(body)
