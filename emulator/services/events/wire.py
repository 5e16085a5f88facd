"""EventBridge on the wire: JSON, nothing special; and how its parts are put together."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.events.operations import EventBridgeOperations
from emulator.services.events.operations.rules import SCHEDULED
from emulator.services.events.routing import DELIVER, FORWARD, Router
from emulator.services.events.store import SCHEMA
from emulator.services.events.worker import EventBridgeWorker

AT_ONCE = 16


def mount(context: Context) -> Mounted:
    """The service `events`."""
    router = Router(context.calls, context.logs, context.metrics, context.base_url)
    operations = EventBridgeOperations(router)
    worker = EventBridgeWorker(context.store, router)
    return Mounted(
        services=[Service("events", context.store, operations.table())],
        schema=SCHEMA,
        jobs={
            SCHEDULED: JobKind(worker.schedule, lambda: AT_ONCE, recurring=True),
            DELIVER: JobKind(worker.deliver, lambda: AT_ONCE),
            FORWARD: JobKind(worker.forward, lambda: AT_ONCE),
        },
        operations=operations,
    )
