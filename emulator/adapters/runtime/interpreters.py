"""Which Python runs a function of the runtime `python3.x`: the configured one, one on PATH, or the emulator's own.

Decides by asking an interpreter for its version, once. Knows no process that lives longer than that question.
"""

from __future__ import annotations

import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

OLDEST_MINOR = 9
"""The runtime's own files need Python 3.9."""
SDK_OLDEST_MINOR = 10
"""boto3 of the emulator needs Python 3.10; an older interpreter brings its own or none."""
LONGEST_ANSWER_SECONDS = 10.0
SDK_PACKAGES = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")


class Interpreter(NamedTuple):
    """A Python of this machine."""

    executable: str
    version: str
    """`3.12.1`"""
    site_folder: str
    """A folder with the AWS SDK for an interpreter that has none, or empty."""

    @property
    def minor(self) -> str:
        """`3.12`"""
        return ".".join(self.version.split(".")[:2])

    @property
    def command(self) -> list[str]:
        """How to start it on a script whose folder is not to be imported from (`-P` exists since 3.11)."""
        return [self.executable, "-P"] if tuple(map(int, self.minor.split("."))) >= (3, 11) else [self.executable]


def own_interpreter() -> Interpreter:
    """The Python that runs the emulator."""
    spec = importlib.util.find_spec("boto3")
    site = str(Path(spec.origin).parent.parent) if spec is not None and spec.origin else ""
    return Interpreter(sys.executable, platform.python_version(), site)


class Interpreters:
    """Finds interpreters and remembers what it found. `configured` maps `3.12` to an executable."""

    def __init__(self, configured: Mapping[str, str], folder: Path) -> None:
        self._configured, self._folder = configured, folder
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
            version = _version(executable) if executable else None
            if executable and version and (configured or version.startswith(f"{minor}.")):
                return Interpreter(executable, version, self._sdk(version))
        return None

    def _sdk(self, version: str) -> str:
        """A folder with links to the emulator's boto3 and to what it needs, and to nothing else of the emulator."""
        if int(version.split(".")[1]) < SDK_OLDEST_MINOR or not self._own.site_folder:
            return ""
        self._folder.mkdir(parents=True, exist_ok=True)
        for name in SDK_PACKAGES:
            original, link = Path(self._own.site_folder, name), self._folder / name
            if original.exists() and not link.is_symlink():
                link.symlink_to(original)
        return str(self._folder)


def _version(executable: str) -> str | None:
    """Its version, if it is a Python that runs: a shim on PATH may not."""
    command = [executable, "-c", "import platform; print(platform.python_version())"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=LONGEST_ANSWER_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    text = done.stdout.decode("ascii", "replace").strip()
    return text if text.startswith("3.") else None
