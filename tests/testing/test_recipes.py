"""The recipes of docs/testing.md, run with the real tools."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from tests.stuck import STUCK_SECONDS

ROOT = Path(__file__).resolve().parents[2]
FILES = dict(
    re.findall(r"^`([\w/-]+\.\w+)`[^\n]*:\n\n```\w+\n(.*?)```", (ROOT / "docs/testing.md").read_text(), re.S | re.M)
)
INSTALLED = any(point.value == "emulator.testing.plugin" for point in entry_points(group="pytest11"))


@pytest.mark.real_process
@pytest.mark.parametrize(("recipe", "tool"), [("test_document.py", "schemathesis"), ("test_pacts.py", "pact")])
def test_a_recipe_works_as_it_is_written(recipe: str, tool: str, tmp_path: Path) -> None:
    pytest.importorskip(tool, reason="installed by `make test`")
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:schemathesis", "-p", "no:pact"]
    options += [] if INSTALLED else ["-p", "emulator.testing.plugin"]
    variables = {name: value for name, value in os.environ.items() if name != "PYTEST_ADDOPTS"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, recipe],
        cwd=tmp_path,
        env={**variables, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=STUCK_SECONDS * 5,
    )
    assert done.returncode == 0, done.stdout + done.stderr
