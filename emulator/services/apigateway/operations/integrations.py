"""Operations on integrations and integration responses."""

from __future__ import annotations

import re
from typing import Any

from emulator.aws.addressing import service_of_endpoint
from emulator.aws.protocol import service_names
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import expressions, store
from emulator.services.apigateway.model import bad_request, lambda_function_of, not_found
from emulator.services.apigateway.operations.loading import check_http_method, given
from emulator.services.apigateway.operations.vpc_links import VpcLinks
from emulator.services.apigateway.patch import Keyed, Listed, Patchable, Scalar, apply, flag, whole
from emulator.settings import LiveSettings

INTEGRATION = Patchable(
    scalars={
        "/httpMethod": Scalar("httpMethod"),
        "/uri": Scalar("uri"),
        "/credentials": Scalar("credentials"),
        "/passthroughBehavior": Scalar("passthroughBehavior"),
        "/contentHandling": Scalar("contentHandling"),
        "/timeoutInMillis": Scalar("timeoutInMillis", whole),
        "/cacheNamespace": Scalar("cacheNamespace"),
        "/connectionId": Scalar("connectionId"),
        "/connectionType": Scalar("connectionType"),
        "/integrationTarget": Scalar("integrationTarget"),
        "/responseTransferMode": Scalar("responseTransferMode"),
    },
    keyed={
        "requestParameters": Keyed("requestParameters"),
        "requestTemplates": Keyed("requestTemplates", missing="Content-Type specified was not found"),
        "tlsConfig": Keyed("tlsConfig", flag),
    },
    listed={"cacheKeyParameters": Listed("cacheKeyParameters")},
)
INTEGRATION_RESPONSE = Patchable(
    scalars={
        "/selectionPattern": Scalar("selectionPattern"),
        "/contentHandling": Scalar("contentHandling"),
    },
    keyed={
        "responseParameters": Keyed("responseParameters"),
        "responseTemplates": Keyed("responseTemplates", missing="Content-Type specified was not found"),
    },
)
_PASSTHROUGH = ("WHEN_NO_MATCH", "WHEN_NO_TEMPLATES", "NEVER")
_CONTENT_TYPE = re.compile(r"^(\$default|[A-Za-z0-9!#$&^_.+\-*]+/[A-Za-z0-9!#$&^_.+\-*]+(\s*;.*)?)$")
_MAX_TEMPLATE = 300 * 1024
LONGEST_STREAM_MILLISECONDS = 900_000


def check_integration(
    integration: dict[str, Any], method: dict[str, Any], path: str, settings: LiveSettings, operation: str
) -> None:
    """Raise AWS's error, or the emulator's refusal, for an integration that cannot be as it says."""
    kind = integration["type"]
    _check_target(integration, kind)
    _check_connection(integration, kind)
    streams = _check_transfer_mode(integration, kind)
    if integration.get("passthroughBehavior") not in _PASSTHROUGH:
        raise bad_request("Invalid passthroughBehavior specified. Valid options are " + ",".join(_PASSTHROUGH))
    if integration.get("contentHandling") not in (None, "CONVERT_TO_BINARY", "CONVERT_TO_TEXT"):
        raise bad_request("Invalid contentHandling specified. Valid options are CONVERT_TO_BINARY,CONVERT_TO_TEXT")
    timeout = integration.get("timeoutInMillis")
    longest = LONGEST_STREAM_MILLISECONDS if streams else round(settings.max_integration_timeout_seconds * 1000)
    if timeout is not None and not 50 <= timeout <= longest:
        raise bad_request(f"Timeout should be between 50 ms and {longest} ms")
    _check_templates(integration.get("requestTemplates") or {})
    declared = method.get("requestParameters") or {}
    for target, source in (integration.get("requestParameters") or {}).items():
        problem = expressions.request_mapping_problem(target, source, declared, path)
        if problem:
            raise bad_request(problem)


