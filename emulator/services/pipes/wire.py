"""How the parts of Pipes are put together; nothing is special about its bytes."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.events.endpoints import Endpoints
from emulator.services.lambda_.event_sources.streams.polling import StreamPolling
from emulator.services.lambda_.event_sources.streams.reading import StreamReader
from emulator.services.lambda_.event_sources.streams.settings import STREAM_SERVICES
from emulator.services.pipes.operations import CHANGE, PipeOperations
from emulator.services.pipes.polling import BATCH, POLL, Polling
from emulator.services.pipes.store import SCHEMA
from emulator.services.pipes.streams import BATCH as STREAM_BATCH
from emulator.services.pipes.streams import POLL as STREAM_POLL
from emulator.services.pipes.streams import find_reading, role_of
from emulator.services.pipes.worker import PipeWorker
from emulator.services.sqs.operations import SqsOperations

AT_ONCE = 16
READERS_AT_ONCE = 4


def mount(context: Context, queues: SqsOperations) -> Mounted:
    """The service `pipes`, which reads `queues`."""
    polling = Polling(queues)
    streams = StreamPolling(context.calls, find_reading, STREAM_POLL, STREAM_BATCH)
    reader = StreamReader(context.store, context.clock, streams, role_of, whole=True)
    for service in STREAM_SERVICES:
        context.supporting.surround(service, reader.around(service))
    operations = PipeOperations(polling, streams)
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
        streams,
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
            STREAM_POLL: JobKind(reader.poll, lambda: READERS_AT_ONCE),
            STREAM_BATCH: JobKind(worker.run_stream, lambda: AT_ONCE),
        },
        operations=operations,
        start=reader.start,
    )
