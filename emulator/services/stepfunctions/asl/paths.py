"""JSONPath in the dialect of AWS (Jayway's), own implementation.

Decides what a path selects and what AWS says when it selects nothing. Regular-expression filters (`=~`) are not
read: one expression could stop the whole emulator.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .data import Json, runtime

MAX_PATH_CHARACTERS = 2_000
MAX_SEGMENTS = 100
MAX_SELECTED = 100_000
VISITS_BETWEEN_CHECKS = 10_000


class BadPath(ValueError):
    """The text is no path."""


class NoResult(Exception):
    """The path selects nothing; the text is AWS's."""


class Search:
    """What a path is looked up in, and how much work that may be: filters look up paths for every item."""

    __slots__ = ("_check", "_visits", "root")

    def __init__(self, root: Json, check: Callable[[], None] = lambda: None) -> None:
        self.root = root
        self._check = check
        """Raises if it has taken too long."""
        self._visits = 0

    def visit(self, count: int = 1) -> None:
        """Some values are looked at."""
        self._visits += count
        if self._visits > VISITS_BETWEEN_CHECKS:
            self._visits = 0
            self._check()


_Test = Callable[[Json, Search], bool]


_SINGLE = ("name", "index", "length")
"""Segments that select one value of one."""


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path. `root` is `$` (data), `$$` (context object) or a variable's name."""

    text: str
    root: str
    segments: tuple[tuple[str, Any], ...]
    definite: bool

    @property
    def is_reference(self) -> bool:
        """Only names and single indexes, on the data itself: usable as ResultPath."""
        return self.root == "$" and self.definite and all(kind in ("name", "index") for kind, _ in self.segments)

    @property
    def selects_one(self) -> bool:
        """Only names and single indexes, from wherever it starts: usable as ItemsPath or SecondsPath."""
        return self.definite and all(kind in ("name", "index") for kind, _ in self.segments)

    def find(self, root: Json, search: Search | None = None) -> Json:
        """What the path selects: one value if definite, else a list. Raises `NoResult`, and what `search` raises."""
        if not self.definite:
            return self._find_all(root, search or Search(root))
        node = root
        segments = self.segments
        for position, (kind, argument) in enumerate(segments):
            if kind == "name":
                if isinstance(node, dict):
                    if argument in node:
                        node = node[argument]
                        continue
                    if position == len(segments) - 1:
                        raise NoResult(f"No results for path: {render(segments)}")
                    raise NoResult(f"Missing property in path {render(segments[: position + 1])}")
                where = render(segments[:position])
                raise NoResult(
                    f"Expected to find an object with property ['{argument}'] in path {where} but found "
                    f"'{_java_type(node)}'. This is not a json object according to the JsonProvider: "
                    "'com.jayway.jsonpath.spi.json.JsonSmartJsonProvider'."
                )
            if kind == "index":
                if not isinstance(node, list):
                    raise NoResult(
                        f"Filter: {render(segments[position : position + 1])[1:]} can only be applied to arrays. "
                        f"Current context is: {node}"
                    )
                if not -len(node) <= argument < len(node):
                    raise NoResult(f"Index out of bounds when evaluating path {render(segments[: position + 1])}")
                node = node[argument]
                continue
            if kind == "names":
                if not isinstance(node, dict):
                    raise NoResult(f"No results for path: {render(segments)}")
                return {name: node[name] for name in argument if name in node}
            if not isinstance(node, (list, dict, str)):
                raise NoResult(f"No results for path: {render(segments)}")
            node = len(node)
        return node

    def _find_all(self, root: Json, search: Search) -> list[Json]:
        nodes: list[Json] = [root]
        for position, (kind, argument) in enumerate(self.segments, 1):
            step = _each_name if kind == "names" and position < len(self.segments) else _STEPS[kind]
            found: list[Json] = []
            for node in nodes:
                search.visit()
                for value in step(node, argument, search):
                    search.visit()
                    found.append(value)
                    if len(found) > MAX_SELECTED:
                        raise runtime(f"The path '{self.text}' selects too many values.")
            nodes = found
        return nodes


def _is_definite(segments: tuple[tuple[str, Any], ...]) -> bool:
    """Whether a path selects one value; several names at its end make one object of it, as in Jayway (unverified)."""
    *before, last = segments or (("name", ""),)
    return last[0] in (*_SINGLE, "names") and all(kind in _SINGLE for kind, _ in before)


def render(segments: tuple[tuple[str, Any], ...]) -> str:
    """Jayway's normal form: `$['a'][0]`."""
    parts = ["$"]
    for kind, argument in segments:
        parts.append(f"['{argument}']" if kind == "name" else f"[{argument}]" if kind == "index" else f"[{kind}]")
    return "".join(parts)


