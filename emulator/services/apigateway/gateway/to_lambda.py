"""Integrations with Lambda: type AWS, whose invocation type a header decides (3.2), and AWS_PROXY (3.10)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.http import HttpResponse
from emulator.aws.scope import Scope
from emulator.ports import Clock, Store
from emulator.services.apigateway.gateway import endpoint, proxy_event, responses
from emulator.services.apigateway.gateway.deadline import Deadline
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure, configuration_error, malformed_proxy_response
from emulator.services.apigateway.gateway.responses import EndpointAnswer
from emulator.services.apigateway.gateway.routing import Snapshot
from emulator.services.apigateway.gateway.streaming import FunctionStream, head_of, idle_seconds
from emulator.services.apigateway.model import lambda_function_of


class LambdaIntegration:
    """Invokes functions for APIs."""

    def __init__(self, store: Store, clock: Clock, lambda_operations: Any, deadline: Deadline) -> None:
        self._clock = clock
        self._store = store
        self._lambda = lambda_operations
        self._deadline = deadline

    async def call(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        integration: dict[str, Any],
        mapped: dict[str, dict[str, Any]],
        body: bytes,
        seconds: float,
    ) -> EndpointAnswer:
        """Type AWS: the invocation type is whatever header the mappings made of it (3.2)."""
        headers = mapped["header"]
        kind = ""
        if headers:
            kind = next((str(value) for name, value in headers.items() if name.lower() == "x-amz-invocation-type"), "")
        result = await self.invoke(exchange, snapshot, integration["uri"], kind, body, seconds)
        payload = result.get("Payload") or b""
        message = responses.error_message(payload)
        return EndpointAnswer(message, result.get("StatusCode", 200), result["Headers"], payload)

    async def proxy(
        self, exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any], seconds: float
    ) -> HttpResponse:
        """Type AWS_PROXY: always RequestResponse; mappings have no effect (3.3)."""
        event = proxy_event.proxy_event(exchange, snapshot)
        result = await self.invoke(exchange, snapshot, integration["uri"], "", event, seconds)
        payload = result.get("Payload") or b""
        if result.get("FunctionError"):
            raise malformed_proxy_response(
                "Lambda execution failed with status 200 due to customer function error: "
                f"{responses.error_message(payload) or ''}. Lambda request id: {result['RequestId']}"
            )
        response = proxy_event.proxy_response(exchange, snapshot, payload)
        exchange.function_status = response.status
        return response

    async def invoke(
        self,
        exchange: Exchange,
        snapshot: Snapshot,
        uri: str,
        kind: str,
        payload: bytes,
        seconds: float,
        late: str = "INTEGRATION_TIMEOUT",
    ) -> dict[str, Any]:
        """Lambda's answer to Invoke, but wait no longer than `seconds`; the function runs on (3.8).

        `kind` is the invocation type that was mapped; "" if none was.
        """
        scope, request, request_id = await self._prepared(exchange, snapshot, uri, kind, payload)
        invoked = self._lambda.invoke(scope, request, request_id=request_id)
        try:
            if kind == "Event":  # waits for a commit, which no timeout is about: a task of its own would be for nothing
                result = await invoked
            else:
                result = await self._deadline.within(seconds, invoked, late)
        except AwsError as error:
            raise _refused(exchange, error, request_id) from None
        except Failure:
            whose = "authorizer" if late == "AUTHORIZER_FAILURE" else "integration"
            exchange.trace.add("timeout", whose=whose, seconds=seconds, function_request_id=request_id)
            raise
        if result.get("FunctionError") and b"Task timed out after" in (result.get("Payload") or b""):
            exchange.trace.add("timeout", whose="function", text=responses.error_message(result["Payload"]))
        headers = _result_headers(result, request_id, exchange)
        exchange.received(result.get("StatusCode", 200), headers, result.get("Payload") or b"", self._deadline.now())
        return {**result, "RequestId": request_id, "Headers": headers}

    async def stream(
        self, exchange: Exchange, snapshot: Snapshot, integration: dict[str, Any], seconds: float
    ) -> HttpResponse:
        """Type AWS_PROXY by InvokeWithResponseStream: the client's answer begins before the function ends."""
        event = proxy_event.proxy_event(exchange, snapshot)
        uri = integration["uri"]
        scope, request, request_id = await self._prepared(exchange, snapshot, uri, "", event)
        pieces = self._lambda.pieces()
        function = FunctionStream(self._clock, pieces, exchange, seconds, idle_seconds(snapshot))
        function.start(self._lambda.invoke(scope, request, request_id=request_id, on_chunk=pieces.add))
        try:
            metadata, first = await function.begin()
        except AwsError as error:
            raise _refused(exchange, error, request_id) from None
        headers = [("Content-Type", "application/octet-stream"), ("x-amzn-RequestId", request_id)]
        exchange.received(200, headers, None, self._deadline.now())
        answer = head_of(metadata)
        exchange.function_status = answer.status
        answer.stream = function.body(first)
        return answer

    async def _prepared(
        self, exchange: Exchange, snapshot: Snapshot, uri: str, kind: str, payload: bytes
    ) -> tuple[Scope, dict[str, Any], str]:
        """(the function's scope, the request of Invoke, its id)."""
        target = _target(endpoint.with_stage_variables(exchange, uri))
        request: dict[str, Any] = {"InvocationType": kind or "RequestResponse", "Payload": payload or b"{}", **target}
        scope = _scope_of(target["FunctionName"], snapshot.scope)
        request_id = await self._store.read(lambda tx: tx.new_id(), behind=True)
        url = f"https://lambda.{scope.region}.amazonaws.com/{uri.partition(':path/')[2]}"
        exchange.calls(url, _call_headers(exchange, kind), payload, self._deadline.now())
        return scope, request, request_id


