"""Functions that fail because a fault plan says so, around the runtime that really runs them.

Decides how each kind of fault looks to Lambda: as the result that AWS gives for what the fault pretends. Whether one
strikes is the plan's (faults.py). A function that is struck does not run, unless the fault comes after it has.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime

from emulator import faults
from emulator.aws.errors import AwsError
from emulator.faults import Faults
from emulator.ports import Clock, FunctionRuntime, FunctionSpec, Invocation, InvocationResult, Provision

from .runtime import outcomes
from .runtime.platform_log import PlatformLog

UNHANDLED = "Unhandled"
HERE = (faults.ERROR, faults.TIMEOUT, faults.THROTTLE, faults.CRASH, faults.SLOW)
INJECTED = "InjectedFault"
EXIT_STATUS_1 = 1 << 8


class FaultyRuntime(FunctionRuntime):
    """`inner`, but for the invocations that a plan strikes."""

    def __init__(self, inner: FunctionRuntime, clock: Clock, plans: Faults) -> None:
        self._inner, self._clock, self._plans = inner, clock, plans

    async def run(self, function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        if not self._plans.active:
            return await self._inner.run(function, invocation)
        fault = self._plans.strike(faults.FUNCTION, function.name, function.account, HERE)
        if fault is None:
            return await self._inner.run(function, invocation)
        if fault.fault == faults.THROTTLE:
            reason = {"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User"}
            raise AwsError("TooManyRequestsException", "Rate Exceeded.", 429, reason)
        ran: InvocationResult | None = None
        if fault.after or fault.fault == faults.SLOW:
            ran = await self._inner.run(function, invocation)
        if fault.fault == faults.SLOW:
            assert ran is not None
            return await self._late(function, invocation, ran, fault.delay)
        if fault.fault == faults.TIMEOUT:
            return await self._late(function, invocation, ran, function.timeout_seconds)
        if fault.fault == faults.CRASH:
            with self._clock.busy(f"invocation {invocation.request_id} of {function.name} (fault: it crashes)"):
                await self._inner.discard(function.arn, function.version)  # the caller has parked: time would go on
            payload = outcomes.exited(invocation.request_id, EXIT_STATUS_1)
            return self._failed(function, invocation, ran, payload, "Runtime.ExitError", "error")
        kind = fault.error or INJECTED
        said = {"errorMessage": fault.message or "injected by the fault plan", "errorType": kind}
        payload = json.dumps({**said, "requestId": invocation.request_id, "stackTrace": []}).encode()
        return self._failed(function, invocation, ran, payload, kind, "failure")

    async def _late(
        self, function: FunctionSpec, invocation: Invocation, ran: InvocationResult | None, seconds: float
    ) -> InvocationResult:
        """The answer comes so much later, or not before the function's timeout."""
        took = ran.took_seconds if ran is not None else 0.0
        left = max(0.0, function.timeout_seconds - took)
        who = f"invocation {invocation.request_id} of {function.name} (fault: it is late)"
        await self._clock.sleep_until(self._clock.now() + min(seconds, left), who)
        if seconds < left:
            assert ran is not None
            return replace(ran, took_seconds=took + seconds)
        payload = outcomes.timed_out(invocation.request_id, function.timeout_seconds)
        return self._failed(function, invocation, ran, payload, "Sandbox.Timedout", "timeout")

    def _failed(
        self,
        function: FunctionSpec,
        invocation: Invocation,
        ran: InvocationResult | None,
        payload: bytes,
        error_type: str,
        status: str,
    ) -> InvocationResult:
        """A function error; what the function has logged if it did run, and a remark that says why it failed."""
        now, log = self._clock.now(), PlatformLog(function)
        took = function.timeout_seconds if status == "timeout" else ran.took_seconds if ran is not None else 0.0
        remark = log.remark(now, f"fault plan: {outcomes.describe_error(payload)}")
        if ran is not None:
            lines, stream = [*ran.logs, *remark], ran.log_stream
        else:
            stream = f"{datetime.fromtimestamp(now, UTC):%Y/%m/%d}/[{function.version}]{uuid.uuid4().hex}"
            lines = [*log.start(now - took, invocation.request_id), *remark]
            lines += log.end(now, invocation.request_id, took, 0, None, status, error_type)
        return InvocationResult(payload, UNHANDLED, error_type, took_seconds=took, logs=tuple(lines), log_stream=stream)

    async def provision(self, owner: str, wanted: Sequence[Provision]) -> str | None:
        return await self._inner.provision(owner, wanted)

    def calling(self, session_token: str) -> AbstractAsyncContextManager[None]:
        return self._inner.calling(session_token)

    def caller(self, session_token: str) -> tuple[str, str] | None:
        return self._inner.caller(session_token)

    async def discard(self, function_arn: str, version: str | None = None) -> None:
        await self._inner.discard(function_arn, version)

    async def reset(self, account: str | None = None) -> None:
        await self._inner.reset(account)

    async def aclose(self) -> None:
        await self._inner.aclose()
