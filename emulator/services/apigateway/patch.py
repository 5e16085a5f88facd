"""Patch operations: a table per entity says which paths exist and what may be done to them.

Decides AWS's errors for wrong operations and paths (JSON Pointer escapes included); knows no entity itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from emulator.services.apigateway.model import bad_request, not_found

Convert = Callable[[str], Any]


def text(value: str) -> str:
    """A string member."""
    return value


def flag(value: str) -> bool:
    """AWS reads anything but `true` as false [R:test_update_method_validation wrong-value-type]."""
    return value.lower() == "true"


def whole(value: str) -> int:
    """An integer member."""
    try:
        return int(value)
    except ValueError:
        raise bad_request(f"Invalid value specified: {value}") from None


@dataclass(frozen=True, slots=True)
class Scalar:
    """One member behind one path."""

    member: str
    convert: Convert = text
    operations: tuple[str, ...] = ("replace",)


@dataclass(frozen=True, slots=True)
class Keyed:
    """A map behind a path prefix: `/prefix/{key}`."""

    member: str
    convert: Convert = text
    missing: str = "Invalid parameter name specified"


@dataclass(frozen=True, slots=True)
class Listed:
    """A list of strings behind a path prefix: `/prefix/{value}`; `whole` ones by `/prefix` and the value, too."""

    member: str
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Patchable:
    """What can be patched on an entity. `strict` entities answer with the longer of AWS's two styles of errors."""

    scalars: Mapping[str, Scalar] = field(default_factory=dict)
    keyed: Mapping[str, Keyed] = field(default_factory=dict)
    listed: Mapping[str, Listed] = field(default_factory=dict)
    strict: bool = False


def unescape(pointer: str) -> str:
    """A JSON Pointer token as the name it stands for."""
    return pointer.replace("~1", "/").replace("~0", "~")


def apply(entity: dict[str, Any], operations: Sequence[Mapping[str, str]], table: Patchable) -> dict[str, Any]:
    """A patched copy of `entity`. Raises AWS's error at the first operation that cannot be done."""
    patched = dict(entity)
    for operation in operations:
        op, path, value = operation.get("op", "replace"), operation.get("path"), operation.get("value")
        if op not in ("add", "remove", "replace"):
            raise bad_request("Invalid patch operation specified. Must be 'add'|'remove'|'replace'")
        _apply_one(patched, op, path, value, table)
    return patched


def _apply_one(entity: dict[str, Any], op: str, path: str | None, value: str | None, table: Patchable) -> None:
    if path is None:
        raise bad_request("Invalid patch path null")
    scalar = table.scalars.get(path)
    if scalar is not None:
        _scalar(entity, scalar, op, path, value, table)
        return
    prefix, _, rest = path[1:].partition("/")
    whole_list = table.listed.get(prefix) if path.startswith("/") and not rest else None
    if whole_list is not None and whole_list.whole:
        if op not in ("add", "remove") or not value:
            raise bad_request("Invalid patch operation specified. Must be one of: [add, remove]")
        _listed(entity, whole_list, op, value, None)
        return
    if path.startswith("/") and rest and "/" not in rest:
        key = unescape(rest)
        if prefix in table.keyed:
            _keyed(entity, table.keyed[prefix], op, key, value)
            return
        if prefix in table.listed:
            _listed(entity, table.listed[prefix], op, key, value)
            return
    if not table.strict:
        raise bad_request(f"Invalid patch path {path}")
    if op != "replace":
        raise bad_request(f"Invalid patch path  '{path}' specified for op '{op}'. Please choose supported operations")
    raise bad_request(
        f"Invalid patch path  '{path}' specified for op '{op}'. Must be one of: [{', '.join(table.scalars)}]"
    )


def _scalar(entity: dict[str, Any], scalar: Scalar, op: str, path: str, value: str | None, table: Patchable) -> None:
    if op not in scalar.operations:
        if table.strict:
            raise bad_request(
                f"Invalid patch path  '{path}' specified for op '{op}'. Please choose supported operations"
            )
        raise bad_request(f"Invalid patch operation specified. Must be one of: [{', '.join(scalar.operations)}]")
    if op == "remove" or (value in (None, "") and scalar.convert is text):
        entity.pop(scalar.member, None)
    else:
        entity[scalar.member] = scalar.convert(value or "")


def _keyed(entity: dict[str, Any], keyed: Keyed, op: str, key: str, value: str | None) -> None:
    members = dict(entity.get(keyed.member) or {})
    if op == "remove":
        if key not in members:
            raise not_found(keyed.missing)
        del members[key]
    elif op == "replace" and key not in members:
        raise not_found(keyed.missing)
    else:
        members[key] = keyed.convert(value or "")
    if members:
        entity[keyed.member] = members
    else:
        entity.pop(keyed.member, None)


def _listed(entity: dict[str, Any], listed: Listed, op: str, key: str, value: str | None) -> None:
    values = list(entity.get(listed.member) or [])
    if op == "add":
        if key not in values:
            values.append(key)
    elif key not in values:
        raise not_found(f"Invalid value specified: {key}")
    else:
        values.remove(key)
        if op == "replace" and value:
            values.append(unescape(value))
    if values:
        entity[listed.member] = values
    else:
        entity.pop(listed.member, None)
