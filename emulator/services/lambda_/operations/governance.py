"""How often a function may run at a time, and how it is labelled: reserved concurrency and tags."""

from __future__ import annotations

import re
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
MOST_TAGS = 50
_FUNCTION_ARN = re.compile(r"arn:.+:function:")


class GovernanceOperations(LambdaState):
    """Reserved concurrency, tags."""

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

    def list_tags(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Tags of a function."""
        return {"Tags": self._tagged(tx, scope, request, "ListTags").tags}

    def tag_resource(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Add or overwrite tags."""
        function = self._tagged(tx, scope, request, "TagResource")
        if not request.get("Tags"):
            raise invalid_parameter("An error occurred and the request cannot be processed.")
        tags = {**function.tags, **request["Tags"]}
        if len(tags) > MOST_TAGS:
            raise invalid_parameter("Number of tags exceeds resource tag limit.")
        self._save_function(tx, function.changed(tags=tags))
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove tags; unknown keys are fine."""
        function = self._tagged(tx, scope, request, "UntagResource")
        keys: set[str] = set(request.get("TagKeys") or [])
        self._save_function(
            tx, function.changed(tags={key: text for key, text in function.tags.items() if key not in keys})
        )
        return {}

    def _plain(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Function:
        named = names.parse(request["FunctionName"], scope, action=action)
        if named.qualifier is not None:
            raise unqualified_only()
        function = tables.find_function(tx, scope, named.name)
        if function is None:
            raise function_not_found(named.arn)
        return function

    def _tagged(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Function:
        arn: str = request["Resource"]
        if _FUNCTION_ARN.match(arn) is None:
            raise constraint(arn, "resource", "Member must be the ARN of a function")
        named = names.parse(arn, scope, action=action)
        if named.qualifier is not None:
            raise invalid_parameter("Tags on function aliases and versions are not supported. "
                                    "Please specify a function ARN.")  # fmt: skip
        return self._plain(tx, scope, {"FunctionName": arn}, action)

    def _save_function(self, tx: Transaction, function: Function) -> None:
        tables.save_function(tx, function)
        self.function_changed()
