"""A client of a WebSocket API, from the upgrade request to `$disconnect`: the file that shows a conversation."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from emulator import faults, jobs
from emulator.aws.apis import report
from emulator.aws.errors import NotEmulated
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.request_traces import RequestTrace
from emulator.aws.service import Context
from emulator.aws.sockets import EMULATOR_STOPS, Closed, Socket
from emulator.faults import Fault
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.apigateway.gateway.admission import Admission
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.gateway.snapshots import Snapshots
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.gateway.address import Address, address
from emulator.services.apigatewayv2.gateway.exchange import request_id_of
from emulator.services.apigatewayv2.gateway.throttling import Throttle
from emulator.services.apigatewayv2.model import DEFAULT, Document, endpoint, integration_id_of
from emulator.services.apigatewayv2.websocket import faulty, selection
from emulator.services.apigatewayv2.websocket.authorizing import Authorizing
from emulator.services.apigatewayv2.websocket.connections import GOING_AWAY, BufferFull, Connection, Connections
from emulator.services.apigatewayv2.websocket.exchange import CONNECTED, GONE, SAID, Exchange, Snapshot
from emulator.services.apigatewayv2.websocket.integrations import Integrations, Outcome, refusal
from emulator.services.apigatewayv2.websocket.records import record
from emulator.services.apigatewayv2.websocket_rules import CONNECT, DISCONNECT

EXPIRY = "apigatewayv2.connection"
"""The job that closes a connection which is idle or too old: there is one for each that is open."""
LOST = "apigatewayv2.lost_connection"
"""The job that tells `$disconnect` of a connection that ended because the emulator did."""
MOST_AT_WORK = 64
"""Messages of one connection whose integrations run; more wait in the client's socket (ours)."""
INTERNAL = "Internal server error"
BINARY = (1003, "Binary frames are not supported")
_STATUS = {
    "ACCESS_DENIED": 403,
    "BAD_REQUEST_BODY": 400,
    "BAD_REQUEST_PARAMETERS": 400,
    "INTEGRATION_FAILURE": 504,
    "INTEGRATION_TIMEOUT": 504,
    "INVALID_API_KEY": 403,
    "MISSING_AUTHENTICATION_TOKEN": 403,
    "QUOTA_EXCEEDED": 429,
    "THROTTLED": 429,
    "UNAUTHORIZED": 401,
    "UNSUPPORTED_MEDIA_TYPE": 415,
}
"""Of an upgrade request that fails; 500 for the others (REST APIs' statuses)."""
_REASONS = {1005: "Client-side close frame status not set", 1006: "Connection Closed Abnormally"}
"""What `disconnectReason` says where the client gave none [K]."""

Loaded = tuple[Snapshot, Document, tuple[str, str, str]]
Plain = Callable[[HttpRequest, Address], Awaitable[HttpResponse]]


