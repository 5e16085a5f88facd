"""What a template will do in production that nobody wants, told before it is deployed.

Decides by the values of properties as a plan knows them; each rule has a file, and says only what is sure. `lint` takes
a template after its transforms, so that SAM, plain CloudFormation and OpenAPI bodies are one. Findings stand where the
author wrote what they are about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from emulator.deploy.template.environment import Environment
from emulator.deploy.template.lint import asynchronous, keys, mappings, permissions, queues, timeouts
from emulator.deploy.template.lint.finding import Finding
from emulator.deploy.template.lint.project import Project

__all__ = ["Finding", "lint"]

_RULES: tuple[Callable[[Project], Iterable[Finding]], ...] = (
    timeouts.check,
    mappings.check,
    asynchronous.check,
    queues.check,
    permissions.check,
    keys.check,
)


def lint(environment: Environment) -> list[Finding]:
    """What is found in a template, in the order of its lines. `environment` need know no resource."""
    project = Project.of(environment)
    return _sorted(finding for rule in _RULES for finding in rule(project))


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(dict.fromkeys(findings), key=lambda item: (item.location.line, item.location.column, item.code))
