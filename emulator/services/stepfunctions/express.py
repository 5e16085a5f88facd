"""Express executions: run in memory from their beginning to their end, as on AWS.

Decides what waits while one runs: calls of tasks and timers are tasks of the loop that the execution owns, and each
becomes a signal for the interpreter. Nothing is stored on the way; a crash ends a synchronous one, and an asynchronous
one, which is a job, begins anew.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from emulator import cpu_time
from emulator.aws.telemetry import Datum
from emulator.ports import Clock, Store, Transaction

from . import task_faults
from .asl.data import Data
from .asl.definition import Machine, compile_definition
from .asl.frames import Frames
from .asl.interpreter import MACHINE_TOKEN, Run
from .asl.messages import (
    CallTask,
    Command,
    Ended,
    Event,
    Execution,
    Forget,
    GoOn,
    Outcome,
    Resume,
    SetTimer,
    Signal,
    Start,
    Stop,
    TaskMoment,
    TimerFired,
)
from .coverage import Coverage
from .model import StoredExecution
from .task_calls import TaskCalls
from .task_faults import TaskFaults
from .task_mocks import TaskMocks, signals
from .telemetry import Telemetry
from .turns import Turn

LONGEST_SECONDS = 300.0
MOST_EVENTS = 300_000
"""AWS has no limit but five minutes, in which about so many transitions fit; frozen time would never reach them."""
EVENTS_KEPT = 1_000
"""Events that wait to be logged; more are written at once."""
BILLED_MEMORY_MB = 64
BILLING_STEP_MS = 100


@dataclass(frozen=True, slots=True)
class ExpressEnd:
    """How an Express execution ended; `report` writes its logs and metrics."""

    ended: Ended
    stopped_at: float
    billed_ms: int
    report: Callable[[Transaction], None]


class ExpressRunner:
    """Runs Express executions, each for the caller who awaits it."""

    def __init__(
        self,
        data: Store,
        clock: Clock,
        calls: TaskCalls,
        telemetry: Telemetry,
        mocks: TaskMocks,
        coverage: Coverage,
        faults: TaskFaults,
        turn: Turn,
    ) -> None:
        self._turn = turn
        self._store = data
        self._clock = clock
        self._calls = calls
        self._telemetry = telemetry
        self._mocks = mocks
        self._faults = faults
        self._coverage = coverage
        self.running: dict[int, _Running] = {}
        """Those that are stored, by id."""

    async def run(self, execution: StoredExecution) -> ExpressEnd:
        """Run to the end. The caller holds the clock `busy`; whoever waits in here gives the hold back."""
        running = _Running(
            self._store, self._clock, self._calls, self._telemetry, self._mocks, self._coverage, self._faults,
            self._turn, execution,
        )  # fmt: skip
        if execution.id:
            self.running[execution.id] = running
        try:
            ended = await running.run()
        finally:
            self.running.pop(execution.id, None)
        stopped_at = self._clock.now()
        took_ms = max(0.0, stopped_at - execution.started_at) * 1000
        billed_ms = max(1, math.ceil(round(took_ms, 3) / BILLING_STEP_MS)) * BILLING_STEP_MS

        def report(tx: Transaction) -> None:
            self._telemetry.log(tx, execution, running.unlogged)
            billing = [
                Datum("ExpressExecutionMemory", BILLED_MEMORY_MB * 1024 * 1024, "Bytes"),
                Datum("ExpressExecutionBilledDuration", billed_ms, "Milliseconds"),
                Datum("ExpressExecutionBilledMemory", BILLED_MEMORY_MB * 1024 * 1024, "Bytes"),
            ]
            self._telemetry.ended(tx, execution, ended.status, billing)

        return ExpressEnd(ended, stopped_at, billed_ms, report)


class _Running:
    """One execution on its way."""

    def __init__(
        self,
        data: Store,
        clock: Clock,
        calls: TaskCalls,
        telemetry: Telemetry,
        mocks: TaskMocks,
        coverage: Coverage,
        faults: TaskFaults,
        turn: Turn,
        execution: StoredExecution,
    ) -> None:
        self._turn = turn
        self.unlogged: list[tuple[float, Event]] = []
        self._store = data
        self._clock = clock
        self._calls = calls
        self._telemetry = telemetry
        self._execution = execution
        self._machine: Machine = compile_definition(execution.definition)
        self._frames = Frames(lambda key: None)
        self._mocks = mocks
        self._faults = faults
        self._coverage = coverage
        if execution.test_case is not None:
            mocks.mark(self._frames, execution.test_case)
        self._signals: asyncio.Queue[Signal | Exception] = asyncio.Queue()
        self._tasks: dict[str, set[asyncio.Task[None]]] = {}
        self._last_event = 0

    def stop(self) -> None:
        """Abort; what waits is dropped."""
        self._signals.put_nowait(Stop(None, None))

    async def run(self) -> Ended:
        signal: Signal = Start()
        try:
            while True:
                outcome = await self._work_off(signal)
                began, execution = isinstance(signal, Start), self._execution
                self._coverage.count(execution.machine_arn, execution.definition, began, outcome.events, outcome.taken)
                if outcome.events:
                    self._last_event = outcome.events[-1].id
                    self._keep(outcome.events)
                if outcome.tasks:
                    self._count(outcome.tasks)
                if outcome.ended is not None:
                    return outcome.ended
                for command in outcome.commands:
                    self._obey(command)
                signal = await self._next_signal()
        finally:
            left = [task for tasks in self._tasks.values() for task in tasks]
            for task in left:
                task.cancel()
            if left:
                await asyncio.gather(*left, return_exceptions=True)

    async def _work_off(self, signal: Signal) -> Outcome:
        """What follows from a signal, in a turn in which there is time for it; slow machines come one by one."""
        turn, machine = self._turn, self._execution.machine_arn
        while not turn.is_slow(machine):
            if not turn.over:
                return await self._work_off_now(signal)
            await turn.its_end()
        async with turn.one_at_a_time():
            while turn.over:
                await turn.its_end()
            return await self._work_off_now(signal)

    async def _work_off_now(self, signal: Signal) -> Outcome:
        execution = self._execution
        shown = Execution(
            execution.arn, execution.name, execution.role_arn, execution.started_at, execution.machine_arn,
            execution.machine_name, execution.region, Data(text=execution.input), most_events=None,
        )  # fmt: skip

        def work(tx: Transaction) -> Outcome:
            began = cpu_time.spent()
            run = Run(
                self._machine, shown, self._frames, tx.now, tx.random, tx.new_id, self._start_problem,
                cpu_time.spent,
            )  # fmt: skip
            outcome = run.signal(signal)
            self._turn.used(cpu_time.spent() - began, 0, execution.machine_arn, not run.handed_over)
            return outcome

        if self._last_event > MOST_EVENTS:
            signal = TimerFired(MACHINE_TOKEN)
        try:
            return await self._store.read(work, behind=True)
        except (ValueError, ArithmeticError, RecursionError) as error:
            # Our mistake on somebody's odd data: the execution ends, and its caller is told so.
            cause = f"The emulator could not work on this state: {type(error).__name__}."
            last = self._last_event
            details = {"error": "States.Runtime", "cause": cause}
            event = Event(last + 1, last, "ExecutionFailed", "executionFailedEventDetails", details)
            return Outcome([event], [], Ended("FAILED", error="States.Runtime", cause=cause))

    def _start_problem(self, resource: str, parameters: Data) -> str | None:
        mocked = self._mocks.are_for(self._frames)
        return None if mocked else self._calls.start_problem(resource, parameters)

    async def _next_signal(self) -> Signal:
        """Wait for whatever comes first, at most until the five minutes are over."""
        if MACHINE_TOKEN not in self._tasks:
            self._start_timer(MACHINE_TOKEN, self._execution.started_at + LONGEST_SECONDS)
        with self._clock.parked():
            signal = await self._signals.get()
        if isinstance(signal, Exception):
            raise signal
        return signal

    def _keep(self, events: list[Event]) -> None:
        if self._execution.logging is None:
            return
        now = self._clock.now()
        self.unlogged += [(now, event) for event in events]
        if len(self.unlogged) > EVENTS_KEPT:
            written, self.unlogged = self.unlogged, []
            self._store.post(lambda tx: self._telemetry.log(tx, self._execution, written))

    def _count(self, moments: list[TaskMoment]) -> None:
        self._store.post(lambda tx: self._telemetry.tasks(tx, self._execution, moments))

    # ── what waits ──────────────────────────────────────────────────────────────────────────────

    def _obey(self, command: Command) -> None:
        if isinstance(command, CallTask):
            fault = self._faults.strike(self._execution, self._frames, command.token)
            mocked = self._mocks.answer(self._execution.machine_name, self._frames, command.token, command.resource)
            called: dict[str, Any] = {}
            if fault is not None:
                mocked = task_faults.instead(fault, command.resource) or mocked
                called = task_faults.of_call(fault, command.resource)
            if mocked is None:
                self._start(command.token, self._call(command, called))
                return
            for signal in signals(command.token, command.resource, mocked):
                asyncio.get_running_loop().call_soon(self._signals.put_nowait, signal)
        elif isinstance(command, SetTimer):
            due_at = command.due_at
            if command.token == MACHINE_TOKEN:
                due_at = min(due_at, self._execution.started_at + LONGEST_SECONDS)
            self._start_timer(command.token, due_at)
        elif isinstance(command, Forget):
            for task in self._tasks.pop(command.token, ()):
                task.cancel()
        else:
            assert isinstance(command, GoOn), "Express machines have no activities nor map runs: they are refused"
            # By way of the loop, so that a machine that turns in circles lets others work.
            asyncio.get_running_loop().call_soon(self._signals.put_nowait, Resume())

    def _start_timer(self, token: str, due_at: float) -> None:
        self._start(token, self._wait(token, due_at))

    def _start(self, token: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        mine = self._tasks.setdefault(token, set())
        mine.add(task)
        task.add_done_callback(mine.discard)

    async def _wait(self, token: str, due_at: float) -> None:
        execution = self._execution
        who = "" if token == MACHINE_TOKEN else f"Express execution {execution.name} of {execution.machine_name}"
        await self._clock.sleep_until(due_at, who)
        self._signals.put_nowait(TimerFired(token))

    async def _call(self, command: CallTask, called: dict[str, Any]) -> None:
        execution, resource = self._execution.called_as(command.role), command.resource
        if "late" in called:
            who = f"Express execution {execution.name} (fault: a task is late)"
            await self._clock.sleep_until(self._clock.now() + called["late"], who)
        if "twice" in called:
            await self._call_once(command, execution, resource)
        signal = await self._call_once(command, execution, resource)
        if isinstance(signal, Exception):
            self._signals.put_nowait(signal)
        else:
            self._signals.put_nowait(task_faults.told(command.token, called, signal))

    async def _call_once(self, command: CallTask, execution: StoredExecution, resource: str) -> Signal | Exception:
        try:
            with self._clock.busy(f"task of {execution.arn}"):
                request_id = await self._store.read(lambda tx: tx.new_id(), behind=True)
                if self._calls.takes_time(resource, command.parameters):
                    return await self._calls.outside(execution, command.token, resource, command.parameters, request_id)
                return await self._store.transact(
                    lambda tx: self._calls.inside(
                        tx, execution, command.token, resource, command.parameters, request_id
                    )
                )
        except Exception as error:  # ours or a full disk: whoever runs the execution hears of it
            return error
