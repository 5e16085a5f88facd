"""The pattern language of EventBridge, SNS filter policies and Lambda filter criteria. Pure: text → `Pattern` → bool.

Decides what a pattern means and which are malformed, with the words and places AWS's own compiler uses (the open
event-ruler library that EventBridge runs). How long a pattern may be and how an error is wrapped, each service says.
Matching is linear in pattern and event: there are no regular expressions, and wildcards never go back.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from emulator.ports import Json

DEEPEST_PATTERN = 100
SHOWN_SOURCE = 500
"""Characters of the pattern that an error repeats, as Jackson does."""
LARGEST_NUMBER = 5e9

Matcher = Callable[[Any], bool]
"""Does a value that is present (string, number, boolean or None) match?"""


class InvalidPattern(Exception):
    """The pattern is malformed: `reason` is the compiler's sentence, `message` adds where, as EventBridge shows it."""

    def __init__(self, reason: str, source: str = "", at: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.message = reason if at is None else f"{reason}\n{_place(source, at)}"


def compile_pattern(text: str) -> Pattern:
    """The pattern that `text` (JSON) states. Raises `InvalidPattern`."""
    return _Compiler(text).pattern()


@dataclass(slots=True)
class Leaf:
    """What a field's value may be: any of `matchers`, or missing if `absent`."""

    matchers: list[Matcher] = field(default_factory=list)
    absent: bool = False

    def matches(self, value: Any) -> bool:
        """`value` as the event has it; of an array any element may match."""
        present = False
        for leaf in _scalars(value):
            present = True
            if any(matcher(leaf) for matcher in self.matchers):
                return True
        return self.absent and not present


@dataclass(slots=True)
class Pattern:
    """All `fields` match, and of each `alternatives` (`$or`) one does."""

    fields: dict[str, Pattern | Leaf] = field(default_factory=dict)
    alternatives: list[list[Pattern]] = field(default_factory=list)

    def matches(self, event: Json) -> bool:
        """Whether an event (parsed JSON) has all that the pattern asks for."""
        members: dict[str, Any] = event if isinstance(event, dict) else {}
        for name, wanted in self.fields.items():
            value = members.get(name)
            if name not in members:
                value = _NOTHING
            if isinstance(wanted, Leaf):
                if not wanted.matches(value):
                    return False
            elif not any(wanted.matches(item) for item in _objects(value)):
                return False
        return all(any(choice.matches(members) for choice in choices) for choices in self.alternatives)

    def admits(self, known: Mapping[str, Any]) -> bool:
        """Whether an event that has these members could match, whatever else it has."""
        for name, wanted in self.fields.items():
            if name not in known:
                continue
            value = known[name]
            if isinstance(wanted, Leaf):
                if not wanted.matches(value):
                    return False
            elif not isinstance(value, Mapping) or not wanted.admits(cast("Mapping[str, Any]", value)):
                return False
        return all(any(choice.admits(known) for choice in choices) for choices in self.alternatives)


# ── values of an event ──────────────────────────────────────────────────────────────────────────

_NOTHING: tuple[()] = ()


def _scalars(value: Any) -> Iterator[Any]:
    """The leaves at this very path: arrays are flattened, objects have none."""
    if not isinstance(value, list):
        if not isinstance(value, dict) and value is not _NOTHING:
            yield value
        return
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, list):
            pending.extend(item)
        elif not isinstance(item, dict):
            yield item


def _objects(value: Any) -> Iterator[Any]:
    """The objects below which nested fields are looked for; a single empty one if there is none.

    One element of an array must match the whole nested pattern (array consistency of event-ruler).
    """
    found = False
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            found = True
            yield item
        elif isinstance(item, list):
            pending.extend(item)
    if not found:
        yield {}


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


# ── matchers ────────────────────────────────────────────────────────────────────────────────────


def _equals(wanted: Any) -> Matcher:
    if _is_number(wanted):
        return lambda value: _is_number(value) and value == wanted
    kind = type(wanted)
    return lambda value: type(value) is kind and value == wanted


def _on_text(test: Callable[[str], bool]) -> Matcher:
    return lambda value: isinstance(value, str) and test(value)


def _prefix(text: str) -> Matcher:
    return _on_text(lambda value: value.startswith(text))


def _suffix(text: str) -> Matcher:
    return _on_text(lambda value: value.endswith(text))


def _prefix_ignoring_case(text: str) -> Matcher:
    lower = text.lower()
    return _on_text(lambda value: value.lower().startswith(lower))


def _suffix_ignoring_case(text: str) -> Matcher:
    lower = text.lower()
    return _on_text(lambda value: value.lower().endswith(lower))


