"""Documents that are almost OpenAPI: read or refused, and never anything else."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.errors import AwsError
from emulator.services.apigateway.openapi import parse
from emulator.services.apigatewayv2.model import Api
from emulator.services.apigatewayv2.openapi import Definition, read
from emulator.services.apigatewayv2.operations.routes import checked_integration

NAMES = st.sampled_from(
    [
        *("get", "parameters", "security", "operationId", "$ref", "type", "uri", "httpMethod", "payloadFormatVersion"),
        *("timeoutInMillis", "requestParameters", "responseParameters", "200", "append:header.a", "tlsConfig"),
        *("identitySource", "jwtConfiguration", "issuer", "audience", "securitySchemes", "who", "maxAge"),
        *("allowOrigins", "x-amazon-apigateway-integration", "x-amazon-apigateway-authorizer", "/x", "/$default"),
        *("x-amazon-apigateway-any-method", "x-amazon-apigateway-integrations", "url", "variables", "default"),
    ]
)
WORDS = st.sampled_from(["aws_proxy", "http_proxy", "http://x", "1.0", "jwt", "$request.header.a", "GET"])
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=6) | WORDS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=12
)
TOPS = st.sampled_from(["paths", "components", "servers", "tags", "security", "x-amazon-apigateway-cors"])


def read_all(document: dict[str, Any], basepath: str) -> Definition | None:
    try:
        definition = read(parse(json.dumps(document).encode()), basepath)
        for route in definition.routes:
            if route.integration is not None:
                checked_integration(dict(route.integration), route.integration)
    except AwsError as error:
        assert error.status == 400
        return None
    return definition


@given(st.dictionaries(TOPS, VALUES), st.sampled_from(["ignore", "prepend", "split"]))
def test_a_document_is_read_or_refused(members: dict[str, Any], basepath: str) -> None:
    read_all({"openapi": "3.0.1", "info": {"title": "t"}, "paths": {}, **members}, basepath)


@given(VALUES, VALUES)
def test_an_integration_and_an_authorizer_are_read_or_refused(integration: Any, authorizer: Any) -> None:
    operation = {"security": [{"who": integration}], "x-amazon-apigateway-integration": integration}
    schemes = {"who": {"x-amazon-apigateway-authorizer": authorizer}}
    document = {"openapi": "3.0.1", "info": {"title": "t"}, "paths": {"/x": {"get": operation}}}
    read_all({**document, "components": {"securitySchemes": schemes}}, "ignore")


def test_a_document_s_base_path_is_ignored_prepended_or_split() -> None:
    server = {"url": "https://host/{base}/two", "variables": {"base": {"default": "one"}}}
    document = {"openapi": "3.0.0", "info": {"title": "t"}, "servers": [server], "paths": {"/x": {"get": {}}}}
    keys = {}
    for basepath in ("ignore", "prepend", "split"):
        definition = read_all(document, basepath)
        assert definition is not None
        keys[basepath] = definition.routes[0].members["RouteKey"]
    assert keys == {"ignore": "GET /x", "prepend": "GET /one/two/x", "split": "GET /two/x"}


def test_documents_of_sam_have_a_default_route_and_routes_without_authorizer() -> None:
    integration = {"type": "aws_proxy", "uri": "arn:aws:lambda:us-east-1:123456789012:function:f"}
    operation = {"security": [{"NONE": []}], "x-amazon-apigateway-integration": integration, "isDefaultRoute": True}
    document = {
        "openapi": "3.0.1",
        "info": {"title": "t"},
        "paths": {"$default": {"x-amazon-apigateway-any-method": operation}, "/x": {"get": operation}},
    }
    definition = read_all(document, "ignore")
    assert definition is not None
    assert [(route.members["RouteKey"], route.authorizer) for route in definition.routes] == [
        ("$default", None),
        ("GET /x", None),
    ]


def test_an_api_is_a_document_and_back() -> None:
    api = Api("i", "0" * 12, "us-east-1", {"Name": "n"}, {"r": {"RouteKey": "$default"}})
    assert Api.from_json(api.to_json()) == api
