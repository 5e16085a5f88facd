"""What a policy allows: IAM's rules for the statements of a Lambda authorizer."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.aws.errors import AwsError
from emulator.services.apigateway.policy import MalformedPolicy, checked, covers, evaluate, shown

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
    assert evaluate({"Statement": statements}, ARN, {}) == verdict


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"Statement": "x"}, {"Statement": {"Effect": "Maybe"}}, {"Statement": statement(Resource=1)}],
)
def test_what_is_no_policy_is_said_to_be_none(document: Any) -> None:
    with pytest.raises(MalformedPolicy):
        evaluate(document, ARN, {})


@given(st.text("ab*?", max_size=8), st.text("ab", max_size=8))
def test_patterns_match_as_regular_expressions_would(pattern: str, subject: str) -> None:
    expression = "".join({"*": ".*", "?": "."}.get(char, char) for char in pattern)
    assert covers(pattern, subject) == bool(re.fullmatch(expression, subject))


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not covers("*a" * 200 + "b", "a" * 2000)


def fact(operator: str, key: str, value: Any) -> dict[str, Any]:
    return statement(Principal="*", Condition={operator: {key: value}})


@pytest.mark.parametrize(
    ("operator", "key", "value", "held"),
    [
        ("IpAddress", "aws:SourceIp", "127.0.0.0/8", True),
        ("IpAddress", "aws:SourceIp", ["10.0.0.0/8", "127.0.0.1"], True),
        ("IpAddress", "aws:sourceip", "10.0.0.0/8", False),
        ("IpAddress", "aws:SourceIp", "nonsense", False),
        ("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "127.0.0.1/32"], False),
        ("NotIpAddress", "aws:SourceIp", "::1", True),
        ("StringEquals", "aws:UserAgent", "curl", True),
        ("StringNotEquals", "aws:UserAgent", "curl", False),
        ("StringEqualsIgnoreCase", "aws:UserAgent", "CURL", True),
        ("StringLike", "aws:UserAgent", "c*", True),
        ("StringNotLike", "aws:UserAgent", "c*", False),
        ("StringEquals", "aws:SourceVpce", "vpce-1", False),
        ("StringEqualsIfExists", "aws:SourceVpce", "vpce-1", True),
        ("StringNotEquals", "aws:SourceVpce", "vpce-1", True),
        ("Null", "aws:SourceVpce", "true", True),
        ("Null", "aws:SourceIp", True, False),
        ("Bool", "aws:SecureTransport", False, True),
        ("Bool", "aws:SecureTransport", "true", False),
        ("NumericLessThan", "aws:EpochTime", 1000, True),
        ("NumericGreaterThanEquals", "aws:EpochTime", "1000", False),
        ("DateGreaterThan", "aws:CurrentTime", "2020-01-01T00:00:00Z", True),
        ("DateLessThan", "aws:CurrentTime", "2020-01-01", False),
        ("DateLessThan", "aws:CurrentTime", "never", False),
        ("ForAnyValue:StringLike", "aws:UserAgent", ["wget*", "cur?"], True),
    ],
)
def test_conditions_ask_of_the_request(operator: str, key: str, value: Any, held: bool) -> None:
    facts = {
        "aws:sourceip": "127.0.0.1",
        "aws:useragent": "curl",
        "aws:securetransport": "false",
        "aws:epochtime": "999",
        "aws:currenttime": "2026-01-01T00:00:00+00:00",
    }
    expected = "allow" if held else "deny"
    assert evaluate({"Statement": fact(operator, key, value)}, ARN, facts=facts) == expected


@pytest.mark.parametrize(
    ("principal", "account", "meant"),
    [
        ("*", None, True),
        ({"AWS": "*"}, None, True),
        ({"AWS": ["000000000000"]}, "000000000000", True),
        ({"AWS": "arn:aws:iam::000000000000:root"}, "000000000000", True),
        ({"AWS": "arn:aws:iam::000000000000:root"}, None, False),
        ({"AWS": "111111111111"}, "000000000000", False),
        ({"Service": "lambda.amazonaws.com"}, "000000000000", False),
    ],
)
def test_principals_are_everybody_or_an_account(principal: Any, account: str | None, meant: bool) -> None:
    document = {"Statement": statement(Principal=principal)}
    assert evaluate(document, ARN, {}, account=account) == ("allow" if meant else "deny")
    inverted = {"Statement": statement(NotPrincipal=principal)}
    assert evaluate(inverted, ARN, {}, account=account) == ("deny" if meant else "allow")


def test_a_policy_is_kept_compact_with_whole_arns() -> None:
    text = '{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "execute-api:Invoke",'
    kept = checked(text + '"Resource": ["execute-api:/dev/*", "*"]}]}', "arn:aws:execute-api:r:a:api")
    assert '"Resource":["arn:aws:execute-api:r:a:api/dev/*","*"]' in kept
    assert shown('{"a":"b"}') == '{\\"a\\":\\"b\\"}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"Statement": []',
        json.dumps({"Statement": statement()}),
        json.dumps({"Statement": statement(Principal=7)}),
        json.dumps({"Statement": statement(Principal="*", Resource=7)}),
        json.dumps({"Statement": fact("Shrug", "aws:SourceIp", "x")}),
        json.dumps({"Statement": statement(Principal="*", Condition=[])}).replace("[]", "[1]"),
        "[" * 100_000,
    ],
)
def test_what_is_no_resource_policy_gets_awss_text(text: str) -> None:
    with pytest.raises(AwsError, match="Invalid policy document\\. Please check the policy syntax"):
        checked(text, "arn")
