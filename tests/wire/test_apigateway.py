"""API Gateway's control plane through boto3: shapes and errors as recorded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

OPENAPI = """
openapi: 3.0.1
info: {title: reports, version: '1'}
paths:
  /ping:
    get:
      responses: {'200': {description: ok}}
      x-amazon-apigateway-integration:
        type: mock
        requestTemplates: {application/json: '{"statusCode": 200}'}
        responses: {default: {statusCode: '200', responseTemplates: {application/json: '{"pong": true}'}}}
"""


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    return emulator.client("apigateway")


def message(call: Callable[..., Any], **arguments: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    answer = refused.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_new_api_has_the_defaults_of_aws(client: Any) -> None:
    created = client.create_rest_api(name="reports")
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert created["apiKeySource"] == "HEADER"
    assert created["endpointConfiguration"] == {"types": ["EDGE"], "ipAddressType": "ipv4"}
    assert created["disableExecuteApiEndpoint"] is False
    assert len(created["id"]) == 10
    assert client.get_resources(restApiId=created["id"])["items"] == [{"id": created["rootResourceId"], "path": "/"}]
    assert [model["name"] for model in client.get_models(restApiId=created["id"])["items"]] == ["Empty", "Error"]
    assert client.get_rest_apis()["items"][0]["id"] == created["id"]


def test_an_unknown_api_is_named_with_its_account(client: Any) -> None:
    assert message(client.get_rest_api, restApiId="ABCDEF") == (
        404,
        "NotFoundException",
        "Invalid API identifier specified 000000000000:ABCDEF",
    )
    assert message(client.get_method, restApiId="x", resourceId="y", httpMethod="GET")[2] == (
        "Invalid Resource identifier specified"
    )


def test_resources_are_renamed_and_refused_as_on_aws(client: Any) -> None:
    created = client.create_rest_api(name="reports")
    ids = {"restApiId": created["id"]}
    pets = client.create_resource(**ids, parentId=created["rootResourceId"], pathPart="pets")
    client.create_resource(**ids, parentId=pets["id"], pathPart="sub")
    again = message(client.create_resource, **ids, parentId=created["rootResourceId"], pathPart="pets")
    assert again == (409, "ConflictException", "Another resource with the same parent already has this name: pets")
    patch = [{"op": "replace", "path": "/pathPart", "value": "dogs"}]
    assert client.update_resource(**ids, resourceId=pets["id"], patchOperations=patch)["path"] == "/dogs"
    paths = [item["path"] for item in client.get_resources(**ids)["items"]]
    assert paths == ["/", "/dogs", "/dogs/sub"]


def test_integrations_are_checked(client: Any) -> None:
    created = client.create_rest_api(name="reports")
    ids = {"restApiId": created["id"], "resourceId": created["rootResourceId"], "httpMethod": "GET"}
    client.put_method(**ids, authorizationType="NONE")
    put = client.put_integration
    assert message(put, **ids, type="AWS_PROXY", integrationHttpMethod="POST", uri="no-arn")[2] == (
        "Invalid ARN specified in the request"
    )
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert message(put, **ids, type="AWS_PROXY", integrationHttpMethod="POST", uri=arn)[2] == (
        "AWS ARN for integration must contain path or action"
    )
    assert message(put, **ids, type="HTTP", integrationHttpMethod="GET", uri="ftp://example.com")[2] == (
        "Invalid HTTP endpoint specified for URI"
    )
    uri = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{arn}/invocations"
    mapping = {"integration.request.header.X-Amz-Invocation-Type": "Event"}
    refused = message(put, **ids, type="AWS", integrationHttpMethod="POST", uri=uri, requestParameters=mapping)
    assert refused[2] == (
        "Invalid mapping expression specified: Validation Result: warnings : [], errors : "
        "[Invalid mapping expression specified: Event]"
    )
    good = put(**ids, type="AWS", integrationHttpMethod="POST", uri=uri)
    assert (good["timeoutInMillis"], good["passthroughBehavior"]) == (29000, "WHEN_NO_MATCH")


def test_an_imported_api_is_deployed_and_answers(client: Any, emulator: RunningEmulator) -> None:
    import httpx

    api = client.import_rest_api(body=OPENAPI.encode())["id"]
    deployment = client.create_deployment(restApiId=api, stageName="dev", variables={"a": "b"})["id"]
    for url in (emulator.data_plane(api, "dev", "ping"), f"{emulator.url}/restapis/{api}/dev/_user_request_/ping"):
        answer = httpx.get(url)
        assert (answer.status_code, answer.json()) == (200, {"pong": True})
    by_host = httpx.get(f"{emulator.url}/dev/ping", headers={"Host": f"{api}.execute-api.us-east-1.localhost:4566"})
    assert by_host.json() == {"pong": True}
    missing = httpx.get(emulator.data_plane(api, "prod", "ping"))
    assert (missing.status_code, missing.json()) == (403, {"message": "Forbidden"})
    assert message(client.delete_deployment, restApiId=api, deploymentId=deployment)[2] == (
        "Active stages pointing to this deployment must be moved or deleted"
    )
    assert client.get_stages(restApiId=api)["item"][0]["variables"] == {"a": "b"}
    client.delete_stage(restApiId=api, stageName="dev")
    client.delete_deployment(restApiId=api, deploymentId=deployment)
    client.delete_rest_api(restApiId=api)
    assert client.get_rest_apis()["items"] == []


def test_overwriting_an_api_keeps_its_id_and_root(client: Any) -> None:
    created = client.create_rest_api(name="old")
    ids = {"restApiId": created["id"]}
    client.create_resource(**ids, parentId=created["rootResourceId"], pathPart="old")
    put = client.put_rest_api(**ids, mode="overwrite", body=OPENAPI.encode())
    assert (put["id"], put["name"], put["rootResourceId"]) == (created["id"], "reports", created["rootResourceId"])
    assert [item["path"] for item in client.get_resources(**ids)["items"]] == ["/", "/ping"]


def test_gateway_responses_inherit_and_override(client: Any) -> None:
    api = client.create_rest_api(name="reports")["id"]
    client.put_gateway_response(restApiId=api, responseType="DEFAULT_4XX", statusCode="418")
    shown = client.get_gateway_response(restApiId=api, responseType="MISSING_AUTHENTICATION_TOKEN")
    assert (shown["statusCode"], shown["defaultResponse"]) == ("418", True)
    assert len(client.get_gateway_responses(restApiId=api)["items"]) == 21
    assert shown["responseTemplates"] == {"application/json": '{"message":$context.error.messageString}'}


def test_a_member_that_is_not_emulated_is_refused_by_name(client: Any) -> None:
    key = client.create_api_key(name="k")["id"]
    patch = [{"op": "add", "path": "/labels", "value": "x"}]
    status, _, text = message(client.update_api_key, apiKey=key, patchOperations=patch)
    assert (status, "/labels" in text) == (501, True)
