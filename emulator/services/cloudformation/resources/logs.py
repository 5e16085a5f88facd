"""Log groups and what belongs to them."""

from __future__ import annotations

from typing import Any

from emulator.services.cloudformation.resources.simple import deleting
from emulator.services.cloudformation.resources.types import (
    Call,
    Made,
    NameForm,
    ResourceType,
    Steps,
    Subject,
    words,
)


def _create_group(it: Subject) -> Steps:
    request = it.wanted(logGroupClass="LogGroupClass", kmsKeyId="KmsKeyId")
    if it.get("DeletionProtectionEnabled") is not None:
        request["deletionProtectionEnabled"] = it.get("DeletionProtectionEnabled")
    yield Call("CreateLogGroup", {**request, "logGroupName": it.name, "tags": it.all_tags() or None})
    if it.get("RetentionInDays"):
        yield Call("PutRetentionPolicy", {"logGroupName": it.name, "retentionInDays": it.get("RetentionInDays")})
    if it.get("DataProtectionPolicy"):
        document = it.get("DataProtectionPolicy")
        yield Call("PutDataProtectionPolicy", {"logGroupIdentifier": it.name, "policyDocument": document})
    return Made(it.name, {"Arn": f"arn:aws:logs:{it.scope.region}:{it.scope.account}:log-group:{it.name}:*"})


def _update_group(it: Subject) -> Steps:
    group = it.physical_id
    if it.changed("RetentionInDays"):
        if it.get("RetentionInDays"):
            yield Call("PutRetentionPolicy", {"logGroupName": group, "retentionInDays": it.get("RetentionInDays")})
        else:
            yield Call("DeleteRetentionPolicy", {"logGroupName": group})
    if it.changed("DeletionProtectionEnabled"):
        protected = it.get("DeletionProtectionEnabled", False)
        yield Call(
            "PutLogGroupDeletionProtection", {"logGroupIdentifier": group, "deletionProtectionEnabled": protected}
        )
    if it.changed("DataProtectionPolicy") and it.get("DataProtectionPolicy"):
        document = it.get("DataProtectionPolicy")
        yield Call("PutDataProtectionPolicy", {"logGroupIdentifier": group, "policyDocument": document})
    if it.changed("KmsKeyId"):
        if it.get("KmsKeyId"):
            yield Call("AssociateKmsKey", {"logGroupName": group, "kmsKeyId": it.get("KmsKeyId")})
        else:
            yield Call("DisassociateKmsKey", {"logGroupName": group})
    told = yield Call("ListTagsLogGroup", {"logGroupName": group})
    tags = it.all_tags()
    stale = [key for key in told.get("tags") or {} if key not in tags]
    if stale:
        yield Call("UntagLogGroup", {"logGroupName": group, "tags": stale})
    if tags and tags != told.get("tags"):
        yield Call("TagLogGroup", {"logGroupName": group, "tags": tags})
    return Made(group, it.attributes)


def _create_stream(it: Subject) -> Steps:
    yield Call("CreateLogStream", it.wanted("LogGroupName", "LogStreamName"))
    return Made(it.name)


def _put_filter(it: Subject) -> Steps:
    names = "ApplyOnTransformedLogs DestinationArn Distribution FilterPattern LogGroupName RoleArn"
    yield Call("PutSubscriptionFilter", {**it.wanted(*names.split()), "filterName": it.name})
    return Made(it.name)


def _put_metric_filter(it: Subject) -> Steps:
    names = "ApplyOnTransformedLogs FilterPattern LogGroupName"
    transformations: list[dict[str, Any]] = []
    for given in it.get("MetricTransformations") or []:
        made = dict(given)
        if isinstance(made.get("Dimensions"), list):
            made["Dimensions"] = {item["Key"]: item["Value"] for item in made["Dimensions"]}
        transformations.append(made)
    yield Call(
        "PutMetricFilter",
        {**it.wanted(*names.split()), "filterName": it.name, "metricTransformations": transformations},
    )
    return Made(it.name)


def _put_policy(it: Subject) -> Steps:
    yield Call("PutResourcePolicy", it.wanted("PolicyDocument", "PolicyName"))
    return Made(str(it.get("PolicyName")))


