"""What happens later: many writes become one summary per metric and minute, and alarms look at their metrics."""

from __future__ import annotations

from typing import Any

from emulator import jobs
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Store, Transaction
from emulator.services.cloudwatch import store
from emulator.services.cloudwatch.distribution import Distribution
from emulator.services.cloudwatch.recording import values_of
from emulator.services.cloudwatch.watching import Watching

WRITES_AT_ONCE = 500
"""Rows merged in one commit: a rollup never holds up others for long."""
FINE_SECONDS = 3 * 3600
"""How long values of high resolution keep their second [D: metrics retention]."""
KEPT_SECONDS = 455 * 86400
"""How long CloudWatch keeps metrics at all (15 months) [D]."""


class MetricWorker:
    """Runs `cloudwatch.rollup`, `cloudwatch.alarm` and `cloudwatch.alarm.calm` jobs."""

    def __init__(self, rows: Store, watching: Watching) -> None:
        self._rows = rows
        self._watching = watching

    async def roll_up(self, job: Job) -> None:
        """Merge what was written into minutes, a commit for each piece."""
        await self._rows.transact(lambda tx: _roll_up(tx, job))

    async def evaluate(self, job: Job) -> None:
        """Evaluate an alarm; state, actions and the next evaluation are one commit."""
        await self._rows.transact(lambda tx: self._evaluate(tx, job))

    def _evaluate(self, tx: Transaction, job: Job) -> None:
        scope, name = Scope(job.payload["account"], job.payload["region"]), job.payload["name"]
        if not jobs.complete(tx, job.id):
            return
        store.note_evaluation(tx, scope, name, None)
        alarm = store.get_alarm(tx, scope, name)
        if alarm is not None:
            in_sight = self._watching.evaluate(tx, alarm)
            self._watching.go_on(tx, alarm, in_sight, job.payload.get("patience", 0))


def _roll_up(tx: Transaction, job: Job) -> None:
    summaries = _Summaries(tx)
    taken, more = store.take_writes(tx, WRITES_AT_ONCE)
    for write, entries in _by_series(taken):
        for (name, unit), times in _count_values(entries).items():
            summary = summaries.of(summaries.metric(write, name), unit, write.at)
            for value, count in times.items():
                summary.add(value, count)
        for value in values_of(entry for entry in entries if isinstance(entry[2], dict)):
            metric = summaries.metric(write, value.name)
            summaries.of(metric, value.unit, write.at).merge(value.distribution)
    fine = store.take_fine(tx, int(tx.now) - FINE_SECONDS, WRITES_AT_ONCE)
    for metric, unit, at, summary in fine:
        summaries.of(metric, unit, at - at % 60).merge(Distribution.from_json(summary))
    summaries.write()
    if more or len(fine) == WRITES_AT_ONCE:
        jobs.reschedule(tx, job.id, tx.now)
        return
    store.forget_before(tx, int(tx.now) - KEPT_SECONDS)
    jobs.complete(tx, job.id)


def _by_series(writes: list[store.Write]) -> list[tuple[store.Write, list[list[Any]]]]:
    """The entries of each series and time together, with one of their writes."""
    found: dict[tuple[str, str, int, Scope], tuple[store.Write, list[list[Any]]]] = {}
    for write in writes:
        key = (write.dimensions, write.namespace, write.at, write.scope)
        known = found.get(key)
        if known is None:
            found[key] = (write, list(write.entries))
        else:
            known[1].extend(write.entries)
    return list(found.values())


def _count_values(entries: list[list[Any]]) -> dict[tuple[str, str], dict[float, int]]:
    """How often which value came, by name and unit: a thousand invocations differ in their durations only."""
    found: dict[tuple[str, str], dict[float, int]] = {}
    for entry in entries:
        given = entry[2]
        if isinstance(given, dict):  # a set of statistics, of which nobody knows the values
            continue
        times = found.setdefault((entry[0], entry[1]), {})
        if isinstance(given, list):
            for value, count in zip(given, entry[3], strict=True):
                times[value] = times.get(value, 0) + count
        else:
            times[given] = times.get(given, 0) + 1
    return found


class _Summaries:
    """The summaries that one rollup touches, read and written once each."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx
        self._metrics: dict[tuple[object, ...], int] = {}
        self._found: dict[tuple[int, str, int], Distribution] = {}

    def metric(self, write: store.Write, name: str) -> int:
        key = (write.scope, write.namespace, write.dimensions, name, write.at)
        known = self._metrics.get(key)
        if known is None:
            known = self._metrics[key] = store.note_metric(
                self._tx, write.scope, write.namespace, name, write.dimensions, write.at
            )
        return known

    def of(self, metric: int, unit: str, at: int) -> Distribution:
        found = self._found.get((metric, unit, at))
        if found is None:
            before = store.get_summary(self._tx, metric, unit, at)
            found = self._found[metric, unit, at] = Distribution.from_json(before) if before else Distribution()
        return found

    def write(self) -> None:
        for (metric, unit, at), distribution in self._found.items():
            store.put_summary(self._tx, metric, unit, at, distribution.to_json())
