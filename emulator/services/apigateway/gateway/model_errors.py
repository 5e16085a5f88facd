"""What is wrong with a body that does not match its model, as `$context.error.validationErrorString` says it. Pure.

AWS validates by a Java library whose sentences reach users, in brackets and joined by commas; they are written here as
users and AWS's documentation show them (those of rare keywords are unverified, and so is the order of several).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

import jsonschema_rs

MOST_ERRORS = 20
"""A body can be wrong in thousands of places; more than these nobody reads (AWS's limit is unknown)."""
LONGEST_VALUE = 1024


def described(schema: jsonschema_rs.Draft4Validator, body: Any) -> str:
    """`[object has missing required properties (["name"])]`."""
    missing: dict[tuple[Any, ...], list[str]] = {}
    others: list[str] = []
    for error in islice(schema.iter_errors(body), MOST_ERRORS):
        kind: dict[str, Any] = error.kind.as_dict()
        if error.kind.name == "required":
            missing.setdefault(tuple(error.instance_path), []).append(kind["property"])
        else:
            others.append(
                _sentence(error.kind.name, kind, _found(body, error.instance_path)) or error.message[:LONGEST_VALUE]
            )
    return f"[{', '.join([*_missing(missing), *others])}]"


def _missing(missing: dict[tuple[Any, ...], list[str]]) -> Iterator[str]:
    for names in missing.values():
        yield f"object has missing required properties ({_json(sorted(names))})"


def _sentence(name: str, kind: dict[str, Any], found: Any) -> str | None:
    limit = kind.get("limit")
    match name:
        case "type":
            allowed = kind["types"] if isinstance(kind["types"], list) else [kind["types"]]
            return (
                f"instance type ({_type(found)}) does not match any allowed primitive type "
                f"(allowed: {_json(sorted(allowed))})"
            )
        case "additionalProperties":
            return (
                "object instance has properties which are not allowed by the schema: "
                f"{_json(sorted(kind['unexpected']))}"
            )
        case "enum":
            return f"instance value ({_json(found)}) not found in enum (possible values: {_json(kind['options'])})"
        case "pattern":
            return f"ECMA 262 regex {_json(kind['pattern'])} does not match input string {_json(found)}"
        case "minLength":
            return f"string {_json(found)} is too short (length: {len(found)}, required minimum: {limit})"
        case "maxLength":
            return f"string {_json(found)} is too long (length: {len(found)}, maximum allowed: {limit})"
        case "minimum":
            return f"numeric instance is lower than the required minimum (minimum: {limit}, found: {_json(found)})"
        case "maximum":
            return f"numeric instance is greater than the required maximum (maximum: {limit}, found: {_json(found)})"
        case "exclusiveMinimum":
            return f"numeric instance is not strictly greater than the required minimum {limit}"
        case "exclusiveMaximum":
            return f"numeric instance is not strictly lower than the required maximum {limit}"
        case "minItems":
            return f"array is too short: must have at least {limit} elements but instance has {len(found)} elements"
        case "maxItems":
            return f"array is too long: must have at most {limit} elements but instance has {len(found)} elements"
        case "uniqueItems":
            return "array must not contain duplicate elements"
        case _:
            return None


def _found(body: Any, path: list[Any]) -> Any:
    for step in path:
        body = body[step]
    return body


def _type(value: Any) -> str:
    for kind, name in ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "null" if value is None else "object"


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)[:LONGEST_VALUE]
