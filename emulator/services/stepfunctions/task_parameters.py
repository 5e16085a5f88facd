"""Parameters and results of service operations: as the states language writes them, and as boto3 does.

Decides capitals, types and the words for parameters that cannot be used; which operation is called is
integrations.py's.
"""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from typing import Any

from .asl import timestamps
from .asl.data import Json, dumps

_WHOLE = ("integer", "long")
_NUMBERS = ("float", "double")


def pascal(name: str) -> str:
    """A name of botocore's models with the capital that the states language gives it."""
    return name[:1].upper() + name[1:]


def unsupported(name: str) -> str:
    """[R:test_send_message_attribute_…]"""
    return f"The field '{name}' is not supported by Step Functions"


def missing(name: str) -> str:
    """A required parameter is not there."""
    return f"The field '{name}' is required but was missing"


def invalid(name: str) -> str:
    """A parameter of the wrong type [R:test_invoke_with_headers]."""
    return f"The value of the field '{name}' has an invalid format"


def to_boto3(shape: Any, value: Json, problems: list[str], where: str = "Parameters") -> Any:
    """PascalCase parameters as boto3's; what cannot be used is added to `problems`. A null is no parameter.

    A string that is given an object or a list gets its JSON [R:implicit_json_serialisation].
    """
    if shape is None:
        return {}
    kind: str = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False):
            return value
        if not isinstance(value, dict):
            problems.append(invalid(where))
            return {}
        names = {pascal(name): name for name in shape.members}
        problems += [unsupported(key) for key in value if key not in names]
        return {
            names[key]: to_boto3(shape.members[names[key]], item, problems, key)
            for key, item in value.items()
            if item is not None and key in names
        }
    if kind == "list" and isinstance(value, list):
        return [to_boto3(shape.member, item, problems, where) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: to_boto3(shape.value, item, problems, where) for key, item in value.items()}
    if kind == "blob":
        return (value if isinstance(value, str) else dumps(value)).encode("utf-8", "replace")
    if kind == "string" and isinstance(value, (dict, list)):
        return dumps(value)
    if kind == "timestamp":
        at = timestamps.parse(value) if isinstance(value, str) else None
        try:
            return datetime.fromtimestamp(at, UTC) if at is not None else problems.append(invalid(where))
        except (ValueError, OverflowError, OSError):
            return problems.append(invalid(where))
    if not _fits(kind, value):
        problems.append(invalid(where))
        return None
    return value


def _fits(kind: str, value: Json) -> bool:
    if kind == "boolean" or isinstance(value, bool):
        return kind == "boolean" and isinstance(value, bool)
    if kind in _WHOLE:
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if kind in _NUMBERS:
        return isinstance(value, (int, float))
    return kind == "string" and isinstance(value, str)


def from_boto3(shape: Any, value: Any) -> Json:
    """A result in boto3's shape as the Java SDK shows it: PascalCase, ISO timestamps."""
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return timestamps.render(value.timestamp())
    if shape is None:
        return json.loads(dumps(value)) if isinstance(value, (dict, list)) else value
    kind: str = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        members = shape.members
        return {
            pascal(key): from_boto3(members[key], item)
            for key, item in value.items()
            if item is not None and key in members
        }
    if kind == "list" and isinstance(value, list):
        return [from_boto3(shape.member, item) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: from_boto3(shape.value, item) for key, item in value.items()}
    if kind == "timestamp" and isinstance(value, (int, float)):
        return timestamps.render(value)
    return json.loads(dumps(value)) if isinstance(value, (dict, list)) else value
