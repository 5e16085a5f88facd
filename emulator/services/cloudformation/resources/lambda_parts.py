"""What belongs to functions: versions, aliases, permissions, sources of events, layers, URLs."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation.resources.lambda_ import refuse_managed_instances
from emulator.services.cloudformation.resources.simple import deleting
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)

# ── versions and aliases ──


def _publish_version(it: Subject) -> Steps:
    refuse_managed_instances(it)
    made = yield Call("PublishVersion", it.wanted("CodeSha256", "Description", "FunctionName"))
    arn, version = made["FunctionArn"], made["Version"]
    provisioned = it.get("ProvisionedConcurrencyConfig")
    if provisioned:
        where = {"FunctionName": it.get("FunctionName"), "Qualifier": version}
        yield Call("PutProvisionedConcurrencyConfig", {**where, **provisioned})
    if it.get("RuntimePolicy"):
        raise ResourceFailed("RuntimePolicy is not emulated; see docs/compatibility.md")
    return Made(arn, {"FunctionArn": arn, "Version": version})


def _delete_version(it: Subject) -> Generator[Call, Json, Made | None]:
    name, _, version = it.physical_id.rpartition(":")
    yield Call("DeleteFunction", {"FunctionName": name, "Qualifier": version})
    return None


def _routing(it: Subject) -> dict[str, Any]:
    """RoutingConfig, whose weights are a list in templates."""
    given = it.get("RoutingConfig")
    if not given:
        return {}
    weights = {item["FunctionVersion"]: item["FunctionWeight"] for item in given.get("AdditionalVersionWeights") or []}
    return {"RoutingConfig": {"AdditionalVersionWeights": weights}}


def _create_alias(it: Subject) -> Steps:
    made = yield Call(
        "CreateAlias", {**it.wanted("Description", "FunctionName", "FunctionVersion", "Name"), **_routing(it)}
    )
    yield from _provision(it)
    return Made(made["AliasArn"], {"AliasArn": made["AliasArn"]})


def _provision(it: Subject) -> Generator[Call, Json, None]:
    if not it.changed("ProvisionedConcurrencyConfig"):
        return
    where = {"FunctionName": it.get("FunctionName"), "Qualifier": it.get("Name")}
    config = it.get("ProvisionedConcurrencyConfig")
    if config:
        yield Call("PutProvisionedConcurrencyConfig", {**where, **config})
    else:
        yield Call("DeleteProvisionedConcurrencyConfig", where)


def _update_alias(it: Subject) -> Steps:
    request = it.wanted("Description", "FunctionName", "FunctionVersion", "Name")
    routing = _routing(it) or {"RoutingConfig": {"AdditionalVersionWeights": {}}}
    yield Call("UpdateAlias", {"Description": "", **request, **routing})
    yield from _provision(it)
    return Made(it.physical_id, it.attributes)


def _delete_alias(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteAlias", it.wanted("FunctionName", "Name"))
    return None


# ── permissions ──


def _add_permission(it: Subject) -> Steps:
    names = "Action EventSourceToken FunctionUrlAuthType InvokedViaFunctionUrl Principal PrincipalOrgID SourceAccount"
    identifier = it.name
    function = _unqualified(str(it.get("FunctionName")))
    request = it.wanted(*names.split(), "SourceArn")
    request = {name: value for name, value in request.items() if value is not None}
    yield Call("AddPermission", {**request, **function, "StatementId": identifier})
    return Made(identifier, {"Id": identifier})


def _unqualified(name: str) -> dict[str, str]:
    """A function's name and, where an alias's or a version's ARN stands for it, the qualifier."""
    parts = name.split(":")
    if name.startswith("arn:") and len(parts) == 8:
        return {"FunctionName": ":".join(parts[:7]), "Qualifier": parts[7]}
    return {"FunctionName": name}