def _java_type(value: Json) -> str:
    if value is None:
        return "null"
    names: dict[type, str] = {str: "String", bool: "Boolean", int: "Integer", float: "Double"}
    return "net.minidev.json.JSONArray" if isinstance(value, list) else f"java.lang.{names.get(type(value), 'Object')}"


# ── segments of an indefinite path ──────────────────────────────────────────────────────────────


def _name(node: Json, name: str, search: Search) -> Iterator[Json]:
    if isinstance(node, dict) and name in node:
        yield node[name]


def _names(node: Json, names: tuple[str, ...], search: Search) -> Iterator[Json]:
    if isinstance(node, dict):
        yield {name: node[name] for name in names if name in node}


def _each_name(node: Json, names: tuple[str, ...], search: Search) -> Iterator[Json]:
    """Several names before the end of a path: each by itself."""
    for name in names:
        yield from _name(node, name, search)


def _index(node: Json, index: int, search: Search) -> Iterator[Json]:
    if isinstance(node, list) and -len(node) <= index < len(node):
        yield node[index]


def _indexes(node: Json, indexes: tuple[int, ...], search: Search) -> Iterator[Json]:
    for index in indexes:
        yield from _index(node, index, search)


def _slice(node: Json, bounds: tuple[int | None, int | None, int | None], search: Search) -> Iterator[Json]:
    if isinstance(node, list):
        yield from node[bounds[0] : bounds[1] : bounds[2]]


def _any(node: Json, argument: Any, search: Search) -> Iterator[Json]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _deep(node: Json, argument: Any, search: Search) -> Iterator[Json]:
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        if isinstance(current, dict):
            stack.extend(reversed(list(current.values())))
        elif isinstance(current, list):
            stack.extend(reversed(current))


def _filter(node: Json, predicate: _Test, search: Search) -> Iterator[Json]:
    if isinstance(node, list):
        yield from (item for item in node if predicate(item, search))
    elif isinstance(node, dict) and predicate(node, search):
        yield node


def _length(node: Json, argument: Any, search: Search) -> Iterator[Json]:
    if isinstance(node, (list, dict, str)):
        yield len(node)


_STEPS: dict[str, Callable[[Json, Any, Search], Iterator[Json]]] = {
    "name": _name, "names": _names, "index": _index, "indexes": _indexes, "slice": _slice,
    "*": _any, "..": _deep, "filter": _filter, "length": _length,
}  # fmt: skip


# ── reading a path ──────────────────────────────────────────────────────────────────────────────

_ROOT = re.compile(r"\$\$|\$(?P<variable>[A-Za-z_][A-Za-z0-9_]{0,79})|\$")
_DOT_NAME = re.compile(r"[^\s.\[\]()'\"?*,:@$&|!<>=~{}]+")
_INT = re.compile(r"-?\d{1,9}")
_SLICE = re.compile(r"\s*(-?\d{1,9})?\s*:\s*(-?\d{1,9})?\s*(?::\s*(\d{1,9})?\s*)?")


@lru_cache(maxsize=4096)
def parse(text: str) -> Path:
    """Read a path. Raises `BadPath`."""
    if not isinstance(text, str) or len(text) > MAX_PATH_CHARACTERS:
        raise BadPath("not a path")
    path, end = _Reader(text).path(0)
    if end != len(text):
        raise BadPath(f"unexpected text at {end}")
    return path


