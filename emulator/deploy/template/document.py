"""A template as a tree of plain values, and where in the file each of its nodes stands.

Decides how a text is read (`parse`); knows nothing of what sections or functions mean. Short forms of functions
(`!Ref`) are written out here, so that everyone else sees one form only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emulator.ports import Json

Path = tuple[str | int, ...]
"""The way to a node: ("Resources", "Queue", "Properties", "VisibilityTimeout")."""

LARGEST_NESTING = 100
"""Levels; AWS's limit is not documented (unverified). Real templates stay under 40."""

LARGEST_TEMPLATE_BYTES = 1_000_000
"""In S3 [D: CloudFormation quotas]; a request holds 51,200."""


class Location(NamedTuple):
    """Where a node begins; lines and columns from 1."""

    file: str | None
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file or '<template>'}:{self.line}:{self.column}"


class TemplateError(Exception):
    """The template, or what was given for its parameters, is wrong: `message` is AWS's text, `location` where it is."""

    def __init__(self, message: str, path: Path = (), location: Location | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.location = location
        self.hint = hint

    @property
    def resource(self) -> str | None:
        """The logical id of the resource that the error is in."""
        if len(self.path) > 1 and self.path[0] == "Resources":
            return str(self.path[1])
        return None

    def at(self, document: Document, path: Path | None = None) -> TemplateError:
        """The same error, with the location that the document knows."""
        path = self.path if path is None else path
        return TemplateError(self.message, path, self.location or document.location(path), self.hint)

    def __str__(self) -> str:
        where = f"{self.location}: " if self.location else ""
        return where + self.message + (f" ({self.hint})" if self.hint else "")


@dataclass(slots=True)
class Mark:
    """Where a node begins, and its children by name or index."""

    line: int
    column: int
    children: dict[str | int, Mark] | None = None


@dataclass(frozen=True)
class Document:
    """The tree. `value` is nobody's to change: transformations make a new document with `replaced`."""

    value: dict[str, Json]
    text: str = ""
    file: str | None = None
    marks: Mark | None = field(default=None, repr=False, compare=False)
    repeated: tuple[tuple[str, Location], ...] = field(default=(), repr=False, compare=False)
    """Keys that a mapping has more than once, where they stand again. The last one counts: CloudFormation takes
    templates with them, in YAML and in JSON [tried at AWS by others: go-to-k/cdk-real-drift, issue 1074], and AWS has
    published some."""

    def location(self, path: Path = ()) -> Location:
        """Where the node stands, or the nearest one around it that stands anywhere.

        What a loop has made stands in the loop; a resource that SAM has made where the one stands that it was made
        from: the one whose name its own begins with.
        """
        mark = self.marks or _marks(self.text)
        for place, step in enumerate(path):
            children = mark.children or {}
            if step in children:
                mark = children[step]
                continue
            looped = next(_in_loops(str(step), children, whole=True), None) if place == 1 else None
            if looped is not None:
                mark = looped
                continue
            if place == 1 and path[0] == "Resources":  # another resource's: what it has is not what this one has
                mark = _made_from(str(step), children) or mark
                break
            name = _SAM_NAMES.get(str(step)) if place == 3 else None
            if name not in children:
                break
            mark = children[name]
        return Location(self.file, mark.line + 1, mark.column + 1)

    def replaced(self, value: dict[str, Json]) -> Document:
        """A document with another tree, whose nodes stand where those of this one of the same path do."""
        return Document(value, self.text, self.file, self.marks, self.repeated)

    def error(self, message: str, path: Path = (), hint: str = "") -> TemplateError:
        """An error at a node of this document."""
        return TemplateError(message, path, self.location(path), hint)


def parse(
    text: str, file: str | None = None, *, aliases: bool = False, largest: int = LARGEST_TEMPLATE_BYTES
) -> Document:
    """Read YAML or JSON. Without `aliases` those of YAML are refused, as CloudFormation does; tools that package
    templates (SAM CLI, AWS CLI) write them out first, and so does this with `aliases`, within bounds.

    Raises TemplateError with AWS's text for what is no template.
    """
    if len(text.encode(errors="replace")) > largest:
        raise TemplateError(f"Template may not exceed {largest} bytes in size.", (), Location(file, 1, 1))
    if text[:1] == "\ufeff":
        text = text[1:]
    if text.lstrip()[:1] == "{":
        from emulator.deploy.template.json_text import load

        twice: set[str] = set()
        value: Any = load(text, file, twice)
        marks = None
        repeated = _repeated(text) if twice else []
    else:
        from emulator.deploy.template.yaml_text import load as load_yaml  # slow to import, and JSON needs none of it

        repeated: list[tuple[str, Mark]] = []
        value, marks = load_yaml(text, file, aliases=aliases, repeated=repeated)
    if not isinstance(value, dict):
        raise TemplateError("Template format error: unsupported structure.", (), Location(file, 1, 1))
    again = tuple((name, Location(file, mark.line + 1, mark.column + 1)) for name, mark in repeated)
    return Document(value, text, file, marks, again)


def _repeated(text: str) -> list[tuple[str, Mark]]:
    """Names that objects of a JSON text have again, and where."""
    from emulator.deploy.template.yaml_text import load

    found: list[tuple[str, Mark]] = []
    with suppress(TemplateError):  # what is no YAML has no lines
        load(text, None, aliases=False, repeated=found)
    return found


_SAM_NAMES = {
    "Body": "DefinitionBody",
    "Code": "CodeUri",
    "Content": "ContentUri",
    "DeadLetterConfig": "DeadLetterQueue",
    "DefinitionS3Location": "DefinitionUri",
    "DefinitionString": "Definition",
    "TracingConfig": "Tracing",
}
"""Properties as their authors write them in resources of SAM."""


_LOOP = "Fn::ForEach::"
_IDENTIFIER = re.compile(r"[$&]\{\w+\}")


def _made_from(name: str, known: dict[str | int, Mark]) -> Mark | None:
    origins = [item for item in known if isinstance(item, str) and name.startswith(item)]
    if origins:
        return known[max(origins, key=len)]
    return next(_in_loops(name, known, whole=False), None)


def _in_loops(name: str, known: dict[str | int, Mark], whole: bool) -> Iterator[Mark]:
    """The members of loops that can have made a name, or, if not `whole`, its beginning."""
    for key, mark in known.items():
        if not str(key).startswith(_LOOP):
            continue
        fragment = (mark.children or {}).get(2)
        members = (fragment.children if fragment is not None else None) or {}
        for member, inner in members.items():
            if not str(member).startswith(_LOOP) and _fits(name, _IDENTIFIER.split(str(member)), whole):
                yield inner
        yield from _in_loops(name, members, whole)


def _fits(name: str, parts: list[str], whole: bool) -> bool:
    """Whether a name, or its beginning, consists of the parts in their order, with anything between them."""
    if not name.startswith(parts[0]) or (whole and not name.endswith(parts[-1])):
        return False
    at = len(parts[0])
    for part in parts[1:]:
        found = name.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _marks(text: str) -> Mark:
    """Where the nodes of a JSON text stand: asked for only when something is wrong."""
    from emulator.deploy.template.yaml_text import load

    try:
        return load(text, None, aliases=False)[1]
    except TemplateError:
        return Mark(0, 0)
