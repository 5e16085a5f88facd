"""Letting a caller in: tokens of a JWT issuer, Lambda authorizers with their cache, IAM (4.9)."""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.deadline import Deadline
from emulator.aws.errors import AwsError
from emulator.aws.jwt import BadToken, claims_of, shown_claims
from emulator.aws.service import Context
from emulator.services.apigateway.gateway.pool_keys import PoolKeys
from emulator.services.apigateway.gateway.resource_policy import facts_of
from emulator.services.apigateway.policy import MalformedPolicy
from emulator.services.apigateway.policy import evaluate as evaluate_policy
from emulator.services.apigatewayv2.gateway import events
from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.gateway.failures import Failure
from emulator.services.apigatewayv2.gateway.functions import error_message, invocation_of
from emulator.services.apigatewayv2.gateway.jwt_keys import IssuerKeys, IssuerUnreachable
from emulator.services.apigatewayv2.gateway.mapping import evaluate
from emulator.services.apigatewayv2.model import Document

AUTHORIZER_SECONDS = 10.0
_MOST_CACHED = 10_000
_FORBIDDEN = (
    "The IAM role configured on the authorizer or API Gateway doesn't have permissions to call the authorizer."
    " Check the permissions and try again."
)
_UNEXPECTED = "The response from the Lambda Authorizer function doesn't match the format that API Gateway expects."
"""`$context.authorizer.error` at AWS [P: users' logs]; what follows it we know for a missing `isAuthorized` only."""

Verdict = tuple[bool, dict[str, Any]]
"""Allowed or not, and the authorizer's context."""


class Authorizing:
    """Decides, and remembers what Lambda authorizers have decided."""

    def __init__(self, context: Context, lambda_operations: Any, deadline: Deadline) -> None:
        self._lambda = lambda_operations
        self._deadline = deadline
        self._signatures = context.signatures
        assert context.http is not None, "app.py gives every context an HttpSender"
        self._keys = IssuerKeys(context.http, PoolKeys(context))
        self._cached: dict[tuple[str, str, tuple[str, ...]], tuple[float, Any]] = {}
        """(API, authorizer, identity) → (until when, what the function returned)."""

    def forget(self, api_id: str | None = None) -> None:
        """Forget what was decided, for one API or for all; then issuers' keys, too."""
        if api_id is None:
            self._keys.forget()
        self._cached = {key: kept for key, kept in self._cached.items() if api_id is not None and key[0] != api_id}

    async def authorize(self, exchange: Exchange) -> None:
        """Return if the caller may pass, with `exchange.authorizer` set. Raises the 401, 403 or 500."""
        kind = exchange.route["AuthorizationType"]
        if kind == "NONE":
            return
        if kind == "AWS_IAM":
            exchange.authorizer = await self._iam(exchange)
            return
        authorizer = exchange.api.authorizers.get(exchange.route.get("AuthorizerId", ""))
        if authorizer is None:
            raise Failure(500, "The route's authorizer does not exist")
        if kind == "JWT":
            await self._jwt(exchange, authorizer)
        else:
            await self._function(exchange, authorizer)

    async def _iam(self, exchange: Exchange) -> dict[str, Any]:
        """The caller. Raises the 403 of a request that is not signed, or signed badly."""
        caller = await self._signatures.caller(exchange.request)
        if caller is None:
            raise Failure(403, "The request is not signed")
        bad = await self._signatures.problem(exchange.request, "execute-api")
        if bad is not None:
            raise Failure(403, bad.text)
        return {"iam": caller}

    # ── tokens ──

    async def _jwt(self, exchange: Exchange, authorizer: Document) -> None:
        token = evaluate(authorizer["IdentitySource"][0], exchange) or ""
        if token[:7].lower() == "bearer ":
            token = token[7:]
        if not token.strip():
            raise Failure(401, "No token", (("www-authenticate", "Bearer"),))
        configuration = authorizer["JwtConfiguration"]
        try:
            keys = await self._keys.of(configuration["Issuer"], exchange.api.account, exchange.now)
            claims = claims_of(token.strip(), keys, configuration["Issuer"], configuration["Audience"], exchange.now)
        except BadToken as problem:
            raise _unauthorized(f'error="invalid_token" error_description="{problem}"') from None
        except IssuerUnreachable as problem:
            # AWS answers an issuer that it cannot ask with 500 (unverified).
            raise Failure(500, str(problem)) from None
        wanted: list[str] = exchange.route.get("AuthorizationScopes") or []
        granted = _scopes(claims)
        if wanted and not set(wanted) & set(granted):
            text = f'Bearer scope="{" ".join(wanted)}" error="insufficient_scope"'
            raise Failure(403, "insufficient_scope", (("www-authenticate", text),))
        exchange.authorizer = {"jwt": {"claims": shown_claims(claims), "scopes": [*granted] if wanted else None}}

    # ── functions ──

    async def _function(self, exchange: Exchange, authorizer: Document) -> None:
        identity: list[str] = []
        for source in authorizer["IdentitySource"]:
            value = evaluate(source, exchange)
            if not value:
                raise Failure(401, "An identity source is missing")
            identity.append(value)
        allowed, context = await self._verdict(exchange, authorizer, identity)
        if not allowed:
            raise Failure(403, "The authorizer denied")
        exchange.authorizer = {"lambda": context}

    async def _verdict(self, exchange: Exchange, authorizer: Document, identity: list[str]) -> Verdict:
        ttl = authorizer.get("AuthorizerResultTtlInSeconds") or 0
        key = (exchange.api.id, authorizer["AuthorizerId"], tuple(identity))
        kept = self._cached.get(key)
        if kept is not None and ttl and exchange.now < kept[0]:
            return _read(kept[1], authorizer, exchange)
        answer = await self._ask(exchange, authorizer, identity)
        verdict = _read(answer, authorizer, exchange)
        if ttl:
            while len(self._cached) >= _MOST_CACHED:
                self._cached.pop(next(iter(self._cached)))
            self._cached[key] = (exchange.now + ttl, answer)
        return verdict

    async def _ask(self, exchange: Exchange, authorizer: Document, identity: list[str]) -> Any:
        make = (
            events.authorizer_event_2
            if authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
            else events.authorizer_event_1
        )
        scope, invocation = invocation_of(authorizer["AuthorizerUri"], exchange, make(exchange, identity))
        try:
            result = await self._deadline.within(AUTHORIZER_SECONDS, self._lambda.invoke(scope, invocation))
        except TimeoutError:
            raise Failure(500, "The authorizer timed out") from None
        except AwsError as error:
            raise Failure(500, _FORBIDDEN if error.status == 403 else f"{error.code}: {error.message}") from None
        payload: bytes = result.get("Payload") or b"null"
        if result.get("FunctionError"):
            if b'"Unauthorized"' in payload and error_message(payload) == "Unauthorized":
                raise Failure(401, "The authorizer raised Unauthorized")
            raise Failure(
                500, f"The Lambda Authorizer function returned the following error: {error_message(payload)}."
            )
        try:
            return json.loads(payload)
        except (ValueError, RecursionError):
            raise _unexpected("The response is no JSON") from None


