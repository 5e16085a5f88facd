"""Which variables each state of a definition refers to, as DescribeStateMachine lists them.

Decides by the text of paths, intrinsic functions and expressions [R:sfn_api_variable_references]; whether a variable
has a value is for the run to find.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .data import Json, loads
from .jsonata import QUOTED, expression_text

_VARIABLE = re.compile(r"(?<![$\w])\$([A-Za-z_]\w*)")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'")
_SCOPES = ("States", "Branches", "ItemProcessor", "Iterator")


@lru_cache(maxsize=256)
def variable_references(definition: str) -> dict[str, list[str]]:
    """By state, the names of its variables in order; states without any are left out. The result is shared."""
    document = loads(definition)
    found: dict[str, list[str]] = {}
    _of_scope(document, document.get("QueryLanguage") == "JSONata", set(_assigned(document)), found)
    return found


def _of_scope(scope: dict[str, Any], in_jsonata: bool, assigned: set[str], found: dict[str, list[str]]) -> None:
    for name, state in scope["States"].items():
        own = {key: value for key, value in state.items() if key not in _SCOPES}
        speaks_jsonata = state.get("QueryLanguage", "JSONata" if in_jsonata else "JSONPath") == "JSONata"
        # In JSONata functions and what an expression binds itself look like variables.
        names = set(_in_jsonata(own)) & assigned if speaks_jsonata else set(_in_jsonpath(own, ""))
        if names:
            found[name] = sorted(names)
        processor = state.get("ItemProcessor") or state.get("Iterator")
        for inner in [*state.get("Branches", ()), *([processor] if processor else [])]:
            _of_scope(inner, in_jsonata, assigned, found)


def _in_jsonpath(value: Json, key: str) -> Iterator[str]:
    if isinstance(value, dict):
        for below, item in value.items():
            yield from _in_jsonpath(item, below)
    elif isinstance(value, list):
        for item in value:
            yield from _in_jsonpath(item, "")
    elif isinstance(value, str) and (key.endswith((".$", "Path")) or key == "Variable"):
        yield from _VARIABLE.findall(_QUOTED.sub("", value))


def _in_jsonata(value: Json) -> Iterator[str]:
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _in_jsonata(item)
        return
    expression = expression_text(value)
    if expression is not None:
        yield from _VARIABLE.findall(QUOTED.sub("", expression))


def _assigned(value: Json) -> Iterator[str]:
    """Names that any state of the machine assigns."""
    if isinstance(value, dict):
        assign = value.get("Assign")
        if isinstance(assign, dict):
            yield from (name.removesuffix(".$") for name in assign)
        for item in value.values():
            yield from _assigned(item)
    elif isinstance(value, list):
        for item in value:
            yield from _assigned(item)
