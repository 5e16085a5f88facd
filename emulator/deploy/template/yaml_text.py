"""Templates in YAML: from the parser's events to values, with where each stands.

YAML 1.1 as CloudFormation reads it (AWS: "supports the YAML Version 1.1 specification with a few exceptions": no
binary, omap, pairs, set and timestamp; no aliases; no merging of mappings). So `yes` and `on` are true, `0644` is
octal, and dates stay text. Built from events and not by PyYAML's constructors: those know no tags of CloudFormation,
recurse in C where nothing stops them, and let later keys replace earlier ones.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from emulator.deploy.template.document import LARGEST_NESTING, Location, Mark, TemplateError
from emulator.ports import Json

LARGEST_EXPANSION = 250_000
"""Nodes that aliases may make of a text."""

SHORT_FORMS = {
    "!Ref": "Ref",
    "!Condition": "Condition",
    **{
        f"!{name}": f"Fn::{name}"
        for name in (
            *(
                "And",
                "Base64",
                "Cidr",
                "Contains",
                "EachMemberEquals",
                "EachMemberIn",
                "Equals",
                "FindInMap",
                "ForEach",
            ),
            *("GetAZs", "GetAtt", "GetStackOutput", "If", "ImportValue", "Join", "Length", "Not", "Or", "RefAll"),
            *("Select", "Split", "Sub", "ToJsonString", "Transform", "ValueOf", "ValueOfAll", "Implies"),
        )
    },
}

_parser: Any = yaml.cyaml.CParser if yaml.__with_libyaml__ else None  # type: ignore[attr-defined]

_WORDS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **{word: True for name in ("yes", "true", "on") for word in (name, name.title(), name.upper())},
    **{word: False for name in ("no", "false", "off") for word in (name, name.title(), name.upper())},
}
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]*|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+][0-9]+)?\Z")
_TAGS = {f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null", "map", "seq")}


def load(
    text: str,
    file: str | None,
    *,
    aliases: bool,
    short_forms: bool = True,
    repeated: list[tuple[str, Mark]] | None = None,
) -> tuple[Json, Mark]:
    """The value and its marks; `repeated` is given the keys that a mapping has again. Raises TemplateError in AWS's
    words.
    """
    try:
        source = _parser(text) if _parser is not None else yaml.parse(text, Loader=yaml.SafeLoader)
        events = _Events(source)
        builder = _Builder(events, file, aliases, SHORT_FORMS if short_forms else {})
        built = builder.document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise _not_well_formed(file, mark.line, mark.column, error.problem or "") from error  # type: ignore[union-attr]
    except (yaml.YAMLError, UnicodeError) as error:  # characters that no YAML holds
        raise _not_well_formed(file, 0, 0) from error
    if repeated is not None:
        repeated += builder.repeated
    return built


def _not_well_formed(file: str | None, line: int, column: int, hint: str = "") -> TemplateError:
    message = f"Template format error: YAML not well-formed. (line {line + 1}, column {column + 1})"
    return TemplateError(message, (), Location(file, line + 1, column + 1), hint)


class _Events:
    """One event after the other, from libyaml's parser where there is one."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def next(self) -> Any:
        return self._source.get_event() if _parser is not None else next(self._source)