def _check_target(integration: dict[str, Any], kind: str) -> None:
    """Which integrations exist here, and AWS's texts for impossible ones [R:test_put_integration_aws_proxy_uri]."""
    if kind == "MOCK":
        return
    method = integration.get("httpMethod")
    if not method:
        raise bad_request("Enumeration value for HttpMethod must be non-empty")
    check_http_method(method)
    uri = integration.get("uri") or ""
    if kind in ("HTTP", "HTTP_PROXY"):
        if not uri.startswith(("http://", "https://", "${stageVariables.")):
            raise bad_request("Invalid HTTP endpoint specified for URI")
        return
    parts = uri.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        raise bad_request("Invalid ARN specified in the request")
    if not parts[5].startswith(("path/", "action/")) or parts[2] != "apigateway":
        raise bad_request("AWS ARN for integration must contain path or action")
    function = lambda_function_of(uri)
    if function is not None and (function.startswith("arn:") or "${" in function):
        return
    if kind == "AWS_PROXY":
        raise bad_request(
            "Integrations of type 'AWS_PROXY' currently only supports Lambda function and Firehose stream invocations."
        )
    prefix = parts[4].rpartition(".")[2]
    if "$" not in prefix and service_of_endpoint(prefix, service_names().__contains__) is None:
        raise bad_request("AWS ARN for integration contains invalid action or path")


def _check_connection(integration: dict[str, Any], kind: str) -> None:
    """A link is for HTTP endpoints, and has a name (texts unverified)."""
    connection = integration.get("connectionType")
    if connection not in (None, "INTERNET", "VPC_LINK"):
        raise bad_request("Invalid connectionType specified. Valid options are INTERNET,VPC_LINK")
    if connection != "VPC_LINK":
        return
    if kind not in ("HTTP", "HTTP_PROXY"):
        raise bad_request("Connection type VPC_LINK is only supported for integrations of type HTTP and HTTP_PROXY")
    if not integration.get("connectionId"):
        raise bad_request("Connection id is required for connection type VPC_LINK")


def _check_transfer_mode(integration: dict[str, Any], kind: str) -> bool:
    """Whether the answer is streamed: by proxies only, and by a URI that says so (texts unverified)."""
    mode = integration.get("responseTransferMode")
    if mode not in (None, "BUFFERED", "STREAM"):
        raise bad_request("Invalid responseTransferMode specified. Valid options are BUFFERED,STREAM")
    if mode == "STREAM" and not kind.endswith("_PROXY"):
        raise bad_request("Response transfer mode STREAM is only supported for AWS_PROXY and HTTP_PROXY integrations")
    uri_streams = str(integration.get("uri") or "").endswith("/response-streaming-invocations")
    if kind.startswith("AWS") and uri_streams != (mode == "STREAM"):
        raise bad_request("Response transfer mode STREAM and the URI /response-streaming-invocations need each other")
    return mode == "STREAM"


def _check_templates(templates: dict[str, str | None]) -> None:
    for content_type, template in templates.items():
        if not _CONTENT_TYPE.match(content_type):
            raise bad_request(
                f"Validation Result: warnings : [], errors : [Invalid content type specified: {content_type}]"
            )
        if template and len(template) > _MAX_TEMPLATE:
            raise bad_request("Mapping template is too large: the limit is 300 KB")


def check_integration_response(response: dict[str, Any], method: dict[str, Any]) -> None:
    """Raise AWS's error for an integration response that cannot be as it says."""
    if response.get("contentHandling") not in (None, "CONVERT_TO_BINARY", "CONVERT_TO_TEXT"):
        raise bad_request("Invalid contentHandling specified. Valid options are CONVERT_TO_BINARY,CONVERT_TO_TEXT")
    _check_templates(response.get("responseTemplates") or {})
    declared = ((method.get("methodResponses") or {}).get(response["statusCode"]) or {}).get("responseParameters") or {}
    for target, source in (response.get("responseParameters") or {}).items():
        problem = expressions.response_mapping_problem(target, source, declared)
        if problem:
            raise bad_request(problem)


def new_integration(request: dict[str, Any], resource_id: str) -> dict[str, Any]:
    """An integration as it is stored, from PutIntegration's members."""
    integration: dict[str, Any] = {
        "type": request["type"],
        **given(
            request,
            "uri",
            "credentials",
            "requestParameters",
            "requestTemplates",
            "contentHandling",
            "timeoutInMillis",
            "connectionType",
            "connectionId",
            "integrationTarget",
            "tlsConfig",
            "responseTransferMode",
            "cacheKeyParameters",
        ),
        "passthroughBehavior": request.get("passthroughBehavior") or "WHEN_NO_MATCH",
        "cacheNamespace": request.get("cacheNamespace") or resource_id,
    }
    if request["type"] in ("HTTP", "HTTP_PROXY"):
        integration.setdefault("connectionType", "INTERNET")  # [R:test_import_swagger_api]
    if request.get("integrationHttpMethod"):
        integration["httpMethod"] = request["integrationHttpMethod"]
    return integration


