"""An HTTP API in front of slow work: why it cannot ask for an event, the two functions that can, and a browser."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from emulator import testing
from emulator.settings import Settings
from tests.stories.telling import function
from tests.wire.http_api_support import ROLE, ask, http_api

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


def test_an_api_without_any_function_starts_a_workflow_and_survives_a_restart(tmp_path):
    settings = Settings(data=tmp_path, port=0, frozen=True)
    with testing.RunningEmulator(settings) as running:
        states = running.client("stepfunctions")
        wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
        machine = states.create_state_machine(name="m", definition=json.dumps(wait), roleArn=ROLE)["stateMachineArn"]
        api = http_api(running)
        target = api.service("StepFunctions-StartExecution", StateMachineArn=machine, Input="$request.body")
        api.route("POST /orders", target)
        execution = api.ask("/orders", "POST", body='{"order": 1}').json()["executionArn"]
    with testing.RunningEmulator(settings) as running:
        running.settle()
        described = running.client("stepfunctions").describe_execution(executionArn=execution)
        assert (described["status"], json.loads(described["output"])) == ("SUCCEEDED", {"order": 1})
        again = ask(f"{running.url}/_aws/execute-api/{api.id}/orders", "POST", body='{"order": 2}')
        assert again.status == 200


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
