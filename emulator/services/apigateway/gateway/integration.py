"""From the method request to the method response: the integration request, whoever answers it, its response (3.1).

The order of the steps, each in a file of its own: `templates` (here the body is converted for them), `mapping`,
`endpoint.with_overrides`, `mapping.check_headers`, one of `to_lambda`, `to_service`, `to_http` and `to_mock`, then
`responses`.
"""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from emulator.aws.http import HttpResponse
from emulator.aws.service import Context
from emulator.services.apigateway.gateway import endpoint, mapping, proxy_event, responses, templates
from emulator.services.apigateway.gateway.deadline import Deadline
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import configuration_error
from emulator.services.apigateway.gateway.large_bodies import LARGE_BYTES
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.gateway.streaming import is_streamed
from emulator.services.apigateway.gateway.to_http import HttpIntegration
from emulator.services.apigateway.gateway.to_lambda import LambdaIntegration
from emulator.services.apigateway.gateway.to_mock import mocked
from emulator.services.apigateway.gateway.to_service import ServiceIntegration
from emulator.services.apigateway.model import lambda_function_of


class Integrations:
    """Calls the endpoints of APIs."""

    def __init__(self, context: Context, lambda_operations: Any) -> None:
        self._settings = context.settings
        deadline = Deadline(context.clock)
        self.functions = LambdaIntegration(context.store, context.clock, lambda_operations, deadline)
        self._services = ServiceIntegration(context.apis, context.clock, deadline)
        assert context.http is not None, "HTTP integrations need a sender"
        self._endpoints = HttpIntegration(context.http, context.clock)

    async def answer(self, exchange: Exchange, snapshot: Snapshot) -> HttpResponse:
        """The client's answer. Raises the failure that ends the request."""
        integration = exchange.route.method["methodIntegration"]
        kind = integration["type"]
        mappings = integration.get("requestParameters") or {}
        milliseconds = integration.get("timeoutInMillis")
        seconds = milliseconds / 1000 if milliseconds else self._settings.default_integration_timeout_seconds
        is_lambda = kind == "AWS_PROXY" or (kind == "AWS" and lambda_function_of(integration["uri"]) is not None)
        if kind == "AWS_PROXY":
            mapping.check_headers(mappings, kind)
            _check_method(integration)
            proxy = self.functions.stream if is_streamed(integration) else self.functions.proxy
            return await proxy(exchange, snapshot, integration, seconds)
        body = b"" if kind == "HTTP_PROXY" else await _request_body(exchange, snapshot, integration)
        if len(exchange.request.body) <= LARGE_BYTES or not mappings:
            mapped = mapping.request_parameters(exchange, mappings)
        else:
            mapped = await asyncio.to_thread(mapping.request_parameters, exchange, mappings)
        endpoint.with_overrides(exchange, mapped)
        if kind != "MOCK":
            mapping.check_headers(mappings, kind, mapped["header"])
        if is_lambda:
            _check_method(integration)
        if kind == "HTTP_PROXY":
            return await self._endpoints.proxy(exchange, snapshot, integration, mapped, seconds)
        if kind == "MOCK":
            given = mocked(body) if len(body) <= LARGE_BYTES else await asyncio.to_thread(mocked, body)
        elif kind == "HTTP":
            given = await self._endpoints.call(exchange, snapshot, integration, mapped, body, seconds)
        elif is_lambda:
            given = await self.functions.call(exchange, snapshot, integration, mapped, body, seconds)
        else:
            given = await self._services.call(exchange, snapshot, integration, mapped, body, seconds)
        return await responses.answer_of(exchange, snapshot, integration, given)


def _check_method(integration: dict[str, Any]) -> None:
    if integration.get("httpMethod") != "POST":
        raise configuration_error("Functions are invoked by POST only")


async def _request_body(exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any]) -> bytes:
    """The body for the endpoint: converted (3.11), then rendered by the template for its type (3.4)."""
    template = templates.choose_request_template(exchange, integration)
    body = exchange.request.body
    handling = integration.get("contentHandling")
    binary = proxy_event.is_binary(snapshot, exchange.content_type)
    if handling == "CONVERT_TO_TEXT" and binary:
        body = base64.b64encode(body)
    elif handling == "CONVERT_TO_BINARY" and not binary:
        try:
            body = base64.b64decode(body, validate=True)
        except ValueError:
            raise configuration_error("Unable to base64 decode the body") from None
    if template is None:
        return body if binary or handling == "CONVERT_TO_BINARY" else body.decode("utf-8", "replace").encode()
    text = body.decode("utf-8", "replace")
    return (await templates.render(exchange, snapshot, template, text, "request template")).encode("utf-8", "replace")
