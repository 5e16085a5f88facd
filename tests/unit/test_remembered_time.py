"""AWS time does not go back when the emulator starts again on its data."""

from __future__ import annotations

from pathlib import Path

from emulator.settings import Settings
from emulator.testing import RunningEmulator


def test_time_that_was_advanced_is_still_ahead_after_a_restart(tmp_path: Path) -> None:
    settings = Settings(port=0, data=tmp_path)
    with RunningEmulator(settings) as first:
        first.advance(7200)
        reached = first.now()
    with RunningEmulator(settings) as second:
        assert second.now() >= reached
        assert second.emulator.clock.mode == "real"


def test_frozen_time_starts_again_where_it_stood(tmp_path: Path) -> None:
    with RunningEmulator(Settings(port=0, data=tmp_path, frozen=True)) as first:
        first.advance(7200)
        reached = first.now()
    with RunningEmulator(Settings(port=0, data=tmp_path, frozen=True)) as second:
        assert second.now() == reached
