"""Bodies so large that reading them would hold up everybody else: who has one is served in a thread.

A thread alone does not do it: Python's JSON decoder lets nobody else run until it is done, 50 ms for 6 MB, and neither
does its encoder. `loads` and `dumps` take the outer two levels item by item.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from json import decoder
from typing import Any

LARGE_BYTES = 256 * 1024
_LEVELS = 2

Scan = Callable[[str, int], tuple[Any, int]]
_read_object: Callable[..., tuple[Any, int]] = vars(decoder)["JSONObject"]
_read_array: Callable[..., tuple[Any, int]] = vars(decoder)["JSONArray"]
"""The decoder's own, in Python; they ask for each of their items what is scanned next."""


def loads(text: str) -> Any:
    """What `json.loads` gives, but others may run meanwhile. Raises as it does."""
    if len(text) <= LARGE_BYTES:
        return json.loads(text)
    start = len(text) - len(text.lstrip(" \t\n\r"))
    try:
        value, end = _scanner(_LEVELS, {})(text, start)
    except StopIteration as problem:
        raise json.JSONDecodeError("Expecting value", text, problem.value) from None
    rest = text[end:].lstrip(" \t\n\r")
    if rest:
        raise json.JSONDecodeError("Extra data", text, len(text) - len(rest))
    return value


def dumps(value: Any, encode: Callable[[Any], str]) -> str:
    """The JSON text of what `loads` gave, written as `encode` does."""
    return "".join(_written(value, encode, _LEVELS))


def _written(value: Any, encode: Callable[[Any], str], levels: int) -> Iterator[str]:
    if levels and isinstance(value, list):
        yield "["
        for place, item in enumerate(value):
            yield "," if place else ""
            yield from _written(item, encode, levels - 1)
        yield "]"
    elif levels and isinstance(value, dict):
        yield "{"
        for place, (name, item) in enumerate(value.items()):
            yield f"{',' if place else ''}{encode(name)}:"
            yield from _written(item, encode, levels - 1)
        yield "}"
    else:
        yield encode(value)


def _scanner(levels: int, memo: dict[str, str]) -> Scan:
    quick: Scan = vars(decoder.JSONDecoder())["scan_once"]
    if not levels:
        return quick
    inner = _scanner(levels - 1, memo)

    def scan(text: str, place: int) -> tuple[Any, int]:
        first = text[place : place + 1]
        if first == "{":
            return _read_object((text, place + 1), True, inner, None, None, memo)
        return _read_array((text, place + 1), inner) if first == "[" else quick(text, place)

    return scan
