"""From a project to the templates that are deployed: one of a template, and of an OpenAPI file.

Decides what each is called and which parameters it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.deploy.template.document import Document
from emulator.deploy.up.problem import Problem
from emulator.deploy.up.project import Project, read


@dataclass(frozen=True)
class Source:
    """A template on its way to a stack."""

    stack_name: str
    document: Document
    folder: Path
    """That its paths are relative to."""
    parameters: Mapping[str, str]
    read: frozenset[Path]
    """The files it was made of."""


def sources(project: Project, given: Mapping[str, str], functions: Path | None = None) -> list[Source]:
    """The templates of a project, in the order in which they are deployed. Raises Problem."""
    shown = project.shown(project.file)
    document = read(project.file, shown)
    if project.kind == "template":
        return [Source(project.name, document, project.folder, given, frozenset({project.file}))]
    raise Problem(f"{shown} is not deployed yet.")
