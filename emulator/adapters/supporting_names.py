"""Names that AWS refuses and the library behind the delegated services would take.

Only those that AWS has been recorded to refuse; everything else is the library's to judge.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from emulator.ports import DelegatedRequest


class _Name(NamedTuple):
    """A member of a service's requests that names something."""

    member: str
    pattern: re.Pattern[str]
    operation: str | None = None
    """The only operation whose names are checked."""
    text: str | None = None
    """What AWS says instead of naming the pattern."""


_NAMES = {
    "dynamodb": _Name("TableName", re.compile(r"[a-zA-Z0-9_.-]+")),
    "secretsmanager": _Name(
        "Name",
        re.compile(r"[A-Za-z0-9/_+=.@!-]+"),
        "CreateSecret",
        "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!",
    ),
}


def refused_name(service: str, request: DelegatedRequest) -> str | None:
    """What AWS says of a name that it does not allow [R:test_put_item_invalid_table_name, test_invalid_secret_name]."""
    name = _NAMES.get(service)
    operation = request.header("x-amz-target").rpartition(".")[2]
    if name is None or not operation or operation != (name.operation or operation):
        return None
    try:
        parameters = json.loads(request.body)
    except (ValueError, RecursionError):
        return None
    value = parameters.get(name.member) if isinstance(parameters, dict) else None
    if not isinstance(value, str) or value.startswith("arn:") or name.pattern.fullmatch(value):
        return None
    if name.text is not None:
        return name.text
    member = name.member[0].lower() + name.member[1:]
    rule = f"Member must satisfy regular expression pattern: {name.pattern.pattern}"
    return f"1 validation error detected: Value '{value}' at '{member}' failed to satisfy constraint: {rule}"
