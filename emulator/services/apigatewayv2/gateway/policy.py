"""The IAM policy that a Lambda authorizer returns: may this route be invoked? Pure."""

from __future__ import annotations

from typing import Any


def allows(policy: Any, arn: str) -> bool:
    """Whether some statement allows `execute-api:Invoke` of `arn` and none denies it.

    Conditions are not evaluated: a statement that has one never allows, and denies as if it held (unverified).
    """
    if not isinstance(policy, dict):
        return False
    statements: Any = policy.get("Statement")
    allowed = False
    for statement in _listed(statements):
        if not isinstance(statement, dict) or not _applies(statement, arn):
            continue
        if statement.get("Effect") == "Deny":
            return False
        if statement.get("Effect") == "Allow" and not statement.get("Condition"):
            allowed = True
    return allowed


def _applies(statement: dict[str, Any], arn: str) -> bool:
    actions = [item.lower() for item in _listed(statement.get("Action")) if isinstance(item, str)]
    if not any(matches(action, "execute-api:invoke") for action in actions):
        return False
    return any(matches(item, arn) for item in _listed(statement.get("Resource")) if isinstance(item, str))


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def matches(pattern: str, text: str) -> bool:
    """Whether the whole text matches a pattern with `*` and `?`; in time of pattern × text at worst."""
    at = here = 0
    star, resume = -1, 0
    while at < len(text):
        if here < len(pattern) and pattern[here] == "*":
            star, resume = here, at
            here += 1
        elif here < len(pattern) and pattern[here] in ("?", text[at]):
            at, here = at + 1, here + 1
        elif star >= 0:
            resume += 1
            at, here = resume, star + 1
        else:
            return False
    return all(character == "*" for character in pattern[here:])
