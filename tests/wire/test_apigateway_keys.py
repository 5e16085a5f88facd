"""API keys, usage plans, throttling of methods: who may call how often, in AWS time."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock

VALUE = "a-key-of-twenty-characters"


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    api = RestApi(emulator)
    api.method("/", "GET", **mock(body='{"key": "$context.identity.apiKeyId"}'), apiKeyRequired=True)
    api.deploy()
    return api


def plan(api: RestApi, **settings: Any) -> tuple[str, str]:
    """(key id, plan id) of a key that may call the stage `dev`."""
    client = api.client
    key = client.create_api_key(name="k", value=VALUE, enabled=True)["id"]
    made = client.create_usage_plan(name="p", apiStages=[{"apiId": api.id, "stage": "dev"}], **settings)["id"]
    client.create_usage_plan_key(usagePlanId=made, keyId=key, keyType="API_KEY")
    return key, made


def statuses(api: RestApi, times: int) -> list[int]:
    return [api.request("GET", headers={"x-api-key": VALUE}).status_code for _ in range(times)]


def refusal(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return refused.value.response["Error"]["Code"], refused.value.response["Error"]["Message"]


def test_only_a_key_of_a_plan_of_the_stage_gets_in(api: RestApi) -> None:
    without = api.request("GET")
    assert (without.status_code, without.text) == (403, '{"message":"Forbidden"}')
    assert without.headers["x-amzn-ErrorType"] == "ForbiddenException"
    assert statuses(api, 1) == [403]
    key, made = plan(api)
    answer = api.request("GET", headers={"X-API-Key": VALUE})
    assert (answer.status_code, answer.json()) == (200, {"key": key})
    disabled = [{"op": "replace", "path": "/enabled", "value": "false"}]
    api.client.update_api_key(apiKey=key, patchOperations=disabled)
    assert statuses(api, 1) == [403]
    api.client.update_api_key(apiKey=key, patchOperations=[{**disabled[0], "value": "true"}])
    api.client.delete_usage_plan_key(usagePlanId=made, keyId=key)
    assert statuses(api, 1) == [403]


def test_a_plan_throttles_in_aws_time(emulator: RunningEmulator, api: RestApi) -> None:
    plan(api, throttle={"burstLimit": 2, "rateLimit": 1.0})
    assert statuses(api, 3) == [200, 200, 429]
    refused = api.request("GET", headers={"x-api-key": VALUE})
    assert (refused.text, refused.headers["x-amzn-ErrorType"]) == (
        '{"message":"Too Many Requests"}',
        "TooManyRequestsException",
    )
    emulator.advance(1)
    assert statuses(api, 2) == [200, 429]


def test_a_quota_ends_and_begins_again_the_next_day(emulator: RunningEmulator, api: RestApi) -> None:
    key, made = plan(api, quota={"limit": 2, "period": "DAY"})
    assert statuses(api, 3) == [200, 200, 429]
    refused = api.request("GET", headers={"x-api-key": VALUE})
    assert refused.text == '{"message":"Limit Exceeded"}'
    today = api.client.get_usage(usagePlanId=made, startDate="2000-01-01", endDate="2000-01-01")
    assert today["items"] == {key: [[0, 2]]}
    grant = [{"op": "replace", "path": "/remaining", "value": "1"}]
    assert next(
        iter(api.client.update_usage(usagePlanId=made, keyId=key, patchOperations=grant)["items"].values())
    ) == [[2, 1]]
    assert statuses(api, 2) == [200, 429]
    emulator.advance(86400)
    assert statuses(api, 3) == [200, 200, 429]


def test_an_authorizer_may_name_the_key(emulator: RunningEmulator) -> None:
    code = """
