"""Judging what a caller of TestState makes up: the result of an operation against its model, and the context object.

Decides AWS's sentences (reference 5.12). STRICT also misses required fields; fields that the model does not know are
nobody's business.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError

from .asl.data import Json

STRICT, PRESENT, NONE = "STRICT", "PRESENT", "NONE"
_NUMBERS = ("integer", "long", "float", "double")
_CONTEXT: dict[str, dict[str, type | tuple[type, ...]]] = {
    "Execution": {"Id": str, "Input": (dict, list, str, int, float, bool), "Name": str, "RoleArn": str,
                  "StartTime": str, "RedriveCount": int, "RedriveTime": str},
    "StateMachine": {"Id": str, "Name": str},
    "State": {"Name": str, "EnteredTime": str, "RetryCount": int},
    "Task": {"Token": str},
}  # fmt: skip
"""Fields of a context object that may be given, and their types."""


def check_result(shape: Any, value: Json, mode: str, anything: tuple[str, ...] = ()) -> None:
    """Raise what AWS says of a mocked result that the operation could not return.

    `shape` is botocore's, whose members the states language writes with capitals; `anything` names members that hold
    any JSON.
    """
    if mode != NONE and shape is not None:
        _check(shape, value, "", mode, anything)


def _check(shape: Any, value: Json, field: str, mode: str, anything: tuple[str, ...]) -> None:
    kind: str = shape.type_name
    if kind == "structure":
        _must(isinstance(value, dict), field, "must be an object")
        members = {name[:1].upper() + name[1:]: (name, member) for name, member in shape.members.items()}
        required: list[str] = shape.required_members
        for shown, (name, member) in members.items():
            if shown not in value:
                if mode == STRICT and name in required:
                    _refuse(f"Required field '{shown}' is missing")
            elif shown not in anything:
                _check(member, value[shown], shown, mode, anything)
    elif kind == "list":
        _must(isinstance(value, list), field, "must be an array")
        for item in value:
            _check(shape.member, item, field, mode, anything)
    elif kind == "map":
        _must(isinstance(value, dict), field, "must be an object")
        for item in value.values():
            _check(shape.value, item, field, mode, anything)
    elif kind in _NUMBERS:
        _must(isinstance(value, (int, float)) and not isinstance(value, bool), field, "must be a number")
        bounds = shape.metadata
        _must("min" not in bounds or value >= bounds["min"], field, "is less than the minimum value")
        _must("max" not in bounds or value <= bounds["max"], field, "exceeds the maximum value")
    elif kind == "boolean":
        _must(isinstance(value, bool), field, "must be a boolean")
    else:
        _must(isinstance(value, str), field, "must be a string")
        bounds = shape.metadata
        _must("enum" not in bounds or value in bounds["enum"], field, "is not an expected value")
        _must("min" not in bounds or len(value) >= bounds["min"], field, "is smaller than the minimum length")
        _must("max" not in bounds or len(value) <= bounds["max"], field, "is larger than the maximum length")


def _must(holds: bool, field: str, sentence: str) -> None:
    if not holds:
        _refuse(f"Field '{field}' {sentence}" if field else f"The result {sentence}")


def _refuse(sentence: str) -> None:
    raise AwsError("ValidationException", f"Mock result schema validation error: {sentence}")


def check_context(context: Json, waits: bool) -> None:
    """Raise what AWS says of a context object; `waits`: the state is a Task that waits for a token or an execution."""
    if not isinstance(context, dict):
        raise _bad_context("Context object must be a JSON object")
    if "Map" in context:
        raise _bad_context("'Map' field is not supported when mocking a Context object")
    for name, content in context.items():
        if name not in _CONTEXT:
            raise _bad_context(f"Field '{name}' is not allowed")
        if name == "Task" and not waits:
            text = "Context object contains 'Task' when state is not a Task state with a '.sync' or "
            raise _bad_context(text + "'.waitForTaskToken' service integration pattern")
        if not isinstance(content, dict):
            raise _bad_context(f"{name} must be an object")
        for field, value in content.items():
            wanted = _CONTEXT[name].get(field)
            if wanted is None:
                raise _bad_context(f"Field '{field}' is not allowed")
            if not isinstance(value, wanted):
                kind = "a string" if wanted is str else "a number" if wanted is int else "valid JSON"
                raise _bad_context(f"{name}.{field} must be {kind}")


def _bad_context(sentence: str) -> AwsError:
    return AwsError("ValidationException", f"Invalid Context object provided: {sentence}")
