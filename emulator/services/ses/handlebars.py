"""The template language of SES: Handlebars as its developer guide describes it, with bounded work and output. Pure.

Decides what a template says with given data: variables and paths, `if`, `unless`, `each`, `with`, inline partials,
comments, whitespace control. Nothing is escaped (SES developer guide, "doesn't escape HTML content" [D]). A variable
that the data lacks is an error here, unlike in Handlebars itself; a condition on one is false. Knows nothing of mail.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

LARGEST_OUTPUT_CHARACTERS = 10 * 1024 * 1024
MOST_STEPS = 100_000
"""Parts of templates written for one message; a loop in a loop in a loop must end."""
DEEPEST = 60
"""Blocks and partials inside one another."""


class BadTemplate(Exception):
    """The template cannot be read, or asks for what SES's Handlebars has not."""


class MissingAttribute(Exception):
    """The data has no value for a variable; `name` is the variable as the template writes it."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class TooLarge(Exception):
    """What the template makes of the data is larger than any message."""


@dataclass(frozen=True, slots=True)
class Text:
    """What stands outside of braces."""

    text: str


@dataclass(frozen=True, slots=True)
class Variable:
    """`{{path}}`, or a helper that gives a value: `{{lookup a b}}`."""

    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Partial:
    """`{{> name context}}`."""

    name: str
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """`{{#helper …}}body{{else}}otherwise{{/helper}}`."""

    helper: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    """`as |item index|`"""
    body: tuple[Node, ...]
    otherwise: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Inline:
    """`{{#* inline "name"}}body{{/inline}}`: a partial for the rest of the template."""

    name: str
    body: tuple[Node, ...]


Node = Text | Variable | Partial | Block | Inline

# ── reading ─────────────────────────────────────────────────────────────────────────────────────

_TAG = re.compile(
    r"(?P<escaped>\\)?\{\{(?P<open>~)?"
    r"(?:(?P<comment>!--.*?--|![^-}][^}]*|!)|\{(?P<triple>[^{}]*)\}|(?P<tag>[^{}]*))"
    r"(?P<close>~)?\}\}",
    re.DOTALL,
)
_WORD = re.compile(r"""\s*("[^"]*"|'[^']*'|\|[^|]*\||\[[^\]]*\]|[^\s"'|=()]+)""")


@dataclass(slots=True)
class _Open:
    """A block whose end has not come yet."""

    tag: str
    helper: str
    words: tuple[str, ...]
    names: tuple[str, ...]
    body: list[Node] = field(default_factory=list[Node])
    otherwise: list[Node] | None = None
    chained: bool = False
    """Opened by `{{else if …}}`: the end of the block around it is its end, too."""

    @property
    def current(self) -> list[Node]:
        return self.body if self.otherwise is None else self.otherwise


@lru_cache(64)
def parse(template: str) -> tuple[Node, ...]:
    """A template as a tree. Raises `BadTemplate`."""
    stack = [_Open("", "", (), ())]
    for kind, value in _pieces(template):
        if kind == "text":
            if value:
                stack[-1].current.append(Text(value))
        else:
            _take(stack, value, kind == "triple")
            if len(stack) > DEEPEST:
                raise BadTemplate("blocks are nested too deeply")
    if len(stack) > 1:
        raise BadTemplate(f"the block '{stack[-1].tag}' has no end")
    return tuple(stack[0].body)


def _pieces(template: str) -> list[tuple[str, str]]:
    """Texts and tags in turn, with whitespace taken out where the template says so."""
    pieces: list[list[str]] = []
    strip_next = False
    position = 0
    for match in _TAG.finditer(template):
        text = template[position : match.start()]
        position = match.end()
        if "{{" in text:
            raise BadTemplate("there are braces that are not closed")
        if strip_next:
            text = text.lstrip()
        strip_next = match["close"] is not None
        if match["escaped"]:
            pieces.append(["text", text + match.group()[1:]])
            continue
        pieces.append(["text", text.rstrip() if match["open"] else text])
        if match["comment"] is not None:
            pieces.append(["comment", ""])
        elif match["triple"] is not None:
            pieces.append(["triple", match["triple"].strip()])
        else:
            tag = match["tag"].strip()
            strip_next = strip_next or tag.endswith("~")
            pieces.append(["tag", tag.removesuffix("~").strip()])
    rest = template[position:]
    if "{{" in rest:
        raise BadTemplate("there are braces that are not closed")
    pieces.append(["text", rest.lstrip() if strip_next else rest])
    _drop_lines_of_blocks(pieces)
    return [(kind, value) for kind, value in pieces if kind != "comment"]


