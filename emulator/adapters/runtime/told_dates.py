"""The functions of `time` that mean now when they are given no moment: `ctime()`, `asctime()`, `gmtime()` and so on.

Runs in the child process and imports the standard library only.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable
from typing import Any

TAKES_SECONDS = ("ctime", "gmtime", "localtime")
TAKES_PARTS = {"asctime": 0, "strftime": 1}
"""What takes a `struct_time`, and how many arguments precede it."""


class Told:
    """One of them, at the moment that `now` says, or the host's if it says none.

    No function, for those become methods: `converter = time.gmtime` in a class of `logging` is called with a moment
    only.
    """

    def __init__(self, name: str, now: Callable[[], float | None]) -> None:
        self._name, self._now = name, now
        self._real: Callable[..., Any] = getattr(time, name)
        self._parts: Callable[[float], Any] = time.localtime
        functools.update_wrapper(self, self._real)

    def __call__(self, *given: Any) -> Any:
        now = self._now()
        if now is None:
            return self._real(*given)
        if self._name in TAKES_SECONDS:
            return self._real(now) if given in ((), (None,)) else self._real(*given)
        return self._real(*given, self._parts(now)) if len(given) == TAKES_PARTS[self._name] else self._real(*given)
