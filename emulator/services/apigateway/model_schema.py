"""What is no schema of a model: judged when one is made, for what cannot be used would judge nothing later. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, cast

import jsonschema_rs

_PREFIX = "Invalid model specified: Validation Result: warnings : [], errors : ["
_CANONICAL = re.compile(r"#(/.*)?|https://apigateway\.amazonaws\.com/restapis/[^/]+/models/[^/]+", re.DOTALL)
_DEEPEST = 200


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


def _without_references(value: Any) -> Any:
    if isinstance(value, dict):
        found = cast("dict[str, Any]", value)
        if isinstance(found.get("$ref"), str):
            return {}
        return {name: _without_references(item) for name, item in found.items() if name not in ("id", "$schema")}
    return [_without_references(item) for item in cast("list[Any]", value)] if isinstance(value, list) else value
