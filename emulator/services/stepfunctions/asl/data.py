"""User data and the two ways a state can go wrong with it.

Decides how JSON travels through an execution: as text, parsed only when someone looks inside. AWS keeps the caller's
own spacing as long as nothing touches the value [R:test_parallel_state_nested], and so do we.
"""

from __future__ import annotations

import json
import json.encoder
import math
import re
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

Json = Any

DATA_LIMIT_BYTES = 262_144
"""Largest input or output of a state, UTF-8 [R:test_states_errors]."""

_MOST_DIGITS = 308
"""A whole number of no more certainly fits into a double."""
_EXPONENT = re.compile(r'"(?:[^"\\]|\\.)*"|-?[0-9.]+e[-+][0-9]+', re.DOTALL)
"""Texts, and numbers that Python writes with an exponent."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

_MISSING: Any = object()


def _encoder() -> Callable[[Json, int], Iterable[str]]:
    """What makes the pieces of a JSON text, once for ever.

    `JSONEncoder.encode` makes one for each value, which is half of what that costs. Values have been read from JSON, so
    that nothing needs to look for circles.
    """
    maker: Any = getattr(json.encoder, "c_make_encoder", None)
    if maker is None:  # an interpreter without CPython's C
        plain = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
        return lambda value, level: (plain.encode(value),)
    return maker(None, json.JSONEncoder().default, json.encoder.encode_basestring, None, ":", ",", False, False, True)


_encode = _encoder()


def dumps(value: Json) -> str:
    """Compact JSON, as Step Functions writes it."""
    text = "".join(_encode(value, 0))
    return _EXPONENT.sub(_spelt, text) if "e-" in text or "e+" in text else text


def _spelt(found: re.Match[str]) -> str:
    """A number with an exponent as JavaScript writes it (AWS's spelling is unverified); texts stay as they are."""
    text = found[0]
    if text[0] == '"':
        return text
    number = Decimal(text)
    if -7 < number.adjusted() < 21:
        return format(number, "f")
    return text.replace("e-0", "e-")


class TooDeep(ValueError):
    """JSON that is nested more deeply than it can be read here."""


def loads(text: str | bytes) -> Json:
    """Strict JSON: no NaN, no number beyond a double; lone surrogates become `?`, as in Java. Raises ValueError."""
    if isinstance(text, bytes):
        text = text.decode()
    try:
        value = _decode(text)
        if _SURROGATE.search(text):
            value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
        return value
    except RecursionError:
        raise TooDeep("Document nesting depth exceeds the maximum allowed") from None


def finite(text: str) -> float:
    """A number of JSON that a double can hold. Raises ValueError."""
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text[:40]} is beyond the range of a double")
    return number


def whole(text: str) -> int:
    """A whole number that a double can hold, if not exactly. Raises ValueError, and not in Python's words."""
    if len(text) > _MOST_DIGITS:
        finite(text)
    return int(text)


def no_constant(name: str) -> Json:
    """Refuse NaN and Infinity. Raises ValueError."""
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=no_constant, parse_float=finite, parse_int=whole)
_decode = DECODER.decode
"""Made once: `json.loads` makes a decoder for each text."""


class Data:
    """One JSON value as text, as value, or as both; the other form is made on demand."""

    __slots__ = ("_text", "_value")

    def __init__(self, value: Json = _MISSING, text: str | None = None) -> None:
        self._value = value
        self._text = text

    @property
    def text(self) -> str:
        """The JSON text; the caller's own spacing if it came as text."""
        if self._text is None:
            self._text = dumps(self._value)
        return self._text

    @property
    def value(self) -> Json:
        """The parsed value. Do not modify it: it is shared."""
        if self._value is _MISSING:
            self._value = loads(self._text or "null")
        return self._value

    def too_large(self) -> bool:
        """Whether AWS refuses to carry it."""
        text = self.text
        return len(text) * 4 > DATA_LIMIT_BYTES and len(text.encode()) > DATA_LIMIT_BYTES


def weight(value: Json, most: int) -> int:
    """About how many bytes a value has as JSON; the count stops beyond `most`, so that it is cheap."""
    found, left = 0, [value]
    while left and found <= most:
        item = left.pop()
        if isinstance(item, str):
            found += len(item) + 2
        elif isinstance(item, dict):
            found += 2 + sum(len(key) + 4 for key in item)
            left.extend(item.values())
        elif isinstance(item, list):
            found += 1 + len(item)
            left.extend(item)
        else:
            found += 4
    return found


class StateError(Exception):
    """A state failed with an error name. `cause` None: the key is absent from events (`States.Timeout`, empty Fail).

    `known_as` is the name by which Retry and Catch know it, where that is another.
    """

    def __init__(self, error: str | None, cause: str | None = None, known_as: str | None = None) -> None:
        super().__init__(error, cause)
        self.error = error
        self.cause = cause
        self.known_as = known_as or error


class StateFault(StateError):
    """An error that names the state in its cause: `An error occurred while executing the state …`."""


def runtime(cause: str) -> StateFault:
    """`States.Runtime`: never retried, never caught [R:test_catch_states_runtime]."""
    return StateFault("States.Runtime", cause)


def too_large(what: str) -> StateError:
    """`States.DataLimitExceeded` of a state or a task."""
    limit = "returned a result with a size exceeding the maximum number of bytes service limit."
    return StateError("States.DataLimitExceeded", f"The state/task '{what}' {limit}")
