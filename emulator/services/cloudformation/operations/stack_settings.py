"""What else is kept of a stack, and what is told to its resources from outside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.cloudformation import store
from emulator.services.cloudformation.deployment.waking import signal
from emulator.services.cloudformation.model import Stack, validation_error
from emulator.services.cloudformation.operations.stacks import StackOperations
from emulator.services.cloudformation.operations.state import Request


class SettingOperations(StackOperations):
    """Policies, termination protection, signals, drift detection as data."""

    def update_termination_protection(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Protect a stack from deletion, or no longer."""
        stack = self.live_stack(tx, scope, request["StackName"])
        if stack.parent_id is not None:
            raise validation_error(
                "Termination protection can't be set on nested stacks. Set it on the root stack instead."
            )  # unverified
        protected = replace(stack, protected=bool(request["EnableTerminationProtection"]))
        store.put_stack(tx, replace(protected, generation=stack.generation + 1))
        return {"StackId": stack.arn}

    def set_stack_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Set what later updates may change."""
        stack = self.live_stack(tx, scope, request["StackName"])
        policy = self.policy_of(request)
        store.put_stack(tx, replace(stack, policy=policy, generation=stack.generation + 1))
        return {}

    def get_stack_policy(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """The stack policy that was set."""
        return {"StackPolicyBody": self.stack(tx, scope, request["StackName"]).policy}

    def signal_resource(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Tell a resource with a CreationPolicy that it is ready, or not."""
        stack = self.live_stack(tx, scope, request["StackName"])
        logical_id: str = request["LogicalResourceId"]
        resource = store.find_resource(tx, stack.id, logical_id)
        if resource is None:
            raise validation_error(f"Resource {logical_id} does not exist for stack {stack.name}")
        if resource.waits_for != "signal" or not resource.creation_policy:
            raise validation_error(
                f"Resource {logical_id} is in {resource.status} state and cannot be signaled"
            )  # unverified
        body = {"UniqueId": request["UniqueId"], "Status": request["Status"]}
        signal(tx, stack.id, resource.token, body)
        return {}

    # ── drift, as data ──────────────────────────────────────────────────────────────────────────

    def detect_stack_drift(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """Begin to look for drift; it has ended when one asks."""
        stack = self.live_stack(tx, scope, request["StackName"])
        return {"StackDriftDetectionId": f"{stack.id[:-12]}{stack.id[-12:]}"}

    def describe_stack_drift_detection_status(self, tx: Transaction, scope: Scope, request: Request) -> dict[str, Any]:
        """How far looking for drift is: nothing here changes a resource behind its stack's back unseen."""
        found: Stack | None = store.find_stack(tx, request["StackDriftDetectionId"])
        if found is None:
            raise validation_error(f"Drift detection {request['StackDriftDetectionId']} does not exist")  # unverified
        return {
            "StackId": found.arn,
            "StackDriftDetectionId": request["StackDriftDetectionId"],
            "StackDriftStatus": "UNKNOWN",
            "DetectionStatus": "DETECTION_COMPLETE",
            "DriftedStackResourceCount": 0,
            "Timestamp": tx.now,
        }
