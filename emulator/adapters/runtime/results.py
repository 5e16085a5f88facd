"""Results of a Python handler as JSON text: what simplejson, which AWS's runtime uses, makes of them.

Runs in the child process, standard library only.
"""

from __future__ import annotations

import decimal
import json
import os
import re
from typing import Any

from .errors import Fault

UNICODE_RESULTS = ("AWS_Lambda_python3.12", "AWS_Lambda_python3.13", "AWS_Lambda_python3.14")
"""Runtimes that write text as it is instead of as escapes."""


class Marshaller:
    """Results as JSON text, as the Python runtimes write it: `", "` and `": "`, Decimals as numbers."""

    def __init__(self, unicode: bool) -> None:
        self._mark = os.urandom(8).hex()
        self._decimals = re.compile(f'"{self._mark}:([^"]*)"')
        self._saw_decimal = False
        self._encoder = json.JSONEncoder(ensure_ascii=not unicode, default=self._default)

    def _default(self, value: Any) -> Any:
        if isinstance(value, decimal.Decimal):
            if value.is_nan():
                return float("nan")
            self._saw_decimal = True
            return f"{self._mark}:{value}"
        raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

    def marshal(self, value: Any) -> bytes:
        """Raises Fault when the value cannot be JSON. Bytes pass as they are, JSON or not."""
        if isinstance(value, bytes):
            return value
        try:
            return self._text(plain(value) if is_special(value) else value).encode()
        except Exception as error:
            raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None

    def marshal_error(self, error: dict[str, Any]) -> bytes:
        """An error payload; text that is no Unicode is written as escapes, so that the error is told at all."""
        try:
            return self._text(error).encode()
        except UnicodeEncodeError:
            return json.dumps(error).encode()

    def _text(self, value: Any) -> str:
        text = self._encoder.encode(value)
        if self._saw_decimal:
            self._saw_decimal = False
            text = self._decimals.sub(r"\1", text)
        return text


def is_special(value: Any) -> bool:
    """Whether something in it is written differently by AWS's runtime (simplejson) than by `json`."""
    try:
        return _is_special(value)
    except RecursionError:
        return False  # it is too deep for `json` too, which says so


def _is_special(value: Any) -> bool:
    if value is None or isinstance(value, (str, int, float)):
        return False
    if isinstance(value, dict):
        return any(isinstance(key, (bytes, decimal.Decimal)) or _is_special(each) for key, each in value.items())
    if isinstance(value, list):
        return any(map(_is_special, value))
    if isinstance(value, bytes) or callable(getattr(value, "_asdict", None)):
        return True
    return isinstance(value, tuple) and any(map(_is_special, value))


def plain(value: Any) -> Any:
    """Named tuples as objects, bytes as text: what simplejson makes of them."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {_plain_key(key): plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if callable(getattr(value, "_asdict", None)):
        return plain(value._asdict())
    if isinstance(value, tuple):
        return [plain(each) for each in value]
    return value


def _plain_key(key: Any) -> Any:
    if isinstance(key, decimal.Decimal):
        raise TypeError("keys must be str, int, float, bool or None, not Decimal")
    return key.decode() if isinstance(key, bytes) else key
