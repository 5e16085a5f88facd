"""YAML as OpenAPI files need it, read and written: dates stay text, and nothing in a file can grow it much.

Imported on first use only, because PyYAML is slow to import.
"""

from __future__ import annotations

from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.representer import SafeRepresenter
from yaml.resolver import Resolver
from yaml.serializer import Serializer

LARGEST_DOCUMENT = 16_000_000
"""Of what aliases may make of a file: characters, and 16 more for each value. A file itself is smaller."""
_MOST_MERGED = 10_000
_DEEPEST = 200
"""Python's own limit comes a little later, unless a library has raised it: PyYAML's time grows with the square."""


# libyaml's parser and emitter, where PyYAML has them: several times as fast. What is made of their events is Python
# all the same, since libyaml's own composer lets no other thread run until it is done.
if yaml.__with_libyaml__:
    CParser: Any = vars(yaml.cyaml)["CParser"]  # the published types have neither
    CEmitter: Any = vars(yaml.cyaml)["CEmitter"]

    class _FastLoader(Composer, CParser, SafeConstructor, Resolver):
        def __init__(self, text: str) -> None:
            CParser.__init__(self, text)
            Composer.__init__(self)
            SafeConstructor.__init__(self)
            Resolver.__init__(self)

    class _FastDumper(Serializer, CEmitter, SafeRepresenter, Resolver):
        def __init__(
            self, stream: Any, default_style: Any, default_flow_style: Any, sort_keys: bool, **how: Any
        ) -> None:
            CEmitter.__init__(self, stream, **how)
            for only_emitted in ("canonical", "indent", "width", "allow_unicode", "line_break"):
                how.pop(only_emitted)
            Serializer.__init__(self, **how)
            SafeRepresenter.__init__(self, default_style, default_flow_style, sort_keys)
            Resolver.__init__(self)

    _Reading: Any = _FastLoader
    _Writing: Any = _FastDumper
else:
    _Reading, _Writing = yaml.SafeLoader, yaml.SafeDumper


class _Loader(_Reading):
    """Dates stay text; aliases are noted, and merged mappings bounded, because a small file can grow huge by them."""

    has_aliases = False
    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            self.has_aliases = True
        self.depth += 1
        if self.depth > _DEEPEST:
            raise yaml.YAMLError(f"values are nested more than {_DEEPEST} deep")
        composed = super().compose_node(parent, index)
        self.depth -= 1
        return composed

    def flatten_mapping(self, node: Any) -> None:
        super().flatten_mapping(node)
        if self.has_aliases and len(node.value) > _MOST_MERGED:
            raise yaml.YAMLError("too many members are merged")


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(("timestamp",))]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _Dumper(_Writing):
    """Writes a value each time it occurs: readers of OpenAPI files know no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def load(text: str) -> Any:
    """The document, no part of which is shared with another. Raises ValueError for what is not YAML, or grows."""
    try:
        loader = _Loader(text)
        value = loader.get_single_data()
        return _Copy().of(value) if loader.has_aliases else value
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(str(error)) from error


def dump(document: Any) -> str:
    """A document as YAML."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


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
