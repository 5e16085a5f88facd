"""What a deployment that takes long says of itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

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


def test_a_deployment_that_takes_long_says_what_it_waits_for() -> None:
    said: list[str] = []
    stacks = Stacks(lambda service: SlowStack(), lambda seconds: None, said.append)
    stacks.delete("demo")
    [line] = said
    assert line.startswith("waiting since 5 s for Late (Custom::Late); its function has not answered yet")
