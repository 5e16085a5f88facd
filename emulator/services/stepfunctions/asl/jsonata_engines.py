"""The two libraries that evaluate JSONata, behind one small interface.

`Native` (jsonatapy, compiled, passes the language's whole suite) where there is a wheel for the machine, `Portable`
(jsonata-python) elsewhere. Decides nothing about Step Functions; its callers give the functions.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeVar

from emulator import cpu_time

from . import jsonata_apart
from .data import weight

LONGEST_EVALUATION_SECONDS = 1.0
"""CPU time for all expressions of one step together: nobody else is served meanwhile. What takes longer fails (ours;
AWS's limit is not documented)."""
LONGEST_STALL_SECONDS = 60.0
"""Host time within which a machine gives whoever evaluates that CPU time, however busy it is."""
DEEPEST_STACK = 200
SMALL = 8192
"""Weight of what an expression sees, below which ten thousand copies of it are no burden."""
LONGEST_SEQUENCE = 1_000_000
_ARITHMETIC = re.compile(r"[-+*/%]|\$(?:sum|average)\b")
"""What can make a number of which JSON knows no like."""
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"", re.DOTALL)
_SYNTAX = [
    re.compile(pattern, re.DOTALL)
    for pattern in (
        r"S0201: Syntax error: (.+)",
        r"S0202: Expected (.+?), got (.+)",
        r"S0203: Expected (.+) before end of expression",
        r"S0211: The symbol (.+) cannot be used as a unary operator",
    )
]  # fmt: skip
_NAMED_VALUE = re.compile(r"[A-Z]\w+\((.*)\)", re.DOTALL)
_NUMBER = re.compile(r"[0-9.]*[0-9]")
_SYMBOLS = {
    "RightBracket": "]", "LeftBracket": "[", "RightBrace": "}", "LeftBrace": "{", "RightParen": ")", "LeftParen": "(",
    "Comma": ",", "Colon": ":", "Semicolon": ";", "Dot": ".", "DotDot": "..", "Question": "?", "At": "@", "Hash": "#",
    "Pipe": "|", "Caret": "^", "Ampersand": "&", "Equal": "=", "NotEqual": "!=", "LessThan": "<", "GreaterThan": ">",
    "LessThanOrEqual": "<=", "GreaterThanOrEqual": ">=", "ColonEqual": ":=", "TildeArrow": "~>", "Plus": "+",
    "Minus": "-", "Star": "*", "Slash": "/", "Percent": "%", "And": "and", "Or": "or", "In": "in",
}  # fmt: skip
"""As the compiled library names them, and as the language writes them."""
REPLACED = frozenset({"random", "now", "millis", "eval", "pad"})
"""Functions of the language that a caller may give its own version of."""

Functions = Mapping[str, Callable[..., Any]]
T = TypeVar("T")


class EngineError(ValueError):
    """The text is no JSONata, or evaluating it failed; the message begins with the error's code (`T1006: …`)."""


class Function:
    """What an evaluation gave when it gave a function."""


class Undefined:
    """What an evaluation gave when it gave nothing."""


class Engine(ABC):
    """One compiled expression."""

    @abstractmethod
    def __init__(self, text: str, functions: Functions) -> None:
        """Compile. Raises `EngineError`."""

    @abstractmethod
    def evaluate(self, bindings: dict[str, Any], seconds: float = LONGEST_EVALUATION_SECONDS) -> Any:
        """The JSON value, `Function` or `Undefined`. Raises `EngineError`, also after `seconds` of host time."""


