"""Resource types as tests see them: what a template says, what Ref and Fn::GetAtt answer, what an update changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from emulator.testing import RunningEmulator
from tests.wire.cloudformation_support import create, history, resources, settled, template, update


@dataclass(frozen=True)
class Sample:
    """A resource of a type, with a change of it."""

    kind: str
    """Without `AWS::`."""
    properties: dict[str, Any] = field(default_factory=dict[str, Any])
    attributes: str = ""
    """Everything that AWS documents for Fn::GetAtt."""
    after: dict[str, Any] = field(default_factory=dict[str, Any])
    """Properties that an update changes in place."""
    replaced_by: dict[str, Any] = field(default_factory=dict[str, Any])
    """Properties whose change makes it another resource, whose Ref is another."""
    empty: str = ""
    """Attributes that are empty texts here."""
    depends_on: list[str] = field(default_factory=list[str])


Group = dict[str, Sample]


def of(name: str, attribute: str = "Arn") -> dict[str, Any]:
    """An attribute of another resource."""
    return {"Fn::GetAtt": [name, attribute]}


def ref(name: str) -> dict[str, Any]:
    """Another resource."""
    return {"Ref": name}


def allow(resource: Any = "*", principal: Any = "*", action: str = "*") -> dict[str, Any]:
    """A policy that allows something."""
    statement = {"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource}
    return {"Version": "2012-10-17", "Statement": [statement]}


def body(group: Group, stage: str = "") -> str:
    """The template of a group, with an output for each Ref and attribute."""
    declared: dict[str, Any] = {}
    outputs: dict[str, Any] = {}
    for name, sample in group.items():
        properties = {**sample.properties, **(sample.after if stage else {})}
        if stage == "replaced":
            properties |= sample.replaced_by
        declared[name] = {"Type": f"AWS::{sample.kind}", "Properties": properties, "DependsOn": sample.depends_on}
        outputs[f"{name}0"] = {"Value": ref(name)}
        for index, attribute in enumerate(sample.attributes.split(), start=1):
            outputs[f"{name}{index}"] = {"Value": {"Fn::Sub": f"${{{name}.{attribute}}}"}}
    return template(declared, Outputs=outputs)


def live(emulator: RunningEmulator, group: Group) -> None:
    """Make a group's resources, change them in place, have some replaced, delete them."""
    capable: dict[str, Any] = {"Capabilities": ["CAPABILITY_NAMED_IAM"]}
    stack = create(emulator, body(group), **capable)
    assert stack["StackStatus"] == "CREATE_COMPLETE", reasons(emulator)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    for name, sample in group.items():
        for index, attribute in enumerate(("Ref", *sample.attributes.split())):
            assert (outputs[f"{name}{index}"] != "") == (attribute not in sample.empty.split()), (name, attribute)
    made = resources(emulator)
    if any(sample.after for sample in group.values()):
        stack = update(emulator, body(group, "changed"), **capable)
        assert stack["StackStatus"] == "UPDATE_COMPLETE", reasons(emulator)
        now = resources(emulator)
        assert [f"{name}: {now[name]}" for name in made if now[name] != made[name]] == []
    if any(sample.replaced_by for sample in group.values()):
        stack = update(emulator, body(group, "replaced"), **capable)
        assert stack["StackStatus"] == "UPDATE_COMPLETE", reasons(emulator)
        now = resources(emulator)
        for name, sample in group.items():
            assert not sample.replaced_by or now[name] != made[name], name
    emulator.client("cloudformation").delete_stack(StackName="demo")
    assert settled(emulator, stack["StackId"])["StackStatus"] == "DELETE_COMPLETE", reasons(emulator, stack["StackId"])


def reasons(emulator: RunningEmulator, name: str = "demo") -> list[str]:
    """What went wrong."""
    return [f"{who}: {why}" for who, status, why in history(emulator, name) if why and "INITIATED" not in why.upper()]
