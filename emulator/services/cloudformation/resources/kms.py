"""Keys and their aliases (delegated)."""

from __future__ import annotations

from collections.abc import Generator

from emulator.ports import Json
from emulator.services.cloudformation.resources.types import Call, Made, ResourceType, Steps, Subject, words
from emulator.services.cloudformation.resources.values import text_of


def _create_key(it: Subject) -> Steps:
    request = it.wanted("Description", "KeySpec", "KeyUsage", "MultiRegion", "Origin")
    if it.get("KeyPolicy") is not None:
        request["Policy"] = text_of(it.get("KeyPolicy"))
    if it.get("BypassPolicyLockoutSafetyCheck") is not None:
        request["BypassPolicyLockoutSafetyCheck"] = it.get("BypassPolicyLockoutSafetyCheck")
    tags = [{"TagKey": key, "TagValue": value} for key, value in it.all_tags().items()]
    made = yield Call("CreateKey", {**request, "Tags": tags or None})
    key = made["KeyMetadata"]["KeyId"]
    yield from _configure(it, key)
    return Made(key, {"Arn": made["KeyMetadata"]["Arn"], "KeyId": key})


def _configure(it: Subject, key: str) -> Generator[Call, Json, None]:
    if it.changed("EnableKeyRotation"):
        rotates = text_of(it.get("EnableKeyRotation", False)).lower() == "true"
        if rotates or it.previous:
            yield Call("EnableKeyRotation" if rotates else "DisableKeyRotation", {"KeyId": key})
    if it.changed("Enabled"):
        enabled = text_of(it.get("Enabled", True)).lower() == "true"
        if not enabled or it.previous:
            yield Call("EnableKey" if enabled else "DisableKey", {"KeyId": key})


def _update_key(it: Subject) -> Steps:
    key = it.physical_id
    if it.changed("Description"):
        yield Call("UpdateKeyDescription", {"KeyId": key, "Description": it.get("Description") or ""})
    if it.changed("KeyPolicy") and it.get("KeyPolicy") is not None:
        request = {"KeyId": key, "PolicyName": "default", "Policy": text_of(it.get("KeyPolicy"))}
        yield Call("PutKeyPolicy", request)
    yield from _configure(it, key)
    tags = [{"TagKey": name, "TagValue": value} for name, value in it.all_tags().items()]
    if tags:
        yield Call("TagResource", {"KeyId": key, "Tags": tags})
    return Made(key, it.attributes)


def _delete_key(it: Subject) -> Generator[Call, Json, Made | None]:
    days = it.get("PendingWindowInDays") or 30
    yield Call("ScheduleKeyDeletion", {"KeyId": it.physical_id, "PendingWindowInDays": days})
    return None


def _create_alias(it: Subject) -> Steps:
    yield Call("CreateAlias", it.wanted("AliasName", "TargetKeyId"))
    return Made(str(it.get("AliasName")))


def _update_alias(it: Subject) -> Steps:
    yield Call("UpdateAlias", it.wanted("AliasName", "TargetKeyId"))
    return Made(it.physical_id)


def _delete_alias(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteAlias", {"AliasName": it.physical_id})
    return None


TYPES = [
    ResourceType(
        name="AWS::KMS::Key",
        service="kms",
        properties=words("BypassPolicyLockoutSafetyCheck Description EnableKeyRotation Enabled KeyPolicy KeySpec")
        | words("KeyUsage MultiRegion Origin PendingWindowInDays RotationPeriodInDays Tags"),
        no_effect=words("RotationPeriodInDays"),
        replaces=words("KeySpec KeyUsage MultiRegion Origin"),
        create=_create_key,
        update=_update_key,
        delete=_delete_key,
    ),
    ResourceType(
        name="AWS::KMS::Alias",
        service="kms",
        properties=words("AliasName TargetKeyId"),
        required=words("AliasName TargetKeyId"),
        replaces=words("AliasName"),
        create=_create_alias,
        update=_update_alias,
        delete=_delete_alias,
    ),
]
