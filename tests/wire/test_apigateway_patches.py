"""Every row of AWS's table of patch operations: what it says is supported works, and what is not is refused.

Where a recording contradicts the table, the recording counts: the row then says so.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.testing import RunningEmulator
from tests.wire.apigateway_support import RestApi, function_uri, mock

LINK = "arn:aws:elasticloadbalancing:us-east-1:000000000000:loadbalancer/net/one/50dc6c495c0c9188"
LOGS = "arn:aws:logs:us-east-1:000000000000:log-group:access"
ALL = ("add", "replace", "remove")
LIST = ("add", "remove")
SET = ("add", "replace")
ONE = ("replace",)


class World:
    """One of everything that can be patched; `patch` runs operations on it."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self.api = RestApi(emulator)
        self.client = client = self.api.client
        api = {"restApiId": self.api.id}
        client.create_model(**api, name="Pet", contentType="application/json", schema='{"type": "object"}')
        link = client.create_vpc_link(name="link", targetArns=[LINK])["id"]
        guard = client.create_authorizer(
            **api,
            name="guard",
            type="TOKEN",
            authorizerUri=function_uri("guard"),
            identitySource="method.request.header.A",
        )["id"]
        http = {
            "type": "HTTP",
            "integrationHttpMethod": "GET",
            "uri": "http://example.com",
            "connectionType": "VPC_LINK",
            "connectionId": link,
        }
        response = {"200": {"responseTemplates": {"application/json": "x"}}}
        parameters = {"method.request.header.H": True}
        method = self.api.method("pets", "GET", http, response, requestParameters=parameters)
        self.api.method("own", "GET", **mock())
        self.first = self.api.deploy(variables={"a": "b"})
        canary = {"percentTraffic": 1.0}
        self.api.deploy(canarySettings=canary)
        client.create_domain_name(domainName="api.example.com")
        client.create_base_path_mapping(domainName="api.example.com", restApiId=self.api.id, basePath="v1")
        part = client.create_documentation_part(**api, location={"type": "API"}, properties="{}")["id"]
        client.create_documentation_version(**api, documentationVersion="v1")
        client.put_gateway_response(
            **api, responseType="THROTTLED", responseParameters={"gatewayresponse.header.A": "'a'"}
        )
        validator = client.create_request_validator(**api, name="all")["id"]
        plan = client.create_usage_plan(
            name="plan", quota={"limit": 1, "period": "DAY"}, throttle={"burstLimit": 1, "rateLimit": 1.0}
        )["id"]
        stages = [{"op": "add", "path": "/apiStages", "value": f"{self.api.id}:dev"}]
        client.update_usage_plan(usagePlanId=plan, patchOperations=stages)
        key = client.create_api_key(name="key")["id"]
        client.create_usage_plan_key(usagePlanId=plan, keyId=key, keyType="API_KEY")
        certificate = client.generate_client_certificate()["clientCertificateId"]
        self.values = {
            "{api}": self.api.id,
            "{root}": self.api.root,
            "{first}": self.first,
            "{guard}": guard,
            "{validator}": validator,
            "{link}": link,
            "{certificate}": certificate,
        }
        named = {"domainName": "api.example.com"}
        status = {**method, "statusCode": "200"}
        self._calls: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
            "Account": (client.update_account, {}),
            "ApiKey": (client.update_api_key, {"apiKey": key}),
            "Authorizer": (client.update_authorizer, {**api, "authorizerId": guard}),
            "BasePathMapping": (client.update_base_path_mapping, {**named, "basePath": "v1"}),
            "ClientCertificate": (client.update_client_certificate, {"clientCertificateId": certificate}),
            "Deployment": (client.update_deployment, {**api, "deploymentId": self.first}),
            "DocumentationPart": (client.update_documentation_part, {**api, "documentationPartId": part}),
            "DocumentationVersion": (client.update_documentation_version, {**api, "documentationVersion": "v1"}),
            "DomainName": (client.update_domain_name, named),
            "GatewayResponse": (client.update_gateway_response, {**api, "responseType": "THROTTLED"}),
            "Integration": (client.update_integration, method),
            "IntegrationResponse": (client.update_integration_response, status),
            "Method": (client.update_method, method),
            "MethodResponse": (client.update_method_response, status),
            "Model": (client.update_model, {**api, "modelName": "Pet"}),
            "RequestValidator": (client.update_request_validator, {**api, "requestValidatorId": validator}),
            "Resource": (client.update_resource, {**api, "resourceId": self.api.resource("own")}),
            "RestApi": (client.update_rest_api, api),
            "Stage": (client.update_stage, {**api, "stageName": "dev"}),
            "Usage": (client.update_usage, {"usagePlanId": plan, "keyId": key}),
            "UsagePlan": (client.update_usage_plan, {"usagePlanId": plan}),
            "VpcLink": (client.update_vpc_link, {"vpcLinkId": link}),
        }

    def filled(self, text: str) -> str:
        for name, value in self.values.items():
            text = text.replace(name, value)
        return text

    def patch(self, entity: str, op: str, path: str, value: str | None) -> Any:
        call, arguments = self._calls[entity]
        operation = {"op": op, "path": self.filled(path)}
        if value is not None:
            operation["value"] = self.filled(value)
        return call(**arguments, patchOperations=[operation])


