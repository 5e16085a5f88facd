"""Calling what a route leads to: a function, an AWS service, an HTTP endpoint, or nothing (MOCK).

Decides what is sent and what comes back of it; whether the client hears of it, plane.py. Mappings and templates are
those of REST APIs, with `route.request.` in the place of `method.request.` [D: websocket-api-data-mapping].
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass, field
from typing import Any, cast

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.deadline import Deadline
from emulator.aws.errors import AwsError
from emulator.aws.http import HttpResponse
from emulator.aws.http_payload import Malformed, response_of
from emulator.aws.scope import Scope
from emulator.aws.service import Context
from emulator.ports import EndpointTooSlow, EndpointUnreachable
from emulator.services.apigateway.gateway import endpoint, mapping, templates, to_mock, to_service
from emulator.services.apigateway.gateway.failures import Failure, configuration_error
from emulator.services.apigateway.gateway.responses import error_message
from emulator.services.apigatewayv2.model import Document
from emulator.services.apigatewayv2.websocket import selection
from emulator.services.apigatewayv2.websocket.exchange import CONNECTED, Exchange
from emulator.services.apigatewayv2.websocket_rules import function_of

LARGEST_ANSWER = 128 * 1024


@dataclass(slots=True)
class Outcome:
    """How an integration answered: its status, headers (of use to `$connect` alone) and body."""

    status: int
    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    error: str | None = None
    """A function's `errorMessage`, which selects the integration response."""


