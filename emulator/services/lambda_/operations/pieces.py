"""What a function streams, between the function and whoever reads it: bounded by AWS's limit of a stream."""

from __future__ import annotations

import asyncio


class Pieces:
    """What a function has sent and its client has not taken yet; beyond AWS's limit of a stream nothing is kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._waiting: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._size = 0

    def add(self, piece: bytes) -> None:
        """The function has sent something."""
        self._size += len(piece)
        if piece and not self.cut:
            self._waiting.put_nowait(piece)

    def end(self) -> None:
        """The function has ended."""
        self._waiting.put_nowait(None)

    async def next(self) -> bytes | None:
        """The next piece; None at the end."""
        return await self._waiting.get()

    @property
    def too_large(self) -> str:
        """What is told of a stream that was cut (the text is unverified)."""
        return f"Response payload size exceeded maximum allowed payload size ({self._limit} bytes)."

    @property
    def cut(self) -> bool:
        """Whether the function has sent more than it may."""
        return self._size > self._limit
