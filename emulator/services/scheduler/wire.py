"""How Scheduler's parts are put together; nothing is special about its bytes."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.scheduler.operations import ONCE, RECURRING, SchedulerOperations
from emulator.services.scheduler.store import SCHEMA
from emulator.services.scheduler.worker import ATTEMPT, SchedulerWorker

AT_ONCE = 16


def mount(context: Context) -> Mounted:
    """The service `scheduler`."""
    operations = SchedulerOperations()
    worker = SchedulerWorker(context.store, context.services, context.calls, context.metrics, context.base_url)
    return Mounted(
        services=[Service("scheduler", context.store, operations.table())],
        schema=SCHEMA,
        jobs={
            RECURRING: JobKind(worker.due, lambda: AT_ONCE, recurring=True),
            ONCE: JobKind(worker.due, lambda: AT_ONCE),
            ATTEMPT: JobKind(worker.attempt, lambda: AT_ONCE),
        },
        operations=operations,
    )
