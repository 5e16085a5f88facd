"""State machines, their versions and aliases, and activities."""

from __future__ import annotations

import json
import re
from collections.abc import Generator, Mapping
from typing import Any, cast

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

_PLACE = re.compile(r"\$\{([A-Za-z0-9_.:-]+)\}")


def _definition(it: Subject) -> Generator[Call, Json, str]:
    """The definition as JSON text, from one of three places, with its substitutions made."""
    given = [name for name in ("Definition", "DefinitionString", "DefinitionS3Location") if it.get(name) is not None]
    if len(given) != 1:
        raise ResourceFailed(
            "Invalid request provided: exactly one of Definition, DefinitionString and DefinitionS3Location is required"
        )
    if given == ["DefinitionS3Location"]:
        place = it.get("DefinitionS3Location")
        request = {"Bucket": place.get("Bucket"), "Key": place.get("Key")}
        if place.get("Version"):
            request["VersionId"] = place["Version"]
        found = yield Call("GetObject", request, "s3")
        text = bytes(found["Body"]).decode("utf-8", "replace")
    else:
        text = text_of(it.get(given[0]))
    return _as_json(substituted(text, it.get("DefinitionSubstitutions") or {}))


def _as_json(text: str) -> str:
    """A definition in YAML as JSON; what is neither stays, for Step Functions to refuse."""
    if text.lstrip().startswith("{"):
        return text
    from emulator.deploy.template.document import TemplateError
    from emulator.deploy.template.yaml_text import load  # slow to import, and most definitions are JSON

    try:
        value, _ = load(text, None, aliases=True, short_forms=False)
    except TemplateError:
        return text
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else text


def substituted(text: str, values: Mapping[str, Any]) -> str:
    """The text with `${name}` filled in; inside of a JSON string a value is written as a string's inside."""

    def value(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            return match.group()
        given = text_of(values[match.group(1)])
        return json.dumps(given, ensure_ascii=False)[1:-1]

    return _PLACE.sub(value, text)


_SETTINGS = "EncryptionConfiguration LoggingConfiguration RoleArn TracingConfiguration"


def _create_machine(it: Subject) -> Steps:
    definition = yield from _definition(it)
    request = it.wanted(*_SETTINGS.split(), type="StateMachineType")
    made = yield Call(
        "CreateStateMachine", {**request, "name": it.name, "definition": definition, "tags": it.all_tags() or None}
    )
    arn: str = made["stateMachineArn"]
    told = yield Call("DescribeStateMachine", {"stateMachineArn": arn})
    revision = told.get("revisionId") or "INITIAL"
    return Made(arn, {"Arn": arn, "Name": it.name, "StateMachineRevisionId": revision})


def _update_machine(it: Subject) -> Steps:
    arn = it.physical_id
    definition = yield from _definition(it)
    defaults: dict[str, Any] = {}
    if it.changed("LoggingConfiguration"):
        defaults["LoggingConfiguration"] = {"level": "OFF"}
    if it.changed("TracingConfiguration"):
        defaults["TracingConfiguration"] = {"enabled": False}
    request = {**defaults, **it.wanted(*_SETTINGS.split())}
    made = yield Call("UpdateStateMachine", {**request, "stateMachineArn": arn, "definition": definition})
    yield from retag(it, arn, "resourceArn")
    return Made(arn, {**it.attributes, "StateMachineRevisionId": made.get("revisionId") or "INITIAL"})


def _delete_machine(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteStateMachine", {"stateMachineArn": it.physical_id})
    return None


def _publish_version(it: Subject) -> Steps:
    request = it.wanted("Description", revisionId="StateMachineRevisionId", stateMachineArn="StateMachineArn")
    made = yield Call("PublishStateMachineVersion", request)
    return Made(made["stateMachineVersionArn"], {"Arn": made["stateMachineVersionArn"]})


def _routes(it: Subject) -> list[dict[str, Any]]:
    preference = it.get("DeploymentPreference")
    if preference:  # here a deployment shifts all at once, whatever its kind: docs/compatibility.md
        return [{"stateMachineVersionArn": preference.get("StateMachineVersionArn"), "weight": 100}]
    routes = cast("list[Mapping[str, Any]]", it.get("RoutingConfiguration") or [])
    return [
        {"stateMachineVersionArn": route.get("StateMachineVersionArn"), "weight": route.get("Weight")}
        for route in routes
    ]


def _create_alias(it: Subject) -> Steps:
    request = {"name": it.name, "routingConfiguration": _routes(it)}
    made = yield Call("CreateStateMachineAlias", {**request, **it.wanted("Description")})
    return Made(made["stateMachineAliasArn"], {"Arn": made["stateMachineAliasArn"]})


def _update_alias(it: Subject) -> Steps:
    request = {"stateMachineAliasArn": it.physical_id, "routingConfiguration": _routes(it)}
    yield Call("UpdateStateMachineAlias", {"description": "", **request, **it.wanted(description="Description")})
    return Made(it.physical_id, it.attributes)


def _create_activity(it: Subject) -> Steps:
    made = yield Call(
        "CreateActivity", {**it.wanted("EncryptionConfiguration"), "name": it.name, "tags": it.all_tags() or None}
    )
    return Made(made["activityArn"], {"Arn": made["activityArn"], "Name": it.name})


def _update_activity(it: Subject) -> Steps:
    yield from retag(it, it.physical_id, "resourceArn")
    return Made(it.physical_id, it.attributes)


TYPES = [
    ResourceType(
        name="AWS::StepFunctions::StateMachine",
        service="stepfunctions",
        properties=words(f"{_SETTINGS} Definition DefinitionS3Location DefinitionString DefinitionSubstitutions")
        | words("StateMachineName StateMachineType Tags"),
        required=words("RoleArn"),
        replaces=words("StateMachineName StateMachineType"),
        named_by="StateMachineName",
        name_form=NameForm(80),
        create=_create_machine,
        update=_update_machine,
        delete=_delete_machine,
    ),
    ResourceType(
        name="AWS::StepFunctions::StateMachineVersion",
        service="stepfunctions",
        properties=words("Description StateMachineArn StateMachineRevisionId"),
        required=words("StateMachineArn"),
        replaces=words("Description StateMachineArn StateMachineRevisionId"),
        create=_publish_version,
        delete=deleting("DeleteStateMachineVersion", "stateMachineVersionArn"),
    ),
    ResourceType(
        name="AWS::StepFunctions::StateMachineAlias",
        service="stepfunctions",
        properties=words("DeploymentPreference Description Name RoutingConfiguration StateMachineArn"),
        no_effect=words("StateMachineArn"),
        replaces=words("Name"),
        named_by="Name",
        name_form=NameForm(80),
        create=_create_alias,
        update=_update_alias,
        delete=deleting("DeleteStateMachineAlias", "stateMachineAliasArn"),
    ),
    ResourceType(
        name="AWS::StepFunctions::Activity",
        service="stepfunctions",
        properties=words("EncryptionConfiguration Name Tags"),
        replaces=words("EncryptionConfiguration Name"),
        named_by="Name",
        name_form=NameForm(80),
        create=_create_activity,
        update=_update_activity,
        delete=deleting("DeleteActivity", "activityArn"),
    ),
]
