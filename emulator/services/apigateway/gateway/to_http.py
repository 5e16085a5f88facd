"""Types HTTP and HTTP_PROXY: a request to an endpoint outside, and its answer (3.3, 3.12)."""

from __future__ import annotations

import zlib
from collections.abc import AsyncGenerator
from typing import Any, NamedTuple

from emulator.aws.http import BrokenStream, HttpResponse
from emulator.ports import Clock, EndpointTooSlow, EndpointUnknown, EndpointUnreachable, HttpSender
from emulator.services.apigateway.gateway import endpoint
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure, configuration_error
from emulator.services.apigateway.gateway.proxy_event import forwarded_headers
from emulator.services.apigateway.gateway.responses import EndpointAnswer
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.gateway.streaming import idle_seconds, is_streamed

LARGEST_ANSWER = 10 * 1024 * 1024
_NOT_SENT = frozenset(["host", "via", "content-length", "transfer-encoding", "connection", "keep-alive"])
_NOT_PASSED_BACK = frozenset(["transfer-encoding", "content-encoding", "via", "keep-alive"])
_REMAPPED = frozenset(["connection", "content-length", "date", "server", "x-amzn-requestid"])
"""Headers of an endpoint's answer that come back as x-amzn-Remapped-* [R:TestApiGatewayHeaderRemapping]."""


class _Asked(NamedTuple):
    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes


