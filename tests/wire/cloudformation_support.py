"""What the tests of CloudFormation share: templates as values, deployed and awaited."""

from __future__ import annotations

import json
from typing import Any

from emulator.testing import RunningEmulator

ROLE = "arn:aws:iam::000000000000:role/story"


def template(resources: dict[str, Any], **sections: Any) -> str:
    """A template's text."""
    return json.dumps({"Resources": resources, **sections})


def queue(**properties: Any) -> dict[str, Any]:
    """A queue as templates declare it."""
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


def settled(emulator: RunningEmulator, name: str = "demo") -> dict[str, Any]:
    """A stack once it has settled."""
    emulator.settle()
    return emulator.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]


def create(emulator: RunningEmulator, body: str, name: str = "demo", **more: Any) -> dict[str, Any]:
    """The stack that CreateStack made, once it has settled."""
    made = emulator.client("cloudformation").create_stack(StackName=name, TemplateBody=body, **more)
    return settled(emulator, made["StackId"])


def update(emulator: RunningEmulator, body: str, name: str = "demo", **more: Any) -> dict[str, Any]:
    """The stack that UpdateStack changed, once it has settled."""
    made = emulator.client("cloudformation").update_stack(StackName=name, TemplateBody=body, **more)
    return settled(emulator, made["StackId"])


def history(emulator: RunningEmulator, name: str = "demo") -> list[tuple[str, str, str]]:
    """(logical id, status, reason) of a stack's events, the oldest first."""
    pages = emulator.client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
    events = [event for page in pages for event in page["StackEvents"]]
    return [
        (event["LogicalResourceId"], event["ResourceStatus"], event.get("ResourceStatusReason", ""))
        for event in reversed(events)
    ]


def resources(emulator: RunningEmulator, name: str = "demo") -> dict[str, str]:
    """Physical ids by logical ids."""
    found = emulator.client("cloudformation").describe_stack_resources(StackName=name)["StackResources"]
    return {item["LogicalResourceId"]: item.get("PhysicalResourceId", "") for item in found}