def handler(event, context):
    statement = {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": "*"}
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    return {"principalId": "me", "policyDocument": policy, "usageIdentifierKey": event["authorizationToken"]}
"""
    create_function(emulator, "guard", code)
    api = RestApi(emulator, apiKeySource="AUTHORIZER")
    source = "method.request.header.T"
    uri = function_uri("guard")
    made = api.client.create_authorizer(
        restApiId=api.id, name="g", type="TOKEN", authorizerUri=uri, identitySource=source
    )
    settings = {"authorizationType": "CUSTOM", "authorizerId": made["id"], "apiKeyRequired": True}
    api.method("/", "GET", **mock(), **settings)
    api.deploy()
    plan(api)
    assert api.request("GET", headers={"T": VALUE}).status_code == 200
    assert api.request("GET", headers={"T": "other", "x-api-key": VALUE}).status_code == 403


def test_a_stage_throttles_its_methods(emulator: RunningEmulator) -> None:
    api = RestApi(emulator)
    api.method("/a/b", "GET", **mock())
    api.method("/free", "GET", **mock())
    api.deploy()
    patch = [
        {"op": "replace", "path": "/~1a~1b/GET/throttling/burstLimit", "value": "1"},
        {"op": "replace", "path": "/~1a~1b/GET/throttling/rateLimit", "value": "0.5"},
    ]
    stage = api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=patch)
    assert stage["methodSettings"]["~1a~1b/GET"]["throttlingBurstLimit"] == 1
    assert [api.request("GET", "/a/b").status_code for _ in range(2)] == [200, 429]
    assert [api.request("GET", "/free").status_code for _ in range(2)] == [200, 200]
    emulator.advance(2)
    assert [api.request("GET", "/a/b").status_code for _ in range(2)] == [200, 429]


def test_a_key_shows_the_stages_it_was_made_for(api: RestApi) -> None:
    client = api.client
    deployment = client.create_deployment(restApiId=api.id)["id"]
    client.create_stage(restApiId=api.id, stageName="own", deploymentId=deployment)
    made = client.create_api_key(name="k", stageKeys=[{"restApiId": api.id, "stageName": "own"}])
    assert client.get_api_key(apiKey=made["id"])["stageKeys"] == [f"{api.id}/own"]
    assert refusal(client.create_api_key, stageKeys=[{"restApiId": api.id, "stageName": "gone"}]) == (
        "BadRequestException",
        "Invalid stage identifier specified",
    )


def test_keys_are_shown_as_recorded_and_their_values_on_request(api: RestApi) -> None:
    client = api.client
    made = client.create_api_key(name="first", enabled=True)
    assert (len(made["value"]), made["stageKeys"], made["enabled"]) == (40, [], True)
    assert "value" not in client.get_api_key(apiKey=made["id"])
    assert client.get_api_key(apiKey=made["id"], includeValue=True)["value"] == made["value"]
    assert [item["name"] for item in client.get_api_keys(nameQuery="fi")["items"]] == ["first"]
    assert client.get_api_keys(nameQuery="x")["items"] == []
    assert refusal(client.create_api_key, value="short") == (
        "BadRequestException",
        "API Key value should be at least 20 characters",
    )
    assert refusal(client.create_api_key, value="x" * 129)[1] == "API Key value exceeds maximum size of 128 characters"
    assert refusal(client.create_api_key, value=made["value"]) == ("ConflictException", "API Key already exists")
    client.delete_api_key(apiKey=made["id"])
    assert refusal(client.get_api_key, apiKey=made["id"])[0] == "NotFoundException"


def test_plans_are_changed_and_refused_as_recorded(api: RestApi) -> None:
    client = api.client
    stages = [{"apiId": api.id, "stage": "dev"}]
    made = client.create_usage_plan(name="p", description="d", apiStages=stages)
    shown = client.get_usage_plan(usagePlanId=made["id"])
    assert (shown["tags"], shown["apiStages"], "quota" in shown) == ({}, stages, False)
    values = {"/throttle/burstLimit": "100", "/throttle/rateLimit": "200", "/quota/limit": "5000"}
    patch = [{"op": "replace", "path": path, "value": value} for path, value in values.items()]
    patch.append({"op": "replace", "path": "/quota/period", "value": "MONTH"})
    changed = client.update_usage_plan(usagePlanId=made["id"], patchOperations=patch)
    assert changed["throttle"] == {"burstLimit": 100, "rateLimit": 200.0}
    assert changed["quota"] == {"limit": 5000, "offset": 0, "period": "MONTH"}

    def patched(value: str) -> tuple[str, str]:
        operation = {"op": "add", "path": "/apiStages", "value": value}
        return refusal(client.update_usage_plan, usagePlanId=made["id"], patchOperations=[operation])

    for operation in ({"op": "replace"}, {"op": "replace", "path": ""}, {"op": "replace", "path": "/nothing"}):
        code, _ = refusal(client.update_usage_plan, usagePlanId=made["id"], patchOperations=[operation])
        assert code == "BadRequestException"
    for throttle in ({"burstLimit": -1, "rateLimit": 1.0}, {"burstLimit": 1, "rateLimit": 1e300}):
        assert refusal(client.create_usage_plan, name="odd", throttle=throttle)[0] == "BadRequestException"
    assert patched("") == ("BadRequestException", "Invalid API Stage specified")
    assert patched("only") == ("BadRequestException", "Invalid API Stage specified")
    assert patched(f"{api.id}b:dev") == (
        "NotFoundException",
        f"Invalid API Stage {{api: {api.id}b, stage: dev}} specified for usageplan {made['id']}",
    )
    assert refusal(client.get_usage_plan, usagePlanId="none") == (
        "NotFoundException",
        "Invalid Usage Plan ID specified",
    )
    client.update_usage_plan(
        usagePlanId=made["id"], patchOperations=[{"op": "remove", "path": "/apiStages", "value": f"{api.id}:dev"}]
    )
    client.delete_usage_plan(usagePlanId=made["id"])
    assert client.get_usage_plans()["items"] == []


def test_gateway_responses_are_patched_as_recorded(api: RestApi) -> None:
    def patch(**operation: str) -> Any:
        return api.client.update_gateway_response(
            restApiId=api.id, responseType="DEFAULT_4XX", patchOperations=[operation]
        )

    assert patch(op="replace", path="/statusCode", value="444")["statusCode"] == "444"
    name = "gatewayresponse.header.X-Own"
    assert patch(op="add", path=f"/responseParameters/{name}", value="'yes'")["responseParameters"] == {name: "'yes'"}
    template = {"op": "add", "path": "/responseTemplates/application~1json", "value": json.dumps({"own": 1})}
    patch(**template)
    api.deploy()
    answer = api.request("GET", "/nowhere")
    assert (answer.status_code, answer.json(), answer.headers["X-Own"]) == (444, {"own": 1}, "yes")
    for operation, text in [
        ({"op": "add", "path": "/statusCode", "value": "1"}, "Invalid patch path /statusCode"),
        ({"op": "remove", "path": "/statusCode"}, "Invalid patch path /statusCode"),
        ({"op": "replace", "path": "/wrongPath", "value": "1"}, "Invalid patch path /wrongPath"),
        ({"op": "replace", "path": "/responseParameters/x", "value": "1"}, "Invalid parameter name specified"),
        ({"op": "replace", "path": "/responseTemplates/x"}, "Invalid null or empty value in responseTemplates"),
    ]:
        assert refusal(patch, **operation)[1] == text


def test_a_stage_that_is_gone_can_be_taken_out_of_its_plan(api: RestApi) -> None:
    _, made = plan(api)
    drop = [{"op": "remove", "path": "/apiStages", "value": f"{api.id}:dev"}]
    api.client.delete_rest_api(restApiId=api.id)
    assert api.client.update_usage_plan(usagePlanId=made, patchOperations=drop)["apiStages"] == []
    again = refusal(api.client.update_usage_plan, usagePlanId=made, patchOperations=drop)
    assert again[0] == "NotFoundException"
