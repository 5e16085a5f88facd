"""Intrinsic functions: `States.Format('{}', $.x)` read once and evaluated against data.

Decides syntax, results and limits of the functions [R:intrinsic_functions/*]; every loop is bounded.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import random as random_module
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from . import paths
from .data import Json, StateFault, dumps, loads
from .paths import BadPath, NoResult, Path

MAX_DEPTH = 10
MAX_TEXT = 10_000
MAX_RANGE = 1_000
MAX_ARGUMENTS = 200


class BadIntrinsic(ValueError):
    """The text is no intrinsic function call."""


class Scope(Protocol):
    """What an expression may look at."""

    def select(self, path: Path) -> Json:
        """What a path selects. Raises `NoResult`."""
        ...

    def random(self) -> float:
        """A number in [0, 1)."""
        ...

    def new_id(self) -> str:
        """A fresh UUID."""
        ...


@dataclass(frozen=True, slots=True)
class Literal:
    value: Json
    raw: str = ""
    """A string literal with its escapes, for `States.Format`."""


@dataclass(frozen=True, slots=True)
class Call:
    name: str
    arguments: tuple[Literal | Path | Call, ...]
    text: str


def seeded_random(seed: float) -> float:
    """A number in [0, 1) that follows from the seed."""
    return random_module.Random(seed).random()


def failure(cause: str) -> StateFault:
    """`States.IntrinsicFailure`."""
    return StateFault("States.IntrinsicFailure", cause)


@lru_cache(maxsize=4096)
def parse(text: str) -> Call:
    """Read a call. Raises `BadIntrinsic`."""
    if len(text) > 10_000:
        raise BadIntrinsic("too long")
    call, end = _call(text, _space(text, 0), 1)
    if _space(text, end) != len(text):
        raise BadIntrinsic(f"unexpected text at {end}")
    return call


_NAME = re.compile(r"States\.([A-Za-z0-9]+)\s*\(")
_NUMBER = re.compile(r"-?\d{1,300}(\.\d{1,300})?([eE][+-]?\d{1,3})?")
_WORD = re.compile(r"(true|false|null)\b")


def _space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\n\r":
        at += 1
    return at


def _call(text: str, start: int, depth: int) -> tuple[Call, int]:
    if depth > MAX_DEPTH:
        raise BadIntrinsic(f"nested deeper than {MAX_DEPTH}")
    match = _NAME.match(text, start)
    if match is None or match[1] not in FUNCTIONS:
        raise BadIntrinsic("no such function")
    arguments: list[Literal | Path | Call] = []
    at = _space(text, match.end())
    while not text.startswith(")", at):
        if arguments:
            if not text.startswith(",", at):
                raise BadIntrinsic(f"a comma or ) is missing at {at}")
            at = _space(text, at + 1)
        argument, at = _argument(text, at, depth)
        arguments.append(argument)
        at = _space(text, at)
        if len(arguments) > MAX_ARGUMENTS:
            raise BadIntrinsic("too many arguments")
    low, high, _ = FUNCTIONS[match[1]]
    if not low <= len(arguments) <= high:
        raise BadIntrinsic("wrong number of arguments")
    return Call(match[1], tuple(arguments), text[start : at + 1]), at + 1


def _argument(text: str, at: int, depth: int) -> tuple[Literal | Path | Call, int]:
    if text.startswith("'", at):
        return _string(text, at + 1)
    if text.startswith("$", at):
        try:
            return paths.parse_prefix(text, at)
        except BadPath as error:
            raise BadIntrinsic(str(error)) from None
    if text.startswith("States.", at):
        return _call(text, at, depth + 1)
    match = _WORD.match(text, at)
    if match is not None:
        return Literal({"true": True, "false": False, "null": None}[match[1]]), match.end()
    match = _NUMBER.match(text, at)
    if match is None:
        raise BadIntrinsic(f"cannot read an argument at {at}")
    value = float(match[0]) if match[1] or match[2] else int(match[0])
    if isinstance(value, float) and not math.isfinite(value):
        raise BadIntrinsic("number too large")
    return Literal(value), match.end()


def _string(text: str, start: int) -> tuple[Literal, int]:
    parts: list[str] = []
    at = start
    while at < len(text):
        character = text[at]
        if character == "'":
            return Literal("".join(parts), text[start:at]), at + 1
        if character == "\\":
            if at + 1 >= len(text) or text[at + 1] not in "'{}\\":
                raise BadIntrinsic("open escape")
            parts.append(text[at + 1])
            at += 2
        else:
            parts.append(character)
            at += 1
    raise BadIntrinsic("a quote is not closed")


# ── evaluation ──────────────────────────────────────────────────────────────────────────────────


def evaluate(call: Call, scope: Scope) -> Json:
    """The result of a call. Raises `StateFault` `States.IntrinsicFailure`, or `NoResult` for a path."""
    if call.name == "Format":
        return _format(call, scope)
    values = [_value(argument, scope) for argument in call.arguments]
    if call.name in ("MathRandom", "UUID"):
        return _math_random(values, scope) if call.name == "MathRandom" else scope.new_id()
    try:
        return FUNCTIONS[call.name][2](*values)
    except (ArithmeticError, UnicodeError, RecursionError, MemoryError):
        raise _wrong(call.name, "the arguments are beyond what it can work on") from None


def _value(argument: Literal | Path | Call, scope: Scope) -> Json:
    if isinstance(argument, Literal):
        return argument.value
    if isinstance(argument, Call):
        return evaluate(argument, scope)
    try:
        return scope.select(argument)
    except NoResult as error:
        raise failure(f"Invalid path '{argument.text}' : {error}") from None


def _format(call: Call, scope: Scope) -> str:
    first = call.arguments[0]
    template = first.raw if isinstance(first, Literal) and isinstance(first.value, str) else _value(first, scope)
    if not isinstance(template, str):
        raise failure("Invalid arguments in States.Format: the first argument must be a string")
    arguments = iter(call.arguments[1:])
    parts: list[str] = []
    at = used = 0
    while at < len(template):
        character = template[at]
        if character == "\\" and at + 1 < len(template) and template[at + 1] in "'{}\\":
            parts.append(template[at + 1])
            at += 2
        elif template.startswith("{}", at):
            argument = next(arguments, None)
            if argument is None:
                raise failure(f"Invalid arguments in {call.text}: fewer arguments than occurrences of {{}}")
            parts.append(_java(_value(argument, scope)))
            used += 1
            at += 2
        elif character in "{}":
            raise failure(f"Invalid arguments in {call.text}: a brace is not escaped")
        else:
            parts.append(character)
            at += 1
    if used != len(call.arguments) - 1:
        raise failure(f"Invalid arguments in {call.text}: more arguments than occurrences of {{}}")
    return "".join(parts)


def _java(value: Json) -> str:
    """Text as Java renders it: objects are `{a=1, b=[]}` [R:test_format_2]; arrays are JSON (inference)."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}={_java(item)}" for key, item in value.items()) + "}"
    return dumps(value)


