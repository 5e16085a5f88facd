"""What all operations share: finding a stack by what a caller calls it, and beginning a deployment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.deploy.template import rules
from emulator.deploy.template.document import TemplateError
from emulator.ports import Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.history import History
from emulator.services.cloudformation.language import (
    ActiveOutput,
    Plan,
    capabilities_needed,
    plan_of,
    refused,
    row_of,
)
from emulator.services.cloudformation.model import (
    FAILED_FOR_UPDATE,
    Definition,
    Deployment,
    Resource,
    Stack,
    id_of_arn,
    no_such_stack,
    validation_error,
)
from emulator.services.cloudformation.operations.reading import Read, insufficient
from emulator.services.cloudformation.planning import Change, changes
from emulator.settings import LiveSettings

Request = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Planned:
    """A definition, with what follows from it for a stack."""

    definition: Definition
    plan: Plan
    changes: list[Change]
    outputs: list[ActiveOutput]

    def differs_from(self, stack: Stack) -> bool:
        """Whether there is anything to update."""
        old, new = stack.definition, self.definition
        if self.changes or stack.status in FAILED_FOR_UPDATE:
            return True
        if (dict(old.tags), old.notifications, dict(old.rollback)) != (
            dict(new.tags),
            new.notifications,
            dict(new.rollback),
        ):
            return True
        before = {item["OutputKey"]: (item["OutputValue"], item.get("ExportName")) for item in old.outputs}
        return before != {item.name: (item.value, item.export) for item in self.outputs}


class StackState:
    """Base of the operation classes."""

    def __init__(self, calls: Calls, history: History, settings: LiveSettings) -> None:
        self.calls = calls
        self.history = history
        self.settings = settings

    def find(self, tx: Transaction, scope: Scope, name: str) -> Stack | None:
        """The stack that a name, an ARN or an id means; a deleted one only by its ARN."""
        stack_id = id_of_arn(name)
        if stack_id is not None:
            stack = store.find_stack(tx, stack_id)
            return stack if stack is not None and stack.arn == name else None
        return store.find_named(tx, scope, name)

    def stack(self, tx: Transaction, scope: Scope, name: str | None) -> Stack:
        """The stack of a request. Raises AWS's error if there is none."""
        if not name:
            raise validation_error("StackName is required")  # unverified
        stack = self.find(tx, scope, name)
        if stack is None:
            raise no_such_stack(name)
        return stack

    def live_stack(self, tx: Transaction, scope: Scope, name: str) -> Stack:
        """A stack that is to be changed. Raises AWS's error if there is none, or only a deleted one."""
        stack = self.find(tx, scope, name)
        if stack is None or stack.deleted_at is not None:
            raise validation_error(f"Stack [{name}] does not exist")
        return stack

    def planned(
        self, tx: Transaction, stack: Stack, definition: Definition, read: Read, old: Definition | None
    ) -> Planned:
        """What a definition would do to a stack. Raises AwsError for what cannot be."""
        used: list[str] = []

        def export(name: str) -> str | None:
            found = store.find_export(tx, stack.scope, name)
            if found is None or found[1] == stack.id:
                return None
            used.append(name)
            return found[0]

        resources = {item.logical_id: item for item in store.list_resources(tx, stack.id)}
        try:
            plan = plan_of(stack, definition, export, read.template)
            rules.check(plan.environment)
            found, outputs = changes(plan, resources, old, definition)
        except TemplateError as problem:
            raise refused(problem) from problem
        self._check_types(plan, read, resources)
        return Planned(replace(definition, imports=tuple(dict.fromkeys(used))), plan, found, outputs)

    def _check_types(self, plan: Plan, read: Read, resources: Mapping[str, Resource]) -> None:
        unknown: list[str] = []
        for logical_id in plan.order:
            kind = plan.type_of(logical_id)
            if row_of(kind) is None and not self.settings.skip_unknown_resources:
                line = read.document.location(("Resources", logical_id)).line
                place = f", line {line}" if "\n" in read.document.text.strip() else ""  # tools send it as one line
                unknown.append(f"{kind} ({logical_id}{place})")
        if unknown:
            raise validation_error(f"Template format error: Unrecognized resource types: [{', '.join(unknown)}]")
        retyped = [
            name
            for name in plan.order
            if name in resources
            and resources[name].physical_id
            and resources[name].type != plan.type_of(name)
            and resources[name].status != "DELETE_COMPLETE"
        ]
        if retyped:
            raise validation_error(
                "Update of resource type is not permitted. The new template modifies resource type of the following"
                f" resources: [{', '.join(retyped)}]"
            )
        for logical_id in plan.order:
            row, declared = row_of(plan.type_of(logical_id)), plan.template.resources[logical_id]
            policies = (declared.deletion_policy, declared.update_replace_policy)
            if row is not None and not row.snapshots and "Snapshot" in policies:
                raise validation_error(
                    f"Template error: resource type {declared.type} does not support deletion policy Snapshot"
                )

    def check_capabilities(self, given: Any, read: Read, plan: Plan, direct: bool) -> None:
        """Raise AWS's error if a template does what its caller has not acknowledged."""
        acknowledged: set[str] = set(given or [""])
        needed = capabilities_needed(read.template, plan.order)
        if "CAPABILITY_NAMED_IAM" in acknowledged:
            acknowledged.add("CAPABILITY_IAM")
        if direct and read.transforms:
            needed.append("CAPABILITY_AUTO_EXPAND")
        missing = [name for name in needed if name not in acknowledged]
        if missing:
            raise insufficient(missing)


def deployment_of(tx: Transaction, request: Mapping[str, Any], **more: Any) -> Deployment:
    """A new deployment as a request wants it."""
    token = request.get("ClientRequestToken")
    keep_new = bool(request.get("RetainExceptOnCreate"))
    tells = tuple(request.get(TELLS_MEMBER) or ())
    return Deployment(tx.new_id(), token, keep_new=keep_new, tells=tells, **more)


TELLS_MEMBER = "_tells"
"""A member that no model has: (stack id, token) of a parent that waits for a nested stack."""
PARENT_MEMBER = "_parent"
"""As above: (parent's id, logical id) of a nested stack."""


def token_used(stack: Stack) -> AwsError:
    """A token that was used for something else."""
    return AwsError("TokenAlreadyExistsException", f"Client request token already used for stack {stack.arn}")
