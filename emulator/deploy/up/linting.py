"""What lint finds in a project, without an emulator."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from emulator.deploy.template.environment import Place
from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.up.packaging import Packaging
from emulator.deploy.up.project import Project
from emulator.deploy.up.session import prepared
from emulator.deploy.up.sources import sources


def findings_of(project: Project, given: Mapping[str, str], functions: Path | None, outside: bool) -> list[Finding]:
    """Those of all templates of a project. Raises Problem. What is in SSM is taken to be empty."""
    packaging = Packaging(project, lambda key, content: None, allow_outside=outside)
    found: list[Finding] = []
    for source in sources(project, given, functions, packaging.read):
        place = Place(stack_name=source.stack_name)
        found += prepared(source, packaging, place, lambda name: "").check(place).findings
    return found
