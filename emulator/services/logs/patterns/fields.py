"""Patterns of JSON events: `{ ($.status >= 500 || $.error IS TRUE) && $.user.name = "a*" }`. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.services.logs.patterns.conditions import parse_comparison, shown
from emulator.services.logs.patterns.errors import InvalidPattern
from emulator.services.logs.patterns.scanner import Scanner

DEEPEST = 40
"""Parentheses in parentheses (unverified: AWS's bound is not documented)."""
MOST_SELECTED = 10_000
"""Values one selector with `[*]` looks at."""

Condition = Callable[[Any], bool]
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Selector:
    """`$.a.b[0]`: keys, indexes and `None` for `[*]`."""

    text: str
    steps: tuple[str | int | None, ...]

    def values(self, document: Any) -> list[Any]:
        """What it leads to; nothing where the way ends."""
        found = [document]
        for step in self.steps:
            following: list[Any] = []
            for value in found:
                if step is None:
                    following += value[: MOST_SELECTED - len(following)] if isinstance(value, list) else []
                else:
                    inner = _step(value, step)
                    if inner is not _MISSING:
                        following.append(inner)
            found = following
        return found


@dataclass(frozen=True, slots=True)
class Fields:
    """A condition on JSON events."""

    condition: Condition
    selectors: tuple[Selector, ...]

    def matches(self, message: str) -> bool:
        """Whether the event is a JSON object that satisfies the condition."""
        document = _object(message)
        return document is not None and self.condition(document)

    def extract(self, message: str) -> dict[str, str] | None:
        """The fields the pattern names."""
        document = _object(message)
        if document is None or not self.condition(document):
            return None
        found: dict[str, str] = {}
        for selector in self.selectors:
            for value in selector.values(document)[:1]:
                if not isinstance(value, (dict, list)):
                    found[selector.text] = shown(value)
        return found


def parse_fields(text: str) -> Fields:
    """`{ condition }`. Raises InvalidPattern."""
    parser = _Parser(Scanner(text))
    scanner = parser.scanner
    scanner.expect("{")
    condition = parser.either(0)
    scanner.expect("}")
    if not scanner.at_end():
        raise scanner.unexpected()
    return Fields(condition, tuple({selector.text: selector for selector in parser.selectors}.values()))


def parse_selector(text: str) -> Selector:
    """`$.a.b[0]` alone. Raises InvalidPattern."""
    parser = _Parser(Scanner(text))
    selector = parser.selector()
    if not parser.scanner.at_end():
        raise parser.scanner.unexpected()
    return selector


class _Parser:
    def __init__(self, scanner: Scanner) -> None:
        self.scanner = scanner
        self.selectors: list[Selector] = []

    def either(self, depth: int) -> Condition:
        parts = [self._all(depth)]
        while self.scanner.take("||"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else lambda document: any(part(document) for part in parts)

    def _all(self, depth: int) -> Condition:
        parts = [self._one(depth)]
        while self.scanner.take("&&"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else lambda document: all(part(document) for part in parts)

    def _one(self, depth: int) -> Condition:
        if self.scanner.take("("):
            if depth >= DEEPEST:
                raise InvalidPattern("too many parentheses")
            inner = self.either(depth + 1)
            self.scanner.expect(")")
            return inner
        selector = self.selector()
        self.selectors.append(selector)
        return self._condition(selector)

    def _condition(self, selector: Selector) -> Condition:
        scanner = self.scanner
        if scanner.keyword("IS", "NULL"):
            return lambda document: any(value is None for value in selector.values(document))
        if scanner.keyword("IS", "TRUE"):
            return lambda document: any(value is True for value in selector.values(document))
        if scanner.keyword("IS", "FALSE"):
            return lambda document: any(value is False for value in selector.values(document))
        if scanner.keyword("NOT", "EXISTS"):
            return lambda document: not selector.values(document)
        if scanner.keyword("EXISTS"):
            return lambda document: bool(selector.values(document))
        comparison = parse_comparison(scanner)
        if comparison is None:
            raise InvalidPattern(f"a comparison is expected at {scanner.rest()!r}")
        return lambda document: any(
            comparison.holds(value) for value in selector.values(document) if not isinstance(value, (dict, list))
        )

    def selector(self) -> Selector:
        scanner = self.scanner
        if not scanner.take_one("$"):
            raise InvalidPattern(f"a selector '$.' is expected at {scanner.rest()!r}")
        steps: list[str | int | None] = []
        text = "$"
        while True:
            if scanner.take_one("."):
                key = scanner.quoted() if scanner.rest().startswith('"') else scanner.word("_-")
                if not key and scanner.rest().startswith("["):
                    text += "."
                    continue
                if not key:
                    raise InvalidPattern(f"a property is expected at {scanner.rest()!r}")
                steps.append(key)
                text += f".{key}"
            elif scanner.take_one("["):
                step = self._index()
                steps.append(step)
                text += f"[{'*' if step is None else step}]"
            else:
                break
        if not steps:
            raise InvalidPattern("a selector names no property")
        return Selector(text, tuple(steps))

    def _index(self) -> str | int | None:
        scanner = self.scanner
        step: str | int | None
        if scanner.take("*"):
            step = None
        elif scanner.take_one("'"):
            step = scanner.word("_-.:/@# ").rstrip()
            scanner.expect("'")
        else:
            quoted = scanner.quoted()
            if quoted is not None:
                step = quoted
            else:
                number = scanner.word("")
                if not (number.isascii() and number.isdigit()) or len(number) > 9:
                    raise InvalidPattern(f"an index is expected at {scanner.rest()!r}")
                step = int(number)
        scanner.expect("]")
        return step


def _step(value: Any, step: str | int) -> Any:
    if isinstance(step, str):
        return value.get(step, _MISSING) if isinstance(value, dict) else _MISSING
    return value[step] if isinstance(value, list) and step < len(value) else _MISSING


def _object(message: str) -> dict[str, Any] | None:
    if "{" not in message[:64]:
        return None
    try:
        document = json.loads(message)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def field_of(reference: str, message: str) -> str | None:
    """The value of `$.a.b` in a JSON event, or None if it has none."""
    document = _object(message)
    if document is None:
        return None
    try:
        values = parse_selector(reference).values(document)[:1]
    except InvalidPattern:
        return None
    return shown(values[0]) if values and not isinstance(values[0], (dict, list)) else None
