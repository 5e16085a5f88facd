"""TestState: one state, run on its own, with its real task or with a mock.

Decides what is asked of a request and how the answer looks (reference 5.12); how a state is watched is
asl/inspection.py's. Nothing is stored, and a Wait does not wait (unverified).
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import ExitStack
from typing import Any

from emulator import cpu_time
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope
from emulator.ports import Clock, Store, Transaction

from . import mocks, model
from .asl import validate
from .asl.data import Data, Json, StateError, dumps, loads
from .asl.definition import compile_definition
from .asl.distribution import MOST_ITEMS
from .asl.frames import Frames
from .asl.inspection import InspectedRun, Mock, Setting
from .asl.messages import (
    CallTask,
    Execution,
    OfferActivity,
    Outcome,
    SetTimer,
    Signal,
    Start,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)
from .asl.tasks import pattern, task_kind
from .asl.validation.problems import NO_END
from .http_tasks import Exchange
from .map_runs.parsing import PARSERS, Unreadable
from .model import StoredExecution
from .operations.state import check_input
from .task_calls import TaskCalls

NAME = "StateName"
"""What the context object calls a state that was given alone [R:state_scenarios]."""
MOCKED = ("Task", "Map", "Parallel")
LONGEST_SECONDS = 300.0
"""How long a state may take; then it fails with States.Timeout [D:test-state-isolation]."""


@dataclasses.dataclass(frozen=True, slots=True)
class _Test:
    """A request that has been judged."""

    definition: str
    execution: StoredExecution
    setting: Setting


class StateTester:
    """Answers TestState."""

    def __init__(self, data: Store, clock: Clock, calls: TaskCalls) -> None:
        self._store = data
        self._clock = clock
        self._calls = calls

    async def test_state(self, scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
        """Run one state."""
        test = await self._store.read(lambda tx: self._judge(tx, scope, request))
        execution, machine = test.execution, compile_definition(test.definition)
        shown = Execution(
            execution.arn, execution.name, execution.role_arn, execution.started_at, execution.machine_arn,
            execution.machine_name, execution.region, Data(text=execution.input),
        )  # fmt: skip
        frames = Frames(lambda key: None)

        def start_problem(resource: str, parameters: Data) -> str | None:
            return None if test.setting.mock is not None else self._calls.start_problem(resource, parameters)

        def work(tx: Transaction, signal: Signal, seen: dict[str, Any]) -> InspectedRun:
            run = InspectedRun(machine, shown, frames, tx.now, tx.random, tx.new_id, start_problem, cpu_time.spent)
            run.watch(test.setting, seen)
            run.signal(signal)
            return run

        run = await self._store.read(lambda tx: work(tx, Start(), {}))
        if run.outcome.ended is None and not run.retried:
            exchanges: list[Exchange] = []
            signal, seen = await self._answer(test, run.outcome, exchanges), run.seen
            if request.get("inspectionLevel") == "TRACE":
                for exchange in exchanges:
                    seen |= exchange.shown(bool(request.get("revealSecrets")))
            run = await self._store.read(lambda tx: work(tx, signal, seen))
        failures = (request.get("stateConfiguration") or {}).get("mapIterationFailureCount") or 0
        if run.item_count is not None and failures > run.item_count:
            raise _invalid("Map iteration failure count must be less than or equal to the number of Map iterations")
        return _answer(run, request.get("inspectionLevel", "INFO"))

    async def _answer(self, test: _Test, outcome: Outcome, exchanges: list[Exchange]) -> Signal:
        """What becomes of the one thing that the state waits for; requests of an HTTP task are added to `exchanges`."""
        mock, execution = test.setting.mock, test.execution
        calls = [command for command in outcome.commands if isinstance(command, (CallTask, OfferActivity))]
        if not calls:
            timer = outcome.commands[0]
            assert isinstance(timer, SetTimer), "a state that is tested waits for a task or for time"
            return TimerFired(timer.token)
        call = calls[0]
        if mock is not None:
            if mock.result is not None:
                return TaskSucceeded(call.token, mock.result)
            return TaskFailed(call.token, mock.error, mock.cause)
        assert isinstance(call, CallTask), "activities are tested with a mock only"
        request_id = await self._store.read(lambda tx: tx.new_id())
        if not self._calls.takes_time(call.resource, call.parameters):
            return await self._store.transact(
                lambda tx: self._calls.inside(tx, execution, call.token, call.resource, call.parameters, request_id)
            )
        limits = [command.due_at for command in outcome.commands if isinstance(command, SetTimer)]
        until = min([execution.started_at + LONGEST_SECONDS, *limits])
        with ExitStack() as hold:
            hold.enter_context(self._clock.busy("stepfunctions.TestState"))
            calling = asyncio.create_task(self._call(hold.pop_all(), execution, call, request_id, exchanges))
        sleeping = asyncio.create_task(self._clock.sleep_until(until, "stepfunctions.TestState"))
        try:
            with self._clock.parked():
                await asyncio.wait((calling, sleeping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            if not calling.done():
                calling.cancel()
                await asyncio.gather(calling, return_exceptions=True)
        return TimerFired(call.token) if calling.cancelled() else calling.result()

    async def _call(
        self, hold: ExitStack, execution: StoredExecution, call: CallTask, request_id: str, exchanges: list[Exchange]
    ) -> Signal:
        """Call the task; AWS time stands still meanwhile, as `hold` says."""
        with hold:
            return await self._calls.outside(
                execution, call.token, call.resource, call.parameters, request_id, exchanges
            )

    # ── the request ─────────────────────────────────────────────────────────────────────────────

    def _judge(self, tx: Transaction, scope: Scope, request: dict[str, Any]) -> _Test:
        mocked: dict[str, Any] | None = request.get("mock")
        if mocked is not None and "result" in mocked and "errorOutput" in mocked:
            raise _invalid("A test mock should have only one of the following fields: [result, errorOutput].")
        if mocked is not None and request.get("revealSecrets"):
            raise _invalid("TestState does not support RevealSecrets when a mock is specified.")
        text = request.get("input", "{}")
        check_input(text)
        name, state = self._state(request, mocked is not None)
        kind = state["Type"]
        if mocked is None and kind in ("Map", "Parallel"):
            types = "[Task, Wait, Pass, Succeed, Fail, Choice]"
            text = f"TestState API does not support Map or Parallel states. Supported state types include: {types}"
            raise AwsError("InvalidDefinition", text)
        if mocked is not None and kind not in MOCKED:
            raise _invalid(f"State type '{kind}' is not supported when a mock is specified")
        if mocked is None and kind == "Task" and request.get("roleArn") is None:
            raise _invalid("RoleArn must be specified when testing a Task state")
        waits = kind == "Task" and (pattern(state["Resource"]) != "" or task_kind(state["Resource"]).waits_for_callback)
        if mocked is None and waits:
            # AWS refuses these too; its words are unverified.
            raise _invalid("TestState does not support tasks that wait for a callback or a job without a mock.")
        context = _json(request["context"], "Context object") if request.get("context") is not None else None
        if context is not None:
            mocks.check_context(context, waits)
        variables = _json(request.get("variables") or "{}", "Variables")
        if not isinstance(variables, dict):
            raise _invalid("Variables must be a JSON object")
        configuration: dict[str, Any] = request.get("stateConfiguration") or {}
        read_items = _read_items(state, configuration.get("mapItemReaderData"))
        culprit = configuration.get("errorCausedByState")
        if culprit is not None and not any(_find(inner, culprit, None) for inner in _inner(state)):
            raise _invalid("State not found in definition")
        mock = self._mock(state, mocked) if mocked is not None else None
        machine_name, run_name = tx.new_id(), tx.new_id()
        machine_arn = model.machine_arn(scope, machine_name)
        arn = machine_arn.replace(":stateMachine:", ":express:") + f":{run_name}"
        execution = StoredExecution(
            0, arn, run_name, scope.account, scope.region, machine_arn, "", request.get("roleArn"), tx.now, text,  # pyright: ignore[reportArgumentType]
        )  # fmt: skip
        definition = dumps({"StartAt": name, "States": {name: state}})
        setting = Setting(mock, variables, configuration.get("retrierRetryCount") or 0, context, read_items)
        return _Test(definition, execution, setting)

    def _state(self, request: dict[str, Any], mocked: bool) -> tuple[str, dict[str, Any]]:
        """(name, definition) of the state to test. Raises InvalidDefinition."""
        model.check_definition_length(request["definition"])
        document, problem = validate.parse_json(request["definition"])
        wanted: str | None = request.get("stateName")
        if document is None:
            raise _bad_definition([problem] if problem is not None else [])
        alone = "States" not in document
        judged = document if not alone else _alone(document)
        found = validate.validate(
            judged, lambda resource, given: self._calls.problems(resource, None if mocked else given)
        )
        problems = [problem] if problem is not None else []
        # A state alone may lead to nothing but itself.
        problems += [each for each in found if not (alone and each.code == NO_END)]
        if problems:
            prefix = f"/States/{NAME}"
            raise _bad_definition(
                [dataclasses.replace(each, location=_without(each.location, prefix)) for each in problems]
                if alone
                else problems
            )
        if alone:
            return NAME, document
        found = _find(document, wanted or "", document.get("QueryLanguage"))
        if found is None:
            raise _invalid("State not found in definition")
        return wanted or "", found

    def _mock(self, state: dict[str, Any], mocked: dict[str, Any]) -> Mock:
        if "result" not in mocked:
            output = mocked.get("errorOutput") or {}
            return Mock(error=output.get("error"), cause=output.get("cause"))
        try:
            result = loads(mocked["result"])
        except ValueError:
            raise _invalid("Mocked result must be valid JSON") from None
        if state["Type"] in ("Map", "Parallel"):
            if not isinstance(result, list):
                raise _invalid("Mocked result must be an array.")
            if state["Type"] == "Parallel" and len(result) != len(state["Branches"]):
                raise _invalid("Mocked result must contain the same number of items as number of Parallel branches.")
        else:
            shape, anything = self._calls.integrations.result_shape(state["Resource"])
            mocks.check_result(shape, result, mocked.get("fieldValidationMode", mocks.STRICT), anything)
        return Mock(Data(result, mocked["result"]))


def _read_items(state: dict[str, Any], given: str | None) -> list[Json] | StateError | None:
    """What a distributed Map reads from `mapItemReaderData`, which is as found in its source."""
    reader = state.get("ItemReader")
    if given is None or not isinstance(reader, dict):
        return None
    config: dict[str, Any] = reader.get("ReaderConfig") or {}
    try:
        parser = PARSERS.get(config.get("InputType", "JSON"), PARSERS["JSON"])
        found = parser(config, {}, given.encode(), True, MOST_ITEMS)
    except Unreadable as problem:
        return StateError("States.ItemReaderFailed", str(problem))
    most = config.get("MaxItems")
    items = [loads(item) for item in found.items]
    return items[:most] if isinstance(most, int) and most else items


def _answer(run: InspectedRun, level: str) -> dict[str, Any]:
    ended, failure = run.outcome.ended, run.failure
    answer: dict[str, Any] = {}
    if run.retried:
        answer["status"] = "RETRIABLE"
    elif ended is None or ended.status != "SUCCEEDED":
        answer["status"] = "FAILED"
    else:
        answer["status"] = "CAUGHT_ERROR" if run.caught else "SUCCEEDED"
        answer["output"] = ended.output.text if ended.output is not None else "{}"
        if run.next_state is not None:
            answer["nextState"] = run.next_state
    if answer["status"] != "SUCCEEDED":
        error, cause = (ended.error, ended.cause) if ended and ended.error is not None else (None, None)
        if failure is not None and error is None:
            error, cause = failure.error, failure.cause
        answer |= {member: text for member, text in (("error", error), ("cause", cause)) if text is not None}
    if level != "INFO":
        answer["inspectionData"] = run.seen
    return answer


def _alone(state: dict[str, Any]) -> dict[str, Any]:
    """A machine of one state, in which the states it leads to exist."""
    sources = [state, *_objects(state.get("Catch")), *_objects(state.get("Choices"))]
    targets = [source.get(member) for source in sources for member in ("Next", "Default")]
    stubs = {target: {"Type": "Succeed"} for target in targets if isinstance(target, str) and target != NAME}
    # A state that leads to itself only is as good as any here: nothing else is run.
    return {"StartAt": NAME, "States": {NAME: state, **stubs}}


def _objects(value: Json) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _find(scope: dict[str, Any], name: str, language: str | None) -> dict[str, Any] | None:
    """A state of a machine by name, wherever it is, with the query language it speaks."""
    for key, state in scope["States"].items():
        if key == name:
            return state if language is None or "QueryLanguage" in state else {**state, "QueryLanguage": language}
        for inner in _inner(state):
            found = _find(inner, name, language)
            if found is not None:
                return found
    return None


def _inner(state: dict[str, Any]) -> list[dict[str, Any]]:
    """The scopes of states inside a state."""
    processor = state.get("ItemProcessor") or state.get("Iterator")
    return [*state.get("Branches", ()), *([processor] if processor else [])]


def _without(location: str | None, prefix: str) -> str | None:
    return location if location is None else location.removeprefix(prefix) or "/"


def _json(text: str, what: str) -> Json:
    try:
        return loads(text)
    except ValueError:
        raise _invalid(f"{what} must be valid JSON") from None


def _invalid(text: str) -> AwsError:
    return AwsError("ValidationException", text)


def _bad_definition(problems: list[validate.Problem]) -> AwsError:
    listed = ", ".join(str(problem) for problem in problems)
    return AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{listed}'")
