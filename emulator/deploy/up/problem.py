"""What is wrong with a project, in words, and where."""

from __future__ import annotations

from pathlib import Path

from emulator.deploy.template.document import Location, TemplateError


def shown(path: Path) -> str:
    """A path as people write it where they are: relative if it lies below."""
    here = Path.cwd()
    if path == here:
        return "this folder"
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


class Problem(Exception):
    """Something that keeps a project from being deployed; the user can mend it."""

    def __init__(self, message: str, location: Location | None = None, resource: str = "", next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.location = location
        self.resource = resource
        self.next_step = next_step

    @classmethod
    def of(cls, error: TemplateError) -> Problem:
        """A template's error."""
        return cls(error.message, error.location, error.resource or "", error.hint)
