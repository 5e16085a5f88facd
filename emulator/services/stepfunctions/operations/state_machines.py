"""State machines: create, read, change, delete, label.

Decides texts of errors and answers (reference 5.1, 5.10, 5.11).
"""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError, validation_errors
from emulator.aws.scope import Scope
from emulator.aws.tags import counted
from emulator.ports import Transaction
from emulator.services.stepfunctions import model, store
from emulator.services.stepfunctions.asl import validate
from emulator.services.stepfunctions.asl.references import variable_references
from emulator.services.stepfunctions.model import Activity, StateMachine
from emulator.services.stepfunctions.operations.state import StepFunctionsState, page
from emulator.services.stepfunctions.operations.versions import count_versions, publish
from emulator.services.stepfunctions.telemetry import group_of


class StateMachineOperations(StepFunctionsState):
    """CreateStateMachine … UntagResource."""

    def create_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create, or answer as before if all but role and tags is the same [R:test_create_exact_duplicate_sm; D]."""
        name = request["name"]
        model.check_name(name)
        kind = request.get("type", model.STANDARD)
        _check_publishing(request)
        logging = self._logging(tx, scope, request)
        self.check_definition(request["definition"], name, kind)
        _check_role(request["roleArn"])
        tracing, encryption = _tracing(request), model.encryption_of(request.get("encryptionConfiguration"))
        arn = model.machine_arn(scope, name)
        existing = store.find_machine(tx, scope, arn)
        if existing is not None:
            known = (
                existing.definition, existing.type, existing.logging, existing.tracing,
                existing.encryption or model.OWNED_KEY,
            )  # fmt: skip
            if known != (request["definition"], kind, logging, tracing, encryption):
                raise AwsError("StateMachineAlreadyExists", f"State Machine Already Exists: '{arn}'")
            return {
                "stateMachineArn": arn,
                "creationDate": existing.created_at,
                **self._published(tx, scope, existing, request),
            }
        if store.count_machines(tx, scope) >= self.settings.state_machines:  # the text is unverified
            raise AwsError(
                "StateMachineLimitExceeded", f"State Machine Limit Exceeded: '{self.settings.state_machines}'"
            )
        machine = StateMachine(arn, name, request["definition"], request["roleArn"], tx.now, tx.now, logging=logging)
        machine.type = kind
        machine.tracing = tracing
        machine.encryption = encryption
        machine.tags = model.tags_of(request)
        store.save_machine(tx, scope, machine)
        self._count_machines(tx, scope)
        self.progress.coverage.know(arn, machine.definition)
        return {"stateMachineArn": arn, "creationDate": tx.now, **self._published(tx, scope, machine, request)}

    def update_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Change what new executions run; running ones keep theirs."""
        _check_unqualified(request["stateMachineArn"])
        machine = self.machine(tx, scope, request["stateMachineArn"])
        _check_publishing(request)
        changeable = (
            "definition", "roleArn", "loggingConfiguration", "tracingConfiguration", "encryptionConfiguration",
        )  # fmt: skip
        if not any(request.get(name) is not None for name in changeable):
            raise AwsError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, or the TracingConfiguration must be "
                "specified",
            )
        before = _revised(machine)
        if request.get("definition") is not None:
            self.check_definition(request["definition"], machine.name, machine.type)
            machine.definition = request["definition"]
        if request.get("roleArn") is not None:
            _check_role(request["roleArn"])
            machine.role_arn = request["roleArn"]
        if request.get("loggingConfiguration") is not None:
            machine.logging = self._logging(tx, scope, request)
        if request.get("tracingConfiguration") is not None:
            machine.tracing = _tracing(request)
        if request.get("encryptionConfiguration") is not None:
            machine.encryption = model.encryption_of(request["encryptionConfiguration"])
        machine.updated_at = tx.now
        if before != _revised(machine):  # the same again is no new revision [R:test_update_logging_configuration]
            machine.revision_id = tx.new_id()
        store.save_machine(tx, scope, machine)
        self.progress.coverage.know(machine.arn, machine.definition)
        answer: dict[str, Any] = {"updateDate": tx.now, **self._published(tx, scope, machine, request)}
        return answer if machine.revision_id is None else answer | {"revisionId": machine.revision_id}

    def describe_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One state machine."""
        machine = self.resolve(tx, scope, request["stateMachineArn"])
        if machine.alias_arn is not None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{machine.alias_arn}'")
        answer: dict[str, Any] = {
            "stateMachineArn": machine.version_arn or machine.arn,
            "name": machine.name,
            "status": "ACTIVE",
            "definition": machine.definition,
            "roleArn": machine.role_arn,
            "type": machine.type,
            "creationDate": machine.created_at,
            "loggingConfiguration": machine.logging,
            "tracingConfiguration": machine.tracing,
        }
        if machine.revision_id is not None:
            answer["revisionId"] = machine.revision_id
        answer["encryptionConfiguration"] = machine.encryption or model.OWNED_KEY
        if machine.version_arn is not None:
            version = store.find_version(tx, scope, machine.version_arn)
            answer["description"] = version.description if version is not None else ""
        if request.get("includedData") == "METADATA_ONLY":
            del answer["definition"]
        elif references := variable_references(machine.definition):
            answer["variableReferences"] = references
        return answer

    def delete_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Delete; an unknown machine is no error [R:test_delete_nonexistent_sm]. Running executions go on."""
        _check_unqualified(request["stateMachineArn"])
        store.delete_machine(tx, scope, request["stateMachineArn"])
        self._count_machines(tx, scope)
        return {}

    def list_state_machines(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """State machines by name."""
        size = model.page_size(request, 1024)
        offset = model.read_token(request, tx.now) or 0
        machines = store.list_machines(tx, scope, offset, size + 1)
        items = [
            {"stateMachineArn": item.arn, "name": item.name, "type": item.type, "creationDate": item.created_at}
            for item in machines[:size]
        ]
        return page(tx, request, {"stateMachines": items}, offset + size if len(machines) > size else None)

    def validate_state_machine_definition(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """Every problem of a definition, without creating anything; warnings if the caller asks for them."""
        size = request.get("maxResults", 0)
        if not 0 <= size <= model.MOST_DIAGNOSTICS:
            bound = "greater than or equal to 0" if size < 0 else f"less than or equal to {model.MOST_DIAGNOSTICS}"
            raise validation_errors(
                [f"Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value {bound}"]
            )
        model.check_definition_length(request["definition"])
        problems = validate.judge(request["definition"], self._task_problems, request.get("type") == model.EXPRESS)
        result = "FAIL" if problems else "OK"
        if request.get("severity") == "WARNING":
            document, _ = validate.parse_json(request["definition"])
            problems = [*problems, *(validate.warnings(document) if document is not None else ())]
        shown = problems[: size or model.MOST_DIAGNOSTICS]
        diagnostics: list[dict[str, Any]] = []
        for item in shown:
            entry = {"severity": item.severity, "code": item.code, "message": item.message}
            diagnostics.append(entry if item.location is None else entry | {"location": item.location})
        return {"result": result, "diagnostics": diagnostics, "truncated": len(shown) < len(problems)}

    def _published(
        self, tx: Transaction, scope: Scope, machine: StateMachine, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The version to show, if the caller asked for one."""
        if not request.get("publish"):
            return {}
        version = publish(tx, scope, machine, request.get("versionDescription"))
        count_versions(tx, scope, machine.arn, self.progress.telemetry)
        return {"stateMachineVersionArn": version.arn}

    def _count_machines(self, tx: Transaction, scope: Scope) -> None:
        self.progress.telemetry.used(tx, scope, "StateMachineCount", store.count_machines(tx, scope))

    def _logging(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The logging configuration as it is shown. Raises InvalidLoggingConfiguration [R:sfn_api_logs]."""
        configuration = request.get("loggingConfiguration") or {}
        level, destinations = configuration.get("level", "OFF"), configuration.get("destinations")
        if len(destinations or ()) > 1 or (level != "OFF" and not destinations):
            text = "Invalid Logging Configuration: Must specify exactly one Log Destination."
            raise AwsError("InvalidLoggingConfiguration", text)
        for destination in destinations or ():
            group = (destination.get("cloudWatchLogsLogGroup") or {}).get("logGroupArn") or ""
            parts = group.split(":")
            here = len(parts) >= 7 and parts[2:6] == ["logs", scope.region, scope.account, "log-group"]
            name = group_of({"destinations": [destination]}) if here else ""
            if not name or not self.progress.telemetry.group_exists(tx, scope, name):
                text = "Invalid Logging Configuration: Log Destination not found."
                raise AwsError("InvalidLoggingConfiguration", text)
        shown = {"level": level, "includeExecutionData": bool(configuration.get("includeExecutionData", False))}
        return shown if destinations is None else shown | {"destinations": destinations}

    # ── tags ────────────────────────────────────────────────────────────────────────────────────

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Tags of a state machine or an activity."""
        tagged = self.tagged(tx, scope, request["resourceArn"])
        return {"tags": [{"key": key, "value": value} for key, value in tagged.tags.items()]}

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add or replace tags."""
        tagged = self.tagged(tx, scope, request["resourceArn"])
        tagged.tags |= model.tags_of(request)
        if counted(tagged.tags) > model.MAX_TAGS:
            raise model.too_many_tags()
        _save_tagged(tx, scope, tagged)
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags; absent ones are no error."""
        tagged = self.tagged(tx, scope, request["resourceArn"])
        tagged.tags = {key: value for key, value in tagged.tags.items() if key not in request["tagKeys"]}
        _save_tagged(tx, scope, tagged)
        return {}


def _save_tagged(tx: Transaction, scope: Scope, tagged: StateMachine | Activity) -> None:
    if isinstance(tagged, StateMachine):
        store.save_machine(tx, scope, tagged)
    else:
        store.save_activity(tx, scope, tagged)


def _check_unqualified(arn: str) -> None:
    """Raise `ValidationException` for a version, an alias or a Map within a machine [D]; the text is unverified."""
    model.check_arn(arn, "stateMachine")
    machine_arn, qualifier = model.split_machine_arn(arn)
    if qualifier is not None or "/" in machine_arn:
        raise AwsError("ValidationException", f"The state machine ARN must not be qualified: '{arn}'")


def _check_role(arn: str) -> None:
    if not arn.startswith("arn:"):
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")


def _check_publishing(request: dict[str, Any]) -> None:
    if request.get("versionDescription") is not None and not request.get("publish"):
        raise AwsError("ValidationException", "Version description can only be set when publish is true")


def _revised(machine: StateMachine) -> tuple[Any, ...]:
    """What makes a revision."""
    return machine.definition, machine.role_arn, machine.logging, machine.tracing, machine.encryption


def _tracing(request: dict[str, Any]) -> dict[str, Any]:
    return {"enabled": bool((request.get("tracingConfiguration") or {}).get("enabled", False))}
