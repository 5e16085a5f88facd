"""How long this thread has computed: the measure of work that must not go on without end.

Unlike host time it does not pass while other programs have the CPU: a busy machine fails nobody's work.
"""

from __future__ import annotations

import threading
import time


class _Elsewhere(threading.local):
    seconds = 0.0


_elsewhere = _Elsewhere()


def spent() -> float:
    """Seconds on a CPU, those of processes that worked for this thread alone among them."""
    return time.thread_time() + _elsewhere.seconds


def spent_elsewhere(seconds: float) -> None:
    """A process that worked for this thread has ended."""
    _elsewhere.seconds += seconds
