"""Where in the source of a definition a location such as `/States/A/Choices[0]/Next` is: line and column, from 1.

Reads JSON and YAML. Decides nothing about what is right: it finds the key that a location names, or the nearest thing
above it that the source has.
"""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable
from typing import Any

LONGEST = 4_000
"""A longer location (somebody's key of a megabyte) is looked for by its beginning only."""
MOST_STEPS = 200
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')
_STEP = re.compile(r"(?=[/\[])")


def positions(text: str, locations: Iterable[str]) -> dict[str, tuple[int, int]]:
    """(line, column) by location, of those that can be found in a JSON text."""
    wanted = {location: _ancestors(location) for location in locations}
    paths = {"", *(path for found in wanted.values() for path in found)}
    offsets = _offsets(text, paths)
    lines = [0, *(match.end() for match in re.finditer("\n", text))]

    def place(offset: int) -> tuple[int, int]:
        line = bisect.bisect_right(lines, offset)
        return line, offset - lines[line - 1] + 1

    return _nearest(wanted, {path: place(offset) for path, offset in offsets.items()})


def positions_in_yaml(text: str, locations: Iterable[str]) -> dict[str, tuple[int, int]]:
    """The same for YAML."""
    import yaml  # slow to import, and seldom needed

    wanted = {location: _ancestors(location) for location in locations}
    paths = {"", *(path for found in wanted.values() for path in found)}
    places: dict[str, tuple[int, int]] = {}
    root: Any = yaml.compose(text, yaml.SafeLoader)
    waiting: list[tuple[str, Any]] = [("", root)] if root is not None else []
    while waiting:
        path, node = waiting.pop()
        places.setdefault(path, (node.start_mark.line + 1, node.start_mark.column + 1))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                below = f"{path}/{key.value}"
                if below in paths:
                    places[below] = (key.start_mark.line + 1, key.start_mark.column + 1)
                    waiting.append((below, value))
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                if f"{path}[{index}]" in paths:
                    waiting.append((f"{path}[{index}]", value))
    return _nearest(wanted, places)


def _nearest(wanted: dict[str, list[str]], places: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
    found: dict[str, tuple[int, int]] = {}
    for location, candidates in wanted.items():
        place = next((places[path] for path in reversed(candidates) if path in places), places.get(""))
        if place is not None:
            found[location] = place
    return found


def _ancestors(location: str) -> list[str]:
    """Every path that may be above a location, and itself; names may hold slashes and brackets, so some are none."""
    location = "" if location == "/" else location[:LONGEST]
    ends = [match.start() for match in _STEP.finditer(location)][1 : MOST_STEPS + 1]
    return [*(location[:end] for end in ends), location]


def _offsets(text: str, paths: set[str]) -> dict[str, int]:
    """Where each of some paths begins: its key, or of an element of a list its value. All else is skipped."""
    found: dict[str, int] = {}
    # (path or None if nothing below is wanted, index of the next element or -1 in an object)
    stack: list[tuple[str | None, int]] = []
    path: str | None = ""
    key: str | None = None
    for match in _TOKEN.finditer(text):
        token = match[0]
        if token == ",":
            if stack:
                above, index = stack[-1]
                stack[-1] = (above, index + 1 if index >= 0 else -1)
            key = None
            continue
        if token == ":":
            continue
        if token in ("}", "]"):
            if stack:
                stack.pop()
            key = None
            continue
        if stack:
            above, index = stack[-1]
            if index < 0 and key is None:
                key = token
                path = None if above is None else f"{above}/{_unquoted(token)}"
                if path is not None and path in paths:
                    found.setdefault(path, match.start())
                else:
                    path = None
                continue
            if index >= 0:
                path = None if above is None else f"{above}[{index}]"
                if path is not None and path in paths:
                    found.setdefault(path, match.start())
                else:
                    path = None
        else:
            found.setdefault("", match.start())
        if token in ("{", "["):
            stack.append((path, 0 if token == "[" else -1))
            key = None
    return found


def _unquoted(token: str) -> str:
    if "\\" not in token:
        return token[1:-1]
    import json

    try:
        return json.loads(token)
    except ValueError:
        return token[1:-1]
