"""Repositories of container images (delegated): the CDK's bootstrap makes one."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    ResourceType,
    Steps,
    Subject,
    words,
)
from emulator.services.cloudformation.resources.values import text_of


def _create_repository(it: Subject) -> Steps:
    request: dict[str, Any] = it.wanted("EncryptionConfiguration", "ImageScanningConfiguration", "ImageTagMutability")
    tags = [{"Key": key, "Value": value} for key, value in it.all_tags().items()]
    try:
        made = yield Call("CreateRepository", {**request, "repositoryName": it.name, "tags": tags or None})
    except AwsError as problem:
        if problem.code != "RepositoryAlreadyExistsException" or not it.again:
            raise
        told = yield Call("DescribeRepositories", {"repositoryNames": [it.name]})
        made = {"repository": told["repositories"][0]}
    yield from _configure(it, it.name)
    repository = made["repository"]
    return Made(it.name, {"Arn": repository["repositoryArn"], "RepositoryUri": repository["repositoryUri"]})


def _configure(it: Subject, name: str) -> Generator[Call, Json, None]:
    policy = it.get("LifecyclePolicy") or {}
    if it.changed("LifecyclePolicy") and policy.get("LifecyclePolicyText"):
        text = policy["LifecyclePolicyText"]
        yield Call("PutLifecyclePolicy", {"repositoryName": name, "lifecyclePolicyText": text})
    if it.changed("RepositoryPolicyText") and it.get("RepositoryPolicyText"):
        text = text_of(it.get("RepositoryPolicyText"))
        yield Call("SetRepositoryPolicy", {"repositoryName": name, "policyText": text})


def _update_repository(it: Subject) -> Steps:
    yield from _configure(it, it.physical_id)
    return Made(it.physical_id, it.attributes)


def _delete_repository(it: Subject) -> Generator[Call, Json, Made | None]:
    empties = text_of(it.get("EmptyOnDelete", False)).lower() == "true"
    yield Call("DeleteRepository", {"repositoryName": it.physical_id, "force": empties})
    return None


TYPES = [
    ResourceType(
        name="AWS::ECR::Repository",
        service="ecr",
        properties=words("EmptyOnDelete EncryptionConfiguration ImageScanningConfiguration ImageTagMutability")
        | words("ImageTagMutabilityExclusionFilters LifecyclePolicy RepositoryName RepositoryPolicyText Tags"),
        no_effect=words("ImageTagMutabilityExclusionFilters"),
        replaces=words("EncryptionConfiguration RepositoryName"),
        named_by="RepositoryName",
        name_form=NameForm(256, lower=True),
        create=_create_repository,
        update=_update_repository,
        delete=_delete_repository,
    ),
]
