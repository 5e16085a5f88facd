"""What all Step Functions operations share: finding what an ARN names, and judging a definition."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from emulator.aws.errors import AwsError, validation_errors
from emulator.aws.scope import Scope
from emulator.ports import Clock, Store, Transaction
from emulator.services.stepfunctions import model, progress, store
from emulator.services.stepfunctions.asl import validate
from emulator.services.stepfunctions.asl.data import loads
from emulator.services.stepfunctions.asl.definition import compile_definition
from emulator.services.stepfunctions.asl.messages import Ended
from emulator.services.stepfunctions.asl.validation.problems import NOT_EMULATED, WARNING
from emulator.services.stepfunctions.asl.validation.resources import resources
from emulator.services.stepfunctions.asl.validation.source import positions
from emulator.services.stepfunctions.model import Activity, StateMachine, StoredExecution
from emulator.services.stepfunctions.operations.open_executions import OpenExecutions
from emulator.services.stepfunctions.task_mocks import TaskMocks
from emulator.settings import LiveSettings

_logger = logging.getLogger("emulator.functions")
_MOST_TOLD = 10


class ExpressEnd(Protocol):
    """What is needed of the end of an Express execution."""

    @property
    def ended(self) -> Ended: ...
    @property
    def stopped_at(self) -> float: ...
    @property
    def billed_ms(self) -> int: ...
    @property
    def report(self) -> Callable[[Transaction], None]: ...


class Express(Protocol):
    """Who runs Express executions."""

    async def run(self, execution: StoredExecution) -> ExpressEnd: ...


class StepFunctionsState:
    """Base of the operation classes.

    `task_problems` judges a Task's resource and parameters; `is_emulated` says whether the resource can be called.
    """

    def __init__(
        self,
        data: Store,
        clock: Clock,
        task_problems: validate.TaskProblems,
        is_emulated: Callable[[str], bool],
        movement: progress.Progress,
        express: Express,
        mocks: TaskMocks,
        settings: LiveSettings,
    ) -> None:
        self.store = data
        self.clock = clock
        self.progress = movement
        self.express = express
        self.mocks = mocks
        self.settings = settings
        self.running_sync = 0
        self.pollers: Counter[str] = Counter()
        """By activity: who waits for a task of it."""
        self.open_executions = OpenExecutions(settings)
        self._task_problems = task_problems
        self._is_emulated = is_emulated
        self.bells: set[asyncio.Event] = set()
        """Of those who wait for a task of an activity: set whenever a commit may have brought one."""
        data.on_wake(self._ring)

    def forget_cached(self) -> None:
        """After a reset: whoever waits finds that its activity is gone."""
        self.open_executions.forget()
        self._ring({progress.ACTIVITY_BELL: 0.0})

    def _ring(self, due: Mapping[str, float]) -> None:
        if progress.ACTIVITY_BELL in due:
            for bell in self.bells:
                bell.set()

    def machine(self, tx: Transaction, scope: Scope, arn: str) -> StateMachine:
        """The machine with exactly this ARN. Raises StateMachineDoesNotExist, InvalidArn."""
        model.check_arn(arn, "stateMachine")
        machine = store.find_machine(tx, scope, arn)
        if machine is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return machine

    def resolve(self, tx: Transaction, scope: Scope, arn: str) -> StateMachine:
        """The machine as a version is, or as what an alias leads to this time; see `machine`."""
        model.check_arn(arn, "stateMachine")
        machine_arn, qualifier = model.split_machine_arn(arn)
        if qualifier is None:
            return self.machine(tx, scope, arn)
        version_arn, alias_arn = arn, None
        if not qualifier.isdigit():
            alias = store.find_alias(tx, scope, arn)
            if alias is None:
                raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
            alias_arn, first = arn, alias.routing[0]
            drawn = first if len(alias.routing) == 1 or tx.random() * 100 < first["weight"] else alias.routing[1]
            version_arn = drawn["stateMachineVersionArn"]
        version = store.find_version(tx, scope, version_arn)
        if version is None:
            raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
        return dataclasses.replace(
            self.machine(tx, scope, machine_arn),
            **version.snapshot,
            created_at=version.created_at,
            revision_id=version.revision_id,
            version_arn=version_arn,
            alias_arn=alias_arn,
        )

    def to_start(self, tx: Transaction, scope: Scope, arn: str) -> tuple[StateMachine, str | None]:
        """The machine that a caller starts, see `resolve`, and the test case in the ARN if there is one."""
        machine_arn, case = self.mocks.split(arn)
        machine = self.resolve(tx, scope, machine_arn)
        if case is not None:
            self.mocks.check(case, machine.name, compile_definition(machine.definition))
        return machine, case

    def execution(
        self, tx: Transaction, scope: Scope, arn: str, kinds: tuple[str, ...] = ("execution",)
    ) -> StoredExecution:
        """The execution with this ARN. Raises ExecutionDoesNotExist, InvalidArn (of Express executions too)."""
        model.check_arn(arn, *kinds)
        execution = store.find_execution(tx, scope, arn)
        if execution is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return execution

    @staticmethod
    def stored_execution(tx: Transaction, execution_id: int) -> StoredExecution:
        """An execution that something else refers to."""
        execution = store.load_execution(tx, execution_id)
        assert execution is not None, "executions are not deleted"
        return execution

    def tagged(self, tx: Transaction, scope: Scope, arn: str) -> StateMachine | Activity:
        """The machine or activity with this ARN. Raises ResourceNotFound, InvalidArn."""
        if not arn.startswith("arn:"):
            model.check_arn(arn)
        found = store.find_machine(tx, scope, arn) or store.find_activity(tx, scope, arn)
        if found is None:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
        return found

    def judge(self, text: str, name: str, express: bool) -> list[validate.Problem]:
        """Everything wrong with a definition of the machine `name`, whose test cases may mock tasks."""
        return validate.judge(text, self._task_problems, express, self.mocks.mocked_states(name))

    def absent(self, text: str, name: str = "") -> list[validate.Problem]:
        """What a good definition names and the emulator has not: warnings of our own. `name` is as for `judge`."""
        document, _ = validate.parse_json(text)
        mocked = self.mocks.mocked_states(name)
        return [
            validate.Problem(
                NOT_EMULATED, f"{resource} is not emulated: the task fails unless it is mocked", at, WARNING
            )
            for state, at, resource in resources(document)
            if state not in mocked and not self._is_emulated(resource)
        ]

    def check_definition(self, text: str, name: str, machine_type: str = model.STANDARD) -> None:
        """Raise InvalidDefinition naming everything that is wrong with the definition of the machine `name`."""
        model.check_definition_length(text)
        problems = self.judge(text, name, machine_type == model.EXPRESS)
        if not problems:
            for absent in self.absent(text, name)[:_MOST_TOLD]:
                _logger.info("definition of %s: %s", name, absent)
        else:
            problems = problems[: model.MOST_DIAGNOSTICS]
            _tell(name, text, problems)
            listed = ", ".join(str(item) for item in problems)
            raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{listed}'")


def _tell(name: str, text: str, problems: list[validate.Problem]) -> None:
    """Say in the emulator's log where in the source the mistakes are: AWS's error has no lines."""
    places = positions(text, [item.place for item in problems if item.place is not None])
    for item in problems[:_MOST_TOLD]:
        place = places.get(item.place or "")
        where = f"line {place[0]}, column {place[1]}: " if place is not None else ""
        _logger.info("definition of %s refused: %s%s", name, where, item)


def check_input(text: str) -> None:
    """Raise what AWS says of an execution's input that is too large or no JSON."""
    if len(text.encode()) > model.MAX_INPUT_BYTES:
        raise validation_errors(
            [
                "Value at 'input' failed to satisfy constraint: Member must have length less than or equal to "
                f"{model.MAX_INPUT_BYTES}"
            ]
        )
    try:
        loads(text)
    except ValueError as error:
        problem = model.input_problem(text, error)
        raise AwsError("InvalidExecutionInput", f"Invalid State Machine Execution Input: '{problem}'") from None


def page(tx: Transaction, request: dict[str, Any], answer: dict[str, Any], position: int | None) -> dict[str, Any]:
    """An answer with the token of the next page, if there is one."""
    return answer if position is None else {**answer, "nextToken": model.write_token(request, position, tx.now)}
