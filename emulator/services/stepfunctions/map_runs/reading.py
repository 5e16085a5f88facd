"""Where a map run's items come from: the state's own array, objects in S3, listings and lists of objects.

Decides what is asked of S3 and in which order; how the items of one object are found is objects.py's. Everything that a
reading needs to go on is its position, a small JSON value.
"""

from __future__ import annotations

from typing import Any

from emulator.aws.calls import Calls
from emulator.aws.errors import AwsError, NotEmulated
from emulator.aws.scope import Scope
from emulator.services.stepfunctions.asl.data import dumps, loads
from emulator.services.stepfunctions.asl.distribution import LIST_OBJECTS, reads_many

from .objects import LONGEST_PIECE_BYTES, PIECE_BYTES, Chunk, ObjectReader
from .parsing import Inventory, Longer, Unreadable, inventory_rows, parse_csv, parse_manifest, parse_uris

ITEMS_AT_A_TIME = 1_000
LARGEST_MANIFEST_BYTES = 16 * 1024 * 1024
KEYS_AT_A_TIME = 100
OBJECTS_AT_A_TIME = 20
"""Of which items are put together in one chunk."""


def of_state(text: str, position: dict[str, Any]) -> Chunk:
    """The next items of an array that the state was given."""
    items: list[Any] = loads(text)
    start = position.get("offset", 0)
    some = items[start : start + ITEMS_AT_A_TIME]
    end = start + len(some)
    return Chunk([dumps(item) for item in some], {"offset": end}, end >= len(items))


def sourced(source: str, item: str) -> str:
    """An item of a reader of many objects as it is queued: with the object that it is from."""
    return f"{dumps(source)}\n{item}"


def parted(queued: str) -> tuple[str, str]:
    """(source, item) of what `sourced` has put together."""
    source, _, item = queued.partition("\n")
    return loads(source), item


class ItemReaders:
    """Reads by `calls`, which reach the delegated S3."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._objects = ObjectReader(calls)

    async def read(self, scope: Scope, reader: dict[str, Any], position: dict[str, Any], most: int) -> Chunk:
        """The next items after `position`, at most `most`; see `sourced`. Raises `Unreadable`."""
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
        config, parameters = reader["config"], reader["parameters"]
        try:
            if reads_many(config):
                return await self._many(scope, config, parameters, position, most)
            if reader["resource"] == LIST_OBJECTS:
                return await self._list(scope, parameters, position, most)
            place = {name: value for name, value in parameters.items() if name != "Prefix"}
            if config.get("InputType", "MANIFEST") == "MANIFEST":
                return await self._inventory(scope, place, position)
            return await self._objects.read(scope, config, place, position, most)
        except AwsError as refusal:
            raise Unreadable(s3_failure(refusal)) from None
        except NotEmulated as refusal:
            raise Unreadable(f"{refusal}. {refusal.detail}".strip()) from None

    # ── a listing ───────────────────────────────────────────────────────────────────────────────

    async def _list(self, scope: Scope, parameters: dict[str, Any], position: dict[str, Any], most: int) -> Chunk:
        found, more = await self._listed(scope, parameters, position.get("after"), most)
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
        return Chunk(items, {"after": found[-1]["Key"]} if more else position, not more)

    async def _listed(
        self, scope: Scope, parameters: dict[str, Any], after: str | None, most: int
    ) -> tuple[list[dict[str, Any]], bool]:
        """(objects behind the key `after`, whether there are more)."""
        request = {name: value for name, value in parameters.items() if name in ("Bucket", "Prefix")}
        if after is not None:
            request["StartAfter"] = after
        answer = await self._calls.delegated(scope, "s3", "ListObjectsV2", {**request, "MaxKeys": most})
        found: list[dict[str, Any]] = answer.get("Contents") or []
        return found, bool(answer.get("IsTruncated")) and bool(found)

    # ── the items of many objects, one after another ────────────────────────────────────────────

    async def _many(
        self, scope: Scope, config: dict[str, Any], parameters: dict[str, Any], position: dict[str, Any], most: int
    ) -> Chunk:
        """Items of all objects of a listing (LOAD_AND_FLATTEN), or of those that a manifest of Athena names.

        A position has the keys that were listed and are to be read, and where in the first of them to go on.
        """
        position = {"objects": [], "more": True, "inside": {}} | position
        items: list[str] = []
        for _ in range(OBJECTS_AT_A_TIME):
            if not position["objects"] and position["more"]:
                position |= await self._next_objects(scope, config, parameters, position)
            if not position["objects"] or len(items) >= most:
                break
            bucket, key = position["objects"][0]
            place = {"Bucket": bucket, "Key": key}
            chunk = await self._objects.read(scope, config, place, position["inside"], most - len(items))
            source = f"s3://{bucket}/{key}"
            items += [sourced(source, item) for item in chunk.items]
            if chunk.exhausted:
                position["objects"], position["inside"] = position["objects"][1:], {}
            else:
                position["inside"] = chunk.position
        return Chunk(items, position, not position["objects"] and not position["more"])

    async def _next_objects(
        self, scope: Scope, config: dict[str, Any], parameters: dict[str, Any], position: dict[str, Any]
    ) -> dict[str, Any]:
        """The next objects to be read. Empty ones, such as the folders of S3's console, have no items (unverified)."""
        if config.get("ManifestType") == "ATHENA_DATA":
            place = {name: value for name, value in parameters.items() if name != "Prefix"}
            found = parse_uris(await self._manifest(scope, place))
            line = position.get("line", 0)
            end = line + KEYS_AT_A_TIME
            return {"objects": [list(uri) for uri in found[line:end]], "line": end, "more": end < len(found)}
        listed, more = await self._listed(scope, parameters, position.get("after"), KEYS_AT_A_TIME)
        objects = [[parameters["Bucket"], item["Key"]] for item in listed if item["Size"] > 0]
        return {"objects": objects, "more": more, "after": listed[-1]["Key"] if listed else None}

    # ── an inventory ────────────────────────────────────────────────────────────────────────────

    async def _manifest(self, scope: Scope, place: dict[str, Any]) -> bytes:
        piece = await self._objects.piece(scope, place, 0, LARGEST_MANIFEST_BYTES)
        if not piece.last:
            raise Unreadable(f"The manifest is longer than {LARGEST_MANIFEST_BYTES} bytes.")
        return piece.content

    async def _inventory(self, scope: Scope, place: dict[str, Any], position: dict[str, Any]) -> Chunk:
        inventory = parse_manifest(await self._manifest(scope, place))
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
        place = {"Bucket": inventory.bucket, "Key": inventory.files[file]}
        size, config = PIECE_BYTES, inventory_rows(inventory.schema)
        while True:
            piece = await self._objects.piece(scope, place, offset, size, unpack=True)
            try:
                found = parse_csv(config, {"headers": inventory.schema}, piece.content, piece.last, ITEMS_AT_A_TIME)
            except Longer:
                if size >= LONGEST_PIECE_BYTES:
                    raise Unreadable(f"An item is longer than {LONGEST_PIECE_BYTES} bytes.") from None
                size *= 2
                continue
            over = piece.last and found.used >= len(piece.content)
            if over:
                self._objects.let_go()
            return found.items, offset + found.used, over


def s3_failure(refusal: AwsError) -> str:
    """How a refusal of S3 reads in the cause of a map run's failure; the form is the Java SDK's, unverified."""
    return f"{refusal.message} (Service: Amazon S3; Status Code: {refusal.status}; Error Code: {refusal.code})"
