"""What stands beside REST APIs: keys and usage plans, domain names, documentation, certificates, VPC links."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation.resources.apigateway import of_api, patching, pointer, replaced, retag
from emulator.services.cloudformation.resources.simple import deleting, making
from emulator.services.cloudformation.resources.types import Call, Made, ResourceType, Steps, Subject, words
from emulator.services.cloudformation.resources.values import text_of

# ── keys and plans ──


def _create_key(it: Subject) -> Steps:
    request = it.wanted("CustomerId", "Description", "Enabled", "GenerateDistinctId", "StageKeys", "Value")
    made = yield Call("CreateApiKey", {**request, "name": it.name, "tags": it.all_tags() or None})
    return Made(made["id"], {"APIKeyId": made["id"]})


_UPDATE_KEY = patching(
    "UpdateApiKey", "apiKey", {"CustomerId": "/customerId", "Description": "/description", "Enabled": "/enabled"}, ""
)
_PLAN = "ApiStages Description Quota Throttle UsagePlanName"


def _create_plan(it: Subject) -> Steps:
    request = it.wanted("Description", "ApiStages", "Quota", "Throttle")
    name = it.get("UsagePlanName") or it.name
    made = yield Call("CreateUsagePlan", {**request, "name": name, "tags": it.all_tags() or None})
    return Made(made["id"], {"Id": made["id"]})


def _update_plan(it: Subject) -> Steps:
    patches = replaced(it, {"Description": "/description", "UsagePlanName": "/name"})
    for name, member in (("Quota", "quota"), ("Throttle", "throttle")):
        if not it.changed(name):
            continue
        limits = it.get(name)
        if not limits:
            patches.append({"op": "remove", "path": f"/{member}"})
        for key, value in (limits or {}).items():
            path = f"/{member}/{key[0].lower()}{key[1:]}"
            patches.append({"op": "replace", "path": path, "value": text_of(value)})
    before = {_stage_of(item): item for item in it.previous.get("ApiStages") or []}
    after = {_stage_of(item): item for item in it.get("ApiStages") or []}
    patches += [{"op": "remove", "path": "/apiStages", "value": key} for key in before if key not in after]
    for key, item in after.items():
        if key not in before:
            patches.append({"op": "add", "path": "/apiStages", "value": key})
        old = (before.get(key) or {}).get("Throttle") or {}
        for path, limits in (item.get("Throttle") or {}).items():
            if old.get(path) != limits:
                where = f"/apiStages/{key}/throttle/{pointer(path)}"
                for name, value in limits.items():
                    full = f"{where}/{name[0].lower()}{name[1:]}"
                    patches.append({"op": "replace", "path": full, "value": text_of(value)})
    if patches:
        yield Call("UpdateUsagePlan", {"usagePlanId": it.physical_id, "patchOperations": patches})
    yield from retag(it, f"arn:aws:apigateway:{it.scope.region}::/usageplans/{it.physical_id}")
    return Made(it.physical_id, it.attributes)


def _delete_plan(it: Subject) -> Generator[Call, Json, Made | None]:
    """API Gateway deletes no plan that stages belong to, so they leave it first."""
    told = yield Call("GetUsagePlan", {"usagePlanId": it.physical_id})
    stages = [f"{stage['apiId']}:{stage['stage']}" for stage in told.get("apiStages") or []]
    if stages:
        patches = [{"op": "remove", "path": "/apiStages", "value": stage} for stage in stages]
        yield Call("UpdateUsagePlan", {"usagePlanId": it.physical_id, "patchOperations": patches})
    yield Call("DeleteUsagePlan", {"usagePlanId": it.physical_id})
    return None


def _stage_of(item: Mapping[str, Any]) -> str:
    return f"{item.get('ApiId')}:{item.get('Stage')}"


def _create_plan_key(it: Subject) -> Steps:
    yield Call("CreateUsagePlanKey", it.wanted("KeyId", "KeyType", "UsagePlanId"))
    identifier = f"{it.get('KeyId')}:{it.get('UsagePlanId')}"
    return Made(identifier, {"Id": identifier})


def _delete_plan_key(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteUsagePlanKey", it.wanted(keyId="KeyId", usagePlanId="UsagePlanId"))
    return None


def _put_account(it: Subject) -> Steps:
    role = it.get("CloudWatchRoleArn")
    operation = {"op": "replace", "path": "/cloudwatchRoleArn", "value": role or ""}
    yield Call("UpdateAccount", {"patchOperations": [operation]})
    return Made(it.physical_id or it.name, {"Id": it.physical_id or it.name})


def _leave(it: Subject) -> Generator[Call, Json, Made | None]:
    """An account's settings stay when the resource goes, as on AWS."""
    return None
    yield


