"""The soaks of benchmarks/, small: failures, throttles, kill -9 of the server and of functions; sends and polls."""

from __future__ import annotations

import runpy
from pathlib import Path

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"


def test_every_event_of_a_small_soak_is_accounted_for(tmp_path: Path) -> None:
    soak = runpy.run_path(str(BENCHMARKS / "soak.py"))["Soak"](tmp_path)
    account = soak.run(events=240, kills=2)
    assert account["accepted"] > 150
    assert set(account["ended"]) == {"Success", "RetriesExhausted"}


def test_every_message_of_a_small_soak_is_received_and_no_group_is_out_of_order(tmp_path: Path) -> None:
    soak = runpy.run_path(str(BENCHMARKS / "queue_soak.py"))["QueueSoak"](tmp_path)
    assert soak.run(messages=80, kills=1)["messages"] == 80
