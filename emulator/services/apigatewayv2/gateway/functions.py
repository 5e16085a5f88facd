"""Calling a function for an HTTP API: always synchronously, whatever headers say (4.2)."""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.scope import Scope
from emulator.services.apigatewayv2.gateway.exchange import Exchange
from emulator.services.apigatewayv2.gateway.failures import Failure
from emulator.services.apigatewayv2.model import lambda_function_of

_VARIABLE = re.compile(r"\$\{stageVariables\.([A-Za-z0-9_]+)\}")


def with_variables(uri: str, exchange: Exchange) -> str:
    """A URI with the stage's variables filled in."""
    return _VARIABLE.sub(lambda match: exchange.stage_variables.get(match.group(1), ""), uri)


def invocation_of(uri: str, exchange: Exchange, event: dict[str, Any]) -> tuple[Scope, dict[str, Any]]:
    """Where the function is, and Invoke's request. Raises the 500 for a URI that names no function."""
    function = lambda_function_of(with_variables(uri, exchange))
    if function is None:
        raise Failure(500, "Invalid Lambda function in the integration URI")
    request: dict[str, Any] = {
        "FunctionName": function,
        "InvocationType": "RequestResponse",
        "Payload": json.dumps(event, separators=(",", ":")).encode(),
        TRACE_MEMBER: exchange.trace_root,
    }
    parts = function.split(":")
    if len(parts) == 8:
        request["FunctionName"] = ":".join(parts[:7])
        if parts[7]:
            request["Qualifier"] = parts[7]
    own = exchange.api.scope
    return (Scope(parts[4], parts[3]) if len(parts) >= 7 else own), request


def payload_of(result: dict[str, Any]) -> bytes:
    """What the function returned. Raises the 500 if it failed, with AWS's words for the log."""
    if result.get("FunctionError"):
        told = error_message(result.get("Payload") or b"")
        text = f"The Lambda function returned the following error: {told}."  # [P: logs of AWS's in articles]
        raise Failure(500, f"{text} Check your Lambda function code and try again.")
    return result.get("Payload") or b"null"


def error_message(payload: bytes) -> str:
    """The `errorMessage` of what a failed function returned."""
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return ""
    told = value.get("errorMessage") if isinstance(value, dict) else None
    return told if isinstance(told, str) else ""
