"""What a Task's Resource calls: which resources there are, their parameters and results, the names of their errors.

Decides reference 5.4 and 5.7 for Lambda and `aws-sdk:*`; does not decide when anything is called.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.aws.service import Service, Services
from emulator.ports import Transaction

from . import optimised
from .asl import timestamps
from .asl.data import Data, Json, dumps, loads
from .asl.messages import TaskFailed, TaskSucceeded
from .asl.tasks import is_activity
from .model import StoredExecution
from .optimised import Optimised

if TYPE_CHECKING:  # botocore is imported when the first `aws-sdk` task is met: start-up does not pay for it
    from botocore.model import ServiceModel

_FUNCTION = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,140}(:[A-Za-z0-9$_-]{1,128})?"
)
_SDK = re.compile(r"arn:aws[a-z-]*:states:::aws-sdk:([a-z0-9]+):([a-zA-Z0-9]+)(\.[A-Za-z:0-9]+)?")
_LAMBDA_INVOKE = re.compile(r"arn:aws[a-z-]*:states:::lambda:invoke(\.waitForTaskToken)?")
_SERVICE = re.compile(r"arn:aws[a-z-]*:states:::(?:aws-sdk:)?([a-z0-9]+):([a-zA-Z0-9]+)")
_STATES = re.compile(r"arn:aws[a-z-]*:states:[^:]*:[^:]*:.+")
AWAITED = ("sfn", "startSyncExecution")
"""The one `aws-sdk` operation that makes a task wait for its answer."""
LAMBDA_PARAMETERS = ("FunctionName", "Payload", "InvocationType", "Qualifier", "ClientContext", "LogType")

BOTOCORE_NAMES = {
    "sfn": "stepfunctions", "cloudwatchlogs": "logs", "eventbridge": "events", "cognitoidentityprovider": "cognito-idp",
}  # fmt: skip
"""Where the Java SDK's service name, used in resource ARNs, is not boto3's."""

PREFIXES = {
    "sesv2": "SesV2", "sfn": "Sfn", "dynamodb": "DynamoDb", "secretsmanager": "SecretsManager",
    "apigateway": "ApiGateway", "apigatewayv2": "ApiGatewayV2", "cloudwatchlogs": "CloudWatchLogs",
    "eventbridge": "EventBridge", "cloudwatch": "CloudWatch",
}  # fmt: skip
"""How the Java SDK v2 writes a service in class names; others are capitalised [R:error_handling/aws_sdk]."""


@dataclass(frozen=True, slots=True)
class SdkCall:
    """An `aws-sdk:<service>:<operation>` resource."""

    service: str
    operation: str

    @property
    def botocore_name(self) -> str:
        return BOTOCORE_NAMES.get(self.service, self.service)

    @property
    def prefix(self) -> str:
        """`SesV2` in `SesV2.MessageRejectedException`."""
        return PREFIXES.get(self.service, self.service.capitalize())

    @property
    def boto3_operation(self) -> str:
        """`SendEmail` of `sendEmail`."""
        return self.operation[:1].upper() + self.operation[1:]


@dataclass(frozen=True, slots=True)
class CalledTask:
    """A task whose resource is to be called."""

    token: str
    resource: str
    parameters: Data
    request_id: str
    machine_arn: str
    execution_arn: str


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A call that can be made."""

    optimised: Optimised | None
    sdk: SdkCall | None
    service: Service | None
    model: ServiceModel
    operation: Any
    request: dict[str, Any]
    refusal: AwsError | None
    """What the service says without being asked: a required parameter is missing."""


