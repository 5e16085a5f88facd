"""A request through the pipeline, in AWS's order (3.1): the one file that shows it whole.

Each step is a file of its own: `address`, `deployed`, `routing`; then `resource_policy`, `admission` (throttling),
`authorization` (with `cognito`), `admission` (API keys), `validation`, `cache`, `integration` (which names its own
steps), and `failures` for whatever ends a request on the way. `records` and the trace tell of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.request_traces import RequestTrace
from emulator.aws.service import Context
from emulator.ports import Transaction
from emulator.services.apigateway.gateway import cache, compression, mapping, resource_policy
from emulator.services.apigateway.gateway.address import Address, address
from emulator.services.apigateway.gateway.admission import Admission
from emulator.services.apigateway.gateway.authorization import (
    URI_TOO_LONG,
    Authorizers,
    checked_arn,
    method_arn,
    unsigned,
)
from emulator.services.apigateway.gateway.cognito import UserPools
from emulator.services.apigateway.gateway.deployed import Deployed, Deployments
from emulator.services.apigateway.gateway.exchange import Exchange, extended_request_id
from emulator.services.apigateway.gateway.failures import (
    Failure,
    configuration_error,
    error_of,
    gateway_response,
)
from emulator.services.apigateway.gateway.integration import Integrations
from emulator.services.apigateway.gateway.large_bodies import LARGE_BYTES
from emulator.services.apigateway.gateway.pool_keys import PoolKeys
from emulator.services.apigateway.gateway.records import Records
from emulator.services.apigateway.gateway.routing import Route, Snapshot
from emulator.services.apigateway.gateway.testing import STAGE as TEST_STAGE
from emulator.services.apigateway.gateway.testing import TestInvocations
from emulator.services.apigateway.gateway.validation import validate
from emulator.services.apigateway.stage_rules import settings_of

MAX_PAYLOAD = 10 * 1024 * 1024
LARGEST_HEAD = 10_240
"""Bytes of the request line and all headers [D]; that AWS answers as to a large body is unverified."""

Loaded = tuple[tuple[str, str, str], Deployed | None]
"""Fresh ids, and what answers at the address."""


class GatewayDataPlane:
    """Answers requests to deployed REST APIs."""

    def __init__(self, context: Context, lambda_operations: Any) -> None:
        self._store = context.store
        self._clock = context.clock
        self._deployments = Deployments()
        self._integrations = Integrations(context, lambda_operations)
        pools = UserPools(PoolKeys(context))
        self._authorizers = Authorizers(self._integrations.functions, pools, context.clock.now, context.signatures)
        self.admission = Admission(context.store)
        self._cache = cache.Cache()
        self._records = Records(context.store, context.logs, context.metrics)
        self._traces = context.traces
        self.testing = TestInvocations(context.store, context.clock, self._authorizers, self._run)

    def match(self, host: str, path: str) -> Address | None:
        """Where the request goes, or None if it is not for a deployed API."""
        return address(host, path)

    def forget_cached(self) -> None:
        """Drop compiled deployments (after a reset)."""
        self._deployments.forget()
        self._authorizers.forget()
        self.admission.forget()
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
        loaded = await self._store.read(lambda tx: self.load(tx, match), behind=True)
        return await self.answer(request, match, loaded)

    def load(self, tx: Transaction, where: Address) -> Loaded:
        """What a request needs of the store before its first step, in one read."""
        return (tx.new_id(), tx.new_id(), tx.new_id()), self._deployments.find(tx, where)

    async def answer(self, request: HttpRequest, match: Address, loaded: Loaded) -> HttpResponse:
        """Answer a request for which `load` was asked."""
        ids, found = loaded
        common = [
            ("x-amzn-RequestId", ids[0]),
            ("x-amz-apigw-id", extended_request_id(ids[1])),
        ]
        if found is None:
            forbidden = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException")]
            return HttpResponse(403, [*common, *forbidden], b'{"message":"Forbidden"}')
        snapshot, stage = found
        request.served_by = str(snapshot.api.settings.get("name", ""))
        exchange = self._exchange(request, match, ids, snapshot, stage)
        request.trace = exchange.trace
        with self._traces.following(exchange.trace):
            answer = await self._answered(exchange, snapshot)
            smallest = snapshot.api.settings.get("minimumCompressionSize")
            if smallest is not None:
                compression.compress(answer, exchange.header("Accept-Encoding") or "", smallest)
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
            if exchange.request.line_and_values_size() > LARGEST_HEAD or len(exchange.request.body) > MAX_PAYLOAD:
                raise _too_large(exchange.request)
            if snapshot.api.settings.get("minimumCompressionSize") is not None:
                exchange.unpack()
            policy = snapshot.api.settings.get("policy")
            by_policy = resource_policy.judge(exchange, policy, checked_arn(exchange, snapshot)) if policy else None
            if exchange.route is _NOWHERE:
                exchange.trace.add("route", resource=None, why="no method of the deployment matches")
                raise unsigned(exchange)
            exchange.trace.add("route", resource=exchange.route.resource_path, parameters=exchange.path_parameters)
            self.admission.throttle_method(exchange)
            if by_policy is not None:
                resource_policy.demand(exchange, by_policy, method_arn(exchange, snapshot))
            await self._authorizers.authorize(exchange, snapshot, by_policy)
            await self.admission.check_key(exchange, snapshot)
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
                if not exchange.streamed_bytes:
                    exchange.first_content_latency = round((self._clock.now() - exchange.called_at) * 1000)
                exchange.streamed_bytes += len(piece)
                yield piece
        finally:
            await stream.aclose()
            self._records.keep(exchange, snapshot, stage, answer, self._clock.now())

    async def _run(self, exchange: Exchange, snapshot: Snapshot) -> HttpResponse:
        """The steps behind authorization; a failure is an answer, too."""
        traced = exchange.route.method.get("methodIntegration", {}).get("type") not in ("MOCK", None)
        try:
            if len(exchange.request.body) <= LARGE_BYTES:
                validate(exchange, snapshot)
            else:
                await asyncio.to_thread(validate, exchange, snapshot)
            answer = self._cache.find(exchange)
            if answer is None:
                answer = await self._integrations.answer(exchange, snapshot)
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


_NOWHERE = Route({}, "", "", {}, None)


def _too_large(request: HttpRequest) -> Failure:
    """Of a body AWS's gateway response; of a head what users quote (431; of the URL 414 and its text unverified)."""
    if len(request.body) > MAX_PAYLOAD:
        return Failure("REQUEST_TOO_LARGE")
    if len(request.path) + len(request.query) > LARGEST_HEAD:
        return Failure("REQUEST_TOO_LARGE", URI_TOO_LONG, 414)
    return Failure("REQUEST_TOO_LARGE", f"HTTP header is larger than {LARGEST_HEAD} bytes.", 431)


def _logged(failure: Failure) -> str:
    """What the execution log says of a failure (3.19)."""
    reason = failure.reason or failure.message or ""
    if failure.kind == "API_CONFIGURATION_ERROR" and not reason.startswith(("Execution failed", "Lambda ")):
        return f"Execution failed due to configuration error: {reason}"
    return reason
