"""Secrets (delegated)."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

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


def _create_secret(it: Subject) -> Steps:
    value = yield from _value(it)
    request = {**it.wanted("Description", "KmsKeyId"), "Name": it.name, "ClientRequestToken": it.token}
    tags = [{"Key": key, "Value": text} for key, text in it.all_tags().items()]
    try:
        made = yield Call("CreateSecret", {**request, "SecretString": value, "Tags": tags or None})
    except AwsError as problem:
        if problem.code != "ResourceExistsException":
            raise
        if not it.again:
            raise ResourceFailed(problem.message) from problem
        made = yield Call("DescribeSecret", {"SecretId": it.name})
    return Made(made["ARN"], {"Id": made["ARN"]})


def _value(it: Subject) -> Generator[Call, Json, str]:
    """The secret: as given, or a password that is generated, alone or in a template."""
    generate: dict[str, Any] | None = it.get("GenerateSecretString")
    if generate is not None and it.get("SecretString") is not None:
        raise ResourceFailed("You can't specify both SecretString and GenerateSecretString")
    if generate is None:
        return str(it.get("SecretString") or "")
    options = {
        name: item for name, item in generate.items() if name not in ("GenerateStringKey", "SecretStringTemplate")
    }
    made = yield Call("GetRandomPassword", options)
    password: str = made["RandomPassword"]
    key, template = generate.get("GenerateStringKey"), generate.get("SecretStringTemplate")
    if key is None and template is None:
        return password
    if key is None or template is None:
        raise ResourceFailed("You must specify both SecretStringTemplate and GenerateStringKey")
    try:
        whole = json.loads(template)
    except ValueError:
        raise ResourceFailed("Could not parse SecretStringTemplate JSON") from None
    return json.dumps({**whole, key: password}, separators=(",", ":"))


def _update_secret(it: Subject) -> Steps:
    # Every client sends a token with every update; the delegated service takes none for one it knows.
    request = {"Description": "", **it.wanted("Description", "KmsKeyId"), "SecretId": it.physical_id}
    request["ClientRequestToken"] = it.token
    if it.changed("SecretString", "GenerateSecretString"):
        request["SecretString"] = yield from _value(it)
    yield Call("UpdateSecret", request)
    tags = [{"Key": key, "Value": text} for key, text in it.all_tags().items()]
    if tags:
        yield Call("TagResource", {"SecretId": it.physical_id, "Tags": tags})
    return Made(it.physical_id, it.attributes)


def _delete_secret(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteSecret", {"SecretId": it.physical_id, "ForceDeleteWithoutRecovery": True})
    return None


def _put_policy(it: Subject) -> Steps:
    policy = it.get("ResourcePolicy")
    text = policy if isinstance(policy, str) else json.dumps(policy)
    yield Call("PutResourcePolicy", {**it.wanted("BlockPublicPolicy", "SecretId"), "ResourcePolicy": text})
    return Made(str(it.get("SecretId")), {"Id": str(it.get("SecretId"))})


def _delete_policy(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteResourcePolicy", {"SecretId": it.physical_id})
    return None


_ROTATION = (
    "ExternalSecretRotationMetadata ExternalSecretRotationRoleArn HostedRotationLambda RotateImmediatelyOnUpdate"
    " RotationLambdaARN RotationRules"
)


def _schedule_rotation(it: Subject) -> Steps:
    """Kept without effect: nothing rotates by itself (docs/compatibility.md). The secret has to be there."""
    secret = str(it.get("SecretId"))
    told = yield Call("DescribeSecret", {"SecretId": secret})
    return Made(told["ARN"], {"Id": told["ARN"]})


def _stop_rotation(it: Subject) -> Generator[Call, Json, Made | None]:
    return None
    yield


TYPES = [
    ResourceType(
        name="AWS::SecretsManager::Secret",
        service="secretsmanager",
        properties=words("Description GenerateSecretString KmsKeyId Name ReplicaRegions SecretString Tags Type"),
        no_effect=words("ReplicaRegions Type"),
        replaces=words("Name"),
        named_by="Name",
        name_form=NameForm(512),
        create=_create_secret,
        update=_update_secret,
        delete=_delete_secret,
    ),
    ResourceType(
        name="AWS::SecretsManager::ResourcePolicy",
        service="secretsmanager",
        properties=words("BlockPublicPolicy ResourcePolicy SecretId"),
        required=words("ResourcePolicy SecretId"),
        replaces=words("SecretId"),
        create=_put_policy,
        update=_put_policy,
        delete=_delete_policy,
    ),
    ResourceType(
        name="AWS::SecretsManager::RotationSchedule",
        service="secretsmanager",
        properties=words(f"{_ROTATION} SecretId"),
        required=words("SecretId"),
        no_effect=words(_ROTATION),
        replaces=words("SecretId"),
        create=_schedule_rotation,
        update=_schedule_rotation,
        delete=_stop_rotation,
    ),
]
