"""Lambda authorizers: who may go on, asked of a function and remembered for a while in AWS time (3.15)."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from emulator.aws.callers import Signatures
from emulator.services.apigateway.gateway import mapping, proxy_event
from emulator.services.apigateway.gateway.cognito import UserPools
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.gateway.patterns import matches
from emulator.services.apigateway.gateway.resource_policy import facts_of
from emulator.services.apigateway.gateway.responses import error_message
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.gateway.to_lambda import LambdaIntegration
from emulator.services.apigateway.model import GATEWAY_RESPONSE_STATUS
from emulator.services.apigateway.policy import MalformedPolicy, Verdict, evaluate

DEFAULT_TTL_SECONDS = 300
TIMEOUT_SECONDS = 10.0
LONGEST_ARN = 1600
"""Of a method with authorization."""
URI_TOO_LONG = "Request URI too long"
_LARGEST_CACHE = 10_000
_REQUEST_ID = "x-amzn-RequestId"
NOT_AUTHORIZED = "The client is not authorized to perform this operation."
"""`$context.authorize.error` [K]."""
_OF_SIGNATURE = ("Credential", "Signature", "SignedHeaders")


@dataclass(frozen=True, slots=True)
class Grant:
    """What an authorizer said: who the caller is, what it may invoke, and what methods are told."""

    principal_id: str
    policy: dict[str, Any]
    context: dict[str, Any]
    usage_key: str | None
    latency: int
    expires_at: float


class Authorizers:
    """Asks authorizers; grants are kept per stage, authorizer and identity."""

    def __init__(
        self, functions: LambdaIntegration, pools: UserPools, now: Callable[[], float], signatures: Signatures
    ) -> None:
        self._signatures = signatures
        self._functions = functions
        self._pools = pools
        self._now = now
        self._grants: dict[tuple[Any, ...], Grant] = {}

    def forget(self) -> None:
        """Forget every grant."""
        self._grants.clear()
        self._pools.forget()

    def forget_stage(self, api_id: str, stage: str) -> None:
        """Forget the grants of one stage."""
        for key in [key for key in self._grants if key[:2] == (api_id, stage)]:
            del self._grants[key]

    async def authorize(self, exchange: Exchange, snapshot: Snapshot, by_policy: Verdict | None) -> None:
        """Raise the 401, 403 or 500 that ends this request, or let it go on with `exchange.authorizer`.

        `by_policy` is what the API's resource policy says, if it has one.
        """
        method = exchange.route.method
        kind = method["authorizationType"]
        if kind == "NONE":
            return
        checked_arn(exchange, snapshot)
        if kind == "AWS_IAM":
            exchange.trace.add("authorizer", type="AWS_IAM", signed=exchange.signed)
            await self._authenticate(exchange)
        if kind not in ("CUSTOM", "COGNITO_USER_POOLS"):
            return
        authorizer = snapshot.api.authorizers.get(method.get("authorizerId") or "")
        if authorizer is None:
            raise Failure("AUTHORIZER_CONFIGURATION_ERROR", reason="the authorizer is not there any more")
        if authorizer["type"] == "COGNITO_USER_POOLS":
            with phase(exchange, "authorizer"):
                exchange.use_claims(await self.claims(exchange, authorizer))
            return
        with phase(exchange, "authorizer"):
            grant, remembered = await self._grant(exchange, snapshot, authorizer)
        exchange.trace.add(
            "authorizer", name=authorizer.get("name"), type=authorizer["type"], principal=grant.principal_id,
            remembered=remembered, policy=grant.policy, context=grant.context,
        )  # fmt: skip
        exchange.usage_key = grant.usage_key
        exchange.use_authorizer(grant.principal_id, grant.context, 0 if remembered else grant.latency)
        with phase(exchange, "authorize", NOT_AUTHORIZED):
            _enforce(exchange, grant.policy, method_arn(exchange, snapshot), by_policy)

    async def _authenticate(self, exchange: Exchange) -> None:
        """Know who has signed. Raises the 403 of a request without a signature, or with a wrong one."""
        with phase(exchange, "authenticate"):
            if not exchange.signed:
                raise unsigned(exchange)
            bad = await self._signatures.problem(exchange.request, "execute-api")
            if bad is not None:
                raise Failure("INVALID_SIGNATURE", bad.text, code=bad.code)
            exchange.use_caller(await self._signatures.caller(exchange.request))
        exchange.went("authorize", 200)

    async def _grant(self, exchange: Exchange, snapshot: Snapshot, authorizer: dict[str, Any]) -> tuple[Grant, bool]:
        """The grant, and whether it was remembered."""
        values = identity(exchange, authorizer)
        ttl = authorizer.get("authorizerResultTtlInSeconds", DEFAULT_TTL_SECONDS)
        if not ttl or not values:
            return await self.ask(exchange, snapshot, authorizer, values, 0), False
        key = (exchange.where.api_id, exchange.where.stage, authorizer["id"], *values)
        kept = self._grants.get(key)
        if kept is not None and kept.expires_at > self._now():
            return kept, True
        grant = await self.ask(exchange, snapshot, authorizer, values, ttl)
        self._grants.pop(key, None)
        while len(self._grants) >= _LARGEST_CACHE:
            self._grants.pop(next(iter(self._grants)))
        self._grants[key] = grant
        return grant, False

    async def claims(self, exchange: Exchange, authorizer: dict[str, Any]) -> dict[str, str]:
        """What the token of a user pool says of its bearer. Raises the 401."""
        return await self._pools.claims(exchange, authorizer)

    async def ask(
        self, exchange: Exchange, snapshot: Snapshot, authorizer: dict[str, Any], values: list[str], ttl: int
    ) -> Grant:
        """The function's grant. Raises 401 if it says `Unauthorized`, 500 for anything else it cannot say."""
        started = self._now()
        if authorizer["type"] == "TOKEN":
            event = {
                "type": "TOKEN",
                "methodArn": method_arn(exchange, snapshot),
                "authorizationToken": values[0],
            }
        else:
            event = _request_event(exchange, snapshot)
        try:
            result = await self._functions.invoke(
                exchange,
                snapshot,
                authorizer["authorizerUri"],
                "RequestResponse",
                json.dumps(event, separators=(",", ":")).encode(),
                TIMEOUT_SECONDS,
                late="AUTHORIZER_FAILURE",
            )
        except Failure as failure:
            if failure.kind == "API_CONFIGURATION_ERROR":
                raise Failure("AUTHORIZER_CONFIGURATION_ERROR", reason=failure.reason) from None
            raise
        finally:
            asked: dict[str, Any] = {
                "latency": round((self._now() - started) * 1000),
                "integrationStatus": exchange.integration_status,
                "requestId": next((text for name, text in exchange.endpoint_headers if name == _REQUEST_ID), None),
            }
            exchange.went("authorizer", 200, **asked)
            exchange.forget_call()
        payload = result.get("Payload") or b""
        if result.get("FunctionError"):
            if error_message(payload) == "Unauthorized":
                raise Failure("UNAUTHORIZED")
            raise _broken(f"Authorizer error: {error_message(payload)}")
        latency = round((self._now() - started) * 1000)
        return _read(payload, latency, self._now() + ttl)


