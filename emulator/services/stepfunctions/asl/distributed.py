"""The distributed Map: a state that waits for a map run, whose children are executions of their own.

Decides the history events and the commands; a map run's items, children and results are map_runs/'s. Events and their
links follow the recordings (reference 5.6): since November 2024 MapStateExited links to MapRunStarted.
"""

from __future__ import annotations

import hashlib
from typing import Any

from . import fields
from .branches import Branches
from .data import Data, Json, StateError, StateFault
from .definition import State
from .distribution import Distribution, ReaderProblem, make_plan, max_items, tolerance
from .frames import Frame
from .messages import MapRunEnded, RedriveMapRun, Signal, StartMapRun, StopMapRun, error_details

STARTS_ANEW = ("States.DataLimitExceeded", "States.Runtime")
"""After such an end, or one before the first item, a redrive begins a new map run [D:redrive-map-run]."""


class DistributedMaps(Branches):
    """How a distributed Map goes on."""

    _item_source: str | None = None
    """Where the item comes from that `select_item` is about."""

    def _execute_map(self, key: str, frame: Frame, state: State) -> None:
        distribution = state.distribution
        if distribution is None:
            super()._execute_map(key, frame, state)
            return
        environment = self._environment(key, frame, state)
        limit = fields.concurrency(state, environment)
        items = fields.items(state, environment) if distribution.reader is None else []
        started = frame["previous"] = self._emit(
            "MapStateStarted", frame["previous"], "mapStateStartedEventDetails", {"length": len(items)}
        )
        tolerated = tolerance(distribution, environment)
        most = max_items(distribution.reader, environment)
        label = distribution.label or self._label(state)
        machine = self.execution.machine_arn.partition("/")[0]
        arn = f"{machine.replace(':stateMachine:', ':mapRun:', 1)}/{label}:{self.new_id()}"
        problem: StateError | None = None
        try:
            plan = {**make_plan(distribution, environment, most), "state": state.name}
        except ReaderProblem as failure:
            problem, plan = failure, {}
        frame["map_started"] = frame["previous"] = self._emit(
            "MapRunStarted", started, "mapRunStartedEventDetails", {"mapRunArn": arn}
        )
        token = self._await(key, frame, "map_run")
        frame["map_run"] = arn
        if isinstance(items, fields.Pairs):
            frame["pairs"] = True
        shown = self._shown_source(distribution, plan)
        command = StartMapRun(
            token, arn, label, plan, Data(items) if distribution.reader is None else None, shown, limit,
            tolerated.count, tolerated.percentage, problem is not None,
        )  # fmt: skip
        self._command(command)
        if problem is not None:
            del frame["wait"]
            self._map_run_failed(key, frame, state, problem, had_items=False)

    def _label(self, state: State) -> str:
        """The label of a Map without one: always the same for the same state."""
        digest = hashlib.sha256(f"{self.execution.machine_arn}\n{state.name}".encode()).hexdigest()
        return f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}"

    @staticmethod
    def _shown_source(distribution: Distribution, plan: dict[str, Any]) -> str:
        """`$$.Map.Item.Source` [D:input-output-contextobject]."""
        reader = plan.get("reader")
        if distribution.reader is None or not isinstance(reader, dict):
            return "STATE_DATA"
        parameters: dict[str, str] = reader["parameters"]
        return "s3://" + "/".join(parameters[name] for name in ("Bucket", "Key") if name in parameters)

    def select_item(self, token: str, index: int, item: Data, source: str) -> Data:
        """What `ItemSelector` makes of an item of the map run that a state awaits by `token`.

        Raises StateError, which names the state.
        """
        key = token.split(".")[0]
        frame = self.frames.get(key)
        assert frame is not None, "a state that awaits a map run has a frame"
        state = self._state(frame)
        if state.parameters is None:
            return item
        try:
            self._item_source, self._step_began = source, self._cpu_time()
            return Data(state.parameters(self._environment(key, frame, state, item=(index, item))))
        except StateFault as failure:
            where = f"An error occurred while executing the state '{state.name}' (entered at the event id #"
            raise StateError(failure.error, f"{where}{frame['entered']}). {failure.cause}") from None

    def _context(self, frame: Frame, state: State, item: tuple[int, Data] | None) -> Json:
        shown = super()._context(frame, state, item)
        if item is not None and "pairs" in frame:
            shown["Map"]["Item"] = {"Index": item[0], **item[1].value}
        if item is not None and self._item_source is not None:
            shown["Map"]["Item"]["Source"] = self._item_source
        return shown

    def _map_run_ended(self, key: str, frame: Frame, wait: Frame, signal: Signal) -> None:
        assert isinstance(signal, MapRunEnded), "nothing else carries this token"
        state = self._state(frame)
        if signal.output is None:
            self._map_run_failed(key, frame, state, StateError(signal.error, signal.cause), signal.had_items)
            return
        output = signal.output
        succeeded = self._emit("MapRunSucceeded", frame["previous"], None, {})
        self._emit("MapStateSucceeded", succeeded, None, {})
        frame["previous"] = frame.pop("map_started")
        del frame["map_run"]
        self._guard(key, frame, state, lambda: self._finish(key, frame, state, output))

    def _map_run_failed(self, key: str, frame: Frame, state: State, failure: StateError, had_items: bool) -> None:
        details = error_details(failure.error, failure.cause)
        frame["previous"] = self._emit("MapRunFailed", frame["previous"], "mapRunFailedEventDetails", details)
        frame["map_failed"] = True
        if failure.error in STARTS_ANEW or not had_items:
            frame.pop("map_run", None)
        self._fail(key, frame, state, failure)

    def _redrive_map_run(self, key: str, frame: Frame, previous: int) -> bool:
        """Let a map run that failed or was aborted go on; False if there is none."""
        arn = frame.get("map_run")
        if arn is None:
            return False
        count = frame["map_redrives"] = frame.get("map_redrives", 0) + 1
        details = {"mapRunArn": arn, "redriveCount": count}
        redriven = self._emit("MapRunRedriven", previous, "mapRunRedrivenEventDetails", details)
        frame["map_started"] = frame["previous"] = redriven
        self._command(RedriveMapRun(self._await(key, frame, "map_run"), arn))
        return True

    def _forget_wait(self, frame: Frame) -> None:
        wait = frame.get("wait")
        if wait is not None and wait["for"] == "map_run":
            self._command(StopMapRun(wait["token"]))
            frame["previous"] = self._emit("MapRunAborted", frame["previous"], None, {}, last=True)
        else:
            super()._forget_wait(frame)
