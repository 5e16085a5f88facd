"""The context object of a Python handler (reference lambda_invoke.md 1.7; names and `repr` are awslambdaric's).

Runs in the child process, standard library only.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from .errors import Fault

W3C_FIELDS = ("traceparent", "tracestate", "baggage")


class Context:
    """The context object of a handler (reference 1.7)."""

    def __init__(self, header: dict[str, Any], environment: Any) -> None:
        self.aws_request_id: str = header["id"]
        self.log_group_name: str | None = environment.get("AWS_LAMBDA_LOG_GROUP_NAME")
        self.log_stream_name: str | None = environment.get("AWS_LAMBDA_LOG_STREAM_NAME")
        self.function_name: str | None = environment.get("AWS_LAMBDA_FUNCTION_NAME")
        self.memory_limit_in_mb: str | None = environment.get("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")
        self.function_version: str | None = environment.get("AWS_LAMBDA_FUNCTION_VERSION")
        self.invoked_function_arn: str = header["arn"]
        self.tenant_id: str | None = None
        self.client_context, self._w3c_fields = _client_context(header.get("client"))
        self.identity = CognitoIdentity({})
        # This clock may be a rounding behind `now`: what remains must not exceed the timeout.
        limit = header["deadline"] - int(header["now"] * 1000)
        self._epoch_deadline_time_in_ms: int = min(header["deadline"], int(time.time() * 1000) + limit)

    def get_remaining_time_in_millis(self) -> int:
        return max(0, self._epoch_deadline_time_in_ms - int(time.time() * 1000))

    def w3c(self) -> dict[str, str]:
        """The W3C trace context at the time of the invocation."""
        return dict(self._w3c_fields)

    def log(self, message: object) -> None:
        sys.stdout.write(str(message))

    def __repr__(self) -> str:
        names = (
            "aws_request_id", "log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb",
            "function_version", "invoked_function_arn", "client_context", "identity", "tenant_id",
        )  # fmt: skip
        return "LambdaContext([" + ",".join(f"{name}={getattr(self, name)}" for name in names) + "])"


Context.__name__ = Context.__qualname__ = "LambdaContext"


class _Described:
    """A part of the context object; attributes that nobody gave are None."""

    FIELDS: tuple[str, ...] = ()

    def __init__(self, values: dict[str, Any]) -> None:
        for field in self.FIELDS:
            setattr(self, field, values.get(field))

    def __repr__(self) -> str:
        fields = ",".join(f"{field}={getattr(self, field)}" for field in self.FIELDS)
        return f"{type(self).__name__}([{fields}])"


class CognitoIdentity(_Described):
    FIELDS = ("cognito_identity_id", "cognito_identity_pool_id")


class ClientContext(_Described):
    FIELDS = ("custom", "env", "client")


class Client(_Described):
    """The mobile client of a client context."""

    FIELDS = ("installation_id", "app_title", "app_version_name", "app_version_code", "app_package_name")


def _client_context(text: str | None) -> tuple[ClientContext | None, dict[str, str]]:
    """The client context, and the W3C trace context that came with it."""
    if not text:
        return None, {}
    try:
        value = json.loads(text)
    except ValueError as error:
        message = f"Unable to parse Client Context JSON: {error}"
        raise Fault("Runtime.LambdaContextUnmarshalError", message) from None
    if not isinstance(value, dict):
        return None, {}
    w3c = value.pop("w3c", None)
    fields = {name: w3c[name] for name in W3C_FIELDS if isinstance(w3c.get(name), str)} if isinstance(w3c, dict) else {}
    context = ClientContext(value)
    if isinstance(value.get("client"), dict):
        setattr(context, "client", Client(value["client"]))  # noqa: B010 — its fields are declared as data
    return context, fields