def _ignoring_case(text: str) -> Matcher:
    lower = text.lower()
    return _on_text(lambda value: value.lower() == lower)


def _wildcard(text: str) -> Matcher:
    first, *others = _wildcard_parts(text)
    if not others:
        return _equals(first)
    *middle, last = others

    def test(value: str) -> bool:
        if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
            return False
        at, end = len(first), len(value) - len(last)
        for part in middle:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return True

    return _on_text(test)


def _wildcard_parts(text: str) -> list[str]:
    """The literal pieces between `*`; `\\*` and `\\\\` are literal. Raises InvalidPattern without a place."""
    parts, piece, at = [], "", 0
    while at < len(text):
        character = text[at]
        if character == "\\":
            following = text[at + 1 : at + 2]
            if following not in ("*", "\\"):
                raise InvalidPattern(f"Invalid escape character at pos {at + 1}")
            piece, at = piece + following, at + 2
            continue
        if character == "*":
            if text[at + 1 : at + 2] == "*":
                raise InvalidPattern(f"Consecutive wildcard characters at pos {at + 1}")
            parts.append(piece)
            piece = ""
        else:
            piece += character
        at += 1
    return [*parts, piece]


def _cidr(text: str) -> Matcher:
    address, slash, bits = text.partition("/")
    if not slash or "/" in bits:
        raise InvalidPattern("Malformed CIDR, one '/' required")
    if not bits.isascii() or not bits.isdigit():
        raise InvalidPattern("Malformed CIDR, mask bits must be an integer")
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        raise InvalidPattern(f"Malformed IP address: {address}") from None
    if int(bits) > parsed.max_prefixlen:
        raise InvalidPattern("Malformed CIDR, mask bits must be within the address")
    network = ipaddress.ip_network(f"{address}/{int(bits)}", strict=False)

    def test(value: str) -> bool:
        try:
            found = ipaddress.ip_address(value)
        except ValueError:
            return False
        return found.version == network.version and found in network

    return _on_text(test)


def _none_of(matchers: list[Matcher]) -> Matcher:
    return lambda value: not any(matcher(value) for matcher in matchers)


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
    "=": lambda value, limit: value == limit,
}

_TEXT_MATCHERS: dict[str, Callable[[str], Matcher]] = {
    "exactly": _equals,
    "equals-ignore-case": _ignoring_case,
    "prefix": _prefix,
    "suffix": _suffix,
    "wildcard": _wildcard,
    "cidr": _cidr,
}
_NAMES_IN_ERRORS = {"exactly": "exact", "cidr": "prefix"}
_UNLESS: dict[str, Callable[[str], Matcher]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignoring_case,
    "wildcard": _wildcard,
}
_IGNORING_CASE = {"prefix": _prefix_ignoring_case, "suffix": _suffix_ignoring_case}
_RESERVED_IN_OR = frozenset(
    {"exactly", "prefix", "suffix", "anything-but", "numeric", "exists", "cidr", "wildcard", "equals-ignore-case"}
)


# ── from text to pattern ────────────────────────────────────────────────────────────────────────


class _Node(NamedTuple):
    """A JSON value and where AWS's parser stands once it has seen that value begin (strings are read lazily)."""

    value: Any
    """Scalars; a list of nodes; a list of (name, node) in `_Object`."""
    at: int
    end: int


class _Object(list[tuple[str, _Node]]):
    """The members of a JSON object, in order, repeated names included."""


