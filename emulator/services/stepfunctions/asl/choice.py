"""Choice rules: read once into a test over the environment.

A comparison between values of different types is false, never an error; a missing Variable is an error except for
`IsPresent`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import jsonata, paths, timestamps
from .data import Json, runtime
from .paths import NoResult, Path
from .payload import Environment

Rule = Callable[[Environment], bool]


def _number(value: Json) -> float | int | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _string(value: Json) -> str | None:
    return value if isinstance(value, str) else None


def _boolean(value: Json) -> bool | None:
    return value if isinstance(value, bool) else None


READ: dict[str, Callable[[Json], Any]] = {
    "String": _string, "Numeric": _number, "Boolean": _boolean, "Timestamp": timestamps.parse,
}  # fmt: skip

RELATIONS: dict[str, Callable[[Any, Any], bool]] = {
    "Equals": lambda left, right: left == right,
    "LessThan": lambda left, right: left < right,
    "GreaterThan": lambda left, right: left > right,
    "LessThanEquals": lambda left, right: left <= right,
    "GreaterThanEquals": lambda left, right: left >= right,
}

COMPARISONS: dict[str, tuple[str, str]] = {
    f"{kind}{relation}": (kind, relation)
    for kind in READ
    for relation in RELATIONS
    if kind != "Boolean" or relation == "Equals"
}

TYPE_TESTS: dict[str, Callable[[Json], bool]] = {
    "IsNull": lambda value: value is None,
    "IsNumeric": lambda value: _number(value) is not None,
    "IsString": lambda value: isinstance(value, str),
    "IsBoolean": lambda value: isinstance(value, bool),
    "IsTimestamp": lambda value: timestamps.parse(value) is not None,
}

OPERATORS = {*COMPARISONS, *(f"{name}Path" for name in COMPARISONS), *TYPE_TESTS, "IsPresent", "StringMatches"}
"""Every comparison operator a rule may have."""


def compile_rule(rule: dict[str, Any]) -> Rule:
    """A test of one validated rule."""
    if "And" in rule:
        parts = [compile_rule(part) for part in rule["And"]]
        return lambda environment: all(part(environment) for part in parts)
    if "Or" in rule:
        parts = [compile_rule(part) for part in rule["Or"]]
        return lambda environment: any(part(environment) for part in parts)
    if "Not" in rule:
        inner = compile_rule(rule["Not"])
        return lambda environment: not inner(environment)
    path = paths.parse(rule["Variable"])
    operator = next(key for key in rule if key in OPERATORS)
    expected = rule[operator]
    if operator == "IsPresent":
        return lambda environment: _present(environment, path) == expected
    if operator in TYPE_TESTS:
        test = TYPE_TESTS[operator]
        return lambda environment: test(_variable(environment, path)) == expected
    if operator == "StringMatches":
        pattern = compile_pattern(expected)
        return lambda environment: string_matches(pattern, _variable(environment, path))
    if operator.endswith("Path"):
        other = paths.parse(expected)
        kind, relation = COMPARISONS[operator[:-4]]
        return lambda environment: compare(kind, relation, _variable(environment, path), _variable(environment, other))
    kind, relation = COMPARISONS[operator]
    return lambda environment: compare(kind, relation, _variable(environment, path), expected)


def compile_condition(condition: Json, index: int) -> Rule:
    """A test of a JSONata `Condition`: an expression, or a boolean as it stands."""
    expression = jsonata.read(condition)
    if not isinstance(expression, jsonata.Expression):
        return lambda environment: bool(condition)
    return lambda environment: expression.typed(environment, f"Choices[{index}]/Condition", "boolean")


def compare(kind: str, relation: str, left: Json, right: Json) -> bool:
    """One comparison; false if either side is not of the kind."""
    read = READ[kind]
    first, second = read(left), read(right)
    return first is not None and second is not None and RELATIONS[relation](first, second)


def compile_pattern(pattern: str) -> list[str]:
    """The literal pieces between the `*` wildcards; `\\\\*` is a star, `\\\\\\\\` a backslash."""
    pieces: list[list[str]] = [[]]
    at = 0
    while at < len(pattern):
        if pattern[at] == "\\" and at + 1 < len(pattern) and pattern[at + 1] in "*\\":
            pieces[-1].append(pattern[at + 1])
            at += 2
        elif pattern[at] == "*":
            pieces.append([])
            at += 1
        else:
            pieces[-1].append(pattern[at])
            at += 1
    return ["".join(piece) for piece in pieces]


def string_matches(pieces: list[str], value: Json) -> bool:
    """Whether the whole string fits; linear, no regular expression."""
    if not isinstance(value, str):
        return False
    if len(pieces) == 1:
        return value == pieces[0]
    first, *middle, last = pieces
    if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
        return False
    at, end = len(first), len(value) - len(last)
    for piece in middle:
        found = value.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True


def _variable(environment: Environment, path: Path) -> Json:
    try:
        return environment.select(path)
    except NoResult:
        raise runtime(
            f"Invalid path '{path.text}': The choice state's condition path references an invalid value."
        ) from None


def _present(environment: Environment, path: Path) -> bool:
    try:
        value = environment.select(path)
    except NoResult:
        return False
    return path.definite or bool(value)
