"""JSONata: `{% … %}` texts read once and evaluated against `$states` and the variables.

Decides how expressions are found in a field, what they see, and how their failures are worded [R:assign, scenarios].
The language itself is a library's; what makes an evaluation random or endless is taken out of its hands here.
"""

from __future__ import annotations

import hashlib
import math
import re
import threading
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, wraps
from typing import Any

from . import jsonata_engines, timestamps
from .data import Json, StateFault, dumps, loads
from .intrinsics import seeded_random
from .jsonata_engines import Engine, EngineError, Function, Undefined
from .payload import Environment, Template, within_room

QUERY_ERROR = "States.QueryEvaluationError"
LONGEST_PADDING = 262_144
MOST_RANGE = 1_000_000
HASHES = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512"}
_FAR = 2**63


class QueryError(StateFault):
    """`States.QueryEvaluationError`; `location` is the field, as the EvaluationFailed event names it."""

    def __init__(self, cause: str, location: str | None) -> None:
        super().__init__(QUERY_ERROR, cause)
        self.location = location


_CODE = re.compile(r"^[A-Z]\d{4}: ")
"""JSONata's own number of an error, which AWS leaves out when a definition is judged."""


INVALID, UNSUPPORTED = "INVALID_JSONATA_EXPRESSION", "UNSUPPORTED_JSONATA_EXPRESSION"
_TOP_LEVEL_NAME = re.compile(r"[\s(\[-]*([A-Za-z_]\w*|`[^`]+`)(?!\w)(?!\s*\()")
"""An expression that begins with a name: there is no context item in which it could be (measured on AWS). Names further
on, which AWS finds as well, are not found here: they are undefined when the expression runs."""
QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|/\*.*?\*/", re.DOTALL)
"""Texts and comments in an expression."""
_OFFSET = re.compile(r"[+-]?[0-9]")
_ROOT = re.compile(r"\$\$(?!\w)")
"""Refused: there is no root to refer to. The words follow those of AWS about other references (unverified)."""
_MEMBER = re.compile(r"\$states\s*\.\s*(\w+)")
_LITERALS = ("true", "false", "null")


class BadExpression(ValueError):
    """The text between `{%` and `%}` is no JSONata; the message says where and why."""


class _Mine(threading.local):
    """What a thread has of an expression."""

    engine: Engine | None = None
    environment: Environment | None = None


class Expression:
    """One expression, compiled once by each thread that evaluates it. Raises `BadExpression`.

    What the native library compiles belongs to its thread, and definitions are shared by all emulators of a process,
    each of which has a thread of its own.
    """

    _mine: _Mine | None = None

    def __init__(self, text: str, engine: type[Engine] | None = None) -> None:
        self.text = text
        self._kind = engine or jsonata_engines.engine()
        try:
            self._kind(text, {})  # without its functions, which cost ten times as much: most are judged, and never run
        except EngineError as error:
            raise BadExpression(str(error)) from None

    def _own(self) -> _Mine:
        """What this thread has of it."""
        return self._mine or vars(self).setdefault("_mine", _Mine())

    def _compiled(self) -> Engine:
        return self._kind(self.text, _functions(self._current, self._kind))

    def evaluate(self, environment: Environment, field: str) -> Json:
        """The JSON value. Raises `QueryError`."""
        mine = self._own()
        mine.environment = environment
        bindings = environment.bindings()
        try:
            if mine.engine is None:
                mine.engine = self._compiled()
            left = environment.seconds_left()
            if left <= 0:
                raise EngineError("D1012: The expressions of this state take too long.")
            try:
                value = mine.engine.evaluate(bindings, left)
            except OverflowError:
                value = mine.engine.evaluate(bindable(bindings), left)
        except EngineError as error:
            problem = str(error)
            if problem.startswith("T1006:"):  # the reference implementation does not name the function [R]
                problem = "T1006: Attempted to invoke a non-function"
            raise QueryError(f"{self._named(field)} threw an error during evaluation. {problem}", field) from None
        finally:
            mine.environment = None
        if value is Undefined:
            raise QueryError(f"{self._named(field)} returned nothing (undefined).", field)
        if value is Function:
            raise QueryError(f"{self._named(field)} returned an unsupported result type.", field)
        return value

    def typed(self, environment: Environment, field: str, expected: str) -> Json:
        """The value, if it is of the JSON type `expected` (`array`, `string`, `number`, `boolean`)."""
        value = self.evaluate(environment, field)
        actual = json_type(value)
        if actual != expected:
            raise QueryError(
                f"{self._named(field)} returned an unexpected result type. Expected '{expected}', but was '{actual}' "
                f"for value: {dumps(value)}",
                field,
            )
        return value

    def _named(self, field: str) -> str:
        return f"The JSONata expression '{self.text}' specified for the field '{field}'"

    def _current(self) -> Environment:
        environment = self._own().environment
        assert environment is not None, "functions are called during an evaluation"
        return environment