def _patches(integration: dict[str, Any], request: dict[str, Any]) -> list[dict[str, str]]:
    """The patch operations, of which `tlsConfig` may be replaced before it is there. Raises for a MOCK's endpoint."""
    operations: list[dict[str, str]] = []
    for operation in request.get("patchOperations") or []:
        path = operation.get("path") or ""
        if integration["type"] == "MOCK" and path in ("/httpMethod", "/uri"):
            raise bad_request(f"Invalid patch path {path}")
        if path.startswith("/tlsConfig/"):
            if path != "/tlsConfig/insecureSkipVerification":
                raise bad_request(f"Invalid patch path {path}")
            operation = {**operation, "op": "add"} if operation.get("op") == "replace" else operation
        operations.append(operation)
    return operations


class Integrations(VpcLinks):
    """PutIntegration … DeleteIntegrationResponse."""

    def put_integration(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Set a method's integration, replacing one that it has with its responses."""
        api, resource, method = self._method(tx, scope, request)
        integration = new_integration(request, resource["id"])
        check_integration(integration, method, resource["path"], self._settings, "PutIntegration")
        self._check_link(tx, scope, integration)
        method["methodIntegration"] = integration
        store.save_api(tx, api)
        return self._shown_integration(integration)

    def get_integration(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A method's integration."""
        return self._shown_integration(self._integration(tx, scope, request)[2])

    def update_integration(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change an integration by patch operations (3.22)."""
        api, method, integration = self._integration(tx, scope, request)
        path = api.resources[request["resourceId"]]["path"]
        integration = apply(integration, _patches(integration, request), INTEGRATION)
        check_integration(integration, method, path, self._settings, "UpdateIntegration")
        self._check_link(tx, scope, integration)
        method["methodIntegration"] = integration
        store.save_api(tx, api)
        return self._shown_integration(integration)

    def delete_integration(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove a method's integration with its responses."""
        api, method, _ = self._integration(tx, scope, request)
        del method["methodIntegration"]
        store.save_api(tx, api)
        return {}

    def put_integration_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Set what becomes of the integration's answer for one status, which the method must declare (3.1, step 8)."""
        api, method, integration = self._integration(tx, scope, request)
        if request["statusCode"] not in (method.get("methodResponses") or {}):
            raise not_found("Invalid Response status code specified")
        response = {
            "statusCode": request["statusCode"],
            **given(request, "selectionPattern", "responseParameters", "responseTemplates", "contentHandling"),
        }
        if response.get("responseTemplates"):
            # An empty template is none, and shown as such [R:test_put_integration_response_templates].
            response["responseTemplates"] = {kind: text or None for kind, text in response["responseTemplates"].items()}
        check_integration_response(response, method)
        integration.setdefault("integrationResponses", {})[request["statusCode"]] = response
        store.save_api(tx, api)
        return response

    def get_integration_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One integration response."""
        return self._integration_response(self._integration(tx, scope, request)[2], request)

    def update_integration_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change an integration response by patch operations."""
        api, method, integration = self._integration(tx, scope, request)
        response = self._integration_response(integration, request)
        response = apply(response, request.get("patchOperations") or [], INTEGRATION_RESPONSE)
        check_integration_response(response, method)
        integration["integrationResponses"][request["statusCode"]] = response
        store.save_api(tx, api)
        return response

    def delete_integration_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete an integration response; a missing method is a missing integration here [R]."""
        api, resource = self._resource(tx, scope, request)
        method = resource.get("resourceMethods", {}).get(request["httpMethod"]) or {}
        integration = method.get("methodIntegration")
        if integration is None:
            raise not_found("Invalid Integration identifier specified")
        self._integration_response(integration, request)
        del integration["integrationResponses"][request["statusCode"]]
        if not integration["integrationResponses"]:
            del integration["integrationResponses"]
        store.save_api(tx, api)
        return {}

    def _check_link(self, tx: Transaction, scope: Scope, integration: dict[str, Any]) -> None:
        """Raise unless the integration's link is there, or a stage variable will name it."""
        link = integration.get("connectionId")
        if link and integration.get("connectionType") == "VPC_LINK" and "$" not in link:
            self._vpc_link(tx, scope, link)

    def _integration_response(self, integration: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        response = (integration.get("integrationResponses") or {}).get(request["statusCode"])
        if response is None:
            raise not_found("Invalid Response status code specified")
        return response
