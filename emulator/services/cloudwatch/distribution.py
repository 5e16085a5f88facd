"""What is kept of many values: count, sum, least, greatest, and how often which value came. Pure.

Up to 600 different values are kept exactly; beyond, values share 300 logarithmic buckets (AWS does so too), so a
summary has a bound whatever was sent. Statistic sets have no single values and spoil percentiles, as on AWS.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

MOST_DISTINCT = 300
FINEST_GROWTH = 1.01
"""Neighbouring buckets differ by 1 %: percentiles are off by half a percent at most until there are very many."""

_EXTENDED = re.compile(r"(p|pr|tm|tc|ts|wm|PR|TM|TC|TS|WM)(.+)")
_NUMBER = r"\d+(?:\.\d+)?"
_PLAIN = re.compile(rf"({_NUMBER})")
_RANGE = re.compile(rf"\(({_NUMBER}%?)?:({_NUMBER}%?)?\)")

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")


class Distribution:
    """Values of one metric in one span of time."""

    __slots__ = ("count", "greatest", "least", "total", "values")

    def __init__(self) -> None:
        self.count = 0.0
        self.total = 0.0
        self.least = math.inf
        self.greatest = -math.inf
        self.values: dict[float, float] | None = {}
        """value → how often; None once a statistic set came in."""

    def add(self, value: float, times: float = 1.0) -> None:
        """One value, `times` over."""
        self.count += times
        self.total += value * times
        self.least = min(self.least, value)
        self.greatest = max(self.greatest, value)
        if self.values is not None:
            self.values[value] = self.values.get(value, 0.0) + times
            self._bound()

    def add_set(self, count: float, total: float, least: float, greatest: float) -> None:
        """A statistic set; one whose values must all be equal keeps percentiles possible [D]."""
        if least == greatest or count == 1:
            self.add(total / count if count else least, count)
            return
        self.count += count
        self.total += total
        self.least = min(self.least, least)
        self.greatest = max(self.greatest, greatest)
        self.values = None

    def merge(self, other: Distribution) -> None:
        """Everything of `other` too."""
        self.count += other.count
        self.total += other.total
        self.least = min(self.least, other.least)
        self.greatest = max(self.greatest, other.greatest)
        if self.values is None or other.values is None:
            self.values = None
            return
        for value, times in other.values.items():
            self.values[value] = self.values.get(value, 0.0) + times
        self._bound()

    def statistic(self, name: str) -> float | None:
        """`Average`, `p99.9`, `TM(10%:90%)`, …; None where there is no value to tell it from."""
        if name == "SampleCount":
            return self.count
        if name == "Sum":
            return self.total
        if self.count <= 0:
            return None
        if name == "Average":
            return self.total / self.count
        if name == "Minimum":
            return self.least
        if name == "Maximum":
            return self.greatest
        return self._extended(name)

    def to_json(self) -> list[Any]:
        """As the store keeps it."""
        pairs = None if self.values is None else [[value, times] for value, times in self.values.items()]
        return [self.count, self.total, self.least, self.greatest, pairs]

    @staticmethod
    def from_json(data: list[Any]) -> Distribution:
        """Back from `to_json`."""
        made = Distribution()
        made.count, made.total, made.least, made.greatest = data[0], data[1], data[2], data[3]
        made.values = None if data[4] is None else dict(data[4])
        return made

    def _bound(self) -> None:
        """Let values share buckets once there are too many, and then make room for as many again.

        Made to fit exactly, the next value would be one too many, and each would look at all others.
        """
        if self.values is None or len(self.values) <= 2 * MOST_DISTINCT:
            return
        growth = FINEST_GROWTH
        while len(self.values) > MOST_DISTINCT:
            coarse: dict[float, float] = {}
            for value, times in self.values.items():
                key = _bucket(value, growth)
                coarse[key] = coarse.get(key, 0.0) + times
            self.values = coarse
            growth *= growth

    def _extended(self, name: str) -> float | None:
        parsed = parse_extended(name)
        if self.values is None or parsed is None:
            return None
        kind, low, high = parsed
        ordered = sorted(self.values.items())
        if kind == "p":
            return _percentile(ordered, self.count, float(high[0]))
        least = self._edge(ordered, low, -math.inf)
        greatest = self._edge(ordered, high, math.inf)
        inside = [(value, times) for value, times in ordered if least <= value <= greatest]
        count = sum(times for _, times in inside)
        if kind == "pr":
            return 100.0 * count / self.count
        if kind == "tc":
            return count
        if kind == "ts":
            return sum(value * times for value, times in inside)
        if kind == "wm":
            pulled = sum(min(max(value, least), greatest) * times for value, times in ordered)
            return pulled / self.count
        return sum(value * times for value, times in inside) / count if count else None

    def _edge(self, ordered: list[tuple[float, float]], bound: tuple[float, bool], otherwise: float) -> float:
        value, is_percent = bound
        if math.isinf(value):
            return otherwise
        return _percentile(ordered, self.count, value) if is_percent else value


def parse_extended(name: str) -> tuple[str, tuple[float, bool], tuple[float, bool]] | None:
    """(kind, low bound, high bound) of an extended statistic, or None if it is none; a bound is (value, percent?)."""
    if name == "IQM":
        return "tm", (25.0, True), (75.0, True)
    found = _EXTENDED.fullmatch(name)
    if found is None:
        return None
    kind, rest = found.group(1).lower(), found.group(2)
    plain = _PLAIN.fullmatch(rest)
    if plain is not None:
        value = float(plain.group(1))
        if value > 100 or kind == "pr":
            return None
        return kind, (-math.inf, False), (value, True)
    span = _RANGE.fullmatch(rest)
    if span is None or kind == "p" or not (span.group(1) or span.group(2)):
        return None
    low, high = _bound(span.group(1), -math.inf), _bound(span.group(2), math.inf)
    if any(percent and value > 100 for value, percent in (low, high)):
        return None
    return kind, low, high


def is_statistic(name: str) -> bool:
    """Whether a statistic of that name exists."""
    return name in BASIC or parse_extended(name) is not None


def summarise(parts: Iterable[Distribution]) -> Distribution:
    """All parts as one."""
    whole = Distribution()
    for part in parts:
        whole.merge(part)
    return whole


def _bound(text: str | None, otherwise: float) -> tuple[float, bool]:
    if not text:
        return otherwise, False
    return float(text.removesuffix("%")), text.endswith("%")


def _percentile(ordered: list[tuple[float, float]], count: float, percent: float) -> float:
    """The value below which `percent` of the samples lie, by nearest rank (unverified: AWS does not say how)."""
    rank = percent / 100.0 * count
    seen = 0.0
    for value, times in ordered:
        seen += times
        if seen >= rank - 1e-9:
            return value
    return ordered[-1][0]


def _bucket(value: float, growth: float) -> float:
    if value == 0.0:
        return 0.0
    size = abs(value)
    step = math.log(growth)
    return math.copysign(math.exp(round(math.log(size) / step) * step), value)
