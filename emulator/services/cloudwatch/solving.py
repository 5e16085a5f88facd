"""Queries of metrics and expressions, and their values by period. GetMetricData and alarms both ask so."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudwatch import distribution, model, reading, store
from emulator.services.cloudwatch.mathematics import Environment, InvalidExpression, Series, evaluate, names_in

MOST_QUERIES = 500
MOST_PERIODS = 100_800
_ID = re.compile(r"[a-z][A-Za-z0-9_]*")


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
    times = list(range(model.rounded_start(start, tx.now, grain), math.ceil(end), grain)[:MOST_PERIODS])
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
