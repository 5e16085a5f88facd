"""The interpreter: (definition, where the execution is, signal) → (history events, commands, end).

Pure: time, ids and randomness arrive as arguments, nothing waits, nothing is stored here. A task, a Wait and a retry
become commands carrying a token; a signal whose token nobody awaits changes nothing. Order and linking of the history
events follow AWS's recordings (reference 5.6, 5.15).

Read it in this order: workspace.py (what a run has), this file (signals and the plain states), leaving.py (output,
Retry, Catch), task_state.py, branches.py (Parallel, inline Map), distributed.py. Each is a class over another, and
`Run` is the whole.
"""

from __future__ import annotations

from collections.abc import Callable

from . import fields
from .data import Data, StateError, runtime
from .definition import State
from .frames import Frame
from .leaving import MACHINE_TOKEN
from .messages import (
    CHOICE,
    DEFAULT,
    GoOn,
    Heartbeat,
    Outcome,
    Redrive,
    Resume,
    SetTimer,
    Signal,
    Start,
    Stop,
    TaskFailed,
    TaskSubmitted,
    TaskSucceeded,
    TaskTaken,
)
from .task_state import Tasks
from .workspace import HEARTBEAT, NOT_TRUNCATED, ROOT, HistoryFull

MAX_STEPS_PER_RUN = 2_000
LONGEST_RUN_SECONDS = 0.05
"""CPU time. After either the execution goes on in a commit of its own, so that a tight loop does not starve others."""
MOST_CARRIED = 4 * 1024 * 1024
"""Characters of inputs and outputs in one commit: a Map over 1,000 items of 200 KiB is many."""


