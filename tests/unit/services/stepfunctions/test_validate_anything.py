"""No definition crashes its judges, and what they let pass can be read and run."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.services.stepfunctions.asl import validate
from emulator.services.stepfunctions.asl.choice import OPERATORS
from emulator.services.stepfunctions.asl.definition import compile_definition
from emulator.services.stepfunctions.asl.references import variable_references
from emulator.services.stepfunctions.asl.validation.source import positions
from emulator.services.stepfunctions.asl.validation.types import resource_problems
from emulator.services.stepfunctions.asl.validation.vocabulary import FIELDS, JSONATA_FIELDS
from tests.unit.services.stepfunctions.asl_run import Driver

NAMES = ["A", "B", "C", "a/b[0]"]
KEYS = sorted(
    {name for fields in (*FIELDS.values(), *JSONATA_FIELDS.values()) for name in fields}
    | {"Type", "Comment", "QueryLanguage", "StartAt", "States", "ErrorEquals", "IntervalSeconds", "MaxAttempts",
       "BackoffRate", "MaxDelaySeconds", "JitterStrategy", "Variable", "And", "Or", "Not", "Condition",
       "ProcessorConfig", "Mode", "ExecutionType", "ReaderConfig", "InputType", "x.$", "Nonsense", "RoleArn.$"}
    | set(OPERATORS)
)  # fmt: skip
TEXTS = [
    "", "A", "B", "a/b[0]", "$", "$.x", "$.x[*]", "$$.Execution.Id", "$v.x", "States.Format('{}', $.x)",
    "States.ArrayRange(1, 2", "{% $states.input %}", "{% 1 + %}", "{% $states.result.x %}", "JSONata", "JSONPath",
    "INLINE", "DISTRIBUTED", "STANDARD", "States.ALL", "FULL", "2024-01-01T00:00:00Z", "\ud800", "x" * 90,
    "arn:aws:states:::lambda:invoke", "arn:aws:lambda:us-east-1:000000000000:function:f",
    "arn:aws:states:us-east-1:000000000000:activity:a", "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
    "arn:aws:states:::s3:listObjectsV2", *FIELDS,
]  # fmt: skip


class Writer:
    """Writes definitions that are right here and there."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.wild = self.dice.choice((0.0, 0.02, 0.1, 0.5))
        """How often something is anything at all."""

    def scope(self, depth: int = 0) -> Any:
        names = [f"{name}{depth}{self.dice.random()}" for name in self.dice.sample(NAMES, self.dice.randint(1, 3))]
        scope = {
            "StartAt": names[0],
            "States": {name: self.state(names, names[index + 1 :], depth) for index, name in enumerate(names)},
        }
        return self.spoiled(scope)

    def state(self, names: list[str], later: list[str], depth: int) -> Any:
        kind = self.dice.choice(sorted(FIELDS))
        state: dict[str, Any] = {"Type": kind}
        if kind not in ("Choice", "Succeed", "Fail"):
            state |= {"Next": later[0]} if later else {"End": True}
        if self.dice.random() < 0.2:
            state["QueryLanguage"] = "JSONata"
        if kind == "Task":
            state["Resource"] = self.dice.choice(TEXTS[24:28])
        elif kind == "Wait":
            state["Seconds"] = self.dice.choice((0, 5, "{% 1 %}"))
        elif kind == "Choice":
            next_state = self.dice.choice(names)
            rule = {"Variable": "$.x", self.dice.choice(sorted(OPERATORS)): self.scalar(), "Next": next_state}
            state |= {"Choices": [self.spoiled(rule)], "Default": (later or names)[0]}
        elif kind == "Parallel":
            state["Branches"] = [self.scope(depth + 1)] if depth < 3 else []
        elif kind == "Map":
            state["ItemProcessor"] = self.scope(depth + 1) if depth < 3 else {}
        if kind in ("Task", "Parallel", "Map"):
            handler = self.spoiled({"ErrorEquals": ["States.ALL"], "Next": self.dice.choice(names)})
            state[self.dice.choice(("Retry", "Catch"))] = [handler]
        allowed = (JSONATA_FIELDS if "QueryLanguage" in state else FIELDS)[kind]
        for name in self.dice.sample(allowed, self.dice.choice((0, 0, min(2, len(allowed))))):
            state.setdefault(name, self.anything())
        return self.spoiled(state)

    def spoiled(self, value: dict[str, Any]) -> Any:
        if self.dice.random() < self.wild:
            value[self.dice.choice(KEYS)] = self.anything()
        if self.dice.random() < self.wild:
            value.pop(self.dice.choice(list(value)))
        return self.anything() if self.dice.random() < self.wild / 4 else value

    def anything(self, depth: int = 0) -> Any:
        shape = self.dice.random() if depth < 3 else 1
        if shape < 0.2:
            return [self.anything(depth + 1) for _ in range(self.dice.randint(0, 3))]
        if shape < 0.5:
            return {self.dice.choice(KEYS): self.anything(depth + 1) for _ in range(self.dice.randint(0, 3))}
        return self.scalar()

    def scalar(self) -> Any:
        return self.dice.choice([None, True, False, 0, 1, -1, 10**9, 1.5, *TEXTS])


def run(document: Any) -> None:
    text = json.dumps(document)
    for express in (False, True):
        problems = validate.judge(text, resource_problems, express)
    if isinstance(document, dict):
        problems = [*problems, *validate.warnings(document)]
    positions(text, [problem.location for problem in problems if problem.location is not None])
    if not validate.judge(text, resource_problems):
        compile_definition(text)
        variable_references(text)
        Driver(document, '{"x": [1]}').run()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_no_definition_crashes_a_judge_and_a_good_one_runs(seed: int) -> None:
    run(Writer(seed).scope())


def test_good_definitions_are_among_those_that_are_tried() -> None:
    written = [json.dumps(Writer(seed).scope()) for seed in range(200)]
    good = [text for text in written if not validate.judge(text, resource_problems)]
    assert len(good) > 3


@pytest.mark.parametrize("value", [None, 1, "x", [], [1], {}, {"a": 1}, True, "{% 1 %}"])
@pytest.mark.parametrize("kind", sorted(FIELDS))
def test_no_value_of_any_field_crashes_a_judge(kind: str, value: Any) -> None:
    for fields, language in ((FIELDS, "JSONPath"), (JSONATA_FIELDS, "JSONata")):
        for name in ("Type", "QueryLanguage", "Comment", *fields[kind]):
            state = {"Type": kind, "QueryLanguage": language, "End": True, name: value}
            run({"StartAt": "A", "States": {"A": state}})


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet='{}[]",:aS01 \n\\', max_size=30))
def test_no_text_crashes_a_judge(text: str) -> None:
    for problem in validate.judge(text, resource_problems):
        positions(text, [problem.location or "/"])
