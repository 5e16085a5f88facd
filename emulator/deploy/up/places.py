"""Where in the user's files a failed resource stands: its property's own line, in the nested template it is of, or in
the definition of its state machine.

CloudFormation's reasons name properties and JSON pointers; nothing here but their words is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emulator.deploy.template.document import Document, Location
from emulator.deploy.template.document import Path as Node
from emulator.deploy.up.problem import Problem
from emulator.deploy.up.project import read

_POINTER = re.compile(r"(?m)^#/([^:\s]+):")
"""Of a property: `#/Tags/0: …`."""
_NAMED = re.compile(r"(?:unsupported property |Property |at '|[Pp]arameter )([A-Za-z]\w*)")
_COMPOUND = re.compile(r"\b[A-Za-z][a-z]+(?:[A-Z][a-z]+)+\b")
"""A property's name (`DelaySeconds`, `delaySeconds`), which is no word of a sentence."""
_STATE = re.compile(r"at (/[^'\n]+?)(?=[',)]|$)")
"""Of a definition: `… at /States/First/Next`."""
_ELEMENT = re.compile(r"\[(\d+)\]")
"""Of a list: `/States/Both/Branches[1]/States/Inner`."""
_FILES = ("TemplateURL", "Location")
_DEFINITIONS = ("DefinitionUri", "DefinitionS3Location")


def place_of(
    document: Document,
    folder: Path,
    resources: Mapping[str, Any],
    within: tuple[str, ...],
    logical_id: str,
    reason: str,
) -> Location | None:
    """Where a resource failed: `document` is the template as its author wrote it, `folder` what its paths are relative
    to, `resources` what its transforms have made, `within` the nested stacks on the way to the resource.
    """
    for name in within:
        file = _file(document, folder, name, _FILES)
        if file is None:  # in S3, say: the nested stack stands here
            return document.location(("Resources", name))
        try:
            document, folder = read(file), file.parent
        except Problem:
            return document.location(("Resources", name))
    if not within and logical_id not in resources:
        return None
    inside = _in_definition(document, folder, logical_id, reason)
    return inside or document.location(("Resources", logical_id, *_property(document, logical_id, reason)))


def _properties(document: Document, logical_id: str) -> dict[str, Any]:
    resources: Any = document.value.get("Resources")
    resource = resources.get(logical_id) if isinstance(resources, dict) else None
    found = resource.get("Properties") if isinstance(resource, dict) else None
    return found if isinstance(found, dict) else {}


def _property(document: Document, logical_id: str, reason: str) -> Node:
    """The way to the property that a reason speaks of, as far as it is there."""
    properties = _properties(document, logical_id)
    by_name = {name.lower(): name for name in properties}
    pointer = _POINTER.search(reason)
    if pointer is not None:
        steps = pointer.group(1).split("/")
        if steps[0].lower() in by_name:
            rest = (int(step) if step.isdigit() else step for step in steps[1:])
            return "Properties", by_name[steps[0].lower()], *rest
    for match in _NAMED.finditer(reason):
        if match.group(1).lower() in by_name:
            return "Properties", by_name[match.group(1).lower()]
    mentioned = {word for word in _COMPOUND.findall(reason) if word[:1].upper() + word[1:] in properties}
    if len(mentioned) == 1:  # of several, none is more to blame than the others
        name = mentioned.pop()
        return "Properties", name[:1].upper() + name[1:]
    return ()


def _file(document: Document, folder: Path, logical_id: str, names: tuple[str, ...]) -> Path | None:
    """The local file that a property of a resource names."""
    properties = _properties(document, logical_id)
    for name in names:
        value = properties.get(name)
        if isinstance(value, str) and "://" not in value and (folder / value).is_file():
            return folder / value
    return None


def _in_definition(document: Document, folder: Path, logical_id: str, reason: str) -> Location | None:
    """Where in a state machine's definition the pointer of a reason leads."""
    pointer = _STATE.search(reason) if "State Machine Definition" in reason else None
    if pointer is None:
        return None
    way = tuple(_steps(pointer.group(1)))
    properties = _properties(document, logical_id)
    if isinstance(properties.get("Definition"), dict):
        return document.location(("Resources", logical_id, "Properties", "Definition", *way))
    file = _file(document, folder, logical_id, _DEFINITIONS)
    if file is None:
        return None
    try:
        return read(file).location(way)
    except Problem:
        return None


def _steps(pointer: str) -> Iterator[str | int]:
    """The members and indices that a definition's pointer leads through."""
    for step in filter(None, pointer.split("/")):
        yield _ELEMENT.split(step)[0]  # a name, also one of digits
        yield from map(int, _ELEMENT.findall(step))
