"""Lambda's operations and worker over a real in-memory store, a frozen clock and a scripted function."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

from emulator import jobs
from emulator.adapters.clock import LiveClock
from emulator.adapters.sqlite import SqliteStore
from emulator.adapters.supporting_services import MotoServices
from emulator.aws.apis import AwsApis
from emulator.aws.calls import Calls
from emulator.aws.scope import Scope
from emulator.aws.service import Context, Services
from emulator.aws.telemetry import Silent
from emulator.ports import FunctionRuntime, FunctionSpec, Invocation, InvocationResult
from emulator.services.lambda_ import wire
from emulator.services.lambda_.operations import LambdaOperations
from emulator.services.sqs import wire as sqs
from emulator.services.sqs.operations import SqsOperations
from emulator.settings import LiveSettings
from emulator.worker import Worker

SCOPE = Scope("000000000000", "us-east-1")
ROLE = "arn:aws:iam::000000000000:role/r"
START = 1_763_734_000.0

Script = Callable[[FunctionSpec, Invocation], InvocationResult]


def zipped(files: dict[str, str] | None = None) -> bytes:
    """A deployment package."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in (files or {"app.py": "def handler(event, context): return event"}).items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


def succeed(function: FunctionSpec, invocation: Invocation) -> InvocationResult:
    """Return the event."""
    return InvocationResult(invocation.payload)


def fail(function: FunctionSpec, invocation: Invocation) -> InvocationResult:
    """Raise."""
    error = {"errorMessage": "boom", "errorType": "ValueError"}
    return InvocationResult(json.dumps(error).encode(), "Unhandled", "ValueError")


class ScriptedRuntime(FunctionRuntime):
    """Answers as its script says and remembers when it was asked."""

    def __init__(self, clock: LiveClock) -> None:
        self._clock = clock
        self.script: Script = succeed
        self.calls: list[tuple[float, FunctionSpec, Invocation]] = []
        self.discarded: list[str] = []

    async def run(self, function: FunctionSpec, invocation: Invocation) -> InvocationResult:
        self.calls.append((self._clock.now(), function, invocation))
        return self.script(function, invocation)

    async def discard(self, function_arn: str, version: str | None = None) -> None:
        self.discarded.append(function_arn if version is None else f"{function_arn}:{version}")

    async def reset(self, account: str | None = None) -> None: ...

    async def aclose(self) -> None: ...


class Bench:
    """Lambda without an edge."""

    def __init__(self) -> None:
        self.clock = LiveClock(True, START)
        self.store = SqliteStore(self.clock, None, seed=1)
        self.settings = LiveSettings()
        self.runtime = ScriptedRuntime(self.clock)
        services = Services()
        self.calls = Calls(services, MotoServices())
        context = Context(
            self.store,
            self.clock,
            self.settings,
            services,
            self.runtime,
            self.calls,
            AwsApis(services, MotoServices(), self.clock, "us-east-1"),
            Silent(),
            Silent(),
            MotoServices(),
        )
        queues = sqs.mount(context)
        self.queues: SqsOperations = queues.operations
        mounted = wire.mount(context, queues.operations)
        self.store.add_schema(queues.schema)
        for service in [*queues.services, *mounted.services]:
            services.add(service)
        self.store.add_schema(mounted.schema)
        self.store.add_schema(jobs.SCHEMA)
        self.service = mounted.services[0]
        self.operations: LambdaOperations = mounted.operations
        self.worker = Worker(self.store, self.clock, self.clock, mounted.jobs)

    async def call(self, operation: str, **request: Any) -> dict[str, Any]:
        """One request at the edge."""
        request_id = await self.store.read(lambda tx: tx.new_id())
        with self.clock.busy("request"):
            return await self.service.call(operation, SCOPE, request, request_id)

    async def create(self, name: str = "f", **more: Any) -> dict[str, Any]:
        """A function that exists."""
        members = {"Runtime": "python3.12", "Handler": "app.handler", "Role": ROLE, "Code": {"ZipFile": zipped()}}
        return await self.call("CreateFunction", FunctionName=name, **{**members, **more})

    async def advance(self, seconds: float) -> None:
        """Move AWS time."""
        await self.worker.advance_to(self.clock.now() + seconds)

    def attempts_at(self) -> list[float]:
        """Seconds after the start at which the function ran."""
        return [round(at - START, 3) for at, _, _ in self.runtime.calls]

    async def timeline(self) -> list[dict[str, Any]]:
        """What was recorded."""
        return await self.store.read(lambda tx: self.operations.recent_invocations(tx, SCOPE))

    async def pending(self) -> int:
        """Events still queued."""
        return len(await self.store.read(lambda tx: jobs.pending(tx)))
