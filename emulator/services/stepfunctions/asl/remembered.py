"""Results of a pure function of a text, remembered: many of short texts, few of long ones.

What is made of a definition is many times as large as its text, so that a number of results bounds no memory: 256 of a
megabyte would be 25 GiB.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import update_wrapper
from typing import Generic, TypeVar

T = TypeVar("T")


class _Remembered(Generic[T]):
    def __init__(self, make: Callable[[str], T], characters: int) -> None:
        update_wrapper(self, make)
        self._make = make
        self._characters = characters
        self._lock = threading.Lock()  # emulators of one process share it, each in a thread of its own
        self._held = 0
        self._kept: OrderedDict[str, T] = OrderedDict()

    def __call__(self, text: str) -> T:
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
                return self._kept[text]
        made = self._make(text)
        with self._lock:
            if text not in self._kept:
                self._kept[text] = made
                self._held += len(text)
            while self._held > self._characters and len(self._kept) > 1:
                self._held -= len(self._kept.popitem(last=False)[0])
        return made

    def cache_clear(self) -> None:
        """Forget all, as of an `lru_cache`."""
        with self._lock:
            self._kept.clear()
            self._held = 0


def remembered(characters: int) -> Callable[[Callable[[str], T]], _Remembered[T]]:
    """Remember results of texts that have `characters` together, those asked for last, and always the last one."""
    return lambda make: _Remembered(make, characters)
