"""Judging single fields: known names, types, ranges, paths, templates, expressions, variables.

Knows no type of state: what a field is for is decided by whoever asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Container
from typing import Any

from emulator.services.stepfunctions.asl import jsonata, paths, payload
from emulator.services.stepfunctions.asl.data import Json
from emulator.services.stepfunctions.asl.paths import BadPath
from emulator.services.stepfunctions.asl.validation.problems import SCHEMA, TARGET, Problem
from emulator.services.stepfunctions.asl.validation.vocabulary import JSONATA_ONLY, JSONPATH_ONLY

TaskProblems = Callable[[str, Json], list[tuple[str, str]]]
"""(resource, parameters) → (where below the state, text) of everything wrong with a Task's call."""


class FieldJudge:
    """Collects problems of fields; `jsonata` says which language the state that is being judged speaks."""

    def __init__(
        self, task_problems: TaskProblems, express: bool = False, mocked: Container[str] = frozenset()
    ) -> None:
        self.express = express
        self.problems: list[Problem] = []
        self.task_problems = task_problems
        self.mocked = mocked
        self.names: set[str] = set()
        self.name = ""
        """The state that is being judged."""
        self.depth = 0
        """Of the scope that is being judged."""
        self.outermost = 0
        """Depth of the scope around it whose variables are the first that it sees."""
        self.assigned: dict[str, list[int]] = {}
        """Depths of the scopes around that assign a variable, rising. One table for all scopes: a set for each of them
        would be quadratic in the length of a definition."""
        self.jsonata_machine = False
        self.jsonata = False
        """Whether the state that is being judged speaks JSONata."""

    def is_outer(self, variable: str) -> bool:
        """Whether a scope around the one that is being judged assigns a variable."""
        depths = self.assigned.get(variable, ())
        first = bisect_left(depths, self.outermost)
        return first < len(depths) and depths[first] < self.depth

    def add(self, at: str, message: str, code: str = SCHEMA, member: str | None = None) -> None:
        self.problems.append(Problem(code, message, at or "/", member=member))

    def unknown(self, source: dict[str, Any], allowed: tuple[str, ...], at: str) -> None:
        for name in source:
            if name in allowed:
                continue
            if name in (JSONPATH_ONLY if self.jsonata else JSONATA_ONLY):
                spoken, other = ("JSONata", "JSONPath") if self.jsonata else ("JSONPath", "JSONata")
                text = f"The QueryLanguage is set to '{spoken}', but field '{name}' is only supported for the '{other}'"
                self.add(at, f"{text} QueryLanguage", member=name)
            else:
                self.add(at, f"Field '{name}' is not supported", member=name)

    def query_language(self, source: dict[str, Any], at: str) -> None:
        if source.get("QueryLanguage", "JSONPath") not in ("JSONPath", "JSONata"):
            values = "[JSONPath, JSONata]"
            self.add(f"{at}/QueryLanguage", f"The field 'QueryLanguage' should have one of these values: {values}")

    def text(self, source: dict[str, Any], name: str, at: str) -> None:
        if name in source and not isinstance(source[name], str):
            self.add(f"{at}/{name}", "Expected value of type String")

    def expression(self, source: dict[str, Any], name: str, at: str) -> bool:
        """Whether a field of a JSONata state is an expression, which is then judged."""
        if not self.jsonata or jsonata.expression_text(source.get(name)) is None:
            return False
        self.expressions(source, name, at)
        return True

    def expressions(self, source: dict[str, Any], name: str, at: str) -> None:
        """Judge every expression anywhere in a field."""
        if self.jsonata and name in source:
            for below, code, message in jsonata.problems(source[name], _hidden(source, name)):
                self.add(f"{at}/{name}{below}", message, code)

    def whole(self, source: dict[str, Any], name: str, at: str, low: int, high: int) -> None:
        if self.expression(source, name, at):
            return
        value = source.get(name, low)
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(f"{at}/{name}", "Expected value of type Integer")
        elif not low <= value <= high:
            self.add(f"{at}/{name}", f"Value should be between {low} and {high}")

    def at_most_one(self, source: dict[str, Any], names: tuple[str, ...], at: str) -> None:
        given = [name for name in source if name in names]
        if len(given) > 1:
            self.add(at, f"At most one of these fields is allowed: [{', '.join(names)}]", member=given[-1])

    def path(self, source: dict[str, Any], name: str, at: str, nullable: bool = False) -> None:
        value = source.get(name)
        if name not in source or (nullable and value is None):
            return
        try:
            paths.parse(value if isinstance(value, str) else "")
        except BadPath:
            self.add(f"{at}/{name}", "Value is not a valid JSONPath")

    def selecting(self, source: dict[str, Any], name: str, at: str) -> None:
        """Judge a path that must lead to one value, in the data, the context object or a variable."""
        value = source.get(name)
        if name not in source:
            return
        try:
            if not paths.parse(value if isinstance(value, str) else "").selects_one:
                self.add(f"{at}/{name}", "Value is not a Reference Path")
        except BadPath:
            self.add(f"{at}/{name}", "Value is not a valid JSONPath")

    def reference(self, source: dict[str, Any], name: str, at: str) -> None:
        value = source.get(name)
        if value is None:
            return
        try:
            good = isinstance(value, str) and paths.parse(value).is_reference
        except BadPath:
            good = False
        if not good:
            self.add(f"{at}/{name}", "Value is not a Reference Path")

    def template(self, source: dict[str, Any], name: str, at: str) -> None:
        for key in payload.problems(source.get(name)):
            text = f"The value for the field '{key}' must be a valid JSONPath or a valid intrinsic function call"
            self.add(f"{at}/{name}", text)
        if name in ("ResultSelector", "ItemSelector") and name in source and not isinstance(source[name], dict):
            self.add(f"{at}/{name}", "Expected value of type Object")

    def assign(self, source: dict[str, Any], at: str) -> None:
        if "Assign" not in source:
            return
        assign = source["Assign"]
        if not isinstance(assign, dict):
            self.add(f"{at}/Assign", "Expected value of type Object")
            return
        for key in assign:
            name = key if self.jsonata else key.removesuffix(".$")
            if not name.isidentifier() or not name[0].isalpha() or len(name) > 80:
                self.add(f"{at}/Assign/{key}", f"The variable name '{name}' is not valid")
            elif name == "states":
                self.add(f"{at}/Assign/{key}", "The variable name 'states' is reserved")
            elif self.is_outer(name):  # [D:workflow-variables]; the text is unverified
                self.add(f"{at}/Assign/{key}", f"The variable '{name}' is assigned in an outer scope already")
        if self.jsonata:
            self.expressions(source, "Assign", at)
        else:
            self.template(source, "Assign", at)

    def target(self, source: dict[str, Any], name: str, at: str, states: dict[str, Any]) -> list[str]:
        if name not in source:
            return []
        target = source[name]
        if not isinstance(target, str):
            self.add(f"{at}/{name}", "Expected value of type String")
            return []
        if target not in states:
            # The word is Next wherever it stands: in Default, in a rule, in a catcher (measured on AWS).
            self.add(f"{at}/{name}", f"Missing 'Next' target: {target}", TARGET)
        return [target]


def _hidden(source: dict[str, Any], name: str) -> tuple[str, ...]:
    """Which of `$states` there is not in a field of a state, a catcher or a rule."""
    if name in ("Output", "Assign"):
        if "ErrorEquals" in source:
            return ("result",)
        if source.get("Type") in ("Task", "Parallel", "Map"):
            return ("errorOutput",)
    return ("result", "errorOutput")
