"""AWS time across restarts: a small file beside the store, so that time never goes back.

Written whenever somebody moves, freezes or scales time; absent as long as AWS time is the host's.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

FILE = "clock.json"


def remember(directory: Path | None, now: float, factor: float) -> None:
    """Note that AWS time is `now` and passes at `factor` times the host's speed. Without a directory, do nothing."""
    if directory is None:
        return
    scratch = directory / (FILE + ".new")
    scratch.write_text(json.dumps({"aws": now, "host": time.time(), "factor": factor}))
    scratch.replace(directory / FILE)


def first_time(directory: Path | None, start_at: float | None) -> float | None:
    """Where a clock starts: as asked, or where time had come to if that is ahead of the host. None: the host's time."""
    if directory is None or start_at is not None:
        return start_at
    try:
        noted = json.loads((directory / FILE).read_text())
        host = time.time()
        reached = noted["aws"] + max(0.0, host - noted["host"]) * noted["factor"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return reached if reached > host + 0.001 else None
