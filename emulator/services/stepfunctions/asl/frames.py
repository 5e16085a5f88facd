"""Where an execution is: one small document per running branch, and one text per item and result of a Map.

Decides only how documents are loaded on demand and which of them changed. Splitting the state this way keeps the cost
of one signal independent of how many items a Map has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .data import dumps, loads

Frame = dict[str, Any]


class Frames:
    """A workspace over stored texts; `load(key)` fetches one. The caller writes `changes()` back."""

    def __init__(self, load: Callable[[str], str | None]) -> None:
        self._load = load
        self._stored: dict[str, str | None] = {}
        self._frames: dict[str, Frame] = {}
        self._texts: dict[str, str | None] = {}
        self._read: dict[str, str | None] = {}

    def get(self, key: str) -> Frame | None:
        """The document, to be changed in place; None if there is none."""
        frame = self._frames.get(key)
        if frame is None and key not in self._stored:
            text = self._stored[key] = self._load(key)
            if text is not None:
                frame = self._frames[key] = loads(text)
        return frame

    def put(self, key: str, frame: Frame) -> None:
        """Add a document under a key that was never used."""
        self._frames[key] = frame
        self._stored.setdefault(key, None)

    def delete(self, key: str) -> None:
        """Forget a document."""
        self.get(key)
        self._frames.pop(key, None)

    def put_text(self, key: str, text: str) -> None:
        """Keep a text."""
        self._texts[key] = text

    def text(self, key: str) -> str | None:
        """Fetch a text, which stays."""
        if key in self._texts:
            return self._texts[key]
        if key not in self._read:
            self._read[key] = self._load(key)
        return self._read[key]

    def take_text(self, key: str) -> str | None:
        """Fetch a text and forget it."""
        text = self._texts.get(key)
        if text is None and key not in self._stored:
            text = self._stored[key] = self._load(key)
        self._texts[key] = None
        return text

    def drop_text(self, key: str) -> None:
        """Forget a text unseen, if there is one."""
        if key not in self._texts:
            self._stored.setdefault(key, "")
        self._texts[key] = None

    def changes(self) -> Iterator[tuple[str, str | None]]:
        """What to write: key and text, or None to delete what may be there."""
        for key, before in self._stored.items():
            frame = self._frames.get(key)
            if frame is not None:
                after = dumps(frame)
                if after != before:
                    yield key, after
            elif before is not None and key not in self._texts:
                yield key, None
        for key, text in self._texts.items():
            if text is not None or self._stored.get(key) is not None:
                yield key, text
