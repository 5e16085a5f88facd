"""Resource policies of functions, versions and aliases, through boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, create, error_of, without_metadata

STALE = (
    "PreconditionFailedException",
    412,
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetPolicy API to retrieve the latest Revision Id",
)


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    """A client of an emulator that has a function `f` with version 1 and alias `live` on it."""
    client = emulator.client("lambda")
    create(client, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    return client


def allow(client: Any, sid: str = "s3", **more: Any) -> dict[str, Any]:
    members: dict[str, Any] = {
        "FunctionName": "f",
        "StatementId": sid,
        "Action": "lambda:InvokeFunction",
        "Principal": "s3.amazonaws.com",
    }
    return client.add_permission(**{**members, **more})


def statements(client: Any, **names: Any) -> list[dict[str, Any]]:
    return json.loads(client.get_policy(FunctionName="f", **names)["Policy"])["Statement"]


def test_a_function_a_version_and_an_alias_have_policies_of_their_own(client: Any) -> None:
    answer = allow(client)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert json.loads(answer["Statement"]) == {
        "Sid": "s3",
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": "lambda:InvokeFunction",
        "Resource": ARN,
    }
    nothing = ("ResourceNotFoundException", 404, "The resource you requested does not exist.")
    for qualifier in ("1", "live", "$LATEST"):
        assert error_of(lambda qualifier=qualifier: client.get_policy(FunctionName="f", Qualifier=qualifier)) == nothing
    for qualifier in ("1", "live"):
        allow(client, Qualifier=qualifier)
        assert [item["Resource"] for item in statements(client, Qualifier=qualifier)] == [f"{ARN}:{qualifier}"]
    policy = json.loads(client.get_policy(FunctionName="f:live")["Policy"])
    assert (policy["Version"], policy["Id"]) == ("2012-10-17", "default")
    client.remove_permission(FunctionName="f", StatementId="s3")
    assert error_of(lambda: client.get_policy(FunctionName="f")) == nothing
    assert len(statements(client, Qualifier="live")) == 1
    client.delete_alias(FunctionName="f", Name="live")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert error_of(lambda: client.get_policy(FunctionName="f", Qualifier="live")) == nothing


def test_conditions_and_principals_are_written_as_aws_writes_them(client: Any) -> None:
    allow(client, "a", Principal="111122223333", SourceAccount="000000000000", SourceArn="arn:aws:s3:::b")
    allow(client, "b", Principal="*", FunctionUrlAuthType="NONE", Action="lambda:InvokeFunctionUrl")
    allow(client, "c", Principal="*", PrincipalOrgID="o-1234567890")
    allow(client, "d", Principal="alexa-appkit.amazon.com", EventSourceToken="token")
    by_account, by_url, by_organization, by_token = statements(client)
    assert by_account["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
    assert by_account["Condition"] == {
        "StringEquals": {"AWS:SourceAccount": "000000000000"},
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
    }
    assert (by_url["Principal"], by_url["Condition"]) == (
        "*",
        {"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
    )
    assert by_organization["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-1234567890"}}
    assert by_token["Condition"] == {"StringEquals": {"lambda:EventSourceToken": "token"}}


def test_statements_are_refused_in_aws_words(client: Any) -> None:
    allow(client)
    assert error_of(lambda: allow(client)) == (
        "ResourceConflictException",
        409,
        "The statement id (s3) provided already exists. Please provide a new statement id, "
        "or remove the existing statement.",
    )
    assert error_of(lambda: allow(client, "x", Qualifier="$LATEST")) == (
        "InvalidParameterValueException",
        400,
        "We currently do not support adding policies for $LATEST.",
    )
    for principal in ("nobody", "invalid.nonaws.com", "s3.amazonaws.com.evil.org", "12345678901"):
        assert error_of(lambda principal=principal: allow(client, "x", Principal=principal)) == (
            "InvalidParameterValueException",
            400,
            "The provided principal was invalid. Please check the principal and try again.",
        )
    assert error_of(lambda: allow(client, "x", FunctionUrlAuthType="NONE"))[2] == (
        "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"
    )
    assert error_of(lambda: allow(client, "x", Qualifier="9"))[2] == f"Function not found: {ARN}:9"
    assert error_of(lambda: allow(client, "x", Qualifier="no"))[2] == f"Cannot find alias arn: {ARN}:no"
    assert error_of(lambda: allow(client, "x", FunctionName="no"))[2] == f"Function not found: {ARN[:-1]}no"
    assert error_of(lambda: allow(client, "x", Action="s3:GetObject"))[0] == "ValidationException"
    assert error_of(lambda: client.remove_permission(FunctionName="f", StatementId="no"))[2] == (
        "Statement no is not found in resource policy."
    )
    assert error_of(lambda: client.remove_permission(FunctionName="f:1", StatementId="s3"))[2] == (
        "No policy is associated with the given resource."
    )


def revision(client: Any) -> str:
    return client.get_function_configuration(FunctionName="f")["RevisionId"]


def test_a_change_can_insist_on_a_revision(client: Any) -> None:
    assert error_of(lambda: allow(client, RevisionId="wrong")) == STALE
    first = revision(client)
    allow(client, RevisionId=first)
    second = client.get_policy(FunctionName="f")["RevisionId"]
    assert first != second == revision(client), "a function and its policy share their revision"
    assert error_of(lambda: allow(client, "second", RevisionId=first)) == STALE
    assert error_of(lambda: client.remove_permission(FunctionName="f", StatementId="s3", RevisionId=first)) == STALE
    client.remove_permission(FunctionName="f", StatementId="s3", RevisionId=second)
    assert revision(client) != second


def test_policies_of_versions_and_aliases_have_the_revisions_of_those(client: Any) -> None:
    before = revision(client)
    for qualifier, read in (
        ("1", lambda: client.get_function_configuration(FunctionName="f:1")),
        ("live", lambda: client.get_alias(FunctionName="f", Name="live")),
    ):
        first = read()["RevisionId"]
        allow(client, Qualifier=qualifier, RevisionId=first)
        assert first != read()["RevisionId"] == client.get_policy(FunctionName="f", Qualifier=qualifier)["RevisionId"]
    assert revision(client) == before


def test_a_policy_has_20_kilobytes_at_most(client: Any) -> None:
    size = 0
    with pytest.raises(client.exceptions.PolicyLengthExceededException) as caught:
        for number in range(1000):
            allow(client, f"s{number}", SourceArn="arn:aws:s3:::" + "b" * 1000)
            size = len(client.get_policy(FunctionName="f")["Policy"])
    assert size <= 20_480
    assert caught.value.response["Error"]["Message"].endswith("is bigger than the limit (20480).")
    assert len(client.get_policy(FunctionName="f")["Policy"]) == size


# ── whole documents ─────────────────────────────────────────────────────────────────────────────

DOCUMENT = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction", "Resource": ARN}],
}


def test_a_policy_is_put_read_and_deleted_as_a_document(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    create(client, Publish=True)
    put = client.put_resource_policy(ResourceArn=ARN, Policy=json.dumps(DOCUMENT))
    assert json.loads(put["Policy"]) == DOCUMENT
    shown = without_metadata(client.get_resource_policy(ResourceArn=ARN))
    assert shown == without_metadata(put)
    assert without_metadata(client.get_policy(FunctionName="f")) == shown
    client.add_permission(FunctionName="f", StatementId="s", Action="lambda:GetFunction", Principal="123456789012")
    assert len(json.loads(client.get_resource_policy(ResourceArn=ARN)["Policy"])["Statement"]) == 2
    stale = lambda: client.delete_resource_policy(ResourceArn=ARN, RevisionId=put["RevisionId"])  # noqa: E731
    assert error_of(stale)[:2] == ("PreconditionFailedException", 412)
    assert client.delete_resource_policy(ResourceArn=ARN)["ResponseMetadata"]["HTTPStatusCode"] == 204
    for gone in (client.get_resource_policy, client.delete_resource_policy):
        assert error_of(lambda call=gone: call(ResourceArn=ARN))[:2] == ("ResourceNotFoundException", 404)
    client.put_resource_policy(ResourceArn=f"{ARN}:1", Policy=json.dumps(DOCUMENT))
    assert json.loads(client.get_policy(FunctionName="f", Qualifier="1")["Policy"]) == DOCUMENT


@pytest.mark.parametrize(
    "policy", ["no", "[]", "{}", '{"Statement": []}', '{"Statement": [1]}', '{"Statement": {"Effect": "Allow"}}']
)
def test_what_is_no_policy_is_refused_and_changes_nothing(emulator: RunningEmulator, policy: str) -> None:
    client = emulator.client("lambda")
    create(client)
    refused = error_of(lambda: client.put_resource_policy(ResourceArn=ARN, Policy=policy))
    assert refused[:2] == ("InvalidParameterValueException", 400)
    assert error_of(lambda: client.get_resource_policy(ResourceArn=ARN))[0] == "ResourceNotFoundException"


def test_a_policy_of_what_does_not_exist_is_not_found(emulator: RunningEmulator) -> None:
    client = emulator.client("lambda")
    put = lambda arn: client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(DOCUMENT))  # noqa: E731
    assert error_of(lambda: put(ARN))[:2] == ("ResourceNotFoundException", 404)
    create(client)
    assert error_of(lambda: put(f"{ARN}:$LATEST"))[:2] == ("InvalidParameterValueException", 400)
