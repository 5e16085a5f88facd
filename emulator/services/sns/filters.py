"""Filter policies: does a subscription want a message? Pure.

The language is emulator.aws.event_pattern's; SNS's own are the two scopes, what a message looks like to a policy, and
the limits (https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.aws.event_pattern import InvalidPattern, Leaf, Pattern, compile_pattern

MOST_COMBINATIONS = 150
MOST_NAMES = 5
LARGEST_POLICY_BYTES = 256 * 1024
ATTRIBUTES = "MessageAttributes"
BODY = "MessageBody"


def compile_policy(text: str, scope: str) -> Pattern | None:
    """The policy's pattern; None if it asks for nothing. Raises InvalidPattern with SNS's reason."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidPattern("failed to parse JSON.") from None
    if given in ({}, None):
        return None
    if len(text.encode("utf-8", "replace")) > LARGEST_POLICY_BYTES:
        raise InvalidPattern("Filter policy is too large")
    pattern = compile_pattern(text)
    if scope == ATTRIBUTES and _nested(pattern):
        raise InvalidPattern("Filter policy scope MessageAttributes does not support nested filter policy")
    names, combinations = _cost(pattern, 1)
    if names > MOST_NAMES:
        raise InvalidPattern("Filter policy can not have more than 5 keys")
    if combinations > MOST_COMBINATIONS:
        raise InvalidPattern("Filter policy is too complex")
    return pattern


def wants(pattern: Pattern, scope: str, message: str, attributes: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether the policy accepts a message."""
    if scope == BODY:
        try:
            return pattern.matches(body) if isinstance(body := json.loads(message), dict) else False
        except (ValueError, RecursionError):
            return False
    return pattern.matches({name: value for name, value in map(_seen, attributes.items()) if value is not None})


def _seen(item: tuple[str, Mapping[str, str]]) -> tuple[str, Any]:
    """An attribute as a policy sees it: String, Number and String.Array; others are invisible to it."""
    name, attribute = item
    kind, text = attribute["Type"], attribute["Value"]
    if kind == "String.Array":
        try:
            values = json.loads(text)
        except (ValueError, RecursionError):
            return name, None
        return name, values if isinstance(values, list) else [values]
    prefix = kind.partition(".")[0]
    if prefix == "Number":
        number = float(text)
        return name, int(number) if number.is_integer() else number
    return name, text if prefix == "String" else None


def _nested(pattern: Pattern) -> bool:
    if any(isinstance(field, Pattern) for field in pattern.fields.values()):
        return True
    return any(_nested(choice) for choices in pattern.alternatives for choice in choices)


def _cost(pattern: Pattern, depth: int) -> tuple[int, int]:
    """(names of leaves, value combinations): each leaf counts its values times its depth."""
    names, combinations = 0, 1
    for field in pattern.fields.values():
        if isinstance(field, Leaf):
            names += 1
            combinations *= max(1, len(field.matchers) + field.absent) * depth
        else:
            inner_names, inner = _cost(field, depth + 1)
            names, combinations = names + inner_names, combinations * inner
    for choices in pattern.alternatives:
        costs = [_cost(choice, depth) for choice in choices]
        names += max(cost[0] for cost in costs)
        combinations *= sum(cost[1] for cost in costs)
    return names, combinations
