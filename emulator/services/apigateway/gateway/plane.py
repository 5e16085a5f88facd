"""A request through the pipeline, in AWS's order (3.1): the one file that shows it whole.

Snapshots are immutable, so caching them needs no
invalidation: which deployment a stage points to is read from the store on every request.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import AsyncGenerator
from functools import lru_cache
from typing import Any

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.request_traces import RequestTrace
from emulator.aws.service import Context
from emulator.ports import Transaction
from emulator.services.apigateway import store
from emulator.services.apigateway.gateway import (
    cache,
    endpoint,
    mapping,
    proxy_event,
    resource_policy,
    responses,
    templates,
)
from emulator.services.apigateway.gateway.address import Address, address
from emulator.services.apigateway.gateway.admission import Admission
from emulator.services.apigateway.gateway.authorization import Authorizers, method_arn
from emulator.services.apigateway.gateway.cognito import UserPools
from emulator.services.apigateway.gateway.deadline import Deadline
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import (
    Failure,
    configuration_error,
    error_of,
    gateway_response,
)
from emulator.services.apigateway.gateway.records import Records
from emulator.services.apigateway.gateway.routing import Route, Snapshot
from emulator.services.apigateway.gateway.streaming import is_streamed
from emulator.services.apigateway.gateway.testing import STAGE as TEST_STAGE
from emulator.services.apigateway.gateway.testing import TestInvocations
from emulator.services.apigateway.gateway.to_http import HttpIntegration
from emulator.services.apigateway.gateway.to_lambda import LambdaIntegration
from emulator.services.apigateway.gateway.to_service import ServiceIntegration
from emulator.services.apigateway.gateway.validation import validate
from emulator.services.apigateway.model import lambda_function_of
from emulator.services.apigateway.stage_rules import settings_of

MAX_PAYLOAD = 10 * 1024 * 1024
LARGEST_HEAD = 10_240
"""Bytes of the request line and all headers [D]; that AWS answers as to a large body is unverified."""
_LARGEST_CACHE = 256
_STATUS_CODE = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})["']?\s*[,}]""")


