"""docs/tutorial.md is true: its files are written, its commands run in their order, and they print what it shows."""

from __future__ import annotations

import json
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
LONGEST_SECONDS = 900
"""Host time after which a command hangs, and is not only slow: a machine at rest needs a hundredth of it."""
PLUGINS = ["-p", "no:cacheprovider", "-p", "no:faulthandler", "-p", "no:schemathesis", "-p", "no:xdist"]
STEP = re.compile(
    r"^(?:(Add to )?`([\w./]+)`:\n\n```(?:python|yaml)\n(.*?)```|```console\n(.*?)```)", re.DOTALL | re.MULTILINE
)


SHELL = """
import contextlib, faulthandler, io, json, sys
import pytest
from emulator.cli import app

for line in sys.stdin:
    program, arguments, seconds = json.loads(line)
    faulthandler.dump_traceback_later(seconds, exit=True, file=sys.__stderr__)
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(out):
        pytest.main(arguments) if program == "pytest" else app(arguments, standalone_mode=False)
    faulthandler.cancel_dump_traceback_later()
    sys.modules.pop("test_reports", None)
    print(json.dumps(out.getvalue()), flush=True)
"""
"""Runs one command after another: what takes longest is to import it all, and once is enough."""


class Shell:
    """What the reader types into: a process in the reader's folder."""

    def __init__(self, folder: Path, errors: Path) -> None:
        self._errors = errors
        variables = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
        with errors.open("w") as stderr:
            self._process = subprocess.Popen(
                [sys.executable, "-c", SHELL],
                cwd=folder,
                env={**variables, "PYTHONPATH": str(ROOT), "NO_COLOR": "1", "COLUMNS": "200"},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )
        self._commands = 0

    def __enter__(self) -> Shell:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, command: str) -> str:
        """What a command of the page prints. After the first, handlers run in threads: each process costs a second."""
        program, *arguments = shlex.split(command)
        if program == "pytest":
            arguments += PLUGINS + ([] if INSTALLED else ["-p", "emulator.testing.plugin"])
            arguments += ["--emulator-functions=threads"] if self._commands else []
        self._commands += 1
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps([program, arguments, LONGEST_SECONDS]) + "\n")
        self._process.stdin.flush()
        said = self._process.stdout.readline()
        assert said, f"`{command}` has not ended, within {LONGEST_SECONDS} s; where it was:\n{self._errors.read_text()}"
        return json.loads(said)


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
    folder = tmp_path / "reader"
    folder.mkdir()
    with Shell(folder, tmp_path / "errors") as shell:
        for added, name, text, console in steps:
            if name:
                path = folder / name
                path.parent.mkdir(exist_ok=True)
                path.write_text(f"{path.read_text()}\n\n{text}" if added else text)
                continue
            command, *shown = console.splitlines()
            if not command.startswith("$ pip install"):
                check(shown, shell.run(command.removeprefix("$ ")))
