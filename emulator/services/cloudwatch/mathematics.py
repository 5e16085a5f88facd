"""Metric math: `m1 / m2 * 100`, `SUM(METRICS())`, `FILL(m1, 0)`. Pure.

A value is a number, a series (time → number) or a list of series. What is not emulated here (SEARCH, anomaly
detection, IF, …) is refused by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from emulator.aws.errors import NotEmulated

Series = dict[int, float]
Value = float | Series | list[Series]

_TOKEN = re.compile(r"\s*(?:(\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)|([A-Za-z][A-Za-z0-9_]*)|(\"[^\"]*\"|'[^']*')|(.))")
DEEPEST = 40
MOST_DIGITS = 300


class InvalidExpression(Exception):
    """The text is no expression; the message says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """What names stand for."""

    series: Mapping[str, Series]
    periods: Mapping[str, int]
    metrics: list[str] = field(default_factory=list)
    """Ids of the queries that are metrics, for METRICS()."""
    times: list[int] = field(default_factory=list)
    """Begin of every period asked for, for FILL."""


def names_in(expression: str) -> set[str]:
    """Ids an expression depends on, as far as it says."""
    return {name for name in re.findall(r"[A-Za-z][A-Za-z0-9_]*", expression) if name[0].islower()}


def evaluate(expression: str, environment: Environment) -> Value:
    """The value of an expression. Raises InvalidExpression, NotEmulated."""
    return _Evaluation(expression, environment).result()


class _Evaluation:
    def __init__(self, expression: str, environment: Environment) -> None:
        self._tokens: list[str] = []
        for found in _TOKEN.finditer(expression.strip()):
            self._tokens.append(next(group for group in found.groups() if group is not None))
        self._at = 0
        self._environment = environment
        self._depth = 0

    def result(self) -> Value:
        value = self._sum()
        if self._at < len(self._tokens):
            raise InvalidExpression(f"unexpected '{self._tokens[self._at]}'")
        return value

    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *tokens: str) -> str:
        token = self._next()
        if token in tokens and token:
            self._at += 1
            return token
        return ""

    def _expect(self, token: str) -> None:
        if not self._take(token):
            raise InvalidExpression(f"'{token}' is expected")

    def _sum(self) -> Value:
        value = self._product()
        while operator := self._take("+", "-"):
            other = self._product()
            value = _combine(value, other, (lambda a, b: a + b) if operator == "+" else (lambda a, b: a - b))
        if self._next() in ("<", ">", "=", "!", "&", "|"):
            raise NotEmulated("cloudwatch", f"metric math with {self._next()}")
        return value

    def _product(self) -> Value:
        value = self._power()
        while operator := self._take("*", "/"):
            value = _combine(value, self._power(), _times if operator == "*" else _over)
        return value

    def _power(self) -> Value:
        value = self._factor()
        if self._take("^"):
            self._deeper()
            value = _combine(value, self._power(), _to_the)
            self._depth -= 1
        return value

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise InvalidExpression("it is nested too deeply")

    def _factor(self) -> Value:
        self._deeper()
        try:
            return self._inner()
        finally:
            self._depth -= 1

    def _inner(self) -> Value:
        if self._take("-"):
            return _combine(-1.0, self._factor(), _times)
        if self._take("("):
            value = self._sum()
            self._expect(")")
            return value
        if self._take("["):
            series = [_series(self._sum())]
            while self._take(","):
                series.append(_series(self._sum()))
            self._expect("]")
            return series
        token = self._next()
        if not token:
            raise InvalidExpression("it ends too early")
        self._at += 1
        if token[0].isdigit() or token[0] == ".":
            return _number(token)
        if not token[0].isalpha():
            raise InvalidExpression(f"unexpected '{token}'")
        if self._next() == "(":
            return self._call(token)
        if token in self._environment.series:
            return self._environment.series[token]
        raise InvalidExpression(f"'{token}' is not the id of a metric")

    def _call(self, name: str) -> Value:
        self._expect("(")
        if name == "METRICS":
            wanted = self._next().strip("\"'") if self._next()[:1] in ("'", '"') else ""
            self._at += 1 if wanted else 0
            self._expect(")")
            return [self._environment.series[each] for each in self._environment.metrics if wanted in each]
        if name == "PERIOD":
            period = self._environment.periods.get(self._next())
            if period is None:
                raise InvalidExpression("PERIOD takes the id of a metric")
            self._at += 1
            self._expect(")")
            return float(period)
        if name == "FILL":
            return self._fill()
        function = _FUNCTIONS.get(name)
        if function is None:
            raise NotEmulated("cloudwatch", f"metric math function {name}")
        argument = self._sum()
        self._expect(")")
        return function(argument)

    def _fill(self) -> Value:
        series = self._sum()
        self._expect(",")
        if self._take("LINEAR"):
            raise NotEmulated("cloudwatch", "metric math FILL with LINEAR")
        repeat = bool(self._take("REPEAT"))
        value = 0.0 if repeat else self._sum()
        self._expect(")")
        if not isinstance(value, (int, float)):
            raise InvalidExpression("FILL takes a number")
        if isinstance(series, list):
            return [self._filled(each, value, repeat) for each in series]
        return self._filled(_series(series), value, repeat)

    def _filled(self, series: Series, value: float, repeat: bool) -> Series:
        found: Series = {}
        last: float | None = None
        for at in self._environment.times:
            last = series.get(at, last)
            filled = last if repeat else series.get(at, value)
            if filled is not None:
                found[at] = filled
        return found