class GatewayDataPlane:
    """Answers requests to deployed REST APIs."""

    def __init__(self, context: Context, lambda_operations: Any) -> None:
        self._store = context.store
        self._clock = context.clock
        self._settings = context.settings
        deadline = Deadline(context.clock)
        self._functions = LambdaIntegration(context.store, context.clock, lambda_operations, deadline)
        self._services = ServiceIntegration(context.apis, context.clock, deadline)
        assert context.http is not None, "HTTP integrations need a sender"
        self._endpoints = HttpIntegration(context.http, context.clock)
        pools = UserPools(context.http, context.supporting, context.cognito_jwks)
        self._authorizers = Authorizers(self._functions, pools, context.clock.now)
        self._admission = Admission(context.store)
        self._cache = cache.Cache()
        self._records = Records(context.store, context.logs, context.metrics)
        self._traces = context.traces
        self.testing = TestInvocations(context.store, context.clock, self._authorizers, self._run)
        self._snapshots: dict[tuple[str, str], Snapshot] = {}

    def match(self, host: str, path: str) -> Address | None:
        """Where the request goes, or None if it is not for a deployed API."""
        return address(host, path)

    def forget_cached(self) -> None:
        """Drop compiled deployments (after a reset)."""
        self._snapshots.clear()
        self._authorizers.forget()
        self._admission.forget()
        self._cache.forget()
        self._records.forget()

    def flush_cache(self, api_id: str, stage: str) -> None:
        """Forget the answers that a stage's cache remembers."""
        self._cache.flush(api_id, stage)

    def flush_authorizers(self, api_id: str, stage: str) -> None:
        """Ask the authorizers of a stage anew."""
        self._authorizers.forget_stage(api_id, stage)

    async def handle(self, request: HttpRequest, match: Address) -> HttpResponse:
        """Answer a request that `match` recognised."""
        loaded = await self._store.read(lambda tx: self._load(tx, match), behind=True)
        ids: tuple[str, str, str] = loaded[0]
        common = [
            ("x-amzn-RequestId", ids[0]),
            ("x-amz-apigw-id", base64.b64encode(bytes.fromhex(ids[1].replace("-", ""))[:11]).decode()),
        ]
        snapshot, stage = loaded[1], loaded[2]
        if snapshot is None:
            forbidden = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException")]
            return HttpResponse(403, [*common, *forbidden], b'{"message":"Forbidden"}')
        request.served_by = str(snapshot.api.settings.get("name", ""))
        exchange = self._exchange(request, match, ids, snapshot, stage)
        request.trace = exchange.trace
        with self._traces.following(exchange.trace):
            answer = await self._answered(exchange, snapshot)
            exchange.trace.end(answer)
        if answer.stream is None:
            self._records.keep(exchange, snapshot, stage, answer, self._clock.now())
        else:
            answer.stream = self._recorded(answer.stream, exchange, snapshot, stage, answer)
        answer.headers = [*common, *answer.headers]
        return answer

    async def _answered(self, exchange: Exchange, snapshot: Snapshot) -> HttpResponse:
        """The steps in front of the method request: size, route, throttling, authorizer, API key."""
        try:
            if exchange.request.head_size() > LARGEST_HEAD or len(exchange.request.body) > MAX_PAYLOAD:
                raise Failure("REQUEST_TOO_LARGE")
            policy = snapshot.api.settings.get("policy")
            by_policy = resource_policy.judge(exchange, policy, method_arn(exchange, snapshot)) if policy else None
            if exchange.route is _NOWHERE:
                exchange.trace.add("route", resource=None, why="no method of the deployment matches")
                raise Failure("MISSING_AUTHENTICATION_TOKEN")
            exchange.trace.add("route", resource=exchange.route.resource_path, parameters=exchange.path_parameters)
            self._admission.throttle_method(exchange)
            if by_policy is not None:
                resource_policy.demand(exchange, by_policy, method_arn(exchange, snapshot))
            await self._authorizers.authorize(exchange, snapshot, by_policy)
            await self._admission.check_key(exchange, snapshot)
        except Failure as failure:
            return self._fail(exchange, snapshot, failure)
        return await self._run(exchange, snapshot)

    async def _recorded(
        self,
        stream: AsyncGenerator[bytes],
        exchange: Exchange,
        snapshot: Snapshot,
        stage: dict[str, Any],
        answer: HttpResponse,
    ) -> AsyncGenerator[bytes]:
        """A streamed body; the request is over, and counted, when that is."""
        try:
            async for piece in stream:
                exchange.streamed_bytes += len(piece)
                yield piece
        finally:
            await stream.aclose()
            self._records.keep(exchange, snapshot, stage, answer, self._clock.now())

    async def _run(self, exchange: Exchange, snapshot: Snapshot) -> HttpResponse:
        """The steps behind authorization; a failure is an answer, too."""
        traced = exchange.route.method.get("methodIntegration", {}).get("type") not in ("MOCK", None)
        try:
            validate(exchange, snapshot)
            answer = self._cache.find(exchange)
            if answer is None:
                answer = await self._integrate(exchange, snapshot)
                self._cache.keep(exchange, answer, self._clock.now())
            if exchange.cache_warning:
                answer.headers.append(("Warning", cache.IGNORED))
            if len(answer.body) > MAX_PAYLOAD:
                raise configuration_error("Execution failed due to an internal error: the body is too large")
        except Failure as failure:
            answer = self._fail(exchange, snapshot, failure)
            traced = traced and exchange.where.stage != TEST_STAGE
        if traced:
            answer.headers.insert(0, ("X-Amzn-Trace-Id", exchange.trace_id.partition(";")[0]))
        return answer

    def _load(self, tx: Transaction, where: Address) -> tuple[tuple[str, str, str], Snapshot | None, dict[str, Any]]:
        ids = (tx.new_id(), tx.new_id(), tx.new_id())
        row = store.stage_row(tx, where.api_id, where.stage)
        if row is None:
            return ids, None, {}
        stage = {**_stage_of(row[1])}
        canary = stage.get("canarySettings")
        if canary:
            stage["canary"] = tx.random() * 100 < canary["percentTraffic"]
        key = (where.api_id, canary["deploymentId"] if canary and stage["canary"] else row[0])
        snapshot = self._snapshots.get(key)
        if snapshot is None:
            frozen = store.load_snapshot(tx, *key)
            if frozen is None:
                return ids, None, {}
            while len(self._snapshots) >= _LARGEST_CACHE:
                self._snapshots.pop(next(iter(self._snapshots)))
            snapshot = self._snapshots[key] = Snapshot(frozen)
        if snapshot.api.settings.get("disableExecuteApiEndpoint") and where.base_path is None:
            return ids, None, {}
        return ids, snapshot, stage

    def _exchange(
        self,
        request: HttpRequest,
        where: Address,
        ids: tuple[str, str, str],
        snapshot: Snapshot,
        stage: dict[str, Any],
    ) -> Exchange:
        route = snapshot.route(request.method, where.path) or _NOWHERE
        variables, deployment = stage.get("variables") or {}, stage["deploymentId"]
        canary = stage.get("canary")
        if canary:
            variables = {**variables, **(stage["canarySettings"].get("stageVariableOverrides") or {})}
            deployment = stage["canarySettings"]["deploymentId"]
        trace = RequestTrace(self._clock.now, "REST", request, ids[0])
        trace.api_id, trace.stage, trace.route = where.api_id, where.stage, route.resource_path
        trace.api_name = request.served_by
        account = snapshot.scope.account
        exchange = Exchange(request, where, route, ids, trace.started_at, variables, deployment, account, trace)
        exchange.canary = canary
        exchange.canary_shares_cache = bool(canary and stage["canarySettings"].get("useStageCache"))
        every = stage.get("methodSettings")
        if every:
            method = route.method.get("httpMethod", "")
            exchange.settings_key, exchange.settings = settings_of(every, route.resource_path, method)
            exchange.has_cache = bool(stage.get("cacheClusterEnabled"))
        return exchange

    def _fail(self, exchange: Exchange, snapshot: Snapshot, failure: Failure) -> HttpResponse:
        definition = snapshot.gateway_response(failure.kind)
        exchange.error = error_of(failure)
        sources = [item for item in definition["responseParameters"].values() if not item.startswith("'")]
        parameters: dict[str, str] = {}
        for source in sources:
            try:
                value = mapping.request_value(exchange, source)
            except Failure:
                value = None
            parameters[source] = "" if value is None or not str(value).isprintable() else str(value)
        reason = _logged(failure)
        exchange.trace.problem = reason or failure.message or failure.kind
        exchange.trace.add("failure", gateway_response=failure.kind, message=failure.message, reason=reason)
        variables = {"context": exchange.context, "stageVariables": exchange.stage_variables}
        return gateway_response(failure, definition, variables, parameters)

    # ── integrations ──

    async def _integrate(self, exchange: Exchange, snapshot: Snapshot) -> HttpResponse:
        """Method request → integration request → endpoint → integration response → method response."""
        integration = exchange.route.method["methodIntegration"]
        kind = integration["type"]
        mappings = integration.get("requestParameters") or {}
        milliseconds = integration.get("timeoutInMillis")
        seconds = milliseconds / 1000 if milliseconds else self._settings.default_integration_timeout_seconds
        is_lambda = kind == "AWS_PROXY" or (kind == "AWS" and _is_lambda(integration["uri"]))
        if kind != "MOCK":
            mapping.check_headers(mappings, kind)
            if is_lambda and integration.get("httpMethod") != "POST":
                raise configuration_error("Lambda is invoked by POST only")
        if kind == "AWS_PROXY":
            streamed = self._functions.stream if is_streamed(integration) else self._functions.proxy
            return await streamed(exchange, snapshot, integration, seconds)
        if kind == "HTTP_PROXY":
            body = exchange.request.body
        else:
            body = await self._request_body(exchange, snapshot, integration)
        mapped = mapping.request_parameters(exchange, mappings)
        endpoint.with_overrides(exchange, mapped)
        if kind == "MOCK":
            return await self._mock(exchange, snapshot, integration, body.decode("utf-8", "replace"))
        if kind != "AWS":
            call = self._endpoints.call
        elif is_lambda:
            call = self._functions.custom
        else:
            call = self._services.call
        return await call(exchange, snapshot, integration, mapped, body, seconds)

    async def _request_body(self, exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any]) -> bytes:
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
        return (await templates.render(exchange, snapshot, template, text, "request template")).encode(
            "utf-8", "replace"
        )

    async def _mock(
        self, exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any], body: str
    ) -> HttpResponse:
        """The template's `statusCode` selects the response; lenient JSON, as on AWS (3.13)."""
        found = _STATUS_CODE.search(body)
        if found is None:
            raise configuration_error(
                "Unable to parse statusCode. It should be an integer that is defined in the request template."
            )
        response = responses.select(exchange, integration, found.group(1), int(found.group(1)))
        return await responses.finish(exchange, snapshot, response, [], b"")


@lru_cache(maxsize=_LARGEST_CACHE)
def _stage_of(text: str) -> dict[str, Any]:
    """A stage as it is kept; its parts are only read."""
    return json.loads(text)


_NOWHERE = Route({}, "", "", {}, None)


def _logged(failure: Failure) -> str:
    """What the execution log says of a failure (3.19)."""
    reason = failure.reason or failure.message or ""
    if failure.kind == "API_CONFIGURATION_ERROR" and not reason.startswith(("Execution failed", "Lambda ")):
        return f"Execution failed due to configuration error: {reason}"
    return reason


def _is_lambda(uri: str) -> bool:
    return lambda_function_of(uri) is not None
