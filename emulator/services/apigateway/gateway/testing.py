"""TestInvokeMethod and TestInvokeAuthorizer: one request against the API as it is being edited (3.13, 3.19).

Nothing need be deployed and nobody is asked for authorization or keys; the answer carries the execution log.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from emulator.aws.http import BrokenStream, HttpRequest
from emulator.aws.request_traces import RequestTrace
from emulator.aws.scope import Scope
from emulator.ports import Clock, Store, Transaction
from emulator.services.apigateway import store
from emulator.services.apigateway.gateway import execution_log
from emulator.services.apigateway.gateway.address import Address
from emulator.services.apigateway.gateway.authorization import Authorizers, identity
from emulator.services.apigateway.gateway.exchange import Exchange
from emulator.services.apigateway.gateway.failures import Failure
from emulator.services.apigateway.gateway.routing import Route, Snapshot
from emulator.services.apigateway.model import Api, not_found

if TYPE_CHECKING:
    from emulator.aws.http import HttpResponse

STAGE = "test-invoke-stage"
LARGEST_TESTED_STREAM = 1024 * 1024
Run = Callable[[Exchange, Snapshot], Awaitable["HttpResponse"]]


class TestInvocations:
    """Runs single requests for the control plane."""

    __test__ = False

    def __init__(self, rows: Store, clock: Clock, authorizers: Authorizers, run: Run) -> None:
        self._store = rows
        self._clock = clock
        self._authorizers = authorizers
        self._run = run

    async def method(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """What a method answers. Raises AWS's errors for what is not there."""
        api, ids = await self._store.read(lambda tx: _load(tx, scope, request["restApiId"]))
        resource = api.resources.get(request["resourceId"]) if api else None
        if api is None or resource is None:
            raise not_found("Invalid Resource identifier specified")
        methods = resource.get("resourceMethods") or {}
        method = methods.get(request["httpMethod"]) or methods.get("ANY")
        if method is None:
            raise not_found("Invalid Method identifier specified")
        snapshot = Snapshot(api)
        path = request.get("pathWithQueryString") or _as_written(resource["path"])
        location = path.partition("?")[0] or "/"
        found = snapshot.route(request["httpMethod"], location)
        same = found is not None and found.resource_id == resource["id"]
        validator = api.validators.get(method.get("requestValidatorId") or "")
        route = Route(method, resource["id"], resource["path"], found.parameters if found and same else {}, validator)
        exchange = self._exchange(api, route, path, request["httpMethod"], request, ids)
        started = self._clock.now()
        answer = await self._run(exchange, snapshot)
        if answer.stream is not None:
            answer.body = await _buffered(answer.stream)
        exchange.trace.end(answer)
        headers = [(name, value) for name, value in answer.headers if name.lower() != "content-length"]
        if any(name == "x-amzn-ErrorType" for name, _ in headers):
            headers = [(name, value) for name, value in headers if name != "Content-Type"]
        multi: dict[str, list[str]] = {}
        for name, value in headers:
            multi.setdefault(name, []).append(value)
        return {
            "status": answer.status,
            "body": answer.body.decode("utf-8", "replace"),
            "headers": dict(headers),
            "multiValueHeaders": multi,
            "log": _log(exchange, execution_log.lines(exchange, location)),
            "latency": round((self._clock.now() - started) * 1000),
        }

    async def authorizer(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """What an authorizer says of a request."""
        api, ids = await self._store.read(lambda tx: _load(tx, scope, request["restApiId"]))
        authorizer = api.authorizers.get(request["authorizerId"]) if api else None
        if api is None or authorizer is None:
            raise not_found("Invalid Authorizer identifier specified")
        snapshot = Snapshot(api)
        path = request.get("pathWithQueryString") or "/"
        route = Route({"authorizationType": "CUSTOM"}, "", path.partition("?")[0], {}, None)
        exchange = self._exchange(api, route, path, "GET", request, ids)
        exchange.context.update(request.get("additionalContext") or {})
        begun = f"Starting authorizer: {authorizer['id']} for request: {exchange.request_id}"
        started = self._clock.now()
        answer: dict[str, Any] = {"clientStatus": 200}
        try:
            if authorizer["type"] == "COGNITO_USER_POOLS":
                answer["claims"] = await self._authorizers.claims(exchange, authorizer)
            else:
                values = identity(exchange, authorizer)
                grant = await self._authorizers.ask(exchange, snapshot, authorizer, values, 0)
                answer["principalId"] = grant.principal_id
                answer["policy"] = json.dumps(grant.policy, separators=(",", ":"))
            ended = "Successfully completed authorizer execution"
        except Failure as failure:
            answer["clientStatus"] = 401 if failure.kind == "UNAUTHORIZED" else 500
            ended = str(failure)
        answer["log"] = _log(exchange, [begun, *execution_log.of_steps(exchange.trace), ended])
        answer["latency"] = round((self._clock.now() - started) * 1000)
        return answer

    def _exchange(
        self, api: Api, route: Route, path: str, method: str, request: dict[str, Any], ids: tuple[str, str, str]
    ) -> Exchange:
        location, _, query = path.partition("?")
        headers = [(name, str(value)) for name, value in (request.get("headers") or {}).items()]
        for name, values in (request.get("multiValueHeaders") or {}).items():
            headers += [(name, str(value)) for value in values]
        body = (request.get("body") or "").encode()
        asked = HttpRequest(method, location, query, headers, body, source_ip="test-invoke-source-ip")
        where = Address(api.id, STAGE, location or "/")
        variables = {**(request.get("stageVariables") or {})}
        trace = RequestTrace(self._clock.now, "REST", asked, ids[0])
        return Exchange(asked, where, route, ids, trace.started_at, variables, "", api.account, trace)


async def _buffered(stream: AsyncGenerator[bytes]) -> bytes:
    """What a test shows of a stream: its first megabyte [D: response-streaming-troubleshoot]."""
    received = b""
    with contextlib.suppress(BrokenStream):
        async for piece in stream:
            received += piece
            if len(received) > LARGEST_TESTED_STREAM:
                break
    await stream.aclose()
    return received


def _load(tx: Transaction, scope: Scope, api_id: str) -> tuple[Api | None, tuple[str, str, str]]:
    return store.load_api(tx, scope, api_id), (tx.new_id(), tx.new_id(), tx.new_id())


def _log(exchange: Exchange, lines: list[str]) -> str:
    return execution_log.text(f"Execution log for request {exchange.request_id}", lines, exchange.now)


def _as_written(path: str) -> str:
    """Without a path the resource's own is taken, braces and all [R:test_invoke_test_method]."""
    return quote(path, safe="/{}+:@")
