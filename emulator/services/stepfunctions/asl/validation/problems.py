"""What is wrong with a definition, in AWS's codes and AWS's form (reference 5.11, 5.16)."""

from __future__ import annotations

from dataclasses import dataclass

SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"
JSON = "INVALID_JSON_DESCRIPTION"
DUPLICATE = "DUPLICATE_STATE_NAME"
NO_END = "MISSING_END_STATE"
TOO_DEEP = "TOO_DEEPLY_NESTED"
NOT_EMULATED = "NOT_EMULATED"
"""Ours: AWS knows it, the emulator does not."""
ERROR, WARNING = "ERROR", "WARNING"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition."""

    code: str
    message: str
    location: str | None
    severity: str = ERROR

    def __str__(self) -> str:
        """As CreateStateMachine says it; one that has no place is at `null`, measured on AWS."""
        return f"{self.code}: {self.message} at {self.location if self.location is not None else 'null'}"
