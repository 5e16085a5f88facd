"""Who may invoke a function, how often at a time, and how it is labelled: policy, reserved concurrency, tags.

Policies are kept and shown, not enforced: the emulator lets everybody in (README).
"""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_.model import Function
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import (
    conflict,
    constraint,
    function_not_found,
    invalid_parameter,
    not_found,
    stale_revision,
)

Request = dict[str, Any]

LEAST_UNRESERVED = 100
MOST_TAGS = 50
_FUNCTION_ARN = re.compile(r"arn:.+:function:")
_SERVICE_PRINCIPAL = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")


class GovernanceOperations(LambdaState):
    """Permissions, concurrency, tags."""

    def add_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Add a statement to the function's policy."""
        function, named = self._of_policy(tx, scope, request, "AddPermission")
        if named.qualifier == names.LATEST:
            raise invalid_parameter("We currently do not support adding policies for $LATEST.")
        if request.get("RevisionId") not in (None, function.policy_revision):
            raise stale_revision("GetPolicy")
        sid = request["StatementId"]
        if any(statement["Sid"] == sid for statement in function.policy):
            raise conflict(
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement."
            )
        statement = _statement(function.arn, request)
        self._save_policy(tx, function, [*function.policy, statement])
        return {"Statement": json.dumps(statement, separators=(",", ":"))}

    def remove_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove a statement from the function's policy."""
        function, _ = self._of_policy(tx, scope, request, "RemovePermission")
        if not function.policy:
            raise not_found("No policy is associated with the given resource.")
        kept = [statement for statement in function.policy if statement["Sid"] != request["StatementId"]]
        if len(kept) == len(function.policy):
            raise not_found(f"Statement {request['StatementId']} is not found in resource policy.")
        if request.get("RevisionId") not in (None, function.policy_revision):
            raise stale_revision("GetPolicy")
        self._save_policy(tx, function, kept)
        return {}

    def get_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The function's policy as JSON text."""
        function, _ = self._of_policy(tx, scope, request, "GetPolicy")
        if not function.policy:
            raise not_found("The resource you requested does not exist.")
        policy = {"Version": "2012-10-17", "Id": "default", "Statement": function.policy}
        return {"Policy": json.dumps(policy, separators=(",", ":")), "RevisionId": function.policy_revision}

    def put_function_concurrency(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Reserve concurrency; 0 stops the function."""
        function = self._plain(tx, scope, request, "PutFunctionConcurrency")
        wanted = request["ReservedConcurrentExecutions"]
        if wanted < 0:
            raise constraint(
                wanted, "reservedConcurrentExecutions", "Member must have value greater than or equal to 0"
            )
        limit = self.settings.account_concurrency
        least = min(LEAST_UNRESERVED, limit)
        if wanted and limit - tables.reserved_in_total(tx, scope, function.name) - wanted < least:
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

    def _of_policy(
        self, tx: Transaction, scope: Scope, request: Request, action: str
    ) -> tuple[Function, names.FunctionName]:
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), action)
        function = tables.find_function(tx, scope, named.name)
        if function is None or not named.is_latest:
            raise function_not_found(named.arn_as_named)
        return function, named

    def _plain(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Function:
        named = names.parse(request["FunctionName"], scope, action=action)
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

    def _save_policy(self, tx: Transaction, function: Function, policy: list[dict[str, Any]]) -> None:
        self._save_function(tx, function.changed(policy=policy, policy_revision=tx.new_id()))

    def _save_function(self, tx: Transaction, function: Function) -> None:
        tables.save_function(tx, function)
        self.function_changed()


def _statement(arn: str, request: Request) -> dict[str, Any]:
    """A policy statement as AWS writes it."""
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": arn,
    }
    conditions: dict[str, dict[str, str]] = {}
    equal = {
        "AWS:SourceAccount": request.get("SourceAccount"),
        "lambda:EventSourceToken": request.get("EventSourceToken"),
        "lambda:FunctionUrlAuthType": request.get("FunctionUrlAuthType"),
        "aws:PrincipalOrgID": request.get("PrincipalOrgID"),
    }
    present = {key: text for key, text in equal.items() if text is not None}
    if present:
        conditions["StringEquals"] = present
    if request.get("InvokedViaFunctionUrl") is not None:
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": str(request["InvokedViaFunctionUrl"]).lower()}
    if request.get("SourceArn") is not None:
        conditions["ArnLike"] = {"AWS:SourceArn": request["SourceArn"]}
    if conditions:
        statement["Condition"] = conditions
    return statement


def _principal(principal: str) -> Any:
    if principal == "*":
        return "*"
    if re.fullmatch(r"\d{12}", principal):
        return {"AWS": f"arn:aws:iam::{principal}:root"}
    if principal.startswith("arn:"):
        return {"AWS": principal}
    if _SERVICE_PRINCIPAL.fullmatch(principal):
        return {"Service": principal}
    raise invalid_parameter("The provided principal was invalid. Please check the principal and try again.")
