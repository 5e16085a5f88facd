"""`emulator sfn coverage`: what of the state machines a test run has not taken.

Decides how the report of a running emulator (`GET /_emulator/coverage`) is shown; what is counted is decided by Step
Functions' own coverage.py.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

CALL_TIMEOUT_SECONDS = 30.0


class NoReport(Exception):
    """There is nothing to show; the second argument says what to do."""


def fetch(url: str, named: bool) -> dict[str, Any]:
    """The report of the emulator at `url`. Raises NoReport."""
    try:
        with urllib.request.urlopen(f"{url}/_emulator/coverage", timeout=CALL_TIMEOUT_SECONDS) as answer:
            report: dict[str, Any] = json.load(answer)
    except (OSError, ValueError) as error:
        step = "Start it: emulator start" if named else "Start one, or name its port: emulator sfn coverage --port PORT"
        raise NoReport(f"No emulator answers on {url} ({getattr(error, 'reason', error)}).", step) from None
    if not report["enabled"]:
        raise NoReport("The emulator counts no coverage.", "Start it so: EMULATOR_SFN_COVERAGE=1 emulator start")
    return report


def shown(report: dict[str, Any], everything: bool) -> Iterator[str]:
    """A report in words: what was never taken, or everything with how often it was."""
    for definition in report["definitions"]:
        names = ", ".join(arn.rsplit(":", 1)[-1] for arn in definition["stateMachines"])
        runs = definition["executions"]
        note = "" if definition["current"] else "  (no machine has this definition any more: not in the total)"
        yield f"{names}: {_percent(definition)}, {runs} execution{'' if runs == 1 else 's'}{note}"
        for state in definition["states"]:
            yield from _state(state, everything)
        yield ""
    total = report["total"]
    kinds = ", ".join(
        f"{kind} {part['covered']} of {part['of']}" for kind, part in total["byKind"].items() if part["of"]
    )
    yield f"total: {_percent(total)}" + (f"  ({kinds})" if kinds else "")


def _state(state: dict[str, Any], everything: bool) -> Iterator[str]:
    if everything or not state["entered"]:
        yield f"  {_times(state['entered'], 'entered')}  {state['name']} ({state['type']})"
    if not state["entered"] and not everything:
        return  # what it holds cannot have been taken either
    parts = [
        *((f"choice {each['choice']} -> {each['next']}", each["taken"]) for each in state.get("choices", ())),
        *((f"retrier {each['retrier']} of {_errors(each)}", each["taken"]) for each in state.get("retriers", ())),
        *((f"catcher {each['catcher']} of {_errors(each)} -> {each['next']}", each["taken"])
          for each in state.get("catchers", ())),
    ]  # fmt: skip
    for text, taken in parts:
        if everything or not taken:
            yield f"  {_times(taken, 'taken')}  {state['name']}: {text}"


def _errors(handler: dict[str, Any]) -> str:
    return ", ".join(handler["errorEquals"])


def _times(number: int, word: str) -> str:
    return (f"never {word}" if number == 0 else f"{word} {number} x").ljust(len("never entered"))


def _percent(part: dict[str, Any]) -> str:
    return f"{part['percent']:g} % ({part['covered']} of {part['of']})"
