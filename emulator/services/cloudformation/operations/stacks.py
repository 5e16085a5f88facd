"""Operations that change stacks: create, update, delete, and what interrupts or continues them.

Each stores what is wanted and has the stack's job do it; a request that AWS refuses changes nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudformation import stack_policy, store
from emulator.services.cloudformation.deployment import ending, waking
from emulator.services.cloudformation.model import (
    FAILED_FOR_UPDATE,
    HISTORY_SECONDS,
    MOST_STACKS,
    SETTLED_FOR_UPDATE,
    Definition,
    Deployment,
    Resource,
    Stack,
    cannot_be_updated,
    check_stack_name,
    no_updates,
    validation_error,
)
from emulator.services.cloudformation.operations.reading import definition_of, read_of
from emulator.services.cloudformation.operations.state import (
    PARENT_MEMBER,
    TELLS_MEMBER,
    Request,
    StackState,
    deployment_of,
    token_used,
)

_NOT_EMULATED = ("ResourceTypes",)


class StackOperations(StackState):
    """CreateStack, UpdateStack, DeleteStack and their kin."""

    def create_stack(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Create a stack from a template."""
        name: str = request["StackName"]
        check_stack_name(name)
        _refuse_unknown_members("CreateStack", request)
        existing = store.find_named(tx, scope, name)
        token = request.get("ClientRequestToken")
        if existing is not None:
            if token and existing.deployment.client_token == token and existing.updated_at is None:
                return {"StackId": existing.arn}
            raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
        if request.get("OnFailure") and request.get("DisableRollback") is not None:
            raise validation_error("You cannot specify both OnFailure and DisableRollback")  # unverified
        store.forget_deleted(tx, tx.now - HISTORY_SECONDS)
        if store.count_stacks(tx, scope) >= MOST_STACKS:
            raise AwsError("LimitExceededException", f"Limit for stack has been exceeded ({MOST_STACKS})")
        read = read_of(request)
        stack = self.new_stack(tx, scope, request, definition_of(request, read, None))
        planned = self.planned(tx, stack, stack.definition, read, None)
        self.check_capabilities(request.get("Capabilities"), read, planned.plan, direct=True)
        store.add_imports(tx, scope, stack.id, list(planned.definition.imports))
        ending.begin(tx, replace(stack, definition=planned.definition), self.history)
        return {"StackId": stack.arn}

    def new_stack(self, tx: Transaction, scope: Scope, request: Request, definition: Definition) -> Stack:
        """A stack that is about to be created."""
        minutes = request.get("TimeoutInMinutes")
        stack_id = tx.new_id()
        parent = request.get(PARENT_MEMBER)
        deployment = deployment_of(
            tx,
            request,
            on_failure=request.get("OnFailure") or "ROLLBACK",
            ends_at=tx.now + minutes * 60 if minutes else None,
        )
        return Stack(
            scope,
            stack_id,
            request["StackName"],
            "CREATE_IN_PROGRESS",
            tx.now,
            definition,
            deployment,
            reason="User Initiated",
            parent_id=parent[0] if parent else None,
            root_id=_root_of(tx, parent[0]) if parent else None,
            parent_resource=parent[1] if parent else None,
            protected=bool(request.get("EnableTerminationProtection")),
            policy=self.policy_of(request),
            disable_rollback=bool(request.get("DisableRollback")),
            timeout_minutes=minutes,
        )

    def policy_of(self, request: Request) -> str | None:
        """StackPolicyBody. Raises NotEmulated for one in S3, AwsError for one that is none."""
        for member in ("StackPolicyURL", "StackPolicyDuringUpdateURL"):
            if request.get(member):
                raise NotEmulated("cloudformation", member, "send the policy's text")
        for member in ("StackPolicyBody", "StackPolicyDuringUpdateBody"):
            if request.get(member):
                stack_policy.check(request[member])
        return request.get("StackPolicyBody")

    def update_stack(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Change a stack to what a template says."""
        stack = self.live_stack(tx, scope, request["StackName"])
        _refuse_unknown_members("UpdateStack", request)
        token = request.get("ClientRequestToken")
        if token and stack.deployment.client_token == token:
            if stack.updated_at is None:
                raise token_used(stack)
            return {"StackId": stack.arn}
        check_can_be_updated(stack)
        read = read_of(request)
        wanted = definition_of(request, read, stack.definition)
        planned = self.planned(tx, stack, wanted, read, stack.definition)
        self.check_capabilities(request.get("Capabilities"), read, planned.plan, direct=True)
        if not planned.differs_from(stack):
            raise no_updates()
        disable = request.get("DisableRollback")
        deployment = deployment_of(tx, request, policy=request.get("StackPolicyDuringUpdateBody"))
        self.begin_update(
            tx,
            replace(stack, disable_rollback=bool(disable), policy=self.policy_of(request) or stack.policy),
            planned.definition,
            deployment,
        )
        return {"StackId": stack.arn}

    def begin_update(self, tx: Transaction, stack: Stack, definition: Definition, deployment: Deployment) -> None:
        """Have a stack's job change it."""
        previous = stack.previous if stack.status in FAILED_FOR_UPDATE and stack.previous else stack.definition
        store.add_imports(tx, stack.scope, stack.id, list(definition.imports))
        updating = replace(
            stack,
            definition=replace(definition, outputs=stack.definition.outputs),
            previous=previous,
            deployment=deployment,
            generation=stack.generation + 1,
            updated_at=tx.now,
        )
        ending.begin(tx, updating.with_status("UPDATE_IN_PROGRESS", "User Initiated"), self.history)

    def delete_stack(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Delete a stack and its resources; one that does not exist is no error."""
        stack = self.find(tx, scope, request["StackName"])
        if stack is None or stack.deleted_at is not None:
            return {}
        if stack.protected and stack.parent_id is None:
            raise validation_error(f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled")
        retain = tuple(request.get("RetainResources") or ())
        if retain and stack.status != "DELETE_FAILED":
            raise validation_error(
                f"Invalid operation on stack [{stack.arn}]. Retain resources are only allowed when the stack is in"
                " DELETE_FAILED state"
            )
        force = request.get("DeletionMode") == "FORCE_DELETE_STACK"
        if force and stack.status != "DELETE_FAILED":
            raise validation_error(
                f"Invalid operation on stack [{stack.arn}]. Force delete is only allowed when the stack is in"
                " DELETE_FAILED state"
            )  # unverified
        if stack.status == "DELETE_IN_PROGRESS":
            tells = tuple(request.get(TELLS_MEMBER) or ())
            if tells and tells != stack.deployment.tells:  # somebody else has begun: the parent asks again
                raise validation_error(f"Stack [{stack.arn}] cannot be deleted while in status {stack.status}")
            return {}
        if stack.status == "REVIEW_IN_PROGRESS":
            deleted = replace(stack, deleted_at=tx.now, generation=stack.generation + 1).with_status("DELETE_COMPLETE")
            store.put_stack(tx, deleted)
            self.history.stack(tx, deleted)
            return {}
        if stack.in_progress and stack.status != "CREATE_IN_PROGRESS":
            raise validation_error(f"Stack [{stack.arn}] cannot be deleted while in status {stack.status}")
        self._check_exports_unused(tx, stack)
        unknown = [name for name in retain if store.find_resource(tx, stack.id, name) is None]
        if unknown:
            raise validation_error(f"Unknown resources specified for retention: {unknown}")  # unverified
        for item in store.list_resources(tx, stack.id):
            _give_up_the_old(tx, stack, item)
        deployment = replace(
            deployment_of(tx, request),
            retain=retain,
            force=force,
        )
        deleting = replace(stack, deployment=deployment, generation=stack.generation + 1, previous=None)
        ending.begin(tx, deleting.with_status("DELETE_IN_PROGRESS", "User Initiated"), self.history)
        return {}

    def _check_exports_unused(self, tx: Transaction, stack: Stack) -> None:
        for name in store.exports_of(tx, stack.id):
            users = store.importers(tx, stack.scope, name)
            if users:
                raise validation_error(f"Export {name} cannot be deleted as it is in use by {' and '.join(users)}")

    def cancel_update_stack(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Stop an update and go back to what was."""
        stack = self.live_stack(tx, scope, request["StackName"])
        if stack.status != "UPDATE_IN_PROGRESS":
            raise validation_error("CancelUpdateStack cannot be called from current stack status")
        deployment = replace(stack.deployment, cancelled=True)
        cancelled = replace(stack, deployment=deployment, generation=stack.generation + 1)
        store.put_stack(tx, cancelled)
        waking.wake(tx, stack.id)
        return {}

    def continue_update_rollback(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Go on with a rollback that failed."""
        stack = self.live_stack(tx, scope, request["StackName"])
        if stack.status != "UPDATE_ROLLBACK_FAILED":
            raise validation_error(
                f"Stack:{stack.arn} is in {stack.status} state and can not continue rollback."
            )  # unverified
        skipped = tuple(request.get("ResourcesToSkip") or ())
        for item in store.list_resources(tx, stack.id):
            if item.verb == "restore" and item.status == "UPDATE_FAILED":
                again = replace(item, verb="update", deployment="", wanted=None)
                store.put_resource(tx, stack.id, again)
        self._again(tx, stack, "UPDATE_ROLLBACK_IN_PROGRESS", request, skipped)
        return {}

    def rollback_stack(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Go back from a failure that was kept."""
        stack = self.live_stack(tx, scope, request["StackName"])
        following = {
            "CREATE_FAILED": "ROLLBACK_IN_PROGRESS",
            "UPDATE_FAILED": "UPDATE_ROLLBACK_IN_PROGRESS",
        }.get(stack.status)
        if following is None:
            raise validation_error(f"Stack:{stack.arn} is in {stack.status} state and can not be rolled back.")
        self._again(tx, stack, following, request, ())
        return {"StackId": stack.arn}

    def _again(self, tx: Transaction, stack: Stack, status: str, request: Request, skipped: tuple[str, ...]) -> None:
        deployment = replace(deployment_of(tx, request), retain=skipped)
        again = replace(stack, deployment=deployment, generation=stack.generation + 1)
        ending.begin(tx, again.with_status(status, "User Initiated"), self.history)


def _root_of(tx: Transaction, parent_id: str) -> str:
    parent = store.find_stack(tx, parent_id)
    return parent.root_id or parent.id if parent is not None else parent_id


def check_can_be_updated(stack: Stack) -> None:
    """Raise AWS's error for a stack that cannot be updated now."""
    if stack.status not in SETTLED_FOR_UPDATE | FAILED_FOR_UPDATE:
        raise cannot_be_updated(stack)
    if stack.status == "CREATE_FAILED" and not stack.disable_rollback:
        raise cannot_be_updated(stack)


def _give_up_the_old(tx: Transaction, stack: Stack, resource: Resource) -> None:
    """What an update that was never rolled back has left, is deleted with the stack."""
    if not resource.before:
        return
    before = store.resource_from_json(resource.before)
    if before.physical_id and before.physical_id != resource.physical_id:
        store.add_leftover(tx, stack.id, replace(before, verb="", replace_policy=before.deletion_policy))
    store.put_resource(tx, stack.id, replace(resource, before=None))


def _refuse_unknown_members(operation: str, request: Request) -> None:
    for member in _NOT_EMULATED:
        if request.get(member):
            raise NotEmulated("cloudformation", f"{operation} with {member}")