def _put_destination(it: Subject) -> Steps:
    request = it.wanted("DestinationName", "RoleArn", "TargetArn")
    made = yield Call("PutDestination", {**request, "Tags": it.all_tags() or None})
    if it.changed("DestinationPolicy") and it.get("DestinationPolicy"):
        policy = {"AccessPolicy": it.get("DestinationPolicy")}
        yield Call("PutDestinationPolicy", {**it.wanted("DestinationName"), **policy})
    return Made(str(it.get("DestinationName")), {"Arn": made["destination"]["arn"]})


def _put_query(it: Subject) -> Steps:
    request = it.wanted("LogGroupNames", "Name", "Parameters", "QueryLanguage", "QueryString")
    if it.physical_id:
        request["QueryDefinitionId"] = it.physical_id
    made = yield Call("PutQueryDefinition", request)
    return Made(made["queryDefinitionId"], {"QueryDefinitionId": made["queryDefinitionId"]})


TYPES = [
    ResourceType(
        name="AWS::Logs::LogGroup",
        service="logs",
        properties=words("BearerTokenAuthenticationEnabled DataProtectionPolicy DeletionProtectionEnabled")
        | words("FieldIndexPolicies KmsKeyId LogGroupClass")
        | words("LogGroupName ResourcePolicyDocument RetentionInDays Tags"),
        no_effect=words("BearerTokenAuthenticationEnabled FieldIndexPolicies ResourcePolicyDocument"),
        replaces=words("LogGroupName LogGroupClass"),
        named_by="LogGroupName",
        name_form=NameForm(512),
        create=_create_group,
        update=_update_group,
        delete=deleting("DeleteLogGroup", "logGroupName"),
    ),
    ResourceType(
        name="AWS::Logs::LogStream",
        service="logs",
        properties=words("LogGroupName LogStreamName"),
        required=words("LogGroupName"),
        replaces=words("LogGroupName LogStreamName"),
        named_by="LogStreamName",
        name_form=NameForm(512),
        create=_create_stream,
        delete=deleting("DeleteLogStream", "logStreamName", logGroupName="LogGroupName"),
    ),
    ResourceType(
        name="AWS::Logs::SubscriptionFilter",
        service="logs",
        properties=words("ApplyOnTransformedLogs DestinationArn Distribution FilterName FilterPattern LogGroupName")
        | words("RoleArn EmitSystemFields FieldSelectionCriteria"),
        required=words("DestinationArn FilterPattern LogGroupName"),
        replaces=words("FilterName LogGroupName"),
        named_by="FilterName",
        name_form=NameForm(512),
        create=_put_filter,
        update=_put_filter,
        delete=deleting("DeleteSubscriptionFilter", "filterName", logGroupName="LogGroupName"),
    ),
    ResourceType(
        name="AWS::Logs::MetricFilter",
        service="logs",
        properties=words("ApplyOnTransformedLogs FilterName FilterPattern LogGroupName MetricTransformations")
        | words("EmitSystemFieldDimensions FieldSelectionCriteria"),
        required=words("FilterPattern LogGroupName MetricTransformations"),
        replaces=words("FilterName LogGroupName"),
        named_by="FilterName",
        name_form=NameForm(512),
        create=_put_metric_filter,
        update=_put_metric_filter,
        delete=deleting("DeleteMetricFilter", "filterName", logGroupName="LogGroupName"),
    ),
    ResourceType(
        name="AWS::Logs::ResourcePolicy",
        service="logs",
        properties=words("PolicyDocument PolicyName"),
        required=words("PolicyDocument PolicyName"),
        replaces=words("PolicyName"),
        create=_put_policy,
        update=_put_policy,
        delete=deleting("DeleteResourcePolicy", "policyName"),
    ),
    ResourceType(
        name="AWS::Logs::Destination",
        service="logs",
        properties=words("DestinationName DestinationPolicy RoleArn Tags TargetArn"),
        required=words("DestinationName RoleArn TargetArn"),
        replaces=words("DestinationName"),
        create=_put_destination,
        update=_put_destination,
        delete=deleting("DeleteDestination", "destinationName"),
    ),
    ResourceType(
        name="AWS::Logs::QueryDefinition",
        service="logs",
        properties=words("LogGroupNames Name Parameters QueryLanguage QueryString"),
        required=words("Name QueryString"),
        create=_put_query,
        update=_put_query,
        delete=deleting("DeleteQueryDefinition", "queryDefinitionId"),
    ),
]
