"""Invoke: run a function now, accept an event for later, or only say whether one could.

Decides in the order of reference lambda_invoke 1.12. An event is accepted by the commit of its job; what then
happens to it is `worker.py`'s.
"""

from __future__ import annotations

import base64
import binascii
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from emulator import jobs
from emulator.aws.calls import ENDED_MEMBER, TRACE_MEMBER
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import (
    LARGEST_RESPONSE_BYTES,
    RESPONSE_TOO_LARGE,
    RESPONSE_TOO_LARGE_TYPE,
    Invocation,
    InvocationResult,
    Transaction,
)
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import trace
from emulator.services.lambda_.events import (
    FUNCTION_ERROR,
    RECURSIVE_INVOCATION,
    SUCCESS,
    Event,
    InvocationRecord,
    before_attempt,
)
from emulator.services.lambda_.model import PENDING
from emulator.services.lambda_.operations.state import LambdaState, Resolved
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import (
    constraint,
    invalid_content,
    invalid_parameter,
    not_active,
    recursive_invocation,
    service_failure,
    snap_start_not_ready,
)
from emulator.services.lambda_.rules.payload import check_json, check_size

EVENT_JOB = "lambda.event"
LARGEST_CLIENT_CONTEXT = 3_583


log = logging.getLogger("emulator.lambda")


@dataclass(frozen=True, slots=True)
class Asked:
    """An invocation that may begin: everything Invoke checks before it runs or accepts anything."""

    named: names.FunctionName
    function: Resolved
    payload: bytes
    request_id: str
    trace_id: str
    client_context: str | None
    wants_log: bool