TABLE: list[tuple[str, str, str, tuple[str, ...]]] = [
    ("Account", "/cloudwatchRoleArn", "arn:aws:iam::000000000000:role/r", ONE),
    ("Account", "/features", "UsagePlans", ("add",)),
    ("ApiKey", "/customerId", "c", ONE),
    ("ApiKey", "/description", "d", ONE),
    ("ApiKey", "/enabled", "true", ONE),
    ("ApiKey", "/name", "n", ONE),
    ("Authorizer", "/authorizerUri", function_uri("other"), ONE),
    ("Authorizer", "/authorizerCredentials", "arn:aws:iam::000000000000:role/r", ONE),
    ("Authorizer", "/authorizerResultTtlInSeconds", "10", ONE),
    ("Authorizer", "/authType", "oauth2", ONE),
    ("Authorizer", "/identitySource", "method.request.header.B", SET),
    ("Authorizer", "/identityValidationExpression", ".+", ONE),
    ("Authorizer", "/name", "n", ONE),
    ("Authorizer", "/providerARNs", "arn:aws:cognito-idp:us-east-1:000000000000:userpool/p", LIST),
    ("Authorizer", "/type", "REQUEST", ONE),
    ("BasePathMapping", "/restapiId", "{api}", ONE),
    ("BasePathMapping", "/stage", "dev", ONE),
    ("BasePathMapping", "/basePath", "v2", ONE),
    ("ClientCertificate", "/description", "d", ONE),
    ("Deployment", "/description", "d", ONE),
    ("DocumentationPart", "/properties", '{"a": "b"}', ONE),
    ("DocumentationVersion", "/description", "d", ONE),
    ("DomainName", "/certificateName", "c", ALL),
    ("DomainName", "/certificateArn", "c", ALL),
    ("DomainName", "/endpointConfiguration/types", "REGIONAL", LIST),
    ("DomainName", "/endpointConfiguration/ipAddressType", "dualstack", ONE),
    ("DomainName", "/endpointAccessMode", "BASIC", ONE),
    ("DomainName", "/mutualTlsAuthentication/truststoreUri", "s3://bucket/key", ALL),
    ("DomainName", "/mutualTlsAuthentication/truststoreVersion", "1", ALL),
    ("DomainName", "/regionalCertificateName", "c", ALL),
    ("DomainName", "/regionalCertificateArn", "c", ALL),
    ("DomainName", "/routingMode", "BASE_PATH_MAPPING_ONLY", ONE),
    ("DomainName", "/securityPolicy", "TLS_1_0", ONE),
    ("DomainName", "/ownershipVerificationCertificateArn", "c", ALL),
    ("GatewayResponse", "/statusCode", "420", ONE),
    ("GatewayResponse", "/responseParameters/gatewayresponse.header.A", "'b'", ALL),
    ("GatewayResponse", "/responseTemplates/text~1plain", "x", ("add",)),
    ("Integration", "/cacheKeyParameters/method.request.header.H", "", ("add",)),
    ("Integration", "/cacheNamespace", "n", ONE),
    ("Integration", "/connectionId", "${stageVariables.link}", ONE),
    ("Integration", "/connectionType", "INTERNET", ONE),
    ("Integration", "/contentHandling", "CONVERT_TO_TEXT", ONE),
    ("Integration", "/httpMethod", "POST", ONE),
    ("Integration", "/integrationTarget", "arn:aws:elasticloadbalancing:target", ONE),
    ("Integration", "/passthroughBehavior", "NEVER", ONE),
    ("Integration", "/requestParameters/integration.request.header.H", "method.request.header.H", ("add",)),
    ("Integration", "/requestTemplates/application~1json", "{}", ("add",)),
    ("Integration", "/responseTransferMode", "BUFFERED", ONE),
    ("Integration", "/timeoutInMillis", "100", ONE),
    ("Integration", "/tlsConfig/insecureSkipVerification", "true", ONE),
    ("Integration", "/type", "MOCK", ()),
    ("Integration", "/uri", "http://example.org", ONE),
    ("IntegrationResponse", "/contentHandling", "CONVERT_TO_TEXT", ONE),
    ("IntegrationResponse", "/responseTemplates/application~1json", "y", ALL),
    ("IntegrationResponse", "/selectionPattern", "2..", ONE),
    ("Method", "/authorizationScopes", "email", LIST),
    ("Method", "/authorizationType", "AWS_IAM", ONE),
    ("Method", "/authorizerId", "{guard}", ONE),
    ("Method", "/apiKeyRequired", "true", ONE),
    ("Method", "/operationName", "o", ONE),
    ("Method", "/requestParameters/method.request.header.H", "false", ALL),
    ("Method", "/requestModels/application~1json", "Pet", ("add",)),
    ("Method", "/requestValidatorId", "{validator}", ONE),
    ("MethodResponse", "/responseModels/application~1json", "Pet", ("add",)),
    ("MethodResponse", "/responseParameters/method.response.header.B", "true", ("add",)),
    ("Model", "/description", "d", ONE),
    ("Model", "/schema", '{"type": "string"}', ONE),
    ("RequestValidator", "/name", "n", ONE),
    ("RequestValidator", "/validateRequestBody", "true", ONE),
    ("RequestValidator", "/validateRequestParameters", "true", ONE),
    ("Resource", "/parentId", "{root}", ONE),
    ("Resource", "/pathPart", "other", ONE),
    ("RestApi", "/apiKeySource", "AUTHORIZER", ONE),
    ("RestApi", "/binaryMediaTypes/image~1png", "", ("add",)),
    ("RestApi", "/binaryMediaTypes", "image/png", ()),
    ("RestApi", "/description", "d", ALL),
    ("RestApi", "/disableExecuteApiEndpoint", "true", ONE),
    ("RestApi", "/endpointConfiguration/types/EDGE", "REGIONAL", ALL),  # AWS's table: replace only; recorded: all
    ("RestApi", "/endpointConfiguration/vpcEndpointIds", "vpce-1", ()),  # of PRIVATE APIs only
    ("RestApi", "/endpointConfiguration/ipAddressType", "dualstack", ONE),
    ("RestApi", "/endpointAccessMode", "BASIC", ONE),
    ("RestApi", "/minimumCompressionSize", "1024", ONE),
    ("RestApi", "/name", "n", ONE),
    ("RestApi", "/policy", "", ONE),
    ("RestApi", "/securityPolicy", "TLS_1_2", ONE),
    ("Stage", "/accessLogSettings/destinationArn", LOGS, SET),  # AWS's table: remove, too; recorded: refused
    ("Stage", "/accessLogSettings/format", "$context.requestId", SET),
    ("Stage", "/cacheClusterEnabled", "true", ONE),
    ("Stage", "/cacheClusterSize", "1.6", ONE),
    ("Stage", "/canarySettings/deploymentId", "{first}", ONE),
    ("Stage", "/canarySettings/percentTraffic", "50", ONE),
    ("Stage", "/canarySettings/stageVariableOverrides/a", "c", ONE),
    ("Stage", "/canarySettings/useStageCache", "true", ONE),
    ("Stage", "/clientCertificateId", "{certificate}", ONE),
    ("Stage", "/deploymentId", "{first}", ONE),
    ("Stage", "/description", "d", ONE),
    ("Stage", "/documentationVersion", "v1", ONE),
    ("Stage", "/variables", "", ("remove",)),
    ("Stage", "/tracingEnabled", "true", ONE),
    *(
        ("Stage", f"/~1pets/GET/{setting}", value, ONE)
        for setting, value in (
            ("metrics/enabled", "true"),
            ("logging/dataTrace", "true"),
            ("logging/loglevel", "INFO"),
            ("throttling/burstLimit", "1"),
            ("throttling/rateLimit", "1.5"),
            ("caching/enabled", "true"),
            ("caching/dataEncrypted", "true"),
            ("caching/ttlInSeconds", "60"),
            ("caching/requireAuthorizationForCacheControl", "false"),
            ("caching/unauthorizedCacheControlHeaderStrategy", "FAIL_WITH_403"),
        )
    ),
    ("Usage", "/remaining", "7", ONE),
    ("UsagePlan", "/apiStages/{api}:dev/throttle/~1pets/GET/rateLimit", "1.5", SET),
    ("UsagePlan", "/apiStages/{api}:dev/throttle/~1pets/GET/burstLimit", "1", SET),
    ("UsagePlan", "/apiStages/{api}:dev/throttle/~1pets/GET", "", ("remove",)),
    ("UsagePlan", "/description", "d", ONE),
    ("UsagePlan", "/name", "n", ONE),
    ("UsagePlan", "/productCode", "p", ALL),
    ("UsagePlan", "/quota", "", ("remove",)),
    ("UsagePlan", "/quota/limit", "10", SET),
    ("UsagePlan", "/quota/offset", "1", SET),
    ("UsagePlan", "/quota/period", "WEEK", SET),
    ("UsagePlan", "/throttle", "", ("remove",)),
    ("UsagePlan", "/throttle/burstLimit", "10", SET),
    ("UsagePlan", "/throttle/rateLimit", "10", SET),
    ("UsagePlan", "/apiStages", "{api}:dev", LIST),
    ("VpcLink", "/name", "n", ONE),
    ("VpcLink", "/description", "d", ONE),
]
ENTITIES = sorted({row[0] for row in TABLE})
MAY_LACK_A_KEY = ("responseTemplates", "requestTemplates", "requestParameters", "responseParameters", "Models", "Types")


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_row_of_awss_table_holds(emulator: RunningEmulator, entity: str) -> None:
    world = World(emulator)
    rows = [row for row in TABLE if row[0] == entity]
    problems: list[str] = []
    for _, path, value, supported in rows:
        for op in ("replace", "add", "remove", "copy", "move", "test"):
            try:
                world.patch(entity, op, path, value)
                outcome = ""
            except ClientError as refused:
                outcome = f"{refused.response['Error']['Code']}: {refused.response['Error']['Message']}"
            if op in supported and outcome:
                problems.append(f"{op} {path} should work: {outcome}")
            if op not in supported and not outcome and not _is_of_a_key(path):
                problems.append(f"{op} {path} should be refused")
            assert not outcome or outcome.startswith(("BadRequestException", "NotFoundException")), (op, path, outcome)
    assert problems == []


