"""Versions and aliases of state machines through boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/states"


def passing(number: int) -> str:
    return json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": number, "End": True}}})


@pytest.fixture
def sfn(emulator: RunningEmulator) -> Any:
    return emulator.client("stepfunctions")


def create(sfn: Any, **more: Any) -> str:
    return sfn.create_state_machine(name="m", definition=passing(0), roleArn=ROLE, **more)["stateMachineArn"]


def error_of(work: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        work()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def routing(*routes: tuple[str, int]) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": arn, "weight": weight} for arn, weight in routes]


def versions(sfn: Any, arn: str, count: int) -> list[str]:
    """Publish `count` versions whose outputs are 1, 2, …"""
    made: list[str] = []
    for number in range(1, count + 1):
        answer = sfn.update_state_machine(stateMachineArn=arn, definition=passing(number), publish=True)
        made.append(answer["stateMachineVersionArn"])
    return made


def test_a_version_stays_what_it_was(emulator: RunningEmulator, sfn: Any) -> None:
    arn = create(sfn)
    first, second = versions(sfn, arn, 2)
    assert (first, second) == (f"{arn}:1", f"{arn}:2")
    emulator.advance(5)
    started = [sfn.start_execution(stateMachineArn=which)["executionArn"] for which in (first, second, arn)]
    sfn.update_state_machine(stateMachineArn=arn, definition=passing(9))
    emulator.settle()
    shown = [sfn.describe_execution(executionArn=execution) for execution in started]
    assert [item["output"] for item in shown] == ["1", "2", "2"]
    assert [item.get("stateMachineVersionArn") for item in shown] == [first, second, None]
    assert {item["stateMachineArn"] for item in shown} == {arn}
    described = sfn.describe_state_machine(stateMachineArn=first)
    assert described["stateMachineArn"] == first
    assert described["definition"] == passing(1)
    assert described["description"] == ""
    listed = sfn.list_executions(stateMachineArn=first)["executions"]
    assert [item["executionArn"] for item in listed] == [started[0]]
    assert len(sfn.list_executions(stateMachineArn=arn)["executions"]) == 3


def test_publishing_the_same_revision_again_gives_the_same_version(sfn: Any) -> None:
    arn = create(sfn, publish=True, versionDescription="first")
    listed = sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"]
    assert [item["stateMachineVersionArn"] for item in listed] == [f"{arn}:1"]
    again = sfn.publish_state_machine_version(stateMachineArn=arn, revisionId="INITIAL")
    assert again["stateMachineVersionArn"] == f"{arn}:1"
    assert again["creationDate"] == listed[0]["creationDate"]
    revision = sfn.update_state_machine(stateMachineArn=arn, definition=passing(1))["revisionId"]
    assert error_of(lambda: sfn.publish_state_machine_version(stateMachineArn=arn, revisionId="other")) == (
        "ConflictException",
        "Failed to publish the State Machine version for revision other. The current State Machine revision is "
        f"{revision}.",
    )
    second = sfn.publish_state_machine_version(stateMachineArn=arn, revisionId=revision, description="next")
    assert second["stateMachineVersionArn"] == f"{arn}:2"
    assert sfn.describe_state_machine(stateMachineArn=f"{arn}:2")["description"] == "next"
    assert error_of(lambda: create(sfn, versionDescription="x")) == (
        "ValidationException", "Version description can only be set when publish is true",
    )  # fmt: skip


def test_version_numbers_are_not_used_again_and_pages_go_from_new_to_old(sfn: Any) -> None:
    arn = create(sfn)
    made = versions(sfn, arn, 3)
    sfn.delete_state_machine_version(stateMachineVersionArn=made[2])
    sfn.delete_state_machine_version(stateMachineVersionArn=made[2])
    sfn.update_state_machine(stateMachineArn=arn, definition=passing(7), publish=True)
    page = sfn.list_state_machine_versions(stateMachineArn=arn, maxResults=2)
    assert [item["stateMachineVersionArn"] for item in page["stateMachineVersions"]] == [f"{arn}:4", f"{arn}:2"]
    rest = sfn.list_state_machine_versions(stateMachineArn=arn, nextToken=page["nextToken"])
    assert [item["stateMachineVersionArn"] for item in rest["stateMachineVersions"]] == [f"{arn}:1"]
    assert "nextToken" not in rest
    assert error_of(lambda: sfn.start_execution(stateMachineArn=made[2]))[0] == "StateMachineDoesNotExist"
    assert error_of(lambda: sfn.tag_resource(resourceArn=made[0], tags=[{"key": "a", "value": "b"}])) == (
        "ResourceNotFound", f"Resource not found: '{made[0]}'",
    )  # fmt: skip
    sfn.delete_state_machine(stateMachineArn=arn)
    assert sfn.list_state_machine_versions(stateMachineArn=arn)["stateMachineVersions"] == []
    assert error_of(lambda: sfn.describe_state_machine(stateMachineArn=made[0]))[0] == "StateMachineDoesNotExist"


def test_an_alias_leads_to_its_versions_by_weight(emulator: RunningEmulator, sfn: Any) -> None:
    arn = create(sfn)
    first, second = versions(sfn, arn, 2)
    alias = sfn.create_state_machine_alias(name="prod", routingConfiguration=routing((first, 50), (second, 50)))
    assert alias["stateMachineAliasArn"] == f"{arn}:prod"
    for _ in range(30):
        sfn.start_execution(stateMachineArn=f"{arn}:prod")
    emulator.settle()
    listed = sfn.list_executions(stateMachineArn=f"{arn}:prod")["executions"]
    assert {item["stateMachineVersionArn"] for item in listed} == {first, second}
    assert {item["stateMachineAliasArn"] for item in listed} == {f"{arn}:prod"}
    other = sfn.create_state_machine(name="other", definition=passing(0), roleArn=ROLE, publish=True)
    assert error_of(
        lambda: sfn.update_state_machine_alias(
            stateMachineAliasArn=f"{arn}:prod", routingConfiguration=routing((other["stateMachineVersionArn"], 100))
        )
    ) == ("ValidationException", "Routing configuration must contain versions of the state machine of the alias.")
    whole = routing((first, 100), (second, 0))
    sfn.update_state_machine_alias(stateMachineAliasArn=f"{arn}:prod", routingConfiguration=whole)
    for _ in range(5):
        execution = sfn.start_execution(stateMachineArn=f"{arn}:prod")["executionArn"]
        assert sfn.describe_execution(executionArn=execution)["stateMachineVersionArn"] == first
    sfn.update_state_machine_alias(stateMachineAliasArn=f"{arn}:prod", routingConfiguration=routing((second, 100)))
    execution = sfn.start_execution(stateMachineArn=f"{arn}:prod")["executionArn"]
    emulator.settle()
    described = sfn.describe_execution(executionArn=execution)
    assert described["output"] == "2"
    assert described["stateMachineAliasArn"] == f"{arn}:prod"
    assert described["stateMachineVersionArn"] == second
    assert described["stateMachineArn"] == arn


def test_an_alias_is_created_once_described_changed_and_deleted(emulator: RunningEmulator, sfn: Any) -> None:
    arn = create(sfn)
    first, second = versions(sfn, arn, 2)
    request = {"name": "prod", "description": "d", "routingConfiguration": routing((first, 100))}
    made = sfn.create_state_machine_alias(**request)
    emulator.advance(5)
    assert sfn.create_state_machine_alias(**request)["creationDate"] == made["creationDate"]
    conflict = (
        "ConflictException",
        "Failed to create alias because an alias with the same name and a different routing configuration already "
        "exists.",
    )
    assert error_of(lambda: sfn.create_state_machine_alias(**{**request, "description": "e"})) == conflict
    other = routing((first, 1), (second, 99))
    assert error_of(lambda: sfn.create_state_machine_alias(**{**request, "routingConfiguration": other})) == conflict
    sfn.update_state_machine_alias(stateMachineAliasArn=f"{arn}:prod", description="new")
    shown = sfn.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:prod")
    assert (shown["name"], shown["description"]) == ("prod", "new")
    assert shown["routingConfiguration"] == routing((first, 100))
    assert (shown["updateDate"] - shown["creationDate"]).total_seconds() == 5
    assert error_of(lambda: sfn.delete_state_machine_version(stateMachineVersionArn=first)) == (
        "ConflictException",
        "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this version: "
        "[prod]",
    )
    sfn.create_state_machine_alias(name="test", routingConfiguration=routing((second, 100)))
    page = sfn.list_state_machine_aliases(stateMachineArn=arn, maxResults=1)
    assert [item["stateMachineAliasArn"] for item in page["stateMachineAliases"]] == [f"{arn}:prod"]
    rest = sfn.list_state_machine_aliases(stateMachineArn=arn, nextToken=page["nextToken"])
    assert [item["stateMachineAliasArn"] for item in rest["stateMachineAliases"]] == [f"{arn}:test"]
    of_version = sfn.list_state_machine_aliases(stateMachineArn=second)["stateMachineAliases"]
    assert [item["stateMachineAliasArn"] for item in of_version] == [f"{arn}:test"]
    sfn.delete_state_machine_alias(stateMachineAliasArn=f"{arn}:prod")
    sfn.delete_state_machine_alias(stateMachineAliasArn=f"{arn}:prod")
    sfn.delete_state_machine_version(stateMachineVersionArn=first)
    gone = ("ResourceNotFound", "Request references a resource that does not exist.")
    assert error_of(lambda: sfn.describe_state_machine_alias(stateMachineAliasArn=f"{arn}:prod")) == gone
    update = {"stateMachineAliasArn": f"{arn}:prod", "description": "x"}
    assert error_of(lambda: sfn.update_state_machine_alias(**update)) == gone
    bad = {"stateMachineArn": arn, "nextToken": "InvalidToken"}
    assert error_of(lambda: sfn.list_state_machine_aliases(**bad)) == (
        "InvalidToken", "Invalid Token: 'Invalid token'",
    )  # fmt: skip


def test_a_routing_that_makes_no_sense_is_refused_in_aws_words(sfn: Any) -> None:
    arn = create(sfn)
    one, two, three = versions(sfn, arn, 3)

    def refused(*routes: tuple[str, int]) -> str:
        code, text = error_of(lambda: sfn.create_state_machine_alias(name="a", routingConfiguration=routing(*routes)))
        assert code == "ValidationException"
        return text

    assert refused((arn, 50), (two, 50)) == (
        f"Routing configuration must contain state machine version ARNs. Received: [{arn}, {two}]"
    )
    assert refused((one, 50), (one, 50)) == (
        f"Routing configuration must contain distinct state machine version ARNs. Received: [{one}, {one}]"
    )
    for weights in ((70, 29), (70, 31)):
        assert refused((one, weights[0]), (two, weights[1])) == (
            f"Sum of routing configuration weights must equal 100. Received: [{weights[0]}, {weights[1]}]"
        )
    assert refused((one, 101)) == (
        "1 validation error detected: Value '101' at 'routingConfiguration.1.member.weight' failed to satisfy "
        "constraint: Member must have value less than or equal to 100"
    )
    shown = ", ".join(
        f"RoutingConfigurationListItem(stateMachineVersionArn={which}, weight={weight})"
        for which, weight in ((one, 50), (two, 30), (three, 20))
    )
    assert refused((one, 50), (two, 30), (three, 20)) == (
        f"1 validation error detected: Value '[{shown}]' at 'routingConfiguration' failed to satisfy constraint: "
        "Member must have length less than or equal to 2"
    )
    for name in ("123", "INVALID ALIAS", "!INVALID", "ALIAS@"):
        work = {"name": name, "routingConfiguration": routing((one, 100))}
        assert error_of(lambda work=work: sfn.create_state_machine_alias(**work)) == (
            "ValidationException",
            f"1 validation error detected: Value '{name}' at 'name' failed to satisfy constraint: Member must satisfy "
            r"regular expression pattern: ^(?=.*[a-zA-Z_\-\.])[a-zA-Z0-9_\-\.]+$",
        )
