"""Operations on authorizers: functions, and Cognito's user pools."""

from __future__ import annotations

import re
from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway import expressions, store
from emulator.services.apigateway.model import Api, bad_request, conflict, lambda_function_of, not_found, short_id
from emulator.services.apigateway.operations.loading import Loading, given, page
from emulator.services.apigateway.patch import Listed, Patchable, Scalar, apply, whole
from emulator.services.apigateway.quotas import check_room

_ALL = ("add", "replace", "remove")
_AUTH_TYPES = {"COGNITO_USER_POOLS": "cognito_user_pools"}
_POOL = re.compile(r"^arn:[a-z\-]+:cognito-idp:[a-z0-9\-]+:\d{12}:userpool/[A-Za-z0-9_\-]+$")
AUTHORIZER = Patchable(
    scalars={
        "/name": Scalar("name"),
        "/authorizerUri": Scalar("authorizerUri"),
        "/authorizerCredentials": Scalar("authorizerCredentials"),
        "/identitySource": Scalar("identitySource", operations=_ALL),
        "/identityValidationExpression": Scalar("identityValidationExpression"),
        "/authorizerResultTtlInSeconds": Scalar("authorizerResultTtlInSeconds", whole),
        "/authType": Scalar("authType"),
        "/type": Scalar("type"),
    },
    listed={"providerARNs": Listed("providerARNs", whole=True)},
)


def new_authorizer(request: dict[str, Any], authorizer_id: str) -> dict[str, Any]:
    """An authorizer from CreateAuthorizer's members. Raises AWS's error."""
    authorizer = {
        "id": authorizer_id,
        **given(
            request,
            "name",
            "type",
            "providerARNs",
            "authorizerUri",
            "authorizerCredentials",
            "identitySource",
            "identityValidationExpression",
            "authorizerResultTtlInSeconds",
        ),
        "authType": request.get("authType") or _AUTH_TYPES.get(request.get("type") or "", "custom"),
    }
    check_authorizer(authorizer)
    return authorizer


def check_authorizer(authorizer: dict[str, Any]) -> None:
    """Raise unless the authorizer can be as it says. AWS's texts are not recorded (unverified)."""
    if not authorizer.get("name"):
        raise bad_request("Authorizer name must be non-empty")
    if authorizer["type"] == "JWT":
        raise NotEmulated("apigateway", "CreateAuthorizer", "authorizers of type JWT; HTTP APIs have them")
    if authorizer["type"] == "COGNITO_USER_POOLS":
        _check_pools(authorizer)
        return
    if authorizer["type"] not in ("TOKEN", "REQUEST"):
        raise bad_request("Invalid authorizer type specified. Valid options are TOKEN, REQUEST, COGNITO_USER_POOLS")
    uri = authorizer.get("authorizerUri") or ""
    if lambda_function_of(uri) is None:
        raise bad_request(
            f"Invalid Authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN that represents a "
            "Lambda function invocation."
        )
    ttl = authorizer.get("authorizerResultTtlInSeconds", 300)
    if not 0 <= ttl <= 3600:
        raise bad_request("Authorizer result TTL must be between 0 and 3600 seconds")
    sources = [item.strip() for item in (authorizer.get("identitySource") or "").split(",") if item.strip()]
    if not sources and (authorizer["type"] == "TOKEN" or ttl):
        raise bad_request("Identity source is required when authorizer type is TOKEN or caching is enabled")
    for source in sources:
        found = expressions.METHOD_REQUEST.match(source)
        place = found.group(1) if found else ""
        allowed = ("header",) if authorizer["type"] == "TOKEN" else ("header", "querystring")
        shared = expressions.CONTEXT.match(source) or expressions.STAGE_VARIABLE.match(source)
        if place not in allowed and not (shared and authorizer["type"] == "REQUEST"):
            raise bad_request(f"Invalid identity source specified: {source}")


def _check_pools(authorizer: dict[str, Any]) -> None:
    arns = authorizer.get("providerARNs") or []
    if not arns or not all(_POOL.match(arn) for arn in arns):
        raise bad_request(f"Invalid Cognito User Pool ARN specified: {', '.join(arns)}")
    found = expressions.METHOD_REQUEST.match(authorizer.get("identitySource") or "")
    if found is None or found.group(1) != "header":
        raise bad_request("Identity source is required when authorizer type is COGNITO_USER_POOLS")


class Authorizers(Loading):
    """CreateAuthorizer … DeleteAuthorizer, and their test."""

    def create_authorizer(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """An authorizer of an API; an API that is not there is a conflict [R:test_authorizer_crud_no_api]."""
        api = store.load_api(tx, scope, request["restApiId"])
        if api is None:
            raise conflict("Unable to complete operation due to concurrent modification. Please try again later.")
        if any(item["name"] == request["name"] for item in api.authorizers.values()):
            raise bad_request(
                f"Authorizer name must be unique. Authorizer {request['name']} already exists in this RestApi."
            )
        authorizer = new_authorizer(request, short_id(tx.new_id(), 6))
        check_room(len(api.authorizers), self._settings.api_authorizers, "authorizers")
        api.authorizers[authorizer["id"]] = authorizer
        store.save_api(tx, api)
        return authorizer

    def get_authorizer(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One authorizer."""
        return self._authorizer(tx, scope, request)[1]

    def get_authorizers(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """All authorizers of an API."""
        return page(list(self._api(tx, scope, request["restApiId"]).authorizers.values()), request)

    def update_authorizer(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change an authorizer by patch operations."""
        api, authorizer = self._authorizer(tx, scope, request)
        authorizer = apply(authorizer, request.get("patchOperations") or [], AUTHORIZER)
        check_authorizer(authorizer)
        api.authorizers[authorizer["id"]] = authorizer
        store.save_api(tx, api)
        return authorizer

    def delete_authorizer(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete an authorizer that no method uses."""
        api, authorizer = self._authorizer(tx, scope, request)
        for resource in api.resources.values():
            for name, method in (resource.get("resourceMethods") or {}).items():
                if method.get("authorizerId") == authorizer["id"]:
                    raise conflict(
                        f"Cannot delete authorizer '{authorizer['id']}', is referenced in method: "
                        f"{resource['path']}/{name}"
                    )
        del api.authorizers[authorizer["id"]]
        store.save_api(tx, api)
        return {}

    async def test_invoke_authorizer(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Ask an authorizer as a request would, without remembering its answer."""
        return await self.data_plane.testing.authorizer(scope, request)

    def _authorizer(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> tuple[Api, dict[str, Any]]:
        api = self._api(tx, scope, request["restApiId"])
        authorizer = api.authorizers.get(request["authorizerId"])
        if authorizer is None:
            raise not_found("Invalid Authorizer identifier specified")
        return api, authorizer
