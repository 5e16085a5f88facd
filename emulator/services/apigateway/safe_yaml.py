"""YAML as OpenAPI files need it, read and written: dates stay text, and nothing in a file can grow it much.

Imported on first use only, because PyYAML is slow to import. libyaml tokenises where PyYAML has it. Values are made of
its events one by one: PyYAML's own trees of nodes are several times as slow, and while they are collected as garbage no
other thread runs.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any

import yaml
from yaml import events
from yaml.nodes import ScalarNode

LARGEST_DOCUMENT = 16_000_000
"""Of what aliases may make of a file: characters, and 16 more for each value. A file itself is smaller."""
DEEPEST = 200
"""Python's own limit comes a little later, unless a library has raised it: PyYAML's time grows with the square."""
LONGEST_UNUSUAL = 256 * 1024
_MOST_MERGED = 100_000
"""Members that merges (`<<`) add, in all."""
_TAG = "tag:yaml.org,2002:"

# The published types have neither of libyaml's.
_Parser: Any = vars(yaml.cyaml)["CParser"] if yaml.__with_libyaml__ else yaml.SafeLoader
_Emitter: Any = vars(yaml.cyaml)["CEmitter"] if yaml.__with_libyaml__ else yaml.emitter.Emitter


def load(text: str) -> Any:
    """The document, no part of which is shared with another. Raises ValueError for what is not YAML, or grows."""
    try:
        return _built(text)
    except _Unusual:
        if len(text) > LONGEST_UNUSUAL:
            raise ValueError("the document is too long for its tags") from None
        return _composed(text)
    except (yaml.YAMLError, RecursionError) as error:  # aliases may contain themselves
        raise ValueError(str(error)) from error


def dump(document: Any) -> str:
    """A document as YAML; a value is written each time it occurs: readers of OpenAPI files know no aliases."""
    text = io.StringIO()
    emitter = _Emitter(text, allow_unicode=True)
    emitter.emit(events.StreamStartEvent())
    emitter.emit(events.DocumentStartEvent(explicit=False))
    _emit(emitter, document)
    emitter.emit(events.DocumentEndEvent(explicit=False))
    emitter.emit(events.StreamEndEvent())
    return text.getvalue()


# ── reading ──


class _Unusual(Exception):
    """Tags, or keys that are no scalars: PyYAML knows what they mean."""


_NONE = object()
_MERGE = object()
"""The key `<<`."""


class _Holder:
    """A list, or a mapping whose next key may have been read."""

    __slots__ = ("key", "merged", "value")

    def __init__(self, value: dict[Any, Any] | list[Any]) -> None:
        self.value = value
        self.key: Any = _NONE
        self.merged: list[Any] = []

    def take(self, value: Any) -> None:
        if self.key is _NONE and isinstance(self.value, dict):
            if isinstance(value, (dict, list)):
                raise _Unusual
            self.key = value
        elif value is _MERGE:
            raise _Unusual
        elif isinstance(self.value, list):
            self.value.append(value)
        else:
            if self.key is _MERGE:
                self.merged.append(value)  # it may have to be filled first
            else:
                self.value[self.key] = value
            self.key = _NONE

    def merge(self) -> int:
        """Put what is merged before a mapping's own members; how much that is."""
        assert isinstance(self.value, dict), "only a mapping has merges"
        own = dict(self.value)
        self.value.clear()
        mappings = [mapping for value in self.merged for mapping in _mappings(value)]
        for mapping in mappings:
            self.value.update(mapping)
        self.value.update(own)
        return sum(map(len, mappings))


def _mappings(value: Any) -> list[dict[Any, Any]]:
    """What `<<` names, the last to count first."""
    given: list[Any] = value[::-1] if isinstance(value, list) else [value]
    if not all(isinstance(item, dict) for item in given):
        raise ValueError("expected a mapping or a list of mappings for merging")
    return given


