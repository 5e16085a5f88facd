"""Stack policies: which resources an update may change, replace or delete. Pure.

[P] "Prevent updates to stack resources": once there is a policy all is denied that no statement allows; a Deny wins
over every Allow. They count in updates only, not when a stack is deleted or rolls back. The sentences are unverified.
"""

from __future__ import annotations

import json
import re
from typing import Any, cast

from emulator.services.cloudformation.model import validation_error

ACTION_OF_VERB = {"update": "Update:Modify", "replace": "Update:Replace", "delete": "Update:Delete"}
_MEMBERS = {"Effect", "Action", "NotAction", "Principal", "Resource", "NotResource", "Condition", "Sid"}
_OPERATORS = {"StringEquals": False, "StringLike": True}
"""Whether wildcards count."""


def check(text: str) -> None:
    """Refuse what is no stack policy."""
    try:
        document: Any = json.loads(text)
        valid = all(_is_statement(item) for item in _statements(document))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        valid = False
    if not valid:
        raise validation_error("Error validating stack policy: Invalid stack policy")


def denial(text: str | None, verb: str, logical_id: str, type_name: str) -> str | None:
    """Why a policy does not let an update do something to a resource, or None if it does."""
    if not text:
        return None
    action, resource = ACTION_OF_VERB[verb], f"LogicalResourceId/{logical_id}"
    allowed = False
    for number, statement in enumerate(_statements(json.loads(text)), start=1):
        if not _applies(statement, action, resource, type_name):
            continue
        if statement["Effect"] == "Deny":
            what = f"Statement [#{number}] does not allow [{action}] for resource [{resource}]"
            return f"Action denied by stack policy: {what}"
        allowed = True
    return None if allowed else f"Action not allowed by stack policy: [{action}] for resource [{resource}]"


def _statements(document: Any) -> list[dict[str, Any]]:
    found = document["Statement"]
    return cast(list[dict[str, Any]], found if isinstance(found, list) else [found])


def _is_statement(item: dict[str, Any]) -> bool:
    actions = _texts(item.get("Action", item.get("NotAction")))
    conditions: dict[str, Any] = item.get("Condition") or {}
    return (
        set(item) <= _MEMBERS
        and item["Effect"] in ("Allow", "Deny")
        and item.get("Principal") in ("*", {"AWS": "*"})
        and bool(actions)
        and all(re.fullmatch(r"\*|Update:(\*|Modify|Replace|Delete)", action) for action in actions)
        and bool(_texts(item.get("Resource", item.get("NotResource"))))
        and set(conditions) <= set(_OPERATORS)
        and all(set(test) <= {"ResourceType"} for test in conditions.values())
    )


def _applies(statement: dict[str, Any], action: str, resource: str, type_name: str) -> bool:
    for member, value in (("Action", action), ("Resource", resource)):
        opposite = f"Not{member}"
        if member in statement and not _matches(_texts(statement[member]), value):
            return False
        if opposite in statement and _matches(_texts(statement[opposite]), value):
            return False
    conditions: dict[str, dict[str, Any]] = statement.get("Condition") or {}
    for name, test in conditions.items():
        types = _texts(test.get("ResourceType"))
        if not (_matches(types, type_name) if _OPERATORS[name] else type_name in types):
            return False
    return True


def _texts(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


def _matches(patterns: list[str], value: str) -> bool:
    return any(re.fullmatch(re.escape(item).replace(r"\*", ".*").replace(r"\?", "."), value) for item in patterns)
