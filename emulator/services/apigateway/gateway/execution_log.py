"""The execution log of a request, in AWS's lines (3.19), made of the steps of its trace. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

from emulator.aws.request_traces import Cut, RequestTrace, Step
from emulator.services.apigateway.gateway.exchange import Exchange

_MASK = "*" * 128
_OF_LAMBDA = "x-amzn-lambda-integration-tag"
_TOKEN = ("X-Amz-Security-Token", "*" * 1024)
"""Of the role that API Gateway calls functions with: on AWS, too, the log is cut within it [R:test_apigateway_basic].
There is no role here, so that nothing of the token is shown."""


def lines(exchange: Exchange, location: str) -> list[str]:
    """The log without its first line. `location` is the path as it was asked for."""
    found = [
        f"Starting execution for request: {exchange.request_id}",
        f"HTTP Method: {exchange.request.method}, Resource Path: {location}",
        f"Method request path: {_java_map([*exchange.path_parameters.items()])}",
        f"Method request query string: {_java_map(exchange.query)}",
        f"Method request headers: {_java_map(exchange.headers)}",
        f"Method request body before transformations: {exchange.body_text}",
    ]
    return [*found, *of_steps(exchange.trace)]


def of_steps(trace: RequestTrace) -> list[str]:
    """What is said of an endpoint's call, of a failure and of the answer."""
    failed = trace.find("failure") is not None
    return [line for step in trace.steps for line in _said(step, failed)]


def _said(step: Step, failed: bool) -> list[str]:
    facts = step.facts
    if step.name == "integration request":
        shown = [(name, _MASK if name == "Authorization" else value) for name, value in facts["headers"]]
        if any(name == _OF_LAMBDA for name, _ in shown):
            shown.append(_TOKEN)
        return [
            f"Endpoint request URI: {facts['url']}",
            f"Endpoint request headers: {_java_map(shown)}",
            f"Endpoint request body after transformations: {_text(facts['body'])}",
            f"Sending request to {facts['url']}",
        ]
    if step.name == "integration response":
        return [
            f"Received response. Status: {facts['status']}, Integration latency: {facts['latency']} ms",
            f"Endpoint response headers: {_java_map(facts['headers'])}",
            f"Endpoint response body before transformations: {_text(facts['body'])}",
        ]
    if step.name == "function refused":
        number = facts["function_request_id"]
        return [f"Lambda invocation failed with status: {facts['status']}. Lambda request id: {number}"]
    if step.name == "failure":
        return [facts["reason"]] if facts["reason"] else []
    if step.name != "response":
        return []
    completed = (
        []
        if failed
        else [
            f"Method response body after transformations: {_text(facts['body'])}",
            f"Method response headers: {_java_map(facts['headers'])}",
            "Successfully completed execution",
        ]
    )
    return [*completed, f"Method completed with status: {facts['status']}"]


def text(first: str, found: list[str], now: float) -> str:
    """A whole log as TestInvokeMethod shows it."""
    when = datetime.fromtimestamp(now, UTC).strftime("%a %b %d %H:%M:%S UTC %Y")
    return "".join([f"{first}\n", *(f"{when} : {line}\n" for line in found)])


def _text(body: bytes | str | Cut | None) -> str:
    """What was sent, or the beginning of what was too long to keep: AWS's lines are shorter still."""
    whole = body.beginning if isinstance(body, Cut) else body
    return whole.decode("utf-8", "replace") if isinstance(whole, bytes) else whole or ""


def _java_map(pairs: list[tuple[str, str]]) -> str:
    """A map as Java prints it, the last value of a name, cut as in AWS's logs."""
    said = ", ".join(f"{name}={_text(value)}" for name, value in dict(pairs).items())
    return "{" + (f"{said[:998]} [TRUNCATED]" if len(said) > 998 else said + "}")
