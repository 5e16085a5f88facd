"""Tasks that invoke a function: by its ARN, or by `lambda:invoke`.

Decides parameters, results and names of errors [R:services/lambda_task_service, error_handling]; does not invoke.
"""

from __future__ import annotations

import re
from typing import Any

from emulator.aws.errors import AwsError

from .asl.data import Data, Json, dumps, loads
from .asl.messages import TaskFailed, TaskSucceeded
from .http_metadata import http_date, metadata
from .task_parameters import invalid, missing, unsupported

_FUNCTION = re.compile(
    r"arn:aws[a-z-]*:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_-]{1,140}(:[A-Za-z0-9$_-]{1,128})?"
)
_INVOKE = re.compile(r"arn:aws[a-z-]*:states:::lambda:invoke(\.waitForTaskToken)?")
PARAMETERS = ("FunctionName", "Payload", "InvocationType", "Qualifier", "ClientContext", "LogType")
REQUIRED = ("FunctionName",)


def is_function(resource: str) -> bool:
    """Whether a Resource is the ARN of a function, whose input and output are the task's."""
    return _FUNCTION.fullmatch(resource) is not None


def is_invoke(resource: str) -> bool:
    """Whether a Resource is `lambda:invoke`."""
    return _INVOKE.fullmatch(resource) is not None


def is_event(parameters: Data) -> bool:
    """Whether the task only hands an event over: that and what follows are one commit."""
    values = parameters.value
    return isinstance(values, dict) and values.get("InvocationType") == "Event"


def start_problems(resource: str, parameters: Data) -> list[str]:
    """Why the task cannot be started with these parameters."""
    if is_function(resource):
        return []
    values = parameters.value
    if not isinstance(values, dict):
        return [invalid("Parameters")]
    problems = [unsupported(name) for name in values if name not in PARAMETERS]
    if values.get("FunctionName") is None:
        problems.append(missing("FunctionName"))
    texts = (name for name in PARAMETERS if name != "Payload")
    return problems + [invalid(name) for name in texts if not isinstance(values.get(name) or "", str)]


def request(resource: str, parameters: Data) -> dict[str, Any]:
    """The Invoke request of a task that was started."""
    if is_function(resource):
        return {"FunctionName": resource, "InvocationType": "RequestResponse", "Payload": parameters.text.encode()}
    values = parameters.value
    made: dict[str, Any] = {name: values[name] for name in PARAMETERS if values.get(name) is not None}
    made.setdefault("InvocationType", "RequestResponse")
    # A text is the payload itself; null is none [R:services/lambda_task_service test_invoke, test_invoke_json_values].
    payload = values.get("Payload")
    text = "{}" if payload is None else payload if isinstance(payload, str) else dumps(payload)
    made["Payload"] = text.encode("utf-8", "replace")
    return made


def result(
    token: str, resource: str, answer: dict[str, Any], request_id: str, now: float
) -> TaskSucceeded | TaskFailed:
    """The signal for what Invoke returned."""
    raw: bytes = answer.get("Payload") or b""
    text = raw.decode("utf-8", "replace")
    direct = is_function(resource)
    try:
        value: Json = loads(text) if text else None
    except ValueError:
        value, text = text, dumps(text)
    if answer.get("FunctionError"):
        error = value.get("errorType") if isinstance(value, dict) else None
        cause = text if direct else dumps(value)
        return TaskFailed(token, error if isinstance(error, str) and error else "Lambda.Unknown", cause)
    if direct:
        return TaskSucceeded(token, Data(value, text or "null"))
    status, log = answer.get("StatusCode", 200), answer.get("LogResult")
    version = answer.get("ExecutedVersion") or "$LATEST"
    headers = {
        **({"X-Amz-Log-Result": log} if log else {}),
        "X-Amz-Executed-Version": version,
        "x-amzn-Remapped-Content-Length": "0",
        "Connection": "keep-alive",
        "x-amzn-RequestId": request_id,
        "Content-Length": str(len(raw)),
        "Date": http_date(now),
        "X-Amzn-Trace-Id": f"root=1-{int(now):08x}-{request_id.replace('-', '')[:24]};sampled=0",
        "Content-Type": "application/json",
    }
    if status == 202:  # nothing has run: neither a version nor a payload
        del headers["X-Amz-Executed-Version"], headers["Content-Type"]
        return TaskSucceeded(token, Data({**metadata(headers, request_id, status), "StatusCode": status}))
    shown: dict[str, Json] = {
        "ExecutedVersion": version,
        **({"LogResult": log} if log else {}),
        "Payload": value,
        **metadata(headers, request_id, status),
        "StatusCode": status,
    }
    return TaskSucceeded(token, Data(shown))


def failure(token: str, error: AwsError, request_id: str) -> TaskFailed:
    """The signal for an Invoke that Lambda refused: the first SDK's naming, semicolons [R:error_handling]."""
    modelled = error.code.endswith("Exception") and error.code != "AccessDeniedException"
    name = error.code if modelled else "AWSLambdaException"
    cause = (
        f"{error.message} (Service: AWSLambda; Status Code: {error.status}; Error Code: {error.code}; "
        f"Request ID: {request_id}; Proxy: null)"
    )
    return TaskFailed(token, f"Lambda.{name}", cause)
