"""SNS on the wire: the query protocol, nothing special; and how its parts are put together."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.ses.operations import SesOperations
from emulator.services.sns.delivery import DELIVER, FAN_OUT, Deliveries
from emulator.services.sns.operations import SnsOperations
from emulator.services.sns.store import SCHEMA
from emulator.services.sns.worker import SnsWorker

DELIVERIES_AT_ONCE = 16


def mount(context: Context, ses: SesOperations) -> Mounted:
    """The service `sns`; mail to subscribers goes through `ses`."""
    deliveries = Deliveries(context.calls, ses, context.logs, context.metrics, context.base_url)
    operations = SnsOperations(deliveries)
    worker = SnsWorker(context.store, deliveries, context.http)
    return Mounted(
        services=[Service("sns", context.store, operations.table())],
        schema=SCHEMA,
        jobs={
            DELIVER: JobKind(worker.deliver, lambda: DELIVERIES_AT_ONCE),
            FAN_OUT: JobKind(worker.fan_out, lambda: 1),
        },
        operations=operations,
    )
