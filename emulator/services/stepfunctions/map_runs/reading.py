"""Where a map run's items come from: the state's own array, objects in S3, listings of a bucket.

Decides what is asked of S3 and how a reading that was interrupted goes on: everything it needs to know is its position,
a small JSON value. Memory holds one piece of an object, never the whole; but a file of an inventory, which is packed,
is held while one piece of it is unpacked.
"""

from __future__ import annotations

import zlib
from typing import Any, NamedTuple

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.services.stepfunctions.asl.data import dumps, loads
from emulator.services.stepfunctions.asl.distribution import LIST_OBJECTS

from .parsing import PARSERS, Inventory, Longer, Parser, Unreadable, inventory_rows, parse_csv, parse_manifest

PIECE_BYTES = 256 * 1024
LONGEST_PIECE_BYTES = 16 * 1024 * 1024
"""An item that does not end within so much is refused; AWS carries 256 KiB."""
ITEMS_AT_A_TIME = 1_000
LARGEST_MANIFEST_BYTES = 16 * 1024 * 1024


class Chunk(NamedTuple):
    """Some items, in their order."""

    items: list[str]
    position: dict[str, Any]
    exhausted: bool


def of_state(text: str, position: dict[str, Any]) -> Chunk:
    """The next items of an array that the state was given."""
    items: list[Any] = loads(text)
    start = position.get("offset", 0)
    some = items[start : start + ITEMS_AT_A_TIME]
    end = start + len(some)
    return Chunk([dumps(item) for item in some], {"offset": end}, end >= len(items))


