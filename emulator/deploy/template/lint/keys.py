"""Keys that stand twice in one mapping: CloudFormation takes the last and says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.lint.project import Project


def check(project: Project) -> Iterator[Finding]:
    """What an earlier key says and nobody will hear."""
    for name, location in project.document.repeated:
        message = f"{name} stands here for the second time: what it said before has no effect"
        yield Finding("repeated-key", "warning", message, location, "one of the two, or another name")
