"""Authorizers of type COGNITO_USER_POOLS: whose tokens let a caller in (AWS: apigateway-integrate-with-cognito).

Without the keys of a pool (`pool_keys`) nobody could verify a token, and the request is refused by name. AWS's texts
for tokens are [K].
"""

from __future__ import annotations

import re
from typing import Any

from emulator.aws.errors import NotEmulated
from emulator.aws.jwt import BadToken, Key, check_times, shown_claims, signed_claims
from emulator.aws.scope import Scope
from emulator.services.apigateway.gateway import mapping
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.gateway.patterns import matches
from emulator.services.apigateway.gateway.pool_keys import KeysUnreadable, PoolKeys

_POOL = re.compile(r"^arn:[a-z\-]+:cognito-idp:([a-z0-9\-]+):(\d{12}):userpool/([A-Za-z0-9_\-]+)$")
_HINT = (
    "the keys of the user pool are unknown: create it in the emulator, or start with "
    "EMULATOR_COGNITO_JWKS=<file or URL of a JWKS document>, in which {region} and {pool} are filled in"
)


class UserPools:
    """Verifies tokens of user pools."""

    def __init__(self, keys: PoolKeys) -> None:
        self._known = keys

    def forget(self) -> None:
        """Ask for keys anew."""
        self._known.forget()

    async def claims(self, exchange: Exchange, authorizer: dict[str, Any]) -> dict[str, str]:
        """The claims of the request's token, as methods are told them. Raises the 401."""
        value = mapping.request_value(exchange, authorizer.get("identitySource") or "")
        token = str(value or "").strip()
        if token[:7].lower() == "bearer ":
            token = token[7:].strip()
        if not token:
            raise _unauthorized(exchange, "the request has no token")
        try:
            claims = await self._verified(exchange, authorizer, token)
        except BadToken as problem:
            raise _unauthorized(exchange, str(problem)) from None
        _check_use(exchange, claims)
        exchange.trace.add("authorizer", name=authorizer.get("name"), type="COGNITO_USER_POOLS", claims=claims)
        return shown_claims(claims)

    async def _verified(self, exchange: Exchange, authorizer: dict[str, Any], token: str) -> dict[str, Any]:
        """The claims of a token that one of the authorizer's pools has signed. Raises `BadToken`."""
        pools = [found.groups() for arn in authorizer["providerARNs"] if (found := _POOL.match(arn))]
        issuer = signed_by(token)
        # An issuer on this machine has another address, and the pool's id at its end like AWS's.
        pool = next((pool for pool in pools if issuer.rpartition("/")[2] == pool[2]), None)
        if pool is None:
            raise BadToken("the token has an invalid issuer")
        claims = signed_claims(token, await self._keys(pool[1], pool[0], pool[2], exchange.now))
        expression = authorizer.get("identityValidationExpression")
        if expression and not matches(expression, str(claims.get("aud", claims.get("client_id", "")))):
            raise BadToken("the audience is not the one asked for")
        try:
            check_times(claims, exchange.now)
        except BadToken as problem:
            if "expired" in str(problem):
                raise Failure("UNAUTHORIZED", "The incoming token has expired") from None
            raise
        return claims

    async def _keys(self, account: str, region: str, pool: str, now: float) -> list[Key]:
        try:
            keys = await self._known.of(Scope(account, region), pool, now)
        except KeysUnreadable as problem:
            raise Failure("AUTHORIZER_CONFIGURATION_ERROR", reason=str(problem)) from None
        if keys is None:
            raise NotEmulated("cognito-idp", "user pools", _HINT)
        return keys


def signed_by(token: str) -> str:
    """The issuer that a token names, not verified. Raises `BadToken`."""
    return str(signed_claims(token, None).get("iss", ""))


def _check_use(exchange: Exchange, claims: dict[str, Any]) -> None:
    """Without scopes the method wants an identity token, with scopes an access token that has one of them [D]."""
    wanted: list[str] = exchange.route.method.get("authorizationScopes") or []
    if not wanted:
        if claims.get("token_use") not in ("id", None):
            raise _unauthorized(exchange, "the method has no scopes, so the token must be an identity token")
        return
    granted = str(claims.get("scope", "")).split()
    if claims.get("token_use") not in ("access", None) or not set(wanted) & set(granted):
        raise _unauthorized(exchange, f"the token must be an access token with one of the scopes {', '.join(wanted)}")


def _unauthorized(exchange: Exchange, why: str) -> Failure:
    exchange.trace.add("authorizer", type="COGNITO_USER_POOLS", admitted=False, why=why)
    return Failure("UNAUTHORIZED", reason=f"Unauthorized request: {why}")
