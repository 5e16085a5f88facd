"""A chat room behind a WebSocket API, its handlers as they are on AWS; and work that a client does not wait for."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.ports.programs import archive
from tests.stories.test_other_runtimes import with_node
from tests.wire.http_api_support import FUNCTION
from tests.wire.test_lambda import create
from tests.wire.websocket_support import Client, Ended, WebSocketApi, echo, websocket_api

CHAT = """
import json
import boto3

table = boto3.resource("dynamodb").Table("room")


def handler(event, context):
    where = event["requestContext"]
    if where["routeKey"] == "$connect":
        name = (event.get("queryStringParameters") or {}).get("name")
        if not name:
            return {"statusCode": 400}
        table.put_item(Item={"id": where["connectionId"], "name": name})
    elif where["routeKey"] == "$disconnect":
        table.delete_item(Key={"id": where["connectionId"]})
    else:
        clients = boto3.client(
            "apigatewaymanagementapi", endpoint_url=f"https://{where['domainName']}/{where['stage']}"
        )
        said = json.loads(event["body"])["said"]
        author = table.get_item(Key={"id": where["connectionId"]})["Item"]["name"]
        for member in table.scan()["Items"]:
            try:
                clients.post_to_connection(ConnectionId=member["id"], Data=f"{author}: {said}".encode())
            except clients.exceptions.GoneException:
                table.delete_item(Key={"id": member["id"]})
    return {"statusCode": 200}
"""

WORKS = """
import time
import boto3

def handler(event, context):
    time.sleep(40)  # longer than any integration waits
    if event["report"] == "broken":
        raise ValueError("intended")
    clients = boto3.client("apigatewaymanagementapi", endpoint_url=event["answer_at"])
    clients.post_to_connection(ConnectionId=event["client"], Data=("ready: " + event["report"]).encode())
"""


def test_everybody_in_a_room_hears_what_one_says(emulator: RunningEmulator) -> None:
    emulator.client("dynamodb").create_table(
        TableName="room",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    api = websocket_api(emulator)
    chat = api.function(echo(emulator, "chat", CHAT, Timeout=20))
    for key in ("$connect", "$disconnect", "say"):
        api.route(key, chat, two_way=False)

    def enter(name: str) -> Client:
        return api.connect(f"/_aws/execute-api/{api.id}/prod?name={name}")

    ann, ben, cid = enter("ann"), enter("ben"), enter("cid")
    ann.say({"action": "say", "said": "hello"})
    assert [member.hear() for member in (ann, ben, cid)] == ["ann: hello"] * 3

    cid.close()
    emulator.settle()
    ben.say({"action": "say", "said": "bye"})
    assert [member.hear() for member in (ann, ben)] == ["ben: bye"] * 2
    assert len(emulator.client("dynamodb").scan(TableName="room")["Items"]) == 2
    ann.vanish()
    ben.vanish()


def asynchronous(emulator: RunningEmulator) -> WebSocketApi:
    """A route whose integration invokes its function by `Event`, and tells it where the client is."""
    echo(emulator, "works", WORKS, Timeout=60)
    api = websocket_api(emulator)
    template = (
        '{"report": $input.json("$.report"), "client": "$context.connectionId",'
        ' "answer_at": "https://$context.domainName/$context.stage"}'
    )
    work = api.integration(
        IntegrationType="AWS",
        IntegrationMethod="POST",
        IntegrationUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}works/invocations",
        RequestParameters={"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
        RequestTemplates={"$default": template},
        TemplateSelectionExpression="\\$default",
    )
    answer = {"$default": '{"accepted": true}'}
    api.client.create_integration_response(
        ApiId=api.id, IntegrationId=work, IntegrationResponseKey="$default", ResponseTemplates=answer
    )
    api.route("report", work)
    return api


def test_a_client_does_not_wait_for_slow_work_and_hears_when_it_is_done(emulator: RunningEmulator) -> None:
    api = asynchronous(emulator)
    with api.talk() as client:
        client.say({"action": "report", "report": "r1"})
        assert client.json() == {"accepted": True}
        emulator.settle()
        assert client.hear() == "ready: r1"


def test_work_that_fails_is_retried_by_lambda_and_tells_the_client_nothing(emulator: RunningEmulator) -> None:
    api = asynchronous(emulator)
    with api.talk() as client:
        client.say({"action": "report", "report": "broken"})
        assert client.json() == {"accepted": True}
        emulator.settle()
        client.say({"action": "report", "report": "r2"})
        assert client.json() == {"accepted": True}
        emulator.settle()
        assert client.hear() == "ready: r2"
    attempts = [item["attempt"] for item in emulator.control("GET", "timeline")["invocations"]]
    assert attempts == [1, 2, 3, 1]


def test_a_client_that_left_in_the_meantime_is_gone_for_the_worker(emulator: RunningEmulator) -> None:
    api = asynchronous(emulator)
    client = api.connect()
    client.say({"action": "report", "report": "r1"})
    client.json()
    client.close()
    emulator.settle()
    groups = emulator.client("logs").filter_log_events(logGroupName="/aws/lambda/works")["events"]
    assert any("GoneException" in event["message"] for event in groups), json.dumps(groups)[:500]


TELLS = """
import boto3, json

