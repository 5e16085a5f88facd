"""How an execution moves: one signal, worked off by the interpreter, written down in the caller's transaction.

Decides how frames, history and jobs are committed together; the states language itself is asl/'s.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator import cpu_time, jobs
from emulator.aws.scope import Scope
from emulator.aws.telemetry import Datum
from emulator.ports import Transaction
from emulator.settings import LiveSettings

from . import store, task_faults, task_mocks
from .asl.data import Data, loads
from .asl.definition import compile_definition
from .asl.frames import Frames
from .asl.interpreter import Run
from .asl.messages import (
    CallTask,
    Command,
    Ended,
    Event,
    Execution,
    Forget,
    GoOn,
    OfferActivity,
    Redrive,
    RedriveMapRun,
    Resume,
    SetTimer,
    Signal,
    Start,
    StartMapRun,
    Stop,
    StopMapRun,
    TimerFired,
)
from .asl.tasks import is_activity
from .coverage import Coverage
from .map_runs import store as map_runs
from .model import StoredExecution
from .status_events import StatusEvents
from .task_faults import TaskFaults
from .task_mocks import TaskMocks
from .telemetry import Telemetry
from .turns import Turn

TASK = "sfn.task"
TIMER = "sfn.timer"
SLOW = "sfn.slow"
"""The rest of a run that took long: one at a time."""
EXPRESS = "sfn.express"
CHILD_ENDED = "sfn.child"
MAP_CHILD = "sfn.map_child"
"""An Express child of a map run."""
RESUME_TOKEN = "resume"
NOTABLE_CHARACTERS = 65_536
"""That one signal led to: most lead to few, which a turn need not count."""
ACTIVITY_BELL = "sfn.activity"
"""No kind of job: a commit that says it wakes those who wait for tasks of activities."""


class Progress:
    """Moves executions; `telemetry` is told what happens, in the same transaction; `mocks` answer for tasks."""

    def __init__(
        self,
        telemetry: Telemetry,
        mocks: TaskMocks,
        coverage: Coverage,
        start_problem: Callable[[str, Data], str | None],
        settings: LiveSettings,
        faults: TaskFaults,
        status_events: StatusEvents,
    ) -> None:
        self._status_events = status_events
        self._settings = settings
        self.turn = Turn()
        self._faults = faults
        self.telemetry = telemetry
        self.mocks = mocks
        self.coverage = coverage
        self._start_problem = start_problem

    def start(self, tx: Transaction, execution: StoredExecution) -> None:
        """Begin an execution that was just added, as the test case it names if it names one."""
        self.telemetry.started(tx, execution)
        self._status_events.changed(tx, execution)
        self.advance(tx, execution, Start())

    def start_child(self, tx: Transaction, execution: StoredExecution, test_case: str | None) -> None:
        """Begin a child of a map run that was just added; tasks mocked in the parent are mocked in it.

        Its `status` tells afterwards whether it has ended.
        """
        execution.test_case = test_case
        self.telemetry.started(tx, execution)
        self._status_events.changed(tx, execution)
        self._advance_or_fail(tx, execution, Start())

    @staticmethod
    def test_case(tx: Transaction, execution_id: int) -> str | None:
        """The test case whose mocks answer a running execution's tasks, if there is one."""
        marks = store.load_frame(tx, execution_id, task_mocks.MARKS)
        return loads(marks)["case"] if marks is not None else None

    def redrive_child(self, tx: Transaction, execution: StoredExecution) -> None:
        """Let a child of a map run go on, which waited for it."""
        self._status_events.changed(tx, execution, waiting=True)
        self.redrive(tx, execution, None)

    def redrive(self, tx: Transaction, execution: StoredExecution, client_token: str | None) -> None:
        """Let an execution that ended without success go on where it stopped."""
        store.reopen_execution(tx, execution)
        self.telemetry.redriven(tx, execution)
        self._status_events.changed(tx, execution)
        self.signal_execution(tx, execution.id, Redrive(client_token))

    def advance(self, tx: Transaction, execution: StoredExecution, signal: Signal) -> Ended | None:
        """Work off one signal and write down what follows; returns how the execution ended, if it did."""
        run = self._run(tx, execution)
        frames = run.frames
        began = cpu_time.spent()
        outcome = run.signal(signal)
        characters = run.carried if run.carried > NOTABLE_CHARACTERS else 0
        self.turn.used(cpu_time.spent() - began, characters, machine_of(execution.arn), not run.handed_over)
        if self.coverage.on:
            begins = isinstance(signal, Start)
            self.coverage.count(execution.machine_arn, execution.definition, begins, outcome.events, outcome.taken)
        self._record(tx, execution, outcome.events)
        if outcome.tasks:
            self.telemetry.tasks(tx, execution, outcome.tasks)
        for command in outcome.commands:
            self._obey(tx, execution, frames, command)
        if outcome.ended is not None:
            if outcome.ended.status != "SUCCEEDED":
                store.save_frames(tx, execution, frames.changes())
            self.close(tx, execution, outcome.ended)
        elif outcome.events or outcome.commands:
            store.save_frames(tx, execution, frames.changes())
        return outcome.ended

    def item_selector(
        self, tx: Transaction, execution: StoredExecution, token: str
    ) -> Callable[[int, Data, str], Data]:
        """How an execution's state that awaits a map run by `token` makes an input of (place, item, source)."""
        run = self._run(tx, execution)
        return lambda index, item, source: run.select_item(token, index, item, source)

    def _run(self, tx: Transaction, execution: StoredExecution) -> Run:
        frames = Frames(lambda key: store.load_frame(tx, execution.id, key))
        if execution.test_case is not None:
            self.mocks.mark(frames, execution.test_case)

        def start_problem(resource: str, parameters: Data) -> str | None:
            if self.mocks.are_for(frames):
                return None
            if not is_activity(resource):
                return self._start_problem(resource, parameters)
            return None if _is_activity(tx, execution, resource) else _no_activity(resource)

        return Run(
            compile_definition(execution.definition),
            Execution(
                execution.arn, execution.name, execution.role_arn, execution.started_at, execution.machine_arn,
                execution.machine_name, execution.region, Data(text=execution.input),
                redrive_count=execution.redrive_count,
                redriven_at=execution.redriven_at,
            ),
            frames,
            tx.now,
            tx.random,
            tx.new_id,
            start_problem,
            cpu_time.spent,
            self.turn.over or self.turn.is_slow(machine_of(execution.arn)),
        )  # fmt: skip

    def signal_execution(self, tx: Transaction, execution_id: int, signal: Signal) -> None:
        """`advance`, unless the execution has ended meanwhile."""
        execution = store.load_execution(tx, execution_id)
        if execution is None or execution.status != "RUNNING":
            return
        self._advance_or_fail(tx, execution, signal)

    def signal_loaded(self, tx: Transaction, execution: StoredExecution, signal: Signal) -> None:
        """`signal_execution` of one that was running when it was loaded, which costs six times as much as a look."""
        if store.unchanged(tx, execution):
            self._advance_or_fail(tx, execution, signal)
        else:
            self.signal_execution(tx, execution.id, signal)

    def _advance_or_fail(self, tx: Transaction, execution: StoredExecution, signal: Signal) -> None:
        tx.execute("SAVEPOINT sfn_signal")
        try:
            self.advance(tx, execution, signal)
        except (ValueError, ArithmeticError, RecursionError) as error:
            # Our mistake on somebody's odd data. An accepted execution must end all the same, not hang in a job that
            # fails.
            tx.execute("ROLLBACK TO sfn_signal")
            self._fail(tx, execution, f"The emulator could not work on this state: {type(error).__name__}.")
        tx.execute("RELEASE sfn_signal")

    def _fail(self, tx: Transaction, execution: StoredExecution, cause: str) -> None:
        last = store.last_event_id(tx, execution.id)
        details = {"error": "States.Runtime", "cause": cause}
        self._record(tx, execution, [Event(last + 1, last, "ExecutionFailed", "executionFailedEventDetails", details)])
        self.close(tx, execution, Ended("FAILED", error="States.Runtime", cause=cause))

    def _record(self, tx: Transaction, execution: StoredExecution, events: list[Event]) -> None:
        store.add_events(tx, execution, events)
        if execution.logging is not None:
            self.telemetry.log(tx, execution, [(tx.now, event) for event in events])

    def close(self, tx: Transaction, execution: StoredExecution, ended: Ended) -> None:
        """Write down that an execution has ended, and tell who waits for it."""
        if ended.status == "TIMED_OUT":  # its event has an error, the execution has none, as users of AWS have measured
            ended = Ended("TIMED_OUT")
        store.end_execution(tx, execution.id, ended)
        execution.status = ended.status
        self.telemetry.ended(tx, execution, ended.status)
        self._status_events.changed(tx, execution, ended)
        if execution.of_map_run and not execution.new_child:
            map_runs.child_changed(tx, execution.id, "RUNNING", ended.status)
        self._tell_parent(tx, execution)

    def _tell_parent(self, tx: Transaction, execution: StoredExecution) -> None:
        """An execution that a task of another waits for has ended: the job does it in a commit of its own.

        A chain of nested executions that all end at once must not recurse into each other.
        """
        if execution.parent_id is not None:
            payload = {
                "execution": execution.parent_id,
                "arn": "",
                "token": execution.parent_token,
                "child": execution.id,
            }
            jobs.enqueue(tx, CHILD_ENDED, payload)

    def activity_gone(self, tx: Transaction, activity: str) -> None:
        """An activity is being deleted: tasks that wait for a worker of it fail, each in a commit of its own."""
        body = task_mocks.failure(_no_activity(activity)).encode()
        for execution_id, token in store.activity_tasks(tx, activity):
            execution = store.load_execution(tx, execution_id)
            if execution is not None and execution.status == "RUNNING":
                payload = {
                    "execution": execution.id, "arn": execution.arn, "token": token, "resource": activity,
                    "mocked": True,
                }  # fmt: skip
                jobs.enqueue(tx, TASK, payload, key=_key(execution, token), body=body)

    def map_runs_changed(self, tx: Transaction, scope: Scope) -> None:
        """A map run has begun or ended: another may be open now, and CloudWatch is told how many are."""
        most = self._settings.open_map_runs
        map_runs.open_next(tx, scope, most)
        data = [Datum("ApproximateOpenMapRunCount", map_runs.count_open(tx, scope)), Datum("OpenMapRunLimit", most)]
        backlog = map_runs.count_backlog(tx, scope)
        if backlog:
            data.append(Datum("ApproximateMapRunBacklogSize", backlog))
        self.telemetry.counted(tx, scope, data)

    def _obey(self, tx: Transaction, execution: StoredExecution, frames: Frames, command: Command) -> None:
        payload: dict[str, Any] = {"execution": execution.id, "arn": execution.arn}
        if isinstance(command, (CallTask, OfferActivity)):
            resource = command.resource if isinstance(command, CallTask) else command.activity
            fault = self._faults.strike(execution, frames, command.token, isinstance(command, CallTask))
            mocked = self.mocks.answer(execution.machine_name, frames, command.token, resource)
            if fault is not None:
                mocked = task_faults.instead(fault, resource) or mocked
                payload.update(task_faults.of_call(fault, resource))
            if mocked is None and isinstance(command, OfferActivity) and not _is_activity(tx, execution, resource):
                mocked = task_mocks.failure(_no_activity(resource))
            if mocked is not None:
                payload.update(token=command.token, resource=resource, mocked=True)
                jobs.enqueue(tx, TASK, payload, key=_key(execution, command.token), body=mocked.encode())
                return
        if isinstance(command, CallTask):
            # The request id is drawn once: a call repeated after a crash carries the same one.
            payload.update(token=command.token, resource=command.resource, request_id=tx.new_id())
            if command.role is not None:
                payload["role"] = command.role
            due_at = tx.now + float(payload.get("late", 0.0))
            body = command.parameters.text.encode()
            jobs.enqueue(tx, TASK, payload, due_at, _key(execution, command.token), body)
        elif isinstance(command, SetTimer):
            payload["token"] = command.token
            jobs.enqueue(tx, TIMER, payload, due_at=command.due_at, key=_key(execution, command.token))
        elif isinstance(command, OfferActivity):
            store.offer_activity_task(tx, execution, command.activity, command.token, command.input.text)
            tx.wake(tx.now, ACTIVITY_BELL)
        elif isinstance(command, Forget):
            jobs.cancel(tx, _key(execution, command.token))
            store.withdraw_activity_task(tx, execution.id, command.token)
            for child in store.children_of(tx, execution.id, command.token):
                self.advance(tx, child, Stop(None, None))  # best effort on AWS too
        elif isinstance(command, StartMapRun):
            map_runs.add_map_run(tx, execution, command, self._settings.open_map_runs)
            self.map_runs_changed(tx, Scope(execution.account, execution.region))
        elif isinstance(command, StopMapRun):
            map_runs.stop(tx, execution.id, command.token)
            self.map_runs_changed(tx, Scope(execution.account, execution.region))
        elif isinstance(command, RedriveMapRun):
            map_runs.redrive(tx, Scope(execution.account, execution.region), command.arn, command.token)
            self.map_runs_changed(tx, Scope(execution.account, execution.region))
        else:
            assert isinstance(command, GoOn)
            payload["token"] = RESUME_TOKEN
            kind, owner = (SLOW, machine_of(execution.arn)) if command.slow else (TIMER, "")
            jobs.enqueue(tx, kind, payload, key=_key(execution, RESUME_TOKEN), owner=owner)