class _Compiler:
    def __init__(self, text: str) -> None:
        self._text = text

    def pattern(self) -> Pattern:
        node = _Reader(self._text).document()
        if not isinstance(node.value, _Object):
            raise self._error("Filter is not an object", node.at)
        return self._object(node, inside_or=False)

    def _error(self, reason: str, at: int) -> InvalidPattern:
        return InvalidPattern(reason, self._text, at)

    def _object(self, node: _Node, inside_or: bool) -> Pattern:
        pattern = Pattern()
        for name, member in node.value:
            if name == "$or":
                pattern.alternatives.append(self._alternatives(member))
            elif inside_or and name in _RESERVED_IN_OR:
                raise self._error(f"{name} is Ruler reserved fieldName which cannot be used inside $or.", member.at)
            elif isinstance(member.value, _Object):
                pattern.fields[name] = self._object(member, inside_or)
            elif isinstance(member.value, list):
                pattern.fields[name] = self._leaf(member)
            else:
                raise self._error(f'"{name}" must be an object or an array', member.at)
        if not node.value:
            raise self._error("Empty objects are not allowed", node.end)
        return pattern

    def _alternatives(self, node: _Node) -> list[Pattern]:
        if isinstance(node.value, _Object) or not isinstance(node.value, list):
            raise self._error("It must be an Array followed with $or.", node.at)
        choices: list[Pattern] = []
        for choice in node.value:
            if not isinstance(choice.value, _Object):
                raise self._error("Only JSON object is allowed in array of $or relationship.", choice.at)
            choices.append(self._object(choice, inside_or=True))
        if len(choices) < 2:
            raise self._error("There must have at least 2 Objects in $or relationship.", node.end)
        return choices

    def _leaf(self, node: _Node) -> Leaf:
        leaf = Leaf()
        for item in node.value:
            if isinstance(item.value, _Object):
                self._expression(leaf, item)
            elif isinstance(item.value, list):
                raise self._error("Match value must be String, number, true, false, or null", item.at)
            else:
                leaf.matchers.append(_equals(item.value))
        if not node.value:
            raise self._error("Empty arrays are not allowed", node.end)
        return leaf

    def _expression(self, leaf: Leaf, node: _Node) -> None:
        name, member = self._only_member(node, "Match expression name not found")
        if name == "exists":
            if not isinstance(member.value, bool):
                raise self._error("exists match pattern must be either true or false.", member.at)
            if member.value:
                leaf.matchers.append(lambda _: True)
            else:
                leaf.absent = True
        elif name == "numeric":
            leaf.matchers.append(self._numeric(member))
        elif name == "anything-but":
            leaf.matchers.append(self._anything_but(member))
        elif name in _IGNORING_CASE and isinstance(member.value, _Object):
            inner, text = self._only_member(member, f"{name.capitalize()} expression name not found")
            if inner != "equals-ignore-case":
                raise self._error(f"Unsupported {name} pattern: {inner}", text.at)
            leaf.matchers.append(_IGNORING_CASE[name](self._string(text, "equals-ignore-case")))
        elif name in _TEXT_MATCHERS:
            text = self._string(member, _NAMES_IN_ERRORS.get(name, name))
            leaf.matchers.append(self._made(_TEXT_MATCHERS[name], text, member))
        else:
            raise self._error(f"Unrecognized match type {name}", member.at)

    def _only_member(self, node: _Node, without: str) -> tuple[str, _Node]:
        if not node.value:
            raise self._error(without, node.end)
        if len(node.value) > 1:
            raise self._error("Only one key allowed in match expression", node.value[1][1].at)
        return node.value[0]

    def _string(self, node: _Node, name: str) -> str:
        if not isinstance(node.value, str):
            raise self._error(f"{name} match pattern must be a string", node.at)
        return node.value

    def _made(self, make: Callable[[str], Matcher], text: str, node: _Node) -> Matcher:
        try:
            return make(text)
        except InvalidPattern as error:
            raise self._error(error.reason, node.end) from None

    def _number(self, node: _Node, problem: str) -> float:
        if not _is_number(node.value):
            raise self._error(problem, node.at)
        if not -LARGEST_NUMBER <= node.value <= LARGEST_NUMBER:
            raise self._error("Value must be between -5.0E9 and 5.0E9, inclusive", node.at)
        return node.value

    def _numeric(self, node: _Node) -> Matcher:
        if isinstance(node.value, _Object) or not isinstance(node.value, list):
            raise self._error("Value of numeric must be an array.", node.at)
        items: list[_Node] = node.value
        if not items or not isinstance(items[0].value, str):
            shown = "]" if not items else _shown(items[0].value)
            raise self._error(f"Invalid member in numeric match: {shown}", items[0].at if items else node.end)
        tests: list[tuple[str, float]] = []
        for index in range(0, len(items), 2):
            operator = items[index].value
            if index and operator not in ("<", "<="):
                text = f"Bad numeric range operator: {_shown(operator)}"
                raise self._error(text if isinstance(operator, str) else "Bad value in numeric range", items[index].at)
            if operator not in _COMPARISONS:
                raise self._error(f"Unrecognized numeric range operator: {operator}", items[index].at)
            missing = "equals" if operator == "=" else operator
            if index + 1 == len(items):
                raise self._error(f"Value of {missing} must be numeric", node.end)
            limit = self._number(items[index + 1], f"Value of {missing} must be numeric")
            tests.append((operator, limit))
            most = 1 if tests[0][0] in ("=", "<", "<=") else 2
            if len(items) > 2 * most and index == 2 * most - 2:
                raise self._error("Too many elements in numeric expression", items[2 * most].at)
        if len(tests) == 2 and tests[0][1] >= tests[1][1]:
            raise self._error("Bottom must be less than top", node.end)
        return lambda value: _is_number(value) and all(_COMPARISONS[name](value, limit) for name, limit in tests)

    def _anything_but(self, node: _Node) -> Matcher:
        value = node.value
        if isinstance(value, _Object):
            name, inner = self._only_member(node, "Anything-But expression name not found")
            if name not in _UNLESS:
                raise self._error(f"Unsupported anything-but pattern: {name}", inner.at)
            texts: list[_Node] = [inner]
            if isinstance(inner.value, list) and not isinstance(inner.value, _Object):
                texts = inner.value
            for text in texts:
                if not isinstance(text.value, str):
                    raise self._error("prefix/suffix match pattern must be a string", text.at)
                if not text.value and name in ("prefix", "suffix"):
                    raise self._error("Null prefix/suffix not allowed", text.at)
            if not texts:
                raise self._error("Empty lists are not allowed", inner.end)
            return _none_of([self._made(_UNLESS[name], text.value, text) for text in texts])
        if isinstance(value, list):
            kinds = {_is_number(item.value) for item in value}
            for item in value:
                if not isinstance(item.value, str) and not _is_number(item.value):
                    raise self._error("Inside anything but list, start|null|boolean is not supported.", item.at)
            if len(kinds) != 1:
                text = "Inside anything but list, either all values are number or string, mixed type is not supported"
                raise self._error(text, node.end)
            return _none_of([_equals(item.value) for item in value])
        if not isinstance(value, str) and not _is_number(value):
            raise self._error("Value of anything-but must be an array or single string/number value.", node.at)
        return _none_of([_equals(value)])