def _is_of_a_key(path: str) -> bool:
    """Whether a path is into a map, a list or the settings of a method, where ops depend on what is there."""
    return path.count("/") > 1 and any(
        name in path
        for name in (*MAY_LACK_A_KEY, "cacheKeyParameters", "variables", "VariableOverrides", "/GET", "tls")
    )


def test_a_path_that_nothing_has_is_refused(emulator: RunningEmulator) -> None:
    world = World(emulator)
    for entity in ENTITIES:
        for path in ("/none", "none", "", "/", "/~", "//", "/none/of/it", "/id", "/" + "x" * 5000, "/~2"):
            with pytest.raises(ClientError) as refused:
                world.patch(entity, "replace", path, "x")
            assert refused.value.response["Error"]["Code"] == "BadRequestException", (entity, path)


def test_keys_of_maps_are_escaped_as_json_pointers(emulator: RunningEmulator) -> None:
    world = World(emulator)
    world.patch("Integration", "add", "/requestTemplates/application~1json", "1")
    world.patch("Integration", "add", "/requestTemplates/text~1plain", "2")
    templates = world.patch("Integration", "replace", "/requestTemplates/application~1json", "3")["requestTemplates"]
    assert json.dumps(templates) == '{"application/json": "3", "text/plain": "2"}'
    left = world.patch("Integration", "remove", "/requestTemplates/text~1plain", None)["requestTemplates"]
    assert left == {"application/json": "3"}


def test_nothing_is_kept_of_operations_of_which_one_is_wrong(emulator: RunningEmulator) -> None:
    world = World(emulator)
    before = world.client.get_rest_api(restApiId=world.api.id)
    patch = [
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "replace", "path": "/none", "value": "x"},
    ]
    with pytest.raises(ClientError):
        world.client.update_rest_api(restApiId=world.api.id, patchOperations=patch)
    assert world.client.get_rest_api(restApiId=world.api.id)["name"] == before["name"]