class ItemReaders:
    """Reads by `calls`, which reach the delegated S3."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    async def read(self, scope: Scope, reader: dict[str, Any], position: dict[str, Any], most: int) -> Chunk:
        """The next items after `position`, at most `most`. Raises `Unreadable`."""
        if not reader["parameters"].get("Bucket"):
            raise Unreadable("The name of the bucket is missing.")
        left = {name: value for name, value in position.items() if name != "skip"}
        skip: int = position.get("skip", 0)
        chunk = await self._read(scope, reader, left, min(most + skip, ITEMS_AT_A_TIME))
        skipped = min(skip, len(chunk.items))
        if skip > skipped:
            chunk.position["skip"] = skip - skipped
        return chunk._replace(items=chunk.items[skipped:])

    async def _read(self, scope: Scope, reader: dict[str, Any], position: dict[str, Any], most: int) -> Chunk:
        try:
            if reader["resource"] == LIST_OBJECTS:
                return await self._list(scope, reader["parameters"], position, most)
            if reader["config"]["InputType"] == "MANIFEST":
                return await self._inventory(scope, reader["parameters"], position)
            return await self._object(scope, reader, position, most)
        except AwsError as refusal:
            raise Unreadable(s3_failure(refusal)) from None
        except NotEmulated as refusal:
            raise Unreadable(f"{refusal}. {refusal.detail}".strip()) from None

    # ── one object ──────────────────────────────────────────────────────────────────────────────

    async def _object(self, scope: Scope, reader: dict[str, Any], position: dict[str, Any], most: int) -> Chunk:
        parser: Parser = PARSERS[reader["config"]["InputType"]]
        start, size = position.get("offset", 0), PIECE_BYTES
        while True:
            piece, total, etag = await self._piece(scope, reader["parameters"], start, size)
            if position.get("etag", etag) != etag:
                raise Unreadable("The object was changed while it was read.")
            last = start + len(piece) >= total
            try:
                found = parser(reader["config"], position.get("parser", {}), piece, last, most)
            except Longer:
                if last:
                    raise Unreadable("The object ends within an item.") from None
                if size >= LONGEST_PIECE_BYTES:
                    raise Unreadable(f"An item is longer than {LONGEST_PIECE_BYTES} bytes.") from None
                size *= 2
                continue
            end = start + found.used
            following = {"offset": end, "etag": etag, "parser": found.state}
            return Chunk(found.items, following, found.done or end >= total)

    async def _piece(
        self, scope: Scope, parameters: dict[str, Any], start: int, size: int
    ) -> tuple[bytes, int, str | None]:
        """(bytes of an object from `start` on, its length, its ETag)."""
        request = {**parameters, "Range": f"bytes={start}-{start + size - 1}"}
        request.pop("Prefix", None)
        try:
            answer = await self._calls.delegated(scope, "s3", "GetObject", request)
        except AwsError as refusal:
            if refusal.code == "InvalidRange" and start == 0:  # an empty object
                return b"", 0, None
            raise
        body: bytes = answer["Body"] if isinstance(answer["Body"], bytes) else answer["Body"].read()
        total = (answer.get("ContentRange") or "").rpartition("/")[2]
        return body, int(total) if total.isdigit() else start + len(body), answer.get("ETag")

    # ── a listing ───────────────────────────────────────────────────────────────────────────────

    async def _list(self, scope: Scope, parameters: dict[str, Any], position: dict[str, Any], most: int) -> Chunk:
        request = {name: value for name, value in parameters.items() if name in ("Bucket", "Prefix")}
        if "after" in position:
            request["StartAfter"] = position["after"]
        answer = await self._calls.delegated(scope, "s3", "ListObjectsV2", {**request, "MaxKeys": most})
        found: list[dict[str, Any]] = answer.get("Contents") or []
        items = [
            dumps(
                {
                    "Etag": item["ETag"],
                    "LastModified": int(item["LastModified"].timestamp()),
                    "Key": item["Key"],
                    "Size": item["Size"],
                    "StorageClass": item.get("StorageClass") or "STANDARD",
                }
            )
            for item in found
        ]
        more = bool(answer.get("IsTruncated")) and bool(found)
        return Chunk(items, {"after": found[-1]["Key"]} if more else position, not more)

    # ── an inventory ────────────────────────────────────────────────────────────────────────────

    async def _inventory(self, scope: Scope, parameters: dict[str, Any], position: dict[str, Any]) -> Chunk:
        content, total, _ = await self._piece(scope, parameters, 0, LARGEST_MANIFEST_BYTES)
        if total > len(content):
            raise Unreadable(f"The manifest is longer than {LARGEST_MANIFEST_BYTES} bytes.")
        inventory = parse_manifest(content)
        file, offset = position.get("file", 0), position.get("offset", 0)
        if file >= len(inventory.files):
            return Chunk([], position, True)
        items, end, over = await self._inventory_file(scope, inventory, file, offset)
        following = {"file": file + 1, "offset": 0} if over else {"file": file, "offset": end}
        return Chunk(items, following, over and file + 1 >= len(inventory.files))

    async def _inventory_file(
        self, scope: Scope, inventory: Inventory, file: int, offset: int
    ) -> tuple[list[str], int, bool]:
        """(items of a packed file from byte `offset` of its content on, where they end, whether it is over)."""
        request = {"Bucket": inventory.bucket, "Key": inventory.files[file]}
        answer = await self._calls.delegated(scope, "s3", "GetObject", request)
        packed: bytes = answer["Body"] if isinstance(answer["Body"], bytes) else answer["Body"].read()
        try:
            size = PIECE_BYTES
            while True:
                piece, last = unpacked(packed, offset, size)
                try:
                    config = inventory_rows(inventory.schema)
                    found = parse_csv(config, {"headers": inventory.schema}, piece, last, ITEMS_AT_A_TIME)
                except Longer:
                    if size >= LONGEST_PIECE_BYTES:
                        raise Unreadable(f"An item is longer than {LONGEST_PIECE_BYTES} bytes.") from None
                    size *= 2
                    continue
                return found.items, offset + found.used, last and found.used >= len(piece)
        except zlib.error as problem:
            raise Unreadable(f"{inventory.files[file]} cannot be unpacked: {problem}") from None


def unpacked(packed: bytes, start: int, size: int) -> tuple[bytes, bool]:
    """(bytes `start` … `start + size` of what gzip packed, whether they are the last). A plain file is as it is."""
    if packed[:2] != b"\x1f\x8b":
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


def s3_failure(refusal: AwsError) -> str:
    """How a refusal of S3 reads in the cause of a map run's failure; the form is the Java SDK's, unverified."""
    return f"{refusal.message} (Service: Amazon S3; Status Code: {refusal.status}; Error Code: {refusal.code})"
