"""SES on the wire: who sends is taken over from the request; and how both SES APIs are put together."""

from __future__ import annotations

from typing import Any

from emulator.aws.http import HttpRequest
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.services.ses import store, store_documents
from emulator.services.ses.operations import DELIVER, SesOperations
from emulator.services.ses.operations.configuration_sets import ConfigurationSetOperations
from emulator.services.ses.operations.dialect import CALLER_MEMBER
from emulator.services.ses.operations.feedback import Feedback
from emulator.services.ses.operations.identity_settings import IdentitySettingsOperations
from emulator.services.ses.operations.templates import TemplateOperations
from emulator.services.ses.publishing import Publisher
from emulator.services.ses.worker import DeliveryWorker
from emulator.services.sesv2.operations import SesV2Operations

DELIVERIES_AT_ONCE = 16
SCHEMA = store.SCHEMA + store_documents.SCHEMA


class SesService(Service):
    """Takes over who sends: the address a request comes from, and the trace of the function that makes it."""

    def prepare(self, operation: str, request: HttpRequest, parameters: dict[str, Any]) -> None:
        """Called by the edge before an operation."""
        if operation.startswith("Send"):
            trace = request.header("x-amzn-trace-id")[:1024]
            parameters[CALLER_MEMBER] = {"source_ip": request.source_ip, **({"trace_id": trace} if trace else {})}


def mount(context: Context) -> Mounted:
    """The services `ses` and `sesv2`: two APIs of the same identities, messages and delivery jobs."""
    operations = SesOperations(context.settings, Publisher(context.calls, context.metrics))
    templates = TemplateOperations(operations)
    worker = DeliveryWorker(context.store, context.mailer, Feedback(operations))
    newer = SesV2Operations(operations, templates)
    return Mounted(
        services=[
            SesService(
                "ses",
                context.store,
                {
                    **operations.table(),
                    **templates.table(),
                    **ConfigurationSetOperations(operations).table(),
                    **IdentitySettingsOperations(operations).table(),
                },
            ),
            SesService("sesv2", context.store, newer.table()),
        ],
        schema=SCHEMA,
        jobs={DELIVER: JobKind(worker.deliver, lambda: DELIVERIES_AT_ONCE)},
        operations=operations,
    )