class Integrations:
    """The resources that a Task may name, over the services that are emulated."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._models: dict[str, ServiceModel] = {}

    # ── when a state machine is created ─────────────────────────────────────────────────────────

    def problems(self, resource: str, parameters: Json) -> list[tuple[str, str]]:
        """What is wrong with a Task: (where below the state, text)."""
        if _FUNCTION.fullmatch(resource) or is_activity(resource):
            return []
        if _LAMBDA_INVOKE.fullmatch(resource):
            return self._parameter_problems(parameters, LAMBDA_PARAMETERS, ("FunctionName",))
        found = optimised.find(resource)
        if found is not None:
            members, required = self._members(found[0].service, found[0].operation)
            # Required members are the service's to miss, when the task runs [R:test_send_message_empty_body].
            return self._parameter_problems(parameters, members, required if found[0].service != "sqs" else [])
        sdk = _SDK.fullmatch(resource)
        if sdk is None or sdk[3]:
            known = _STATES.fullmatch(resource) is not None
            reason = "is not emulated yet." if known else (
                "is not recognized. The value is not a valid resource ARN, or the resource is not available in this "
                "region."
            )  # fmt: skip
            return [("Resource", f"The resource provided {resource} {reason}")]
        call = SdkCall(sdk[1], sdk[2])
        service = self._services.get(call.botocore_name)
        model = self._model(call.botocore_name)
        if model is None or call.boto3_operation not in _names(model) or not call.operation[0].islower():
            return [
                (
                    "Resource",
                    f"The resource provided {resource} is not recognized. The value is not a valid resource ARN, or "
                    "the resource is not available in this region.",
                )
            ]
        can_wait = (call.service, call.operation) == AWAITED
        if service is None or (service.transactional(call.boto3_operation) is None and not can_wait):
            return [("Resource", f"The resource provided {resource} is not emulated yet.")]
        return self._parameter_problems(parameters, *self._members(call.botocore_name, call.boto3_operation))

    def _members(self, service: str, operation: str) -> tuple[list[str], list[str]]:
        """(all, required) parameters of an operation as the states language writes them."""
        model = self._model(service)
        shape: Any = model.operation_model(operation).input_shape if model is not None else None
        if shape is None:
            return [], []
        return [_pascal(name) for name in shape.members], [_pascal(name) for name in shape.required_members]

    @staticmethod
    def _parameter_problems(parameters: Json, allowed: Any, required: Any) -> list[tuple[str, str]]:
        if parameters is None:
            return []
        if not isinstance(parameters, dict):
            return [("Parameters", "Expected value of type Object")]
        given = [key.removesuffix(".$") for key in parameters]
        unknown = [f"The field '{name}' is not supported by Step Functions" for name in given if name not in allowed]
        missing = [f"The field '{name}' is required but was missing" for name in required if name not in given]
        return [("Parameters", text) for text in unknown + missing]

    def result_shape(self, resource: str) -> tuple[Any, tuple[str, ...]]:
        """(botocore's shape of what a task returns, members of it that hold any JSON); None if nothing is known."""
        match = _SERVICE.fullmatch(resource)
        if match is None:
            return None, ()
        service = {"states": "stepfunctions"}.get(match[1], BOTOCORE_NAMES.get(match[1], match[1]))
        model, operation = self._model(service), _pascal(match[2])
        if model is None or operation not in _names(model):
            return None, ()
        anything = ("Payload",) if match[1] == "lambda" else ()
        shape: Any = model.operation_model(operation).output_shape
        return shape, anything

    # ── Lambda ──────────────────────────────────────────────────────────────────────────────────

    @staticmethod
    def lambda_request(resource: str, parameters: Data) -> dict[str, Any] | TaskFailed:
        """The Invoke request of a Lambda task, or why there is none (token left empty)."""
        if _FUNCTION.fullmatch(resource):
            return {"FunctionName": resource, "InvocationType": "RequestResponse", "Payload": parameters.text.encode()}
        values = parameters.value
        problems: list[str] = []
        if not isinstance(values, dict):
            problems.append("The parameters must be an object")
            values = {}
        unknown = [name for name in values if name not in LAMBDA_PARAMETERS]
        problems += [f"The field '{name}' is not supported by Step Functions" for name in unknown]
        if not isinstance(values.get("FunctionName"), str):
            missing = "FunctionName" not in values
            problems.append(
                "The field 'FunctionName' is required but was missing"
                if missing
                else "The value of the field 'FunctionName' has an invalid format"
            )
        for name in ("InvocationType", "Qualifier", "ClientContext", "LogType"):
            if not isinstance(values.get(name, ""), str):
                problems.append(f"The value of the field '{name}' has an invalid format")
        if problems:
            return bad_parameters(parameters, problems)
        request = {name: values[name] for name in LAMBDA_PARAMETERS if name in values}
        request.setdefault("InvocationType", "RequestResponse")
        request["Payload"] = dumps(values["Payload"]).encode() if "Payload" in values else b"{}"
        return request

    @staticmethod
    def lambda_result(
        token: str, resource: str, answer: dict[str, Any], request_id: str, now: float
    ) -> TaskSucceeded | TaskFailed:
        """The signal for what Invoke returned."""
        raw: bytes = answer.get("Payload") or b""
        text = raw.decode("utf-8", "replace")
        direct = _FUNCTION.fullmatch(resource) is not None
        try:
            value = loads(text) if text else None
        except ValueError:
            value, text = text, dumps(text)
        if answer.get("FunctionError"):
            error = value.get("errorType") if isinstance(value, dict) else None
            cause = text if direct else dumps(value)
            return TaskFailed(token, error if isinstance(error, str) and error else "Lambda.Unknown", cause)
        if direct:
            return TaskSucceeded(token, Data(value, text or "null"))
        version = answer.get("ExecutedVersion") or "$LATEST"
        headers = {
            "X-Amz-Executed-Version": version,
            "x-amzn-Remapped-Content-Length": "0",
            "Connection": "keep-alive",
            "x-amzn-RequestId": request_id,
            "Content-Length": str(len(raw)),
            "Date": f"{datetime.fromtimestamp(now, UTC):%a, %d %b %Y %H:%M:%S} GMT",
            "X-Amzn-Trace-Id": f"root=1-{int(now):08x}-{request_id.replace('-', '')[:24]};sampled=0",
            "Content-Type": "application/json",
        }
        result: dict[str, Any] = {
            "ExecutedVersion": version,
            "Payload": value,
            "SdkHttpMetadata": {
                "AllHttpHeaders": {name: [header] for name, header in headers.items()},
                "HttpHeaders": headers,
                "HttpStatusCode": answer.get("StatusCode", 200),
            },
            "SdkResponseMetadata": {"RequestId": request_id},
            "StatusCode": answer.get("StatusCode", 200),
        }
        if answer.get("StatusCode") == 202:
            del result["Payload"]
        return TaskSucceeded(token, Data(result))

    @staticmethod
    def lambda_error(token: str, error: AwsError, request_id: str) -> TaskFailed:
        """The signal for an Invoke that AWS refused: SDK v1 naming, semicolons [R:error_handling]."""
        known = ("ResourceNotFoundException", "TooManyRequestsException", "ServiceException")
        modelled = error.code in known or (error.code.endswith("Exception") and error.code != "AccessDeniedException")
        name = error.code if modelled else "AWSLambdaException"
        cause = (
            f"{error.message} (Service: AWSLambda; Status Code: {error.status}; Error Code: {error.code}; "
            f"Request ID: {request_id}; Proxy: null)"
        )
        return TaskFailed(token, f"Lambda.{name}", cause)

    # ── executions that a task waits for ────────────────────────────────────────────────────────

    @staticmethod
    def child_result(token: str, resource: str, child: StoredExecution) -> TaskSucceeded | TaskFailed:
        """The signal for the end of a nested execution: DescribeExecution as the Java SDK shows it."""
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

    # ── aws-sdk ─────────────────────────────────────────────────────────────────────────────────

    def call(
        self, tx: Transaction, scope: Scope, task: CalledTask, extra: dict[str, Any] | None = None
    ) -> TaskSucceeded | TaskFailed:
        """Run the operation inside `tx`; if it fails, nothing of it is kept. `extra` joins boto3's request."""
        prepared = self._prepare(task)
        if isinstance(prepared, TaskFailed):
            return prepared
        service, name = prepared.service, prepared.operation.name
        method = service.transactional(name) if service is not None else None
        if method is None:
            return TaskFailed(task.token, "States.TaskFailed", f"The resource {task.resource} is not emulated.")
        result: dict[str, Any] | AwsError | NotEmulated
        try:
            if prepared.refusal is not None:
                raise prepared.refusal
            with tx.nested():
                result = method(tx, scope, {**prepared.request, **(extra or {})})
        except (AwsError, NotEmulated) as refusal:
            result = refusal
        except (ValueError, ArithmeticError, RecursionError) as mistake:
            # Ours, on somebody's odd parameters: the task fails, so that the execution does not hang for ever.
            return TaskFailed(task.token, "States.TaskFailed", f"{name} failed: {type(mistake).__name__}")
        return self._finished(task, prepared, result, tx.now)

    async def call_and_wait(
        self, scope: Scope, task: CalledTask, now: Callable[[], float]
    ) -> TaskSucceeded | TaskFailed:
        """The same for an operation that makes its caller wait, which no transaction can hold."""
        prepared = self._prepare(task)
        if isinstance(prepared, TaskFailed):
            return prepared
        assert prepared.service is not None, "validation accepts only what is emulated"
        result: dict[str, Any] | AwsError | NotEmulated
        try:
            result = await prepared.service.call(prepared.operation.name, scope, prepared.request, task.request_id)
        except (AwsError, NotEmulated) as refusal:
            result = refusal
        return self._finished(task, prepared, result, now())

    def _prepare(self, task: CalledTask) -> _Prepared | TaskFailed:
        """The request that a task makes, or why there is none."""
        found, match = optimised.find(task.resource), _SDK.fullmatch(task.resource)
        sdk = SdkCall(match[1], match[2]) if match else None
        token, parameters = task.token, task.parameters
        if found is not None:
            service_name, operation_name = found[0].service, found[0].operation
        elif sdk is not None:
            service_name, operation_name = sdk.botocore_name, sdk.boto3_operation
        else:  # a state that test cases mock, called by an execution of none
            return TaskFailed(token, "States.TaskFailed", f"The resource {task.resource} is not emulated.")
        service, model = self._services.get(service_name), self._model(service_name)
        if model is None or operation_name not in _names(model):
            return TaskFailed(token, "States.TaskFailed", f"The resource {task.resource} is not emulated.")
        operation: Any = model.operation_model(operation_name)
        try:
            request = _to_boto3(operation.input_shape, parameters.value, "")
        except ValueError as problem:
            return bad_parameters(parameters, [str(problem)], token)
        if found is not None and found[0].service == "events":
            request = optimised.own_resources(request, task.machine_arn, task.execution_arn)
        from botocore.validate import ParamValidator

        refusal: AwsError | None = None
        report = ParamValidator().validate(request, operation.input_shape)
        if report.has_errors():
            missing = [name for name in operation.input_shape.required_members if name not in request]
            if found is None or not missing:
                return bad_parameters(parameters, str(report.generate_report()).split("\n"), token)
            refusal = AwsError("MissingParameter", f"The request must contain the parameter {missing[0]}.", 400)
        return _Prepared(found[0] if found is not None else None, sdk, service, model, operation, request, refusal)

    def _finished(
        self, task: CalledTask, prepared: _Prepared, result: dict[str, Any] | AwsError | NotEmulated, now: float
    ) -> TaskSucceeded | TaskFailed:
        """The signal for what an operation returned, or for its refusal."""
        token, optimised_as, sdk, model = task.token, prepared.optimised, prepared.sdk, prepared.model
        if isinstance(result, NotEmulated):
            return TaskFailed(token, "States.TaskFailed", f"{result}. {result.detail}".strip())
        if isinstance(result, AwsError):
            if optimised_as is not None:
                return TaskFailed(token, *optimised.failure(optimised_as, _codes(model), result, task.request_id))
            assert sdk is not None, "a task is one or the other"
            return self._sdk_error(token, sdk, model, result, task.request_id)
        value = _from_boto3(prepared.operation.output_shape, result)
        if optimised_as is None:
            return TaskSucceeded(token, Data(value))
        if value.get("FailedEntryCount"):
            return TaskFailed(token, f"{optimised_as.prefix}.FailedEntry", dumps(value))
        if "StartDate" in value:  # epoch seconds, unlike what aws-sdk shows [R:test_start_execution]
            value["StartDate"] = result["startDate"]
        return TaskSucceeded(token, Data(optimised.with_metadata(optimised_as, value, task.request_id, now)))

    @staticmethod
    def _sdk_error(token: str, call: SdkCall, model: ServiceModel, error: AwsError, request_id: str) -> TaskFailed:
        name = error.code if error.code in _codes(model) else call.prefix
        name = name if name.endswith("Exception") else f"{name}Exception"
        cause = f"{error.message} (Service: {call.prefix}, Status Code: {error.status}, Request ID: {request_id})"
        return TaskFailed(token, f"{call.prefix}.{name}", cause)

    def _model(self, name: str) -> ServiceModel | None:
        if name not in self._models:
            from botocore.exceptions import BotoCoreError
            from botocore.loaders import Loader
            from botocore.model import ServiceModel

            try:
                self._models[name] = ServiceModel(Loader().load_service_model(name, "service-2"), name)
            except BotoCoreError:
                return None
        return self._models[name]


def bad_parameters(parameters: Data, problems: list[str], token: str = "") -> TaskFailed:
    """`States.Runtime`: the task could not be started with these parameters."""
    cause = f"The Parameters '{parameters.text}' could not be used to start the Task: [{', '.join(problems)}]"
    return TaskFailed(token, "States.Runtime", cause)


def _codes(model: Any) -> set[str]:
    """Every name under which the service's model has an error."""
    return {code for shape in model.error_shapes for code in (shape.name, shape.error_code)}


def _names(model: Any) -> list[str]:
    return model.operation_names


def _pascal(name: str) -> str:
    return name[:1].upper() + name[1:]


def _to_boto3(shape: Any, value: Json, where: str) -> Any:
    """The PascalCase parameters of the states language as boto3's. Raises ValueError naming an unknown field."""
    if shape is None:
        return {}
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        if getattr(shape, "is_document_type", False):
            return value
        names = {_pascal(name): name for name in shape.members}
        for key in value:
            if key not in names:
                raise ValueError(f"The field '{key}' is not supported by Step Functions")
        return {
            names[key]: _to_boto3(shape.members[names[key]], item, key)
            for key, item in value.items()
            if item is not None
        }
    if kind == "list" and isinstance(value, list):
        return [_to_boto3(shape.member, item, where) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _to_boto3(shape.value, item, where) for key, item in value.items()}
    if kind == "blob":
        return (value if isinstance(value, str) else dumps(value)).encode()
    if kind == "string" and isinstance(value, (dict, list)):
        return dumps(value)
    if kind == "timestamp" and isinstance(value, str):
        at = timestamps.parse(value)
        if at is None:
            raise ValueError(f"The value of the field '{where}' has an invalid format")
        return datetime.fromtimestamp(at, UTC)
    return value


def _from_boto3(shape: Any, value: Any) -> Json:
    """A result in boto3's shape as the Java SDK shows it: PascalCase, ISO timestamps."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        return timestamps.render(value.timestamp())
    kind = shape.type_name if shape is not None else None
    if shape is not None and kind == "structure" and isinstance(value, dict):
        members = shape.members
        return {_pascal(key): _from_boto3(members.get(key), item) for key, item in value.items() if item is not None}
    if shape is not None and kind == "list" and isinstance(value, list):
        return [_from_boto3(shape.member, item) for item in value]
    if shape is not None and kind == "map" and isinstance(value, dict):
        return {key: _from_boto3(shape.value, item) for key, item in value.items()}
    if kind == "timestamp" and isinstance(value, (int, float)):
        return timestamps.render(value)
    return json.loads(dumps(value)) if isinstance(value, (dict, list)) else value
