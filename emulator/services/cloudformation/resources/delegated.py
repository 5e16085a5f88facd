"""Types of delegated services whose operations take what their properties say: AppSync, CloudFront, file systems, …"""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.resources.simple import deleting, making, without_change
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    ResourceType,
    Steps,
    Subject,
    words,
)

# ── queries ─────────────────────────────────────────────────────────────────────────────────────


def _delete_work_group(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteWorkGroup", {"WorkGroup": it.physical_id, "RecursiveDeleteOption": True})
    return None


def _create_work_group(it: Subject) -> Steps:
    request = {"Name": it.name, **it.wanted("Description", Configuration="WorkGroupConfiguration")}
    tags = [{"Key": key, "Value": value} for key, value in it.all_tags().items()]
    yield Call("CreateWorkGroup", {**request, "Tags": tags or None})
    return Made(it.name, {"CreationTime": "", "WorkGroupConfiguration": {}})


# ── AppSync ─────────────────────────────────────────────────────────────────────────────────────

_API = (
    "AdditionalAuthenticationProviders AuthenticationType LambdaAuthorizerConfig LogConfig Name OpenIDConnectConfig"
    " UserPoolConfig XrayEnabled"
)
_API_ONCE = "Visibility"
_API_KEPT = (
    "ApiType EnhancedMetricsConfig EnvironmentVariables IntrospectionConfig MergedApiExecutionRoleArn OwnerContact"
    " QueryDepthLimit ResolverCountLimit"
)


def _create_api(it: Subject) -> Steps:
    request = {**it.wanted(*_API.split(), _API_ONCE), "tags": it.all_tags() or None}
    made = (yield Call("CreateGraphqlApi", request))["graphqlApi"]
    url: str = (made.get("uris") or {}).get("GRAPHQL") or (
        f"https://{made['apiId']}.appsync-api.{it.scope.region}.amazonaws.com/graphql"
    )
    realtime = url.replace("https://", "wss://").replace("appsync-api", "appsync-realtime-api")
    place = f"{it.scope.region}:{it.scope.account}"
    attributes = {
        "ApiId": made["apiId"],
        "Arn": made["arn"],
        "GraphQLUrl": url,
        "GraphQLDns": url.split("/")[2],
        "GraphQLEndpointArn": f"arn:aws:appsync:{place}:endpoints/graphql-api/{made['apiId']}",
        "RealtimeUrl": realtime,
        "RealtimeDns": realtime.split("/")[2],
    }
    return Made(made["arn"], attributes)


def _update_api(it: Subject) -> Steps:
    yield Call("UpdateGraphqlApi", {**it.wanted(*_API.split()), "apiId": it.attributes["ApiId"]})
    return Made(it.physical_id, it.attributes)


def _delete_api(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteGraphqlApi", {"apiId": it.attributes["ApiId"]})
    return None


def _create_key(it: Subject) -> Steps:
    made = (yield Call("CreateApiKey", it.wanted("ApiId", "Description", "Expires")))["apiKey"]
    key: str = made["id"]
    arn = f"arn:aws:appsync:{it.scope.region}:{it.scope.account}:apis/{it.get('ApiId')}/apikeys/{key}"
    return Made(arn, {"ApiKey": key, "ApiKeyId": key, "Arn": arn})


def _update_key(it: Subject) -> Steps:
    yield Call("UpdateApiKey", {**it.wanted("ApiId", "Description", "Expires"), "id": it.attributes["ApiKeyId"]})
    return Made(it.physical_id, it.attributes)


def _delete_key(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteApiKey", {**it.wanted("ApiId"), "id": it.attributes["ApiKeyId"]})
    return None


def _put_schema(it: Subject) -> Steps:
    if it.get("Definition") is not None:  # one in S3 was packaged: AppSync reads it itself, and here nobody does
        yield Call("StartSchemaCreation", it.wanted("ApiId", "Definition"))
    name = f"{it.get('ApiId')}GraphQLSchema"
    return Made(name, {"Id": name})


def _nothing(it: Subject) -> Generator[Call, Json, Made | None]:
    return None
    yield


# ── CloudFront ──────────────────────────────────────────────────────────────────────────────────

_LISTS = words(
    "Aliases AllowedMethods CacheBehaviors CachedMethods CustomErrorResponses FunctionAssociations Headers"
    " LambdaFunctionAssociations OriginCustomHeaders OriginGroups OriginSslProtocols Origins QueryStringCacheKeys"
    " TrustedKeyGroups TrustedSigners WhitelistedNames"
)


def _counted(value: Any, name: str = "") -> Any:
    """CloudFront's operations count the items of lists, CloudFormation's properties are lists."""
    if isinstance(value, list):
        items = [_counted(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        return {"Quantity": len(items), "Items": items} if name in _LISTS else items
    if isinstance(value, dict):
        found = {key: _counted(item, key) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        cached = found.pop("CachedMethods", None)
        if cached is not None:
            found.setdefault("AllowedMethods", {**cached})["CachedMethods"] = cached
        return found
    return value


def _distribution(it: Subject) -> dict[str, Any]:
    config = _counted(it.get("DistributionConfig") or {})
    return {"Comment": "", "CallerReference": it.token, **config}


def _create_distribution(it: Subject) -> Steps:
    made = (yield Call("CreateDistribution", {"DistributionConfig": _distribution(it)}))["Distribution"]
    return Made(made["Id"], {"Id": made["Id"], "DomainName": made["DomainName"]})


def _update_distribution(it: Subject) -> Steps:
    told = yield Call("GetDistributionConfig", {"Id": it.physical_id})
    config = {**_distribution(it), "CallerReference": told["DistributionConfig"]["CallerReference"]}
    yield Call("UpdateDistribution", {"Id": it.physical_id, "IfMatch": told["ETag"], "DistributionConfig": config})
    return Made(it.physical_id, it.attributes)


def _delete_distribution(it: Subject) -> Generator[Call, Json, Made | None]:
    told = yield Call("GetDistributionConfig", {"Id": it.physical_id})
    yield Call("DeleteDistribution", {"Id": it.physical_id, "IfMatch": told["ETag"]})
    return None


def _create_access_control(it: Subject) -> Steps:
    made = yield Call("CreateOriginAccessControl", it.wanted("OriginAccessControlConfig"))
    return Made(made["OriginAccessControl"]["Id"], {"Id": made["OriginAccessControl"]["Id"]})


def _update_access_control(it: Subject) -> Steps:
    yield Call("UpdateOriginAccessControl", {**it.wanted("OriginAccessControlConfig"), "Id": it.physical_id})
    return Made(it.physical_id, it.attributes)


# ── file systems, containers, documents ─────────────────────────────────────────────────────────

_FILES = "AvailabilityZoneName Encrypted KmsKeyId PerformanceMode ProvisionedThroughputInMibps ThroughputMode"
_FILES_KEPT = "BypassPolicyLockoutSafetyCheck FileSystemProtection ReplicationConfiguration"


def _create_files(it: Subject) -> Steps:
    tags = [{"Key": key, "Value": value} for key, value in it.all_tags("FileSystemTags").items()]
    backup = (it.get("BackupPolicy") or {}).get("Status") == "ENABLED"
    request = {**it.wanted(*_FILES.split()), "CreationToken": it.token, "Tags": tags or None, "Backup": backup}
    made = yield Call("CreateFileSystem", request)
    name: str = made["FileSystemId"]
    yield from _configure_files(it, name)
    return Made(name, {"FileSystemId": name, "Arn": made["FileSystemArn"]})


def _configure_files(it: Subject, name: str) -> Generator[Call, Json, None]:
    if it.changed("LifecyclePolicies"):
        policies = it.get("LifecyclePolicies") or []
        yield Call("PutLifecycleConfiguration", {"FileSystemId": name, "LifecyclePolicies": policies})
    if it.changed("FileSystemPolicy") and it.get("FileSystemPolicy"):
        yield Call("PutFileSystemPolicy", {"FileSystemId": name, "Policy": it.get("FileSystemPolicy")})


def _update_files(it: Subject) -> Steps:
    yield from _configure_files(it, it.physical_id)
    return Made(it.physical_id, it.attributes)


def _create_access_point(it: Subject) -> Steps:
    tags = [{"Key": key, "Value": value} for key, value in it.all_tags("AccessPointTags").items()]
    request = {"ClientToken": it.token, **it.wanted("FileSystemId", "PosixUser", "RootDirectory", "ClientToken")}
    made = yield Call("CreateAccessPoint", {**request, "Tags": tags or None})
    return Made(made["AccessPointId"], {"AccessPointId": made["AccessPointId"], "Arn": made["AccessPointArn"]})


_TASK = (
    "ContainerDefinitions Cpu EphemeralStorage ExecutionRoleArn InferenceAccelerators IpcMode Memory NetworkMode"
    " PidMode PlacementConstraints ProxyConfiguration RequiresCompatibilities RuntimePlatform TaskRoleArn Volumes"
)


def _register_task(it: Subject) -> Steps:
    family = str(it.get("Family") or it.name)
    tags = [{"Key": key, "Value": value} for key, value in it.all_tags().items()]
    request = {**it.wanted(*_TASK.split()), "Family": family, "Tags": tags or None}
    made = (yield Call("RegisterTaskDefinition", request))["taskDefinition"]
    return Made(made["taskDefinitionArn"], {"TaskDefinitionArn": made["taskDefinitionArn"]})


_CLUSTER_KEPT = "CapacityProviders Configuration DefaultCapacityProviderStrategy ServiceConnectDefaults"


_DOCUMENT = "Attachments Content DocumentFormat DocumentType Requires TargetType VersionName"


def _update_document(it: Subject) -> Steps:
    request = it.wanted("Attachments", "Content", "DocumentFormat", "TargetType", "VersionName")
    try:
        told = yield Call("UpdateDocument", {**request, "Name": it.physical_id, "DocumentVersion": "$LATEST"})
        version = told["DocumentDescription"]["DocumentVersion"]
        yield Call("UpdateDocumentDefaultVersion", {"Name": it.physical_id, "DocumentVersion": version})
    except AwsError as problem:
        if problem.code != "DuplicateDocumentContent":
            raise
    return Made(it.physical_id, it.attributes)


TYPES = [
    ResourceType(
        name="AWS::Athena::WorkGroup",
        service="athena",
        properties=words("Description Name RecursiveDeleteOption State Tags WorkGroupConfiguration")
        | words("WorkGroupConfigurationUpdates"),
        required=words("Name"),
        no_effect=words("RecursiveDeleteOption WorkGroupConfigurationUpdates"),
        replaces=words("Name"),
        named_by="Name",
        create=_create_work_group,
        update=without_change,
        delete=_delete_work_group,
    ),
    ResourceType(
        name="AWS::Athena::NamedQuery",
        service="athena",
        properties=words("Database Description Name QueryString WorkGroup"),
        required=words("Database QueryString"),
        named_by="Name",
        create=making(
            "CreateNamedQuery",
            "Database Description Name QueryString WorkGroup",
            "NamedQueryId",
            {"NamedQueryId": "NamedQueryId"},
        ),
        delete=_nothing,
    ),
    ResourceType(
        name="AWS::AppSync::GraphQLApi",
        service="appsync",
        properties=words(f"{_API} {_API_ONCE} {_API_KEPT} Tags"),
        required=words("AuthenticationType Name"),
        no_effect=words(_API_KEPT),
        replaces=words(_API_ONCE),
        create=_create_api,
        update=_update_api,
        delete=_delete_api,
    ),
    ResourceType(
        name="AWS::AppSync::ApiKey",
        service="appsync",
        properties=words("ApiId Description Expires"),
        required=words("ApiId"),
        replaces=words("ApiId"),
        create=_create_key,
        update=_update_key,
        delete=_delete_key,
    ),
    ResourceType(
        name="AWS::AppSync::GraphQLSchema",
        service="appsync",
        properties=words("ApiId Definition DefinitionS3Location"),
        required=words("ApiId"),
        no_effect=words("DefinitionS3Location"),
        replaces=words("ApiId"),
        create=_put_schema,
        update=_put_schema,
        delete=_nothing,
    ),
    ResourceType(
        name="AWS::CloudFront::Distribution",
        service="cloudfront",
        properties=words("DistributionConfig Tags"),
        required=words("DistributionConfig"),
        no_effect=words("Tags"),
        create=_create_distribution,
        update=_update_distribution,
        delete=_delete_distribution,
    ),
    ResourceType(
        name="AWS::CloudFront::OriginAccessControl",
        service="cloudfront",
        properties=words("OriginAccessControlConfig"),
        required=words("OriginAccessControlConfig"),
        create=_create_access_control,
        update=_update_access_control,
        delete=deleting("DeleteOriginAccessControl", "Id"),
    ),
    ResourceType(
        name="AWS::EFS::FileSystem",
        service="efs",
        properties=words(f"{_FILES} {_FILES_KEPT} BackupPolicy FileSystemPolicy FileSystemTags LifecyclePolicies"),
        no_effect=words(_FILES_KEPT),
        replaces=words("AvailabilityZoneName Encrypted KmsKeyId PerformanceMode"),
        create=_create_files,
        update=_update_files,
        delete=deleting("DeleteFileSystem", "FileSystemId"),
    ),
    ResourceType(
        name="AWS::EFS::MountTarget",
        service="efs",
        properties=words("FileSystemId IpAddress IpAddressType Ipv6Address SecurityGroups SubnetId"),
        required=words("FileSystemId SecurityGroups SubnetId"),
        create=making(
            "CreateMountTarget",
            "FileSystemId IpAddress IpAddressType Ipv6Address SecurityGroups SubnetId",
            "MountTargetId",
            {"Id": "MountTargetId", "IpAddress": "IpAddress"},
        ),
        delete=deleting("DeleteMountTarget", "MountTargetId"),
    ),
    ResourceType(
        name="AWS::EFS::AccessPoint",
        service="efs",
        properties=words("AccessPointTags ClientToken FileSystemId PosixUser RootDirectory"),
        required=words("FileSystemId"),
        create=_create_access_point,
        delete=deleting("DeleteAccessPoint", "AccessPointId"),
    ),
    ResourceType(
        name="AWS::ECS::Cluster",
        service="ecs",
        properties=words(f"{_CLUSTER_KEPT} ClusterName ClusterSettings Tags"),
        no_effect=words(_CLUSTER_KEPT),
        replaces=words("ClusterName"),
        named_by="ClusterName",
        create=making(
            "CreateCluster", "ClusterName", "@name", {"Arn": "cluster.clusterArn"}, settings="ClusterSettings"
        ),
        update=without_change,
        delete=deleting("DeleteCluster", "cluster"),
    ),
    ResourceType(
        name="AWS::ECS::TaskDefinition",
        service="ecs",
        properties=words(f"{_TASK} EnableFaultInjection Family Tags"),
        no_effect=words("EnableFaultInjection"),
        create=_register_task,
        delete=deleting("DeregisterTaskDefinition", "taskDefinition"),
    ),
    ResourceType(
        name="AWS::SSM::Document",
        service="ssm",
        properties=words(f"{_DOCUMENT} Name Tags UpdateMethod"),
        required=words("Content"),
        no_effect=words("UpdateMethod"),
        replaces=words("DocumentType Name"),
        named_by="Name",
        name_form=NameForm(128),
        create=making("CreateDocument", f"{_DOCUMENT} Name", "@name"),
        update=_update_document,
        delete=deleting("DeleteDocument", "Name"),
    ),
]
