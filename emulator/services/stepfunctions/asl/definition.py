"""A state machine ready to run: the validated JSON definition read into values.

Decides defaults of fields and where each state leads; judges nothing (see validate.py) and runs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import choice, jsonata, paths, payload
from .data import Data, loads
from .distribution import Distribution, compile_distribution
from .intrinsics import Call
from .jsonata import Expression
from .paths import Path
from .payload import Template
from .remembered import remembered
from .retry import Retrier

ROOT = paths.parse("$")


REMEMBERED_CHARACTERS = 4 * 1024 * 1024
"""Of definitions: what is made of so many is at most a few hundred MiB."""


@dataclass(frozen=True, slots=True)
class Catcher:
    """One element of `Catch`."""

    errors: tuple[str, ...]
    next: str
    result_path: Path | None
    assign: dict[str, Template] | None
    output: Template | None


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
    output: Template | None


@dataclass(slots=True)
class State:
    """One state of any type; fields that its type has not keep their defaults."""

    name: str
    type: str
    jsonata: bool = False
    """Its expressions are JSONata's: `Arguments` are in `parameters`, and there is `output` instead of the paths."""
    next: str | None = None
    """None ends the branch."""
    input_path: Path | None = ROOT
    output_path: Path | None = ROOT
    result_path: Path | None = ROOT
    parameters: Template | None = None
    result_selector: Template | None = None
    output: Template | None = None
    assign: dict[str, Template] | None = None
    retry: tuple[Retrier, ...] = ()
    catch: tuple[Catcher, ...] = ()
    resource: str = ""
    credentials: Template | None = None
    timeout: int | Path | Expression | None = None
    heartbeat: int | Path | Expression | None = None
    result: Data | None = None
    rules: tuple[ChoiceRule, ...] = ()
    default: str | None = None
    seconds: int | Path | Expression | None = None
    timestamp: str | Path | Expression | None = None
    error: str | Path | Call | Expression | None = None
    cause: str | Path | Call | Expression | None = None
    branches: tuple[Branch, ...] = ()
    processor: Branch | None = None
    items_path: Path | None = ROOT
    items: Template | Expression | None = None
    max_concurrency: int | Path | Expression = 0
    distribution: Distribution | None = None
    """Of a distributed Map, whose `processor` is a workflow of its own."""


@dataclass(frozen=True, slots=True)
class Machine:
    """A whole definition: names are unique over all nested branches, so one table holds every state."""

    start_at: str
    states: dict[str, State]
    timeout_seconds: int | None


@remembered(characters=REMEMBERED_CHARACTERS)
def compile_definition(text: str) -> Machine:
    """Read a validated definition; the result is shared, do not change it."""
    document = loads(text)
    states: dict[str, State] = {}
    _scope(document, states, document.get("QueryLanguage") == "JSONata")
    return Machine(document["StartAt"], states, document.get("TimeoutSeconds"))