class Run(Tasks):
    """One signal being worked off. Use once: `Run(…).signal(…)`."""

    def signal(self, signal: Signal) -> Outcome:
        """Work off one signal: as many steps as possible, until everything waits or the execution ends."""
        self._ready.extend(self._counters["ready"])
        self._counters["ready"] = []
        try:
            self._receive(signal)
            steps = 0
            while self._ready and self.outcome.ended is None:
                self._step_began = self._cpu_time()
                slow = self._step_began - self._began > LONGEST_RUN_SECONDS
                # What was handed over gets a step in any case: or those who are always second would never go on.
                slow = slow or (self._turn_is_over and not isinstance(signal, Resume))
                if slow or steps >= MAX_STEPS_PER_RUN or self.carried > MOST_CARRIED:
                    self._counters["ready"] = list(self._ready)
                    self.handed_over = slow
                    self.outcome.commands.append(GoOn(slow))
                    break
                self._step(self._ready.popleft())
                steps += 1
        except HistoryFull:
            cause = f"The execution reached the maximum number of history events ({self.execution.most_events})."
            self._end("FAILED", 0, error="States.Runtime", cause=cause)
        return self.outcome

    # ── signals ─────────────────────────────────────────────────────────────────────────────────

    def _receive(self, signal: Signal) -> None:
        if isinstance(signal, Start):
            self._begin()
        elif isinstance(signal, Redrive):
            self._redrive(signal)
        elif isinstance(signal, Stop):
            self._end("ABORTED", 0, error=signal.error, cause=signal.cause)
        elif isinstance(signal, Resume):
            return
        elif signal.token == MACHINE_TOKEN:
            self._end("TIMED_OUT", 0, error="States.Timeout")
        else:
            token = signal.token.removesuffix(HEARTBEAT)
            key = token.split(".")[0]
            frame = self.frames.get(key)
            wait = frame.get("wait") if frame is not None else None
            if frame is None or wait is None or wait["token"] != token:
                return
            if isinstance(signal, (TaskSubmitted, TaskTaken, Heartbeat)):
                self._task_goes_on(frame, wait, signal)
                return
            del frame["wait"]
            if self._turn_is_over and isinstance(signal, (TaskSucceeded, TaskFailed)):
                frame["heard"] = {"wait": wait, "said": _written(signal)}
                self._ready.append(key)
                return
            self._RECEIVERS[wait["for"]](self, key, frame, wait, signal)

    def _begin(self) -> None:
        given, role = self.execution.input, self.execution.role_arn
        details = {"input": given.text, "inputDetails": NOT_TRUNCATED, "roleArn": role}
        self._emit("ExecutionStarted", 0, "executionStartedEventDetails", details)
        if self.machine.timeout_seconds is not None:
            self._command(SetTimer(MACHINE_TOKEN, self.now + self.machine.timeout_seconds))
        self.frames.put(ROOT, {"parent": None, "state": self.machine.start_at, "previous": 0})
        self._set_input(ROOT, self.frames.get(ROOT) or {}, given)
        self._ready.append(ROOT)

    def _redrive(self, signal: Redrive) -> None:
        """Go on in every state that failed or was aborted; what has succeeded is not done again.

        AWS documents which states run again; how it links the events is unverified.
        """
        self._ready.clear()
        self._counters["redrive_token"] = signal.token
        details = {"redriveCount": self.execution.redrive_count}
        redriven = self._emit("ExecutionRedriven", self._counters["event"], "executionRedrivenEventDetails", details)
        if self.machine.timeout_seconds is not None:
            self._command(SetTimer(MACHINE_TOKEN, self.now + self.machine.timeout_seconds))
        self._redrive_frame(ROOT, redriven)

    def _redrive_frame(self, key: str, previous: int) -> None:
        frame = self.frames.get(key)
        assert frame is not None, "an execution that can be redriven has kept its frames"
        for name in ("wait", "retries", "attempts", "task_token", "aborted", "failed", "heard"):
            frame.pop(name, None)
        frame["previous"] = previous
        state, children = self._state(frame), frame.get("children")
        if state.distribution is not None and self._redrive_map_run(key, frame, previous):
            return
        if children is None:
            if state.type == "Fail":
                frame.pop("entered", None)
            self._ready.append(key)
            return
        for child_key in list(children["live"].values()):
            self._redrive_frame(child_key, previous)
        room = self._room(state, self._environment(key, frame, state)) if state.type == "Map" else 0
        for _ in range(min(children["count"] - children["next"], room - len(children["live"]))):
            self._guard(key, frame, state, lambda: self._start_item(key, frame, state, previous))

    def _waited(self, key: str, frame: Frame, wait: Frame, signal: Signal) -> None:
        state = self._state(frame)
        self._guard(key, frame, state, lambda: self._finish_plain(key, frame, state))

    def _retry_due(self, key: str, frame: Frame, wait: Frame, signal: Signal) -> None:
        self._ready.append(key)

    _RECEIVERS: dict[str, Callable[[Run, str, Frame, Frame, Signal], None]] = {
        "time": _waited,
        "retry": _retry_due,
        "task": Tasks._task_ended,
        "map_run": Tasks._map_run_ended,
    }

    # ── steps ───────────────────────────────────────────────────────────────────────────────────

    def _step(self, key: str) -> None:
        frame = self.frames.get(key)
        if frame is None:
            return
        heard: Frame | None = frame.pop("heard", None)
        if heard is not None:
            self._task_ended(key, frame, heard["wait"], _read(heard["wait"]["token"], heard["said"]))
            return
        state = self._state(frame)
        if "entered" not in frame:
            details = {"name": state.name, "input": self._input(key, frame).text, "inputDetails": NOT_TRUNCATED}
            event = self._emit(f"{state.type}StateEntered", frame["previous"], "stateEnteredEventDetails", details)
            frame["before"] = frame["previous"]
            frame["entered"] = frame["previous"] = event
            frame["at"] = self.now
        self._guard(key, frame, state, lambda: self._EXECUTE[state.type](self, key, frame, state))

    def _execute_pass(self, key: str, frame: Frame, state: State) -> None:
        if state.jsonata:
            self._finish_plain(key, frame, state)
            return
        environment = self._environment(key, frame, state)
        result = state.result if state.result is not None else self._filled(state, environment)
        self._finish(key, frame, state, result)

    def _execute_succeed(self, key: str, frame: Frame, state: State) -> None:
        self._finish_plain(key, frame, state)

    def _execute_fail(self, key: str, frame: Frame, state: State) -> None:
        environment = self._environment(key, frame, state)
        raise StateError(fields.text(state.error, environment, "Error"), fields.text(state.cause, environment, "Cause"))

    def _execute_choice(self, key: str, frame: Frame, state: State) -> None:
        environment = self._environment(key, frame, state)
        for index, rule in enumerate(state.rules):
            if rule.test(environment):
                self.outcome.taken.append((state.name, CHOICE, index))
                output = self._output(rule.output or state.output, environment, environment.data)
                self._leave(key, frame, state, environment, output, rule.next, rule.assign)
                return
        if state.default is None:
            # AWS documents States.NoChoiceMatched, but this is what users of AWS see.
            raise runtime("Failed to transition out of the state. The state does not point to a next state.")
        self.outcome.taken.append((state.name, CHOICE, DEFAULT))
        output = self._output(state.output, environment, environment.data)
        self._leave(key, frame, state, environment, output, state.default, state.assign)

    def _execute_wait(self, key: str, frame: Frame, state: State) -> None:
        due_at = fields.wait_until(state, self._environment(key, frame, state), self.now)
        if due_at <= self.now:
            self._finish_plain(key, frame, state)
        else:
            self._wake(self._await(key, frame, "time"), due_at)

    _EXECUTE: dict[str, Callable[[Run, str, Frame, State], None]] = {
        "Pass": _execute_pass,
        "Task": Tasks._execute_task,
        "Choice": _execute_choice,
        "Wait": _execute_wait,
        "Succeed": _execute_succeed,
        "Fail": _execute_fail,
        "Parallel": Tasks._execute_parallel,
        "Map": Tasks._execute_map,
    }


def _written(signal: TaskSucceeded | TaskFailed) -> Frame:
    """What a task has come to, whose state goes on when it has its turn."""
    if isinstance(signal, TaskSucceeded):
        return {"output": signal.output.text}
    return {"error": signal.error, "cause": signal.cause}


def _read(token: str, said: Frame) -> TaskSucceeded | TaskFailed:
    if "output" in said:
        return TaskSucceeded(token, Data(text=said["output"]))
    return TaskFailed(token, said["error"], said["cause"])
