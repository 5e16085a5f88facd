"""Step Functions as a service: its operations, tables and job kinds. Its bytes hold nothing special."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service

from .integrations import Integrations
from .operations import Operations, operation_table
from .progress import CHILD_ENDED, TASK, TIMER
from .store import SCHEMA
from .worker import LambdaInvoke, StepFunctionsWorker

TIMERS_AT_A_TIME = 256


def mount(context: Context, lambda_operations: LambdaInvoke) -> Mounted:
    """Offer Step Functions; tasks call Lambda by `lambda_operations` and other services by `context.services`."""
    integrations = Integrations(context.services)
    operations = Operations(context.store, context.clock, integrations.problems)
    worker = StepFunctionsWorker(context.store, integrations, lambda_operations)
    return Mounted(
        services=[Service("stepfunctions", context.store, operation_table(operations))],
        schema=SCHEMA,
        jobs={
            TASK: JobKind(worker.task, lambda: context.settings.task_concurrency),
            TIMER: JobKind(worker.timer, lambda: TIMERS_AT_A_TIME),
            CHILD_ENDED: JobKind(worker.child_ended, lambda: TIMERS_AT_A_TIME),
        },
        operations=operations,
    )
