"""State machines: create, read, change, delete, label.

Decides texts of errors and answers (reference 5.1, 5.10, 5.11).
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError, NotEmulated, validation_errors
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.stepfunctions import model, store
from emulator.services.stepfunctions.asl import validate
from emulator.services.stepfunctions.model import StateMachine
from emulator.services.stepfunctions.operations.state import StepFunctionsState, page


class StateMachineOperations(StepFunctionsState):
    """CreateStateMachine … UntagResource."""

    def create_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create, or answer as before if name, definition and role are the same [R:test_create_exact_duplicate_sm]."""
        name = request["name"]
        model.check_name(name)
        _refuse_unemulated(request, "CreateStateMachine")
        logging = _logging(request)
        self.check_definition(request["definition"], "CreateStateMachine")
        _check_role(request["roleArn"])
        arn = model.machine_arn(scope, name)
        existing = store.find_machine(tx, scope, arn)
        if existing is not None:
            same = (existing.definition, existing.role_arn) == (request["definition"], request["roleArn"])
            if not same:
                raise AwsError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
            return {"stateMachineArn": arn, "creationDate": existing.created_at}
        machine = StateMachine(arn, name, request["definition"], request["roleArn"], tx.now, tx.now, logging=logging)
        machine.tracing = _tracing(request)
        machine.tags = {tag["key"]: tag.get("value", "") for tag in request.get("tags", ())}
        _check_tag_count(machine.tags)
        store.save_machine(tx, scope, machine)
        return {"stateMachineArn": arn, "creationDate": tx.now}

    def update_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change what new executions run; running ones keep theirs."""
        machine = self.machine(tx, scope, request["stateMachineArn"])
        _refuse_unemulated(request, "UpdateStateMachine")
        changeable = (
            "definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration",
        )  # fmt: skip
        if not any(request.get(name) is not None for name in changeable):
            raise AwsError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
                "specified",
            )
        if request.get("definition") is not None:
            self.check_definition(request["definition"], "UpdateStateMachine")
            machine.definition = request["definition"]
        if request.get("roleArn") is not None:
            _check_role(request["roleArn"])
            machine.role_arn = request["roleArn"]
        if request.get("loggingConfiguration") is not None:
            machine.logging = _logging(request)
        if request.get("tracingConfiguration") is not None:
            machine.tracing = _tracing(request)
        machine.updated_at = tx.now
        machine.revision_id = tx.new_id()
        store.save_machine(tx, scope, machine)
        return {"updateDate": tx.now, "revisionId": machine.revision_id}

    def describe_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One state machine."""
        machine = self.machine(tx, scope, request["stateMachineArn"])
        answer: dict[str, Any] = {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "status": "ACTIVE",
            "definition": machine.definition,
            "roleArn": machine.role_arn,
            "type": "STANDARD",
            "creationDate": machine.created_at,
            "loggingConfiguration": machine.logging,
            "tracingConfiguration": machine.tracing,
        }
        if machine.revision_id is not None:
            answer["revisionId"] = machine.revision_id
        if request.get("includedData") == "METADATA_ONLY":
            del answer["definition"]
        return answer

    def delete_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete; an unknown machine is no error [R:test_delete_nonexistent_sm]. Running executions go on."""
        model.check_arn(request["stateMachineArn"], "stateMachine")
        store.delete_machine(tx, scope, request["stateMachineArn"])
        return {}

    def list_state_machines(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """State machines by name."""
        size = model.page_size(request, 1024)
        offset = model.read_token(request) or 0
        machines = store.list_machines(tx, scope, offset, size + 1)
        items = [
            {"stateMachineArn": item.arn, "name": item.name, "type": "STANDARD", "creationDate": item.created_at}
            for item in machines[:size]
        ]
        return page({"stateMachines": items}, offset + size if len(machines) > size else None)

    def validate_state_machine_definition(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Every problem of a definition, without creating anything."""
        if request.get("type") == "EXPRESS":
            raise NotEmulated("stepfunctions", "ValidateStateMachineDefinition", "type EXPRESS")
        document, problem = validate.parse_json(request["definition"])
        if document is not None:
            problems = validate.validate(document, self._task_problems)
        else:
            problems = [problem] if problem is not None else []
        diagnostics: list[dict[str, Any]] = []
        for item in problems:
            entry = {"severity": "ERROR", "code": item.code, "message": item.message}
            if item.location is not None:
                entry["location"] = item.location
            diagnostics.append(entry)
        shown = diagnostics[: request.get("maxResults") or 100]
        result = "FAIL" if diagnostics else "OK"
        return {"result": result, "diagnostics": shown, "truncated": len(shown) < len(diagnostics)}

    # ── tags ────────────────────────────────────────────────────────────────────────────────────

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Tags of a state machine."""
        machine = self.tagged_machine(tx, scope, request["resourceArn"])
        return {"tags": [{"key": key, "value": value} for key, value in machine.tags.items()]}

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add or replace tags."""
        machine = self.tagged_machine(tx, scope, request["resourceArn"])
        machine.tags |= {tag["key"]: tag.get("value", "") for tag in request["tags"]}
        _check_tag_count(machine.tags)
        store.save_machine(tx, scope, machine)
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags; absent ones are no error."""
        machine = self.tagged_machine(tx, scope, request["resourceArn"])
        machine.tags = {key: value for key, value in machine.tags.items() if key not in request["tagKeys"]}
        store.save_machine(tx, scope, machine)
        return {}


def _check_role(arn: str) -> None:
    if not arn.startswith("arn:"):
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")


def _check_tag_count(tags: dict[str, str]) -> None:
    if len(tags) > model.MAX_TAGS:
        raise AwsError("TooManyTags", f"A resource can have at most {model.MAX_TAGS} tags.")


def _refuse_unemulated(request: dict[str, Any], operation: str) -> None:
    if request.get("type", "STANDARD") == "EXPRESS":
        raise NotEmulated("stepfunctions", operation, "type EXPRESS is not emulated; use STANDARD")
    if request.get("type", "STANDARD") != "STANDARD":
        raise validation_errors(
            [
                f"Value '{request['type']}' at 'type' failed to satisfy constraint: Member must satisfy enum value "
                "set: [STANDARD, EXPRESS]"
            ]
        )
    if request.get("publish"):
        raise NotEmulated("stepfunctions", operation, "publish: state machine versions are not emulated")
    if request.get("versionDescription") is not None:
        raise AwsError("ValidationException", "Version description can only be set when publish is true")
    if (request.get("encryptionConfiguration") or {}).get("type", "AWS_OWNED_KEY") != "AWS_OWNED_KEY":
        raise NotEmulated("stepfunctions", operation, "encryptionConfiguration with a customer managed key")


def _logging(request: dict[str, Any]) -> dict[str, Any]:
    configuration = request.get("loggingConfiguration") or {}
    level = configuration.get("level", "OFF")
    if level != "OFF":
        if len(configuration.get("destinations", [])) != 1:
            text = "Invalid Logging Configuration: Must specify exactly one Log Destination."
            raise AwsError("InvalidLoggingConfiguration", text)
        raise NotEmulated("stepfunctions", "CreateStateMachine", "loggingConfiguration with a level other than OFF")
    return {"level": level, "includeExecutionData": bool(configuration.get("includeExecutionData", False))}


def _tracing(request: dict[str, Any]) -> dict[str, Any]:
    return {"enabled": bool((request.get("tracingConfiguration") or {}).get("enabled", False))}
