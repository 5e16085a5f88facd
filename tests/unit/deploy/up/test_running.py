"""An emulator of `emulator up`'s own, where somebody else has the port."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest

from emulator.deploy.up.project import Project
from emulator.deploy.up.running import OwnEmulator
from emulator.deploy.up.screen import Screen
from emulator.deploy.up.session import Options
from emulator.settings import Settings


def test_a_port_that_is_taken_leaves_ctrl_c_as_it_was(tmp_path: Path) -> None:
    project = Project("template", tmp_path / "template.yaml", tmp_path, "project")
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(host="127.0.0.1", port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            OwnEmulator(settings, {}, project, Options(), Screen()).run(once=True, watching=False, console=None)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
