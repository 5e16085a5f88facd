"""Answers that would break the connection if they went out as they were made: headers of framing, odd statuses."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.apigateway_support import RestApi
from tests.wire.lambda_support import create, package

ANSWERS = "def handler(event, context):\n    import json\n    return json.loads(event['headers']['x-answer'])\n"
MOCK = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}


def lambda_proxy(emulator: RunningEmulator, api: RestApi) -> None:
    arn = create(emulator.client("lambda"), "answers", Code={"ZipFile": package(ANSWERS)})["FunctionArn"]
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    api.method("/p", "GET", {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri})
    api.deploy()


@pytest.mark.parametrize(
    "headers", [{"Content-Length": "5"}, {"Transfer-Encoding": "chunked"}, {"Connection": "close", "Date": "x"}]
)
def test_headers_of_the_gateway_s_own_are_remapped(emulator: RunningEmulator, headers: dict[str, str]) -> None:
    api = RestApi(emulator)
    lambda_proxy(emulator, api)
    answer = httpx.get(api.url("/p"), headers={"x-answer": json.dumps({"headers": headers, "body": "x"})})
    assert (answer.status_code, answer.text) == (200, "x")
    assert answer.headers.get_list("content-length") == ["1"]
    assert len(answer.headers.get_list("date")) == 1
    assert "transfer-encoding" not in answer.headers
    for name, value in headers.items():
        if name != "Transfer-Encoding":
            assert answer.headers[f"x-amzn-remapped-{name}"] == value


def test_gateway_responses_cannot_break_the_framing(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    api.method("/m", "GET", MOCK)
    parameters = {
        "gatewayresponse.header.Content-Length": "'5'",
        "gatewayresponse.header.Transfer-Encoding": "'chunked'",
    }
    api.client.put_gateway_response(restApiId=api.id, responseType="DEFAULT_4XX", responseParameters=parameters)
    api.deploy()
    answer = httpx.get(api.url("/nowhere"))
    assert answer.json() == {"message": "Missing Authentication Token"}
    assert answer.headers["x-amzn-remapped-content-length"] == "5"


@pytest.mark.parametrize("status", ["-1", "99", "600", "1000", "abc", ""])
def test_a_gateway_response_has_a_status_code(emulator: RunningEmulator, status: str) -> None:
    api = RestApi(emulator)
    change = [{"op": "replace", "path": "/statusCode", "value": status}]
    if status:
        with pytest.raises(ClientError) as caught:
            api.client.update_gateway_response(restApiId=api.id, responseType="DEFAULT_4XX", patchOperations=change)
        assert caught.value.response["Error"]["Code"] == "BadRequestException"
    document = {
        "openapi": "3.0.1",
        "info": {"title": "t", "version": "1"},
        "paths": {},
        "x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {"statusCode": status or -1}},
    }
    with pytest.raises(ClientError) as caught:
        api.client.import_rest_api(body=json.dumps(document).encode(), failOnWarnings=True)
    assert caught.value.response["Error"]["Code"] == "BadRequestException"


def test_a_status_that_ends_no_request_is_none(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    template = "#set($context.responseOverride.status = 100)x"
    api.method("/m", "GET", MOCK, {"200": {"responseTemplates": {"application/json": template}}})
    api.deploy()
    assert httpx.get(api.url("/m"), timeout=STUCK_SECONDS).status_code == 200


@pytest.mark.parametrize(
    "extension",
    [
        {"x-amazon-apigateway-documentation": {"documentationParts": 1}},
        {"x-amazon-apigateway-endpoint-configuration": {"types": {"a": 1}}},
    ],
)
def test_documents_with_odd_extensions_are_refused(emulator: RunningEmulator, extension: dict[str, Any]) -> None:
    document = {"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {}, **extension}
    with pytest.raises(ClientError) as caught:
        emulator.client("apigateway").import_rest_api(body=json.dumps(document).encode())
    assert caught.value.response["Error"]["Code"] == "BadRequestException"


@pytest.mark.parametrize(
    "pattern",
    ["(?i).*my error.*", "(?s).*Error.*", r"\Q[BadRequest]\E.*", ".*+", r".*\z", r"\A\[Bad.*", "(?i)nothing|.*ERROR"],
)
def test_selection_patterns_are_javas(emulator: RunningEmulator, pattern: str) -> None:
    api = RestApi(emulator)
    code = "def handler(event, context):\n    raise Exception('[BadRequest] My Error')\n"
    arn = create(emulator.client("lambda"), "fails", Code={"ZipFile": package(code)})["FunctionArn"]
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    responses = {"200": {}, "400": {"selectionPattern": pattern}}
    api.method("/f", "GET", {"type": "AWS", "integrationHttpMethod": "POST", "uri": uri}, responses)
    api.deploy()
    assert httpx.get(api.url("/f")).status_code == 400


def test_throttles_of_a_plan_are_patched_as_terraform_writes_them(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    api.method("/p", "GET", MOCK)
    api.deploy()
    stages = [{"apiId": api.id, "stage": "dev"}]
    plan = api.client.create_usage_plan(name="plan", apiStages=stages)["id"]
    for path, value in (("/p/GET/rateLimit", "5"), ("~1p/GET/burstLimit", "7")):
        change = {"op": "replace", "path": f"/apiStages/{api.id}:dev/throttle/{path}", "value": value}
        api.client.update_usage_plan(usagePlanId=plan, patchOperations=[change])
    [stage] = api.client.get_usage_plan(usagePlanId=plan)["apiStages"]
    assert stage["throttle"] == {"/p/GET": {"burstLimit": 7, "rateLimit": 5.0}}
    with pytest.raises(ClientError):
        quota = {"limit": 5, "period": "WEEK", "offset": 9}
        api.client.create_usage_plan(name="other", quota=quota)


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"$id": "x", "type": "object"}, 'Unsupported keyword(s): ["$id"]'),
        ({"properties": {"a": {"$ref": "file:///etc/passwd"}}}, "Model reference must be in canonical form"),
        ({"type": "string", "pattern": "("}, "Invalid model schema specified"),
        ({"type": "nope"}, "Invalid model schema specified"),
        ({"required": "n"}, "Invalid model schema specified"),
    ],
)
def test_a_model_that_could_judge_nothing_is_refused(
    emulator: RunningEmulator, schema: dict[str, Any], text: str
) -> None:
    api = RestApi(emulator)
    with pytest.raises(ClientError) as caught:
        api.client.create_model(restApiId=api.id, name="m", contentType="application/json", schema=json.dumps(schema))
    assert text in caught.value.response["Error"]["Message"]


def test_long_answers_are_compressed_and_compressed_requests_unpacked(emulator: RunningEmulator) -> None:
    api = RestApi(emulator, minimumCompressionSize=100)
    echo = {"type": "MOCK", "requestTemplates": {"application/json": '{"statusCode": 200}'}}
    template = {"application/json": '{"long": "' + "x" * 200 + '"}'}
    api.method("/long", "GET", echo, {"200": {"responseTemplates": template}})
    api.method("/short", "GET", echo, {"200": {"responseTemplates": {"application/json": "{}"}}})
    code = "def handler(event, context):\n    return {'body': event['body']}\n"
    arn = create(emulator.client("lambda"), "echo", Code={"ZipFile": package(code)})["FunctionArn"]
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    api.method("/echo", "POST", {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri})
    api.deploy()
    for accepted, coding in (
        ("gzip", "gzip"),
        ("deflate;q=0.5, gzip;q=0.1", "deflate"),
        ("br", None),
        ("identity", None),
    ):
        answer = httpx.get(api.url("/long"), headers={"Accept-Encoding": accepted})
        assert (answer.headers.get("content-encoding"), answer.json()["long"]) == (coding, "x" * 200)
    assert "content-encoding" not in httpx.get(api.url("/short"), headers={"Accept-Encoding": "gzip"}).headers
    sent = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    answer = httpx.post(api.url("/echo"), content=gzip.compress(b'{"a": 1}'), headers=sent)
    assert answer.text == '{"a": 1}'
    assert httpx.post(api.url("/echo"), content=b"no gzip", headers=sent).status_code == 400
    bomb = gzip.compress(bytes(50 * 1024 * 1024))
    assert httpx.post(api.url("/echo"), content=bomb, headers=sent).status_code == 413
