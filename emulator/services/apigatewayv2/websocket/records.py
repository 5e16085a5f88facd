"""What is written down of an event of a conversation: access log, execution log, metrics. Nobody waits for them.

Metrics and their dimensions: AWS, apigateway-websocket-api-logging. The group of execution logs is AWS's; their lines
are those of REST APIs where these have such, the others are unverified.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.aws.service import Context
from emulator.aws.telemetry import Datum, DimensionSets
from emulator.ports import LogEvent, Transaction
from emulator.services.apigateway.gateway import access_log, execution_log
from emulator.services.apigateway.gateway.failures import Failure, error_of
from emulator.services.apigatewayv2.websocket.exchange import CONNECTED, SAID, Exchange

NAMESPACE = "AWS/ApiGateway"
_DATA = (
    "Method request body",
    "Endpoint request headers",
    "Endpoint request body",
    "Endpoint response headers",
    "Endpoint response body",
    "Method response body",
    "Method response headers",
)


def record(context: Context, exchange: Exchange, status: int, failure: Failure | None) -> None:
    """Write all that the stage wants of an event."""
    stage, scope, now = exchange.stage, exchange.deployed.scope, context.clock.now()
    own = (("ApiId", exchange.connection.api_id),)
    staged = (*own, ("Stage", exchange.connection.stage_name))
    dimensions: DimensionSets = (own, staged)
    settings = {**stage["DefaultRouteSettings"], **(stage["RouteSettings"].get(exchange.key) or {})}
    if settings.get("DetailedMetricsEnabled"):
        dimensions = (*dimensions, (*staged, ("Route", exchange.key)))
    data = _metrics(exchange, status, failure)
    access = stage.get("AccessLogSettings") or {}
    to = access_log.destination_of(access.get("DestinationArn") or "", scope)
    lines = [(to, access_line(exchange, status, failure, access.get("Format")))]
    level = settings.get("LoggingLevel") or "OFF"
    if level == "INFO" or (level == "ERROR" and failure is not None):
        group = f"/aws/apigateway/{exchange.connection.api_id}/{exchange.connection.stage_name}"
        own_group = access_log.Destination("logs", scope, group)
        said = execution_lines(exchange, bool(settings.get("DataTraceEnabled")))
        lines += [(own_group, f"({exchange.request_id}) {line}") for line in said]
    stream = f"{exchange.connection.api_id}-{exchange.connection.stage_name}"

    def write(tx: Transaction) -> None:
        context.metrics.add_to_each(tx, scope, NAMESPACE, dimensions, data)
        for to, line in lines:
            if to is not None and line:
                access_log.write(tx, context.logs, to, stream, [LogEvent(now, line)])

    context.store.post(write)


def count_message(context: Context, scope: Scope, api_id: str, stage_name: str) -> None:
    """A message to a client counts as one from it does."""
    own = ("ApiId", api_id)
    dimensions = ((own,), (own, ("Stage", stage_name)))
    context.store.post(
        lambda tx: context.metrics.add_to_each(tx, scope, NAMESPACE, dimensions, [Datum("MessageCount", 1)])
    )


def _metrics(exchange: Exchange, status: int, failure: Failure | None) -> list[Datum]:
    called = exchange.integration_status is not None
    answered = exchange.integration_status if exchange.function_status is None else exchange.function_status
    data = [
        Datum("ClientError", float(failure is not None and 400 <= status < 500 and not called)),
        Datum("ExecutionError", float(failure is not None and status >= 500)),
        Datum("IntegrationError", float(called and (answered or 0) >= 400)),
    ]
    if exchange.kind == CONNECTED:
        data.insert(0, Datum("ConnectCount", 1))
    if exchange.kind == SAID:
        data.insert(0, Datum("MessageCount", 1))
    if exchange.integration_latency is not None:
        data.append(Datum("IntegrationLatency", float(exchange.integration_latency), "Milliseconds"))
    return data


def access_line(exchange: Exchange, status: int, failure: Failure | None, form: str | None) -> str:
    """The format with its variables; unknown and empty ones are `-`."""
    if not form:
        return ""
    reason = failure.reason if failure is not None else ""
    status_of, latency = exchange.integration_status, exchange.integration_latency
    headers = exchange.endpoint_headers
    context = exchange.context
    phases = exchange.phases
    variables: dict[str, Any] = {
        **context,
        **access_log.of_integration(status_of, exchange.function_status, latency, reason if headers else "", headers),
        "status": status,
        "integrationErrorMessage": reason,
        "error": error_of(failure) if failure is not None else {},
        "authenticate": phases.get("authenticate"),
        "authorize": phases.get("authorize"),
        "authorizer": {**phases.get("authorizer", {}), **(context.get("authorizer") or {})},
    }
    return access_log.filled(form, variables)


def execution_lines(exchange: Exchange, with_data: bool) -> list[str]:
    """The event's steps as REST APIs log them; what was said only if data tracing is on."""
    found = [f"Extended Request Id: {exchange.request_id}", f"Received {exchange.kind} for route {exchange.key}"]
    if exchange.kind == SAID:
        found.append(f"Method request body before transformations: {exchange.message}")
    found += execution_log.of_steps(exchange.trace)
    return found if with_data else [line for line in found if not line.startswith(_DATA)]
