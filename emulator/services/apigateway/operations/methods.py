"""Operations on methods and method responses."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import expressions, store
from emulator.services.apigateway.model import Api, bad_request, conflict, not_found
from emulator.services.apigateway.operations.loading import Loading, check_http_method, given
from emulator.services.apigateway.patch import Keyed, Listed, Patchable, Scalar, apply, flag

_CONTENT_TYPE = "Content-Type specified was not found"
METHOD = Patchable(
    scalars={
        "/apiKeyRequired": Scalar("apiKeyRequired", flag),
        "/authorizationType": Scalar("authorizationType"),
        "/authorizerId": Scalar("authorizerId"),
        "/requestValidatorId": Scalar("requestValidatorId"),
        "/operationName": Scalar("operationName"),
    },
    keyed={
        "requestParameters": Keyed("requestParameters", flag),
        "requestModels": Keyed("requestModels", missing=_CONTENT_TYPE),
    },
    listed={"authorizationScopes": Listed("authorizationScopes", whole=True)},
)
METHOD_RESPONSE = Patchable(
    keyed={
        "responseParameters": Keyed("responseParameters", flag),
        "responseModels": Keyed("responseModels", missing=_CONTENT_TYPE),
    }
)


def check_method(api: Api, method: dict[str, Any]) -> None:
    """Raise AWS's error for a method that cannot be as it says [R:test_put_method_validation]."""
    kind = method.get("authorizationType")
    authorizer = api.authorizers.get(method.get("authorizerId") or "")
    whose = "COGNITO_USER_POOLS" if authorizer and authorizer["type"] == "COGNITO_USER_POOLS" else "CUSTOM"
    if kind in ("CUSTOM", "COGNITO_USER_POOLS") and (authorizer is None or whose != kind):
        raise bad_request(
            "Invalid authorizer ID specified. Setting the authorization type to CUSTOM or COGNITO_USER_POOLS "
            "requires a valid authorizer."
        )
    if kind not in ("NONE", "AWS_IAM", "CUSTOM", "COGNITO_USER_POOLS"):
        raise bad_request(
            "Invalid authorization type specified. Valid options are NONE, CUSTOM, AWS_IAM, COGNITO_USER_POOLS"
        )
    if kind in ("NONE", "AWS_IAM"):
        method.pop("authorizerId", None)  # it says nothing, and AWS does not keep it [R:test_update_method_validation]
    validator = method.get("requestValidatorId")
    if validator and validator not in api.validators:
        raise bad_request("Invalid Request Validator identifier specified")
    for name in (method.get("requestModels") or {}).values():
        if name not in api.models:
            raise bad_request(f"Invalid model identifier specified: {name}")
    problem = expressions.method_parameter_problem(method.get("requestParameters") or {})
    if problem:
        raise bad_request(problem)


def check_method_response(api: Api, response: dict[str, Any]) -> None:
    """Raise AWS's error for a method response that cannot be as it says."""
    for name in (response.get("responseModels") or {}).values():
        if name not in api.models:
            raise bad_request(f"Invalid model identifier specified: {name}")
    for parameter in response.get("responseParameters") or {}:
        if not expressions.METHOD_RESPONSE.match(parameter):
            raise bad_request(expressions.malformed(parameter))


class Methods(Loading):
    """PutMethod … DeleteMethodResponse."""

    def put_method(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """A method of a resource that has none of that name yet."""
        api, resource = self._resource(tx, scope, request)
        name = request["httpMethod"]
        check_http_method(name)
        methods = resource.setdefault("resourceMethods", {})
        if name in methods:
            raise conflict("Method already exists for this resource")
        method = {
            "httpMethod": name,
            "authorizationType": request["authorizationType"],
            "apiKeyRequired": bool(request.get("apiKeyRequired")),
            **given(
                request,
                "operationName",
                "authorizerId",
                "requestParameters",
                "requestModels",
                "requestValidatorId",
                "authorizationScopes",
            ),
        }
        check_method(api, method)
        methods[name] = method
        store.save_api(tx, api)
        return method

    def get_method(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One method with its integration and responses."""
        return self._shown_method(self._method(tx, scope, request)[2])

    def update_method(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a method by patch operations."""
        api, resource, method = self._method(tx, scope, request)
        method = apply(method, request.get("patchOperations") or [], METHOD)
        check_method(api, method)
        resource["resourceMethods"][request["httpMethod"]] = method
        store.save_api(tx, api)
        return self._shown_method(method)

    async def test_invoke_method(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Run one request through a method as it is being edited."""
        return await self.data_plane.testing.method(scope, request)

    def delete_method(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a method with its integration and responses."""
        api, resource, _ = self._method(tx, scope, request)
        del resource["resourceMethods"][request["httpMethod"]]
        store.save_api(tx, api)
        return {}

    def put_method_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Declare a status with its headers and models, or declare it anew."""
        api, _, method = self._method(tx, scope, request)
        response = {"statusCode": request["statusCode"], **given(request, "responseParameters", "responseModels")}
        check_method_response(api, response)
        method.setdefault("methodResponses", {})[request["statusCode"]] = response
        store.save_api(tx, api)
        return response

    def get_method_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One declared status."""
        return self._response(self._method(tx, scope, request)[2], request)

    def update_method_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change a declared status by patch operations."""
        api, _, method = self._method(tx, scope, request)
        response = apply(self._response(method, request), request.get("patchOperations") or [], METHOD_RESPONSE)
        check_method_response(api, response)
        method["methodResponses"][request["statusCode"]] = response
        store.save_api(tx, api)
        return response

    def delete_method_response(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Withdraw a declared status."""
        api, _, method = self._method(tx, scope, request)
        self._response(method, request)
        del method["methodResponses"][request["statusCode"]]
        if not method["methodResponses"]:
            del method["methodResponses"]
        store.save_api(tx, api)
        return {}

    def _response(self, method: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        response = (method.get("methodResponses") or {}).get(request["statusCode"])
        if response is None:
            raise not_found("Invalid Response status code specified")
        return response
