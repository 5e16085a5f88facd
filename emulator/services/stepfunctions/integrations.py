"""What a Task's Resource calls: which resources there are, their parameters and results, the names of their errors.

Decides reference 5.4 and 5.7 for operations of services: optimised integrations and `aws-sdk:*`, of native services and
of delegated ones; functions, API Gateway and HTTP endpoints are in lambda_tasks.py, gateway_tasks.py and http_tasks.py.
Does not decide when anything is called.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.protocol import load_service, service_names
from emulator.aws.scope import Scope
from emulator.aws.service import Services
from emulator.ports import SupportingServices, Transaction

from . import elsewhere, java_sdk, lambda_tasks, optimised
from .asl.data import Data, Json, dumps, loads
from .asl.messages import TaskFailed, TaskSucceeded
from .asl.tasks import CALLBACK, is_activity
from .elsewhere import Elsewhere
from .model import StoredExecution
from .optimised import Optimised
from .task_parameters import from_boto3, missing, pascal, to_boto3, unsupported

if TYPE_CHECKING:  # botocore is imported when the first such task is met: start-up does not pay for it
    from botocore.model import ServiceModel

_SDK = re.compile(r"arn:aws[a-z-]*:states:::aws-sdk:([a-z0-9]+):([a-zA-Z0-9]+)(\.[A-Za-z]+(?::\d+)?)?")
_SERVICE = re.compile(r"arn:aws[a-z-]*:states:::(?:aws-sdk:)?([a-z0-9]+):([a-zA-Z0-9]+)")
_CHILD = re.compile(r"arn:aws[a-z-]*:states:::states:startExecution\.sync(:2)?")
NOT_RECOGNIZED = (
    "is not recognized. The value is not a valid resource ARN, or the resource is not available in this region."
)
PARAMETERS = "Parameters"


@dataclass(frozen=True, slots=True)
class CalledTask:
    """A task whose resource is to be called."""

    token: str
    resource: str
    parameters: Data
    request_id: str
    execution: StoredExecution

    @property
    def scope(self) -> Scope:
        """Whose task it is."""
        return Scope(self.execution.account, self.execution.region)


@dataclass(frozen=True, slots=True)
class _Called:
    """The operation behind a resource."""

    service: str
    """botocore's name."""
    operation: str
    optimised: Optimised | None
    """None for `aws-sdk`."""


