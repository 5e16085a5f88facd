"""What a deployment that takes long says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from emulator.deploy.up.stacks import Stacks


class SlowStack:
    """A stack that has been made after a hundred looks, and waits for a custom resource until then."""

    def __init__(self) -> None:
        self.looks = 0

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
        yield {"StackResourceSummaries": [made, late]}


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