def _built(text: str) -> Any:
    """The document, made as its events come."""
    parser = _Parser(text)
    whole = _Holder([])
    open_holders = [whole]
    anchors: dict[str, Any] = {}
    has_aliases, left = False, _MOST_MERGED
    while True:
        event = parser.get_event()
        kind = type(event)
        if kind is events.ScalarEvent:
            if event.tag is not None:
                raise _Unusual
            value = _scalar(event.value) if event.implicit[0] else event.value
            open_holders[-1].take(value)
            if event.anchor is not None:
                anchors[event.anchor] = value
        elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
            if event.tag is not None:
                raise _Unusual
            made = _Holder({} if kind is events.MappingStartEvent else [])
            open_holders[-1].take(made.value)
            open_holders.append(made)
            if len(open_holders) > DEEPEST:
                raise ValueError(f"values are nested more than {DEEPEST} deep")
            if event.anchor is not None:
                anchors[event.anchor] = made.value
        elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
            ended = open_holders.pop()
            if ended.merged:
                left -= ended.merge()
                if left < 0:
                    raise ValueError("too many members are merged")
        elif kind is events.AliasEvent:
            if event.anchor not in anchors:
                raise ValueError(f"found undefined alias {event.anchor!r}")
            has_aliases = True
            open_holders[-1].take(anchors[event.anchor])
        elif kind is events.StreamEndEvent:
            break
    if len(whole.value) > 1:
        raise ValueError("expected a single document in the stream")
    value = whole.value[0] if whole.value else None
    return _Copy().of(value) if has_aliases else value


@lru_cache(maxsize=4096)
def _scalar(text: str) -> Any:
    """A plain scalar's value: a number, a truth, nothing, the text, or `_MERGE`."""
    reader = _Loader("")
    tag = reader.resolve(ScalarNode, text, (True, False))
    if tag == _TAG + "str":
        return text
    if tag == _TAG + "merge":
        return _MERGE
    construct = _Loader.yaml_constructors.get(tag)
    if construct is None:
        raise _Unusual
    return construct(reader, ScalarNode(tag, text))


class _Loader(yaml.SafeLoader):
    """Dates stay text; merged mappings are bounded, because a small file can grow huge by them."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        self.depth += 1
        if self.depth > DEEPEST:
            raise yaml.YAMLError(f"values are nested more than {DEEPEST} deep")
        composed = super().compose_node(parent, index)
        self.depth -= 1
        return composed

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        if len(node.value) > _MOST_MERGED:
            raise yaml.YAMLError("too many members are merged")


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(("timestamp",))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _composed(text: str) -> Any:
    """The document as PyYAML makes it, with aliases written out."""
    try:
        return _Copy().of(_Loader(text).get_single_data())
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error)) from error


class _Copy:
    """Writes aliases out, up to a limit; one that contains itself comes to it, too."""

    def __init__(self) -> None:
        self._left = LARGEST_DOCUMENT

    def of(self, value: Any) -> Any:
        self._left -= 16 + (len(value) if isinstance(value, (str, bytes)) else 0)
        if self._left < 0:
            raise ValueError("the document grows too large by its aliases")
        if isinstance(value, dict):
            return {name: self.of(item) for name, item in value.items()}
        return [self.of(item) for item in value] if isinstance(value, list) else value


# ── writing ──


def _emit(emitter: Any, value: Any) -> None:
    if isinstance(value, dict):
        emitter.emit(events.MappingStartEvent(None, None, True, flow_style=False))
        for name, item in value.items():
            _emit(emitter, name)
            _emit(emitter, item)
        emitter.emit(events.MappingEndEvent())
    elif isinstance(value, list):
        emitter.emit(events.SequenceStartEvent(None, None, True, flow_style=False))
        for item in value:
            _emit(emitter, item)
        emitter.emit(events.SequenceEndEvent())
    elif isinstance(value, str):
        is_text = _is_text(value)
        emitter.emit(events.ScalarEvent(None, None, (is_text, True), value))
    else:
        node = _REPRESENTER.represent_data(value)
        emitter.emit(events.ScalarEvent(None, None, (True, False), node.value))


@lru_cache(maxsize=4096)
def _is_text(text: str) -> bool:
    """Whether a plain scalar would be read as this text; else it needs quotes, a date, too, for other readers."""
    return yaml.SafeLoader("").resolve(ScalarNode, text, (True, False)) == _TAG + "str"


_REPRESENTER = yaml.representer.SafeRepresenter()