def _scope(scope: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> Branch:
    for name, source in scope["States"].items():
        states[name] = _state(name, source, states, jsonata_machine)
    return Branch(scope["StartAt"])


def _state(name: str, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> State:
    """A state speaks its own language; states nested in it speak the machine's unless they say otherwise."""
    state = State(name, source["Type"], next=source.get("Next"))
    state.jsonata = source.get("QueryLanguage", "JSONata" if jsonata_machine else "JSONPath") == "JSONata"
    state.input_path = _path(source.get("InputPath", "$"))
    state.output_path = _path(source.get("OutputPath", "$"))
    state.result_path = _path(source.get("ResultPath", "$"))
    if "Parameters" in source:
        state.parameters = payload.compile_template(source["Parameters"])
    if "ResultSelector" in source:
        state.result_selector = payload.compile_template(source["ResultSelector"])
    if "Arguments" in source:
        state.parameters = jsonata.compile_template(source["Arguments"], "Arguments")
    state.output = _output(source)
    state.assign = _assign(source.get("Assign"), state.jsonata)
    state.retry = tuple(_retrier(item) for item in source.get("Retry", ()))
    state.catch = tuple(_catcher(item, state.jsonata) for item in source.get("Catch", ()))
    _TYPES[state.type](state, source, states, jsonata_machine)
    return state


def _output(source: dict[str, Any]) -> Template | None:
    return jsonata.compile_template(source["Output"], "Output") if "Output" in source else None


def _path(text: str | None) -> Path | None:
    return None if text is None else paths.parse(text)


def _assign(source: dict[str, Any] | None, in_jsonata: bool) -> dict[str, Template] | None:
    if not source:
        return None
    if in_jsonata:
        return {name: jsonata.compile_template(value, f"Assign/{name}") for name, value in source.items()}
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


def _catcher(source: dict[str, Any], in_jsonata: bool) -> Catcher:
    result_path = _path(source.get("ResultPath", "$"))
    assign = _assign(source.get("Assign"), in_jsonata)
    return Catcher(tuple(source["ErrorEquals"]), source["Next"], result_path, assign, _output(source))


def _either(state: State, source: dict[str, Any], name: str) -> Any:
    """`Seconds` as it is, `SecondsPath` as a path, or a JSONata expression."""
    if name + "Path" in source:
        return paths.parse(source[name + "Path"])
    return jsonata.read(source.get(name)) if state.jsonata else source.get(name)


def _task(state: State, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> None:
    state.resource = source["Resource"]
    if "Credentials" in source:
        credentials = source["Credentials"]
        state.credentials = (
            jsonata.compile_template(credentials, "Credentials")
            if state.jsonata
            else payload.compile_template(credentials)
        )
    state.timeout = _either(state, source, "TimeoutSeconds")
    state.heartbeat = _either(state, source, "HeartbeatSeconds")


def _pass(state: State, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> None:
    if "Result" in source:
        state.result = Data(source["Result"])


def _choice(state: State, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> None:
    state.rules = tuple(
        ChoiceRule(
            choice.compile_condition(rule["Condition"], index) if state.jsonata else choice.compile_rule(rule),
            rule["Next"],
            _assign(rule.get("Assign"), state.jsonata),
            _output(rule),
        )
        for index, rule in enumerate(source["Choices"])
    )
    state.default = source.get("Default")


def _wait(state: State, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> None:
    state.seconds = _either(state, source, "Seconds")
    state.timestamp = _either(state, source, "Timestamp")


def _fail(state: State, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> None:
    state.error, state.cause = (
        payload.parse_expression(source[f"{name}Path"]) if f"{name}Path" in source
        else jsonata.read(source.get(name)) if state.jsonata
        else source.get(name)
        for name in ("Error", "Cause")
    )  # fmt: skip


def _parallel(state: State, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> None:
    state.branches = tuple(_scope(branch, states, jsonata_machine) for branch in source["Branches"])


def _map(state: State, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> None:
    state.distribution = compile_distribution(source, state.jsonata, jsonata_machine)
    if state.distribution is None:
        state.processor = _scope(source.get("ItemProcessor") or source["Iterator"], states, jsonata_machine)
    if "Items" in source:
        items = jsonata.read(source["Items"])
        state.items = items if isinstance(items, Expression) else jsonata.compile_template(items, "Items")
    state.items_path = _path(source.get("ItemsPath", "$"))
    state.max_concurrency = _either(state, source, "MaxConcurrency") or 0
    if "ItemSelector" in source:
        selector = source["ItemSelector"]
        in_jsonata = jsonata.compile_template(selector, "ItemSelector") if state.jsonata else None
        state.parameters = in_jsonata or payload.compile_template(selector)


def _succeed(state: State, source: dict[str, Any], states: dict[str, State], jsonata_machine: bool) -> None:
    state.next = None


_TYPES: dict[str, Callable[[State, dict[str, Any], dict[str, State], bool], None]] = {
    "Task": _task, "Pass": _pass, "Choice": _choice, "Wait": _wait, "Succeed": _succeed, "Fail": _fail,
    "Parallel": _parallel, "Map": _map,
}  # fmt: skip
