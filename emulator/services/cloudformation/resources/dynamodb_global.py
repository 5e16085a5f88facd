"""Global tables (delegated): one table here, with replicas in the other regions."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any, cast

from emulator.aws.errors import AwsError
from emulator.ports import Json
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
from emulator.services.cloudformation.resources.values import tag_map

_TABLE = "AttributeDefinitions BillingMode KeySchema LocalSecondaryIndexes"
_LEAST = 5
"""Capacity units of a provisioned table whose template does not say how many (unverified)."""


def _replicas(properties: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The replicas by region."""
    replicas = cast("list[dict[str, Any]]", properties.get("Replicas") or [])
    return {str(replica["Region"]): replica for replica in replicas}


def _here(it: Subject) -> dict[str, Any]:
    replica = _replicas(it.properties).get(it.scope.region)
    if replica is None:
        raise ResourceFailed("Replicas must include the region in which the stack is deployed")
    return replica


def _capacity(it: Subject, reading: dict[str, Any], writing: dict[str, Any]) -> dict[str, Any]:
    """Provisioned capacity: the least that a template's scaling keeps."""
    if it.get("BillingMode", "PROVISIONED") != "PROVISIONED":
        return {}
    read = reading.get("ReadProvisionedThroughputSettings") or it.get("ReadProvisionedThroughputSettings") or {}
    write = writing.get("WriteProvisionedThroughputSettings") or it.get("WriteProvisionedThroughputSettings") or {}
    scaled = (read.get("ReadCapacityAutoScalingSettings") or {}).get("MinCapacity")
    units = (write.get("WriteCapacityAutoScalingSettings") or {}).get("MinCapacity")
    reads = read.get("ReadCapacityUnits") or scaled or _LEAST
    return {"ProvisionedThroughput": {"ReadCapacityUnits": reads, "WriteCapacityUnits": units or _LEAST}}


def _indexes(it: Subject) -> list[dict[str, Any]]:
    replica = {index["IndexName"]: index for index in _here(it).get("GlobalSecondaryIndexes") or []}
    found: list[dict[str, Any]] = []
    for index in it.get("GlobalSecondaryIndexes") or []:
        made = {key: index[key] for key in ("IndexName", "KeySchema", "Projection") if key in index}
        found.append({**made, **_capacity(it, replica.get(index["IndexName"]) or {}, index)})
    return found


def _settings(it: Subject) -> dict[str, Any]:
    """What UpdateTable changes, too."""
    found = {**_capacity(it, _here(it), it.properties)}
    for name in ("DeletionProtectionEnabled", "TableClass"):
        if _here(it).get(name) is not None:
            found[name] = _here(it)[name]
    if it.get("SSESpecification"):
        names = {"SSEEnabled": "Enabled"}
        found["SSESpecification"] = {names.get(key, key): item for key, item in it.get("SSESpecification").items()}
    return found


def _stream(it: Subject) -> dict[str, Any]:
    view = (it.get("StreamSpecification") or {}).get("StreamViewType")
    return {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": view}} if view else {}


def _create_table(it: Subject) -> Steps:
    request = {**it.wanted(*_TABLE.split()), "TableName": it.name, **_settings(it), **_stream(it)}
    tags = {**it.system_tags, **it.tags, **tag_map(_here(it).get("Tags"))}
    request["GlobalSecondaryIndexes"] = _indexes(it) or None
    try:
        yield Call("CreateTable", {**request, "Tags": tags or None})
    except AwsError as problem:
        if problem.code != "ResourceInUseException":
            raise
        if not it.again:
            text = f"Resource of type 'AWS::DynamoDB::GlobalTable' with identifier '{it.name}' already exists."
            raise ResourceFailed(text) from problem
    yield from _set_the_rest(it, it.name)
    return (yield from _described(it, it.name))


def _set_the_rest(it: Subject, name: str) -> Generator[Call, Json, None]:
    before, after = _replicas(it.previous), _replicas(it.properties)
    here = it.scope.region
    changes = [{"Create": {"RegionName": region}} for region in after if region not in before and region != here]
    changes += [{"Delete": {"RegionName": region}} for region in before if region not in after and region != here]
    for change in changes:  # AWS takes one at a time
        yield Call("UpdateTable", {"TableName": name, "ReplicaUpdates": [change]})
    if it.changed("TimeToLiveSpecification") and it.get("TimeToLiveSpecification"):
        given = it.get("TimeToLiveSpecification")
        yield Call("UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": given})
    recovery = after[here].get("PointInTimeRecoverySpecification")
    if recovery and recovery != before.get(here, {}).get("PointInTimeRecoverySpecification"):
        given = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
        yield Call("UpdateContinuousBackups", given)


def _described(it: Subject, name: str) -> Steps:
    told = yield Call("DescribeTable", {"TableName": name})
    table = told["Table"]
    attributes = {"Arn": table["TableArn"], "TableId": table.get("TableId") or it.attributes.get("TableId") or it.token}
    if table.get("LatestStreamArn"):
        attributes["StreamArn"] = table["LatestStreamArn"]
    return Made(name, attributes)


def _update_table(it: Subject) -> Steps:
    name = it.physical_id
    if it.changed("BillingMode", "Replicas", "SSESpecification") or it.changed(
        "ReadProvisionedThroughputSettings", "WriteProvisionedThroughputSettings"
    ):
        settings = {**it.wanted("BillingMode"), **_settings(it)}
        if settings:
            yield Call("UpdateTable", {**settings, "TableName": name})
    if it.changed("StreamSpecification"):
        given = _stream(it) or {"StreamSpecification": {"StreamEnabled": False}}
        yield Call("UpdateTable", {**given, "TableName": name})
    before = {index["IndexName"] for index in it.previous.get("GlobalSecondaryIndexes") or []}
    after = {index["IndexName"]: index for index in _indexes(it)}
    changes: list[dict[str, Any]] = [{"Delete": {"IndexName": index}} for index in sorted(before - set(after))]
    changes += [{"Create": index} for index_name, index in after.items() if index_name not in before]
    for change in changes:
        request = {"TableName": name, "GlobalSecondaryIndexUpdates": [change]}
        yield Call("UpdateTable", {**request, "AttributeDefinitions": it.get("AttributeDefinitions")})
    yield from _set_the_rest(it, name)
    return (yield from _described(it, name))


def _delete_table(it: Subject) -> Generator[Call, Json, Made | None]:
    for region in _replicas(it.properties):
        if region != it.scope.region:
            change = {"Delete": {"RegionName": region}}
            yield Call("UpdateTable", {"TableName": it.physical_id, "ReplicaUpdates": [change]})
    yield Call("DeleteTable", {"TableName": it.physical_id})
    return None


_KEPT = (
    "GlobalTableSourceArn GlobalTableWitnesses MultiRegionConsistency ReadOnDemandThroughputSettings TableType"
    " VectorIndexes WarmThroughput WriteOnDemandThroughputSettings"
)
TYPES = [
    ResourceType(
        name="AWS::DynamoDB::GlobalTable",
        service="dynamodb",
        properties=words(f"{_TABLE} {_KEPT} GlobalSecondaryIndexes ReadProvisionedThroughputSettings Replicas")
        | words("SSESpecification StreamSpecification TableName TimeToLiveSpecification")
        | words("WriteProvisionedThroughputSettings"),
        required=words("Replicas"),
        no_effect=words(_KEPT),
        replaces=words("KeySchema LocalSecondaryIndexes TableName"),
        named_by="TableName",
        name_form=NameForm(255),
        create=_create_table,
        update=_update_table,
        delete=_delete_table,
        snapshots=True,
    ),
]
