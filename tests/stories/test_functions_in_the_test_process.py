"""A developer's test runs functions in its own process, to stop in them or to measure their coverage."""

from __future__ import annotations

import json
import os

from emulator.testing import RunningEmulator, in_process
from tests.wire.lambda_support import create, package
from tests.wire.websocket_support import websocket_api

SOURCE = """
import os, time, boto3

def handler(event, context):
    time.sleep(20)
    queues = boto3.client("sqs").list_queues().get("QueueUrls", [])
    return {"process": os.getpid(), "function": os.environ["AWS_LAMBDA_FUNCTION_NAME"], "queues": len(queues)}
"""


def test_a_handler_runs_in_the_process_of_the_test_and_still_reaches_aws_and_sleeps_in_virtual_time() -> None:
    with RunningEmulator(make=in_process) as emulator:
        emulator.client("sqs").create_queue(QueueName="there")
        target = emulator.client("sqs").create_queue(QueueName="ended")["QueueUrl"]
        client = emulator.client("lambda")
        create(client, Code={"ZipFile": package(SOURCE)}, Timeout=30)
        arn = "arn:aws:sqs:us-east-1:000000000000:ended"
        client.put_function_event_invoke_config(FunctionName="f", DestinationConfig={"OnSuccess": {"Destination": arn}})
        client.invoke(FunctionName="f", InvocationType="Event")
        emulator.settle()
        [message] = emulator.client("sqs").receive_message(QueueUrl=target)["Messages"]
        assert json.loads(message["Body"])["responsePayload"] == {"process": os.getpid(), "function": "f", "queues": 2}
        assert emulator.failures() == []


GREETS = """
import boto3

def handler(event, context):
    where = event["requestContext"]
    endpoint = f"https://{where['domainName']}/{where['stage']}"
    clients = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    clients.post_to_connection(ConnectionId=where["connectionId"], Data=b"hello")
    return {"statusCode": 200}
"""


def test_a_handler_in_the_process_of_the_test_reaches_the_client_of_its_websocket_api() -> None:
    from botocore.session import Session

    before = Session.create_client
    with RunningEmulator(make=in_process) as emulator:
        api = websocket_api(emulator)
        create(emulator.client("lambda"), Code={"ZipFile": package(GREETS)}, Timeout=30)
        api.route("$default", api.function("f"), two_way=False)
        with api.talk() as client:
            client.say("anybody there?")
            assert client.hear() == "hello"
    assert Session.create_client is before
