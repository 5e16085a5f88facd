"""Which Python runs a function of the runtime `python3.x`: the configured one, one on PATH, or the emulator's own.

Decides by asking an interpreter for its version, once. Knows no process that lives longer than that question.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from emulator.settings import PYTHON_VARIABLES

from . import bundled

OLDEST_MINOR = 9
"""The runtime's own files need Python 3.9."""
SDK_OLDEST_MINOR = 10
"""boto3 of the emulator needs Python 3.10; an older interpreter brings its own or none."""
LONGEST_ANSWER_SECONDS = 60.0


class Interpreter(NamedTuple):
    """A Python of this machine."""

    executable: str
    version: str
    """`3.12.1`"""
    packages: Mapping[str, str]
    """What functions may import beside the standard library, by package the folder that has it (`bundled.py`)."""

    @property
    def minor(self) -> str:
        """`3.12`"""
        return ".".join(self.version.split(".")[:2])

    @property
    def command(self) -> list[str]:
        """How to start it on a script, without `site-packages` and the script's own folder (`-P` is 3.11's)."""
        return [self.executable, "-S", *(["-P"] if int(self.minor.split(".")[1]) >= 11 else [])]


def check_configured(configured: Mapping[str, str]) -> None:
    """Raises ValueError, naming variable and value, unless every interpreter is there and of the version it is for."""
    for minor, path in configured.items():
        setting = f"{variable_of(minor)}={path}"
        if re.fullmatch(r"3\.\d+", minor) is None:
            raise ValueError(f"{setting}: no such version of Python; write EMULATOR_PYTHON_3_12 for 3.12")
        executable = shutil.which(path)
        if executable is None:
            raise ValueError(f"{setting}: there is no such executable file")
        answer = _ask(executable)
        if answer is None:
            raise ValueError(f"{setting}: this is no Python that runs")
        if not answer["version"].startswith(f"{minor}."):
            raise ValueError(f"{setting}: this is Python {answer['version']}, not {minor}")


def variable_of(minor: str) -> str:
    """The variable that names the interpreter of `3.12`."""
    return PYTHON_VARIABLES + minor.removeprefix("3.")


@cache
def own_interpreter() -> Interpreter:
    """The Python that runs the emulator."""
    return Interpreter(sys.executable, platform.python_version(), bundled.where())


class Interpreters:
    """Finds interpreters and remembers what it found. `configured` maps `3.12` to an executable."""

    def __init__(self, configured: Mapping[str, str]) -> None:
        self._configured = configured
        self._own = own_interpreter()
        self._found: dict[str, Interpreter] = {self._own.minor: self._own}
        for minor in configured:
            self._found.pop(minor, None)

    def known(self, minor: str) -> Interpreter | None:
        """What `find` found before: it need not be asked in a thread."""
        return self._found.get(minor)

    def find(self, minor: str) -> Interpreter:
        """The interpreter for `python{minor}`; the emulator's own if there is no better. May start a process."""
        known = self._found.get(minor)
        if known is None:
            known = self._found[minor] = self._search(minor) or self._own
        return known

    def _search(self, minor: str) -> Interpreter | None:
        if int(minor.split(".")[1]) < OLDEST_MINOR:
            return None
        configured = self._configured.get(minor)
        for candidate in [configured] if configured else [f"python{minor}"]:
            executable = shutil.which(candidate)
            answer = _ask(executable) if executable else None
            if executable and answer and (configured or answer["version"].startswith(f"{minor}.")):
                return Interpreter(executable, answer["version"], self._packages(answer))
        return None

    def _packages(self, answer: dict[str, Any]) -> dict[str, str]:
        """Its own SDK, or the emulator's. What is compiled is of no use to another Python."""
        packages: dict[str, str] = answer["packages"]
        if "boto3" in packages or int(answer["version"].split(".")[1]) < SDK_OLDEST_MINOR:
            return packages
        sdk = {name: folder for name, folder in self._own.packages.items() if name in bundled.SDK}
        return {**packages, **sdk}


def _ask(executable: str) -> dict[str, Any] | None:
    """Its version and where its packages are, if it is a Python that runs: a shim on PATH may not."""
    command = [executable, "-c", Path(bundled.__file__).read_text(encoding="utf-8")]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_ANSWER_SECONDS, check=True, cwd="/"
        )
        answer = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return answer if str(answer["version"]).startswith("3.") else None
