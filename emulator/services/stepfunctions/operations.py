"""The operations of Step Functions that a caller can ask for, in boto3's shapes.

Decides texts of errors and answers (reference 5.1, 5.10, 5.11); what happens inside an execution is progress.py's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.aws.errors import AwsError, NotEmulated, validation_errors
from emulator.aws.scope import Scope
from emulator.ports import Transaction

from . import model, progress, store
from .asl import validate
from .asl.data import loads
from .asl.messages import Start, Stop
from .model import StateMachine, StoredExecution

STATUSES = ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")
HIDDEN_DATA = ("input", "inputDetails", "output", "outputDetails", "parameters", "assignedVariables")


class Operations:
    """One method per action. `task_problems` judges a Task's resource and parameters."""

    def __init__(self, task_problems: validate.TaskProblems) -> None:
        self._task_problems = task_problems

    # ── state machines ──────────────────────────────────────────────────────────────────────────

    def create_state_machine(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Create, or answer as before if name, definition and role are the same [R:test_create_exact_duplicate_sm]."""
        name = request["name"]
        model.check_name(name)
        _refuse_unemulated(request, "CreateStateMachine")
        logging = _logging(request)
        self._check_definition(request["definition"], "CreateStateMachine")
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
        machine = self._machine(tx, scope, request["stateMachineArn"])
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
            self._check_definition(request["definition"], "UpdateStateMachine")
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
        machine = self._machine(tx, scope, request["stateMachineArn"])
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
        return _page({"stateMachines": items}, offset + size if len(machines) > size else None)

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

    # ── executions ──────────────────────────────────────────────────────────────────────────────

    def start_execution(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Start; name and input of a running execution answer as before [R:test_start_execution_idempotent]."""
        machine = self._machine(tx, scope, request["stateMachineArn"])
        text = request.get("input", "{}")
        _check_input(text)
        name = request.get("name")
        if name is None:
            name = tx.new_id()
        else:
            model.check_name(name)
        arn = model.execution_arn(machine.arn, name)
        existing = store.find_execution(tx, scope, arn)
        if existing is not None:
            if existing.status == "RUNNING" and existing.input == text:
                return {"executionArn": arn, "startDate": existing.started_at}
            raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        execution = store.add_execution(tx, scope, machine, arn, name, text, request.get("traceHeader"))
        progress.advance(tx, execution, Start())
        return {"executionArn": arn, "startDate": tx.now}

    def stop_execution(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Abort a running execution; a closed one stays as it is."""
        execution = self._execution(tx, scope, request["executionArn"])
        if execution.status != "RUNNING":
            return {"stopDate": execution.stopped_at}
        progress.advance(tx, execution, Stop(request.get("error"), request.get("cause")))
        return {"stopDate": tx.now}

    def describe_execution(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One execution."""
        execution = self._execution(tx, scope, request["executionArn"])
        answer: dict[str, Any] = {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.started_at,
            "redriveCount": 0,
        }
        if execution.stopped_at is not None:
            answer["stopDate"] = execution.stopped_at
        if request.get("includedData") != "METADATA_ONLY":
            answer |= {"input": execution.input, "inputDetails": {"included": True}}
            if execution.output is not None:
                answer |= {"output": execution.output, "outputDetails": {"included": True}}
            for member, value in (("error", execution.error), ("cause", execution.cause)):
                if value is not None:
                    answer[member] = value
        if execution.trace_header is not None:
            answer["traceHeader"] = execution.trace_header
        if execution.status in ("RUNNING", "SUCCEEDED"):
            answer["redriveStatus"] = "NOT_REDRIVABLE"
            answer["redriveStatusReason"] = f"Execution is {execution.status} and cannot be redriven"
        else:
            answer["redriveStatus"] = "REDRIVABLE"
        return answer

    def list_executions(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Executions of one machine, newest first."""
        if request.get("mapRunArn") is not None:
            raise NotEmulated("stepfunctions", "ListExecutions", "mapRunArn")
        if request.get("stateMachineArn") is None:
            raise validation_errors(["Must specify exactly one of StateMachineArn and MapRunArn"])
        status = request.get("statusFilter")
        if status is not None and status not in STATUSES:
            raise validation_errors(
                [
                    f"Value '{status}' at 'statusFilter' failed to satisfy constraint: Member must satisfy enum value "
                    f"set: [{', '.join(STATUSES)}]"
                ]
            )
        size = model.page_size(request, 3096)
        machine = self._machine(tx, scope, request["stateMachineArn"])
        found: list[StoredExecution] = []
        if request.get("redriveFilter") != "REDRIVEN":
            found = store.list_executions(tx, machine.arn, status, model.read_token(request), size + 1)
        items: list[dict[str, Any]] = []
        for execution in found[:size]:
            item = {
                "executionArn": execution.arn,
                "stateMachineArn": execution.machine_arn,
                "name": execution.name,
                "status": execution.status,
                "startDate": execution.started_at,
                "redriveCount": 0,
            }
            if execution.stopped_at is not None:
                item["stopDate"] = execution.stopped_at
            items.append(item)
        return _page({"executions": items}, found[size - 1].id if len(found) > size else None)

    def get_execution_history(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """History events, oldest first unless `reverseOrder`."""
        size = model.page_size(request, 1024)
        execution = self._execution(tx, scope, request["executionArn"])
        reverse = bool(request.get("reverseOrder"))
        start = model.read_token(request)
        rows = store.list_events(tx, execution.id, start or (2**62 if reverse else 1), size + 1, reverse)
        events: list[dict[str, Any]] = []
        for number, timestamp, kind, previous, member, details in rows[:size]:
            event: dict[str, Any] = {"timestamp": timestamp, "type": kind, "id": number, "previousEventId": previous}
            if member is not None:
                if request.get("includeExecutionData") is False:
                    details = {name: value for name, value in details.items() if name not in HIDDEN_DATA}
                event[member] = details
            events.append(event)
        return _page({"events": events}, rows[size][0] if len(rows) > size else None)

    def describe_state_machine_for_execution(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The state machine as it was when the execution started."""
        execution = self._execution(tx, scope, request["executionArn"])
        machine = store.find_machine(tx, scope, execution.machine_arn)
        answer: dict[str, Any] = {
            "stateMachineArn": execution.machine_arn,
            "name": execution.machine_name,
            "definition": execution.definition,
            "roleArn": execution.role_arn,
            "updateDate": machine.updated_at if machine is not None else execution.started_at,
            "loggingConfiguration": machine.logging if machine else {"level": "OFF", "includeExecutionData": False},
            "tracingConfiguration": machine.tracing if machine else {"enabled": False},
        }
        if execution.revision_id is not None:
            answer["revisionId"] = execution.revision_id
        if request.get("includedData") == "METADATA_ONLY":
            del answer["definition"]
        return answer

    # ── tags ────────────────────────────────────────────────────────────────────────────────────

    def list_tags_for_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Tags of a state machine."""
        machine = self._tagged(tx, scope, request["resourceArn"])
        return {"tags": [{"key": key, "value": value} for key, value in machine.tags.items()]}

    def tag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Add or replace tags."""
        machine = self._tagged(tx, scope, request["resourceArn"])
        machine.tags |= {tag["key"]: tag.get("value", "") for tag in request["tags"]}
        _check_tag_count(machine.tags)
        store.save_machine(tx, scope, machine)
        return {}

    def untag_resource(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Remove tags; absent ones are no error."""
        machine = self._tagged(tx, scope, request["resourceArn"])
        machine.tags = {key: value for key, value in machine.tags.items() if key not in request["tagKeys"]}
        store.save_machine(tx, scope, machine)
        return {}

    # ── checks ──────────────────────────────────────────────────────────────────────────────────

    def _machine(self, tx: Transaction, scope: Scope, arn: str) -> StateMachine:
        model.check_arn(arn, "stateMachine")
        machine = store.find_machine(tx, scope, arn)
        if machine is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def _execution(self, tx: Transaction, scope: Scope, arn: str) -> StoredExecution:
        model.check_arn(arn, "execution")
        execution = store.find_execution(tx, scope, arn)
        if execution is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution

    def _tagged(self, tx: Transaction, scope: Scope, arn: str) -> StateMachine:
        if not arn.startswith("arn:"):
            model.check_arn(arn)
        machine = store.find_machine(tx, scope, arn)
        if machine is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
        return machine

    def _check_definition(self, text: str, operation: str) -> None:
        if len(text) > model.MAX_DEFINITION_CHARACTERS:
            raise validation_errors(
                [
                    "Value at 'definition' failed to satisfy constraint: Member must have length less than or equal "
                    f"to {model.MAX_DEFINITION_CHARACTERS}"
                ]
            )
        document, problem = validate.parse_json(text)
        problems = [problem] if problem is not None else []
        if document is not None:
            problems = validate.validate(document, self._task_problems)
        if problems:
            listed = ", ".join(str(item) for item in problems)
            raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{listed}'")


def operation_table(operations: Operations) -> dict[str, Callable[..., Any]]:
    """AWS's names of the operations."""
    o = operations
    return {
        "CreateStateMachine": o.create_state_machine,
        "UpdateStateMachine": o.update_state_machine,
        "DescribeStateMachine": o.describe_state_machine,
        "DeleteStateMachine": o.delete_state_machine,
        "ListStateMachines": o.list_state_machines,
        "ValidateStateMachineDefinition": o.validate_state_machine_definition,
        "StartExecution": o.start_execution,
        "StopExecution": o.stop_execution,
        "DescribeExecution": o.describe_execution,
        "ListExecutions": o.list_executions,
        "GetExecutionHistory": o.get_execution_history,
        "DescribeStateMachineForExecution": o.describe_state_machine_for_execution,
        "ListTagsForResource": o.list_tags_for_resource,
        "TagResource": o.tag_resource,
        "UntagResource": o.untag_resource,
    }


def _page(answer: dict[str, Any], position: int | None) -> dict[str, Any]:
    return answer if position is None else {**answer, "nextToken": model.write_token(position)}


def _check_role(arn: str) -> None:
    if not arn.startswith("arn:"):
        raise AwsError("InvalidArn", f"Invalid Arn: 'Invalid ARN prefix: {arn}'")


def _check_tag_count(tags: dict[str, str]) -> None:
    if len(tags) > model.MAX_TAGS:
        raise AwsError("TooManyTags", f"A resource can have at most {model.MAX_TAGS} tags.")


def _check_input(text: str) -> None:
    if len(text.encode()) > model.MAX_INPUT_BYTES:
        raise validation_errors(
            [
                "Value at 'input' failed to satisfy constraint: Member must have length less than or equal to "
                f"{model.MAX_INPUT_BYTES}"
            ]
        )
    try:
        if text.strip():
            loads(text)
            return
    except ValueError:
        pass
    raise AwsError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{model.input_problem(text)}'")


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