class Native(Engine):
    """jsonatapy."""

    def __init__(self, text: str, functions: Functions) -> None:
        self._text, self._functions = text, functions
        self._compiled = self._compile(text)
        self._type: Any = None
        self._growth: jsonata_apart.Growth | None = None

    def evaluate(self, bindings: dict[str, Any], seconds: float = LONGEST_EVALUATION_SECONDS) -> Any:
        result = self._run(self._compiled, bindings, seconds)
        if result is None:
            return Undefined
        if len(result) > jsonata_apart.LONGEST_RESULT:
            raise EngineError(jsonata_apart.OUT_OF_MEMORY)
        value = json.loads(result)
        if value == "":  # the library writes a function like this; ask it for the type when it matters
            self._type = self._type or self._compile(f"$type(({self._text}\n))")
            if self._run(self._type, bindings, seconds) == '"function"':
                return Function
        return value

    def _check_numbers(self, bindings: dict[str, Any], seconds: float, most: int) -> None:
        """The library writes a number out of range as null: look at the value itself when there may be one."""
        try:
            with _panics_told():
                value = _within(
                    seconds,
                    lambda allowed: self._compiled.evaluate(
                        None, bindings, timeout=_milliseconds(allowed), max_stack_depth=DEEPEST_STACK,
                        max_sequence_length=most,
                    ),
                )  # fmt: skip
        except (ValueError, RecursionError):
            return
        left = [value]
        while left:
            item = left.pop()
            if isinstance(item, float) and not math.isfinite(item):
                raise _out_of_range(item)
            if isinstance(item, (dict, list)):
                left.extend(item.values() if isinstance(item, dict) else item)

    def _compile(self, text: str) -> Any:
        _load_native()
        import jsonatapy

        try:
            with _panics_told():
                compiled = jsonatapy.compile(text)
        except ValueError as error:
            raise EngineError(_worded(str(error).removeprefix("Parse error: "), text)) from None
        for name, function in self._functions.items():
            if name in REPLACED:
                compiled.register_override(name, function)
            else:
                compiled.register(name, function)
        return compiled

    def _run(self, compiled: Any, bindings: dict[str, Any], seconds: float) -> str | None:
        """The result as JSON: at once if it is quick, else in a copy of the process whose memory is bounded."""
        if self._growth is None:
            self._growth = jsonata_apart.growth(_QUOTED.sub("''", self._text))
        quick, growth = jsonata_apart.QUICK_SECONDS, self._growth
        if growth is jsonata_apart.Growth.LITTLE or (
            growth is jsonata_apart.Growth.WITH_DATA and weight(bindings, SMALL) <= SMALL
        ):
            try:
                return _within(
                    min(seconds, quick),
                    lambda allowed: self._run_here(compiled, bindings, allowed, jsonata_apart.QUICK_SEQUENCE),
                )
            except EngineError as error:
                if not str(error).startswith(("D1012:", "D2015:")):
                    raise

        def evaluate() -> str | None:
            return _within(seconds, lambda allowed: self._run_here(compiled, bindings, allowed, LONGEST_SEQUENCE))

        if not jsonata_apart.HAS_FORK:
            return evaluate()
        went_well, told = jsonata_apart.apart(evaluate, seconds)
        if not went_well:
            raise EngineError(told or "")
        return told

    def _run_here(self, compiled: Any, bindings: dict[str, Any], seconds: float, most: int) -> str | None:
        try:
            result: str | None = compiled.evaluate_json_or_none(
                None,
                bindings,
                timeout=_milliseconds(seconds),
                max_stack_depth=DEEPEST_STACK,
                max_sequence_length=most,
            )
        except (ValueError, RecursionError) as error:
            text = str(error)
            for prefix in ("host function raised ValueError: ", "host function raised EngineError: "):
                text = text.removeprefix(prefix)
            raise EngineError(text) from None
        except BaseException as panic:  # as `_panics_told`, which would cost a tenth of a small expression
            raise _told_of(panic) from None
        if result is not None and "null" in result and _ARITHMETIC.search(self._text) is not None:
            self._check_numbers(bindings, seconds, most)
        return result


@cache
def _load_native() -> None:
    """Load the compiled library: 30 ms, and most machines use JSONPath.

    Its allocator belongs to the thread that loads it: once that thread has ended, whoever compiles ends the process
    (seen with jsonatapy 2.2). So a thread that never ends loads it, unless the main thread does.
    """
    if threading.current_thread() is threading.main_thread():
        return
    loaded = threading.Event()

    def load() -> None:
        try:
            importlib.import_module("jsonatapy")
        finally:
            loaded.set()
        threading.Event().wait()

    threading.Thread(target=load, name="jsonata", daemon=True).start()
    loaded.wait()


@contextmanager
def _panics_told() -> Generator[None]:
    """A mistake of the compiled library is no `Exception`: it would end the loop that commits for everybody."""
    try:
        yield
    except BaseException as panic:
        raise _told_of(panic) from None


def _told_of(problem: BaseException) -> BaseException:
    return EngineError("D3000: the evaluation failed") if type(problem).__name__ == "PanicException" else problem


