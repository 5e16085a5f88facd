"""JSONPath in the Jayway dialect, as far as mapping templates use it (3.7).

A definite path gives a value or MISSING; an indefinite one (`..`, `*`, slices, unions, filters) gives a list. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

MISSING: Any = object()
"""What a path that leads nowhere gives."""

_MAX_NODES = 200_000
_NAME = re.compile(r"[^.\[\]()\s]+")
_FILTER = re.compile(
    r"^\s*@((?:\.[^\s=!<>.\[\]]+|\['[^']*'\])*)\s*(?:(==|!=|<=|>=|<|>)\s*('[^']*'|\"[^\"]*\"|-?\d+(?:\.\d+)?|true|false|null))?\s*$"
)
_FILTER_NAME = re.compile(r"\.([^\s=!<>.\[\]]+)|\['([^']*)'\]")

Step = Callable[[list[Any]], list[Any]]


class JsonPathError(ValueError):
    """The path is not JSONPath, or touches too much."""


def find(path: str, document: Any) -> Any:
    """The value at `path`, a list of values if the path is indefinite, or MISSING."""
    steps, definite, length = _compile(path.strip())
    nodes = [document]
    for step in steps:
        nodes = step(nodes)
        if len(nodes) > _MAX_NODES:
            raise JsonPathError(f"{path} selects too much")
    if length:
        value = nodes[0] if definite and nodes else nodes
        return len(value) if isinstance(value, (list, dict, str)) else MISSING
    if not definite:
        return nodes
    return nodes[0] if nodes else MISSING


@lru_cache(maxsize=1024)
def _compile(path: str) -> tuple[tuple[Step, ...], bool, bool]:
    if not path.startswith("$"):
        path = "$." + path
    steps: list[Step] = []
    definite, length, position = True, False, 1
    while position < len(path):
        if path.startswith(".length()", position) and position + 9 == len(path):
            length, position = True, len(path)
        elif path.startswith("..", position):
            definite = False
            steps.append(_descend)
            position += 2
            if position < len(path) and path[position] != "[":
                position, step, _ = _dotted(path, position)
                steps.append(step)
        elif path[position] == ".":
            position, step, single = _dotted(path, position + 1)
            steps.append(step)
            definite = definite and single
        elif path[position] == "[":
            position, step, single = _bracket(path, position)
            steps.append(step)
            definite = definite and single
        else:
            raise JsonPathError(f"cannot read {path!r} at {position}")
    return tuple(steps), definite, length


def _dotted(path: str, position: int) -> tuple[int, Step, bool]:
    if path.startswith("*", position):
        return position + 1, _children, False
    match = _NAME.match(path, position)
    if match is None:
        raise JsonPathError(f"cannot read {path!r} at {position}")
    return match.end(), _names((match.group(),)), True


def _bracket(path: str, position: int) -> tuple[int, Step, bool]:
    end, quote = position + 1, ""
    while end < len(path) and (quote or path[end] != "]"):
        char = path[end]
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == "[":
            end = path.find("]", end)
            if end < 0:
                raise JsonPathError(f"cannot read {path!r}")
        end += 1
    if end >= len(path):
        raise JsonPathError(f"cannot read {path!r}")
    inner = path[position + 1 : end].strip()
    after = end + 1
    if inner == "*":
        return after, _children, False
    if inner.startswith("?(") and inner.endswith(")"):
        return after, _filtered(inner[2:-1]), False
    names = re.findall(r"'([^']*)'|\"([^\"]*)\"", inner)
    if names:
        found = tuple(single or double for single, double in names)
        return after, _names(found), len(found) == 1
    if ":" in inner:
        try:
            bounds = [int(part) if part.strip() else None for part in inner.split(":")]
        except ValueError:
            raise JsonPathError(f"cannot read {path!r}") from None
        cut = slice(*bounds[:3])
        return after, lambda nodes: [item for node in nodes if isinstance(node, list) for item in node[cut]], False
    try:
        indexes = [int(part) for part in inner.split(",")]
    except ValueError:
        raise JsonPathError(f"cannot read {path!r}") from None
    return after, _indexed(indexes), len(indexes) == 1


def _names(names: tuple[str, ...]) -> Step:
    if len(names) == 1:
        name = names[0]
        return lambda nodes: [node[name] for node in nodes if isinstance(node, dict) and name in node]
    return lambda nodes: [
        {name: node[name] for name in names if name in node} for node in nodes if isinstance(node, dict)
    ]


def _indexed(indexes: list[int]) -> Step:
    return lambda nodes: [
        node[index] for node in nodes if isinstance(node, list) for index in indexes if -len(node) <= index < len(node)
    ]


def _children(nodes: list[Any]) -> list[Any]:
    found: list[Any] = []
    for node in nodes:
        if isinstance(node, dict):
            found.extend(node.values())
        elif isinstance(node, list):
            found.extend(node)
    return found


def _descend(nodes: list[Any]) -> list[Any]:
    found: list[Any] = []
    stack = list(reversed(nodes))
    while stack:
        node = stack.pop()
        found.append(node)
        if len(found) > _MAX_NODES:
            raise JsonPathError("the path selects too much")
        if isinstance(node, dict):
            stack.extend(reversed(list(node.values())))
        elif isinstance(node, list):
            stack.extend(reversed(node))
    return found


def _filtered(text: str) -> Step:
    match = _FILTER.match(text)
    if match is None:
        raise JsonPathError(f"the filter {text!r} is not supported")
    names = [one or two for one, two in _FILTER_NAME.findall(match.group(1))]
    operator, literal = match.group(2), match.group(3)
    wanted: Any = None
    if literal is not None:
        constants: dict[str, Any] = {"true": True, "false": False, "null": None}
        wanted = literal[1:-1] if literal[0] in "'\"" else constants.get(literal, MISSING)
        if wanted is MISSING:
            wanted = float(literal)

    def keep(item: Any) -> bool:
        for name in names:
            if not isinstance(item, dict) or name not in item:
                return False
            item = item[name]
        return operator is None or _compare(item, operator, wanted)

    return lambda nodes: [item for item in _children(nodes) if keep(item)]


def _compare(left: Any, operator: str, right: Any) -> bool:
    if operator in ("==", "!="):
        same = left == right and isinstance(left, bool) == isinstance(right, bool)
        return same == (operator == "==")
    numbers = _is_number(left) and _is_number(right)
    if not numbers and not (isinstance(left, str) and isinstance(right, str)):
        return False
    order = bool(left > right) - bool(left < right)
    return {"<": order < 0, "<=": order <= 0, ">": order > 0, ">=": order >= 0}[operator]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
