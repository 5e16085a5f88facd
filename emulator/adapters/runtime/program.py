"""Programs that are not our own Python: started as a fork that becomes them, so that one place owns every process.

The fork comes from a `Launcher`, with its process group, its death with the emulator and its sweeping of what is left
behind; an EXEC frame then tells it what to be. Decides processes only.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import wire

EXEC_ERRORS = {
    2: "no such file or directory",
    8: "exec format error",
    13: "permission denied",
    7: "argument list too long",
}
"""Go's names, which Lambda prints."""


@dataclass(frozen=True, slots=True)
class Program:
    """What a process is to become."""

    path: Path
    arguments: Sequence[str]
    """From argv[0] on."""
    environment: Mapping[str, str]
    folder: Path
    memory_bytes: int = 0
    """Most private writable memory; 0 is unlimited."""
    channels: bool = False
    """It takes over the control and the time channel, whose numbers are its last two arguments.

    Otherwise both end when the program begins.
    """

    def frame(self) -> bytes:
        """For the control channel of a fresh process, instead of CONFIGURE."""
        value = {
            "path": str(self.path),
            "arguments": list(self.arguments),
            "environment": dict(self.environment),
            "folder": str(self.folder),
            "memory_bytes": self.memory_bytes,
            "channels": self.channels,
        }
        return wire.frame(wire.EXEC, json.dumps(value).encode())


def exec_error(shown_path: str, body: bytes) -> str:
    """What Lambda says of an EXEC_FAILED frame."""
    number = int(body)
    return f"fork/exec {shown_path}: {EXEC_ERRORS.get(number) or os.strerror(number).lower()}"