def json_type(value: Json) -> str:
    """The name JSONata has for the type of a JSON value."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    return {str: "string", list: "array"}.get(type(value), "object")


def expression_text(value: Json) -> str | None:
    """What stands between `{%` and `%}` if the whole text is an expression."""
    if isinstance(value, str) and len(value) >= 4 and value.startswith("{%") and value.endswith("%}"):
        return value[2:-2].strip()
    return None


@lru_cache(maxsize=4096)
def parse(text: str) -> Expression:
    """The expression between the marks, compiled. Raises `BadExpression`."""
    return Expression(text)


def read(value: Json) -> Json | Expression:
    """A field that may be an expression: the compiled expression, or the value as it is."""
    text = expression_text(value)
    return parse(text) if text is not None else value


def compile_template(value: Json, field: str) -> Template:
    """A function that evaluates every expression in `value`; `field` is the path that errors name."""
    return within_room(value, _compile(value, field), lambda _, item: expression_text(item) is not None)


def _compile(value: Json, field: str) -> Template:
    text = expression_text(value)
    if text is not None:
        expression = parse(text)
        return lambda environment: environment.spent(expression.evaluate(environment, field))
    if isinstance(value, dict):
        fields = [(key, _compile(item, f"{field}/{key}")) for key, item in value.items()]
        return lambda environment: {key: fill(environment) for key, fill in fields}
    if isinstance(value, list):
        items = [_compile(item, f"{field}[{index}]") for index, item in enumerate(value)]
        return lambda environment: [fill(environment) for fill in items]
    return lambda environment: value


def problems(value: Json, hidden: tuple[str, ...] = (), field: str = "") -> Iterator[tuple[str, str, str]]:
    """(path below the field, code, what is wrong) for every expression that AWS refuses to keep.

    `hidden` are members of `$states` that there are not in this field [D:transforming-data]; the text is unverified.
    """
    text = expression_text(value)
    if text is not None:
        name = _TOP_LEVEL_NAME.match(text)
        try:
            parse(text)
        except BadExpression as error:
            yield field, INVALID, _CODE.sub("", str(error))
        else:
            if name is not None and name[1] not in _LITERALS:
                yield field, UNSUPPORTED, f"Reference to '{name[1].strip('`')}' at the top level is not supported."
            if _ROOT.search(QUOTED.sub("", text)) is not None:
                yield field, UNSUPPORTED, "Reference to '$$' is not supported."
            for member in dict.fromkeys(_MEMBER.findall(QUOTED.sub("", text))):
                if member in hidden:
                    yield field, UNSUPPORTED, f"Reference to '$states.{member}' is not supported in this field."
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from problems(item, hidden, f"{field}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from problems(item, hidden, f"{field}[{index}]")


def bindable(value: Json) -> Json:
    """A copy the library can take: whole numbers beyond 64 bits become doubles, as in JavaScript.

    Raises `EngineError` for one that no double can hold; it would be Infinity.
    """
    if isinstance(value, dict):
        return {key: bindable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [bindable(item) for item in value]
    if isinstance(value, int) and not -_FAR <= value < _FAR:
        try:
            return float(value)
        except OverflowError:
            raise EngineError(f"D1001: Number out of range: {'-' if value < 0 else ''}Infinity") from None
    return value


# ── functions that Step Functions adds, replaces or forbids ─────────────────────────────────────


def _functions(current: Callable[[], Environment], engine: type[Engine]) -> dict[str, Callable[..., Any]]:
    def random(*seed: Any) -> float:
        return seeded_random(seed[0]) if seed and seed[0] is not None else current().random()

    @cache
    def shown() -> Engine:
        return engine("$fromMillis($millis, $picture, $timezone)", {})

    def now(picture: Any = None, timezone: Any = None) -> Any:
        if isinstance(timezone, str) and _OFFSET.match(timezone) is None:
            raise EngineError(f"T0410: The time zone '{timezone[:40]}' of function now is not of the form +0000")
        given = {"picture": picture, "timezone": timezone}
        given = {name: value for name, value in given.items() if value is not None}  # what is not bound is undefined
        if not given:
            return timestamps.render(current().now)
        return shown().evaluate({"millis": millis(), **given}, current().seconds_left())

    def millis() -> int:
        return math.floor(current().now * 1000)

    def uuid() -> str:
        return current().new_id()

    functions = {
        "random": random,
        "now": now,
        "millis": millis,
        "eval": _no_eval,
        "pad": _pad,
        "uuid": uuid,
        "partition": _partition,
        "range": _range,
        "hash": _hash,
        "parse": _parse,
    }
    return {name: _told(name, function) for name, function in functions.items()}


def _told(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, which says so in JSONata's words when it is given other arguments than it takes."""

    @wraps(function)
    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except EngineError:
            raise
        except (TypeError, ValueError, ArithmeticError):
            raise EngineError(f"T0410: The arguments of function {name} do not match its signature") from None

    return call


