"""The process that functions are forked from ends with the emulator, however that ended."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.adapters.runtime import wire
from tests.stuck import STUCK_SECONDS

ZYGOTE = Path(wire.__file__).with_name("zygote.py")


@pytest.mark.skipif(sys.platform != "linux", reason="there is no zygote")
@pytest.mark.parametrize("unread", [False, True])
def test_it_ends_in_silence_when_the_emulator_is_killed(unread: bool) -> None:
    emulators, its_own = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with emulators, its_own:
        if unread:  # a connection that ends with something unread is reset
            its_own.send(b"{}")
        process = subprocess.Popen(
            [sys.executable, str(ZYGOTE), str(its_own.fileno()), "{}"],
            pass_fds=[its_own.fileno()],
            stderr=subprocess.PIPE,
        )
    _, said = process.communicate(timeout=STUCK_SECONDS)
    assert (process.returncode, said) == (0, b"")
