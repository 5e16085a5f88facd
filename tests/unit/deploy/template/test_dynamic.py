"""Dynamic references: which there are, what stands in their places, and where they are not allowed."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.deploy.template import TemplateError
from emulator.deploy.template.dynamic import DynamicReference, dynamic_references, substituted

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:db-AbCdEf"


def only(text: str, kind: str = "AWS::SQS::Queue", name: str = "P") -> DynamicReference:
    [found] = dynamic_references({name: [text]}, kind)
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ssm:/a/b", ("ssm", "/a/b", None, None, None)),
        ("ssm:a.b_c-d:12", ("ssm", "a.b_c-d", "12", None, None)),
        ("secretsmanager:db", ("secretsmanager", "db", None, None, None)),
        ("secretsmanager:db:SecretString", ("secretsmanager", "db", None, None, None)),
        ("secretsmanager:db:SecretString:password", ("secretsmanager", "db", None, None, "password")),
        (
            "secretsmanager:db:SecretString:password:AWSPREVIOUS",
            ("secretsmanager", "db", None, "AWSPREVIOUS", "password"),
        ),
        ("secretsmanager:db:SecretString:password::v1", ("secretsmanager", "db", "v1", None, "password")),
        (f"secretsmanager:{SECRET_ARN}:SecretString:user", ("secretsmanager", SECRET_ARN, None, None, "user")),
    ],
)
def test_references_say_what_to_fetch(text: str, expected: tuple[Any, ...]) -> None:
    found = only(f"x {{{{resolve:{text}}}}} y")
    assert (found.service, found.name, found.version, found.stage, found.key) == expected


def test_what_was_found_stands_in_their_places() -> None:
    value = {"A": "x{{resolve:ssm:a}}y{{resolve:ssm:b:1}}", "B": [1, "{{resolve:ssm:a}}"], "C": "{{resolve:nothing:a}}"}
    found = {item.text: item.name.upper() for item in dynamic_references(value, "AWS::SQS::Queue")}
    assert substituted(value, found) == {"A": "xAyB", "B": [1, "A"], "C": "{{resolve:nothing:a}}"}
    assert value["B"] == [1, "{{resolve:ssm:a}}"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{resolve:ssm:a b}}", "Incorrect format is used in the following SSM reference: [{{resolve:ssm:a b}}]"),
        ("{{resolve:ssm:a:x}}", "Incorrect format is used in the following SSM reference: [{{resolve:ssm:a:x}}]"),
        (
            "{{resolve:secretsmanager:a:Binary}}",
            "Incorrect format is used in the following SecretsManager reference: [{{resolve:secretsmanager:a:Binary}}]",
        ),
        (
            "{{resolve:ssm-secure:a:1}}",
            "SSM Secure reference is not supported in: [AWS::Lambda::Function/Properties/Environment/Variables/A]",
        ),
    ],
)
def test_references_that_cannot_be_are_refused(text: str, message: str) -> None:
    with pytest.raises(TemplateError) as caught:
        list(dynamic_references({"Environment": {"Variables": {"A": text}}}, "AWS::Lambda::Function"))
    assert caught.value.message == message


def test_secure_parameters_are_allowed_where_passwords_stand() -> None:
    assert only("{{resolve:ssm-secure:p:2}}", "AWS::RDS::DBInstance", "MasterUserPassword").version == "2"


def test_keys_of_secrets_are_looked_up_in_their_json() -> None:
    reference = only("{{resolve:secretsmanager:db:SecretString:password}}")
    assert reference.chosen('{"password": "p", "port": 1}') == "p"
    assert only("{{resolve:secretsmanager:db:SecretString:port}}").chosen('{"port": 1}') == "1"
    assert only("{{resolve:secretsmanager:db}}").chosen("plain") == "plain"
    with pytest.raises(TemplateError, match="Could not parse SecretString JSON"):
        reference.chosen("plain")
    with pytest.raises(TemplateError, match="Could not find a value associated with JSONKey in SecretString"):
        reference.chosen("{}")