@contextmanager
def phase(exchange: Exchange, name: str, error: str = "") -> Generator[None]:
    """Tell access logs how a phase ends."""
    try:
        yield
    except Failure as failure:
        status = failure.status or int(GATEWAY_RESPONSE_STATUS.get(failure.kind) or 500)
        known: dict[str, Any] = {
            **(exchange.phases.get(name) or {}),
            "status": status,
            "error": error or failure.reason or failure.message or "",
        }
        exchange.went(name, **known)
        raise
    if name not in exchange.phases:
        exchange.went(name, 200)


def unsigned(exchange: Exchange) -> Failure:
    """The 403 of a request that must be signed and is not, or for which there is no method (3.9; texts [K]).

    Which gateway response an Authorization header gets that is no signature is unverified.
    """
    header = exchange.header("Authorization")
    if not header:
        return Failure("MISSING_AUTHENTICATION_TOKEN")
    given = header.partition(" ")[2] or header
    odd = next((part.strip() for part in given.split(",") if "=" not in part), None)
    if odd is not None:
        text = f"'{odd}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'."
        return Failure("INVALID_SIGNATURE", text)
    missing = [name for name in _OF_SIGNATURE if f"{name}=" not in given]
    if not missing:
        return Failure("MISSING_AUTHENTICATION_TOKEN")
    text = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
    return Failure("INVALID_SIGNATURE", f"{text} Authorization={header}")


