"""What may be meant otherwise in a definition that AWS accepts: the warnings of ValidateStateMachineDefinition.

Decides by how a value looks. AWS documents the codes and what they stand for; sentences and places are unverified.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from emulator.services.stepfunctions.asl.data import Json
from emulator.services.stepfunctions.asl.validation.problems import WARNING, Problem

_PATH = re.compile(r"\$\$?(?:[.\[].*)?|\$[A-Za-z_]\w*[.\[].*", re.DOTALL)
_INTRINSIC = re.compile(r"States\.[A-Z]\w*\(.*\)", re.DOTALL)
_TEMPLATES = ("Parameters", "ResultSelector", "ItemSelector", "Assign")
_WITH_PATHS = ("Seconds", "Timestamp", "TimeoutSeconds", "HeartbeatSeconds", "Error", "Cause", "MaxConcurrency")
MOST = 1_000
"""Warnings of one definition."""


def warnings(document: dict[str, Any]) -> list[Problem]:
    """Everything that looks like a mistake, in the order of the text."""
    found: list[Problem] = []
    for each in _scope(document, "", document.get("QueryLanguage") == "JSONata"):
        found.append(each)
        if len(found) == MOST:
            break
    return found


def _scope(scope: Json, at: str, in_jsonata: bool) -> Iterator[Problem]:
    states: Json = scope.get("States") if isinstance(scope, dict) else None
    if not isinstance(states, dict):
        return
    for name, state in states.items():
        if isinstance(state, dict):
            yield from _state(state, f"{at}/States/{name}", in_jsonata)


def _state(state: dict[str, Any], at: str, in_jsonata: bool) -> Iterator[Problem]:
    if state.get("QueryLanguage", "JSONata" if in_jsonata else "JSONPath") == "JSONPath":
        for field in _TEMPLATES:
            yield from _undollared(state.get(field), f"{at}/{field}")
        yield from _unpathed(state, _WITH_PATHS, at)
        if state.get("Type") == "Pass" and _looks_evaluated(state.get("Result")):
            text = "The Result of a Pass state is taken as it is: paths and intrinsic functions in it are not evaluated"
            yield Problem("PASS_RESULT_IS_STATIC", text, f"{at}/Result", WARNING)
        for index, rule in enumerate(_list(state.get("Choices"))):
            yield from _rule(rule, f"{at}/Choices[{index}]")
        for index, catcher in enumerate(_list(state.get("Catch"))):
            if isinstance(catcher, dict):
                yield from _undollared(catcher.get("Assign"), f"{at}/Catch[{index}]/Assign")
    for index, branch in enumerate(_list(state.get("Branches"))):
        yield from _scope(branch, f"{at}/Branches[{index}]", in_jsonata)
    for field in ("ItemProcessor", "Iterator"):
        yield from _scope(state.get(field), f"{at}/{field}", in_jsonata)


def _rule(rule: Json, at: str) -> Iterator[Problem]:
    if not isinstance(rule, dict):
        return
    operators = tuple(name for name in rule if name.startswith(("String", "Numeric", "Boolean", "Timestamp")))
    yield from _unpathed(rule, operators, at)
    yield from _undollared(rule.get("Assign"), f"{at}/Assign")
    yield from _rule(rule.get("Not"), f"{at}/Not")
    for name in ("And", "Or"):
        for index, part in enumerate(_list(rule.get(name))):
            yield from _rule(part, f"{at}/{name}[{index}]")


def _undollared(value: Json, at: str) -> Iterator[Problem]:
    """Members of a template that look evaluated, under keys that do not end in `.$`."""
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, str) and not key.endswith(".$") and _evaluated(item):
                text = (
                    f"The value of the field '{key}' looks like a JSONPath or an intrinsic function call, but its name"
                )
                yield Problem("NO_DOLLAR", f"{text} does not end with '.$'", f"{at}/{key}", WARNING)
            else:
                yield from _undollared(item, f"{at}/{key}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _undollared(item, f"{at}[{index}]")


def _unpathed(source: dict[str, Any], names: tuple[str, ...], at: str) -> Iterator[Problem]:
    for name in names:
        value = source.get(name)
        if isinstance(value, str) and not name.endswith("Path") and _PATH.fullmatch(value):
            text = f"The value of the field '{name}' looks like a path, but its name does not end with 'Path'"
            yield Problem("NO_PATH", text, f"{at}/{name}", WARNING)


def _looks_evaluated(value: Json) -> bool:
    if isinstance(value, dict):
        return any(key.endswith(".$") or _looks_evaluated(item) for key, item in value.items())
    if isinstance(value, list):
        return any(_looks_evaluated(item) for item in value)
    return isinstance(value, str) and _evaluated(value)


def _evaluated(text: str) -> bool:
    return _PATH.fullmatch(text) is not None or _INTRINSIC.fullmatch(text) is not None


def _list(value: Json) -> list[Any]:
    return value if isinstance(value, list) else []