def _no_eval(*_: Any) -> Json:
    raise EngineError("T1006: Attempted to invoke a non-function")


def _pad(text: Any, width: Any, *char: Any) -> Any:
    if text is None or width is None:
        return None
    size, filling = abs(int(width)), (char[0] if char and char[0] else " ")
    if size > LONGEST_PADDING:
        raise EngineError(f"$pad to more than {LONGEST_PADDING} characters")
    missing = max(size - len(text), 0)
    padding = (filling * (missing // len(filling) + 1))[:missing]
    return text + padding if width >= 0 else padding + text


def _partition(array: Any, size: Any) -> list[Any]:
    if not isinstance(array, list):
        raise EngineError("T0410: Argument 1 of function partition must be an array")
    if isinstance(size, bool) or not isinstance(size, (int, float)) or math.floor(size) < 1:
        raise EngineError("T0410: Argument 2 of function partition must be a positive number")
    step = math.floor(size)
    return [array[start : start + step] for start in range(0, len(array), step)]


def _range(first: Any, last: Any, step: Any) -> Any:
    if any(isinstance(number, bool) or not isinstance(number, (int, float)) for number in (first, last, step)):
        raise EngineError("T0410: The arguments of function range must be numbers")
    if step == 0 or abs((last - first) / step) > MOST_RANGE:
        raise EngineError("D2014: The size of the sequence allocated by the range function is too large")
    count = math.floor((last - first) / step + 1e-9) + 1
    numbers = [first + index * step for index in range(max(count, 0))]
    return numbers[0] if count == 1 else numbers  # a sequence of one is its element [R:array_jsonata/test_array_range]


def _hash(content: Any, *algorithm: Any) -> str:
    name = algorithm[0] if algorithm and algorithm[0] is not None else "SHA-256"
    if name not in HASHES:
        raise EngineError(f"T0410: The algorithm of function hash must be one of {', '.join(HASHES)}")
    text = content if isinstance(content, str) else dumps(content)
    return hashlib.new(HASHES[name], text.encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def _parse(text: Any) -> Json:
    if not isinstance(text, str):
        raise EngineError("T0410: Argument 1 of function parse must be a string")
    try:
        return bindable(loads(text))
    except ValueError:
        raise EngineError("D3121: The argument of function parse is no valid JSON") from None
