"""Items of one object in S3, a piece at a time.

Decides how a reading that was interrupted goes on: everything it needs to know is its position, a small JSON value.
Memory holds one piece of an object, never the whole; but one that is packed is held while one piece of it is unpacked.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError
from emulator.aws.scope import Scope

from .parquet import ParquetFile
from .parsing import PARSERS, Longer, Parser, Unreadable

PIECE_BYTES = 256 * 1024
LONGEST_PIECE_BYTES = 16 * 1024 * 1024
"""An item that does not end within so much is refused; AWS carries 256 KiB."""
PACKED = b"\x1f\x8b"
"""How what gzip packed begins."""
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
            return Chunk(found.items, following, found.done or (piece.last and found.used >= len(piece.content)))

    async def piece(self, scope: Scope, place: dict[str, Any], start: int, size: int, unpack: bool = False) -> Piece:
        """Bytes `start` … `start + size` of an object, or of what gzip has packed in it."""
        request = dict(place)
        if not unpack:
            request["Range"] = f"bytes={start}-{start + size - 1}"
        try:
            answer = await self._calls.delegated(scope, "s3", "GetObject", request)
        except AwsError as refusal:
            if refusal.code == "InvalidRange" and start == 0:  # an empty object
                return Piece(b"", True, None)
            raise
        body: bytes = answer["Body"] if isinstance(answer["Body"], bytes) else answer["Body"].read()
        if unpack:
            try:
                return Piece(*unpacked(body, start, size), answer.get("ETag"))
            except zlib.error:
                raise Unreadable(f"{place['Key']} cannot be unpacked: it is not in the format of gzip.") from None
        total = (answer.get("ContentRange") or "").rpartition("/")[2]
        known = int(total) if total.isdigit() else start + len(body)
        return Piece(body, start + len(body) >= known, answer.get("ETag"))

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


def unpacked(packed: bytes, start: int, size: int) -> tuple[bytes, bool]:
    """(bytes `start` … `start + size` of what gzip packed, whether they are the last). A plain file is as it is."""
    if packed[:2] != PACKED:
        return packed[start : start + size], start + size >= len(packed)
    unpacker = zlib.decompressobj(wbits=31)
    at, left = 0, packed
    wanted = bytearray()
    while at < start + size:
        some = unpacker.decompress(left, PIECE_BYTES)
        left = unpacker.unconsumed_tail
        if not some:
            if unpacker.eof or not left:
                break
            continue
        wanted += some[max(0, start - at) : max(0, start + size - at)]
        at += len(some)
    return bytes(wanted), unpacker.eof and at <= start + size
