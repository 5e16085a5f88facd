"""Pending and InProgress for as long as the setting says, with AWS's recorded refusals meanwhile."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator
from tests.wire.lambda_support import ARN, ROLE, create, error_of, package, saying

PENDING = (
    "ResourceConflictException",
    409,
    "The operation cannot be performed at this time. The function is currently in the following state: Pending",
)
UPDATING = (
    "ResourceConflictException",
    409,
    f"The operation cannot be performed at this time. An update is in progress for resource: {ARN}",
)
CREATING = {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}
ACTIVE = {"State": "Active", "LastUpdateStatus": "Successful"}
IN_PROGRESS = {
    "State": "Active",
    "LastUpdateStatus": "InProgress",
    "LastUpdateStatusReason": "The function is being created.",
    "LastUpdateStatusReasonCode": "Creating",
}


@pytest.fixture
def client(emulator: RunningEmulator) -> Any:
    """A client of an emulator whose functions take 5 s to become ready."""
    emulator.control("PUT", "settings", {"function_change_seconds": 5})
    return emulator.client("lambda")


def state_of(answer: dict[str, Any]) -> dict[str, Any]:
    answer = answer.get("Configuration", answer)
    return {name: value for name, value in answer.items() if name.startswith(("State", "LastUpdate"))}


def said(client: Any, name: str = "f") -> Any:
    return json.loads(client.invoke(FunctionName=name)["Payload"].read())["code"]


def test_a_new_function_is_pending_until_its_time_has_come(client: Any, emulator: RunningEmulator) -> None:
    created = create(client)
    assert state_of(created) == CREATING
    for read in (client.get_function, client.get_function_configuration):
        assert state_of(read(FunctionName="f")) == CREATING
    assert client.get_function_configuration(FunctionName="f")["RevisionId"] == created["RevisionId"]
    emulator.advance(4.9)
    assert state_of(client.get_function(FunctionName="f")) == CREATING
    emulator.advance(0.1)
    ready = client.get_function(FunctionName="f")
    assert state_of(ready) == ACTIVE
    assert ready["Configuration"]["RevisionId"] != created["RevisionId"]
    assert said(client) == "one"


def test_lists_show_no_states_as_on_aws(client: Any) -> None:
    create(client, Publish=True)
    listed = client.list_functions()["Functions"] + client.list_versions_by_function(FunctionName="f")["Versions"]
    assert [state_of(item) for item in listed] == [{}] * 3


def test_a_pending_function_is_neither_invoked_nor_changed_nor_published(client: Any) -> None:
    create(client)
    assert error_of(lambda: client.invoke(FunctionName="f")) == PENDING
    assert error_of(lambda: client.invoke(FunctionName="f", InvocationType="Event")) == PENDING
    assert error_of(lambda: client.invoke_with_response_stream(FunctionName="f")) == PENDING
    assert error_of(lambda: client.update_function_code(FunctionName="f", ZipFile=saying("two"))) == PENDING
    assert error_of(lambda: client.update_function_configuration(FunctionName="f", Timeout=9)) == PENDING
    assert error_of(lambda: client.publish_version(FunctionName="f")) == PENDING
    client.invoke(FunctionName="f", InvocationType="DryRun")
    client.delete_function(FunctionName="f")


def test_an_update_in_progress_refuses_others_and_leaves_the_code_before_it_running(
    client: Any, emulator: RunningEmulator
) -> None:
    create(client)
    emulator.advance(5)
    assert said(client) == "one"
    updated = client.update_function_code(FunctionName="f", ZipFile=saying("two"))
    assert state_of(updated) == IN_PROGRESS
    shown = client.get_function_configuration(FunctionName="f")
    assert state_of(shown) == IN_PROGRESS
    assert (shown["RevisionId"], shown["CodeSha256"]) == (updated["RevisionId"], updated["CodeSha256"])
    assert error_of(lambda: client.update_function_code(FunctionName="f", ZipFile=saying("three"))) == UPDATING
    assert error_of(lambda: client.update_function_configuration(FunctionName="f", Timeout=9)) == UPDATING
    assert error_of(lambda: client.publish_version(FunctionName="f")) == UPDATING
    assert said(client) == "one"
    emulator.advance(5)
    assert state_of(client.get_function(FunctionName="f")) == ACTIVE
    assert said(client) == "two"


def test_the_package_before_an_update_is_kept_until_the_update_is_complete(
    client: Any, emulator: RunningEmulator
) -> None:
    create(client)
    emulator.advance(5)
    client.update_function_code(FunctionName="f", ZipFile=saying("two"))  # nothing has extracted the first yet
    assert said(client) == "one"
    emulator.advance(5)
    assert said(client) == "two"


def test_an_event_runs_with_the_code_there_is_when_it_runs(client: Any, emulator: RunningEmulator) -> None:
    create(client)
    emulator.advance(5)
    client.update_function_configuration(FunctionName="f", Environment={"Variables": {"KEY": "b"}})
    client.invoke(FunctionName="f", InvocationType="Event")
    emulator.settle()
    attempts = emulator.control("GET", "timeline")["invocations"]
    assert [attempt["outcome"] for attempt in attempts] == ["success"]


def test_a_published_update_is_a_pending_version_of_a_function_in_progress(
    client: Any, emulator: RunningEmulator
) -> None:
    create(client)
    emulator.advance(5)
    answer = client.update_function_code(FunctionName="f", ZipFile=saying("two"), Publish=True)
    assert (state_of(answer), answer["Version"]) == (CREATING, "1")
    version = client.get_function(FunctionName="f", Qualifier="1")["Configuration"]
    assert state_of(version) == CREATING
    assert version["RevisionId"] == answer["RevisionId"]
    assert state_of(client.get_function(FunctionName="f", Qualifier="$LATEST")) == IN_PROGRESS
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    assert error_of(lambda: client.invoke(FunctionName="f:live")) == PENDING
    provision = {"FunctionName": "f", "Qualifier": "1", "ProvisionedConcurrentExecutions": 1}
    assert error_of(lambda: client.put_provisioned_concurrency_config(**provision)) == PENDING
    emulator.advance(5)
    assert state_of(client.get_function(FunctionName="f", Qualifier="1")) == ACTIVE
    assert said(client, "f:live") == "two"


def test_a_version_published_from_an_active_function_is_active_at_once(client: Any, emulator: RunningEmulator) -> None:
    create(client)
    emulator.advance(5)
    assert state_of(client.publish_version(FunctionName="f")) == ACTIVE
    client.update_function_configuration(FunctionName="f", SnapStart={"ApplyOn": "PublishedVersions"})
    emulator.advance(5)
    assert state_of(client.publish_version(FunctionName="f")) == CREATING  # a snapshot is taken
    assert error_of(lambda: client.invoke(FunctionName="f:2")) == (
        "SnapStartNotReadyException",
        409,
        "Lambda is initializing your function. You can invoke the function when the function state becomes Active.",
    )
    emulator.advance(5)
    assert said(client, "f:2") == "one"


def test_events_wait_for_a_function_that_was_created_anew_to_become_active(
    client: Any, emulator: RunningEmulator
) -> None:
    failing = {"ZipFile": package("def handler(event, context): raise ValueError")}
    create(client, Code=failing)
    emulator.advance(5)
    client.invoke(FunctionName="f", InvocationType="Event")
    emulator.advance(59)
    client.delete_function(FunctionName="f")
    create(client)
    emulator.settle()
    attempts = emulator.control("GET", "timeline")["invocations"]
    outcomes = [attempt["outcome"] for attempt in attempts]
    assert outcomes == ["function_error", *["system_error"] * 3, "success"]


def test_the_waiters_of_sdks_wait_for_a_function(client: Any, emulator: RunningEmulator) -> None:
    create(client)
    emulator.control("POST", "clock", {"action": "scale", "factor": 100})
    quick = {"Delay": 0.05, "MaxAttempts": 400}
    try:
        client.get_waiter("function_active_v2").wait(FunctionName="f", WaiterConfig=quick)
        client.update_function_configuration(FunctionName="f", Timeout=9)
        client.get_waiter("function_updated_v2").wait(FunctionName="f", WaiterConfig=quick)
    finally:
        emulator.control("POST", "clock", {"action": "freeze"})
    assert state_of(client.get_function(FunctionName="f")) == ACTIVE


def test_a_change_under_way_survives_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, data=tmp_path / "data", frozen=True)
    with RunningEmulator(settings) as emulator:
        emulator.control("PUT", "settings", {"function_change_seconds": 5})
        client = emulator.client("lambda")
        create(client)
        emulator.advance(5)
        client.update_function_code(FunctionName="f", ZipFile=saying("two"))
    with RunningEmulator(settings) as emulator:
        client = emulator.client("lambda")
        assert state_of(client.get_function(FunctionName="f")) == IN_PROGRESS
        assert said(client) == "one"
        emulator.advance(5)
        assert state_of(client.get_function(FunctionName="f")) == ACTIVE
        assert said(client) == "two"


def test_deleting_a_function_under_change_leaves_nothing_of_the_change(client: Any, emulator: RunningEmulator) -> None:
    create(client)
    client.delete_function(FunctionName="f")
    emulator.control("PUT", "settings", {"function_change_seconds": 0})
    client.create_function(
        FunctionName="f", Runtime="python3.12", Handler="app.handler", Role=ROLE, Code={"ZipFile": saying("new")}
    )
    revision = client.get_function_configuration(FunctionName="f")["RevisionId"]
    emulator.settle()
    assert client.get_function_configuration(FunctionName="f")["RevisionId"] == revision
    assert said(client) == "new"
