"""EventBridge on the wire: JSON, and the trace header of PutEvents; and how its parts are put together."""

from __future__ import annotations

from typing import Any

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.http import HttpRequest
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.events import api_destination, archive, connection
from emulator.services.events.endpoints import Endpoints
from emulator.services.events.operations import EventBridgeOperations
from emulator.services.events.operations.archives import REPLAY
from emulator.services.events.operations.rules import SCHEDULED
from emulator.services.events.routing import CALL, DELIVER, FORWARD, Router
from emulator.services.events.store import SCHEMA
from emulator.services.events.worker import EventBridgeWorker

AT_ONCE = 16


class EventBridgeService(Service):
    """Takes over `X-Amzn-Trace-Id`, by which a loop through rules is recognised."""

    def prepare(self, operation: str, request: HttpRequest, parameters: dict[str, Any]) -> None:
        """Called by the edge before an operation."""
        if operation == "PutEvents":
            parameters[TRACE_MEMBER] = request.header("x-amzn-trace-id")[:1024]


def mount(context: Context) -> Mounted:
    """The service `events`."""
    router = Router(context.calls, context.logs, context.metrics, context.settings, context.base_url)
    operations = EventBridgeOperations(router)
    endpoints = Endpoints(context.store, context.clock, context.calls, context.http, context.planes)
    worker = EventBridgeWorker(context.store, router, endpoints)
    return Mounted(
        services=[EventBridgeService("events", context.store, operations.table())],
        schema=SCHEMA + archive.SCHEMA + connection.SCHEMA + api_destination.SCHEMA,
        jobs={
            SCHEDULED: JobKind(worker.schedule, lambda: AT_ONCE, recurring=True),
            DELIVER: JobKind(worker.deliver, lambda: AT_ONCE),
            CALL: JobKind(worker.call, lambda: AT_ONCE),
            REPLAY: JobKind(worker.replay, lambda: 1),
            FORWARD: JobKind(worker.forward, lambda: AT_ONCE),
        },
        operations=operations,
    )