@dataclass(frozen=True, slots=True)
class Ran:
    """An attempt that ran, whatever the function made of it."""

    function: Resolved
    result: InvocationResult
    started_at: float
    ended_at: float
    running: int
    """Invocations of the function at that time, this one included."""
    provisioned: int = 0
    """Those in provisioned places, this one included; 0 if this one had none."""


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
        invocation_type = request.get("InvocationType") or "RequestResponse"
        if invocation_type not in ("RequestResponse", "Event", "DryRun"):
            rule = "Member must satisfy enum value set: [Event, RequestResponse, DryRun]"
            names.parse(request["FunctionName"], scope, request.get("Qualifier"))
            raise constraint(invocation_type, "invocationType", rule)
        asked = await self.ask(scope, request, invocation_type, request_id)
        if invocation_type == "DryRun":
            return {"StatusCode": 204, "Payload": b"", TRACE_MEMBER: asked.trace_id}
        if invocation_type == "Event":
            await self.store.transact(lambda tx: self._accept(tx, asked))
            return {"StatusCode": 202, "Payload": b"", TRACE_MEMBER: asked.trace_id}
        result = await self.run_now(asked, on_chunk)
        answer: dict[str, Any] = {
            "StatusCode": 200,
            "Payload": result.payload,
            "ExecutedVersion": asked.function.spec.version,
            TRACE_MEMBER: asked.trace_id,
        }
        if result.function_error is not None:
            answer["FunctionError"] = result.function_error
        if asked.wants_log:
            answer["LogResult"] = log_result(result)
        return answer

    async def invoke_async(
        self, scope: Scope, request: dict[str, Any], *, request_id: str | None = None
    ) -> dict[str, Any]:
        """The deprecated form of Invoke with type Event: 256 KB, 202 in `Status`."""
        event = {"FunctionName": request["FunctionName"], "Payload": request.get("InvokeArgs")}
        event[TRACE_MEMBER] = ""  # AWS does not pass a trace on here
        payload = payload_bytes(event["Payload"])
        check_size(payload, "InvokeAsync")
        event["Payload"] = payload
        asked = await self.ask(scope, event, "Event", request_id)
        await self.store.transact(lambda tx: self._accept(tx, asked))
        return {"Status": 202}

    def invoke_event(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Invoke with `InvocationType` Event for another service, in its commit. Raises what `invoke` raises."""
        assert request.get("InvocationType") == "Event", "only events can be accepted in another service's commit"
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"))
        payload = payload_bytes(request.get("Payload")) or b"{}"
        check_size(payload, "Event")
        self._resolve(tx, named)
        check_json(payload)
        request_id = tx.new_id()
        trace_id = trace.following(request.get(TRACE_MEMBER) or "", request_id, tx.now, named.arn)
        self.accept_event(tx, named, payload, request_id, trace_id, request.get(ENDED_MEMBER))
        return {"StatusCode": 202, "Payload": b""}

    async def ask(self, scope: Scope, request: dict[str, Any], invocation_type: str, request_id: str | None) -> Asked:
        """Check an invocation before it runs or is accepted, in the order of 1.12."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"))
        if request.get("LogType") not in (None, "None", "Tail"):
            raise constraint(request["LogType"], "logType", "Member must satisfy enum value set: [None, Tail]")
        if request.get("DurableExecutionName") is not None:
            raise NotEmulated("lambda", "Invoke with DurableExecutionName", "durable functions")
        payload = payload_bytes(request.get("Payload")) or b"{}"
        check_size(payload, invocation_type)
        function = await self.resolve(named)
        if request_id is None:
            request_id = await self.store.read(lambda tx: tx.new_id(), behind=True)
        received: str = request.get(TRACE_MEMBER) or ""
        trace_id = trace.following(received, request_id, self.clock.now(), function.spec.arn)
        asked = Asked(named, function, payload, request_id, trace_id, None, request.get("LogType") == "Tail")
        if invocation_type == "DryRun":
            return asked
        _check_tenancy(request.get("TenantId"))
        check_json(payload)
        client_context = _client_context(request.get("ClientContext"))
        if function.pending:
            snap_start = function.spec.initialization_type == "snap-start"
            raise snap_start_not_ready() if snap_start else not_active(PENDING)
        return asked if client_context is None else replace(asked, client_context=client_context)

    def accept_event(
        self,
        tx: Transaction,
        named: names.FunctionName,
        payload: bytes,
        request_id: str,
        trace_id: str = "",
        tells: tuple[str, dict[str, Any]] | None = None,
    ) -> str:
        """Put an event on the queue, in the caller's commit; return its request id."""
        event = Event(request_id, named.scope, named.name, named.qualifier, tx.now, trace_id, tells=tells)
        jobs.append(tx, EVENT_JOB, event.to_payload(), payload, named.arn)
        self.telemetry.count(tx, named.scope, named.name, named.qualifier, "AsyncEventsReceived")
        return request_id

    def _accept(self, tx: Transaction, asked: Asked) -> None:
        self.accept_event(tx, asked.named, asked.payload, asked.request_id, asked.trace_id)

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

    async def run(self, function: Resolved, invocation: Invocation) -> Ran:
        """Run one attempt, if there is a place for it.

        Raises 429 if there is none and 500 if the attempt could not be started: both Lambda's fault, not the
        function's. Nothing is recorded: that is `record_run`'s, in the transaction of what follows from the attempt.
        """
        with self.concurrency.acquire(function) as place:
            started_at = self.clock.now()
            try:
                with self.clock.parked():
                    result = await self.runtime.run(place.spec, invocation)
            except OSError as error:
                raise service_failure() from error
            except AwsError:
                raise
            except Exception as error:  # ours: the event must be tried again and grow old all the same
                log.exception("an attempt of %s could not be run", place.spec.arn)
                raise service_failure() from error
        if len(result.payload) > LARGEST_RESPONSE_BYTES:
            result = _response_too_large(result)
        return Ran(function, result, started_at, self.clock.now(), place.running, place.provisioned)

    def record_run(self, tx: Transaction, ran: Ran, age_seconds: float | None = None) -> None:
        """Write an attempt's log events and metrics; `age_seconds` is its event's, if it was an asynchronous one."""
        function, spec = ran.function, ran.function.spec
        self.telemetry.ran(
            tx,
            function.scope,
            spec.name,
            function.qualifier,
            spec.version,
            spec.log_group,
            ran.result,
            ran.running,
            age_seconds,
            (ran.provisioned, function.provisioned),
        )

    async def run_now(self, asked: Asked, on_chunk: Callable[[bytes], None] | None = None) -> InvocationResult:
        """Run a synchronous invocation. Raises what `run` raises, and 400 for a loop (2.7).

        Its logs and metrics are on their way to the store when this returns; the answer does not wait for them.
        """
        function = asked.function
        if before_attempt(function, asked.trace_id) == RECURSIVE_INVOCATION:
            self._post_count(asked, "RecursiveInvocationsDropped")
            raise recursive_invocation()
        invocation = Invocation(
            asked.request_id,
            asked.payload,
            function.invoked_arn,
            asked.client_context,
            asked.trace_id,
            asked.wants_log,
            on_chunk,
            self.on_logs(function),
        )
        try:
            ran = await self.run(function, invocation)
        except AwsError as error:
            if error.status == 429:
                self._post_count(asked, "Throttles")
            raise
        self.store.post(lambda tx: self.record_run(tx, ran))
        self.recent_sync.append(
            InvocationRecord(
                asked.request_id,
                1,
                function.spec.arn,
                "RequestResponse",
                ran.started_at,
                ran.ended_at,
                SUCCESS if ran.result.function_error is None else FUNCTION_ERROR,
                function.scope,
                ran.result.error_type,
            )
        )
        return ran.result

    def _post_count(self, asked: Asked, metric: str) -> None:
        named = asked.named
        self.store.post(lambda tx: self.telemetry.count(tx, named.scope, named.name, named.qualifier, metric))


def log_result(result: InvocationResult) -> str:
    """`LogResult`: the last 4 KB of the log in base64."""
    return base64.b64encode(result.log_tail[-4096:]).decode()


def _check_tenancy(tenant: str | None) -> None:
    """No function has tenants here: CreateFunction refuses `TenancyConfig` by name."""
    if tenant is not None:  # the text is unverified
        raise invalid_parameter(
            "The invoked function is not enabled with tenancy configuration. "
            "Remove the tenant ID from your request and try again."
        )


def _response_too_large(result: InvocationResult) -> InvocationResult:
    """AWS's answer instead of the function's, of a runtime that has not seen to it itself."""
    return replace(result, payload=RESPONSE_TOO_LARGE, function_error="Unhandled", error_type=RESPONSE_TOO_LARGE_TYPE)


def payload_bytes(payload: Any) -> bytes:
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
