"""Rules, buses, their policies, archives, connections and API destinations."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import deleting, retag
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)
from emulator.services.cloudformation.resources.values import text_of

AT_ONCE = 10
"""Targets that PutTargets takes in one call."""


def _bus_of(it: Subject) -> str:
    """The name of the rule's bus, which a template may give as its ARN."""
    return str(it.get("EventBusName") or "default").rpartition("/")[2]


def _put_rule(it: Subject) -> Steps:
    request = it.wanted("Description", "RoleArn", "ScheduleExpression", "State")
    if it.get("EventPattern") is not None:
        request["EventPattern"] = text_of(it.get("EventPattern"))
    if it.physical_id:
        request = {"Description": "", "State": "ENABLED", **request}
    elif it.all_tags():
        request["Tags"] = it.all_tags()
    bus = it.get("EventBusName")
    where = {"EventBusName": bus} if bus else {}
    made = yield Call("PutRule", {**request, **where, "Name": it.name})
    targets: list[dict[str, Any]] = it.get("Targets") or []
    wanted = {target.get("Id") for target in targets}
    gone = [target["Id"] for target in it.previous.get("Targets") or [] if target["Id"] not in wanted]
    if gone:
        yield Call("RemoveTargets", {"Rule": it.name, "Ids": gone, **where})
    for first in range(0, len(targets), AT_ONCE):
        batch = targets[first : first + AT_ONCE]
        told = yield Call("PutTargets", {"Rule": it.name, "Targets": batch, **where})
        for failed in told.get("FailedEntries") or []:
            raise ResourceFailed(str(failed.get("ErrorMessage")))
    name = it.name if _bus_of(it) == "default" else f"{_bus_of(it)}|{it.name}"
    if it.physical_id:
        yield from retag(it, made["RuleArn"])
    return Made(it.name, {"Arn": made["RuleArn"], "RuleName": it.name}, ref=name)


def _delete_rule(it: Subject) -> Generator[Call, Json, Made | None]:
    where = {"EventBusName": it.get("EventBusName")} if it.get("EventBusName") else {}
    told = yield Call("ListTargetsByRule", {"Rule": it.physical_id, **where})
    ids = [target["Id"] for target in told["Targets"]]
    if ids:
        yield Call("RemoveTargets", {"Rule": it.physical_id, "Ids": ids, **where})
    yield Call("DeleteRule", {"Name": it.physical_id, **where})
    return None


def _create_bus(it: Subject) -> Steps:
    name = str(it.get("Name"))
    request = it.wanted("DeadLetterConfig", "Description", "EventSourceName", "KmsKeyIdentifier", "LogConfig")
    made = yield Call("CreateEventBus", {**request, "Name": name, "Tags": it.all_tags() or None})
    yield from _allow(it, name)
    return Made(name, {"Arn": made["EventBusArn"], "Name": name})


def _allow(it: Subject, name: str) -> Generator[Call, Json, None]:
    if it.get("Policy"):
        yield Call("PutPermission", {"EventBusName": name, "Policy": text_of(it.get("Policy"))})
    elif it.previous.get("Policy"):
        yield Call("RemovePermission", {"EventBusName": name, "RemoveAllPermissions": True})


def _update_bus(it: Subject) -> Steps:
    name = it.physical_id
    if it.changed("DeadLetterConfig", "Description", "KmsKeyIdentifier", "LogConfig"):
        request = it.wanted("DeadLetterConfig", "Description", "KmsKeyIdentifier", "LogConfig")
        yield Call("UpdateEventBus", {**request, "Name": name})
    if it.changed("Policy"):
        yield from _allow(it, name)
    yield from retag(it, str(it.attributes["Arn"]), "ResourceARN")
    return Made(name, it.attributes)


def _put_bus_policy(it: Subject) -> Steps:
    request = it.wanted("Action", "Condition", "EventBusName", "Principal", "StatementId")
    if it.get("Statement") is not None:
        statement = {"Sid": it.get("StatementId"), **it.get("Statement")}
        bus = str(it.get("EventBusName") or "default")
        told = yield Call("DescribeEventBus", {"Name": bus})
        others = _statements(told.get("Policy"), str(it.get("StatementId")))
        policy = {"Version": "2012-10-17", "Statement": [*others, statement]}
        request = {"EventBusName": bus, "Policy": text_of(policy)}
    yield Call("PutPermission", request)
    return Made(f"{it.get('EventBusName') or 'default'}|{it.get('StatementId')}")