def parse_prefix(text: str, start: int) -> tuple[Path, int]:
    """Read a path that begins at `start` and return it with the position after it. Raises `BadPath`."""
    return _Reader(text).path(start)


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text

    def path(self, start: int) -> tuple[Path, int]:
        match = _ROOT.match(self.text, start)
        if match is None:
            raise BadPath("a path starts with $")
        segments, at = self.segments(match.end())
        root = match["variable"] or match[0]
        return Path(self.text[start:at], root, segments, _is_definite(segments)), at

    def segments(self, at: int) -> tuple[tuple[tuple[str, Any], ...], int]:
        text = self.text
        found: list[tuple[str, Any]] = []
        while at < len(text):
            if text.startswith("..", at):
                found.append(("..", None))
                at += 2
                if at < len(text) and text[at] == "[":
                    continue
                at = self.dotted(at, found)
            elif text[at] == ".":
                at = self.dotted(at + 1, found)
            elif text[at] == "[":
                at = self.bracket(at + 1, found)
            else:
                break
            if len(found) > MAX_SEGMENTS:
                raise BadPath("too many segments")
        if found and found[-1][0] == "..":
            raise BadPath("path ends with ..")
        return tuple(found), at

    def dotted(self, at: int, found: list[tuple[str, Any]]) -> int:
        text = self.text
        if text.startswith("*", at):
            found.append(("*", None))
            return at + 1
        if text.startswith("[", at):
            return self.bracket(at + 1, found)
        match = _DOT_NAME.match(text, at)
        if match is None:
            raise BadPath(f"a name is missing at {at}")
        if text.startswith("()", match.end()):
            if match[0] not in ("length", "size"):
                raise BadPath(f"function {match[0]}() is not supported")
            found.append(("length", None))
            return match.end() + 2
        found.append(("name", match[0]))
        return match.end()

    def bracket(self, at: int, found: list[tuple[str, Any]]) -> int:
        text = self.text
        at = self.space(at)
        if text.startswith("*", at):
            found.append(("*", None))
            return self.close(at + 1)
        if text.startswith("?", at):
            at = self.space(at + 1)
            if not text.startswith("(", at):
                raise BadPath("a filter is written [?(…)]")
            predicate, at = _FilterReader(self).either(at + 1, 0)
            found.append(("filter", predicate))
            return self.close(self.expect(at, ")"))
        if at < len(text) and text[at] in "'\"":
            names: list[str] = []
            while True:
                name, at = self.quoted(at)
                names.append(name)
                at = self.space(at)
                if not text.startswith(",", at):
                    break
                at = self.space(at + 1)
            found.append(("name", names[0]) if len(names) == 1 else ("names", tuple(names)))
            return self.close(at)
        slice_match = _SLICE.match(text, at)
        if slice_match is not None:
            bounds = tuple(int(part) if part else None for part in slice_match.groups())
            if bounds[2] == 0:
                raise BadPath("a slice's step is not 0")
            found.append(("slice", bounds))
            return self.close(slice_match.end())
        numbers: list[int] = []
        while True:
            match = _INT.match(text, at)
            if match is None:
                raise BadPath(f"cannot read the bracket at {at}")
            numbers.append(int(match[0]))
            at = self.space(match.end())
            if not text.startswith(",", at):
                break
            at = self.space(at + 1)
        found.append(("index", numbers[0]) if len(numbers) == 1 else ("indexes", tuple(numbers)))
        return self.close(at)

    def quoted(self, at: int) -> tuple[str, int]:
        text = self.text
        if at >= len(text) or text[at] not in "'\"":
            raise BadPath(f"a quoted name is missing at {at}")
        quote, parts = text[at], []
        at += 1
        while at < len(text):
            character = text[at]
            if character == "\\" and text[at + 1 : at + 2] in (quote, "\\"):
                parts.append(text[at + 1])
                at += 2
            elif character == quote:
                return "".join(parts), at + 1
            else:
                parts.append(character)
                at += 1
        raise BadPath("a quote is not closed")

    def space(self, at: int) -> int:
        while at < len(self.text) and self.text[at] in " \t":
            at += 1
        return at

    def expect(self, at: int, character: str) -> int:
        at = self.space(at)
        if not self.text.startswith(character, at):
            raise BadPath(f"{character} is missing at {at}")
        return at + len(character)

    def close(self, at: int) -> int:
        return self.expect(at, "]")


_OPERATOR = re.compile(r"==|!=|<=|>=|<|>|\bin\b|\bnin\b")
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?")
_WORD = re.compile(r"true|false|null")
_NOTHING: Any = object()
_Value = Callable[[Json, Search], Json]


