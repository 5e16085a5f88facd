"""What is wrong with a definition, in AWS's codes and AWS's form (reference 5.11, 5.16)."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition."""

    code: str
    message: str
    location: str | None

    def __str__(self) -> str:
        where = f" at {self.location}" if self.location is not None else ""
        return f"{self.code}: {self.message}{where}"
