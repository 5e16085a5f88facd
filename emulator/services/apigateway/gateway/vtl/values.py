"""Values of templates, in Java's manner: how they print, compare, and which methods they have.

`METHODS` is the whole of what a template can call. Nothing here reaches Python attributes.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from emulator.services.apigateway.gateway import patterns

MAX_DEPTH = 60
MAX_ITEMS = 100_000
MAX_TEXT = 10 * 1024 * 1024


class VtlError(Exception):
    """Rendering failed; the text says why, for people, not for clients."""


class JsonArray(list[Any]):
    """A list that came from JSON: it prints as JSON, where a template's own list prints as Java's `[a, b]`."""


class _Missing:
    """What a path that leads nowhere gives: prints as nothing, equals both null and the empty string."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False


MISSING = _Missing()


class HostObject:
    """An object of the engine's (`$input`, `$util`): its methods are a table of its own."""

    __slots__ = ("methods", "properties", "text")

    def __init__(
        self, methods: dict[str, Callable[..., Any]], properties: dict[str, Any] | None = None, text: str = ""
    ) -> None:
        self.methods = methods
        self.properties = properties or {}
        self.text = text

    def method(self, name: str) -> Callable[..., Any] | None:
        """What a template calls by a name; None if there is nothing."""
        return self.methods.get(name)


class Deferred:
    """A variable that is made when somebody wants all of it: most templates ask for a property or two."""

    __slots__ = ("_peek", "_whole")

    def __init__(self, peek: Callable[[str], Any], whole: Callable[[], Any]) -> None:
        self._peek = peek
        self._whole = whole

    def peek(self, name: str) -> Any:
        """One property, or MISSING: then only the whole tells."""
        return self._peek(name)

    def whole(self) -> Any:
        """The value itself."""
        return self._whole()


class Entry:
    """One entry of a map, as `entrySet()` gives it."""

    __slots__ = ("key", "value")

    def __init__(self, key: Any, value: Any) -> None:
        self.key = key
        self.value = value


def from_json(value: Any) -> Any:
    """Parsed JSON as values of templates: lists print as JSON, null is missing only at the top."""
    if isinstance(value, list):
        return JsonArray(from_json(item) for item in value)
    if isinstance(value, dict):
        return {key: from_json(item) for key, item in value.items()}
    return value


def to_json(value: Any) -> str:
    """JSON text without spaces."""
    return _encode(value)


def _shown(value: Any) -> str:
    return show(value)


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, default=_shown).encode
"""Made once: `json.dumps` makes an encoder for each call that asks for more than its defaults."""


def show(value: Any, depth: int = 0) -> str:
    """Java's toString [R:test_input_path_template_formatting]."""
    if isinstance(value, str):
        return value
    if value is None or value is MISSING:
        return "" if depth == 0 else "null"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, float):
        return show_float(value)
    if isinstance(value, int):
        return show_int(value)
    if depth > MAX_DEPTH:
        raise VtlError("a value contains itself or is nested too deeply")
    if isinstance(value, JsonArray):
        try:
            return to_json(value)
        except (ValueError, RecursionError):
            raise VtlError("a value contains itself or is nested too deeply") from None
    if isinstance(value, dict):
        return _bounded("{" + ", ".join(f"{show(k, depth + 1)}={show(v, depth + 1)}" for k, v in value.items()) + "}")
    if isinstance(value, list):
        return _bounded("[" + ", ".join(show(item, depth + 1) for item in value) + "]")
    if isinstance(value, Entry):
        return f"{show(value.key, depth + 1)}={show(value.value, depth + 1)}"
    return value.text if isinstance(value, HostObject) else ""


