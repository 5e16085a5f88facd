"""What executions have used of one turn of the loop, in which nobody else is served, and which machines are slow.

Decides when a turn has had enough: changes that wait for the same commit run one after another, and each may evaluate
expressions for a second, or carry megabytes. The rest of them go on in the next turns. Executions of a machine that has
just been slow take their steps one at a time, not in the commits of those who start or signal them, and between two
such steps everybody else is served. Once a few machines have been slow, those that nobody has seen work yet are taken
for slow as well: each may need a second for its first step, and there may be many.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

NOTABLE_SECONDS = 0.05
"""CPU time. Whatever takes longer ends the turn, as far as executions are concerned."""
SLOW_SECONDS = 0.25
"""CPU time. A machine whose executions have taken longer at once is slow."""
REMEMBERED_SECONDS = 10.0
"""Host time. That long a machine counts as slow."""
MOST_SLOW = 1000
"""Machines that are remembered as slow."""
MANY_SLOW = 3
"""So many machines that are slow at once make one suspect those of which nothing is known."""
MOST_CALM = 10_000
"""Machines that are remembered as having worked without being slow."""
REST_SECONDS = 0.1
"""Host time for everybody else after a slow step: a call takes several turns of the loop."""
MOST_CHARACTERS = 16 * 1024 * 1024
"""Of inputs and outputs that are written down in one turn."""


class Turn:
    """Counts until the turn ends by itself."""

    def __init__(self) -> None:
        self.over = False
        self._characters = 0
        self._noted = False
        self._slow: dict[str, float] = {}
        """Machines, and until when they count as slow; the last to become so are last."""
        self._calm: dict[str, None] = {}
        self._tired = False
        self._one_at_a_time = asyncio.Lock()
        self._ended = asyncio.Event()

    def used(self, seconds: float, characters: int = 0, machine: str = "", all_done: bool = True) -> None:
        """Somebody, an execution of `machine` if it is named, has used CPU time and has something to write down."""
        if seconds <= NOTABLE_SECONDS:
            if machine and all_done and machine not in self._calm:
                self._learn(machine)
            if not characters:
                return
        self._characters += characters
        self.over = self.over or seconds > NOTABLE_SECONDS or self._characters > MOST_CHARACTERS
        if seconds > SLOW_SECONDS:
            self._tired = True
            if machine:
                self._remember(machine)
        if not self._noted:
            self._noted = True
            asyncio.get_running_loop().call_soon(self._end)

    def is_slow(self, machine: str) -> bool:
        """Whether executions of this machine have been slow lately, or are likely to be."""
        if not self._slow:
            return False
        now = asyncio.get_running_loop().time()
        if machine in self._slow:
            return self._slow[machine] > now
        return machine not in self._calm and sum(until > now for until in self._slow.values()) >= MANY_SLOW

    async def its_end(self) -> None:
        """Return in the next turn, if anything in this one was notable."""
        if self._noted:
            await self._ended.wait()

    @asynccontextmanager
    async def one_at_a_time(self) -> AsyncGenerator[None]:
        """Nobody else is in here; after a slow step everybody else is served before the next comes in."""
        async with self._one_at_a_time:
            yield
            if self._tired:
                self._tired = False
                rested = asyncio.Event()
                asyncio.get_running_loop().call_later(REST_SECONDS, rested.set)
                await rested.wait()

    def _learn(self, machine: str) -> None:
        self._calm[machine] = None
        if len(self._calm) > MOST_CALM:
            del self._calm[next(iter(self._calm))]

    def _remember(self, machine: str) -> None:
        self._calm.pop(machine, None)
        self._slow.pop(machine, None)
        self._slow[machine] = asyncio.get_running_loop().time() + REMEMBERED_SECONDS
        if len(self._slow) > MOST_SLOW:
            del self._slow[next(iter(self._slow))]

    def _end(self) -> None:
        self.over, self._characters, self._noted = False, 0, False
        self._ended.set()
        self._ended = asyncio.Event()