def _statements(policy: str | None, but: str) -> list[Any]:
    found: list[Any] = json.loads(policy)["Statement"] if policy else []
    return [statement for statement in found if statement.get("Sid") != but]


def _delete_bus_policy(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("RemovePermission", it.wanted("EventBusName", "StatementId"))
    return None


def _create_archive(it: Subject) -> Steps:
    request = it.wanted("Description", "EventPattern", "KmsKeyIdentifier", "RetentionDays", EventSourceArn="SourceArn")
    made = yield Call("CreateArchive", {**request, "ArchiveName": it.name})
    return Made(it.name, {"Arn": made["ArchiveArn"], "ArchiveName": it.name})


def _update_archive(it: Subject) -> Steps:
    request = it.wanted("Description", "EventPattern", "KmsKeyIdentifier", "RetentionDays")
    yield Call("UpdateArchive", {**request, "ArchiveName": it.physical_id})
    return Made(it.physical_id, it.attributes)


_CONNECTION = "AuthParameters AuthorizationType Description InvocationConnectivityParameters KmsKeyIdentifier"


def _create_connection(it: Subject) -> Steps:
    made = yield Call("CreateConnection", {**it.wanted(*_CONNECTION.split()), "Name": it.name})
    told = yield Call("DescribeConnection", {"Name": it.name})
    arn = made["ConnectionArn"]
    return Made(it.name, {"Arn": arn, "ArnForPolicy": arn.rpartition("/")[0], "SecretArn": told.get("SecretArn", "")})


def _update_connection(it: Subject) -> Steps:
    yield Call("UpdateConnection", {**it.wanted(*_CONNECTION.split()), "Name": it.physical_id})
    return Made(it.physical_id, it.attributes)


_DESTINATION = "ConnectionArn Description HttpMethod InvocationEndpoint InvocationRateLimitPerSecond"


def _create_destination(it: Subject) -> Steps:
    made = yield Call("CreateApiDestination", {**it.wanted(*_DESTINATION.split()), "Name": it.name})
    arn = made["ApiDestinationArn"]
    return Made(it.name, {"Arn": arn, "ArnForPolicy": arn.rpartition("/")[0]})


def _update_destination(it: Subject) -> Steps:
    yield Call("UpdateApiDestination", {**it.wanted(*_DESTINATION.split()), "Name": it.physical_id})
    return Made(it.physical_id, it.attributes)


TYPES = [
    ResourceType(
        name="AWS::Events::Rule",
        service="events",
        properties=words("Description EventBusName EventPattern Name RoleArn ScheduleExpression State Tags Targets"),
        replaces=words("EventBusName Name"),
        named_by="Name",
        create=_put_rule,
        update=_put_rule,
        delete=_delete_rule,
    ),
    ResourceType(
        name="AWS::Events::EventBus",
        service="events",
        properties=words("DeadLetterConfig Description EventSourceName KmsKeyIdentifier LogConfig Name Policy Tags"),
        required=words("Name"),
        replaces=words("EventSourceName Name"),
        create=_create_bus,
        update=_update_bus,
        delete=deleting("DeleteEventBus", "Name"),
    ),
    ResourceType(
        name="AWS::Events::EventBusPolicy",
        service="events",
        properties=words("Action Condition EventBusName Principal Statement StatementId"),
        required=words("StatementId"),
        replaces=words("EventBusName StatementId"),
        create=_put_bus_policy,
        update=_put_bus_policy,
        delete=_delete_bus_policy,
    ),
    ResourceType(
        name="AWS::Events::Archive",
        service="events",
        properties=words("ArchiveName Description EventPattern KmsKeyIdentifier RetentionDays SourceArn"),
        required=words("SourceArn"),
        replaces=words("ArchiveName SourceArn"),
        named_by="ArchiveName",
        name_form=NameForm(48),
        create=_create_archive,
        update=_update_archive,
        delete=deleting("DeleteArchive", "ArchiveName"),
    ),
    ResourceType(
        name="AWS::Events::Connection",
        service="events",
        properties=words(f"{_CONNECTION} Name"),
        replaces=words("Name"),
        named_by="Name",
        create=_create_connection,
        update=_update_connection,
        delete=deleting("DeleteConnection", "Name"),
    ),
    ResourceType(
        name="AWS::Events::ApiDestination",
        service="events",
        properties=words(f"{_DESTINATION} Name"),
        required=words("ConnectionArn HttpMethod InvocationEndpoint"),
        replaces=words("Name"),
        named_by="Name",
        create=_create_destination,
        update=_update_destination,
        delete=deleting("DeleteApiDestination", "Name"),
    ),
]
