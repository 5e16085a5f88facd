"""What a map run does next: read items, start children, redrive or stop them, write results, tell its parent.

Decides the order of these and how much is one commit. A map run is moved by one job at a time, which goes on as long as
there is something to do and is woken again when a child ends. Every step is load · decide · commit; reading from and
writing to S3 happen between two of them, and may be repeated after a crash.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from emulator import cpu_time, jobs
from emulator.jobs import Job
from emulator.ports import Store, Transaction
from emulator.services.stepfunctions import model
from emulator.services.stepfunctions import store as executions
from emulator.services.stepfunctions.asl.data import DATA_LIMIT_BYTES, Data, StateError, dumps, too_large
from emulator.services.stepfunctions.asl.distribution import batch_of, first_batch, reads_many
from emulator.services.stepfunctions.asl.messages import Ended, MapRunEnded, Stop
from emulator.services.stepfunctions.model import StateMachine, StoredExecution
from emulator.services.stepfunctions.progress import MAP_CHILD, Progress

from . import store
from .model import (
    DONE,
    EXCEEDED,
    FAILING,
    OPENING,
    READER_FAILED,
    RUNNING,
    STOPPING,
    WRITER_FAILED,
    WRITING,
    MapRun,
)
from .parsing import Unreadable
from .reading import ItemReaders, of_state, parted
from .results import FAILED, SUCCEEDED, Joined, pending, shown
from .writing import ResultWriters, Unwritable, destination

CHILDREN_PER_COMMIT = 20
LONGEST_COMMIT_SECONDS = 0.05
"""Host time after which no further child is begun in a commit."""
MOST_IN_A_BATCH = DATA_LIMIT_BYTES // 2
"""Items take a byte and a comma at least."""
STOPPED_CHILDREN = "sfn.map_children_stopped"
"""No kind of job: a commit that says it has ended Express children that may be running."""


class _Outside:
    """What the next step awaits, between two transactions."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        self.work = work


