"""The examples in other languages do what they say."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def run(emulator: RunningEmulator, command: Sequence[str | Path]) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "HOME": os.environ.get("HOME", "/"), "EMULATOR_URL": emulator.url}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=STUCK_SECONDS * 5, env=environment, cwd=EXAMPLES
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


@pytest.fixture
def server(emulator: RunningEmulator) -> Iterator[RunningEmulator]:
    yield emulator
    emulator.control("POST", "clock", {"action": "auto", "wanted": False})


@pytest.mark.real_process
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_example_in_javascript(server: RunningEmulator) -> None:
    said = run(server, ["node", "--test", "--test-reporter=tap", EXAMPLES / "javascript" / "retries.test.mjs"])
    assert "# pass 3" in said
    assert server.control("GET", "worlds")["worlds"] == []


@pytest.mark.real_process
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_the_example_for_the_shell(server: RunningEmulator) -> None:
    said = run(server, [EXAMPLES / "shell" / "retries.sh"])
    assert said.split() == ["function_error", "function_error", "success"]
    assert server.control("GET", "worlds")["worlds"] == []
