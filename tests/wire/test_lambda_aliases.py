"""Aliases, through boto3, against responses recorded from AWS (TestLambdaAliases, TestLambdaRevisions) and 1.10."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, create, error_of, saying, without_metadata


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    """A client of an emulator that has a function `f` with versions 1 and 2."""
    client = emulator.client("lambda")
    create(client, Publish=True)
    client.update_function_code(FunctionName="f", ZipFile=saying("two"), Publish=True)
    return client


def invoked(client: Any, name: str = "f:live") -> dict[str, Any]:
    answer = client.invoke(FunctionName=name)
    return {**json.loads(answer["Payload"].read()), "executed": answer["ExecutedVersion"]}


def not_found(arn: str) -> tuple[str, int, str]:
    return ("ResourceNotFoundException", 404, f"Function not found: {arn}")


def test_an_alias_leads_to_the_version_it_names_and_can_be_moved(client: Any) -> None:
    created = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert without_metadata(created) == {
        "AliasArn": f"{ARN}:live",
        "Name": "live",
        "FunctionVersion": "1",
        "Description": "",
        "RevisionId": created["RevisionId"],
    }
    assert without_metadata(client.get_alias(FunctionName="f", Name="live")) == without_metadata(created)
    first = {"code": "one", "version": "1", "arn": f"{ARN}:live", "executed": "1"}
    assert invoked(client) == invoked(client, f"{ARN}:live") == first
    moved = client.update_alias(FunctionName="f", Name="live", FunctionVersion="2")
    assert (moved["FunctionVersion"], moved["Description"]) == ("2", "")
    assert moved["RevisionId"] != created["RevisionId"]
    assert invoked(client) == {"code": "two", "version": "2", "arn": f"{ARN}:live", "executed": "2"}
    shown = client.get_function(FunctionName="f", Qualifier="live")["Configuration"]
    assert (shown["FunctionArn"], shown["Version"]) == (f"{ARN}:live", "2")
    assert client.delete_alias(FunctionName="f", Name="live")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.delete_alias(FunctionName="f", Name="live")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert error_of(lambda: client.invoke(FunctionName="f:live")) == not_found(f"{ARN}:live")
    assert error_of(lambda: client.get_function(FunctionName="f:live")) == not_found(f"{ARN}:live")


def test_a_weight_decides_by_a_draw_for_each_invocation(client: Any) -> None:
    routing = {"AdditionalVersionWeights": {"2": 0.25}}
    created = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1", RoutingConfig=routing)
    assert created["RoutingConfig"] == routing
    drawn = Counter(invoked(client)["executed"] for _ in range(200))
    assert drawn["1"] + drawn["2"] == 200
    assert 20 <= drawn["2"] <= 85  # 50 expected; outside with a probability below 1 in 10,000
    for weight, version in ((0.0, "1"), (1.0, "2")):
        client.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": weight}})
        assert {invoked(client)["executed"] for _ in range(10)} == {version}
    ended = client.update_alias(FunctionName="f", Name="live", RoutingConfig={"AdditionalVersionWeights": {}})
    assert "RoutingConfig" not in ended
    assert "RoutingConfig" not in client.get_alias(FunctionName="f", Name="live")


def test_what_an_alias_cannot_lead_to_is_refused_in_aws_words(client: Any) -> None:
    def creating(version: str, weights: dict[str, float] | None = None, function: str = "f") -> tuple[str, int, str]:
        more = {} if weights is None else {"RoutingConfig": {"AdditionalVersionWeights": weights}}
        return error_of(
            lambda: client.create_alias(FunctionName=function, Name="live", FunctionVersion=version, **more)
        )

    def refusal(text: str) -> tuple[str, int, str]:
        return ("InvalidParameterValueException", 400, text)

    assert creating("9") == not_found(f"{ARN}:9")
    assert creating("1", {"9": 0.5}) == not_found(f"{ARN}:9")
    assert creating("1", function="g") == not_found(f"{ARN[:-1]}g:1")
    assert creating("1", {"1": 0.5}) == refusal(
        "Invalid function version 1. Function version 1 is already included in routing configuration."
    )
    assert creating("1", {"1": 0.2, "2": 0.2}) == refusal(
        "Number of items in AdditionalVersionWeights cannot be greater than 1"
    )
    assert creating("$LATEST", {"2": 0.5}) == refusal(
        "$LATEST is not supported for an alias pointing to more than 1 version"
    )
    assert creating("1", {"2": 2.0}) == (
        "ValidationException",
        400,
        "1 validation error detected: Value '{2=2.0}' at 'routingConfig.additionalVersionWeights' failed to satisfy "
        "constraint: Map value must satisfy constraint: [Member must have value less than or equal to 1.0, "
        "Member must have value greater than or equal to 0.0, Member must not be null]",
    )
    client.update_function_configuration(FunctionName="f", Role="arn:aws:iam::000000000000:role/other")
    client.publish_version(FunctionName="f")
    assert creating("1", {"3": 0.5})[:2] == ("InvalidParameterValueException", 400)
    assert client.list_aliases(FunctionName="f")["Aliases"] == []
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert creating("1") == ("ResourceConflictException", 409, f"Alias already exists: {ARN}:live")
    for name in ("12", "a b", ""):
        code, status, _ = error_of(
            lambda name=name: client.create_alias(FunctionName="f", Name=name or "!", FunctionVersion="1")
        )
        assert (code, status) == ("ValidationException", 400)


def test_an_alias_that_does_not_exist(client: Any) -> None:
    missing = "ResourceNotFoundException", 404
    assert error_of(lambda: client.get_alias(FunctionName="f", Name="no")) == (
        *missing,
        f"Cannot find alias arn: {ARN}:no",
    )
    assert error_of(lambda: client.update_alias(FunctionName="f", Name="no")) == (
        *missing,
        f"Alias not found: {ARN}:no",
    )


def test_an_update_can_insist_on_a_revision(client: Any) -> None:
    created = client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert error_of(lambda: client.update_alias(FunctionName="f", Name="live", RevisionId="wrong")) == (
        "PreconditionFailedException",
        412,
        "The Revision Id provided does not match the latest Revision Id. "
        "Call the GetFunction/GetAlias API to retrieve the latest Revision Id",
    )
    changed = client.update_alias(
        FunctionName="f", Name="live", RevisionId=created["RevisionId"], Description="something changed"
    )
    assert (changed["Description"], changed["FunctionVersion"]) == ("something changed", "1")


def test_aliases_are_listed_by_version_and_in_pages(client: Any) -> None:
    for name, version in (("a", "1"), ("b", "2"), ("c", "1"), ("d", "$LATEST")):
        client.create_alias(FunctionName="f", Name=name, FunctionVersion=version)
    client.update_alias(FunctionName="f", Name="b", RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}})
    paginate = client.get_paginator("list_aliases").paginate
    pages = [page["Aliases"] for page in paginate(FunctionName="f", PaginationConfig={"PageSize": 3})]
    assert [[alias["Name"] for alias in page] for page in pages] == [["a", "b", "c"], ["d"]]
    of_version = client.list_aliases(FunctionName="f", FunctionVersion="1")["Aliases"]
    assert [alias["Name"] for alias in of_version] == ["a", "b", "c"]
    assert error_of(lambda: client.list_aliases(FunctionName="g")) == not_found(f"{ARN[:-1]}g")


def test_a_version_that_an_alias_names_cannot_be_deleted(client: Any) -> None:
    client.create_alias(
        FunctionName="f",
        Name="live",
        FunctionVersion="2",
        RoutingConfig={"AdditionalVersionWeights": {"1": 0.1}},
    )
    for version in ("1", "2"):
        assert error_of(lambda version=version: client.delete_function(FunctionName="f", Qualifier=version)) == (
            "ResourceConflictException",
            409,
            "Unable to delete version because the following aliases reference it: [live]",
        )
    assert error_of(lambda: client.delete_function(FunctionName="f", Qualifier="live")) == (
        "InvalidParameterValueException",
        400,
        "Deletion of aliases is not currently supported.",
    )
    client.delete_alias(FunctionName="f", Name="live")
    client.delete_function(FunctionName="f", Qualifier="1")


def test_events_of_an_alias_run_the_version_it_leads_to_when_they_run(emulator: RunningEmulator, client: Any) -> None:
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    client.put_function_event_invoke_config(FunctionName="f", Qualifier="live", MaximumRetryAttempts=0)
    assert client.invoke(FunctionName="f", Qualifier="live", InvocationType="Event")["StatusCode"] == 202
    emulator.settle()
    (attempt,) = emulator.control("GET", "timeline")["invocations"]
    assert attempt["outcome"] == "success"
    client.delete_alias(FunctionName="f", Name="live")
    assert client.list_function_event_invoke_configs(FunctionName="f")["FunctionEventInvokeConfigs"] == []


def test_everything_goes_with_the_function(client: Any) -> None:
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    client.put_provisioned_concurrency_config(FunctionName="f", Qualifier="live", ProvisionedConcurrentExecutions=1)
    client.delete_function(FunctionName="f")
    create(client)
    assert client.list_aliases(FunctionName="f")["Aliases"] == []
    assert client.list_provisioned_concurrency_configs(FunctionName="f")["ProvisionedConcurrencyConfigs"] == []
    assert [item["Version"] for item in client.list_versions_by_function(FunctionName="f")["Versions"]] == ["$LATEST"]
    assert client.get_account_settings()["AccountUsage"]["FunctionCount"] == 1
