"""SNS on the wire: the query protocol, and the trace header of Publish; and how its parts are put together."""

from __future__ import annotations

from typing import Any

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.http import HttpRequest
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.ses.operations import SesOperations
from emulator.services.sns.delivery import DELIVER, FAN_OUT, Deliveries
from emulator.services.sns.operations import SnsOperations
from emulator.services.sns.operations.subscriptions import UNSIGNED_MEMBER
from emulator.services.sns.signing import CertificatePlane
from emulator.services.sns.store import SCHEMA
from emulator.services.sns.store_documents import SCHEMA as DOCUMENTS
from emulator.services.sns.worker import SnsWorker

DELIVERIES_AT_ONCE = 16


class SnsService(Service):
    """Takes over `X-Amzn-Trace-Id`, by which Lambda recognises that a function publishes to itself; and who signs."""

    def prepare(self, operation: str, request: HttpRequest, parameters: dict[str, Any]) -> None:
        """Called by the edge before an operation."""
        if operation in ("Publish", "PublishBatch"):
            parameters[TRACE_MEMBER] = request.header("x-amzn-trace-id")[:1024]
        elif operation in ("Unsubscribe", "ConfirmSubscription"):
            signed = request.header("authorization") or "X-Amz-Signature=" in request.query
            parameters[UNSIGNED_MEMBER] = not signed


def mount(context: Context, ses: SesOperations) -> Mounted:
    """The service `sns`; mail to subscribers goes through `ses`."""
    deliveries = Deliveries(context.calls, ses, context.logs, context.metrics, context.base_url)
    operations = SnsOperations(deliveries)
    worker = SnsWorker(context.store, deliveries, context.http)
    return Mounted(
        services=[SnsService("sns", context.store, operations.table())],
        schema=SCHEMA + DOCUMENTS,
        jobs={
            DELIVER: JobKind(worker.deliver, lambda: DELIVERIES_AT_ONCE),
            FAN_OUT: JobKind(worker.fan_out, lambda: 1),
        },
        operations=operations,
        data_planes=[CertificatePlane()],
    )
