"""`emulator sfn run`: one execution of a definition, its tasks mocked, in an emulator of its own.

Decides which test case is run and what is known afterwards. Nothing listens and nothing is kept; virtual time jumps
over waits and retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from emulator.app import Emulator
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.services.stepfunctions import mock_file
from emulator.services.stepfunctions.mock_file import BadMockFile
from emulator.settings import Settings
from emulator.sfn_tools.definition_file import DefinitionFile
from emulator.sfn_tools.validate import Diagnosis, placed

ROLE = "arn:aws:iam::000000000000:role/emulator-sfn-run"
REQUEST = "emulator-sfn-run"
POLL_SECONDS = 0.05


class CannotRun(Exception):
    """What is missing; the second argument says what to do."""


class BadDefinition(Exception):
    """The definition was refused."""

    def __init__(self, diagnoses: list[Diagnosis]) -> None:
        super().__init__(diagnoses)
        self.diagnoses = diagnoses


@dataclass(frozen=True, slots=True)
class Plan:
    """What is run."""

    file: DefinitionFile
    input: str
    name: str
    """Of the state machine."""
    mocks: Path | None = None
    case: str | None = None
    virtual: bool = True
    express: bool = False


@dataclass(frozen=True, slots=True)
class Ran:
    """How it went; `described` and `events` are as DescribeExecution and GetExecutionHistory show them."""

    plan: Plan
    described: Mapping[str, Any]
    coverage: dict[str, Any]
    """What the execution has covered, as `GET /_emulator/coverage` shows it."""
    events: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    @property
    def succeeded(self) -> bool:
        return self.described["status"] == "SUCCEEDED"


def plan_mocks(path: Path, named: str | None, name: str, case: str | None) -> tuple[str, str]:
    """(state machine, test case) of a mock file that a definition is run as. Raises CannotRun.

    What somebody named counts; without that the file's name, or the only one that there is.
    """
    try:
        found = mock_file.parse(path.read_text("utf-8")).machines
    except OSError as error:
        raise CannotRun(f"{path} cannot be read: {error.strerror}.", "Name a mock configuration file.") from None
    except (BadMockFile, UnicodeDecodeError) as error:
        raise CannotRun(f"{path} cannot be used:\n{error}", "docs/state-machines.md shows such a file.") from None
    machine = named or (name if name in found or len(found) != 1 else next(iter(found)))
    if machine not in found:
        known = ", ".join(found) or "none"
        raise CannotRun(f"{path} has no state machine {machine}.", f"It has: {known}. Name one with --name.")
    cases = found[machine]
    if case is None and len(cases) == 1:
        return machine, next(iter(cases))
    if case is None or case not in cases:
        known = ", ".join(cases) or "none"
        problem = f"{path} has no test case {case} of {machine}." if case else f"Which test case of {machine}?"
        raise CannotRun(problem, f"{path} has: {known}. Name one with --test-case.")
    return machine, case


def run(plan: Plan) -> Ran:
    """Run to the end, or to where nothing goes on by itself. Raises CannotRun, BadDefinition."""
    return asyncio.run(_run(plan))


async def _run(plan: Plan) -> Ran:
    emulator = Emulator(
        Settings(data=None, frozen=plan.virtual, sfn_mock_config=plan.mocks, sfn_coverage=True), "http://localhost:0"
    )  # fmt: skip
    scope = Scope()

    async def call(operation: str, **request: Any) -> dict[str, Any]:
        service = emulator.services.get("stepfunctions")
        assert service is not None, "the emulator has Step Functions"
        return await service.call(operation, scope, request, REQUEST)

    operations = emulator.stepfunctions.operations
    operations.mocks.every_task = True
    await emulator.start()
    try:
        problems = operations.judge(plan.file.definition, plan.name, plan.express)
        if problems:
            raise BadDefinition(placed(plan.file, problems))
        machine = await call(
            "CreateStateMachine", name=plan.name, definition=plan.file.definition, roleArn=ROLE,
            type="EXPRESS" if plan.express else "STANDARD",
        )  # fmt: skip
        arn = machine["stateMachineArn"] + (f"#{plan.case}" if plan.case is not None else "")
        if plan.express:
            described = await call("StartSyncExecution", stateMachineArn=arn, input=plan.input)
            return Ran(plan, described, operations.progress.coverage.report())
        execution = (await call("StartExecution", stateMachineArn=arn, input=plan.input))["executionArn"]
        described = await _ended(emulator, plan, lambda: call("DescribeExecution", executionArn=execution))
        events: list[dict[str, Any]] = []
        page: dict[str, Any] = {"nextToken": None}
        while "nextToken" in page:
            more = {"nextToken": page["nextToken"]} if page["nextToken"] else {}
            page = await call("GetExecutionHistory", executionArn=execution, maxResults=1000, **more)
            events += page["events"]
        return Ran(plan, described, operations.progress.coverage.report(), events)
    except AwsError as error:
        raise CannotRun(f"{error.code}: {error.message}", "Correct it and run again.") from None
    finally:
        await emulator.stop()


async def _ended(emulator: Emulator, plan: Plan, describe: Any) -> dict[str, Any]:
    if plan.virtual:
        await emulator.settle()
        return await describe()
    while True:
        described = await describe()
        if described["status"] != "RUNNING":
            return described
        await asyncio.sleep(POLL_SECONDS)
