"""Values of one metric in a span of time, cut into periods: summaries and what no rollup has merged yet, together."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudwatch import store
from emulator.services.cloudwatch.distribution import Distribution
from emulator.services.cloudwatch.recording import values_of

Periods = dict[int, Distribution]
"""Begin of a period → everything measured in it."""


def by_unit(
    tx: Transaction, scope: Scope, metric: tuple[str, str, str], since: int, until: int, period: int
) -> dict[str, Periods]:
    """Values in `[since, until)` by unit, in periods counted from `since`.

    `metric` is (namespace, name, dimensions).
    """
    found: dict[str, Periods] = {}
    for at, unit, distribution in _values(tx, scope, metric, since, until):
        periods = found.setdefault(unit, {})
        begin = at - (at - since) % period
        known = periods.get(begin)
        if known is None:
            known = periods[begin] = Distribution()
        known.merge(distribution)
    return found


def of_all_units(
    tx: Transaction, scope: Scope, metric: tuple[str, str, str], span: tuple[int, int], period: int, unit: str | None
) -> Periods:
    """Values of a metric in one unit, or in all of them together."""
    merged: Periods = {}
    for name, periods in by_unit(tx, scope, metric, *span, period).items():
        if unit is None or name == unit:
            for begin, distribution in periods.items():
                merged.setdefault(begin, Distribution()).merge(distribution)
    return merged


def known_metrics(tx: Transaction, scope: Scope, namespace: str | None) -> dict[tuple[str, str, str], int]:
    """(namespace, name, dimensions) of every metric → when it was last measured."""
    found = {
        (metric.namespace, metric.name, metric.dimensions): metric.last_at
        for metric in store.metrics(tx, scope, namespace)
    }
    for write in store.writes(tx, scope, namespace):
        for entry in write.entries:
            key = (write.namespace, entry[0], write.dimensions)
            found[key] = max(found.get(key, 0), write.at)
    return found


def _values(
    tx: Transaction, scope: Scope, metric: tuple[str, str, str], since: int, until: int
) -> Iterator[tuple[int, str, Distribution]]:
    namespace, name, dimensions = metric
    known = store.find_metric(tx, scope, namespace, name, dimensions)
    if known is not None:
        for unit, at, summary in store.summaries(tx, known, since, until):
            yield at, unit, Distribution.from_json(summary)
    for write in store.writes(tx, scope, namespace, dimensions):
        if since <= write.at < until:
            for value in values_of(write.entries, name):
                yield write.at, value.unit, value.distribution