def machine_of(execution_arn: str) -> str:
    """Executions for which this is the same are of one machine (or one map run's)."""
    return execution_arn.rpartition(":")[0]


def _is_activity(tx: Transaction, execution: StoredExecution, arn: str) -> bool:
    return store.find_activity(tx, Scope(execution.account, execution.region), arn) is not None


def _no_activity(arn: str) -> str:
    return f"The activity {arn} does not exist."


def awaits(tx: Transaction, execution: StoredExecution, token: str) -> bool:
    """Whether a task of the running execution still waits under this token."""
    frame = Frames(lambda key: store.load_frame(tx, execution.id, key)).get(token.split(".")[0])
    wait = frame.get("wait") if frame is not None else None
    return wait is not None and wait["token"] == token and wait["for"] == "task"


def awaited_resource(tx: Transaction, execution: StoredExecution, token: str) -> str | None:
    """The Resource of the task that waits under this token, if it still does."""
    if not awaits(tx, execution, token):
        return None
    frame = Frames(lambda key: store.load_frame(tx, execution.id, key)).get(token.split(".")[0])
    assert frame is not None, "a task that waits has a frame"
    return compile_definition(execution.definition).states[frame["state"]].resource


def redrive_token(tx: Transaction, execution: StoredExecution) -> str | None:
    """The client token of the latest redrive."""
    counters = Frames(lambda key: store.load_frame(tx, execution.id, key)).get("x")
    return counters.get("redrive_token") if counters is not None else None


def timer_signal(token: str) -> Signal:
    """The signal that a timer job stands for."""
    return Resume() if token == RESUME_TOKEN else TimerFired(token)


def _key(execution: StoredExecution, token: str) -> str:
    """What jobs are cancelled by. Short, for each job has it in a row and in an index."""
    return f"sfn{execution.id}#{token}"
