"""Calling what a task names: a function, an API, an HTTP endpoint, or another service's operation.

Decides whether a call is made inside a transaction or takes time, and how the answer becomes the task's signal; does
not decide when a task is called nor what is committed with it.
"""

from __future__ import annotations

from typing import Any, Protocol
from urllib.parse import urlsplit

from emulator.aws.calls import EXECUTION_MEMBER, TRACE_MEMBER, Calls
from emulator.aws.data_planes import DataPlanes
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.http import BrokenStream, HttpRequest
from emulator.ports import Clock, EndpointTooSlow, EndpointUnreachable, HttpSender, Store, Transaction
from emulator.services.events.authorization import Extra, Request, extra_of, token_of, token_request

from . import gateway_tasks, http_tasks, lambda_tasks
from .asl.data import Data, Json
from .asl.messages import TaskFailed, TaskSubmitted, TaskSucceeded
from .asl.tasks import TaskKind, task_kind
from .integrations import PARAMETERS, CalledTask, Integrations, parameter_problems
from .model import StoredExecution
from .operations.executions import PARENT_MEMBER

Answer = TaskSucceeded | TaskFailed
TOKEN_SECONDS = 5.0
"""Host time that an authorization server has."""
LARGEST_TOKEN_ANSWER = 65_536


class LambdaInvoke(Protocol):
    """What is needed of Lambda's operations."""

    async def invoke(self, scope: Any, request: dict[str, Any], *, request_id: str | None = None) -> dict[str, Any]: ...


class Connection(Protocol):
    """What is needed of an EventBridge connection."""

    @property
    def authorization(self) -> str: ...
    @property
    def parameters(self) -> Any: ...


class Connections(Protocol):
    """What is needed of EventBridge's operations."""

    def credentials(self, tx: Transaction, arn: str) -> Connection | None: ...


