"""A request to an HTTP API on its way: find the stage and the route, let the caller in, call the integration, answer.

The order is 4.3: CORS preflights first, then the route, then its authorizer.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.deadline import Deadline
from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.request_traces import RequestTrace
from emulator.aws.service import Context
from emulator.ports import Transaction
from emulator.services.apigateway.gateway.address import Address as RestAddress
from emulator.services.apigateway.gateway.plane import GatewayDataPlane
from emulator.services.apigateway.gateway.plane import Loaded as RestLoaded
from emulator.services.apigateway.gateway.snapshots import Snapshots
from emulator.services.apigatewayv2 import store
from emulator.services.apigatewayv2.gateway import answers, cors, events, to_http, to_service
from emulator.services.apigatewayv2.gateway.address import Address, address, stage_candidates
from emulator.services.apigatewayv2.gateway.authorizing import Authorizing
from emulator.services.apigatewayv2.gateway.exchange import Exchange, request_id_of
from emulator.services.apigatewayv2.gateway.failures import AUTHORIZER, INTEGRATION, Failure
from emulator.services.apigatewayv2.gateway.functions import invocation_of, payload_of
from emulator.services.apigatewayv2.gateway.mapping import mapped_request, mapped_response
from emulator.services.apigatewayv2.gateway.records import record
from emulator.services.apigatewayv2.gateway.routing import Snapshot
from emulator.services.apigatewayv2.gateway.throttling import Throttle
from emulator.services.apigatewayv2.model import Document, integration_id_of

LARGEST_PAYLOAD = 10 * 1024 * 1024
LARGEST_HEADERS = 10_240
_FORBIDDEN = (
    "The IAM role configured on the integration or API Gateway doesn't have permissions to call the integration."
    " Check the permissions and try again."
)
"""[D: http-api-troubleshooting-lambda]"""


class HttpApiPlane:
    """Answers requests to deployed HTTP APIs, and hands those for REST APIs, which share their addresses, on."""

    def __init__(self, context: Context, lambda_operations: Any, rest: GatewayDataPlane) -> None:
        self._context = context
        self._store = context.store
        self._clock = context.clock
        self._lambda = lambda_operations
        self._rest = rest
        self._deadline = Deadline(context.clock, "apigatewayv2: integration")
        self._authorizing = Authorizing(context, lambda_operations, self._deadline)
        self._throttle = Throttle()
        self._snapshots = Snapshots(store.load_snapshot, Snapshot)
        self._rest_apis: set[str] = set()
        """REST APIs that have answered: no id is one of both kinds, so the store need not be asked which it is."""

    def match(self, host: str, path: str) -> Address | None:
        """Where the request goes, or None if it is not for a deployed API."""
        return address(host, path)

    def forget_cached(self) -> None:
        """Drop what is kept in memory (after a reset)."""
        self._snapshots.forget()
        self._rest_apis.clear()
        self._throttle.forget()
        self._authorizing.forget()

    def forget_authorizations(self, api_id: str) -> None:
        """Ask the Lambda authorizers of an API anew."""
        self._authorizing.forget(api_id)

    async def handle(self, request: HttpRequest, match: Address) -> HttpResponse:
        """Answer a request that `match` recognised."""
        other, found, ids = await self._store.read(lambda tx: self._load(tx, match, request.path), behind=True)
        if other is not None:
            return await self._rest.answer(request, *other)
        if found is None:
            answer = Failure(404).answer()
            answer.headers.append(("Apigw-Requestid", request_id_of(ids[0])))
            return answer
        snapshot, stage, path = found
        api = snapshot.api
        if api.is_websocket:  # the status is unverified
            return HttpResponse(426, [("Content-Type", "application/json")], b'{"message":"Upgrade Required"}')
        request.served_by = str(api.settings.get("Name", ""))
        taken = snapshot.take(request.method, path)
        trace = request.trace = RequestTrace(self._clock.now, "HTTP", request, request_id_of(ids[0]))
        trace.api_id, trace.api_name, trace.stage = api.id, request.served_by, stage["StageName"]
        now = trace.started_at
        exchange = Exchange(request, api, stage, path, match.host, taken, ids, now, self._context.base_url, trace)
        exchange.mapped_path = match.mapped_path if match.mapped_stage else None
        with self._context.traces.following(trace):
            answer, failure = await self._answered(exchange)
            trace.end(answer)
        answer.headers = [*answer.headers, ("Apigw-Requestid", exchange.request_id)]
        record(self._context, exchange, answer, self._clock.now() - now, failure)
        return answer

    async def _answered(self, exchange: Exchange) -> tuple[HttpResponse, Failure | None]:
        """The answer, and why it is none of the integration's."""
        configured: Document | None = exchange.api.settings.get("CorsConfiguration")
        ended: Failure | None = None
        answer = cors.preflight(configured, exchange.request)
        if answer is not None:
            exchange.trace.add("preflight")
            return answer, None
        try:
            answer = await self._answer(exchange)
        except Failure as failure:
            answer, ended = failure.answer(), failure
            exchange.trace.problem = failure.reason or f"{failure.status}"
            exchange.trace.add("failure", status=failure.status, reason=failure.reason)
        cors.apply(configured, exchange.request, answer)
        return answer, ended

    def _load(
        self, tx: Transaction, where: Address, whole_path: str
    ) -> tuple[tuple[RestAddress, RestLoaded] | None, tuple[Snapshot, Document, str] | None, tuple[str, str]]:
        """(what a REST API needs, if it is none of ours; its deployment, stage and the path within; fresh ids)."""
        other = None if where.mapped_stage else self._rest.match(where.host, whole_path)
        if other is not None and (where.api_id in self._rest_apis or not store.exists(tx, where.api_id)):
            loaded = self._rest.load(tx, other)
            if loaded[1] is not None:
                self._rest_apis.add(where.api_id)
                return (other, loaded), None, ("", "")
            self._rest_apis.discard(where.api_id)
            if not store.exists(tx, where.api_id):
                return (other, loaded), None, ("", "")
        ids = (tx.new_id(), tx.new_id())
        for name, path in stage_candidates(where):
            stage = store.load_stage(tx, where.api_id, name)
            if stage is not None:
                snapshot = self._snapshot(tx, where.api_id, stage.get("DeploymentId"))
                if snapshot is None:
                    return None, None, ids
                if snapshot.api.settings.get("DisableExecuteApiEndpoint") and not where.mapped_stage:
                    return None, None, ids
                return None, (snapshot, stage, path), ids
        return None, None, ids

    def _snapshot(self, tx: Transaction, api_id: str, deployment_id: str | None) -> Snapshot | None:
        return None if deployment_id is None else self._snapshots.find(tx, api_id, deployment_id)

    async def _answer(self, exchange: Exchange) -> HttpResponse:
        request = exchange.request
        if len(request.body) > LARGEST_PAYLOAD:
            raise Failure(413)
        if request.line_and_values_size() > LARGEST_HEADERS:
            raise Failure(414 if len(request.path) + len(request.query) > LARGEST_HEADERS else 431)
        if exchange.taken is None:
            raise Failure(404, "No route matches the request")
        trace = exchange.trace
        trace.route = exchange.route["RouteKey"]
        trace.add("route", route=trace.route, parameters=exchange.taken.path_parameters)
        if not self._throttle.admits(exchange):
            trace.add("throttle", admitted=False)
            raise Failure(429)
        exchange.before = AUTHORIZER
        await self._authorizing.authorize(exchange)
        exchange.before = INTEGRATION
        if exchange.authorizer:
            trace.add("authorizer", type=exchange.route["AuthorizationType"], told=exchange.authorizer)
        integration = exchange.api.integrations.get(integration_id_of(exchange.route.get("Target")) or "")
        if integration is None:
            raise Failure(500, "The route has no integration")
        called = self._clock.now()
        try:
            answer = await self._deadline.within(
                integration["TimeoutInMillis"] / 1000, self._integrate(exchange, integration)
            )
        except TimeoutError:
            trace.add("timeout", whose="integration", seconds=integration["TimeoutInMillis"] / 1000)
            raise Failure(503, "Endpoint request timed out") from None
        finally:
            exchange.integration_seconds = self._clock.now() - called
        if len(answer.body) > LARGEST_PAYLOAD:
            raise Failure(500, "The integration's response is too large")
        mapped_response(exchange, integration.get("ResponseParameters") or {}, answer)
        return answer

    async def _integrate(self, exchange: Exchange, integration: Document) -> HttpResponse:
        subtype = integration.get("IntegrationSubtype")
        if subtype:
            exchange.trace.add("integration request", service=subtype, parameters=integration["RequestParameters"])
            answer = await to_service.call(self._context, exchange, integration)
            exchange.integration_status = answer.status
            return answer
        request, path = mapped_request(exchange, integration.get("RequestParameters") or {})
        uri = integration["IntegrationUri"]
        if integration["IntegrationType"] == "HTTP_PROXY":
            assert self._context.http is not None, "app.py gives every context an HttpSender"
            exchange.trace.add("integration request", url=uri, query=request.query, headers=request.headers, path=path)
            private = self._context.private_integrations
            answer = await to_http.call(self._context.http, exchange, integration, request, path, private)
            exchange.integration_status, exchange.endpoint_headers = answer.status, answer.headers
            return answer
        version = integration["PayloadFormatVersion"]
        event = (events.event_2 if version == "2.0" else events.event_1)(exchange, request, path)
        scope, invocation = invocation_of(uri, exchange, event)
        function_request_id = exchange.ids[1]
        exchange.trace.add(
            "integration request", url=uri, body=invocation["Payload"], function_request_id=function_request_id
        )
        exchange.endpoint_headers = [("x-amzn-RequestId", function_request_id)]
        try:
            result = await self._lambda.invoke(scope, invocation, request_id=function_request_id)
        except AwsError as error:
            exchange.integration_status = error.status
            exchange.trace.add("function refused", status=error.status, code=error.code)
            text = f"Lambda invocation failed with status {error.status}: {json.dumps(error.message)}"
            raise Failure(500, _FORBIDDEN if error.status == 403 else text) from None
        exchange.integration_status = result.get("StatusCode", 200)
        exchange.trace.weigh(result.get("Payload"))
        exchange.trace.add("integration response", body=result.get("Payload"), error=result.get("FunctionError"))
        answer = answers.from_result(payload_of(result), version, function_request_id)
        exchange.function_status = answer.status
        return answer
