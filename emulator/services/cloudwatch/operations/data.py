"""GetMetricData: several metrics and expressions of them at once."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudwatch import distribution, model, reading, store
from emulator.services.cloudwatch.mathematics import Environment, InvalidExpression, Series, evaluate, names_in

MOST_QUERIES = 500
MOST_RETURNED = 100_800
_ID = re.compile(r"[a-z][A-Za-z0-9_]*")


class DataOperations:
    """The operation GetMetricData."""

    def get_metric_data(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The values of metrics and expressions by period."""
        queries: list[dict[str, Any]] = request["MetricDataQueries"]
        check_queries(queries)
        start, end = model.epoch(request["StartTime"]), model.epoch(request["EndTime"])
        if start >= end:
            raise model.validation_error("The parameter StartTime must be less than the parameter EndTime.")
        found = solve(tx, scope, queries, start, end)
        ascending = request.get("ScanBy") == "TimestampAscending"
        returned = [query for query in queries if query.get("ReturnData") is not False]
        share = max(1, min(request.get("MaxDatapoints") or MOST_RETURNED, MOST_RETURNED) // max(1, len(returned)))
        begin = _read_token(request.get("NextToken"))
        results: list[dict[str, Any]] = []
        more = False
        for query in returned:
            points = sorted(found[query["Id"]].items(), reverse=not ascending)
            page = points[begin : begin + share]
            unfinished = len(points) > begin + share
            more = more or unfinished
            results.append(
                {
                    "Id": query["Id"],
                    "Label": query.get("Label") or _label(query),
                    "Timestamps": [at for at, _ in page],
                    "Values": [value for _, value in page],
                    "StatusCode": "PartialData" if unfinished else "Complete",
                }
            )
        token = json.dumps(begin + share) if more else None
        return {"MetricDataResults": results, "NextToken": token, "Messages": []}


def check_queries(queries: list[dict[str, Any]]) -> None:
    """Refuse queries that cannot be answered. Raises AWS's errors."""
    if not queries:
        raise model.missing("The parameter MetricDataQueries is required.")
    if len(queries) > MOST_QUERIES:
        raise model.validation_error(
            f"The collection MetricDataQueries must not have a size greater than {MOST_QUERIES}."
        )
    seen: set[str] = set()
    for number, query in enumerate(queries, 1):
        identifier = query["Id"]
        if not _ID.fullmatch(identifier):
            raise model.validation_error(
                f'The value "{identifier}" for parameter MetricDataQueries.member.{number}.Id'
                " is not matching the expected pattern ^[a-z][a-zA-Z0-9_]*$."
            )
        if identifier in seen:
            raise model.validation_error(f"The id '{identifier}' is used more than once in MetricDataQueries.")
        seen.add(identifier)
        if query.get("AccountId"):
            raise NotEmulated("cloudwatch", "metrics of another account")
        stat, expression = query.get("MetricStat"), query.get("Expression")
        if (stat is None) == (expression is None):
            raise model.validation_error(
                f"Exactly one of MetricStat and Expression must be specified for MetricDataQueries.member.{number}."
            )
        if stat is not None:
            model.check_period(stat["Period"], f"MetricDataQueries.member.{number}.MetricStat.Period")
            if not distribution.is_statistic(stat["Stat"]):
                raise model.validation_error(f"The value {stat['Stat']} for parameter Stat is not supported.")
            if not stat["Metric"].get("Namespace") or not stat["Metric"].get("MetricName"):
                raise model.missing("The parameters Metric.Namespace and Metric.MetricName are required.")


def solve(tx: Transaction, scope: Scope, queries: list[dict[str, Any]], start: float, end: float) -> dict[str, Series]:
    """The series of every query. Raises AWS's errors for expressions that have none."""
    found: dict[str, Series] = {}
    periods: dict[str, int] = {}
    metrics: list[str] = []
    expressions: dict[str, dict[str, Any]] = {}
    for query in queries:
        if query.get("MetricStat") is None:
            expressions[query["Id"]] = query
            continue
        period = query["MetricStat"]["Period"]
        periods[query["Id"]] = period
        metrics.append(query["Id"])
        since = model.rounded_start(start, tx.now, period)
        found[query["Id"]] = series_of(tx, scope, query["MetricStat"], since, math.ceil(end))
    grain = max(periods.values(), default=60)
    times = list(range(model.rounded_start(start, tx.now, grain), math.ceil(end), grain))[:MOST_RETURNED]
    environment = Environment(found, periods, metrics, times)
    while expressions:
        ready = [name for name, query in expressions.items() if not names_in(query["Expression"]) & expressions.keys()]
        if not ready:
            raise model.validation_error("The expressions of MetricDataQueries depend on each other.")
        for name in ready:
            found[name] = _solved(expressions.pop(name), environment)
            periods[name] = grain
    return found


def series_of(tx: Transaction, scope: Scope, stat: Mapping[str, Any], since: int, until: int) -> Series:
    """One statistic of one metric by period, counted from `since`."""
    metric = stat["Metric"]
    key = (
        metric["Namespace"],
        metric["MetricName"],
        store.dimensions_key(model.dimensions_of(metric.get("Dimensions"))),
    )
    periods = reading.of_all_units(tx, scope, key, (since, until), stat["Period"], stat.get("Unit"))
    values = {begin: part.statistic(stat["Stat"]) for begin, part in periods.items()}
    return {begin: float(value) for begin, value in values.items() if value is not None}


def _solved(query: Mapping[str, Any], environment: Environment) -> Series:
    try:
        value = evaluate(query["Expression"], environment)
    except InvalidExpression as problem:
        raise model.validation_error(f"Error in expression '{query['Id']}': {problem}") from None
    if isinstance(value, list):
        raise NotEmulated("cloudwatch", "metric math that returns several series")
    if not isinstance(value, dict):
        if query.get("ReturnData") is False:
            return dict.fromkeys(environment.times, value)
        raise model.validation_error(
            f"Error in expression '{query['Id']}': The expression must return a time series, not a scalar"
        )
    return value


def _label(query: Mapping[str, Any]) -> str:
    stat = query.get("MetricStat")
    return stat["Metric"]["MetricName"] if stat is not None else query["Id"]


def _read_token(token: str | None) -> int:
    if token is None:
        return 0
    if not (token.isascii() and token.isdigit() and len(token) < 10):
        raise AwsError("InvalidNextToken", "The specified nextToken is invalid.", 400)
    return int(token)
