"""Buckets and their policies (delegated)."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import Any

from emulator.aws.errors import AwsError
from emulator.ports import Json
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    Properties,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)

_OWN = "account-regional"
"""BucketNamespace of names that end with the account, the region and `-an` (S3 user guide, "Namespaces")."""
_OWN_SUFFIX = "-{account}-{region}-an"


def _bucket_name_form(properties: Properties) -> NameForm:
    prefix = properties.get("BucketNamePrefix")
    return NameForm(63, lower=True, whole=f"{prefix}{_OWN_SUFFIX}" if prefix else "")


def _check_namespace(it: Subject) -> None:
    """Texts are unverified."""
    prefix, own = it.get("BucketNamePrefix"), it.get("BucketNamespace") == _OWN
    if prefix and it.is_named:
        raise ResourceFailed("BucketName and BucketNamePrefix cannot both be specified")
    if prefix and not own:
        raise ResourceFailed(f"BucketNamePrefix requires BucketNamespace {_OWN}")
    suffix = f"-{it.scope.account}-{it.scope.region}-an"
    if own and not it.name.endswith(suffix):
        raise ResourceFailed(f"The name of a bucket in the {_OWN} namespace must end with {suffix}")


def _create_bucket(it: Subject) -> Steps:
    _check_namespace(it)
    request: dict[str, Any] = {"Bucket": it.name, **it.wanted("BucketNamespace")}
    if it.scope.region != "us-east-1":
        request["CreateBucketConfiguration"] = {"LocationConstraint": it.scope.region}
    if it.get("ObjectLockEnabled"):
        request["ObjectLockEnabledForBucket"] = it.get("ObjectLockEnabled")
    if (it.is_named or it.get("BucketNamePrefix")) and not it.again:
        # Creating one's own bucket again succeeds in us-east-1, and in no stack. HeadBucket would not do: it makes
        # CDK's bucket of assets (bootstrap.py), which a stack of `cdk bootstrap` is about to make itself.
        told = yield Call("ListBuckets", {})
        if any(bucket["Name"] == it.name for bucket in told.get("Buckets") or []):
            raise ResourceFailed(f"{it.name} already exists")
    try:
        yield Call("CreateBucket", request)
    except AwsError as problem:
        if problem.code not in ("BucketAlreadyOwnedByYou", "BucketAlreadyExists"):
            raise
        if not it.again:
            raise ResourceFailed(f"{it.name} already exists") from problem
    yield from _configure(it, it.name)
    return Made(it.name, _attributes(it))


def _attributes(it: Subject) -> dict[str, str]:
    region, name = it.scope.region, it.name
    return {
        "Arn": f"arn:aws:s3:::{name}",
        "DomainName": f"{name}.s3.amazonaws.com",
        "DualStackDomainName": f"{name}.s3.dualstack.{region}.amazonaws.com",
        "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        "WebsiteURL": f"http://{name}.s3-website-{region}.amazonaws.com",
    }


def _configure(it: Subject, bucket: str) -> Generator[Call, Json, None]:
    """Each configuration that has changed, by the operation of its own."""
    for name, (operation, member, shape) in _CONFIGURATIONS.items():
        if it.changed(name) and it.get(name) is not None:
            try:
                yield Call(operation, {"Bucket": bucket, member: shape(it.get(name))})
            except AwsError as error:
                # S3 itself asks for no permission here: a bucket policy that names this bucket comes after it, as in
                # every bucket of CDK's with a log bucket. No access log is written by the emulator.
                if operation != "PutBucketLogging" or error.code != "InvalidTargetBucketForLogging":
                    raise
    for name, operation in _REMOVED.items():
        if it.changed(name) and it.get(name) is None:
            yield Call(operation, {"Bucket": bucket})
    if it.changed("NotificationConfiguration"):
        given = _notifications(it.get("NotificationConfiguration") or {})
        yield Call("PutBucketNotificationConfiguration", {"Bucket": bucket, "NotificationConfiguration": given})
    if it.changed("AccessControl") and it.get("AccessControl"):
        yield Call("PutBucketAcl", {"Bucket": bucket, "ACL": _acl(str(it.get("AccessControl")))})
    tags = it.user_tags()
    if tags:
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        yield Call("PutBucketTagging", {"Bucket": bucket, "Tagging": {"TagSet": given}})
    elif it.previous.get("Tags"):
        yield Call("DeleteBucketTagging", {"Bucket": bucket})


def _acl(name: str) -> str:
    """`PublicRead` → `public-read`."""
    return "".join(f"-{char.lower()}" if char.isupper() else char for char in name).lstrip("-")


def _same(value: Json) -> Json:
    return value


def _encryption(value: Json) -> Json:
    rules: list[dict[str, Any]] = []
    for rule in value.get("ServerSideEncryptionConfiguration") or []:
        made = {key: item for key, item in rule.items() if key != "ServerSideEncryptionByDefault"}
        if rule.get("ServerSideEncryptionByDefault"):
            made["ApplyServerSideEncryptionByDefault"] = rule["ServerSideEncryptionByDefault"]
        rules.append(made)
    return {"Rules": rules}


def _cors(value: Json) -> Json:
    names = {"Id": "ID", "MaxAge": "MaxAgeSeconds", "ExposedHeaders": "ExposeHeaders"}
    rules = [{names.get(key, key): item for key, item in rule.items()} for rule in value.get("CorsRules") or []]
    return {"CORSRules": rules}


def _lifecycle(value: Json) -> Json:
    return {"Rules": [_lifecycle_rule(rule) for rule in value.get("Rules") or []]}


def _lifecycle_rule(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule of templates, which name what the API nests."""
    found: dict[str, Any] = {"Status": rule.get("Status"), "ID": rule.get("Id")}
    expiration: dict[str, Any] = {}
    if rule.get("ExpirationInDays") is not None:
        expiration["Days"] = rule["ExpirationInDays"]
    if rule.get("ExpirationDate") is not None:
        expiration["Date"] = rule["ExpirationDate"]
    if rule.get("ExpiredObjectDeleteMarker") is not None:
        expiration["ExpiredObjectDeleteMarker"] = rule["ExpiredObjectDeleteMarker"]
    if expiration:
        found["Expiration"] = expiration
    transitions = [*(rule.get("Transitions") or []), *([rule["Transition"]] if rule.get("Transition") else [])]
    if transitions:
        names = {"TransitionInDays": "Days", "TransitionDate": "Date"}
        found["Transitions"] = [{names.get(key, key): item for key, item in each.items()} for each in transitions]
    if rule.get("AbortIncompleteMultipartUpload"):
        found["AbortIncompleteMultipartUpload"] = rule["AbortIncompleteMultipartUpload"]
    old = rule.get("NoncurrentVersionExpirationInDays")
    if rule.get("NoncurrentVersionExpiration") or old is not None:
        found["NoncurrentVersionExpiration"] = rule.get("NoncurrentVersionExpiration") or {"NoncurrentDays": old}
    tags = [{"Key": tag["Key"], "Value": tag["Value"]} for tag in rule.get("TagFilters") or []]
    prefix = rule.get("Prefix")
    if len(tags) == 1 and prefix is None:
        found["Filter"] = {"Tag": tags[0]}
    elif tags:
        found["Filter"] = {"And": {"Prefix": prefix or "", "Tags": tags}}
    else:
        found["Filter"] = {"Prefix": prefix or ""}
    return found