def _number(token: str) -> float:
    try:
        return float(token[:MOST_DIGITS])
    except ValueError:
        raise InvalidExpression(f"unexpected '{token}'") from None


def _series(value: Value) -> Series:
    if isinstance(value, dict):
        return value
    raise InvalidExpression("a time series is expected")


def _times(left: float, right: float) -> float | None:
    return left * right


def _over(left: float, right: float) -> float | None:
    return left / right if right else None


def _to_the(left: float, right: float) -> float | None:
    try:
        found = math.pow(left, right)
    except (ValueError, OverflowError):
        return None
    return found


def _combine(left: Value, right: Value, operation: Callable[[float, float], float | None]) -> Value:
    """Number by number; of two series, where both have a value."""
    if isinstance(left, list):
        if isinstance(right, list):
            raise InvalidExpression("two lists of series cannot be combined")
        return [_series(_combine(each, right, operation)) for each in left]
    if isinstance(right, list):
        return [_series(_combine(left, each, operation)) for each in right]
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        found = operation(left, right)
        return math.nan if found is None else found
    times = list(left) if isinstance(left, dict) else list(_series(right))
    combined: Series = {}
    for at in times:
        one = left if isinstance(left, (int, float)) else left.get(at)
        other = right if isinstance(right, (int, float)) else right.get(at)
        found = None if one is None or other is None else operation(one, other)
        if found is not None and math.isfinite(found):
            combined[at] = found
    return combined


def _across(function: Callable[[list[float]], float]) -> Callable[[Value], Value]:
    """Of a series, its one number; of a list of series, the series of numbers at the same time [D]."""

    def apply(value: Value) -> Value:
        if isinstance(value, (int, float)):
            return value
        if isinstance(value, dict):
            return function(list(value.values())) if value else math.nan
        times = sorted({at for series in value for at in series})
        return {at: function([series[at] for series in value if at in series]) for at in times}

    return apply


def _each(function: Callable[[float], float]) -> Callable[[Value], Value]:
    def apply(value: Value) -> Value:
        if isinstance(value, (int, float)):
            return function(value)
        if isinstance(value, list):
            return [{at: function(number) for at, number in series.items()} for series in value]
        return {at: function(number) for at, number in value.items()}

    return apply


def _running_sum(value: Value) -> Value:
    total, found = 0.0, dict[int, float]()
    for at, number in sorted(_series(value).items()):
        total += number
        found[at] = total
    return found


def _difference(value: Value) -> Value:
    ordered = sorted(_series(value).items())
    return {at: number - before for (_, before), (at, number) in pairwise(ordered)}


def _rate(value: Value) -> Value:
    ordered = sorted(_series(value).items())
    pairs = pairwise(ordered)
    return {at: (number - before) / (at - begun) for (begun, before), (at, number) in pairs}


def _count(value: Value) -> Value:
    return float(len(value)) if isinstance(value, list) else 1.0


_FUNCTIONS: dict[str, Callable[[Value], Value]] = {
    "SUM": _across(math.fsum),
    "AVG": _across(lambda numbers: math.fsum(numbers) / len(numbers)),
    "MIN": _across(min),
    "MAX": _across(max),
    "ABS": _each(abs),
    "CEIL": _each(lambda number: float(math.ceil(number)) if math.isfinite(number) else number),
    "FLOOR": _each(lambda number: float(math.floor(number)) if math.isfinite(number) else number),
    "RUNNING_SUM": _running_sum,
    "DIFF": _difference,
    "RATE": _rate,
    "METRIC_COUNT": _count,
}
