"""docs/tutorial.md is true: its files are written, its commands run in their order, and they print what it shows."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PAGE = (ROOT / "docs/tutorial.md").read_text()
INSTALLED = any(point.value == "emulator.testing.plugin" for point in entry_points(group="pytest11"))
PLUGINS = ["-p", "no:cacheprovider", "-p", "no:schemathesis", "-p", "no:xdist"]
STEP = re.compile(
    r"^(?:(Add to )?`([\w./]+)`:\n\n```(?:python|yaml)\n(.*?)```|```console\n(.*?)```)", re.DOTALL | re.MULTILINE
)


def run(command: str, folder: Path) -> str:
    """What a command of the page prints."""
    program, *arguments = shlex.split(command)
    module = {"pytest": ["pytest", *PLUGINS], "emulator": ["emulator"]}[program]
    if program == "pytest" and not INSTALLED:
        module += ["-p", "emulator.testing.plugin"]
    variables = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        [sys.executable, "-m", *module, *arguments],
        cwd=folder,
        env={**variables, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    return done.stdout + done.stderr


def check(shown: list[str], printed: str) -> None:
    """Every line that is shown is printed, in that order; `…` is anything."""
    lines = iter(printed.splitlines())
    for line in filter(lambda each: each != "…", shown):
        pattern = re.compile(".*".join(re.escape(part) for part in line.split("…")))
        assert any(pattern.fullmatch(each) or (line.startswith("…") and pattern.search(each)) for each in lines), (
            f"the page shows {line!r}, and this was printed:\n{printed}"
        )


@pytest.mark.real_process
def test_the_tutorial_does_what_it_says_from_an_empty_folder(tmp_path: Path) -> None:
    steps = STEP.findall(PAGE)
    assert len(steps) == PAGE.count("\n```\n")
    for added, name, text, console in steps:
        if name:
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{path.read_text()}\n\n{text}" if added else text)
            continue
        command, *shown = console.splitlines()
        if not command.startswith("$ pip install"):
            check(shown, run(command.removeprefix("$ "), tmp_path))
