"""Invoke: run a function now, accept an event for later, or only say whether one could.

Decides in the order of reference lambda_invoke 1.12. An event is accepted by the commit of its job; what then
happens to it is `worker.py`'s.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable
from typing import Any

from emulator import jobs
from emulator.aws.errors import NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Invocation, InvocationResult, Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_.events import FUNCTION_ERROR, SUCCESS, Event, InvocationRecord
from emulator.services.lambda_.operations.state import LambdaState, Resolved
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import (
    constraint,
    invalid_content,
    invalid_parameter,
    service_failure,
    throttled,
)
from emulator.services.lambda_.rules.payload import LARGEST_RESPONSE_BYTES, check_json, check_size
from emulator.services.lambda_.trace import trace_header

EVENT_JOB = "lambda.event"
LARGEST_CLIENT_CONTEXT = 3_583
TRACE_MEMBER = "_trace_id"
"""A member of Invoke's result that no model has: the wire turns it into a header."""


class InvokeOperations(LambdaState):
    """Invoke, and what other services need of it."""

    async def invoke(
        self,
        scope: Scope,
        request: dict[str, Any],
        *,
        request_id: str | None = None,
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> dict[str, Any]:
        """Invoke a function: 200 with its result, 202 once the event is committed, 204 for a dry run.

        The function's failure is a result with `FunctionError`. Raises AWS's errors of 1.4. `on_chunk` gets the pieces
        of a response that the function streams; `Payload` is then empty. One that does not stream never calls it.
        """
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"))
        invocation_type = request.get("InvocationType") or "RequestResponse"
        if invocation_type not in ("RequestResponse", "Event", "DryRun"):
            rule = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
            raise constraint(invocation_type, "invocationType", rule)
        if request.get("LogType") not in (None, "None", "Tail"):
            raise constraint(request["LogType"], "logType", "Member must satisfy enum value set: [None, Tail]")
        if request.get("DurableExecutionName") is not None:
            raise NotEmulated("lambda", "Invoke with DurableExecutionName", "durable functions")
        payload = _bytes(request.get("Payload")) or b"{}"
        check_size(payload, invocation_type)
        function = await self.resolve(named)
        if request_id is None:
            request_id = await self.store.read(lambda tx: tx.new_id())
        trace_id = trace_header(request_id, self.clock.now(), function.spec.arn)
        if invocation_type == "DryRun":
            return {"StatusCode": 204, "Payload": b"", TRACE_MEMBER: trace_id}
        if request.get("TenantId") is not None:
            raise invalid_parameter(
                "The invoked function is not enabled with tenancy configuration. "
                "Remove the tenant ID from your request and try again."
            )
        check_json(payload)
        client_context = _client_context(request.get("ClientContext"))
        if invocation_type == "Event":
            accepted = request_id
            await self.store.transact(lambda tx: self.accept_event(tx, named, payload, accepted))
            return {"StatusCode": 202, "Payload": b"", TRACE_MEMBER: trace_id}
        wants_log = request.get("LogType") == "Tail"
        invocation = Invocation(
            request_id, payload, function.invoked_arn, client_context, trace_id, wants_log, on_chunk
        )
        result = await self._run_now(function, invocation)
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "Payload": result.payload,
            "ExecutedVersion": function.spec.version,
            TRACE_MEMBER: trace_id,
        }
        if result.function_error is not None:
            answer["FunctionError"] = result.function_error
        if wants_log:
            answer["LogResult"] = base64.b64encode(result.log_tail[-4096:]).decode()
        return answer

    def invoke_event(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Invoke with `InvocationType` Event for another service, in its commit. Raises what `invoke` raises."""
        assert request.get("InvocationType") == "Event", "only events can be accepted in another service's commit"
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"))
        payload = _bytes(request.get("Payload")) or b"{}"
        check_size(payload, "Event")
        self._resolve(tx, named)
        check_json(payload)
        self.accept_event(tx, named, payload, tx.new_id())
        return {"StatusCode": 202, "Payload": b""}

    def accept_event(
        self, tx: Transaction, named: names.FunctionName, payload: bytes, request_id: str, hops: int = 0
    ) -> str:
        """Put an event on the queue, in the caller's commit; return its request id."""
        event = Event(request_id, named.scope, named.name, named.qualifier, tx.now, hops=hops)
        jobs.enqueue(tx, EVENT_JOB, event.to_payload(), body=payload, owner=named.arn)
        return request_id

    def recent_invocations(
        self, tx: Transaction, scope: Scope | None = None, limit: int = 1000, request_id: str | None = None
    ) -> list[dict[str, Any]]:
        """The latest attempts, oldest first: recorded asynchronous ones, and synchronous ones of this process."""
        here = [
            record
            for record in self.recent_sync
            if (scope is None or record.scope == scope) and request_id in (None, record.request_id)
        ]
        found = [*tables.list_invocations(tx, scope, limit, request_id), *here]
        found.sort(key=lambda record: record.started_at)
        return [record.describe() for record in found[-limit:]]

    async def run(self, function: Resolved, invocation: Invocation) -> InvocationResult:
        """Run one attempt in a slot the caller holds. Raises OSError or AwsError if it could not be started."""
        with self.clock.parked():
            result = await self.runtime.run(function.spec, invocation)
        if len(result.payload) > LARGEST_RESPONSE_BYTES:
            return _response_too_large(result)
        return result

    async def _run_now(self, function: Resolved, invocation: Invocation) -> InvocationResult:
        reason = self.concurrency.acquire(function)
        if reason is not None:
            raise throttled(reason)
        started_at = self.clock.now()
        try:
            result = await self.run(function, invocation)
        except OSError as error:
            raise service_failure() from error
        finally:
            self.concurrency.release(function)
        self.recent_sync.append(
            InvocationRecord(
                invocation.request_id,
                1,
                function.spec.arn,
                "RequestResponse",
                started_at,
                self.clock.now(),
                SUCCESS if result.function_error is None else FUNCTION_ERROR,
                function.scope,
                result.error_type,
            )
        )
        return result


def _response_too_large(result: InvocationResult) -> InvocationResult:
    """AWS's answer instead of the function's: no request id, no trace [R:test_lambda_too_large_response]."""
    error = {
        "errorMessage": "Response payload size exceeded maximum allowed payload size "
        f"({LARGEST_RESPONSE_BYTES} bytes).",
        "errorType": "Function.ResponseSizeTooLarge",
    }
    return InvocationResult(
        payload=json.dumps(error, separators=(",", ":")).encode(),
        function_error="Unhandled",
        error_type=error["errorType"],
        log_tail=result.log_tail,
        took_seconds=result.took_seconds,
        init_seconds=result.init_seconds,
        logs=result.logs,
    )


def _bytes(payload: Any) -> bytes:
    """The payload as sent; boto3 lets callers inside give text or a stream."""
    if payload is None:
        return b""
    if isinstance(payload, str):
        return payload.encode()
    if isinstance(payload, (bytes, bytearray, memoryview)):
        return bytes(payload)
    return bytes(payload.read())


def _client_context(text: str | None) -> str | None:
    """`ClientContext` as JSON text; validated always, delivered to synchronous invocations only."""
    if not text:
        return None
    if len(text) > LARGEST_CLIENT_CONTEXT:
        raise invalid_content(f"Client context must not exceed {LARGEST_CLIENT_CONTEXT} bytes.")
    try:
        decoded = base64.b64decode(text, validate=True).decode()
        valid = isinstance(json.loads(decoded), dict)
    except (binascii.Error, ValueError, RecursionError):
        valid, decoded = False, ""
    if not valid:
        raise invalid_content("Client context must be a valid Base64-encoded JSON object.")
    return decoded
