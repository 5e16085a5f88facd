"""Template text → tree. Velocity 1.x's grammar as far as mapping templates go; knows no values.

References: `$a.b["c"].d(1)`, `${a}`, `$!a`. Directives: #set #if #elseif #else #foreach #define #end #break #stop,
comments, `#[[ literal ]]#`. Line feeds after a directive's closing bracket are swallowed, as Velocity 1.7 does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, NoReturn

MAX_DEPTH = 60


class VtlSyntaxError(ValueError):
    """The template cannot be read."""


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Literal:
    value: Any


@dataclass(frozen=True, slots=True)
class Interpolated:
    """A double-quoted string with references in it."""

    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Reference:
    """`accessors`: ("property", name) | ("index", expression) | ("method", name, arguments)."""

    name: str
    accessors: tuple[tuple[Any, ...], ...]
    quiet: bool
    source: str


@dataclass(frozen=True, slots=True)
class ListLiteral:
    items: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RangeLiteral:
    first: Any
    last: Any


@dataclass(frozen=True, slots=True)
class MapLiteral:
    items: tuple[tuple[Any, Any], ...]


@dataclass(frozen=True, slots=True)
class Unary:
    operator: str
    operand: Any


@dataclass(frozen=True, slots=True)
class Binary:
    operator: str
    left: Any
    right: Any


@dataclass(frozen=True, slots=True)
class Set:
    target: Reference
    value: Any


@dataclass(frozen=True, slots=True)
class If:
    branches: tuple[tuple[Any, tuple[Any, ...]], ...]
    """Condition (None for #else) and body, in order."""


@dataclass(frozen=True, slots=True)
class Foreach:
    variable: str
    items: Any
    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Define:
    """#define: a body that is rendered anew wherever its name stands."""

    variable: str
    body: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Break:
    """#break: leaves the loop; outside of one, the template."""


@dataclass(frozen=True, slots=True)
class Stop:
    """#stop: ends rendering."""


_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
_DIRECTIVE = re.compile(
    r"#(?:\{(set|if|elseif|else|foreach|end|break|stop|macro|parse|include|define|evaluate)\}"
    r"|(set|if|elseif|else|foreach|end|break|stop|macro|parse|include|define|evaluate)(?![A-Za-z0-9_]))"
)
_NEWLINE = re.compile(r"[ \t]*(?:\r\n|\n|\r)")
_SPACE = re.compile(r"\s*")
_NUMBER = re.compile(r"(?:\d+\.(?!\.)\d*|\.\d+|\d+(?=[eE][+-]?\d))(?:[eE][+-]?\d+)?|\d+")
"""Velocity 1.7's FLOATING_POINT_LITERAL and INTEGER_LITERAL: `1.`, `.5` and `1e3` are numbers; 1..3 is a range."""
_WORDS = {"and": "&&", "or": "||", "eq": "==", "ne": "!=", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "not": "!"}
_OPERATOR = re.compile(r"\|\||&&|==|!=|<=|>=|<|>|\+|-|\*|/|%|(?:and|or|eq|ne|lt|le|gt|ge)(?![A-Za-z0-9_])")
_LEVELS = ({"||"}, {"&&"}, {"==", "!="}, {"<", "<=", ">", ">="}, {"+", "-"}, {"*", "/", "%"})


def parse(source: str) -> tuple[Any, ...]:
    """The template's tree. Raises `VtlSyntaxError`."""
    parser = _Parser(source)
    body, end = parser.body(frozenset())
    assert end is None
    return body


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.depth = 0

    def fail(self, what: str) -> NoReturn:
        line = self.source.count("\n", 0, self.position) + 1
        raise VtlSyntaxError(f"{what} at line {line}")

    # ── text and directives ──

    def body(self, ends: frozenset[str], references_only: bool = False) -> tuple[tuple[Any, ...], str | None]:
        """Nodes up to one of the directives in `ends`, and which one it was."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("nested too deeply")
        nodes: list[Any] = []
        text: list[str] = []

        def flush() -> None:
            if text:
                nodes.append(Text("".join(text)))
                text.clear()

        source = self.source
        while self.position < len(source):
            char = source[self.position]
            if char not in "$#\\":
                following = _next_special(source, self.position)
                text.append(source[self.position : following])
                self.position = following
                continue
            if char == "\\":
                self.escape(text)
                continue
            if char == "$":
                reference = self.reference()
                if reference is None:
                    text.append("$")
                    self.position += 1
                else:
                    flush()
                    nodes.append(reference)
                continue
            if references_only and not source.startswith("#", self.position):
                text.append(char)
                self.position += 1
                continue
            if source.startswith("##", self.position):
                match = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)?").match(source, self.position)
                assert match is not None
                self.position = match.end()
                continue
            if source.startswith("#*", self.position):
                end = source.find("*#", self.position + 2)
                self.position = len(source) if end < 0 else end + 2
                continue
            if source.startswith("#[[", self.position):
                end = source.find("]]#", self.position + 3)
                if end < 0:
                    self.fail("#[[ is not closed")
                text.append(source[self.position + 3 : end])
                self.position = end + 3
                continue
            match = _DIRECTIVE.match(source, self.position)
            if match is None or references_only:
                text.append("#")
                self.position += 1
                continue
            name = match.group(1) or match.group(2)
            self.position = match.end()
            if name in ends:
                flush()
                self.depth -= 1
                return tuple(nodes), name
            if name == "set" and text:
                text[-1] = text[-1].rstrip(" \t")
            flush()
            nodes.append(self.directive(name))
        flush()
        if ends:
            self.fail("#end is missing")
        self.depth -= 1
        return tuple(nodes), None

    def escape(self, text: list[str]) -> None:
        """`\\$name` and `\\#if` stand for the text after the backslash; any other backslash is itself."""
        source, start = self.source, self.position
        self.position += 1
        if source.startswith("$", self.position):
            reference = self.reference()
            if reference is not None:
                text.append(reference.source)
                return
            self.position = start + 1
        elif _DIRECTIVE.match(source, self.position):
            text.append("#")
            self.position += 1
            return
        text.append("\\")

    def directive(self, name: str) -> Any:
        if name == "set":
            self.expect("(")
            self.space()
            target = self.reference()
            if target is None:
                self.fail("#set needs a reference")
            self.space()
            self.expect("=")
            value = self.expression()
            self.close()
            return Set(target, value)
        if name == "if":
            branches: list[tuple[Any, tuple[Any, ...]]] = []
            condition: Any = self.condition()
            while True:
                ends = frozenset({"elseif", "else", "end"}) if condition is not None else frozenset({"end"})
                body, end = self.body(ends)
                branches.append((condition, body))
                if end == "elseif":
                    condition = self.condition()
                else:
                    self.newline()
                    if end == "end":
                        return If(tuple(branches))
                    condition = None
        if name == "define":
            self.expect("(")
            self.space()
            named = self.reference()
            if named is None or named.accessors:
                self.fail("#define needs a reference")
            self.close()
            body, _ = self.body(frozenset({"end"}))
            self.newline()
            return Define(named.name, body)
        if name == "foreach":
            self.expect("(")
            self.space()
            variable = self.reference()
            if variable is None:
                self.fail("#foreach needs a reference")
            self.space()
            if not self.source.startswith("in", self.position):
                self.fail("#foreach needs `in`")
            self.position += 2
            items = self.expression()
            self.close()
            body, _ = self.body(frozenset({"end"}))
            self.newline()
            return Foreach(variable.name, items, body)
        if name == "break":
            self.newline()
            return Break()
        if name == "stop":
            self.newline()
            return Stop()
        self.fail(f"#{name} is not possible here")

    def condition(self) -> Any:
        self.expect("(")
        condition = self.expression()
        self.close()
        return condition

    def newline(self) -> None:
        match = _NEWLINE.match(self.source, self.position)
        if match:
            self.position = match.end()

    def close(self) -> None:
        self.space()
        self.expect(")")
        self.newline()

    def space(self) -> None:
        match = _SPACE.match(self.source, self.position)
        assert match is not None
        self.position = match.end()

    def expect(self, token: str) -> None:
        self.space()
        if not self.source.startswith(token, self.position):
            self.fail(f"{token!r} is missing")
        self.position += len(token)

    # ── references ──

    def reference(self) -> Reference | None:
        """The reference at `$`, or None if this dollar is only a dollar."""
        source, start = self.source, self.position
        position = start + 1
        quiet = source.startswith("!", position)
        position += quiet
        braced = source.startswith("{", position)
        position += braced
        match = _IDENTIFIER.match(source, position)
        if match is None:
            return None
        self.position = match.end()
        accessors: list[tuple[Any, ...]] = []
        while self.position < len(source):
            if source[self.position] == "[":
                self.position += 1
                accessors.append(("index", self.expression()))
                self.expect("]")
                continue
            member = _IDENTIFIER.match(source, self.position + 1) if source[self.position] == "." else None
            if member is None:
                break
            self.position = member.end()
            if source.startswith("(", self.position):
                self.position += 1
                accessors.append(("method", member.group(), self.arguments(")")))
            else:
                accessors.append(("property", member.group()))
        if braced:
            if not source.startswith("}", self.position):
                self.position = start
                return None
            self.position += 1
        return Reference(match.group(), tuple(accessors), quiet, source[start : self.position])

    def arguments(self, closing: str) -> tuple[Any, ...]:
        items: list[Any] = []
        self.space()
        if self.source.startswith(closing, self.position):
            self.position += 1
            return ()
        while True:
            items.append(self.expression())
            self.space()
            if self.source.startswith(",", self.position):
                self.position += 1
                continue
            self.expect(closing)
            return tuple(items)

    # ── expressions ──

    def expression(self, level: int = 0) -> Any:
        if level == 0:
            self.depth += 1
            if self.depth > MAX_DEPTH:
                self.fail("nested too deeply")
            result = self.binary(0)
            self.depth -= 1
            return result
        return self.binary(level)

    def binary(self, level: int) -> Any:
        if level == len(_LEVELS):
            return self.unary()
        left = self.binary(level + 1)
        chain = 0
        while True:
            self.space()
            match = _OPERATOR.match(self.source, self.position)
            operator = _WORDS.get(match.group(), match.group()) if match else None
            if match is None or operator is None or operator not in _LEVELS[level]:
                return left
            chain += 1
            if chain > 200:
                self.fail("expression too long")
            self.position = match.end()
            left = Binary(operator, left, self.binary(level + 1))

    def unary(self) -> Any:
        self.space()
        source = self.source
        if source.startswith("!", self.position) or re.compile(r"not(?![A-Za-z0-9_])").match(source, self.position):
            self.position += 1 if source[self.position] == "!" else 3
            return Unary("!", self.nested())
        if source.startswith("-", self.position):
            self.position += 1
            return Unary("-", self.nested())
        return self.primary()

    def nested(self) -> Any:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("nested too deeply")
        operand = self.unary()
        self.depth -= 1
        return operand

    def primary(self) -> Any:
        source = self.source
        char = source[self.position : self.position + 1]
        if char == "$":
            reference = self.reference()
            if reference is None:
                self.fail("not a reference")
            return reference
        if char == "(":
            self.position += 1
            value = self.expression()
            self.expect(")")
            return value
        if char == "'":
            return Literal(self.quoted("'"))
        if char == '"':
            text = self.quoted('"')
            if "$" not in text and "#" not in text:
                return Literal(text)
            inner = _Parser(text)
            inner.depth = self.depth
            body = inner.body(frozenset(), references_only=True)[0]
            if all(isinstance(part, Text) for part in body):  # a JSONPath, "$.a": nothing to fill in
                return Literal("".join(part.text for part in body))
            return Interpolated(body)
        if char == "[":
            return self.bracketed()
        if char == "{":
            self.position += 1
            return MapLiteral(self.pairs())
        match = _NUMBER.match(source, self.position)
        if match:
            text = match.group()
            self.position = match.end()
            if len(text) > 40:
                self.fail("number too long")
            return Literal(float(text) if "." in text or "e" in text.lower() else int(text))
        word = _IDENTIFIER.match(source, self.position)
        if word and word.group() in ("true", "false", "null"):
            self.position = word.end()
            return Literal({"true": True, "false": False, "null": None}[word.group()])
        self.fail("expression expected")

    def quoted(self, quote: str) -> str:
        """A string; a doubled quote stands for one, a backslash escapes nothing but the quote in Velocity 1.7."""
        source, start = self.source, self.position + 1
        position = start
        while True:
            end = source.find(quote, position)
            if end < 0:
                self.fail("string is not closed")
            if source.startswith(quote * 2, end):
                position = end + 2
                continue
            if quote == '"' and source[end - 1] == "\\" and end > start:
                position = end + 1
                continue
            self.position = end + 1
            text = source[start:end].replace(quote * 2, quote)
            return text.replace('\\"', '"') if quote == '"' else text

    def bracketed(self) -> Any:
        self.position += 1
        self.space()
        if self.source.startswith("]", self.position):
            self.position += 1
            return ListLiteral(())
        first = self.expression()
        self.space()
        if self.source.startswith("..", self.position):
            self.position += 2
            last = self.expression()
            self.expect("]")
            return RangeLiteral(first, last)
        if self.source.startswith(",", self.position):
            self.position += 1
            return ListLiteral((first, *self.arguments("]")))
        self.expect("]")
        return ListLiteral((first,))

    def pairs(self) -> tuple[tuple[Any, Any], ...]:
        items: list[tuple[Any, Any]] = []
        self.space()
        if self.source.startswith("}", self.position):
            self.position += 1
            return ()
        while True:
            key = self.expression()
            self.expect(":")
            items.append((key, self.expression()))
            self.space()
            if self.source.startswith(",", self.position):
                self.position += 1
                continue
            self.expect("}")
            return tuple(items)


_SPECIAL = re.compile(r"[$#\\]")


def _next_special(source: str, position: int) -> int:
    match = _SPECIAL.search(source, position)
    return match.start() if match else len(source)
