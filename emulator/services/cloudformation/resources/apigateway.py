"""REST APIs and what belongs to them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any

from emulator.ports import Json
from emulator.services.apigateway.openapi import parse
from emulator.services.cloudformation.resources import simple
from emulator.services.cloudformation.resources.simple import deleting, making
from emulator.services.cloudformation.resources.types import (
    Call,
    Deletion,
    Handler,
    Made,
    ResourceFailed,
    ResourceType,
    Steps,
    Subject,
    listed,
    words,
)
from emulator.services.cloudformation.resources.values import text_of

_PATHS = {"~": "~0", "/": "~1"}


def pointer(text: str) -> str:
    """A name as part of a patch operation's path (JSON Pointer)."""
    for char, escaped in _PATHS.items():
        text = text.replace(char, escaped)
    return text


def replaced(it: Subject, members: Mapping[str, str]) -> list[dict[str, Any]]:
    """Patch operations for the properties that have changed: `{property: path}`."""
    found: list[dict[str, Any]] = []
    for name, path in members.items():
        if not it.changed(name):
            continue
        value = it.get(name)
        found.append({"op": "replace", "path": path, "value": "" if value is None else text_of(value)})
    return found


def set_difference(before: Iterable[Any], after: Iterable[Any], path: str) -> list[dict[str, Any]]:
    """Patch operations that make one list of names the other."""
    old, new = [text_of(item) for item in before], [text_of(item) for item in after]
    return [
        *({"op": "remove", "path": f"{path}/{pointer(item)}"} for item in old if item not in new),
        *({"op": "add", "path": f"{path}/{pointer(item)}"} for item in new if item not in old),
    ]