class WebSocketPlane:
    """Converses with clients of WebSocket APIs; `plain` answers upgrade requests to other APIs, as requests."""

    def __init__(self, context: Context, lambda_operations: Any, plain: Plain, admission: Admission) -> None:
        self._context = context
        self._store = context.store
        self._clock = context.clock
        self._plain = plain
        self._authorizing = Authorizing(context, lambda_operations, admission)
        self._integrations = Integrations(context, lambda_operations)
        self._throttle = Throttle()
        self._snapshots = Snapshots(store.load_snapshot, Snapshot)
        self._at_work: set[asyncio.Task[None]] = set()
        """Messages whose integrations run, whether or not their connection is still there."""
        self.tell: Callable[[RequestTrace], None] | None = None
        """Called with what became of each event; for a console."""
        self.clients: AbstractContextManager[None] = nullcontext()
        """Entered while a client waits to be answered: for its connection, or for what a two-way route says."""
        self.connections = Connections()

    def match(self, host: str, path: str) -> Address | None:
        """Where the upgrade request goes, or None if it is not for a deployed API."""
        return address(host, path)

    def forget_cached(self) -> None:
        """Close every connection and drop what is kept in memory (after a reset)."""
        self.connections.forget()
        self._snapshots.forget()
        self._throttle.forget()

    async def handle(self, request: HttpRequest, match: Address) -> HttpResponse:
        """What a client gets that does not ask for an upgrade (the status is unverified)."""
        return _refusal(426, "Upgrade Required")

    # ── one connection ──

    async def converse(self, request: HttpRequest, match: Address, socket: Socket) -> None:
        """Serve a connection from its upgrade request to its end."""
        if not await self._store.read(lambda tx: store.is_websocket(tx, match.api_id)):
            await socket.refuse(await self._plain(request, match))
            return
        stage_name = match.mapped_stage or match.path.strip("/")
        loaded = await self._store.read(lambda tx: self._load(tx, match.api_id, stage_name))
        disabled = loaded is not None and loaded[0].api.settings.get("DisableExecuteApiEndpoint")
        if loaded is None or (disabled and not match.mapped_stage) or (match.mapped_stage and match.path != "/"):
            await socket.refuse(_refusal(403, "Forbidden"))
            return
        connection = self._connection(request, match, stage_name, loaded, socket)
        with self._clock.busy(f"WebSocket {connection.id} connects"), self.clients:
            if not await self._connect(connection, request, loaded):
                return
        ended = await self._listen(connection)
        self.connections.remove(connection)
        if ended.code == EMULATOR_STOPS and not connection.forgotten:
            return  # its row stays: the next start tells of its end
        await self._store.transact(lambda tx: jobs.cancel(tx, connection.id))
        if not connection.forgotten:
            with self._clock.busy(f"WebSocket {connection.id} disconnects"):
                await self._disconnect(connection, ended)

    def _connection(
        self, request: HttpRequest, where: Address, stage_name: str, loaded: Loaded, socket: Socket
    ) -> Connection:
        api, now = loaded[0].api, self._clock.now()
        own = endpoint(api.id, api.region, self._context.base_url).partition("://")[2]
        given = request.header("host")
        name = given if where.mapped_stage or given.lower().startswith(f"{api.id}.") else own
        port = int(name.rpartition(":")[2]) if ":" in name and name.rpartition(":")[2].isdigit() else 80
        agent = request.header("user-agent")
        number = request_id_of(loaded[2][2])
        return Connection(
            number, api.scope, api.id, stage_name, now, name, port, request.source_ip, agent, socket, None, now
        )

    async def _connect(self, connection: Connection, request: HttpRequest, loaded: Loaded) -> bool:
        exchange = self._exchange(connection, loaded, CONNECTED, CONNECT, request)
        outcome, failure = await self._follow(exchange, self._connected(exchange))
        if failure is not None:
            answer = _refusal(_status_of(failure), failure.message or INTERNAL)
        elif not 200 <= outcome.status < 300:
            answer = refusal(outcome)
        else:
            chosen = [value for name, value in outcome.headers if name.lower() == "sec-websocket-protocol"]
            protocol = chosen[0] if chosen and chosen[0] in _offered(request) else None
            await self._store.transact(lambda tx: _expect_end(tx, connection))
            await connection.socket.accept(protocol)
            self.connections.add(connection)
            return True
        await connection.socket.refuse(answer)
        return False

    async def _connected(self, exchange: Exchange) -> Outcome:
        fault = await faulty.strike(self._context, exchange.connection, CONNECT)
        if fault is not None:
            raise Failure("INTEGRATION_FAILURE", fault.message or INTERNAL, fault.status, reason="the fault plan")
        if not self._throttle.admits_to(
            exchange.stage, exchange.connection.api_id, exchange.connection.stage_name, CONNECT, exchange.now
        ):
            raise Failure("THROTTLED")
        await self._authorizing.authorize(exchange)
        return await self._integrate(exchange, two_way=False)

    async def _listen(self, connection: Connection) -> Closed:
        """Serve messages until the connection is over. A message does not wait for the one before it, as on AWS."""
        places = asyncio.Semaphore(MOST_AT_WORK)
        while True:
            said = await connection.socket.receive()
            if isinstance(said, Closed):
                return said
            if connection.closed_by_us is not None:
                continue
            connection.last_active_at = self._clock.now()
            if isinstance(said, bytes):
                connection.close(*BINARY)  # [D: websocket-api-develop-binary-media-types]
                continue
            await places.acquire()
            task = asyncio.create_task(self._serve(connection, said, places))
            self._at_work.add(task)
            task.add_done_callback(self._at_work.discard)

    async def _serve(self, connection: Connection, said: str, places: asyncio.Semaphore) -> None:
        try:
            with self._clock.busy(f"WebSocket {connection.id} message"):
                await self._message(connection, said)
        except Exception:
            report(f"WebSocket {connection.id}")
        finally:
            places.release()

    async def _message(self, connection: Connection, said: str) -> None:
        loaded = await self._store.read(lambda tx: self._load(tx, connection.api_id, connection.stage_name))
        if loaded is None:
            connection.close(*GOING_AWAY)
            return
        snapshot = loaded[0]
        key = selection.route_key(snapshot.api.settings["RouteSelectionExpression"], said)
        if key in (None, CONNECT, DISCONNECT) or key not in snapshot.routes:
            key = DEFAULT
        request = HttpRequest(SAID, f"/{key}", "", [], said.encode("utf-8", "surrogatepass"), connection.source_ip)
        fault = await faulty.strike(self._context, connection, key)
        if fault is not None and fault.fault == faults.LOST:
            return
        if fault is not None and fault.fault == faults.CRASH:
            connection.close(*GOING_AWAY)
            return
        exchange = self._exchange(connection, loaded, SAID, key, request)
        with self.clients if self._is_two_way(exchange) else nullcontext():
            outcome, failure = await self._follow(exchange, self._answered(exchange, fault))
        try:
            if failure is not None:
                connection.send(_frame(failure, exchange))
            elif self._is_two_way(exchange) and outcome.body:
                connection.send(outcome.body.decode("utf-8", "replace"))
        except BufferFull:
            exchange.trace.problem = "The client does not read: the answer is lost"

    async def _answered(self, exchange: Exchange, fault: Fault | None) -> Outcome:
        connection = exchange.connection
        if fault is not None:
            raise Failure("INTEGRATION_FAILURE", fault.message, fault.status, reason="the fault plan")
        if not exchange.taken:
            raise Failure("INVALID_API_KEY", "Forbidden", reason="No route for the message, and no $default route")
        if not self._throttle.admits_to(
            exchange.stage, connection.api_id, connection.stage_name, exchange.key, exchange.now
        ):
            raise Failure("THROTTLED")
        _validate(exchange)
        return await self._integrate(exchange, self._is_two_way(exchange))

    async def _disconnect(self, connection: Connection, ended: Closed) -> None:
        loaded = await self._store.read(lambda tx: self._load(tx, connection.api_id, connection.stage_name))
        if loaded is None or DISCONNECT not in loaded[0].routes:
            return
        code, reason = connection.closed_by_us or (ended.code, ended.reason)
        request = HttpRequest(GONE, f"/{DISCONNECT}", "", [], b"", connection.source_ip)
        exchange = self._exchange(connection, loaded, GONE, DISCONNECT, request)
        exchange.ended = (code, reason or _REASONS.get(code, ""))
        await self._follow(exchange, self._integrate(exchange, two_way=False))

    # ── one event ──

    def _exchange(self, connection: Connection, loaded: Loaded, kind: str, key: str, request: HttpRequest) -> Exchange:
        snapshot, stage, ids = loaded
        trace = RequestTrace(self._clock.now, "WEBSOCKET", request, request_id_of(ids[0]))
        trace.api_id, trace.stage, trace.route = connection.api_id, connection.stage_name, key
        trace.api_name, trace.method = str(snapshot.api.settings.get("Name", "")), kind
        return Exchange(connection, snapshot, stage, kind, key, request, ids, trace)

    async def _follow(self, exchange: Exchange, work: Awaitable[Outcome]) -> tuple[Outcome, Failure | None]:
        """What became of an event, taken down."""
        failure: Failure | None = None
        outcome = Outcome(200)
        with self._context.traces.following(exchange.trace):
            try:
                outcome = await work
            except Failure as problem:
                failure = problem
            except NotEmulated as missing:
                failure = Failure(
                    "API_CONFIGURATION_ERROR", f"{missing.service}.{missing.operation} is not emulated", 501
                )
            status = outcome.status if failure is None else _status_of(failure)
            if failure is not None:
                exchange.trace.problem = failure.reason or failure.message or failure.kind
                exchange.trace.add("failure", message=failure.message, reason=exchange.trace.problem)
            exchange.trace.end(HttpResponse(status, [], outcome.body))
            record(self._context, exchange, status, failure)
        if self.tell is not None:
            self.tell(exchange.trace)
        return outcome, failure

    async def _integrate(self, exchange: Exchange, two_way: bool) -> Outcome:
        """The integration's answer; a route without one agrees to everything."""
        identifier = integration_id_of(exchange.taken.get("Target"))
        if identifier is None:
            return Outcome(200)
        integration = exchange.deployed.api.integrations.get(identifier)
        if integration is None:
            raise Failure("API_CONFIGURATION_ERROR", reason="The route's integration does not exist")
        return await self._integrations.call(exchange, integration, two_way)

    def _is_two_way(self, exchange: Exchange) -> bool:
        return bool(exchange.deployed.api.route_responses.get(exchange.taken.get("RouteId", "")))

    def _load(self, tx: Transaction, api_id: str, stage_name: str) -> Loaded | None:
        stage = store.load_stage(tx, api_id, stage_name)
        deployment = stage.get("DeploymentId") if stage is not None else None
        if stage is None or deployment is None:
            return None
        snapshot = self._snapshots.find(tx, api_id, deployment)
        if snapshot is None:
            return None
        return snapshot, stage, (tx.new_id(), tx.new_id(), tx.new_id())

    async def start(self) -> None:
        """Connections that were open when an earlier emulator stopped, or was killed, have ended."""
        await self._store.transact(_lose)

    async def lost(self, job: Job) -> None:
        """Tell `$disconnect` of a connection that an emulator before this one had."""
        connection = Connection.of_row(job.payload)
        with self._clock.busy(f"WebSocket {connection.id} disconnects"):
            await self._disconnect(connection, Closed(*GOING_AWAY))
        await self._store.transact(lambda tx: jobs.complete(tx, job.id))

    async def expire(self, job: Job) -> None:
        """Close a connection that is idle or too old; look again later at one that is not yet."""
        connection = self.connections.get(job.payload["connection"])
        now = self._clock.now()
        if connection is not None and now < connection.ends_at():
            due_at = connection.ends_at()
            await self._store.transact(lambda tx: jobs.reschedule(tx, job.id, due_at))
            return
        if connection is not None:
            connection.close(*GOING_AWAY)
        await self._store.transact(lambda tx: jobs.complete(tx, job.id))


