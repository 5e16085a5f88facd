"""What happens later: calls of tasks and timers, each as load · call · commit."""

from __future__ import annotations

from typing import Any, Protocol

from emulator import jobs
from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Store, Transaction

from . import progress, store
from .asl.data import Data
from .asl.messages import TaskFailed, TaskSubmitted, TaskSucceeded
from .asl.tasks import TaskKind, task_kind
from .integrations import CalledTask, Integrations
from .operations.executions import PARENT_MEMBER


class LambdaInvoke(Protocol):
    """What is needed of Lambda's operations."""

    async def invoke(
        self, scope: Scope, request: dict[str, Any], *, request_id: str | None = None
    ) -> dict[str, Any]: ...


class StepFunctionsWorker:
    """Runs the jobs `sfn.task` and `sfn.timer`."""

    def __init__(self, data: Store, integrations: Integrations, lambda_operations: LambdaInvoke) -> None:
        self._store = data
        self._integrations = integrations
        self._lambda = lambda_operations

    async def timer(self, job: Job) -> None:
        """A Wait, a retry's back-off, a timeout or the rest of a long run is due."""

        def commit(tx: Transaction) -> None:
            if jobs.complete(tx, job.id):
                signal = progress.timer_signal(job.payload["token"])
                progress.signal_execution(tx, job.payload["execution"], signal)

        await self._store.transact(commit)

    async def task(self, job: Job) -> None:
        """Call a task's resource and signal the result."""
        kind = task_kind(job.payload["resource"])
        if kind.family == "Task" and kind.resource_type != "lambda":
            await self._store.transact(lambda tx: self._run_inside(tx, job, kind))
            return
        token, resource = job.payload["token"], job.payload["resource"]

        request_id = job.payload["request_id"]

        def load(tx: Transaction) -> tuple[Scope, str] | None:
            execution = store.load_execution(tx, job.payload["execution"])
            if execution is None or execution.status != "RUNNING" or jobs.load(tx, job.id) is None:
                return None
            return Scope(execution.account, execution.region), execution.trace_header or ""

        loaded = await self._store.read(load)
        if loaded is None:
            await self._store.transact(lambda tx: jobs.complete(tx, job.id))
            return
        scope, trace_id = loaded
        request = self._integrations.lambda_request(resource, Data(text=job.body.decode()))
        answer: dict[str, Any] | TaskFailed
        if isinstance(request, TaskFailed):
            answer = request
        else:
            try:
                traced = {**request, TRACE_MEMBER: trace_id}
                answer = await self._lambda.invoke(scope, traced, request_id=request_id)
            except AwsError as error:
                answer = self._integrations.lambda_error(token, error, request_id)
            except NotEmulated as error:
                answer = TaskFailed(token, "States.TaskFailed", f"{error}. {error.detail}".strip())

        def commit(tx: Transaction) -> None:
            if not jobs.complete(tx, job.id):
                return
            signal: TaskSucceeded | TaskFailed
            if isinstance(answer, TaskFailed):
                signal = TaskFailed(token, answer.error, answer.cause)
            else:
                signal = self._integrations.lambda_result(token, resource, answer, request_id, tx.now)
            progress.signal_execution(tx, job.payload["execution"], _of_call(kind, signal))

        await self._store.transact(commit)

    def _run_inside(self, tx: Transaction, job: Job, kind: TaskKind) -> None:
        """The call, its result and everything that follows are one commit."""
        if not jobs.complete(tx, job.id):
            return
        execution = store.load_execution(tx, job.payload["execution"])
        if execution is None or execution.status != "RUNNING":
            return
        task = CalledTask(
            job.payload["token"],
            job.payload["resource"],
            Data(text=job.body.decode()),
            job.payload["request_id"],
            execution.machine_arn,
            execution.arn,
        )
        waits_for_child = kind.goes_on_after_the_call and not kind.waits_for_callback
        extra: dict[str, Any] = {PARENT_MEMBER: (execution.id, task.token)} if waits_for_child else {}
        if execution.trace_header is not None:
            extra[TRACE_MEMBER] = execution.trace_header
        signal = self._integrations.call(tx, Scope(execution.account, execution.region), task, extra)
        progress.signal_execution(tx, execution.id, _of_call(kind, signal))

    async def child_ended(self, job: Job) -> None:
        """An execution that a task waits for has ended: that is the task's result."""

        def commit(tx: Transaction) -> None:
            if not jobs.complete(tx, job.id):
                return
            child, parent = (store.load_execution(tx, job.payload[name]) for name in ("child", "execution"))
            if child is None or parent is None or parent.status != "RUNNING":
                return
            resource = progress.awaited_resource(tx, parent, job.payload["token"])
            if resource is not None:
                signal = self._integrations.child_result(job.payload["token"], resource, child)
                progress.signal_execution(tx, parent.id, signal)

        await self._store.transact(commit)


def _of_call(kind: TaskKind, signal: TaskSucceeded | TaskFailed) -> TaskSucceeded | TaskFailed | TaskSubmitted:
    """What the answer of a call means to its task: the result, or only that the call was made."""
    if kind.goes_on_after_the_call and isinstance(signal, TaskSucceeded):
        return TaskSubmitted(signal.token, signal.output)
    return signal
