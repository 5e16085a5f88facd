"""What a request leaves behind: metrics, a line in the access log, the execution log (3.19). Nobody waits for them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from emulator.aws.http import HttpResponse
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, DimensionSets, LogSink, MetricSink
from emulator.ports import LogEvent, Store, Transaction
from emulator.services.apigateway.gateway import access_log, execution_log
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.routing import Snapshot

NAMESPACE = "AWS/ApiGateway"
_LONGEST_LINE = 1024
_DATA = (
    "Method request path",
    "Method request query",
    "Method request headers",
    "Method request body",
    "Endpoint request headers",
    "Endpoint request body",
    "Endpoint response headers",
    "Endpoint response body",
    "Method response body",
    "Method response headers",
)
"""Lines that hold what clients and endpoints sent: written only if data tracing is on."""
_ERRORS = ("Execution failed", "Lambda ", "Method completed with status")

_OF_INTEGRATIONS = ("API_CONFIGURATION_ERROR", "INTEGRATION_FAILURE", "INTEGRATION_TIMEOUT")

_COUNT = Datum("Count", 1)
_CLIENT_ERROR, _NO_CLIENT_ERROR = Datum("4XXError", 1.0), Datum("4XXError", 0.0)
_SERVER_ERROR, _NO_SERVER_ERROR = Datum("5XXError", 1.0), Datum("5XXError", 0.0)
_CACHE_HIT, _CACHE_MISS = Datum("CacheHitCount", 1), Datum("CacheMissCount", 1)

Measured = tuple[Scope, DimensionSets]


class Records:
    """Writes metrics and logs behind the answers; one transaction for all requests of a turn."""

    def __init__(self, rows: Store, logs: LogSink, metrics: MetricSink) -> None:
        self._store = rows
        self._logs = logs
        self._metrics = metrics
        self._data: defaultdict[Measured, list[Datum]] = defaultdict(list)
        self._lines: defaultdict[tuple[access_log.Destination, str], list[LogEvent]] = defaultdict(list)
        self._posted = False

    def forget(self) -> None:
        """Drop what is not written yet."""
        self._data.clear()
        self._lines.clear()

    def keep(
        self, exchange: Exchange, snapshot: Snapshot, stage: dict[str, Any], answer: HttpResponse, now: float
    ) -> None:
        """Take down how a request was answered."""
        settings = exchange.settings
        self._measure(exchange, snapshot, answer, now, bool(settings.get("metricsEnabled")))
        access = stage.get("accessLogSettings") or {}
        if access.get("destinationArn") and access.get("format"):
            to = access_log.destination_of(access["destinationArn"], snapshot.scope)
            if to is not None:
                line = access_line(exchange, access["format"], answer, now, stage, _endpoint_type(snapshot))
                self._write(exchange, to, [line], now)
        if settings.get("loggingLevel", "OFF") != "OFF":
            group = f"API-Gateway-Execution-Logs_{exchange.where.api_id}/{exchange.where.stage}"
            to = access_log.Destination("logs", snapshot.scope, group)
            self._write(exchange, to, logged_lines(exchange, settings, answer.status), now)
        if not self._posted:
            self._posted = True
            self._store.post(self._flush)

    def _measure(
        self, exchange: Exchange, snapshot: Snapshot, answer: HttpResponse, now: float, detailed: bool
    ) -> None:
        status = answer.status
        data = [
            _COUNT,
            _CLIENT_ERROR if 400 <= status < 500 else _NO_CLIENT_ERROR,
            _SERVER_ERROR if status >= 500 else _NO_SERVER_ERROR,
            Datum("Latency", round((now - exchange.now) * 1000), "Milliseconds"),
        ]
        if exchange.integration_latency is not None:
            data.append(Datum("IntegrationLatency", exchange.integration_latency, "Milliseconds"))
        if exchange.cache_hit is not None:
            data.append(_CACHE_HIT if exchange.cache_hit else _CACHE_MISS)
        resource = exchange.route.resource_path if detailed else ""
        name = str(snapshot.api.settings.get("name", ""))
        method = exchange.request.method if resource else ""
        self._data[(snapshot.scope, _dimensions(name, exchange.where.stage, method, resource))] += data

    def _write(self, exchange: Exchange, to: access_log.Destination, lines: list[str], now: float) -> None:
        if to.name and lines:
            day = datetime.fromtimestamp(now, UTC).date().isoformat()
            key = f"{exchange.where.api_id}/{exchange.where.stage}/{day}"
            stream = hashlib.sha256(key.encode()).hexdigest()[:32]
            self._lines[(to, stream)] += [LogEvent(now, line) for line in lines]

    def _flush(self, tx: Transaction) -> None:
        data, self._data = self._data, defaultdict(list)
        lines, self._lines = self._lines, defaultdict(list)
        self._posted = False
        for (scope, dimension_sets), values in data.items():
            self._metrics.add_to_each(tx, scope, NAMESPACE, dimension_sets, values)
        for (to, stream), events in lines.items():
            access_log.write(tx, self._logs, to, stream, events)


@lru_cache(maxsize=1024)
def _dimensions(api: str, stage: str, method: str, resource: str) -> DimensionSets:
    """What a request is counted under: the API, its stage, and with detailed metrics its method."""
    of_api, of_stage = ("ApiName", api), ("Stage", stage)
    sets: DimensionSets = ((of_api,), (of_api, of_stage))
    return (*sets, (of_api, ("Method", method), ("Resource", resource), of_stage)) if resource else sets


def _endpoint_type(snapshot: Snapshot) -> str:
    return next(iter((snapshot.api.settings.get("endpointConfiguration") or {}).get("types") or ()), "")


def access_line(
    exchange: Exchange,
    form: str,
    answer: HttpResponse,
    now: float,
    stage: dict[str, Any] | None = None,
    endpoint_type: str = "",
) -> str:
    """The access log's line [D: api-gateway-variables-for-access-logging].

    There is no WAF, no VPC and no TLS here, so that their variables are `-`.
    """
    phases = exchange.phases
    integration = access_log.of_integration(
        exchange.integration_status,
        exchange.function_status,
        exchange.integration_latency,
        _integration_error(exchange),
        exchange.endpoint_headers,
    )
    if exchange.integration_status is not None:
        streamed = answer.stream is not None
        integration["integration"] |= {
            "responseTransferMode": "STREAM" if streamed else "BUFFERED",
            "timeToAllHeaders": exchange.integration_latency if streamed else None,
            "timeToFirstContent": exchange.first_content_latency,
        }
    where = exchange.where
    known: dict[str, Any] = {
        **exchange.context,
        **integration,
        "status": answer.status,
        "responseLength": len(answer.body) + exchange.streamed_bytes,
        "responseLatency": round((now - exchange.now) * 1000),
        "endpointType": endpoint_type,
        "customDomain": {
            "basePathMatched": (where.base_path or "").lstrip("/"),
            "routingRuleIdMatched": where.routing_rule_id,
        },
        "authenticate": phases.get("authenticate"),
        "authorize": phases.get("authorize"),
        "error": exchange.error or {},
        "xrayTraceId": _root(exchange.trace_id) if stage and stage.get("tracingEnabled") else None,
    }
    if exchange.authorizer is not None or "authorizer" in phases:
        known["authorizer"] = {**phases.get("authorizer", {}), **(exchange.authorizer or {})}
    return access_log.filled(form, known)


def _integration_error(exchange: Exchange) -> str:
    """Why the integration gave no answer; the words are those of the execution log (unverified)."""
    kind = (exchange.error or {}).get("responseType")
    return exchange.trace.problem or "" if kind in _OF_INTEGRATIONS else ""


def _root(trace: str) -> str:
    """The id of a trace header; AWS's variable has no `Root=`. That it is empty without tracing is unverified."""
    return next((part[5:] for part in trace.split(";") if part.startswith("Root=")), trace)


def logged_lines(exchange: Exchange, settings: dict[str, Any], status: int) -> list[str]:
    """The execution log as CloudWatch shows it, by the method's level and data tracing."""
    lines = execution_log.lines(exchange, exchange.where.path)
    if settings.get("loggingLevel") == "ERROR":
        lines = [line for line in lines if line.startswith(_ERRORS)] if status >= 400 else []
    elif not settings.get("dataTraceEnabled"):
        lines = [line for line in lines if not line.startswith(_DATA)]
    if lines:
        lines = [f"Extended Request Id: {exchange.extended_request_id}", *lines]
    return [_cut(f"({exchange.request_id}) {line}") for line in lines]


def _cut(line: str) -> str:
    raw = line.encode("utf-8", "replace")
    if len(raw) <= _LONGEST_LINE:
        return line
    return raw[: _LONGEST_LINE - 12].decode("utf-8", "ignore") + " [TRUNCATED]"
