"""Judging `Choices`: rules by operator in JSONPath, conditions in JSONata (reference 5.2)."""

from __future__ import annotations

from typing import Any

from emulator.services.stepfunctions.asl import timestamps
from emulator.services.stepfunctions.asl.choice import COMPARISONS, OPERATORS
from emulator.services.stepfunctions.asl.validation.fields import FieldJudge

MAX_RULE_DEPTH = 20


class ChoiceJudge(FieldJudge):
    """The rules of a Choice state."""

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
        if depth > MAX_RULE_DEPTH:
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
