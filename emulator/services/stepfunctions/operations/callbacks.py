"""SendTaskSuccess, SendTaskFailure, SendTaskHeartbeat: results that come from outside with a task token (5.9)."""

from __future__ import annotations

from typing import Any

from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Transaction
from emulator.services.stepfunctions import progress, store
from emulator.services.stepfunctions.asl.data import DATA_LIMIT_BYTES, Data, loads
from emulator.services.stepfunctions.asl.messages import Heartbeat, TaskFailed, TaskSucceeded
from emulator.services.stepfunctions.asl.tasks import read_token
from emulator.services.stepfunctions.operations.state import StepFunctionsState


class CallbackOperations(StepFunctionsState):
    """What a worker or whoever was given a token says about its task."""

    def send_task_success(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The task has succeeded with this output."""
        output = request["output"]
        try:
            loads(output)
        except ValueError:
            raise AwsError("InvalidOutput", "Invalid Output: 'Invalid JSON'") from None
        if len(output.encode()) > DATA_LIMIT_BYTES:
            raise AwsError("InvalidOutput", f"Invalid Output: 'The output exceeds {DATA_LIMIT_BYTES} bytes'")
        execution_id, token = self._awaited(tx, scope, request["taskToken"])
        self.progress.signal_execution(tx, execution_id, TaskSucceeded(token, Data(text=output)))
        return {}

    def send_task_failure(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The task has failed; error and cause may both be left out [R:test_sqs_failure_in_wait_for_task_tok]."""
        execution_id, token = self._awaited(tx, scope, request["taskToken"])
        self.progress.signal_execution(tx, execution_id, TaskFailed(token, request.get("error"), request.get("cause")))
        return {}

    def send_task_heartbeat(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """The task is still being worked on."""
        execution_id, token = self._awaited(tx, scope, request["taskToken"])
        self.progress.signal_execution(tx, execution_id, Heartbeat(token))
        return {}

    @staticmethod
    def _awaited(tx: Transaction, scope: Scope, text: str) -> tuple[int, str]:
        """(execution, token within it) that a task token stands for. Raises InvalidToken, TaskTimedOut."""
        read = read_token(text)
        if read is None:
            raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
        execution = store.find_execution(tx, scope, read[0])
        if execution is None or execution.status != "RUNNING" or not progress.awaits(tx, execution, read[1]):
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return execution.id, read[1]