def map_difference(before: Mapping[str, Any], after: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    """Patch operations that make one map the other."""
    found = [{"op": "remove", "path": f"{path}/{pointer(name)}"} for name in before if name not in after]
    for name, value in after.items():
        if before.get(name) != value:
            found.append({"op": "replace", "path": f"{path}/{pointer(name)}", "value": text_of(value)})
    return found


def retag(it: Subject, arn: str) -> Generator[Call, Json, None]:
    """Make the tags of something of API Gateway those of the template and the stack."""
    yield from simple.retag(it, arn, "resourceArn", "GetTags")


# ── APIs ──

_API = "ApiKeySourceType BinaryMediaTypes Description EndpointConfiguration MinimumCompressionSize Version"


def _create_api(it: Subject) -> Steps:
    document = yield from _document(it)
    name = it.get("Name") or _title(document)
    if not name:
        raise ResourceFailed("Invalid REST API: Name or Body is required")
    names = (*_API.split(), "CloneFrom", "DisableExecuteApiEndpoint", "EndpointAccessMode", "SecurityPolicy")
    request = it.wanted(*names, apiKeySource="ApiKeySourceType")
    request.pop("ApiKeySourceType", None)
    if it.get("Policy"):
        request["policy"] = text_of(it.get("Policy"))
    made = yield Call("CreateRestApi", {**request, "name": name, "tags": it.all_tags() or None})
    api: str = made["id"]
    if document is not None:
        yield from _put(it, api, document)
    return (yield from _described(api))


def _document(it: Subject) -> Generator[Call, Json, Any]:
    """The OpenAPI document: inline, or an object in S3."""
    if it.get("Body") is not None:
        return it.get("Body")
    place = it.get("BodyS3Location")
    if not place:
        return None
    request = {"Bucket": place.get("Bucket"), "Key": place.get("Key")}
    if place.get("Version"):
        request["VersionId"] = place["Version"]
    found = yield Call("GetObject", request, "s3")
    return found["Body"]


def _title(document: Any) -> str:
    """Of a document in a template, or of a file in S3."""
    if isinstance(document, bytes):
        document = parse(document)
    return str((document.get("info") or {}).get("title") or "") if isinstance(document, dict) else ""


def _put(it: Subject, api: str, document: Any) -> Generator[Call, Json, None]:
    body = document if isinstance(document, bytes) else text_of(document).encode()
    request: dict[str, Any] = {"restApiId": api, "mode": it.get("Mode") or "overwrite", "body": body}
    if it.get("FailOnWarnings") is not None:
        request["failOnWarnings"] = it.get("FailOnWarnings")
    if it.get("Parameters"):
        request["parameters"] = it.get("Parameters")
    yield Call("PutRestApi", request)
    patches: list[dict[str, Any]] = []
    if it.get("Name"):
        patches.append({"op": "replace", "path": "/name", "value": it.get("Name")})
    if it.get("Description"):
        patches.append({"op": "replace", "path": "/description", "value": it.get("Description")})
    if patches:  # what the document says does not win over the template
        yield Call("UpdateRestApi", {"restApiId": api, "patchOperations": patches})


def _described(api: str) -> Steps:
    resources = yield Call("GetResources", {"restApiId": api, "limit": 500})
    root = next(item["id"] for item in resources["items"] if item["path"] == "/")
    return Made(api, {"RestApiId": api, "RootResourceId": root})


def _endpoint(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Patch operations for another EndpointConfiguration."""
    ids, kind = "/endpointConfiguration/vpcEndpointIds", "/endpointConfiguration/types"
    was, wanted = before.get("VpcEndpointIds") or [], after.get("VpcEndpointIds") or []
    old, new = before.get("Types") or ["EDGE"], after.get("Types") or ["EDGE"]
    found = [{"op": "remove", "path": ids, "value": item} for item in was if item not in wanted]
    if old != new:
        found.append({"op": "replace", "path": f"{kind}/{old[0]}", "value": new[0]})
    if after.get("IpAddressType") and after["IpAddressType"] != before.get("IpAddressType"):
        path = "/endpointConfiguration/ipAddressType"
        found.append({"op": "replace", "path": path, "value": after["IpAddressType"]})
    found += [{"op": "add", "path": ids, "value": item} for item in wanted if item not in was]
    return found


def _update_api(it: Subject) -> Steps:
    api = it.physical_id
    patches = replaced(
        it,
        {
            "ApiKeySourceType": "/apiKeySource",
            "Description": "/description",
            "DisableExecuteApiEndpoint": "/disableExecuteApiEndpoint",
            "EndpointAccessMode": "/endpointAccessMode",
            "MinimumCompressionSize": "/minimumCompressionSize",
            "Name": "/name",
            "Policy": "/policy",
            "SecurityPolicy": "/securityPolicy",
            "Version": "/version",
        },
    )
    if it.changed("BinaryMediaTypes"):
        before, after = it.previous.get("BinaryMediaTypes") or [], it.get("BinaryMediaTypes") or []
        patches += set_difference(before, after, "/binaryMediaTypes")
    if it.changed("EndpointConfiguration"):
        patches += _endpoint(it.previous.get("EndpointConfiguration") or {}, it.get("EndpointConfiguration") or {})
    if patches:
        yield Call("UpdateRestApi", {"restApiId": api, "patchOperations": patches})
    if it.changed("Body", "BodyS3Location", "Mode", "Parameters", "FailOnWarnings"):
        document = yield from _document(it)
        if document is not None:
            yield from _put(it, api, document)
    yield from retag(it, f"arn:aws:apigateway:{it.scope.region}::/restapis/{api}")
    return (yield from _described(api))


# ── resources and methods ──


def _update_resource(it: Subject) -> Steps:
    request = {"restApiId": it.get("RestApiId"), "resourceId": it.physical_id}
    patches = replaced(it, {"PathPart": "/pathPart", "ParentId": "/parentId"})
    yield Call("UpdateResource", {**request, "patchOperations": patches})
    return Made(it.physical_id, it.attributes)


_METHOD = (
    "ApiKeyRequired AuthorizationScopes AuthorizationType AuthorizerId OperationName RequestModels RequestParameters"
    " RequestValidatorId"
)
_INTEGRATION = listed(
    "CacheKeyParameters CacheNamespace ConnectionId ConnectionType ContentHandling Credentials IntegrationTarget"
    " PassthroughBehavior RequestParameters RequestTemplates ResponseTransferMode TimeoutInMillis Type Uri"
)
_INTEGRATION_RESPONSE = words("ContentHandling ResponseParameters ResponseTemplates SelectionPattern StatusCode")
_METHOD_RESPONSE = words("ResponseModels ResponseParameters StatusCode")


def _put_method(it: Subject) -> Steps:
    """Make the method anew: it is one thing to its users, and put together from four operations."""
    at = it.wanted(restApiId="RestApiId", resourceId="ResourceId", httpMethod="HttpMethod")
    if it.physical_id:
        yield Call("DeleteMethod", at)
    request = it.wanted(*_METHOD.split())
    request["authorizationType"] = request.pop("AuthorizationType", "NONE")
    yield Call("PutMethod", {**at, **request})
    for response in it.get("MethodResponses") or []:
        _known(response, _METHOD_RESPONSE, "MethodResponses")
        yield Call("PutMethodResponse", {**at, **response})
    integration = it.get("Integration")
    if integration:
        _known(
            integration, frozenset(_INTEGRATION) | words("IntegrationHttpMethod IntegrationResponses"), "Integration"
        )
        given = {name: integration[name] for name in _INTEGRATION if integration.get(name) is not None}
        if integration.get("IntegrationHttpMethod"):
            given["integrationHttpMethod"] = integration["IntegrationHttpMethod"]
        yield Call("PutIntegration", {**at, **given})
        for response in integration.get("IntegrationResponses") or []:
            _known(response, _INTEGRATION_RESPONSE, "Integration/IntegrationResponses")
            yield Call("PutIntegrationResponse", {**at, **response})
    parts = (it.get("RestApiId"), it.get("ResourceId"), it.get("HttpMethod"))
    return Made("|".join(str(part) for part in parts))


def _known(given: Json, members: frozenset[str], where: str) -> None:
    if not isinstance(given, Mapping):
        raise ResourceFailed(f"Properties validation failed with message:\n#/{where}: expected type: JSONObject")
    for name in given:
        if name not in members:
            raise ResourceFailed(
                f"Properties validation failed with message:\n#/{where}: extraneous key [{name}] is not permitted"
            )


def _delete_method(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteMethod", it.wanted(restApiId="RestApiId", resourceId="ResourceId", httpMethod="HttpMethod"))
    return None


# ── deployments and stages ──

_STAGE_DESCRIPTION = (
    "AccessLogSetting CacheClusterEnabled CacheClusterSize CacheDataEncrypted CacheTtlInSeconds CachingEnabled"
    " CanarySetting ClientCertificateId DataTraceEnabled Description DocumentationVersion LoggingLevel MethodSettings"
    " MetricsEnabled Tags ThrottlingBurstLimit ThrottlingRateLimit TracingEnabled Variables"
)


def _create_deployment(it: Subject) -> Steps:
    api = it.get("RestApiId")
    request: dict[str, Any] = {"restApiId": api, **it.wanted("Description")}
    stage = it.get("StageName")
    described = it.get("StageDescription") or {}
    if stage:
        _known(described, words(_STAGE_DESCRIPTION), "StageDescription")
        request["stageName"] = stage
        for name in ("CacheClusterEnabled", "CacheClusterSize", "TracingEnabled", "Variables"):
            if described.get(name) is not None:
                request[name] = described[name]
        if described.get("Description"):
            request["stageDescription"] = described["Description"]
    canary = it.get("DeploymentCanarySettings")
    if canary:
        request["canarySettings"] = canary
    made = yield Call("CreateDeployment", request)
    if stage:
        patches = _stage_patches({}, described)
        if patches:
            yield Call("UpdateStage", {"restApiId": api, "stageName": stage, "patchOperations": patches})
    return Made(made["id"], {"DeploymentId": made["id"]})


def _update_deployment(it: Subject) -> Steps:
    api, stage = it.get("RestApiId"), it.get("StageName")
    if it.changed("Description"):
        patches = replaced(it, {"Description": "/description"})
        yield Call("UpdateDeployment", {"restApiId": api, "deploymentId": it.physical_id, "patchOperations": patches})
    if stage and it.changed("StageName", "StageDescription"):
        before = it.previous.get("StageDescription") or {}
        patches = _stage_patches(before, it.get("StageDescription") or {})
        if it.changed("StageName"):
            yield Call("CreateStage", {"restApiId": api, "stageName": stage, "deploymentId": it.physical_id})
            patches = _stage_patches({}, it.get("StageDescription") or {})
        if patches:
            yield Call("UpdateStage", {"restApiId": api, "stageName": stage, "patchOperations": patches})
    return Made(it.physical_id, it.attributes)


def _delete_deployment(it: Subject) -> Generator[Call, Json, Made | None]:
    """A stage that came with it goes first; one that points elsewhere by now stays."""
    api, stage = it.get("RestApiId"), it.get("StageName")
    if stage:
        stages = yield Call("GetStages", {"restApiId": api, "deploymentId": it.physical_id})
        if any(item["stageName"] == stage for item in stages["item"]):
            yield Call("DeleteStage", {"restApiId": api, "stageName": stage})
    yield Call("DeleteDeployment", {"restApiId": api, "deploymentId": it.physical_id})
    return None


_SETTINGS = {
    "MetricsEnabled": "metrics/enabled",
    "LoggingLevel": "logging/loglevel",
    "DataTraceEnabled": "logging/dataTrace",
    "ThrottlingBurstLimit": "throttling/burstLimit",
    "ThrottlingRateLimit": "throttling/rateLimit",
    "CachingEnabled": "caching/enabled",
    "CacheTtlInSeconds": "caching/ttlInSeconds",
    "CacheDataEncrypted": "caching/dataEncrypted",
}
"""Method settings, and what they are called in paths of patch operations."""
_STAGE = {
    "CacheClusterEnabled": "/cacheClusterEnabled",
    "CacheClusterSize": "/cacheClusterSize",
    "ClientCertificateId": "/clientCertificateId",
    "DeploymentId": "/deploymentId",
    "Description": "/description",
    "DocumentationVersion": "/documentationVersion",
    "TracingEnabled": "/tracingEnabled",
}
_STAGE_PROPERTIES = words(
    "AccessLogSetting CacheClusterEnabled CacheClusterSize CanarySetting ClientCertificateId DeploymentId Description"
    " DocumentationVersion MethodSettings RestApiId StageName Tags TracingEnabled Variables"
)


_LATER = words("AccessLogSetting ClientCertificateId MethodSettings")
"""What CreateStage does not take."""


def _stage_patches(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Patch operations that make one description of a stage the other."""
    found: list[dict[str, Any]] = []
    for name, path in _STAGE.items():
        if before.get(name) != after.get(name):
            value = after.get(name)
            found.append({"op": "replace", "path": path, "value": "" if value is None else text_of(value)})
    found += map_difference(before.get("Variables") or {}, after.get("Variables") or {}, "/variables")
    old, new = before.get("AccessLogSetting") or {}, after.get("AccessLogSetting") or {}
    if old and not new:
        found.append({"op": "remove", "path": "/accessLogSettings"})
    for name, path in (
        ("DestinationArn", "/accessLogSettings/destinationArn"),
        ("Format", "/accessLogSettings/format"),
    ):
        if new.get(name) is not None and old.get(name) != new.get(name):
            value = text_of(new[name]).removesuffix(":*") if name == "DestinationArn" else text_of(new[name])
            found.append({"op": "replace", "path": path, "value": value})
    found += _setting_patches(_settings_of(before), _settings_of(after))
    return found


def _settings_of(described: Mapping[str, Any]) -> dict[str, Any]:
    """{path of a method setting: value}; a deployment's description of its stage has those of all methods beside it."""
    found: dict[str, Any] = {}
    for name, path in _SETTINGS.items():
        if described.get(name) is not None:
            found[f"/*/*/{path}"] = described[name]
    for setting in described.get("MethodSettings") or []:
        _known(setting, frozenset(_SETTINGS) | words("HttpMethod ResourcePath"), "MethodSettings")
        resource = str(setting.get("ResourcePath") or "/*")
        where = "/*" if resource in ("/*", "*") else f"/{pointer('/' + resource.strip('/'))}"
        method = setting.get("HttpMethod") or "*"
        for name, path in _SETTINGS.items():
            if setting.get(name) is not None:
                found[f"{where}/{method}/{path}"] = setting[name]
    return found


def _setting_patches(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    gone = {path.rsplit("/", 2)[0] for path in before} - {path.rsplit("/", 2)[0] for path in after}
    return [
        *({"op": "remove", "path": path} for path in sorted(gone)),
        *(
            {"op": "replace", "path": path, "value": text_of(value)}
            for path, value in after.items()
            if before.get(path) != value
        ),
    ]


def _create_stage(it: Subject) -> Steps:
    name = it.get("StageName") or "default"
    request = it.wanted(
        "RestApiId",
        "DeploymentId",
        "Description",
        "CacheClusterEnabled",
        "CacheClusterSize",
        "Variables",
        "DocumentationVersion",
        "TracingEnabled",
    )
    canary = it.get("CanarySetting")
    if canary:
        request["canarySettings"] = canary
    yield Call("CreateStage", {**request, "stageName": name, "tags": it.all_tags() or None})
    after = {key: value for key, value in it.properties.items() if key in _LATER}
    patches = _stage_patches({}, after)
    if patches:
        yield Call("UpdateStage", {"restApiId": it.get("RestApiId"), "stageName": name, "patchOperations": patches})
    return Made(name)


def _update_stage(it: Subject) -> Steps:
    api = it.get("RestApiId")
    patches = _stage_patches(it.previous, it.properties)
    if it.changed("CanarySetting"):
        patches += _canary_patches(it.get("CanarySetting"))
    if patches:
        yield Call("UpdateStage", {"restApiId": api, "stageName": it.physical_id, "patchOperations": patches})
    yield from retag(it, f"arn:aws:apigateway:{it.scope.region}::/restapis/{api}/stages/{it.physical_id}")
    return Made(it.physical_id)


def _canary_patches(canary: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if not canary:
        return [{"op": "remove", "path": "/canarySettings"}]
    found: list[dict[str, Any]] = []
    for name in ("DeploymentId", "PercentTraffic", "UseStageCache"):
        if canary.get(name) is not None:
            path = f"/canarySettings/{name[0].lower()}{name[1:]}"
            found.append({"op": "replace", "path": path, "value": text_of(canary[name])})
    for name, value in (canary.get("StageVariableOverrides") or {}).items():
        path = f"/canarySettings/stageVariableOverrides/{pointer(name)}"
        found.append({"op": "replace", "path": path, "value": text_of(value)})
    return found


# ── authorizers, models, validators, gateway responses ──

_AUTHORIZER = (
    "AuthType AuthorizerCredentials AuthorizerResultTtlInSeconds AuthorizerUri IdentitySource"
    " IdentityValidationExpression Name ProviderARNs Type"
)


def patching(operation: str, identifier: str, members: Mapping[str, str], api: str = "RestApiId") -> Handler:
    """An `update` by patch operations."""

    def update(it: Subject) -> Steps:
        patches = replaced(it, members)
        if patches:
            request = {identifier: it.physical_id, "patchOperations": patches}
            if api:
                request["restApiId"] = it.get(api)
            yield Call(operation, request)
        return Made(it.physical_id, it.attributes)

    return update


def _update_authorizer(it: Subject) -> Steps:
    patches = replaced(
        it,
        {
            "AuthType": "/authType",
            "AuthorizerCredentials": "/authorizerCredentials",
            "AuthorizerResultTtlInSeconds": "/authorizerResultTtlInSeconds",
            "AuthorizerUri": "/authorizerUri",
            "IdentitySource": "/identitySource",
            "IdentityValidationExpression": "/identityValidationExpression",
            "Name": "/name",
            "Type": "/type",
        },
    )
    patches += set_difference(it.previous.get("ProviderARNs") or [], it.get("ProviderARNs") or [], "/providerARNs")
    if patches:
        where = {"restApiId": it.get("RestApiId"), "authorizerId": it.physical_id}
        yield Call("UpdateAuthorizer", {**where, "patchOperations": patches})
    return Made(it.physical_id, it.attributes)


def _create_model(it: Subject) -> Steps:
    request = it.wanted("RestApiId", "Description", contentType="ContentType")
    schema = it.get("Schema")
    request["schema"] = "{}" if schema is None else text_of(schema)
    request.setdefault("contentType", "application/json")
    name = it.get("Name") or it.name.replace("-", "")
    yield Call("CreateModel", {**request, "name": name})
    return Made(name)


def _put_gateway_response(it: Subject) -> Steps:
    request = it.wanted("RestApiId", "ResponseType", "StatusCode", "ResponseParameters", "ResponseTemplates")
    yield Call("PutGatewayResponse", request)
    return Made(
        f"{it.get('RestApiId')}_{it.get('ResponseType')}", {"Id": f"{it.get('RestApiId')}_{it.get('ResponseType')}"}
    )


def _delete_gateway_response(it: Subject) -> Generator[Call, Json, Made | None]:
    yield Call("DeleteGatewayResponse", it.wanted(restApiId="RestApiId", responseType="ResponseType"))
    return None


def of_api(operation: str, identifier: str) -> Deletion:
    return deleting(operation, identifier, restApiId="RestApiId")


TYPES = [
    ResourceType(
        name="AWS::ApiGateway::RestApi",
        service="apigateway",
        properties=words(f"{_API} Body BodyS3Location CloneFrom DisableExecuteApiEndpoint FailOnWarnings Mode Name")
        | words("EndpointAccessMode Parameters Policy SecurityPolicy Tags"),
        create=_create_api,
        update=_update_api,
        delete=deleting("DeleteRestApi", "restApiId"),
    ),
    ResourceType(
        name="AWS::ApiGateway::Resource",
        service="apigateway",
        properties=words("ParentId PathPart RestApiId"),
        required=words("ParentId PathPart RestApiId"),
        replaces=words("ParentId PathPart RestApiId"),
        create=making("CreateResource", "ParentId PathPart RestApiId", "id", {"ResourceId": "id"}),
        update=_update_resource,
        delete=of_api("DeleteResource", "resourceId"),
    ),
    ResourceType(
        name="AWS::ApiGateway::Method",
        service="apigateway",
        properties=words(f"{_METHOD} HttpMethod Integration MethodResponses ResourceId RestApiId"),
        required=words("HttpMethod ResourceId RestApiId"),
        replaces=words("HttpMethod ResourceId RestApiId"),
        create=_put_method,
        update=_put_method,
        delete=_delete_method,
    ),
    ResourceType(
        name="AWS::ApiGateway::Deployment",
        service="apigateway",
        properties=words("DeploymentCanarySettings Description RestApiId StageDescription StageName"),
        required=words("RestApiId"),
        replaces=words("DeploymentCanarySettings RestApiId"),
        create=_create_deployment,
        update=_update_deployment,
        delete=_delete_deployment,
    ),
    ResourceType(
        name="AWS::ApiGateway::Stage",
        service="apigateway",
        properties=_STAGE_PROPERTIES,
        required=words("RestApiId"),
        replaces=words("RestApiId StageName"),
        create=_create_stage,
        update=_update_stage,
        delete=deleting("DeleteStage", "stageName", restApiId="RestApiId"),
    ),
    ResourceType(
        name="AWS::ApiGateway::Authorizer",
        service="apigateway",
        properties=words(f"{_AUTHORIZER} RestApiId"),
        required=words("Name RestApiId Type"),
        replaces=words("RestApiId"),
        create=making("CreateAuthorizer", f"{_AUTHORIZER} RestApiId", "id", {"AuthorizerId": "id"}),
        update=_update_authorizer,
        delete=of_api("DeleteAuthorizer", "authorizerId"),
    ),
    ResourceType(
        name="AWS::ApiGateway::Model",
        service="apigateway",
        properties=words("ContentType Description Name RestApiId Schema"),
        required=words("RestApiId"),
        replaces=words("ContentType Name RestApiId"),
        create=_create_model,
        update=patching("UpdateModel", "modelName", {"Description": "/description", "Schema": "/schema"}),
        delete=of_api("DeleteModel", "modelName"),
    ),
    ResourceType(
        name="AWS::ApiGateway::RequestValidator",
        service="apigateway",
        properties=words("Name RestApiId ValidateRequestBody ValidateRequestParameters"),
        required=words("RestApiId"),
        replaces=words("Name RestApiId"),
        create=making(
            "CreateRequestValidator",
            "Name RestApiId ValidateRequestBody ValidateRequestParameters",
            "id",
            {"RequestValidatorId": "id"},
        ),
        update=patching(
            "UpdateRequestValidator",
            "requestValidatorId",
            {"ValidateRequestBody": "/validateRequestBody", "ValidateRequestParameters": "/validateRequestParameters"},
        ),
        delete=of_api("DeleteRequestValidator", "requestValidatorId"),
    ),
    ResourceType(
        name="AWS::ApiGateway::GatewayResponse",
        service="apigateway",
        properties=words("ResponseParameters ResponseTemplates ResponseType RestApiId StatusCode"),
        required=words("ResponseType RestApiId"),
        replaces=words("ResponseType RestApiId"),
        create=_put_gateway_response,
        update=_put_gateway_response,
        delete=_delete_gateway_response,
    ),
]
