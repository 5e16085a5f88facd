"""HTTP and WebSocket APIs and what belongs to them."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from emulator.ports import Json
from emulator.services.cloudformation.resources.apigateway import retag
from emulator.services.cloudformation.resources.simple import deleting
from emulator.services.cloudformation.resources.types import (
    Call,
    Deletion,
    Handler,
    Made,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    words,
)
from emulator.services.cloudformation.resources.values import text_of

# ── APIs ──

_API = (
    "ApiKeySelectionExpression CorsConfiguration Description DisableExecuteApiEndpoint DisableSchemaValidation"
    " IpAddressType Name RouteSelectionExpression Version"
)
_API_ONCE = "CredentialsArn RouteKey Target"


def _create_api(it: Subject) -> Steps:
    document = yield from _document(it)
    if document is not None:
        request: dict[str, Any] = {"body": text_of(document)}
        if it.get("FailOnWarnings") is not None:
            request["failOnWarnings"] = it.get("FailOnWarnings")
        if it.get("BasePath"):
            request["basepath"] = it.get("BasePath")
        made = yield Call("ImportApi", request)
        # What the template says beside the document wins over it.
        beside = it.wanted("CorsConfiguration", "Description", "DisableExecuteApiEndpoint", "Name", "Version")
        if beside:
            yield Call("UpdateApi", {"apiId": made["ApiId"], **beside})
        tags = it.all_tags()
        if tags:
            yield Call("TagResource", {"resourceArn": _arn(it, made["ApiId"]), "tags": tags})
    else:
        if not it.get("Name") or not it.get("ProtocolType"):
            raise ResourceFailed("Name and ProtocolType are required unless there is a Body")
        request = it.wanted(*_API.split(), *_API_ONCE.split(), "ProtocolType")
        made = yield Call("CreateApi", {**request, "tags": it.all_tags() or None})
    attributes = {
        "ApiId": made["ApiId"],
        "ApiEndpoint": made["ApiEndpoint"],
        "ExecuteApiArn": f"arn:aws:execute-api:{it.scope.region}:{it.scope.account}:{made['ApiId']}",
    }
    return Made(made["ApiId"], attributes)


def _document(it: Subject) -> Generator[Call, Json, Any]:
    """The OpenAPI document: inline, or an object in S3."""
    place = it.get("BodyS3Location")
    if it.get("Body") is not None or not place:
        return it.get("Body")
    request = {"Bucket": place.get("Bucket"), "Key": place.get("Key")}
    if place.get("Version"):
        request["VersionId"] = place["Version"]
    found = yield Call("GetObject", request, "s3")
    return bytes(found["Body"]).decode("utf-8", "replace")


def _arn(it: Subject, path: str) -> str:
    return f"arn:aws:apigateway:{it.scope.region}::/apis/{path}"


def _update_api(it: Subject) -> Steps:
    api = it.physical_id
    if it.changed("Body", "BodyS3Location", "BasePath", "FailOnWarnings"):
        document = yield from _document(it)
        if document is not None:
            request: dict[str, Any] = {"apiId": api, "body": text_of(document)}
            if it.get("BasePath"):
                request["basepath"] = it.get("BasePath")
            yield Call("ReimportApi", request)
    if it.changed("CorsConfiguration") and not it.get("CorsConfiguration"):
        yield Call("DeleteCorsConfiguration", {"apiId": api})
    names = [name for name in (*_API.split(), *_API_ONCE.split()) if it.changed(name) or it.get("Body") is not None]
    changed = it.wanted(*names)
    if changed:
        yield Call("UpdateApi", {"apiId": api, **changed})
    yield from retag(it, _arn(it, api))
    return Made(api, it.attributes)


# ── parts that one operation each makes, changes and deletes ──


def _made(operation: str, names: str, member: str, attribute: str = "") -> Handler:
    def create(it: Subject) -> Steps:
        answer = yield Call(operation, it.wanted(*names.split(), apiId="ApiId"))
        return Made(answer[member], {attribute or member: answer[member]})

    return create


def _changed(operation: str, names: str, identifier: str) -> Handler:
    def update(it: Subject) -> Steps:
        changed = [name for name in names.split() if it.changed(name)]
        request = {name: it.get(name, _EMPTY.get(name, "")) for name in changed}
        if request:
            yield Call(operation, {"apiId": it.get("ApiId"), identifier: it.physical_id, **request})
        return Made(it.physical_id, it.attributes)

    return update


def _changed_within(operation: str, names: str, identifier: str, parent: str) -> Handler:
    """An update of what belongs to a route or an integration of an API."""

    def update(it: Subject) -> Steps:
        changed = {name: it.get(name, _EMPTY.get(name, "")) for name in names.split() if it.changed(name)}
        place = it.wanted("ApiId", parent)
        yield Call(operation, {**place, identifier: it.physical_id, **changed})
        return Made(it.physical_id, it.attributes)

    return update


_EMPTY: dict[str, Any] = {
    "AuthorizationScopes": [],
    "AuthorizationType": "NONE",
    "ApiKeyRequired": False,
    "RequestModels": {},
    "RequestParameters": {},
    "RequestTemplates": {},
    "ResponseModels": {},
    "ResponseParameters": {},
    "ResponseTemplates": {},
    "TlsConfig": {},
}
"""What a property that an update leaves out goes back to."""


def _deleted(operation: str, identifier: str) -> Deletion:
    return deleting(operation, identifier, apiId="ApiId")


_ROUTE = (
    "ApiKeyRequired AuthorizationScopes AuthorizationType AuthorizerId ModelSelectionExpression OperationName"
    " RequestModels RequestParameters RouteKey RouteResponseSelectionExpression Target"
)
_INTEGRATION = (
    "ConnectionId ConnectionType ContentHandlingStrategy CredentialsArn Description IntegrationMethod"
    " IntegrationSubtype IntegrationType IntegrationUri PassthroughBehavior PayloadFormatVersion RequestParameters"
    " RequestTemplates ResponseParameters TemplateSelectionExpression TimeoutInMillis TlsConfig"
)
_AUTHORIZER = (
    "AuthorizerCredentialsArn AuthorizerPayloadFormatVersion AuthorizerResultTtlInSeconds AuthorizerType AuthorizerUri"
    " EnableSimpleResponses IdentitySource IdentityValidationExpression JwtConfiguration Name"
)


def _integration(it: Subject) -> dict[str, Any]:
    """An integration's members; a template may write the mapped response parameters as lists of sources."""
    request = it.wanted(*_INTEGRATION.split())
    responses = request.get("ResponseParameters")
    if isinstance(responses, dict):
        request["ResponseParameters"] = {status: _flat(mapping) for status, mapping in responses.items()}
    return request


