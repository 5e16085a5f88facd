"""Layers through boto3: publish, read, list, share, delete, and AWS's words for what is wrong."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import create, package

ARN = "arn:aws:lambda:us-east-1:000000000000:layer:tools"


def archive(text: str = "X = 1", name: str = "python/tools.py") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


@pytest.fixture
def client(emulator: RunningEmulator) -> Iterator[Any]:
    yield emulator.client("lambda")


def publish(client: Any, name: str = "tools", text: str = "X = 1", **more: Any) -> dict[str, Any]:
    answer = client.publish_layer_version(LayerName=name, Content={"ZipFile": archive(text)}, **more)
    del answer["ResponseMetadata"]
    return answer


def error_of(work: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        work()
    response = caught.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Message"]


def test_a_published_version_is_shown_with_everything_that_was_given(client: Any) -> None:
    published = client.publish_layer_version(
        LayerName="tools",
        Description="shared code",
        Content={"ZipFile": archive()},
        CompatibleRuntimes=["python3.12", "python3.13"],
        CompatibleArchitectures=["arm64"],
        LicenseInfo="MIT",
    )
    assert published.pop("ResponseMetadata")["HTTPStatusCode"] == 201
    content = published.pop("Content")
    created = published.pop("CreatedDate")
    assert created.endswith("+0000") and "T" in created
    assert published == {
        "LayerArn": ARN,
        "LayerVersionArn": f"{ARN}:1",
        "Description": "shared code",
        "Version": 1,
        "CompatibleRuntimes": ["python3.12", "python3.13"],
        "CompatibleArchitectures": ["arm64"],
        "LicenseInfo": "MIT",
    }
    assert content["CodeSize"] == len(archive())
    with urllib.request.urlopen(content["Location"]) as answer:
        assert answer.read() == archive()
    for read in (
        client.get_layer_version(LayerName="tools", VersionNumber=1),
        client.get_layer_version(LayerName=ARN, VersionNumber=1),
        client.get_layer_version_by_arn(Arn=f"{ARN}:1"),
    ):
        del read["ResponseMetadata"]
        assert read == {**published, "Content": content, "CreatedDate": created}


def test_members_that_were_not_given_are_not_shown_but_for_the_description(client: Any) -> None:
    assert sorted(publish(client)) == [
        "Content", "CreatedDate", "Description", "LayerArn", "LayerVersionArn", "Version",
    ]  # fmt: skip


def test_versions_count_up_and_are_listed_newest_first(client: Any) -> None:
    assert [publish(client, text=str(number))["Version"] for number in range(3)] == [1, 2, 3]
    versions = client.list_layer_versions(LayerName="tools")["LayerVersions"]
    assert [item["Version"] for item in versions] == [3, 2, 1]
    assert "Content" not in versions[0] and "LayerArn" not in versions[0]


def test_the_number_of_a_deleted_version_is_not_given_again(client: Any) -> None:
    publish(client)
    answer = client.delete_layer_version(LayerName="tools", VersionNumber=1)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert error_of(lambda: client.get_layer_version(LayerName="tools", VersionNumber=1)) == (
        "ResourceNotFoundException", 404, "The resource you requested does not exist.",
    )  # fmt: skip
    assert client.list_layers()["Layers"] == []
    assert publish(client)["Version"] == 2


def test_deleting_what_is_not_there_succeeds(client: Any) -> None:
    for _ in range(2):
        client.delete_layer_version(LayerName="nothing", VersionNumber=7)


def test_an_unknown_layer_has_no_versions(client: Any) -> None:
    assert client.list_layer_versions(LayerName="nothing")["LayerVersions"] == []


def test_layers_are_listed_with_the_newest_version_that_fits(client: Any) -> None:
    publish(client, "a", CompatibleRuntimes=["python3.12"])
    publish(client, "a", CompatibleRuntimes=["nodejs22.x"], CompatibleArchitectures=["arm64"])
    publish(client, "b")
    shown = client.list_layers()["Layers"]
    assert [(item["LayerName"], item["LatestMatchingVersion"]["Version"]) for item in shown] == [("a", 2), ("b", 1)]
    assert shown[1]["LayerArn"] == ARN.replace("tools", "b")
    [old] = client.list_layers(CompatibleRuntime="python3.12")["Layers"]
    assert (old["LayerName"], old["LatestMatchingVersion"]["Version"]) == ("a", 1)
    [item] = client.list_layer_versions(LayerName="a", CompatibleArchitecture="arm64")["LayerVersions"]
    assert item["Version"] == 2


def test_lists_are_paged(client: Any) -> None:
    for name in ("a", "b", "c"):
        publish(client, name)
        publish(client, name)
    pages = list(client.get_paginator("list_layers").paginate(PaginationConfig={"PageSize": 2}))
    assert [[item["LayerName"] for item in page["Layers"]] for page in pages] == [["a", "b"], ["c"]]
    paginator = client.get_paginator("list_layer_versions")
    pages = list(paginator.paginate(LayerName="a", PaginationConfig={"PageSize": 1}))
    assert [[item["Version"] for item in page["LayerVersions"]] for page in pages] == [[2], [1]]


def test_every_invalid_member_of_a_publication_is_named(client: Any) -> None:
    code, status, text = error_of(
        lambda: publish(client, CompatibleRuntimes=["cobol"], CompatibleArchitectures=["x86_64", "mips"])
    )
    assert (code, status) == ("ValidationException", 400)
    assert text.startswith("2 validation errors detected: ")
    assert "Value '[cobol]' at 'compatibleRuntimes' failed to satisfy constraint: Member must satisfy" in text
    assert (
        "Value '[x86_64, mips]' at 'compatibleArchitectures' failed to satisfy constraint: Member must satisfy "
        "constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
    ) in text


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive_is_refused(client: Any, content: bytes) -> None:
    code, status, _ = error_of(lambda: client.publish_layer_version(LayerName="bad", Content={"ZipFile": content}))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert client.list_layers()["Layers"] == []


def test_archives_that_climb_out_are_refused(client: Any) -> None:
    for name in ("../x", "/x", "a/../../x"):
        with pytest.raises(ClientError) as caught:
            client.publish_layer_version(LayerName="bad", Content={"ZipFile": archive(name=name)})
        assert caught.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_versions_begin_at_one(client: Any) -> None:
    expected = ("InvalidParameterValueException", 400, "Layer Version Cannot be less than 1.")
    assert error_of(lambda: client.get_layer_version(LayerName="tools", VersionNumber=0)) == expected
    assert error_of(lambda: client.delete_layer_version(LayerName="tools", VersionNumber=-1)) == expected
    huge = 2**62
    assert error_of(lambda: client.get_layer_version(LayerName="tools", VersionNumber=huge))[1] == 404


def test_an_arn_without_version_is_refused(client: Any) -> None:
    code, status, text = error_of(lambda: client.get_layer_version_by_arn(Arn=ARN))
    assert (code, status) == ("ValidationException", 400)
    assert text.startswith(f"1 validation error detected: Value '{ARN}' at 'arn' failed to satisfy constraint: ")


def test_layers_count_as_code_of_the_account(client: Any) -> None:
    before = client.get_account_settings()["AccountUsage"]["TotalCodeSize"]
    size = publish(client)["Content"]["CodeSize"] + publish(client)["Content"]["CodeSize"]
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] - before == size


# ── policies ──


def test_a_policy_is_written_shown_and_taken_back(client: Any) -> None:
    publish(client)
    where = {"LayerName": "tools", "VersionNumber": 1}
    added = client.add_layer_version_permission(
        **where, StatementId="s1", Action="lambda:GetLayerVersion", Principal="111111111111"
    )
    statement = {
        "Sid": "s1",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
        "Action": "lambda:GetLayerVersion",
        "Resource": f"{ARN}:1",
    }
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert json.loads(added["Statement"]) == statement
    client.add_layer_version_permission(
        **where,
        StatementId="s2",
        Action="lambda:GetLayerVersion",
        Principal="*",
        OrganizationId="o-0123456789",
        RevisionId=added["RevisionId"],
    )
    shown = client.get_layer_version_policy(**where)
    policy = json.loads(shown["Policy"])
    assert (policy["Version"], policy["Id"]) == ("2012-10-17", "default")
    assert policy["Statement"][0] == statement
    assert policy["Statement"][1]["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-0123456789"}}
    for sid in ("s1", "s2"):
        answer = client.remove_layer_version_permission(**where, StatementId=sid)
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert error_of(lambda: client.get_layer_version_policy(**where)) == (
        "ResourceNotFoundException", 404, "No policy is associated with the given resource.",
    )  # fmt: skip


def test_errors_of_policies(client: Any) -> None:
    publish(client)
    where: dict[str, Any] = {"LayerName": "tools", "VersionNumber": 1}
    grant: dict[str, Any] = {"StatementId": "s", "Action": "lambda:GetLayerVersion", "Principal": "*"}
    client.add_layer_version_permission(**where, **grant)
    assert error_of(lambda: client.add_layer_version_permission(**where, **grant)) == (
        "ResourceConflictException",
        409,
        "The statement id (s) provided already exists. Please provide a new statement id, "
        "or remove the existing statement.",
    )
    assert error_of(lambda: client.remove_layer_version_permission(**where, StatementId="t")) == (
        "ResourceNotFoundException", 404, "Statement t is not found in resource policy.",
    )  # fmt: skip
    stale = (
        "PreconditionFailedException",
        412,
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetLayerPolicy API to retrieve the latest Revision Id",
    )
    assert error_of(lambda: client.remove_layer_version_permission(**where, StatementId="s", RevisionId="x")) == stale
    grant["StatementId"] = "u"
    assert error_of(lambda: client.add_layer_version_permission(**where, **grant, RevisionId="x")) == stale
    gone = ("ResourceNotFoundException", 404, f"Layer version {ARN}:9 does not exist.")
    where["VersionNumber"] = 9
    assert error_of(lambda: client.add_layer_version_permission(**where, **grant)) == gone
    assert error_of(lambda: client.get_layer_version_policy(**where)) == gone
    assert error_of(lambda: client.remove_layer_version_permission(**where, StatementId="s")) == gone
    code, status, text = error_of(
        lambda: client.add_layer_version_permission(**where, **{**grant, "Action": "lambda:InvokeFunction"})
    )
    assert (code, status) == ("ValidationException", 400)
    assert "at 'action' failed to satisfy constraint" in text


def test_another_account_sees_a_layer_once_it_is_shared(emulator: RunningEmulator, client: Any) -> None:
    other = emulator.client("lambda", aws_access_key_id="222222222222")
    publish(client)
    denied = (
        "AccessDeniedException",
        403,
        "User: arn:aws:iam::222222222222:root is not authorized to perform: lambda:GetLayerVersion on resource: "
        f"{ARN}:1 because no resource-based policy allows the lambda:GetLayerVersion action",
    )
    assert error_of(lambda: other.get_layer_version_by_arn(Arn=f"{ARN}:1")) == denied
    assert error_of(lambda: other.get_layer_version(LayerName="tools", VersionNumber=1))[0] == (
        "ResourceNotFoundException"
    )
    client.add_layer_version_permission(
        LayerName="tools", VersionNumber=1, StatementId="s", Action="lambda:GetLayerVersion", Principal="222222222222"
    )
    assert other.get_layer_version_by_arn(Arn=f"{ARN}:1")["LayerArn"] == ARN
    third = emulator.client("lambda", aws_access_key_id="333333333333")
    assert error_of(lambda: third.get_layer_version_by_arn(Arn=f"{ARN}:1"))[0] == "AccessDeniedException"
    assert error_of(lambda: other.delete_layer_version(LayerName=ARN, VersionNumber=1))[0] == "AccessDeniedException"


# ── layers of functions ──


def test_a_function_s_list_of_layers_obeys_aws_s_rules(emulator: RunningEmulator, client: Any) -> None:
    for number in range(6):
        publish(client, f"l{number}")
    publish(client, "l0")
    arn = ARN.rpartition(":")[0]

    def refusal(*layers: str) -> tuple[str, int, str]:
        return error_of(lambda: create(client, Layers=list(layers)))

    invalid = "InvalidParameterValueException"
    assert refusal(*(f"{arn}:l{number}:1" for number in range(6))) == (
        invalid, 400, "Cannot reference more than 5 layers.",
    )  # fmt: skip
    assert refusal(f"{arn}:l0:1", f"{arn}:l0:2") == (
        invalid,
        400,
        "Two different versions of the same layer are not allowed to be referenced in the same function. "
        f"{arn}:l0:1 and {arn}:l0:2 are versions of the same layer.",
    )
    assert refusal(f"{arn}:l0:1", f"{arn}:l1:9") == (invalid, 400, f"Layer version {arn}:l1:9 does not exist.")
    assert refusal(f"{arn}:l0:1".replace("us-east-1", "eu-west-1")) == (
        invalid,
        400,
        "Layers are not in the same region as the function. Layers are expected to be in region us-east-1.",
    )
    foreign = f"{arn}:l0:1".replace("000000000000", "111111111111")
    code, status, text = refusal(foreign)
    assert (code, status) == ("AccessDeniedException", 403)
    assert f"lambda:GetLayerVersion on resource: {foreign} because" in text
    code, status, text = refusal(f"{arn}:l0")
    assert (code, status) == ("ValidationException", 400)
    assert text.startswith(
        f"1 validation error detected: Value '[{arn}:l0]' at 'layers' failed to satisfy constraint: "
    )
    assert client.list_functions()["Functions"] == []
    client.delete_layer_version(LayerName="l0", VersionNumber=1)
    assert refusal(f"{arn}:l0:1") == (invalid, 400, f"Layer version {arn}:l0:1 does not exist.")


def test_code_and_layers_share_one_limit_of_unzipped_bytes(client: Any) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("zeros", bytes(131_072_000))
    arns: list[str] = []
    for name in ("a", "b"):
        made = client.publish_layer_version(LayerName=name, Content={"ZipFile": buffer.getvalue()})
        arns.append(made["LayerVersionArn"])
    code, status, text = error_of(lambda: create(client, Layers=arns, Code={"ZipFile": package("x" * 10)}))
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert text == (
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        "The actual size is 262144010 bytes."
    )
