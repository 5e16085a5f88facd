"""Calling what a task names: a function, which takes time, or another service's operation, inside a transaction.

Decides how the answer becomes the task's signal; does not decide when a task is called nor what is committed with it.
"""

from __future__ import annotations

from typing import Any, Protocol

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Clock, Transaction

from .asl.data import Data
from .asl.messages import TaskFailed, TaskSubmitted, TaskSucceeded
from .asl.tasks import TaskKind, task_kind
from .integrations import AWAITED, CalledTask, Integrations
from .model import StoredExecution
from .operations.executions import PARENT_MEMBER

SDK = f"aws-sdk:{AWAITED[0]}"
WAITS = (SDK, AWAITED[1])


class LambdaInvoke(Protocol):
    """What is needed of Lambda's operations."""

    async def invoke(
        self, scope: Scope, request: dict[str, Any], *, request_id: str | None = None
    ) -> dict[str, Any]: ...


class TaskCalls:
    """Calls tasks of executions of either type."""

    def __init__(self, integrations: Integrations, lambda_operations: LambdaInvoke, clock: Clock) -> None:
        self.integrations = integrations
        self._lambda = lambda_operations
        self._clock = clock

    async def invoke(
        self, scope: Scope, resource: str, parameters: Data, request_id: str, trace_id: str
    ) -> dict[str, Any] | TaskSucceeded | TaskFailed:
        """What Lambda answers to a task; or the signal, with an empty token, if the call failed or was to another."""
        if task_kind(resource).resource_type == SDK:
            task = CalledTask("", resource, parameters, request_id, "", "")
            return await self.integrations.call_and_wait(scope, task, self._clock.now)
        request = self.integrations.lambda_request(resource, parameters)
        if isinstance(request, TaskFailed):
            return request
        try:
            return await self._lambda.invoke(scope, {**request, TRACE_MEMBER: trace_id}, request_id=request_id)
        except AwsError as error:
            return self.integrations.lambda_error("", error, request_id)
        except NotEmulated as error:
            return TaskFailed("", "States.TaskFailed", f"{error}. {error.detail}".strip())

    def invoked(
        self,
        token: str,
        resource: str,
        answer: dict[str, Any] | TaskSucceeded | TaskFailed,
        request_id: str,
        now: float,
    ) -> TaskSucceeded | TaskFailed | TaskSubmitted:
        """The signal for what `invoke` returned."""
        if isinstance(answer, TaskFailed):
            return TaskFailed(token, answer.error, answer.cause)
        if isinstance(answer, TaskSucceeded):
            return TaskSucceeded(token, answer.output)
        signal = self.integrations.lambda_result(token, resource, answer, request_id, now)
        return _of_call(task_kind(resource), signal)

    def inside(
        self, tx: Transaction, execution: StoredExecution, token: str, resource: str, parameters: Data, request_id: str
    ) -> TaskSucceeded | TaskFailed | TaskSubmitted:
        """Call an operation inside `tx`; if it refuses, nothing of it is kept."""
        kind = task_kind(resource)
        task = CalledTask(token, resource, parameters, request_id, execution.machine_arn, execution.arn)
        waits_for_child = kind.goes_on_after_the_call and not kind.waits_for_callback
        extra: dict[str, Any] = {PARENT_MEMBER: (execution.id, token)} if waits_for_child else {}
        if execution.trace_header is not None:
            extra[TRACE_MEMBER] = execution.trace_header
        signal = self.integrations.call(tx, Scope(execution.account, execution.region), task, extra)
        return _of_call(kind, signal)


def takes_time(resource: str) -> bool:
    """Whether a task waits for a function or an Express execution; a transaction can hold every other operation."""
    kind = task_kind(resource)
    return kind.family != "Task" or kind.resource_type == "lambda" or (kind.resource_type, kind.resource) == WAITS


def _of_call(kind: TaskKind, signal: TaskSucceeded | TaskFailed) -> TaskSucceeded | TaskFailed | TaskSubmitted:
    """What the answer of a call means to its task: the result, or only that the call was made."""
    if kind.goes_on_after_the_call and isinstance(signal, TaskSucceeded):
        return TaskSubmitted(signal.token, signal.output)
    return signal
