"""`emulator sfn validate`: everything wrong with a definition, by line and column.

Decides how a diagnosis is shown; what is wrong is judged by the same code as CreateStateMachine.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import Any

from emulator.app import Emulator
from emulator.services.stepfunctions.asl import validate
from emulator.services.stepfunctions.asl.validate import Problem
from emulator.settings import Settings
from emulator.sfn_tools.definition_file import DefinitionFile

_IN_SOURCE = re.compile(r"; line: (\d+), column: (\d+)\]$")


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One problem and its place in the file, (1, 1) if nothing is nearer."""

    line: int
    column: int
    problem: Problem

    def shown(self, path: str) -> str:
        """As compilers write it, so that editors find the place."""
        problem = self.problem
        message = problem.message.split("\n at [Source")[0]
        where = f" ({problem.location})" if problem.location is not None and problem.location[0] == "/" else ""
        severity = problem.severity.lower()
        return f"{path}:{self.line}:{self.column}: {severity}: {problem.code}: {message}{where}"

    def as_json(self, path: str) -> dict[str, Any]:
        """For machines."""
        problem = self.problem
        return {
            "file": path, "line": self.line, "column": self.column, "severity": problem.severity,
            "code": problem.code, "message": problem.message, "location": problem.location,
        }  # fmt: skip


def diagnose(files: list[DefinitionFile], express: bool) -> list[list[Diagnosis]]:
    """What is wrong with each file: errors, then warnings, each in the order of the file."""

    async def work() -> list[list[Diagnosis]]:
        emulator = Emulator(Settings(data=None, frozen=True), "http://localhost:0")
        try:
            operations = emulator.stepfunctions.operations
            found: list[list[Diagnosis]] = []
            for file in files:
                problems = operations.judge(file.definition, "", express)
                found.append(placed(file, [*problems, *_warnings(file), *operations.absent(file.definition)]))
            return found
        finally:
            await emulator.stop()

    return asyncio.run(work())


def placed(file: DefinitionFile, problems: list[Problem]) -> list[Diagnosis]:
    """Problems with their places."""
    places = file.places([problem.place for problem in problems if problem.place is not None])
    found: list[Diagnosis] = []
    for problem in problems:
        in_source = _IN_SOURCE.search(problem.location or "")
        line, column = (int(in_source[1]), int(in_source[2])) if in_source else places.get(problem.place or "", (1, 1))
        found.append(Diagnosis(line, column, problem))
    return sorted(found, key=lambda each: (each.problem.severity != "ERROR", each.line, each.column))


def _warnings(file: DefinitionFile) -> list[Problem]:
    document, _ = validate.parse_json(file.definition)
    return validate.warnings(document) if document is not None else []