def _website(value: Json) -> Json:
    found = {key: item for key, item in value.items() if key not in ("IndexDocument", "ErrorDocument", "RoutingRules")}
    if value.get("IndexDocument"):
        found["IndexDocument"] = {"Suffix": value["IndexDocument"]}
    if value.get("ErrorDocument"):
        found["ErrorDocument"] = {"Key": value["ErrorDocument"]}
    if value.get("RoutingRules"):
        found["RoutingRules"] = [
            {
                **({"Condition": rule["RoutingRuleCondition"]} if rule.get("RoutingRuleCondition") else {}),
                "Redirect": rule.get("RedirectRule"),
            }
            for rule in value["RoutingRules"]
        ]
    return found


def _versioning(value: Json) -> Json:
    return {"Status": value.get("Status")}


def _logging(value: Json) -> Json:
    target = {"TargetBucket": value.get("DestinationBucketName"), "TargetPrefix": value.get("LogFilePrefix") or ""}
    return {"LoggingEnabled": target}


_CONFIGURATIONS: dict[str, tuple[str, str, Callable[[Json], Json]]] = {
    "BucketEncryption": ("PutBucketEncryption", "ServerSideEncryptionConfiguration", _encryption),
    "CorsConfiguration": ("PutBucketCors", "CORSConfiguration", _cors),
    "LifecycleConfiguration": ("PutBucketLifecycleConfiguration", "LifecycleConfiguration", _lifecycle),
    "LoggingConfiguration": ("PutBucketLogging", "BucketLoggingStatus", _logging),
    "OwnershipControls": ("PutBucketOwnershipControls", "OwnershipControls", _same),
    "PublicAccessBlockConfiguration": ("PutPublicAccessBlock", "PublicAccessBlockConfiguration", _same),
    "VersioningConfiguration": ("PutBucketVersioning", "VersioningConfiguration", _versioning),
    "WebsiteConfiguration": ("PutBucketWebsite", "WebsiteConfiguration", _website),
}
"""Property → operation, its member, and the shape it wants."""
_REMOVED = {
    "BucketEncryption": "DeleteBucketEncryption",
    "CorsConfiguration": "DeleteBucketCors",
    "LifecycleConfiguration": "DeleteBucketLifecycle",
    "OwnershipControls": "DeleteBucketOwnershipControls",
    "PublicAccessBlockConfiguration": "DeletePublicAccessBlock",
    "WebsiteConfiguration": "DeleteBucketWebsite",
}
_KINDS = {
    "LambdaConfigurations": ("LambdaFunctionConfigurations", "Function", "LambdaFunctionArn"),
    "QueueConfigurations": ("QueueConfigurations", "Queue", "QueueArn"),
    "TopicConfigurations": ("TopicConfigurations", "Topic", "TopicArn"),
}


