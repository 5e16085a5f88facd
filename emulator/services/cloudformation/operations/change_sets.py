"""Change sets: an update that is described first, and executed if its owner wants it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.page_tokens import read_token, write_token
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.deployment import ending
from emulator.services.cloudformation.model import (
    ChangeSet,
    Definition,
    Stack,
    check_change_set_name,
    check_stack_name,
    id_of_arn,
    no_such_change_set,
    validation_error,
)
from emulator.services.cloudformation.operations.describing import parameters_shown, tags_shown
from emulator.services.cloudformation.operations.reading import definition_of, read_of
from emulator.services.cloudformation.operations.stacks import StackOperations, check_can_be_updated
from emulator.services.cloudformation.operations.state import Request, deployment_of

NO_CHANGES = "The submitted information didn't contain changes. Submit different information to create a change set."
NO_UPDATES = "No updates are to be performed."
PAGE = 100
_NOT_EMULATED = ("ResourcesToImport", "ResourceTypes", "DeploymentMode")


class ChangeSetOperations(StackOperations):
    """CreateChangeSet and its kin."""

    def create_change_set(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Describe what a template would change; for a new stack, make one that is under review."""
        name: str = request["ChangeSetName"]
        check_change_set_name(name)
        for member in _NOT_EMULATED:
            if request.get(member):
                raise NotEmulated("cloudformation", f"CreateChangeSet with {member}")
        kind = request.get("ChangeSetType") or "UPDATE"
        if kind == "IMPORT":
            raise NotEmulated("cloudformation", "CreateChangeSet of type IMPORT")
        found = self.find(tx, scope, request["StackName"])
        existing = found if found is not None and found.deleted_at is None else None
        if kind == "CREATE":
            stack = self._stack_to_create(tx, scope, request, existing)
        else:
            if existing is None:
                raise validation_error(f"Stack [{request['StackName']}] does not exist")
            if existing.status == "REVIEW_IN_PROGRESS":
                raise validation_error(
                    f"Stack [{existing.name}] is in [REVIEW_IN_PROGRESS] state and can not be updated"
                )  # unverified
            check_can_be_updated(existing)
            stack = existing
        same = [item for item in store.list_change_sets(tx, stack.id) if item.name == name]
        if same:
            if request.get("ClientToken") and same[0].client_token == request["ClientToken"]:
                return {"Id": same[0].arn, "StackId": stack.arn}
            raise AwsError("AlreadyExistsException", f"ChangeSet {name} already exists")
        change_set = self._described(tx, scope, request, stack, kind)
        if kind == "CREATE" and existing is None:
            store.put_stack(tx, stack)
            self.history.stack(tx, stack)
        store.put_change_set(tx, change_set)
        return {"Id": change_set.arn, "StackId": stack.arn}

    def _stack_to_create(self, tx: Transaction, scope: Scope, request: Request, existing: Stack | None) -> Stack:
        name: str = request["StackName"]
        if existing is not None:
            if existing.status != "REVIEW_IN_PROGRESS":
                raise validation_error(
                    f"Stack [{existing.name}] already exists and cannot be created again with the"
                    f" changeSet [{request['ChangeSetName']}]."
                )
            return existing
        check_stack_name(name)
        blank = Definition("", tags=definition_of(request, read_of(request), None).tags)
        made = self.new_stack(tx, scope, {**request, "ClientRequestToken": None}, blank)
        return made.with_status("REVIEW_IN_PROGRESS", "User Initiated")

    def _described(self, tx: Transaction, scope: Scope, request: Request, stack: Stack, kind: str) -> ChangeSet:
        read = read_of(request)
        before = stack.definition if kind == "UPDATE" else None
        wanted = definition_of(request, read, before)
        planned = self.planned(tx, stack, wanted, read, before)
        self.check_capabilities(request.get("Capabilities"), read, planned.plan, direct=False)
        empty = kind == "UPDATE" and not planned.differs_from(stack)
        return ChangeSet(
            scope,
            tx.new_id(),
            request["ChangeSetName"],
            stack.id,
            stack.name,
            kind,
            tx.now,
            "FAILED" if empty else "CREATE_COMPLETE",
            "UNAVAILABLE" if empty else "AVAILABLE",
            NO_CHANGES if empty else "",
            request.get("Description") or "",
            planned.definition,
            tuple(change.to_json() for change in planned.changes),
            request.get("OnStackFailure"),
            request.get("ClientToken"),
            bool(request.get("IncludeNestedStacks")),
            bool(request.get("ImportExistingResources")),
        )

    def describe_change_set(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A change set and what it would change, a page at a time."""
        found = self._change_set(tx, scope, request)
        definition = found.definition
        assert definition is not None, "a change set has what it would make"
        start = _offset(request)
        page = found.changes[start : start + PAGE]
        more = start + PAGE < len(found.changes)
        return {
            "ChangeSetName": found.name,
            "ChangeSetId": found.arn,
            "StackId": found.stack_arn,
            "StackName": found.stack_name,
            "Description": found.description or None,
            "Parameters": parameters_shown(definition) or None,
            "CreationTime": found.created_at,
            "ExecutionStatus": found.execution_status,
            "Status": found.status,
            "StatusReason": found.reason or None,
            "NotificationARNs": list(definition.notifications),
            "RollbackConfiguration": dict(definition.rollback),
            "Capabilities": list(definition.capabilities) or None,
            "Tags": tags_shown(definition.tags) or None,
            "Changes": [dict(change) for change in page],
            "NextToken": write_token(start + PAGE) if more else None,
            "IncludeNestedStacks": found.nested,
            "OnStackFailure": found.on_failure,
            "ImportExistingResources": found.adopts,
        }

    def _change_set(self, tx: Transaction, scope: Scope, request: Request) -> ChangeSet:
        name: str = request["ChangeSetName"]
        change_set_id = id_of_arn(name)
        if change_set_id is not None:
            found = store.find_change_set(tx, change_set_id)
            if found is None or found.arn != name:
                raise no_such_change_set(name)
            return found
        if not request.get("StackName"):
            raise validation_error("StackName must be specified if ChangeSetName is not specified as an ARN.")
        stack = self.find(tx, scope, request["StackName"])
        if stack is None:
            raise validation_error(f"Stack [{request['StackName']}] does not exist")
        for item in store.list_change_sets(tx, stack.id):
            if item.name == name:
                return item
        raise no_such_change_set(name)

    def execute_change_set(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Do what a change set says."""
        found = self._change_set(tx, scope, request)
        stack = store.find_stack(tx, found.stack_id)
        assert stack is not None and found.definition is not None, "a change set belongs to a stack"
        token = request.get("ClientRequestToken")
        if token and stack.deployment.client_token == token and found.execution_status != "AVAILABLE":
            return {}
        if found.execution_status != "AVAILABLE":
            raise AwsError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{found.arn}] cannot be executed in its current status of [{found.status}]",
            )
        on_failure = request.get("OnStackFailure") or found.on_failure
        disable = bool(request.get("DisableRollback")) or on_failure == "DO_NOTHING"
        for other in store.list_change_sets(tx, stack.id):
            if other.id == found.id:
                store.put_change_set(tx, replace(other, execution_status="EXECUTE_COMPLETE"))
            else:
                store.delete_change_set(tx, other.id)  # [P] ExecuteChangeSet: all others of the stack are deleted
        deployment = deployment_of(tx, request, on_failure=on_failure or "ROLLBACK", adopt=found.adopts)
        changed = replace(stack, disable_rollback=disable, change_set_arn=found.arn)
        if found.kind == "CREATE":
            if stack.status != "REVIEW_IN_PROGRESS":
                raise validation_error(f"Stack:{stack.arn} is in {stack.status} state and can not be created.")
            store.add_imports(tx, scope, stack.id, list(found.definition.imports))
            created = replace(
                changed,
                definition=found.definition,
                deployment=deployment,
                generation=stack.generation + 1,
                updated_at=tx.now,
            )
            ending.begin(tx, created.with_status("CREATE_IN_PROGRESS", "User Initiated"), self.history)
            return {}
        check_can_be_updated(stack)
        self.begin_update(tx, changed, found.definition, deployment)
        return {}

    def delete_change_set(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Forget a change set; one that is not there is no error."""
        try:
            found = self._change_set(tx, scope, request)
        except AwsError as problem:
            if problem.code == "ChangeSetNotFound":
                return {}
            raise
        if found.execution_status == "EXECUTE_IN_PROGRESS":
            raise AwsError("InvalidChangeSetStatus", f"ChangeSet [{found.arn}] is being executed")
        store.delete_change_set(tx, found.id)
        return {}

    def list_change_sets(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """A stack's change sets."""
        name: str = request["StackName"]
        stack = self.find(tx, scope, name)
        if stack is None:
            raise validation_error(f"Stack [{name}] does not exist")
        listed = store.list_change_sets(tx, stack.id)
        start = _offset(request)
        page = listed[start : start + PAGE]
        more = write_token(start + PAGE) if start + PAGE < len(listed) else None
        return {"Summaries": [_summary(item) for item in page], "NextToken": more}


def _summary(item: ChangeSet) -> Mapping[str, Any]:
    return {
        "StackId": item.stack_arn,
        "StackName": item.stack_name,
        "ChangeSetId": item.arn,
        "ChangeSetName": item.name,
        "ExecutionStatus": item.execution_status,
        "Status": item.status,
        "StatusReason": item.reason or None,
        "CreationTime": item.created_at,
        "Description": item.description or None,
        "IncludeNestedStacks": item.nested,
    }


def _offset(request: Request) -> int:
    try:
        text = read_token(request.get("NextToken"))
        return int(text) if text else 0
    except ValueError as problem:
        raise validation_error("Invalid NextToken") from problem  # unverified