class Integrations:
    """Calls integrations for WebSocket APIs."""

    def __init__(self, context: Context, lambda_operations: Any) -> None:
        assert context.http is not None, "app.py gives every context an HttpSender"
        self._context = context
        self._http = context.http
        self._lambda = lambda_operations
        self._deadline = Deadline(context.clock, "apigatewayv2: WebSocket integration")

    async def call(self, exchange: Exchange, integration: Document, two_way: bool) -> Outcome:
        """The answer as the client may see it. Raises the `Failure` of what cannot be called or understood."""
        exchange.called_at = self._now()
        seconds = integration["TimeoutInMillis"] / 1000
        try:
            outcome = await self._deadline.within(seconds, self._answer(exchange, integration))
        except TimeoutError:
            exchange.trace.add("timeout", whose="integration", seconds=seconds)
            raise Failure("INTEGRATION_TIMEOUT", reason="Execution failed due to a timeout error") from None
        asked = exchange.endpoint_headers
        exchange.received(outcome.status, outcome.headers, outcome.body, self._now())
        exchange.endpoint_headers = asked or outcome.headers
        if exchange.function_status is not None:
            exchange.integration_status = 200  # Lambda's, which has run it
        is_proxy = integration["IntegrationType"].endswith("_PROXY")
        return await _transformed(exchange, integration, outcome) if two_way and not is_proxy else outcome

    def _now(self) -> float:
        return self._context.clock.now()

    async def _answer(self, exchange: Exchange, integration: Document) -> Outcome:
        kind: str = integration["IntegrationType"]
        uri: str = endpoint.with_stage_variables(exchange, integration.get("IntegrationUri") or "")
        if kind == "AWS_PROXY":
            return await self._proxy(exchange, uri)
        mapped = _mapped(exchange, kind, integration.get("RequestParameters") or {})
        if kind == "HTTP_PROXY":
            return await self._http_call(exchange, integration, uri, mapped, exchange.request.body)
        body = await _request_body(exchange, integration)
        endpoint.with_overrides(exchange, mapped)
        if kind == "MOCK":
            status = to_mock.status_code(body)
            if status is None:
                raise configuration_error("Unable to parse statusCode of the mock integration's request template")
            return Outcome(int(status))
        if kind == "HTTP":
            return await self._http_call(exchange, integration, uri, mapped, body)
        if function_of(uri) is not None:
            return await self._custom(exchange, uri, mapped["header"], body)
        return await self._service(exchange, integration, mapped, body)

    # ── functions ──

    async def _proxy(self, exchange: Exchange, uri: str) -> Outcome:
        """AWS_PROXY: the event, always by RequestResponse; mappings have no effect (unverified, as for REST APIs)."""
        payload = json.dumps(exchange.event(), separators=(",", ":")).encode()
        result = await self._invoke(exchange, uri, "RequestResponse", payload)
        if result.get("FunctionError"):
            raise _failed(f"Lambda execution failed due to customer function error: {_text(result)}")
        try:
            answer = json.loads(result.get("Payload") or b"null")
            if not isinstance(answer, dict) or "statusCode" not in answer:
                raise Malformed
            response = response_of(result["Payload"], "application/json", strict_body=True)
        except (Malformed, ValueError, RecursionError):
            raise _failed("Malformed Lambda proxy response") from None
        exchange.function_status = response.status
        return Outcome(response.status, response.body, response.headers)

    async def _custom(self, exchange: Exchange, uri: str, headers: dict[str, Any], body: bytes) -> Outcome:
        """AWS: the body as it is; the invocation type is whatever header the mappings made of it."""
        named = (str(value) for name, value in headers.items() if name.lower() == "x-amz-invocation-type")
        result = await self._invoke(exchange, uri, next(named, "RequestResponse"), body)
        payload: bytes = result.get("Payload") or b""
        failed = error_message(payload) or "" if result.get("FunctionError") else None
        return Outcome(result.get("StatusCode", 200), payload, error=failed)

    async def _invoke(self, exchange: Exchange, uri: str, kind: str, payload: bytes) -> dict[str, Any]:
        function = function_of(uri)
        if function is None:
            raise configuration_error("Invalid endpoint address")
        request: dict[str, Any] = {
            "FunctionName": function,
            "InvocationType": kind,
            "Payload": payload or b"{}",
            TRACE_MEMBER: exchange.trace_id,
        }
        parts = function.split(":")
        scope = exchange.deployed.scope
        if len(parts) >= 7:
            scope = Scope(parts[4] or scope.account, parts[3] or scope.region)
            if len(parts) == 8:
                request |= {"FunctionName": ":".join(parts[:7]), **({"Qualifier": parts[7]} if parts[7] else {})}
        exchange.calls(uri, [("X-Amz-Invocation-Type", kind)], payload, self._now())
        exchange.endpoint_headers = [("x-amzn-RequestId", exchange.invocation_id)]
        try:
            return await self._lambda.invoke(scope, request, request_id=exchange.invocation_id)
        except AwsError as error:
            number = exchange.invocation_id
            exchange.trace.add("function refused", status=error.status, function_request_id=number)
            raise configuration_error(f"Lambda invocation failed with status {error.status}: {error.message}") from None

    # ── services and endpoints ──

    async def _service(
        self, exchange: Exchange, integration: Document, mapped: dict[str, dict[str, Any]], body: bytes
    ) -> Outcome:
        described = {
            "uri": integration["IntegrationUri"],
            "httpMethod": integration.get("IntegrationMethod") or "POST",
            "credentials": integration.get("CredentialsArn") or "",
        }
        request, model = to_service.service_request(exchange, cast(Any, exchange.deployed), described, mapped, body)
        exchange.calls(f"https://{request.header('host')}{request.path}", request.headers, request.body, self._now())
        with self._context.clock.parked():  # the call holds time still by itself
            answer = await self._context.apis.answer(request)
        answer = to_service.understood(self._context.apis, model, request, answer)
        exchange.endpoint_headers = answer.headers
        return Outcome(answer.status, answer.body)

    async def _http_call(
        self, exchange: Exchange, integration: Document, uri: str, mapped: dict[str, dict[str, Any]], body: bytes
    ) -> Outcome:
        method: str = integration["IntegrationMethod"]
        method = "POST" if method == "ANY" else method
        url = endpoint.with_query(
            endpoint.with_parameters(uri, mapped["path"]), endpoint.query_pairs(mapped["querystring"])
        )
        headers = endpoint.checked_headers(mapped["header"])
        headers = endpoint.with_own_headers(exchange, headers)
        sent = b"" if method in ("GET", "HEAD") else body
        seconds = integration["TimeoutInMillis"] / 1000
        exchange.calls(url, headers, sent, self._now())
        try:
            status, given, answer = await self._http.exchange(method, url, headers, sent, seconds, LARGEST_ANSWER)
        except EndpointTooSlow:
            raise Failure("INTEGRATION_TIMEOUT", reason="Execution failed due to a timeout error") from None
        except EndpointUnreachable:
            raise Failure("INTEGRATION_FAILURE", reason="Network error communicating with endpoint") from None
        except OverflowError:
            raise configuration_error("The integration's response is too large") from None
        exchange.endpoint_headers = given
        kept = [pair for pair in given if pair[0].lower() == "sec-websocket-protocol"]
        return Outcome(status, answer, kept)


