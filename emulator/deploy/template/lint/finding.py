"""One thing that was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from emulator.deploy.template.document import Location

Severity = Literal["error", "warning", "advice"]
"""Fails for sure; fails under some condition that comes; AWS advises otherwise."""


@dataclass(frozen=True)
class Finding:
    """What will happen, where it stands, and what to do."""

    code: str
    severity: Severity
    message: str
    location: Location
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.location}: {self.severity}: {self.message} [{self.code}]" + (
            f" – {self.hint}" if self.hint else ""
        )
