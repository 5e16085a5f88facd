"""Values of templates as texts and tags, and what is said of those that are of the wrong type."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from emulator.aws.tags import is_system
from emulator.ports import Json

log = logging.getLogger("emulator.cloudformation")


class ResourceFailed(Exception):
    """A resource cannot be made, changed or deleted; the text is the reason in the stack's events."""

    def __init__(self, reason: str, physical_id: str = "") -> None:
        super().__init__(reason)
        self.physical_id = physical_id
        """Of what is there in spite of the failure, and must be deleted."""


MOST_TRIES = 3
"""So often is tried what failed for no reason that a user could know."""


class InternalFailure(ResourceFailed):
    """Not the template's fault but ours: an error that no service names, tried again a few times."""

    def __init__(self, problem: BaseException) -> None:
        said = f": {problem}" if str(problem) else ""
        super().__init__(f"InternalFailure: {type(problem).__name__}{said}")


MALFORMED = (AttributeError, IndexError, KeyError, TypeError, ValueError, RecursionError)
"""What a row's function raises when a property has not the form that it takes apart."""


def malformed(logical_id: str, problem: Exception) -> ResourceFailed:
    """The failure of a resource whose properties have another form than its type's (the text is unverified)."""
    log.info("properties of %s", logical_id, exc_info=problem)
    said = f"missing {problem}" if isinstance(problem, KeyError) else str(problem)
    return ResourceFailed(f"Properties validation failed for resource {logical_id} with message:\n#: {said}")


def tag_map(tags: list[Any] | Mapping[str, Any] | None, path: str = "#/Tags") -> dict[str, str]:
    """Tags as a map, whichever way the template wrote them."""
    if not tags:
        return {}
    if isinstance(tags, Mapping):
        return {str(key): text_of(value) for key, value in tags.items()}
    found: dict[str, str] = {}
    for index, item in enumerate(tags):
        if not isinstance(item, Mapping) or not {"Key", "Value"} >= set(cast(Mapping[str, Any], item)):
            raise wrong_type(f"{path}/{index}", "Tag", item)
        pair = cast(Mapping[str, Any], item)
        found[text_of(pair.get("Key", ""))] = text_of(pair.get("Value", ""))
    return found


def with_plain_tags(request: Mapping[str, Any]) -> dict[str, Any]:
    """A request as it is to be validated: the patterns of models refuse tags of AWS's own, which users cannot give."""
    return {name: _plain(value) if "ag" in name else value for name, value in request.items()}


def _plain(value: Json) -> Json:
    if isinstance(value, Mapping):
        members = cast(Mapping[str, Any], value)
        keys = ("Key", "key", "TagKey")
        return {_key(name): _key(item) if name in keys else _plain(item) for name, item in members.items()}
    if isinstance(value, list):
        return [_plain(item) for item in cast(list[Any], value)]
    return value


def _key(name: Json) -> Json:
    return name[4:] if isinstance(name, str) and is_system(name) else name


def text_of(value: Json) -> str:
    """A value where an operation wants text; objects and lists are written as JSON."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def moment_text(at: Json) -> str:
    """A time as attributes show it, from epoch seconds or a datetime."""
    moment = at if isinstance(at, datetime) else datetime.fromtimestamp(float(at), UTC)
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wrong_type(path: str, expected: str, value: Json) -> ResourceFailed:
    """AWS's sentence of its resource schemas, whose words for types are Java's."""
    kinds = ((bool, "Boolean"), (str, "String"), (int, "Integer"), (float, "BigDecimal"), (list, "JSONArray"))
    found = next((name for kind, name in kinds if isinstance(value, kind)), "JSONObject")
    return ResourceFailed(
        f"Properties validation failed with message:\n{path}: expected type: {expected}, found: {found}"
    )
