"""What a value that is not known yet is made from."""

from __future__ import annotations

from emulator.deploy.template.environment import Unknown
from emulator.deploy.template.evaluate import unknowns
from emulator.ports import Json


def sources(value: Json | Unknown) -> list[str]:
    """The logical ids of the resources that a value refers to."""
    return sorted({name for unknown in unknowns(value) for name, _ in unknown.sources})
