"""`aws.websocket()`: a client of a deployed WebSocket API, found like any API, and what it says when nothing comes."""

from __future__ import annotations

import socket

import pytest
from wsproto import ConnectionType, WSConnection

from emulator.testing import AsyncEmulator, Emulator, websocket
from emulator.testing.aws import Aws
from emulator.testing.clock import Clock
from emulator.testing.servers import HarnessError
from emulator.testing.websocket import Closed, Refused, WebSocket
from tests.testing.functions import create

SOURCE = """
import json, time, boto3

def handler(event, context):
    where, said = event["requestContext"], event.get("body")
    if where["routeKey"] == "$connect":
        return {"statusCode": 403 if "refuse" in (event.get("queryStringParameters") or {}) else 200}
    clients = boto3.client("apigatewaymanagementapi", endpoint_url=f"https://{where['domainName']}/{where['stage']}")
    if said == "sleep":
        time.sleep(5)
    if said == "twice":
        clients.post_to_connection(ConnectionId=where["connectionId"], Data=b"once")
    if said == "end":
        clients.delete_connection(ConnectionId=where["connectionId"])
    return {"statusCode": 200, "body": said}
"""


@pytest.fixture
def api(aws: Aws) -> str:
    """A WebSocket API, the only one: it answers a message with that message."""
    made = aws.apigatewayv2.create_api(
        Name="talk", ProtocolType="WEBSOCKET", RouteSelectionExpression="$request.body.action"
    )
    where = {"ApiId": made["ApiId"]}
    answered = aws.apigatewayv2.create_integration(
        **where, IntegrationType="AWS_PROXY", IntegrationUri=create(aws, "talk", SOURCE)
    )["IntegrationId"]
    for key in ("$connect", "$default"):
        route = aws.apigatewayv2.create_route(**where, RouteKey=key, Target=f"integrations/{answered}")["RouteId"]
    aws.apigatewayv2.create_route_response(**where, RouteId=route, RouteResponseKey="$default")
    aws.apigatewayv2.create_stage(**where, StageName="prod", AutoDeploy=True)
    return made["ApiId"]


def test_the_only_api_is_found_and_others_by_their_addresses(aws: Aws, api: str) -> None:
    here = aws.url.removeprefix("http://")
    of_aws = f"wss://{api}.execute-api.us-east-1.amazonaws.com/prod"
    for address in ("/", of_aws, f"ws://{here}/_aws/execute-api/{api}/prod"):
        with aws.websocket(address) as client:
            client.say({"n": 1})
            assert client.json() == {"n": 1}


def test_an_api_that_there_is_not_is_named(aws: Aws) -> None:
    with pytest.raises(HarnessError, match="needs one deployed stage of a WebSocket API; there are: none"):
        aws.websocket()


def test_an_api_that_takes_nobody_answers_why(aws: Aws, api: str) -> None:
    with pytest.raises(Refused) as refused:
        aws.websocket(params={"refuse": "1"})
    assert refused.value.status == 403


def test_everything_that_was_said_up_to_now_is_heard_and_no_more(aws: Aws, emulator: Emulator, api: str) -> None:
    client = aws.websocket()
    assert client.heard() == []
    client.say("twice")
    emulator.settle()
    assert client.heard() == ["once", "twice"]


def test_time_moves_while_a_client_waits_for_its_answer(aws: Aws, clock: Clock, api: str) -> None:
    client = aws.websocket()
    began = clock.now()
    client.say("sleep")
    assert client.hear() == "sleep"
    assert round(clock.now() - began) == 5


def test_an_end_that_the_api_made_is_told_to_who_listens(aws: Aws, api: str) -> None:
    client = aws.websocket()
    client.say("end")
    with pytest.raises(Closed):
        while client.hear() != "never":
            pass


def test_the_end_of_the_world_ends_its_conversations(aws: Aws, api: str) -> None:
    client = aws.websocket()
    aws.close()
    with pytest.raises(OSError):
        client.say("anybody?")


def test_who_waits_for_what_does_not_come_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "WAIT_SECONDS", 0.01)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(websocket.WAIT_SECONDS)
        with pytest.raises(HarnessError, match=r"within 0\.01 s of this machine's time.*`emulator\.settle\(\)`"):
            WebSocket(ours, WSConnection(ConnectionType.CLIENT)).hear()


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_same_awaited(async_emulator: AsyncEmulator, api: str) -> None:
    async with async_emulator.websocket(params={"name": "ann"}) as client:
        await client.say("hello")
        assert await client.hear() == "hello"
        await client.say({"n": 1})
        assert (await client.json(), await client.heard(), client.subprotocol) == ({"n": 1}, [], None)
        await client.vanish()
