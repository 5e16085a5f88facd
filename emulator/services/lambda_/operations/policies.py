"""Resource policies: who may invoke a function, version or alias. Each of the three has its own.

Kept and shown, not enforced: the emulator lets everybody in (README).
"""

from __future__ import annotations

import json
import re
from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.model import Policy
from emulator.services.lambda_.operations.state import LambdaState
from emulator.services.lambda_.rules import names
from emulator.services.lambda_.rules.errors import (
    USER,
    alias_not_found,
    conflict,
    function_not_found,
    invalid_parameter,
    not_found,
    stale_revision,
)

Request = dict[str, Any]

LARGEST_POLICY_BYTES = 20_480
_SERVICE_PRINCIPAL = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_NO_POLICY = Policy([], "")


class PolicyOperations(LambdaState):
    """AddPermission, RemovePermission, GetPolicy."""

    def add_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Add a statement to the policy of what the request names."""
        named, policy = self._policy(tx, scope, request, "AddPermission")
        if named.qualifier == names.LATEST:
            raise invalid_parameter("We currently do not support adding policies for $LATEST.")
        if request.get("RevisionId") not in (None, policy.revision_id):
            raise stale_revision("GetPolicy")
        sid = request["StatementId"]
        if any(statement["Sid"] == sid for statement in policy.statements):
            raise conflict(
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement."
            )
        statement = _statement(named.arn_as_named, request)
        changed = Policy([*policy.statements, statement], tx.new_id())
        size = len(changed.text().encode())
        if size > LARGEST_POLICY_BYTES:
            raise AwsError(
                "PolicyLengthExceededException",
                f"The final policy size ({size}) is bigger than the limit ({LARGEST_POLICY_BYTES}).",
                400,
                USER,
            )
        versions.save_policy(tx, scope, named.name, named.qualifier, changed)
        return {"Statement": json.dumps(statement, separators=(",", ":"), ensure_ascii=False)}

    def remove_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove a statement from the policy of what the request names."""
        named, policy = self._policy(tx, scope, request, "RemovePermission")
        if not policy.statements:
            raise not_found("No policy is associated with the given resource.")
        kept = [statement for statement in policy.statements if statement["Sid"] != request["StatementId"]]
        if len(kept) == len(policy.statements):
            raise not_found(f"Statement {request['StatementId']} is not found in resource policy.")
        if request.get("RevisionId") not in (None, policy.revision_id):
            raise stale_revision("GetPolicy")
        versions.save_policy(tx, scope, named.name, named.qualifier, Policy(kept, tx.new_id()))
        return {}

    def get_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The policy as JSON text."""
        _, policy = self._policy(tx, scope, request, "GetPolicy")
        if not policy.statements:
            raise not_found("The resource you requested does not exist.")
        return {"Policy": policy.text(), "RevisionId": policy.revision_id}

    def _policy(
        self, tx: Transaction, scope: Scope, request: Request, action: str
    ) -> tuple[names.FunctionName, Policy]:
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), action)
        if self.find_version(tx, named) is None:
            if named.is_latest or versions.is_number(str(named.qualifier)):
                raise function_not_found(named.arn_as_named)
            raise alias_not_found(named.arn_as_named)
        return named, versions.find_policy(tx, scope, named.name, named.qualifier) or _NO_POLICY


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
