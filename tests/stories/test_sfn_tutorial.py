"""docs/state-machines.md is true: its files are written, its commands run, and what they print is what it shows."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emulator.cli import app

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/state-machines.md").read_text()
FILES = dict(re.findall(r"`([\w.]+)`:\n\n```(?:json|yaml)\n(.*?)```", PAGE, re.DOTALL))
CONSOLES = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(command: str) -> tuple[str, list[str]]:
    """A command of the page as it is written there, and the lines under it."""
    [found] = [text for text in CONSOLES if text.startswith(f"$ emulator {command}")]
    first, *lines = found.splitlines()
    return first, lines


def printed(line: str, *more: str) -> list[str]:
    arguments = shlex.split(line.removeprefix("$ emulator "))
    return CliRunner().invoke(app, [*arguments, *more]).output.splitlines()


def same(expected: str, line: str) -> bool:
    """Whether a line is as the page has it; `…` stands for the rest, and no two runs start at the same time."""
    expected, line = (re.sub(r"started at \S+", "started at T", text) for text in (expected, line))
    return line.startswith(expected.removesuffix("…")) if expected.endswith("…") else line == expected


def test_the_page_has_every_file_that_its_commands_name() -> None:
    named = set(re.findall(r"(?<![/\w])\w[\w.]*\.(?:json|yaml)\b", "".join(CONSOLES)))
    assert named == set(FILES) == {"orders.asl.json", "bad.yaml", "mocks.json"}


@pytest.mark.parametrize("command", ["sfn validate", "sfn run"])
def test_commands_print_what_the_page_shows(folder: Path, command: str) -> None:
    line, expected = shown(command)
    lines = printed(line)
    assert len(lines) == len(expected)
    for text in expected:
        assert any(same(text, each) for each in lines), text


def test_the_coverage_that_the_page_shows_is_that_of_its_run(folder: Path) -> None:
    [report] = [text for text in CONSOLES if "sfn coverage" in text]
    expected = report[report.index("orders: ") :].splitlines()[:-1]
    lines = printed(shown("sfn run")[0], "--coverage")
    assert [re.sub(r"\d+ executions?", "", text) for text in lines[-len(expected) :]] == [
        re.sub(r"\d+ executions?", "", text) for text in expected
    ]


def test_whoever_copies_exports_for_the_aws_cli_can_call_synchronously() -> None:
    """AWS's clients put `sync-` before the host of StartSyncExecution and TestState, and nobody resolves that."""
    for page in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = page.read_text()
        if "export AWS_ENDPOINT_URL" in text:
            assert "export AWS_DISABLE_HOST_PREFIX_INJECTION=true" in text, page.name
