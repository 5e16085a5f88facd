"""The execution log of a request, in AWS's lines (3.19). Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from emulator.aws.http import HttpResponse
from emulator.services.apigateway.gateway.exchange import Exchange, java_map


def begin(exchange: Exchange, location: str) -> None:
    """Start the log with what came in."""
    exchange.log = [f"Execution log for request {exchange.request_id}"]
    exchange.note(f"Starting execution for request: {exchange.request_id}")
    exchange.note(f"HTTP Method: {exchange.request.method}, Resource Path: {location}")
    exchange.note(f"Method request path: {java_map(exchange.path_parameters)}")
    exchange.note(f"Method request query string: {java_map(exchange.single_query)}")
    exchange.note(f"Method request headers: {java_map(exchange.single_headers)}")
    exchange.note(f"Method request body before transformations: {exchange.body_text}")


def completed(exchange: Exchange, answer: HttpResponse) -> None:
    """A request that went all the way."""
    if exchange.log is None:
        return
    exchange.note(f"Method response body after transformations: {answer.body.decode('utf-8', 'replace')}")
    exchange.note(f"Method response headers: {java_map(dict(answer.headers))}")
    exchange.note("Successfully completed execution")
    exchange.note(f"Method completed with status: {answer.status}")


def failed(exchange: Exchange, reason: str, status: int) -> None:
    """A request that ended with a gateway response."""
    if exchange.log is None:
        return
    if reason:
        exchange.note(reason)
    exchange.note(f"Method completed with status: {status}")


def text(exchange: Exchange, now: float) -> str:
    """The whole log as TestInvokeMethod shows it."""
    when = datetime.fromtimestamp(now, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    lines = exchange.log or []
    return "".join(f"{line}\n" if number == 0 else f"{when} : {line}\n" for number, line in enumerate(lines))
