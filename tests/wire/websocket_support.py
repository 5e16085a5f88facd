"""What the tests of WebSocket APIs share: an API under construction, and a client that sees every frame."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection, events
from wsproto.utilities import RemoteProtocolError

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS
from tests.wire.http_api_support import FUNCTION
from tests.wire.lambda_support import create, package

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


class Refused(Exception):
    """The upgrade was answered like a request."""

    def __init__(self, status: int, body: bytes) -> None:
        super().__init__(f"{status} {body!r}")
        self.status = status
        self.body = body


class Ended(Exception):
    """The server closed the connection."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class Client:
    """One connection; `connect` makes it."""

    def __init__(self, line: socket.socket, connection: WSConnection) -> None:
        self._line = line
        self._connection = connection
        self._arrived: list[Any] = []
        self.subprotocol: str | None = None

    def say(self, message: Any) -> None:
        """Send a text message: text, or JSON."""
        self.frames([message if isinstance(message, str) else json.dumps(message)])

    def frames(self, parts: list[str]) -> None:
        """Send a text message in several frames."""
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            self._line.sendall(self._connection.send(events.TextMessage(part, message_finished=last)))

    def send(self, event: events.Event) -> None:
        """Send anything: bytes, a ping, a close."""
        self._line.sendall(self._connection.send(event))

    def raw(self, data: bytes) -> None:
        """Send bytes that need not be frames."""
        self._line.sendall(data)

    def hear(self) -> str:
        """The next message. Raises `Ended` if there is none any more."""
        text = ""
        while True:
            event = self._next()
            if isinstance(event, events.TextMessage):
                text += event.data
                if event.message_finished:
                    return text
            elif isinstance(event, events.CloseConnection):
                if self._connection.state.name == "REMOTE_CLOSING":
                    self._line.sendall(self._connection.send(event.response()))
                raise Ended(event.code, event.reason or "")

    def json(self) -> Any:
        """The next message, read."""
        return json.loads(self.hear())

    def pong(self) -> bytes:
        """The payload of the next pong."""
        while True:
            event = self._next()
            if isinstance(event, events.Pong):
                return bytes(event.payload)

    def close(self, code: int | None = 1000, reason: str = "") -> None:
        """Say goodbye, and wait for the answer."""
        if code is None:  # a close frame that says nothing
            self._connection.send(events.CloseConnection(code=1000))
            self._line.sendall(b"\x88\x80\x00\x00\x00\x00")
        else:
            self._line.sendall(self._connection.send(events.CloseConnection(code=code, reason=reason or None)))
        try:
            while True:
                self._next()
        except (Ended, OSError, RemoteProtocolError):
            pass
        self._line.close()

    def vanish(self) -> None:
        """Leave without a word."""
        self._line.close()

    def _next(self) -> Any:
        while not self._arrived:
            data = self._line.recv(65536)
            if not data:
                raise Ended(1006, "the line is cut")
            self._connection.receive_data(data)
            self._arrived.extend(self._connection.events())
        return self._arrived.pop(0)


def connect(
    url: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    host: str | None = None,
    subprotocols: list[str] | None = None,
    receive_buffer: int | None = None,
) -> Client:
    """Connect to the emulator at `url`. Raises `Refused`."""
    parts = urlsplit(url)
    assert parts.port is not None
    line = socket.socket()
    if receive_buffer is not None:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    line.settimeout(STUCK_SECONDS)
    line.connect(("127.0.0.1", parts.port))
    connection = WSConnection(ConnectionType.CLIENT)
    extra = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    asked = events.Request(
        host=host or f"127.0.0.1:{parts.port}", target=path, extra_headers=extra, subprotocols=subprotocols or []
    )
    line.sendall(connection.send(asked))
    client = Client(line, connection)
    status, body = 0, b""
    while True:
        event = client._next()
        if isinstance(event, events.AcceptConnection):
            client.subprotocol = event.subprotocol
            return client
        if isinstance(event, events.RejectConnection):
            status = event.status_code
            if not event.has_body:
                break
        if isinstance(event, events.RejectData):
            body += event.data
            if event.body_finished:
                break
    line.close()
    raise Refused(status, body)


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
