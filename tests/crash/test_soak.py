"""The soak of benchmarks/soak.py, small: failures, throttles, kill -9 of the server and of functions."""

from __future__ import annotations

import runpy
from pathlib import Path

SOAK = Path(__file__).parent.parent.parent / "benchmarks/soak.py"


def test_every_event_of_a_small_soak_is_accounted_for(tmp_path: Path) -> None:
    soak = runpy.run_path(str(SOAK))["Soak"](tmp_path)
    account = soak.run(events=240, kills=2)
    assert account["accepted"] > 150
    assert set(account["ended"]) == {"Success", "RetriesExhausted"}