def _wrong(function: str, text: str) -> StateFault:
    return failure(f"Invalid arguments in States.{function}: {text}")


def _array(function: str, value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise _wrong(function, "the first argument must be an array")
    return value


def _text(function: str, value: Json) -> str:
    if not isinstance(value, str):
        raise _wrong(function, "the argument must be a string")
    if len(value) > MAX_TEXT:
        raise _wrong(function, f"the argument is longer than {MAX_TEXT} characters")
    return value


def _whole(function: str, value: Json) -> int:
    """Java's Math.round: half up [R:test_math_add]."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise _wrong(function, "the argument must be a number")
    if not -(2**63) <= value < 2**63:
        raise _wrong(function, "the argument does not fit a 64-bit integer")
    return value if isinstance(value, int) else math.floor(value + 0.5)


def _string_to_json(text: Json) -> Json:
    if not isinstance(text, str):
        raise _wrong("StringToJson", "the argument must be a string")
    if not text.strip():
        return None
    try:
        return loads(text)
    except ValueError:
        raise _wrong("StringToJson", "the argument is not a JSON text") from None


def _array_partition(array: Json, size: Json) -> list[Json]:
    items, count = _array("ArrayPartition", array), _whole("ArrayPartition", size)
    if count < 1:
        raise _wrong("ArrayPartition", "the second argument must be a positive integer")
    return [items[at : at + count] for at in range(0, len(items), count)]


def _array_range(first: Json, last: Json, step: Json) -> list[int]:
    start, end, by = (_whole("ArrayRange", value) for value in (first, last, step))
    if by == 0:
        raise _wrong("ArrayRange", "the step must not be 0")
    numbers = range(start, end + (1 if by > 0 else -1), by)
    if numbers and abs(end - start) // abs(by) + 1 > MAX_RANGE:
        raise _wrong("ArrayRange", f"the array would have more than {MAX_RANGE} items")
    return list(numbers)


def _array_get_item(array: Json, index: Json) -> Json:
    items, at = _array("ArrayGetItem", array), _whole("ArrayGetItem", index)
    if not 0 <= at < len(items):
        raise _wrong("ArrayGetItem", "the index is out of bounds")
    return items[at]


def _array_unique(array: Json) -> list[Json]:
    seen: dict[str, Json] = {}
    for item in _array("ArrayUnique", array):
        seen.setdefault(_canonical(item), item)
    return list(seen.values())


def _canonical(value: Json) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _base64_decode(text: Json) -> str:
    try:
        return base64.b64decode(_text("Base64Decode", text), validate=True).decode()
    except ValueError:
        raise _wrong("Base64Decode", "the argument is not Base64 of a UTF-8 text") from None


_ALGORITHMS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}


def _hash(value: Json, algorithm: Json) -> str:
    text = _text("Hash", value if isinstance(value, str) else dumps(value))
    if not isinstance(algorithm, str) or algorithm not in _ALGORITHMS:
        raise _wrong("Hash", f"the algorithm must be one of {', '.join(_ALGORITHMS)}")
    return hashlib.new(_ALGORITHMS[algorithm], text.encode(), usedforsecurity=False).hexdigest()


def _json_merge(first: Json, second: Json, deep: Json) -> Json:
    if not isinstance(first, dict) or not isinstance(second, dict):
        raise _wrong("JsonMerge", "the first two arguments must be objects")
    if deep is not False:
        raise _wrong("JsonMerge", "only shallow merging is supported: the third argument must be false")
    return {**first, **second}


def _math_random(values: list[Json], scope: Scope) -> int:
    start, end = _whole("MathRandom", values[0]), _whole("MathRandom", values[1])
    if start >= end:
        raise _wrong("MathRandom", "the start must be less than the end")
    number = seeded_random(_whole("MathRandom", values[2])) if len(values) == 3 else scope.random()
    return start + int(number * (end - start))


def _string_split(text: Json, delimiters: Json) -> list[str]:
    if not isinstance(text, str) or not isinstance(delimiters, str):
        raise _wrong("StringSplit", "both arguments must be strings")
    if not delimiters:
        return [text] if text else []
    return [part for part in re.split("[" + re.escape(delimiters) + "]", text) if part]


def _contains(array: Json, value: Json) -> bool:
    return any(paths.same(item, value) for item in _array("ArrayContains", array))


def _never(*values: Json) -> Json:
    raise AssertionError("evaluated in `evaluate`")


FUNCTIONS: dict[str, tuple[int, int, Callable[..., Json]]] = {
    "Format": (1, MAX_ARGUMENTS, _never),
    "StringToJson": (1, 1, _string_to_json),
    "JsonToString": (1, 1, dumps),
    "Array": (0, MAX_ARGUMENTS, lambda *values: list(values)),
    "ArrayPartition": (2, 2, _array_partition),
    "ArrayContains": (2, 2, _contains),
    "ArrayRange": (3, 3, _array_range),
    "ArrayGetItem": (2, 2, _array_get_item),
    "ArrayLength": (1, 1, lambda array: len(_array("ArrayLength", array))),
    "ArrayUnique": (1, 1, _array_unique),
    "Base64Encode": (1, 1, lambda text: base64.b64encode(_text("Base64Encode", text).encode()).decode()),
    "Base64Decode": (1, 1, _base64_decode),
    "Hash": (2, 2, _hash),
    "JsonMerge": (3, 3, _json_merge),
    "MathRandom": (2, 3, _never),
    "MathAdd": (2, 2, lambda a, b: _whole("MathAdd", a) + _whole("MathAdd", b)),
    "StringSplit": (2, 2, _string_split),
    "UUID": (0, 0, _never),
}
