"""What PATH means: a template, an OpenAPI file, or a folder that CDK has written (`cdk.out`).

Decides by names and, for a file, by what stands in it. Reads nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emulator.deploy.template.document import Document, TemplateError, parse
from emulator.deploy.up.problem import Problem, shown

Kind = Literal["template", "openapi", "assembly"]

TEMPLATES = tuple(f"template.{suffix}" for suffix in ("yaml", "yml", "json"))
OPENAPI = tuple(f"{name}.{suffix}" for name in ("openapi", "swagger", "api") for suffix in ("yaml", "yml", "json"))
MANIFEST = "manifest.json"
_MARKS_OF_A_PROJECT = (".git", ".hg", ".svn")


@dataclass(frozen=True)
class Project:
    """What is to be deployed."""

    kind: Kind
    file: Path
    """The template, the OpenAPI file, or CDK's manifest; absolute."""
    root: Path
    """What a template may name files in: the repository, the working folder, or the template's own."""
    name: str
    """Of its stack."""

    @property
    def folder(self) -> Path:
        """That paths are relative to."""
        return self.file.parent


def find(path: Path, stack_name: str | None = None) -> Project:
    """The project at a path. Raises Problem."""
    path = path.absolute()
    if path.is_dir():
        file = _in_folder(path)
    elif path.is_file():
        file = path
    else:
        raise Problem(f"There is no {shown(path)}.", next_step="Name a folder with a template, or the template itself.")
    kind = _kind(file)
    if kind == "assembly" or file.parent.name in ("cdk.out", ".aws-sam", "build"):
        named_after = file.parent.parent if file.parent.name != "build" else file.parent.parent.parent
    else:
        named_after = file.parent
    return Project(kind, file, _root(file.parent), stack_name or _stack_name(named_after.name))


def _in_folder(folder: Path) -> Path:
    for name in (*TEMPLATES, MANIFEST):
        if (folder / name).is_file():
            return folder / name
    if (folder / "cdk.out" / MANIFEST).is_file():
        return folder / "cdk.out" / MANIFEST
    for name in OPENAPI:
        if (folder / name).is_file():
            return folder / name
    if (folder / "cdk.json").is_file():
        raise Problem(
            f"{shown(folder)} is a CDK project that was not synthesised yet.", next_step="Run `cdk synth` first."
        )
    if (folder / "serverless.yml").is_file():
        raise Problem(
            f"{shown(folder)} is a project of the Serverless Framework, which deploys itself.",
            next_step="Start the emulator, point AWS_ENDPOINT_URL at it, and run `serverless deploy`.",
        )
    raise Problem(
        f"{shown(folder)} has no template.yaml, no cdk.out and no openapi.yaml.",
        next_step="Name the file: emulator up path/to/template.yaml",
    )


def _kind(file: Path) -> Kind:
    if file.name == MANIFEST:
        return "assembly"
    value = read(file).value
    if "openapi" in value or "swagger" in value:
        return "openapi"
    if "Resources" not in value and "AWSTemplateFormatVersion" not in value and "Transform" not in value:
        raise Problem(
            f"{shown(file)} is neither a template nor an OpenAPI file: it has no Resources, and no openapi.",
            next_step="Templates are of SAM or CloudFormation, in YAML or JSON.",
        )
    return "template"


def read(file: Path) -> Document:
    """The document in a file. Raises Problem."""
    text = text_of(file)
    if not text.strip():
        raise Problem(f"{shown(file)} is empty.", next_step="A template has Resources, in YAML or JSON.")
    try:
        return parse(text, shown(file), aliases=True)
    except TemplateError as error:
        problem = Problem.of(error)
        problem.next_step = _about_text(text, problem) or problem.next_step
        raise problem from error


def _about_text(text: str, problem: Problem) -> str:
    """What to do when a parser's text does not say."""
    lines = text.splitlines()
    line = lines[problem.location.line - 1] if problem.location and problem.location.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "YAML is indented by spaces: there is a tab."
    if "may not exceed" in problem.message:
        return "That is AWS's limit. Move some of it into a nested stack: AWS::CloudFormation::Stack."
    if "unsupported structure" in problem.message:
        return "A template is a mapping that has Resources."
    return ""


def text_of(file: Path) -> str:
    """The text of a file. Raises Problem."""
    try:
        return file.read_text("utf-8")
    except OSError as error:
        raise Problem(f"{shown(file)} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise Problem(f"{shown(file)} cannot be read: it is no UTF-8.") from error


def _root(folder: Path) -> Path:
    for parent in (folder, *folder.parents):
        if any((parent / mark).exists() for mark in _MARKS_OF_A_PROJECT):
            return parent
    here = Path.cwd()
    return here if folder.is_relative_to(here) else folder


def _stack_name(text: str) -> str:
    """A name that CloudFormation takes: letters, digits and hyphens, a letter first."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", text).strip("-")[:100]
    if not name:
        return "project"
    return name if name[0].isalpha() else f"stack-{name}"
