"""Fields of states that hold a value, a path or an expression: waits, limits, items, texts of Fail.

Decides what such a field may be at run time and how AWS words what it may not [R:base/test_wait, scenarios].
"""

from __future__ import annotations

from . import payload, timestamps
from .data import Json, dumps, runtime
from .definition import State
from .intrinsics import Call
from .jsonata import Expression, QueryError
from .paths import NoResult, Path
from .payload import Environment

MAX_WAIT_SECONDS = 24_856 * 86_400
MAX_LIMIT_SECONDS = 99_999_999


def wait_until(state: State, environment: Environment, now: float) -> float:
    """When a Wait ends, epoch seconds. Raises `States.Runtime` or `QueryError`."""
    due_at = _seconds(state, environment, now) if state.seconds is not None else _timestamp(state, environment)
    if due_at - now > MAX_WAIT_SECONDS:
        raise runtime("Wait state delay is too long.")
    return due_at


def _seconds(state: State, environment: Environment, now: float) -> float:
    seconds = state.seconds
    if isinstance(seconds, Path):
        path = seconds
        seconds = _referenced(environment, path, "SecondsPath")
        if isinstance(seconds, bool) or not isinstance(seconds, int):
            shown = f"{path.text} == {_shown(seconds)}"
            raise runtime(f"The SecondsPath parameter cannot be parsed as a long value: {shown}")
        if seconds < 0:
            raise runtime(f"The SecondsPath parameter references a negative value: {path.text} == {seconds}")
    elif isinstance(seconds, Expression):
        seconds = whole(seconds, environment, "Seconds")
        if seconds < 0:
            raise QueryError(f"The Seconds field cannot be a negative value: {seconds}", "Seconds")
    assert isinstance(seconds, int)
    return now + min(seconds, MAX_WAIT_SECONDS + 1)


def _timestamp(state: State, environment: Environment) -> float:
    value: Json = state.timestamp
    if isinstance(value, Path):
        path = value
        value = _referenced(environment, path, "TimestampPath")
        at = timestamps.parse(value)
        if at is None:
            raise runtime(
                "The TimestampPath parameter does not reference a valid ISO-8601 extended offset date-time format "
                f"string: {path.text} == {_shown(value)}"
            )
        return at
    if isinstance(value, Expression):
        value = value.typed(environment, "Timestamp", "string")
    at = timestamps.parse(value)
    if at is None:
        text = f"The Timestamp field cannot be parsed as an ISO-8601 extended offset date-time format string: {value}"
        raise QueryError(text, "Timestamp")
    return at


def limit_seconds(limit: int | Path | Expression | None, environment: Environment, field: str) -> int | None:
    """`TimeoutSeconds` or `HeartbeatSeconds`; `field` is the name without `Path`."""
    if limit is None or isinstance(limit, int):
        return limit
    if isinstance(limit, Expression):
        value = whole(limit, environment, field)
        if not 0 < value <= MAX_LIMIT_SECONDS:
            raise QueryError(f"The {field} field must be a positive integer: {value}", field)
        return value
    try:
        value = environment.select(limit)
    except NoResult as error:
        raise runtime(f"Invalid path '{limit.text}' : {error}") from None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= MAX_LIMIT_SECONDS:
        shown = f"{limit.text} == {_shown(value)}"
        raise runtime(f"The {field}Path parameter does not reference a positive integer: {shown}")
    return value


def items(state: State, environment: Environment) -> list[Json]:
    """What a Map iterates over.

    A distributed one takes an object, too, whose pairs are its items [D:input-output-itemspath, state-map-distributed];
    an inline one refuses it, whatever one page of the documentation says [R:test_map_state_items_input_types[object]].
    """
    distributed = state.distribution is not None
    if state.jsonata:
        source = state.items
        if isinstance(source, Expression):
            value = source.evaluate(environment, "Items") if distributed else None
            return pairs(value) if isinstance(value, dict) else source.typed(environment, "Items", "array")
        value = environment.data.value if source is None else source(environment)
        if distributed and isinstance(value, dict):
            return pairs(value)
        if not isinstance(value, list):
            raise QueryError(f"Map state input must be an array but was: {dumps(value)}", None)
        return value
    assert state.items_path is not None
    value = payload.select_data(state.items_path, environment).value
    if distributed and isinstance(value, dict):
        return pairs(value)
    if not isinstance(value, list):
        raise runtime(f'Reference path "{state.items_path.text}" must point to array.')
    return value


class Pairs(list[Json]):
    """The items that an object stands for."""


def pairs(value: dict[str, Json]) -> Pairs:
    """One item for each member; how AWS writes one that no ItemSelector takes apart is unverified."""
    return Pairs({"Key": key, "Value": item} for key, item in value.items())


def concurrency(state: State, environment: Environment) -> int:
    """How many iterations of a Map may run at once, 0 meaning as many as AWS allows."""
    limit = state.max_concurrency
    if isinstance(limit, Expression):
        limit = whole(limit, environment, "MaxConcurrency")
        if limit < 0:
            raise QueryError("MaxConcurrency cannot be negative.", "MaxConcurrency")
    elif isinstance(limit, Path):
        path = limit
        limit = _referenced(environment, path, "MaxConcurrencyPath")
        if isinstance(limit, bool) or not isinstance(limit, int):
            raise runtime(
                f'The MaxConcurrencyPath field refers to value "{_shown(limit)}" which is not a valid integer: '
                f"{path.text}"
            )
        if limit < 0:
            raise runtime("MaxConcurrency cannot be negative.")
    return limit


def text(value: str | Path | Call | Expression | None, environment: Environment, field: str) -> str | None:
    """`Error` and `Cause` of a Fail; `field` is the name without `Path`."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Expression):
        return value.typed(environment, field, "string")
    found = payload.evaluate(value, environment, f"{field}Path")
    if not isinstance(found, str):
        raise runtime(f"The {field}Path parameter does not reference a string value")
    return found


def whole(expression: Expression, environment: Environment, field: str) -> int:
    """An expression's whole number; JSONata has one kind of number, so 5.0 is 5."""
    value = expression.typed(environment, field, "number")
    if value != int(value):
        raise QueryError(f"The {field} field must be an integer: {dumps(value)}", field)
    return int(value)


def _referenced(environment: Environment, path: Path, field: str) -> Json:
    try:
        return environment.select(path)
    except NoResult:
        raise runtime(f"The {field} parameter does not reference an input value: {path.text}") from None


def _shown(value: Json) -> str:
    return value if isinstance(value, str) else dumps(value)
