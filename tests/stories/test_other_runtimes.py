"""Functions that are no Python, told through boto3: Node.js and a custom runtime, at once and later, in frozen time."""

from __future__ import annotations

import json
import shutil
import threading
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.ports.programs import archive
from tests.ports.test_provided_runtime import RUNTIME
from tests.wire.test_lambda import create

with_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js (`node`) on the PATH")

REMINDER = """
let attempts = 0;
const send = async (body) => {
    const answer = await fetch(process.env.AWS_ENDPOINT_URL, {
        method: 'POST',
        headers: {
            'Content-Type': 'application/x-amz-json-1.0',
            'X-Amz-Target': 'AmazonSQS.SendMessage',
            'X-Amz-Security-Token': process.env.AWS_SESSION_TOKEN,
            Authorization: 'AWS4-HMAC-SHA256 Credential=test/20270115/us-east-1/sqs/aws4_request, ' +
                'SignedHeaders=host, Signature=0',
        },
        body: JSON.stringify({ QueueUrl: process.env.QUEUE_URL, MessageBody: body }),
    });
    if (!answer.ok) throw new Error(await answer.text());
};
exports.handler = async (event) => {
    attempts += 1;
    console.log(`attempt ${attempts}`);
    if (attempts <= event.failures) throw new Error('not yet');
    const begun = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 45000));
    await send(JSON.stringify({ attempts, waited: Date.now() - begun }));
    return 'sent';
};
"""


@pytest.fixture
def reminder(emulator: RunningEmulator) -> Any:
    """A Node.js function `f` that waits 45 s and sends a message; the queue's URL."""
    url = emulator.client("sqs").create_queue(QueueName="reminders")["QueueUrl"]
    create(
        emulator.client("lambda"),
        Runtime="nodejs20.x",
        Handler="index.handler",
        Timeout=60,
        Environment={"Variables": {"QUEUE_URL": url}},
        Code={"ZipFile": archive({"index.js": REMINDER})},
    )
    return url


def messages(emulator: RunningEmulator, url: str) -> list[Any]:
    answer = emulator.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


@with_node
def test_an_event_runs_a_node_function_through_its_retries_and_its_timers(
    emulator: RunningEmulator, reminder: str
) -> None:
    start = emulator.now()
    emulator.client("lambda").invoke(FunctionName="f", InvocationType="Event", Payload=b'{"failures": 2}')
    emulator.settle()
    assert messages(emulator, reminder) == [{"attempts": 3, "waited": 45_000}]
    assert round(emulator.now() - start) == 60 + 120 + 45
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f")["events"]
    attempts = [event["message"].split("\t")[3] for event in events if "\tINFO\tattempt" in event["message"]]
    assert attempts == ["attempt 1\n", "attempt 2\n", "attempt 3\n"]


@with_node
def test_a_caller_waits_for_a_node_function_while_aws_time_moves(emulator: RunningEmulator, reminder: str) -> None:
    answers: list[Any] = []
    client = emulator.client("lambda")

    def call() -> None:
        answer = client.invoke(FunctionName="f", Payload=b'{"failures": 0}')
        answers.append((answer["Payload"].read(), answer.get("FunctionError")))

    caller = threading.Thread(target=call)
    caller.start()
    while caller.is_alive():
        emulator.advance(15)
    caller.join()
    assert answers == [(b'"sent"', None)]
    assert messages(emulator, reminder) == [{"attempts": 1, "waited": 45_000}]


def test_a_custom_runtime_answers_a_caller_and_an_event(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    bootstrap = RUNTIME + "serve(lambda event, headers: print('ran for', event, flush=True) or {'got': event})\n"
    code = {"ZipFile": archive({"bootstrap": bootstrap})}
    create(client, Runtime="provided.al2023", Handler="any", Code=code)
    answer = client.invoke(FunctionName="f", Payload=b"1")
    assert (answer["Payload"].read(), answer.get("FunctionError")) == (b'{"got": 1}', None)
    client.invoke(FunctionName="f", InvocationType="Event", Payload=b"2")
    emulator.settle()
    events = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/f", filterPattern="ran")["events"]
    assert [event["message"] for event in events] == ["ran for 1\n", "ran for 2\n"]


def test_a_custom_runtime_without_a_bootstrap_fails_as_on_aws(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    create(client, Runtime="provided.al2023", Handler="any", Code={"ZipFile": archive({"readme": "x"})})
    answer = client.invoke(FunctionName="f", Payload=b"1")
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "Runtime.InvalidEntrypoint"


SYNCHRONOUS = """
const http = require('http');
exports.handler = (event) => new Promise((resolve, reject) => {
    const endpoint = new URL(process.env.AWS_ENDPOINT_URL);
    const request = http.request({
        host: 'sync-' + endpoint.hostname,
        port: endpoint.port,
        method: 'POST',
        headers: {
            'Content-Type': 'application/x-amz-json-1.0',
            'X-Amz-Target': 'AWSStepFunctions.StartSyncExecution',
            Authorization: 'AWS4-HMAC-SHA256 Credential=test/20270115/us-east-1/states/aws4_request, ' +
                'SignedHeaders=host, Signature=0',
        },
    }, (answer) => {
        let text = '';
        answer.on('data', (some) => { text += some; });
        answer.on('end', () => resolve(JSON.parse(text)));
    });
    request.on('error', reject);
    request.end(JSON.stringify({ stateMachineArn: event.machine }));
});
"""


@with_node
def test_a_node_function_reaches_the_name_that_synchronous_executions_have(emulator: RunningEmulator) -> None:
    definition = {"StartAt": "S", "States": {"S": {"Type": "Pass", "Result": {"n": 1}, "End": True}}}
    machine = emulator.client("stepfunctions").create_state_machine(
        name="m", definition=json.dumps(definition), roleArn="arn:aws:iam::000000000000:role/any", type="EXPRESS"
    )["stateMachineArn"]
    functions = emulator.client("lambda")
    code = {"ZipFile": archive({"index.js": SYNCHRONOUS})}
    create(functions, "f", Code=code, Runtime="nodejs22.x", Handler="index.handler")
    answer = functions.invoke(FunctionName="f", Payload=json.dumps({"machine": machine}))
    told = json.loads(answer["Payload"].read())
    assert (told.get("status"), told.get("output")) == ("SUCCEEDED", '{"n":1}')
