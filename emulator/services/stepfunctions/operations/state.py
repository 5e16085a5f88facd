"""What all Step Functions operations share: finding what an ARN names, and judging a definition."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from emulator.aws.errors import AwsError, validation_errors
from emulator.aws.scope import Scope
from emulator.ports import Clock, Store, Transaction
from emulator.services.stepfunctions import model, progress, store
from emulator.services.stepfunctions.asl import validate
from emulator.services.stepfunctions.model import StateMachine, StoredExecution


class StepFunctionsState:
    """Base of the operation classes. `task_problems` judges a Task's resource and parameters."""

    def __init__(self, data: Store, clock: Clock, task_problems: validate.TaskProblems) -> None:
        self.store = data
        self.clock = clock
        self._task_problems = task_problems
        self.offers: dict[str, asyncio.Event] = {}
        """By activity: set whenever a commit may have brought a task for those who wait for one."""
        data.on_wake(self._ring)

    def forget_cached(self) -> None:
        """After a reset: whoever waits finds that its activity is gone."""
        self._ring({progress.ACTIVITY_BELL: 0.0})

    def _ring(self, due: Mapping[str, float]) -> None:
        if progress.ACTIVITY_BELL in due:
            for offer in self.offers.values():
                offer.set()

    def machine(self, tx: Transaction, scope: Scope, arn: str) -> StateMachine:
        model.check_arn(arn, "stateMachine")
        machine = store.find_machine(tx, scope, arn)
        if machine is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def execution(self, tx: Transaction, scope: Scope, arn: str) -> StoredExecution:
        model.check_arn(arn, "execution")
        execution = store.find_execution(tx, scope, arn)
        if execution is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution

    def tagged_machine(self, tx: Transaction, scope: Scope, arn: str) -> StateMachine:
        if not arn.startswith("arn:"):
            model.check_arn(arn)
        machine = store.find_machine(tx, scope, arn)
        if machine is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
        return machine

    def check_definition(self, text: str, operation: str) -> None:
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


def page(answer: dict[str, Any], position: int | None) -> dict[str, Any]:
    return answer if position is None else {**answer, "nextToken": model.write_token(position)}
