"""An HTTP API in front of slow work: why it cannot ask for an event, the two functions that can, and a browser."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from tests.stories.telling import describe, function, kept, machine, one, output, role

ECHO = """
    import json

    def handler(event, context):
        if (event.get("queryStringParameters") or {}).get("do") == "raise":
            raise ValueError("intended")
        return {"statusCode": 200, "headers": {"Content-Type": "application/json"}, "body": json.dumps(event)}
"""
ACCEPTS = """
    import json
    import boto3

    def handler(event, context):
        report = json.loads(event["body"])
        told = boto3.client("lambda").invoke(FunctionName="worker", InvocationType="Event", Payload=json.dumps(report))
        return {"statusCode": told["StatusCode"], "body": json.dumps({"accepted": report["id"]})}
"""
WORKS = """
    import time
    import boto3

    def handler(event, context):
        time.sleep(40)  # longer than any HTTP API waits
        if event.get("fails"):
            raise ValueError("intended")
        boto3.client("sqs").send_message(QueueUrl=event["queue"], MessageBody=event["id"])
"""


def api_before(aws, route, function_arn, **more):
    """An HTTP API with one route, which leads to a function."""
    return aws.apigatewayv2.create_api(Name="api", ProtocolType="HTTP", RouteKey=route, Target=function_arn, **more)[
        "ApiId"
    ]


def test_the_gateway_cannot_be_told_to_invoke_asynchronously(aws):
    echo = function(aws, "echo", ECHO)
    api = api_before(aws, "POST /mail", echo)

    with pytest.raises(ClientError, match="restricted"):
        aws.apigatewayv2.create_integration(
            ApiId=api,
            IntegrationType="AWS_PROXY",
            IntegrationUri=echo,
            PayloadFormatVersion="2.0",
            RequestParameters={"overwrite:header.X-Amz-Invocation-Type": "Event"},
        )

    answer = aws.http.post("/mail", headers={"X-Amz-Invocation-Type": "Event"}, content="{}")
    assert (answer.status_code, answer.json()["headers"]["x-amz-invocation-type"]) == (200, "Event")


def test_a_small_function_accepts_for_a_slow_one_and_lambda_retries_it(aws, emulator):
    done = aws.sqs.create_queue(QueueName="done")["QueueUrl"]
    aws.sqs.create_queue(QueueName="dead")
    function(aws, "worker", WORKS, DeadLetterConfig={"TargetArn": emulator.queue("dead").arn})
    api_before(aws, "POST /reports", function(aws, "accept", ACCEPTS, Timeout=10))

    answer = aws.http.post("/reports", json={"id": "r1", "queue": done})
    assert (answer.status_code, answer.json()) == (202, {"accepted": "r1"})
    assert aws.http.post("/reports", json={"id": "r2", "queue": done, "fails": True}).status_code == 202

    emulator.settle()
    assert emulator.queue("done").bodies() == ["r1"]
    [failed] = emulator.queue("dead").bodies()
    assert json.loads(failed)["id"] == "r2"
    assert len(emulator.attempts(function="worker")) == 1 + 3


def orders_start(machine_arn, aws):
    """An HTTP API whose route `POST /orders` starts executions, without any function."""
    api = aws.apigatewayv2.create_api(Name="api", ProtocolType="HTTP")["ApiId"]
    starts = aws.apigatewayv2.create_integration(
        ApiId=api,
        IntegrationType="AWS_PROXY",
        IntegrationSubtype="StepFunctions-StartExecution",
        PayloadFormatVersion="1.0",
        CredentialsArn=role(aws),
        RequestParameters={"StateMachineArn": machine_arn, "Input": "$request.body"},
    )["IntegrationId"]
    aws.apigatewayv2.create_route(ApiId=api, RouteKey="POST /orders", Target=f"integrations/{starts}")
    aws.apigatewayv2.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)


def test_an_api_without_any_function_starts_a_workflow_and_survives_a_restart(tmp_path):
    with kept(tmp_path) as (_, aws):
        orders_start(machine(aws, one({"Type": "Wait", "Seconds": 3600})), aws)
        execution = aws.http.post("/orders", json={"order": 1}).json()["executionArn"]
    with kept(tmp_path) as (emulator, aws):
        emulator.settle()
        assert describe(aws, execution)["status"] == "SUCCEEDED"
        assert output(aws, execution) == {"order": 1}
        assert aws.http.post("/orders", json={"order": 2}).status_code == 200


# ── a page of another site ──────────────────────────────────────────────────────────────────────


class Blocked(Exception):
    """The browser does not let the page see the answer, or does not even send the request."""


def fetch(aws, page, path, method, body):
    """`fetch` of JSON from a script on a page of `page`, under the browser's rules for other sites."""
    asked = {
        "Origin": page,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    allowed = aws.http.options(path, headers=asked)
    methods = allowed.headers.get("access-control-allow-methods", "").split(",")
    headers = allowed.headers.get("access-control-allow-headers", "").lower().split(",")
    if not allowed.is_success or method not in methods or "content-type" not in headers:
        raise Blocked
    answer = aws.http.request(method, path, json=body, headers={"Origin": page})
    if answer.headers.get("access-control-allow-origin") not in (page, "*"):
        raise Blocked
    return answer


def test_a_page_of_an_allowed_origin_may_call_and_sees_failures_too(aws):
    cors = {"AllowOrigins": ["https://shop.example"], "AllowMethods": ["PUT"], "AllowHeaders": ["content-type"]}
    api_before(aws, "PUT /cart", function(aws, "echo", ECHO), CorsConfiguration=cors)

    assert fetch(aws, "https://shop.example", "/cart", "PUT", {"item": 1}).json()["body"] == '{"item":1}'
    assert fetch(aws, "https://shop.example", "/cart?do=raise", "PUT", {}).status_code == 500
    assert fetch(aws, "https://shop.example", "/nowhere", "PUT", {}).status_code == 404
    with pytest.raises(Blocked):
        fetch(aws, "https://evil.example", "/cart", "PUT", {})
    with pytest.raises(Blocked):
        fetch(aws, "https://shop.example", "/cart", "DELETE", {})
