"""The mock configuration file of Step Functions Local: which task states of a test case answer what, by attempt.

Decides what such a file may hold and which answer the n-th call of a state gets. Knows neither where the file is nor
how an answer reaches its execution (task_mocks.py). Form: AWS's developer guide, "sfn-local-mock-cfg-file".
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .asl.data import Json, loads

_ATTEMPTS = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")
MOST_PROBLEMS = 20


class BadMockFile(ValueError):
    """What is wrong with a file, one sentence a line."""

    def __init__(self, problems: list[str]) -> None:
        more = [f"… and {len(problems) - MOST_PROBLEMS} more"] if len(problems) > MOST_PROBLEMS else []
        super().__init__("\n".join([*problems[:MOST_PROBLEMS], *more]))


@dataclass(frozen=True, slots=True)
class MockAnswer:
    """What a mocked call of a task ends with: a result, or an error."""

    first: int
    last: int
    """Attempts that it answers, counted from 0, both included."""
    thrown: bool
    value: Json
    """The result, or `{"Error": …, "Cause": …}`."""


@dataclass(frozen=True, slots=True)
class MockFile:
    """A file that was read: state machine → test case → state → its mocked responses in order."""

    machines: Mapping[str, Mapping[str, Mapping[str, tuple[MockAnswer, ...]]]]

    def case(self, machine: str, case: str) -> Mapping[str, tuple[MockAnswer, ...]] | None:
        """The mocked states of a test case."""
        return self.machines.get(machine, {}).get(case)

    def states(self, machine: str) -> frozenset[str]:
        """Every state that any test case of a machine mocks."""
        return frozenset(state for case in self.machines.get(machine, {}).values() for state in case)


def answer(responses: tuple[MockAnswer, ...], attempt: int) -> MockAnswer | None:
    """The response for the call number `attempt`, counted from 0; None if the file has none."""
    return next((each for each in responses if each.first <= attempt <= each.last), None)


def parse(text: str) -> MockFile:
    """Read a file. Raises BadMockFile naming everything that is wrong."""
    try:
        document = loads(text)
    except ValueError as error:
        where = f"line {error.lineno}, column {error.colno}: " if isinstance(error, json.JSONDecodeError) else ""
        raise BadMockFile([f"{where}not JSON: {getattr(error, 'msg', error)}"]) from None
    reader = _Reader()
    found = reader.file(document)
    if reader.problems:
        raise BadMockFile(reader.problems)
    return found


class _Reader:
    def __init__(self) -> None:
        self.problems: list[str] = []
        self.responses: dict[str, tuple[MockAnswer, ...]] = {}

    def file(self, document: Json) -> MockFile:
        top = self.object(document, "the file")
        for name in top:
            if name not in ("StateMachines", "MockedResponses"):
                meant = ": the field is called MockedResponses" if name == "MockedResponse" else ""
                self.problems.append(f"unknown field {name}{meant}")
        for name, responses in self.object(top.get("MockedResponses", {}), "MockedResponses").items():
            self.responses[name] = self.attempts(responses, f"MockedResponses.{name}")
        if "StateMachines" not in top:
            self.problems.append("the field StateMachines is missing")
        machines: dict[str, Mapping[str, Mapping[str, tuple[MockAnswer, ...]]]] = {}
        for name, machine in self.object(top.get("StateMachines", {}), "StateMachines").items():
            where = f"StateMachines.{name}"
            fields = self.object(machine, where)
            self.only(fields, ("TestCases",), where)
            cases = self.object(fields.get("TestCases", {}), f"{where}.TestCases")
            machines[name] = {case: self.case(states, f"{where}.TestCases.{case}") for case, states in cases.items()}
        return MockFile(machines)

    def case(self, value: Json, where: str) -> dict[str, tuple[MockAnswer, ...]]:
        found: dict[str, tuple[MockAnswer, ...]] = {}
        for state, name in self.object(value, where).items():
            if not isinstance(name, str):
                self.problems.append(f"{where}.{state} must be the name of a mocked response")
            elif name not in self.responses:
                self.problems.append(f"{where}.{state}: there is no mocked response {name} in MockedResponses")
            else:
                found[state] = self.responses[name]
        return found

    def attempts(self, value: Json, where: str) -> tuple[MockAnswer, ...]:
        found: list[MockAnswer] = []
        entries = self.object(value, where)
        if not entries:
            self.problems.append(f"{where} has no response; the first attempt is called 0")
        for key, response in entries.items():
            at, match = f"{where}.{key}", _ATTEMPTS.fullmatch(key)
            first, last = (int(match[1]), int(match[2] or match[1])) if match else (0, -1)
            if last < first:
                self.problems.append(f"{at}: the key must be an attempt, such as 0, or a range, such as 1-2")
            fields = self.object(response, at)
            self.only(fields, ("Return", "Throw"), at)
            if ("Return" in fields) == ("Throw" in fields):
                self.problems.append(f"{at} must have exactly one of Return and Throw")
            elif "Throw" in fields:
                found.append(MockAnswer(first, last, True, self.thrown(fields["Throw"], f"{at}.Throw")))
            else:
                found.append(MockAnswer(first, last, False, fields["Return"]))
        found.sort(key=lambda each: each.first)
        for before, after in itertools.pairwise(found):
            if after.first <= before.last:
                self.problems.append(f"{where}: attempt {after.first} is answered twice")
        return tuple(found)

    def thrown(self, value: Json, where: str) -> dict[str, Any]:
        fields = self.object(value, where)
        self.only(fields, ("Error", "Cause"), where)
        if not isinstance(fields.get("Error"), str):
            self.problems.append(f"{where}.Error must be a string")
        if not isinstance(fields.get("Cause", ""), str):
            self.problems.append(f"{where}.Cause must be a string")
        return fields

    def only(self, fields: dict[str, Any], allowed: tuple[str, ...], where: str) -> None:
        self.problems += [f"{where}: unknown field {name}" for name in fields if name not in allowed]

    def object(self, value: Json, where: str) -> dict[str, Any]:
        if isinstance(value, dict):
            return value
        self.problems.append(f"{where} must be a JSON object")
        return {}
