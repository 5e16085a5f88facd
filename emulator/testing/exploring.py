"""Runs a test again and again under fault plans, and reports the smallest plan that makes it fail.

A part of the pytest plugin, loaded by `--emulator-explore` (which `emulator explore` passes) and `--emulator-faults`.
Which plans are tried, and what is smaller, `plans.py` decides.
"""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from _pytest.runner import runtestprotocol

from emulator.faults import FaultPlan
from emulator.testing import plans
from emulator.testing.plans import Kinds, Place

if TYPE_CHECKING:
    from emulator.testing.world import Emulator

ENOUGH_REPETITIONS = 200
"""Seeds in a row whose plans were tried before: there are hardly any others."""
REPLAY = "--emulator-faults"


@dataclass(frozen=True, slots=True)
class Run:
    """What became of the test under one plan."""

    reports: list[pytest.TestReport]

    @property
    def failure(self) -> tuple[str, str, int] | None:
        """Where it failed: phase, file and line; None if it did not."""
        for report in self.reports:
            if report.failed:
                crash = getattr(report.longrepr, "reprcrash", None)
                return report.when or "", getattr(crash, "path", ""), getattr(crash, "lineno", 0)
        return None

    @property
    def skipped(self) -> bool:
        """Whether it was not run at all, or is expected to fail."""
        return any(report.skipped for report in self.reports)


@dataclass(slots=True)
class Exploration:
    """Each test that is collected is explored, in the place of being run."""

    seeds: int
    first: int
    most: int
    kinds: Kinds
    plan: FaultPlan = field(default_factory=FaultPlan)
    worlds: int = 0
    """That the last run has begun."""
    ended: int = 0
    """Those of them that have ended with it."""
    places: dict[tuple[str, str], int] = field(default_factory=dict[tuple[str, str], int])
    told: list[str] = field(default_factory=list[str])

    def begins(self, world: Emulator, item: pytest.Item) -> None:
        """A world begins: the plan in turn is its plan."""
        self.worlds += 1
        world.faults.put(self.plan)

    def ends(self, world: Emulator, item: pytest.Item) -> None:
        """A world ends: what could have failed in it is where plans strike from now on."""
        self.ended += 1
        for seen in world.faults.seen:
            calls = seen.pop("calls")
            for target, name in seen.items():
                self.places[target, name] = max(calls, self.places.get((target, name), 0))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        """Explore in the place of one run."""
        item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        for report in self._explore(item, nextitem):
            item.ihook.pytest_runtest_logreport(report=report)
        item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """What came of it."""
        if self.told:
            terminalreporter.section("explored")
            for text in self.told:
                terminalreporter.write_line(text)

    def _explore(self, item: pytest.Item, nextitem: pytest.Item | None) -> list[pytest.TestReport]:
        self.places.clear()
        self.worlds = 0
        began = time.perf_counter()
        nothing = FaultPlan()
        tried: dict[FaultPlan, Run] = {nothing: self._run(item, nothing, _again(item))}
        if tried[nothing].failure or tried[nothing].skipped:
            self.told.append(f"{item.nodeid}: not explored, for it does not pass without faults")
            return self._run(item, nothing, nextitem).reports
        if not self.worlds:
            self.told.append(f"{item.nodeid}: not explored, for it has no world of the emulator")
            return self._run(item, nothing, nextitem).reports
        if not self.ended:
            self.told.append(f"{item.nodeid}: not explored, for its world is of a fixture that other tests share")
            return self._run(item, nothing, nextitem).reports

        def fails_alike(plan: FaultPlan) -> bool:
            if plan not in tried:
                tried[plan] = self._run(item, plan, _again(item))
            return tried[plan].failure == wanted

        found = self._search(item, tried)
        plans_tried = len(tried) - 1
        if found is None:
            speed = plans_tried / (time.perf_counter() - began)
            said = f"{plans_tried} different plans, none of which made it fail ({speed:.1f} a second)"
            self.told.append(f"{item.nodeid}: {said}\n{self._seen()}")
            return self._run(item, nothing, nextitem).reports
        seed, failing = found
        wanted = tried[failing].failure
        smallest = plans.shrink(failing, fails_alike)
        last = self._run(item, smallest, nextitem)
        text = _told(item, seed, failing, smallest, plans_tried, len(tried) - 1 - plans_tried)
        if last.failure is None:
            text += "\n\nRun once more under that plan it passed: it depends on something besides the plan."
            last = tried[smallest]
        self.told.append(text)
        for report in last.reports:
            if report.failed:
                report.sections.append(("fault plan", smallest.as_code()))
        return last.reports

    def _search(self, item: pytest.Item, tried: dict[FaultPlan, Run]) -> tuple[int, FaultPlan] | None:
        """The first seed whose plan makes the test fail, and that plan."""
        repetitions = 0
        for seed in range(self.first, self.first + self.seeds):
            places = [Place(target, name, calls) for (target, name), calls in self.places.items()]
            plan = plans.random_plan(seed, places, self.kinds, self.most)
            if plan in tried:
                repetitions += 1
                if repetitions >= ENOUGH_REPETITIONS:
                    return None
                continue
            repetitions = 0
            tried[plan] = self._run(item, plan, _again(item))
            if tried[plan].failure:
                return seed, plan
        return None

    def _run(self, item: pytest.Item, plan: FaultPlan, nextitem: pytest.Item | None) -> Run:
        self.plan, self.worlds, self.ended = plan, 0, 0
        return Run(runtestprotocol(_again(item), log=False, nextitem=nextitem))

    def _seen(self) -> str:
        listed = [f"{target} {name} ×{calls}" for (target, name), calls in sorted(self.places.items())]
        return f"  it makes these calls that can fail: {', '.join(listed) or 'none'}"


