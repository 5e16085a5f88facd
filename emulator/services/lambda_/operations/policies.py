"""Resource policies: who may invoke a function, version or alias. Each of the three has its own.

Kept and shown, not enforced: the emulator lets everybody in (README).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.lambda_ import store as tables
from emulator.services.lambda_ import store_versions as versions
from emulator.services.lambda_.model import Alias, Function, Policy
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
_SERVICE_PRINCIPAL = re.compile(
    r"([a-zA-Z0-9-]+\.)+(amazonaws\.com(\.cn)?|amazon\.com|aws\.internal|amazon\.internal|api\.aws)", re.ASCII
)
"""AWS knows its services; we know what their names end with (unverified)."""


@dataclass(frozen=True, slots=True)
class Guarded:
    """What a policy belongs to: a function, one of its versions, or an alias."""

    named: names.FunctionName
    version: Function
    alias: Alias | None
    policy: Policy

    @property
    def revision_id(self) -> str:
        """The revision that the policy shares with what it belongs to."""
        return self.version.revision_id if self.alias is None else self.alias.revision_id

    def check_revision(self, expected: str | None) -> None:
        """Raise AWS's 412 if the caller has read another revision."""
        if expected not in (None, self.revision_id):
            raise stale_revision("GetPolicy")


class PolicyOperations(LambdaState):
    """AddPermission, RemovePermission, GetPolicy; PutResourcePolicy, GetResourcePolicy, DeleteResourcePolicy."""

    def add_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Add a statement to the policy of what the request names."""
        guarded = self._guarded(tx, scope, request, "AddPermission")
        named, policy = guarded.named, guarded.policy
        if named.qualifier == names.LATEST:
            raise invalid_parameter("We currently do not support adding policies for $LATEST.")
        guarded.check_revision(request.get("RevisionId"))
        sid = request["StatementId"]
        if any(statement.get("Sid") == sid for statement in policy.statements):
            raise conflict(
                f"The statement id ({sid}) provided already exists. Please provide a new statement id, "
                "or remove the existing statement."
            )
        statement = _statement(named.arn_as_named, request)
        changed = policy.with_statements([*policy.statements, statement])
        _check_size(changed)
        self._save(tx, guarded, changed)
        return {"Statement": json.dumps(statement, separators=(",", ":"), ensure_ascii=False)}

    def remove_permission(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove a statement from the policy of what the request names."""
        guarded = self._guarded(tx, scope, request, "RemovePermission")
        statements = guarded.policy.statements
        if not statements:
            raise not_found("No policy is associated with the given resource.")
        kept = [statement for statement in statements if statement.get("Sid") != request["StatementId"]]
        if len(kept) == len(statements):
            raise not_found(f"Statement {request['StatementId']} is not found in resource policy.")
        guarded.check_revision(request.get("RevisionId"))
        self._save(tx, guarded, guarded.policy.with_statements(kept))
        return {}

    def get_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The policy as JSON text."""
        guarded = self._guarded(tx, scope, request, "GetPolicy")
        if not guarded.policy.statements:
            raise not_found("The resource you requested does not exist.")
        return {"Policy": guarded.policy.text(), "RevisionId": guarded.revision_id}

    # ── the same policies as whole documents (2026-07-09) ──

    def put_resource_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Replace the policy of a function, version or alias by a document."""
        guarded = self._guarded_by_arn(tx, scope, request, "PutResourcePolicy")
        if guarded.named.qualifier == names.LATEST:
            raise invalid_parameter("We currently do not support adding policies for $LATEST.")
        guarded.check_revision(request.get("RevisionId"))
        policy = _document(request["Policy"])
        _check_size(policy)
        return {"Policy": policy.text(), "RevisionId": self._save(tx, guarded, policy)}

    def get_resource_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The policy as GetPolicy shows it, by ARN."""
        guarded = self._guarded_by_arn(tx, scope, request, "GetResourcePolicy")
        if not guarded.policy.statements:
            raise not_found("The resource you requested does not exist.")
        return {"Policy": guarded.policy.text(), "RevisionId": guarded.revision_id}

    def delete_resource_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Remove the whole policy; 404 if there is none (unverified)."""
        guarded = self._guarded_by_arn(tx, scope, request, "DeleteResourcePolicy")
        if not guarded.policy.statements:
            raise not_found("No policy is associated with the given resource.")
        guarded.check_revision(request.get("RevisionId"))
        self._save(tx, guarded, Policy())
        return {}

    def _guarded_by_arn(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Guarded:
        arn: str = request["ResourceArn"]
        if ":function:" not in arn:  # policies of runtimes: what they are for is not documented
            raise NotEmulated("lambda", f"{action} of a runtime")
        return self._guarded(tx, scope, {"FunctionName": arn}, action)

    def _guarded(self, tx: Transaction, scope: Scope, request: Request, action: str) -> Guarded:
        named = names.parse(request["FunctionName"], scope, request.get("Qualifier"), action)
        version = self.find_version(tx, named)
        if version is None:
            if named.is_latest or versions.is_number(str(named.qualifier)):
                raise function_not_found(named.arn_as_named)
            raise alias_not_found(named.arn_as_named)
        alias = None if named.is_latest else versions.find_alias(tx, scope, named.name, str(named.qualifier))
        return Guarded(named, version, alias, versions.find_policy(tx, scope, named.name, named.qualifier))

    def _save(self, tx: Transaction, guarded: Guarded, policy: Policy) -> str:
        """A changed policy is a new revision of what it belongs to (after [R:test_function_revisions_permissions])."""
        named, version, revision_id = guarded.named, guarded.version, tx.new_id()
        versions.save_policy(tx, named.scope, named.name, named.qualifier, policy)
        if guarded.alias is not None:
            versions.save_alias(tx, replace(guarded.alias, revision_id=revision_id))
        elif version.version == names.LATEST:
            tables.save_function(tx, version.changed(revision_id=revision_id))
        else:
            versions.change_revision(tx, version, revision_id)
        return revision_id


def _check_size(policy: Policy) -> None:
    size = len(policy.text().encode())
    if size > LARGEST_POLICY_BYTES:
        text = f"The final policy size ({size}) is bigger than the limit ({LARGEST_POLICY_BYTES})."
        raise AwsError("PolicyLengthExceededException", text, 400, USER)


def _document(text: str) -> Policy:
    """A policy from the user's JSON. Raises AWS's 400 (texts unverified) for what is no policy of a resource."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid_parameter("The provided policy is not valid JSON.") from None
    statements = document.get("Statement") if isinstance(document, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise invalid_parameter("The provided policy has no statement.")
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise invalid_parameter("A statement of the provided policy has no Effect of Allow or Deny.")
        for member in ("Principal", "Action"):
            if not any(name in statement for name in (member, f"Not{member}")):
                raise invalid_parameter(f"A statement of the provided policy has no {member}.")
    return Policy(statements, {name: value for name, value in document.items() if name != "Statement"})


def _statement(arn: str, request: Request) -> dict[str, Any]:
    """A policy statement as AWS writes it."""
    if request.get("FunctionUrlAuthType") is not None and request["Action"] != "lambda:InvokeFunctionUrl":
        raise invalid_parameter(  # text unverified
            "FunctionUrlAuthType is only supported for lambda:InvokeFunctionUrl action"
        )
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
