"""Facts of recordings from AWS that other files do not state: paths of proxy events, settings that begin with those of
all methods, null templates, orders of enumerations; and header names that are none.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock

SIGNED = f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/apigateway/aws4_request, Signature={'0' * 64}"
ECHO = "def handler(event, context):\n    import json\n    return {'statusCode': 200, 'body': json.dumps(event)}\n"


def proxy(name: str) -> dict[str, Any]:
    return {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri(name)}


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


@pytest.mark.parametrize(
    ("sent", "path", "parameter", "stage_path"),
    [
        ("/dev/proxy-value/", "/proxy-value/", "proxy-value", "/dev/proxy-value/"),
        ("/dev/proxy-value//double", "/proxy-value//double", "proxy-value//double", "/dev/proxy-value//double"),
        ("//dev/proxy-value", "/proxy-value", "proxy-value", "/dev/proxy-value"),
        ("/dev//proxy-value", "/proxy-value", "proxy-value", "/dev//proxy-value"),
        ("/dev/a%2Bb@c/d+e", "/a%2Bb@c/d+e", "a%2Bb@c/d+e", "/dev/a%2Bb@c/d+e"),
    ],
)
def test_paths_reach_a_function_as_they_were_sent(
    emulator: RunningEmulator, api: RestApi, sent: str, path: str, parameter: str, stage_path: str
) -> None:
    create_function(emulator, "echo", ECHO)
    api.method("{proxy+}", "ANY", proxy("echo"))
    api.deploy()
    host = f"{api.id}.execute-api.us-east-1.localhost"
    event = httpx.get(emulator.url + sent, headers={"Host": host}).json()
    assert (event["path"], event["pathParameters"]) == (path, {"proxy": parameter})
    assert event["requestContext"]["path"] == stage_path


def test_a_method_s_own_settings_begin_with_those_of_all(api: RestApi) -> None:
    api.method("test", "GET", **mock())
    api.deploy()
    named = {"restApiId": api.id, "stageName": "dev"}
    changes = {
        "/*/*/caching/enabled": "true",
        "/*/*/throttling/burstLimit": "123",
        "/test/GET/throttling/burstLimit": "124",
    }
    patch = [{"op": "replace", "path": path, "value": value} for path, value in changes.items()]
    settings = api.client.update_stage(**named, patchOperations=patch)["methodSettings"]
    assert (settings["test/GET"]["cachingEnabled"], settings["test/GET"]["throttlingBurstLimit"]) == (True, 124)
    later = [{"op": "replace", "path": "/*/*/throttling/burstLimit", "value": "100"}]
    assert api.client.update_stage(**named, patchOperations=later)["methodSettings"]["test/GET"] == settings["test/GET"]


def test_null_is_a_response_template_that_passes_the_body_through(emulator: RunningEmulator, api: RestApi) -> None:
    ids = api.method("x", "GET", **mock())
    client = emulator.client("apigateway", config=Config(parameter_validation=False))
    made = client.put_integration_response(**ids, statusCode="200", responseTemplates={"application/json": None})
    assert made["responseTemplates"] == {"application/json": None}
    api.deploy()
    assert api.request("GET", "x").status_code == 200


def test_enumerations_are_listed_in_aws_s_order(api: RestApi) -> None:
    with pytest.raises(ClientError, match=r"set: \[REQUEST_TOO_LARGE, RESOURCE_NOT_FOUND, .*, EXPIRED_TOKEN\]"):
        api.client.get_gateway_response(restApiId=api.id, responseType="FAKE")
    with pytest.raises(ClientError, match=r"set: \[RESPONSE_BODY, RESPONSE, METHOD, .*, REQUEST_HEADER\]"):
        api.client.create_documentation_part(restApiId=api.id, location={"type": "FAKE"}, properties="{}")


def test_the_log_shows_lambda_s_headers_as_aws_does(emulator: RunningEmulator, api: RestApi) -> None:
    create_function(emulator, "one", "def handler(event, context):\n    return 1\n")
    ids = api.method("x", "GET", {**proxy("one"), "type": "AWS"})
    log = api.client.test_invoke_method(**ids)["log"]
    [asked] = [line for line in log.splitlines() if "Endpoint request headers" in line]
    [answered] = [line.partition("{")[2] for line in log.splitlines() if "Endpoint response headers" in line]
    assert "X-Amz-Invocation-Type" not in asked
    assert [item.partition("=")[0] for item in answered.replace(", 2", "").split(", ") if "=" in item] == [
        *("Date", "Content-Type", "Content-Length", "Connection", "x-amzn-RequestId", "x-amzn-Remapped-Content-Length"),
        *("X-Amz-Executed-Version", "X-Amzn-Trace-Id"),
    ]


# ── names of headers that are none ──────────────────────────────────────────────────────────────


def test_a_function_that_answers_with_no_header_name_is_a_bad_gateway(emulator: RunningEmulator, api: RestApi) -> None:
    create_function(
        emulator,
        "odd",
        "def handler(event, context):\n    return event['body'] and __import__('json').loads(event['body'])\n",
    )
    api.method("x", "POST", proxy("odd"))
    api.deploy()
    for odd in (
        {"headers": {"bad name": "x"}},
        {"multiValueHeaders": {"a[1]": ["x"]}},
        {"statusCode": "\u0662\u0660\u0660"},
    ):
        answer = api.request("POST", "x", content=json.dumps({"statusCode": 200, **odd}))
        assert (answer.status_code, answer.json()) == (502, {"message": "Internal server error"}), odd


def test_an_override_that_is_no_header_name_is_left_out(api: RestApi) -> None:
    body = '#set($context.responseOverride.header["bad name"] = "x")#set($context.responseOverride.header["X-A"] = "y")'
    api.method("x", "GET", **mock(body=body))
    api.deploy()
    answer = api.request("GET", "x")
    assert (answer.status_code, answer.headers["x-a"]) == (200, "y")


@pytest.mark.parametrize("name", ["bad name", "a[1]", "", "a:b"])
def test_a_gateway_response_cannot_have_a_header_that_is_none(api: RestApi, name: str) -> None:
    named = {"restApiId": api.id, "responseType": "DEFAULT_4XX"}
    target = f"gatewayresponse.header.{name}"
    with pytest.raises(ClientError, match="Invalid mapping expression specified"):
        api.client.put_gateway_response(**named, responseParameters={target: "'x'"})
    with pytest.raises(ClientError, match="Invalid"):
        patch = {"op": "add", "path": f"/responseParameters/{target}", "value": "'x'"}
        api.client.update_gateway_response(**named, patchOperations=[patch])


def test_an_unknown_media_type_is_told_before_headers_that_cannot_be_mapped(api: RestApi) -> None:
    integration = {
        "type": "HTTP",
        "integrationHttpMethod": "POST",
        "uri": "http://localhost:1/",
        "passthroughBehavior": "NEVER",
        "requestParameters": {"integration.request.header.Content-Length": "'1'"},
    }
    api.method("x", "POST", integration)
    template = '#set($context.requestOverride.header["Content-Length"] = "1"){"a": 1}'
    api.method(
        "y", "POST", {**integration, "requestParameters": {}, "requestTemplates": {"application/json": template}}
    )
    api.deploy()
    assert api.request("POST", "x", content="{}").status_code == 415
    overridden = api.request("POST", "y", content="{}")
    assert (overridden.status_code, overridden.json()) == (500, {"message": "Internal server error"})


def test_a_token_for_nothing_is_an_incomplete_signature(api: RestApi) -> None:
    api.method("x", "GET", **mock(), authorizationType="AWS_IAM")
    api.deploy()
    for path in ("x", "unknown"):
        answer = api.request("GET", path, headers={"Authorization": "Bearer t"})
        assert (answer.status_code, answer.headers["x-amzn-ErrorType"]) == (403, "IncompleteSignatureException")
        assert "not a valid key=value pair" in answer.json()["message"]


def test_an_export_in_yaml_that_repeats_itself_can_be_imported(api: RestApi) -> None:
    for path in ("a", "b"):
        responses = {"200": {"responseParameters": {"method.response.header.Access-Control-Allow-Origin": "'*'"}}}
        api.method(path, "GET", mock()["integration"], responses)
    api.deploy()
    asked = {"restApiId": api.id, "stageName": "dev", "parameters": {"extensions": "integrations"}}
    for kind in ("oas30", "swagger"):
        body = api.client.get_export(**asked, exportType=kind, accepts="application/yaml")["body"].read()
        again = api.client.import_rest_api(body=body)["id"]
        assert len(api.client.get_resources(restApiId=again)["items"]) == 3


def test_the_log_is_cut_within_the_token_with_which_lambda_is_called(emulator: RunningEmulator, api: RestApi) -> None:
    create_function(emulator, "f", "def handler(event, context):\n    return {}\n")
    uri = function_uri("f")
    ids = api.method("/f", "GET", {"type": "AWS", "integrationHttpMethod": "POST", "uri": uri})
    log = api.client.test_invoke_method(**ids)["log"]
    [line] = [line for line in log.splitlines() if "Endpoint request headers: " in line]
    names = [part.partition("=")[0] for part in line.partition("{")[2].split(", ")]
    assert names == [
        "x-amzn-lambda-integration-tag",
        "Authorization",
        "X-Amz-Date",
        "x-amzn-apigateway-api-id",
        "Accept",
        "User-Agent",
        "X-Amz-Security-Token",
    ]
    assert line.endswith("* [TRUNCATED]")


def test_a_function_of_an_integration_is_named_by_its_arn(api: RestApi) -> None:
    ids = api.method("x", "POST", **mock())
    bare = "arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/name/invocations"
    with pytest.raises(ClientError, match="currently only supports Lambda function and Firehose stream invocations"):
        api.client.put_integration(**ids, type="AWS_PROXY", integrationHttpMethod="POST", uri=bare)
    variable = bare.replace("/name/", "/${stageVariables.function}/")
    api.client.put_integration(**ids, type="AWS_PROXY", integrationHttpMethod="POST", uri=variable)


def test_of_several_methods_that_use_a_model_the_latest_resource_s_is_named(api: RestApi) -> None:
    api.client.create_model(restApiId=api.id, name="My", contentType="application/json", schema='{"type": "object"}')
    for path in ("", "test"):
        api.method(path, "ANY", requestModels={"application/json": "My"}, **mock())
    with pytest.raises(ClientError, match=r"is referenced in method request: /test/ANY$"):
        api.client.delete_model(restApiId=api.id, modelName="My")


def test_a_gateway_response_can_say_what_is_wrong_with_a_body(api: RestApi) -> None:
    schema = '{"type": "object", "required": ["name"]}'
    api.client.create_model(restApiId=api.id, name="My", contentType="application/json", schema=schema)
    validator = api.client.create_request_validator(restApiId=api.id, name="v", validateRequestBody=True)["id"]
    api.method("x", "POST", requestModels={"application/json": "My"}, requestValidatorId=validator, **mock())
    template = "$context.error.messageString $context.error.validationErrorString"
    where = {"restApiId": api.id, "responseType": "BAD_REQUEST_BODY"}
    api.client.put_gateway_response(**where, responseTemplates={"application/json": template})
    api.deploy()
    said = '"Invalid request body" [object has missing required properties (["name"])]'
    assert api.request("POST", "x", json={}).text == said
    tested = api.client.test_invoke_method(restApiId=api.id, resourceId=api.resource("x"), httpMethod="POST", body="{}")
    assert "Request body does not match model schema for content type application/json: [object has" in tested["log"]


def test_tildes_are_encoded_as_java_encodes_them(api: RestApi) -> None:
    api.method("x", "GET", **mock(body="$util.urlEncode('a b~*-._')"))
    api.deploy()
    assert api.request("GET", "x").text == "a+b%7E*-._"


def test_a_deployed_api_answers_at_the_host_name_that_it_has_at_aws(api: RestApi) -> None:
    api.method("x", "GET", **mock())
    api.deploy()
    host = f"{api.id}.execute-api.us-east-1.amazonaws.com"
    answer = httpx.get(f"{api.emulator.url}/dev/x", headers={"Host": host})
    assert answer.status_code == 200


def test_only_statuses_that_the_method_declares_have_integration_responses(api: RestApi) -> None:
    method = api.method("x", "GET", **mock())
    with pytest.raises(ClientError, match="Invalid Response status code specified") as refused:
        api.client.put_integration_response(**method, statusCode="418")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_compression_size_that_is_a_text_is_out_of_range(api: RestApi) -> None:
    url = f"http://127.0.0.1:{urlsplit(api.client.meta.endpoint_url).port}/restapis"
    answer = httpx.post(url, json={"name": "n", "minimumCompressionSize": "test"}, headers={"Authorization": SIGNED})
    text = "Invalid minimum compression size, must be between 0 and 10485760"
    assert (answer.status_code, answer.json()) == (400, {"message": text})
    assert answer.headers["x-amzn-errortype"].partition(":")[0] == "BadRequestException"


def test_the_role_of_an_account_is_an_arn(api: RestApi) -> None:
    with pytest.raises(ClientError, match="BadRequestException"):
        api.client.update_account(patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": "true"}])


def test_a_document_that_names_a_scheme_it_does_not_define_says_so(api: RestApi) -> None:
    operation = {"security": [{"nobody": []}], "responses": {}}
    document = {"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": {"/a": {"get": operation}}}
    made = api.client.import_rest_api(body=json.dumps(document))
    assert made["warnings"] == ["Security scheme 'nobody' is not defined. Ignoring."]


def test_an_empty_address_type_beside_a_wrong_endpoint_type_is_no_error(emulator: RunningEmulator) -> None:
    client = emulator.client("apigateway", config=Config(parameter_validation=False))
    with pytest.raises(ClientError) as refused:
        client.create_rest_api(name="x", endpointConfiguration={"ipAddressType": "", "types": ["wrong"]})
    assert refused.value.response["Error"]["Message"] == (
        "1 validation error detected: Value '[wrong]' at 'createRestApiInput.endpointConfiguration.types' failed to "
        "satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [PRIVATE, EDGE, "
        "REGIONAL]]"
    )
