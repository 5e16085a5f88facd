"""What is written down of a request: a line in the stage's access log, and metrics in `AWS/ApiGateway`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from emulator.aws.arn import Arn
from emulator.aws.http import HttpResponse
from emulator.aws.service import Context
from emulator.aws.telemetry import Datum, DimensionSets
from emulator.ports import LogEvent, Transaction
from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.gateway.failures import AUTHORIZER, INTEGRATION, TEXTS, Failure, response_type
from emulator.services.apigatewayv2.model import Document

_VARIABLE = re.compile(r"\$context\.([A-Za-z0-9_.\-]+)")


def record(context: Context, exchange: Exchange, answer: HttpResponse, seconds: float, failure: Failure | None) -> None:
    """Write both, after the answer: nobody waits for them."""
    stage, api = exchange.stage, exchange.api
    settings = stage.get("AccessLogSettings") or {}
    line = access_line(exchange, answer, seconds, failure, settings.get("Format") or "")
    group = _group(settings.get("DestinationArn") or "")
    milliseconds = seconds * 1000
    data = [
        Datum("Count", 1),
        Datum("4xx", 1 if 400 <= answer.status < 500 else 0),
        Datum("5xx", 1 if answer.status >= 500 else 0),
        Datum("Latency", milliseconds, "Milliseconds"),
        Datum("DataProcessed", len(exchange.request.body) + len(answer.body), "Bytes"),
    ]
    if exchange.integration_seconds is not None:
        data.append(Datum("IntegrationLatency", exchange.integration_seconds * 1000, "Milliseconds"))
    of_api = ("ApiId", api.id)
    dimensions: DimensionSets = ((of_api,), (of_api, ("Stage", exchange.stage_name)))
    if exchange.taken is not None and _is_detailed(stage, exchange.route["RouteKey"]):
        method, _, resource = exchange.route["RouteKey"].partition(" ")
        place = (("Method", method if resource else exchange.request.method), ("Resource", resource or method))
        dimensions = (*dimensions, (of_api, *place, ("Stage", exchange.stage_name)))
    at = exchange.now

    def write(tx: Transaction) -> None:
        context.metrics.add_to_each(tx, api.scope, "AWS/ApiGateway", dimensions, data)
        if group and line:
            context.logs.put(tx, api.scope, group, f"{api.id}-{exchange.stage_name}", [LogEvent(at, line)])

    context.store.post(write)


def _is_detailed(stage: Document, key: str) -> bool:
    settings = {**stage["DefaultRouteSettings"], **(stage["RouteSettings"].get(key) or {})}
    return bool(settings.get("DetailedMetricsEnabled"))


def access_line(exchange: Exchange, answer: HttpResponse, seconds: float, failure: Failure | None, form: str) -> str:
    """The format with its variables; unknown and empty ones are `-` [D: http-api-logging-variables].

    What the gateway says of a failure is `error`; what an integration or an authorizer did is told by theirs.
    """
    if not form:
        return ""
    latency = str(round(seconds * 1000))
    waited = "" if exchange.integration_seconds is None else str(round(exchange.integration_seconds * 1000))
    message = "" if failure is None else TEXTS[failure.status]
    whose = exchange.before
    reason = "" if failure is None else failure.reason
    of_integration = reason if whose == INTEGRATION else ""
    variables = {
        **exchange.context,
        "status": str(answer.status),
        "responseLength": str(len(answer.body)),
        "responseLatency": latency,
        "integrationLatency": waited,
        "integrationErrorMessage": of_integration,
        "error": {
            "message": message,
            "messageString": json.dumps(message) if message else "",
            "responseType": "" if failure is None else response_type(failure.status, whose),
        },
        "integration": {"status": str(answer.status) if waited else "", "latency": waited, "error": of_integration},
    }
    if reason and whose == AUTHORIZER:
        variables["authorizer"] = {**exchange.authorizer_variables, "error": reason}

    def value(match: re.Match[str]) -> str:
        found: Any = variables
        name = match.group(1).rstrip(".")
        for part in name.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        text = "" if found is None or isinstance(found, Mapping) else str(found)
        return (text.replace("\n", " ") or "-") + match.group(1)[len(name) :]

    return _VARIABLE.sub(value, form)


def _group(destination: str) -> str:
    arn = Arn.parse(destination)
    if arn is None or arn.service != "logs":
        return ""
    return arn.resource.removeprefix("log-group:").removesuffix(":*")
