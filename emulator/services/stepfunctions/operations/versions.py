"""Versions, which do not change, and aliases, which name one or two of them by weight.

Decides texts of errors and answers (reference 5.10). Which version an alias leads to is drawn when an execution starts.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum
from emulator.ports import Transaction
from emulator.services.stepfunctions import model, store
from emulator.services.stepfunctions.model import Alias, StateMachine, Version
from emulator.services.stepfunctions.operations.state import StepFunctionsState, page
from emulator.services.stepfunctions.telemetry import Telemetry

MOST_VERSIONS = 1000
MOST_ALIASES = 100
INITIAL = "INITIAL"
"""How a caller names the revision of a machine that was never updated."""
BAD_TOKEN = "Invalid Token: 'Invalid token'"


class VersionOperations(StepFunctionsState):
    """PublishStateMachineVersion … ListStateMachineAliases."""

    def publish_state_machine_version(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Publish the machine as it is; a revision that is published already answers with its version."""
        machine = self.machine(tx, scope, request["stateMachineArn"])
        wanted = request.get("revisionId")
        current = machine.revision_id or INITIAL
        if wanted is not None and wanted != current:
            text = (
                f"Failed to publish the State Machine version for revision {wanted}. The current State Machine "
                f"revision is {current}."
            )
            raise AwsError("ConflictException", text)
        version = publish(tx, scope, machine, request.get("description"))
        count_versions(tx, scope, machine.arn, self.progress.telemetry)
        return {"creationDate": version.created_at, "stateMachineVersionArn": version.arn}

    def delete_state_machine_version(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete a version that no alias names; an unknown one is no error."""
        arn = request["stateMachineVersionArn"]
        model.check_arn(arn, "stateMachine")
        machine_arn, qualifier = model.split_machine_arn(arn)
        if qualifier is None or not qualifier.isdigit():
            raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN: {arn}'")
        naming = [
            alias.name
            for alias in store.list_aliases(tx, machine_arn, 0, MOST_ALIASES)
            if any(route["stateMachineVersionArn"] == arn for route in alias.routing)
        ]
        if naming:
            text = (
                "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this "
                f"version: [{', '.join(naming)}]"
            )
            raise AwsError("ConflictException", text)
        store.delete_version(tx, scope, arn)
        count_versions(tx, scope, machine_arn, self.progress.telemetry)
        return {}

    def list_state_machine_versions(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Versions, newest first; a machine that does not exist has none."""
        size = model.page_size(request, 1024)
        model.check_arn(request["stateMachineArn"], "stateMachine")
        below = model.read_token(request, tx.now, BAD_TOKEN)
        machine = store.find_machine(tx, scope, request["stateMachineArn"])
        found = store.list_versions(tx, machine.arn, below, size + 1) if machine is not None else []
        items = [
            {"stateMachineVersionArn": version.arn, "creationDate": version.created_at} for version in found[:size]
        ]
        return page(tx, request, {"stateMachineVersions": items}, found[size - 1].number if len(found) > size else None)

    # ── aliases ─────────────────────────────────────────────────────────────────────────────────

    def create_state_machine_alias(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create, or answer as before if description and routing are the same."""
        name, routing, description = request["name"], request["routingConfiguration"], request.get("description")
        machine_arn = self._check_routing(tx, scope, routing)
        arn = f"{machine_arn}:{name}"
        existing = store.find_alias(tx, scope, arn)
        if existing is not None:
            if (existing.routing, existing.description) != (routing, description):
                text = (
                    "Failed to create alias because an alias with the same name and a different routing configuration "
                    "already exists."
                )
                raise AwsError("ConflictException", text)
            return {"stateMachineAliasArn": arn, "creationDate": existing.created_at}
        if len(store.list_aliases(tx, machine_arn, 0, MOST_ALIASES)) >= MOST_ALIASES:
            raise AwsError("ServiceQuotaExceededException", f"A state machine can have at most {MOST_ALIASES} aliases.")
        store.save_alias(tx, scope, Alias(arn, machine_arn, name, description, routing, tx.now, tx.now))
        self._count_aliases(tx, scope, machine_arn)
        return {"stateMachineAliasArn": arn, "creationDate": tx.now}

    def describe_state_machine_alias(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One alias."""
        alias = self._alias(tx, scope, request["stateMachineAliasArn"])
        answer: dict[str, Any] = {
            "stateMachineAliasArn": alias.arn,
            "name": alias.name,
            "routingConfiguration": alias.routing,
            "creationDate": alias.created_at,
            "updateDate": alias.updated_at,
        }
        if alias.description is not None:
            answer["description"] = alias.description
        return answer

    def update_state_machine_alias(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change description or routing."""
        alias = self._alias(tx, scope, request["stateMachineAliasArn"])
        routing, description = request.get("routingConfiguration"), request.get("description")
        if routing is None and description is None:
            text = "Either the description or the RoutingConfiguration must be specified"
            raise AwsError("ValidationException", text)
        if routing is not None:
            if self._check_routing(tx, scope, routing) != alias.machine_arn:
                text = "Routing configuration must contain versions of the state machine of the alias."
                raise AwsError("ValidationException", text)
            alias.routing = routing
        if description is not None:
            alias.description = description
        alias.updated_at = tx.now
        store.save_alias(tx, scope, alias)
        return {"updateDate": tx.now}

    def delete_state_machine_alias(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete; an unknown one is no error [R:test_delete_no_such_alias_arn]."""
        model.check_arn(request["stateMachineAliasArn"], "stateMachine")
        store.delete_alias(tx, scope, request["stateMachineAliasArn"])
        self._count_aliases(tx, scope, model.split_machine_arn(request["stateMachineAliasArn"])[0])
        return {}

    def list_state_machine_aliases(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Aliases of a machine, or of one of its versions."""
        size = model.page_size(request, 1024)
        arn = request["stateMachineArn"]
        model.check_arn(arn, "stateMachine")
        offset = model.read_token(request, tx.now, BAD_TOKEN) or 0
        machine_arn, version = model.split_machine_arn(arn)
        self.machine(tx, scope, machine_arn)
        if version is not None and store.find_version(tx, scope, arn) is None:
            raise no_such_resource()
        found = [
            alias
            for alias in store.list_aliases(tx, machine_arn, 0, MOST_ALIASES)
            if version is None or any(route["stateMachineVersionArn"] == arn for route in alias.routing)
        ][offset : offset + size + 1]
        items = [{"stateMachineAliasArn": alias.arn, "creationDate": alias.created_at} for alias in found[:size]]
        return page(tx, request, {"stateMachineAliases": items}, offset + size if len(found) > size else None)

    def _count_aliases(self, tx: Transaction, scope: Scope, machine_arn: str) -> None:
        count = Datum("AliasCount", len(store.list_aliases(tx, machine_arn, 0, MOST_ALIASES)))
        self.progress.telemetry.counted(tx, scope, [count], machine_arn)

    def _alias(self, tx: Transaction, scope: Scope, arn: str) -> Alias:
        model.check_arn(arn, "stateMachine")
        alias = store.find_alias(tx, scope, arn)
        if alias is None:
            raise no_such_resource()
        return alias

    def _check_routing(self, tx: Transaction, scope: Scope, routing: list[dict[str, Any]]) -> str:
        """The machine whose versions these are. Raises what AWS says of a bad routing [R:sfn_api_aliasing]."""
        arns = [route["stateMachineVersionArn"] for route in routing]
        listed = f"Received: [{', '.join(arns)}]"
        for arn in arns:
            model.check_arn(arn, "stateMachine")
            qualifier = model.split_machine_arn(arn)[1]
            if qualifier is None or not qualifier.isdigit():
                text = f"Routing configuration must contain state machine version ARNs. {listed}"
                raise AwsError("ValidationException", text)
        if len(set(arns)) < len(arns):
            text = f"Routing configuration must contain distinct state machine version ARNs. {listed}"
            raise AwsError("ValidationException", text)
        weights = [route["weight"] for route in routing]
        if sum(weights) != 100:
            text = f"Sum of routing configuration weights must equal 100. Received: {weights}"
            raise AwsError("ValidationException", text)
        machines = {model.split_machine_arn(arn)[0] for arn in arns}
        if len(machines) > 1:
            text = f"Routing configuration must contain versions of one state machine. {listed}"
            raise AwsError("ValidationException", text)
        if any(store.find_version(tx, scope, arn) is None for arn in arns):
            raise no_such_resource()
        return machines.pop()


def publish(tx: Transaction, scope: Scope, machine: StateMachine, description: str | None) -> Version:
    """The version of the machine's current revision, new if it has none yet. Raises ConflictException."""
    newest = next(iter(store.list_versions(tx, machine.arn, None, 1)), None)
    if newest is not None and newest.revision_id == machine.revision_id:
        if description is not None and description != newest.description:
            text = f"Version {newest.number} of this revision exists already with a different description."
            raise AwsError("ConflictException", text)
        return newest
    if store.count_versions(tx, machine.arn) >= MOST_VERSIONS:
        text = f"A state machine can have at most {MOST_VERSIONS} versions."
        raise AwsError("ServiceQuotaExceededException", text)
    machine.last_version += 1
    snapshot = {
        "definition": machine.definition,
        "role_arn": machine.role_arn,
        "logging": machine.logging,
        "tracing": machine.tracing,
        "encryption": machine.encryption,
    }
    version = Version(
        f"{machine.arn}:{machine.last_version}", machine.arn, machine.last_version, tx.now, description or "",
        machine.revision_id, snapshot,
    )  # fmt: skip
    store.add_version(tx, scope, version)
    store.save_machine(tx, scope, machine)
    return version


def count_versions(tx: Transaction, scope: Scope, machine_arn: str, telemetry: Telemetry) -> None:
    """Tell CloudWatch how many versions a machine has."""
    telemetry.counted(tx, scope, [Datum("VersionCount", store.count_versions(tx, machine_arn))], machine_arn)


def no_such_resource() -> AwsError:
    """ResourceNotFound in the words of aliases [R:test_update_no_such_alias_arn]."""
    return AwsError("ResourceNotFound", "Request references a resource that does not exist.")
