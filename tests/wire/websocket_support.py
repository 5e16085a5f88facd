"""What the tests of WebSocket APIs share: an API under construction, and a client that sees every frame."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wsproto import events

from emulator.testing import RunningEmulator
from emulator.testing.websocket import Closed as Ended
from emulator.testing.websocket import Refused, WebSocket
from tests.stuck import STUCK_SECONDS
from tests.wire.http_api_support import FUNCTION
from tests.wire.lambda_support import create, package

__all__ = ["ECHO", "Client", "Ended", "Refused", "WebSocketApi", "connect", "echo", "websocket_api"]

ECHO = """
import json, time

def handler(event, context):
    body = event.get("body") or "null"
    message = json.loads(body) if body[0] in "{[" else None
    do = message.get("do") if isinstance(message, dict) else None
    if do == "raise":
        raise ValueError("intended")
    if do == "sleep":
        time.sleep(message["for"])
    if do == "return":
        return message["what"]
    return {"statusCode": 200, "body": json.dumps(event)}
"""


class Client(WebSocket):
    """The harness's client, which can also say what a client should not; `connect` makes it."""

    def frames(self, parts: list[str]) -> None:
        """Send a text message in several frames."""
        for number, part in enumerate(parts):
            self.send(events.TextMessage(part, message_finished=number == len(parts) - 1))

    def send(self, event: events.Event) -> None:
        """Send anything: bytes, a ping, a close."""
        self._line.sendall(self._connection.send(event))

    def raw(self, data: bytes) -> None:
        """Send bytes that need not be frames."""
        self._line.sendall(data)

    def pong(self) -> bytes:
        """The payload of the next pong."""
        while True:
            event = self._next()
            if isinstance(event, events.Pong):
                return bytes(event.payload)

    def close_without_a_code(self) -> None:
        """Say goodbye by a close frame that says nothing, and wait for the answer."""
        self._connection.send(events.CloseConnection(code=1000))
        self._goodbye(b"\x88\x80\x00\x00\x00\x00")


def connect(
    url: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    host: str | None = None,
    subprotocols: Sequence[str] = (),
    receive_buffer: int | None = None,
) -> Client:
    """Connect to the emulator at `url`. Raises `Refused`."""
    port = urlsplit(url).port
    line = socket.socket()
    if receive_buffer is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    line.settimeout(STUCK_SECONDS)
    line.connect(("127.0.0.1", port))
    return Client.open(line, path, host or f"127.0.0.1:{port}", headers, subprotocols)


@dataclass
class WebSocketApi:
    """A WebSocket API under construction, with a stage `prod` that deploys itself."""

    emulator: RunningEmulator
    client: Any
    id: str

    def integration(self, **members: Any) -> str:
        return self.client.create_integration(ApiId=self.id, **members)["IntegrationId"]

    def function(self, name: str = "echo", **members: Any) -> str:
        return self.integration(**{"IntegrationType": "AWS_PROXY", "IntegrationUri": FUNCTION + name, **members})

    def route(self, key: str, integration: str | None = None, two_way: bool = True, **members: Any) -> str:
        target = {"Target": f"integrations/{integration}"} if integration is not None else {}
        made = self.client.create_route(ApiId=self.id, RouteKey=key, **target, **members)["RouteId"]
        if two_way and key not in ("$connect", "$disconnect"):
            self.client.create_route_response(ApiId=self.id, RouteId=made, RouteResponseKey="$default")
        return made

    def connect(self, path: str | None = None, **more: Any) -> Client:
        return connect(self.emulator.url, path or f"/_aws/execute-api/{self.id}/prod", **more)

    @contextmanager
    def talk(self, **more: Any) -> Iterator[Client]:
        client = self.connect(**more)
        try:
            yield client
        finally:
            client.vanish()

    def management(self, endpoint: str | None = None) -> Any:
        url = endpoint or f"{self.emulator.url}/_aws/execute-api/{self.id}/prod"
        return self.emulator.client("apigatewaymanagementapi", endpoint_url=url)


def websocket_api(emulator: RunningEmulator, stage: Mapping[str, Any] | None = None, **members: Any) -> WebSocketApi:
    """A new API without routes; its messages' member `action` names their route."""
    client = emulator.client("apigatewayv2")
    settings = {"Name": "talk", "ProtocolType": "WEBSOCKET", "RouteSelectionExpression": "$request.body.action"}
    made = client.create_api(**{**settings, **members})
    client.create_stage(ApiId=made["ApiId"], StageName="prod", AutoDeploy=True, **(stage or {}))
    return WebSocketApi(emulator, client, made["ApiId"])


def echo(emulator: RunningEmulator, name: str = "echo", code: str = ECHO, **more: Any) -> str:
    """A function that shows its event, and does what the message's `do` says."""
    create(emulator.client("lambda"), name, Code={"ZipFile": package(code)}, Runtime="python3.11", **more)
    return name