class Integrations:
    """Operations of services that a Task may name."""

    def __init__(self, services: Services, calls: Calls, supporting: SupportingServices) -> None:
        self._services = services
        self._calls = calls
        self._supporting = supporting
        self._models: dict[str, ServiceModel | None] = {}
        self._streaming: dict[tuple[str, str], bool] = {}

    # ── when a state machine is created ─────────────────────────────────────────────────────────

    def problems(self, resource: str, parameters: Json) -> list[tuple[str, str]]:
        """What is wrong with a Task: (where below the state, text)."""
        if lambda_tasks.is_function(resource) or is_activity(resource):
            return []
        if lambda_tasks.is_invoke(resource):
            return parameter_problems(parameters, lambda_tasks.PARAMETERS, lambda_tasks.REQUIRED)
        called = self._called(resource)
        if called is None:
            other = elsewhere.find(resource)
            if other is None:
                return [("Resource", f"The resource provided {resource} {NOT_RECOGNIZED}")]
            return parameter_problems(parameters, *self._members_elsewhere(other))
        members, required = self._members(called)
        # Required members are for SQS to miss, when the task runs [R:test_send_message_empty_body].
        return parameter_problems(parameters, members, () if called.service == "sqs" else required)

    def is_emulated(self, resource: str) -> bool:
        """False for a resource that AWS has and the emulator has not; what nobody knows is judged by `problems`."""
        called = self._called(resource)
        return elsewhere.find(resource) is None if called is None else self._answers(called)

    def _called(self, resource: str) -> _Called | None:
        """What a resource names; None if it is none of the emulator's and none of the SDK's."""
        found = optimised.find(resource)
        if found is not None:
            return _Called(found[0].service, found[0].operation, found[0])
        match = _SDK.fullmatch(resource)
        if match is None or match[3] not in (None, CALLBACK) or not match[2][0].islower():
            return None
        service = java_sdk.botocore_name(match[1], service_names())
        model = self._model(service) if service is not None else None
        if service is None or model is None or pascal(match[2]) not in _names(model):
            return None
        called = _Called(service, pascal(match[2]), None)
        return None if self._streams(called) else called  # no task takes a stream of events [D:supported-services]

    def _answers(self, called: _Called) -> bool:
        native = self._services.get(called.service)
        if native is not None:
            return called.operation in native.operations
        return self._supporting.supports(called.service)

    def _streams(self, called: _Called) -> bool:
        known = self._streaming.get((called.service, called.operation))
        if known is None:
            described = self._described(called)
            known = bool(described.has_event_stream_input or described.has_event_stream_output)
            self._streaming[called.service, called.operation] = known
        return known

    def _members(self, called: _Called) -> tuple[list[str], list[str]]:
        """(all, required) parameters of an operation as the states language writes them.

        Tokens that make a request idempotent are the SDK's to give, as on AWS.
        """
        shape: Any = self._described(called).input_shape
        if shape is None:
            return [], []
        given = {name for name, member in shape.members.items() if member.metadata.get("idempotencyToken")}
        required = [pascal(name) for name in shape.required_members if name not in given]
        return [pascal(name) for name in shape.members], required

    def _members_elsewhere(self, entry: Elsewhere) -> tuple[list[str], list[str]]:
        """The same of an integration whose service is not here."""
        members, required = (
            self._members(_Called(entry.service, entry.operation, None)) if entry.operation else ([], [])
        )
        known = [name for name in members if name not in entry.without]
        return [*known, *entry.members], [*required, *entry.required]

    def result_shape(self, resource: str) -> tuple[Any, tuple[str, ...]]:
        """(botocore's shape of what a task returns, members of it that hold any JSON); None if nothing is known."""
        child = _CHILD.fullmatch(resource)
        if child is not None:  # the answer of who looks whether the job is done, not of who began it
            dates = ("StartDate", "StopDate", "RedriveDate")  # numbers in results that AWS gave
            parsed = ("Input", "Output") if child[1] else ()
            described = self._described(_Called("stepfunctions", "DescribeExecution", None))
            return described.output_shape, (*dates, *parsed)
        match = _SERVICE.fullmatch(resource)
        if match is None:
            return None, ()
        service = {"states": "stepfunctions"}.get(match[1], java_sdk.botocore_name(match[1], service_names()))
        model, operation = self._model(service or match[1]), pascal(match[2])
        if model is None or operation not in _names(model):
            return None, ()
        anything = ("Payload",) if match[1] == "lambda" else ()
        shape: Any = model.operation_model(operation).output_shape
        return shape, anything

    # ── when a task is started ──────────────────────────────────────────────────────────────────

    def start_problems(self, resource: str, parameters: Data) -> list[str]:
        """Why a task cannot be started with these parameters."""
        called, value = self._called(resource), parameters.value
        here = called is not None
        if called is None:
            other = elsewhere.find(resource)
            if other is None or not other.operation:
                return []
            called = _Called(other.service, other.operation, None)
            if isinstance(value, dict):
                value = {name: item for name, item in value.items() if name not in other.members}
        problems: list[str] = []
        shape = self._described(called).input_shape
        to_boto3(shape, self._written_out(called, value), problems)
        if here and isinstance(value, dict) and shape is not None:
            lacking = [pascal(name) for name in shape.required_members if pascal(name) not in value]
            if lacking:
                required = self._members(called)[1]
                problems += [missing(name) for name in lacking if name in required]
        return problems

    def takes_time(self, resource: str, parameters: Data) -> bool:
        """Whether the operation makes its caller wait, so that no transaction can hold it."""
        called = self._called(resource)
        native = self._services.get(called.service) if called is not None else None
        if called is None or native is None:
            return True
        if (called.service, called.operation) == ("lambda", "Invoke"):
            return not lambda_tasks.is_event(parameters)
        return called.operation in native.prepared or native.transactional(called.operation) is None

    # ── the call ────────────────────────────────────────────────────────────────────────────────

    def inside(
        self, tx: Transaction, task: CalledTask, extra: dict[str, Any] | None = None
    ) -> TaskSucceeded | TaskFailed:
        """Run the operation inside `tx`; if it fails, nothing of it is kept. `extra` joins boto3's request."""
        called = self._called(task.resource)
        native = self._services.get(called.service) if called is not None else None
        method = native.transactional(called.operation) if called is not None and native is not None else None
        assert called is not None and method is not None, "what makes its caller wait is called outside of transactions"
        request = self._request(task, called)
        result: dict[str, Any] | AwsError | NotEmulated
        try:
            self._validate(called, request)
            with tx.nested():
                result = method(tx, task.scope, {**request, **(extra or {})})
        except (AwsError, NotEmulated) as refusal:
            result = refusal
        except (ValueError, ArithmeticError, RecursionError):
            # Ours, on somebody's odd parameters: the task fails, so that the execution does not hang for ever.
            text = f"The emulator's {called.operation} could not work on these parameters."
            return TaskFailed(task.token, "States.TaskFailed", text)
        return self._finished(task, called, request, result, tx.now)

    async def outside(self, task: CalledTask, now: Callable[[], float]) -> TaskSucceeded | TaskFailed:
        """The same for an operation that makes its caller wait, or that a delegated service answers."""
        called = self._called(task.resource)
        if called is None or not self._answers(called):
            return TaskFailed(task.token, "States.TaskFailed", not_emulated(task.resource))
        request, native = self._request(task, called), self._services.get(called.service)
        result: dict[str, Any] | AwsError | NotEmulated
        try:
            self._validate(called, request)
            if native is not None:
                result = await native.call(called.operation, task.scope, request, task.request_id)
            else:
                result = await self._calls.delegated(task.scope, called.service, called.operation, request)
        except (AwsError, NotEmulated) as refusal:
            result = refusal
        return self._finished(task, called, request, result, now())

    def _request(self, task: CalledTask, called: _Called) -> dict[str, Any]:
        value = self._written_out(called, task.parameters.value)
        request = to_boto3(self._described(called).input_shape, value, [])
        if called.optimised is not None and called.service == "events":
            request = optimised.own_resources(request, task.execution.machine_arn, task.execution.arn)
        return request

    def _written_out(self, called: _Called, value: Json) -> Json:
        if called.optimised is None or called.service != "dynamodb":
            return value
        return optimised.attribute_values(self._described(called).input_shape, value)

    @staticmethod
    def _validate(called: _Called, request: dict[str, Any]) -> None:
        """Raise what the service says of a request that its model does not allow."""
        if called.service == "sqs" and called.operation == "SendMessage" and "MessageBody" not in request:
            raise AwsError("MissingParameter", "The request must contain the parameter MessageBody.", 400)
        load_service(called.service).operation(called.operation).validate(request)

    def _finished(
        self,
        task: CalledTask,
        called: _Called,
        request: dict[str, Any],
        result: dict[str, Any] | AwsError | NotEmulated,
        now: float,
    ) -> TaskSucceeded | TaskFailed:
        """The signal for what an operation returned, or for its refusal."""
        token, entry = task.token, called.optimised
        if isinstance(result, NotEmulated):
            return TaskFailed(token, "States.TaskFailed", f"{result}. {result.detail}".strip())
        if isinstance(result, AwsError):
            shape = self._error_shape(called, result)
            if entry is None:
                return self._sdk_failure(task, called, shape, result)
            gone = optimised.unreachable(entry, request)
            return TaskFailed(token, *(gone or optimised.failure(entry, shape, result, task.request_id)))
        if called.service == "dynamodb" and request.get("ReturnConsumedCapacity", "NONE") == "NONE":
            result = {name: item for name, item in result.items() if name != "ConsumedCapacity"}
        value = from_boto3(self._described(called).output_shape, result)
        if entry is None:
            return TaskSucceeded(token, Data(value))
        if value.get("FailedEntryCount"):
            return TaskFailed(token, f"{entry.prefix}.FailedEntry", dumps(value))
        if "StartDate" in value:  # epoch seconds, unlike what aws-sdk shows [R:test_start_execution]
            value["StartDate"] = result["startDate"]
        return TaskSucceeded(token, Data(optimised.with_metadata(entry, value, result, task.request_id, now)))

    def _error_shape(self, called: _Called, error: AwsError) -> str | None:
        """The model's name of an error."""
        model: Any = self._model(called.service)
        codes = (error.code, error.code.rpartition(".")[2])  # `AWS.SimpleQueueService.NonExistentQueue`
        for shape in model.error_shapes:
            if shape.name in codes or shape.error_code in codes:
                return shape.name
        return None

    def _sdk_failure(self, task: CalledTask, called: _Called, shape: str | None, error: AwsError) -> TaskFailed:
        """The second SDK's naming: commas, and the service by the model's own id [R:error_handling/aws_sdk]."""
        model: Any = self._model(called.service)
        prefix = java_sdk.class_name(str(model.service_id))
        if called.service == "s3" and error.status == 404:
            shape = shape or java_sdk.NAMED_BY_THE_SDK.get(called.operation)
        name = f"{prefix}Exception" if shape is None else java_sdk.class_name(java_sdk.exception_name(shape))
        ids = f"Request ID: {task.request_id}"
        if called.service == "s3":
            ids += f", Extended Request ID: {task.request_id.replace('-', '')}"
        # Services that speak JSON have no 404, whatever the library that answers for them says [R:error_handling].
        status = 400 if model.metadata["protocol"] == "json" and error.status < 500 else error.status
        cause = f"{error.message} (Service: {prefix}, Status Code: {status}, {ids})"
        return TaskFailed(task.token, f"{prefix}.{name}", cause)

    def _described(self, called: _Called) -> Any:
        model: Any = self._model(called.service)
        return model.operation_model(called.operation)

    def _model(self, name: str) -> ServiceModel | None:
        if name not in self._models:
            from botocore.exceptions import BotoCoreError
            from botocore.loaders import Loader
            from botocore.model import ServiceModel

            try:
                self._models[name] = ServiceModel(Loader().load_service_model(name, "service-2"), name)
            except BotoCoreError:
                self._models[name] = None
        return self._models[name]