def _drop_lines_of_blocks(pieces: list[list[str]]) -> None:
    """A line that holds nothing but the tag of a block or a comment leaves no empty line (Handlebars: standalone)."""
    for index, (kind, value) in enumerate(pieces):
        if kind == "comment" or (kind == "tag" and (value[:1] in "#/^>" or value.split(None, 1)[:1] == ["else"])):
            before = pieces[index - 1] if index else ["text", ""]
            after = pieces[index + 1] if index + 1 < len(pieces) else ["text", ""]
            if before[0] != "text" or after[0] != "text":
                continue
            head = re.search(r"(?:^|\n)[ \t]*\Z", before[1])
            if head is None or (not before[1].lstrip(" \t") and index > 1 and "\n" not in before[1]):
                continue
            tail = re.match(r"[ \t]*(?:\r?\n|\Z)", after[1])
            if tail is None or (tail.end() == len(after[1]) and index + 2 < len(pieces) and "\n" not in tail.group()):
                continue
            before[1] = before[1].rstrip(" \t")
            after[1] = after[1][tail.end() :]


def _take(stack: list[_Open], tag: str, plain: bool) -> None:
    if not tag:
        raise BadTemplate("there is an empty tag")
    sign = "" if plain else tag[0]
    if sign == "#":
        _open(stack, tag[1:].strip())
    elif sign == "/":
        _close(stack, tag[1:].strip())
    elif sign == ">":
        words = _words(tag[1:])
        stack[-1].current.append(Partial(_name(words[0]), words[1:]))
    elif sign == "^":
        if tag[1:].strip():
            stack.append(_Open(tag[1:].strip(), "unless", _words(tag[1:]), ()))
        else:
            _otherwise(stack, "")
    elif tag == "else" or tag.startswith("else "):
        _otherwise(stack, tag[4:].strip())
    else:
        words = _words(tag[1:] if sign == "&" else tag)
        stack[-1].current.append(Variable(words))


def _open(stack: list[_Open], text: str, chained: bool = False) -> None:
    inline = text.startswith("*")
    words = _words(text[1:] if inline else text)
    names: tuple[str, ...] = ()
    if len(words) > 2 and words[-2] == "as" and words[-1].startswith("|"):
        names, words = tuple(words[-1].strip("|").split()), words[:-2]
    helper = next(iter(words))
    if inline:
        if helper != "inline" or len(words) != 2:
            raise BadTemplate(f"'{text}' is no inline partial")
        stack.append(_Open("inline", "*inline", (_name(words[1]),), ()))
    elif helper in _HELPERS:
        if len(words) != 2:
            raise BadTemplate(f"'{helper}' takes one parameter")
        stack.append(_Open(helper, helper, words[1:], names, chained=chained))
    elif len(words) == 1:
        stack.append(_Open(helper, "", words, names, chained=chained))
    else:
        raise BadTemplate(f"there is no helper '{helper}'")


def _otherwise(stack: list[_Open], condition: str) -> None:
    block = stack[-1]
    if not block.tag or block.otherwise is not None or block.helper == "*inline":
        raise BadTemplate("there is an 'else' where none may be")
    block.otherwise = []
    if condition:
        _open(stack, condition, chained=True)


def _close(stack: list[_Open], name: str) -> None:
    while True:
        block = stack.pop()
        if not stack:
            raise BadTemplate(f"the end of '{name}' has no block")
        body, otherwise = tuple(block.body), tuple(block.otherwise or ())
        if block.helper == "*inline":
            stack[-1].current.append(Inline(block.words[0], body))
        else:
            stack[-1].current.append(Block(block.helper, block.words, block.names, body, otherwise))
        if not block.chained:
            break
    if name.split() != block.tag.split()[:1]:
        raise BadTemplate(f"the block '{block.tag}' ends with '{name}'")


def _words(text: str) -> tuple[str, ...]:
    words: list[str] = []
    position = 0
    text = text.strip()
    while position < len(text):
        match = _WORD.match(text, position)
        if match is None:
            raise BadTemplate(f"'{text[:100]}' cannot be read")
        words.append(match[1])
        position = match.end()
    if not words:
        raise BadTemplate("there is an empty tag")
    return tuple(words)


def _name(word: str) -> str:
    return word[1:-1] if word[:1] in ("'", '"') else word


_HELPERS = ("if", "unless", "each", "with")

# ── writing ─────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class _Context:
    this: Any
    parent: _Context | None = None
    root: Any = None
    names: tuple[tuple[str, Any], ...] = ()
    """`@index`, `@key`, … and block parameters."""
    depth: int = 0

    def within(self, this: Any, names: Sequence[tuple[str, Any]] = ()) -> _Context:
        if self.depth >= DEEPEST:
            raise BadTemplate("blocks and partials are nested too deeply")
        return _Context(this, self, self.root, (*names, *self.names), self.depth + 1)


_ABSENT = object()


