"""One state on its own, watched while it runs: what TestState shows (reference 5.12).

Decides which intermediate data are shown for which state; the work itself is the interpreter's. A state that would
lead to another ends the run instead, and the name of the other is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import fields, payload, retry
from .data import Data, Json, StateError, StateFault, dumps
from .definition import Catcher, State
from .distribution import Reader, batch_of, first_batch, make_plan, max_items, tolerance
from .frames import Frame
from .interpreter import ROOT, Run
from .messages import SetTimer
from .payload import Environment


@dataclass(frozen=True, slots=True)
class Mock:
    """What stands for the work of a state: a result, or an error."""

    result: Data | None = None
    error: str | None = None
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Setting:
    """What surrounds the state."""

    mock: Mock | None
    variables: dict[str, Json]
    retry_count: int
    context: Json | None
    """Given by the caller; None: one is made up."""
    read_items: list[Json] | StateError | None = None
    """What the ItemReader of a distributed Map reads, or how it fails; None: nobody said."""


class InspectedRun(Run):
    """A run of one state. Use like `Run`, after `watch`."""

    def watch(self, setting: Setting, seen: dict[str, Any]) -> None:
        """What surrounds the state, and what was seen of it before this signal."""
        self.setting = setting
        self.seen = seen
        self.next_state: str | None = None
        self.failure: StateError | None = None
        self.caught = self.retried = False
        self.item_count: int | None = None
        """Of a Map."""

    def _begin(self) -> None:
        super()._begin()
        root = self.frames.get(ROOT)
        assert root is not None
        self.seen["input"] = self.execution.input.text
        if self.setting.variables:
            root["variables"] = self.setting.variables
        count = self.setting.retry_count
        if count:
            root["retries"] = [count] * len(self._state(root).retry)
            root["attempts"] = count

    # ── on the way in ───────────────────────────────────────────────────────────────────────────

    def _environment(
        self, key: str, frame: Frame, state: State, data: Data | None = None, item: tuple[int, Data] | None = None
    ) -> Environment:
        environment = super()._environment(key, frame, state, data, item)
        if data is None and not state.jsonata and state.type != "Parallel" and not _has_fixed_result(state):
            self.seen["afterInputPath"] = environment.data.text
        return environment

    def _context(self, frame: Frame, state: State, item: tuple[int, Data] | None) -> Json:
        given = self.setting.context
        made = super()._context(frame, state, item)
        if given is None:
            del made["Execution"]["RedriveCount"]
            if state.type in ("Map", "Parallel"):
                made["State"]["RetryCount"] = frame.get("attempts", 0)
            return made
        return given if "Map" not in made else {**given, "Map": made["Map"]}

    def _filled(self, state: State, environment: Environment) -> Data:
        data = super()._filled(state, environment)
        if state.type in ("Task", "Pass") and not _has_fixed_result(state):
            if not state.jsonata:
                self.seen["afterParameters"] = data.text
            elif state.parameters is not None:
                self.seen["afterArguments"] = data.text
        return data

    # ── mocked work ─────────────────────────────────────────────────────────────────────────────

    def _mocked_parallel(self, key: str, frame: Frame, state: State) -> None:
        self._filled(state, self._environment(key, frame, state))
        self._use_mock(key, frame, state)

    def _mocked_map(self, key: str, frame: Frame, state: State) -> None:
        environment = self._environment(key, frame, state)
        distribution = state.distribution
        self.seen["maxConcurrency"] = fields.concurrency(state, environment)
        if distribution is not None and distribution.reader is not None:
            items = self._read_items(distribution.reader)
        else:
            items = fields.items(state, environment)
            self.item_count = len(items)
            if not state.jsonata:
                self.seen["afterItemsPath"] = dumps(items)
        if distribution is not None:
            tolerated = tolerance(distribution, environment)
            for name, value in (("Count", tolerated.count), ("Percentage", tolerated.percentage)):
                if value is not None:
                    self.seen[f"toleratedFailure{name}"] = value
            plan = make_plan(distribution, environment, max_items(distribution.reader, environment))
        else:
            plan = {}
        if state.parameters is not None:
            chosen: list[Json] = []
            for index, item in enumerate(items):
                chosen.append(state.parameters(self._environment(key, frame, state, item=(index, Data(item)))))
            self.seen["afterItemSelector"] = dumps(chosen)
            items = chosen
        if "batch" in plan:
            self._batch(plan["batch"], items)
        self._use_mock(key, frame, state)

    def _read_items(self, reader: Reader) -> list[Json]:
        items = self.setting.read_items
        if isinstance(items, StateError):
            raise items
        if items is None:
            return []
        self.item_count = len(items)
        if "ItemsPointer" in reader.config:
            self.seen["afterItemsPointer"] = dumps(items)
        return items

    def _batch(self, batch: dict[str, Any], items: list[Json]) -> None:
        batches: list[str] = []
        left = [Data(item) for item in items]
        while left:
            chosen = first_batch(left, batch)
            batches.append(batch_of(chosen, batch["input"]).text)
            left = left[len(chosen) :]
        if self.item_count is not None:
            self.item_count = len(batches)
            self.seen["afterItemBatcher"] = f"[{','.join(batches)}]"

    def _use_mock(self, key: str, frame: Frame, state: State) -> None:
        mock = self.setting.mock
        assert mock is not None, "Map and Parallel are tested with a mock only"
        if mock.result is None:
            raise StateError(mock.error, mock.cause)
        self._finish(key, frame, state, mock.result)

    _EXECUTE: dict[str, Callable[[Run, str, Frame, State], None]] = {
        **Run._EXECUTE,
        "Parallel": _mocked_parallel,  # pyright: ignore[reportAssignmentType]
        "Map": _mocked_map,  # pyright: ignore[reportAssignmentType]
    }

    # ── on the way out ──────────────────────────────────────────────────────────────────────────

    def _finish(self, key: str, frame: Frame, state: State, result: Data) -> None:
        if state.type == "Task" or _has_fixed_result(state):
            self.seen["result"] = result.text
        super()._finish(key, frame, state, result)

    def _selected(self, state: State, environment: Environment, result: Data) -> Data:
        selected = super()._selected(state, environment, result)
        self.seen["afterResultSelector"] = selected.text
        return selected

    def _leave(
        self,
        key: str,
        frame: Frame,
        state: State,
        environment: Environment,
        output: Data,
        next_state: str | None,
        assign: dict[str, payload.Template] | None,
        filtered: bool = True,
    ) -> None:
        if filtered and not state.jsonata and state.type in ("Task", "Pass", "Parallel", "Map"):
            self.seen["afterResultPath"] = output.text
        super()._leave(key, frame, state, environment, output, None, assign, filtered)
        self.next_state = next_state
        if frame.get("variables"):
            self.seen["variables"] = dumps(frame["variables"])

    # ── failures ────────────────────────────────────────────────────────────────────────────────

    def _fail(self, key: str, frame: Frame, state: State, failure: StateError) -> None:
        self.failure = failure
        if frame.get("variables"):
            self.seen["variables"] = dumps(frame["variables"])
        super()._fail(key, frame, state, failure)

    def _located(self, frame: Frame, state: State, failure: StateFault) -> StateError:
        """A state on its own is not named [R:test_state_map_context_object]."""
        return StateError(failure.error, failure.cause)

    def _retry(self, key: str, frame: Frame, state: State, failure: StateError) -> bool:
        chosen = retry.choose(state.retry, failure.error)
        if chosen is not None:
            self._error_details()["retryIndex"] = chosen
        self.retried = super()._retry(key, frame, state, failure)
        if self.retried:
            timer = self.outcome.commands[-1]
            assert isinstance(timer, SetTimer)
            self._error_details()["retryBackoffIntervalSeconds"] = round(timer.due_at - self.now)
        return self.retried

    def _caught(self, key: str, frame: Frame, state: State, catcher: Catcher, failure: StateError) -> None:
        self._error_details()["catchIndex"] = state.catch.index(catcher)
        super()._caught(key, frame, state, catcher, failure)
        self.caught = True

    def _error_details(self) -> dict[str, int]:
        return self.seen.setdefault("errorDetails", {})


def _has_fixed_result(state: State) -> bool:
    return state.type == "Pass" and state.result is not None
