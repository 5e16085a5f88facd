"""Published versions, through boto3, against responses recorded from AWS (TestLambdaVersions, TestLambdaRevisions)."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import urlopen

import pytest

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, create, error_of, saying, without_metadata

STALE = (
    "PreconditionFailedException",
    412,
    "The Revision Id provided does not match the latest Revision Id. "
    "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
)


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    return emulator.client("lambda")


def invoked(client: Any, **names: Any) -> dict[str, Any]:
    answer = client.invoke(**names)
    return {**json.loads(answer["Payload"].read()), "executed": answer.get("ExecutedVersion")}


def test_a_function_is_published_as_it_is_created(client: Any) -> None:
    created = create(client, Publish=True)
    assert (created["FunctionArn"], created["Version"], created["State"]) == (ARN, "1", "Pending")
    latest = client.get_function(FunctionName="f")["Configuration"]
    first = client.get_function(FunctionName="f", Qualifier="1")["Configuration"]
    assert (latest["FunctionArn"], latest["Version"]) == (ARN, "$LATEST")
    assert (first["FunctionArn"], first["Version"], first["State"]) == (f"{ARN}:1", "1", "Active")
    assert first["LastUpdateStatus"] == "Successful"
    assert len({created["RevisionId"], latest["RevisionId"], first["RevisionId"]}) == 3
    explicit = client.get_function(FunctionName="f", Qualifier="$LATEST")["Configuration"]
    assert explicit == {**latest, "FunctionArn": f"{ARN}:$LATEST"}
    listed = client.list_versions_by_function(FunctionName="f")["Versions"]
    state = ("State", "LastUpdateStatus", "RuntimeVersionConfig")
    assert listed == [{k: v for k, v in item.items() if k not in state} for item in (explicit, first)]

    again = client.publish_version(FunctionName="f")
    assert again["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert without_metadata(again) == first
    assert client.list_versions_by_function(FunctionName="f")["Versions"] == listed


def test_a_version_keeps_code_and_configuration_while_latest_goes_on(client: Any) -> None:
    create(client, Description="No version :(")
    client.update_function_configuration(FunctionName="f", Description="First version :)")
    before = client.get_function_configuration(FunctionName="f")["RevisionId"]
    first = client.publish_version(FunctionName="f", Description="First version description :)")
    assert (first["Version"], first["Description"]) == ("1", "First version description :)")
    assert (first["FunctionArn"], first["State"], first["LastUpdateStatus"]) == (f"{ARN}:1", "Active", "Successful")
    assert client.get_function_configuration(FunctionName="f")["RevisionId"] != before

    client.update_function_configuration(FunctionName="f", Description="Second version :))")
    client.update_function_code(FunctionName="f", ZipFile=saying("two"))
    assert without_metadata(client.get_function_configuration(FunctionName="f:1")) == without_metadata(first)
    second = client.publish_version(FunctionName="f")
    third = client.publish_version(FunctionName="f")
    assert (second["Version"], second["Description"]) == ("2", "Second version :))")
    assert without_metadata(third) == without_metadata(second)

    seen = [invoked(client, FunctionName=f"f:{qualifier}") for qualifier in ("1", "2", "$LATEST")]
    assert [(item["code"], item["version"], item["executed"]) for item in seen] == [
        ("one", "1", "1"),
        ("two", "2", "2"),
        ("two", "$LATEST", "$LATEST"),
    ]
    assert seen[0]["arn"] == f"{ARN}:1"

    assert client.delete_function(FunctionName="f", Qualifier="1")["ResponseMetadata"]["HTTPStatusCode"] == 204
    left = client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [item["Version"] for item in left] == ["$LATEST", "2"]
    missing = ("ResourceNotFoundException", 404, f"Function not found: {ARN}:1")
    assert error_of(lambda: client.invoke(FunctionName="f", Qualifier="1")) == missing
    assert error_of(lambda: client.get_function(FunctionName="f:1")) == missing


def test_an_update_publishes_if_asked_to(client: Any) -> None:
    create(client)
    updated = client.update_function_code(FunctionName="f", ZipFile=saying("two"), Publish=True)
    assert (updated["FunctionArn"], updated["Version"], updated["State"]) == (f"{ARN}:1", "1", "Pending")
    assert "LastUpdateStatus" not in updated
    assert client.get_function_configuration(FunctionName="f:1")["RevisionId"] == updated["RevisionId"]
    assert client.get_function_configuration(FunctionName="f")["CodeSha256"] == updated["CodeSha256"]


def test_publishing_can_insist_on_a_revision_and_a_hash(client: Any) -> None:
    created = create(client)
    assert error_of(lambda: client.publish_version(FunctionName="f", RevisionId=created["RevisionId"])) == STALE
    sha256 = created["CodeSha256"]
    assert error_of(lambda: client.publish_version(FunctionName="f", CodeSha256="somenonexistentsha256")) == (
        "InvalidParameterValueException",
        400,
        f"CodeSHA256 (somenonexistentsha256) is different from current CodeSHA256 in $LATEST ({sha256}). "
        "Please try again with the CodeSHA256 in $LATEST.",
    )
    revision = client.get_function_configuration(FunctionName="f")["RevisionId"]
    assert client.publish_version(FunctionName="f", RevisionId=revision, CodeSha256=sha256)["Version"] == "1"


def test_numbers_are_never_given_twice(client: Any) -> None:
    create(client, Publish=True)
    client.delete_function(FunctionName="f", Qualifier="1")
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    client.delete_function(FunctionName="f")
    assert create(client, Publish=True)["Version"] == "3"


def test_deleting_a_version_that_does_not_exist_changes_nothing(client: Any) -> None:
    missing = ("ResourceNotFoundException", 404, f"Function not found: {ARN}")
    assert error_of(lambda: client.delete_function(FunctionName="f", Qualifier="1221")) == missing
    create(client)
    assert client.delete_function(FunctionName="f", Qualifier="1221")["ResponseMetadata"]["HTTPStatusCode"] == 204
    client.get_function(FunctionName="f")


def test_versions_are_listed_in_pages(client: Any) -> None:
    create(client)
    for number in range(4):
        client.update_function_configuration(FunctionName="f", Description=str(number))
        client.publish_version(FunctionName="f")
    for size, shape in ((2, [2, 2, 1]), (1, [1, 1, 1, 1, 1]), (5, [5]), (10000, [5])):
        pages = [
            page["Versions"]
            for page in client.get_paginator("list_versions_by_function").paginate(
                FunctionName="f", PaginationConfig={"PageSize": size}
            )
        ]
        assert [len(page) for page in pages] == shape
        assert [item["Version"] for page in pages for item in page] == ["$LATEST", "1", "2", "3", "4"]
    every = [
        (item["FunctionName"], item["Version"])
        for page in client.get_paginator("list_functions").paginate(
            FunctionVersion="ALL", PaginationConfig={"PageSize": 2}
        )
        for item in page["Functions"]
    ]
    assert every == [("f", "$LATEST"), ("f", "1"), ("f", "2"), ("f", "3"), ("f", "4")]


def test_changes_are_for_functions_only(client: Any) -> None:
    create(client, Publish=True)
    refusal = (
        "InvalidParameterValueException",
        400,
        "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
        "Please specify either a function name or an unqualified function ARN.",
    )
    assert error_of(lambda: client.update_function_configuration(FunctionName="f:1", Timeout=5)) == refusal
    assert error_of(lambda: client.update_function_code(FunctionName="f:1", ZipFile=saying("two"))) == refusal
    assert error_of(lambda: client.publish_version(FunctionName="f:1")) == refusal


def test_snap_start_is_on_for_versions_only(client: Any) -> None:
    create(client, SnapStart={"ApplyOn": "PublishedVersions"}, Publish=True)
    off = {"ApplyOn": "PublishedVersions", "OptimizationStatus": "Off"}
    assert client.get_function_configuration(FunctionName="f")["SnapStart"] == off
    assert client.get_function_configuration(FunctionName="f:1")["SnapStart"] == {**off, "OptimizationStatus": "On"}
    put = client.put_provisioned_concurrency_config
    refusal = error_of(lambda: put(FunctionName="f", Qualifier="1", ProvisionedConcurrentExecutions=1))
    assert refusal[:2] == ("InvalidParameterValueException", 400)
    text = error_of(lambda: create(client, "g", Runtime="python3.11", SnapStart={"ApplyOn": "PublishedVersions"}))
    assert text[2] == "python3.11 is not supported for SnapStart enabled functions."


def test_the_package_of_a_version_can_be_fetched(client: Any) -> None:
    create(client, Publish=True)
    client.update_function_code(FunctionName="f", ZipFile=saying("two"))
    for qualifier, word in (("1", "one"), ("$LATEST", "two")):
        location = client.get_function(FunctionName="f", Qualifier=qualifier)["Code"]["Location"]
        with urlopen(location) as answer:
            assert answer.read() == saying(word)
