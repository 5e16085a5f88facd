"""Executions: start, stop, read.

Decides texts of errors and answers (reference 5.10); what happens inside an execution is progress.py's.
"""

from __future__ import annotations

import json
from typing import Any

from emulator.aws.errors import AwsError, validation_errors
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.stepfunctions import model, progress, store
from emulator.services.stepfunctions.asl.leaving import LONGEST_EXECUTION_SECONDS
from emulator.services.stepfunctions.asl.messages import Stop
from emulator.services.stepfunctions.asl.references import variable_references
from emulator.services.stepfunctions.map_runs import store as map_runs
from emulator.services.stepfunctions.model import StoredExecution
from emulator.services.stepfunctions.operations.express import enqueue_express, new_express, wrong_type
from emulator.services.stepfunctions.operations.map_runs import MapRunOperations
from emulator.services.stepfunctions.operations.state import check_input, page
from emulator.services.stepfunctions.telemetry import HIDDEN_DATA

STATUSES = ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")
REDRIVEN = {"REDRIVEN": True, "NOT_REDRIVEN": False}

MOST_REDRIVES = 1000
"""AWS documents it of map runs, which are redriven with their execution [D:service-quotas]."""

PARENT_MEMBER = "_parent"
"""Only from inside: (execution id, token) of the task that waits for the new execution."""


