"""What the tests of deployment tools share: the sample application, and driving it to its email."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx

from emulator.testing import RunningEmulator
from tests.clients.conftest import ROOT


def sample(into: Path) -> Path:
    """A copy of the sample application's folders, where tools may write what they like."""
    for name in ("sample_functions", "workflows"):
        shutil.copytree(ROOT / name, into / "sample" / name)
    return into / "sample"


def outputs(emulator: RunningEmulator, stack: str) -> dict[str, str]:
    """A stack's outputs."""
    [found] = emulator.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {output["OutputKey"]: output["OutputValue"] for output in found.get("Outputs", [])}


def freeze(emulator: RunningEmulator) -> None:
    """From now on AWS time moves when it is told to."""
    emulator.control("POST", "clock", {"action": "freeze"})


def report_by_mail(emulator: RunningEmulator, url: str) -> None:
    """Submit a report in frozen time: 202 and nothing at once, its email later."""
    freeze(emulator)
    table = (ROOT / "sample_functions/data/us_national_accounts.csv").read_text()
    report = {"report_id": "q3", "title": "National accounts", "recipient": "ada@example.com", "csv": table}
    answer = httpx.post(url, json=report)
    assert (answer.status_code, answer.text) == (202, "")
    assert emulator.inbox() == []
    emulator.settle()
    [message] = emulator.inbox()
    assert message["to"] == ["ada@example.com"]
    assert message["subject"].startswith("National accounts: real GDP")
