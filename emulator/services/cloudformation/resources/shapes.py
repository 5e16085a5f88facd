"""What a template says, in the shape that an operation takes.

CloudFormation is generous: `"30"` is a number, `"true"` a boolean, a policy is an object where the API wants its text,
tags are a list of Key and Value where the API may want a map. Members are found whatever their capitals are
(`StatusCode`, `statusCode`). What an operation does not have is refused by name: nothing is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from emulator.aws.protocol import load_service
from emulator.ports import Json
from emulator.services.cloudformation.resources.values import ResourceFailed, tag_map, text_of, wrong_type

_TRUE, _FALSE = ("true", "True", "TRUE"), ("false", "False", "FALSE")


def shaped(service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """A request for an operation. Raises ResourceFailed for what does not fit, naming where it is."""
    name = load_service(service).operation(operation).input_name
    if name is None:
        return dict(request)
    return _structure(service, name, request, "#")


def _structure(service: str, shape_name: str, value: Json, path: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise wrong_type(path, "JSONObject", value)
    given = cast(Mapping[str, Any], value)
    members = _members(service, shape_name)
    found: dict[str, Any] = {}
    for name, item in given.items():
        if item is None:
            continue
        if name.startswith("_"):  # a member that no model has, from a row of ours (calls.TRACE_MEMBER)
            found[name] = item
            continue
        member = members.get(name) or members.get(name.lower())
        if member is None:
            raise ResourceFailed(
                f"Properties validation failed with message:\n{path}: extraneous key [{name}] is not permitted"
            )
        found[member[0]] = _value(service, member[1], item, f"{path}/{name}")
    return found


@cache
def _members(service: str, shape_name: str) -> dict[str, tuple[str, str]]:
    """(member, shape) by name, and by name in lower case."""
    found: dict[str, tuple[str, str]] = {}
    for name, member in load_service(service).shapes[shape_name].get("members", {}).items():
        found[name] = (name, member["shape"])
        found.setdefault(name.lower(), (name, member["shape"]))
    return found


def _value(service: str, shape_name: str, value: Json, path: str) -> Json:
    shape = load_service(service).shapes[shape_name]
    kind = shape["type"]
    if kind == "structure":
        return value if shape.get("document") else _structure(service, shape_name, value, path)
    if kind == "list":
        return _list(service, shape["member"]["shape"], value, path)
    if kind == "map":
        return _map(service, shape, value, path)
    if kind == "string":
        return text_of(value)
    if kind in ("integer", "long"):
        return _whole(value, path)
    if kind in ("float", "double"):
        return _number(value, path)
    if kind == "boolean":
        return _boolean(value, path)
    if kind == "timestamp":
        return _moment(value, path)
    if kind == "blob":
        return value if isinstance(value, bytes) else text_of(value).encode()
    return value


def _list(service: str, member: str, value: Json, path: str) -> list[Json]:
    if isinstance(value, Mapping) and load_service(service).shapes[member]["type"] == "structure":
        pairs = cast(Mapping[str, Any], value)
        names = [name for name, _ in _members(service, member).values()]
        key = next((name for name in names if name.lower() in ("key", "tagkey")), None)
        text = next((name for name in names if name.lower() in ("value", "tagvalue")), None)
        if key is None or text is None:
            raise wrong_type(path, "JSONArray", value)
        return [{key: name, text: text_of(item)} for name, item in pairs.items()]
    if not isinstance(value, list):
        raise wrong_type(path, "JSONArray", value)
    items = cast(list[Any], value)
    tags = {"Key": "TagKey", "Value": "TagValue"}  # KMS names the members of a tag so
    names = _members(service, member) if load_service(service).shapes[member]["type"] == "structure" else {}
    if "TagKey" in names:
        items = [_renamed(item, tags) for item in items]
    return [_value(service, member, item, f"{path}/{index}") for index, item in enumerate(items)]


def _renamed(item: Json, names: Mapping[str, str]) -> Json:
    if not isinstance(item, Mapping):
        return item
    return {names.get(name, name): value for name, value in cast(Mapping[str, Any], item).items()}


def _map(service: str, shape: Mapping[str, Any], value: Json, path: str) -> dict[str, Json]:
    if isinstance(value, list):  # tags
        value = tag_map(cast(list[Any], value), path)
    if not isinstance(value, Mapping):
        raise wrong_type(path, "JSONObject", value)
    member = shape["value"]["shape"]
    pairs = cast(Mapping[Any, Any], value)
    return {str(key): _value(service, member, item, f"{path}/{key}") for key, item in pairs.items() if item is not None}


def _whole(value: Json, path: str) -> int:
    if isinstance(value, bool):
        raise wrong_type(path, "Integer", value)
    try:
        number = float(value) if isinstance(value, (int, float)) else None
        if isinstance(value, str):
            return int(value.strip())
        if number is not None and number.is_integer():
            return int(value)
    except (ValueError, OverflowError):
        pass
    raise wrong_type(path, "Integer", value)


def _number(value: Json, path: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    try:
        if isinstance(value, str):
            return float(value)
    except ValueError:
        pass
    raise wrong_type(path, "Number", value)


def _moment(value: Json, path: str) -> Json:
    """ISO 8601 texts as epoch seconds; without an offset they are UTC."""
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        raise ResourceFailed(
            f"Properties validation failed with message:\n{path}: [{value}] is not a valid date-time"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _boolean(value: Json, path: str) -> bool:
    if isinstance(value, bool):
        return value
    if value in _TRUE:
        return True
    if value in _FALSE:
        return False
    raise wrong_type(path, "Boolean", value)
