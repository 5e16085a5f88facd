"""A developer's test runs functions in its own process, to stop in them or to measure their coverage."""

from __future__ import annotations

import json
import os

import pytest
from botocore.session import Session

from emulator import Emulator
from tests.stories.telling import function, send, websocket_api

LOOKS_AROUND = """
import os, time, boto3

def handler(event, context):
    time.sleep(20)
    queues = boto3.client("sqs").list_queues().get("QueueUrls", [])
    return {"process": os.getpid(), "function": os.environ["AWS_LAMBDA_FUNCTION_NAME"], "queues": len(queues)}
"""
GREETS = """
import boto3

def handler(event, context):
    where = event["requestContext"]
    endpoint = f"https://{where['domainName']}/{where['stage']}"
    clients = boto3.client("apigatewaymanagementapi", endpoint_url=endpoint)
    clients.post_to_connection(ConnectionId=where["connectionId"], Data=b"hello")
    return {"statusCode": 200}
"""


@pytest.fixture
def emulator():
    """An emulator whose functions run in threads of this test."""
    create_client = Session.create_client
    with Emulator(functions="threads") as emulator:
        yield emulator
    assert Session.create_client is create_client


def test_a_handler_runs_in_the_process_of_the_test_and_still_reaches_aws_and_sleeps_in_virtual_time(aws, emulator):
    aws.sqs.create_queue(QueueName="there")
    aws.sqs.create_queue(QueueName="ended")
    ended = emulator.queue("ended")
    function(aws, "looks", LOOKS_AROUND)
    aws.lambda_.put_function_event_invoke_config(
        FunctionName="looks", DestinationConfig={"OnSuccess": {"Destination": ended.arn}}
    )
    send(aws, "looks")
    emulator.settle()
    [record] = ended.bodies()
    assert json.loads(record)["responsePayload"] == {"process": os.getpid(), "function": "looks", "queues": 2}


def test_a_handler_in_the_process_of_the_test_reaches_the_client_of_its_websocket_api(aws):
    websocket_api(aws, {"$default": function(aws, "greets", GREETS)})
    client = aws.websocket()
    client.say("anybody there?")
    assert client.hear() == "hello"
