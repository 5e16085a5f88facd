"""Comparisons of a field with a value: `= "text*"`, `!= 404`, `>= 1e3`, `= %regex%`. Pure.

Both pattern languages with fields use them. What AWS's documentation leaves open is decided here (unverified): a field
that is not there satisfies no comparison, `!=` included; numbers and texts compare as numbers when both are.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from emulator.services.logs.patterns.errors import InvalidPattern
from emulator.services.logs.patterns.regex import Regex
from emulator.services.logs.patterns.scanner import Scanner

OPERATORS = ("!=", "<=", ">=", "=", "<", ">")
BARE_CHARACTERS = "_-.*:/@#+$~"
_NUMBER = re.compile(r"[+-]?(\d{1,40}(\.\d{0,40})?|\.\d{1,40})([eE][+-]?\d{1,4})?")

Scalar = str | int | float | bool | None


class Glob:
    """A text in which `*` stands for anything."""

    def __init__(self, text: str) -> None:
        self._parts = text.split("*")

    def matches(self, text: str) -> bool:
        """Whether all of `text` fits."""
        first, *rest = self._parts
        if not rest:
            return text == first
        last = rest.pop()
        if not text.startswith(first) or len(text) < len(first) + len(last) or not text.endswith(last):
            return False
        at, end = len(first), len(text) - len(last)
        for part in rest:
            found = text.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operator and what it compares with."""

    operator: str
    number: float | None
    text: Glob | Regex | None

    def holds(self, value: Scalar) -> bool:
        """Whether a field's value satisfies it."""
        if value is None:
            return False
        if self.operator in ("<", ">", "<=", ">="):
            found = number_of(value)
            return found is not None and self.number is not None and _ordered(self.operator, found, self.number)
        return self._equal(value) == (self.operator == "=")

    def _equal(self, value: Scalar) -> bool:
        if self.number is not None:
            found = number_of(value)
            if found is not None:
                return found == self.number
        if isinstance(self.text, Regex):
            return self.text.found_in(shown(value))
        return self.text is not None and self.text.matches(shown(value))


def parse_comparison(scanner: Scanner) -> Comparison | None:
    """An operator and its value, or None if no operator follows. Raises InvalidPattern."""
    operator = next((candidate for candidate in OPERATORS if scanner.take(candidate)), None)
    if operator is None:
        return None
    regex = scanner.regex()
    if regex is not None:
        if operator not in ("=", "!="):
            raise InvalidPattern("a regular expression can be compared with = and != only")
        return Comparison(operator, None, regex)
    quoted = scanner.quoted()
    word = quoted if quoted is not None else scanner.word(BARE_CHARACTERS)
    if quoted is None and not word:
        raise InvalidPattern(f"a value is expected at {scanner.rest()!r}")
    number = None if quoted is not None else number_of(word)
    if operator not in ("=", "!=") and number is None:
        raise InvalidPattern(f"{operator} compares numbers only")
    return Comparison(operator, number, Glob(word))


def number_of(value: Scalar) -> float | None:
    """A number, or the number a text spells; None if it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return float(value) if _NUMBER.fullmatch(value) else None
    try:
        found = float(value)
    except OverflowError:
        return math.inf
    return None if math.isnan(found) else found


def shown(value: Scalar) -> str:
    """A value as JSON shows it, without quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= 10**300:
        return "Infinity"  # printing more digits would take longer than linear time
    return "null" if value is None else str(value)


def _ordered(operator: str, left: float, right: float) -> bool:
    if operator == "<":
        return left < right
    if operator == ">":
        return left > right
    return left <= right if operator == "<=" else left >= right
