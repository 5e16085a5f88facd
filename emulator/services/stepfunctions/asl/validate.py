"""Judging a definition: every problem found, with AWS's code and a location like `/States/A/Next`.

Decides what CreateStateMachine refuses (reference 5.16): here the machine, its scopes and how states lead to each
other; the rest is validation/'s. What a Task's Resource may be is asked from outside.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterator
from typing import Any

from . import json_words
from .data import Json, TooDeep, loads
from .validation.choices import ChoiceJudge
from .validation.fields import TaskProblems
from .validation.handlers import HandlerJudge
from .validation.problems import DUPLICATE, JSON, NO_END, SCHEMA, TARGET, TOO_DEEP, Problem
from .validation.types import TypeJudge
from .validation.vocabulary import COMMON, FIELDS, JSONATA_FIELDS
from .validation.warnings import warnings

__all__ = ["Problem", "TaskProblems", "judge", "parse_json", "validate", "warnings"]

MAX_DEPTH = 20
MOST_NESTED = 250
"""Objects and arrays in each other, whatever they are for: three times as many are too deep for those who read them
(ours; AWS's limit is not documented)."""
TOO_NESTED = "The definition is too deeply nested"
LONGEST_NAME_SHOWN = 1_000
"""In the place of a problem, of which there may be one for each of thousands of states below a name of a megabyte."""


def parse_json(text: str) -> tuple[dict[str, Any] | None, Problem | None]:
    """The document, if it is one, and the problem with its JSON."""
    if not text.strip():
        return None, Problem(SCHEMA, "Definition must be a valid JSON object", None)
    try:
        document = loads(text)
    except TooDeep:  # how deep that is depends on who asks, so the words do not
        return None, Problem(TOO_DEEP, TOO_NESTED, "/")
    except ValueError as error:
        sentence, line, column = json_words.explain(text, error)
        where = json_words.source(text, line, column)
        return None, Problem(JSON, f"{sentence}\n at {where}", where)
    if not isinstance(document, dict):
        return None, Problem(SCHEMA, "Definition must be a valid JSON object", None)
    return document, _repeated(text)


def judge(
    text: str, task_problems: TaskProblems, express: bool = False, mocked: Container[str] = frozenset()
) -> list[Problem]:
    """Everything wrong with the text of a definition; see `validate`."""
    document, problem = parse_json(text)
    found = [problem] if problem is not None else []
    return found if document is None else found + validate(document, task_problems, express, mocked)


def _repeated(text: str) -> Problem | None:
    """A key that stands twice in one object, of which JSON would keep the last only (unverified)."""
    found: list[Problem] = []

    def look(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        members = dict(pairs)
        if len(members) < len(pairs) and not found:
            seen: set[str] = set()
            name = next(key for key, _ in pairs if key in seen or seen.add(key))
            is_state = isinstance(members[name], dict) and "Type" in members[name]
            found.append(
                Problem(DUPLICATE, f"Duplicate State name: {name}", None)
                if is_state
                else Problem(JSON, f"Duplicate field '{name}'", None)
            )
        return members

    json.loads(text, object_pairs_hook=look)
    return found[0] if found else None


def validate(
    document: dict[str, Any],
    task_problems: TaskProblems,
    express: bool = False,
    mocked: Container[str] = frozenset(),
) -> list[Problem]:
    """Everything wrong with a parsed definition, in the order of the text.

    Of the states `mocked` only the form of their resource counts: they are never called.
    """
    judge = _Judge(task_problems, express, mocked)
    if _deeper(document, MOST_NESTED):
        judge.add("", TOO_NESTED, TOO_DEEP)
        return judge.problems
    try:
        judge.machine(document)
    except RecursionError:
        judge.add("", "The states are too deeply nested", TOO_DEEP)
    return judge.problems


class _Judge(HandlerJudge, ChoiceJudge, TypeJudge):
    # ── scopes ──────────────────────────────────────────────────────────────────────────────────

    def machine(self, document: dict[str, Any]) -> None:
        allowed = ("Comment", "Version", "TimeoutSeconds", "QueryLanguage", "StartAt", "States")
        self.unknown(document, allowed, "")
        self.text(document, "Comment", "")
        if document.get("Version", "1.0") != "1.0":
            self.add("/Version", "The field 'Version' should have one of these values: [1.0]")
        self.query_language(document, "")
        self.jsonata_machine = document.get("QueryLanguage", "JSONPath") != "JSONPath"
        self.whole(document, "TimeoutSeconds", "", 1, 99_999_999)
        self.scope(document, "", 0)

    def scope(self, scope: dict[str, Any], at: str, depth: int) -> None:
        missing = [name for name in ("States", "StartAt") if name not in scope]
        if missing:
            self.add(at, f"These fields are required: [{', '.join(missing)}]")
        states, start = scope.get("States"), scope.get("StartAt")
        if depth > MAX_DEPTH:
            self.add(at, "The states are too deeply nested", TOO_DEEP)
            return
        if "States" in scope and not isinstance(states, dict):
            self.add(f"{at}/States", "Expected value of type Object")
        if not isinstance(states, dict):
            return
        if not states:
            self.add(f"{at}/States", "Value cannot be empty")
            return
        targets: dict[str, list[str]] = {}
        around, self.depth = self.depth, depth
        assigned = {*_assigned(states)}
        for name in assigned:
            self.assigned.setdefault(name, []).append(depth)
        for name, state in states.items():
            where = f"{at}/States/{name[:LONGEST_NAME_SHOWN]}"
            if not 1 <= len(name) <= 80:
                self.add(where, "State name length should be between 1 and 80")
            if name in self.names:
                self.add(where, f"Duplicate State name: {name}", DUPLICATE)
            self.names.add(name)
            self.name = name
            targets[name] = self.state(state, where, states, depth)
        for name in assigned:
            self.assigned[name].pop()
        self.depth = around
        if "StartAt" not in scope:
            return
        if not isinstance(start, str):
            self.add(f"{at}/StartAt", "Expected value of type String")
            return
        if start not in states:
            self.add(f"{at}/StartAt", f"Missing 'Next' target: {start}", TARGET)
        self.reachable(start, states, targets, at)

    def reachable(self, start: str, states: dict[str, Any], targets: dict[str, list[str]], at: str) -> None:
        """Whether there is an end, and if so, whether something leads to every state.

        To AWS a state is reachable if StartAt or any state names it, even one that is not reachable itself (measured).
        """
        if not any(_ends(state) for state in states.values()):
            if all(problem.code == TARGET for problem in self.problems):
                self.problems.append(Problem(NO_END, "Workflow has no terminal state", None))
            return
        led_to = {start, *(target for found in targets.values() for target in found)}
        for name in states:
            if name not in led_to:
                self.add(f"{at}/States/{name}", f'State "{name}" is not reachable.', TARGET)

    # ── states ──────────────────────────────────────────────────────────────────────────────────

    def state(self, state: Any, at: str, states: dict[str, Any], depth: int) -> list[str]:
        """Judge one state and return where it may lead."""
        if not isinstance(state, dict):
            self.add(at, "Expected value of type Object")
            return []
        kind = state.get("Type")
        if kind is None:
            self.add(at, "These fields are required: [Type]")
            return []
        if not isinstance(kind, str) or kind not in FIELDS:
            self.add(f"{at}/Type", f"The field 'Type' should have one of these values: [{', '.join(FIELDS)}]")
            return []
        self.query_language(state, at)
        if self.jsonata_machine and state.get("QueryLanguage") == "JSONPath":
            self.add(at, "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine")
        # Whatever is not exactly JSONPath counts as JSONata (measured on AWS).
        self.jsonata = self.jsonata_machine or state.get("QueryLanguage", "JSONPath") != "JSONPath"
        self.unknown(state, (*COMMON, *(JSONATA_FIELDS if self.jsonata else FIELDS)[kind]), at)
        self.text(state, "Comment", at)
        if self.jsonata:
            for name in ("Arguments", "Output", "ItemSelector", "Items"):
                self.expressions(state, name, at)
        else:
            for name in ("InputPath", "OutputPath"):
                self.path(state, name, at, nullable=True)
            self.reference(state, "ResultPath", at)
            for name in ("Parameters", "ResultSelector", "ItemSelector"):
                self.template(state, name, at)
        self.assign(state, at)
        targets: list[str] = []
        if "Next" in FIELDS[kind]:
            targets += self.flow(state, at, states)
        self.retry(state, at)
        targets += self.catch(state, at, states)
        special = self._SPECIAL.get(kind)
        if special is not None:
            targets += special(self, state, at, states, depth) or []
        return targets

    def flow(self, state: dict[str, Any], at: str, states: dict[str, Any]) -> list[str]:
        if "End" in state and not isinstance(state["End"], bool):
            self.add(f"{at}/End", "Expected value of type Boolean")
        if ("Next" in state) == (state.get("End") is True):
            self.add(at, "Exactly one of these fields is required: [Next, End]")
        return self.target(state, "Next", at, states)

    _SPECIAL: dict[str, Callable[[_Judge, dict[str, Any], str, dict[str, Any], int], list[str] | None]] = {
        "Task": TypeJudge.task,
        "Wait": TypeJudge.wait,
        "Fail": TypeJudge.fail,
        "Choice": ChoiceJudge.choice,
        "Parallel": TypeJudge.parallel,
        "Map": TypeJudge.map,
    }


def _deeper(document: Json, most: int) -> bool:
    """Whether objects and arrays are in each other more than `most` times."""
    level: list[Json] = [document]
    for _ in range(most + 1):
        values = (item.values() if isinstance(item, dict) else item for item in level)
        level = [item for within in values for item in within if isinstance(item, (dict, list))]
        if not level:
            return False
    return True


def _assigned(states: dict[str, Any]) -> Iterator[str]:
    """Variables that the states of a scope assign, scopes within apart."""
    for state in states.values():
        if isinstance(state, dict):
            rules = [*_listed(state.get("Choices")), *_listed(state.get("Catch"))]
            for source in (state, *(rule for rule in rules if isinstance(rule, dict))):
                assign = source.get("Assign")
                if isinstance(assign, dict):
                    yield from (str(name).removesuffix(".$") for name in assign)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _ends(state: Json) -> bool:
    return isinstance(state, dict) and (state.get("End") is True or state.get("Type") in ("Succeed", "Fail"))
