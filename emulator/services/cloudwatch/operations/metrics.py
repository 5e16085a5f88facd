"""Metrics: values put, metrics listed, statistics asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudwatch import distribution, model, reading, store
from emulator.services.cloudwatch.recording import Recording

LIST_PAGE = 500
LISTED_SECONDS = 14 * 86400
"""ListMetrics forgets metrics that had no value for two weeks [D]."""
RECENT_SECONDS = 3 * 3600


class MetricOperations:
    """The operations on metrics by name."""

    def __init__(self, recording: Recording) -> None:
        self.recording = recording

    def put_metric_data(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Record values of metrics."""
        namespace = request["Namespace"]
        if namespace.startswith("AWS/"):
            raise model.invalid("The value AWS/ for parameter Namespace is invalid.")
        if request.get("EntityMetricData"):
            raise NotEmulated("cloudwatch", "PutMetricData with EntityMetricData")
        data = request.get("MetricData") or []
        if not data:
            raise model.missing("The parameter MetricData is required.")
        if len(data) > model.MOST_DATA:
            raise model.invalid(f"The collection MetricData must not have a size greater than {model.MOST_DATA}.")
        writes: dict[tuple[str, int], tuple[dict[str, str], list[list[Any]]]] = {}
        for number, datum in enumerate(data, 1):
            dimensions = model.dimensions_of(datum.get("Dimensions"), f"MetricData.member.{number}.Dimensions")
            at = model.time_of(datum, tx.now, number)
            key = (store.dimensions_key(dimensions), at)
            writes.setdefault(key, (dimensions, []))[1].append(model.entry_of(datum, number))
        for (_, at), (dimensions, entries) in writes.items():
            self.recording.record(tx, scope, namespace, dimensions, entries, at)
        return {}

    def list_metrics(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Metrics that had values lately, by namespace, name and dimensions."""
        if request.get("IncludeLinkedAccounts") or request.get("OwningAccount") not in (None, scope.account):
            raise NotEmulated("cloudwatch", "metrics of linked accounts")
        after = _read_token(request.get("NextToken"))
        oldest = tx.now - (RECENT_SECONDS if request.get("RecentlyActive") else LISTED_SECONDS)
        found: list[tuple[str, str, str]] = []
        for key, last_at in sorted(reading.known_metrics(tx, scope, request.get("Namespace")).items()):
            if last_at >= oldest and _asked(key, request):
                found.append(key)
        page = found[after : after + LIST_PAGE]
        more = len(found) > after + LIST_PAGE
        return {
            "Metrics": [
                {"Namespace": namespace, "MetricName": name, "Dimensions": shown_dimensions(dimensions)}
                for namespace, name, dimensions in page
            ],
            "NextToken": str(after + LIST_PAGE) if more else None,
        }

    def get_metric_statistics(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Statistics of one metric by period; in no order, as on AWS."""
        statistics: list[str] = request.get("Statistics") or []
        extended: list[str] = request.get("ExtendedStatistics") or []
        if not statistics and not extended:
            raise model.missing("At least one of the parameters Statistics and ExtendedStatistics must be specified.")
        if statistics and extended:
            # AWS: "you must specify either Statistics or ExtendedStatistics, but not both" [D].
            raise model.bad_combination(
                "The parameters Statistics and ExtendedStatistics are mutually exclusive and you have specified both."
            )
        for name in extended:
            if distribution.parse_extended(name) is None:
                raise model.invalid(f"The value {name} for parameter ExtendedStatistics is not supported.")
        start, end, period = _span(request, tx.now)
        if (end - start) / period > model.MOST_DATAPOINTS:
            raise model.bad_combination(
                f"You have requested up to {(end - start + period - 1) // period:,} datapoints, which exceeds the limit"
                f" of {model.MOST_DATAPOINTS:,}. You may reduce the datapoints requested by increasing Period, or"
                " decreasing the time range."
            )
        metric = _metric(request)
        found: list[dict[str, Any] | None] = []
        for unit, periods in reading.by_unit(tx, scope, metric, start, end, period).items():
            if request.get("Unit") in (None, unit):
                found += [_datapoint(begin, part, unit, statistics, extended) for begin, part in periods.items()]
        return {"Label": request["MetricName"], "Datapoints": [point for point in found if point]}


def shown_dimensions(key: str) -> list[dict[str, str]]:
    """A set of dimensions as AWS lists it."""
    return [{"Name": name, "Value": value} for name, value in store.dimensions_of(key).items()]


def _metric(request: Mapping[str, Any]) -> tuple[str, str, str]:
    dimensions = model.dimensions_of(request.get("Dimensions"))
    return request["Namespace"], request["MetricName"], store.dimensions_key(dimensions)


def _span(request: Mapping[str, Any], now: float) -> tuple[int, int, int]:
    start, end, period = model.epoch(request["StartTime"]), model.epoch(request["EndTime"]), request["Period"]
    if start >= end:
        raise model.bad_combination("The parameter StartTime must be less than the parameter EndTime.")
    model.check_period(period)
    return model.rounded_start(start, now, period), int(-(-end // 1)), period


def _datapoint(
    begin: int, part: distribution.Distribution, unit: str, statistics: list[str], extended: list[str]
) -> dict[str, Any] | None:
    values = {name: part.statistic(name) for name in statistics}
    percentiles = {name: part.statistic(name) for name in extended}
    known = {name: value for name, value in percentiles.items() if value is not None}
    if extended and not known:
        return None
    point: dict[str, Any] = {"Timestamp": begin, **values, "Unit": unit}
    if extended:
        point["ExtendedStatistics"] = known
    return point


def _asked(key: tuple[str, str, str], request: Mapping[str, Any]) -> bool:
    if request.get("MetricName") not in (None, key[1]):
        return False
    dimensions = store.dimensions_of(key[2])
    for wanted in request.get("Dimensions") or []:
        value = dimensions.get(wanted["Name"])
        if value is None or wanted.get("Value") not in (None, value):
            return False
    return True


def _read_token(token: str | None) -> int:
    if token is None:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise AwsError("InvalidParameterValueException", "Invalid nextToken", 400)
    return int(token)