class Portable(Engine):
    """jsonata-python."""

    def __init__(self, text: str, functions: Functions) -> None:
        from jsonata.jsonata import Jsonata

        try:
            self._compiled = Jsonata(text)
        except Exception as error:  # its parser raises whatever the text trips it over
            raise EngineError(_worded(_told(error), text)) from None
        self._compiled.set_output_convert_nulls(False)
        for name, function in functions.items():
            self._compiled.register_lambda(name, function)

    def evaluate(self, bindings: dict[str, Any], seconds: float = LONGEST_EVALUATION_SECONDS) -> Any:
        return _within(seconds, lambda allowed: self._evaluate(bindings, allowed))

    def _evaluate(self, bindings: dict[str, Any], seconds: float) -> Any:
        from jsonata.utils import Utils

        frame = self._compiled.create_frame()
        frame.set_runtime_bounds(_milliseconds(seconds), DEEPEST_STACK)
        for name, value in bindings.items():
            frame.bind(name, _with_nulls(value, Utils.NULL_VALUE))
        try:
            result = self._compiled.evaluate(None, frame)
        except EngineError:
            raise
        except Exception as error:  # its evaluator too
            raise EngineError(_told(error)) from None
        return Undefined if result is None else _plain(result, Utils.NULL_VALUE)


def _within(seconds: float, evaluate: Callable[[float], T]) -> T:
    """`evaluate(host seconds)` with `seconds` of CPU time: the libraries know host time only, and the machine is busy.

    Whatever it asks functions for it may ask for again.
    """
    allowed = seconds
    while True:
        began = cpu_time.spent()
        try:
            return evaluate(allowed)
        except ValueError as error:
            used = cpu_time.spent() - began
            if not str(error).startswith("D1012:") or used >= seconds / 2 or allowed > LONGEST_STALL_SECONDS:
                raise
        allowed *= 2


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _out_of_range(value: float) -> EngineError:
    """The reference implementation's error; that AWS gives it for a result, too, is unverified."""
    shown = "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    return EngineError(f"D1001: Number out of range: {shown}")


def _told(error: Exception) -> str:
    if isinstance(error, ArithmeticError) or str(error) == "math domain error":  # Python's, where JavaScript has none
        return "D1001: Number out of range"
    code = getattr(error, "error", None)
    if isinstance(code, str):
        return f"{code}: {error}"
    told = type(error).__module__.startswith("jsonata")  # else Python speaks, of what the library does inside
    return f"D3000: {error}" if told else "D3000: the evaluation failed"


def _with_nulls(value: Any, null: Any) -> Any:
    """In the portable library None is undefined and `null` is a value of its own."""
    if isinstance(value, dict):
        return {key: _with_nulls(item, null) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_nulls(item, null) for item in value]
    return null if value is None else value


def _plain(value: Any, null: Any) -> Any:
    """JSON of the library's sequences, ranges and nulls; `Function` for a function."""
    if value is null or value is None:
        return None
    if isinstance(value, dict):
        return {key: _plain(item, null) for key, item in value.items() if item is not None}
    if isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise _out_of_range(value)
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, (list, tuple)) or (hasattr(value, "__iter__") and hasattr(value, "__len__")):
        if len(value) > LONGEST_SEQUENCE:
            raise EngineError(f"D2015: The maximum sequence length of {LONGEST_SEQUENCE} was exceeded.")
        return [_plain(item, null) for item in value]
    return Function


@cache
def engine() -> type[Engine]:
    """The engine of this machine."""
    return Native if importlib.util.find_spec("jsonatapy") is not None else Portable


def _worded(message: str, text: str) -> str:
    """What is wrong with a text, with symbols as the reference implementation shows them, and AWS after it."""
    message = message.removeprefix("Invalid syntax: ")
    for pattern in _SYNTAX:
        found = pattern.fullmatch(message)
        if found is not None:
            for index in range(pattern.groups, 0, -1):
                message = message[: found.start(index)] + _symbol(found[index]) + message[found.end(index) :]
            return message
    left = _QUOTED.sub("", text)
    if message.startswith("S0101") and "/" in left and not set("'\"") & set(left):
        return "S0302: No terminating / in regular expression"
    return message


def _symbol(named: str) -> str:
    """A symbol, a name or a number as JSON shows it."""
    value = _NAMED_VALUE.fullmatch(named)
    shown = _SYMBOLS.get(named, named) if value is None else value[1].removesuffix(".0")
    quoted = shown[:1] == '"' or _NUMBER.fullmatch(shown) is not None
    return shown if quoted else json.dumps(shown, ensure_ascii=False)