def _mapped(exchange: Exchange, kind: str, mappings: dict[str, str]) -> dict[str, dict[str, Any]]:
    mapping.check_headers(mappings, kind)
    of_method = {
        target: f"method.{source.removeprefix('route.')}" if source.startswith("route.request.") else source
        for target, source in mappings.items()
        if exchange.kind == CONNECTED or not _is_of_upgrade(source)
    }
    return mapping.request_parameters(exchange, of_method)


def _is_of_upgrade(source: str) -> bool:
    """Headers and queries are the upgrade request's: only `$connect` sees them [D: websocket-api-data-mapping]."""
    return source.startswith("route.request.") and not source.startswith("route.request.body")


async def _request_body(exchange: Exchange, integration: Document) -> bytes:
    known: dict[str, str] = integration.get("RequestTemplates") or {}
    lookup = selection.request_lookup(exchange.message)
    template = selection.template_for(known, integration.get("TemplateSelectionExpression"), lookup)
    if template is None:
        behaviour = integration["PassthroughBehavior"]
        if behaviour == "NEVER" or (behaviour == "WHEN_NO_TEMPLATES" and known):
            raise Failure("UNSUPPORTED_MEDIA_TYPE")
        body = exchange.request.body
    else:
        text = await templates.render(
            exchange, cast(Any, exchange.deployed), template, exchange.message, "request template"
        )
        body = text.encode("utf-8", "replace")
    if integration.get("ContentHandlingStrategy") == "CONVERT_TO_BINARY":
        try:
            return base64.b64decode(body, validate=True)
        except (ValueError, binascii.Error):
            raise configuration_error("Unable to base64 decode the body") from None
    return body


async def _transformed(exchange: Exchange, integration: Document, outcome: Outcome) -> Outcome:
    """The integration response of a two-way route that is no proxy [D: …-integration-responses]."""
    responses = exchange.deployed.api.integration_responses.get(integration["IntegrationId"]) or {}
    response = selection.response_for(responses, outcome.error if outcome.error is not None else str(outcome.status))
    if response is None:
        raise configuration_error(
            "No match for output mapping and no default output mapping configured. "
            f"Endpoint Response Status Code: {outcome.status}"
        )
    body = outcome.body
    if response.get("ContentHandlingStrategy") == "CONVERT_TO_TEXT":
        body = base64.b64encode(body)
    in_message = selection.request_lookup(exchange.message)

    def lookup(name: str) -> str | None:
        return str(outcome.status) if name == "integration.response.statuscode" else in_message(name)

    known: dict[str, str] = response.get("ResponseTemplates") or {}
    template = selection.template_for(known, response.get("TemplateSelectionExpression"), lookup)
    if template is not None:
        said = body.decode("utf-8", "replace")
        text = await templates.render(exchange, cast(Any, exchange.deployed), template, said, "response template")
        body = text.encode("utf-8", "replace")
    return Outcome(outcome.status, body)


def _failed(reason: str) -> Failure:
    """The function's fault: 502 to an upgrade request."""
    return Failure("API_CONFIGURATION_ERROR", status=502, reason=reason)


def _text(result: dict[str, Any]) -> str:
    return error_message(result.get("Payload") or b"") or ""


def refusal(outcome: Outcome) -> HttpResponse:
    """What a client gets whose `$connect` was not answered with a 2xx."""
    headers = [pair for pair in outcome.headers if not pair[0].lower().startswith("sec-websocket")]
    return HttpResponse(outcome.status if outcome.status >= 300 else 500, headers, outcome.body)
