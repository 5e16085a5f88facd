"""Starting Express executions: StartSyncExecution, and the job that an asynchronous one is.

Decides texts of errors and answers (reference 5.10); how an Express execution runs is express.py's.
"""

from __future__ import annotations

from typing import Any

from emulator import jobs
from emulator.aws.calls import TRACE_MEMBER
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.jobs import Job
from emulator.ports import Transaction
from emulator.services.stepfunctions import model, progress, store
from emulator.services.stepfunctions.model import StateMachine, StoredExecution
from emulator.services.stepfunctions.operations.state import StepFunctionsState, check_input

BILLED_MEMORY_MB = 64
MOST_AT_ONCE = 1_000
"""Synchronous executions that run at once; a machine that starts itself ends here (AWS: by rate)."""


class ExpressOperations(StepFunctionsState):
    """StartSyncExecution."""

    async def start_sync_execution(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Run an Express machine and answer with its result; a failure is an answer too."""
        if self.running_sync >= MOST_AT_ONCE:
            raise AwsError("ThrottlingException", "Rate exceeded")
        execution = await self.store.read(lambda tx: self._new_sync(tx, scope, request), behind=True)
        self.running_sync += 1
        try:
            end = await self.express.run(execution)
        finally:
            self.running_sync -= 1

        def report(tx: Transaction) -> None:
            self.progress.telemetry.started(tx, execution)
            end.report(tx)

        self.store.post(report)
        ended = end.ended
        answer: dict[str, Any] = {
            "executionArn": execution.arn,
            "stateMachineArn": execution.machine_arn,
            "name": execution.name,
            "startDate": execution.started_at,
            "stopDate": end.stopped_at,
            "status": ended.status,
            "billingDetails": {"billedDurationInMilliseconds": end.billed_ms, "billedMemoryUsedInMB": BILLED_MEMORY_MB},
        }
        if request.get("includedData") != "METADATA_ONLY":
            # `outputDetails` is there even if there is no output (S12).
            answer |= {
                "input": execution.input,
                "inputDetails": {"included": True},
                "outputDetails": {"included": True},
            }
            if ended.output is not None:
                answer["output"] = ended.output.text
            answer |= {
                name: text for name, text in (("error", ended.error), ("cause", ended.cause)) if text is not None
            }
        if execution.trace_header is not None:
            answer["traceHeader"] = execution.trace_header
        return answer

    def _new_sync(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> StoredExecution:
        machine, case = self.to_start(tx, scope, request["stateMachineArn"])
        if not machine.express:
            raise wrong_type()
        return new_express(tx, scope, machine, request, case)


def new_express(
    tx: Transaction, scope: Scope, machine: StateMachine, request: dict[str, Any], test_case: str | None
) -> StoredExecution:
    """An Express execution that is kept nowhere; its name may have been used before."""
    text = request.get("input", "{}")
    check_input(text)
    name = request.get("name")
    if name is None:
        name = tx.new_id()
    else:
        model.check_name(name)
    trace = request.get("traceHeader") or request.get(TRACE_MEMBER)
    return StoredExecution(
        0, model.express_arn(machine.arn, name, tx.new_id()), name, scope.account, scope.region, machine.arn,
        machine.definition, machine.role_arn, tx.now, text, revision_id=machine.revision_id, trace_header=trace,
        version_arn=machine.version_arn, alias_arn=machine.alias_arn, logging=store.logging_text(machine),
        test_case=test_case,
    )  # fmt: skip


def enqueue_express(tx: Transaction, scope: Scope, machine: StateMachine, execution: StoredExecution) -> None:
    """Have the worker run an Express execution; one machine's executions do not delay another's."""
    payload = {
        "account": scope.account,
        "region": scope.region,
        "arn": execution.arn,
        "name": execution.name,
        "machine_arn": execution.machine_arn,
        "definition": store.keep_definition(tx, scope, machine),
        "role_arn": execution.role_arn,
        "started_at": execution.started_at,
        "trace_header": execution.trace_header,
        "version_arn": execution.version_arn,
        "alias_arn": execution.alias_arn,
        "logging": execution.logging,
        "test_case": execution.test_case,
    }
    jobs.enqueue(tx, progress.EXPRESS, payload, body=execution.input.encode(), owner=machine.arn)


def read_express(tx: Transaction, job: Job) -> StoredExecution:
    """The execution that a job is."""
    found = dict(job.payload)
    definition = store.load_definition(tx, found.pop("definition"))
    return StoredExecution(id=0, definition=definition, input=job.body.decode(), **found)


def wrong_type() -> AwsError:
    """The operation is not for machines of this type."""
    return AwsError("StateMachineTypeNotSupported", "This operation is not supported by this type of state machine")
