"""Fixtures of the function runtimes' suites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.adapters.runtime_api import api, telemetry
from emulator.settings import LiveSettings
from tests.ports.functions import runner
from tests.stuck import STUCK_SECONDS


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS's two seconds for an extension to end, and ours for it to read telemetry, are no time on a busy machine."""
    monkeypatch.setattr(api, "EXTERNAL_SHUTDOWN_SECONDS", STUCK_SECONDS)
    monkeypatch.setattr(api, "INTERNAL_SHUTDOWN_SECONDS", STUCK_SECONDS)
    monkeypatch.setattr(telemetry, "DELIVERY_SECONDS", STUCK_SECONDS)


@pytest.fixture
def settings() -> LiveSettings:
    return LiveSettings()


@pytest.fixture(params=["processes", "inline"])
def on_each(request: pytest.FixtureRequest, tmp_path: Path, settings: LiveSettings) -> Iterator[Any]:
    yield runner(request.param, tmp_path, settings)


@pytest.fixture
def on_processes(tmp_path: Path, settings: LiveSettings) -> Any:
    return runner("processes", tmp_path, settings)
