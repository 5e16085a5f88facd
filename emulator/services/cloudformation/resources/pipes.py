"""Pipes."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, cast

from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import deleting, retag
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    Properties,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)
from emulator.services.cloudformation.resources.values import moment_text

_PIPE = (
    "Description DesiredState Enrichment EnrichmentParameters KmsKeyIdentifier LogConfiguration RoleArn"
    " SourceParameters Target TargetParameters"
)
_FIXED = words(
    "AdditionalBootstrapServers ConsumerGroupID QueueName StartingPosition StartingPositionTimestamp TopicName"
    " VirtualHost"
)
"""Members of a source's parameters that UpdatePipe does not have: their change replaces the pipe."""


def _create_pipe(it: Subject) -> Steps:
    made = yield Call("CreatePipe", {**it.wanted(*_PIPE.split(), "Name", "Source"), "Tags": it.all_tags() or None})
    return Made(it.name, _attributes(it, made))


def _attributes(it: Subject, told: Mapping[str, Any]) -> dict[str, Json]:
    """CurrentState is the one it comes to: nothing refers to the pipe before."""
    return {
        "Arn": told["Arn"],
        "CreationTime": moment_text(told["CreationTime"]),
        "CurrentState": it.get("DesiredState", "RUNNING"),
        "LastModifiedTime": moment_text(told["LastModifiedTime"]),
        "StateReason": told.get("StateReason") or "",
    }


def _sources(properties: Properties) -> tuple[dict[str, Any], dict[str, Any]]:
    """A source's parameters: those that can be changed, and those that cannot."""
    free: dict[str, Any] = {}
    fixed: dict[str, Any] = {}
    for kind, given in cast("dict[str, Any]", properties.get("SourceParameters") or {}).items():
        if kind == "FilterCriteria":
            free[kind] = given
            continue
        free[kind] = {name: value for name, value in given.items() if name not in _FIXED}
        fixed[kind] = {name: value for name, value in given.items() if name in _FIXED}
    return free, fixed


def _update_pipe(it: Subject) -> Steps:
    request = it.wanted(*_PIPE.split())
    if "SourceParameters" in request:
        request["SourceParameters"] = _sources(it.properties)[0]
    made = yield Call("UpdatePipe", {**request, "Name": it.physical_id})
    yield from retag(it, str(it.attributes["Arn"]))
    return Made(it.physical_id, _attributes(it, made))


def _is_there(it: Subject) -> Generator[Call, Json, bool]:
    told = yield Call("DescribePipe", {"Name": it.physical_id})
    state: str = told["CurrentState"]
    if state.endswith("_FAILED"):
        raise ResourceFailed(told.get("StateReason") or f"The pipe is {state}")
    return state in ("RUNNING", "STOPPED")


TYPES = [
    ResourceType(
        name="AWS::Pipes::Pipe",
        service="pipes",
        properties=words(f"{_PIPE} Name Source Tags"),
        required=words("RoleArn Source Target"),
        replaces=words("Name Source"),
        replaces_when=lambda before, after: _sources(before)[1] != _sources(after)[1],
        named_by="Name",
        create=_create_pipe,
        update=_update_pipe,
        delete=deleting("DeletePipe", "Name"),
        ready=_is_there,
    ),
]
