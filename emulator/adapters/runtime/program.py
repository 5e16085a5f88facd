"""Programs that are not our own Python: started as a fork that becomes them, so that one place owns every process.

The fork comes from a `Launcher`, with its process group, its death with the emulator and its sweeping of what is left
behind; an EXEC frame then tells it what to be. Decides processes only.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import wire
from .control_channel import ControlChannel
from .launcher import Child, Launcher

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
    """It takes over the control and the time channel, whose numbers are in `wire.CHANNELS_VARIABLE`.

    Otherwise both end when the program begins.
    """

    room: Mapping[str, Any] | None = None
    """For `aws_paths.enter`: which folders it sees at AWS's paths."""
    wrapper: str = ""
    """What is started in its stead, with all of `arguments` (`wrapper.py`)."""

    def frame(self) -> bytes:
        """For the control channel of a fresh process, instead of CONFIGURE."""
        value = {
            "path": str(self.path),
            "arguments": list(self.arguments),
            "environment": dict(self.environment),
            "folder": str(self.folder),
            "memory_bytes": self.memory_bytes,
            "channels": self.channels,
            "room": dict(self.room) if self.room else None,
            "wrapper": self.wrapper,
        }
        return wire.frame(wire.EXEC, json.dumps(value).encode())


async def start_program(
    launcher: Launcher, program: Program, log: int, on_exec_failed: Callable[[bytes], None]
) -> Child:
    """Start a program that speaks to nobody through us; `on_exec_failed` gets the body of an EXEC_FAILED frame."""
    loop = asyncio.get_running_loop()
    control, theirs = socket.socketpair()
    ticks, their_ticks = socket.socketpair()
    with theirs, ticks, their_ticks:
        control.setblocking(False)

        def on_frame(kind: int, body: bytes) -> None:
            on_exec_failed(body[wire.ANSWER.size :])

        channel = ControlChannel(on_frame, lambda: None)
        transport, _ = await loop.create_unix_connection(lambda: channel, sock=control)
        child = await launcher.start(theirs, their_ticks, log)
        transport.write(program.frame())
    return child


def exec_error(shown_path: str, body: bytes) -> str:
    """What Lambda says of an EXEC_FAILED frame."""
    number = int(body)
    return f"fork/exec {shown_path}: {EXEC_ERRORS.get(number) or os.strerror(number).lower()}"