class MapRunDriver:
    """Moves map runs."""

    def __init__(self, data: Store, progress: Progress, readers: ItemReaders, writers: ResultWriters) -> None:
        self._store = data
        self._progress = progress
        self._readers = readers
        self._writers = writers

    async def drive(self, job: Job) -> None:
        """Move a map run as far as it goes."""
        while True:
            step = await self._store.transact(lambda tx: self._step(tx, job))
            if isinstance(step, _Outside):
                await step.work()
            elif not step:
                return

    def _step(self, tx: Transaction, job: Job) -> bool | _Outside:
        """One commit of a map run; False once the job is done."""
        if self._progress.turn.over:
            return True
        run = store.load(tx, job.payload["map_run"])
        if run is None or jobs.due_at(tx, job.id) is None:
            jobs.complete(tx, job.id)
            return False
        if run.phase == OPENING:
            return _Outside(lambda: self._open(run))
        if run.phase == RUNNING:
            going = self._go_on(tx, run)
            if going is not None:
                return going
        elif run.phase in (FAILING, STOPPING):
            if self._stop_some(tx, run):
                return True
            if run.phase == FAILING:
                self._finish(tx, run)
                return True
            store.set_phase(tx, run, DONE)
        elif run.phase == WRITING:
            return _Outside(lambda: self._write(run))
        store.rest(tx, run.id, job.id)
        return False

    def _go_on(self, tx: Transaction, run: MapRun) -> bool | _Outside | None:
        """Start what can be started; None if it is for others to do something."""
        if run.exceeded:
            store.set_phase(tx, run, FAILING, *EXCEEDED)
            return True
        try:
            if run.room > 0 and (
                (run.executions.pending_redrive and self._redrive_some(tx, run)) or self._start_some(tx, run)
            ):
                return True
        except StateError as failure:
            store.set_phase(tx, run, FAILING, failure.error, failure.cause)
            return True
        if run.room > 0 and not run.exhausted:
            items = store.state_items(tx, run.id)
            if items is None:
                return _Outside(lambda: self._read(run))
            chunk = of_state(items, run.position)
            store.add_items(tx, run, *chunk)
            return True
        if run.over:
            self._finish(tx, run)
            return True
        return None

    # ── items ───────────────────────────────────────────────────────────────────────────────────

    async def _read(self, run: MapRun) -> None:
        reader = run.plan["reader"]
        most = 2**62 if reader["most"] is None else reader["most"] - run.read
        try:
            chunk = await self._readers.read(run.scope, reader, run.position, max(most, 1)) if most > 0 else None
        except Unreadable as failure:
            cause = str(failure)
            await self._change(run, lambda tx: store.set_phase(tx, run, FAILING, READER_FAILED, cause))
            return
        items = chunk.items[:most] if chunk is not None else []
        exhausted = chunk is None or chunk.exhausted or len(items) == most
        position = chunk.position if chunk is not None else run.position
        await self._change(run, lambda tx: store.add_items(tx, run, items, position, exhausted))

    async def _change(self, run: MapRun, change: Callable[[Transaction], None]) -> None:
        """Commit what was found outside, unless the map run has been stopped or redriven meanwhile."""

        def commit(tx: Transaction) -> None:
            now = store.load(tx, run.id)
            if now is not None and (now.phase, now.redrive_count) == (run.phase, run.redrive_count):
                change(tx)

        await self._store.transact(commit)

    # ── children ────────────────────────────────────────────────────────────────────────────────

    def _start_some(self, tx: Transaction, run: MapRun) -> int:
        """Start children for queued items; how many. Raises StateError if an item cannot be made an input."""
        batch = run.plan.get("batch")
        most = min(run.room, CHILDREN_PER_COMMIT)
        if not run.queued:
            return 0
        parent = executions.load_execution(tx, run.execution_id)
        assert parent is not None, "executions are not deleted"
        start = _Children(tx, run, parent, self._progress)
        try:
            if batch is None:
                for index, text in store.next_items(tx, run.id, -1, most):
                    start.child(index, index, start.select(index, text))
                    if not start.going_on():
                        break
            elif start.select_for_batches():
                self._start_batches(tx, run, batch, start, most)
            else:
                return 1
        finally:
            store.add_children(tx, run, start.begun)
        return len(start.begun)

    @staticmethod
    def _start_batches(tx: Transaction, run: MapRun, batch: dict[str, Any], start: _Children, most: int) -> None:
        last = -1
        limit = _most_in(batch)
        while len(start.begun) < most:
            waiting = store.each_item(tx, run.id, last, limit)
            places: list[int] = []

            def item(position: int, text: str, places: list[int] = places) -> Data:
                places.append(position)
                return Data(text=text)

            chosen = first_batch((item(position, text) for position, text in waiting), batch)
            whole = len(chosen) < len(places) or len(chosen) == limit or run.exhausted
            if not chosen or not whole:
                break
            last = places[len(chosen) - 1]
            start.child(places[0], last, batch_of(chosen, batch["input"]))
            if not start.going_on():
                break

    def _redrive_some(self, tx: Transaction, run: MapRun) -> int:
        """Let children go on that wait to be redriven; how many were looked at."""
        waiting = store.children(tx, run.id, "PENDING_REDRIVE", min(run.room, CHILDREN_PER_COMMIT))
        for child_id in waiting:
            child = executions.load_execution(tx, child_id)
            assert child is not None, "children are not deleted"
            if executions.last_event_id(tx, child_id) >= model.MOST_EVENTS_TO_REDRIVE:
                tx.execute("UPDATE sfn_execution SET status = 'FAILED' WHERE id = ?", (child_id,))
                store.child_changed(tx, child_id, "PENDING_REDRIVE", "FAILED")
                continue
            store.child_changed(tx, child_id, "PENDING_REDRIVE", "RUNNING")
            if run.plan["express"]:
                executions.reopen_execution(tx, child)
                tx.execute("UPDATE sfn_execution SET started_at = ? WHERE id = ?", (tx.now, child_id))
                enqueue_express_child(tx, run, child)
            else:
                self._progress.redrive_child(tx, child)
        return len(waiting)

    def _stop_some(self, tx: Transaction, run: MapRun) -> int:
        """Stop running children; how many."""
        running = store.children(tx, run.id, "RUNNING", CHILDREN_PER_COMMIT)
        for child_id in running:
            child = executions.load_execution(tx, child_id)
            assert child is not None, "children are not deleted"
            if run.plan["express"]:
                jobs.cancel(tx, express_key(child))
                self._progress.close(tx, child, Ended("ABORTED"))
                tx.wake(tx.now, STOPPED_CHILDREN)
            else:
                self._progress.advance(tx, child, Stop(None, None))
        return len(running)

    # ── the end ─────────────────────────────────────────────────────────────────────────────────

    async def _open(self, run: MapRun) -> None:
        """See that results can be written before anything is done."""
        try:
            await self._writers.check(run)
        except Unwritable as failure:
            cause = str(failure)
            await self._change(run, lambda tx: self._end(tx, run, WRITER_FAILED, cause))
            return
        await self._change(run, lambda tx: store.set_phase(tx, run, RUNNING))

    def _finish(self, tx: Transaction, run: MapRun) -> None:
        """No child runs any more: export the results, or put them together as the state's output."""
        writer = run.plan.get("writer")
        if writer is not None and writer["parameters"] is not None:
            store.set_phase(tx, run, WRITING)
        elif run.error is not None:
            self._end(tx, run, run.error, run.cause)
        else:
            try:
                output = self._gathered(tx, run)
            except StateError as failure:
                self._end(tx, run, failure.error, failure.cause)
                return
            self._succeed(tx, run, output)

    def _gathered(self, tx: Transaction, run: MapRun) -> Data:
        """The results as one array. Raises `States.DataLimitExceeded`."""
        writer = run.plan.get("writer") or {"transformation": "COMPACT", "output": "JSON"}
        joined, parts, size, after = Joined(writer["output"]), list[str](), 0, -1
        while some := store.ended_children(tx, run.id, (*SUCCEEDED, *FAILED), after, CHILDREN_PER_COMMIT):
            for after, child in some:  # noqa: B007
                for text in shown(child, writer["transformation"]):
                    parts.append(joined.add(text))
                    size += len(parts[-1])
            if size > DATA_LIMIT_BYTES:
                raise too_large(run.plan["state"])
        text = "".join((*parts, joined.end()))
        return Data(text) if joined.lines else Data(text=text)

    def _pending(self, tx: Transaction, run: MapRun, after: int) -> list[tuple[int, list[str]]]:
        """Some of what was read and never begun: (place of the last item, what stands for it), in places after one."""
        batch = run.plan.get("batch")
        parent = executions.load_execution(tx, run.execution_id)
        assert parent is not None, "executions are not deleted"
        start = _Children(tx, run, parent, self._progress)
        if batch is None:
            waiting = store.next_items(tx, run.id, after, CHILDREN_PER_COMMIT)
            return [(index, [pending(run.machine_arn, start.shown(index, text).text)]) for index, text in waiting]
        raw = store.raw_items(tx, run.id)  # they are selected in their order: all behind the first one are raw
        places: list[int] = []

        def item(position: int, text: str) -> Data:
            places.append(position)
            return start.shown(position, text) if raw and position >= raw[0][0] else Data(text=text)

        queued = store.each_item(tx, run.id, after, _most_in(batch))
        chosen = first_batch((item(position, text) for position, text in queued), batch)
        if not chosen:
            return []
        return [(places[len(chosen) - 1], [pending(run.machine_arn, batch_of(chosen, batch["input"]).text)])]

    async def _write(self, run: MapRun) -> None:
        try:
            await self._writers.write(run, lambda tx, after: self._pending(tx, run, after))
        except Unwritable as failure:
            cause = str(failure)
            await self._change(run, lambda tx: self._end(tx, run, WRITER_FAILED, cause))
            return

        def commit(tx: Transaction) -> None:
            if run.error is not None:
                self._end(tx, run, run.error, run.cause)
                return
            bucket, key = destination(run)
            details = {"MapRunArn": run.arn, "ResultWriterDetails": {"Bucket": bucket, "Key": key}}
            self._succeed(tx, run, Data(text=dumps(details)))

        await self._change(run, commit)

    def _succeed(self, tx: Transaction, run: MapRun, output: Data) -> None:
        store.end(tx, run, "SUCCEEDED")
        self._progress.map_runs_changed(tx, run.scope)
        self._progress.signal_execution(tx, run.execution_id, MapRunEnded(run.token, output))

    def _end(self, tx: Transaction, run: MapRun, error: str | None, cause: str | None) -> None:
        store.set_phase(tx, run, DONE, error, cause)
        store.end(tx, run, "FAILED")
        self._progress.map_runs_changed(tx, run.scope)
        self._progress.signal_execution(tx, run.execution_id, MapRunEnded(run.token, None, error, cause, run.read > 0))


