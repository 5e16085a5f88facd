"""Debugging of Python functions: which functions wait for a debugger, on which port, and how to attach one.

Decides texts and finds debugpy, which is optional. What the function's process does about it is in `bootstrap.py`.
"""

from __future__ import annotations

import importlib.util
import json
import socket
from collections.abc import Mapping, Sequence
from pathlib import Path

FIRST_PORT = 5678
"""Where debuggers look by default; functions without a port of their own take this and the following ones."""
NO_LIMIT_SECONDS = 30 * 86400.0
"""Instead of a timeout: nobody looks at a breakpoint for longer."""


def debug_ports(targets: Sequence[str]) -> dict[str, int]:
    """`FUNCTION[:PORT]` → port by function. Raises ValueError, naming the problem."""
    ports: dict[str, int] = {}
    unnamed: list[str] = []
    for target in targets:
        name, colon, text = target.partition(":")
        if not name:
            raise ValueError(f"{target!r} names no function")
        if colon and not (text.isdigit() and 1 <= int(text) <= 65535):
            raise ValueError(f"{text!r} in {target!r} is no port")
        if colon:
            ports[name] = int(text)
        else:
            unnamed.append(name)
    port = FIRST_PORT
    for name in unnamed:
        while port in ports.values():
            port += 1
        ports[name] = port
    if len(set(ports.values())) < len(ports):
        raise ValueError("two functions cannot wait on the same port")
    return ports


class PortInUse(Exception):
    """The port of a debugged function is taken: nobody could attach to it."""

    def __init__(self, name: str, port: int) -> None:
        super().__init__(
            f"127.0.0.1:{port}, where its debugger would attach, is in use; "
            f"stop what uses it, or --debug {name}:OTHER_PORT"
        )


def is_free(port: int) -> bool:
    """Whether a debugger's port can be opened on this machine."""
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def debugpy_folder() -> Path | None:
    """The folder from which `import debugpy` works, if it is installed beside the emulator."""
    spec = importlib.util.find_spec("debugpy")
    return Path(spec.origin).parent.parent if spec is not None and spec.origin else None


def how_to_attach(name: str, port: int, task_root: Path, edited_in_place: bool) -> str:
    """What the console says while a function waits for its debugger."""
    configuration: dict[str, object] = {
        "name": f"Attach to {name}",
        "type": "debugpy",
        "request": "attach",
        "connect": {"host": "127.0.0.1", "port": port},
    }
    if not edited_in_place:
        mapping: Mapping[str, str] = {"localRoot": "${workspaceFolder}", "remoteRoot": str(task_root)}
        configuration["pathMappings"] = [mapping]
    return (
        f"{name} waits for a debugger on 127.0.0.1:{port}. In VS Code, a configuration of .vscode/launch.json:\n"
        f"{json.dumps(configuration, indent=2)}"
    )
