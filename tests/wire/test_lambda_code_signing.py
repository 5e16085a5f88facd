"""Code signing configs through boto3, against what real AWS was recorded to answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, create, error_of, members_of, package, saying, without_metadata
from tests.wire.test_lambda_metrics import statistics

PUBLISHERS = {"SigningProfileVersionArns": ["arn:aws:signer:us-east-1:000000000000:/signing-profiles/test"]}
NOWHERE = "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-00000000000000000"


@pytest.fixture
def client(emulator: RunningEmulator) -> Iterator[Any]:
    yield emulator.client("lambda")


@pytest.fixture
def config(client: Any) -> dict[str, Any]:
    created = client.create_code_signing_config(
        Description="Testing CodeSigning Config",
        AllowedPublishers=PUBLISHERS,
        CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Enforce"},
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    return created["CodeSigningConfig"]


def test_a_config_is_created_changed_read_listed_and_deleted(client: Any, config: dict[str, Any]) -> None:
    arn = config["CodeSigningConfigArn"]
    assert arn == f"arn:aws:lambda:us-east-1:000000000000:code-signing-config:{config['CodeSigningConfigId']}"
    assert config["CodeSigningPolicies"] == {"UntrustedArtifactOnDeployment": "Enforce"}
    assert config["AllowedPublishers"] == PUBLISHERS
    updated = client.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"}
    )["CodeSigningConfig"]
    assert updated == {**config, "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": "Warn"}}
    assert client.get_code_signing_config(CodeSigningConfigArn=arn)["CodeSigningConfig"] == updated
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == [updated]
    deleted = client.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == []


def test_an_update_that_changes_nothing_leaves_the_config_alone(
    emulator: RunningEmulator, client: Any, config: dict[str, Any]
) -> None:
    emulator.advance(60)
    again = client.update_code_signing_config(CodeSigningConfigArn=config["CodeSigningConfigArn"])
    assert again["CodeSigningConfig"] == config


def test_a_function_is_given_a_config_and_loses_it(client: Any, config: dict[str, Any]) -> None:
    create(client)
    arn = config["CodeSigningConfigArn"]
    assert without_metadata(client.get_function_code_signing_config(FunctionName="f")) == {}
    expected = {"CodeSigningConfigArn": arn, "FunctionName": "f"}
    put = client.put_function_code_signing_config(CodeSigningConfigArn=arn, FunctionName=ARN)
    assert without_metadata(put) == expected
    assert without_metadata(client.get_function_code_signing_config(FunctionName="f")) == expected
    assert client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"] == [ARN]
    assert error_of(lambda: client.delete_code_signing_config(CodeSigningConfigArn=arn))[:2] == (
        "ResourceConflictException",
        409,
    )
    for _ in range(2):
        deleted = client.delete_function_code_signing_config(FunctionName="f")
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_functions_by_code_signing_config(CodeSigningConfigArn=arn)["FunctionArns"] == []


def test_a_new_function_can_have_a_config_which_goes_with_it(client: Any, config: dict[str, Any]) -> None:
    arn = config["CodeSigningConfigArn"]
    client.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"}
    )
    create(client, CodeSigningConfigArn=arn)
    assert client.get_function_code_signing_config(FunctionName="f")["CodeSigningConfigArn"] == arn
    client.delete_function(FunctionName="f")
    client.delete_code_signing_config(CodeSigningConfigArn=arn)
    assert error_of(lambda: create(client, CodeSigningConfigArn=arn))[0] == "CodeSigningConfigNotFoundException"
    assert client.list_functions()["Functions"] == []


def test_what_does_not_exist_is_told_in_aws_s_words(client: Any, config: dict[str, Any]) -> None:
    create(client)
    arn = config["CodeSigningConfigArn"]
    no_config = (
        "ResourceNotFoundException",
        404,
        f"The Lambda code signing configuration {NOWHERE} can not be found.",
    )
    for work in (
        client.get_code_signing_config,
        client.update_code_signing_config,
        client.delete_code_signing_config,
        client.list_functions_by_code_signing_config,
    ):
        assert error_of(lambda: work(CodeSigningConfigArn=NOWHERE)) == no_config  # noqa: B023
        assert members_of(lambda: work(CodeSigningConfigArn=NOWHERE)) == {"Message": no_config[2]}  # noqa: B023
    no_function = ("ResourceNotFoundException", 404, f"Function not found: {ARN[:-1]}g")
    for work in (client.get_function_code_signing_config, client.delete_function_code_signing_config):
        assert error_of(lambda: work(FunctionName="g")) == no_function  # noqa: B023
    put = client.put_function_code_signing_config
    assert error_of(lambda: put(CodeSigningConfigArn=arn, FunctionName="g")) == no_function
    no_config = (
        "CodeSigningConfigNotFoundException",
        404,
        "The code signing configuration cannot be found. "
        f"Check that the provided configuration is not deleted: {NOWHERE}.",
    )
    for name in ("f", "g"):
        assert error_of(lambda: put(CodeSigningConfigArn=NOWHERE, FunctionName=name)) == no_config  # noqa: B023
    foreign = NOWHERE.replace("000000000000", "111111111111")
    assert error_of(lambda: put(CodeSigningConfigArn=foreign, FunctionName="f"))[1] == 404


def test_lists_are_paged(client: Any) -> None:
    for name in ("a", "b", "c"):
        create(client, name)
        client.create_code_signing_config(AllowedPublishers=PUBLISHERS)
    pages = list(client.get_paginator("list_code_signing_configs").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["CodeSigningConfigs"]) for page in pages] == [2, 1]
    arn = pages[0]["CodeSigningConfigs"][0]["CodeSigningConfigArn"]
    for name in ("a", "b", "c"):
        client.put_function_code_signing_config(CodeSigningConfigArn=arn, FunctionName=name)
    paginator = client.get_paginator("list_functions_by_code_signing_config")
    pages = list(paginator.paginate(CodeSigningConfigArn=arn, PaginationConfig={"PageSize": 2}))
    assert [len(page["FunctionArns"]) for page in pages] == [2, 1]


# ── what a config says of unsigned code ─────────────────────────────────────────────────────────


def refusal(what: str) -> tuple[str, int, str]:
    return (
        "CodeVerificationFailedException",
        400,
        "Lambda cannot deploy the function. The function or layer might be signed using a signature that the client "
        f"is not configured to accept. Check the provided signature for {what}.",
    )


def test_unsigned_code_is_not_deployed_where_signatures_are_enforced(client: Any, config: dict[str, Any]) -> None:
    arn = config["CodeSigningConfigArn"]
    assert error_of(lambda: create(client, CodeSigningConfigArn=arn)) == refusal("f")
    assert client.list_functions()["Functions"] == []
    create(client)
    client.put_function_code_signing_config(CodeSigningConfigArn=arn, FunctionName="f")  # what is there stays
    before = client.get_function_configuration(FunctionName="f")["CodeSha256"]
    assert error_of(lambda: client.update_function_code(FunctionName="f", ZipFile=saying("two"))) == refusal("f")
    assert client.get_function_configuration(FunctionName="f")["CodeSha256"] == before
    layer = client.publish_layer_version(LayerName="l", Content={"ZipFile": package()})["LayerVersionArn"]
    with_layer = {"FunctionName": "f", "Layers": [layer]}
    assert error_of(lambda: client.update_function_configuration(**with_layer)) == refusal(layer)
    client.update_function_configuration(FunctionName="f", Timeout=9)
    client.delete_function_code_signing_config(FunctionName="f")
    client.update_function_code(FunctionName="f", ZipFile=saying("two"))


def test_code_that_carries_a_signature_is_deployed(client: Any, config: dict[str, Any]) -> None:
    signed = package("", "META-INF/aws_signer_signature_v1.0.SF")
    create(client, CodeSigningConfigArn=config["CodeSigningConfigArn"], Code={"ZipFile": signed})
    client.update_function_code(FunctionName="f", ZipFile=signed)


def test_unsigned_code_is_counted_where_the_policy_only_warns(
    client: Any, config: dict[str, Any], emulator: RunningEmulator
) -> None:
    arn = config["CodeSigningConfigArn"]
    client.update_code_signing_config(
        CodeSigningConfigArn=arn, CodeSigningPolicies={"UntrustedArtifactOnDeployment": "Warn"}
    )
    create(client, CodeSigningConfigArn=arn)
    client.update_function_code(FunctionName="f", ZipFile=saying("two"))
    found = statistics(emulator, "SignatureValidationErrors", FunctionName="f")
    assert found["Sum"] == 2.0
