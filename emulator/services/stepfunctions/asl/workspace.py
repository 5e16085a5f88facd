"""What every step of a run works with: frames, history, commands, and what the expressions of a state see.

Decides how events are numbered and tokens written; what happens in which state is decided by those who build on it:
leaving.py, branches.py, task_state.py, and interpreter.py, which is the whole.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from . import context, payload
from .data import Data, Json, StateError, runtime
from .definition import Machine, State
from .frames import Frame, Frames
from .jsonata_engines import LONGEST_EVALUATION_SECONDS
from .messages import Command, Event, Execution, Forget, Outcome
from .payload import Environment

ROOT = "0"
HEARTBEAT = "h"
"""At the end of a task's token: its heartbeat timer."""
NOT_TRUNCATED = {"truncated": False}


class HistoryFull(Exception):
    """The execution has as many events as AWS allows."""


class Workspace:
    """The state of a run, and the small things that all its parts do with it."""

    def __init__(
        self,
        machine: Machine,
        execution: Execution,
        frames: Frames,
        now: float,
        random: Callable[[], float],
        new_id: Callable[[], str],
        start_problem: Callable[[str, Data], str | None] = lambda resource, parameters: None,
        cpu_time: Callable[[], float] = lambda: 0.0,
        turn_is_over: bool = False,
    ) -> None:
        self._cpu_time = cpu_time
        self._turn_is_over = turn_is_over
        self.carried = 0
        """Characters of inputs and outputs that this run has led to."""
        self.handed_over = False
        """Whether what was left to do has to wait for its turn."""
        self._began = self._step_began = cpu_time()
        self.start_problem = start_problem
        self.machine = machine
        self.execution = execution
        self.frames = frames
        self.now = now
        self.random = random
        self.new_id = new_id
        self.outcome = Outcome()
        self._ready: deque[str] = deque()
        self._inputs: dict[str, Data] = {}
        counters: Frame | None = frames.get("x")
        if counters is None:
            counters = {"event": 0, "frame": 0, "token": 0, "ready": []}
            frames.put("x", counters)
        self._counters: dict[str, Any] = counters

    def _guard(self, key: str, frame: Frame, state: State, work: Callable[[], None]) -> None:
        try:
            work()
        except StateError as failure:
            self._fail(key, frame, state, failure)
        except RecursionError:
            self._fail(key, frame, state, runtime("The data is nested too deeply."))

    def _fail(self, key: str, frame: Frame, state: State, failure: StateError) -> None:
        """A state failed; see leaving.py."""
        raise NotImplementedError

    def _emit(
        self, event_type: str, previous: int, member: str | None, details: dict[str, Any], last: bool = False
    ) -> int:
        number = self._counters["event"] + 1
        most = self.execution.most_events
        if most is not None and number >= most and not last:
            raise HistoryFull
        self._counters["event"] = number
        self.outcome.events.append(Event(number, previous, event_type, member, details))
        return number

    def _command(self, command: Command) -> None:
        self.outcome.commands.append(command)

    def _await(self, key: str, frame: Frame, what: str) -> str:
        token = self._new_token(key)
        frame["wait"] = {"token": token, "for": what}
        return token

    def _forget_wait(self, frame: Frame) -> None:
        wait = frame.get("wait")
        if wait is not None:
            self._command(Forget(wait["token"]))
            if wait.get("heartbeat") is not None:
                self._command(Forget(wait["token"] + HEARTBEAT))

    def _new_token(self, key: str) -> str:
        self._counters["token"] += 1
        return f"{key}.{self._counters['token']}"

    def _state(self, frame: Frame) -> State:
        return self.machine.states[frame["state"]]

    def _input(self, key: str, frame: Frame) -> Data:
        data = self._inputs.get(key)
        if data is None:
            data = self._inputs[key] = Data(text=frame["input"])
        return data

    def _set_input(self, key: str, frame: Frame, data: Data) -> None:
        text = frame["input"] = data.text
        self.carried += len(text)
        self._inputs[key] = data

    def _filled(self, state: State, environment: Environment) -> Data:
        """What `Parameters` make of the input."""
        return environment.data if state.parameters is None else Data(state.parameters(environment))

    def _environment(
        self, key: str, frame: Frame, state: State, data: Data | None = None, item: tuple[int, Data] | None = None
    ) -> Environment:
        """What the expressions of a state see: its effective input, unless `data` is given."""
        environment = Environment(
            data or self._input(key, frame),
            lambda: self._context(frame, state, item),
            lambda: context.variables(self.frames, frame),
            self.random,
            self.new_id,
            self.now,
            self._seconds_left,
        )
        if data is None:
            environment.data = payload.select_data(state.input_path, environment)
        return environment

    def _seconds_left(self) -> float:
        """CPU time that is left for the expressions of this step together."""
        return LONGEST_EVALUATION_SECONDS - (self._cpu_time() - self._step_began)

    def _context(self, frame: Frame, state: State, item: tuple[int, Data] | None) -> Json:
        return context.context_object(self.execution, self.frames, frame, state, item)
