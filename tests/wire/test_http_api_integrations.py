"""What HTTP APIs call besides functions: Step Functions, SQS, EventBridge, and HTTP endpoints."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from emulator import Settings
from emulator.testing import RunningEmulator
from tests.wire.http_api_support import HttpApi, ask, http_api, while_time_passes
from tests.wire.lambda_support import error_of

Emulator = RunningEmulator
ROLE = "arn:aws:iam::000000000000:role/r"
PASS = json.dumps({"StartAt": "P", "States": {"P": {"Type": "Pass", "End": True}}})
WAIT = json.dumps({"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}})


@pytest.fixture
def api(emulator: Emulator) -> HttpApi:
    return http_api(emulator)


def test_h8_start_execution_answers_with_step_functions_json(api: HttpApi) -> None:
    states = api.emulator.client("stepfunctions")
    machine = states.create_state_machine(name="m", definition=PASS, roleArn=ROLE)["stateMachineArn"]
    api.route(
        "POST /start", api.service("StepFunctions-StartExecution", StateMachineArn=machine, Input="$request.body")
    )
    answer = api.ask("/start", "POST", body='{"a": 1}')
    assert answer.status == 200
    assert list(answer.json()) == ["executionArn", "startDate"]
    api.emulator.settle()
    execution = states.describe_execution(executionArn=answer.json()["executionArn"])
    assert (execution["status"], json.loads(execution["output"])) == ("SUCCEEDED", {"a": 1})
    wrong = api.ask("/start", "POST", body="no json")
    assert (wrong.status, wrong.json()["__type"].rpartition("#")[2]) == (400, "InvalidExecutionInput")


def test_a_synchronous_execution_that_fails_is_still_200(api: HttpApi) -> None:
    states = api.emulator.client("stepfunctions")
    fails = json.dumps({"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}})
    machine = states.create_state_machine(name="x", definition=fails, roleArn=ROLE, type="EXPRESS")["stateMachineArn"]
    api.route("POST /sync", api.service("StepFunctions-StartSyncExecution", StateMachineArn=machine))
    answer = api.ask("/sync", "POST")
    assert (answer.status, answer.json()["status"], answer.json()["error"]) == (200, "FAILED", "E")


def test_an_execution_is_stopped(api: HttpApi) -> None:
    states = api.emulator.client("stepfunctions")
    machine = states.create_state_machine(name="w", definition=WAIT, roleArn=ROLE)["stateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine)["executionArn"]
    api.route(
        "POST /stop",
        api.service("StepFunctions-StopExecution", ExecutionArn="$request.querystring.arn", Cause="because"),
    )
    assert api.ask(f"/stop?arn={arn}", "POST").status == 200
    assert states.describe_execution(executionArn=arn)["status"] == "ABORTED"
    missing = api.ask("/stop", "POST")
    assert (missing.status, missing.json()) == (400, {"message": "Bad Request"})


def test_messages_are_sent_received_deleted_and_purged(api: HttpApi) -> None:
    sqs = api.emulator.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    attributes = json.dumps({"from": {"DataType": "String", "StringValue": "${request.header.x-from}"}})
    sent = api.service(
        "SQS-SendMessage",
        QueueUrl=url,
        MessageBody="$request.body.text",
        DelaySeconds="0",
        MessageAttributes=attributes,
    )
    api.route("POST /send", sent)
    api.route("GET /receive", api.service("SQS-ReceiveMessage", QueueUrl=url, MessageAttributeNames='["All"]'))
    api.route("DELETE /message", api.service("SQS-DeleteMessage", QueueUrl=url, ReceiptHandle="$request.querystring.h"))
    api.route("DELETE /all", api.service("SQS-PurgeQueue", QueueUrl=url))
    answer = api.ask("/send", "POST", headers={"X-From": "ada"}, body='{"text": "hello"}')
    assert (answer.status, len(answer.json()["MessageId"])) == (200, 36)
    [message] = api.ask("/receive").json()["Messages"]
    assert (message["Body"], message["MessageAttributes"]["from"]["StringValue"]) == ("hello", "ada")
    assert api.ask(f"/message?h={message['ReceiptHandle']}", "DELETE").status == 200
    assert api.ask("/all", "DELETE").status == 200
    assert api.ask("/send", "POST", body='{"no": "text"}').status == 400


def test_events_are_put(api: HttpApi) -> None:
    events, sqs = api.emulator.client("events"), api.emulator.client("sqs")
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["shop"]}))
    events.put_targets(Rule="r", Targets=[{"Id": "q", "Arn": arn}])
    target = api.service(
        "EventBridge-PutEvents", Source="shop", DetailType="order", Detail="$request.body", Time="2026-01-01T00:00:00Z"
    )
    api.route("POST /order", target)
    assert api.ask("/order", "POST", body='{"id": 7}').json()["FailedEntryCount"] == 0
    api.emulator.settle()
    [message] = sqs.receive_message(QueueUrl=url)["Messages"]
    assert (json.loads(message["Body"])["detail"], json.loads(message["Body"])["detail-type"]) == ({"id": 7}, "order")


def test_service_integrations_are_checked_when_they_are_made(api: HttpApi) -> None:
    assert error_of(lambda: api.service("SQS-SendMessage", QueueUrl="u"))[:2] == ("BadRequestException", 400)
    assert error_of(lambda: api.service("SQS-PurgeQueue", QueueUrl="u", Other="x"))[:2] == ("BadRequestException", 400)
    assert error_of(lambda: api.service("Nothing-Here", QueueUrl="u"))[:2] == ("BadRequestException", 400)
    code, status, text = error_of(lambda: api.service("AppConfig-GetConfiguration", Application="a"))
    assert (status, "AppConfig-GetConfiguration" in text) == (501, True), code


def test_a_route_that_polls_a_queue_waits_in_aws_time(api: HttpApi) -> None:
    url = api.emulator.client("sqs").create_queue(QueueName="q")["QueueUrl"]
    api.route("GET /poll", api.service("SQS-ReceiveMessage", QueueUrl=url, WaitTimeSeconds="20"))
    began = api.emulator.now()
    answer = while_time_passes(api.emulator, lambda: api.ask("/poll"))
    assert (answer.status, answer.json().get("Messages")) == (200, None)
    assert 20 <= api.emulator.now() - began <= 30


# ── HTTP ────────────────────────────────────────────────────────────────────────────────────────


class Backend(BaseHTTPRequestHandler):
    """Shows what it was asked."""

    def do_POST(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        shown: dict[str, Any] = {
            "method": self.command,
            "path": self.path,
            "headers": {name.lower(): value for name, value in self.headers.items()},
            "body": self.rfile.read(size).decode(),
        }
        body = json.dumps(shown).encode()
        self.send_response(201)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Backend", "yes")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def backend() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Backend)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


def http_proxy(api: HttpApi, uri: str, **members: Any) -> str:
    return api.integration(IntegrationType="HTTP_PROXY", IntegrationMethod="ANY", IntegrationUri=uri, **members)


def test_a_request_is_passed_on_to_an_endpoint(api: HttpApi, backend: str) -> None:
    mappings = {"append:header.x-added": "$context.stage", "append:querystring.c": "3"}
    api.route("ANY /{proxy+}", http_proxy(api, backend + "/base/{proxy}?a=1", RequestParameters=mappings))
    answer = api.ask("/some/path%20x?b=2", "POST", headers={"X-A": "1"}, body="text")
    assert (answer.status, answer.headers["x-backend"]) == (201, "yes")
    asked = answer.json()
    assert (asked["method"], asked["path"], asked["body"]) == ("POST", "/base/some/path%20x?a=1&b=2&c=3", "text")
    assert (asked["headers"]["x-a"], asked["headers"]["x-added"]) == ("1", "$default")
    assert asked["headers"]["host"] == backend.removeprefix("http://")
    assert asked["headers"]["via"] == "HTTP/1.1 AmazonAPIGateway"
    assert "proto=http" in asked["headers"]["forwarded"]


def test_an_endpoint_that_cannot_be_reached_is_an_unavailable_service(api: HttpApi) -> None:
    api.route("$default", http_proxy(api, "http://127.0.0.1:9/"))
    answer = api.ask("/")
    assert (answer.status, answer.json()) == (503, {"message": "Service Unavailable"})


def test_quick_create_makes_an_api_that_answers(emulator: Emulator, backend: str) -> None:
    client = emulator.client("apigatewayv2")
    made = client.create_api(Name="quick", ProtocolType="HTTP", Target=backend)
    assert ask(made["ApiEndpoint"] + "/").json()["method"] == "GET"
    [route] = client.get_routes(ApiId=made["ApiId"])["Items"]
    [stage] = client.get_stages(ApiId=made["ApiId"])["Items"]
    assert (route["RouteKey"], route["ApiGatewayManaged"]) == ("$default", True)
    assert (stage["StageName"], stage["AutoDeploy"], stage["ApiGatewayManaged"]) == ("$default", True, True)


def test_a_request_puts_a_record_into_a_stream(api: HttpApi) -> None:
    kinesis = api.emulator.client("kinesis")
    kinesis.create_stream(StreamName="s", ShardCount=1)
    api.route(
        "POST /record",
        api.service("Kinesis-PutRecord", StreamName="s", Data="$request.body", PartitionKey="$request.header.key"),
    )
    answer = api.ask("/record", "POST", headers={"Key": "k"}, body='{"a": 1}')
    assert (answer.status, sorted(answer.json())) == (200, ["SequenceNumber", "ShardId"])
    [shard] = kinesis.list_shards(StreamName="s")["Shards"]
    iterator = kinesis.get_shard_iterator(StreamName="s", ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON")[
        "ShardIterator"
    ]
    [record] = kinesis.get_records(ShardIterator=iterator)["Records"]
    assert (record["Data"], record["PartitionKey"]) == (b'{"a": 1}', "k")
    missing = api.ask("/record", "POST", body="x")
    assert (missing.status, missing.json()) == (400, {"message": "Bad Request"})


def test_a_private_integration_leads_where_the_setting_says(backend: str) -> None:
    places = (f"*:listener/app/shop/*={backend}",)
    arns = [f"arn:aws:elasticloadbalancing:us-east-1:000000000000:listener/app/{name}/1/2" for name in ("shop", "x")]
    with RunningEmulator(Settings(port=0, data=None, frozen=True, private_integrations=places)) as emulator:
        api = http_api(emulator)
        link = api.client.create_vpc_link(Name="link", SubnetIds=["subnet-1"])["VpcLinkId"]
        for key, arn in zip(("GET /a/{b}", "GET /other"), arns, strict=True):
            api.route(key, http_proxy(api, arn, ConnectionType="VPC_LINK", ConnectionId=link))
        assert api.ask("/a/b?c=1").json()["path"] == "/a/b?c=1"
        refused = api.ask("/other")
        assert (refused.status, "private_integrations" in refused.body.decode()) == (501, True)
        emulator.close_clients()