def not_emulated(resource: str) -> str:
    """What is said of a task that only a mock can answer."""
    named = resource.split(":", 5)[-1]
    return (
        f"{named} is not emulated: only a mock can answer it, of a test case (SFN_MOCK_CONFIG), of "
        "`emulator sfn run --mock` or of TestState."
    )


def parameter_problems(parameters: Json, allowed: Any, required: Any) -> list[tuple[str, str]]:
    """What can be said of a Task's parameters when its machine is created."""
    if parameters is None:
        return []
    if not isinstance(parameters, dict):
        return [(PARAMETERS, "Expected value of type Object")]
    given = [key.removesuffix(".$") for key in parameters]
    unknown = [unsupported(name) for name in given if name not in allowed]
    return [(PARAMETERS, text) for text in unknown + [missing(name) for name in required if name not in given]]


def child_result(token: str, resource: str, child: StoredExecution) -> TaskSucceeded | TaskFailed:
    """The signal for the end of an execution that a task waits for: DescribeExecution as the Java SDK shows it."""
    parsed = resource.endswith(":2")
    shown: dict[str, Json] = {
        "ExecutionArn": child.arn,
        "Input": loads(child.input) if parsed else child.input,
        "InputDetails": {"Included": True},
        "Name": child.name,
        "RedriveCount": 0,
        "RedriveStatus": "NOT_REDRIVABLE" if child.status == "SUCCEEDED" else "REDRIVABLE",
        "StartDate": round(child.started_at * 1000),
        "StateMachineArn": child.machine_arn,
        "Status": child.status,
        "StopDate": round((child.stopped_at or child.started_at) * 1000),
    }
    if child.status == "SUCCEEDED":
        output = child.output or "null"
        shown["Output"] = loads(output) if parsed else output
        shown["OutputDetails"] = {"Included": True}
        shown["RedriveStatusReason"] = "Execution is SUCCEEDED and cannot be redriven"
        return TaskSucceeded(token, Data(dict(sorted(shown.items()))))
    shown |= {key: text for key, text in (("Error", child.error), ("Cause", child.cause)) if text is not None}
    return TaskFailed(token, "States.TaskFailed", dumps(dict(sorted(shown.items()))))


def _names(model: Any) -> list[str]:
    return model.operation_names
