"""Routing rules of custom domain names; private domain names, their mappings and who may reach them."""

from __future__ import annotations

from collections.abc import Generator

from emulator.ports import Json
from emulator.services.cloudformation.resources.apigateway import replaced, retag
from emulator.services.cloudformation.resources.types import Call, Made, ResourceType, Steps, Subject, words

_RULE = "Actions Conditions Priority"


def _domain(it: Subject) -> str:
    """`arn:aws:apigateway:us-east-1::/domainnames/example.com` → the name."""
    return str(it.get("DomainNameArn")).rpartition("/domainnames/")[2]


def _create_rule(it: Subject) -> Steps:
    made = yield Call("CreateRoutingRule", {"DomainName": _domain(it), **it.wanted(*_RULE.split())})
    attributes = {"RoutingRuleArn": made["RoutingRuleArn"], "RoutingRuleId": made["RoutingRuleId"]}
    return Made(made["RoutingRuleArn"], attributes)


def _update_rule(it: Subject) -> Steps:
    which = {"DomainName": _domain(it), "RoutingRuleId": it.attributes["RoutingRuleId"]}
    yield Call("PutRoutingRule", {**which, **it.wanted(*_RULE.split())})
    return Made(it.physical_id, it.attributes)


def _delete_rule(it: Subject) -> Generator[Call, Json, Made | None]:
    which = {"DomainName": _domain(it), "RoutingRuleId": it.attributes["RoutingRuleId"]}
    yield Call("DeleteRoutingRule", which)
    return None


# ── private domain names ──

_PRIVATE = "CertificateArn DomainName EndpointAccessMode EndpointConfiguration Policy RoutingMode SecurityPolicy"


def _create_private(it: Subject) -> Steps:
    made = yield Call("CreateDomainName", {**it.wanted(*_PRIVATE.split()), "Tags": it.all_tags() or None})
    attributes = {"DomainNameArn": made["domainNameArn"], "DomainNameId": made["domainNameId"]}
    return Made(made["domainNameArn"], attributes)


def _which(it: Subject) -> dict[str, Json]:
    return {**it.wanted("DomainName"), "DomainNameId": it.attributes["DomainNameId"]}


def _update_private(it: Subject) -> Steps:
    members = {
        "CertificateArn": "/certificateArn",
        "EndpointAccessMode": "/endpointAccessMode",
        "Policy": "/policy",
        "RoutingMode": "/routingMode",
    }
    patches = replaced(it, members)
    if patches:
        yield Call("UpdateDomainName", {**_which(it), "patchOperations": patches})
    name = f"{it.get('DomainName')}+{it.attributes['DomainNameId']}"
    yield from retag(it, f"arn:aws:apigateway:{it.scope.region}::/domainnames/{name}")
    return Made(it.physical_id, it.attributes)


def _delete_private(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteDomainName", _which(it))
    return None


def _mapping(it: Subject) -> dict[str, Json]:
    """`arn:aws:apigateway:us-east-1:123456789012:/domainnames/example.com+abcd1234` → name and id, with the path."""
    name, _, identifier = _domain(it).partition("+")
    return {"domainName": name, "domainNameId": identifier or None, "basePath": it.get("BasePath") or "(none)"}


def _create_mapping(it: Subject) -> Steps:
    yield Call("CreateBasePathMapping", {**_mapping(it), **it.wanted("RestApiId", "Stage")})
    arn = f"{it.get('DomainNameArn')}/basepathmappings/{it.get('BasePath') or '(none)'}"
    return Made(arn, {"BasePathMappingArn": arn})


def _update_mapping(it: Subject) -> Steps:
    patches = replaced(it, {"RestApiId": "/restapiId", "Stage": "/stage"})
    yield Call("UpdateBasePathMapping", {**_mapping(it), "patchOperations": patches})
    return Made(it.physical_id, it.attributes)


def _delete_mapping(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteBasePathMapping", _mapping(it))
    return None


_ASSOCIATION = "AccessAssociationSource AccessAssociationSourceType DomainNameArn"


def _associate(it: Subject) -> Steps:
    request = {**it.wanted(*_ASSOCIATION.split()), "Tags": it.all_tags() or None}
    made = yield Call("CreateDomainNameAccessAssociation", request)
    arn = made["domainNameAccessAssociationArn"]
    return Made(arn, {"DomainNameAccessAssociationArn": arn})


def _dissociate(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteDomainNameAccessAssociation", {"domainNameAccessAssociationArn": it.physical_id})
    return None


TYPES = [
    ResourceType(
        name="AWS::ApiGatewayV2::RoutingRule",
        service="apigatewayv2",
        properties=words(f"{_RULE} DomainNameArn"),
        required=words(f"{_RULE} DomainNameArn"),
        replaces=words("DomainNameArn"),
        create=_create_rule,
        update=_update_rule,
        delete=_delete_rule,
    ),
    ResourceType(
        name="AWS::ApiGateway::DomainNameV2",
        service="apigateway",
        properties=words(f"{_PRIVATE} Tags"),
        replaces=words("DomainName EndpointConfiguration SecurityPolicy"),
        create=_create_private,
        update=_update_private,
        delete=_delete_private,
    ),
    ResourceType(
        name="AWS::ApiGateway::BasePathMappingV2",
        service="apigateway",
        properties=words("BasePath DomainNameArn RestApiId Stage"),
        required=words("DomainNameArn RestApiId"),
        replaces=words("BasePath DomainNameArn"),
        create=_create_mapping,
        update=_update_mapping,
        delete=_delete_mapping,
    ),
    ResourceType(
        name="AWS::ApiGateway::DomainNameAccessAssociation",
        service="apigateway",
        properties=words(f"{_ASSOCIATION} Tags"),
        required=words(_ASSOCIATION),
        create=_associate,
        delete=_dissociate,
    ),
]
