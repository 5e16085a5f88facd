"""Schedules and their groups."""

from __future__ import annotations

from collections.abc import Generator

from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import deleting, retag
from emulator.services.cloudformation.resources.types import Call, Made, ResourceType, Steps, Subject, words
from emulator.services.cloudformation.resources.values import moment_text

_SCHEDULE = (
    "Description EndDate FlexibleTimeWindow GroupName KmsKeyArn Name ScheduleExpression ScheduleExpressionTimezone"
    " StartDate State Target"
)


def _create_schedule(it: Subject) -> Steps:
    made = yield Call("CreateSchedule", {**it.wanted(*_SCHEDULE.split()), "ClientToken": it.token})
    return Made(it.name, {"Arn": made["ScheduleArn"]})


def _update_schedule(it: Subject) -> Steps:
    request = {**it.wanted(*_SCHEDULE.split()), "Name": it.physical_id, "ClientToken": it.token}
    yield Call("UpdateSchedule", request)  # what it does not name goes back to its default
    return Made(it.physical_id, it.attributes)


def _create_group(it: Subject) -> Steps:
    made = yield Call("CreateScheduleGroup", {"Name": it.name, "Tags": it.all_tags() or None, "ClientToken": it.token})
    return (yield from _described(it.name, made["ScheduleGroupArn"]))


def _described(name: str, arn: str) -> Steps:
    told = yield Call("GetScheduleGroup", {"Name": name})
    attributes: dict[str, Json] = {"Arn": arn, "State": told["State"]}
    for member in ("CreationDate", "LastModificationDate"):
        attributes[member] = moment_text(told[member])
    return Made(name, attributes)


def _update_group(it: Subject) -> Steps:
    arn = str(it.attributes["Arn"])
    yield from retag(it, arn)
    return (yield from _described(it.physical_id, arn))


def _delete_schedule(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteSchedule", {**it.wanted("GroupName"), "Name": it.physical_id})
    return None


TYPES = [
    ResourceType(
        name="AWS::Scheduler::Schedule",
        service="scheduler",
        properties=words(_SCHEDULE),
        required=words("FlexibleTimeWindow ScheduleExpression Target"),
        replaces=words("GroupName Name"),  # UpdateSchedule moves no schedule to another group
        named_by="Name",
        create=_create_schedule,
        update=_update_schedule,
        delete=_delete_schedule,
    ),
    ResourceType(
        name="AWS::Scheduler::ScheduleGroup",
        service="scheduler",
        properties=words("Name Tags"),
        replaces=words("Name"),
        named_by="Name",
        create=_create_group,
        update=_update_group,
        delete=deleting("DeleteScheduleGroup", "Name"),
    ),
]
