"""What happens later: calls of tasks, timers and asynchronous Express executions, each as load · call · commit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from emulator import jobs
from emulator.jobs import Job
from emulator.ports import Store, Transaction

from . import progress, store, task_faults, task_mocks
from .asl.data import Data
from .express import ExpressEnd, ExpressRunner
from .integrations import child_result
from .map_runs import store as map_runs
from .map_runs.driver import STOPPED_CHILDREN
from .model import StoredExecution
from .operations.express import read_express
from .progress import Progress
from .task_calls import TaskCalls


class StepFunctionsWorker:
    """Runs the jobs `sfn.task`, `sfn.timer`, `sfn.slow`, `sfn.child` and `sfn.express`."""

    def __init__(self, data: Store, movement: Progress, calls: TaskCalls, express: ExpressRunner) -> None:
        self._store = data
        self._progress = movement
        self._calls = calls
        self._express = express
        self._stopping: asyncio.Task[None] | None = None
        data.on_wake(self._look_for_stopped)

    async def _in_turn(self, job: Job, change: Callable[[Transaction], object]) -> None:
        """Commit a change in a turn of which executions have left something for it; those that are slow one by one."""
        turn = self._progress.turn
        if turn.is_slow(progress.machine_of(job.payload["arn"])):
            async with turn.one_at_a_time():
                await self._commit_in_turn(change)
        else:
            await self._commit_in_turn(change)

    async def _commit_in_turn(self, change: Callable[[Transaction], object]) -> None:

        def commit(tx: Transaction) -> bool:
            if self._progress.turn.over:
                return False
            change(tx)
            return True

        while not await self._store.transact(commit):
            pass

    async def timer(self, job: Job) -> None:
        """A Wait, a retry's back-off, a timeout or the rest of a long run is due."""

        def commit(tx: Transaction) -> None:
            if jobs.complete(tx, job.id):
                signal = progress.timer_signal(job.payload["token"])
                self._progress.signal_execution(tx, job.payload["execution"], signal)

        await self._in_turn(job, commit)

    async def task(self, job: Job) -> None:
        """Call a task's resource and signal the result."""
        if "mocked" in job.payload:
            await self._in_turn(job, lambda tx: self._answer_mocked(tx, job))
            return
        token, resource, request_id = job.payload["token"], job.payload["resource"], job.payload["request_id"]
        parameters = Data(text=job.body.decode())
        if not self._calls.takes_time(resource, parameters):
            await self._in_turn(job, lambda tx: self._run_inside(tx, job, parameters))
            return

        def load(tx: Transaction) -> StoredExecution | None:
            execution = store.load_execution(tx, job.payload["execution"])
            if execution is None or execution.status != "RUNNING" or jobs.due_at(tx, job.id) is None:
                return None
            return execution

        execution = await self._store.read(load, behind=True)
        if execution is None:
            await self._store.transact(lambda tx: jobs.complete(tx, job.id))
            return
        caller = execution.called_as(job.payload.get("role"))
        if "twice" in job.payload:
            await self._calls.outside(caller, token, resource, parameters, request_id)
        signal = await self._calls.outside(caller, token, resource, parameters, request_id)
        heard = task_faults.told(token, job.payload, signal)

        def commit(tx: Transaction) -> None:
            if jobs.complete(tx, job.id):
                self._progress.signal_loaded(tx, execution, heard)

        await self._in_turn(job, commit)

    def _answer_mocked(self, tx: Transaction, job: Job) -> None:
        if jobs.complete(tx, job.id):
            for signal in task_mocks.signals(job.payload["token"], job.payload["resource"], job.body.decode()):
                self._progress.signal_execution(tx, job.payload["execution"], signal)

    def _run_inside(self, tx: Transaction, job: Job, parameters: Data) -> None:
        """The call, its result and everything that follows are one commit."""
        if not jobs.complete(tx, job.id):
            return
        execution = store.load_execution(tx, job.payload["execution"])
        if execution is None or execution.status != "RUNNING":
            return
        token, resource, request_id = job.payload["token"], job.payload["resource"], job.payload["request_id"]
        caller = execution.called_as(job.payload.get("role"))
        if "twice" in job.payload:
            self._calls.inside(tx, caller, token, resource, parameters, request_id)
        signal = self._calls.inside(tx, caller, token, resource, parameters, request_id)
        self._progress.signal_loaded(tx, execution, task_faults.told(token, job.payload, signal))

    async def child_ended(self, job: Job) -> None:
        """An execution that a task waits for has ended: that is the task's result."""

        def commit(tx: Transaction) -> None:
            if not jobs.complete(tx, job.id):
                return
            child, parent = (store.load_execution(tx, job.payload[name]) for name in ("child", "execution"))
            if child is None or parent is None or parent.status != "RUNNING":
                return
            resource = progress.awaited_resource(tx, parent, job.payload["token"])
            if resource is not None:
                signal = child_result(job.payload["token"], resource, child)
                self._progress.signal_execution(tx, parent.id, signal)

        await self._in_turn(job, commit)

    async def map_child(self, job: Job) -> None:
        """Run an Express child of a map run from its beginning: at least once."""
        execution_id: int = job.payload["execution"]

        def load(tx: Transaction) -> StoredExecution:
            execution = store.load_execution(tx, execution_id)
            assert execution is not None, "children are not deleted"
            # Its five minutes count from when it really begins: after a crash, or when places were scarce.
            execution.started_at = max(execution.started_at, tx.now)
            execution.test_case = self._progress.test_case(tx, map_runs.parent_of(tx, execution_id))
            return execution

        execution = await self._store.read(load)
        if execution.status == "RUNNING":
            end = await self._express.run(execution)
            await self._store.transact(lambda tx: self._end_map_child(tx, job, execution, end))
        else:
            await self._store.transact(lambda tx: jobs.complete(tx, job.id))

    def _end_map_child(self, tx: Transaction, job: Job, execution: StoredExecution, end: ExpressEnd) -> None:
        if jobs.complete(tx, job.id):  # else it was stopped meanwhile
            store.end_execution(tx, execution.id, end.ended)
            map_runs.child_changed(tx, execution.id, "RUNNING", end.ended.status)
            end.report(tx)

    def _look_for_stopped(self, due: Mapping[str, float]) -> None:
        if STOPPED_CHILDREN in due and self._express.running and (self._stopping is None or self._stopping.done()):
            self._stopping = asyncio.get_running_loop().create_task(self._stop_those_that_ended())

    async def _stop_those_that_ended(self) -> None:
        """Children that a commit has aborted end here too; their commit then finds them gone."""
        for execution_id, running in list(self._express.running.items()):
            stored = await self._store.read(
                lambda tx, execution_id=execution_id: store.load_execution(tx, execution_id)
            )
            if stored is None or stored.status != "RUNNING":
                running.stop()

    async def express(self, job: Job) -> None:
        """Run an asynchronous Express execution from its beginning: at least once, as on AWS."""
        execution = await self._store.read(lambda tx: read_express(tx, job), behind=True)
        end = await self._express.run(execution)

        def commit(tx: Transaction) -> None:
            if jobs.complete(tx, job.id):
                end.report(tx)

        await self._store.transact(commit)
