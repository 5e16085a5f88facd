"""The plugin's own fixtures, on the server that the other tests of this process use too."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator.testing import RunningEmulator
from emulator.testing.plugin import async_emulator, aws, clock, contract, contract_rules, emulator, faults, inbox
from emulator.testing.servers import LocalServer

__all__ = ["async_emulator", "aws", "clock", "contract", "contract_rules", "emulator", "faults", "inbox"]


@pytest.fixture
def emulator_server(shared_emulator: RunningEmulator) -> Iterator[LocalServer]:
    shared_emulator.reset()
    shared_emulator.emulator.worker.failures.clear()
    server = LocalServer(running=shared_emulator)
    yield server
    server.ask("POST", "clock", {"action": "auto", "wanted": False})
    server.ask("POST", "clock", {"action": "freeze"})


@pytest.fixture
def pytester(pytester: pytest.Pytester) -> pytest.Pytester:
    """pytest's, but for one thing: what is imported meanwhile stays imported.

    An emulator in this process imports moto when it first needs it. Taken away afterwards, half of it would come again.
    """
    snapshot: Any = pytester._sys_modules_snapshot
    snapshot.restore = lambda: None
    return pytester
