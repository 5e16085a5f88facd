"""What gzip has packed in an object, read from its beginning to its end in pieces that overlap.

Each byte is unpacked once as long as the pieces go on where the last one was: a reading that began anew for each would
take quadratic time. Memory holds what is packed and one piece of what is not.
"""

from __future__ import annotations

import zlib

PACKED = b"\x1f\x8b"
"""How what gzip packed begins."""
STEP_BYTES = 64 * 1024


class Unpacking:
    """The content of one object; a plain one is as it is."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._start_anew()

    def piece(self, start: int, size: int) -> tuple[bytes, bool]:
        """Bytes `start` … `start + size`, and whether they are the last. Raises `zlib.error`."""
        if self._body[:2] != PACKED:
            return self._body[start : start + size], start + size >= len(self._body)
        if start < self._begin:
            self._start_anew()
        while True:
            passed = min(start - self._begin, len(self._window))
            del self._window[:passed]
            self._begin += passed
            if self._over or self._begin + len(self._window) > start + size:
                break
            self._unpack()
        left = start - self._begin  # beyond the end there is nothing
        content = bytes(self._window[left : left + size])
        return content, self._over and self._begin + len(self._window) <= start + size

    def _start_anew(self) -> None:
        self._unpacker = zlib.decompressobj(wbits=31)
        self._fed, self._left, self._over = 0, b"", False
        self._begin, self._window = 0, bytearray()

    def _unpack(self) -> None:
        """Add some bytes to the window."""
        if not self._left:
            self._feed()
        some = self._unpacker.decompress(self._left, STEP_BYTES)
        if not (some or self._left or self._unpacker.eof):
            raise zlib.error("the end is missing")
        self._window += some
        self._left = self._unpacker.unconsumed_tail
        if self._unpacker.eof:
            self._left = self._unpacker.unused_data
            if len(self._left) < 2:
                self._feed()
            self._over = self._left[:2] != PACKED  # else another file has been appended, as gzip allows
            self._unpacker = zlib.decompressobj(wbits=31)

    def _feed(self) -> None:
        self._left += self._body[self._fed : self._fed + STEP_BYTES]
        self._fed = min(len(self._body), self._fed + STEP_BYTES)
