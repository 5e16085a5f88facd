"""Patterns of space-delimited events: `[ip, user, ..., status = 4*, bytes > 1000]`. Pure.

An event's fields are its words; text in square brackets or double quotes is one field [D].
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from emulator.services.logs.patterns.conditions import parse_comparison
from emulator.services.logs.patterns.errors import InvalidPattern
from emulator.services.logs.patterns.scanner import Scanner

MOST_FIELDS = 200
"""Fields of an event that are looked at."""
DEEPEST = 40

_FIELD = re.compile(r'"([^"]*)"|\[([^\]]*)\]|(\S+)')

Condition = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a pattern: its name (`1`, `2` … where it has none), and what is asked of it."""

    name: str
    condition: Condition | None


@dataclass(frozen=True, slots=True)
class Delimited:
    """Fields from the left, and, after an ellipsis, fields from the right."""

    left: tuple[Field, ...]
    right: tuple[Field, ...]
    ellipsis: bool

    def matches(self, message: str) -> bool:
        """Whether the event has these fields and they are as asked."""
        return self.extract(message) is not None

    def extract(self, message: str) -> dict[str, str] | None:
        """Every field, as `$name`."""
        words: list[str] = []
        for found in _FIELD.finditer(message):
            if len(words) == MOST_FIELDS:
                return None
            quoted, bracketed, bare = found.groups()
            words.append(quoted if quoted is not None else bracketed if bracketed is not None else bare)
        named = len(self.left) + len(self.right)
        if len(words) < named or (len(words) > named and not self.ellipsis):
            return None
        pairs = [
            *zip(self.left, words, strict=False),
            *zip(self.right, words[len(words) - len(self.right) :], strict=True),
        ]
        for item, word in pairs:
            if item.condition is not None and not item.condition(word):
                return None
        return {f"${item.name}": word for item, word in pairs}


def parse_delimited(text: str) -> Delimited:
    """`[field, …]`. Raises InvalidPattern."""
    scanner = Scanner(text)
    scanner.expect("[")
    left: list[Field] = []
    right: list[Field] = []
    ellipsis = False
    while True:
        if scanner.take("..."):
            if ellipsis:
                raise InvalidPattern("there is more than one ellipsis")
            ellipsis = True
        else:
            (right if ellipsis else left).append(_field(scanner, len(left) + len(right) + 1))
        if scanner.take("]"):
            break
        scanner.expect(",")
    if not scanner.at_end():
        raise scanner.unexpected()
    return Delimited(tuple(left), tuple(right), ellipsis)


def _field(scanner: Scanner, number: int) -> Field:
    if scanner.rest().startswith(("]", ",")):
        return Field(str(number), None)
    names: list[str] = []
    condition = _either(scanner, names, 0)
    if len(set(names)) != 1:
        raise InvalidPattern(f"a field has two names: {', '.join(sorted(set(names)))}")
    return Field(names[0], condition)


def _either(scanner: Scanner, names: list[str], depth: int) -> Condition | None:
    parts = [_all(scanner, names, depth)]
    while scanner.take("||"):
        parts.append(_all(scanner, names, depth))
    return _joined(parts, any)


def _all(scanner: Scanner, names: list[str], depth: int) -> Condition | None:
    parts = [_one(scanner, names, depth)]
    while scanner.take("&&"):
        parts.append(_one(scanner, names, depth))
    return _joined(parts, all)


def _joined(parts: list[Condition | None], join: Callable[[list[bool]], bool]) -> Condition | None:
    if len(parts) == 1:
        return parts[0]
    asked = [part for part in parts if part is not None]
    if len(asked) < len(parts):
        raise InvalidPattern("a comparison is missing beside && or ||")
    return lambda word: join([part(word) for part in asked])


def _one(scanner: Scanner, names: list[str], depth: int) -> Condition | None:
    if scanner.take("("):
        if depth >= DEEPEST:
            raise InvalidPattern("too many parentheses")
        inner = _either(scanner, names, depth + 1)
        scanner.expect(")")
        return inner
    name = scanner.word("_-")
    if not name:
        raise InvalidPattern(f"a field is expected at {scanner.rest()!r}")
    names.append(name)
    comparison = parse_comparison(scanner)
    return None if comparison is None else comparison.holds
