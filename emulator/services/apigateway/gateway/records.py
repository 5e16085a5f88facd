"""What a request leaves behind: metrics, a line in the access log, the execution log (3.19). Nobody waits for them."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from emulator.aws.http import HttpResponse
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, DimensionSets, LogSink, MetricSink
from emulator.ports import LogEvent, Store, Transaction
from emulator.services.apigateway.gateway import execution_log
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.routing import Snapshot

NAMESPACE = "AWS/ApiGateway"
_REFERENCE = re.compile(r"\$context((?:\.[A-Za-z0-9_\-]+)+)")
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
        self._lines: list[tuple[Scope, str, str, list[LogEvent]]] = []
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
            line = access_line(exchange, access["format"], answer, now)
            self._write(snapshot.scope, exchange, access["destinationArn"].partition(":log-group:")[2], [line], now)
        if settings.get("loggingLevel", "OFF") != "OFF":
            group = f"API-Gateway-Execution-Logs_{exchange.where.api_id}/{exchange.where.stage}"
            self._write(snapshot.scope, exchange, group, logged_lines(exchange, settings, answer.status), now)
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

    def _write(self, scope: Scope, exchange: Exchange, group: str, lines: list[str], now: float) -> None:
        if group and lines:
            day = datetime.fromtimestamp(now, UTC).date().isoformat()
            key = f"{exchange.where.api_id}/{exchange.where.stage}/{day}"
            stream = hashlib.sha256(key.encode()).hexdigest()[:32]
            self._lines.append((scope, group, stream, [LogEvent(now, line) for line in lines]))

    def _flush(self, tx: Transaction) -> None:
        data, self._data = self._data, defaultdict(list)
        lines, self._lines = self._lines, []
        self._posted = False
        for (scope, dimension_sets), values in data.items():
            self._metrics.add_to_each(tx, scope, NAMESPACE, dimension_sets, values)
        for scope, group, stream, events in lines:
            self._logs.put(tx, scope, group, stream, events)


@lru_cache(maxsize=1024)
def _dimensions(api: str, stage: str, method: str, resource: str) -> DimensionSets:
    """What a request is counted under: the API, its stage, and with detailed metrics its method."""
    of_api, of_stage = ("ApiName", api), ("Stage", stage)
    sets: DimensionSets = ((of_api,), (of_api, of_stage))
    return (*sets, (of_api, ("Method", method), ("Resource", resource), of_stage)) if resource else sets


def access_line(exchange: Exchange, form: str, answer: HttpResponse, now: float) -> str:
    """The access log's line: `$context` variables filled in, `-` for what is not there."""
    known: dict[str, Any] = {
        **exchange.context,
        "status": answer.status,
        "responseLength": len(answer.body) + exchange.streamed_bytes,
        "responseLatency": round((now - exchange.now) * 1000),
        "integrationStatus": exchange.integration_status,
        "integrationLatency": exchange.integration_latency,
        "integration": {
            "status": exchange.integration_status,
            "latency": exchange.integration_latency,
            "integrationStatus": exchange.integration_status,
        },
        "error": exchange.error or {},
        "xrayTraceId": exchange.trace_id,
    }

    def value(match: re.Match[str]) -> str:
        found: Any = known
        for name in match.group(1)[1:].split("."):
            found = found.get(name) if isinstance(found, dict) else None
        return "-" if found is None or isinstance(found, dict) else str(found)

    return _REFERENCE.sub(value, form)


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
