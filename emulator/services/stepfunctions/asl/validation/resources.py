"""What the tasks of a definition name, and where: for those who tell of it. Judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from emulator.services.stepfunctions.asl.data import Json


def resources(scope: Json, at: str = "") -> Iterator[tuple[str, str, str]]:
    """(name of the state, location of its `Resource`, the resource) of every Task, in the order of the text."""
    states: Json = scope.get("States") if isinstance(scope, dict) else None
    if not isinstance(states, dict):
        return
    for name, state in states.items():
        if isinstance(state, dict):
            where = f"{at}/States/{name}"
            if isinstance(state.get("Resource"), str):
                yield name, f"{where}/Resource", state["Resource"]
            branches: Any = state.get("Branches")
            for index, branch in enumerate(branches if isinstance(branches, list) else ()):
                yield from resources(branch, f"{where}/Branches[{index}]")
            for field in ("ItemProcessor", "Iterator"):
                yield from resources(state.get(field), f"{where}/{field}")
