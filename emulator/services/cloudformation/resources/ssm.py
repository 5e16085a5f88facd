"""Parameters (delegated)."""

from __future__ import annotations

from emulator.aws.errors import AwsError
from emulator.services.cloudformation.resources.simple import deleting
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

_PARAMETER = "AllowedPattern DataType Description Policies Tier Type Value"


def _create_parameter(it: Subject) -> Steps:
    try:
        yield Call("PutParameter", {**it.wanted(*_PARAMETER.split()), "Name": it.name, "Overwrite": it.again})
    except AwsError as problem:
        if problem.code == "ParameterAlreadyExists":
            raise ResourceFailed(
                f"Resource of type 'AWS::SSM::Parameter' with identifier '{it.name}' already exists."
            ) from problem
        raise
    yield from _tag(it)
    return _made(it, it.name)


def _tag(it: Subject) -> Steps:
    tags = [{"Key": key, "Value": value} for key, value in it.all_tags().items()]
    if tags:
        yield Call("AddTagsToResource", {"ResourceType": "Parameter", "ResourceId": it.name, "Tags": tags})
    return Made(it.name)


def _made(it: Subject, name: str) -> Made:
    arn = f"arn:aws:ssm:{it.scope.region}:{it.scope.account}:parameter/{name.removeprefix('/')}"
    return Made(name, {"Arn": arn, "Type": str(it.get("Type")), "Value": str(it.get("Value"))})


def _update_parameter(it: Subject) -> Steps:
    request = {"Description": "", **it.wanted(*_PARAMETER.split()), "Name": it.physical_id, "Overwrite": True}
    yield Call("PutParameter", request)
    yield from _tag(it)
    return _made(it, it.physical_id)


TYPES = [
    ResourceType(
        name="AWS::SSM::Parameter",
        service="ssm",
        properties=words(f"{_PARAMETER} Name Tags"),
        required=words("Type Value"),
        replaces=words("DataType Name"),
        named_by="Name",
        name_form=NameForm(1011),
        create=_create_parameter,
        update=_update_parameter,
        delete=deleting("DeleteParameter", "Name"),
    ),
]
