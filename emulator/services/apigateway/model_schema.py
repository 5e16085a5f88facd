"""What is no schema of a model: judged when one is made, for what cannot be used would judge nothing later. Pure.

A schema is walked as what it is: below `properties` stand names, any name, and below `enum` stand data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, cast

import jsonschema_rs

_PREFIX = "Invalid model specified: Validation Result: warnings : [], errors : ["
_CANONICAL = re.compile(r"#(/.*)?|https://apigateway\.amazonaws\.com/restapis/[^/]+/models/[^/]+", re.DOTALL)
_DEEPEST = 200
_BY_NAME = frozenset({"properties", "patternProperties", "definitions", "dependencies"})
"""Keywords below which names stand, and schemas below those."""
_DATA = frozenset({"enum", "default", "example", "const", "required"})
_OWN_NAMES = frozenset({"id", "$id", "$schema"})
"""What a schema says of itself. References are to models of the API, so what it calls itself must not count."""


def draft4_problem(schema: dict[str, Any]) -> str | None:
    """Why a JSON document is no schema of JSON Schema draft 4 as API Gateway takes it; texts as users report them."""
    try:
        objects = list(_objects(schema, 0))
    except RecursionError:
        return f"{_PREFIX}Invalid model schema specified]"
    if "$id" in schema:
        return f'{_PREFIX}Invalid model schema specified. Unsupported keyword(s): ["$id"]]'
    for found in objects:
        reference = found.get("$ref")
        if isinstance(reference, str) and not _CANONICAL.fullmatch(reference):
            return f"{_PREFIX}Model reference must be in canonical form]"
    # Other models may not be there yet: what they say is judged on its own.
    local = _without_references(schema)
    for options in (jsonschema_rs.RegexOptions(), jsonschema_rs.FancyRegexOptions()):
        try:
            jsonschema_rs.Draft4Validator(local, pattern_options=options)
            return None
        except (ValueError, TypeError, RecursionError, jsonschema_rs.ReferencingError):
            continue
    return f"{_PREFIX}Invalid model schema specified]"  # how AWS goes on is unknown


def _objects(value: Any, depth: int) -> Iterator[dict[str, Any]]:
    if depth > _DEEPEST:
        raise RecursionError
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        yield found
        for item in found.values():
            yield from _objects(item, depth + 1)
    elif isinstance(value, list):
        for item in cast("list[Any]", value):
            yield from _objects(item, depth + 1)


def rewritten(schema: Any, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Any:
    """A schema without what it calls itself; each schema within it for which `change` has another is replaced by that.

    Raises RecursionError for one that is nested too deeply.
    """
    if isinstance(schema, list):  # allOf and its like, and items by position
        return [rewritten(each, change) for each in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    found = cast("dict[str, Any]", schema)
    other = change(found)
    if other is not None:
        return other
    result: dict[str, Any] = {}
    for keyword, value in found.items():
        if keyword in _OWN_NAMES and isinstance(value, str):
            continue
        if keyword in _BY_NAME and isinstance(value, dict):
            named = cast("dict[str, Any]", value)
            result[keyword] = {name: rewritten(each, change) for name, each in named.items()}
        else:
            result[keyword] = value if keyword in _DATA else rewritten(value, change)
    return result


def _without_references(schema: dict[str, Any]) -> dict[str, Any]:
    return rewritten(schema, lambda each: {} if isinstance(each.get("$ref"), str) else None)
