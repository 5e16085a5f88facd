"""How metric values come in: from PutMetricData, and from services that count (`Context.metrics`).

One call is one row of JSON, because calls are part of every invocation's commit; the rollup makes minutes of many rows.
Services count the like many times in one commit (16 accepted events on 16 connections), so theirs are gathered until
then: one row for each set of dimensions, with how often each value came. What watches metrics (alarms) is told in the
same transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum, DimensionSets
from emulator.ports import Transaction
from emulator.services.cloudwatch import store
from emulator.services.cloudwatch.distribution import Distribution

ROLLUP_JOB = "cloudwatch.rollup"
ROLLUP_EVERY = 1000
"""Rows that may wait for a rollup: reading stays cheap and the table small."""


class Alarms(Protocol):
    """Who watches metrics."""

    def saw(self, tx: Transaction, scope: Scope, namespace: str, dimension_sets: Sequence[str]) -> None:
        """Values have arrived under these dimensions. On the way of every invocation: cheap without alarms."""
        ...

    def sampled(self, tx: Transaction, scope: Scope, namespace: str, dimension_sets: Sequence[str]) -> None:
        """The same for values that are measured regularly though nothing may have happened."""
        ...


class Recording:
    """CloudWatch metrics as other services see them: a MetricSink."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms

    def add(
        self, tx: Transaction, scope: Scope, namespace: str, dimensions: Mapping[str, str], data: Sequence[Datum]
    ) -> None:
        """Add values at `tx.now` under exactly these dimensions."""
        self.add_to_each(tx, scope, namespace, (tuple(dimensions.items()),), data)

    def add_to_each(
        self,
        tx: Transaction,
        scope: Scope,
        namespace: str,
        dimension_sets: DimensionSets,
        data: Sequence[Datum],
    ) -> None:
        """Add the same values under each of these sets of dimensions."""
        if data:
            at = int(tx.now)
            tx.gather(self._write, ((scope, namespace, _keys(dimension_sets), at - at % 60), data))

    def sample(
        self,
        tx: Transaction,
        scope: Scope,
        namespace: str,
        dimension_sets: DimensionSets,
        data: Sequence[Datum],
    ) -> None:
        """Add values that are measured every minute though nothing may have happened."""
        at, keys = int(tx.now), _keys(dimension_sets)
        entries: list[list[Any]] = [[name, unit, value] for name, value, unit in data]
        self._append(tx, scope, namespace, keys, entries, at - at % 60)
        self._alarms.sampled(tx, scope, namespace, keys)

    def expect(self, tx: Transaction, scope: Scope, namespace: str, dimension_sets: DimensionSets) -> None:
        """Alarms that watch these dimensions are evaluated, with no value yet."""
        self._alarms.saw(tx, scope, namespace, _keys(dimension_sets))

    def _write(self, tx: Transaction, items: list[tuple[_Series, Sequence[Datum]]]) -> None:
        """Append what one commit has gathered."""
        gathered: dict[_Series, dict[tuple[str, str], dict[float, int]]] = {}
        for series, data in items:
            metrics = gathered.setdefault(series, {})
            for name, value, unit in data:
                times = metrics.setdefault((name, unit), {})
                times[value] = times.get(value, 0) + 1
        for (scope, namespace, keys, at), metrics in gathered.items():
            entries = [_entry(name, unit, times) for (name, unit), times in metrics.items()]
            self._append(tx, scope, namespace, keys, entries, at)
            self._alarms.saw(tx, scope, namespace, keys)

    def record(
        self,
        tx: Transaction,
        scope: Scope,
        namespace: str,
        dimensions: Mapping[str, str],
        entries: list[list[Any]],
        at: int,
    ) -> None:
        """Append entries `[name, unit, value]`, `[name, unit, values, counts]` or `[name, unit, {statistic set}]`.

        `at` is a whole minute, unless the values are of high resolution.
        """
        keys = (store.dimensions_key(dimensions),)
        self._append(tx, scope, namespace, keys, entries, at)
        self._alarms.saw(tx, scope, namespace, keys)

    def _append(
        self,
        tx: Transaction,
        scope: Scope,
        namespace: str,
        keys: Sequence[str],
        entries: list[list[Any]],
        at: int,
    ) -> None:
        number = store.add_write(tx, scope, namespace, keys, at, entries)
        if number % ROLLUP_EVERY == 0:
            jobs.cancel(tx, ROLLUP_JOB)
            jobs.enqueue(tx, ROLLUP_JOB, {}, key=ROLLUP_JOB)


_Series = tuple[Scope, str, tuple[str, ...], int]
"""Account, namespace, sets of dimensions and minute: what values must share to be one row."""


@lru_cache(maxsize=4096)
def _keys(dimension_sets: DimensionSets) -> tuple[str, ...]:
    return tuple(store.dimensions_key(dict(dimensions)) for dimensions in dimension_sets)


def _entry(name: str, unit: str, times: dict[float, int]) -> list[Any]:
    """Values of one metric as they are kept: a single one is plain."""
    if len(times) == 1:
        ((value, count),) = times.items()
        if count == 1:
            return [name, unit, value]
    return [name, unit, list(times), list(times.values())]


class Value(NamedTuple):
    """What was written about one metric at one time."""

    name: str
    unit: str
    distribution: Distribution


def values_of(entries: Iterable[list[Any]], name: str | None = None) -> Iterator[Value]:
    """The entries of one write, of one metric or of all."""
    for entry in entries:
        if name is not None and entry[0] != name:
            continue
        made = Distribution()
        given = entry[2]
        if isinstance(given, dict):
            made.add_set(given["n"], given["sum"], given["min"], given["max"])
        elif isinstance(given, list):
            for value, times in zip(given, entry[3], strict=True):
                made.add(value, times)
        else:
            made.add(given)
        yield Value(entry[0], entry[1], made)