@dataclass(slots=True)
class Replay:
    """One plan for every world: `--emulator-faults`."""

    plan: FaultPlan

    def begins(self, world: Emulator, item: pytest.Item) -> None:
        """A world begins with the plan."""
        world.faults.put(self.plan)

    def ends(self, world: Emulator, item: pytest.Item) -> None:
        """Nothing more."""


def _again(item: pytest.Item) -> pytest.Item:
    """The same test, to be set up afresh: pytest gives an item its fixtures once."""
    if not isinstance(item, pytest.Function):
        raise pytest.UsageError(f"{item.nodeid} is no test function: it cannot be run again and again")
    assert item.parent is not None
    make: Callable[..., pytest.Item] = type(item).from_parent
    return make(
        item.parent,
        name=item.name,
        callspec=getattr(item, "callspec", None),
        fixtureinfo=item._fixtureinfo,  # pyright: ignore[reportPrivateUsage]
        originalname=item.originalname,
    )


def _told(item: pytest.Item, seed: int, failing: FaultPlan, smallest: FaultPlan, plans_tried: int, runs: int) -> str:
    lines = "\n".join(f"    {line}" for line in smallest.as_code().splitlines())
    replay = shlex.quote(json.dumps(smallest.to_json()))
    faults = len(failing.faults)
    return (
        f"{item.nodeid}: fails under the plan of seed {seed}, the {_nth(plans_tried)} tried. Its {faults} "
        f"fault{'s' if faults != 1 else ''} shrunk, in {runs} more runs, to what a test says as\n\n{lines}\n\n"
        f"  To see it again:  pytest {shlex.quote(item.nodeid)} {REPLAY} {replay}"
    )


def _nth(number: int) -> str:
    if number % 100 in (11, 12, 13):
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def read_plan(text: str) -> FaultPlan:
    """A plan as JSON, or the file that holds one. Raises BadPlan, OSError."""
    return FaultPlan.from_text(text if text.lstrip().startswith("{") else Path(text).read_text())
