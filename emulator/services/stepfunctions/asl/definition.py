"""A state machine ready to run: the validated JSON definition read into values.

Decides defaults of fields and where each state leads; judges nothing (see validate.py) and runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from . import choice, paths, payload
from .data import Data, loads
from .intrinsics import Call
from .paths import Path
from .payload import Template
from .retry import Retrier

ROOT = paths.parse("$")


@dataclass(frozen=True, slots=True)
class Catcher:
    """One element of `Catch`."""

    errors: tuple[str, ...]
    next: str
    result_path: Path | None
    assign: dict[str, Template] | None


@dataclass(frozen=True, slots=True)
class Branch:
    """Where a branch of Parallel or the processor of Map starts; its states are in the machine's one table."""

    start_at: str


@dataclass(frozen=True, slots=True)
class ChoiceRule:
    """One element of `Choices`."""

    test: choice.Rule
    next: str
    assign: dict[str, Template] | None


@dataclass(slots=True)
class State:
    """One state of any type; fields that its type has not keep their defaults."""

    name: str
    type: str
    next: str | None = None
    """None ends the branch."""
    input_path: Path | None = ROOT
    output_path: Path | None = ROOT
    result_path: Path | None = ROOT
    parameters: Template | None = None
    result_selector: Template | None = None
    assign: dict[str, Template] | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()
    resource: str = ""
    timeout: int | Path | None = None
    heartbeat: int | Path | None = None
    result: Data | None = None
    rules: tuple[ChoiceRule, ...] = ()
    default: str | None = None
    seconds: int | Path | None = None
    timestamp: str | Path | None = None
    error: str | Path | Call | None = None
    cause: str | Path | Call | None = None
    branches: tuple[Branch, ...] = ()
    processor: Branch | None = None
    items_path: Path | None = ROOT
    max_concurrency: int | Path = 0


@dataclass(frozen=True, slots=True)
class Machine:
    """A whole definition: names are unique over all nested branches, so one table holds every state."""

    start_at: str
    states: dict[str, State]
    timeout_seconds: int | None


@lru_cache(maxsize=256)
def compile_definition(text: str) -> Machine:
    """Read a validated definition; the result is shared, do not change it."""
    document = loads(text)
    states: dict[str, State] = {}
    _scope(document, states)
    return Machine(document["StartAt"], states, document.get("TimeoutSeconds"))


def _scope(scope: dict[str, Any], states: dict[str, State]) -> Branch:
    for name, source in scope["States"].items():
        states[name] = _state(name, source, states)
    return Branch(scope["StartAt"])


def _state(name: str, source: dict[str, Any], states: dict[str, State]) -> State:
    state = State(name, source["Type"], next=source.get("Next"))
    state.input_path = _path(source.get("InputPath", "$"))
    state.output_path = _path(source.get("OutputPath", "$"))
    state.result_path = _path(source.get("ResultPath", "$"))
    if "Parameters" in source:
        state.parameters = payload.compile_template(source["Parameters"])
    if "ResultSelector" in source:
        state.result_selector = payload.compile_template(source["ResultSelector"])
    state.assign = _assign(source.get("Assign"))
    state.retry = tuple(_retrier(item) for item in source.get("Retry", ()))
    state.catch = tuple(_catcher(item) for item in source.get("Catch", ()))
    _TYPES[state.type](state, source, states)
    return state


def _path(text: str | None) -> Path | None:
    return None if text is None else paths.parse(text)


def _assign(source: dict[str, Any] | None) -> dict[str, Template] | None:
    if not source:
        return None
    fields: dict[str, Template] = {}
    for key in source:
        name = key.removesuffix(".$")
        whole = payload.compile_template({key: source[key]})
        fields[name] = lambda environment, whole=whole, name=name: whole(environment)[name]
    return fields


def _retrier(source: dict[str, Any]) -> Retrier:
    return Retrier(
        tuple(source["ErrorEquals"]),
        source.get("IntervalSeconds", 1),
        source.get("MaxAttempts", 3),
        source.get("BackoffRate", 2.0),
        source.get("MaxDelaySeconds"),
        source.get("JitterStrategy") == "FULL",
    )


def _catcher(source: dict[str, Any]) -> Catcher:
    result_path = _path(source.get("ResultPath", "$"))
    return Catcher(tuple(source["ErrorEquals"]), source["Next"], result_path, _assign(source.get("Assign")))


def _either(source: dict[str, Any], name: str) -> Any:
    """`Seconds` as it is, or `SecondsPath` as a path."""
    return paths.parse(source[name + "Path"]) if name + "Path" in source else source.get(name)


def _task(state: State, source: dict[str, Any], states: dict[str, State]) -> None:
    state.resource = source["Resource"]
    state.timeout = _either(source, "TimeoutSeconds")
    state.heartbeat = _either(source, "HeartbeatSeconds")


def _pass(state: State, source: dict[str, Any], states: dict[str, State]) -> None:
    if "Result" in source:
        state.result = Data(source["Result"])


def _choice(state: State, source: dict[str, Any], states: dict[str, State]) -> None:
    state.rules = tuple(
        ChoiceRule(choice.compile_rule(rule), rule["Next"], _assign(rule.get("Assign"))) for rule in source["Choices"]
    )
    state.default = source.get("Default")


def _wait(state: State, source: dict[str, Any], states: dict[str, State]) -> None:
    state.seconds = _either(source, "Seconds")
    state.timestamp = _either(source, "Timestamp")


def _fail(state: State, source: dict[str, Any], states: dict[str, State]) -> None:
    state.error = payload.parse_expression(source["ErrorPath"]) if "ErrorPath" in source else source.get("Error")
    state.cause = payload.parse_expression(source["CausePath"]) if "CausePath" in source else source.get("Cause")


def _parallel(state: State, source: dict[str, Any], states: dict[str, State]) -> None:
    state.branches = tuple(_scope(branch, states) for branch in source["Branches"])


def _map(state: State, source: dict[str, Any], states: dict[str, State]) -> None:
    state.processor = _scope(source.get("ItemProcessor") or source["Iterator"], states)
    state.items_path = _path(source.get("ItemsPath", "$"))
    state.max_concurrency = _either(source, "MaxConcurrency") or 0
    if "ItemSelector" in source:
        state.parameters = payload.compile_template(source["ItemSelector"])


def _succeed(state: State, source: dict[str, Any], states: dict[str, State]) -> None:
    state.next = None


_TYPES: dict[str, Callable[[State, dict[str, Any], dict[str, State]], None]] = {
    "Task": _task, "Pass": _pass, "Choice": _choice, "Wait": _wait, "Succeed": _succeed, "Fail": _fail,
    "Parallel": _parallel, "Map": _map,
}  # fmt: skip
