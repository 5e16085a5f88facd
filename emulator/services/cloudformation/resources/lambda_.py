"""Functions."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Generator, Mapping
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.ports import Json
from emulator.services.cloudformation.resources.response_modules import beside
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
from emulator.services.lambda_.rules.configuration import MANAGED_INSTANCES

_CONFIGURATION = (
    "DeadLetterConfig Description Environment EphemeralStorage FileSystemConfigs Handler ImageConfig KmsKeyArn Layers"
    " LoggingConfig MemorySize Role Runtime SnapStart Timeout TracingConfig VpcConfig"
)
_ONLY_AT_CREATION = "Architectures CapacityProviderConfig DurableConfig PackageType TenancyConfig"
_MANAGED = "FunctionScalingConfig PublishToLatestPublished"
_DEFAULTS: dict[str, Any] = {
    "DeadLetterConfig": {"TargetArn": ""},
    "Description": "",
    "Environment": {"Variables": {}},
    "EphemeralStorage": {"Size": 512},
    "FileSystemConfigs": [],
    "KmsKeyArn": "",
    "Layers": [],
    "MemorySize": 128,
    "SnapStart": {"ApplyOn": "None"},
    "Timeout": 3,
    "TracingConfig": {"Mode": "PassThrough"},
    "VpcConfig": {"SubnetIds": [], "SecurityGroupIds": []},
}
"""What a property that an update leaves out goes back to."""


def _code(it: Subject) -> dict[str, Any]:
    """The code, whose ZipFile is a source text in templates: of `index.py`, or of `index.js`."""
    given: dict[str, Any] = dict(it.get("Code") or {})
    source = given.get("ZipFile")
    if source is None:
        return given
    runtime = str(it.get("Runtime") or "")
    if not runtime.startswith(("python", "nodejs")):
        raise ResourceFailed(
            f"Value ({runtime}) for parameter runtime is invalid. ZipFile can only be used when Runtime is set to"
            " nodejs or python."
        )
    node = runtime.startswith("nodejs")
    files = {"index.js" if node else "index.py": str(source), **beside(str(source), node)}
    return {**given, "ZipFile": inline_package(files)}


def inline_package(files: Mapping[str, str]) -> bytes:
    """A package of sources, always the same bytes for the same sources."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name, source in files.items():
            entry = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            file.writestr(entry, source, zipfile.ZIP_DEFLATED)
    return archive.getvalue()


def refuse_managed_instances(it: Subject) -> None:
    """Properties that only functions of a capacity provider have. Raises NotEmulated."""
    for name in _MANAGED.split():
        if it.get(name) not in (None, False, "false", {}):
            raise NotEmulated("lambda", f"{it.type_name} with {name}", MANAGED_INSTANCES)


def _create_function(it: Subject) -> Steps:
    refuse_managed_instances(it)
    request = it.wanted("CodeSigningConfigArn", *_CONFIGURATION.split(), *_ONLY_AT_CREATION.split())
    request = _spelled({**request, "FunctionName": it.name, "Code": _code(it), "Tags": it.all_tags()})
    try:
        made = yield Call("CreateFunction", request)
    except AwsError as problem:
        if problem.code == "ResourceConflictException" and it.is_named:
            raise ResourceFailed(
                f"Resource of type 'AWS::Lambda::Function' with identifier '{it.name}' already exists."
            ) from problem
        raise
    yield from _set_the_rest(it, creating=True)
    snap = {"ApplyOn": "None", "OptimizationStatus": "Off", **(made.get("SnapStart") or {})}
    return Made(it.name, {"Arn": made["FunctionArn"], "SnapStartResponse": snap})


def _spelled(request: dict[str, Any]) -> dict[str, Any]:
    if "KmsKeyArn" in request:
        request["KMSKeyArn"] = request.pop("KmsKeyArn")
    return request


def _set_the_rest(it: Subject, creating: bool) -> Generator[Call, Json, None]:
    """What operations of their own set."""
    name = it.name if creating else it.physical_id
    if it.changed("ReservedConcurrentExecutions"):
        reserved = it.get("ReservedConcurrentExecutions")
        if reserved is not None:
            yield Call("PutFunctionConcurrency", {"FunctionName": name, "ReservedConcurrentExecutions": reserved})
        else:
            yield Call("DeleteFunctionConcurrency", {"FunctionName": name})
    if it.changed("RuntimeManagementConfig"):
        config = it.get("RuntimeManagementConfig") or {"UpdateRuntimeOn": "Auto"}
        yield Call("PutRuntimeManagementConfig", {"FunctionName": name, **config})
    if it.changed("RecursiveLoop"):
        loop = it.get("RecursiveLoop") or "Terminate"
        yield Call("PutFunctionRecursionConfig", {"FunctionName": name, "RecursiveLoop": loop})


def _update_function(it: Subject) -> Steps:
    """Code first, then configuration: each may take time, during which Lambda accepts no other."""
    refuse_managed_instances(it)
    name, config = it.physical_id, _CONFIGURATION.split()
    more = it.changed(*config)
    if it.stage == 0 and it.changed("Code", "Architectures"):
        yield Call("UpdateFunctionCode", {"FunctionName": name, **_code(it), **it.wanted("Architectures")})
        if more:
            return Made(name, it.attributes, more=True)
    if more:
        changed = {key: it.get(key, _DEFAULTS.get(key)) for key in config if it.changed(key)}
        yield Call("UpdateFunctionConfiguration", _spelled({"FunctionName": name, **changed}))
    if it.changed("CodeSigningConfigArn"):
        arn = it.get("CodeSigningConfigArn")
        if arn:
            yield Call("PutFunctionCodeSigningConfig", {"FunctionName": name, "CodeSigningConfigArn": arn})
        else:
            yield Call("DeleteFunctionCodeSigningConfig", {"FunctionName": name})
    yield from _set_the_rest(it, creating=False)
    yield from retag(it, str(it.attributes["Arn"]), "Resource", "ListTags")
    return Made(name, it.attributes)


def _delete_function(it: Subject) -> Generator[Call, Json, None]:
    yield Call("DeleteFunction", {"FunctionName": it.physical_id})


def _is_ready(it: Subject) -> Generator[Call, Json, bool]:
    answer = yield Call("GetFunctionConfiguration", {"FunctionName": it.physical_id})
    return answer["State"] != "Pending" and answer["LastUpdateStatus"] != "InProgress"


TYPES = [
    ResourceType(
        name="AWS::Lambda::Function",
        service="lambda",
        properties=words(f"{_CONFIGURATION} {_ONLY_AT_CREATION} Code CodeSigningConfigArn FunctionName RecursiveLoop")
        | words(_MANAGED)
        | words("ReservedConcurrentExecutions RuntimeManagementConfig Tags"),
        required=words("Code Role"),
        replaces=words("FunctionName PackageType CapacityProviderConfig TenancyConfig DurableConfig"),
        named_by="FunctionName",
        name_form=NameForm(64),
        create=_create_function,
        update=_update_function,
        delete=_delete_function,
        ready=_is_ready,
        busy=words("ResourceConflictException"),
    ),
]