class _Writer:
    def __init__(self) -> None:
        self.parts: list[str] = []
        self.size = 0
        self.steps = 0
        self.partials: dict[str, tuple[Node, ...]] = {}

    def say(self, text: str) -> None:
        self.size += len(text)
        if self.size > LARGEST_OUTPUT_CHARACTERS:
            raise TooLarge
        self.parts.append(text)

    def step(self) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooLarge

    def write(self, nodes: tuple[Node, ...], context: _Context) -> None:
        for node in nodes:
            self.step()
            if isinstance(node, Text):
                self.say(node.text)
            elif isinstance(node, Variable):
                self.say(_printed(_wanted(node.words, context)))
            elif isinstance(node, Block):
                self.block(node, context)
            elif isinstance(node, Inline):
                self.partials[node.name] = node.body
            else:
                self.partial(node, context)

    def partial(self, node: Partial, context: _Context) -> None:
        body = self.partials.get(node.name)
        if body is None:
            raise BadTemplate(f"there is no partial '{node.name}'")
        this = _wanted(node.words, context) if node.words else context.this
        self.write(body, context.within(this))

    def block(self, node: Block, context: _Context) -> None:
        value = _found(node.words[0], context)
        if node.helper in ("if", "unless"):
            met = _truth(value) == (node.helper == "if")
            self.write(node.body if met else node.otherwise, replace(context, depth=context.depth + 1))
        elif not _truth(value):
            self.write(node.otherwise, context)
        elif node.helper == "with":
            self.write(node.body, context.within(value, [(name, value) for name in node.names[:1]]))
        elif node.helper == "each" or isinstance(value, list):
            self.each(node, value, context)
        else:
            self.write(node.body, context.within(value if value is not True else context.this))

    def each(self, node: Block, value: Any, context: _Context) -> None:
        pairs: list[tuple[Any, Any]]
        if isinstance(value, dict):
            pairs = list(value.items())
        elif isinstance(value, list):
            pairs = list(enumerate(value))
        else:
            self.write(node.otherwise, context)
            return
        for index, (key, item) in enumerate(pairs):
            self.step()
            names = [("@index", index), ("@key", key), ("@first", index == 0), ("@last", index == len(pairs) - 1)]
            self.write(node.body, context.within(item, [*zip(node.names, (item, key), strict=False), *names]))


def render(template: str, data: dict[str, Any]) -> str:
    """What the template says with this data. Raises `BadTemplate`, `MissingAttribute`, `TooLarge`."""
    writer = _Writer()
    writer.write(parse(template), _Context(data, root=data))
    return "".join(writer.parts)


def _wanted(words: tuple[str, ...], context: _Context) -> Any:
    """The value that a tag prints, which must be there."""
    if len(words) == 1:
        value = _found(words[0], context)
    elif len(words) == 3 and words[0] == "lookup":
        value = _member(_found(words[1], context), _printed(_found(words[2], context)))
    else:
        raise BadTemplate(f"there is no helper '{next(iter(words))}'")
    if value is _ABSENT:
        raise MissingAttribute(" ".join(words))
    return value


def _found(word: str, context: _Context) -> Any:
    """What a word means here: a literal, or a path through the data."""
    if word[:1] in ("'", '"'):
        return word[1:-1]
    if re.fullmatch(r"-?\d+(\.\d+)?", word):
        return json.loads(word) if not re.match(r"-?0\d", word) else _ABSENT
    literals: dict[str, Any] = {"true": True, "false": False, "null": None, "undefined": _ABSENT}
    if word in literals:
        return literals[word]
    scope: _Context | None = context
    while word.startswith("../"):
        scope = scope.parent if scope is not None else None
        word = word[3:]
    if scope is None:
        return _ABSENT
    steps = [step.strip("[]") for step in re.findall(r"\[[^\]]*\]|[^./\[\]]+", word)]
    if word in (".", "this") or not steps:
        return scope.this
    first = next(iter(steps))
    rest = steps[1:]
    if first == "this":
        value = scope.this
    elif first == "@root":
        value = scope.root
    else:
        value = next((value for name, value in scope.names if name == first), _ABSENT)
        if value is _ABSENT:
            value = _outward(scope, first)
    for step in rest:
        value = _member(value, step)
    return value


def _outward(scope: _Context | None, name: str) -> Any:
    """A name of this context, or of one around it: SES's Java Handlebars looks outward, too (unverified)."""
    while scope is not None:
        value = _member(scope.this, name)
        if value is not _ABSENT:
            return value
        scope = scope.parent
    return _ABSENT


def _member(value: Any, name: str) -> Any:
    if isinstance(value, dict):
        return value.get(name, _ABSENT)
    if isinstance(value, list):
        if name == "length":
            return len(value)
        return value[int(name)] if re.fullmatch(r"\d{1,9}", name) and int(name) < len(value) else _ABSENT
    return _ABSENT


def _truth(value: Any) -> bool:
    return value is not _ABSENT and bool(value)


def _printed(value: Any) -> str:
    if value is None or value is _ABSENT:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
