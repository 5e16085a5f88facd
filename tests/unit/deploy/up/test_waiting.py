"""What a deployment that takes long says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from emulator.deploy.up.stacks import Stacks


class SlowStack:
    """A stack that has been made after a hundred looks, and waits for a custom resource until then."""

    def __init__(self, known: str = "") -> None:
        self.looks = 0
        self.known = {"ResourceStatusReason": known} if known else {}

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        self.looks += 1
        status = "CREATE_COMPLETE" if self.looks > 100 else "CREATE_IN_PROGRESS"
        return {"Stacks": [{"StackName": "demo", "StackId": "id", "StackStatus": status}]}

    def delete_stack(self, **_: Any) -> None:
        pass

    def get_paginator(self, _: str) -> SlowStack:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        made = {"LogicalResourceId": "Role", "ResourceType": "AWS::IAM::Role", "ResourceStatus": "CREATE_COMPLETE"}
        late = {"LogicalResourceId": "Late", "ResourceType": "Custom::Late", "ResourceStatus": "CREATE_IN_PROGRESS"}
        yield {"StackResourceSummaries": [made, {**late, **self.known}]}


class SharedStack:
    """A stack that somebody else begins to change just before we do, to what we want."""

    def __init__(self) -> None:
        self.asked = 0

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        return {"Stacks": [{"StackName": "demo", "StackId": "id", "StackStatus": "UPDATE_COMPLETE"}]}

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:
        return {"StackEvents": []}

    def update_stack(self, **_: Any) -> None:
        self.asked += 1
        busy = "Stack:id is in UPDATE_IN_PROGRESS state and can not be updated."
        message = busy if self.asked == 1 else "No updates are to be performed."
        raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "UpdateStack")


def test_who_deploys_at_the_same_moment_as_somebody_else_waits_and_tries_again() -> None:
    shared = SharedStack()
    outcome = Stacks(lambda service: shared, lambda seconds: None).deploy("demo", {"Resources": {}}, {})
    assert (outcome.action, shared.asked) == ("unchanged", 2)


def test_a_deployment_that_takes_long_says_what_it_waits_for() -> None:
    said: list[str] = []
    stacks = Stacks(lambda service: SlowStack(), lambda seconds: None, said.append)
    stacks.delete("demo")
    [line] = said
    assert line.startswith("waiting since 5 s for Late (Custom::Late); its function has not answered yet")


def test_a_deployment_that_takes_long_says_what_an_attempt_of_a_function_failed_with() -> None:
    said: list[str] = []
    slow = SlowStack("Function f failed with ValueError: nine. Lambda will try it again.")
    Stacks(lambda service: slow, lambda seconds: None, said.append).delete("demo")
    expected = "waiting since 5 s for Late (Custom::Late): Function f failed with ValueError: nine."
    assert said == [f"{expected} Lambda will try it again."]


class StuckStack:
    """A stack whose rollback fails until what is stuck is left out."""

    def __init__(self) -> None:
        self.continued: list[list[str]] = []

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        status = "UPDATE_ROLLBACK_COMPLETE" if self.continued[-1:] == [["Thing"]] else "UPDATE_ROLLBACK_FAILED"
        return {"Stacks": [{"StackName": "demo", "StackId": "id", "StackStatus": status}]}

    def describe_stack_events(self, **_: Any) -> dict[str, Any]:
        return {"StackEvents": []}

    def continue_update_rollback(self, ResourcesToSkip: list[str] | None = None, **_: Any) -> None:
        self.continued.append(ResourcesToSkip or [])

    def get_paginator(self, _: str) -> StuckStack:
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        stuck = {"LogicalResourceId": "Thing", "ResourceStatus": "UPDATE_FAILED"}
        yield {"StackResourceSummaries": [stuck, {"LogicalResourceId": "F", "ResourceStatus": "UPDATE_COMPLETE"}]}

    def update_stack(self, **_: Any) -> None:
        message = "No updates are to be performed."
        raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "UpdateStack")


def test_a_stack_whose_rollback_fails_twice_goes_on_without_what_is_stuck() -> None:
    stuck = StuckStack()
    outcome = Stacks(lambda service: stuck, lambda seconds: None).deploy("demo", {"Resources": {}}, {})
    assert (outcome.action, stuck.continued) == ("unchanged", [[], ["Thing"]])
