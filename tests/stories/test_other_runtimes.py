"""Functions that are no Python, told through boto3: Node.js and a custom runtime, at once and later, in frozen time."""

from __future__ import annotations

import json

import pytest

from tests.ports.test_provided_runtime import RUNTIME
from tests.stories.telling import archive, function, invoke, machine, needs_node, node_function, one, send

# ── Node.js ─────────────────────────────────────────────────────────────────────────────────────

REMINDER = """
let attempts = 0;
const send = async (body) => {
    const answer = await fetch(process.env.AWS_ENDPOINT_URL, {
        method: 'POST',
        headers: {
            'Content-Type': 'application/x-amz-json-1.0',
            'X-Amz-Target': 'AmazonSQS.SendMessage',
            'X-Amz-Security-Token': process.env.AWS_SESSION_TOKEN,
            Authorization: `AWS4-HMAC-SHA256 Credential=${process.env.AWS_ACCESS_KEY_ID}/20270115/` +
                'us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=0',
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
def reminders(aws, emulator):
    """The queue to which the function `remind` sends a message after 45 s."""
    aws.sqs.create_queue(QueueName="reminders")
    reminders = emulator.queue("reminders")
    node_function(aws, "remind", REMINDER, {"QUEUE_URL": reminders.url})
    return reminders


def only_message(queue):
    [body] = queue.bodies()
    return json.loads(body)


@needs_node
def test_an_event_runs_a_node_function_through_its_retries_and_its_timers(aws, emulator, clock, reminders):
    begun = clock.now()
    send(aws, "remind", {"failures": 2})
    emulator.settle()
    assert only_message(reminders) == {"attempts": 3, "waited": 45_000}
    assert round(clock.now() - begun) == 60 + 120 + 45
    attempts = [line.split("\t")[3] for line in emulator.logs("remind") if "\tINFO\tattempt" in line]
    assert attempts == ["attempt 1\n", "attempt 2\n", "attempt 3\n"]


@needs_node
def test_a_caller_waits_for_a_node_function_while_aws_time_moves(aws, clock, reminders):
    begun = clock.now()
    assert invoke(aws, "remind", {"failures": 0}) == "sent"
    assert round(clock.now() - begun) == 45
    assert only_message(reminders) == {"attempts": 1, "waited": 45_000}


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
            Authorization: `AWS4-HMAC-SHA256 Credential=${process.env.AWS_ACCESS_KEY_ID}/20270115/` +
                'us-east-1/states/aws4_request, SignedHeaders=host, Signature=0',
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


@needs_node
def test_a_node_function_reaches_the_name_that_synchronous_executions_have(aws):
    arn = machine(aws, one({"Type": "Pass", "Result": {"n": 1}}), kind="EXPRESS")
    node_function(aws, "starts", SYNCHRONOUS)
    told = invoke(aws, "starts", {"machine": arn})
    assert (told.get("status"), told.get("output")) == ("SUCCEEDED", '{"n":1}')


# ── a custom runtime ────────────────────────────────────────────────────────────────────────────

BOOTSTRAP = RUNTIME + "serve(lambda event, headers: print('ran for', event, flush=True) or {'got': event})\n"


def custom_function(aws, name, files):
    function(aws, name, "", Runtime="provided.al2023", Handler="any", Code={"ZipFile": archive(files)})


def test_a_custom_runtime_answers_a_caller_and_an_event(aws, emulator):
    custom_function(aws, "custom", {"bootstrap": BOOTSTRAP})
    assert invoke(aws, "custom", 1) == {"got": 1}
    send(aws, "custom", 2)
    emulator.settle()
    assert emulator.logs("custom", "ran") == ["ran for 1\n", "ran for 2\n"]


def test_a_custom_runtime_without_a_bootstrap_fails_as_on_aws(aws):
    custom_function(aws, "custom", {"readme": "x"})
    answer = aws.lambda_.invoke(FunctionName="custom", Payload=b"1")
    assert answer["FunctionError"] == "Unhandled"
    assert json.load(answer["Payload"])["errorType"] == "Runtime.InvalidEntrypoint"
