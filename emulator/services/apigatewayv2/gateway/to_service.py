"""First-class integrations: an operation of Step Functions, SQS, EventBridge or Kinesis by mapped parameters (4.7)."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.protocol import load_service
from emulator.aws.scope import Scope
from emulator.aws.service import Context
from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.gateway.failures import Failure
from emulator.services.apigatewayv2.gateway.mapping import evaluate
from emulator.services.apigatewayv2.model import Document
from emulator.services.apigatewayv2.service_actions import ServiceAction, action_of

_PASSED_ON = ("content-type",)
"""Headers of the service's answer that the client sees (which others AWS passes on is unverified)."""


async def call(context: Context, exchange: Exchange, integration: Document) -> HttpResponse:
    """The service's answer in its own JSON, refusals too. Raises the 400 for what the request does not give."""
    action = action_of(integration["IntegrationSubtype"])
    service = context.services.get(action.service)
    if service is None and context.supporting.supports(action.service):
        return await _delegated(context, action, exchange, integration)
    if service is None or action.operation not in service.operations:
        raise NotEmulated(action.service, action.operation)
    values = _values(action, exchange, integration)
    region = values.pop("Region", None) or exchange.api.region
    model = load_service(action.service)
    operation = model.operation(action.operation)
    protocol = "json" if "json" in model.protocols else model.protocols[0]
    try:
        shape = operation.input
        assert shape is not None, "every action takes parameters"
        if action.operation == "PutEvents":
            entry = model.shapes["PutEventsRequestEntry"]
            document: Document = {"Entries": [_document(action, model.shapes, entry, values)]}
        else:
            document = _document(action, model.shapes, shape, values)
        target = [("x-amz-target", f"{model.metadata.get('targetPrefix', '')}.{action.operation}")]
        request = operation.parse(HttpRequest("POST", "/", "", target, json.dumps(document).encode()))
        operation.validate(request)
        result = await service.call(action.operation, Scope(exchange.api.account, region), request, exchange.ids[1])
        response = operation.serialize(result, exchange.ids[1], protocol)
    except AwsError as error:
        response = operation.serialize_error(error, exchange.ids[1], protocol)
    exchange.endpoint_headers = [("x-amzn-RequestId", exchange.ids[1])]
    response.headers = [pair for pair in response.headers if pair[0].lower() in _PASSED_ON]
    return response


async def _delegated(
    context: Context, action: ServiceAction, exchange: Exchange, integration: Document
) -> HttpResponse:
    """The same for a delegated service, which is asked by a request as clients send it."""
    values = _values(action, exchange, integration)
    region = values.pop("Region", None) or exchange.api.region
    model = load_service(action.service)
    shape = model.operation(action.operation).input
    assert shape is not None, "every action takes parameters"
    credential = f"{exchange.api.account}/20260101/{region}/{action.service}/aws4_request"
    headers = [
        ("Host", f"{action.service}.{region}.amazonaws.com"),
        ("Content-Type", f"application/x-amz-json-{model.metadata['jsonVersion']}"),
        ("X-Amz-Target", f"{model.metadata['targetPrefix']}.{action.operation}"),
        ("Authorization", f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host, Signature={'0' * 64}"),
    ]
    body = json.dumps(_document(action, model.shapes, shape, values)).encode()
    with context.clock.parked():  # the call holds time still by itself
        answer = await context.apis.answer(HttpRequest("POST", "/", "", headers, body))
    exchange.endpoint_headers = answer.headers
    answer.headers = [pair for pair in answer.headers if pair[0].lower() in _PASSED_ON]
    return answer


def _values(action: ServiceAction, exchange: Exchange, integration: Document) -> dict[str, str]:
    values: dict[str, str] = {}
    for name, text in integration["RequestParameters"].items():
        value = evaluate(text, exchange)
        if value is not None:
            values[name] = value
        elif name in action.required:
            raise Failure(400, f"The request gives no value for {name}")
    return values


def _document(action: ServiceAction, shapes: Any, shape: Any, values: dict[str, str]) -> Document:
    """The operation's input from text, each member as its type is written."""
    document: Document = {}
    for parameter, text in values.items():
        member = action.member_of(parameter)
        kind = shapes[shape["members"][member]["shape"]]["type"]
        document[member] = _typed(kind, text, parameter)
    return document


def _typed(kind: str, text: str, parameter: str) -> Any:
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind == "timestamp":
            return _epoch(text)
        if kind in ("structure", "map", "list"):
            return json.loads(text)
        if kind == "blob":  # the text is the data: whether AWS wants base64 here is unverified
            return base64.b64encode(text.encode("utf-8", "surrogatepass")).decode()
    except (ValueError, OverflowError, OSError, RecursionError):
        raise Failure(400, f"The value for {parameter} is no {kind}") from None
    return text


def _epoch(text: str) -> float:
    """Epoch seconds of an ISO 8601 time or of a number of seconds. Raises ValueError."""
    if text.replace(".", "", 1).isdecimal():
        return datetime.fromtimestamp(float(text[:20]), UTC).timestamp()
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
