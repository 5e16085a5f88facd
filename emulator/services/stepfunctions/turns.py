"""What executions have used of one turn of the loop, in which nobody else is served.

Decides when a turn has had enough: changes that wait for the same commit run one after another, and each may evaluate
expressions for a second, or carry megabytes. The rest of them go on in the next turns.
"""

from __future__ import annotations

import asyncio

NOTABLE_SECONDS = 0.05
"""Host time. Whatever takes longer ends the turn, as far as executions are concerned."""
MOST_CHARACTERS = 16 * 1024 * 1024
"""Of inputs and outputs that are written down in one turn."""


class Turn:
    """Counts until the turn ends by itself."""

    def __init__(self) -> None:
        self.over = False
        self._characters = 0
        self._noted = False

    def used(self, seconds: float, characters: int = 0) -> None:
        """Somebody has used host time and has something to be written down."""
        if seconds <= NOTABLE_SECONDS and not characters:
            return
        self._characters += characters
        self.over = self.over or seconds > NOTABLE_SECONDS or self._characters > MOST_CHARACTERS
        if not self._noted:
            self._noted = True
            asyncio.get_running_loop().call_soon(self._end)

    def _end(self) -> None:
        self.over, self._characters, self._noted = False, 0, False
