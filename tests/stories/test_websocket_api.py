"""A chat room behind a WebSocket API, its handlers as they are on AWS; and work that a client does not wait for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.http_api_support import FUNCTION
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


def test_an_emulator_that_stops_ends_its_connections_and_forgets_them(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, port=0, frozen=True)
    with RunningEmulator(settings) as running:
        api = websocket_api(running)
        api.route("$default", api.function(echo(running)))
        client = api.connect()
        client.say("hello")
        number = client.json()["requestContext"]["connectionId"]
    with pytest.raises(Ended) as ended:
        client.hear()
    assert ended.value.code == 1012
    client.vanish()
    with RunningEmulator(settings) as running:
        again = WebSocketApi(running, running.client("apigatewayv2"), api.id)
        with pytest.raises(again.management().exceptions.GoneException):
            again.management().get_connection(ConnectionId=number)
        with again.talk() as back:
            back.say("hello again")
            assert back.json()["body"] == "hello again"
        running.advance(3600)
        running.settle()
        assert running.control("GET", "queue")["total"] == 0