class _Children:
    """Starts children of one map run in one transaction."""

    def __init__(self, tx: Transaction, run: MapRun, parent: StoredExecution, progress: Progress) -> None:
        self._tx, self._run, self._parent, self._progress = tx, run, parent, progress
        self._item_of = progress.item_selector(tx, parent, run.token)
        self._many = reads_many((run.plan.get("reader") or {}).get("config", {}))
        definition = executions.load_definition(tx, run.plan["definition"])
        self._machine = StateMachine(
            run.machine_arn, run.machine_arn.rsplit(":", 1)[1], definition, parent.role_arn, tx.now, tx.now,
            revision_id=parent.revision_id, version_arn=parent.version_arn, alias_arn=parent.alias_arn,
        )  # fmt: skip
        if parent.logging is not None:
            self._machine.logging = json.loads(parent.logging)
        self._test_case = progress.test_case(tx, parent.id)
        self.begun: list[store.Begun] = []
        self._until = cpu_time.spent() + LONGEST_COMMIT_SECONDS

    def select(self, index: int, queued: str) -> Data:
        """What `ItemSelector` makes of an item. Raises StateError."""
        source, text = parted(queued) if self._many else (self._run.source, queued)
        began = cpu_time.spent()
        selected = self._item_of(index, Data(text=text), source)
        if selected.too_large():
            raise too_large(self._run.plan["state"])
        self._progress.turn.used(cpu_time.spent() - began)
        return selected

    def select_for_batches(self) -> bool:
        """Apply `ItemSelector` to items that wait for a batch, each once; False if there was no time for all.

        What it made of them is kept: a batch may hold 100,000 items, each of which may take its second.
        """
        tx, run = self._tx, self._run
        while some := store.raw_items(tx, run.id):
            selected: list[tuple[int, str]] = []
            try:
                for index, text in some:
                    selected.append((index, self.select(index, text).text))
                    if cpu_time.spent() > self._until:
                        return False
            finally:
                store.select_items(tx, run.id, selected)
        return True

    def shown(self, index: int, queued: str) -> Data:
        """The same of an item that is not begun; one that cannot be selected is as it was read."""
        try:
            return self.select(index, queued)
        except StateError:
            return Data(text=parted(queued)[1] if self._many else queued)

    def child(self, first: int, last: int, given: Data) -> None:
        """Start an execution whose input is made of the items in places `first` … `last`."""
        tx, run = self._tx, self._run
        if given.too_large():
            raise too_large(run.plan["state"])
        express, name = run.plan["express"], tx.new_id()
        arn = model.execution_arn(run.machine_arn, name)
        if express:
            arn = model.express_arn(run.machine_arn, name, tx.new_id())
        child = executions.add_execution(
            tx, run.scope, self._machine, arn, name, given.text, self._parent.trace_header,
            definition_id=run.plan["definition"],
        )  # fmt: skip
        child.new_child = True
        if express:
            self._progress.telemetry.started(tx, child)
            enqueue_express_child(tx, run, child)
        else:
            self._progress.start_child(tx, child, self._test_case)
        self.begun.append(store.Begun(child.id, first, last, child.status))
        run.has_begun(last - first + 1, child.status)

    def going_on(self) -> bool:
        """Whether there is time for more in this commit, and children that ended leave the map run as it was."""
        return cpu_time.spent() <= self._until and not self._run.exceeded and self._run.room > 0


def _most_in(batch: dict[str, Any]) -> int:
    return min(batch["items"] or MOST_IN_A_BATCH, MOST_IN_A_BATCH)


def express_key(child: StoredExecution) -> str:
    """The key of the job that runs an Express child."""
    return f"{child.arn}#express"


def enqueue_express_child(tx: Transaction, run: MapRun, child: StoredExecution) -> None:
    """Have an Express child run, from its beginning: once more after a crash."""
    jobs.enqueue(tx, MAP_CHILD, {"execution": child.id}, key=express_key(child), owner=str(run.id))
