"""SES on the wire: the query protocol, nothing special; and how both SES APIs are put together."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.ses.operations import DELIVER, SesOperations
from emulator.services.ses.store import SCHEMA
from emulator.services.ses.worker import DeliveryWorker
from emulator.services.sesv2 import wire as sesv2

DELIVERIES_AT_ONCE = 16


def mount(context: Context) -> Mounted:
    """The services `ses` and `sesv2`: two APIs of the same identities, messages and delivery jobs."""
    operations = SesOperations(context.settings)
    worker = DeliveryWorker(context.store, context.mailer)
    return Mounted(
        services=[Service("ses", context.store, operations.table()), sesv2.service(context, operations)],
        schema=SCHEMA,
        jobs={DELIVER: JobKind(worker.deliver, lambda: DELIVERIES_AT_ONCE)},
        operations=operations,
    )
