"""The one ASGI callable: lets a request in, finds out what it is for, and writes the answer.

Order: control plane, data planes of deployed APIs, AWS APIs. It decides who may come in (`Admission`), how large and
how slow a request may be, and what becomes of exceptions. It knows no service: operations are found by name, bytes
are protocol.py's, addresses addressing.py's.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import re
import sys
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, nullcontext
from typing import Any, Protocol
from urllib.parse import urlsplit

from emulator.aws.addressing import Address, address_of, host_name
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.http import BrokenStream, HttpRequest, HttpResponse
from emulator.aws.protocol import ServiceModel, load_service, serialize_error, service_names
from emulator.aws.protocol.compression import unpack_request
from emulator.aws.service import Service, Services
from emulator.ports import Clock, SupportingServices
from emulator.settings import Settings

AsgiScope = MutableMapping[str, Any]
AsgiReceive = Callable[[], Awaitable[MutableMapping[str, Any]]]
AsgiSend = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[AsgiScope, AsgiReceive, AsgiSend], Awaitable[None]]

LARGEST_BODY_BYTES = 100 * 1024 * 1024
LARGEST_HEADERS_BYTES = 64 * 1024
BODY_WAIT_SECONDS = 60.0
"""Host time without a single byte of an announced body."""

FRONT_DOOR_LIMITS = {
    ("lambda", "Invoke"): (10 * 1024 * 1024, 6291456, "InvokeFunction"),
    ("lambda", "CreateFunction"): (70167211, 70167211, "CreateFunction"),
    ("lambda", "PublishLayerVersion"): (70167211, 70167211, "PublishLayerVersion"),
    ("lambda", "UpdateFunctionCode"): (70167211, 70167211, "UpdateFunctionCode"),
}
"""(bytes above which Lambda's front end refuses, the limit it names, the name it uses): lambda_invoke.md 1.3.
How far above 6 MB the front end takes over from Lambda's own text is not recorded: 10 MB is our choice."""


class DataPlane(Protocol):
    """Answers requests to what users have deployed, such as the routes of an API."""

    def match(self, host: str, path: str) -> Any | None:
        """What the data plane needs to answer, or None if the request is not its own; `path` as sent."""
        ...

    async def handle(self, request: HttpRequest, match: Any) -> HttpResponse:
        """Answer a request that matched."""
        ...


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
        lifespan: Callable[[], AbstractAsyncContextManager[None]] | None = None,
        calling: Callable[[str], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self._services = services
        self._supporting = supporting
        self._clock = clock
        self._region = settings.region
        self._control = control
        self._data_planes = data_planes
        self._lifespan = lifespan
        self._calling = calling
        self._admission = Admission(settings)

    async def __call__(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        """Serve one ASGI scope: `http` or `lifespan`; others are closed."""
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _serve_lifespan(self._lifespan, receive, send)

    async def _http(self, scope: AsgiScope, receive: AsgiReceive, send: AsgiSend) -> None:
        request = _request_of(scope)
        size = sum(len(name) + len(value) for name, value in request.headers) + len(request.path) + len(request.query)
        if size > LARGEST_HEADERS_BYTES:
            await _send(send, _refusal(431, "Request header fields are too large."))
            return
        if _is_control(request.path):
            problem = self._admission.problem(request, navigation=True)
            if problem is not None:
                await _send(send, _refusal(403, problem))
            else:
                await self._control(scope, receive, send)
            return
        host = host_name(request.header("host"))
        for plane in self._data_planes:
            match = plane.match(host, request.path)
            if match is not None:
                break
        else:
            plane, match = None, None
            problem = self._admission.problem(request)
            if problem is not None:
                await _send(send, _refusal(403, problem))
                return
        body = await _read_body(request, receive)
        if isinstance(body, HttpResponse):
            await _send(send, body)
            return
        if body is None:
            return
        request.body = body
        request.disconnected = lambda: _disconnected(receive)
        token = request.header("x-amz-security-token")
        with self._calling(token) if token else nullcontext():
            if plane is not None:
                answer = await self._answer_data_plane(plane, request, match)
            else:
                answer = await self._answer_api(request)
        await _send(send, answer)

    async def _answer_data_plane(self, plane: DataPlane, request: HttpRequest, match: Any) -> HttpResponse:
        with self._clock.busy(f"{request.method} {request.path[:100]}"):
            try:
                return await plane.handle(request, match)
            except NotEmulated as missing:
                return _json(501, {"message": _missing_text(missing)}, [("x-emulator-error", "not-emulated")])
            except Exception:
                _report(f"{request.method} {request.path}")
                return _json(500, {"message": "Internal server error"}, [])

    async def _answer_api(self, request: HttpRequest) -> HttpResponse:
        address = address_of(request, service_names().__contains__, self._region)
        request_id = new_request_id()
        name = address.service
        service = self._services.get(name) if name is not None else None
        if name is None:
            text = (
                f"The emulator cannot tell which AWS service {request.method} {request.path[:200]} is for: the request"
                " is not signed, names no X-Amz-Target and matches no path of an emulated service."
            )
            return _json(404, {"message": text}, [("x-amzn-RequestId", request_id)])
        if service is None:
            if self._supporting.supports(name):
                return await self._forward(name, request, request_id)
            return _no_such_service(name, request, request_id)
        return await self._call(service, address, request, request_id)

    async def _call(self, service: Service, address: Address, request: HttpRequest, request_id: str) -> HttpResponse:
        model = load_service(service.name).spoken_in(request)
        protocol = model.protocols[0] if len(model.protocols) == 1 else model.protocol_of(request)
        labels: dict[str, str] | None = None
        try:
            unpack_request(model, request)
        except AwsError as error:
            return model_error(model, error, request_id, protocol)
        if protocol.startswith("rest-"):
            found = model.match_rest(request.method, request.path, request.query)
            operation_name, labels = found if found is not None else (None, None)
        else:
            operation_name = model.match_name(request)
        if operation_name is None or not model.has_operation(operation_name):
            return model_error(model, _unknown_operation(model, protocol, operation_name), request_id, protocol)
        operation = model.operation(operation_name)
        with self._clock.busy(f"{service.name}.{operation_name}"):
            try:
                _check_front_door(service.name, operation_name, len(request.body))
                parameters = operation.parse(request, labels)
                operation.validate(parameters)
                prepare = getattr(service, "prepare", None)
                if prepare is not None:
                    prepare(operation_name, request, parameters)
                result = await service.call(operation_name, address.scope, parameters, request_id)
                response = operation.serialize(result, request_id, protocol)
                finish = getattr(service, "finish", None)
                if finish is not None:
                    finish(operation_name, result, response)
                return response
            except AwsError as error:
                return model_error(model, error, request_id, protocol)
            except NotEmulated as missing:
                return _not_emulated(model, missing, request_id, protocol)
            except Exception:
                _report(f"{service.name}.{operation_name}")
                return model_error(model, _internal_failure(), request_id, protocol)

    async def _forward(self, name: str, request: HttpRequest, request_id: str) -> HttpResponse:
        """Hand a raw request to the delegated services."""
        host = request.header("host") or "localhost"
        url = f"{request.scheme}://{host}{request.path}{'?' + request.query if request.query else ''}"
        model = load_service(name)
        protocol = model.protocol_of(request)
        with self._clock.busy(name):
            try:
                status, headers, body = await self._supporting.handle(
                    name, request.method, url, request.headers, request.body
                )
            except NotEmulated as missing:
                return _not_emulated(model, missing, request_id, protocol)
            except AwsError as error:
                return model_error(model, error, request_id, protocol)
            except Exception:
                _report(f"{name} {request.method} {request.path}")
                return model_error(model, _internal_failure(), request_id, protocol)
        if not any(key.lower() in ("x-amzn-requestid", "x-amz-request-id") for key, _ in headers):
            headers.append(("x-amzn-RequestId", request_id))
        return HttpResponse(status, headers, body)


# ── who may come in ─────────────────────────────────────────────────────────────────────────────


class Admission:
    """Refuses what a foreign web page could make a browser send to the control planes (THREATS).

    A program on this machine names a loopback host and sends no Origin; a page of another site cannot do both.
    """

    def __init__(self, settings: Settings) -> None:
        allowed = {name.lower().strip("[]") for name in settings.allowed_hosts}
        if settings.host not in ("", "0.0.0.0", "::"):
            allowed.add(settings.host.lower())
        self._allowed = frozenset(allowed)

    def problem(self, request: HttpRequest, navigation: bool = False) -> str | None:
        """Why a request is refused, or None. `navigation` lets a click on a link open a page."""
        host = host_name(request.header("host"))
        if host and not self.is_local(host):
            return (
                f"Host {host!r} may not reach the emulator's control planes. Use localhost, or start it with"
                " EMULATOR_ALLOWED_HOSTS naming this host."
            )
        origin = request.header("origin")
        if origin and not self._is_local_origin(origin):
            return f"Origin {origin[:200]!r} may not reach the emulator's control planes."
        if request.header("sec-fetch-site") == "cross-site":
            is_click = request.method == "GET" and request.header("sec-fetch-mode") == "navigate"
            if not (navigation and is_click and request.header("sec-fetch-dest") == "document"):
                return "Cross-site requests may not reach the emulator's control planes."
        return None

    def is_local(self, host: str) -> bool:
        """Whether a host name is this machine's or has been allowed."""
        if host == "localhost" or host.endswith(".localhost") or host in self._allowed:
            return True
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return False

    def _is_local_origin(self, origin: str) -> bool:
        try:
            parts = urlsplit(origin)
            return parts.scheme in ("http", "https") and self.is_local(parts.hostname or "")
        except ValueError:
            return False


def _is_control(path: str) -> bool:
    return path.startswith("/_emulator") or path == "/_localstack/health"


# ── reading and writing ─────────────────────────────────────────────────────────────────────────


def new_request_id() -> str:
    """A random UUID. Request ids need no seed: nothing is derived from them."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


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


async def _send(send: AsgiSend, response: HttpResponse) -> None:
    headers = [(name.encode("latin-1", "replace"), _header_bytes(value)) for name, value in response.headers]
    if response.stream is not None:
        await _send_stream(send, response.status, headers, response.stream)
        return
    if response.status not in (204, 304):
        headers.append((b"content-length", str(len(response.body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    body = b"" if response.status in (204, 304) else response.body
    await send({"type": "http.response.body", "body": body})


async def _send_stream(
    send: AsgiSend, status: int, headers: list[tuple[bytes, bytes]], stream: AsyncIterator[bytes]
) -> None:
    """Send each piece at once. A stream that breaks leaves the chunked body without its end, as a broken one must."""
    await send({"type": "http.response.start", "status": status, "headers": headers})
    try:
        async for piece in stream:
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    except BrokenStream:
        return
    finally:
        close = getattr(stream, "aclose", None)
        if close is not None:
            await close()
    await send({"type": "http.response.body", "body": b""})


def _header_bytes(value: str) -> bytes:
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


def model_error(model: ServiceModel, error: AwsError, request_id: str, protocol: str | None) -> HttpResponse:
    """An error in the protocol of a service."""
    return serialize_error(model, error, request_id, protocol)


def _json(status: int, value: Any, headers: list[tuple[str, str]]) -> HttpResponse:
    return HttpResponse(status, [*headers, ("Content-Type", "application/json")], json.dumps(value).encode())


def _refusal(status: int, text: str, close: bool = False) -> HttpResponse:
    headers = [("Connection", "close")] if close else []
    return _json(status, {"message": text}, [*headers, ("x-emulator-error", "refused")])


def _check_front_door(service: str, operation: str, size: int) -> None:
    limit = FRONT_DOOR_LIMITS.get((service, operation))
    if limit is not None and size > limit[0]:
        text = f"Request must be smaller than {limit[1]} bytes for the {limit[2]} operation"
        raise AwsError("RequestEntityTooLargeException", text, 413)


def _unknown_operation(model: ServiceModel, protocol: str, name: str | None) -> AwsError:
    if protocol == "query":
        version = model.metadata.get("apiVersion", "")
        return AwsError("InvalidAction", f"Could not find operation {name or ''} for version {version}", 400)
    if protocol.startswith("rest-"):
        return AwsError("UnknownOperationException", "Unknown Operation Exception", 404)
    return AwsError("UnknownOperationException", f"Unknown operation {name or ''}".rstrip(), 400)


def _no_such_service(name: str, request: HttpRequest, request_id: str) -> HttpResponse:
    text = f"The service {name} is not emulated; see docs/compatibility.md"
    model = load_service(name)
    if not model.protocols:
        response = _json(501, {"message": text}, [("x-amzn-RequestId", request_id)])
    else:
        response = model_error(model, AwsError("NotImplemented", text, 501), request_id, model.protocol_of(request))
    response.headers.append(("x-emulator-error", "not-emulated"))
    return response


def _missing_text(missing: NotEmulated) -> str:
    detail = f" ({missing.detail})" if missing.detail else ""
    return f"{missing.service}.{missing.operation} is not emulated{detail}; see docs/compatibility.md"


def _not_emulated(model: ServiceModel, missing: NotEmulated, request_id: str, protocol: str) -> HttpResponse:
    response = model_error(model, AwsError("NotImplemented", _missing_text(missing), 501), request_id, protocol)
    response.headers.append(("x-emulator-error", "not-emulated"))
    return response


def _internal_failure() -> AwsError:
    text = "The request processing has failed because of an unknown error, exception or failure."
    return AwsError("InternalFailure", text, 500)


def _report(what: str) -> None:
    """We erred: the traceback goes to stderr, never to the client."""
    print(f"unexpected failure in {what}", file=sys.stderr)
    traceback.print_exc(file=sys.stderr)
