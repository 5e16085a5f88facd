"""The one ASGI callable: lets a request in, finds out what it is for, and writes the answer.

Order: control plane, data planes of deployed APIs, AWS APIs; a WebSocket is for data planes only. It decides how large
and how slow a request may be; who may come in is admission.py's. It knows no service: AWS APIs answer in apis.py.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from emulator.aws.addressing import host_name
from emulator.aws.admission import Admission
from emulator.aws.apis import AwsApis, as_json, missing_text, report
from emulator.aws.errors import NotEmulated
from emulator.aws.http import BrokenStream, HttpRequest, HttpResponse
from emulator.aws.service import Services
from emulator.aws.sockets import Socket, SocketPlane
from emulator.ports import Clock, SupportingServices
from emulator.settings import Settings

AsgiScope = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[MutableMapping[str, Any]]]
AsgiSend = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[AsgiScope, AsgiReceive, AsgiSend], Awaitable[None]]

_NOBODY_CALLS = nullcontext()
LARGEST_BODY_BYTES = 100 * 1024 * 1024
LARGEST_HEADERS_BYTES = 64 * 1024
KEY_LENGTH = 24
"""Of a Sec-WebSocket-Key: 16 bytes in base64 (RFC 6455)."""
BODY_WAIT_SECONDS = 60.0
"""Host time without a single byte of an announced body."""


class DataPlane(Protocol):
    """Answers requests to what users have deployed, such as the routes of an API.

    One whose attribute `guarded` is true answers those only who may reach the control planes.
    """

    def match(self, host: str, path: str) -> Any | None:
        """What the data plane needs to answer, or None if the request is not its own; `path` as sent."""
        ...

    async def handle(self, request: HttpRequest, match: Any) -> HttpResponse:
        """Answer a request that matched."""
        ...


class WholeExchange(Protocol):
    """A server's short way for what is whole (adapters/whole_exchange.py), in `scope["whole"]`."""

    def body(self) -> bytes | None:
        """The body, if all of it has arrived."""
        ...

    def answer(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> bool:
        """Send a complete answer, or False: then it must be sent piece by piece."""
        ...

    def head(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """Send the head of an answer whose body follows piece by piece."""
        ...


class NamedHosts(NamedTuple):
    """Hosts whose names users have chosen: a name is known only to the store, so that finding it takes a read."""

    find: Callable[[str, HttpRequest], Awaitable[Any | None]]
    """(host, the request without its body) → what `plane.handle` needs, or None if the name is nobody's."""
    plane: DataPlane


class Edge:
    """The emulator as an ASGI application."""

    def __init__(
        self,
        services: Services,
        supporting: SupportingServices,
        clock: Clock,
        settings: Settings,
        control: AsgiApp,
        data_planes: Sequence[DataPlane] = (),
        socket_planes: Sequence[SocketPlane] = (),
        lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None,
        calling: Callable[[str], AbstractAsyncContextManager[None]] = nullcontext,
        request_ids: Callable[[], str] | None = None,
        named_hosts: NamedHosts | None = None,
        clients: AbstractContextManager[None] = _NOBODY_CALLS,
    ) -> None:
        """`clients` is entered while a request from outside is answered: no function waits for that, a person does."""
        self._clock = clock
        self._named_hosts = named_hosts
        self._apis = AwsApis(services, supporting, clock, settings.region, request_ids)
        self._control = control
        self._data_planes = data_planes
        self._socket_planes = socket_planes
        self._lifespan = lifespan
        self._calling = calling
        self._clients = clients
        self._admission = Admission(settings)
        self.requests = 0
        """How many have come in so far."""

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """Serve one ASGI scope: `http`, `websocket` or `lifespan`."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self._websocket(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _serve_lifespan(self._lifespan, receive, send)

    async def _http(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        self.requests += 1
        request = _request_of(scope)
        whole: WholeExchange | None = scope.get("whole")
        if request.head_size() > LARGEST_HEADERS_BYTES:
            await _send(send, whole, _refusal(431, "Request header fields are too large."))
            return
        if _is_control(request.path):
            problem = self._admission.problem(request, navigation=True)
            if problem is not None:
                await _send(send, whole, _refusal(403, problem))
            else:
                await self._control(scope, receive, send)
            return
        host = host_name(request.header("host"))
        for plane in self._data_planes:
            match = plane.match(host, request.path)
            if match is not None:
                break
        else:
            plane, match = await self._named(host, request)
        if plane is None or getattr(plane, "guarded", False):
            problem = self._admission.problem(request)
            if problem is not None:
                await _send(send, whole, _refusal(403, problem))
                return
        body = whole.body() if whole is not None else None
        if body is None:
            body = await _read_body(request, receive)
            if isinstance(body, HttpResponse):
                await _send(send, whole, body)
                return
            if body is None:
                return
        request.body = body
        request.disconnected = lambda: _disconnected(receive)
        token = request.header("x-amz-security-token")
        if token:
            async with self._calling(token):
                answer = await self._answer(plane, request, match)
        else:
            with self._clients:
                answer = await self._answer(plane, request, match)
        await _send(send, whole, answer, request.method == "HEAD")

    async def _named(self, host: str, request: HttpRequest) -> tuple[DataPlane | None, Any]:
        """Who answers for a host that a user has named. Addresses of the AWS APIs are never asked for."""
        if self._named_hosts is None or "." not in host or host[-1].isdigit():
            return None, None
        match = await self._named_hosts.find(host, request)
        return (self._named_hosts.plane, match) if match is not None else (None, None)

    async def _websocket(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """A conversation with what users have deployed. Nothing else has any: control planes refuse (THREATS).

        Which page a browser has open does not matter, as on AWS: an API that cares asks its authorizer or `$connect`.
        """
        socket = Socket(receive, send)
        request = _request_of({**scope, "method": "GET", "scheme": "https" if scope["scheme"] == "wss" else "http"})
        if request.head_size() > LARGEST_HEADERS_BYTES:
            await socket.refuse(_refusal(431, "Request header fields are too large."))
            return
        if len(request.header("sec-websocket-key").strip()) != KEY_LENGTH:
            await socket.refuse(_refusal(400, "The Sec-WebSocket-Key is none."))
            return
        plane, match = await self._socket_plane(request)
        if plane is not None:
            try:
                await plane.converse(request, match, socket)
            except Exception:
                report(f"WebSocket {request.path}")
            return
        await socket.refuse(_refusal(403, "There is no WebSocket API at this address."))

    async def _socket_plane(self, request: HttpRequest) -> tuple[SocketPlane | None, Any]:
        """Who converses at an address; a custom domain name may lead to one that only answers requests."""
        if _is_control(request.path):
            return None, None
        host = host_name(request.header("host"))
        for plane in self._socket_planes:
            match = plane.match(host, request.path)
            if match is not None:
                return plane, match
        _, named = await self._named(host, request)
        if named is None:
            return None, None
        plane, match = named
        return (plane, match) if hasattr(plane, "converse") else (None, None)

    async def _answer(self, plane: DataPlane | None, request: HttpRequest, match: Any) -> HttpResponse:
        if plane is None:
            return await self._apis.answer(request)
        with self._clock.busy(f"{request.method} {request.path[:100]}"):
            try:
                return await plane.handle(request, match)
            except NotEmulated as missing:
                return as_json(501, {"message": missing_text(missing)}, [("x-emulator-error", "not-emulated")])
            except Exception:
                report(f"{request.method} {request.path}")
                return as_json(500, {"message": "Internal server error"}, [])


def _is_control(path: str) -> bool:
    return path.startswith("/_emulator") or path == "/_localstack/health"


# ── reading and writing ─────────────────────────────────────────────────────────────────────────


def _request_of(scope: AsgiScope) -> HttpRequest:
    raw = scope.get("raw_headers") or scope["headers"]
    raw_path = scope.get("raw_path")
    client = scope.get("client")
    return HttpRequest(
        method=scope["method"],
        path=(raw_path.partition(b"?")[0] if raw_path else scope["path"].encode()).decode("latin-1"),
        query=scope.get("query_string", b"").decode("latin-1"),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw],
        source_ip=client[0] if client else "127.0.0.1",
        scheme=scope.get("scheme", "http"),
        http_version=scope.get("http_version", "1.1"),
    )


async def _read_body(request: HttpRequest, receive: AsgiReceive) -> bytes | HttpResponse | None:
    """The body; an answer if it is too large or never comes; None if the client has gone."""
    announced = request.header("content-length")
    if announced.isdigit() and (len(announced) > 15 or int(announced) > LARGEST_BODY_BYTES):
        return _refusal(413, f"Request must be smaller than {LARGEST_BODY_BYTES} bytes", close=True)
    chunks: list[bytes] = []
    size = 0
    while True:
        try:
            async with asyncio.timeout(BODY_WAIT_SECONDS):
                message = await receive()
        except TimeoutError:
            return _refusal(408, "The request body did not arrive in time.", close=True)
        if message["type"] == "http.disconnect":
            return None
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > LARGEST_BODY_BYTES:
            return _refusal(413, f"Request must be smaller than {LARGEST_BODY_BYTES} bytes", close=True)
        if not message.get("more_body", False):
            return chunk if not chunks else b"".join([*chunks, chunk])
        chunks.append(chunk)


async def _disconnected(receive: AsgiReceive) -> None:
    """Return once the client has gone; the body has been read."""
    while (await receive())["type"] != "http.disconnect":
        pass


_CONTROL_CHARACTERS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NO_NAME = re.compile(r'[\x00-\x20\x7f()<>@,;:\[\]={}\\"]')


async def _send(send: AsgiSend, whole: WholeExchange | None, response: HttpResponse, head: bool = False) -> None:
    """Write an answer; one to HEAD may say itself how long the body would be."""
    headers = [(_header_name(name), _header_bytes(value)) for name, value in response.headers]
    if response.stream is not None:
        await _send_head(send, whole, response.status, headers)
        await _send_stream(send, response.stream)
        return
    body = b"" if response.status in (204, 304) else response.body
    if response.status not in (204, 304) and not (head and any(n.lower() == b"content-length" for n, _ in headers)):
        headers.append((b"Content-Length", b"%d" % len(body)))
    if whole is not None and whole.answer(response.status, headers, body):
        return
    await _send_head(send, whole, response.status, headers)
    await send({"type": "http.response.body", "body": body})


async def _send_head(
    send: AsgiSend, whole: WholeExchange | None, status: int, headers: list[tuple[bytes, bytes]]
) -> None:
    """Begin an answer; a server without the short way writes its names in lower case, as ASGI has it."""
    if whole is not None:
        whole.head(status, headers)
        return
    lower = [(name.lower(), value) for name, value in headers]
    await send({"type": "http.response.start", "status": status, "headers": lower})


async def _send_stream(send: AsgiSend, stream: AsyncGenerator[bytes]) -> None:
    """Send each piece at once. A stream that breaks leaves the chunked body without its end, as a broken one must."""
    try:
        async for piece in stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except BrokenStream:
        return
    finally:
        await stream.aclose()
    await send({"type": "http.response.body", "body": b""})


@lru_cache(maxsize=1024)
def _header_name(name: str) -> bytes:
    """As it is sent: in the spelling of whoever named it. Raises ValueError for what cannot be a name."""
    if _NO_NAME.search(name):
        raise ValueError(f"{name!r} cannot be the name of a header")
    return name.encode("latin-1", "replace")


def _header_bytes(value: str) -> bytes:
    if value.isascii() and value.isprintable():
        return value.encode("ascii")
    clean = _CONTROL_CHARACTERS.sub(" ", value)
    try:
        return clean.encode("latin-1")
    except UnicodeEncodeError:
        return clean.encode("utf-8", "replace")


async def _serve_lifespan(
    lifespan: Callable[[], AbstractAsyncContextManager[None]] | None, receive: AsgiReceive, send: AsgiSend
) -> None:
    await receive()
    context = lifespan() if lifespan is not None else None
    if context is not None:
        try:
            await context.__aenter__()
        except Exception as problem:
            await send({"type": "lifespan.startup.failed", "message": str(problem)})
            return
    await send({"type": "lifespan.startup.complete"})
    await receive()
    if context is not None:
        await context.__aexit__(None, None, None)
    await send({"type": "lifespan.shutdown.complete"})


# ── answers that no service gives ───────────────────────────────────────────────────────────────


def _refusal(status: int, text: str, close: bool = False) -> HttpResponse:
    headers = [("Connection", "close")] if close else []
    return as_json(status, {"message": text}, [*headers, ("x-emulator-error", "refused")])
