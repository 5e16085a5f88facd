"""What a stage adds to its deployment: canaries, logs, metrics, settings of methods."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri, mock

GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:access"


@pytest.fixture
def api(emulator: RunningEmulator) -> RestApi:
    return RestApi(emulator)


def patch(api: RestApi, *operations: tuple[str, str, str | None]) -> Any:
    described = [
        {"op": op, "path": path, **({"value": value} if value is not None else {})} for op, path, value in operations
    ]
    return api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=described)


def refused(api: RestApi, *operations: tuple[str, str, str | None]) -> str:
    with pytest.raises(ClientError) as error:
        patch(api, *operations)
    assert error.value.response["Error"]["Code"] == "BadRequestException"
    return error.value.response["Error"]["Message"]


def lines(emulator: RunningEmulator, group: str) -> list[str]:
    found = emulator.client("logs").filter_log_events(logGroupName=group)["events"]
    return [item["message"] for item in found]


def test_a_canary_answers_its_share_with_its_variables(api: RestApi) -> None:  # G25
    body = '{"canary": "$context.isCanaryRequest", "who": "$stageVariables.who", "of": "$context.deploymentId"}'
    ids = api.method("/", "GET", **mock(body=body))
    first = api.deploy(variables={"who": "old", "own": "1"})
    api.client.update_integration_response(
        **ids,
        statusCode="200",
        patchOperations=[{"op": "add", "path": "/responseTemplates/application~1json", "value": body + "\n"}],
    )
    canary = {"percentTraffic": 100.0, "stageVariableOverrides": {"who": "new"}}
    second = api.deploy(canarySettings=canary)
    assert api.request("GET").json() == {"canary": "true", "who": "new", "of": second}
    stage = api.client.get_stage(restApiId=api.id, stageName="dev")
    assert (stage["deploymentId"], stage["canarySettings"]) == (
        first,
        {**canary, "deploymentId": second, "useStageCache": False},
    )
    patch(api, ("replace", "/canarySettings/percentTraffic", "0"))
    assert api.request("GET").json() == {"canary": "false", "who": "old", "of": first}
    promote = [
        {"op": "copy", "from": "/canarySettings/deploymentId", "path": "/deploymentId"},
        {"op": "copy", "from": "/canarySettings/stageVariableOverrides", "path": "/variables"},
        {"op": "remove", "path": "/canarySettings"},
    ]
    promoted = api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=promote)
    assert (promoted["deploymentId"], promoted["variables"]) == (second, {"who": "new", "own": "1"})
    assert api.request("GET").json() == {"canary": "", "who": "new", "of": second}
    with pytest.raises(ClientError) as gone:
        api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=promote[:1])
    assert gone.value.response["Error"]["Message"] == "Promotion not available. Canary does not exist."
    with pytest.raises(ClientError) as nameless:
        api.client.create_deployment(restApiId=api.id, canarySettings=canary)
    assert nameless.value.response["Error"]["Message"] == (
        "Invalid deployment content specified.Non null and non empty stageName must be provided for canary deployment."
        " Provided value is null"
    )


def test_the_access_log_has_a_line_for_every_request(emulator: RunningEmulator, api: RestApi) -> None:
    api.method("/{id}", "GET", **mock(body="hello"))
    api.deploy()
    emulator.client("logs").create_log_group(logGroupName="access")
    form = "$context.httpMethod $context.resourcePath $context.status $context.responseLength $context.error.message"
    patch(
        api,
        ("add", "/accessLogSettings/destinationArn", GROUP),
        ("add", "/accessLogSettings/format", form + " $context.authorizer.principalId"),
    )
    api.request("GET", "/7")
    api.request("GET", "/no/where")
    assert lines(emulator, "access") == [
        "GET /{id} 200 5 - -",
        "GET - 403 42 Missing Authentication Token -",
    ]


def test_access_log_settings_are_refused_as_recorded(api: RestApi) -> None:
    api.method("/", "GET", **mock())
    api.deploy()
    paths = "[/accessLogSettings/destinationArn, /accessLogSettings/format]"
    wrong = f"Invalid accessLogSettings path. Must be one of : {paths}"
    nothing = "Cannot remove method setting accessLogSettings/{} because there is no method setting for this method "
    assert refused(api, ("add", "/accessLogSettings/randomValue", "x")) == wrong
    assert refused(api, ("replace", "/accessLogSettings/*", "x")) == wrong
    assert refused(api, ("remove", "/accessLogSettings/randomValue", None)) == nothing.format("randomValue")
    shown = patch(api, ("add", "/accessLogSettings/destinationArn", GROUP))
    assert shown["accessLogSettings"] == {"destinationArn": GROUP}
    assert refused(api, ("replace", "/accessLogSettings/format", "")) == "Access Log value must not be empty"
    assert refused(api, ("remove", "/accessLogSettings/destinationArn", None)) == nothing.format("destinationArn")
    assert "accessLogSettings" not in patch(api, ("remove", "/accessLogSettings", None))


def test_settings_of_methods_are_shown_as_recorded(api: RestApi) -> None:
    api.method("/", "GET", **mock())
    api.deploy()
    message = refused(api, ("replace", "/documentation_version", "x"))
    assert message.startswith("Invalid method setting path: /documentation_version. Must be one of: [/deploymentId, ")
    assert "throttling/burstLimit/{resourcePath}/{httpMethod}/throttling/rateLimit/{resourcePath}" in message
    assert "/*/*/throttling/burstLimit /*/*/throttling/rateLimit /*/*/caching/ttlInSeconds" in message
    nothing = "Cannot remove method setting */* because there is no method setting for this method "
    assert refused(api, ("remove", "/*/*", None)) == nothing
    shown = patch(api, ("replace", "/*/*/throttling/burstLimit", "123"), ("replace", "/*/*/caching/enabled", "true"))
    assert shown["methodSettings"] == {
        "*/*": {
            "cacheDataEncrypted": False,
            "cacheTtlInSeconds": 300,
            "cachingEnabled": True,
            "dataTraceEnabled": False,
            "metricsEnabled": False,
            "requireAuthorizationForCacheControl": True,
            "throttlingBurstLimit": 123,
            "throttlingRateLimit": 10000.0,
            "unauthorizedCacheControlHeaderStrategy": "SUCCEED_WITH_RESPONSE_HEADER",
        }
    }
    assert patch(api, ("remove", "/*/*", None))["methodSettings"] == {}


def test_the_execution_log_tells_of_a_throttled_function(emulator: RunningEmulator, api: RestApi) -> None:  # G24
    create_function(emulator, "echo", "def handler(event, context):\n    return {'statusCode': 200}\n")
    integration = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("echo")}
    api.method("/", "POST", integration)
    api.deploy()
    patch(api, ("replace", "/*/*/logging/loglevel", "INFO"), ("replace", "/*/*/logging/dataTrace", "true"))
    answered = api.request("POST", json={"a": 1})
    group = f"API-Gateway-Execution-Logs_{api.id}/dev"
    written = lines(emulator, group)
    request = f"({answered.headers['x-amzn-RequestId']}) "
    assert all(line.startswith(request) for line in written)
    assert request + "HTTP Method: POST, Resource Path: /" in written
    assert any('Endpoint request body after transformations: {"resource":"/"' in line for line in written)
    assert written[-1] == request + "Method completed with status: 200"
    assert max(len(line.encode()) for line in written) <= 1024
    patch(api, ("replace", "/*/*/logging/loglevel", "ERROR"))
    before = len(written)
    api.request("POST")
    assert len(lines(emulator, group)) == before
    emulator.client("lambda").put_function_concurrency(FunctionName="echo", ReservedConcurrentExecutions=0)
    throttled = api.request("POST")
    assert (throttled.status_code, throttled.json()) == (500, {"message": "Internal server error"})
    failed = [line.partition(") ")[2] for line in lines(emulator, group)[before:]]
    assert failed[1].startswith("Lambda invocation failed with status: 429. Lambda request id: ")
    assert failed[2:] == [
        "Execution failed due to configuration error: Rate Exceeded.",
        "Method completed with status: 500",
    ]


def test_requests_are_counted(emulator: RunningEmulator, api: RestApi) -> None:
    api.method("/", "GET", **mock())
    api.deploy()
    for path in ("", "", "/nowhere"):
        api.request("GET", path)
    now = datetime.fromtimestamp(emulator.now(), UTC)

    def total(name: str, **dimensions: str) -> float:
        (point,) = emulator.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/ApiGateway",
            MetricName=name,
            Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
            StartTime=now - timedelta(minutes=5),
            EndTime=now + timedelta(minutes=5),
            Period=600,
            Statistics=["Sum"],
        )["Datapoints"]
        return point["Sum"]

    assert (total("Count", ApiName="test"), total("4XXError", ApiName="test", Stage="dev")) == (3, 1)
    assert total("5XXError", ApiName="test") == 0


def test_the_account_keeps_its_role(emulator: RunningEmulator, api: RestApi) -> None:
    role = "arn:aws:iam::000000000000:role/logs"
    operations = [{"op": "replace", "path": "/cloudwatchRoleArn", "value": role}]
    assert api.client.update_account(patchOperations=operations)["cloudwatchRoleArn"] == role
    assert api.client.get_account()["throttleSettings"] == {"burstLimit": 5000, "rateLimit": 10000.0}
    assert json.dumps(api.client.get_account()["features"]) == '["UsagePlans"]'


def test_bodies_and_headers_that_are_too_long_to_keep_are_answered_and_logged(emulator: RunningEmulator) -> None:
    long = "{'statusCode': 200, 'headers': {'X-Long': 'h' * 20000}, 'body': 'y' * 40000}"
    create_function(emulator, "long", f"def handler(event, context):\n    return {long}")
    api = RestApi(emulator)
    uri = function_uri("long")
    api.method("x", "POST", {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": uri})
    api.deploy()
    level = {"op": "replace", "path": "/*/*/logging/loglevel", "value": "INFO"}
    traced = {"op": "replace", "path": "/*/*/logging/dataTrace", "value": "true"}
    api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=[level, traced])
    answer = api.request("POST", "x", content="z" * 40_000)
    assert (answer.status_code, len(answer.content)) == (200, 40_000)
