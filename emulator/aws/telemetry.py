"""Where services write what they did: log events and metrics, in the transaction that commits the doing.

Decides shapes only. CloudWatch Logs and CloudWatch (`services/logs`, `services/cloudwatch`) are behind them;
`Silent` keeps nothing, for tests of one service alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from emulator.aws.scope import Scope
from emulator.ports import LogEvent, Transaction


class Datum(NamedTuple):
    """One metric value; `unit` is CloudWatch's word (`Count`, `Milliseconds`)."""

    name: str
    value: float
    unit: str = "Count"


DimensionSets = tuple[tuple[tuple[str, str], ...], ...]
"""Sets of dimensions as pairs of name and value: hashable, because they say the same at every invocation."""


class LogSink(Protocol):
    """CloudWatch Logs as other services see it."""

    def put(self, tx: Transaction, scope: Scope, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Append events to a stream; group and stream come into being as AWS's services make them. Never refuses."""
        ...


class MetricSink(Protocol):
    """CloudWatch metrics as other services see it."""

    def add(
        self, tx: Transaction, scope: Scope, namespace: str, dimensions: Mapping[str, str], data: Sequence[Datum]
    ) -> None:
        """Add values at `tx.now` under exactly these dimensions."""
        ...

    def add_to_each(
        self,
        tx: Transaction,
        scope: Scope,
        namespace: str,
        dimension_sets: DimensionSets,
        data: Sequence[Datum],
    ) -> None:
        """Add the same values under each of these sets of dimensions, at the price of one write.

        Sets that are given again and again are best given as the same pairs in the same order.
        """
        ...

    def sample(
        self,
        tx: Transaction,
        scope: Scope,
        namespace: str,
        dimension_sets: DimensionSets,
        data: Sequence[Datum],
    ) -> None:
        """Add values that are measured regularly though nothing may have happened: settling does not wait for them."""
        ...

    def expect(self, tx: Transaction, scope: Scope, namespace: str, dimension_sets: DimensionSets) -> None:
        """Something has happened of which the next samples tell: settling waits for alarms that watch them."""
        ...


class Silent:
    """Keeps nothing: a LogSink and a MetricSink."""

    def put(self, tx: Transaction, scope: Scope, group: str, stream: str, events: Sequence[LogEvent]) -> None:
        """Nothing."""

    def add(
        self, tx: Transaction, scope: Scope, namespace: str, dimensions: Mapping[str, str], data: Sequence[Datum]
    ) -> None:
        """Nothing."""

    def add_to_each(
        self,
        tx: Transaction,
        scope: Scope,
        namespace: str,
        dimension_sets: DimensionSets,
        data: Sequence[Datum],
    ) -> None:
        """Nothing."""

    def sample(
        self,
        tx: Transaction,
        scope: Scope,
        namespace: str,
        dimension_sets: DimensionSets,
        data: Sequence[Datum],
    ) -> None:
        """Nothing."""

    def expect(self, tx: Transaction, scope: Scope, namespace: str, dimension_sets: DimensionSets) -> None:
        """Nothing."""