def _flat(mapping: Json) -> Json:
    if isinstance(mapping, dict) and "ResponseParameters" in mapping:
        return {item["Destination"]: item["Source"] for item in mapping["ResponseParameters"]}
    return mapping


def _create_integration(it: Subject) -> Steps:
    made = yield Call("CreateIntegration", {"apiId": it.get("ApiId"), **_integration(it)})
    return Made(made["IntegrationId"], {"IntegrationId": made["IntegrationId"]})


def _update_integration(it: Subject) -> Steps:
    before = it.previous.get("RequestParameters") or {}
    request = _integration(it)
    gone = {name: "" for name in before if name not in (it.get("RequestParameters") or {})}
    if gone:  # a mapping goes by an empty value
        request["RequestParameters"] = {**(request.get("RequestParameters") or {}), **gone}
    yield Call("UpdateIntegration", {"apiId": it.get("ApiId"), "integrationId": it.physical_id, **request})
    return Made(it.physical_id, it.attributes)


def _create_deployment(it: Subject) -> Steps:
    made = yield Call("CreateDeployment", it.wanted("Description", "StageName", apiId="ApiId"))
    return Made(made["DeploymentId"], {"DeploymentId": made["DeploymentId"]})


def _update_deployment(it: Subject) -> Steps:
    where = {"apiId": it.get("ApiId"), "deploymentId": it.physical_id}
    yield Call("UpdateDeployment", {**where, "description": it.get("Description") or ""})
    return Made(it.physical_id, it.attributes)