# ── domain names ──


_DOMAIN = (
    "CertificateArn DomainName EndpointConfiguration MutualTlsAuthentication OwnershipVerificationCertificateArn"
    " RegionalCertificateArn RoutingMode SecurityPolicy"
)


def _create_domain(it: Subject) -> Steps:
    names = (
        "CertificateArn DomainName EndpointConfiguration MutualTlsAuthentication OwnershipVerificationCertificateArn"
    )
    request = it.wanted(*names.split(), "EndpointAccessMode", "RegionalCertificateArn", "SecurityPolicy", "RoutingMode")
    made = yield Call("CreateDomainName", {**request, "tags": it.all_tags() or None})
    return Made(str(it.get("DomainName")), _domain_attributes(it, made))


def _domain_attributes(it: Subject, made: Json) -> dict[str, Json]:
    return {
        "DistributionDomainName": made.get("distributionDomainName", ""),
        "DistributionHostedZoneId": made.get("distributionHostedZoneId", ""),
        "RegionalDomainName": made.get("regionalDomainName", ""),
        "RegionalHostedZoneId": made.get("regionalHostedZoneId", ""),
        "DomainNameArn": f"arn:aws:apigateway:{it.scope.region}::/domainnames/{it.get('DomainName')}",
    }


def _update_domain(it: Subject) -> Steps:
    name = it.physical_id
    patches = replaced(
        it,
        {
            "CertificateArn": "/certificateArn",
            "EndpointAccessMode": "/endpointAccessMode",
            "OwnershipVerificationCertificateArn": "/ownershipVerificationCertificateArn",
            "RegionalCertificateArn": "/regionalCertificateArn",
            "RoutingMode": "/routingMode",
            "SecurityPolicy": "/securityPolicy",
        },
    )
    if it.changed("EndpointConfiguration"):
        old = (it.previous.get("EndpointConfiguration") or {}).get("Types") or ["EDGE"]
        new = (it.get("EndpointConfiguration") or {}).get("Types") or ["EDGE"]
        if old != new:
            path = f"/endpointConfiguration/types/{old[0]}"
            patches.append({"op": "replace", "path": path, "value": new[0]})
    if it.changed("MutualTlsAuthentication"):
        trust = it.get("MutualTlsAuthentication") or {}
        for member, path in (("TruststoreUri", "truststoreUri"), ("TruststoreVersion", "truststoreVersion")):
            value = trust.get(member) or ""
            patches.append({"op": "replace", "path": f"/mutualTlsAuthentication/{path}", "value": value})
    made = yield Call("UpdateDomainName", {"domainName": name, "patchOperations": patches})
    yield from retag(it, f"arn:aws:apigateway:{it.scope.region}::/domainnames/{name}")
    return Made(name, _domain_attributes(it, made))


def _create_mapping(it: Subject) -> Steps:
    request = it.wanted("BasePath", "DomainName", "RestApiId", "Stage")
    yield Call("CreateBasePathMapping", request)
    return Made(f"{it.get('DomainName')}|{it.get('BasePath') or '(none)'}")


def _update_mapping(it: Subject) -> Steps:
    patches = replaced(it, {"RestApiId": "/restapiId", "Stage": "/stage"})
    request = {"domainName": it.get("DomainName"), "basePath": it.get("BasePath") or "(none)"}
    yield Call("UpdateBasePathMapping", {**request, "patchOperations": patches})
    return Made(it.physical_id)