def identity(exchange: Exchange, authorizer: dict[str, Any]) -> list[str]:
    """The values of the identity sources. Raises the 401 if one is missing or has not the form asked for."""
    values: list[str] = []
    for source in filter(None, (item.strip() for item in (authorizer.get("identitySource") or "").split(","))):
        value = mapping.request_value(exchange, source)
        if value in (None, ""):
            raise Failure("UNAUTHORIZED")
        values.append(value if isinstance(value, str) else json.dumps(value))
    expression = authorizer.get("identityValidationExpression")
    if authorizer["type"] == "TOKEN" and (not values or (expression and not matches(expression, values[0]))):
        raise Failure("UNAUTHORIZED")
    return values


def checked_arn(exchange: Exchange, snapshot: Snapshot) -> str:
    """The method's ARN. Raises AWS's 414 if it is too long for whoever would judge it [D: limits]."""
    arn = method_arn(exchange, snapshot)
    if len(arn) > LONGEST_ARN:
        raise Failure("REQUEST_TOO_LARGE", URI_TOO_LONG, 414)
    return arn


def method_arn(exchange: Exchange, snapshot: Snapshot) -> str:
    """The ARN that policies speak of: `arn:aws:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/path`."""
    scope = snapshot.scope
    path = unquote(exchange.where.path).lstrip("/")
    where = f"{exchange.where.api_id}/{exchange.where.stage}/{exchange.request.method}/{path}"
    return f"arn:aws:execute-api:{scope.region}:{scope.account}:{where}"


def _request_event(exchange: Exchange, snapshot: Snapshot) -> dict[str, Any]:
    """The event of a REQUEST authorizer: a proxy event without body, and empty maps for null ones."""
    whole = json.loads(proxy_event.proxy_event(exchange, snapshot))
    event: dict[str, Any] = {"type": "REQUEST", "methodArn": method_arn(exchange, snapshot)}
    for name, value in whole.items():
        if name not in ("body", "isBase64Encoded"):
            event[name] = {} if value is None else value
    return event


def _enforce(exchange: Exchange, policy: dict[str, Any], resource: str, by_policy: Verdict | None) -> None:
    """Raise the 403 unless the grant's policy, or the API's where the grant is silent, allows (AWS, table A)."""
    try:
        verdict = evaluate(policy, resource, facts=facts_of(exchange.request, exchange.now))
    except MalformedPolicy as problem:
        raise _broken(f"Invalid policy: {problem}") from None
    if verdict == "explicit deny":
        raise Failure("ACCESS_DENIED", "User is not authorized to access this resource with an explicit deny")
    if verdict == "deny" and by_policy != "allow":
        raise Failure("ACCESS_DENIED")


def _broken(reason: str) -> Failure:
    return Failure("AUTHORIZER_CONFIGURATION_ERROR", reason=reason)


def _read(payload: bytes, latency: int, expires_at: float) -> Grant:
    try:
        answer = json.loads(payload)
    except (ValueError, RecursionError):
        raise _broken("The authorizer's answer is not JSON") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("policyDocument"), dict):
        raise _broken("The authorizer's answer has no policyDocument")
    principal, context = answer.get("principalId"), answer.get("context") or {}
    if not isinstance(principal, str) or not isinstance(context, dict):
        raise _broken("The authorizer's answer has no principalId or no valid context")
    if any(isinstance(value, (dict, list)) for value in context.values()):
        raise _broken("The authorizer's context holds more than strings, numbers and booleans")
    usage = answer.get("usageIdentifierKey")
    flat = {str(name): value if isinstance(value, str) else json.dumps(value) for name, value in context.items()}
    return Grant(
        principal, answer["policyDocument"], flat, usage if isinstance(usage, str) else None, latency, expires_at
    )
