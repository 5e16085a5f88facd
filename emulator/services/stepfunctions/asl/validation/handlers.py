"""Judging `Retry` and `Catch` (reference 5.5)."""

from __future__ import annotations

from typing import Any

from emulator.services.stepfunctions.asl.validation.fields import FieldJudge


class HandlerJudge(FieldJudge):
    """Retriers and catchers of a state."""

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
