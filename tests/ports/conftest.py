"""Fixtures of the function runtimes' suites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.settings import LiveSettings
from tests.ports.functions import runner


@pytest.fixture
def settings() -> LiveSettings:
    return LiveSettings()


@pytest.fixture(params=["processes", "inline"])
def on_each(request: pytest.FixtureRequest, tmp_path: Path, settings: LiveSettings) -> Iterator[Any]:
    yield runner(request.param, tmp_path, settings)


@pytest.fixture
def on_processes(tmp_path: Path, settings: LiveSettings) -> Any:
    return runner("processes", tmp_path, settings)
