"""The filter pattern language: which log events a pattern chooses, and what it takes out of them. Pure.

`compile_pattern(text)` is the way in. A pattern is one of three languages, told apart by its first character:
`{…}` asks fields of JSON events, `[…]` words of space-delimited events, anything else is terms that must occur
[D: FilterAndPatternSyntax]. Every matcher takes time linear in the event, whatever the pattern.
"""

from __future__ import annotations

from typing import Protocol

from emulator.services.logs.patterns.delimited import parse_delimited
from emulator.services.logs.patterns.errors import InvalidPattern
from emulator.services.logs.patterns.fields import parse_fields
from emulator.services.logs.patterns.terms import parse_terms

__all__ = ["InvalidPattern", "Pattern", "compile_pattern"]


class Pattern(Protocol):
    """A compiled filter pattern."""

    def extract(self, message: str) -> dict[str, str] | None:
        """What the pattern names in an event (`$.status`, `$bytes`), or None if it does not match."""
        ...

    def matches(self, message: str) -> bool:
        """Whether the pattern chooses an event."""
        ...


def compile_pattern(text: str) -> Pattern:
    """A pattern ready to match. Raises InvalidPattern."""
    stripped = text.strip()
    if stripped.startswith("{"):
        return parse_fields(stripped)
    if stripped.startswith("["):
        return parse_delimited(stripped)
    return parse_terms(stripped)