def _notifications(given: Mapping[str, Any]) -> dict[str, Any]:
    """NotificationConfiguration, where a template has one event for each entry."""
    found: dict[str, Any] = {}
    bridge = given.get("EventBridgeConfiguration")
    if bridge is not None and str(bridge.get("EventBridgeEnabled", True)).lower() == "true":
        found["EventBridgeConfiguration"] = {}
    for name, (member, property_name, arn) in _KINDS.items():
        entries: list[dict[str, Any]] = []
        for entry in given.get(name) or []:
            made: dict[str, Any] = {arn: entry.get(property_name), "Events": [entry.get("Event")]}
            rules = ((entry.get("Filter") or {}).get("S3Key") or {}).get("Rules") or []
            if rules:
                filters = [{"Name": rule["Name"], "Value": rule["Value"]} for rule in rules]
                made["Filter"] = {"Key": {"FilterRules": filters}}
            entries.append(made)
        if entries:
            found[member] = entries
    return found


def _update_bucket(it: Subject) -> Steps:
    yield from _configure(it, it.physical_id)
    return Made(it.physical_id, it.attributes)


def _delete_bucket(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteBucket", {"Bucket": it.physical_id})
    return None


def _put_policy(it: Subject) -> Steps:
    bucket = str(it.get("Bucket"))
    yield Call("PutBucketPolicy", {"Bucket": bucket, "Policy": it.get("PolicyDocument")})
    return Made(bucket)


def _delete_policy(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteBucketPolicy", it.wanted("Bucket"))
    return None


TYPES = [
    ResourceType(
        name="AWS::S3::Bucket",
        service="s3",
        properties=words("AbacStatus AccelerateConfiguration AccessControl AnalyticsConfigurations BucketName")
        | words("BucketNamePrefix BucketNamespace")
        | words("IntelligentTieringConfigurations InventoryConfigurations MetadataConfiguration")
        | words("MetadataTableConfiguration MetricsConfigurations NotificationConfiguration ObjectLockConfiguration")
        | words("ObjectLockEnabled ReplicationConfiguration Tags")
        | frozenset(_CONFIGURATIONS),
        no_effect=words("AbacStatus AccelerateConfiguration AnalyticsConfigurations IntelligentTieringConfigurations")
        | words("InventoryConfigurations MetadataConfiguration MetadataTableConfiguration MetricsConfigurations")
        | words("ObjectLockConfiguration ReplicationConfiguration"),
        replaces=words("BucketName BucketNamePrefix BucketNamespace"),
        named_by="BucketName",
        name_form=_bucket_name_form,
        create=_create_bucket,
        update=_update_bucket,
        delete=_delete_bucket,
    ),
    ResourceType(
        name="AWS::S3::BucketPolicy",
        service="s3",
        properties=words("Bucket PolicyDocument"),
        required=words("Bucket PolicyDocument"),
        replaces=words("Bucket"),
        create=_put_policy,
        update=_put_policy,
        delete=_delete_policy,
    ),
]
