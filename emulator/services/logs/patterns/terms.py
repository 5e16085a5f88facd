"""Terms: `ERROR "exact phrase" -exclude ?either ?or %regex%`. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from emulator.services.logs.patterns.errors import InvalidPattern
from emulator.services.logs.patterns.regex import Regex
from emulator.services.logs.patterns.scanner import Scanner


@dataclass(frozen=True, slots=True)
class Terms:
    """Every `wanted` occurs and no `excluded`; or, when nothing else is asked, one of `either`."""

    wanted: list[str | Regex] = field(default_factory=list)
    excluded: list[str | Regex] = field(default_factory=list)
    either: list[str | Regex] = field(default_factory=list)

    def matches(self, message: str) -> bool:
        """Whether the terms occur as asked; case matters."""
        if any(not _occurs(term, message) for term in self.wanted):
            return False
        if any(_occurs(term, message) for term in self.excluded):
            return False
        # `?` beside other terms is ignored [D].
        if self.either and not self.wanted and not self.excluded:
            return any(_occurs(term, message) for term in self.either)
        return True

    def extract(self, message: str) -> dict[str, str] | None:
        """Terms name nothing."""
        return {} if self.matches(message) else None


def parse_terms(text: str) -> Terms:
    """Terms separated by spaces. Raises InvalidPattern."""
    scanner = Scanner(text)
    terms = Terms()
    while not scanner.at_end():
        sign = scanner.take_one("-?")
        target = {"-": terms.excluded, "?": terms.either}.get(sign, terms.wanted)
        term = _term(scanner)
        if not isinstance(term, str) or term.strip():  # `" "` is in every event [D]
            target.append(term)
        if not scanner.at_end() and not scanner.skipped_space:
            raise scanner.unexpected()
    return terms


def _term(scanner: Scanner) -> str | Regex:
    found = scanner.quoted()
    if found is not None:
        return found
    regex = scanner.regex()
    if regex is not None:
        return regex
    word = scanner.word("_")  # other characters need quotes [D]
    if not word:
        raise InvalidPattern(f"a term is expected at {scanner.rest()!r}")
    return word


def _occurs(term: str | Regex, message: str) -> bool:
    return term in message if isinstance(term, str) else term.found_in(message)
