"""How the parts of Pipes are put together; nothing is special about its bytes."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.events.endpoints import Endpoints
from emulator.services.pipes.operations import CHANGE, PipeOperations
from emulator.services.pipes.polling import BATCH, POLL, Polling
from emulator.services.pipes.store import SCHEMA
from emulator.services.pipes.worker import PipeWorker
from emulator.services.sqs.operations import SqsOperations

AT_ONCE = 16


def mount(context: Context, queues: SqsOperations) -> Mounted:
    """The service `pipes`, which reads `queues`."""
    polling = Polling(queues)
    operations = PipeOperations(polling)
    endpoints = Endpoints(context.store, context.clock, context.calls, context.http, context.planes)
    worker = PipeWorker(
        context.store,
        context.clock,
        context.services,
        context.calls,
        context.logs,
        context.metrics,
        endpoints,
        polling,
        operations,
        context.base_url,
    )
    return Mounted(
        services=[Service("pipes", context.store, operations.table())],
        schema=SCHEMA,
        jobs={
            CHANGE: JobKind(worker.change, lambda: AT_ONCE),
            POLL: JobKind(worker.poll, lambda: AT_ONCE),
            BATCH: JobKind(worker.run, lambda: AT_ONCE),
        },
        operations=operations,
    )
