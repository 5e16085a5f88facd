"""Which states, choices, retriers and catchers of definitions were taken since the emulator started, and how often.

Counts while executions run, in memory, and only if asked to. What is counted is the text of a definition: machines with
the same text are one, and an update begins a new one. A reset of the emulator forgets no counts, so that a test run may
reset as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from .asl.definition import State, compile_definition
from .asl.messages import CATCH, CHOICE, DEFAULT, RETRY, Event

MOST_DEFINITIONS = 2_000
MOST_MACHINES = 10_000
"""Remembered at once; of more the oldest are forgotten."""
MOST_NAMED = 20
"""State machines that are named for one definition."""
STATE = "state"
KINDS = {STATE: "states", CHOICE: "choices", RETRY: "retriers", CATCH: "catchers"}
"""What is counted, and what the report calls it."""
_ENTERED = "StateEntered"


@dataclass(slots=True)
class _Counts:
    machines: dict[str, None] = field(default_factory=dict[str, None])
    """ARNs, as a set that keeps its order."""
    executions: int = 0
    taken: dict[tuple[str, str, int], int] = field(default_factory=dict[tuple[str, str, int], int])
    """By state, kind and index."""


class Coverage:
    """Counts by definition; off, it costs a comparison for each signal."""

    def __init__(self, on: bool) -> None:
        self.on = on
        self._definitions: dict[str, _Counts] = {}
        self._current: dict[str, str] = {}
        """The definition that each machine has now."""

    def know(self, machine_arn: str, definition: str) -> None:
        """A machine has this definition from now on, whether it is run or not."""
        if not self.on:
            return
        self._counts(machine_arn, definition)
        self._current.pop(machine_arn, None)
        self._current[machine_arn] = definition
        _shorten(self._current, MOST_MACHINES)
        for state in compile_definition(definition).states.values():
            if state.distribution is not None:  # what its children run is a definition of its own
                self.know(f"{machine_arn}/{state.name}", state.distribution.definition)

    def count(
        self,
        machine_arn: str,
        definition: str,
        begins: bool,
        events: Iterable[Event],
        taken: Iterable[tuple[str, str, int]],
    ) -> None:
        """Add what one signal to an execution has led to."""
        if not self.on:
            return
        counts = self._counts(machine_arn, definition)
        counts.executions += begins
        keys = [(event.details["name"], STATE, 0) for event in events if event.type.endswith(_ENTERED)]
        for key in (*keys, *taken):
            counts.taken[key] = counts.taken.get(key, 0) + 1

    def forget(self) -> None:
        """Begin anew; the definitions that machines have now stay known."""
        self._definitions.clear()
        for machine_arn, definition in self._current.items():
            self._counts(machine_arn, definition)

    def report(self) -> dict[str, Any]:
        """Everything counted; the total is that of the definitions that machines have now."""
        current = set(self._current.values())
        total = {name: [0, 0] for name in KINDS.values()}
        definitions: list[dict[str, Any]] = []
        for definition, counts in self._definitions.items():
            sums = {name: [0, 0] for name in KINDS.values()}
            states = [_state(state, counts, sums) for state in compile_definition(definition).states.values()]
            is_current = definition in current
            if is_current:
                for name, (covered, of) in sums.items():
                    total[name][0] += covered
                    total[name][1] += of
            definitions.append(
                {
                    "stateMachines": [*counts.machines],
                    "current": is_current,
                    "executions": counts.executions,
                    **_summary(sums),
                    "states": states,
                }
            )
        return {"enabled": self.on, "total": _summary(total), "definitions": definitions}

    def _counts(self, machine_arn: str, definition: str) -> _Counts:
        counts = self._definitions.get(definition)
        if counts is None:
            counts = self._definitions[definition] = _Counts()
            _shorten(self._definitions, MOST_DEFINITIONS)
        counts.machines[machine_arn] = None
        _shorten(counts.machines, MOST_NAMED)
        return counts


def _state(state: State, counts: _Counts, sums: dict[str, list[int]]) -> dict[str, Any]:
    """A state with its counts, which are added to the sums."""

    def times(kind: str, index: int = 0) -> int:
        number = counts.taken.get((state.name, kind, index), 0)
        sums[KINDS[kind]][0] += number > 0
        sums[KINDS[kind]][1] += 1
        return number

    shown: dict[str, Any] = {"name": state.name, "type": state.type, "entered": times(STATE)}
    choices: list[dict[str, Any]] = [
        {"choice": index, "next": rule.next, "taken": times(CHOICE, index)} for index, rule in enumerate(state.rules)
    ]
    if state.default is not None:
        choices.append({"choice": "default", "next": state.default, "taken": times(CHOICE, DEFAULT)})
    retriers = [
        {"retrier": index, "errorEquals": [*retrier.errors], "taken": times(RETRY, index)}
        for index, retrier in enumerate(state.retry)
    ]
    catchers = [
        {"catcher": index, "errorEquals": [*catcher.errors], "next": catcher.next, "taken": times(CATCH, index)}
        for index, catcher in enumerate(state.catch)
    ]
    parts = {"choices": choices, "retriers": retriers, "catchers": catchers}
    return shown | {name: part for name, part in parts.items() if part}


def _summary(sums: dict[str, list[int]]) -> dict[str, Any]:
    covered, of = (sum(pair[which] for pair in sums.values()) for which in (0, 1))
    parts = {name: {"covered": pair[0], "of": pair[1]} for name, pair in sums.items()}
    return {"percent": percent(covered, of), "covered": covered, "of": of, "byKind": parts}


def percent(covered: int, of: int) -> float:
    """To one decimal, and 100 only if nothing is left out; of nothing everything is covered."""
    return 100.0 if covered == of else min(99.9, round(100 * covered / of, 1))


def _shorten(known: dict[Any, Any], most: int) -> None:
    if len(known) > most:
        del known[next(iter(known))]
