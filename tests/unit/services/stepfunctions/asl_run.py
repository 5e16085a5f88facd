"""Drives the pure interpreter in a test: tasks are answered by a function, time jumps to the next timer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from emulator.services.stepfunctions.asl.data import Data
from emulator.services.stepfunctions.asl.definition import compile_definition
from emulator.services.stepfunctions.asl.frames import Frames
from emulator.services.stepfunctions.asl.interpreter import Run
from emulator.services.stepfunctions.asl.messages import (
    CallTask,
    Ended,
    Event,
    Execution,
    Forget,
    GoOn,
    Resume,
    SetTimer,
    Signal,
    Start,
    TaskFailed,
    TaskSucceeded,
    TimerFired,
)

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
Answer = Callable[[Any], Any]


class Never:
    """A task that does not answer."""


@dataclass
class Failure:
    error: str
    cause: str | None = None


@dataclass
class Driver:
    """One execution from its start to its end; its frames go through text as they do in the store."""

    definition: dict[str, Any]
    input: str = "{}"
    answer: Answer = lambda parameters: parameters
    random: float = 0.5
    now: float = 1_700_000_000.0
    events: list[Event] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    ended: Ended | None = None
    rows: dict[str, str] = field(default_factory=dict)
    timers: list[SetTimer] = field(default_factory=list)

    def run(self) -> Driver:
        start = self.now
        waiting: list[Signal] = [Start()]
        while self.ended is None and (waiting or self.timers):
            if not waiting:
                self.timers.sort(key=lambda timer: timer.due_at)
                timer = self.timers.pop(0)
                self.now = max(self.now, timer.due_at)
                waiting.append(TimerFired(timer.token))
            waiting += self.send(waiting.pop(0))
            self.times.append(self.now - start)
        return self

    def send(self, signal: Signal) -> list[Signal]:
        frames = Frames(self.rows.get)
        execution = Execution(
            "arn:aws:states:us-east-1:000000000000:execution:m:e", "e", "role", 1_700_000_000.0,
            "arn:aws:states:us-east-1:000000000000:stateMachine:m", "m", "us-east-1", Data(text=self.input),
        )  # fmt: skip
        machine = compile_definition(json.dumps(self.definition))
        outcome = Run(machine, execution, frames, self.now, lambda: self.random, lambda: "an-id").signal(signal)
        for key, text in frames.changes():
            if text is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = text
        self.events += outcome.events
        self.ended = outcome.ended
        answers: list[Signal] = []
        for command in outcome.commands:
            if isinstance(command, SetTimer):
                self.timers.append(command)
            elif isinstance(command, Forget):
                self.timers = [timer for timer in self.timers if timer.token != command.token]
            elif isinstance(command, GoOn):
                answers.append(Resume())
            elif isinstance(command, CallTask):
                result = self.answer(command.parameters.value)
                if isinstance(result, Failure):
                    answers.append(TaskFailed(command.token, result.error, result.cause))
                elif result is not Never:
                    answers.append(TaskSucceeded(command.token, Data(result)))
        return answers

    @property
    def output(self) -> Any:
        assert self.ended is not None and self.ended.output is not None, self.ended
        return self.ended.output.value

    @property
    def history(self) -> list[tuple[int, int, str]]:
        return [(event.id, event.previous_id, event.type) for event in self.events]


def one(state: dict[str, Any]) -> dict[str, Any]:
    """A machine of one state, which ends."""
    return {"StartAt": "S", "States": {"S": {"End": True, **state}}}


def run_state(state: dict[str, Any], value: Any = None, answer: Answer = lambda parameters: parameters) -> Driver:
    """Run a machine of one state."""
    return Driver(one(state), json.dumps({} if value is None else value), answer).run()
