"""AWS's whole list of `$context` variables in access logs, for each kind of API: a value, or `-`."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, create_function, function_uri
from tests.wire.http_api_support import echo, http_api
from tests.wire.websocket_support import echo as websocket_echo
from tests.wire.websocket_support import websocket_api

Emulator = RunningEmulator
GROUP = "arn:aws:logs:us-east-1:000000000000:log-group:access"
GUARD = """
def handler(event, context):
    token = event.get("authorizationToken") or event["headers"].get("x-token") or event["headers"].get("X-Token")
    if token == "broken":
        raise Exception("on purpose")
    effect = "Deny" if token == "deny" else "Allow"
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": "*"}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
            "context": {"text": "t", "number": 1, "yes": True}}
"""
TEAPOT = "def handler(event, context):\n    return {'statusCode': 418, 'body': 'short'}\n"


def form(*names: str) -> str:
    return "|".join(f"{name}=$context.{name}" for name in names)


def logged(emulator: Emulator, group: str = "access") -> list[dict[str, str]]:
    events = emulator.client("logs").filter_log_events(logGroupName=group)["events"]
    return [dict(part.split("=", 1) for part in event["message"].split("|")) for event in events]


def written(emulator: Emulator) -> None:
    """Lines are written behind answers: whoever reads finds them, and with them the jobs that deliver them."""
    emulator.client("logs").describe_log_groups()
    emulator.settle()


def log_to(api: RestApi, names: tuple[str, ...], destination: str = GROUP) -> None:
    patch = [
        {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": destination},
        {"op": "replace", "path": "/accessLogSettings/format", "value": form(*names)},
    ]
    api.client.update_stage(restApiId=api.id, stageName="dev", patchOperations=patch)


@pytest.fixture
def rest(emulator: Emulator) -> RestApi:
    """`/` is a proxied function behind an authorizer, `/signed` wants a signature."""
    create_function(emulator, "guard", GUARD)
    create_function(emulator, "teapot", TEAPOT)
    api = RestApi(emulator, endpointConfiguration={"types": ["REGIONAL"]})
    made = api.client.create_authorizer(
        restApiId=api.id,
        name="guard",
        type="TOKEN",
        identitySource="method.request.header.X-Token",
        authorizerUri=function_uri("guard"),
    )
    proxy = {"type": "AWS_PROXY", "integrationHttpMethod": "POST", "uri": function_uri("teapot")}
    api.method("/", "GET", proxy, authorizationType="CUSTOM", authorizerId=made["id"])
    api.method("/signed", "GET", proxy, authorizationType="AWS_IAM")
    api.deploy()
    return api


REST: dict[str, Any] = {
    "accountId": "000000000000",
    "authorizer.principalId": "me",
    "authorizer.number": "1",
    "authorizer.yes": "true",
    "authorizer.error": "-",
    "authorizer.integrationStatus": "200",
    "authorizer.integrationLatency": "0",
    "authorizer.latency": "0",
    "authorizer.status": "200",
    "authorize.status": "200",
    "authorize.error": "-",
    "authorize.latency": "0",
    "authenticate.status": "-",
    "authenticate.error": "-",
    "customDomain.basePathMatched": "-",
    "customDomain.routingRuleIdMatched": "-",
    "endpointType": "REGIONAL",
    "error.message": "-",
    "error.messageString": "-",
    "error.responseType": "-",
    "error.validationErrorString": "-",
    "httpMethod": "GET",
    "identity.accountId": "-",
    "identity.apiKey": "-",
    "identity.apiKeyId": "-",
    "identity.clientCert.subjectDN": "-",
    "identity.sourceIp": "127.0.0.1",
    "identity.userAgent": "me/1",
    "identity.vpcId": "-",
    "integration.error": "-",
    "integration.integrationStatus": "200",
    "integration.latency": "0",
    "integration.responseTransferMode": "BUFFERED",
    "integration.status": "418",
    "integration.timeToAllHeaders": "-",
    "integration.timeToFirstContent": "-",
    "integrationLatency": "0",
    "integrationStatus": "200",
    "integrationErrorMessage": "-",
    "isCanaryRequest": "-",
    "path": "/dev/",
    "protocol": "HTTP/1.1",
    "resourcePath": "/",
    "responseLatency": "0",
    "responseLength": "5",
    "stage": "dev",
    "status": "418",
    "waf.status": "-",
    "wafResponseCode": "-",
    "webaclArn": "-",
    "xrayTraceId": "-",
}
PRESENT = (
    "apiId",
    "authorizer.requestId",
    "awsEndpointRequestId",
    "deploymentId",
    "domainName",
    "domainPrefix",
    "extendedRequestId",
    "integration.requestId",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
    "resourceId",
)
"""Drawn anew for each API or request."""


def test_rest_apis_know_every_variable_of_aws_s_list(emulator: Emulator, rest: RestApi) -> None:
    log_to(rest, (*REST, *PRESENT))
    answer = rest.request("GET", headers={"X-Token": "allow", "User-Agent": "me/1"})
    assert answer.status_code == 418
    [line] = logged(emulator)
    drawn = {name: line.pop(name) for name in PRESENT}
    assert line == REST
    assert "-" not in drawn.values()
    assert drawn["integration.requestId"] == drawn["awsEndpointRequestId"] != drawn["authorizer.requestId"]
    assert drawn["apiId"] == rest.id


FAILED = ("status", "integrationStatus", "integration.error", "authorizer.status", "authorize.status", "error.message")
OF_PHASES = ("authenticate.status", "authorizer.error", "authorize.error", "authenticate.error", "integrationLatency")


def test_rest_apis_tell_in_which_phase_a_request_ended(emulator: Emulator, rest: RestApi) -> None:
    log_to(rest, FAILED + OF_PHASES)
    rest.request("GET", headers={"X-Token": "deny"})
    rest.request("GET", headers={"X-Token": "broken"})
    rest.request("GET")
    rest.request("GET", "/signed")
    emulator.client("lambda").put_function_concurrency(FunctionName="teapot", ReservedConcurrentExecutions=0)
    rest.request("GET", headers={"X-Token": "allow"})
    denied, broken, nobody, unsigned, throttled = logged(emulator)
    explicit = "User is not authorized to access this resource with an explicit deny"
    assert denied == dict.fromkeys(FAILED + OF_PHASES, "-") | {
        "status": "403",
        "authorizer.status": "200",
        "authorize.status": "403",
        "error.message": explicit,
        "authorize.error": "The client is not authorized to perform this operation.",
    }
    assert (broken["status"], broken["authorizer.status"], broken["authorize.status"]) == ("500", "500", "-")
    assert broken["authorizer.error"] == "Authorizer error: on purpose"
    assert (nobody["status"], nobody["authorizer.status"], nobody["error.message"]) == ("401", "401", "Unauthorized")
    assert (unsigned["status"], unsigned["authenticate.status"], unsigned["authorize.status"]) == ("403", "403", "-")
    assert unsigned["authenticate.error"] == "Missing Authentication Token"
    assert (throttled["status"], throttled["integrationStatus"]) == ("500", "429")
    assert "Rate Exceeded" in throttled["integration.error"]


def test_a_remembered_grant_took_no_time(emulator: Emulator, rest: RestApi) -> None:
    log_to(rest, ("authorizer.integrationStatus", "authorizer.status", "authorizer.integrationLatency"))
    for _ in range(2):
        rest.request("GET", headers={"X-Token": "allow"})
    first, second = logged(emulator)
    assert first["authorizer.integrationStatus"] == "200"
    assert second == {
        "authorizer.integrationStatus": "-",
        "authorizer.status": "200",
        "authorizer.integrationLatency": "0",
    }


HTTP: dict[str, str] = {
    "accountId": "000000000000",
    "authorizer.error": "-",
    "authorizer.number": "1",
    "authorizer.yes": "true",
    "awsEndpointRequestId2": "-",
    "customDomain.basePathMatched": "-",
    "dataProcessed": "12",
    "error.message": "-",
    "error.messageString": "-",
    "error.responseType": "-",
    "httpMethod": "POST",
    "identity.accountId": "-",
    "identity.caller": "-",
    "identity.clientCert.subjectDN": "-",
    "identity.cognitoIdentityId": "-",
    "identity.principalOrgId": "-",
    "identity.sourceIp": "127.0.0.1",
    "identity.user": "-",
    "identity.userAgent": "me/1",
    "identity.userArn": "-",
    "integration.error": "-",
    "integration.integrationStatus": "200",
    "integration.latency": "0",
    "integration.status": "418",
    "integrationErrorMessage": "-",
    "integrationLatency": "0",
    "integrationStatus": "200",
    "path": "/",
    "protocol": "HTTP/1.1",
    "responseLatency": "0",
    "responseLength": "5",
    "routeKey": "$default",
    "stage": "$default",
    "status": "418",
}
HTTP_PRESENT = (
    "apiId",
    "awsEndpointRequestId",
    "domainName",
    "domainPrefix",
    "extendedRequestId",
    "integration.requestId",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
)


def test_http_apis_know_every_variable_of_aws_s_list(emulator: Emulator) -> None:
    api = http_api(emulator)
    create_function(emulator, "guard", GUARD)
    create_function(emulator, "teapot", TEAPOT)
    guard = api.client.create_authorizer(
        ApiId=api.id,
        Name="guard",
        AuthorizerType="REQUEST",
        IdentitySource=["$request.header.X-Token"],
        AuthorizerPayloadFormatVersion="1.0",
        AuthorizerUri=function_uri("guard"),
    )["AuthorizerId"]
    api.route("$default", api.function("teapot"), AuthorizationType="CUSTOM", AuthorizerId=guard)
    settings = {"DestinationArn": GROUP, "Format": form(*HTTP, *HTTP_PRESENT)}
    api.client.update_stage(ApiId=api.id, StageName="$default", AccessLogSettings=settings)
    asked = {"X-Token": "allow", "User-Agent": "me/1"}
    assert api.ask("/", "POST", body="a=1&b=2", headers=asked).status == 418
    [line] = logged(emulator)
    drawn = {name: line.pop(name) for name in HTTP_PRESENT}
    assert line == HTTP
    assert "-" not in drawn.values()
    assert drawn["integration.requestId"] == drawn["awsEndpointRequestId"]
    assert drawn["extendedRequestId"] == drawn["requestId"]


def test_http_apis_tell_lambda_s_status_from_the_function_s(emulator: Emulator) -> None:
    api = http_api(emulator)
    api.route("$default", api.function(echo(emulator)))
    api.route("POST /queue", api.service("SQS-SendMessage", QueueUrl="nowhere", MessageBody="$request.body"))
    names = ("status", "integrationStatus", "integration.status", "integration.requestId")
    settings = {"DestinationArn": GROUP, "Format": form(*names)}
    api.client.update_stage(ApiId=api.id, StageName="$default", AccessLogSettings=settings)
    api.ask("/?do=raise")
    api.ask("/queue", "POST", body="x")
    emulator.client("lambda").put_function_concurrency(FunctionName="echo", ReservedConcurrentExecutions=0)
    api.ask("/")
    raised, refused, throttled = logged(emulator)
    assert (raised["status"], raised["integrationStatus"], raised["integration.status"]) == ("500", "200", "200")
    assert (refused["status"], refused["integrationStatus"]) == ("400", "400")
    assert (throttled["status"], throttled["integrationStatus"]) == ("500", "429")
    assert "-" not in [line["integration.requestId"] for line in (raised, refused, throttled)]


WEBSOCKET = {
    "authorize.status": "-",
    "authorizer.principalId": "-",
    "error.message": "-",
    "error.messageString": "-",
    "error.responseType": "-",
    "error.validationErrorString": "-",
    "eventType": "MESSAGE",
    "identity.sourceIp": "127.0.0.1",
    "integration.error": "-",
    "integration.integrationStatus": "200",
    "integration.latency": "0",
    "integration.status": "200",
    "integrationErrorMessage": "-",
    "integrationLatency": "0",
    "integrationStatus": "200",
    "routeKey": "good",
    "stage": "prod",
    "status": "200",
}
WEBSOCKET_PRESENT = (
    "apiId",
    "awsEndpointRequestId",
    "connectedAt",
    "connectionId",
    "domainName",
    "extendedRequestId",
    "integration.requestId",
    "messageId",
    "requestId",
    "requestTime",
    "requestTimeEpoch",
)


def test_websocket_apis_know_every_variable_of_aws_s_list(emulator: Emulator) -> None:
    settings = {"DestinationArn": GROUP, "Format": form(*WEBSOCKET, *WEBSOCKET_PRESENT)}
    api = websocket_api(emulator, stage={"AccessLogSettings": settings})
    api.route("good", api.function(websocket_echo(emulator)))
    with api.talk() as client:
        client.say({"action": "good"})
        client.hear()
        client.say({"action": "nowhere"})
        client.hear()
    line, refused = [line for line in logged(emulator) if line["eventType"] == "MESSAGE"]
    drawn = {name: line.pop(name) for name in WEBSOCKET_PRESENT}
    assert line == WEBSOCKET
    assert "-" not in drawn.values()
    shown = [refused[name] for name in ("status", "error.message", "error.messageString", "integrationStatus")]
    assert shown == ["403", "Forbidden", '"Forbidden"', "-"]


def test_access_logs_go_to_delivery_streams_of_the_name_that_aws_asks_for(emulator: Emulator, rest: RestApi) -> None:
    s3 = emulator.client("s3")
    s3.create_bucket(Bucket="kept")
    to_s3 = {"RoleARN": "arn:aws:iam::000000000000:role/r", "BucketARN": "arn:aws:s3:::kept"}
    firehose = emulator.client("firehose")
    stream = firehose.create_delivery_stream(
        DeliveryStreamName="amazon-apigateway-access", S3DestinationConfiguration=to_s3
    )["DeliveryStreamARN"]
    wrong = stream.replace("amazon-apigateway-access", "other")
    with pytest.raises(rest.client.exceptions.BadRequestException, match="must begin with amazon-apigateway-"):
        log_to(rest, ("status",), wrong)
    log_to(rest, ("status",), stream)
    for token in ("allow", "deny"):
        rest.request("GET", headers={"X-Token": token})
    written(emulator)
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket="kept").get("Contents", [])]
    kept = "".join(s3.get_object(Bucket="kept", Key=key)["Body"].read().decode() for key in keys)
    assert sorted(kept.split("status=")) == ["", "403", "418"]


def test_lines_for_a_delivery_stream_that_is_not_there_are_given_up(emulator: Emulator, rest: RestApi) -> None:
    log_to(rest, ("status",), "arn:aws:firehose:us-east-1:000000000000:deliverystream/amazon-apigateway-none")
    assert rest.request("GET", headers={"X-Token": "allow"}).status_code == 418
    written(emulator)
    emulator.advance(600)
    assert emulator.control("GET", "queue")["jobs"] == []