class _Builder:
    def __init__(self, events: _Events, file: str | None, aliases: bool, short_forms: dict[str, str]) -> None:
        self._next = events.next
        self._short_forms = short_forms
        self._file = file
        self._aliases = aliases
        self._anchors: dict[str, tuple[Json, Mark]] = {}
        self._left = LARGEST_EXPANSION
        self._depth = 0
        self.repeated: list[tuple[str, Mark]] = []

    def document(self) -> tuple[Json, Mark]:
        self._next()  # the stream begins
        if isinstance(self._next(), yaml.StreamEndEvent):
            return None, Mark(0, 0)
        built = self._node(self._next())
        self._next()  # the document ends
        event = self._next()
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._error(event, "a template is one document")
        return built

    def _node(self, event: Any) -> tuple[Json, Mark]:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        mark = Mark(event.start_mark.line, event.start_mark.column)
        self._depth += 1
        if self._depth > LARGEST_NESTING:
            raise self._error(event, f"nested deeper than {LARGEST_NESTING} levels")
        if isinstance(event, yaml.ScalarEvent):
            value: Json = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            value = self._sequence(mark)
        else:
            value = self._mapping(mark)
        self._depth -= 1
        value, mark = self._tagged(event, value, mark)
        if event.anchor is not None:
            self._anchors[event.anchor] = value, mark
        return value, mark

    def _sequence(self, mark: Mark) -> list[Json]:
        items: list[Json] = []
        mark.children = {}
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            item, mark.children[len(items)] = self._node(event)
            items.append(item)
        return items

    def _mapping(self, mark: Mark) -> dict[str, Json]:
        members: dict[str, Json] = {}
        mark.children = {}
        merged: list[tuple[Json, Mark]] = []
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, "a key must be a string")
            name = event.value
            if not name.isascii():
                self._whole(event)
            line, column = event.start_mark.line, event.start_mark.column
            value, child = self._node(self._next())
            if name == "<<" and event.implicit[0] and self._aliases:
                merged.append((value, child))
                continue
            if name in members:  # the last one counts, as for CloudFormation: `document.Document.repeated`
                self.repeated.append((name, Mark(line, column)))
            members[name] = value
            mark.children[name] = Mark(line, column, child.children)  # people look for the line with the name
        for value, child in merged:
            self._merge(value, child, members, mark.children)
        return members

    def _merge(self, value: Json, child: Mark, members: dict[str, Json], children: dict[str | int, Mark]) -> None:
        """Members of a mapping, or of each of a list of them, which the mapping does not have itself."""
        marks = child.children or {}
        if isinstance(value, list):
            for index, item in enumerate(value):
                self._merge(item, marks[index], members, children)
        elif isinstance(value, dict):
            self._spend(len(value), child)
            for name, item in value.items():
                if name not in members:
                    members[name] = item
                    children[name] = marks.get(name, child)
        else:
            raise _not_well_formed(self._file, child.line, child.column, "only mappings are merged")

    def _alias(self, event: Any) -> tuple[Json, Mark]:
        if not self._aliases:
            location = Location(self._file, event.start_mark.line + 1, event.start_mark.column + 1)
            raise TemplateError(
                "Template error: YAML aliases are not allowed in CloudFormation templates", (), location
            )
        if event.anchor not in self._anchors:
            raise self._error(event, f"no anchor {event.anchor}")
        value, mark = self._anchors[event.anchor]
        return self._copied(value, mark), mark

    def _copied(self, value: Json, mark: Mark) -> Json:
        """Written out, so that no part of the template is shared with another."""
        self._spend(1, mark)
        if isinstance(value, dict):
            return {name: self._copied(item, mark) for name, item in value.items()}
        return [self._copied(item, mark) for item in value] if isinstance(value, list) else value

    def _spend(self, nodes: int, mark: Mark) -> None:
        self._left -= nodes
        if self._left < 0:
            raise _not_well_formed(self._file, mark.line, mark.column, "the template grows too large by its aliases")

    def _scalar(self, event: Any) -> Json:
        text: str = event.value
        if not text.isascii():
            self._whole(event)
        tag = event.tag
        if tag is None:
            return _plain(text) if event.implicit[0] else text
        if tag in _TAGS:
            kind = tag.rpartition(":")[2]
            return text if kind == "str" else _plain(text)
        return text

    def _tagged(self, event: Any, value: Json, mark: Mark) -> tuple[Json, Mark]:
        tag = event.tag
        if tag is None or tag == "!" or tag in _TAGS:
            return value, mark
        name = self._short_forms.get(tag)
        if name is None:
            raise self._error(event, f"unknown tag {tag}")
        if name == "Fn::GetAtt" and isinstance(value, str):
            resource, _, attribute = value.partition(".")
            value = [resource, attribute] if attribute else [resource]
        return {name: value}, Mark(mark.line, mark.column, {name: mark})

    def _whole(self, event: Any) -> None:
        try:
            event.value.encode()
        except UnicodeEncodeError as error:
            raise self._error(event, "half of a surrogate pair") from error

    def _error(self, event: Any, hint: str) -> TemplateError:
        return _not_well_formed(self._file, event.start_mark.line, event.start_mark.column, hint)


def _plain(text: str) -> Json:
    """What a scalar without quotes means."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "-+.0123456789" or len(text) > 300:
        return text
    if _INTEGER.match(text):
        digits = text.replace("_", "")
        body = digits.lstrip("+-")
        base = {"0b": 2, "0x": 16}.get(body[:2].lower(), 8 if len(body) > 1 and body[0] == "0" else 10)
        try:
            return int(digits, base)
        except ValueError:  # 0x_
            return text
    return float(text.replace("_", "")) if _FLOAT.match(text) and _finite(text) else text


def _finite(text: str) -> bool:
    return abs(float(text.replace("_", ""))) != float("inf")
