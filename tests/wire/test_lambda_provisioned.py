"""Provisioned and reserved concurrency, against TestLambdaProvisionedConcurrency of the recordings."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, create, error_of, members_of, without_metadata

NONE_FOUND = (
    "ProvisionedConcurrencyConfigNotFoundException",
    404,
    "No Provisioned Concurrency Config found for this function",
)


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    """A client of an emulator that has a function `f` with version 1 and alias `live` on it."""
    client = emulator.client("lambda")
    create(client, Publish=True)
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    return client


def put(client: Any, qualifier: str, count: int = 1, function: str = "f") -> dict[str, Any]:
    return client.put_provisioned_concurrency_config(
        FunctionName=function, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def test_a_config_is_in_progress_until_its_environments_are_there(client: Any, emulator: RunningEmulator) -> None:
    emulator.control("PUT", "settings", {"function_change_seconds": 30})
    answer = put(client, "1", 2)
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 202
    shown = {
        "RequestedProvisionedConcurrentExecutions": 2,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
        "LastModified": answer["LastModified"],
    }
    assert without_metadata(answer) == shown
    assert answer["LastModified"].endswith("+0000")
    assert "." not in answer["LastModified"]
    assert without_metadata(client.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")) == shown
    emulator.advance(30)
    ready = {
        **shown,
        "Status": "READY",
        "AvailableProvisionedConcurrentExecutions": 2,
        "AllocatedProvisionedConcurrentExecutions": 2,
    }
    assert without_metadata(client.get_provisioned_concurrency_config(FunctionName="f", Qualifier="1")) == ready
    listed = client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"]
    assert listed == [{"FunctionArn": f"{ARN}:1", **ready}]


def test_a_version_is_provisioned_by_itself_or_through_an_alias(client: Any) -> None:
    put(client, "1")
    assert error_of(lambda: put(client, "live")) == (
        "ResourceConflictException",
        409,
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version",
    )
    gone = client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    read = client.get_provisioned_concurrency_config
    assert error_of(lambda: read(FunctionName="f", Qualifier="1")) == NONE_FOUND
    put(client, "live")
    assert error_of(lambda: put(client, "1")) == (
        "ResourceConflictException",
        409,
        "Version is pointed by a Provisioned Concurrency alias",
    )
    client.delete_alias(FunctionName="f", Name="live")
    assert error_of(lambda: read(FunctionName="f", Qualifier="live")) == (
        "ResourceNotFoundException",
        404,
        f"Cannot find alias arn: {ARN}:live",
    )
    assert client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []


def missing_alias(name: str) -> tuple[str, int, str]:
    return ("ResourceNotFoundException", 404, f"Cannot find alias arn: {ARN[:-1]}{name}")


def missing_function(name: str) -> tuple[str, int, str]:
    return ("ResourceNotFoundException", 404, f"Function not found: {ARN[:-1]}{name}")


LATEST_READ = (
    "InvalidParameterValueException",
    400,
    "The function resource provided must be an alias or a published version.",
)
LATEST_PUT = (
    "InvalidParameterValueException",
    400,
    "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
)


@pytest.mark.parametrize(
    ("operation", "function", "qualifier", "expected"),
    [
        ("get", "f", "1", NONE_FOUND),
        ("get", "no", "noalias", missing_alias("no:noalias")),
        ("get", "f", "noalias", missing_alias("f:noalias")),
        ("get", "f", "10", missing_function("f:10")),
        ("get", "f", "$LATEST", LATEST_READ),
        ("delete", "no", "1", missing_function("no:1")),
        ("delete", "f", "noalias", missing_alias("f:noalias")),
        ("delete", "f", "10", missing_function("f:10")),
        ("delete", "f", "$LATEST", LATEST_READ),
        ("put", "no", "noalias", missing_alias("no:noalias")),
        ("put", "no", "1", missing_function("no:1")),
        ("put", "f", "no", missing_alias("f:no")),
        ("put", "f", "10", missing_function("f:10")),
        ("put", "f", "$LATEST", LATEST_PUT),
    ],
)
def test_what_does_not_exist_is_told_in_aws_words(
    client: Any, operation: str, function: str, qualifier: str, expected: tuple[str, int, str]
) -> None:
    names = {"FunctionName": function, "Qualifier": qualifier}
    if operation == "put":
        names = {**names, "ProvisionedConcurrentExecutions": 1}
    call = getattr(client, f"{operation}_provisioned_concurrency_config")
    assert error_of(lambda: call(**names)) == expected


def test_nothing_configured_is_an_empty_list_and_deleting_it_is_fine(client: Any) -> None:
    assert client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []
    assert error_of(lambda: client.list_provisioned_concurrency_configs(FunctionName="no")) == missing_function("no")
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")


def test_the_accounts_limits_hold(client: Any) -> None:
    create(client, "g")
    client.put_function_concurrency(FunctionName="g", ReservedConcurrentExecutions=100)
    assert error_of(lambda: put(client, "1", 901)) == (
        "InvalidParameterValueException",
        400,
        "Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [900].",
    )
    assert error_of(lambda: put(client, "1", 801)) == (
        "InvalidParameterValueException",
        400,
        "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its "
        "minimum value of [100].",
    )
    for size in (901, 801):
        assert set(members_of(lambda: put(client, "1", size))) == {"message"}  # noqa: B023
    put(client, "1", 800)
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 100
    put(client, "1", 10)
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 890
    # Within what the function reserves, the same environments are not set aside twice.
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=20)
    assert client.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"] == 880
    assert error_of(lambda: put(client, "1", 21))[0] == "InvalidParameterValueException"
    lower = error_of(lambda: client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=9))
    assert lower[0] == "InvalidParameterValueException"


def test_reserved_concurrency_belongs_to_functions(client: Any) -> None:
    code, status, text = error_of(
        lambda: client.put_function_concurrency(FunctionName="f:1", ReservedConcurrentExecutions=1)
    )
    assert (code, status) == ("InvalidParameterValueException", 400)
    assert text.startswith("This operation is permitted on Lambda functions only.")


def test_what_is_reserved_and_provisioned_for_a_version_leaves_nothing_for_latest(
    client: Any, emulator: RunningEmulator
) -> None:
    put(client, "1")
    emulator.settle()
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=1)

    def executed(**names: str) -> str:
        answer = client.invoke(**names)
        answer["Payload"].read()
        return answer["ExecutedVersion"]

    assert executed(FunctionName="f", Qualifier="1") == "1"
    assert error_of(lambda: client.invoke(FunctionName="f")) == ("TooManyRequestsException", 429, "Rate Exceeded.")
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="1")
    assert executed(FunctionName="f") == "$LATEST"