def _shown(value: Any) -> str:
    if isinstance(value, _Object):
        return "{"
    return "[" if isinstance(value, list) else str(value) if isinstance(value, (str, int, float)) else json.dumps(value)


# ── JSON with places ────────────────────────────────────────────────────────────────────────────

_SPACE = re.compile(r"[ \t\r\n]*")
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")
_LONGEST_NUMBER = 1000
_decoder = json.JSONDecoder()


class _Reader:
    """Reads JSON, remembering where each value begins and ends."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def document(self) -> _Node:
        node = self._value(0)
        if self._peek():
            raise self._unexpected("expected end of input")
        return node

    def _peek(self) -> str:
        match = _SPACE.match(self._text, self._at)
        assert match is not None
        self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _unexpected(self, expected: str) -> InvalidPattern:
        character = self._text[self._at : self._at + 1]
        if not character:
            return InvalidPattern(f"Unexpected end-of-input: {expected}", self._text, self._at)
        reason = f"Unexpected character ('{character}' (code {ord(character)})): {expected}"
        return InvalidPattern(reason, self._text, self._at + 1)

    def _value(self, depth: int) -> _Node:
        character = self._peek()
        if depth > DEEPEST_PATTERN:
            raise InvalidPattern("Document nesting depth exceeds the maximum allowed", self._text, self._at)
        start = self._at + 1
        if character == "{":
            self._at += 1
            members = _Object()
            while not self._closes("}", bool(members)):
                if self._peek() != '"':
                    raise self._unexpected("was expecting double-quote to start field name")
                name = self._string()
                if self._peek() != ":":
                    raise self._unexpected("was expecting a colon to separate field name and value")
                self._at += 1
                members.append((name, self._value(depth + 1)))
            return _Node(members, start, self._at)
        if character == "[":
            self._at += 1
            items: list[_Node] = []
            while not self._closes("]", bool(items)):
                items.append(self._value(depth + 1))
            return _Node(items, start, self._at)
        if character == '"':
            return _Node(self._string(), start, self._at)
        match = _SCALAR.match(self._text, self._at)
        if match is None or len(match.group()) > _LONGEST_NUMBER:
            raise self._unexpected("expected a valid value (JSON String, Number, Array, Object or token)")
        self._at = match.end()
        return _Node(json.loads(match.group()), self._at, self._at)

    def _closes(self, bracket: str, follows: bool) -> bool:
        """Past the closing bracket, or past the comma before the next element."""
        character = self._peek()
        if character == bracket:
            self._at += 1
            return True
        if follows:
            if character != ",":
                kind = "Object" if bracket == "}" else "Array"
                raise self._unexpected(f"was expecting comma to separate {kind} entries")
            self._at += 1
        return False

    def _string(self) -> str:
        try:
            value, self._at = _decoder.raw_decode(self._text, self._at)
        except ValueError:
            self._at = len(self._text)
            raise self._unexpected("was expecting closing quote for a string value") from None
        return value


def _place(source: str, at: int) -> str:
    line = source.count("\n", 0, at) + 1
    column = at - (source.rfind("\n", 0, at) + 1) + 1
    more = f"[truncated {len(source) - SHOWN_SOURCE} chars]" if len(source) > SHOWN_SOURCE else ""
    return f' at [Source: (String)"{source[:SHOWN_SOURCE]}"{more}; line: {line}, column: {column}]'
