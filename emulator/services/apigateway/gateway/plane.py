"""A request through the pipeline, in AWS's order (3.1), and the call of the function with its timeout (3.8).

The only file here that awaits anything but a template. Snapshots are immutable, so caching them needs no
invalidation: which deployment a stage points to is read from the store on every request.
"""

from __future__ import annotations

import asyncio
import base64
import json
import re
from contextlib import ExitStack
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpRequest, HttpResponse
from emulator.aws.scope import Scope
from emulator.aws.service import Context
from emulator.ports import Transaction
from emulator.services.apigateway import store
from emulator.services.apigateway.gateway import mapping, proxy_event, responses, templates
from emulator.services.apigateway.gateway.address import Address, address
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import (
    Failure,
    configuration_error,
    gateway_response,
    malformed_proxy_response,
)
from emulator.services.apigateway.gateway.routing import Route, Snapshot
from emulator.services.apigateway.gateway.validation import validate
from emulator.services.apigateway.model import lambda_function_of

MAX_PAYLOAD = 10 * 1024 * 1024
_LARGEST_CACHE = 256
_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")
_STATUS_CODE = re.compile(r"""["']?statusCode["']?\s*:\s*["']?(\d{3})["']?\s*[,}]""")


class GatewayDataPlane:
    """Answers requests to deployed REST APIs."""

    def __init__(self, context: Context, lambda_operations: Any) -> None:
        self._store = context.store
        self._clock = context.clock
        self._settings = context.settings
        self._lambda = lambda_operations
        self._snapshots: dict[tuple[str, str], Snapshot] = {}
        self._running: set[asyncio.Task[Any]] = set()

    def match(self, host: str, path: str) -> Address | None:
        """Where the request goes, or None if it is not for a deployed API."""
        return address(host, path)

    def forget_cached(self) -> None:
        """Drop compiled deployments (after a reset)."""
        self._snapshots.clear()

    async def handle(self, request: HttpRequest, match: Address) -> HttpResponse:
        """Answer a request that `match` recognised."""
        loaded = await self._store.read(lambda tx: self._load(tx, match))
        ids: tuple[str, str, str] = loaded[0]
        common = [
            ("x-amzn-RequestId", ids[0]),
            ("x-amz-apigw-id", base64.b64encode(bytes.fromhex(ids[1].replace("-", ""))[:11]).decode()),
        ]
        snapshot, stage = loaded[1], loaded[2]
        if snapshot is None:
            forbidden = [("Content-Type", "application/json"), ("x-amzn-ErrorType", "ForbiddenException")]
            return HttpResponse(403, [*common, *forbidden], b'{"message":"Forbidden"}')
        exchange = self._exchange(request, match, ids, snapshot, stage)
        try:
            if len(request.body) > MAX_PAYLOAD:
                raise Failure("REQUEST_TOO_LARGE")
            if exchange.route is _NOWHERE:
                raise Failure("MISSING_AUTHENTICATION_TOKEN")
            validate(exchange, snapshot)
            answer = await self._integrate(exchange, snapshot)
            if len(answer.body) > MAX_PAYLOAD:
                raise configuration_error("Execution failed due to an internal error: the body is too large")
        except Failure as failure:
            answer = self._fail(exchange, snapshot, failure)
        if exchange.route.method.get("methodIntegration", {}).get("type") in ("AWS", "AWS_PROXY"):
            common.append(("X-Amzn-Trace-Id", exchange.trace_id.partition(";")[0]))
        answer.headers[:0] = common
        return answer

    def _load(self, tx: Transaction, where: Address) -> tuple[tuple[str, str, str], Snapshot | None, dict[str, Any]]:
        ids = (tx.new_id(), tx.new_id(), tx.new_id())
        row = store.stage_row(tx, where.api_id, where.stage)
        if row is None:
            return ids, None, {}
        key = (where.api_id, row[0])
        snapshot = self._snapshots.get(key)
        if snapshot is None:
            frozen = store.load_snapshot(tx, *key)
            if frozen is None:
                return ids, None, {}
            while len(self._snapshots) >= _LARGEST_CACHE:
                self._snapshots.pop(next(iter(self._snapshots)))
            snapshot = self._snapshots[key] = Snapshot(frozen)
        if snapshot.api.settings.get("disableExecuteApiEndpoint"):
            return ids, None, {}
        return ids, snapshot, json.loads(row[1])

    def _exchange(
        self,
        request: HttpRequest,
        where: Address,
        ids: tuple[str, str, str],
        snapshot: Snapshot,
        stage: dict[str, Any],
    ) -> Exchange:
        route = snapshot.route(request.method, where.path) or _NOWHERE
        return Exchange(
            request,
            where,
            route,
            ids,
            self._clock.now(),
            stage.get("variables") or {},
            stage["deploymentId"],
            snapshot.scope.account,
        )

    def _fail(self, exchange: Exchange, snapshot: Snapshot, failure: Failure) -> HttpResponse:
        definition = snapshot.gateway_response(failure.kind)
        sources = [item for item in definition["responseParameters"].values() if not item.startswith("'")]
        parameters: dict[str, str] = {}
        for source in sources:
            try:
                value = mapping.request_value(exchange, source)
            except Failure:
                value = None
            parameters[source] = "" if value is None or not str(value).isprintable() else str(value)
        variables = {"context": exchange.context, "stageVariables": exchange.stage_variables}
        return gateway_response(failure, definition, variables, parameters)

    # ── integrations ──

    async def _integrate(self, exchange: Exchange, snapshot: Snapshot) -> HttpResponse:
        integration = exchange.route.method["methodIntegration"]
        mappings = integration.get("requestParameters") or {}
        if integration["type"] != "MOCK":
            mapping.check_headers(mappings)
            if integration.get("httpMethod") != "POST":
                raise configuration_error("Lambda is invoked by POST only")
        if integration["type"] == "AWS_PROXY":
            return await self._lambda_proxy(exchange, snapshot, integration)
        body = await self._request_body(exchange, snapshot, integration)
        mapped = mapping.request_parameters(exchange, mappings)
        override = exchange.context["requestOverride"].get("header")
        if isinstance(override, dict):
            mapped["header"].update({str(name): templates.show(value) for name, value in override.items()})
        if integration["type"] == "MOCK":
            return await self._mock(exchange, snapshot, integration, body.decode("utf-8", "replace"))
        return await self._lambda_custom(exchange, snapshot, integration, mapped["header"], body)

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
            return body
        return (await templates.render(exchange, snapshot, template, body.decode("utf-8", "replace"))).encode(
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
        response = responses.select(integration, found.group(1))
        return await responses.finish(exchange, snapshot, response, [], b"")

    async def _lambda_custom(
        self, exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any], headers: dict[str, Any], body: bytes
    ) -> HttpResponse:
        """Type AWS: the invocation type is whatever header the mappings made of it (3.2)."""
        kind = next((str(value) for name, value in headers.items() if name.lower() == "x-amz-invocation-type"), "")
        result = await self._invoke(exchange, snapshot, integration, kind or "RequestResponse", body or b"{}")
        payload = result.get("Payload") or b""
        answer = [("Content-Type", "application/json"), *_result_headers(result, exchange)]
        response = responses.select(integration, responses.error_message(payload))
        return await responses.finish(exchange, snapshot, response, answer, payload)

    async def _lambda_proxy(self, exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any]) -> HttpResponse:
        """Type AWS_PROXY: always RequestResponse; mappings have no effect (3.3)."""
        event = proxy_event.proxy_event(exchange, snapshot)
        result = await self._invoke(exchange, snapshot, integration, "RequestResponse", event)
        if result.get("FunctionError"):
            raise malformed_proxy_response("Lambda execution failed due to customer function error")
        return proxy_event.proxy_response(exchange, snapshot, result.get("Payload") or b"")

    # ── the function ──

    async def _invoke(
        self, exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any], kind: str, payload: bytes
    ) -> dict[str, Any]:
        """Invoke, but wait no longer than the integration's timeout; the function runs on (3.8)."""
        target = _target(exchange, integration)
        request: dict[str, Any] = {**target, "InvocationType": kind, "Payload": payload}
        scope = _scope_of(target["FunctionName"], snapshot.scope)
        request_id = await self._store.read(lambda tx: tx.new_id())
        milliseconds = integration.get("timeoutInMillis")
        seconds = milliseconds / 1000 if milliseconds else self._settings.default_integration_timeout_seconds
        # The hold is taken before we park, so that frozen time never sees a moment without a holder.
        hold = ExitStack()
        hold.enter_context(self._clock.busy("apigateway: integration"))
        task = asyncio.ensure_future(self._lambda.invoke(scope, request, request_id=request_id))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        try:
            await self._wait(task, seconds)
        except BaseException:
            _release_later(task, hold)
            raise
        if not task.done():
            _release_later(task, hold)
            raise Failure("INTEGRATION_TIMEOUT")
        hold.close()
        try:
            return task.result()
        except AwsError as error:
            raise configuration_error(
                f"Lambda invocation failed with status: {error.status}. Lambda request id: {request_id}"
            ) from None

    async def _wait(self, task: asyncio.Task[Any], seconds: float) -> None:
        if not self._clock.virtual:
            with self._clock.parked():
                await asyncio.wait((task,), timeout=seconds)
            return
        timer = asyncio.ensure_future(self._clock.sleep_until(self._clock.now() + seconds))
        try:
            with self._clock.parked():
                await asyncio.wait((task, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()


def _release_later(task: asyncio.Task[Any], hold: ExitStack) -> None:
    def done(finished: asyncio.Task[Any]) -> None:
        hold.close()
        if not finished.cancelled():
            finished.exception()  # nobody waits for it any more

    task.add_done_callback(done)


_NOWHERE = Route({}, "", "", {}, None)


def _target(exchange: Exchange, integration: dict[str, Any]) -> dict[str, str]:
    """FunctionName and Qualifier from the integration URI, stage variables filled in."""
    variables = exchange.stage_variables
    uri = _VARIABLE.sub(lambda match: variables.get(match.group(1), ""), integration["uri"])
    function = lambda_function_of(uri)
    if not function:
        raise configuration_error("Invalid Lambda function in the integration URI")
    parts = function.split(":")
    if function.startswith("arn:") and len(parts) == 8:
        qualifier = {"Qualifier": parts[7]} if parts[7] else {}
        return {"FunctionName": ":".join(parts[:7]), **qualifier}
    if not function.startswith("arn:") and len(parts) == 2:
        return {"FunctionName": parts[0], "Qualifier": parts[1]}
    return {"FunctionName": function}


def _scope_of(function: str, own: Scope) -> Scope:
    """The account and region where the function is: those of its ARN."""
    parts = function.split(":")
    return Scope(parts[4] or own.account, parts[3] or own.region) if len(parts) >= 7 else own


def _result_headers(result: dict[str, Any], exchange: Exchange) -> list[tuple[str, str]]:
    """Headers of Lambda's answer that an integration response can map."""
    headers = [("X-Amzn-Trace-Id", exchange.trace_id)]
    if result.get("FunctionError"):
        headers.append(("X-Amz-Function-Error", str(result["FunctionError"])))
    if result.get("ExecutedVersion"):
        headers.append(("X-Amz-Executed-Version", str(result["ExecutedVersion"])))
    return headers
