"""What is written down of a request: a line in the stage's access log, and metrics in `AWS/ApiGateway`."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.http import HttpResponse
from emulator.aws.service import Context
from emulator.aws.telemetry import Datum, DimensionSets
from emulator.ports import LogEvent, Transaction
from emulator.services.apigateway.gateway import access_log
from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.gateway.failures import AUTHORIZER, INTEGRATION, TEXTS, Failure, response_type
from emulator.services.apigatewayv2.model import Document


def record(context: Context, exchange: Exchange, answer: HttpResponse, seconds: float, failure: Failure | None) -> None:
    """Write both, after the answer: nobody waits for them."""
    stage, api = exchange.stage, exchange.api
    settings = stage.get("AccessLogSettings") or {}
    line = access_line(exchange, answer, seconds, failure, settings.get("Format") or "")
    to = access_log.destination_of(settings.get("DestinationArn") or "", api.scope)
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
        if to is not None and line:
            access_log.write(tx, context.logs, to, f"{api.id}-{exchange.stage_name}", [LogEvent(at, line)])

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
    waited = exchange.integration_seconds
    milliseconds = None if waited is None else round(waited * 1000)
    message = "" if failure is None else TEXTS[failure.status]
    whose = exchange.before
    reason = "" if failure is None else failure.reason
    of_integration = reason if whose == INTEGRATION else ""
    status, own = exchange.integration_status, exchange.function_status
    variables: dict[str, Any] = {
        **exchange.context,
        **access_log.of_integration(status, own, milliseconds, of_integration, exchange.endpoint_headers),
        "status": answer.status,
        "dataProcessed": len(exchange.request.body) + len(answer.body),
        "responseLength": len(answer.body),
        "responseLatency": round(seconds * 1000),
        "integrationErrorMessage": of_integration,
        "error": {
            "message": message,
            "messageString": json.dumps(message) if message else "",
            "responseType": "" if failure is None else response_type(failure.status, whose),
        },
        "customDomain": {"basePathMatched": (exchange.mapped_path or "").lstrip("/")},
    }
    if reason and whose == AUTHORIZER:
        variables["authorizer"] = {**exchange.authorizer_variables, "error": reason}
    signer: dict[str, Any] = exchange.authorizer.get("iam") or {}
    if signer:
        variables["identity"] = {**variables["identity"], **_identity(signer)}
    return access_log.filled(form, variables)


def _identity(signer: dict[str, Any]) -> dict[str, Any]:
    """The caller of a route with IAM authorization, who has Cognito's variables with Cognito's credentials only."""
    names = {"accountId": "accountId", "callerId": "caller", "principalOrgId": "principalOrgId"}
    shown = {shown: signer.get(name) for name, shown in (*names.items(), ("userId", "user"), ("userArn", "userArn"))}
    return shown
