"""An HTTP API in front of slow work: why it cannot ask for an event, the two functions that can, and a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.http_api_support import ROLE, HttpApi, ask, echo, http_api
from tests.wire.lambda_support import create, package

ACCEPTS = """
import json
import boto3

def handler(event, context):
    report = json.loads(event["body"])
    answer = boto3.client("lambda").invoke(FunctionName="worker", InvocationType="Event", Payload=json.dumps(report))
    return {"statusCode": answer["StatusCode"], "body": json.dumps({"accepted": report["id"]})}
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


def test_the_gateway_cannot_be_told_to_invoke_asynchronously(emulator: RunningEmulator) -> None:
    api = http_api(emulator)
    echo(emulator)

    with pytest.raises(ClientError, match="restricted"):
        api.function("echo", RequestParameters={"overwrite:header.X-Amz-Invocation-Type": "Event"})

    api.route("POST /mail", api.function("echo"))
    answer = api.ask("/mail", "POST", headers={"X-Amz-Invocation-Type": "Event"}, body="{}")
    assert (answer.status, answer.json()["headers"]["x-amz-invocation-type"]) == (200, "Event")


def test_a_small_function_accepts_for_a_slow_one_and_lambda_retries_it(emulator: RunningEmulator) -> None:
    functions, sqs = emulator.client("lambda"), emulator.client("sqs")
    create(functions, "accept", Code={"ZipFile": package(ACCEPTS)}, Runtime="python3.11", Timeout=10)
    create(functions, "worker", Code={"ZipFile": package(WORKS)}, Runtime="python3.11", Timeout=60)
    queue = sqs.create_queue(QueueName="done")["QueueUrl"]
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    dead_arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    functions.update_function_configuration(FunctionName="worker", DeadLetterConfig={"TargetArn": dead_arn})
    api = http_api(emulator)
    api.route("POST /reports", api.function("accept"))

    answer = api.ask("/reports", "POST", body=json.dumps({"id": "r1", "queue": queue}))
    assert (answer.status, answer.json()) == (202, {"accepted": "r1"})
    assert api.ask("/reports", "POST", body=json.dumps({"id": "r2", "queue": queue, "fails": True})).status == 202

    emulator.settle()
    [done] = sqs.receive_message(QueueUrl=queue)["Messages"]
    assert done["Body"] == "r1"
    [failed] = sqs.receive_message(QueueUrl=dead)["Messages"]
    assert json.loads(failed["Body"])["id"] == "r2"


def test_an_api_without_any_function_starts_a_workflow_and_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=0, frozen=True)
    with RunningEmulator(settings) as running:
        states = running.client("stepfunctions")
        wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3600, "End": True}}}
        machine = states.create_state_machine(name="m", definition=json.dumps(wait), roleArn=ROLE)["stateMachineArn"]
        api = http_api(running)
        target = api.service("StepFunctions-StartExecution", StateMachineArn=machine, Input="$request.body")
        api.route("POST /orders", target)
        execution = api.ask("/orders", "POST", body='{"order": 1}').json()["executionArn"]
    with RunningEmulator(settings) as running:
        running.settle()
        described = running.client("stepfunctions").describe_execution(executionArn=execution)
        assert (described["status"], json.loads(described["output"])) == ("SUCCEEDED", {"order": 1})
        again = ask(f"{running.url}/_aws/execute-api/{api.id}/orders", "POST", body='{"order": 2}')
        assert again.status == 200


# ── a page of another site ──────────────────────────────────────────────────────────────────────


class Blocked(Exception):
    """The browser does not let the page see the answer, or does not even send the request."""


def fetch(page: str, api: HttpApi, path: str, method: str, body: Any) -> httpx.Response:
    """`fetch` of JSON from a script on a page of `page`, under the browser's rules for other sites."""
    url = f"{api.emulator.url}/_aws/execute-api/{api.id}{path}"
    asked = {
        "Origin": page,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type",
    }
    allowed = httpx.options(url, headers=asked)
    methods = allowed.headers.get("access-control-allow-methods", "").split(",")
    headers = allowed.headers.get("access-control-allow-headers", "").lower().split(",")
    if not allowed.is_success or method not in methods or "content-type" not in headers:
        raise Blocked
    answer = httpx.request(method, url, json=body, headers={"Origin": page})
    if answer.headers.get("access-control-allow-origin") not in (page, "*"):
        raise Blocked
    return answer


def test_a_page_of_an_allowed_origin_may_call_and_sees_failures_too(emulator: RunningEmulator) -> None:
    cors = {"AllowOrigins": ["https://shop.example"], "AllowMethods": ["PUT"], "AllowHeaders": ["content-type"]}
    api = http_api(emulator, CorsConfiguration=cors)
    api.route("PUT /cart", api.function(echo(emulator)))

    assert fetch("https://shop.example", api, "/cart", "PUT", {"item": 1}).json()["body"] == '{"item":1}'
    assert fetch("https://shop.example", api, "/cart?do=raise", "PUT", {}).status_code == 500
    assert fetch("https://shop.example", api, "/nowhere", "PUT", {}).status_code == 404
    with pytest.raises(Blocked):
        fetch("https://evil.example", api, "/cart", "PUT", {})
    with pytest.raises(Blocked):
        fetch("https://shop.example", api, "/cart", "DELETE", {})
