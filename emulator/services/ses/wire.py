"""SES on the wire: who sends is taken over from the request; and how both SES APIs are put together."""

from __future__ import annotations

from typing import Any

from emulator.aws.http import HttpRequest
from emulator.aws.service import Context, JobKind, Mounted, Service
from emulator.ports import FunctionRuntime
from emulator.services.ses import store, store_documents
from emulator.services.ses.operations import DELIVER, SesOperations
from emulator.services.ses.operations.bounces import BounceOperations
from emulator.services.ses.operations.configuration_sets import ConfigurationSetOperations
from emulator.services.ses.operations.contacts import ContactOperations
from emulator.services.ses.operations.dialect import CALLER_MEMBER, V1, V2
from emulator.services.ses.operations.engagement import Engagement
from emulator.services.ses.operations.feedback import Feedback
from emulator.services.ses.operations.identity_settings import IdentitySettingsOperations
from emulator.services.ses.operations.incoming import RECEIVE, Incoming
from emulator.services.ses.operations.receipt_rules import ReceiptRuleOperations
from emulator.services.ses.operations.resources import ResourceOperations
from emulator.services.ses.operations.templates import TemplateOperations
from emulator.services.ses.operations.verification import VerificationOperations
from emulator.services.ses.publishing import Publisher
from emulator.services.ses.receipt_worker import ReceiptWorker
from emulator.services.ses.worker import DeliveryWorker
from emulator.services.sesv2.operations import SesV2Operations

DELIVERIES_AT_ONCE = 16
SCHEMA = store.SCHEMA + store_documents.SCHEMA


class SesService(Service):
    """Takes over who sends: the address a request comes from, and the trace of the function that makes it."""

    runtime: FunctionRuntime | None = None

    def prepare(self, operation: str, request: HttpRequest, parameters: dict[str, Any]) -> None:
        """Called by the edge before an operation."""
        if operation.startswith("Send"):
            caller = {"source_ip": request.source_ip}
            trace = request.header("x-amzn-trace-id")[:1024]
            if trace:
                caller["trace_id"] = trace
            token = request.header("x-amz-security-token")
            function = self.runtime.caller(token) if token and self.runtime is not None else None
            if function is not None:
                caller["function_arn"], caller["invocation"] = function
            parameters[CALLER_MEMBER] = caller


def mount(context: Context) -> Mounted:
    """The services `ses` and `sesv2`: two APIs of the same identities, messages and delivery jobs."""
    operations = SesOperations(context.settings, Publisher(context.calls, context.metrics))
    templates = TemplateOperations(operations)
    verification = VerificationOperations(operations, context.base_url)
    operations.verification = verification
    operations.base_url = context.base_url
    operations.engagement = Engagement(operations)
    operations.faults = context.faults
    rules = ReceiptRuleOperations(operations)
    operations.incoming = Incoming(operations, rules)
    receipts = ReceiptWorker(context.store, operations, context.calls, context.services)
    worker = DeliveryWorker(context.store, context.mailer, Feedback(operations))
    resources = ResourceOperations(operations)
    newer = SesV2Operations(operations, templates)
    services = [
        SesService(
            "ses",
            context.store,
            {
                **operations.table(),
                **templates.table(),
                **ConfigurationSetOperations(operations).table(),
                **IdentitySettingsOperations(operations).table(),
                **rules.table(),
                **BounceOperations(operations).table(),
                **verification.table(V1),
            },
        ),
        SesService(
            "sesv2",
            context.store,
            {**newer.table(), **verification.table(V2), **ContactOperations().table(), **resources.table()},
        ),
    ]
    for service in services:
        service.runtime = context.runtime
    return Mounted(
        services=[*services],
        schema=SCHEMA,
        jobs={
            DELIVER: JobKind(worker.deliver, lambda: DELIVERIES_AT_ONCE),
            RECEIVE: JobKind(receipts.act, lambda: DELIVERIES_AT_ONCE),
        },
        operations=operations,
    )
