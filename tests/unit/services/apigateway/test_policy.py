"""What a policy allows: IAM's rules for the statements of a Lambda authorizer."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.services.apigateway.gateway.policy import MalformedPolicy, covers, evaluate

ARN = "arn:aws:execute-api:us-east-1:000000000000:abc/dev/GET/pets/1"


def statement(effect: str = "Allow", **members: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": "*", **members}


@pytest.mark.parametrize(
    ("statements", "verdict"),
    [
        ([], "deny"),
        (statement(), "allow"),
        ([statement(), statement("Deny")], "explicit deny"),
        (statement(Resource=ARN), "allow"),
        (statement(Resource=[ARN + "0", ARN[:-1] + "?"]), "allow"),
        (statement(Resource="arn:aws:execute-api:*:*:abc/dev/POST/*"), "deny"),
        (statement(Action="EXECUTE-API:invoke"), "allow"),
        (statement(Action=["execute-api:*"]), "allow"),
        (statement(Action="s3:*"), "deny"),
        ({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}, "allow"),
        ({"Effect": "Deny", "Action": "*", "NotResource": ARN}, "deny"),
    ],
)
def test_statements_decide(statements: Any, verdict: str) -> None:
    assert evaluate({"Statement": statements}, ARN) == verdict


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"Statement": "x"}, {"Statement": {"Effect": "Maybe"}}, {"Statement": statement(Resource=1)}],
)
def test_what_is_no_policy_is_said_to_be_none(document: Any) -> None:
    with pytest.raises(MalformedPolicy):
        evaluate(document, ARN)


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_match_as_regular_expressions_would(pattern: str, subject: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(char, char) for char in pattern)
    assert covers(pattern, subject) == bool(re.fullmatch(expression, subject))


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not covers("*a" * 200 + "b", "a" * 2000)
