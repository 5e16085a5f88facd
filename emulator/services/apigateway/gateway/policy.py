"""Whether a policy lets a caller invoke a method: what a Lambda authorizer's answer means (3.15). Pure."""

from __future__ import annotations

from typing import Any, Literal

Verdict = Literal["allow", "deny", "explicit deny"]

INVOKE = "execute-api:Invoke"


class MalformedPolicy(Exception):
    """It is not a policy document; the text says why."""


def evaluate(document: Any, resource: str, action: str = INVOKE) -> Verdict:
    """IAM's rule: an explicit deny wins, then an allow, else it is denied."""
    if not isinstance(document, dict):
        raise MalformedPolicy("the policy document is no object")
    statements = document.get("Statement")
    verdict: Verdict = "deny"
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise MalformedPolicy("a statement has no effect")
        if not _applies(statement, "Action", action.lower(), fold=True) or not _applies(
            statement, "Resource", resource, fold=False
        ):
            continue
        if statement.get("Condition"):
            raise NotImplementedError("Condition")
        if statement["Effect"] == "Deny":
            return "explicit deny"
        verdict = "allow"
    return verdict


def _applies(statement: dict[str, Any], member: str, subject: str, fold: bool) -> bool:
    for name, wanted in ((member, True), ("Not" + member, False)):
        if name in statement:
            patterns = statement[name] if isinstance(statement[name], list) else [statement[name]]
            if not all(isinstance(pattern, str) for pattern in patterns):
                raise MalformedPolicy(f"{name} is no text")
            found = any(covers(pattern.lower() if fold else pattern, subject) for pattern in patterns)
            return found is wanted
    raise MalformedPolicy(f"a statement has no {member}")


def covers(pattern: str, subject: str) -> bool:
    """Whether a pattern with `*` and `?` matches all of `subject`; at most their lengths multiplied in steps."""
    at, inside, star, mark = 0, 0, -1, 0
    while inside < len(subject):
        if at < len(pattern) and pattern[at] == "*":
            star, mark = at, inside
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", subject[inside]):
            at += 1
            inside += 1
        elif star >= 0:
            mark += 1
            at, inside = star + 1, mark
        else:
            return False
    return all(char == "*" for char in pattern[at:])