def _bounded(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise VtlError("a text grew too long")
    return text


def show_int(value: int) -> str:
    """Digits; Python refuses to print what a hostile body makes very long."""
    try:
        return str(value)
    except ValueError:
        raise VtlError("a number is too long") from None


def show_float(value: float) -> str:
    """Java's Double.toString."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        text = repr(value)
        return text if "e" not in text else f"{value:.20f}".rstrip("0")
    mantissa, _, power = f"{value:e}".partition("e")
    exponent = int(power)
    digits = repr(value / 10.0**exponent) if abs(exponent) < 300 else mantissa
    return f"{digits}E{exponent}"


def equal(left: Any, right: Any) -> bool:
    """Velocity's `==`: numbers by value, equal classes by equality, anything else by how it prints."""
    if left is MISSING or right is MISSING:
        other = right if left is MISSING else left
        return other is None or other is MISSING or other == ""
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right or ((isinstance(left, str) or isinstance(right, str)) and show(left) == show(right))
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left == right
    if type(left) is type(right):
        try:
            return bool(left == right)
        except RecursionError:
            return False
    return show(left) == show(right)


# ── methods ─────────────────────────────────────────────────────────────────────────────────────


def _position(items: list[Any], index: Any) -> int:
    if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < len(items):
        raise VtlError(f"Index {show(index)} out of bounds")
    return index


def _room(items: list[Any] | dict[Any, Any], more: int = 1) -> None:
    if len(items) + more > MAX_ITEMS:
        raise VtlError("a collection grew too large")


def _text(value: Any) -> str:
    if value is None or value is MISSING:
        raise VtlError("a text is null")
    return show(value)


def _cut(text: str, start: int, end: int | None = None) -> str:
    stop = len(text) if end is None else end
    if not 0 <= start <= stop <= len(text):
        raise VtlError("String index out of range")
    return text[start:stop]


def _replace_literal(text: str, old: Any, new: Any) -> str:
    old, new = _text(old), _text(new)
    if text.count(old) * max(0, len(new) - len(old)) + len(text) > MAX_TEXT:
        raise VtlError("a text grew too long")
    return text.replace(old, new)


def _replace_pattern(text: str, pattern: Any, replacement: Any, first: bool = False) -> str:
    if len(_text(replacement)) * (len(text) + 1) > 4 * MAX_TEXT:
        raise VtlError("a text grew too long")
    try:
        return _bounded(patterns.replace(_text(pattern), _text(replacement), text, first))
    except patterns.PatternError as error:
        raise VtlError(str(error)) from None


def _split(text: str, pattern: Any) -> list[Any]:
    try:
        return list(patterns.split(_text(pattern), text))
    except patterns.PatternError as error:
        raise VtlError(str(error)) from None


def _key(key: Any) -> Any:
    return key if isinstance(key, (str, int, float, bool)) or key is None else show(key)


def _put(items: dict[Any, Any], key: Any, value: Any) -> Any:
    _room(items)
    old = items.get(_key(key))
    items[_key(key)] = value
    return old


def _put_all(items: dict[Any, Any], other: Any) -> None:
    if not isinstance(other, dict):
        raise VtlError("putAll needs a map")
    _room(items, len(other))
    items.update(other)


def _add(items: list[Any], *arguments: Any) -> Any:
    _room(items)
    if len(arguments) == 1:
        items.append(arguments[0])
        return True
    if len(arguments) != 2 or not isinstance(arguments[0], int) or not 0 <= arguments[0] <= len(items):
        raise VtlError("add needs an element")
    items.insert(arguments[0], arguments[1])
    return None


def _add_all(items: list[Any], other: Any) -> bool:
    if not isinstance(other, list):
        raise VtlError("addAll needs a list")
    _room(items, len(other))
    items.extend(list(other))
    return bool(other)


def _set(items: list[Any], index: Any, value: Any) -> Any:
    index = _position(items, index)
    old, items[index] = items[index], value
    return old


def _remove(items: list[Any], what: Any) -> Any:
    if isinstance(what, int) and not isinstance(what, bool):
        return items.pop(_position(items, what))
    for index, item in enumerate(items):
        if equal(item, what):
            del items[index]
            return True
    return False


def _index_of(items: list[Any], what: Any) -> int:
    return next((index for index, item in enumerate(items) if equal(item, what)), -1)


def _compare_to(text: str, other: Any) -> int:
    other = _text(other)
    return (text > other) - (text < other)


TEXT_METHODS: dict[str, Callable[..., Any]] = {
    "length": len,
    "isEmpty": lambda text: not text,
    "isBlank": lambda text: not text.strip(),
    "toString": lambda text: text,
    "toUpperCase": str.upper,
    "toLowerCase": str.lower,
    "trim": lambda text: text.strip(),
    "concat": lambda text, other: text + _text(other),
    "contains": lambda text, other: _text(other) in text,
    "startsWith": lambda text, other: text.startswith(_text(other)),
    "endsWith": lambda text, other: text.endswith(_text(other)),
    "indexOf": lambda text, other, start=0: text.find(_text(other), start),
    "lastIndexOf": lambda text, other: text.rfind(_text(other)),
    "charAt": lambda text, index: _cut(text, index, index + 1),
    "substring": _cut,
    "replace": _replace_literal,
    "replaceAll": _replace_pattern,
    "replaceFirst": lambda text, pattern, replacement: _replace_pattern(text, pattern, replacement, True),
    "matches": lambda text, pattern: patterns.matches(_text(pattern), text),
    "split": _split,
    "equals": lambda text, other: text == other,
    "equalsIgnoreCase": lambda text, other: isinstance(other, str) and text.lower() == other.lower(),
    "compareTo": _compare_to,
}
MAP_METHODS: dict[str, Callable[..., Any]] = {
    "get": lambda items, key: items.get(_key(key)),
    "getOrDefault": lambda items, key, default: items.get(_key(key), default),
    "put": _put,
    "putAll": _put_all,
    "remove": lambda items, key: items.pop(_key(key), None),
    "clear": lambda items: items.clear(),
    "containsKey": lambda items, key: _key(key) in items,
    "containsValue": lambda items, value: any(equal(item, value) for item in items.values()),
    "keySet": lambda items: list(items),
    "values": lambda items: list(items.values()),
    "entrySet": lambda items: [Entry(key, value) for key, value in items.items()],
    "size": len,
    "isEmpty": lambda items: not items,
    "toString": lambda items: show(items),
    "equals": lambda items, other: equal(items, other),
}
LIST_METHODS: dict[str, Callable[..., Any]] = {
    "get": lambda items, index: items[_position(items, index)],
    "set": _set,
    "add": _add,
    "addAll": _add_all,
    "remove": _remove,
    "clear": lambda items: items.clear(),
    "contains": lambda items, value: any(equal(item, value) for item in items),
    "indexOf": _index_of,
    "size": len,
    "isEmpty": lambda items: not items,
    "toString": lambda items: show(items),
    "equals": lambda items, other: equal(items, other),
}
NUMBER_METHODS: dict[str, Callable[..., Any]] = {
    "toString": lambda number: show(number),
    "intValue": lambda number: int(number),
    "longValue": lambda number: int(number),
    "doubleValue": lambda number: float(number),
    "equals": lambda number, other: equal(number, other),
    "compareTo": lambda number, other: (number > other) - (number < other),
}
ENTRY_METHODS: dict[str, Callable[..., Any]] = {
    "getKey": lambda entry: entry.key,
    "getValue": lambda entry: entry.value,
    "toString": lambda entry: show(entry),
}
# Integer.parseInt & co are static methods that every instance offers in Velocity: `$x.parseInt("5")`.
_PARSERS: dict[str, Callable[..., Any]] = {
    "parseInt": lambda _, text: _number(int, text),
    "parseLong": lambda _, text: _number(int, text),
    "parseDouble": lambda _, text: _number(float, text),
}


def _number(kind: Callable[[str], Any], text: Any) -> Any:
    try:
        return kind(_text(text)[:40])
    except ValueError:
        raise VtlError(f"For input string: {show(text)[:40]!r}") from None


def methods_of(value: Any) -> dict[str, Callable[..., Any]]:
    """The table of methods of a value."""
    if isinstance(value, str):
        return TEXT_METHODS
    if isinstance(value, dict):
        return MAP_METHODS
    if isinstance(value, list):
        return LIST_METHODS
    if isinstance(value, bool):
        return {"toString": NUMBER_METHODS["toString"], "equals": NUMBER_METHODS["equals"]}
    if isinstance(value, (int, float)):
        return {**NUMBER_METHODS, **_PARSERS}
    return ENTRY_METHODS if isinstance(value, Entry) else {}
