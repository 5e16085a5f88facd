"""What is wrong with a definition, in AWS's codes and AWS's form (reference 5.11, 5.16)."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    member: str | None = field(default=None, compare=False)
    """The field of what `location` names that is wrong, where AWS names only what it is in."""

    @property
    def place(self) -> str | None:
        """Where to look in the source: the field itself."""
        if self.location is None or self.member is None:
            return self.location
        return f"{self.location.removesuffix('/')}/{self.member}"

    def __str__(self) -> str:
        """As CreateStateMachine says it; one that has no place is at `null`, measured on AWS."""
        return f"{self.code}: {self.message} at {self.location if self.location is not None else 'null'}"
