"""Whether a policy lets somebody do something: resource policies, and the answers of Lambda authorizers. Pure.

Decides by IAM's rules: an explicit deny wins, then an allow, else it is denied. Knows no request: what conditions may
ask of one is given as values by key, such as `aws:SourceIp`.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Literal

Verdict = Literal["allow", "deny", "explicit deny"]
Facts = Mapping[str, str]
"""What is known of a request, by condition key in lower case."""


class MalformedPolicy(Exception):
    """It is not a policy document; the text says why."""


# ── evaluation ──


def evaluate(
    document: Any, resource: str, action: str, facts: Facts, account: str | None = None, service: str | None = None
) -> Verdict:
    """What the document says of `action` on `resource`.

    The caller is an `account`, if it signed the request, or a `service` of AWS such as `s3.amazonaws.com`.

    A statement without a principal (an authorizer's) is about every caller. Raises MalformedPolicy.
    """
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
        if not _is_about(statement, account, service) or not _holds(statement.get("Condition"), facts):
            continue
        if statement["Effect"] == "Deny":
            return "explicit deny"
        verdict = "allow"
    return verdict


def _applies(statement: dict[str, Any], member: str, subject: str, fold: bool) -> bool:
    for name, wanted in ((member, True), ("Not" + member, False)):
        if name in statement:
            patterns = _texts(statement[name], name)
            found = any(covers(pattern.lower() if fold else pattern, subject) for pattern in patterns)
            return found is wanted
    raise MalformedPolicy(f"a statement has no {member}")


def _texts(value: Any, name: str) -> list[str]:
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in values):
        raise MalformedPolicy(f"{name} is no text")
    return values


def _is_about(statement: dict[str, Any], account: str | None, service: str | None) -> bool:
    for name, wanted in (("Principal", True), ("NotPrincipal", False)):
        if name in statement:
            return _names(statement[name], account, service) is wanted
    return True


def _names(principal: Any, account: str | None, service: str | None) -> bool:
    """Whether a principal is everybody, the calling service, or the caller's account or one of its identities."""
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        raise MalformedPolicy("a principal is neither * nor an object")
    for kind, value in principal.items():
        for item in _texts(value, "Principal"):
            if kind == "AWS" and (item == "*" or (account is not None and account in (item, *item.split(":")[4:5]))):
                return True
            if kind == "Service" and item == service:
                return True
    return False


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


# ── conditions ──


def _holds(condition: Any, facts: Facts) -> bool:
    if not condition:
        return True
    if not isinstance(condition, dict):
        raise MalformedPolicy("a condition is no object")
    return all(condition_holds(name, block, facts) for name, block in condition.items())


def condition_holds(name: str, block: Any, facts: Facts) -> bool:
    """All keys of one operator's block. A fact that is missing satisfies `…IfExists`, `Null` and what is negated."""
    plain = name.rpartition(":")[2]  # a set operator asks of the one value a key has here the same as without it
    base = plain.removesuffix("IfExists")
    if base not in _OPERATORS or not isinstance(block, dict):
        raise MalformedPolicy(f"unknown condition operator {name}")
    test, negated = _OPERATORS[base]
    for key, wanted in block.items():
        values = [str(item) if not isinstance(item, bool) else str(item).lower() for item in listed(wanted)]
        fact = facts.get(key.lower())
        if base == "Null":
            passed = any((value.lower() == "true") is (fact is None) for value in values)
        elif fact is None:
            passed = negated or plain != base
        else:
            passed = any(test(fact, value) for value in values) is not negated
        if not passed:
            return False
    return True


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _in_network(fact: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(fact) in ipaddress.ip_network(wanted, strict=False)
    except ValueError:
        return False


def _number(text: str) -> float:
    """A number or a date as one, so that both compare alike; what is neither compares with nothing."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return float("nan")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


_Test = Callable[[str, str], bool]
_OPERATORS: dict[str, tuple[_Test, bool]] = {
    "StringEquals": (lambda fact, wanted: fact == wanted, False),
    "StringNotEquals": (lambda fact, wanted: fact == wanted, True),
    "StringEqualsIgnoreCase": (lambda fact, wanted: fact.lower() == wanted.lower(), False),
    "StringNotEqualsIgnoreCase": (lambda fact, wanted: fact.lower() == wanted.lower(), True),
    "StringLike": (lambda fact, wanted: covers(wanted, fact), False),
    "StringNotLike": (lambda fact, wanted: covers(wanted, fact), True),
    "ArnEquals": (lambda fact, wanted: covers(wanted, fact), False),
    "ArnLike": (lambda fact, wanted: covers(wanted, fact), False),
    "ArnNotEquals": (lambda fact, wanted: covers(wanted, fact), True),
    "ArnNotLike": (lambda fact, wanted: covers(wanted, fact), True),
    "IpAddress": (_in_network, False),
    "NotIpAddress": (_in_network, True),
    "Bool": (lambda fact, wanted: fact.lower() == wanted.lower(), False),
    "Null": (lambda fact, wanted: False, False),
    **{
        kind + name: (test, negated)
        for kind in ("Numeric", "Date")
        for name, test, negated in (
            ("Equals", lambda fact, wanted: _number(fact) == _number(wanted), False),
            ("NotEquals", lambda fact, wanted: _number(fact) == _number(wanted), True),
            ("LessThan", lambda fact, wanted: _number(fact) < _number(wanted), False),
            ("LessThanEquals", lambda fact, wanted: _number(fact) <= _number(wanted), False),
            ("GreaterThan", lambda fact, wanted: _number(fact) > _number(wanted), False),
            ("GreaterThanEquals", lambda fact, wanted: _number(fact) >= _number(wanted), False),
        )
    },
}
"""Operator → (test of a fact and a wanted value, whether it is negated)."""