class _FilterReader:
    """`@.a > 1 && (@.b == 'x' || !@.c)`."""

    def __init__(self, reader: _Reader) -> None:
        self.reader = reader

    def either(self, at: int, depth: int) -> tuple[_Test, int]:
        if depth > 20:
            raise BadPath("the filter is nested too deeply")
        tests, at = self._joined("||", at, depth, self._both)
        return (tests[0] if len(tests) == 1 else lambda item, search: any(test(item, search) for test in tests)), at

    def _both(self, at: int, depth: int) -> tuple[_Test, int]:
        tests, at = self._joined("&&", at, depth, self._one)
        return (tests[0] if len(tests) == 1 else lambda item, search: all(test(item, search) for test in tests)), at

    def _joined(
        self, word: str, at: int, depth: int, read: Callable[[int, int], tuple[_Test, int]]
    ) -> tuple[list[_Test], int]:
        test, at = read(at, depth)
        tests = [test]
        while self.reader.text.startswith(word, self.reader.space(at)):
            test, at = read(self.reader.space(at) + len(word), depth)
            tests.append(test)
        return tests, at

    def _one(self, at: int, depth: int) -> tuple[_Test, int]:
        text = self.reader.text
        at = self.reader.space(at)
        if text.startswith("!", at) and not text.startswith("!=", at):
            test, at = self._one(at + 1, depth + 1)
            return (lambda item, search: not test(item, search)), at
        if text.startswith("(", at):
            test, at = self.either(at + 1, depth + 1)
            return test, self.reader.expect(at, ")")
        left, at = self._value(at)
        match = _OPERATOR.match(text, self.reader.space(at))
        if match is None:
            return (lambda item, search: left(item, search) is not _NOTHING), at
        right, at = self._value(self.reader.space(match.end()))
        compare = _COMPARE[match[0]]
        return (lambda item, search: compare(left(item, search), right(item, search), search)), at

    def _value(self, at: int) -> tuple[_Value, int]:
        text = self.reader.text
        at = self.reader.space(at)
        if at < len(text) and text[at] in "@$":
            segments, end = self.reader.segments(at + 1)
            path = Path(text[at:end], "$", segments, _is_definite(segments))
            current = text[at] == "@"

            def select(item: Json, search: Search) -> Json:
                try:
                    return path.find(item if current else search.root, search)
                except NoResult:
                    return _NOTHING

            return select, end
        if at < len(text) and text[at] in "'\"":
            literal, end = self.reader.quoted(at)
            return (lambda item, search: literal), end
        if at < len(text) and text[at] == "[":
            values: list[_Value] = []
            at = self.reader.space(at + 1)
            while not text.startswith("]", at):
                value, at = self._value(at)
                values.append(value)
                at = self.reader.space(at)
                if text.startswith(",", at):
                    at = self.reader.space(at + 1)
                elif not text.startswith("]", at):
                    raise BadPath(f"] is missing at {at}")
            return (lambda item, search: [value(item, search) for value in values]), at + 1
        match = _NUMBER.match(text, at)
        if match is not None:
            number: Json = float(match[0]) if match[1] or match[2] else int(match[0])
            return (lambda item, search: number), match.end()
        match = _WORD.match(text, at)
        if match is not None:
            word = {"true": True, "false": False, "null": None}[match[0]]
            return (lambda item, search: word), match.end()
        raise BadPath(f"cannot read the filter at {at}")


def same(left: Json, right: Json, search: Search | None = None) -> bool:
    """Deep JSON equality: `1` is not `true`."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        if search is not None:
            search.visit(min(len(left), len(right)))
        return len(left) == len(right) and all(same(a, b, search) for a, b in zip(left, right, strict=True))
    if isinstance(left, dict) and isinstance(right, dict):
        if search is not None:
            search.visit(min(len(left), len(right)))
        return left.keys() == right.keys() and all(same(left[key], right[key], search) for key in left)
    return bool(left == right)


def _equal(left: Json, right: Json, search: Search) -> bool:
    return left is not _NOTHING and right is not _NOTHING and same(left, right, search)


def _in(left: Json, right: Json, search: Search) -> bool:
    if not isinstance(right, list):
        return False
    search.visit(len(right))
    return any(same(left, item, search) for item in right)


def _ordered(test: Callable[[Any, Any], bool]) -> Callable[[Json, Json, Search], bool]:
    def compare(left: Json, right: Json, search: Search) -> bool:
        if isinstance(left, bool) or isinstance(right, bool):
            return False
        if isinstance(left, (int, float)) and isinstance(right, (int, float)):
            return test(left, right)
        return isinstance(left, str) and isinstance(right, str) and test(left, right)

    return compare


_COMPARE: dict[str, Callable[[Json, Json, Search], bool]] = {
    "==": _equal,
    "!=": lambda left, right, search: not _equal(left, right, search),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
    "in": _in,
    "nin": lambda left, right, search: not _in(left, right, search),
}


def assign(target: Json, path: Path, value: Json) -> Json:
    """A copy of `target` with `value` at a reference path, objects made on the way. Raises `NoResult`."""
    return _assign(target, path.segments, 0, value)


def _assign(node: Json, segments: tuple[tuple[str, Any], ...], at: int, value: Json) -> Json:
    if at == len(segments):
        return value
    kind, key = segments[at]
    if kind == "index":
        if not isinstance(node, list) or not 0 <= key < len(node):
            raise NoResult(render(segments))
        copy = list(node)
        copy[key] = _assign(node[key], segments, at + 1, value)
        return copy
    if node is None and at > 0:
        node = {}
    if not isinstance(node, dict):
        raise NoResult(render(segments))
    return {**node, key: _assign(node.get(key), segments, at + 1, value)}
