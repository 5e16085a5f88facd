"""What external extensions write: a pipe of their own, cut into lines, so that it is told apart from the function's."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

READ_BYTES = 1 << 16
MOST_READS_PER_DRAIN = 64
LONGEST_LINE_BYTES = 256 * 1024


class Output:
    """`theirs` is the writing end, which the caller gives to the processes and then lets go of by `started`."""

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self._loop = asyncio.get_running_loop()
        self._fd, self.theirs = os.pipe()
        self._partial = b""
        os.set_blocking(self._fd, False)
        self._loop.add_reader(self._fd, self._read)

    def started(self) -> None:
        """The processes have their copies of the writing end."""
        os.close(self.theirs)

    def close(self) -> None:
        """Take what is left and end; may be called more than once."""
        self.drain()
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            os.close(self._fd)
            self._fd = -1
        if self._partial:
            self._tell(self._partial)
            self._partial = b""

    def drain(self) -> None:
        """Take what has been written by now."""
        for _ in range(MOST_READS_PER_DRAIN):
            if self._fd < 0 or not self._read():
                return

    def _read(self) -> bool:
        """One piece, so that a flood shares the loop; whether there was any."""
        try:
            data = os.read(self._fd, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._loop.remove_reader(self._fd)
            return False
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._tell(line)
        if len(self._partial) > LONGEST_LINE_BYTES:
            self._tell(self._partial)
            self._partial = b""
        return True

    def _tell(self, line: bytes) -> None:
        self._on_line(line.decode("utf-8", "backslashreplace"))
