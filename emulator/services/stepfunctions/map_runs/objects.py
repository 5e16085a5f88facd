"""Items of one object in S3, a piece at a time.

Decides how a reading that was interrupted goes on: everything it needs to know is its position, a small JSON value.
Memory holds some bytes of each of a few objects, never a long one whole; but of those that are packed the one that was
read last is held.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope

from .packed import PACKED, Unpacking
from .parquet import ParquetFile
from .parsing import PARSERS, Longer, Parser, Unreadable

PIECE_BYTES = 256 * 1024
LONGEST_PIECE_BYTES = 16 * 1024 * 1024
"""An item that does not end within so much is refused; AWS carries 256 KiB."""
FETCHED_BYTES = 4 * 1024 * 1024
"""What is asked of S3 at once and held: the library behind it copies the whole object for every range of it."""
MOST_HELD = 8
"""Objects of which that much is held, those that were read last."""
CHANGED = "The object was changed while it was read."


class Chunk(NamedTuple):
    """Some items, in their order."""

    items: list[str]
    position: dict[str, Any]
    exhausted: bool


class Piece(NamedTuple):
    """Some bytes of an object."""

    content: bytes
    last: bool
    etag: str | None


class ObjectReader:
    """Reads by `calls`, which reach the delegated S3."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._opened: tuple[tuple[Scope, str, str, str | None], ParquetFile] | None = None
        """The Parquet file that was read last: what was unpacked of it need not be unpacked again."""
        self._unpacking: tuple[tuple[Scope, str, str, str | None], Unpacking] | None = None
        """The packed object that was read last."""
        self._held: dict[tuple[Any, ...], tuple[int, Piece]] = {}
        """What was fetched of objects that are being read, and the byte at which it begins; the last one read last."""

    async def read(
        self, scope: Scope, config: dict[str, Any], place: dict[str, Any], position: dict[str, Any], most: int
    ) -> Chunk:
        """The next items after `position`; `place` has Bucket and Key. Raises `Unreadable`, and S3's refusals."""
        if config["InputType"] == "PARQUET":
            return await self._rows(scope, place, position, most)
        parser: Parser = PARSERS[config["InputType"]]
        start, size = position.get("offset", 0), PIECE_BYTES
        may_be_packed = config.get("ManifestType") == "ATHENA_DATA"  # UNLOAD packs what it writes [D: Athena UNLOAD]
        while True:
            packed = position.get("packed", False)
            piece = await self.piece(scope, place, start, size, unpack=packed)
            if may_be_packed and start == 0 and not packed and piece.content[:2] == PACKED:
                packed, piece = True, await self.piece(scope, place, start, size, unpack=True)
            if position.get("etag", piece.etag) != piece.etag:
                raise Unreadable(CHANGED)
            try:
                found = parser(config, position.get("parser", {}), piece.content, piece.last, most)
            except Longer:
                if piece.last:
                    raise Unreadable("The object ends within an item.") from None
                if size >= LONGEST_PIECE_BYTES:
                    raise Unreadable(f"An item is longer than {LONGEST_PIECE_BYTES} bytes.") from None
                size *= 2
                continue
            following: dict[str, Any] = {"offset": start + found.used, "etag": piece.etag, "parser": found.state}
            if packed:
                following["packed"] = True
            over = found.done or (piece.last and found.used >= len(piece.content))
            if over:
                self._held.pop(_named(scope, place), None)
                if packed:
                    self.let_go()
            return Chunk(found.items, following, over)

    async def piece(self, scope: Scope, place: dict[str, Any], start: int, size: int, unpack: bool = False) -> Piece:
        """Bytes `start` … `start + size` of an object, or of what gzip has packed in it."""
        if unpack:
            return await self._unpacked(scope, place, start, size)
        key = _named(scope, place)
        begin, held = self._held.pop(key, (0, None))
        # A reading that begins sees the object as it is now.
        known = held is not None and 0 < start >= begin
        if held is None or not known or (start + size > begin + len(held.content) and not held.last):
            begin, held = start, await self._fetched(scope, place, start, max(size, FETCHED_BYTES))
        if len(held.content) <= FETCHED_BYTES:
            self._held[key] = begin, held
            if len(self._held) > MOST_HELD:
                del self._held[next(iter(self._held))]
        content = held.content[start - begin : start - begin + size]
        return Piece(content, held.last and start + len(content) >= begin + len(held.content), held.etag)

    async def _fetched(self, scope: Scope, place: dict[str, Any], start: int, size: int) -> Piece:
        request = {**place, "Range": f"bytes={start}-{start + size - 1}"}
        try:
            answer = await self._calls.delegated(scope, "s3", "GetObject", request)
        except AwsError as refusal:
            if refusal.code == "InvalidRange" and start == 0:  # an empty object
                return Piece(b"", True, None)
            raise
        body = _content(answer)
        total = (answer.get("ContentRange") or "").rpartition("/")[2]
        known = int(total) if total.isdigit() else start + len(body)
        return Piece(body, start + len(body) >= known, answer.get("ETag"))

    def let_go(self) -> None:
        """Hold no packed object any longer."""
        self._unpacking = None

    async def _unpacked(self, scope: Scope, place: dict[str, Any], start: int, size: int) -> Piece:
        head = await self._calls.delegated(scope, "s3", "HeadObject", place)
        key = (scope, str(place["Bucket"]), str(place["Key"]), head.get("ETag"))
        if self._unpacking is None or self._unpacking[0] != key:
            self._unpacking = None
            answer = await self._calls.delegated(scope, "s3", "GetObject", place)
            key = (*key[:3], answer.get("ETag"))
            self._unpacking = key, Unpacking(_content(answer))
        try:
            content, last = self._unpacking[1].piece(start, size)
        except zlib.error:
            self._unpacking = None
            raise Unreadable(f"{place['Key']} cannot be unpacked: it is not in the format of gzip.") from None
        return Piece(content, last, key[3])

    async def _rows(self, scope: Scope, place: dict[str, Any], position: dict[str, Any], most: int) -> Chunk:
        """Rows of a Parquet file."""
        head = await self._calls.delegated(scope, "s3", "HeadObject", place)
        etag, total = head.get("ETag"), int(head.get("ContentLength") or 0)
        if position.get("etag", etag) != etag:
            raise Unreadable(CHANGED)
        key = (scope, str(place["Bucket"]), str(place["Key"]), etag)
        if self._opened is None or self._opened[0] != key:

            async def fetch(start: int, size: int) -> bytes:
                return (await self.piece(scope, place, start, size)).content

            file = ParquetFile(fetch, total)
            await file.open()
            self._opened = key, file
        file = self._opened[1]
        items, group, row, over = await file.read(position.get("group", 0), position.get("row", 0), most)
        if over:
            self._opened = None
        return Chunk(items, {"etag": etag, "group": group, "row": row}, over)


def _named(scope: Scope, place: dict[str, Any]) -> tuple[Any, ...]:
    return scope, *sorted((name, str(value)) for name, value in place.items())


def _content(answer: dict[str, Any]) -> bytes:
    return answer["Body"] if isinstance(answer["Body"], bytes) else answer["Body"].read()