def _expect_end(tx: Transaction, connection: Connection) -> None:
    jobs.enqueue(tx, EXPIRY, connection.row(), connection.ends_at(), key=connection.id, owner=connection.id)


def _lose(tx: Transaction) -> None:
    while expected := jobs.pending(tx, EXPIRY):
        for job in expected:
            jobs.complete(tx, job.id)
            if "api_id" in job.payload:  # else it was written before rows said whose connection it is
                jobs.enqueue(tx, LOST, job.payload, owner=job.owner)


def _validate(exchange: Exchange) -> None:
    """Raise `Bad request body` unless the message fits the model that the route selects [D: …-request-validation]."""
    expression = exchange.taken.get("ModelSelectionExpression")
    if not expression:
        return
    name = selection.schema_name(exchange.taken.get("RequestModels") or {}, expression, exchange.message)
    schema = exchange.deployed.schema(name) if name is not None else None
    try:
        valid = schema is not None and schema.is_valid(json.loads(exchange.message))
    except (ValueError, RecursionError):
        valid = False
    if not valid:
        raise Failure("BAD_REQUEST_BODY", "Bad request body", reason=f"The message does not match the model {name}")


def _frame(failure: Failure, exchange: Exchange) -> str:
    """What the client hears of a message that came to nothing; blanks as AWS sets them [K]."""
    ids = f'"connectionId":"{exchange.connection.id}", "requestId":"{exchange.request_id}"'
    return f'{{"message": {json.dumps(failure.message or INTERNAL)}, {ids}}}'


def _status_of(failure: Failure) -> int:
    return failure.status or _STATUS.get(failure.kind, 500)


def _refusal(status: int, message: str) -> HttpResponse:
    body = json.dumps({"message": message}, separators=(",", ":")).encode()
    return HttpResponse(status, [("Content-Type", "application/json")], body)


def _offered(request: HttpRequest) -> list[str]:
    return [part.strip() for part in request.header("sec-websocket-protocol").split(",")]
