"""A deployed API against the document it was made of, asked by schemathesis: it answers as the document says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri

schemathesis = pytest.importorskip("schemathesis", reason="installed by `make test`")

PRICES = """
import json
def handler(event, context):
    if event["httpMethod"] == "GET":
        return {"statusCode": 200, "body": json.dumps({"id": event["pathParameters"]["id"], "price": 1})}
    order = json.loads(event["body"])
    return {"statusCode": 201, "body": json.dumps({"id": order["name"], "price": order["count"]})}
"""
ORDER = {
    "type": "object",
    "required": ["name", "count"],
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 20},
        "count": {"type": "integer", "minimum": 1, "maximum": 1000},
        "tags": {"type": "array", "items": {"type": "string"}},
    },
}
ITEM = {"type": "object", "required": ["id", "price"], "properties": {"id": {"type": "string"}}}
FAILURE = {"type": "object", "required": ["message"]}


def answers(**named: Any) -> dict[str, Any]:
    return {
        status.strip("s"): {"description": status, "content": {"application/json": {"schema": schema}}}
        for status, schema in named.items()
    }


def document() -> dict[str, Any]:
    function = {"type": "aws_proxy", "httpMethod": "POST", "uri": function_uri("prices")}
    mock = {
        "type": "mock",
        "requestTemplates": {"application/json": '{"statusCode": 200}'},
        "responses": {
            "default": {
                "statusCode": "200",
                "responseTemplates": {"application/json": '{"id": "$input.params("q")", "price": 0}'},
            }
        },
    }
    query = {"name": "q", "in": "query", "required": True, "schema": {"type": "string", "pattern": "^[a-z]+$"}}
    name = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
    order = {"required": True, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Order"}}}}
    return {
        "openapi": "3.0.1",
        "info": {"title": "prices", "version": "1"},
        "x-amazon-apigateway-request-validators": {
            "all": {"validateRequestBody": True, "validateRequestParameters": True}
        },
        "x-amazon-apigateway-request-validator": "all",
        "components": {"schemas": {"Order": ORDER}},
        "paths": {
            "/prices/{id}": {
                "get": {
                    "parameters": [name],
                    "responses": answers(s200=ITEM, s403=FAILURE),
                    "x-amazon-apigateway-integration": function,
                }
            },
            "/orders": {
                "post": {
                    "requestBody": order,
                    "responses": answers(s201=ITEM, s400=FAILURE),
                    "x-amazon-apigateway-integration": function,
                }
            },
            "/search": {
                "get": {
                    "parameters": [query],
                    "responses": answers(s200=ITEM, s400=FAILURE),
                    "x-amazon-apigateway-integration": mock,
                }
            },
        },
    }


@pytest.mark.parametrize(
    ("path", "method", "mode"),
    [
        ("/prices/{id}", "GET", "POSITIVE"),
        ("/orders", "POST", "POSITIVE"),
        ("/orders", "POST", "NEGATIVE"),
        ("/search", "GET", "POSITIVE"),
    ],
)
def test_a_deployed_api_answers_as_its_document_says(
    emulator: RunningEmulator, path: str, method: str, mode: str
) -> None:
    create_function(emulator, "prices", PRICES)
    api = RestApi(emulator)
    api.id = api.client.import_rest_api(body=json.dumps(document()).encode())["id"]
    api.deploy()
    operation = schemathesis.openapi.from_dict(document())[path][method]
    statuses: list[int] = []

    @settings(
        max_examples=10,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode[mode]))
    def ask(case: Any) -> None:
        response = case.call(base_url=api.url().rstrip("/"))
        case.validate_response(response)
        statuses.append(response.status_code)

    ask()
    assert statuses
