"""A chat room behind a WebSocket API, its handlers as they are on AWS; and work that a client does not wait for."""

from __future__ import annotations

import json
import shutil

import pytest

from emulator.testing.queue import Queue
from emulator.testing.websocket import Closed, Refused
from tests.stories.telling import function, kept, needs_node, node_function, websocket_api

# ── a chat room ─────────────────────────────────────────────────────────────────────────────────

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


@pytest.fixture
def enter(aws):
    """Enters the room under a name."""
    aws.dynamodb.create_table(
        TableName="room",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    chat = function(aws, "chat", CHAT)
    websocket_api(aws, {"$connect": chat, "$disconnect": chat, "say": chat})
    return lambda name: aws.websocket(params={"name": name})


def who_is_in(aws):
    return sorted(member["name"]["S"] for member in aws.dynamodb.scan(TableName="room")["Items"])


def test_everybody_in_a_room_hears_what_one_says(aws, emulator, enter):
    ann, ben, cid = enter("ann"), enter("ben"), enter("cid")
    ann.say({"action": "say", "said": "hello"})
    assert [member.hear() for member in (ann, ben, cid)] == ["ann: hello"] * 3

    cid.close()
    emulator.settle()
    ben.say({"action": "say", "said": "bye"})
    assert [member.hear() for member in (ann, ben)] == ["ben: bye"] * 2
    assert who_is_in(aws) == ["ann", "ben"]


def test_nobody_enters_without_a_name(aws, enter):
    with pytest.raises(Refused) as refused:
        enter("")
    assert refused.value.status == 400
    assert who_is_in(aws) == []


# ── work that a client does not wait for ────────────────────────────────────────────────────────

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
WITH_THE_ADDRESS_OF_THE_CLIENT = """{
    "report": $input.json("$.report"),
    "client": "$context.connectionId",
    "answer_at": "https://$context.domainName/$context.stage"
}"""


@pytest.fixture
def client(aws):
    """Of an API that hands reports to a function as events, and says at once that it has accepted them."""
    works = function(aws, "works", WORKS)
    invokes_asynchronously = {
        "IntegrationType": "AWS",
        "IntegrationMethod": "POST",
        "IntegrationUri": f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{works}/invocations",
        "RequestParameters": {"integration.request.header.X-Amz-Invocation-Type": "'Event'"},
        "RequestTemplates": {"$default": WITH_THE_ADDRESS_OF_THE_CLIENT},
        "TemplateSelectionExpression": "\\$default",
    }
    websocket_api(aws, {"report": invokes_asynchronously}, answers={"$default": '{"accepted": true}'})
    return aws.websocket()


def ask_for(report, client):
    client.say({"action": "report", "report": report})
    assert client.json() == {"accepted": True}


def test_a_client_does_not_wait_for_slow_work_and_hears_when_it_is_done(emulator, client):
    ask_for("r1", client)
    emulator.settle()
    assert client.hear() == "ready: r1"


def test_work_that_fails_is_retried_by_lambda_and_tells_the_client_nothing(emulator, client):
    ask_for("broken", client)
    emulator.settle()
    assert client.heard() == []
    ask_for("r2", client)
    emulator.settle()
    assert client.hear() == "ready: r2"
    assert [attempt["attempt"] for attempt in emulator.attempts(function="works")] == [1, 2, 3, 1]


def test_a_client_that_left_in_the_meantime_is_gone_for_the_worker(emulator, client):
    ask_for("r1", client)
    client.close()
    emulator.settle()
    assert emulator.logs("works", "GoneException")


# ── the emulator stops in the middle of a conversation ──────────────────────────────────────────

SHOWS_ITS_EVENT = """
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
"""
TELLS_OF_THE_END = """
import boto3, json

def handler(event, context):
    where = event["requestContext"]
    told = [where["connectionId"], where["connectedAt"], where["disconnectStatusCode"], where["disconnectReason"],
            where["identity"], where["authorizer"]["principalId"]]
    boto3.client("sqs").send_message(QueueUrl=event["stageVariables"]["queue"], MessageBody=json.dumps(told))
"""
ADMITS_EVERYBODY = """
def handler(event, context):
    statement = {"Effect": "Allow", "Action": "execute-api:Invoke", "Resource": "*"}
    return {"principalId": "me", "policyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
"""


def conversation(aws):
    """A client of an API that admits by a function, and tells a queue how conversations end."""
    queue = aws.sqs.create_queue(QueueName="told")["QueueUrl"]
    shows = function(aws, "shows", SHOWS_ITS_EVENT)
    tells = function(aws, "tells", TELLS_OF_THE_END)
    admits = function(aws, "admits", ADMITS_EVERYBODY)
    api = websocket_api(aws, {"$default": shows, "$disconnect": tells}, {"queue": queue}, answers=True)
    authorizer = aws.apigatewayv2.create_authorizer(
        ApiId=api,
        Name="admits",
        AuthorizerType="REQUEST",
        IdentitySource=["route.request.header.Host"],
        AuthorizerUri=f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{admits}/invocations",
    )["AuthorizerId"]
    aws.apigatewayv2.create_route(ApiId=api, RouteKey="$connect", AuthorizationType="CUSTOM", AuthorizerId=authorizer)
    return aws.websocket()


def nothing_is_left_to_do(emulator):
    return emulator.control("GET", "queue")["total"] == 0


@pytest.mark.parametrize("killed", [False, True])
def test_an_emulator_that_stops_ends_its_connections_and_the_next_one_tells_so(tmp_path, killed):
    folder = tmp_path / "first"
    with kept(folder) as (emulator, aws):
        client = conversation(aws)
        client.say("hello")
        context = client.json()["requestContext"]
        if killed:  # what is on the disk is what a killed emulator leaves
            folder = shutil.copytree(folder, tmp_path / "second")
        emulator.stop()
        with pytest.raises(Closed) as ended:
            client.hear()
        assert ended.value.code == 1012
    with kept(folder) as (emulator, aws):
        emulator.settle()
        assert [json.loads(told) for told in Queue(aws, "told").bodies()] == [
            [context["connectionId"], context["connectedAt"], 1001, "Going away", context["identity"], "me"]
        ]
        [stage] = aws.apis()
        clients = aws.client("apigatewaymanagementapi", endpoint_url=stage["url"])
        with pytest.raises(clients.exceptions.GoneException):
            clients.get_connection(ConnectionId=context["connectionId"])

        again = aws.websocket()
        again.say("hello again")
        assert again.json()["body"] == "hello again"
        again.vanish()
        emulator.advance(3600)
        emulator.settle()
        assert nothing_is_left_to_do(emulator)


# ── functions in JavaScript ─────────────────────────────────────────────────────────────────────

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


@needs_node
@pytest.mark.parametrize(("file", "asks"), [("index.js", BY_OPTIONS), ("index.mjs", BY_URL)])
def test_a_node_function_answers_at_the_address_that_its_event_names(aws, file, asks):
    websocket_api(aws, {"$default": node_function(aws, "answers", asks + ANSWERING, file=file)})
    client = aws.websocket()
    client.say("hello")
    assert client.hear() == "you said hello"
