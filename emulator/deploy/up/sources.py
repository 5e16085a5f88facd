"""From a project to the templates that are deployed: one of a template, one of an OpenAPI file, those that CDK has
written.

Decides what each is called and which parameters it is given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from emulator.deploy.template.document import Document
from emulator.deploy.up import assembly, openapi
from emulator.deploy.up.problem import Problem, shown
from emulator.deploy.up.project import Project, read

DEFAULT_FUNCTIONS = "functions"


def _as_it_is(document: Document) -> Document:
    return document


def _no_assets(text: str) -> Iterable[assembly.Asset]:
    return ()


@dataclass(frozen=True)
class Source:
    """A template on its way to a stack."""

    stack_name: str
    document: Document
    folder: Path
    """That its paths are relative to."""
    parameters: Mapping[str, str]
    rewrite: Callable[[Document], Document] = _as_it_is
    """What is done with templates nested in it, too."""
    assets: Callable[[str], Iterable[assembly.Asset]] = _no_assets
    """What a template, as text, names by its place in S3."""

    def assets_of(self, document: Document) -> list[assembly.Asset]:
        """What a packaged template still names by its place in S3."""
        return list(self.assets(json.dumps(document.value)))


def sources(
    project: Project,
    given: Mapping[str, str],
    functions: Path | None,
    seen: set[Path],
    notes: list[str] | None = None,
) -> list[Source]:
    """The templates of a project, in the order in which they are deployed. Raises Problem.

    `seen` is given the files that they are made of, even if they cannot be; `notes` what their author may not expect.
    """
    seen.add(project.file)
    if functions is not None and project.kind != "openapi":
        raise Problem("--functions is for OpenAPI files: a template says itself where its functions are.")
    if project.kind == "assembly":
        return _of_assembly(project, given, seen, [] if notes is None else notes)
    document = read(project.file)
    if project.kind == "openapi":
        folder = (functions or project.folder / DEFAULT_FUNCTIONS).absolute()
        seen.add(folder)
        document = openapi.template_of(document, folder)
    return [Source(project.name, document, project.folder, given)]


def _of_assembly(project: Project, given: Mapping[str, str], seen: set[Path], notes: list[str]) -> list[Source]:
    stacks, files = assembly.stacks(project.file)
    seen |= files
    if not stacks:
        raise Problem(f"{shown(project.file)} has no stacks.")
    found: list[Source] = []
    for stack in stacks:
        document = stack.document()
        if not document.value.get("Resources"):
            notes.append(f"stack {stack.name} has no resources: it is not deployed, as by cdk deploy")
            continue
        declared = document.value.get("Parameters")
        wanted = {name: value for name, value in given.items() if isinstance(declared, dict) and name in declared}
        parameters = {**stack.parameters, **wanted}
        folder = stack.template.parent
        found.append(Source(stack.name, document, folder, parameters, stack.rewritten, stack.named_in))
    if not found:
        raise Problem(f"No stack of {shown(project.file)} has resources.")
    lost = [name for name in given if not any(name in source.parameters for source in found)]
    if lost:
        raise Problem(f"No stack has a parameter {lost[0]}.")
    return found
