"""A file that people edit while it is used: read again when it has changed."""

from __future__ import annotations

from pathlib import Path


class WatchedFile:
    """The text of a file as it is now; one that has gone keeps its last text."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._seen: tuple[int, int] | None = None
        self._text = ""

    def read(self) -> str:
        """The text. Raises OSError if it was never readable."""
        try:
            state = self.path.stat()
            seen = (state.st_mtime_ns, state.st_size)
            if seen != self._seen:
                self._text = self.path.read_text("utf-8", errors="replace")
                self._seen = seen
        except OSError:
            if self._seen is None:
                raise
        return self._text
