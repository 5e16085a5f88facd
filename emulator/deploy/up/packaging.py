"""Local files of a template: functions run from their folders, all else becomes an object in the emulator's S3.

Decides what each property says instead, as `sam package` does, and which files were read: a change of one of them is a
change of the template. A function's folder is not among them: the runtime looks at it itself, at each invocation.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.deploy.template.artifacts import Artifact, local_artifacts, with_artifacts
from emulator.deploy.template.document import Document
from emulator.deploy.template.document import Path as Node
from emulator.deploy.template.include import NAME as INCLUDE
from emulator.deploy.up.problem import Problem, shown
from emulator.deploy.up.project import Project, read, text_of
from emulator.ports import Json

HOT_RELOAD = "hot-reload"
"""The bucket whose keys are folders (docs/hot-reload.md)."""
BUCKET = "emulator-up"
"""Where files are uploaded to, by what is in them."""
FUNCTIONS = ("AWS::Serverless::Function", "AWS::Lambda::Function")
REQUIREMENTS, PACKAGE, LOCK = "requirements.txt", "package.json", "package-lock.json"
_ARCHIVES = (".zip", ".jar")
_DEEPEST = 5
_INTRINSIC = re.compile(r"\bFn::[A-Z]\w+")
_LEFT_OUT = frozenset(("__pycache__", ".git", ".aws-sam", ".venv", ".emulator", ".DS_Store"))


@dataclass
class Packaging:
    """What packaging needs, and what it found."""

    project: Project
    upload: Callable[[str, bytes], None]
    """Put an object into `BUCKET`, once for a key."""
    dependencies: Callable[[Path, str, str], Path | None] = lambda folder, runtime, resource: None
    """(folder, runtime, logical id) → the folder with what it requires, if it requires anything. Raises Problem."""
    allow_outside: bool = False
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict[str, Mapping[str, str]])
    """Environment variables that functions are given: by logical id, for all by `*`."""
    read: set[Path] = field(default_factory=set[Path])
    """Files that the deployment was made of."""
    functions: set[str] = field(default_factory=set[str])
    """Logical ids of functions that variables were set for, or might have been."""
    folders: dict[str, Path] = field(default_factory=dict[str, Path])
    """Where each function runs from, by logical id."""
    fetch: Callable[[str], str] | None = None
    """The text of an object in S3, by its `s3://` location. Raises Problem."""
    notes: list[str] = field(default_factory=list[str])
    """What is not done for a function, and its author may expect."""
    rewrite: Callable[[Document], Document] = lambda document: document
    """What is done with a nested template before it is packaged."""
    _depth: int = 0

    def package(self, document: Document, folder: Path) -> Document:
        """The document with places in the emulator instead of local ones. Raises Problem."""
        document = _with_own_code(document)
        values: dict[Node, Json] = {}
        for artifact in local_artifacts(document):
            path = self._local(artifact, document, folder)
            values[artifact.path] = self._placed(artifact, path, document)
        document = with_artifacts(document, values)
        return with_variables(document, self.variables, self.functions)

    def text(self, location: str, folder: Path) -> str:
        """A file that is included. Raises Problem."""
        if location.startswith("s3://") and self.fetch is not None:
            return self.fetch(location)
        path = Path(os.path.normpath(folder / location))
        if not self._allowed(path):
            message, hint = self._outside(location)
            raise Problem(message, next_step=hint)
        if not path.is_file():
            raise Problem(f"{location} does not exist.", next_step=f"It was looked for at {shown(path)}.")
        self.read.add(path)
        return text_of(path)

    def _local(self, artifact: Artifact, document: Document, folder: Path) -> Path:
        path = Path(os.path.normpath(folder / artifact.location))
        if not self._allowed(path):
            raise _problem(document, artifact, *self._outside(artifact.location))
        if not path.exists():
            self.read.add(path)  # it may come
            name = str(artifact.path[-1])
            message = f"{name} {artifact.location} does not exist."
            raise _problem(document, artifact, message, f"It was looked for at {shown(path)}.")
        if artifact.kind in ("template", "text") and not path.is_file():
            raise _problem(document, artifact, f"{artifact.location} is no file.")
        return path

    def _allowed(self, path: Path) -> bool:
        """What the command line or CDK has named, may be anywhere."""
        named_by_template = self.project.kind == "template"
        return self.allow_outside or not named_by_template or path.resolve().is_relative_to(self.project.root.resolve())

    def _outside(self, written: str) -> tuple[str, str]:
        message = f"{written} is outside of the project, which is {shown(self.project.root)}."
        return message, "If that is meant, say --allow-outside."

    def _placed(self, artifact: Artifact, path: Path, document: Document) -> Json:
        resource = artifact.resource or ""
        if artifact.kind == "template":
            return artifact.placed(BUCKET, self._template(path, document, artifact))
        if artifact.kind == "text":
            self.read.add(path)
            if artifact.type.endswith("Api") and (function := _INTRINSIC.search(text_of(path))):
                note = f"{resource}: {artifact.location} has {function.group()}, which AWS evaluates in templates only"
                self.notes.append(f"{note}; AWS::Include in a DefinitionBody makes the file a part of the template")
            return artifact.placed(BUCKET, self._uploaded(_definition(path, artifact.type), path.suffix))
        if path.is_file():
            self.read.add(path)
            archive = path.read_bytes() if path.suffix in _ARCHIVES else zipped([(path.name, path)])
            return artifact.placed(BUCKET, self._uploaded(archive, ".zip"))
        if artifact.kind == "layer":
            files = self._layer(document, resource, path)
            return artifact.placed(BUCKET, self._uploaded(zipped(files), ".zip"))
        runtime = runtime_of(document, resource)
        self.read.update(path / name for name in (REQUIREMENTS, PACKAGE, LOCK))  # there or not: they may come
        needed = self.dependencies(path, runtime, resource)
        self.folders[resource] = path
        method = _build_method(document, resource)
        if method and not method.startswith(("python", "nodejs")):
            note = f"{resource}: BuildMethod {method} is not run; the function runs from {artifact.location} as it is"
            self.notes.append(note)
        return artifact.placed(HOT_RELOAD, str(path) if needed is None else f"{path}{os.pathsep}{needed}")

    def _layer(self, document: Document, resource: str, folder: Path) -> list[tuple[str, Path]]:
        """The files of a layer; one that `sam build` would build (`BuildMethod`) has what it requires, in the folder
        where its runtime looks.
        """
        files = files_of(folder)
        self.read.update(folder / name for name in (REQUIREMENTS, PACKAGE, LOCK))
        self.read.update(file for _, file in files)
        self.read.add(folder)
        method = _build_method(document, resource)
        if not method.startswith(("python", "nodejs")):
            return files
        required = self.dependencies(folder, method, resource)
        everything = {**dict(files_of(required) if required else []), **dict(files)}
        place = "nodejs" if method.startswith("nodejs") else "python"
        return [(f"{place}/{name}", file) for name, file in everything.items()]

    def _template(self, path: Path, document: Document, artifact: Artifact) -> str:
        """A nested template, packaged like its parent."""
        if self._depth == _DEEPEST:
            raise _problem(
                document, artifact, f"{shown(path)} is nested too deeply: templates may not contain themselves."
            )
        self.read.add(path)
        self._depth += 1
        try:
            nested = self.rewrite(read(path))
            included = self._with_included(nested.value, path.parent)
            packaged = self.package(nested.replaced(included), path.parent)
        finally:
            self._depth -= 1
        return self._uploaded(json.dumps(packaged.value).encode(), ".template")

    def _with_included(self, node: Any, folder: Path) -> Any:
        """A nested template whose AWS::Include names files in S3 where it named local ones: CloudFormation includes
        them, with the parameters that it is given.
        """
        if isinstance(node, list):
            return [self._with_included(item, folder) for item in node]
        if not isinstance(node, dict):
            return node
        if node.get("Name") == INCLUDE and isinstance(parameters := node.get("Parameters"), dict):
            location = parameters.get("Location")
            if isinstance(location, str) and not location.startswith(("s3://", "https://", "http://")):
                key = self._uploaded(self.text(location, folder).encode(), Path(location).suffix)
                return {**node, "Parameters": {**parameters, "Location": f"s3://{BUCKET}/{key}"}}
        return {name: self._with_included(item, folder) for name, item in node.items()}

    def _uploaded(self, content: bytes, suffix: str) -> str:
        key = hashlib.sha256(content).hexdigest() + suffix
        self.upload(key, content)
        return key


def _problem(document: Document, artifact: Artifact, message: str, hint: str = "") -> Problem:
    return Problem(message, document.location(artifact.path), artifact.resource or "", hint)


def _build_method(document: Document, logical_id: str) -> str:
    resources = document.value.get("Resources")
    item = resources.get(logical_id) if isinstance(resources, dict) else None
    metadata = item.get("Metadata") if isinstance(item, dict) else None
    method = metadata.get("BuildMethod") if isinstance(metadata, dict) else None
    return method if isinstance(method, str) else ""


def runtime_of(document: Document, logical_id: str) -> str:
    """The runtime of a function as written; empty where a function of the template decides."""
    resources = document.value.get("Resources")
    item = resources.get(logical_id) if isinstance(resources, dict) else None
    properties = item.get("Properties") if isinstance(item, dict) else None
    runtime = properties.get("Runtime") if isinstance(properties, dict) else None
    if runtime is None:
        runtime = _shared(document).get("Runtime")
    return runtime if isinstance(runtime, str) else ""


def _shared(document: Document) -> dict[str, Any]:
    section = document.value.get("Globals")
    shared = section.get("Function") if isinstance(section, dict) else None
    return shared if isinstance(shared, dict) else {}


def _with_own_code(document: Document) -> Document:
    """Each function with the CodeUri of Globals as its own: what it requires depends on its runtime."""
    shared = _shared(document).get("CodeUri")
    resources = document.value.get("Resources")
    if not isinstance(shared, str) or not isinstance(resources, dict):
        return document
    made: dict[str, Any] = {}
    for name, item in resources.items():
        properties = item.get("Properties", {}) if isinstance(item, dict) else None
        if (
            isinstance(item, dict)
            and item.get("Type") == "AWS::Serverless::Function"
            and isinstance(properties, dict)
            and not {"CodeUri", "InlineCode", "ImageUri"} & set(properties)
        ):
            item = {**item, "Properties": {**properties, "CodeUri": shared}}
        made[name] = item
    return document.replaced({**document.value, "Resources": made})


def with_variables(
    document: Document, variables: Mapping[str, Mapping[str, str]], named: set[str] | None = None
) -> Document:
    """The document with environment variables of functions set. Raises Problem where a function makes them.

    `named` is told which functions there are.
    """
    named = set() if named is None else named
    resources = document.value.get("Resources")
    if not variables or not isinstance(resources, dict):
        return document
    made: dict[str, Any] = {}
    for name, item in resources.items():
        if isinstance(item, dict) and item.get("Type") in FUNCTIONS:
            named.add(str(name))
            wanted = {**variables.get("*", {}), **variables.get(str(name), {})}
            item = _with_environment(document, str(name), item, wanted) if wanted else item
        made[name] = item
    return document.replaced({**document.value, "Resources": made})


def _with_environment(document: Document, name: str, item: dict[str, Any], wanted: Mapping[str, str]) -> dict[str, Any]:
    properties = item.get("Properties") or {}
    environment: Any = properties.get("Environment") or {}
    variables: Any = environment.get("Variables", {}) if isinstance(environment, dict) else None
    if not isinstance(variables, dict) or any(key.startswith("Fn::") for key in (*environment, *variables)):
        raise Problem(
            "Variables cannot be set: the template computes all of them by a function.",
            document.location(("Resources", name, "Properties", "Environment")),
            name,
        )
    environment = {**environment, "Variables": {**variables, **wanted}}
    return {**item, "Properties": {**properties, "Environment": environment}}


def _definition(path: Path, kind: str) -> bytes:
    """A state machine's definition or an OpenAPI document, as it is: substitutions are made in its text, so that
    `Seconds: ${Wait}` becomes a number. What is no YAML is told here, with its place.
    """
    if path.suffix in (".yaml", ".yml") and kind.endswith("::StateMachine"):
        read(path)
    return text_of(path).encode()


def files_of(folder: Path) -> list[tuple[str, Path]]:
    """The files of a folder with their names in an archive, without what tools keep there."""
    found: list[tuple[str, Path]] = []
    for parent, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(name for name in folders if name not in _LEFT_OUT)
        for name in sorted(names):
            path = Path(parent, name)
            if not name.endswith(".pyc") and path.is_file():
                found.append((path.relative_to(folder).as_posix(), path))
    return found


def zipped(files: list[tuple[str, Path]]) -> bytes:
    """An archive of files; the same bytes for the same files."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        for name, path in files:
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = (0o100755 if os.access(path, os.X_OK) else 0o100644) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            file.writestr(entry, path.read_bytes())
    return archive.getvalue()