def _delete_deployment(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteDeployment", {"apiId": it.get("ApiId"), "deploymentId": it.physical_id})
    return None


_STAGE = (
    "AccessLogSettings AutoDeploy ClientCertificateId DefaultRouteSettings DeploymentId Description RouteSettings"
    " StageVariables"
)


def _create_stage(it: Subject) -> Steps:
    name = it.get("StageName")
    request = it.wanted(*_STAGE.split())
    yield Call("CreateStage", {"apiId": it.get("ApiId"), "stageName": name, **request, "tags": it.all_tags() or None})
    return Made(str(name))


def _update_stage(it: Subject) -> Steps:
    api, name = it.get("ApiId"), it.physical_id
    where = {"apiId": api, "stageName": name}
    if it.changed("AccessLogSettings") and not it.get("AccessLogSettings"):
        yield Call("DeleteAccessLogSettings", where)
    for key in it.previous.get("RouteSettings") or {}:
        if key not in (it.get("RouteSettings") or {}):
            yield Call("DeleteRouteSettings", {**where, "routeKey": key})
    request = it.wanted(*(part for part in _STAGE.split() if it.changed(part)))
    gone = {key: "" for key in it.previous.get("StageVariables") or {} if key not in (it.get("StageVariables") or {})}
    if gone:
        request["StageVariables"] = {**(it.get("StageVariables") or {}), **gone}
    if it.changed("Description"):
        request.setdefault("Description", "")
    if request:
        yield Call("UpdateStage", {**where, **request})
    yield from retag(it, f"{_arn(it, api)}/stages/{name}")
    return Made(name)


# ── domain names ──


def _create_domain(it: Subject) -> Steps:
    request = it.wanted("DomainName", "DomainNameConfigurations", "MutualTlsAuthentication", "RoutingMode")
    made = yield Call("CreateDomainName", {**request, "tags": it.all_tags() or None})
    first = (made.get("DomainNameConfigurations") or [{}])[0]
    attributes = {
        "DomainName": str(it.get("DomainName")),
        "DomainNameArn": made.get("DomainNameArn", ""),
        "RegionalDomainName": first.get("ApiGatewayDomainName", ""),
        "RegionalHostedZoneId": first.get("HostedZoneId", ""),
    }
    return Made(str(it.get("DomainName")), attributes)


def _update_domain(it: Subject) -> Steps:
    request = it.wanted("DomainNameConfigurations", "MutualTlsAuthentication", "RoutingMode")
    yield Call("UpdateDomainName", {"DomainName": it.physical_id, **request})
    return Made(it.physical_id, it.attributes)


def _create_mapping(it: Subject) -> Steps:
    made = yield Call("CreateApiMapping", it.wanted("ApiId", "ApiMappingKey", "DomainName", "Stage"))
    return Made(made["ApiMappingId"], {"ApiMappingId": made["ApiMappingId"]})


def _update_mapping(it: Subject) -> Steps:
    request = it.wanted("ApiId", "DomainName", "Stage")
    key = {"ApiMappingKey": it.get("ApiMappingKey") or ""}
    yield Call("UpdateApiMapping", {**request, **key, "ApiMappingId": it.physical_id})
    return Made(it.physical_id, it.attributes)


def _create_link(it: Subject) -> Steps:
    request = it.wanted("Name", "SecurityGroupIds", "SubnetIds")
    made = yield Call("CreateVpcLink", {**request, "Tags": it.all_tags() or None})
    return Made(made["VpcLinkId"], {"VpcLinkId": made["VpcLinkId"]})


def _update_link(it: Subject) -> Steps:
    yield Call("UpdateVpcLink", {"VpcLinkId": it.physical_id, **it.wanted("Name")})
    return Made(it.physical_id, it.attributes)


TYPES = [
    ResourceType(
        name="AWS::ApiGatewayV2::Api",
        service="apigatewayv2",
        properties=words(f"{_API} {_API_ONCE} BasePath Body BodyS3Location FailOnWarnings ProtocolType Tags"),
        replaces=words("ProtocolType"),
        create=_create_api,
        update=_update_api,
        delete=deleting("DeleteApi", "apiId"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::Route",
        service="apigatewayv2",
        properties=words(f"{_ROUTE} ApiId"),
        required=words("ApiId RouteKey"),
        replaces=words("ApiId"),
        create=_made("CreateRoute", _ROUTE, "RouteId"),
        update=_changed("UpdateRoute", _ROUTE, "routeId"),
        delete=_deleted("DeleteRoute", "routeId"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::Integration",
        service="apigatewayv2",
        properties=words(f"{_INTEGRATION} ApiId"),
        required=words("ApiId IntegrationType"),
        replaces=words("ApiId"),
        create=_create_integration,
        update=_update_integration,
        delete=_deleted("DeleteIntegration", "integrationId"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::IntegrationResponse",
        service="apigatewayv2",
        properties=words("ApiId ContentHandlingStrategy IntegrationId IntegrationResponseKey ResponseParameters")
        | words("ResponseTemplates TemplateSelectionExpression"),
        required=words("ApiId IntegrationId IntegrationResponseKey"),
        replaces=words("ApiId IntegrationId"),
        create=_made(
            "CreateIntegrationResponse",
            "ContentHandlingStrategy IntegrationId IntegrationResponseKey ResponseParameters ResponseTemplates"
            " TemplateSelectionExpression",
            "IntegrationResponseId",
        ),
        update=_changed_within(
            "UpdateIntegrationResponse",
            "ContentHandlingStrategy IntegrationResponseKey ResponseParameters ResponseTemplates"
            " TemplateSelectionExpression",
            "IntegrationResponseId",
            "IntegrationId",
        ),
        delete=deleting(
            "DeleteIntegrationResponse", "integrationResponseId", apiId="ApiId", integrationId="IntegrationId"
        ),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::RouteResponse",
        service="apigatewayv2",
        properties=words("ApiId ModelSelectionExpression ResponseModels ResponseParameters RouteId RouteResponseKey"),
        required=words("ApiId RouteId RouteResponseKey"),
        replaces=words("ApiId RouteId"),
        create=_made(
            "CreateRouteResponse",
            "ModelSelectionExpression ResponseModels ResponseParameters RouteId RouteResponseKey",
            "RouteResponseId",
        ),
        update=_changed_within(
            "UpdateRouteResponse",
            "ModelSelectionExpression ResponseModels ResponseParameters RouteResponseKey",
            "RouteResponseId",
            "RouteId",
        ),
        delete=deleting("DeleteRouteResponse", "routeResponseId", apiId="ApiId", routeId="RouteId"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::Authorizer",
        service="apigatewayv2",
        properties=words(f"{_AUTHORIZER} ApiId"),
        required=words("ApiId AuthorizerType Name"),
        replaces=words("ApiId"),
        create=_made("CreateAuthorizer", _AUTHORIZER, "AuthorizerId"),
        update=_changed("UpdateAuthorizer", _AUTHORIZER, "authorizerId"),
        delete=_deleted("DeleteAuthorizer", "authorizerId"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::Model",
        service="apigatewayv2",
        properties=words("ApiId ContentType Description Name Schema"),
        required=words("ApiId Name Schema"),
        replaces=words("ApiId"),
        create=_made("CreateModel", "ContentType Description Name Schema", "ModelId"),
        update=_changed("UpdateModel", "ContentType Description Name Schema", "modelId"),
        delete=_deleted("DeleteModel", "modelId"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::Deployment",
        service="apigatewayv2",
        properties=words("ApiId Description StageName"),
        required=words("ApiId"),
        replaces=words("ApiId"),
        create=_create_deployment,
        update=_update_deployment,
        delete=_delete_deployment,
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::Stage",
        service="apigatewayv2",
        properties=words(f"{_STAGE} AccessPolicyId ApiId StageName Tags"),
        no_effect=words("AccessPolicyId"),
        required=words("ApiId StageName"),
        replaces=words("ApiId StageName"),
        create=_create_stage,
        update=_update_stage,
        delete=_deleted("DeleteStage", "stageName"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::DomainName",
        service="apigatewayv2",
        properties=words("DomainName DomainNameConfigurations MutualTlsAuthentication RoutingMode Tags"),
        required=words("DomainName"),
        replaces=words("DomainName"),
        create=_create_domain,
        update=_update_domain,
        delete=deleting("DeleteDomainName", "DomainName"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::ApiMapping",
        service="apigatewayv2",
        properties=words("ApiId ApiMappingKey DomainName Stage"),
        required=words("ApiId DomainName Stage"),
        replaces=words("DomainName"),
        create=_create_mapping,
        update=_update_mapping,
        delete=deleting("DeleteApiMapping", "ApiMappingId", DomainName="DomainName"),
    ),
    ResourceType(
        name="AWS::ApiGatewayV2::VpcLink",
        service="apigatewayv2",
        properties=words("Name SecurityGroupIds SubnetIds Tags"),
        required=words("Name SubnetIds"),
        replaces=words("SecurityGroupIds SubnetIds"),
        create=_create_link,
        update=_update_link,
        delete=deleting("DeleteVpcLink", "VpcLinkId"),
    ),
]
