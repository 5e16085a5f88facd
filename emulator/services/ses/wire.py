"""SES on the wire: the query protocol, nothing special; and how the service is put together."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.ses.operations import DELIVER, SesOperations
from emulator.services.ses.store import SCHEMA
from emulator.services.ses.worker import DeliveryWorker

DELIVERIES_AT_ONCE = 16


def mount(context: Context) -> Mounted:
    """The service `ses`; its operations are what `sesv2` is built on."""
    operations = SesOperations(context.settings)
    worker = DeliveryWorker(context.store, context.mailer)
    return Mounted(
        services=[Service("ses", context.store, operations.table())],
        schema=SCHEMA,
        jobs={DELIVER: JobKind(worker.deliver, lambda: DELIVERIES_AT_ONCE)},
        operations=operations,
    )