class ExecutionOperations(MapRunOperations):
    """StartExecution … DescribeStateMachineForExecution."""

    def start_execution(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Start; name and input of a running execution answer as before [R:test_start_execution_idempotent]."""
        machine, case = self.to_start(tx, scope, request["stateMachineArn"])
        if machine.express:
            if request.get(PARENT_MEMBER) is not None:  # `.sync` on an Express machine: unverified
                raise wrong_type()
            express = new_express(tx, scope, machine, request, case)
            enqueue_express(tx, scope, machine, express)
            self.progress.telemetry.started(tx, express)
            return {"executionArn": express.arn, "startDate": tx.now}
        text = request.get("input", "{}")
        check_input(text)
        name = request.get("name")
        if name is None:
            name = tx.new_id()
        else:
            model.check_name(name)
        arn = model.execution_arn(machine.arn, name)
        existing = store.find_execution(tx, scope, arn)
        if existing is not None and not model.is_name_free(existing, tx.now):
            if existing.status == "RUNNING" and existing.input == text:
                return {"executionArn": arn, "startDate": existing.started_at}
            raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{arn}'")
        self.open_executions.make_room(tx, scope)
        parent = request.get(PARENT_MEMBER)
        execution = store.add_execution(tx, scope, machine, arn, name, text, request.get("traceHeader"), parent)
        execution.test_case = case
        self.progress.start(tx, execution)
        return {"executionArn": arn, "startDate": tx.now}

    def stop_execution(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Abort a running execution; a closed one stays as it is."""
        execution = self.execution(tx, scope, request["executionArn"])
        if execution.status != "RUNNING":
            return {"stopDate": execution.stopped_at}
        self.progress.advance(tx, execution, Stop(request.get("error"), request.get("cause")))
        return {"stopDate": tx.now}

    def redrive_execution(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Let a failed, aborted or timed out execution go on; the same client token again changes nothing."""
        execution = self.execution(tx, scope, request["executionArn"])
        token = request.get("clientToken")
        if execution.redriven_at is not None and token is not None and progress.redrive_token(tx, execution) == token:
            return {"redriveDate": execution.redriven_at}
        if execution.of_map_run or _not_redrivable(tx, execution) is not None:
            text = f"The execution Amazon Resource Name (ARN) that you specified for executionArn: '{execution.arn}' "
            raise AwsError("ExecutionNotRedrivable", text + "cannot be redriven.")
        self.open_executions.make_room(tx, scope, reopened=True)
        self.progress.redrive(tx, execution, token)
        return {"redriveDate": tx.now}

    def describe_execution(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """One execution; of Express ones the children of map runs only."""
        execution = self._described(tx, scope, request["executionArn"])
        answer: dict[str, Any] = {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine_arn,
            "name": execution.name,
            "status": execution.status,
            "startDate": execution.started_at,
            "redriveCount": execution.redrive_count,
        }
        answer |= _optional(execution)
        if request.get("includedData") != "METADATA_ONLY":
            answer |= {"input": execution.input, "inputDetails": {"included": True}}
            if execution.output is not None:
                answer |= {"output": execution.output, "outputDetails": {"included": True}}
            for member, value in (("error", execution.error), ("cause", execution.cause)):
                if value is not None:
                    answer[member] = value
        if execution.trace_header is not None:
            answer["traceHeader"] = execution.trace_header
        reason = _not_redrivable(tx, execution)
        redrivable = "REDRIVABLE"
        if execution.of_map_run and (child := map_runs.map_run_of(tx, execution.id)) is not None:
            answer["mapRunArn"], redrivable = child[0], "REDRIVABLE_BY_MAP_RUN"
        answer["redriveStatus"] = redrivable if reason is None else "NOT_REDRIVABLE"
        if reason is not None:
            answer["redriveStatusReason"] = reason
        return answer

    def _described(self, tx: Transaction, scope: Scope, arn: str) -> StoredExecution:
        parts = arn.split(":", 7)
        child = len(parts) > 6 and "/" in parts[6]
        return self.execution(tx, scope, arn, ("execution", "express") if child else ("execution",))

    def list_executions(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Executions of one machine, newest first."""
        if (request.get("mapRunArn") is None) == (request.get("stateMachineArn") is None):
            raise validation_errors(["Must specify exactly one of StateMachineArn and MapRunArn"])
        status = request.get("statusFilter")
        for name, allowed in (("statusFilter", STATUSES), ("redriveFilter", tuple(REDRIVEN))):
            if request.get(name) is not None and request[name] not in allowed:
                raise validation_errors(
                    [
                        f"Value '{request[name]}' at '{name}' failed to satisfy constraint: Member must satisfy enum "
                        f"value set: [{', '.join(allowed)}]"
                    ]
                )
        size = model.page_size(request, 3096)
        redriven = REDRIVEN.get(request.get("redriveFilter", ""))
        before = model.read_token(request, tx.now)
        if request.get("mapRunArn") is not None:
            run = self.map_run(tx, scope, request["mapRunArn"])
            children = map_runs.list_children(tx, run.id, status, before, size + 1, redriven)
            shown = [
                {**_listed(execution), "mapRunArn": run.arn, "itemCount": items} for items, execution in children[:size]
            ]
            return page(tx, request, {"executions": shown}, children[size - 1][1].id if len(children) > size else None)
        arn = request["stateMachineArn"]
        model.check_arn(arn, "stateMachine")
        machine = self.machine(tx, scope, model.split_machine_arn(arn)[0])
        if machine.express:
            raise wrong_type()
        if arn != machine.arn:
            self.resolve(tx, scope, arn)
        found = store.list_executions(tx, arn, status, before, size + 1, redriven)
        items = [_listed(execution) for execution in found[:size]]
        return page(tx, request, {"executions": items}, found[size - 1].id if len(found) > size else None)

    def get_execution_history(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """History events, oldest first unless `reverseOrder`."""
        size = model.page_size(request, 1024)
        execution = self.execution(tx, scope, request["executionArn"])
        reverse = bool(request.get("reverseOrder"))
        start = model.read_token(request, tx.now)
        rows = store.list_events(tx, execution.id, start or (2**62 if reverse else 1), size + 1, reverse)
        events: list[dict[str, Any]] = []
        for number, timestamp, kind, previous, member, details in rows[:size]:
            event: dict[str, Any] = {"timestamp": timestamp, "type": kind, "id": number, "previousEventId": previous}
            if member is not None:
                if request.get("includeExecutionData") is False:
                    details = {name: value for name, value in details.items() if name not in HIDDEN_DATA}
                event[member] = details
            events.append(event)
        return page(tx, request, {"events": events}, rows[size][0] if len(rows) > size else None)

    def describe_state_machine_for_execution(
        self, tx: Transaction, scope: Scope, request: dict[str, Any]
    ) -> dict[str, Any]:
        """The state machine as it was when the execution started."""
        execution = self.execution(tx, scope, request["executionArn"])
        machine = store.find_machine(tx, scope, execution.machine_arn.partition("/")[0])
        answer: dict[str, Any] = {
            "stateMachineArn": execution.machine_arn,
            "name": execution.machine_name,
            "definition": execution.definition,
            "roleArn": execution.role_arn,
            "updateDate": machine.updated_at if machine is not None else execution.started_at,
            "loggingConfiguration": _logging_of(execution),
            "tracingConfiguration": machine.tracing if machine else {"enabled": False},
            "encryptionConfiguration": (machine.encryption if machine else None) or model.OWNED_KEY,
        }
        child = map_runs.map_run_of(tx, execution.id) if execution.of_map_run else None
        if child is not None:
            answer["mapRunArn"], answer["label"], _ = child
        if execution.revision_id is not None:
            answer["revisionId"] = execution.revision_id
        if request.get("includedData") == "METADATA_ONLY":
            del answer["definition"]
        elif references := variable_references(execution.definition):
            answer["variableReferences"] = references
        return answer


def _logging_of(execution: StoredExecution) -> dict[str, Any]:
    """The logging configuration that an execution was started with."""
    if execution.logging is None:
        return {"level": "OFF", "includeExecutionData": False}
    return json.loads(execution.logging)


def _not_redrivable(tx: Transaction, execution: StoredExecution) -> str | None:
    """Why an execution cannot be redriven [M: redriveStatusReason]; for too many redrives no words are known."""
    if execution.status in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution.status} and cannot be redriven"
    if execution.stopped_at is not None and tx.now - execution.stopped_at > model.REDRIVABLE_SECONDS:
        return "Execution redrivable period exceeded"
    if tx.now - execution.started_at >= LONGEST_EXECUTION_SECONDS:
        return "Execution has exceeded the max execution time"
    if execution.redrive_count >= MOST_REDRIVES:
        return "Execution redrive limit exceeded"
    if store.last_event_id(tx, execution.id) >= model.MOST_EVENTS_TO_REDRIVE:
        return "Execution history event limit exceeded"
    return None


def _listed(execution: StoredExecution) -> dict[str, Any]:
    """An execution in a list."""
    item = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": execution.started_at,
        "redriveCount": execution.redrive_count,
    }
    return item | _optional(execution)


def _optional(execution: StoredExecution) -> dict[str, Any]:
    """Members that only some executions have."""
    members = {
        "stopDate": execution.stopped_at,
        "stateMachineVersionArn": execution.version_arn,
        "stateMachineAliasArn": execution.alias_arn,
        "redriveDate": execution.redriven_at,
    }
    return {name: value for name, value in members.items() if value is not None}