def _remove_permission(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("RemovePermission", {**_unqualified(str(it.get("FunctionName"))), "StatementId": it.physical_id})
    return None


# ── event source mappings and invoke configs ──

_SOURCE = (
    "AmazonManagedKafkaEventSourceConfig BatchSize BisectBatchOnFunctionError DestinationConfig"
    " DocumentDBEventSourceConfig Enabled EventSourceArn FilterCriteria FunctionName FunctionResponseTypes KmsKeyArn"
    " LoggingConfig MaximumBatchingWindowInSeconds MaximumRecordAgeInSeconds MaximumRetryAttempts MetricsConfig"
    " ParallelizationFactor ProvisionedPollerConfig Queues ScalingConfig SelfManagedEventSource"
    " SelfManagedKafkaEventSourceConfig SourceAccessConfigurations StartingPosition StartingPositionTimestamp Topics"
    " TumblingWindowInSeconds"
)
_SOURCE_FIXED = (
    "EventSourceArn StartingPosition StartingPositionTimestamp SelfManagedEventSource"
    " AmazonManagedKafkaEventSourceConfig SelfManagedKafkaEventSourceConfig"
)


def _create_source(it: Subject) -> Steps:
    request = it.wanted(*_SOURCE.replace("KmsKeyArn", "").split(), KMSKeyArn="KmsKeyArn")
    made = yield Call("CreateEventSourceMapping", {**request, "Tags": it.all_tags() or None})
    arn = made.get("EventSourceMappingArn") or (
        f"arn:aws:lambda:{it.scope.region}:{it.scope.account}:event-source-mapping:{made['UUID']}"
    )
    return Made(made["UUID"], {"Id": made["UUID"], "EventSourceMappingArn": arn})


_SOURCE_DEFAULTS: dict[str, Any] = {
    "Enabled": True,
    "FilterCriteria": {},
    "FunctionResponseTypes": [],
    "DestinationConfig": {},
    "ScalingConfig": {},
    "MaximumBatchingWindowInSeconds": 0,
    "BisectBatchOnFunctionError": False,
    "MaximumRecordAgeInSeconds": -1,
    "MaximumRetryAttempts": -1,
    "ParallelizationFactor": 1,
    "TumblingWindowInSeconds": 0,
}


def _update_source(it: Subject) -> Steps:
    fixed = f"{_SOURCE_FIXED} Queues Topics KmsKeyArn".split()
    changed = [name for name in _SOURCE.split() if name not in fixed and it.changed(name)]
    request = {name: it.get(name, _SOURCE_DEFAULTS.get(name)) for name in changed}
    if it.changed("KmsKeyArn"):
        request["KMSKeyArn"] = it.get("KmsKeyArn", "")
    if request:
        yield Call("UpdateEventSourceMapping", {"UUID": it.physical_id, **request})
    return Made(it.physical_id, it.attributes)


def _put_invoke_config(it: Subject) -> Steps:
    names = ("DestinationConfig", "FunctionName", "MaximumEventAgeInSeconds", "MaximumRetryAttempts", "Qualifier")
    yield Call("PutFunctionEventInvokeConfig", it.wanted(*names))
    return Made(it.physical_id or f"{it.get('FunctionName')}|{it.get('Qualifier')}")


def _delete_invoke_config(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteFunctionEventInvokeConfig", it.wanted("FunctionName", "Qualifier"))
    return None


# ── layers ──


def _publish_layer(it: Subject) -> Steps:
    request = it.wanted("CompatibleArchitectures", "CompatibleRuntimes", "Content", "Description", "LicenseInfo")
    made = yield Call("PublishLayerVersion", {**request, "LayerName": it.name})
    return Made(made["LayerVersionArn"], {"LayerVersionArn": made["LayerVersionArn"]})


def _delete_layer(it: Subject) -> Generator[Call, Json, Made | None]:
    name, _, version = it.physical_id.rpartition(":")
    yield Call("DeleteLayerVersion", {"LayerName": name, "VersionNumber": int(version)})
    return None


def _permit_layer(it: Subject) -> Steps:
    name, _, version = str(it.get("LayerVersionArn")).rpartition(":")
    where = {"LayerName": name, "VersionNumber": version, "StatementId": it.name}
    yield Call("AddLayerVersionPermission", {**where, **it.wanted("Action", "OrganizationId", "Principal")})
    identifier = f"{it.get('LayerVersionArn')}#{it.name}"
    return Made(identifier, {"Id": identifier})


def _forbid_layer(it: Subject) -> Generator[Call, Json, Made | None]:
    arn, _, statement = it.physical_id.partition("#")
    name, _, version = arn.rpartition(":")
    yield Call("RemoveLayerVersionPermission", {"LayerName": name, "VersionNumber": version, "StatementId": statement})
    return None


# ── URLs and code signing ──


def _create_url(it: Subject) -> Steps:
    request = it.wanted("AuthType", "Cors", "InvokeMode", "Qualifier", FunctionName="TargetFunctionArn")
    made = yield Call("CreateFunctionUrlConfig", request)
    return Made(made["FunctionArn"], {"FunctionArn": made["FunctionArn"], "FunctionUrl": made["FunctionUrl"]})


def _update_url(it: Subject) -> Steps:
    request = it.wanted("AuthType", "Cors", "InvokeMode", "Qualifier", FunctionName="TargetFunctionArn")
    yield Call("UpdateFunctionUrlConfig", {"Cors": {}, **request})
    return Made(it.physical_id, it.attributes)


def _delete_url(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteFunctionUrlConfig", it.wanted("Qualifier", FunctionName="TargetFunctionArn"))
    return None


def _create_signing(it: Subject) -> Steps:
    request = it.wanted("AllowedPublishers", "CodeSigningPolicies", "Description")
    made = yield Call("CreateCodeSigningConfig", {**request, "Tags": it.all_tags() or None})
    config = made["CodeSigningConfig"]
    arn = config["CodeSigningConfigArn"]
    return Made(arn, {"CodeSigningConfigArn": arn, "CodeSigningConfigId": config["CodeSigningConfigId"]})


def _update_signing(it: Subject) -> Steps:
    request = it.wanted("AllowedPublishers", "CodeSigningPolicies", "Description")
    yield Call("UpdateCodeSigningConfig", {"Description": "", **request, "CodeSigningConfigArn": it.physical_id})
    return Made(it.physical_id, it.attributes)


TYPES = [
    ResourceType(
        name="AWS::Lambda::Version",
        service="lambda",
        properties=words("CodeSha256 Description FunctionName FunctionScalingConfig ProvisionedConcurrencyConfig")
        | words("RuntimePolicy"),
        required=words("FunctionName"),
        replaces=words("CodeSha256 Description FunctionName ProvisionedConcurrencyConfig RuntimePolicy"),
        create=_publish_version,
        delete=_delete_version,
        busy=words("ResourceConflictException"),
    ),
    ResourceType(
        name="AWS::Lambda::Alias",
        service="lambda",
        properties=words("Description FunctionName FunctionVersion Name ProvisionedConcurrencyConfig RoutingConfig"),
        required=words("FunctionName FunctionVersion Name"),
        replaces=words("FunctionName Name"),
        create=_create_alias,
        update=_update_alias,
        delete=_delete_alias,
    ),
    ResourceType(
        name="AWS::Lambda::Permission",
        service="lambda",
        properties=words(
            "Action EventSourceToken FunctionName FunctionUrlAuthType InvokedViaFunctionUrl Principal PrincipalOrgID"
            " SourceAccount SourceArn"
        ),
        required=words("Action FunctionName Principal"),
        create=_add_permission,
        delete=_remove_permission,
    ),
    ResourceType(
        name="AWS::Lambda::EventSourceMapping",
        service="lambda",
        properties=words(f"{_SOURCE} Tags"),
        required=words("FunctionName"),
        replaces=words(_SOURCE_FIXED),
        create=_create_source,
        update=_update_source,
        delete=deleting("DeleteEventSourceMapping", "UUID"),
        busy=words("ResourceInUseException"),
    ),
    ResourceType(
        name="AWS::Lambda::EventInvokeConfig",
        service="lambda",
        properties=words("DestinationConfig FunctionName MaximumEventAgeInSeconds MaximumRetryAttempts Qualifier"),
        required=words("FunctionName Qualifier"),
        replaces=words("FunctionName Qualifier"),
        create=_put_invoke_config,
        update=_put_invoke_config,
        delete=_delete_invoke_config,
    ),
    ResourceType(
        name="AWS::Lambda::LayerVersion",
        service="lambda",
        properties=words("CompatibleArchitectures CompatibleRuntimes Content Description LayerName LicenseInfo"),
        required=words("Content"),
        replaces=words("CompatibleArchitectures CompatibleRuntimes Content Description LayerName LicenseInfo"),
        named_by="LayerName",
        create=_publish_layer,
        delete=_delete_layer,
    ),
    ResourceType(
        name="AWS::Lambda::LayerVersionPermission",
        service="lambda",
        properties=words("Action LayerVersionArn OrganizationId Principal"),
        required=words("Action LayerVersionArn Principal"),
        create=_permit_layer,
        delete=_forbid_layer,
    ),
    ResourceType(
        name="AWS::Lambda::Url",
        service="lambda",
        properties=words("AuthType Cors InvokeMode Qualifier TargetFunctionArn"),
        required=words("AuthType TargetFunctionArn"),
        replaces=words("Qualifier TargetFunctionArn"),
        create=_create_url,
        update=_update_url,
        delete=_delete_url,
    ),
    ResourceType(
        name="AWS::Lambda::CodeSigningConfig",
        service="lambda",
        properties=words("AllowedPublishers CodeSigningPolicies Description Tags"),
        required=words("AllowedPublishers"),
        create=_create_signing,
        update=_update_signing,
        delete=deleting("DeleteCodeSigningConfig", "CodeSigningConfigArn"),
    ),
]
