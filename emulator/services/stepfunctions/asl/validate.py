"""Judging a definition: every problem found, with AWS's code and a location like `/States/A/Next`.

Decides what CreateStateMachine refuses (reference 5.16). What a Task's Resource may be is asked from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from . import jsonata, paths, payload, tasks, timestamps
from .choice import COMPARISONS, OPERATORS
from .data import Json, loads
from .intrinsics import BadIntrinsic
from .paths import BadPath

SCHEMA = "SCHEMA_VALIDATION_FAILED"
TARGET = "MISSING_TRANSITION_TARGET"
TaskProblems = Callable[[str, Json], list[tuple[str, str]]]
MAX_DEPTH = 20
MAX_PROBLEMS = 100


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a definition."""

    code: str
    message: str
    location: str | None

    def __str__(self) -> str:
        where = f" at {self.location}" if self.location is not None else ""
        return f"{self.code}: {self.message}{where}"


COMMON = ("Type", "Comment", "QueryLanguage")
FLOW = ("Next", "End", "Assign")
IN_OUT = ("InputPath", "OutputPath")
FIELDS: dict[str, tuple[str, ...]] = {
    "Task": (*FLOW, *IN_OUT, "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "Resource", "Credentials",
             "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath"),
    "Wait": (*FLOW, *IN_OUT, "Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
    "Pass": (*FLOW, *IN_OUT, "Parameters", "ResultPath", "Result"),
    "Succeed": IN_OUT,
    "Fail": ("Error", "ErrorPath", "Cause", "CausePath"),
    "Choice": (*IN_OUT, "Choices", "Default", "Assign"),
    "Parallel": (*FLOW, *IN_OUT, "Parameters", "ResultSelector", "ResultPath", "Retry", "Catch", "Branches"),
    "Map": (*FLOW, *IN_OUT, "Parameters", "ItemSelector", "ResultSelector", "ResultPath", "Retry", "Catch",
            "ItemProcessor", "Iterator", "ItemsPath", "MaxConcurrency", "MaxConcurrencyPath"),
}  # fmt: skip
"""Fields of each type besides `COMMON`, in JSONPath. The order of the types is AWS's [R:sfn_api]."""

NOT_EMULATED = {"ItemReader", "ItemBatcher", "ResultWriter", "ToleratedFailureCount", "ToleratedFailureCountPath",
                "ToleratedFailurePercentage", "ToleratedFailurePercentagePath", "Label", "Credentials"}  # fmt: skip
JSONATA_FIELDS: dict[str, tuple[str, ...]] = {
    "Task": (*FLOW, "Arguments", "Output", "Retry", "Catch", "Resource", "Credentials", "TimeoutSeconds",
             "HeartbeatSeconds"),
    "Wait": (*FLOW, "Output", "Seconds", "Timestamp"),
    "Pass": (*FLOW, "Output"),
    "Succeed": ("Output",),
    "Fail": ("Error", "Cause"),
    "Choice": ("Choices", "Default", "Assign", "Output"),
    "Parallel": (*FLOW, "Arguments", "Output", "Retry", "Catch", "Branches"),
    "Map": (*FLOW, "Output", "ItemSelector", "Retry", "Catch", "ItemProcessor", "Items", "MaxConcurrency"),
}  # fmt: skip
"""The same in a JSONata state (reference 5.1)."""

JSONATA_ONLY = {"Arguments", "Output", "Items", "Condition"}
JSONPATH_ONLY = {"InputPath", "OutputPath", "ResultPath", "Parameters", "ResultSelector", "Result", "ItemsPath",
                 "Iterator", "Variable", "SecondsPath", "TimestampPath", "ErrorPath", "CausePath",
                 "TimeoutSecondsPath", "HeartbeatSecondsPath", "MaxConcurrencyPath"}  # fmt: skip


def parse_json(text: str) -> tuple[dict[str, Any] | None, Problem | None]:
    """The document, or the problem with its JSON."""
    if not text.strip():
        return None, Problem(SCHEMA, "Definition must be a valid JSON object", None)
    try:
        document = loads(text)
    except ValueError as error:
        line, column = getattr(error, "lineno", 1), getattr(error, "colno", 1)
        where = f'[Source: (String)"{text[:500]}"; line: {line}, column: {column}]'
        return None, Problem("INVALID_JSON_DESCRIPTION", f"{getattr(error, 'msg', error)}\n at {where}", where)
    if not isinstance(document, dict):
        return None, Problem(SCHEMA, "Definition must be a valid JSON object", None)
    return document, None


def validate(document: dict[str, Any], task_problems: TaskProblems, express: bool = False) -> list[Problem]:
    """Everything wrong with a parsed definition, in the order of the text."""
    judge = _Judge(task_problems, express)
    try:
        judge.machine(document)
    except RecursionError:
        judge.add("", "The definition is nested too deeply")
    return judge.problems[:MAX_PROBLEMS]


class _Judge:
    def __init__(self, task_problems: TaskProblems, express: bool = False) -> None:
        self.express = express
        self.problems: list[Problem] = []
        self.task_problems = task_problems
        self.names: set[str] = set()
        self.jsonata_machine = False
        self.jsonata = False
        """Whether the state that is being judged speaks JSONata."""

    def add(self, at: str, message: str, code: str = SCHEMA) -> None:
        self.problems.append(Problem(code, message, at or "/"))

    # ── scopes ──────────────────────────────────────────────────────────────────────────────────

    def machine(self, document: dict[str, Any]) -> None:
        allowed = ("Comment", "Version", "TimeoutSeconds", "QueryLanguage", "StartAt", "States")
        self.unknown(document, allowed, "")
        self.text(document, "Comment", "")
        if document.get("Version", "1.0") != "1.0":
            self.add("/Version", "The field 'Version' should have one of these values: [1.0]")
        self.query_language(document, "")
        self.jsonata_machine = document.get("QueryLanguage") == "JSONata"
        self.whole(document, "TimeoutSeconds", "", 1, 99_999_999)
        self.scope(document, "", 0)

    def scope(self, scope: dict[str, Any], at: str, depth: int) -> None:
        missing = [name for name in ("States", "StartAt") if name not in scope]
        if missing:
            self.add(at, f"These fields are required: [{', '.join(missing)}]")
        states, start = scope.get("States"), scope.get("StartAt")
        if depth > MAX_DEPTH:
            self.add(at, "The definition is nested too deeply")
            return
        if "States" in scope and not isinstance(states, dict):
            self.add(f"{at}/States", "Expected value of type Object")
        if not isinstance(states, dict):
            return
        if not states:
            self.add(f"{at}/States", "Value cannot be empty")
            return
        targets: dict[str, list[str]] = {}
        for name, state in states.items():
            where = f"{at}/States/{name}"
            if not 1 <= len(name) <= 80:
                self.add(where, "State name length should be between 1 and 80")
            if name in self.names:
                self.add(where, f"Duplicate State name: {name}", "DUPLICATE_STATE_NAME")
            self.names.add(name)
            targets[name] = self.state(state, where, states, depth)
        if "StartAt" not in scope:
            return
        if not isinstance(start, str):
            self.add(f"{at}/StartAt", "Expected value of type String")
        elif start not in states:
            self.add(f"{at}/StartAt", f"Missing 'StartAt' target: {start}", TARGET)
        else:
            self.reachable(start, states, targets, at)

    def reachable(self, start: str, states: dict[str, Any], targets: dict[str, list[str]], at: str) -> None:
        seen, waiting = {start}, [start]
        while waiting:
            for target in targets[waiting.pop()]:
                if target in states and target not in seen:
                    seen.add(target)
                    waiting.append(target)
        for name in states:
            if name not in seen:
                self.add(f"{at}/States/{name}", f'State "{name}" is not reachable.', TARGET)
        ends = [
            name
            for name in seen
            if isinstance(states[name], dict)
            and (states[name].get("End") is True or states[name].get("Type") in ("Succeed", "Fail"))
        ]
        if not ends and not self.problems:
            self.add(f"{at}/States", "No terminal state is reachable", "MISSING_END_STATE")

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
        self.jsonata = self.jsonata_machine or state.get("QueryLanguage") == "JSONata"
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

    def target(self, source: dict[str, Any], name: str, at: str, states: dict[str, Any]) -> list[str]:
        if name not in source:
            return []
        target = source[name]
        if not isinstance(target, str):
            self.add(f"{at}/{name}", "Expected value of type String")
            return []
        if target not in states:
            self.add(f"{at}/{name}", f"Missing '{name}' target: {target}", TARGET)
        return [target]

    def task(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        for name in ("Timeout", "Heartbeat"):
            self.whole(state, f"{name}Seconds", at, 1, 99_999_999)
            self.path(state, f"{name}SecondsPath", at)
            self.at_most_one(state, (f"{name}Seconds", f"{name}SecondsPath"), at)
        timeout, heartbeat = state.get("TimeoutSeconds"), state.get("HeartbeatSeconds")
        if isinstance(timeout, int) and isinstance(heartbeat, int) and heartbeat >= timeout:
            self.add(f"{at}/HeartbeatSeconds", "HeartbeatSeconds must be smaller than TimeoutSeconds")
        resource = state.get("Resource")
        if resource is None:
            self.add(at, "These fields are required: [Resource]")
        elif not isinstance(resource, str):
            self.add(f"{at}/Resource", "Expected value of type String")
        else:
            parameters = state.get("Arguments" if self.jsonata else "Parameters")
            if jsonata.expression_text(parameters) is not None:
                parameters = None  # known when it runs
            if self.express:
                self.express_resource(resource, at)
            for where, message in self.task_problems(resource, parameters):
                where = "Arguments" if self.jsonata and where == "Parameters" else where
                self.add(f"{at}/{where}", message)

    def express_resource(self, resource: str, at: str) -> None:
        """What Express machines must not wait for (reference 5.7); the second blank is AWS's."""
        waits = tasks.pattern(resource)
        if tasks.is_activity(resource):
            self.add(f"{at}/Resource", "Express state machine does not support Activity ARN")
        elif waits == tasks.CALLBACK:
            self.add(f"{at}/Resource", f"Express state machine does not support '{waits}' service integration ")
        elif waits:
            self.add(f"{at}/Resource", "Express state machine does not support '.sync' service integration")

    def wait(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        names = ("Seconds", "Timestamp") if self.jsonata else ("Seconds", "Timestamp", "SecondsPath", "TimestampPath")
        if sum(name in state for name in names) != 1:
            self.add(at, f"Exactly one of these fields is required: [{', '.join(names)}]")
        self.whole(state, "Seconds", at, 0, 99_999_999)
        if self.expression(state, "Timestamp", at):
            pass
        elif "Timestamp" in state and timestamps.parse(state["Timestamp"]) is None:
            self.add(f"{at}/Timestamp", "String does not match RFC3339 timestamp")
        self.path(state, "SecondsPath", at)
        self.path(state, "TimestampPath", at)

    def fail(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        for name in ("Error", "Cause"):
            self.text(state, name, at)
            self.expression(state, name, at)
            self.at_most_one(state, (name, f"{name}Path"), at)
            value = state.get(f"{name}Path")
            if f"{name}Path" in state:
                try:
                    payload.parse_expression(value if isinstance(value, str) else "")
                except (BadPath, BadIntrinsic):
                    message = f"The value for the field '{name}Path' must be a valid JSONPath or a valid intrinsic"
                    self.add(at, f"{message} function call")

    def choice(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> list[str]:
        choices = state.get("Choices")
        targets = self.target(state, "Default", at, states)
        if choices is None:
            self.add(at, "These fields are required: [Choices]")
        elif not isinstance(choices, list):
            self.add(f"{at}/Choices", "Expected value of type Array")
        elif not choices:
            self.add(f"{at}/Choices", "Value cannot be empty")
        else:
            for index, rule in enumerate(choices):
                where = f"{at}/Choices[{index}]"
                if isinstance(rule, dict) and "Next" not in rule:
                    self.add(where, "These fields are required: [Next]")
                if self.jsonata:
                    self.condition(rule, where)
                else:
                    self.rule(rule, where, top=True, depth=0)
                if isinstance(rule, dict):
                    targets += self.target(rule, "Next", where, states)
                    self.assign(rule, where)
        return targets

    def condition(self, rule: Any, at: str) -> None:
        """An element of `Choices` in JSONata."""
        if not isinstance(rule, dict):
            self.add(at, "Expected value of type Object")
            return
        self.unknown(rule, ("Condition", "Next", "Assign", "Output", "Comment"), at)
        self.expressions(rule, "Output", at)
        if "Condition" not in rule:
            self.add(at, "These fields are required: [Condition]")
        elif not self.expression(rule, "Condition", at) and not isinstance(rule["Condition"], bool):
            self.add(f"{at}/Condition", "Expected value of type Boolean or a JSONata expression")

    def rule(self, rule: Any, at: str, top: bool, depth: int) -> None:
        if not isinstance(rule, dict):
            self.add(at, "Expected value of type Object")
            return
        extra = ("Next", "Assign", "Comment") if top else ("Comment",)
        combined = [name for name in ("And", "Or", "Not") if name in rule]
        if depth > MAX_DEPTH:
            self.add(at, "The rule is nested too deeply")
        elif combined:
            name = combined[0]
            self.unknown(rule, (name, *extra), at)
            parts = [rule[name]] if name == "Not" else rule[name]
            if not isinstance(parts, list):
                self.add(f"{at}/{name}", "Expected value of type Array")
            elif not parts:
                self.add(f"{at}/{name}", "Value cannot be empty")
            else:
                for index, part in enumerate(parts):
                    self.rule(part, f"{at}/{name}" + ("" if name == "Not" else f"[{index}]"), False, depth + 1)
        else:
            operators = [name for name in rule if name in OPERATORS]
            self.unknown(rule, ("Variable", *OPERATORS, *extra), at)
            if "Variable" not in rule:
                self.add(at, "These fields are required: [Variable]")
            self.path(rule, "Variable", at)
            if len(operators) != 1:
                self.add(at, "Exactly one comparison operator is required")
            for operator in operators:
                self.operand(operator, rule[operator], at)

    def operand(self, operator: str, value: Any, at: str) -> None:
        where = f"{at}/{operator}"
        if operator.endswith("Path"):
            self.path({operator: value}, operator, at)
        elif operator.startswith(("Is", "Boolean")):
            if not isinstance(value, bool):
                self.add(where, "Expected value of type Boolean")
        elif operator.startswith("Numeric"):
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                self.add(where, "Expected value of type Number")
        elif not isinstance(value, str):
            self.add(where, "Expected value of type String")
        elif COMPARISONS.get(operator, ("", ""))[0] == "Timestamp" and timestamps.parse(value) is None:
            self.add(where, "String does not match RFC3339 timestamp")

    def parallel(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        branches = state.get("Branches")
        if branches is None:
            self.add(at, "These fields are required: [Branches]")
        elif not isinstance(branches, list):
            self.add(f"{at}/Branches", "Expected value of type Array")
        elif not branches:
            self.add(f"{at}/Branches", "Value cannot be empty")
        else:
            for index, branch in enumerate(branches):
                where = f"{at}/Branches[{index}]"
                if not isinstance(branch, dict):
                    self.add(where, "Expected value of type Object")
                    continue
                self.unknown(branch, ("StartAt", "States", "Comment"), where)
                self.scope(branch, where, depth + 1)

    def map(self, state: dict[str, Any], at: str, states: dict[str, Any], depth: int) -> None:
        given = [name for name in ("ItemProcessor", "Iterator") if name in state]
        if self.jsonata and "ItemProcessor" not in state:
            self.add(at, "These fields are required: [ItemProcessor]")
        elif len(given) != 1:
            self.add(at, "Exactly one of these fields is required: [ItemProcessor, Iterator]")
        items = state.get("Items", [])
        if not isinstance(items, list) and jsonata.expression_text(items) is None:
            self.add(f"{at}/Items", "Expected value of type Array or a JSONata expression")
        self.at_most_one(state, ("Parameters", "ItemSelector"), at)
        self.at_most_one(state, ("MaxConcurrency", "MaxConcurrencyPath"), at)
        self.whole(state, "MaxConcurrency", at, 0, 99_999_999)
        self.path(state, "MaxConcurrencyPath", at)
        self.path(state, "ItemsPath", at)
        for name in given:
            where, processor = f"{at}/{name}", state[name]
            if not isinstance(processor, dict):
                self.add(where, "Expected value of type Object")
                continue
            self.unknown(processor, ("ProcessorConfig", "StartAt", "States", "Comment"), where)
            config = processor.get("ProcessorConfig", {})
            mode = config.get("Mode", "INLINE") if isinstance(config, dict) else None
            if mode == "DISTRIBUTED":
                self.add(f"{where}/ProcessorConfig/Mode", "The mode DISTRIBUTED is not emulated yet")
            elif mode != "INLINE":
                values = "[INLINE, DISTRIBUTED]"
                self.add(f"{where}/ProcessorConfig/Mode", f"The field 'Mode' should have one of these values: {values}")
            elif set(config) - {"Mode"}:
                self.unknown(config, ("Mode",), f"{where}/ProcessorConfig")
            self.scope(processor, where, depth + 1)

    _SPECIAL: dict[str, Callable[[_Judge, dict[str, Any], str, dict[str, Any], int], list[str] | None]] = {
        "Task": task,
        "Wait": wait,
        "Fail": fail,
        "Choice": choice,
        "Parallel": parallel,
        "Map": map,
    }

    # ── Retry and Catch ─────────────────────────────────────────────────────────────────────────

    def retry(self, state: dict[str, Any], at: str) -> None:
        allowed = (
            "ErrorEquals", "IntervalSeconds", "MaxAttempts", "BackoffRate", "MaxDelaySeconds", "JitterStrategy",
            "Comment",
        )  # fmt: skip
        for retrier, where in self.handlers(state, "Retry", at):
            self.unknown(retrier, allowed, where)
            self.whole(retrier, "IntervalSeconds", where, 1, 99_999_999)
            self.whole(retrier, "MaxAttempts", where, 0, 99_999_999)
            self.whole(retrier, "MaxDelaySeconds", where, 1, 31_622_400)
            rate = retrier.get("BackoffRate", 1.0)
            if isinstance(rate, bool) or not isinstance(rate, (int, float)) or rate < 1:
                self.add(f"{where}/BackoffRate", "BackoffRate must be a number greater than or equal to 1.0")
            delay, interval = retrier.get("MaxDelaySeconds"), retrier.get("IntervalSeconds", 1)
            if isinstance(delay, int) and isinstance(interval, int) and delay <= interval:
                self.add(f"{where}/MaxDelaySeconds", "MaxDelaySeconds must be greater than IntervalSeconds")
            if retrier.get("JitterStrategy", "NONE") not in ("NONE", "FULL"):
                values = "[NONE, FULL]"
                self.add(
                    f"{where}/JitterStrategy", f"The field 'JitterStrategy' should have one of these values: {values}"
                )

    def catch(self, state: dict[str, Any], at: str, states: dict[str, Any]) -> list[str]:
        targets: list[str] = []
        for catcher, where in self.handlers(state, "Catch", at):
            own = ("Output",) if self.jsonata else ("ResultPath",)
            self.unknown(catcher, ("ErrorEquals", "Next", "Assign", "Comment", *own), where)
            self.expressions(catcher, "Output", where)
            if "Next" not in catcher:
                self.add(where, "These fields are required: [Next]")
            targets += self.target(catcher, "Next", where, states)
            self.reference(catcher, "ResultPath", where)
            self.assign(catcher, where)
        return targets

    def handlers(self, state: dict[str, Any], name: str, at: str) -> list[tuple[dict[str, Any], str]]:
        """The elements of Retry or Catch whose ErrorEquals was judged."""
        handlers = state.get(name, [])
        if not isinstance(handlers, list):
            self.add(f"{at}/{name}", "Expected value of type Array")
            return []
        found: list[tuple[dict[str, Any], str]] = []
        for index, handler in enumerate(handlers):
            where = f"{at}/{name}[{index}]"
            if not isinstance(handler, dict):
                self.add(where, "Expected value of type Object")
                continue
            found.append((handler, where))
            errors = handler.get("ErrorEquals")
            if errors is None:
                self.add(where, "These fields are required: [ErrorEquals]")
            elif not isinstance(errors, list) or not all(isinstance(error, str) for error in errors):
                self.add(f"{where}/ErrorEquals", "Expected value of type Array of String")
            elif not errors:
                self.add(f"{where}/ErrorEquals", "Value cannot be empty")
            elif "States.ALL" in errors and (len(errors) > 1 or index < len(handlers) - 1):
                self.add(f"{where}/ErrorEquals", "States.ALL must appear alone and in the last element")
        return found

    # ── fields ──────────────────────────────────────────────────────────────────────────────────

    def unknown(self, source: dict[str, Any], allowed: tuple[str, ...], at: str) -> None:
        for name in source:
            if name in allowed and name not in NOT_EMULATED:
                continue
            if name in NOT_EMULATED:
                self.add(f"{at}/{name}", f"The field '{name}' is not emulated yet")
            elif name in JSONPATH_ONLY and self.jsonata:
                self.add(f"{at}/{name}", f"The field '{name}' is not supported with QueryLanguage JSONata")
            elif name in JSONATA_ONLY:
                self.add(f"{at}/{name}", f"The field '{name}' is only supported with QueryLanguage JSONata")
            else:
                self.add(f"{at}/{name}", "Field is not supported")

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
            for below, message in jsonata.problems(source[name]):
                self.add(f"{at}/{name}{below}", message)

    def whole(self, source: dict[str, Any], name: str, at: str, low: int, high: int) -> None:
        if self.expression(source, name, at):
            return
        value = source.get(name, low)
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(f"{at}/{name}", "Expected value of type Integer")
        elif not low <= value <= high:
            self.add(f"{at}/{name}", f"Value should be between {low} and {high}")

    def at_most_one(self, source: dict[str, Any], names: tuple[str, ...], at: str) -> None:
        if sum(name in source for name in names) > 1:
            self.add(at, f"At most one of these fields is allowed: [{', '.join(names)}]")

    def path(self, source: dict[str, Any], name: str, at: str, nullable: bool = False) -> None:
        value = source.get(name)
        if name not in source or (nullable and value is None):
            return
        try:
            paths.parse(value if isinstance(value, str) else "")
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
        if self.jsonata:
            self.expressions(source, "Assign", at)
        else:
            self.template(source, "Assign", at)
