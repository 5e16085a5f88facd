"""`pytest --emulator-report DIR`: a page for each test that had a world.

Loaded by the plugin when it is asked for. What a page looks like, `story_page.py` decides.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.testing.servers import HarnessError
from emulator.testing.story_page import Story, render

if TYPE_CHECKING:
    from emulator.testing.world import Emulator

LONGEST_NAME = 180
"""Characters of a file's name, before a digest takes the place of the rest."""
MOST_REQUESTS = 50
"""Whose steps are shown: the last ones."""


@dataclass(slots=True)
class Reporter:
    """Gathers what there is to tell while a test's world is there, and writes once its outcome is known."""

    directory: Path
    stories: dict[str, list[Story]] = field(default_factory=dict[str, list[Story]])
    """By test: one for each of its worlds that has ended."""
    begun: dict[Emulator, float] = field(default_factory=dict["Emulator", float])
    reports: dict[str, list[pytest.TestReport]] = field(default_factory=dict[str, list[pytest.TestReport]])

    def begins(self, world: Emulator, item: pytest.Item) -> None:
        """A world begins."""
        self.begun[world] = world.clock.now()

    def ends(self, world: Emulator, item: pytest.Item) -> None:
        """A world is about to be forgotten."""
        story = Story(item.nodeid, begun_at=self.begun.pop(world))
        self.stories.setdefault(item.nodeid, []).append(story)
        story.timeline = world.timeline().document
        for event in [each for each in story.timeline["events"] if each["kind"] == "request"][-MOST_REQUESTS:]:
            with suppress(HarnessError):  # only the last requests of all worlds are kept
                story.requests.append(world.request(event["id"]))
        story.executions = world.executions()
        story.messages = list(world.inbox.messages)
        story.plan = world.faults.plan.as_code()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """A phase of a test is over; after the last one its page is written."""
        self.reports.setdefault(report.nodeid, []).append(report)
        if report.when != "teardown":
            return
        reports = self.reports.pop(report.nodeid)
        for number, story in enumerate(self.stories.pop(report.nodeid, [])):
            _tell(story, reports)
            self.directory.mkdir(parents=True, exist_ok=True)
            name = file_name(report.nodeid if number == 0 else f"{report.nodeid} world {number + 1}")
            (self.directory / name).write_text(render(story), "utf-8", "backslashreplace")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Where the pages are."""
        terminalreporter.write_line(f"pages of tests with an emulator: {self.directory}")


def _tell(story: Story, reports: list[pytest.TestReport]) -> None:
    """What pytest knows of the test. The set-up ended before the world did, so it may be there or not."""
    story.seconds = sum(report.duration for report in reports)
    for report in reports:
        if report.outcome != "passed" and story.outcome == "passed":
            story.outcome = report.outcome
        if report.longrepr is not None:
            story.said.append(("Failure" if report.failed else "Reason", report.longreprtext))
    if reports:  # sections add up: those of the last phase are all
        shown = {title: text for report in reports for title, text in report.sections if title != "AWS timeline"}
        story.said += list(shown.items())


def file_name(test: str) -> str:
    """Of a test's page."""
    name = re.sub(r"[^A-Za-z0-9_.=,+@-]+", "-", test).strip("-")
    if len(name) > LONGEST_NAME:
        name = f"{name[:LONGEST_NAME]}-{sha256(test.encode()).hexdigest()[:12]}"
    return f"{name}.html"
