"""Who may connect: signatures, API keys, Lambda authorizers of type REQUEST; asked at `$connect` only, never cached.

Source: AWS, apigateway-websocket-api-lambda-auth. What the authorizer says goes into every event of the connection.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.deadline import Deadline
from emulator.aws.errors import AwsError
from emulator.aws.http_payload import access_key
from emulator.aws.scope import Scope
from emulator.aws.service import Context
from emulator.services.apigateway.gateway import endpoint
from emulator.services.apigateway.gateway.admission import Admission
from emulator.services.apigateway.gateway.authorization import NOT_AUTHORIZED, phase
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.gateway.resource_policy import facts_of
from emulator.services.apigateway.gateway.responses import error_message
from emulator.services.apigateway.policy import MalformedPolicy, evaluate
from emulator.services.apigatewayv2.gateway.authorizing import AUTHORIZER_SECONDS
from emulator.services.apigatewayv2.model import Document
from emulator.services.apigatewayv2.websocket import selection
from emulator.services.apigatewayv2.websocket.exchange import Exchange
from emulator.services.apigatewayv2.websocket_rules import function_of

EXPLICIT = "User is not authorized to access this resource with an explicit deny"


class Authorizing:
    """Decides at `$connect`."""

    def __init__(self, context: Context, lambda_operations: Any, admission: Admission) -> None:
        self._context = context
        self._admission = admission
        self._lambda = lambda_operations
        self._signatures = context.signatures
        self._deadline = Deadline(context.clock, "apigatewayv2: WebSocket authorizer")

    async def authorize(self, exchange: Exchange) -> None:
        """Return if the client may connect. Raises the failure with which it is refused."""
        route = exchange.taken
        kind = route.get("AuthorizationType", "NONE")
        if kind == "AWS_IAM":
            with phase(exchange, "authenticate"):
                if access_key(exchange.request) is None:
                    raise Failure("MISSING_AUTHENTICATION_TOKEN")
                bad = await self._signatures.problem(exchange.request, "execute-api")
                if bad is not None:
                    raise Failure("INVALID_SIGNATURE", bad.text, 403, code=bad.code)
            exchange.went("authorize", 200)
        if kind == "CUSTOM":
            authorizer = exchange.deployed.api.authorizers.get(route.get("AuthorizerId") or "")
            if authorizer is None:
                raise Failure("AUTHORIZER_CONFIGURATION_ERROR", reason="the authorizer is not there any more")
            with phase(exchange, "authorizer"):
                policy = await self._ask(exchange, authorizer)
            with phase(exchange, "authorize", NOT_AUTHORIZED):
                _enforce(exchange, policy)
            exchange.trace.add("authorizer", type=kind, told=exchange.connection.authorizer)
        self._check_parameters(exchange)
        if route.get("ApiKeyRequired"):
            await self._check_key(exchange)

    def _check_parameters(self, exchange: Exchange) -> None:
        missing = [
            name.split(".", 3)[3]
            for name, constraint in sorted((exchange.taken.get("RequestParameters") or {}).items())
            if constraint.get("Required") and not _value(exchange, name)
        ]
        if missing:
            text = f"Missing required request parameters: [{', '.join(missing)}]"
            raise Failure("BAD_REQUEST_PARAMETERS", text)

    async def _check_key(self, exchange: Exchange) -> None:
        """A key of a usage plan of the stage, whose limits count connections (that messages count is not known)."""
        expression = exchange.deployed.api.settings.get("ApiKeySelectionExpression", "")
        key = exchange.usage_key if "usageIdentifierKey" in expression else exchange.header("x-api-key")
        await self._admission.use_key(exchange, exchange.deployed.scope, key, exchange.key)

    async def _ask(self, exchange: Exchange, authorizer: Document) -> Document:
        """The policy of the authorizer; what else it says goes into the connection."""
        for source in authorizer["IdentitySource"]:
            if not _value(exchange, source):
                raise Failure("UNAUTHORIZED", reason="An identity source is missing")
        started = self._context.clock.now()
        payload = await self._invoke(exchange, authorizer)
        try:
            answer = json.loads(payload)
        except (ValueError, RecursionError):
            raise _broken("The authorizer's answer is not JSON") from None
        if not isinstance(answer, dict) or not isinstance(answer.get("policyDocument"), dict):
            raise _broken("The authorizer's answer has no policyDocument")
        principal, told = answer.get("principalId"), answer.get("context") or {}
        if not isinstance(principal, str) or not isinstance(told, dict):
            raise _broken("The authorizer's answer has no principalId or no valid context")
        named: dict[str, Any] = told
        if any(isinstance(value, (dict, list)) for value in named.values()):
            raise _broken("The authorizer's context holds more than strings, numbers and booleans")
        latency = round((self._context.clock.now() - started) * 1000)
        exchange.connection.authorizer = {
            "principalId": principal,
            "integrationLatency": latency,
            **{name: selection.text_of(value) for name, value in named.items()},
        }
        exchange.forget_context()
        usage = answer.get("usageIdentifierKey")
        exchange.usage_key = usage if isinstance(usage, str) else None
        exchange.went("authorizer", 200, latency=latency, integrationStatus=200)
        policy: Document = answer["policyDocument"]
        return policy

    async def _invoke(self, exchange: Exchange, authorizer: Document) -> bytes:
        function = function_of(endpoint.with_stage_variables(exchange, authorizer["AuthorizerUri"]))
        if function is None:
            raise _broken("Invalid Authorizer URI")
        parts = function.split(":")
        own = exchange.deployed.scope
        scope = Scope(parts[4] or own.account, parts[3] or own.region) if len(parts) >= 7 else own
        request: dict[str, Any] = {
            "FunctionName": ":".join(parts[:7]),
            **({"Qualifier": parts[7]} if len(parts) == 8 and parts[7] else {}),
            "InvocationType": "RequestResponse",
            "Payload": json.dumps(exchange.authorizer_event(), separators=(",", ":")).encode(),
        }
        try:
            result = await self._deadline.within(AUTHORIZER_SECONDS, self._lambda.invoke(scope, request))
        except TimeoutError:
            raise Failure("AUTHORIZER_FAILURE", reason="The authorizer timed out") from None
        except AwsError as error:
            raise _broken(f"The authorizer cannot be invoked: {error.code}") from None
        payload: bytes = result.get("Payload") or b"null"
        if result.get("FunctionError"):
            if error_message(payload) == "Unauthorized":
                raise Failure("UNAUTHORIZED")
            raise _broken(f"Authorizer error: {error_message(payload)}")
        return payload


def _enforce(exchange: Exchange, policy: Document) -> None:
    try:
        verdict = evaluate(policy, exchange.method_arn, facts_of(exchange.request, exchange.now))
    except MalformedPolicy as problem:
        raise _broken(f"Invalid policy: {problem}") from None
    if verdict != "allow":
        raise Failure("ACCESS_DENIED", EXPLICIT if verdict == "explicit deny" else None)


def _value(exchange: Exchange, source: str) -> str | None:
    """An identity source or a parameter of the upgrade request."""
    if source.startswith("route.request."):
        _, _, place, name = source.split(".", 3)
        return exchange.header(name) if place.endswith("header") else exchange.single_query.get(name)
    side, _, path = source.partition(".")
    if side == "stageVariables":
        return exchange.stage_variables.get(path)
    value: Any = exchange.context
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return None if value is None else selection.text_of(value)


def _broken(reason: str) -> Failure:
    return Failure("AUTHORIZER_CONFIGURATION_ERROR", reason=reason)