def _delete_mapping(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call(
        "DeleteBasePathMapping", {"domainName": it.get("DomainName"), "basePath": it.get("BasePath") or "(none)"}
    )
    return None


def _create_part(it: Subject) -> Steps:
    request = {"restApiId": it.get("RestApiId"), "location": it.get("Location"), "properties": it.get("Properties")}
    if not isinstance(request["properties"], str):
        request["properties"] = json.dumps(request["properties"])
    made = yield Call("CreateDocumentationPart", request)
    return Made(made["id"], {"DocumentationPartId": made["id"]})


TYPES = [
    ResourceType(
        name="AWS::ApiGateway::ApiKey",
        service="apigateway",
        properties=words("CustomerId Description Enabled GenerateDistinctId Name StageKeys Tags Value"),
        replaces=words("GenerateDistinctId Name Value"),
        named_by="Name",
        create=_create_key,
        update=_UPDATE_KEY,
        delete=deleting("DeleteApiKey", "apiKey"),
    ),
    ResourceType(
        name="AWS::ApiGateway::UsagePlan",
        service="apigateway",
        properties=words(f"{_PLAN} Tags"),
        create=_create_plan,
        update=_update_plan,
        delete=_delete_plan,
    ),
    ResourceType(
        name="AWS::ApiGateway::UsagePlanKey",
        service="apigateway",
        properties=words("KeyId KeyType UsagePlanId"),
        required=words("KeyId KeyType UsagePlanId"),
        replaces=words("KeyId KeyType UsagePlanId"),
        create=_create_plan_key,
        delete=_delete_plan_key,
    ),
    ResourceType(
        name="AWS::ApiGateway::Account",
        service="apigateway",
        properties=words("CloudWatchRoleArn"),
        create=_put_account,
        update=_put_account,
        delete=_leave,
    ),
    ResourceType(
        name="AWS::ApiGateway::DomainName",
        service="apigateway",
        properties=words(
            "CertificateArn DomainName EndpointConfiguration MutualTlsAuthentication RegionalCertificateArn"
        )
        | words("EndpointAccessMode OwnershipVerificationCertificateArn RoutingMode SecurityPolicy Tags"),
        replaces=words("DomainName"),
        create=_create_domain,
        update=_update_domain,
        delete=deleting("DeleteDomainName", "domainName"),
    ),
    ResourceType(
        name="AWS::ApiGateway::BasePathMapping",
        service="apigateway",
        properties=words("BasePath DomainName Id RestApiId Stage"),
        required=words("DomainName"),
        replaces=words("BasePath DomainName"),
        create=_create_mapping,
        update=_update_mapping,
        delete=_delete_mapping,
    ),
    ResourceType(
        name="AWS::ApiGateway::DocumentationPart",
        service="apigateway",
        properties=words("Location Properties RestApiId"),
        required=words("Location Properties RestApiId"),
        replaces=words("Location RestApiId"),
        create=_create_part,
        update=patching("UpdateDocumentationPart", "documentationPartId", {"Properties": "/properties"}),
        delete=of_api("DeleteDocumentationPart", "documentationPartId"),
    ),
    ResourceType(
        name="AWS::ApiGateway::DocumentationVersion",
        service="apigateway",
        properties=words("Description DocumentationVersion RestApiId"),
        required=words("DocumentationVersion RestApiId"),
        replaces=words("DocumentationVersion RestApiId"),
        create=making(
            "CreateDocumentationVersion",
            "Description RestApiId",
            "=DocumentationVersion",
            documentationVersion="DocumentationVersion",
        ),
        update=patching("UpdateDocumentationVersion", "documentationVersion", {"Description": "/description"}),
        delete=of_api("DeleteDocumentationVersion", "documentationVersion"),
    ),
    ResourceType(
        name="AWS::ApiGateway::ClientCertificate",
        service="apigateway",
        properties=words("Description Tags"),
        create=making(
            "GenerateClientCertificate",
            "Description",
            "clientCertificateId",
            {"ClientCertificateId": "clientCertificateId"},
            tags="tags",
        ),
        update=patching("UpdateClientCertificate", "clientCertificateId", {"Description": "/description"}, ""),
        delete=deleting("DeleteClientCertificate", "clientCertificateId"),
    ),
    ResourceType(
        name="AWS::ApiGateway::VpcLink",
        service="apigateway",
        properties=words("Description Name Tags TargetArns"),
        required=words("Name TargetArns"),
        replaces=words("TargetArns"),
        create=making("CreateVpcLink", "Description Name TargetArns", "id", {"VpcLinkId": "id"}, tags="tags"),
        update=patching("UpdateVpcLink", "vpcLinkId", {"Description": "/description", "Name": "/name"}, ""),
        delete=deleting("DeleteVpcLink", "vpcLinkId"),
    ),
]
