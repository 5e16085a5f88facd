"""Event invoke configs: how long and how often events of a function are tried, and where their outcome goes.

Decides what may be configured (reference lambda_async 2.3); the queue itself is `worker.py`.
"""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_.destinations import (
    ON_FAILURE_SERVICES,
    ON_SUCCESS_SERVICES,
    function_of,
    service_of,
)
from emulator.services.lambda_.events import EventInvokeConfig
from emulator.services.lambda_.operations.paging import PAGE, read_marker, write_marker
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import constraint, invalid_parameter, not_found

Request = dict[str, Any]


class EventConfigOperations(LambdaState):
    """Put/Update/Get/Delete/List of event invoke configs."""

    def put_function_event_invoke_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Set the whole config; what the request leaves out is removed."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "PutFunctionEventInvokeConfig")
        self._require_function(tx, named)
        wanted = EventInvokeConfig(named.name, named.qualifier or names.LATEST, tx.now)
        return self._save_config(tx, named, wanted, request)

    def update_function_event_invoke_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change the settings that the request names."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "UpdateFunctionEventInvokeConfig")
        return self._save_config(tx, named, self._existing_config(tx, named), request)

    def get_function_event_invoke_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The config of a function and qualifier."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "GetFunctionEventInvokeConfig")
        return self._existing_config(tx, named).describe(scope)

    def delete_function_event_invoke_config(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Back to AWS's defaults."""
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), "DeleteFunctionEventInvokeConfig")
        self._existing_config(tx, named)
        tables.delete_event_config(tx, scope, named.name, named.qualifier or names.LATEST)
        self.function_changed()
        return {}

    def list_function_event_invoke_configs(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """All configs of a function."""
        named = names.parse(request["FunctionName"], scope, action="ListFunctionEventInvokeConfigs")
        self._require_function(tx, names.FunctionName(scope, named.name))
        size = min(request.get("MaxItems") or PAGE, PAGE)
        found = tables.list_event_configs(tx, scope, named.name, read_marker(request.get("Marker")), size + 1)
        result: dict[str, Any] = {"FunctionEventInvokeConfigs": [config.describe(scope) for config in found[:size]]}
        if len(found) > size:
            result["NextMarker"] = write_marker(found[size - 1].qualifier)
        return result

    def _require_function(self, tx: Transaction, named: names.FunctionName) -> None:
        if not self._exists(tx, named):
            raise not_found("The function doesn't exist.")

    def _existing_config(self, tx: Transaction, named: names.FunctionName) -> EventInvokeConfig:
        config = tables.find_event_config(tx, named.scope, named.name, named.qualifier or names.LATEST)
        if config is None:
            raise not_found(f"The function {named.version_arn} doesn't have an EventInvokeConfig")
        return config

    def _save_config(
        self, tx: Transaction, named: names.FunctionName, base: EventInvokeConfig, request: Request
    ) -> dict[str, Any]:
        retries, age = request.get("MaximumRetryAttempts"), request.get("MaximumEventAgeInSeconds")
        destinations = request.get("DestinationConfig")
        if retries is None and age is None and destinations is None:
            raise invalid_parameter("You must specify at least one of error handling or destination setting.")
        _check_range("maximumRetryAttempts", retries, 0, 2)
        _check_range("maximumEventAgeInSeconds", age, 60, 21600)
        on_success, on_failure = base.on_success, base.on_failure
        if destinations is not None:
            shown = _shown(destinations)
            if "OnSuccess" in destinations:
                on_success = (destinations["OnSuccess"] or {}).get("Destination") or None
                self._check_destination(tx, named, on_success, ON_SUCCESS_SERVICES, shown)
            if "OnFailure" in destinations:
                on_failure = (destinations["OnFailure"] or {}).get("Destination") or None
                self._check_destination(tx, named, on_failure, ON_FAILURE_SERVICES, shown)
        config = EventInvokeConfig(
            base.name,
            base.qualifier,
            tx.now,
            base.maximum_retry_attempts if retries is None else retries,
            base.maximum_event_age_seconds if age is None else age,
            on_success,
            on_failure,
        )
        tables.save_event_config(tx, named.scope, config)
        self.function_changed()
        return config.describe(named.scope)

    def _check_destination(
        self, tx: Transaction, named: names.FunctionName, arn: str | None, allowed: Set[str], shown: str
    ) -> None:
        """What AWS checks at this time: the service, and that a function exists. Others may come into being later."""
        if arn is None:
            return
        if service_of(arn) not in allowed:
            raise invalid_parameter(f"The provided destination config DestinationConfig({shown}) is invalid.")
        if service_of(arn) != "lambda":
            return
        target = function_of(arn)
        if target is not None and (target.scope, target.name) == (named.scope, named.name):
            raise invalid_parameter("You can't specify the function as a destination for itself.")
        if target is None or target.scope != named.scope or not self._exists(tx, target):
            raise invalid_parameter(f"The destination ARN {arn} is invalid.")

    def _exists(self, tx: Transaction, named: names.FunctionName) -> bool:
        return self.find_version(tx, named) is not None


def _shown(destinations: dict[str, Any]) -> str:
    """A destination config as AWS's error prints it."""
    parts = [
        f"{name[0].lower()}{name[1:]}={f'{name}(destination={given})' if given else 'null'}"
        for name in ("OnSuccess", "OnFailure")
        for given in [(destinations.get(name) or {}).get("Destination")]
    ]
    return ", ".join(parts)


def _check_range(member: str, value: int | None, low: int, high: int) -> None:
    if value is not None and value < low:
        raise constraint(value, member, f"Member must have value greater than or equal to {low}")
    if value is not None and value > high:
        raise constraint(value, member, f"Member must have value less than or equal to {high}")
