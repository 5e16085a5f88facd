"""`@connections`: what a backend may do to a connection (boto3 `apigatewaymanagementapi`), and where it is asked.

The same operations answer at the API's own address (`https://{api}…/{stage}/@connections/{id}`), in its path form, and
at the plain endpoint, where the stage may be left out: connection ids are unique.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple
from urllib.parse import unquote

from emulator import faults
from emulator.aws.apis import as_json
from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.http_payload import access_key
from emulator.aws.scope import Scope
from emulator.aws.service import Context, Service
from emulator.services.apigatewayv2.gateway.address import address
from emulator.services.apigatewayv2.websocket import faulty
from emulator.services.apigatewayv2.websocket.connections import GOING_AWAY, BufferFull, Connection, Connections
from emulator.services.apigatewayv2.websocket.records import count_message

NAME = "apigatewaymanagementapi"
LARGEST_MESSAGE = 128 * 1024
_PATH = re.compile(r"(?:/([^/]+))?(/(?:@|%40)connections/([^/]+))", re.IGNORECASE)


class Management:
    """The operations of the service."""

    def __init__(self, context: Context, connections: Connections) -> None:
        self._context = context
        self._connections = connections

    def service(self) -> Service:
        """As the edge knows it."""
        operations = {
            "PostToConnection": self.post_to_connection,
            "GetConnection": self.get_connection,
            "DeleteConnection": self.delete_connection,
        }
        return Service(NAME, self._context.store, operations)

    async def post_to_connection(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Send a message to the client. It is on its way when this returns."""
        connection = self._connection(request)
        data: bytes = request["Data"]
        if len(data) > LARGEST_MESSAGE:
            raise AwsError("PayloadTooLargeException", "Message too long", 413)
        fault = await faulty.strike(self._context, connection, faults.POSTED)
        if fault is not None and fault.fault == faults.ERROR:
            raise AwsError(fault.error or "GoneException", fault.message, 410 if not fault.error else fault.status)
        if fault is not None:
            if fault.fault == faults.CRASH:
                connection.close(*GOING_AWAY)
            return {}
        try:
            connection.send(_as_text(data))
        except BufferFull:
            raise AwsError("LimitExceededException", "The client side buffer is full", 429) from None
        connection.last_active_at = self._context.clock.now()
        count_message(self._context, connection.scope, connection.api_id, connection.stage_name)
        return {}

    async def get_connection(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Who is connected, and since when."""
        connection = self._connection(request)
        return {
            "ConnectedAt": float(int(connection.connected_at)),
            "Identity": {"SourceIp": connection.source_ip, "UserAgent": connection.user_agent},
            "LastActiveAt": float(int(connection.last_active_at)),
        }

    async def delete_connection(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Disconnect the client."""
        # The code and reason that AWS closes with are unverified.
        self._connection(request).close(1000, "Connection Closed Normally")
        return {}

    def _connection(self, request: dict[str, Any]) -> Connection:
        found = self._connections.get(request["ConnectionId"])
        if found is None:
            raise AwsError("GoneException", "", 410)
        return found


class _Asked(NamedTuple):
    """A request about a connection; API and stage are empty where the address does not tell."""

    api_id: str
    stage_name: str
    path: str
    connection_id: str


class ManagementPlane:
    """Recognises `@connections` wherever it is asked for, and hands it to the service."""

    guarded = True
    """The edge lets in only who may reach the control planes."""

    def __init__(self, context: Context, connections: Connections) -> None:
        self._apis = context.apis
        self._connections = connections

    def match(self, host: str, path: str) -> _Asked | None:
        """What is asked, or None."""
        if "connections/" not in path:
            return None
        where = address(host, path)
        found = _PATH.fullmatch(where.path if where is not None else path)
        if found is None:
            return None
        stage, inner, connection_id = found.groups()
        return _Asked(where.api_id if where is not None else "", unquote(stage or ""), inner, unquote(connection_id))

    async def handle(self, request: HttpRequest, match: _Asked) -> HttpResponse:
        """The service's answer; AWS's 403 for who does not sign, or asks at another API or stage."""
        if access_key(request) is None:
            return _forbidden("Missing Authentication Token", "MissingAuthenticationTokenException")
        connection = self._connections.get(match.connection_id)
        own = connection is None or (connection.api_id, connection.stage_name) == (match.api_id, match.stage_name)
        if match.api_id and not (own and match.stage_name):
            return _forbidden("Forbidden", "ForbiddenException")
        request.path = match.path.replace("%40", "@", 1)
        return await self._apis.answer(request)


def _forbidden(text: str, code: str) -> HttpResponse:
    return as_json(403, {"message": text}, [("x-amzn-ErrorType", code)])


def _as_text(data: bytes) -> str | bytes:
    """A text frame, as AWS sends; what is no text cannot be one and goes as it is (unverified)."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data
