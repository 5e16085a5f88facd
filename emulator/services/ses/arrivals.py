"""Waiting for mail: whoever looks for a message that is not there yet is woken by each one that is accepted.

A wait is in AWS time and dies with its caller: it is a sleeper of the clock, no job (decision 0001).
"""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.ports import Clock, Store
from emulator.services.ses import inbox
from emulator.services.ses.inbox import Search


class Arrivals:
    """Those who wait for mail. `rung` by a commit that has accepted a message."""

    def __init__(self) -> None:
        self._waiting: set[asyncio.Event] = set()

    def ring(self) -> None:
        """A message has come."""
        for bell in self._waiting:
            bell.set()

    async def wait_for(self, rows: Store, clock: Clock, search: Search, seconds: float) -> list[dict[str, Any]]:
        """Messages that a search finds, as soon as there is one; none if `seconds` of AWS time have passed."""
        deadline = clock.now() + seconds
        bell = asyncio.Event()
        self._waiting.add(bell)
        try:
            while True:
                bell.clear()
                found = await rows.read(lambda tx: inbox.list_messages(tx, search=search))
                if found or clock.now() >= deadline:
                    return found
                await _rung_or_reached(bell, clock, deadline)
        finally:
            self._waiting.discard(bell)


async def _rung_or_reached(bell: asyncio.Event, clock: Clock, deadline: float) -> None:
    rung = asyncio.create_task(bell.wait())
    reached = asyncio.create_task(clock.sleep_until(deadline, "GET /_emulator/inbox, which waits for mail"))
    try:
        await asyncio.wait([rung, reached], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (rung, reached):
            task.cancel()