class HttpIntegration:
    """Calls endpoints for APIs."""

    def __init__(self, http: HttpSender, clock: Clock) -> None:
        self._http = http
        self._clock = clock

    async def call(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        integration: dict[str, Any],
        mapped: dict[str, dict[str, Any]],
        body: bytes,
        seconds: float,
    ) -> EndpointAnswer:
        """Type HTTP: the integration response is selected by the status of the endpoint's answer."""
        asked = self._asked(exchange, integration, mapped, body)
        status, given, payload = await self._exchange(exchange, asked, seconds)
        return EndpointAnswer(str(status), status, given, payload)

    async def proxy(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        integration: dict[str, Any],
        mapped: dict[str, dict[str, Any]],
        seconds: float,
    ) -> HttpResponse:
        """Type HTTP_PROXY: the endpoint's answer is passed on, piece by piece if it is to be streamed."""
        asked = self._asked(exchange, integration, mapped, exchange.request.body)
        if is_streamed(integration):
            return await self._stream(exchange, snapshot, asked, seconds)
        status, given, payload = await self._exchange(exchange, asked, seconds)
        headers = _passed_back(given)
        if exchange.request.method == "HEAD":
            # Of the body that a GET would have: a HEAD's answer has none of its own (RFC 9110, 9.3.2).
            headers += [pair for pair in given if pair[0].lower() == "content-length"]
        return HttpResponse(status, headers, payload)

    def _asked(
        self, exchange: Exchange, integration: dict[str, Any], mapped: dict[str, dict[str, Any]], body: bytes
    ) -> _Asked:
        """The request to the endpoint. Raises the 500 of an address that is none."""
        proxy = integration["type"] == "HTTP_PROXY"
        method = integration["httpMethod"]
        method = exchange.request.method if method == "ANY" else method
        uri = endpoint.with_stage_variables(exchange, integration["uri"])
        url = endpoint.with_parameters(uri, mapped["path"])
        client_query = exchange.query if proxy else []
        url = endpoint.with_query(url, [*client_query, *endpoint.query_pairs(mapped["querystring"])])
        if not endpoint.is_address(url):
            raise configuration_error("Invalid endpoint address")
        headers = _headers(exchange, endpoint.checked_headers(mapped["header"]), proxy)
        exchange.calls(url, headers, body, self._clock.now())
        return _Asked(method, url, headers, b"" if method in ("GET", "HEAD") else body)

    async def _exchange(
        self, exchange: Exchange, asked: _Asked, seconds: float
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Status, headers and plain body. Raises the 504 or 500."""
        try:
            status, given, payload = await self._http.exchange(*asked, seconds, LARGEST_ANSWER)
        except EndpointUnreachable as problem:
            raise _failed(exchange, problem, seconds) from None
        except OverflowError:
            raise configuration_error(
                f"Integration response is larger than allowed maximum of {LARGEST_ANSWER} bytes"
            ) from None
        exchange.received(status, given, payload, self._clock.now())
        return status, given, _decoded(given, payload)

    async def _stream(self, exchange: Exchange, snapshot: Snapshot, asked: _Asked, seconds: float) -> HttpResponse:
        """Pass the endpoint's answer on as it comes, compressed if it is: the client's Accept-Encoding went along."""
        try:
            opened = await self._http.stream(*asked, seconds, idle_seconds(snapshot))
        except EndpointUnreachable as problem:
            raise _failed(exchange, problem, seconds) from None
        status, given, pieces = opened
        exchange.received(status, given, None, self._clock.now())
        encoding = [pair for pair in given if pair[0].lower() == "content-encoding"]
        passed = [pair for pair in _passed_back(given) if pair[0].lower() != "x-amzn-remapped-content-length"]
        return HttpResponse(status, [*passed, *encoding], stream=_body(exchange, pieces))


async def _body(exchange: Exchange, pieces: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    sent = 0
    why = ""
    try:
        async for piece in pieces:
            sent += len(piece)
            yield piece
    except EndpointUnreachable as problem:
        why = str(problem)
        raise BrokenStream from None
    finally:
        await pieces.aclose()
        exchange.trace.add("stream ended", bytes=sent, broken=why or None)


def _failed(exchange: Exchange, problem: EndpointUnreachable, seconds: float) -> Failure:
    """504 for one that is too slow or not there, 500 for a host that has no address (3.9; the texts are [K])."""
    if isinstance(problem, EndpointTooSlow):
        exchange.trace.add("timeout", whose="integration", seconds=seconds)
        return Failure("INTEGRATION_TIMEOUT", reason="Execution failed due to a timeout error")
    exchange.trace.add("endpoint unreachable", why=str(problem))
    if isinstance(problem, EndpointUnknown):
        return configuration_error("Invalid endpoint address")
    text = "Network error communicating with endpoint"
    return Failure("INTEGRATION_FAILURE", text, reason=f"Execution failed due to an internal error: {text}")


def _headers(exchange: Exchange, mapped: list[tuple[str, str]], proxy: bool) -> list[tuple[str, str]]:
    """What is sent: the client's headers for a proxy, mapped ones over them, and the gateway's own."""
    replaced = {name.lower() for name, _ in mapped}
    given = [(name, value) for name, value in forwarded_headers(exchange) if value.isascii()] if proxy else []
    headers = [(name, value) for name, value in given if name.lower() not in replaced] + mapped
    headers = [(name, value) for name, value in headers if name.lower() not in _NOT_SENT or name.lower() in replaced]
    headers = [(name, value) for name, value in headers if name.lower() != "via"]
    defaults = {
        "Accept": "application/json",
        "User-Agent": f"AmazonAPIGateway_{exchange.where.api_id}",
        "X-Amzn-Apigateway-Api-Id": exchange.where.api_id,
        "X-Amzn-Trace-Id": exchange.trace_id,
    }
    if exchange.request.body:
        defaults["Content-Type"] = exchange.header("Content-Type") or "application/json"
    present = {name.lower() for name, _ in headers}
    return headers + [(name, value) for name, value in defaults.items() if name.lower() not in present]


def _passed_back(given: list[tuple[str, str]]) -> list[tuple[str, str]]:
    headers: list[tuple[str, str]] = []
    for name, value in given:
        if name.lower() not in _NOT_PASSED_BACK:
            headers.append((f"x-amzn-Remapped-{name}" if name.lower() in _REMAPPED else name, value))
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    return headers


def _decoded(headers: list[tuple[str, str]], payload: bytes) -> bytes:
    """The body without its gzip, since the header that names it is not passed on (unverified)."""
    if not any(name.lower() == "content-encoding" and "gzip" in value for name, value in headers):
        return payload
    decoder = zlib.decompressobj(31)
    try:
        plain = decoder.decompress(payload, LARGEST_ANSWER + 1)
    except zlib.error:
        return payload
    if len(plain) > LARGEST_ANSWER:
        raise configuration_error(f"Integration response is larger than allowed maximum of {LARGEST_ANSWER} bytes")
    return plain
