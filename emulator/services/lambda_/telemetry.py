"""What an invocation leaves in CloudWatch: its log events and its metrics (lambda_async 2.6).

Decides names, units and dimensions; written in the transaction of whatever was done. Every metric is kept for all
functions together, by function, by function and resource (the version or alias that was invoked), and for an alias by
executed version too.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, DimensionSets, LogSink, MetricSink
from emulator.ports import InvocationResult, LogEvent, Transaction

NAMESPACE = "AWS/Lambda"
_ONE_THROTTLE = (Datum("Throttles", 1.0),)


class Telemetry:
    """Writes log events and metrics of functions."""

    def __init__(self, logs: LogSink, metrics: MetricSink) -> None:
        self._logs = logs
        self._metrics = metrics

    def ran(
        self,
        tx: Transaction,
        scope: Scope,
        name: str,
        qualifier: str | None,
        version: str,
        log_group: str,
        result: InvocationResult,
        running: int,
        age_seconds: float | None = None,
        provisioned: tuple[int, int] = (0, 0),
    ) -> None:
        """An attempt that ran: logs, and its metrics with the age of its event if it was one.

        `provisioned`: how many run in provisioned places (0 if this one did not), and how many such places there are.
        """
        if result.logs:
            self._logs.put(tx, scope, log_group, result.log_stream, result.logs)
        data = [
            Datum("Invocations", 1.0),
            Datum("Errors", 0.0 if result.function_error is None else 1.0),
            Datum("Duration", round(result.took_seconds * 1000, 2), "Milliseconds"),  # as REPORT lines print it
            Datum("ConcurrentExecutions", float(running)),
        ]
        if age_seconds is not None:
            data.append(Datum("AsyncEventAge", age_seconds * 1000, "Milliseconds"))
        used, places = provisioned
        if used:
            data.append(Datum("ProvisionedConcurrencyInvocations", 1.0))
            data.append(Datum("ProvisionedConcurrentExecutions", float(used)))
            data.append(Datum("ProvisionedConcurrencyUtilization", used / places))
        elif places:
            data.append(Datum("ProvisionedConcurrencySpilloverInvocations", 1.0))
        self._add(tx, scope, name, qualifier, version, data)

    def wrote(self, tx: Transaction, scope: Scope, log_group: str, log_stream: str, events: Sequence[LogEvent]) -> None:
        """What a function that still runs has logged so far."""
        self._logs.put(tx, scope, log_group, log_stream, events)

    def throttled(self, tx: Transaction, scope: Scope, name: str, qualifier: str | None) -> None:
        """An attempt that had no place to run: neither an invocation nor an error."""
        self._add(tx, scope, name, qualifier, "", _ONE_THROTTLE)

    def count(self, tx: Transaction, scope: Scope, name: str, qualifier: str | None, metric: str) -> None:
        """One more of something that happened to an event."""
        self._add(tx, scope, name, qualifier, "", (Datum(metric, 1.0),))

    def iterator_age(self, tx: Transaction, scope: Scope, name: str, qualifier: str | None, seconds: float) -> None:
        """How old the last record of a stream's batch was when the function was done with it."""
        age = Datum("IteratorAge", max(round(seconds * 1000), 0), "Milliseconds")
        self._add(tx, scope, name, qualifier, "", (age,))

    def url_answered(
        self, tx: Transaction, scope: Scope, name: str, qualifier: str, status: int, took_seconds: float
    ) -> None:
        """A request to a function URL, whoever answered it (AWS: urls-monitoring); `qualifier` may be `$LATEST`."""
        data = [
            Datum("UrlRequestCount", 1.0),
            Datum("Url4xxCount", float(400 <= status <= 499)),
            Datum("Url5xxCount", float(status >= 500)),
            Datum("UrlRequestLatency", took_seconds * 1000, "Milliseconds"),
        ]
        self._add(tx, scope, name, qualifier, "", data)

    def _add(
        self,
        tx: Transaction,
        scope: Scope,
        name: str,
        qualifier: str | None,
        version: str,
        data: list[Datum] | tuple[Datum, ...],
    ) -> None:
        self._metrics.add_to_each(tx, scope, NAMESPACE, _dimension_sets(name, qualifier, version), data)


@lru_cache(maxsize=4096)
def _dimension_sets(name: str, qualifier: str | None, version: str) -> DimensionSets:
    function = ("FunctionName", name)
    resource = ("Resource", name if qualifier is None else f"{name}:{qualifier}")
    if version and qualifier is not None and qualifier != version:
        return (), (function,), (function, resource), (function, resource, ("ExecutedVersion", version))
    return (), (function,), (function, resource)