def _read(answer: Any, authorizer: Document, exchange: Exchange) -> Verdict:
    """What an authorizer's answer means for a route. Raises the 500 for what is none."""
    if not isinstance(answer, dict):
        raise _unexpected("The response is no object")
    context = answer.get("context")
    if not isinstance(context, (dict, type(None))):
        raise _unexpected("'context' is no object")
    shown: dict[str, Any] = dict(context or {})
    if authorizer.get("EnableSimpleResponses"):
        allowed = answer.get("isAuthorized")
        if not isinstance(allowed, bool):
            raise _unexpected("Simple response did not include 'isAuthorized'")
        return allowed, shown
    if "policyDocument" not in answer or not isinstance(answer.get("principalId", ""), str):
        raise _unexpected("The response did not include 'policyDocument'")
    principal = {"principalId": answer["principalId"]} if "principalId" in answer else {}
    version_1 = authorizer["AuthorizerPayloadFormatVersion"] == "1.0"
    facts = facts_of(exchange.request, exchange.now)
    try:
        verdict = evaluate_policy(answer["policyDocument"], events.route_arn(exchange), facts)
    except MalformedPolicy as problem:
        raise _unexpected(str(problem)) from None
    return verdict == "allow", {**shown, **(principal if version_1 else {})}


def _unexpected(detail: str) -> Failure:
    return Failure(500, f"{_UNEXPECTED} {detail}")


def _unauthorized(detail: str) -> Failure:
    return Failure(401, detail, (("www-authenticate", f'Bearer scope="" {detail}'),))


def _scopes(claims: dict[str, Any]) -> list[str]:
    """`scope`, text, or `scp`, text or list [D]."""
    for name in ("scope", "scp"):
        value = claims.get(name)
        if isinstance(value, str):
            return value.split()
        if isinstance(value, list):
            return [item for item in value if isinstance(item, str)]
    return []
