"""Mocked tasks of executions: which call is answered by the mock configuration file, and with what.

An execution of a test case remembers in a frame of its own, `MARKS`, which case it is and how often each state was
called; so a restart goes on with the same attempt. Decides nothing about the file's form (mock_file.py).
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

from emulator.aws.errors import AwsError

from . import mock_file
from .asl.data import Data, dumps, loads
from .asl.definition import Machine, compile_definition
from .asl.frames import Frames
from .asl.messages import Signal, TaskFailed, TaskSubmitted, TaskSucceeded
from .asl.tasks import task_kind
from .mock_file import BadMockFile, MockFile

MARKS = "m"
MARK = "#"
"""Between the ARN of a state machine and the name of a test case."""


class TaskMocks:
    """The file as it is now; `read` gives its text, None if there is none."""

    def __init__(self, read: Callable[[], str | None]) -> None:
        self._read = read
        self._text: str | None = None
        self._file: MockFile | None = None
        self.every_task = False
        """Whether tasks must be mocked: those that are not fail instead of being called (`emulator sfn run`)."""
        self.current()

    def current(self) -> MockFile | None:
        """The file as it is now, None if there is none. Raises BadMockFile; what was good before stays in use."""
        text = self._read()
        if text is not None and (text != self._text or self._file is None):
            self._file = mock_file.parse(text)
            self._text = text
        return self._file

    def split(self, arn: str) -> tuple[str, str | None]:
        """(ARN of the state machine, test case) of what a caller starts: `arn:…:stateMachine:NAME#TestCase`."""
        machine, mark, case = arn.partition(MARK)
        return machine, case if mark else None

    def check(self, case: str, name: str, machine: Machine) -> None:
        """Raise ValidationException unless a test case can be run, in words of our own: Step Functions has none."""
        try:
            found = self.current()
        except BadMockFile as error:
            raise AwsError("ValidationException", f"The mock configuration file cannot be used: {error}") from None
        if found is None:
            text = f"The test case '{case}' needs a mock configuration file: start the emulator with SFN_MOCK_CONFIG."
            raise AwsError("ValidationException", text)
        states = found.case(name, case)
        if states is None:
            known = ", ".join(found.machines.get(name, {})) or "none"
            text = f"The mock configuration file has no test case '{case}' for the state machine '{name}'"
            raise AwsError("ValidationException", f"{text}; it has: {known}.")
        for state in states:
            if state not in _tasks(machine):
                text = f"The test case '{case}' mocks the state '{state}', which is no Task state of '{name}'."
                raise AwsError("ValidationException", text)

    def mocked_states(self, name: str) -> Container[str]:
        """States whose resource need not be emulated, because a test case answers for it."""
        if self.every_task:
            return _Everything()
        try:
            found = self.current()
        except BadMockFile:
            found = self._file
        return found.states(name) if found is not None else frozenset()

    def are_for(self, frames: Frames) -> bool:
        """Whether tasks of an execution may be mocked."""
        return self.every_task or (self._file is not None and frames.get(MARKS) is not None)

    @staticmethod
    def mark(frames: Frames, case: str) -> None:
        """Remember the test case of an execution that begins."""
        frames.put(MARKS, {"case": case, "calls": {}})

    def answer(self, machine_name: str, frames: Frames, token: str, resource: str) -> str | None:
        """What a call that is about to be made is answered with, as JSON for `signals`; None if it is to be made."""
        if not self.are_for(frames):
            return None
        marks = frames.get(MARKS)
        frame = frames.get(token.split(".")[0])
        assert frame is not None, "a task that is called has a frame"
        state: str = frame["state"]
        if marks is None:
            return failure(_not_mocked(state, resource))
        try:
            self.current()
        except BadMockFile:
            pass  # half a sentence in an editor: what was good before answers
        assert self._file is not None, "a test case was found in a file"
        responses = (self._file.case(machine_name.split("/")[0], marks["case"]) or {}).get(state)
        if responses is None:
            return failure(_not_mocked(state, resource)) if self.every_task else None
        attempt: int = marks["calls"].get(state, 0)
        marks["calls"][state] = attempt + 1
        found = mock_file.answer(responses, attempt)
        if found is None:
            return failure(
                f"The task of the state '{state}' was called {attempt + 1} times, and the test case '{marks['case']}' "
                f"has no mocked response for attempt {attempt}."
            )
        return dumps({"Throw" if found.thrown else "Return": found.value})


def _tasks(machine: Machine) -> Iterator[str]:
    """Names of all tasks, those of the children of distributed Maps too."""
    for name, state in machine.states.items():
        if state.type == "Task":
            yield name
        elif state.distribution is not None:
            yield from _tasks(compile_definition(state.distribution.definition))


class _Everything:
    def __contains__(self, name: object) -> bool:
        return True


def signals(token: str, resource: str, text: str) -> list[Signal]:
    """What an execution is told of a mocked call.

    A task that waits has been submitted first, with the mocked result: the file knows no other (unverified).
    """
    response: dict[str, Any] = loads(text)
    thrown = response.get("Throw")
    told: list[Signal] = []
    if task_kind(resource).goes_on_after_the_call and "Failure" not in response:
        told.append(TaskSubmitted(token, Data(response.get("Return", {}))))
    if "Failure" in response:
        told.append(TaskFailed(token, "States.Runtime", response["Failure"]))
    elif thrown is not None:
        told.append(TaskFailed(token, thrown["Error"], thrown.get("Cause")))
    else:
        told.append(TaskSucceeded(token, Data(response["Return"])))
    return told


def _not_mocked(state: str, resource: str) -> str:
    return f"The task of the state '{state}' ({resource}) is not mocked."


def failure(cause: str) -> str:
    """An error that no retrier and no catcher takes: the test case is wrong, and not the machine."""
    return dumps({"Failure": cause})
