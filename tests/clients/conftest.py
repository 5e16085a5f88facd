"""The deployment tools people use, as processes of their own, against an emulator.

Not part of `make test`: `make test-clients` installs the tools (Python packages, and Node packages where Node.js is).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from emulator.settings import Settings
from emulator.testing import RunningEmulator

ROOT = Path(__file__).resolve().parents[2]
APPS = Path(__file__).parent / "apps"
TOOLS = Path(os.environ.get("DEPLOYMENT_TOOLS", ROOT / ".clients"))
LONGEST_SECONDS = 150

Tool = Callable[..., str]


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    """One in host time: tools compare times of events with their own clock. Tests freeze it once all is deployed."""
    with RunningEmulator(Settings(port=0, data=None)) as running:
        yield running
        assert running.failures() == []


@pytest.fixture
def environment(emulator: RunningEmulator, tmp_path: Path) -> dict[str, str]:
    """What points every tool to the emulator, and keeps them from the user's own configuration and from the net."""
    home = tmp_path / "home"
    home.mkdir()
    return {
        "PATH": f"{TOOLS / 'venv/bin'}:{TOOLS / 'node_modules/.bin'}:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "AWS_ENDPOINT_URL": emulator.url,
        "AWS_ENDPOINT_URL_S3": emulator.url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "SAM_CLI_TELEMETRY": "0",
        "SLS_TELEMETRY_DISABLED": "1",
        "SLS_NOTIFICATIONS_MODE": "off",
        "SLS_AWS_MONITORING_FREQUENCY": "300",  # milliseconds between two looks at a stack
        "CDK_DISABLE_VERSION_CHECK": "1",
        "CDK_DISABLE_CLI_TELEMETRY": "true",
        "CDK_VALIDATION": "false",  # of templates, at synthesis: five seconds of CPU each time
        "DISABLE_DEPRECATION_NOTICE": "1",  # of the wrappers
        "CI": "true",
    }


@pytest.fixture
def tool(environment: dict[str, str]) -> Tool:
    """`tool("chalice", "deploy", folder=…)`: what it printed; a tool that fails, fails the test with its output."""

    def run(name: str, *arguments: str, folder: Path, **more: str) -> str:
        program = shutil.which(name, path=environment["PATH"])
        if program is None:
            pytest.skip(f"{name} is not installed: `make test-clients` installs it where it can")
        done = subprocess.run(
            [program, *arguments],
            cwd=folder,
            env={**environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"{name} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    return run


@pytest.fixture
def application(tmp_path: Path) -> Callable[[str], Path]:
    """A copy of an application of `apps/`, where tools may write what they like."""

    def copy(name: str) -> Path:
        return Path(shutil.copytree(APPS / name, tmp_path / name))

    return copy