class TaskCalls:
    """Calls tasks of executions of either type."""

    def __init__(
        self,
        integrations: Integrations,
        lambda_operations: LambdaInvoke,
        clock: Clock,
        data: Store,
        calls: Calls,
        planes: DataPlanes,
        http: HttpSender,
        connections: Connections,
    ) -> None:
        self.integrations = integrations
        self._lambda = lambda_operations
        self._clock = clock
        self._store = data
        self._calls = calls
        self._planes = planes
        self._http = http
        self._connections = connections

    # ── before the call ─────────────────────────────────────────────────────────────────────────

    def problems(self, resource: str, parameters: Json) -> list[tuple[str, str]]:
        """What is wrong with a Task of a definition: (where below the state, text)."""
        if gateway_tasks.is_gateway(resource):
            return parameter_problems(parameters, gateway_tasks.PARAMETERS, gateway_tasks.REQUIRED)
        if http_tasks.is_http(resource):
            named = parameter_problems(parameters, http_tasks.PARAMETERS, http_tasks.REQUIRED)
            return named + [(PARAMETERS, text) for text in http_tasks.problems(parameters)]
        return self.integrations.problems(resource, parameters)

    def is_emulated(self, resource: str) -> bool:
        """Whether what a Task names can be called, if AWS knows it; else its task fails unless it is mocked."""
        return self.integrations.is_emulated(resource)

    def start_problem(self, resource: str, parameters: Data) -> str | None:
        """Why a task cannot be started with these parameters, which is no error that a state can catch."""
        if task_kind(resource).family != "Task":
            return None
        if lambda_tasks.is_invoke(resource):
            found = lambda_tasks.start_problems(resource, parameters)
        elif gateway_tasks.is_gateway(resource):
            found = gateway_tasks.start_problems(parameters)
        elif http_tasks.is_http(resource):
            found = http_tasks.start_problems(parameters)
        else:
            found = self.integrations.start_problems(resource, parameters)
        if not found:
            return None
        return f"The Parameters '{parameters.text}' could not be used to start the Task: [{', '.join(found)}]"

    def takes_time(self, resource: str, parameters: Data) -> bool:
        """Whether a task waits for somebody; a transaction holds every other operation."""
        kind = task_kind(resource)
        if kind.family != "Task":
            return True
        if lambda_tasks.is_invoke(resource):
            return not lambda_tasks.is_event(parameters)
        if gateway_tasks.is_gateway(resource) or http_tasks.is_http(resource):
            return True
        return self.integrations.takes_time(resource, parameters)

    # ── the call ────────────────────────────────────────────────────────────────────────────────

    def inside(
        self, tx: Transaction, execution: StoredExecution, token: str, resource: str, parameters: Data, request_id: str
    ) -> Answer | TaskSubmitted:
        """Call an operation inside `tx`; if it refuses, nothing of it is kept."""
        kind = task_kind(resource)
        task = CalledTask(token, resource, parameters, request_id, execution)
        if lambda_tasks.is_invoke(resource):
            return _of_call(kind, self._hand_over(tx, task))
        waits_for_child = kind.goes_on_after_the_call and not kind.waits_for_callback
        extra: dict[str, Any] = {PARENT_MEMBER: (execution.id, token)} if waits_for_child else {}
        extra[EXECUTION_MEMBER] = execution.arn
        if execution.trace_header is not None:
            extra[TRACE_MEMBER] = execution.trace_header
        return _of_call(kind, self.integrations.inside(tx, task, extra))

    def _hand_over(self, tx: Transaction, task: CalledTask) -> Answer:
        """`InvocationType` Event: Lambda has the event with the commit in which the task goes on."""
        request = lambda_tasks.request(task.resource, task.parameters)
        request[TRACE_MEMBER] = task.execution.trace_header or ""
        try:
            answer = self._calls.call(tx, task.scope, "lambda", "Invoke", request)
        except AwsError as error:
            return lambda_tasks.failure(task.token, error, task.request_id)
        return lambda_tasks.result(task.token, task.resource, answer, task.request_id, tx.now)

    async def outside(
        self,
        execution: StoredExecution,
        token: str,
        resource: str,
        parameters: Data,
        request_id: str,
        exchanges: list[http_tasks.Exchange] | None = None,
    ) -> Answer | TaskSubmitted:
        """Call what makes its caller wait; requests of HTTP tasks are added to `exchanges`."""
        task = CalledTask(token, resource, parameters, request_id, execution)
        try:
            if lambda_tasks.is_function(resource) or lambda_tasks.is_invoke(resource):
                answer = await self._invoke(task)
            elif gateway_tasks.is_gateway(resource):
                answer = await self._ask_api(task)
            elif http_tasks.is_http(resource):
                answer = await self._ask_endpoint(task, exchanges)
            else:
                answer = await self.integrations.outside(task, self._clock.now)
        except NotEmulated as error:
            answer = TaskFailed(token, "States.TaskFailed", f"{error}. {error.detail}".strip())
        return _of_call(task_kind(resource), answer)

    async def _invoke(self, task: CalledTask) -> Answer:
        request = lambda_tasks.request(task.resource, task.parameters)
        request[TRACE_MEMBER] = task.execution.trace_header or ""
        try:
            answer = await self._lambda.invoke(task.scope, request, request_id=task.request_id)
        except AwsError as error:
            return lambda_tasks.failure(task.token, error, task.request_id)
        return lambda_tasks.result(task.token, task.resource, answer, task.request_id, self._clock.now())

    async def _ask_api(self, task: CalledTask) -> Answer:
        response = await self._planes.answer(gateway_tasks.request(task.parameters, task.scope))
        assert response is not None, "a data plane answers for every address of an API"
        return gateway_tasks.signal(task.token, response, self._clock.now())

    async def _ask_endpoint(self, task: CalledTask, exchanges: list[http_tasks.Exchange] | None) -> Answer:
        arn = http_tasks.connection_arn(task.parameters)
        assert arn is not None, "the connection was checked when the task started"
        connection = await self._store.read(lambda tx: self._connections.credentials(tx, arn))
        if connection is None:
            cause = f"Connection {arn} does not exist or is not authorized."
            return TaskFailed(task.token, "States.TaskFailed", cause)
        authorized: str | None = None
        try:
            if connection.authorization == "OAUTH_CLIENT_CREDENTIALS":
                oauth = connection.parameters["OAuthParameters"]
                asked = await self._send(token_request(oauth), TOKEN_SECONDS, LARGEST_TOKEN_ANSWER)
                authorized = token_of(asked[2]) if asked[0] < 300 else None
                if authorized is None:
                    cause = f"The authorization server answered {asked[0]} without an access token."
                    return TaskFailed(task.token, "States.TaskFailed", cause)
            extra = extra_of(connection.authorization, connection.parameters, authorized)
            request = http_tasks.request(task.parameters, extra, task.execution.region)
            plain = http_tasks.request(task.parameters, Extra(), task.execution.region)
            exchange = http_tasks.Exchange(request, plain)
            if exchanges is not None:
                exchanges.append(exchange)
            exchange.answer = await self._send(request, http_tasks.TIMEOUT_SECONDS, http_tasks.LARGEST_ANSWER)
        except EndpointTooSlow:
            return http_tasks.unreachable(task.token, "The HTTP request timed out after 60 seconds.")
        except (EndpointUnreachable, BrokenStream) as error:
            return http_tasks.unreachable(task.token, str(error))
        except OverflowError:
            return http_tasks.too_large(task.token)
        return http_tasks.signal(task.token, *exchange.answer)

    async def _send(self, request: Request, seconds: float, largest: int) -> tuple[int, list[tuple[str, str]], bytes]:
        """Send a request, by a socket unless it is to something that is deployed here."""
        parts = urlsplit(request.url)
        inner = HttpRequest(
            request.method, parts.path, parts.query, [("Host", parts.netloc), *request.headers], request.body
        )
        response = await self._planes.answer(inner)
        if response is None:
            return await self._http.exchange(
                request.method, request.url, request.headers, request.body, seconds, largest
            )
        if len(response.body) > largest:
            raise OverflowError
        return response.status, response.headers, response.body


def _of_call(kind: TaskKind, signal: Answer) -> Answer | TaskSubmitted:
    """What the answer of a call means to its task: the result, or only that the call was made."""
    if kind.goes_on_after_the_call and isinstance(signal, TaskSucceeded):
        return TaskSubmitted(signal.token, signal.output)
    return signal
