"""Settings of functions with operations of their own: recursive loops, and when their runtime is updated.

The first decides what the event queue does with a chain of invocations; the second is kept and shown, there is only
one build of a runtime here.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_settings
from emulator.services.lambda_.model import Function
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import constraint, function_not_found, invalid_parameter

Request = dict[str, Any]
UNQUALIFIED_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?"
    r"(function:)?([a-zA-Z0-9-_]+)"
)
"""`UnqualifiedFunctionName` [M]."""


class FunctionSettingOperations(LambdaState):
    """PutFunctionRecursionConfig, PutRuntimeManagementConfig and their Gets."""

    def put_function_recursion_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Let a function go on in a loop, or have it stopped after 16 invocations."""
        function = _unqualified(tx, scope, request, "PutFunctionRecursionConfig")
        tables.save_function(tx, function.changed(recursive_loop=request["RecursiveLoop"]))
        self.function_changed()
        return {"RecursiveLoop": request["RecursiveLoop"]}

    def get_function_recursion_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """What happens to a loop; `Terminate` unless changed."""
        return {"RecursiveLoop": _unqualified(tx, scope, request, "GetFunctionRecursionConfig").recursive_loop}

    def put_runtime_management_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Say when a version's runtime is updated; `Manual` needs the runtime version to stay with."""
        version = self._version(tx, scope, request, "PutRuntimeManagementConfig")
        mode: str = request["UpdateRuntimeOn"]
        arn: str | None = request.get("RuntimeVersionArn")
        if (mode == "Manual") != (arn is not None):  # texts unverified
            raise invalid_parameter(
                "RuntimeVersionArn is required when UpdateRuntimeOn is Manual."
                if arn is None
                else "RuntimeVersionArn can only be set when UpdateRuntimeOn is Manual."
            )
        value = json.dumps([mode, arn])
        store_settings.save_setting(tx, scope, version.name, version.version, store_settings.RUNTIME_MANAGEMENT, value)
        return _runtime_management(version, value)

    def get_runtime_management_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """When a version's runtime is updated; `Auto` unless changed."""
        version = self._version(tx, scope, request, "GetRuntimeManagementConfig")
        value = store_settings.find_setting(tx, scope, version.name, version.version, store_settings.RUNTIME_MANAGEMENT)
        return _runtime_management(version, value or '["Auto", null]')

    def _version(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Function:
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), action)
        version = self.find_version(tx, named)
        if version is None:
            raise function_not_found(named.arn_as_named)
        return version


def _runtime_management(version: Function, value: str) -> dict[str, Any]:
    mode, arn = json.loads(value)
    result = {"UpdateRuntimeOn": mode, "FunctionArn": version.version_arn}
    return result if arn is None else {**result, "RuntimeVersionArn": arn}


def _unqualified(tx: Transaction, scope: Scope, request: Request, action: str) -> Function:
    named = names.parse(request["FunctionName"], scope, action=action)
    if named.qualifier is not None:
        rule = f"Member must satisfy regular expression pattern: {UNQUALIFIED_PATTERN}"
        raise constraint(request["FunctionName"], "functionName", rule)
    function = tables.find_function(tx, scope, named.name)
    if function is None:
        raise function_not_found(named.arn)
    return function