def _refused(exchange: Exchange, error: AwsError, request_id: str) -> Failure:
    """The 500 of a function that Lambda does not run."""
    exchange.trace.add("function refused", status=error.status, code=error.code, function_request_id=request_id)
    exchange.integration_status = error.status
    exchange.endpoint_headers = [("x-amzn-RequestId", request_id)]
    reason = "Rate Exceeded." if error.status == 429 else error.message
    if error.code == "ResourceNotFoundException":
        reason = "Invalid permissions on Lambda function"
    return configuration_error(reason)


def _call_headers(exchange: Exchange, kind: str) -> list[tuple[str, str]]:
    return [
        ("x-amzn-lambda-integration-tag", exchange.request_id),
        ("Authorization", "*"),
        ("X-Amz-Date", endpoint.amz_date(exchange.now)),
        ("x-amzn-apigateway-api-id", exchange.where.api_id),
        ("Accept", "application/json"),
        ("User-Agent", f"AmazonAPIGateway_{exchange.where.api_id}"),
        *([("X-Amz-Invocation-Type", kind)] if kind else []),
    ]


@lru_cache(maxsize=1024)
def _target(uri: str) -> Mapping[str, str]:
    """FunctionName and Qualifier from the integration URI, stage variables filled in."""
    function = lambda_function_of(uri)
    if not function:
        raise configuration_error("Invalid endpoint address")
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


def _result_headers(result: dict[str, Any], request_id: str, exchange: Exchange) -> list[tuple[str, str]]:
    """Headers of Lambda's answer that an integration response can map, in AWS's order [R:test_apigateway_basic]."""
    headers = [
        ("Date", endpoint.http_date(exchange.now)),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(result.get("Payload") or b""))),
        ("Connection", "keep-alive"),
        ("x-amzn-RequestId", request_id),
        ("x-amzn-Remapped-Content-Length", "0"),
    ]
    if result.get("FunctionError"):
        headers.append(("X-Amz-Function-Error", str(result["FunctionError"])))
    if result.get("ExecutedVersion"):
        headers.append(("X-Amz-Executed-Version", str(result["ExecutedVersion"])))
    headers.append(("X-Amzn-Trace-Id", exchange.trace_id))
    return headers