def handler(event, context):
    where = event["requestContext"]
    told = [where["connectionId"], where["connectedAt"], where["disconnectStatusCode"], where["disconnectReason"],
            where["identity"], where["authorizer"]["principalId"]]
    boto3.client("sqs").send_message(QueueUrl=event["stageVariables"]["queue"], MessageBody=json.dumps(told))
"""
ADMITS = """
def handler(event, context):
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""


@pytest.mark.parametrize("killed", [False, True])
def test_an_emulator_that_stops_ends_its_connections_and_the_next_one_tells_so(tmp_path: Path, killed: bool) -> None:
    settings = Settings(data=tmp_path / "first", port=0, frozen=True)
    with RunningEmulator(settings) as running:
        queue = running.client("sqs").create_queue(QueueName="told")["QueueUrl"]
        api = websocket_api(running, {"StageVariables": {"queue": queue}})
        api.route("$default", api.function(echo(running)))
        api.route("$disconnect", api.function(echo(running, "tells", TELLS)))
        uri = (
            f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}{echo(running, 'admits', ADMITS)}"
        )
        authorizer = api.client.create_authorizer(
            ApiId=api.id,
            Name="a",
            AuthorizerType="REQUEST",
            IdentitySource=["route.request.header.Host"],
            AuthorizerUri=f"{uri}/invocations",
        )["AuthorizerId"]
        api.route("$connect", AuthorizationType="CUSTOM", AuthorizerId=authorizer)
        client = api.connect()
        client.say("hello")
        context = client.json()["requestContext"]
        number = context["connectionId"]
        if killed:  # what is on the disk is what a killed emulator leaves
            shutil.copytree(tmp_path / "first", tmp_path / "second")
            settings = dataclasses.replace(settings, data=tmp_path / "second")
    with pytest.raises(Ended) as ended:
        client.hear()
    assert ended.value.code == 1012
    client.vanish()
    with RunningEmulator(settings) as running:
        running.settle()
        told = running.client("sqs").receive_message(QueueUrl=queue.replace(api.emulator.url, running.url))["Messages"]
        assert [json.loads(message["Body"]) for message in told] == [
            [number, context["connectedAt"], 1001, "Going away", context["identity"], "me"]
        ]
        again = WebSocketApi(running, running.client("apigatewayv2"), api.id)
        with pytest.raises(again.management().exceptions.GoneException):
            again.management().get_connection(ConnectionId=number)
        with again.talk() as back:
            back.say("hello again")
            assert back.json()["body"] == "hello again"
        running.advance(3600)
        running.settle()
        assert running.control("GET", "queue")["total"] == 0


SIGNED = (
    "'AWS4-HMAC-SHA256 Credential=test/20270115/us-east-1/execute-api/aws4_request, SignedHeaders=host, Signature=0'"
)
BY_OPTIONS = f"""
const {{ request }} = require('https');
const ask = (where, path) => {{
    const [hostname, port] = where.domainName.split(':');
    const headers = {{ host: where.domainName, Authorization: {SIGNED} }};
    return request({{ protocol: 'https:', host: hostname, port: Number(port), path, method: 'POST', headers }});
}};
exports.handler = answering(ask);
"""  # as AWS's SDK for JavaScript asks
BY_URL = f"""
import {{ request }} from 'node:https';
const headers = {{ Authorization: {SIGNED} }};
const ask = (where, path) => request(new URL(path, `https://${{where.domainName}}`), {{ method: 'POST', headers }});
export const handler = answering(ask);
"""
ANSWERING = """
function answering(ask) {
    return async (event) => {
        const where = event.requestContext;
        const path = `/${where.stage}/@connections/${encodeURIComponent(where.connectionId)}`;
        const status = await new Promise((resolve, reject) => {
            const sent = ask(where, path);
            sent.on('response', (answer) => { answer.resume(); resolve(answer.statusCode); });
            sent.on('error', reject);
            sent.end(`you said ${event.body}`);
        });
        return { statusCode: status };
    };
}
"""


@with_node
@pytest.mark.parametrize(("file", "code"), [("index.js", BY_OPTIONS), ("index.mjs", BY_URL)])
def test_a_node_function_answers_at_the_address_that_its_event_names(
    emulator: RunningEmulator, file: str, code: str
) -> None:
    archived = archive({file: code + ANSWERING})
    create(emulator.client("lambda"), Runtime="nodejs22.x", Handler="index.handler", Code={"ZipFile": archived})
    api = websocket_api(emulator)
    api.route("$default", api.function("f"), two_way=False)
    with api.talk() as client:
        client.say("hello")
        assert client.hear() == "you said hello"
