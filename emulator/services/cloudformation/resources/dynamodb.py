"""Tables (delegated)."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import retag
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

_TABLE = (
    "AttributeDefinitions BillingMode DeletionProtectionEnabled GlobalSecondaryIndexes KeySchema LocalSecondaryIndexes"
    " OnDemandThroughput ProvisionedThroughput TableClass WarmThroughput"
)


def _create_table(it: Subject) -> Steps:
    request = {**it.wanted(*_TABLE.split()), "TableName": it.name, "Tags": _tags(it), **_stream(it), **_encryption(it)}
    try:
        yield Call("CreateTable", request)
    except AwsError as problem:
        if problem.code != "ResourceInUseException":
            raise
        if not it.again:
            text = f"Resource of type 'AWS::DynamoDB::Table' with identifier '{it.name}' already exists."
            raise ResourceFailed(text) from problem
    yield from _set_the_rest(it, it.name)
    return (yield from _described(it.name))


def _tags(it: Subject) -> list[dict[str, str]] | None:
    return [{"Key": key, "Value": value} for key, value in it.all_tags().items()] or None


def _stream(it: Subject) -> dict[str, Any]:
    stream = it.get("StreamSpecification")
    if not stream:
        return {}
    given = {key: value for key, value in stream.items() if key != "ResourcePolicy"}
    return {"StreamSpecification": {"StreamEnabled": True, **given}}


def _encryption(it: Subject) -> dict[str, Any]:
    given = it.get("SSESpecification")
    if not given:
        return {}
    return {"SSESpecification": {("Enabled" if key == "SSEEnabled" else key): value for key, value in given.items()}}


def _set_the_rest(it: Subject, name: str) -> Generator[Call, Json, None]:
    """What operations of their own set."""
    if it.changed("TimeToLiveSpecification") and it.get("TimeToLiveSpecification"):
        specification = it.get("TimeToLiveSpecification")
        yield Call("UpdateTimeToLive", {"TableName": name, "TimeToLiveSpecification": specification})
    if it.changed("PointInTimeRecoverySpecification") and it.get("PointInTimeRecoverySpecification"):
        recovery = it.get("PointInTimeRecoverySpecification")
        given = {"TableName": name, "PointInTimeRecoverySpecification": recovery}
        yield Call("UpdateContinuousBackups", given)


def _described(name: str) -> Steps:
    told = yield Call("DescribeTable", {"TableName": name})
    attributes = {"Arn": told["Table"]["TableArn"]}
    if told["Table"].get("LatestStreamArn"):
        attributes["StreamArn"] = told["Table"]["LatestStreamArn"]
    return Made(name, attributes)


def _update_table(it: Subject) -> Steps:
    name = it.physical_id
    request = it.wanted(
        *(
            part
            for part in ("BillingMode", "DeletionProtectionEnabled", "ProvisionedThroughput", "TableClass")
            if it.changed(part)
        )
    )
    if it.changed("StreamSpecification"):
        request |= _stream(it) or {"StreamSpecification": {"StreamEnabled": False}}
    if it.changed("SSESpecification"):
        request |= _encryption(it)
    if request:
        yield Call("UpdateTable", {**request, "TableName": name})
    before = {index["IndexName"]: index for index in it.previous.get("GlobalSecondaryIndexes") or []}
    after = {index["IndexName"]: index for index in it.get("GlobalSecondaryIndexes") or []}
    for index in before:
        if index not in after:
            yield _index_call(it, {"Delete": {"IndexName": index}})
    for index, wanted in after.items():
        if index not in before:
            yield _index_call(it, {"Create": wanted})
        elif before[index].get("ProvisionedThroughput") != wanted.get("ProvisionedThroughput"):
            throughput = {"IndexName": index, "ProvisionedThroughput": wanted.get("ProvisionedThroughput")}
            yield _index_call(it, {"Update": throughput})
    yield from _set_the_rest(it, name)
    yield from retag(it, str(it.attributes["Arn"]), listing="ListTagsOfResource")
    return (yield from _described(name))


def _index_call(it: Subject, change: dict[str, Any]) -> Call:
    request = {"TableName": it.physical_id, "GlobalSecondaryIndexUpdates": [change]}
    return Call("UpdateTable", {**request, "AttributeDefinitions": it.get("AttributeDefinitions")})


def _delete_table(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteTable", {"TableName": it.physical_id})
    return None


TYPES = [
    ResourceType(
        name="AWS::DynamoDB::Table",
        service="dynamodb",
        properties=words(f"{_TABLE} ContributorInsightsSpecification ImportSourceSpecification")
        | words("KinesisStreamSpecification PointInTimeRecoverySpecification ResourcePolicy SSESpecification")
        | words("StreamSpecification TableName Tags TimeToLiveSpecification VectorIndexes"),
        required=words("KeySchema"),
        no_effect=words("ContributorInsightsSpecification ImportSourceSpecification KinesisStreamSpecification")
        | words("OnDemandThroughput ResourcePolicy VectorIndexes WarmThroughput"),
        replaces=words("ImportSourceSpecification KeySchema LocalSecondaryIndexes TableName"),
        named_by="TableName",
        name_form=NameForm(255),
        create=_create_table,
        update=_update_table,
        delete=_delete_table,
        snapshots=True,
    ),
]
