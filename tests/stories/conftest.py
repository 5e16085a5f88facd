"""The plugin's fixtures, on the server of this process's other tests: stories are told as users tell them.

Stories that look inside the emulator, or are about its process, import `RunningEmulator`, and `emulator` is one.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import emulator as running
from tests.testing.conftest import aws, clock, emulator_server, faults, inbox
from tests.testing.conftest import emulator as world

__all__ = ["aws", "clock", "emulator_server", "faults", "inbox", "running", "world"]


@pytest.fixture
def emulator(request: pytest.FixtureRequest) -> Any:
    """The world of this test."""
    return request.getfixturevalue("running" if hasattr(request.module, "RunningEmulator") else "world")
