"""Operations on authorizers: JWT and Lambda."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.apigateway.model import bad_request, conflict, short_id
from emulator.services.apigatewayv2.model import Api, Document, lambda_function_of
from emulator.services.apigatewayv2.operations.loading import Loading, Request, found, given, page
from emulator.services.apigatewayv2.websocket_rules import check_authorizer

_JWT = ("AuthorizerType", "IdentitySource", "JwtConfiguration", "Name")
_LAMBDA = (
    "AuthorizerCredentialsArn",
    "AuthorizerPayloadFormatVersion",
    "AuthorizerResultTtlInSeconds",
    "AuthorizerType",
    "AuthorizerUri",
    "EnableSimpleResponses",
    "IdentitySource",
    "Name",
)
_SOURCE = re.compile(
    r"\$(request\.(header|querystring)\.[^\s$]+|context\.[A-Za-z0-9.\-_]+|stageVariables\.[A-Za-z0-9_]+)"
)
DEFAULT_TTL_SECONDS = 300
"""With an identity source and no TTL of its own (unverified; the console's default)."""


class Authorizers(Loading):
    """CreateAuthorizer … DeleteAuthorizer."""

    def create_authorizer(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A new authorizer. The issuer of a JWT authorizer is asked at the first request (AWS asks it here, too)."""
        api = self._api(tx, scope, request)
        authorizer = self.add_authorizer(tx, api, request)
        self._keep(tx, api)
        return authorizer

    def add_authorizer(self, tx: Transaction, api: Api, request: Request) -> Document:
        """Put a new authorizer into an API that is being edited."""
        self._check_room(len(api.authorizers), "Authorizers")
        members = _JWT if request["AuthorizerType"] == "JWT" else _LAMBDA
        authorizer = _checked(api, given(request, members), request)
        _check_name(api, authorizer)
        authorizer["AuthorizerId"] = short_id(tx.new_id(), 6)
        api.authorizers[authorizer["AuthorizerId"]] = authorizer
        return authorizer

    def get_authorizer(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """One authorizer."""
        return found("Authorizer", self._api(tx, scope, request).authorizers, request["AuthorizerId"])

    def get_authorizers(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The authorizers of an API, a page at a time."""
        return page(list(self._api(tx, scope, request).authorizers.values()), request)

    def update_authorizer(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the members that are given."""
        api = self._api(tx, scope, request)
        old = found("Authorizer", api.authorizers, request["AuthorizerId"])
        members = _JWT if old["AuthorizerType"] == "JWT" else _LAMBDA
        if request.get("AuthorizerType") not in (None, old["AuthorizerType"]):
            raise bad_request("AuthorizerType cannot be changed")
        authorizer = _checked(api, {**old, **given(request, members)}, request)
        _check_name(api, authorizer)
        api.authorizers[authorizer["AuthorizerId"]] = authorizer
        self._keep(tx, api)
        return authorizer

    def delete_authorizer(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete an authorizer that no route uses."""
        api = self._api(tx, scope, request)
        identifier = found("Authorizer", api.authorizers, request["AuthorizerId"])["AuthorizerId"]
        users = [route["RouteKey"] for route in api.routes.values() if route.get("AuthorizerId") == identifier]
        if users:
            raise conflict(f"Cannot delete authorizer '{identifier}', is referenced in route: {users[0]}")
        del api.authorizers[identifier]
        self._keep(tx, api)
        return {}


def _check_name(api: Api, authorizer: Document) -> None:
    for identifier, other in api.authorizers.items():
        if other["Name"] == authorizer["Name"] and identifier != authorizer.get("AuthorizerId"):
            raise conflict(
                f"Authorizer name must be unique. Authorizer {authorizer['Name']} already exists in this API."
            )


def _checked(api: Api, authorizer: Document, request: Request) -> Document:
    """An authorizer with AWS's defaults. Raises AWS's 400 (texts unverified)."""
    if api.is_websocket:
        return check_authorizer(authorizer, request)
    sources: list[str] = authorizer.get("IdentitySource") or []
    if any(not _SOURCE.fullmatch(source) for source in sources):
        raise bad_request(f"Invalid identity source specified: {', '.join(sources)}")
    authorizer = {**authorizer, "IdentitySource": sources}
    if request.get("IdentityValidationExpression"):
        raise bad_request("IdentityValidationExpression is not supported for HTTP APIs")
    if authorizer["AuthorizerType"] == "JWT":
        return _checked_jwt(authorizer, sources)
    version = authorizer.get("AuthorizerPayloadFormatVersion")
    if version not in ("1.0", "2.0"):
        raise bad_request("AuthorizerPayloadFormatVersion is a required parameter for REQUEST authorizer")
    if authorizer.get("EnableSimpleResponses") and version == "1.0":
        raise bad_request("EnableSimpleResponses is only supported for AuthorizerPayloadFormatVersion 2.0")
    uri = authorizer.get("AuthorizerUri") or ""
    if lambda_function_of(uri) is None:
        raise bad_request(f"Invalid Authorizer URI: {uri}. Authorizer URI should be a valid API Gateway ARN")
    ttl = authorizer.setdefault("AuthorizerResultTtlInSeconds", DEFAULT_TTL_SECONDS if sources else 0)
    if ttl and not sources:
        raise bad_request("IdentitySource is required when authorizer result caching is enabled")
    authorizer.setdefault("EnableSimpleResponses", False)
    return authorizer


def _checked_jwt(authorizer: Document, sources: list[str]) -> Document:
    configuration = authorizer.get("JwtConfiguration") or {}
    issuer, audience = configuration.get("Issuer"), configuration.get("Audience")
    if len(sources) != 1:
        raise bad_request("Identity source must be a single expression for a JWT authorizer")
    if not issuer or not audience:
        raise bad_request("JwtConfiguration with Issuer and Audience is required for a JWT authorizer")
    try:
        parts = urlsplit(issuer)
        proper = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        proper = False
    if not proper:
        raise bad_request(f"Invalid issuer: {issuer}. Issuer must be a URL")
    if len(audience) > 50:
        raise bad_request("Maximum number of audiences for an authorizer is 50")
    return authorizer
