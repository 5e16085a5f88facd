"""Fixtures of every test: an emulator that each test finds empty, frozen, in memory, served over real HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from httpx._config import DEFAULT_TIMEOUT_CONFIG
from hypothesis import HealthCheck, settings

from emulator.testing import RunningEmulator
from tests.stuck import STUCK_SECONDS

# How fast examples are made says how busy the machine is, and no test may depend on that.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")
for _phase in ("connect", "read", "write", "pool"):  # five seconds, unless a request says otherwise
    setattr(DEFAULT_TIMEOUT_CONFIG, _phase, STUCK_SECONDS)


@pytest.fixture(scope="session")
def shared_emulator() -> Iterator[RunningEmulator]:
    """One server for a test process; `emulator` resets it between tests."""
    with RunningEmulator() as running:
        yield running


@pytest.fixture
def emulator(shared_emulator: RunningEmulator) -> Iterator[RunningEmulator]:
    """An empty emulator with frozen time. A job handler that raised fails the test."""
    shared_emulator.reset()
    shared_emulator.emulator.worker.failures.clear()
    yield shared_emulator
    shared_emulator.close_clients()
    assert shared_emulator.failures() == []
