"""Step Functions as a service: its operations, tables and job kinds. Its bytes hold nothing special."""

from __future__ import annotations

from emulator.aws.service import Context, JobKind, Mounted, Service

from .coverage import Coverage
from .express import ExpressRunner
from .integrations import Integrations
from .map_runs.driver import MapRunDriver
from .map_runs.reading import ItemReaders
from .map_runs.store import MAP_RUN
from .map_runs.store import SCHEMA as MAP_RUN_SCHEMA
from .map_runs.writing import ResultWriters
from .operations import Operations, operation_table
from .progress import CHILD_ENDED, EXPRESS, MAP_CHILD, SLOW, TASK, TIMER, Progress
from .state_tester import StateTester
from .status_events import Listens, StatusEvents
from .store import SCHEMA
from .task_calls import Connections, LambdaInvoke, TaskCalls
from .task_faults import TaskFaults
from .task_mocks import TaskMocks
from .telemetry import Telemetry
from .worker import StepFunctionsWorker

TIMERS_AT_A_TIME = 256
MAP_RUNS_AT_A_TIME = 32
"""Map runs that are moved at once; one that waits for its children is not."""
EXPRESS_AT_A_TIME = 1000
"""Asynchronous Express executions that run, or wait, at once (AWS: by account, more)."""


def mount(
    context: Context,
    lambda_operations: LambdaInvoke,
    connections: Connections,
    listens: Listens,
) -> Mounted:
    """Offer Step Functions; tasks call Lambda by `lambda_operations` and other services by `context.services`.

    `listens` says whether the default event bus gives events of services to anybody.
    """
    assert context.http is not None, "HTTP tasks need a sender"
    integrations = Integrations(context.services, context.calls, context.supporting)
    telemetry = Telemetry(context.calls, context.logs, context.metrics)
    mocks = TaskMocks(context.mock_file)
    coverage = Coverage(context.count_coverage)
    faults = TaskFaults(context.faults)
    calls = TaskCalls(
        integrations, lambda_operations, context.clock, context.store, context.calls, context.planes, context.http,
        connections,
    )  # fmt: skip
    status_events = StatusEvents(context.calls, listens)
    progress = Progress(telemetry, mocks, coverage, calls.start_problem, context.settings, faults, status_events)
    express = ExpressRunner(context.store, context.clock, calls, telemetry, mocks, coverage, faults, progress.turn)
    operations = Operations(
        context.store, context.clock, calls.problems, calls.is_emulated, progress, express, mocks, context.settings
    )
    worker = StepFunctionsWorker(context.store, progress, calls, express)
    map_runs = MapRunDriver(
        context.store, progress, ItemReaders(context.calls), ResultWriters(context.store, context.calls)
    )
    table = {**operation_table(operations), "TestState": StateTester(context.store, context.clock, calls).test_state}
    return Mounted(
        services=[Service("stepfunctions", context.store, table)],
        schema=SCHEMA + MAP_RUN_SCHEMA,
        jobs={
            TASK: JobKind(worker.task, lambda: context.settings.task_concurrency),
            TIMER: JobKind(worker.timer, lambda: TIMERS_AT_A_TIME),
            SLOW: JobKind(worker.timer, lambda: 1),
            EXPRESS: JobKind(worker.express, lambda: EXPRESS_AT_A_TIME),
            MAP_RUN: JobKind(map_runs.drive, lambda: MAP_RUNS_AT_A_TIME),
            MAP_CHILD: JobKind(worker.map_child, lambda: EXPRESS_AT_A_TIME),
            CHILD_ENDED: JobKind(worker.child_ended, lambda: TIMERS_AT_A_TIME),
        },
        operations=operations,
    )
