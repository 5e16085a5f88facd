"""Clients that wait for an answer: while one does and nobody is at work, frozen time may move by itself.

Only counts and rings; who moves the time is `Emulator` (app.py). It is on the way of every request, so it does little.
"""

from __future__ import annotations

import asyncio


class WaitingClients:
    """A context manager for the time in which a request from outside is being answered; many may be inside."""

    __slots__ = ("_bell", "count")

    def __init__(self) -> None:
        self.count = 0
        self._bell: asyncio.Event | None = None

    def __enter__(self) -> None:
        self.count += 1
        if self._bell is not None:
            self._bell.set()

    def __exit__(self, *_: object) -> None:
        self.count -= 1

    def listen(self) -> asyncio.Event:
        """An event that is set each time somebody begins to wait."""
        if self._bell is None:
            self._bell = asyncio.Event()
        return self._bell

    def ignore(self) -> None:
        """Ring no more."""
        self._bell = None
