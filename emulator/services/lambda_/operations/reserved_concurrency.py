"""How often a function may run at a time: reserved concurrency."""

from __future__ import annotations

from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.model import Function
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import (
    constraint,
    function_not_found,
    invalid_parameter,
    unqualified_only,
)

Request = dict[str, Any]

LEAST_UNRESERVED = 100


class ReservedConcurrencyOperations(LambdaState):
    """Reserved concurrency."""

    def put_function_concurrency(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Reserve concurrency; 0 stops the function."""
        function = self._plain(tx, scope, request, "PutFunctionConcurrency")
        wanted = request["ReservedConcurrentExecutions"]
        if wanted < 0:
            raise constraint(
                wanted, "reservedConcurrentExecutions", "Member must have value greater than or equal to 0"
            )
        provisioned = versions.provisioned_of_function(tx, scope, function.name)
        if wanted < provisioned:
            raise invalid_parameter(  # text unverified
                f"ReservedConcurrentExecutions {wanted} should not be lower than function's total provisioned "
                f"concurrency [{provisioned}]."
            )
        limit = self.settings.account_concurrency
        least = min(LEAST_UNRESERVED, limit)
        elsewhere = tables.reserved_in_total(tx, scope, function.name)
        elsewhere += versions.provisioned_outside_reserved(tx, scope, other_than=function.name)
        if wanted and limit - elsewhere - wanted < least:
            raise invalid_parameter(
                "Specified ReservedConcurrentExecutions for function decreases account's "
                f"UnreservedConcurrentExecution below its minimum value of [{least}]."
            )
        self._save_function(tx, function.changed(reserved_concurrency=wanted))
        return {"ReservedConcurrentExecutions": wanted}

    def get_function_concurrency(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The reserved concurrency; nothing if none is reserved."""
        function = self._plain(tx, scope, request, "GetFunctionConcurrency")
        if function.reserved_concurrency is None:
            return {}
        return {"ReservedConcurrentExecutions": function.reserved_concurrency}

    def delete_function_concurrency(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Back to the account's shared concurrency."""
        function = self._plain(tx, scope, request, "DeleteFunctionConcurrency")
        self._save_function(tx, function.changed(reserved_concurrency=None))
        return {}

    def _plain(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Function:
        named = names.parse(request["FunctionName"], scope, action=action)
        if named.qualifier is not None:
            raise unqualified_only()
        function = tables.find_function(tx, scope, named.name)
        if function is None:
            raise function_not_found(named.arn)
        return function

    def _save_function(self, tx: Transaction, function: Function) -> None:
        tables.save_function(tx, function)
        self.function_changed()
